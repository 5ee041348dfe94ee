"""Comparing memory bit by bit."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcmp


def holds(x, bytes before not None):
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


def first_difference(const unsigned char[::1] copies, const unsigned char[::1] point, Py_ssize_t itemsize):
    """Return the first item at which one of the copies of a point differs from it by a bit, or -1."""
    cdef Py_ssize_t i, row, size = point.shape[0], first = -1
    for row in range(copies.shape[0] // size if size else 0):
        if memcmp(&copies[row * size], &point[0], size):
            for i in range(0, size if first < 0 else first * itemsize, itemsize):
                if memcmp(&copies[row * size + i], &point[i], itemsize):
                    first = i // itemsize
                    break
    return first
