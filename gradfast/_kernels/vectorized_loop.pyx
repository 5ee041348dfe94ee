"""Perturb many points, call f once, restore: the loops for f that takes many points a call."""

from libc.math cimport isfinite

from numpy import empty

from gradfast._kernels.stencil cimport Stencil, divisor, value
from gradfast._kernels.relative_step cimport real


def _move(real[:, :] block, const real[:] point, const value[:] steps, Stencil stencil not None, const Py_ssize_t[:] some):
    """Move coordinate some[c] of row c of each node's copies of a point; return the first whose step rounding swallowed, or -1."""
    cdef Py_ssize_t c, i, k, row = 0, swallowed = -1
    for k in range(stencil.node_array.shape[0]):
        for c in range(some.shape[0]):
            i = some[c]
            block[row, i] = <real>(point[i] + stencil.node_array[k] * steps[i])
            if block[row, i] == point[i] and swallowed < 0 and isfinite(point[i]):
                swallowed = i
            row += 1
    return swallowed


def _put_back(real[:, :] block, const real[:] point, Stencil stencil not None, const Py_ssize_t[:] some):
    """Give what _move moved its old bits back."""
    cdef Py_ssize_t c, k, row = 0
    for k in range(stencil.node_array.shape[0]):
        for c in range(some.shape[0]):
            block[row, some[c]] = point[some[c]]
            row += 1


def _quotients(
    const value[:] values, const value[:] steps, Stencil stencil not None, const Py_ssize_t[:] some, value[:] out,  # OUT: out
    const value[:] center=None,
):
    """Write the derivatives along some coordinates, from the values at what _move moved; center holds one."""
    cdef Py_ssize_t c, k, count = some.shape[0]
    cdef value total
    for c in range(count):
        total = -0.0 if stencil.center == 0 else stencil.center * center[0]
        for k in range(stencil.node_array.shape[0]):
            total += stencil.weight_array[k] * values[k * count + c]
        out[some[c]] = total / divisor(stencil, steps[some[c]])


def _columns(
    values_at, batch, real[:, :] rows, steps, Stencil stencil not None, real[:] saved, value[:, :] out,  # OUT: out
    const value[:] centers=None,
):
    """Write the derivatives of all rows, column after column; ``values_at(batch)`` gives a value a row.

    saved is room for one column. Returns the first coordinate, counted through the rows, whose
    step rounding swallowed, or -1.
    """
    cdef Py_ssize_t i, j, k, found, swallowed = -1, n = rows.shape[1]
    cdef value step = 0
    cdef const value[:, :] varying = None
    cdef const value[:] values
    if isinstance(steps, float):
        step = steps
    else:
        varying = steps
    for j in range(n):
        for i in range(out.shape[0]):
            saved[i] = rows[i, j]
            out[i, j] = -0.0 if stencil.center == 0 else stencil.center * centers[i]
        try:
            for k in range(stencil.node_array.shape[0]):
                found = move_column(rows, j, saved, step, varying, stencil.node_array[k])
                if found >= 0 and (swallowed < 0 or found * n + j < swallowed):
                    swallowed = found * n + j
                values = values_at(batch)
                for i in range(out.shape[0]):
                    out[i, j] += stencil.weight_array[k] * values[i]
                values = None  # or f would find the memory of its last result still taken
        finally:
            for i in range(out.shape[0]):
                rows[i, j] = saved[i]
        for i in range(out.shape[0]):
            out[i, j] /= divisor(stencil, step if varying is None else varying[i, j])
    return swallowed


cdef Py_ssize_t move_column(
    real[:, :] rows, Py_ssize_t j, const real[:] saved, value step, const value[:, :] varying, double node
) noexcept nogil:
    cdef Py_ssize_t i, swallowed = -1
    for i in range(rows.shape[0]):
        if varying is not None:
            step = varying[i, j]
        rows[i, j] = <real>(saved[i] + node * step)
        if rows[i, j] == saved[i] and swallowed < 0 and isfinite(saved[i]):
            swallowed = i
    return swallowed


def _elements(
    evaluate, shape, dtype, const real[:] line, const value[:] steps, Stencil stencil not None, value[:] out,  # OUT: out
    const value[:] center=None,
):
    """Write the derivative at each element of line, an array of a shape; ``evaluate(moved)`` gives a value for each."""
    cdef Py_ssize_t i, k
    for i in range(out.shape[0]):
        out[i] = -0.0 if stencil.center == 0 else stencil.center * center[i]
    for k in range(stencil.node_array.shape[0]):
        add_values(evaluate(moved_elements(shape, dtype, line, steps, stencil.node_array[k])), stencil.weight_array[k], out)
    for i in range(out.shape[0]):
        out[i] /= divisor(stencil, steps[i])


cdef int add_values(found, double weight, value[:] out) except -1:  # OUT: out
    cdef const value[:] values = found
    cdef Py_ssize_t i
    for i in range(out.shape[0]):
        out[i] += weight * values[i]
    return 0


cdef moved_elements(shape, dtype, const real[:] line, const value[:] steps, double node):
    """Return an array of its own each time, for f may keep it."""
    cdef Py_ssize_t i
    moved = empty(shape, dtype)
    cdef real[::1] moving = moved.reshape(-1)
    for i in range(line.shape[0]):
        moving[i] = <real>(line[i] + node * steps[i])
    return moved


MOVE = {"f": _move["float", "double"], "d": _move["double", "double"], "g": _move["long double", "long double"]}
PUT_BACK = {"f": _put_back["float"], "d": _put_back["double"], "g": _put_back["long double"]}
QUOTIENTS = {"f": _quotients["double"], "d": _quotients["double"], "g": _quotients["long double"]}
COLUMNS = {
    "f": _columns["float", "double"], "d": _columns["double", "double"], "g": _columns["long double", "long double"]
}
ELEMENTS = {
    "f": _elements["float", "double"], "d": _elements["double", "double"], "g": _elements["long double", "long double"]
}
