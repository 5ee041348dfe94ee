cimport cython
from gradfast._kernels.evaluator cimport Block, Evaluator
from gradfast._kernels.memory cimport Memory
from gradfast._kernels.moves cimport Moves, Span
from gradfast._kernels.returned_value cimport vectorcallfunc

from cpython.ref cimport PyObject

cdef enum:
    MOST_ARGUMENTS = 14


@cython.no_gc
cdef class OnePoint(Evaluator):
    cdef readonly object f
    cdef readonly tuple args
    cdef object argument, complex_x, batch
    cdef size_t form_of_argument
    cdef Memory *moving                 # what is moved: x, or the imaginary part of a complex copy of it
    cdef bytes zeros                    # what that part holds before it is moved
    cdef const char *rest               # what moving coordinates go back to
    cdef vectorcallfunc call            # how f is called
    cdef PyObject *stack[MOST_ARGUMENTS + 2]
    cdef size_t count                   # of f's arguments, with the flag PY_VECTORCALL_ARGUMENTS_OFFSET
    cdef Py_ssize_t batch_size          # points of a batch, else 1
    cdef Py_ssize_t row                 # of a batch: the point that f is called with
    cdef bint has_looked                # whether x was looked at after f's first call
    cdef bint looks_for_signals

    cdef bint prepare(self, f, x, tuple args, bint single, axis, complex_x) except -1
    cdef int turn_to(self, Py_ssize_t row) except -1
    cdef int require_untouched(self, Moves moves, Span span, double node) except -1
    cdef int look_at_form(self) except -1
    cdef int look_at_numbers(self) except -1
    cdef int require_real_part(self) except -1
    cdef int take(self, found, Py_ssize_t rows, Block *block, Py_ssize_t row) except -1
