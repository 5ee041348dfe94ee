"""The memory that is moved: where each of its coordinates lies, and what it held before.

A buffer of an array is taken once for a whole call and read through its pointer: that takes 20 to 30 ns, a memoryview 113.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_IsContiguous, PyBuffer_Release,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_Clear
from libc.string cimport memcmp, memcpy

import warnings

import numpy as np
from numpy import ndarray

cdef extern from "Python.h":
    int get_buffer "PyObject_GetBuffer"(object array, Py_buffer *view, int flags) noexcept  # whose error is looked at here


cdef Fields NOTHING

# As many as NumPy's arrays have.
cdef enum:
    MOST_AXES = 64


cdef bint open_memory(Memory *memory, array) except -1:
    """Take the buffer of an array, which `close_memory` lets go of; False if it cannot be moved in place.

    That takes a writable array of float, double or long double, aligned and in native byte order: NumPy gives the
    formats of others a prefix. No two coordinates may share memory, as those of a sliding window do.
    """
    if get_buffer(array, &memory.view, PyBUF_STRIDES | PyBUF_FORMAT | PyBUF_WRITABLE) < 0:
        PyErr_Clear()
        return False
    memory.is_open, memory.table = True, NULL
    memory.owner = owner_of(array)
    memory.home = memory.owner.data
    memory.start = <char *>memory.view.buf
    memory.itemsize = memory.view.itemsize
    memory.kind = memory.view.format[0]
    memory.is_contiguous = memory.view.ndim == 1 and memory.view.strides[0] == memory.itemsize  # at one look
    memory.is_contiguous = memory.is_contiguous or PyBuffer_IsContiguous(&memory.view, c"C")
    if memory.kind in (c"f", c"d", c"g") and memory.view.format[1] == 0 and not overlaps_itself(memory):
        memory.count = memory.view.len // memory.view.itemsize
        return True
    close_memory(memory)
    return False


cdef const Fields *owner_of(array):
    """Return the fields of the array that owns an array's memory; of the last array, if that is no array."""
    cdef const Fields *fields
    if not isinstance(array, ndarray):  # what else f may be called with
        return &NOTHING
    fields = fields_of(array)
    while fields.base is not NULL and isinstance(<object>fields.base, ndarray):
        fields = fields_of(<object>fields.base)
    return fields


cdef give_back_form(array, tuple shape, tuple strides, dtype, bytes numbers):
    """Give an array its form again, and the numbers that it held."""
    cdef const Fields *fields = fields_of(array)
    cdef int axis
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy would rather make a new array
        for name, value in (("dtype", dtype), ("shape", shape), ("dtype", dtype), ("shape", shape)):
            try:
                if array.nbytes != len(numbers):
                    ndarray.resize(array, shape, refcheck=False)
                getattr(ndarray, name).__set__(array, value)
            except (AttributeError, TypeError, ValueError):
                pass
            if ndarray.shape.__get__(array) == shape:
                for axis in range(fields.ndim):  # NumPy refuses to make strides longer
                    fields.strides[axis] = strides[axis]
        try:
            ndarray.shape.__set__(array, shape)  # which looks at the strides, too
            np.copyto(array.view(ndarray), np.frombuffer(numbers, dtype).reshape(shape))
        except (AttributeError, TypeError, ValueError):
            pass


cdef bint overlaps_itself(const Memory *memory) noexcept:
    """Return whether coordinates may share memory: whether an axis takes shorter steps than all shorter ones together reach."""
    cdef Py_ssize_t reach = memory.itemsize, step, shortest
    cdef int axis, nearest
    cdef bint seen[MOST_AXES]
    if memory.is_contiguous or memory.view.len == 0 or memory.view.ndim > MOST_AXES:
        return False
    for axis in range(memory.view.ndim):
        seen[axis] = memory.view.shape[axis] == 1
    while True:
        nearest, shortest = -1, 0
        for axis in range(memory.view.ndim):
            step = abs(memory.view.strides[axis])
            if not seen[axis] and (nearest < 0 or step < shortest):
                nearest, shortest = axis, step
        if nearest < 0:
            return False
        if shortest < reach:
            return True
        seen[nearest] = True
        reach += shortest * (memory.view.shape[nearest] - 1)


def can_be_moved(array):
    """Return whether an array can be moved in place: see `open_memory`."""
    cdef Memory memory
    if not open_memory(&memory, array):
        return False
    close_memory(&memory)
    return True


cdef void close_memory(Memory *memory) noexcept:
    if memory.is_open:
        memory.is_open = False
        PyBuffer_Release(&memory.view)


cdef char *strided_address(const Memory *memory, Py_ssize_t i) noexcept nogil:
    """Return where the i-th coordinate lies, counted in C order."""
    if memory.table is not NULL:
        return memory.table[i]
    cdef char *at = memory.start
    cdef int axis
    for axis in range(memory.view.ndim - 1, 0, -1):
        at += i % memory.view.shape[axis] * memory.view.strides[axis]
        i //= memory.view.shape[axis]
    return at + i * memory.view.strides[0] if memory.view.ndim else at


cdef void read_all(const Memory *memory, char *copy) noexcept nogil:  # OUT: copy
    cdef Py_ssize_t i
    if memory.is_contiguous:
        memcpy(copy, memory.start, memory.count * memory.itemsize)
        return
    for i in range(memory.count):
        memcpy(copy + i * memory.itemsize, strided_address(memory, i), memory.itemsize)


cdef void write_all(const Memory *memory, const char *copy) noexcept nogil:
    cdef Py_ssize_t i
    if not is_at_home(memory):
        return
    if memory.is_contiguous:
        memcpy(memory.start, copy, memory.count * memory.itemsize)
        return
    for i in range(memory.count):
        memcpy(strided_address(memory, i), copy + i * memory.itemsize, memory.itemsize)


cdef bint holds(const Memory *memory, const char *copy) noexcept nogil:
    cdef Py_ssize_t i
    if not is_at_home(memory):
        return False
    if memory.is_contiguous:
        return memcmp(memory.start, copy, memory.count * memory.itemsize) == 0
    for i in range(memory.count):
        if memcmp(strided_address(memory, i), copy + i * memory.itemsize, memory.itemsize):
            return False
    return True


def first_change(now, before):
    """Return the flat index of the first coordinate that is not what it was, or -1.

    Numbers are compared, not bits: a long double has bits that belong to no number, and a NaN is a NaN.
    """
    same = (now == before) & (np.signbit(now) == np.signbit(before)) | np.isnan(now) & np.isnan(before)
    return -1 if same.all() else int(np.argmin(same))


cdef tuple shape_in(const Memory *memory):
    """Return the shape that an array had when its memory was taken."""
    return tuple([memory.view.shape[axis] for axis in range(memory.view.ndim)])


cdef tuple strides_in(const Memory *memory):
    return tuple([memory.view.strides[axis] for axis in range(memory.view.ndim)])


def f_changed(str coordinate):
    """Return the error for an f that changed a coordinate of x."""
    return ValueError(f"f must leave x as it is; it changed {coordinate}")


def form_changed():
    """Return the error for an f that changed more of x than its numbers."""
    return f_changed("its shape, strides or dtype")


def name_of_coordinate(x, Py_ssize_t i):
    """Return the name of x's i-th coordinate, counted in C order, as its owner would write it: ``x[1, 0]``."""
    return name_at(np.unravel_index(i, x.shape))


def name_at(indices):
    """Return the name of the coordinate of x with these indices."""
    return f"x[{', '.join([str(k) for k in indices])}]" if len(indices) else "x"
