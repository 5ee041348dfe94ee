cimport cython
from gradfast._kernels.evaluator cimport Evaluator
from gradfast._kernels.moves cimport Groups, Moves
from gradfast._kernels.native_function cimport NativeFunction


@cython.no_gc
cdef class Native(Evaluator):
    cdef NativeFunction f
    cdef Py_ssize_t threads
    cdef bint is_number                 # whether f returns a number, and does not write an array

    cdef bint prepare(
        self, NativeFunction f, x, bint single, axis, Py_ssize_t threads, Py_ssize_t outputs, bint takes_both=*
    ) except -1
    cdef bint derives(self, Groups groups) noexcept
    cdef int derive(self, Moves moves, const double *center, double *out) except -1          # OUT: out
