"""How an x is differentiated: stencils, rules of steps, plans of a method, which stencils fit within bounds."""

cimport cython
from cpython.array cimport array
from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, fabs, floor, floorl, nextafter, nextafterf, nextafterl, pow

import numpy as np

# A coordinate smaller than this is moved as if it were this large: a fixed rule cannot know f's scale.
LEAST_SCALE = 0.1
cdef double SMALLEST_SCALE = LEAST_SCALE  # the same, for other compiled modules


cdef class Stencil:
    """Nodes and weights of a difference quotient.

    ``(center * f(x) + sum(weights[k] * f(x + nodes[k] * h))) / (denominator * h**n)`` approximates
    the n-th derivative. Weights are whole numbers over one denominator, so they are exact in every
    precision, and the central difference is literally ``(f(x + h) - f(x - h)) / (2 * h)``.
    """

    def __cinit__(self, nodes, weights, double denominator, int n=1, double center=0):
        self.nodes = tuple(nodes)
        self.weights = tuple(weights)
        if len(self.nodes) != len(self.weights) or not self.nodes:
            raise ValueError(
                f"weights must be as many as nodes, at least one; got {len(self.weights)} for {len(self.nodes)}"
            )
        self.denominator = denominator
        self.n = n
        self.center = center
        self.size = len(self.nodes)
        self.is_pair = self.nodes == (1, -1) and self.weights == (1, -1) and center == 0
        cdef array node = array("d", self.nodes), weight = array("d", self.weights)
        self._arrays = node, weight
        self.node, self.weight = node.data.as_doubles, weight.data.as_doubles

    def __reduce__(self):
        return Stencil, (self.nodes, self.weights, self.denominator, self.n, self.center)

    def __repr__(self):
        return (
            f"Stencil(nodes={self.nodes}, weights={self.weights}, denominator={self.denominator:g}, "
            f"n={self.n}, center={self.center:g})"
        )


cdef class Rule:
    """A step of about ``relative * max(abs(x), least_scale)``, a power of two; or an absolute one.

    The absolute one is also taken where both abs(x) and the least scale are 0. Either way it is the step that x can be
    moved by exactly, ``(abs(x) + step) - abs(x)``.
    """

    def __cinit__(self, double relative=0, double least_scale=0, double absolute=0):
        self.relative = relative
        self.least_scale = least_scale
        self.absolute = absolute

    def __reduce__(self):
        return Rule, (self.relative, self.least_scale, self.absolute)

    def __repr__(self):
        if self.relative == 0:
            return f"Rule(absolute={self.absolute:.6g})"
        return f"Rule(relative={self.relative:.6g}, least_scale={self.least_scale:g})"

    def at(self, x):
        """Return the steps at an array x, flat, as doubles or long doubles."""
        flat = np.ascontiguousarray(x).reshape(-1)
        steps = np.empty(flat.shape, "g" if flat.dtype.char == "g" else "d")
        cdef size_t at_x = flat.ctypes.data, to = steps.ctypes.data
        self.write(<char>ord(flat.dtype.char), <const void *>at_x, flat.size, 1.0, <void *>to)
        return steps

    cdef Py_ssize_t write(self, char kind, const void *x, Py_ssize_t n, double sign, void *steps) noexcept nogil:
        if kind == c"d":
            return write_steps[double](self, <const double *>x, n, sign, steps)
        if kind == c"f":
            return write_steps[float](self, <const float *>x, n, sign, steps)
        return write_steps[cython.longdouble](self, <const long double *>x, n, sign, steps)


cdef Py_ssize_t write_steps(
    Rule rule, const real *x, Py_ssize_t n, double sign, void *steps  # OUT: steps
) noexcept nogil:
    """Write the steps as doubles, those of long doubles as such. `write_doubles` is the same for the commonest case."""
    cdef Py_ssize_t i, swallowed = -1
    cdef real size, step
    cdef bint exact, all_are_finite = True
    if real is double:
        if rule.relative != 0 and rule.least_scale > 0:
            if write_doubles(rule.relative, rule.least_scale, x, n, sign, <double *>steps):
                return -1
    for i in range(n):
        if rule.relative != 0:
            step = relative_step(rule.relative, rule.least_scale, x[i])
        else:
            size = -x[i] if x[i] < 0 else x[i]
            step = <real>(size + rule.absolute) - size
            if step == 0 and swallowed < 0:
                swallowed = i
        all_are_finite = all_are_finite and isfinite(x[i])
        exact = step > 0 and isfinite(step)  # else x cannot be moved by it, and it stays as it was asked for
        if real is float or real is double:
            (<double *>steps)[i] = sign * (<double>step if exact else rule.absolute)
        else:
            (<long double *>steps)[i] = sign * (step if exact else <long double>rule.absolute)
    return swallowed if swallowed >= 0 or all_are_finite else -2


