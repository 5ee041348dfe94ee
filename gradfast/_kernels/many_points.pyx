"""f of copies of x: of many moved points a call (`ManyPoints`), or of one number, at all elements of x at once (`Elements`)."""

from cpython.buffer cimport PyBUF_SIMPLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcmp, memcpy

from gradfast._kernels.evaluator cimport Block, Evaluator, as_real_array, reserve
from gradfast._kernels.memory cimport Memory
from gradfast._kernels.moves cimport Moves, Span, move, put_back

import numpy as np
from numpy import empty, ndarray

from gradfast._kernels.memory import f_changed

# A block of points, with the temporaries that f makes of it, stays inside one core's L2 cache.
cdef Py_ssize_t BLOCK_BYTES = 1 << 18


cdef class Copies(Evaluator):
    """An f that is called with copies of x; of a complex copy, if there is one, whose imaginary part is moved."""

    def __init__(self, f, x, args=(), single=False, axis=None, complex_x=None):
        if not self.prepare(f, x, args, single, axis, complex_x):
            raise TypeError(f"x must be a writable array of float32, float64 or longdouble; got {x!r}")

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        if not self.open(x, single, axis):
            return False
        self.f, self.args = f, args
        self.origin, self.rest = self.steps_from.reshape(self.base.shape), self.before
        self.stride = self.memory.itemsize
        if complex_x is not None:
            self.origin = np.array(complex_x, order="C")
            self.zeros = bytes(len(self.kept))
            self.rest = PyBytes_AS_STRING(self.zeros)
            self.offset, self.stride = self.memory.itemsize, 2 * self.memory.itemsize
        self.dtype, self.point_bytes = self.origin.dtype, self.n * self.stride
        return True

    cdef Memory copy_at(self, char *start) noexcept nogil:
        """Return the coordinates of a copy of the origin that starts there: every one, or every imaginary part."""
        cdef Memory copy
        copy.start, copy.count = start + self.offset, self.n
        copy.kind, copy.itemsize, copy.is_contiguous = self.kind, self.memory.itemsize, self.offset == 0
        copy.view.ndim, copy.view.shape, copy.view.strides = 1, &self.n, &self.stride
        copy.is_open = False
        return copy

    cdef array_for(self, found, Py_ssize_t count):
        """Return what f returned for points as an array, with their values along its first axis."""
        shape = (count, *self.origin.shape)
        array = as_real_array(found)
        if self.single and array.shape != (count,):
            raise ValueError(
                f"f must return an array of shape {(count,)} for points of shape {shape}; it returned one of shape {array.shape}"
            )
        if array.shape[:1] != (count,):
            raise ValueError(
                f"f must return an array of shape ({count}, ...) for points of shape {shape}; it returned one of shape {array.shape}"
            )
        return array


