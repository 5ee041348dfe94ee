cimport cython
from gradfast._kernels.evaluator cimport Block, Evaluator
from gradfast._kernels.memory cimport Memory
from gradfast._kernels.moves cimport Moves


@cython.no_gc
cdef class Copies(Evaluator):           # what ManyPoints and Elements share
    cdef object f, copy_dtype
    cdef object origin                  # the point, real or complex, that copies are made of
    cdef tuple args
    cdef bytes zeros
    cdef const char *rest               # what coordinates are moved from: x, or the zeros of an imaginary part
    cdef const char *whole              # the bytes of the origin
    cdef Py_ssize_t stride, offset      # of coordinates in a copy
    cdef Py_ssize_t point_bytes

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1
    cdef Memory copy_at(self, char *start) noexcept nogil
    cdef array_for(self, found, Py_ssize_t count)


@cython.no_gc
cdef class Elements(Copies):
    cdef new_copy(self, bint is_overwritten)
    cdef call(self, point)


@cython.no_gc
cdef class AtNumber(Elements):
    cdef double at
    cdef bint is_scalar                 # whether f's value is a number
    cdef Moves asked                    # the last moves

    cdef int prepare_number(self, f, double x, tuple args) except -1
    cdef int take_at(self, double x, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1
