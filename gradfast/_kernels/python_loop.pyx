"""Perturb a coordinate, call f, restore the coordinate: the loop for Python callables.

Design:
a. *Line* and *argument* are separate. The line is the memory that is perturbed; the argument
   is the object that f is called with. For one point both are the point, for a batch both are
   the row, for an array of any other shape the line is a part of it and the argument the whole.
b. A coordinate gets its saved value back; subtracting the step would round.
c. Two floating types: `real` is what the line holds, `value` what f's results are read as and
   computed with. float and double lines use double values; only long double needs its own.
d. `steps` and `out` may be the same memory: a step is read before its derivative is written.
"""

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_AsDouble, PyFloat_Check
from types import FunctionType, MethodType

from gradfast._kernels.stencil cimport Stencil

ctypedef fused real:
    float
    double
    long double

ctypedef fused value:
    double
    long double


def _line(f, argument, real[:] line, steps, Stencil stencil not None, value[:] out):  # OUT: out
    """Write f's derivative along each coordinate of line; return the first whose step rounding swallowed, or -1."""
    cdef value step = 0
    cdef const value[:] varying = None
    if isinstance(steps, float):
        step = steps
    else:
        varying = steps
    return along_line(f, argument, line, step, varying, stencil, out)


def _rows(f, batch, real[:, :] rows, steps, Stencil stencil not None, value[:, :] out):  # OUT: out
    """The same for every row, with ``f(batch[i])``; a swallowed step is counted through the rows."""
    cdef Py_ssize_t i, swallowed, first = -1
    cdef value step = 0
    cdef const value[:, :] varying = None
    cdef const value[:] varying_row = None
    if isinstance(steps, float):
        step = steps
    else:
        varying = steps
    for i in range(rows.shape[0]):
        if varying is not None:
            varying_row = varying[i]
        swallowed = along_line(f, batch[i], rows[i], step, varying_row, stencil, out[i])
        if swallowed >= 0 and first < 0:
            first = i * rows.shape[1] + swallowed
    return first


# One entry for each dtype.char of a line: a fused function would look for its types at every call.
LINE = {"f": _line["float", "double"], "d": _line["double", "double"], "g": _line["long double", "long double"]}
ROWS = {"f": _rows["float", "double"], "d": _rows["double", "double"], "g": _rows["long double", "long double"]}


cdef Py_ssize_t along_line(
    object f, object argument, real[:] line, value step, const value[:] varying, Stencil stencil, value[:] out  # OUT: out
) except -2:
    cdef const double[::1] nodes = stencil.node_array
    cdef const double[::1] weights = stencil.weight_array
    cdef Py_ssize_t i, k, swallowed = -1
    cdef real saved
    cdef value result, total
    cdef bint looks_for_signals = isinstance(f, (FunctionType, MethodType))
    for i in range(line.shape[0]):
        saved = line[i]
        if varying is not None:
            step = varying[i]
        total = -0.0  # adding to it keeps the sign of every zero; adding to 0.0 does not
        try:
            for k in range(nodes.shape[0]):
                line[i] = <real>(saved + nodes[k] * step)
                if line[i] == saved and nodes[k] != 0 and swallowed < 0:
                    swallowed = i
                read(f(argument), &result)
                total += weights[k] * result
        finally:
            line[i] = saved
        out[i] = total / divisor(stencil, step)
        if not looks_for_signals:  # a C function does not notice Ctrl-C
            PyErr_CheckSignals()
    return swallowed


cdef inline value divisor(Stencil stencil, value step) noexcept:
    cdef int _
    cdef value product = stencil.denominator
    for _ in range(stencil.n):
        product *= step
    return product


cdef inline int read(object result, value* number) except -1:  # OUT: number
    """Read what f returned as one number."""
    if PyFloat_Check(result):
        number[0] = PyFloat_AS_DOUBLE(result)
    elif value is double:
        number[0] = as_double(result)
    elif not read_long_double(result, number):
        number[0] = as_double(result)
    return 0


cdef double as_double(object result) except? -1.0:
    cdef object number = result
    shape = getattr(result, "shape", None)
    if isinstance(shape, tuple):  # an array or a NumPy scalar
        for extent in shape:
            if extent != 1:
                raise ValueError(f"f must return a scalar; it returned an array of shape {tuple(shape)}")
        number = None if getattr(getattr(result, "dtype", None), "kind", None) == "c" else result.item()
    try:
        return PyFloat_AsDouble(number)
    except TypeError as error:
        raise TypeError(f"f must return a real scalar; it returned {result!r}, a {type(result).__name__}") from error


cdef bint read_long_double(object result, long double* number) except -1:  # OUT: number
    """Read a NumPy long double, or an array of one; False for anything else."""
    cdef Py_buffer view
    cdef bint found
    if not PyObject_CheckBuffer(result):
        return False
    PyObject_GetBuffer(result, &view, PyBUF_FULL_RO)
    try:
        found = view.format != NULL and view.format == b"g" and view.len == sizeof(long double)
        if found:
            number[0] = (<long double*>view.buf)[0]
    finally:
        PyBuffer_Release(&view)
    return found
