cimport cython
from gradfast._kernels.evaluator cimport Block, Evaluator
from gradfast._kernels.moves cimport Groups, Moves
from gradfast._kernels.native_function cimport NativeFunction, Watch
from gradfast._kernels.native_loop cimport Loop


cdef class Piece


@cython.no_gc
cdef class Native(Evaluator):
    cdef NativeFunction f
    cdef readonly Py_ssize_t threads

    cdef bint is_number                 # whether f returns a number, and does not write an array

    cdef bint prepare(
        self, NativeFunction f, x, bint single, axis, Py_ssize_t threads, Py_ssize_t outputs, bint takes_both=*
    ) except -1
    cdef int run(self, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out, const unsigned char *stop) except -1
    cdef Py_ssize_t run_points(self, Py_ssize_t points, double *out, double *point, Watch *watch) except -2 nogil
    cdef Py_ssize_t run_rows(
        self, Moves moves, Groups groups, Py_ssize_t first, Py_ssize_t last, double *out, double *point, Watch *watch
    ) except -2 nogil
    cdef bint derives(self, Groups groups) noexcept
    cdef int derive(self, Moves moves, const double *center, double *out) except -1          # OUT: out
    cdef int derive_some(
        self, Moves moves, Py_ssize_t first, Py_ssize_t last, const double *center, double *out,
        const unsigned char *stop,
    ) except -1
    cdef Py_ssize_t derive_points(
        self, Loop *loop, Moves moves, const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last, const double *center,
        double *out, double *point, Py_ssize_t room,
    ) except -2 nogil
    cdef int spread(self, Piece whole) except -1


cdef class Piece:                       # of the work, for a thread
    cdef Native native
    cdef Moves moves
    cdef Py_ssize_t first, last         # rows of moves; or groups, if their derivatives are wanted
    cdef double *out
    cdef const double *center
    cdef bint derives
    cdef unsigned char[::1] stop

    @staticmethod
    cdef Piece of(
        Native native, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out, const double *center, bint derives
    )
    cdef int run(self, const unsigned char *stop) except -1
    cdef Piece part(self, Py_ssize_t first, Py_ssize_t last)
