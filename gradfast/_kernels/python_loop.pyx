"""Perturb a coordinate, call f, restore the coordinate: the loop for Python callables.

Design:
a. *Line* and *argument* are separate. The line is the memory that is perturbed; the argument
   is the object that f is called with. For one point both are the point, for a batch both are
   the row, for an array of any other shape the line is a part of it and the argument the whole.
b. A coordinate gets its saved value back; subtracting the step would round.
c. Two floating types: `real` is what the line holds, `value` what f's results are read as and
   computed with. float and double lines use double values; only long double needs its own.
d. `steps` and `out` may be the same memory: a step is read before its derivative is written.
e. A stencil with a node at 0 takes f's value there from its caller, who has it once for all.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.function cimport PyFunction_Check
from cpython.method cimport PyMethod_Check

import numpy as np
from numpy import ndarray

from gradfast._kernels.number cimport read
from gradfast._kernels.stencil cimport Stencil, divisor, value
from gradfast._kernels.relative_step cimport RelativeStep, real, step_at

def _line(
    f, argument, real[:] line, steps, Stencil stencil not None, value[:] out,  # OUT: out
    at_center=None, const Py_ssize_t[:] coordinates=None,
):
    """Write f's derivative along each coordinate of line, or some; return the first whose step rounding swallowed, or -1."""
    cdef value step = 0, center = 0
    cdef RelativeStep rule = None
    cdef const value[:] varying = None
    if isinstance(steps, float):
        step = steps
    elif isinstance(steps, RelativeStep):
        rule = steps
    else:
        varying = steps
    if stencil.center != 0:
        read(at_center, &center)
    return along_line(f, argument, line, step, rule, varying, stencil, center, coordinates, out)


def _rows(
    f, batch, real[:, :] rows, steps, Stencil stencil not None, value[:, :] out,  # OUT: out
    at_center=None,
):
    """The same for every row, with ``f(batch[i])``; a swallowed step is counted through the rows."""
    cdef Py_ssize_t i, swallowed, first = -1
    cdef value step = 0, center = 0
    cdef RelativeStep rule = None
    cdef const value[:, :] varying = None
    cdef const value[:] varying_row = None
    cdef const Py_ssize_t[:] all_coordinates = None
    if isinstance(steps, float):
        step = steps
    elif isinstance(steps, RelativeStep):
        rule = steps
    else:
        varying = steps
    for i in range(rows.shape[0]):
        if varying is not None:
            varying_row = varying[i]
        if stencil.center != 0:
            read(at_center[i], &center)
        swallowed = along_line(f, batch[i], rows[i], step, rule, varying_row, stencil, center, all_coordinates, out[i])
        if swallowed >= 0 and first < 0:
            first = i * rows.shape[1] + swallowed
    return first


cdef Py_ssize_t along_line(
    object f, object argument, real[:] line, value step, RelativeStep rule, const value[:] varying, Stencil stencil,
    value center, const Py_ssize_t[:] coordinates, value[:] out,  # OUT: out
) except -2:
    cdef const double[::1] nodes = stencil.node_array
    cdef const double[::1] weights = stencil.weight_array
    cdef Py_ssize_t c, i, swallowed = -1
    cdef value total, start = center_term(stencil, center)
    cdef bint looks_for_signals = PyFunction_Check(f) or PyMethod_Check(f)
    for c in range(line.shape[0] if coordinates is None else coordinates.shape[0]):
        i = c if coordinates is None else coordinates[c]
        if rule is not None:
            step = step_at(rule.relative, rule.least_scale, line[i])
        elif varying is not None:
            step = varying[i]
        if weighted_sum(f, argument, &line[i], step, nodes, weights, start, &total) and swallowed < 0:
            swallowed = i
        out[i] = total / divisor(stencil, step)
        if not looks_for_signals:  # a C function does not notice Ctrl-C
            PyErr_CheckSignals()
    return swallowed


