"""What f returned, read as one number."""

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.float cimport PyFloat_AsDouble

import numpy as np


def number(result, str kind):
    """Return f's result as one number, by the rules of the loops: a float, or for kind "g" a long double."""
    cdef double as_read
    cdef long double as_read_long
    if kind != "g":
        read(result, &as_read)
        return as_read
    read(result, &as_read_long)
    return from_long_double(as_read_long)


cdef from_long_double(long double number):
    exact = np.empty((), np.longdouble)
    cdef long double[:] memory = exact.reshape(1)
    memory[0] = number
    return exact[()]


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
    except OverflowError as error:  # of a number that may be too long to print
        raise ValueError(f"f must return a number in the range of a float; it returned a larger {type(result).__name__}") from error


cdef bint read_long_double(object result, long double* number) except -1:  # OUT: number
    """Read a NumPy long double, or an array of one; False for anything else."""
    cdef Py_buffer view
    cdef bint found
    if not PyObject_CheckBuffer(result):
        return False
    try:
        PyObject_GetBuffer(result, &view, PyBUF_FULL_RO)
    except (BufferError, ValueError):  # dates are in no buffer
        return False
    try:
        found = view.format != NULL and view.format == b"g" and view.len == sizeof(long double)
        if found:
            number[0] = (<long double*>view.buf)[0]
    finally:
        PyBuffer_Release(&view)
    return found
