"""How an x is differentiated: rules of steps, stencils to choose from, bounds."""

cimport cython

from gradfast._kernels.step_rule cimport Rule
from gradfast._kernels.stencil cimport Stencil


@cython.final
cdef class Plan:                        # of a method, for one order of derivative and one precision of x
    cdef readonly Rule rule             # None if the method has a step for each coordinate
    cdef readonly tuple options         # (stencil, sign of the steps) to choose from, the preferred one first
    cdef readonly Stencil stencil       # the preferred one
    cdef double sign
    cdef readonly bint by_precision     # whether the steps are made for a precision, and not as the caller asked


@cython.final
cdef class Box:                         # bounds
    cdef readonly object lower, upper   # floats, or arrays of doubles with one axis
    cdef double lowest, highest         # the floats
    cdef const double *low
    cdef const double *high
    cdef Py_ssize_t low_stride, high_stride     # 0: one number for all coordinates
    cdef Py_ssize_t count               # of coordinates that it is for; -1: any

    cdef const double *numbers_of(self, side) except NULL
    cdef dict choose(self, tuple options, const double *x, Py_ssize_t n, double *steps)  # OUT: steps
    cdef bint is_far(self, char kind, const void *x, Py_ssize_t n, const void *steps, Stencil stencil) noexcept nogil
