"""The seam: f's values at moved points."""

cimport cython
from gradfast._kernels.memory cimport Memory
from gradfast._kernels.moves cimport Moves


cdef enum:
    BLOCK_BYTES = 1 << 18               # of values, or of points with f's temporaries: they stay in a core's L2 cache


cdef struct Block:                      # values of some rows of moves, on the C stack while they are few
    char *at                            # doubles, or long doubles of an x of these
    Py_ssize_t size                     # bytes
    long double own[32]


cdef void start_block(Block *block) noexcept nogil
cdef void free_block(Block *block) noexcept
cdef int grow_block(Block *block, Py_ssize_t size) except -1


cdef inline int reserve(Block *block, Py_ssize_t size) except -1:
    """Make room for as many bytes; what the block held is lost."""
    return grow_block(block, size) if size > block.size else 0


@cython.no_gc
cdef class Evaluator:
    cdef readonly Evaluator inner       # what a wrapper wraps, or None
    cdef public Evaluator at_x          # with the complex step, an evaluator of the real f, asked for f(x); else None
    cdef public object opened_from      # the `gradfast.calls.evaluators.Call` that it was opened from, or None
    cdef Py_ssize_t counted             # evaluations, besides those of an inner evaluator
    # Of the last exception of f: the rows that f was called with, the first of them -1 if there was none.
    cdef public Py_ssize_t failed
    cdef readonly Py_ssize_t failed_last

    # x
    cdef readonly object x              # as the caller gave it, or a copy that can be moved in place
    cdef readonly object base           # the same memory without a subclass; of a batch, components on the last axis
    cdef readonly object axis           # of x, along which the components of a batch lie, or None
    cdef readonly Py_ssize_t n          # coordinates of x
    cdef readonly Py_ssize_t point_size # coordinates of one point: n, unless x is a batch of points
    cdef public Py_ssize_t first_slab   # of a batch of which this is a part: where it begins on its first axis
    cdef char kind                      # x's dtype.char
    cdef Memory memory                  # base's
    cdef Memory imaginary               # with the complex step, the part of a complex copy of x that is moved
    cdef size_t form                    # x's shape, strides and dtype, as a number
    cdef readonly bytes kept            # what x held at first, in C order; None if f never sees x
    cdef const char *before             # the same, or x's own memory
    cdef public object layout           # of parameters by name, of which x is a flat copy: a `Layout`, or None
    cdef public object copied_from      # the caller's x, if x is a copy of that: an f that reads it sees no moves

    # f's value
    cdef readonly bint single           # whether it is to be one number a point
    cdef readonly bint is_known         # whether shape and width are
    cdef readonly object shape          # None of a vector, and until it is known
    cdef readonly Py_ssize_t width      # values in a row
    cdef readonly Py_ssize_t points_a_row   # f is evaluated at: 1, unless f takes all points of x at once
    cdef Py_ssize_t value_size          # bytes of one value: those of a long double if x holds such

    # precision
    cdef char coarsest                  # dtype.char of the coarser precision of x and, once one is seen, of f's value
    cdef bint has_seen                  # whether a value was looked at
    cdef public bint minds_precision    # whether a coarser value is to raise `CoarserError`: its steps are too short

    # what an operator notes
    cdef public object dtype            # of derivatives, if it is not that of x
    cdef public bint has_gaps           # whether x or a derivative is inf or NaN somewhere
    cdef object value_everywhere        # f's value, if it is the same at all points and all derivatives are 0, or None

    cdef bint open(self, x, bint single, axis) except -1    # False if x cannot be moved in place
    cdef int keep(self) except -1
    cdef int require_form(self) except -1
    cdef give_back_form(self)
    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1  # OUT: block
    cdef int center(self, Block *block) except -1                                                # OUT: block
    cpdef Py_ssize_t rows_at_once(self) except -1
    cpdef close(self)
    cpdef put_back(self)
    cpdef tuple value_shape(self)
    cdef tuple center_shape(self)
    cdef int know(self, tuple shape) except -1
    cdef str of_other_shape(self, tuple shape)
    cdef int see(self, found) except -1
    cdef int tell(self, Moves moves, error) except -1
    cdef void pass_on(self) noexcept
    cdef int take_values(self, found, bint is_block, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1
    cdef bint take_array(self, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1
    cdef int copy_values(self, array, char *to) except -1                                        # OUT: to


cdef inline bint is_vector(Evaluator e) noexcept:
    """Return whether x is one vector, so that derivatives along it have the shape in which they are computed."""
    return e.memory.axes == 1 and e.dtype is None and e.axis is None


cdef array_of(const char *values, tuple shape, Py_ssize_t value_size)   # a copy of these values
