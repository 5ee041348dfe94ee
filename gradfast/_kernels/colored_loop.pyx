"""Perturb all columns of a color at once, call f, restore them: the loops for sparse derivatives.

Design:
a. Columns stand color after color; color g is those from starts[g] to starts[g + 1]. Each is moved
   by its own step: one for a color would be wrong for most of it.
b. What is collected for a color is a difference, not yet divided, of all of f's values: row g of
   out. Which column an entry of it belongs to, and by what to divide, `_scatter` knows.
c. For the rest, these are the loops of python_loop, vectorized_loop and native_loop.
"""

from cpython.exc cimport PyErr_CheckSignals

import numpy as np

from gradfast._kernels.native_function cimport NativeFunction, call_array
from gradfast._kernels.native_loop cimport Loop, set_stencil
from gradfast._kernels.stencil cimport Stencil, divisor, value
from gradfast._kernels.relative_step cimport real

from gradfast._kernels.native_function import require_kind


def _colors(
    f, argument, real[:] line, const value[:] steps, Stencil stencil not None,
    const int[::1] columns not None, const int[::1] starts not None, value[:, ::1] out,  # OUT: out
    accept, at_center=None, value[::1] middle=None, const double[::1] interpolation=None,  # OUT: middle
):
    """Write the difference along each color to a row of out; f's value at x, interpolated along the first, to middle.

    ``accept(result)`` returns a result of f as a 1-D array.
    """
    cdef Py_ssize_t g, k
    cdef const value[:] center = None
    cdef const value[:] values
    cdef real[:] saved = np.empty(line.shape[0], np.asarray(line).dtype)
    if stencil.center != 0:
        center = accept(at_center)
        require_rows(center.shape[0], out.shape[1])
    for g in range(out.shape[0]):
        keep(line, columns, starts[g], starts[g + 1], saved)
        begin(out[g], center, stencil.center)
        try:
            for k in range(stencil.node_array.shape[0]):
                move(line, columns, starts[g], starts[g + 1], saved, steps, stencil.node_array[k])
                values = accept(f(argument))
                require_rows(values.shape[0], out.shape[1])
                add(out[g], values, stencil.weight_array[k])
                if g == 0 and middle is not None:
                    add(middle, values, interpolation[k])
                values = None  # or f would find the memory of its last result still taken
        finally:  # the saved values, and not what subtracting the steps would leave
            put_back(line, columns, starts[g], starts[g + 1], saved)
        PyErr_CheckSignals()


def require_rows(Py_ssize_t found, Py_ssize_t wanted):
    """Raise ValueError unless f has as many values as its sparsity has rows."""
    if found != wanted:
        raise ValueError(f"sparsity must have a row for each of f's values; got {wanted} rows for {found} values")


def _move_block(
    real[:, ::1] block, const value[:] steps, Stencil stencil not None,  # OUT: block
    const int[::1] columns not None, const int[::1] starts not None,
):
    """Move the columns of color g in the g-th copy of a point, those of each node after the other's."""
    cdef Py_ssize_t c, g, k, row, count = starts.shape[0] - 1
    for k in range(stencil.node_array.shape[0]):
        for g in range(count):
            row = k * count + g
            for c in range(starts[g], starts[g + 1]):
                block[row, columns[c]] = <real>(block[row, columns[c]] + stencil.node_array[k] * steps[columns[c]])


def native_colors(
    NativeFunction f not None, const double[::1] x, const double[:] steps, Stencil stencil not None,
    const int[::1] columns not None, const int[::1] starts not None, double[:, ::1] out,  # OUT: out
    const double[:] center, double[::1] middle, const double[::1] interpolation, Py_ssize_t first, Py_ssize_t last,  # OUT: middle
    const unsigned char[::1] stop=None,
):
    """Do the same as _colors for colors first to last - 1 of compiled f, on a copy of x and without the GIL."""
    cdef Loop loop
    cdef Py_ssize_t g, k, n = x.shape[0], m = out.shape[1]
    cdef double[:] point = np.array(x)
    cdef double[:] saved = np.empty(n), values = np.full(m, np.nan)
    require_kind(f, "array")
    if stencil.center != 0:
        require_rows(center.shape[0], m)
    loop.f = f.function
    set_stencil(&loop, stencil)
    with nogil:
        for g in range(first, last):
            if stop is not None and stop[0]:
                break
            keep(point, columns, starts[g], starts[g + 1], saved)
            begin(out[g], center, stencil.center)
            for k in range(loop.stencil.count):
                move(point, columns, starts[g], starts[g + 1], saved, steps, loop.stencil.nodes[k])
                call_array(&loop.f, n, &point[0] if n else NULL, m, &values[0] if m else NULL)
                add(out[g], values, loop.stencil.weights[k])
                if g == 0 and middle is not None:
                    add(middle, values, interpolation[k])
            put_back(point, columns, starts[g], starts[g + 1], saved)
            with gil:
                PyErr_CheckSignals()


def _scatter(
    const value[:, ::1] totals, const value[:] steps, Stencil stencil not None,
    const int[::1] columns not None, const int[::1] starts not None,
    const int[::1] entries not None, const int[::1] rows not None,
    const int[::1] places not None, const int[::1] mirrors not None, value[::1] data,  # OUT: data
):
    """Divide each difference that a color's columns caused, and write it to its place, and its mirror, in the CSR data.

    The entries of column j are those from entries[j] to entries[j + 1].
    """
    cdef Py_ssize_t a, c, g, j
    cdef value by, derivative
    for g in range(totals.shape[0]):
        for c in range(starts[g], starts[g + 1]):
            j = columns[c]
            by = divisor(stencil, steps[j])
            for a in range(entries[j], entries[j + 1]):
                derivative = totals[g, rows[a]] / by
                data[places[a]] = derivative
                data[mirrors[a]] = derivative


cdef inline void keep(real[:] line, const int[::1] columns, int first, int last, real[:] saved) noexcept nogil:  # OUT: saved
    cdef Py_ssize_t c
    for c in range(first, last):
        saved[c - first] = line[columns[c]]


cdef inline void move(
    real[:] line, const int[::1] columns, int first, int last, real[:] saved, const value[:] steps, double node
) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(first, last):
        line[columns[c]] = <real>(saved[c - first] + node * steps[columns[c]])


cdef inline void put_back(real[:] line, const int[::1] columns, int first, int last, real[:] saved) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(first, last):
        line[columns[c]] = saved[c - first]


cdef inline void begin(value[::1] total, const value[:] center, double weight) noexcept nogil:  # OUT: total
    cdef Py_ssize_t j
    for j in range(total.shape[0]):
        total[j] = -0.0 if weight == 0 else weight * center[j]


cdef inline void add(value[::1] total, const value[:] values, double weight) noexcept nogil:  # OUT: total
    cdef Py_ssize_t j
    for j in range(total.shape[0]):
        total[j] += weight * values[j]


COLORS = {"f": _colors["float", "double"], "d": _colors["double", "double"], "g": _colors["long double", "long double"]}
MOVE_BLOCK = {
    "f": _move_block["float", "double"], "d": _move_block["double", "double"], "g": _move_block["long double", "long double"]
}
SCATTER = {"f": _scatter["double"], "d": _scatter["double"], "g": _scatter["long double"]}
