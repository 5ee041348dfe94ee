"""How an x is differentiated: rules of steps, stencils to choose from, bounds."""

cimport cython
from libc.math cimport fabs

from gradfast._kernels.step_rule cimport real
from gradfast._kernels.stencil cimport Stencil


@cython.final
cdef class Plan:
    """For one order of derivative and one precision: the rule of the steps, and the stencils to choose from near bounds."""

    def __init__(self, rule, options, bint by_precision=False):
        self.rule, self.options, self.by_precision = rule, tuple(options), by_precision
        self.stencil, self.sign = self.options[0]


@cython.final
cdef class Box:
    """Bounds, looked at once: a lower and an upper one, each a float or an array of doubles, one for each coordinate."""

    def __init__(self, lower, upper):
        self.lower, self.upper, self.count = lower, upper, -1
        self.low, self.high = &self.lowest, &self.highest
        if type(lower) is float:
            self.lowest = lower
        else:
            self.low, self.low_stride = self.numbers_of(lower), 1
        if type(upper) is float:
            self.highest = upper
        else:
            self.high, self.high_stride = self.numbers_of(upper), 1

    cdef const double *numbers_of(self, side) except NULL:
        """Return where the numbers of an array lie, one for each coordinate."""
        cdef const double[::1] numbers = side
        self.count = numbers.shape[0] if self.count in (-1, numbers.shape[0]) else -2  # as many as no x has
        return &numbers[0]

    cdef bint is_far(self, char kind, const void *x, Py_ssize_t n, const void *steps, Stencil stencil) noexcept nogil:
        """Return whether bounds are so far away, by twice what the nodes need, that they change nothing.

        It may say no where they are far, as it does for long doubles: then the slower way finds out.
        """
        if kind == c"d":
            return is_far_as[double](self, <const double *>x, n, <const double *>steps, stencil)
        if kind == c"f":
            return is_far_as[float](self, <const float *>x, n, <const double *>steps, stencil)
        return False


cdef bint is_far_as(Box box, const real *x, Py_ssize_t n, const double *steps, Stencil stencil) noexcept nogil:
    cdef double reach = 0, room, size
    cdef Py_ssize_t i, k
    cdef bint far = True
    if box.count != -1 and box.count != n:
        return False
    for k in range(stencil.size):
        reach = max(reach, fabs(stencil.node[k]))
    for i in range(n):
        size = fabs(steps[i])
        room = 2 * reach * size
        far = far and x[i] - room >= box.low[i * box.low_stride] and x[i] + room <= box.high[i * box.high_stride]
        far = far and <real>(x[i] + size) != x[i]
    return far