cdef bint write_doubles(
    double relative, double least, const double *x, Py_ssize_t n, double sign, double *steps  # OUT: steps
) noexcept nogil:
    """Write relative steps of doubles, in a form that C compilers vectorize; False if some x or step is not finite.

    `relative_step` takes several times as long, for its branches.
    """
    cdef Py_ssize_t i
    cdef Bits bits
    cdef double size, scale
    cdef uint64_t overflow = 0
    for i in range(n):
        size = fabs(x[i])
        scale = size if size > least else least
        bits.number = power_of_two(relative * scale)
        bits.number = (size + bits.number) - size
        overflow |= (bits.pattern & 0x7FF0000000000000ULL) + 0x0010000000000000ULL  # as in all_finite
        steps[i] = sign * bits.number
    return not overflow >> 63


cdef long double step_beyond_doubles(double relative, long double scale) noexcept nogil:
    """Return the power of two near relative * scale, found for a scale that is smaller by powers of 2**1000."""
    cdef long double unit = 1
    while scale / unit > 1e300:
        unit *= 2.0**1000
    return unit * power_of_two(relative * <double>(scale / unit))


# --- plans and bounds -------------------------------------------------------------------------------------------------


cdef class Plan:
    """For one order of derivative and one precision: the rule of the steps, the stencils to choose from near bounds."""

    def __init__(self, rule, candidates, bint by_precision=False):
        self.rule, self.candidates, self.by_precision = rule, tuple(candidates), by_precision
        self.stencil, self.sign = self.candidates[0]


def plan_index(int n, str char):
    """Return where a method keeps the plan of an order of derivative and a dtype.char."""
    return index_of(n, <char>ord(char))


cdef class Box:
    """Bounds, looked at once: a lower and an upper one, each a float or an array of a double for each coordinate."""

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
        self.count = numbers.shape[0] if self.count in (-1, numbers.shape[0]) else -2  # no x has -2 coordinates
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

    cdef dict choose(self, tuple candidates, const double *x, Py_ssize_t n, double *steps):  # OUT: steps
        """Do what `WITHIN` does, for doubles in C order; None if x is outside, or bounds are wrong."""
        cdef Py_ssize_t i
        cdef double low, high
        cdef dict chosen = {stencil: [] for stencil, _ in candidates}
        if self.count != -1 and self.count != n:
            return None
        for i in range(n):
            low, high = self.low[i * self.low_stride], self.high[i * self.high_stride]
            if not low <= x[i] <= high:
                return None
            stencil = stencil_within[double](candidates, x[i], low, high, &steps[i], False)
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
    const value[:] x, value[:] steps, tuple candidates, const value[:] low, const value[:] high, bint is_single
):  # OUT: steps
    """Return which coordinates take which stencil, so that every node lies within the bounds; write their signed steps.

    Candidates are stencils and the direction they look in, the preferred one first. A coordinate takes the first that
    fits with its step; where none does, the one with most room and a shorter step. Where even the shortest step has no
    room the coordinate is in no list, and its step is 0. If x is in single precision, its numbers come as doubles.
    `Box.choose` does the same, where its arrays lie.
    """
    cdef Py_ssize_t i
    cdef dict chosen = {stencil: [] for stencil, _ in candidates}
    for i in range(x.shape[0]):
        stencil = stencil_within[value](candidates, x[i], low[i], high[i], &steps[i], is_single)
        if stencil is not None:
            (<list>chosen[stencil]).append(i)
    return chosen


cdef stencil_within(tuple candidates, value x, value low, value high, value *step, bint is_single):  # OUT: step
    """Return the stencil that one coordinate takes, or None, and write its signed step."""
    cdef value size = -step[0] if step[0] < 0 else step[0], most = -INFINITY, room = 0
    cdef bint fits = False
    cdef double least
    cdef int sign
    cdef Stencil stencil
    best = candidates[0]
    for candidate in candidates:
        stencil, sign = candidate
        room = room_for[value](stencil, sign, x, low, high, is_single)
        fits = not room < size  # an x of NaN is nowhere, and moves as it would without bounds
        if fits or room > most:
            best, most = candidate, room
        if fits:
            break
    stencil, sign = best
    if not fits:
        size = largest_exact[value](candidates, x, most, is_single)
    size *= sign
    # Though the step fits, x plus a node may round to a number outside.
    while is_outside[value](stencil, x, size, low, high, is_single):
        size /= 2
    least = pow(DBL_MIN, 1.0 / stencil.n)  # else the n-th power of the step, the divisor, would underflow
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
        room = min(room, side)
    return room


cdef value largest_exact(tuple candidates, value x, value limit, bint is_single):
    """Return the longest step up to a limit that x is moved by exactly, at each node of all stencils; 0 if none is."""
    cdef value reach = 0, grid, end
    for candidate in candidates:
        reach = max(reach, *[abs(node) for node in (<Stencil>candidate[0]).nodes])
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
