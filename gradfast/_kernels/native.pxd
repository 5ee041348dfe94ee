from gradfast._kernels.evaluator cimport Block, Evaluator
from gradfast._kernels.moves cimport Moves
from gradfast._kernels.native_function cimport NativeFunction


cdef class Native(Evaluator):
    cdef NativeFunction f
    cdef readonly Py_ssize_t threads

    cdef bint is_number                 # whether f returns a number, and does not write an array

    cdef bint prepare(
        self, NativeFunction f, x, bint single, axis, Py_ssize_t threads, Py_ssize_t outputs, bint takes_both=*
    ) except -1
    cdef int run(self, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out, const unsigned char *stop) except -1
    cdef int on_threads(self, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out) except -1
