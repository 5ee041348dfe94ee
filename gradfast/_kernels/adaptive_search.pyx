"""What was seen of f on lines through x, and for which of them more looks are wanted.

A line is a coordinate, or a number t that moves several. A look is f at x + h and x - h. All lines that still look do
so together.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, frexp, isfinite, ldexp, pow, rint, sqrt

from gradfast._kernels.adaptive_fit cimport (
    DEEP_LOOK, DEEPER_LOOK, IS_NOISE, JUMP, MOST_LOOKS, Fit, Looks, Value, as_derivative, fit,
)
from gradfast._kernels.adaptive_next_look cimport GOLDEN, SILVER, Line, has_not_moved, next_look

import numpy as np

# The first step, in units of the line's scale; 4.4 times that for derivatives higher than the second. A third less or
# more changes neither coverage nor the number of evaluations by a tenth.
cdef double START = 0.068

# How much of the room to bounds is used: many an f is defined only within them, as log(x) is for x > 0.
cdef double INSIDE = 1 - 2.0**-10

cdef enum:
    HELD = 2                            # the side of a line on which x cannot be moved


cdef class Search:
    """Lines, what was seen of f on them, and what they ask for."""

    cdef readonly Py_ssize_t count      # lines
    cdef Py_ssize_t width               # values of f at each point
    cdef int n                          # the order of the derivative
    cdef int digits                     # bits of x's precision
    cdef int singles                    # values seen if all are of single precision, else -1
    cdef double eps                     # of f's values
    cdef double start                   # the first step, in units of a line's scale
    cdef const long double[:, ::1] center   # by line and value
    cdef long double[:, :, :, ::1] seen     # by line, look, side and value
    cdef Line *lines
    cdef Value *values                  # by line and value
    cdef object memory                  # that the pointers point to

    def __init__(self, center, const double[:, :] places, double eps, double tolerance, double enough, int digits,
                 int most, int n):
        """Make lines ready.

        Rows of `places` tell how large x is, what the first step is relative to (x if that is NaN), how far f may be
        looked at, and how far bounds are below and above.
        """
        cdef Py_ssize_t i
        self.center = np.ascontiguousarray(center, np.longdouble)
        self.count, self.width = self.center.shape[0], self.center.shape[1]
        self.eps, self.digits, self.n, self.start = eps, digits, n, START if n < 3 else 4.4 * START
        self.seen = np.zeros((self.count, MOST_LOOKS, 2, self.width), np.longdouble)
        lines, values = bytearray(self.count * sizeof(Line)), bytearray(self.count * self.width * sizeof(Value))
        self.memory, self.lines = (lines, values), <Line *>PyByteArray_AS_STRING(lines)
        self.values = <Value *>PyByteArray_AS_STRING(values)
        for i in range(self.count):
            self.lines[i].tolerance, self.lines[i].enough = tolerance, enough
            self.lines[i].left = max(most, 2 * ((n - 1) // 2 + 2))
            self.begin(i, fabs(places[0, i]), places[1, i], places[2, i], places[3, i], places[4, i])

    cdef void begin(self, Py_ssize_t i, double x, double scale, double reach, double below,
                    double above) noexcept nogil:
        """Make a line ready; where x or f is not finite, it is done, and where bounds hold x, its derivative is 0."""
        cdef Line *a = &self.lines[i]
        cdef Value *v = &self.values[i * self.width]
        cdef double room = fmax(below, above) if reach > 0 else 0, near = fmin(below, above)
        cdef bint is_known = False
        cdef Py_ssize_t k
        a.x, a.wall, a.into = x, INFINITY, JUMP
        a.unit = self.unit_of(x)
        # An x is as good as 0 if its n-th power is below this: over so short a step f has no n-th derivative.
        a.scale = scale if scale == scale else x if pow(x, self.n) > 1e-305 else 1
        if isfinite(x) and room <= 4 * a.unit:
            a.side = HELD
        elif near < self.start * a.scale / 4 and below != above:
            a.side, a.beside = 1 if above > below else -1, self.start * near
        a.reach = fmin(reach, INSIDE * (near if a.side == 0 else room))
        for k in range(self.width):
            is_known |= isfinite(self.center[i, k])
            v[k].shape_above, v[k].more = INFINITY, 2
            v[k].best.value = 0 if a.side == HELD else NAN
            v[k].best.bar = 0 if a.side == HELD and room == 0 else INFINITY
        if a.side != HELD and isfinite(x) and a.reach > 0:
            a.next = self.start * a.scale * is_known

    cdef double unit_of(self, double x) noexcept nogil:
        """Return the unit in the last place of x's precision."""
        cdef int exponent
        frexp(x, &exponent)
        return fmax(ldexp(1.0, exponent - self.digits), 2.0**-1074 if self.digits > 24 else 2.0**-149)

    cdef double snapped(self, Line *a, double h) noexcept nogil:
        """Return a step near h for which x + h and x - h are exact in x's precision."""
        cdef double unit
        h = fmin(h, a.reach)
        unit = self.unit_of(a.x + h)
        h = rint((a.x + h) / unit) * unit - a.x
        return fmax(h - unit if h > a.reach else h, unit)

    def ask(self):
        """Return a side (0: both), lines and steps for which f's values are wanted; None at the end."""
        cdef Py_ssize_t i
        cdef int side = HELD
        cdef Line *a
        cdef list chosen = [], steps = []
        for i in range(self.count):
            a = &self.lines[i]
            if a.next == 0 or a.left < (1 if a.side else 2) or a.count == MOST_LOOKS:
                continue
            if side in (HELD, a.side):
                side = a.side
                chosen.append(i)
                steps.append(self.snapped(a, a.next))
        return (side, np.array(chosen, np.intp), np.array(steps)) if chosen else None

    def tell(self, int side, const Py_ssize_t[::1] chosen, values, const double[::1] steps):
        """Take f's values: a row for each line, or two, above and below x, if both sides were asked for.

        This search or another has asked for them.
        """
        cdef Py_ssize_t k, rows = 1 if side else 2
        cdef const long double[:, ::1] told = np.ascontiguousarray(values, np.longdouble).reshape(-1, self.width)
        self.look_at_precision(told)
        for k in range(chosen.shape[0]):
            if self.lines[chosen[k]].count == MOST_LOOKS:
                continue
            self.lines[chosen[k]].side, self.lines[chosen[k]].asked = side, steps[k]
            self.take(chosen[k], told, k * rows, side)

    cdef void take(self, Py_ssize_t i, const long double[:, ::1] told, Py_ssize_t row, int side) noexcept nogil:
        """Take f's values on one line, in a row for each side that was looked at, and plan the next look there."""
        cdef Line *a = &self.lines[i]
        cdef long double value
        cdef bint[2] is_finite              # where f(x) is: above x, below
        cdef bint is_seen
        cdef Py_ssize_t j, k
        for j in range(2):
            is_seen, is_finite[j] = side != 2 * j - 1, True
            for k in range(self.width):
                value = told[row, k] if is_seen else self.center[i, k]
                is_finite[j] &= isfinite(value) or not isfinite(self.center[i, k])
                if isfinite(value) and value != self.center[i, k]:
                    self.values[i * self.width + k].ever_moved = True
                self.seen[i, a.count, j, k] = value
            row += is_seen
        a.left -= 1 if side else 2
        if is_finite[0] and is_finite[1]:
            a.steps[a.count] = a.asked
            a.count += 1
        else:
            a.wall = fmin(a.wall, a.asked)
            if is_finite[0] != is_finite[1]:
                a.free = 1 if is_finite[0] else -1
            if a.count == 1 and a.asked < a.steps[0]:  # the first look was beyond a gap
                a.count = 0
        if a.count == 0:
            self.come_in(a)
        elif a.count == 1:
            a.next = GOLDEN * a.steps[0]
        else:
            self.plan(i, <unsigned int>is_finite[0] * is_finite[1] << (a.count - 1))

    cdef void plan(self, Py_ssize_t i, unsigned int newest) noexcept nogil:
        """Plan the next look on a line: for the value whose bar is widest, relative to itself.

        The newest look, a bit, counts for the values that wish for it. The others do without: what led there may be
        noise that they do not have, or a shape that is not theirs. Close to x, rounding may hide that they move. They
        may move first where another value is not finite, and no look counts.
        """
        cdef Line *a = &self.lines[i]
        cdef Value *values = &self.values[i * self.width]
        cdef Value *v
        cdef double bar, widest = -1, asked = a.next
        cdef Py_ssize_t k
        a.next = 0
        for k in range(self.width):
            v = &values[k]
            if not v.counted:
                self.count_for(a, i, k, 3)
            elif v.wish == asked or not v.has_moved:
                self.count_for(a, i, k, newest)
        for k in range(self.width):
            v = &values[k]
            if a.has_moved and not v.has_moved:
                v.wish = 0
            bar = fmin(v.best.bar / fmax(fabs(<double>v.best.value), 1e-300), 1e300)
            if v.wish and bar > widest:
                widest, a.next = bar, v.wish
        if a.next == asked and not newest:  # f is not finite there
            a.next = 0
        for k in range(self.width):
            if is_near(&values[k], a.next):
                values[k].wish = a.next

    cdef void count_for(self, Line *a, Py_ssize_t i, Py_ssize_t k, unsigned int look) noexcept nogil:
        """Let a look count for a value, and write what it wishes next, if no look made before for others will do."""
        cdef Value *v = &self.values[i * self.width + k]
        cdef Looks looks
        cdef int j
        if not isfinite(self.center[i, k]):
            v.counted = 3
            return
        while True:
            v.counted |= look
            self.gather(&looks, i, k, a.side)
            v.wish = fmin(next_look(a, &looks, v), a.reach)
            look = 0
            for j in range(a.count):
                if is_near(v, a.steps[j]) and not v.counted >> j & 1:
                    look = <unsigned int>1 << j
            if not look:
                break
        a.has_moved |= v.has_moved
        if v.ever_moved and not v.has_moved:
            v.best.bar = INFINITY

    cdef void gather(self, Looks *a, Py_ssize_t i, Py_ssize_t k, int side) noexcept nogil:
        """Write the looks that count for a value, by rising step. OUT: a."""
        cdef const Line *line = &self.lines[i]
        cdef unsigned int counted = self.values[i * self.width + k].counted
        cdef int j, to
        a.n, a.side, a.eps, a.center, a.count = self.n, side, self.eps, self.center[i, k], 0
        for j in range(line.count):
            if not counted >> j & 1:
                continue
            to = a.count
            while to and a.steps[to - 1] > line.steps[j]:
                a.steps[to], a.above[to], a.below[to] = a.steps[to - 1], a.above[to - 1], a.below[to - 1]
                to -= 1
            a.steps[to], a.above[to], a.below[to] = line.steps[j], self.seen[i, j, 0, k], self.seen[i, j, 1, k]
            a.count += 1

    cdef void come_in(self, Line *a) noexcept nogil:
        """Look closer to x, where f may be finite; at last on the only side where it is."""
        cdef double closest = 8 * a.unit
        a.next = 0
        if a.asked > closest:
            a.next = fmax(a.asked / a.into, closest)
            a.into *= 16
        elif a.free and not a.side:
            a.side, a.wall, a.into = a.free, INFINITY, JUMP
            a.next = self.start * a.scale

    cdef void look_at_precision(self, const long double[:, ::1] told) noexcept nogil:
        """See whether f works in single precision: all its values, and more than a few, are single numbers."""
        cdef Py_ssize_t i, k
        cdef long double value, last = NAN
        for i in range(told.shape[0] if self.singles >= 0 else 0):
            for k in range(self.width):
                value = told[i, k]
                if isfinite(value) and <long double><float>value != value:
                    self.singles = -1
                    return
                self.singles = self.singles + (value != last)  # += would need the GIL in a checked build
                last = value
        if self.singles > 8:
            self.eps, self.singles = fmax(self.eps, 2.0**-24), -1

    def results(self):
        """Return values, bars, whether these have converged, radii and sides."""
        cdef Py_ssize_t i, k
        cdef Fit *b
        values, bars = np.empty((self.count, self.width), np.longdouble), np.empty((self.count, self.width))
        converged, radii, sides = np.empty(bars.shape, bool), np.zeros(self.count), np.empty(self.count, np.intp)
        cdef long double[:, ::1] value = values
        cdef double[:, ::1] bar = bars
        cdef unsigned char[:, ::1] is_known = converged.view(np.uint8)
        cdef double[::1] radius = radii
        cdef Py_ssize_t[::1] side = sides
        for i in range(self.count):
            side[i] = self.lines[i].side
            for k in range(self.width):
                b = &self.values[i * self.width + k].best
                value[i, k], bar[i, k] = b.value, b.bar
                radius[i] = fmax(radius[i], b.radius)
                is_known[i, k] = self.has_converged(&self.lines[i], &self.values[i * self.width + k])
        return values, bars, converged, radii, sides

    cdef bint has_converged(self, const Line *a, const Value *v) noexcept nogil:
        """Return whether a bar is small beside the value, or the value is 0 as far as f's rounding tells.

        Rounding tells it if it is all that the bar is made of, and the bar is small beside how fast f changes within
        the radius. Where f never moved, 0 is all that can be known.
        """
        cdef const Fit *b = &v.best
        cdef double change, size = fabs(<double>b.value), enough = fmax(a.enough, pow(2, -0.5 * self.digits))
        if b.bar <= enough * size or has_not_moved(b) and isfinite(b.bar + b.value):
            return True
        if self.n > 2 or v.rests or v.state == IS_NOISE:
            return False
        change = fabs(<double>as_derivative(b, self.n, fmax(b.size, b.other_size) * <long double>b.sigma))
        if self.n == 2:
            change *= b.radius / a.scale
        return size <= 4 * b.bar <= 4 * enough * change

    def looks(self, Py_ssize_t i):
        """Return the steps of the looks on a line, rising, and f's values above and below x there."""
        cdef int j
        steps = np.array([self.lines[i].steps[j] for j in range(self.lines[i].count)])
        order = steps.argsort()
        seen = np.asarray(self.seen)[i, order].astype(float)
        return steps[order], seen[:, 0], seen[:, 1]

    def one_sided(self, Py_ssize_t i, int side):
        """Return the derivatives and their bars by the looks on one side of x alone, if there are looks on both."""
        cdef Looks looks
        cdef Fit[MOST_LOOKS] fits
        cdef Value v
        cdef Py_ssize_t k
        found = np.full((2, self.width), [[np.nan], [np.inf]])
        if self.lines[i].count > 1:
            for k in range(self.width):
                v = self.values[i * self.width + k]
                self.gather(&looks, i, k, side)
                fit(&looks, &v, fits)
                if v.best.looks:
                    found[0, k], found[1, k] = v.best.value, v.best.bar
        return found[0], found[1]


cdef bint is_near(const Value *v, double step) noexcept nogil:
    """Return whether a look does as well as the one that a value wishes for."""
    cdef double ratio = 0.125 if v.state == DEEP_LOOK or v.state == DEEPER_LOOK else SILVER
    return ratio * step <= v.wish <= step / ratio
