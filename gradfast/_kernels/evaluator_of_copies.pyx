"""f of copies of x: of many moved points a call (`ManyPoints`), or of one number, at all elements (`Elements`)."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from libc.string cimport memcmp, memset

from gradfast._kernels.evaluator cimport BLOCK_BYTES, Block, Evaluator, reserve
from gradfast._kernels.memory cimport Memory, data_of, form_of
from gradfast._kernels.moves cimport TOGETHER, Groups, Moves, Span, first_not_moved, is_moved, move, put_back
from gradfast._kernels.returned_value cimport as_real_array, let_others_run, new_float64

import numpy as np
from numpy import empty, float64, ndarray

from gradfast._kernels.memory import cannot_be_moved, f_changed, first_change, form_changed
from gradfast._kernels.native_function import NativeFunction

# Stands for the array that a Python float is not.
cdef object AT_A_NUMBER = np.zeros(())


@cython.no_gc
cdef class Copies(Evaluator):
    """An f that is called with copies of x; of a complex copy, if there is one, whose imaginary part is moved."""

    def __init__(self, f, x, args=(), single=False, axis=None, complex_x=None):
        if not self.prepare(f, x, args, single, axis, complex_x):
            raise cannot_be_moved(x)

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        if not self.open(x, single, axis):
            return False
        self.f, self.args = f, args
        self.origin, self.rest, self.whole = self.base, self.before, self.before
        self.stride = self.memory.itemsize
        if complex_x is not None:
            self.origin = np.array(complex_x, order="C")
            self.whole = data_of(self.origin)
            self.zeros = bytes(len(self.kept))
            self.rest = PyBytes_AS_STRING(self.zeros)
            self.offset, self.stride = self.memory.itemsize, 2 * self.memory.itemsize
        self.copy_dtype, self.point_bytes = self.origin.dtype, self.n * self.stride
        return True

    cdef Memory copy_at(self, char *start) noexcept nogil:
        """Return the coordinates of a copy of the origin that starts there: every one, or every imaginary part."""
        cdef Memory copy
        memset(&copy, 0, sizeof(copy))
        copy.start, copy.count = start + self.offset, self.n
        copy.kind, copy.itemsize, copy.is_contiguous = self.kind, self.memory.itemsize, self.offset == 0
        copy.axes, copy.shape, copy.strides = 1, &self.n, &self.stride
        return copy

    cdef array_for(self, found, Py_ssize_t count):
        """Return what f returned for points as an array, with their values along its first axis."""
        shape = (count, *self.origin.shape)
        array = as_real_array(found, True)
        if not self.has_seen:
            self.see(array)
        if array.shape[:1] != (count,) or self.single and array.ndim > 1:
            wanted = f"({count},)" if self.single else f"({count}, ...)"
            wanted = f"an array of shape {wanted} for points of shape {shape}"
            raise ValueError(f"f must return {wanted}; it returned one of shape {array.shape}")
        return array


@cython.no_gc
cdef class ManyPoints(Copies):
    """A vectorized f: called with blocks of copies of x, along a first axis."""

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row, count, size, most = max(1, min(last - first, BLOCK_BYTES // max(1, self.point_bytes)))
        points = np.empty((most, *self.origin.shape), self.copy_dtype)
        points[...] = self.origin
        self.failed = -1
        try:
            for row in range(first, last, most):
                count = min(most, last - row)
                self.fill_block(points[:count] if count < most else points, moves, row, count, first, last, block)
        except Exception as error:
            self.tell(moves, error)
            raise
        return 0

    cpdef Py_ssize_t rows_at_once(self) except -1:
        if self.is_known:
            return Evaluator.rows_at_once(self)
        return max(1, BLOCK_BYTES // max(1, self.point_bytes))

    cdef int fill_block(
        self, points, Moves moves, Py_ssize_t row, Py_ssize_t count, Py_ssize_t first, Py_ssize_t last, Block *block
    ) except -1:
        """Write f's values at copies of x, each moved by a row of moves; the copies are what they were afterwards."""
        cdef Py_ssize_t r, size = moves.stencil.size
        cdef const double *node = moves.stencil.node
        cdef Groups groups = moves.groups
        cdef char *memory = data_of(points)
        cdef char *start
        cdef Memory copy
        cdef Span span
        cdef size_t form
        cdef bint same = True
        copy = self.copy_at(memory)
        start = copy.start
        for r in range(count):
            copy.start = start + r * self.point_bytes
            move(&copy, self.rest, moves, groups.span((row + r) // size), node[(row + r) % size])
        form = form_of(points)
        found = self.array_for(self.call(points, row, count), count)
        if form_of(points) != form:
            raise form_changed()
        self.know(found.shape[1:])
        if row == first:
            reserve(block, (last - first) * self.width * self.value_size)
        # f's values may be a view of the points: they are copied before these go back.
        self.copy_values(found, block.at + (row - first) * self.width * self.value_size)
        for r in range(count):
            copy.start = start + r * self.point_bytes
            span = groups.span((row + r) // size)
            if not is_moved(&copy, self.rest, moves, span, node[(row + r) % size]):
                raise f_changed(self.name(first_not_moved(&copy, self.rest, moves, span, node[(row + r) % size])))
            put_back(&copy, self.rest, groups, span)
            same = same and memcmp(memory + r * self.point_bytes, self.whole, self.point_bytes) == 0
        if not same:
            self.raise_change(points)
        return 0

    cdef call(self, points, Py_ssize_t first, Py_ssize_t count):
        self.counted += count
        self.failed, self.failed_last = first, first + count - 1
        found = self.f(points, *self.args)
        self.failed = -1
        let_others_run()
        return found

    def raise_change(self, points):
        """Raise the error for an f that changed its points, unless it wrote to bits that belong to no number alone."""
        origin = self.origin if self.offset else self.steps_from.reshape(self.base.shape)
        pairs = [(copy.real, origin.real) for copy in points] + [(copy.imag, origin.imag) for copy in points]
        changed = [first_change(now, before) for now, before in pairs if first_change(now, before) >= 0]
        if changed:
            raise f_changed(self.name(min(changed)))

    cdef int center(self, Block *block) except -1:
        if self.at_x is not None:
            return Evaluator.center(self, block)
        points = np.array(self.origin[np.newaxis])
        found = self.array_for(self.call(points, -1, 1), 1)
        self.know(found.shape[1:])
        reserve(block, self.width * self.value_size)
        self.copy_values(found, block.at)
        self.raise_change(points)
        return 0


@cython.no_gc
cdef class Elements(Copies):
    """f of one number: called with all elements of x at once, each time in an array of its own, which it may keep.

    Of an x without an axis it is called with a number, and its value may have any shape: a point of a curve.
    """

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1:
        if type(f) is NativeFunction and x.dtype.char != "d":  # which computes in double precision, whatever x is
            self.dtype, x = x.dtype, x.astype(np.float64)
        if not Copies.prepare(self, f, x, args, False, axis, complex_x):
            return False
        self.points_a_row = self.n
        if self.origin.ndim:
            self.is_known, self.width = True, self.n
            self.shape = None if self.origin.ndim == 1 else self.origin.shape
        return True

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row, size = moves.stencil.size
        cdef Memory copy
        try:
            for row in range(first, last):
                point = self.new_copy(moves.groups.kind == TOGETHER and moves.groups.list is NULL)
                copy = self.copy_at(data_of(point))
                move(&copy, self.rest, moves, moves.groups.span(row // size), moves.stencil.node[row % size])
                self.failed = self.failed_last = row
                self.take_values(self.call(point), False, last - first, block, row - first)
        except Exception as error:
            self.tell(moves, error)
            raise
        return 0

    cdef new_copy(self, bint is_overwritten):
        """Return a copy of x, of its class, or room for one that will be written to in full."""
        if type(self.x) is ndarray:
            if is_overwritten and self.offset == 0:
                return empty(self.origin.shape, self.copy_dtype)
            return np.array(self.origin)
        return np.array(self.x if self.offset == 0 else self.origin, order="C", subok=True)

    cdef call(self, point):
        self.counted += self.n
        if self.memory.axes == 0:
            point = point[()]
        found = self.f(point, *self.args) if self.args else self.f(point)
        self.failed = -1
        return found

    cdef str of_other_shape(self, tuple shape):
        if not self.origin.ndim:
            return Copies.of_other_shape(self, shape)
        return f"f must return an array of x's shape {self.origin.shape}; it returned one of shape {shape}"

    cdef int center(self, Block *block) except -1:
        if self.at_x is not None:
            return Evaluator.center(self, block)
        return self.take_values(self.call(self.new_copy(False)), False, 1, block, 0)


@cython.no_gc
cdef class AtNumber(Elements):
    """f of one number at a Python float: without an array, which would take longer than a cheap f."""

    cdef int prepare_number(self, f, double x, tuple args) except -1:
        self.f, self.args, self.at = f, args, x
        self.x = self.base = self.origin = AT_A_NUMBER
        self.kept = PyBytes_FromStringAndSize(<char *>&x, sizeof(double))
        self.before = PyBytes_AS_STRING(self.kept)
        self.kind, self.coarsest, self.value_size = c"d", c"d", sizeof(double)
        self.n = self.point_size = self.points_a_row = 1
        self.failed = -1
        return 0

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row
        cdef double node, step = (<const double *>moves.steps)[0]
        self.asked = moves
        for row in range(first, last):
            self.failed = self.failed_last = row
            node = moves.stencil.node[row % moves.stencil.size]
            self.take_at(self.at + node * step, last - first, block, row - first)
        return 0

    cdef int center(self, Block *block) except -1:
        return self.take_at(self.at, 1, block, 0)

    cdef int take_at(self, double x, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
        """Call f at a number, and write its value, nearly always another."""
        self.counted += 1
        number = new_float64(float64, x)
        found = self.f(number, *self.args) if self.args else self.f(number)
        self.failed = -1
        if not PyFloat_Check(found) or (self.is_known and not self.is_scalar):
            return self.take_values(found, False, rows, block, row)
        if not self.is_known:
            self.is_known, self.width, self.shape, self.is_scalar = True, 1, (), True
        reserve(block, rows * sizeof(double))
        (<double *>block.at)[row] = PyFloat_AS_DOUBLE(found)
        return 0