cdef class ManyPoints(Copies):
    """A vectorized f: called with blocks of copies of x, along a first axis."""

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row, count, size, most = max(1, min(last - first, BLOCK_BYTES // max(1, self.point_bytes)))
        points = np.empty((most, *self.origin.shape), self.dtype)
        points[...] = self.origin
        for row in range(first, last, most):
            count = min(most, last - row)
            found = self.values_of_block(points[:count] if count < most else points, moves, row, count)
            self.know(found.shape[1:])
            size = self.width * self.value_size
            if row == first:
                reserve(block, (last - first) * size)
            self.copy_values(found, block.at + (row - first) * size)
            found = None  # or f would find the memory of its last result still taken
        return 0

    cdef values_of_block(self, points, Moves moves, Py_ssize_t first, Py_ssize_t count):
        """Return f's values at copies of x, each moved by a row of moves; the copies are what they were afterwards."""
        cdef Py_buffer view
        cdef Py_ssize_t row, size = moves.stencil.size
        cdef Memory copy
        PyObject_GetBuffer(points, &view, PyBUF_SIMPLE)
        try:
            for row in range(first, first + count):
                copy = self.copy_at(<char *>view.buf + (row - first) * self.point_bytes)
                move(&copy, self.rest, moves, moves.groups.span(row // size), moves.stencil.node[row % size])
            found = self.array_for(self.call(points, first, count), count)
            for row in range(first, first + count):
                copy = self.copy_at(<char *>view.buf + (row - first) * self.point_bytes)
                put_back(&copy, self.rest, moves.groups, moves.groups.span(row // size))
            self.require_copies(<const char *>view.buf, count)
        finally:
            PyBuffer_Release(&view)
        return found

    cdef call(self, points, Py_ssize_t first, Py_ssize_t count):
        self.counted += count
        self.failed, self.failed_last = first, first + count - 1
        found = self.f(points, *self.args)
        self.failed = -1
        PyErr_CheckSignals()
        return found

    cdef int require_copies(self, const char *copies, Py_ssize_t count) except -1:
        """ValueError that names the first coordinate in which one of the copies differs from x by a bit."""
        cdef Py_buffer view
        cdef Py_ssize_t row, i, changed = -1
        PyObject_GetBuffer(self.origin, &view, PyBUF_SIMPLE)
        for row in range(count):
            if memcmp(copies + row * self.point_bytes, view.buf, self.point_bytes):
                for i in range(self.n if changed < 0 else changed):
                    if memcmp(copies + row * self.point_bytes + i * self.stride, <char *>view.buf + i * self.stride, self.stride):
                        changed = i
                        break
        PyBuffer_Release(&view)
        if changed >= 0:
            raise f_changed(self.name(changed))
        return 0

    cdef int center(self, Block *block) except -1:
        points = np.array(self.origin[np.newaxis])
        found = self.array_for(self.call(points, -1, 1), 1)
        self.know(found.shape[1:])
        reserve(block, self.width * self.value_size)
        return self.copy_values(found, block.at)


cdef class Elements(Copies):
    """f of one number: called with all elements of x at once, each time in an array of its own, which it may keep.

    Of an x without an axis it is called with a number, and its value may have any shape: a point of a curve.
    """

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        if not Copies.prepare(self, f, x, args, False, axis, complex_x):
            return False
        self.points = self.n
        if self.origin.ndim:
            self.is_known, self.width = True, self.n
            self.shape = None if self.origin.ndim == 1 else self.origin.shape
        return True

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row, size = moves.stencil.size
        cdef Py_buffer view
        cdef Memory copy
        for row in range(first, last):
            point = self.new_copy()
            PyObject_GetBuffer(point, &view, PyBUF_SIMPLE)
            copy = self.copy_at(<char *>view.buf)
            move(&copy, self.rest, moves, moves.groups.span(row // size), moves.stencil.node[row % size])
            PyBuffer_Release(&view)
            self.take(self.call(point), block, row - first, last - first)
        return 0

    cdef new_copy(self):
        """Return a copy of x, of its class."""
        if type(self.x) is ndarray:
            point = empty(self.origin.shape, self.dtype)
            point[...] = self.origin
            return point
        return np.array(self.x if self.offset == 0 else self.origin, order="C", subok=True)

    cdef call(self, point):
        self.counted += self.n
        return self.f(point if self.origin.ndim else point[()], *self.args)

    cdef int take(self, found, Block *block, Py_ssize_t row, Py_ssize_t rows) except -1:
        array = found if type(found) is ndarray and found.dtype.char == "d" else as_real_array(found)
        if self.origin.ndim and array.shape != self.origin.shape:
            raise ValueError(
                f"f must return an array of x's shape {self.origin.shape}; it returned one of shape {array.shape}"
            )
        self.know(array.shape)
        if row == 0:
            reserve(block, rows * self.width * self.value_size)
        return self.copy_values(array, block.at + row * self.width * self.value_size)

    cdef int center(self, Block *block) except -1:
        return self.take(self.call(self.new_copy()), block, 0, 1)
