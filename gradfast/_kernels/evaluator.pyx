"""An evaluator returns f's values at points where some coordinates of x are moved.

All algorithms get f's values through it, so that they need not know how f is called.

Design:
a. `values(moves)` is all that an algorithm asks for: an array of f's values, a row for each row of moves. Compiled
   operators call `fill`, which writes the same values into a block of memory.
b. A subclass says how a moved point is written and how f is called: `OnePoint`, `ManyPoints`, `Elements`, `Native`. A
   wrapper of another evaluator has the same methods: workers, progress, whatever counts or remembers values.
c. `kept` are the bytes of x. They serve three ends: what a coordinate goes back to, what moves are counted from, and
   whether f left x alone.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.float cimport PyFloat_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.string cimport memcpy

from gradfast._kernels.memory cimport (
    NPY_DOUBLE, NPY_LONGDOUBLE, Fields, PyArray_BYTES, PyArray_DIMS, PyArray_ISCARRAY_RO, PyArray_NDIM, PyArray_TYPE,
    close_memory, data_of, fields_of, form_of, give_back_form, holds, open_memory, read_all, shape_in, size_of,
    strides_in, write_all,
)
from gradfast._kernels.returned_value cimport as_real_array, precision_of

from time import perf_counter

import numpy as np
from numpy import empty, ndarray

from gradfast._kernels.memory import add_note, f_changed, form_changed, first_change, name_at


# A piece of moves is to take about as long: a progress bar moves ten times a second.
cdef double SECONDS_A_PIECE = 0.1


cdef void start_block(Block *block) noexcept nogil:
    block.at, block.size = <char *>block.own, sizeof(block.own)


cdef void free_block(Block *block) noexcept:
    if block.at != <char *>block.own:
        PyMem_Free(block.at)
        start_block(block)


cdef int grow_block(Block *block, Py_ssize_t size) except -1:
    free_block(block)
    cdef void *found = PyMem_Malloc(size)
    if found is NULL:
        raise MemoryError
    block.at, block.size = <char *>found, size
    return 0


# Attribute of an error of ours that is raised where f is called: f's value is not what is wanted.
OF_VALUES = "_gradfast_of_values"


class CoarserError(Exception):
    """f's values are of a coarser precision, a dtype.char, than the steps at which they were asked for."""


cdef inline int place(char kind) noexcept nogil:
    """Return the place of a dtype.char from the finest precision to the coarsest."""
    return 0 if kind == c"g" else 1 if kind == c"d" else 2 if kind == c"f" else 3