@cython.final
@cython.auto_pickle(False)
cdef class Components:
    """Collect the results of an f of many values: row i of out is the derivative along coordinate i.

    How many values there are is known at the first result. f may return one buffer every time:
    a result is added up before f is called again.
    """

    cdef readonly Py_ssize_t rows
    cdef readonly str kind
    cdef object dtype
    cdef readonly object shape
    cdef readonly object out

    def __cinit__(self, Py_ssize_t rows, str kind):
        self.rows = rows
        self.kind = kind
        self.dtype = np.dtype(kind)
        self.shape = None
        self.out = None

    cpdef accept(self, result):
        """Return a result as a 1-D array of this kind; the first one sets the shape of all."""
        if type(result) is ndarray and result.dtype is self.dtype and result.shape == self.shape:
            return result if result.ndim == 1 else result.reshape(-1)  # what follows takes as long as a small f
        try:
            array = np.asarray(result)
        except ValueError as error:
            raise ValueError(f"f must return an array of one shape; it returned {result!r}") from error
        if array.dtype.kind not in "fiub":
            raise TypeError(f"f must return real numbers; it returned {result!r}, of dtype {array.dtype}")
        if self.shape is None:
            self.shape = array.shape
            self.out = np.zeros((self.rows, array.size), self.kind)
        elif array.shape != self.shape:
            raise ValueError(f"f must return arrays of one shape; got {self.shape}, then {array.shape}")
        return array.astype(self.kind, copy=False).reshape(-1)


def _components(
    f, argument, real[:] line, const value[:] steps, Stencil stencil not None, Components components not None,  # OUT: components
    Py_ssize_t first_row=0, at_center=None, const Py_ssize_t[:] coordinates=None,
):
    """Write the derivatives along each coordinate of line, or some, to the rows of components.out from first_row on."""
    cdef const double[::1] nodes = stencil.node_array
    cdef const double[::1] weights = stencil.weight_array
    cdef Py_ssize_t c, i, k
    cdef real saved
    cdef const value[:] center = None
    cdef const value[:] values
    cdef value[:, :] out = None
    if stencil.center != 0:
        center = components.accept(at_center)
    for c in range(line.shape[0] if coordinates is None else coordinates.shape[0]):
        i = c if coordinates is None else coordinates[c]
        saved = line[i]
        try:
            for k in range(nodes.shape[0]):
                line[i] = <real>(saved + nodes[k] * steps[i])
                values = components.accept(f(argument))
                if out is None:
                    out = components.out
                add_up(k == 0, values, weights[k], stencil.center, center, out[first_row + i])
                values = None  # or f would find the memory of its last result still taken
        finally:
            line[i] = saved
        divide(out[first_row + i], divisor(stencil, steps[i]))
        PyErr_CheckSignals()


cdef void add_up(
    bint is_first, const value[:] values, double weight, double center_weight, const value[:] center,
    value[:] total,  # OUT: total
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(total.shape[0]):
        if is_first:
            total[j] = -0.0 if center is None else center_weight * center[j]
        total[j] += weight * values[j]


cdef void divide(value[:] total, value by) noexcept nogil:  # OUT: total
    cdef Py_ssize_t j
    for j in range(total.shape[0]):
        total[j] /= by


def _pairs(
    f, argument, real[:] line, const value[:] steps, Stencil stencil not None, value[:] out,  # OUT: out
    at_center, const Py_ssize_t[:] first not None, const Py_ssize_t[:] second not None,
):
    """Write the difference of each pair of coordinates, both moved at once; of one, if they are the same."""
    cdef Py_ssize_t c
    cdef value center = 0
    read(at_center, &center)
    for c in range(first.shape[0]):
        pair_difference(f, argument, line, first[c], second[c], steps, stencil, center, &out[c])
        PyErr_CheckSignals()


cdef int pair_difference(
    object f, object argument, real[:] line, Py_ssize_t i, Py_ssize_t j, const value[:] steps, Stencil stencil,
    value center, value* total,  # OUT: total
) except -1:
    cdef const double[::1] nodes = stencil.node_array
    cdef const double[::1] weights = stencil.weight_array
    cdef Py_ssize_t k
    cdef real saved_i = line[i], saved_j = line[j]
    cdef value result
    total[0] = stencil.center * center
    try:
        for k in range(nodes.shape[0]):
            line[i] = <real>(saved_i + nodes[k] * steps[i])
            if j != i:
                line[j] = <real>(saved_j + nodes[k] * steps[j])
            read(f(argument), &result)
            total[0] += weights[k] * result
    finally:
        line[j] = saved_j
        line[i] = saved_i
    return 0


# One entry for each dtype.char of a line: a fused function would look for its types at every call.
LINE = {"f": _line["float", "double"], "d": _line["double", "double"], "g": _line["long double", "long double"]}
ROWS = {"f": _rows["float", "double"], "d": _rows["double", "double"], "g": _rows["long double", "long double"]}
COMPONENTS = {
    "f": _components["float", "double"], "d": _components["double", "double"], "g": _components["long double", "long double"]
}
PAIRS = {"f": _pairs["float", "double"], "d": _pairs["double", "double"], "g": _pairs["long double", "long double"]}
