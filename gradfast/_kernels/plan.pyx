"""How an x is differentiated: rules of steps, stencils to choose from, bounds."""

cimport cython
from libc.math cimport fabs

from gradfast._kernels.step_rule cimport real
from gradfast._kernels.stencil cimport Stencil


@cython.final
cdef class Plan:
    """For one order of derivative and one dtype of x: the rule of the steps, and the stencils to choose from near bounds."""

    def __init__(self, rule, options):
        self.rule, self.options = rule, tuple(options)
        self.stencil, self.sign = self.options[0]


@cython.final
cdef class Box:
    """Bounds, looked at once: a lower and an upper one, each a number or an array of one for each coordinate."""

    def __init__(self, lower, upper):
        self.lower, self.upper = lower, upper
        cdef const double[::1] low = lower.reshape(-1), high = upper.reshape(-1)
        self.low_stride, self.high_stride = low.shape[0] != 1, high.shape[0] != 1
        self.low, self.high = &low[0] if low.shape[0] else NULL, &high[0] if high.shape[0] else NULL
        self.count = max(low.shape[0], high.shape[0])
        if self.count == 1:
            self.count = -1

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
    if box.count >= 0 and box.count != n:
        return False
    for k in range(stencil.size):
        reach = max(reach, fabs(stencil.node[k]))
    for i in range(n):
        size = fabs(steps[i])
        room = 2 * reach * size
        far = far and x[i] - room >= box.low[i * box.low_stride] and x[i] + room <= box.high[i * box.high_stride]
        far = far and <real>(x[i] + size) != x[i]
    return far