@cython.no_gc
cdef class Evaluator:
    """f at an x: its values where coordinates of x are moved.

    A wrapper is a Python subclass: its ``__init__`` gets the evaluator that it wraps, and it overrides :meth:`values`.
    """

    def __init__(self, Evaluator inner not None):
        self.inner, self.x, self.base, self.axis = inner, inner.x, inner.base, inner.axis
        self.kept, self.before, self.kind, self.value_size = inner.kept, inner.before, inner.kind, inner.value_size
        self.n, self.point_size, self.points_a_row = inner.n, inner.point_size, inner.points_a_row
        self.single, self.shape, self.width, self.is_known = inner.single, inner.shape, inner.width, inner.is_known
        self.copied_from, self.coarsest, self.layout = inner.copied_from, inner.coarsest, inner.layout

    def __dealloc__(self):
        close_memory(&self.memory)
        close_memory(&self.imaginary)

    cdef bint open(self, x, bint single, axis) except -1:
        """Take x's memory; with an axis x is a batch, the components of its points along that axis."""
        self.x, self.axis = x, axis
        if type(x) is ndarray:
            self.base = x
        elif isinstance(x, ndarray):
            self.base = np.asarray(x)  # of a subclass, whose sizes may be others
        else:
            return False
        if axis is not None:
            is_last = axis == -1 or axis == self.base.ndim - 1  # as of rows, where a view takes a tenth of the time
            self.base = self.base.view() if is_last else np.moveaxis(self.base, axis, -1)
        if not open_memory(&self.memory, self.base):
            return False
        self.form = form_of(x)
        self.kind = self.coarsest = self.memory.kind
        self.value_size = sizeof(long double) if self.kind == c"g" else sizeof(double)
        self.n = self.memory.count
        self.point_size = self.n if axis is None else self.base.shape[self.base.ndim - 1]
        self.keep()
        self.points_a_row, self.width, self.failed = 1, 1, -1
        self.single = self.is_known = single
        return True

    cdef int keep(self) except -1:
        """Copy what x holds."""
        self.kept = PyBytes_FromStringAndSize(NULL, self.n * self.memory.itemsize)
        self.before = PyBytes_AS_STRING(self.kept)
        read_all(&self.memory, <char *>self.before)
        return 0

    cdef int require_form(self) except -1:
        """ValueError if f gave x another shape, strides, dtype or memory; `put_back` gives them back."""
        if self.inner is None and form_of(self.x) != self.form:
            raise form_changed()
        return 0

    # --- what algorithms ask for --------------------------------------------------------------------------------------

    def values(self, Moves moves not None):
        """Return f's values, an array of shape ``(len(moves), *shape of f's value)``."""
        cdef Block block
        if self.inner is not None:  # of a wrapper that changes nothing
            return self.inner.values(moves)
        if moves.groups.coordinates != self.n:
            raise ValueError(f"moves must be of x's {self.n} coordinates; got moves of {moves.groups.coordinates}")
        moves = moves.in_precision(self.kind == c"g")
        start_block(&block)
        try:
            self.fill(moves, moves.first, moves.last, &block)
            self.require_form()  # what x is asked for next, it must be able to tell
            return array_of(block.at, (moves.last - moves.first, *self.value_shape()), self.value_size)
        finally:
            free_block(&block)

    def value(self):
        """Return f's value at x itself, an array; of a batch, of a value for each of its points."""
        cdef Block block
        start_block(&block)
        try:
            self.center(&block)
            self.require_form()
            return array_of(block.at, self.center_shape(), self.value_size)
        finally:
            free_block(&block)

    def pieces(self, Moves moves not None):
        """Yield ``(first, last, values)`` of parts of moves as they are done, some ten of them a second."""
        cdef Py_ssize_t first = 0, last, size = moves.stencil.size
        while first < len(moves):
            last, begin = min(len(moves), first + size), perf_counter()
            yield first, last, self.values(moves.part(first, last))
            size = 2 * size if perf_counter() - begin < SECONDS_A_PIECE else max(moves.stencil.size, size // 2)
            first = last

    def expect(self, total):
        """Take how many evaluations are to come, besides that at x: for those who tell of them."""

    @property
    def evaluations(self):
        """How often f was evaluated, each point of a vectorized call counted."""
        return self.counted if self.inner is None else self.counted + self.inner.evaluations

    @property
    def precision(self):
        """The dtype.char of the coarser precision of x and of f's value, once one was seen: what steps are made for."""
        return chr(self.coarsest)

    @precision.setter
    def precision(self, str char):
        self.coarsest = <char>ord(char)
        self.pass_on()

    def _count(self, Py_ssize_t evaluations):
        """Count evaluations that were made elsewhere."""
        self.counted += evaluations

    def _is_of_f(self, error):
        """Return whether f raised an exception at a moved point."""
        return self.failed >= 0 and isinstance(error, Exception) and not hasattr(error, OF_VALUES)

    def _learn(self, tuple shape):
        """Take the shape of f's value, for wrappers, or see that it is the known one."""
        self.know(shape)

    cpdef close(self):
        """End the work at this x; ValueError, with x put back, if f changed it."""
        if self.inner is not None:
            self.inner.close()
            return
        if self.kept is None or not self.memory.is_open:
            return
        try:
            self.require_form()
        except ValueError:
            self.put_back()
            raise
        if not holds(&self.memory, self.before):
            before = self.steps_from.reshape(self.base.shape)
            changed = first_change(self.base, before)
            write_all(&self.memory, self.before)
            if changed >= 0:
                raise f_changed(self.name(changed))

    def name(self, Py_ssize_t i):
        """Return the name of the i-th coordinate as the owner of x would write it."""
        if self.inner is not None:
            return self.inner.name(i)
        indices = [int(k) for k in np.unravel_index(i, self.base.shape)]
        if self.axis is not None:
            indices[0] += self.first_slab
            indices.insert(self.axis, indices.pop())
        return name_at(indices)

    cpdef put_back(self):
        """Give x the bits that it had."""
        if self.inner is not None:
            self.inner.put_back()
        elif self.kept is not None and self.memory.is_open:
            if form_of(self.x) != self.form:
                self.give_back_form()
            write_all(&self.memory, self.before)

    cdef give_back_form(self):
        """Give x the form that it had; of a batch, base has the axes in another order."""
        cdef tuple shape = shape_in(&self.memory), strides = strides_in(&self.memory)
        order = list(range(len(shape)))
        if self.axis is not None:
            order.insert(self.axis, order.pop())
        whole = self.steps_from.reshape(shape)
        whole = whole if self.axis is None else np.moveaxis(whole, -1, self.axis)
        own_shape, own_strides = tuple([shape[i] for i in order]), tuple([strides[i] for i in order])
        give_back_form(self.x, own_shape, own_strides, np.dtype(chr(self.kind)), whole.tobytes())

    @property
    def steps_from(self):
        """What x held before it was moved, flat and in C order: what steps are relative to."""
        return np.frombuffer(memoryview(self.base).toreadonly() if self.kept is None else self.kept, chr(self.kind))

    cpdef Py_ssize_t rows_at_once(self) except -1:
        """Return how many rows of values an operator should ask for at once; one row tells the width of the others."""
        return max(1, BLOCK_BYTES // max(1, self.width * self.value_size)) if self.is_known else 1

    # --- what compiled operators ask for ------------------------------------------------------------------------------

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        """Write f's values of rows first to last - 1 of moves; here, those of a wrapper's `values`."""
        found = self.values(moves.part(first - moves.first, last - moves.first))
        self.know(found.shape[1:])
        if not self.has_seen:
            self.see(found)
        if found.size != (last - first) * self.width:
            wanted = f"{self.width} values for each of {last - first} rows"
            raise ValueError(f"an evaluator must return {wanted}; got shape {found.shape}")
        reserve(block, (last - first) * self.width * self.value_size)
        self.copy_values(found, block.at)
        return 0

    cdef int center(self, Block *block) except -1:
        """Write f's value at x; of a batch, of each of its points. By default ask the wrapped evaluator, or `at_x`."""
        cdef Evaluator source = self.at_x if self.inner is None else self.inner
        cdef Py_ssize_t before = source.evaluations
        source.center(block)
        self.shape, self.width, self.is_known = source.shape, source.width, source.is_known
        if source is self.inner:
            self.coarsest = source.coarsest
        else:
            self.counted += source.evaluations - before
        return 0

    cpdef tuple value_shape(self):
        """Return the shape of f's value, once it is known."""
        return () if self.single else (self.width,) if self.shape is None else self.shape

    cdef tuple center_shape(self):
        """Return the shape of f's value at x; of a batch, of one value for each point."""
        return self.value_shape() if self.axis is None else self.base.shape[:self.base.ndim - 1]

    cdef int know(self, tuple shape) except -1:
        """Take the shape of f's first value; ValueError if that of another differs."""
        cdef Py_ssize_t extent
        if self.single:
            return 0
        if not self.is_known:
            self.is_known, self.shape, self.width = True, None if len(shape) == 1 else shape, 1
            for extent in shape:
                self.width *= extent
        elif shape != self.value_shape():
            raise ValueError(self.of_other_shape(shape))
        return 0

    cdef str of_other_shape(self, tuple shape):
        """Return what the error says of a value whose shape is not the known one."""
        return f"f must return arrays of one shape; got {self.value_shape()}, then {shape}"

    cdef int tell(self, Moves moves, error) except -1:
        """Add a note to an exception, if f raised it, of what was moved then."""
        if self._is_of_f(error):
            add_note(error, f"f raised this with {moved_by(self, moves)}")
        return 0

    cdef int see(self, found) except -1:
        """Take the precision of f's first value, or of the first that is no Python float.

        `CoarserError` if steps are too short for it.
        """
        cdef char kind = c"d"
        self.has_seen = not PyFloat_Check(found)
        if self.has_seen:
            char = precision_of(found)
            if char is None:
                return 0
            kind = <char>ord(char)
        if place(kind) > place(self.coarsest):
            self.coarsest = kind
            if self.minds_precision:
                raise CoarserError(chr(kind))
        return 0

    cdef void pass_on(self) noexcept:
        """Let the evaluator that this one wraps know what steps are made for."""
        if self.inner is not None:
            self.inner.coarsest, self.inner.minds_precision = self.coarsest, self.minds_precision
            self.inner.pass_on()

    cdef int take_values(self, found, bint is_block, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
        """Write an array that f returned, or what one can be made of, to a row of a block that has room for as many."""
        if type(found) is ndarray and self.take_array(found, rows, block, row):
            return 0
        array = as_real_array(found, is_block)
        if not self.has_seen:
            self.see(array)
        self.know(array.shape)
        reserve(block, rows * self.width * self.value_size)
        return self.copy_values(array, block.at + row * self.width * self.value_size)

    cdef bint take_array(self, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1:
        """Copy an array of f's values to a row of a block; False, and no copy, if it has another dtype or shape."""
        cdef const Fields *fields = fields_of(found)
        if not is_as_computed(found, self.value_size):
            return False
        if PyArray_NDIM(fields) != 1:
            if not self.is_known or found.shape != self.shape:
                return False
        elif not self.is_known:
            self.is_known, self.width = True, PyArray_DIMS(fields)[0]
        elif self.shape is not None or PyArray_DIMS(fields)[0] != self.width:
            return False
        reserve(block, rows * self.width * self.value_size)
        memcpy(block.at + row * self.width * self.value_size, PyArray_BYTES(fields), self.width * self.value_size)
        return True

    cdef int copy_values(self, array, char *to) except -1:  # OUT: to
        """Write an array of real numbers in C order, in the precision that f's values are computed with."""
        if type(array) is not ndarray or not is_as_computed(array, self.value_size):
            array = np.ascontiguousarray(array, "d" if self.value_size == sizeof(double) else "g")
        memcpy(to, data_of(array), size_of(array) * self.value_size)
        return 0


cdef inline bint is_as_computed(array, Py_ssize_t value_size) noexcept:
    """Return whether an array holds numbers of the precision that f's values are computed with, in C order."""
    cdef const Fields *fields = fields_of(array)
    cdef int wanted = NPY_DOUBLE if value_size == sizeof(double) else NPY_LONGDOUBLE
    return PyArray_TYPE(fields) == wanted and PyArray_ISCARRAY_RO(fields)


cdef moved_by(Evaluator e, Moves moves):
    """Say which coordinates were moved when f raised an exception, and how far."""
    size, row = moves.stencil.size, e.failed
    there = sorted([i for g in range(row // size, e.failed_last // size + 1) for i in moves.groups[g]])
    node = moves.stencil.nodes[row % size]
    if moves.along is not None:
        return f"x moved by {float(node * moves.along):.3g} v"
    if e.failed_last == row and len(there) <= 2:
        steps = moves.step_of_each
        return " and ".join([f"{e.name(i)} moved by {float(node * steps[i]):.3g}" for i in there]) or "nothing moved"
    names = [e.name(i) for i in (min(there), max(there))] if there else ["no coordinate"] * 2
    return (names[0] if names[0] == names[1] else f"coordinates from {names[0]} to {names[1]}") + " moved"


cdef array_of(const char *values, tuple shape, Py_ssize_t value_size):
    found = empty(shape) if value_size == sizeof(double) else empty(shape, "g")
    memcpy(data_of(found), values, size_of(found) * value_size)
    return found
