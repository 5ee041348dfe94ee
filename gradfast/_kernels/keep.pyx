"""Memory that must stay as it is: compared bit by bit, and put back."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcmp

import numpy as np
from numpy import ndarray


def keeping(x, kernel, *arguments):
    """Return ``kernel(*arguments)`` with x as it was; ValueError if f itself changed x.

    The loops give each coordinate that they perturb its old bits back, so what is different
    afterwards is f's doing. An exception goes out as it is, with x put back.
    """
    x = without_subclass(x)
    cdef bytes before = x.tobytes()
    try:
        result = kernel(*arguments)
    except BaseException:
        put_back(x, before)
        raise
    require_same(x, before)
    return result


cdef without_subclass(x):
    """Return an array that holds what x holds: what a subclass makes of its bytes, or of an assignment, may be else."""
    return x if type(x) is ndarray else x.view(ndarray)


cdef int require_same(x, bytes before) except -1:
    """Put x back, with a ValueError, if it is not what it was."""
    if not holds(x, before):
        changed = put_back(x, before)
        if changed >= 0:
            raise f_changed(x, changed)
    return 0


cdef bint holds(x, bytes before) except -1:
    """Return whether ``x.tobytes() == before``, without a copy if x is contiguous."""
    cdef Py_buffer view
    cdef bint same
    try:
        PyObject_GetBuffer(x, &view, PyBUF_SIMPLE)
    except (BufferError, ValueError):  # not contiguous
        return x.tobytes() == before
    same = view.len == len(before) and memcmp(view.buf, <const char*>before, view.len) == 0
    PyBuffer_Release(&view)
    return same


cdef Py_ssize_t put_back(x, bytes before) except -2:
    """Write the old values into x; return the flat index of the first that had changed, or -1."""
    old = np.frombuffer(before, dtype=x.dtype).reshape(x.shape)
    same = (x == old) & (np.signbit(x) == np.signbit(old)) | np.isnan(x) & np.isnan(old)
    x[...] = old
    return -1 if same.all() else np.argmin(same)


def f_changed(x, Py_ssize_t flat):
    """Return the error for an f that changed x's flat-th coordinate."""
    return ValueError(f"f must leave x as it is; it changed {name_of_coordinate(x, flat)}")


def name_of_coordinate(x, Py_ssize_t flat):
    """Return the name of x's flat-th coordinate as its owner would write it: ``x[1, 0]``."""
    return f"x[{', '.join([str(i) for i in np.unravel_index(flat, x.shape)])}]" if x.ndim else "x"


def first_difference(copies, point):
    """Return the first item at which one of the copies of a point differs from it by a bit, or -1.

    Both are C-contiguous arrays, the copies of one point after the other.
    """
    cdef Py_buffer many, one
    PyObject_GetBuffer(copies, &many, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(point, &one, PyBUF_SIMPLE)
        try:
            return first_different_item(<const char *>many.buf, many.len, <const char *>one.buf, one.len, point.itemsize)
        finally:
            PyBuffer_Release(&one)
    finally:
        PyBuffer_Release(&many)


cdef Py_ssize_t first_different_item(
    const char *copies, Py_ssize_t total, const char *point, Py_ssize_t size, Py_ssize_t itemsize
) noexcept nogil:
    cdef Py_ssize_t i, row, first = -1
    for row in range(total // size if size else 0):
        if memcmp(copies + row * size, point, size):
            for i in range(size // itemsize if first < 0 else first):
                if memcmp(copies + row * size + i * itemsize, point + i * itemsize, itemsize):
                    first = i
                    break
    return first
