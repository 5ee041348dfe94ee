"""How an x is differentiated: rules of steps, stencils to choose from, bounds."""

cimport cython
from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, fabs, floor, floorl, nextafter, nextafterf, nextafterl, pow

from gradfast._kernels.step_rule cimport real
from gradfast._kernels.stencil cimport Stencil, value


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
        """Return whether bounds change nothing, since they are twice as far away as the nodes need.

        It may say no where they are far, as it does for long doubles: then the slower way finds out.
        """
        if kind == c"d":
            return is_far_as[double](self, <const double *>x, n, <const double *>steps, stencil)
        if kind == c"f":
            return is_far_as[float](self, <const float *>x, n, <const double *>steps, stencil)
        return False

    cdef dict choose(self, tuple options, const double *x, Py_ssize_t n, double *steps):  # OUT: steps
        """Do what `WITHIN` does, for doubles in C order; None if x is outside, or bounds are wrong."""
        cdef Py_ssize_t i
        cdef double low, high
        cdef dict chosen = {stencil: [] for stencil, _ in options}
        if self.count != -1 and self.count != n:
            return None
        for i in range(n):
            low, high = self.low[i * self.low_stride], self.high[i * self.high_stride]
            if not low <= x[i] <= high:
                return None
            stencil = stencil_within[double](options, x[i], low, high, &steps[i], False)
            if stencil is not None:
                (<list>chosen[stencil]).append(i)
        return chosen


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


def _within(
    const value[:] x, value[:] steps, tuple options, const value[:] low, const value[:] high, bint is_single
):  # OUT: steps
    """Return which coordinates take which stencil, so that every node lies within the bounds; write their signed steps.

    Options are stencils and the direction they look in, the preferred one first. A coordinate takes the first that fits
    with its step; where none does, the one with most room and a shorter step. Where even the shortest step has no room
    the coordinate is in no list, and its step is 0. If x is in single precision, its numbers come as doubles.
    """
    cdef Py_ssize_t i
    cdef dict chosen = {stencil: [] for stencil, _ in options}
    for i in range(x.shape[0]):
        stencil = stencil_within[value](options, x[i], low[i], high[i], &steps[i], is_single)
        if stencil is not None:
            (<list>chosen[stencil]).append(i)
    return chosen


cdef stencil_within(tuple options, value x, value low, value high, value *step, bint is_single):  # OUT: step
    """Return the stencil that one coordinate takes, or None, and write its signed step."""
    cdef value size = -step[0] if step[0] < 0 else step[0], most = -INFINITY, room = 0
    cdef bint fits = False
    cdef double least
    cdef int sign
    cdef Stencil stencil
    best = options[0]
    for option in options:
        stencil, sign = option
        room = room_for[value](stencil, sign, x, low, high, is_single)
        fits = not room < size  # an x of NaN is nowhere, and moves as it would without bounds
        if fits or room > most:
            best, most = option, room
        if fits:
            break
    stencil, sign = best
    if not fits:
        size = largest_exact[value](options, x, most, is_single)
    size *= sign
    while is_outside[value](stencil, x, size, low, high, is_single):  # x plus a node may round to a number outside though the step fits
        size /= 2
    least = pow(DBL_MIN, 1.0 / stencil.n)  # the n-th power of a step, which the difference is divided by, must not underflow
    step[0] = 0 if -least < size < least or rounded(x + rounded(size, is_single), is_single) == x else size
    return None if step[0] == 0 else stencil


cdef value room_for(Stencil stencil, int sign, value x, value low, value high, bint is_single) noexcept:
    """Return the largest step at which all nodes lie within the bounds; NaN if there is no telling."""
    cdef value above = 0, below = 0, room = INFINITY, side
    cdef Py_ssize_t k
    for k in range(stencil.size):
        above, below = max(above, sign * stencil.node[k]), max(below, -sign * stencil.node[k])
    if above > 0:
        room = rounded(high - x, is_single) / above
    if below > 0:
        side = rounded(x - low, is_single) / below
        room = side if side < room or side != side else room
    return room


cdef value largest_exact(tuple options, value x, value limit, bint is_single):
    """Return the longest step up to a limit that x is moved by exactly, at each node of all stencils; 0 where there is none."""
    cdef value reach = 0, grid, end
    for option in options:
        reach = max(reach, *[abs(node) for node in (<Stencil>option[0]).nodes])
    end = rounded((-x if x < 0 else x) + reach * limit, is_single)
    if value is double:
        grid = (nextafterf(<float>end, INFINITY) if is_single else nextafter(end, INFINITY)) - end
        return grid * floor(limit / grid)
    else:
        grid = nextafterl(end, INFINITY) - end
        return grid * floorl(limit / grid)


cdef bint is_outside(Stencil stencil, value x, value step, value low, value high, bint is_single) noexcept:
    cdef value at
    cdef Py_ssize_t k
    for k in range(stencil.size):
        at = rounded(x + stencil.node[k] * step, is_single)
        if at < low or at > high:
            return True
    return False


cdef inline value rounded(value number, bint is_single) noexcept nogil:
    """Return a number as x can hold it. To round a sum of two floats by way of doubles rounds as floats do."""
    return <float>number if is_single else number


WITHIN = {"d": _within["double"], "g": _within["long double"]}
