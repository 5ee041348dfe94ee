"""The memory that is moved: where each of its coordinates lies, and what it held before.

NumPy's own headers say where: that takes a few instructions, far fewer than a buffer or a memoryview of an array.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcmp, memcpy

import warnings

import numpy as np
from numpy import ndarray

cdef extern from "numpy/arrayobject.h":
    int _import_array() except -1
    object PyArray_EMPTY(int axes, Py_ssize_t *shape, int kind, bint by_columns)

_import_array()


# As many as NumPy's arrays have.
cdef enum:
    MOST_AXES = 64


cdef object new_array(Py_ssize_t rows, Py_ssize_t columns, bint is_wide):
    """Return an array of doubles, or of long doubles, whose numbers are still to be written."""
    cdef Py_ssize_t[2] shape = [rows, columns]
    return PyArray_EMPTY(1 if columns < 0 else 2, shape, NPY_LONGDOUBLE if is_wide else NPY_DOUBLE, True)


cdef bint open_memory(Memory *memory, array) except -1:
    """Take the memory of an array, which `close_memory` lets go of; False if it cannot be moved in place.

    That takes a writable array of float, double or long double, aligned and in native byte order. No two coordinates
    may share memory, as those of a sliding window do.
    """
    cdef const Fields *fields = fields_of(array)
    if not isinstance(array, ndarray) or not PyArray_ISBEHAVED(fields):
        return False
    if PyArray_TYPE(fields) == NPY_DOUBLE:
        memory.kind, memory.itemsize = c"d", sizeof(double)
    elif PyArray_TYPE(fields) == NPY_FLOAT:
        memory.kind, memory.itemsize = c"f", sizeof(float)
    elif PyArray_TYPE(fields) == NPY_LONGDOUBLE:
        memory.kind, memory.itemsize = c"g", sizeof(long double)
    else:
        return False
    copy_form(memory, fields)
    if not memory.is_contiguous and overlaps_itself(memory):
        free_form(memory)
        return False
    memory.start, memory.table, memory.is_open = PyArray_BYTES(fields), NULL, True
    memory.owner = owner_of(array)
    memory.home = PyArray_BYTES(memory.owner)
    Py_INCREF(array)
    memory.array = <PyObject *>array
    return True


cdef int copy_form(Memory *memory, const Fields *fields) except -1:
    cdef int axis
    memory.axes, memory.count, memory.shape = PyArray_NDIM(fields), 1, memory.own
    if memory.axes > 1:
        memory.shape = <Py_ssize_t *>PyMem_Malloc(2 * memory.axes * sizeof(Py_ssize_t))
        if memory.shape is NULL:
            raise MemoryError
    memory.strides = memory.shape + memory.axes
    for axis in range(memory.axes):
        memory.shape[axis], memory.strides[axis] = PyArray_DIMS(fields)[axis], PyArray_STRIDES(fields)[axis]
        memory.count *= memory.shape[axis]
    memory.is_contiguous = PyArray_IS_C_CONTIGUOUS(fields)
    return 0


cdef inline void free_form(Memory *memory) noexcept:
    if memory.shape != memory.own:
        PyMem_Free(memory.shape)


cdef const Fields *owner_of(array) noexcept:
    """Return the array that owns an array's memory: the last of its bases that is one."""
    cdef const Fields *fields = fields_of(array)
    while PyArray_BASE(fields) is not NULL and isinstance(<object>PyArray_BASE(fields), ndarray):
        fields = <const Fields *>PyArray_BASE(fields)
    return fields


cdef bint is_among(x, others) except -1:
    """Return whether one of several objects is x, if that is an array, or an array that shares memory with it."""
    if not isinstance(x, ndarray):
        return False
    for other in others:
        if isinstance(other, ndarray) and owner_of(other) == owner_of(x):
            if np.may_share_memory(np.asarray(other), np.asarray(x)):
                return True
    return False


cdef give_back_form(array, tuple shape, tuple strides, dtype, bytes numbers):
    """Give an array its form again, and the numbers that it held."""
    cdef const Fields *fields = fields_of(array)
    cdef int axis
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy would rather make a new array
        for name, value in (("dtype", dtype), ("shape", shape), ("dtype", dtype), ("shape", shape)):
            try:
                if ndarray.nbytes.__get__(array) != len(numbers):
                    ndarray.resize(array, shape, refcheck=False)
                getattr(ndarray, name).__set__(array, value)
            except (AttributeError, TypeError, ValueError):
                pass
            if ndarray.shape.__get__(array) == shape:
                for axis in range(PyArray_NDIM(fields)):  # NumPy refuses to make strides longer
                    PyArray_STRIDES(fields)[axis] = strides[axis]
        try:
            ndarray.shape.__set__(array, shape)  # which looks at the strides, too
            np.copyto(ndarray.view(array, ndarray), np.frombuffer(numbers, dtype).reshape(shape))
        except (AttributeError, TypeError, ValueError):
            pass


cdef bint overlaps_itself(const Memory *memory) noexcept:
    """Return whether coordinates of an array that is not contiguous may share memory.

    They may if an axis takes shorter steps than all shorter ones together reach.
    """
    cdef Py_ssize_t reach = memory.itemsize, step, shortest
    cdef int axis, nearest
    cdef bint seen[MOST_AXES]
    for axis in range(memory.axes):
        seen[axis] = memory.shape[axis] == 1
    while True:
        nearest, shortest = -1, 0
        for axis in range(memory.axes):
            step = abs(memory.strides[axis])
            if not seen[axis] and (nearest < 0 or step < shortest):
                nearest, shortest = axis, step
        if nearest < 0:
            return False
        if shortest < reach:
            return True
        seen[nearest] = True
        reach += shortest * (memory.shape[nearest] - 1)


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
        free_form(memory)
        Py_DECREF(<object>memory.array)


cdef char *strided_address(const Memory *memory, Py_ssize_t i) noexcept nogil:
    """Return where the i-th coordinate lies, counted in C order."""
    if memory.table is not NULL:
        return memory.table[i]
    cdef char *at = memory.start
    cdef int axis
    for axis in range(memory.axes - 1, 0, -1):
        at += i % memory.shape[axis] * memory.strides[axis]
        i //= memory.shape[axis]
    return at + i * memory.strides[0] if memory.axes else at


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
    return tuple([memory.shape[axis] for axis in range(memory.axes)])


cdef tuple strides_in(const Memory *memory):
    return tuple([memory.strides[axis] for axis in range(memory.axes)])


def f_changed(str coordinate):
    """Return the error for an f that changed a coordinate of x."""
    return ValueError(f"f must leave x as it is; it changed {coordinate}")


def cannot_be_moved(x):
    return TypeError(f"x must be a writable array of float32, float64 or longdouble; got {x!r}")


def form_changed():
    """Return the error for an f that changed more of x than its numbers."""
    return f_changed("its shape, strides or dtype")


def add_note(error, str note):
    """Add a note to an exception of f, once; one that takes no notes stays as it is."""
    try:
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
    except Exception:
        pass


def name_of_coordinate(x, Py_ssize_t i):
    """Return the name of x's i-th coordinate, counted in C order, as its owner would write it: ``x[1, 0]``."""
    return name_at(np.unravel_index(i, x.shape))


def name_at(indices):
    """Return the name of the coordinate of x with these indices."""
    return f"x[{', '.join([str(k) for k in indices])}]" if len(indices) else "x"
