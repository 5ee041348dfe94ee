"""Where f is looked at next, on each line through x, until the error bar of the derivative falls no further.

A line is a coordinate, or a number t that moves several. A look is f at x + h and x - h. All lines that still look do
so together. Neighboring steps are in ratios that are no small fractions: no wave of f has the same phase at all.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, frexp, isfinite, ldexp, pow, rint, sqrt

from gradfast._kernels.fit cimport MOST_LOOKS, Fit, Known, Looks, as_derivative, fit, half, moved

import numpy as np

# The first step, in units of the line's scale; 4.4 times that for derivatives higher than the second. A third less or
# more changes neither coverage nor the number of evaluations by a tenth.
cdef double START = 0.068

# How much longer or shorter a step is if nothing tells how much. If it is not used further out, 200 more of 2400
# results at and beside kinks are off by a tenth.
cdef double JUMP = 51.8

# How much of the room to bounds is used: many an f is defined only within them, as log(x) is for x > 0.
cdef double INSIDE = 1 - 2.0**-10

# Ratios of neighboring steps: (sqrt(5) - 1) / 2 and sqrt(2) - 1.
cdef double GOLDEN = 0.6180339887498949
cdef double SILVER = 0.4142135623730951

# A fit is rough if its scatter is this many times what f's values are known to, or its misfit half of its size. If
# scatter alone makes no fit rough, 89 % of 2800 bars cover the error, not 98 %.
cdef double NOISY = 30.0

# A rough fit is noise if at least this part of its misfit is left much closer to x. If less is left, fits that leave
# out more than that part are given up. If they are not, 46 % of 1385 bars of waves cover the error, not 96 %.
cdef double UNSHRUNK = 0.03

# A result has converged if its bar is at most this part of it, or sqrt(eps) of it in coarser precision than double. If
# not, noisy lines look this many times more. Without that 107 more of 2800 results are off by more than 1e-6.
cdef double CONVERGED = 1e-6
cdef int MORE = 2

# An x is as good as 0 if its n-th power is below this: changes of f over a step so short have no n-th derivative.
cdef double TINIEST = 1e-305

cdef enum:
    HELD = 2                            # the side of a line on which x cannot be moved

cdef enum State:                        # of one of f's values on a line, in this order
    NOT_ROUGH = 0
    DEEP_LOOK = 1                       # f was looked at much closer to x
    CONFIRMING_LOOK = 2                 # the misfit shrank there: one more look beside it is to confirm that
    SMOOTH_CLOSE_BY = 3                 # it did
    IS_NOISE = 4                        # the misfit does not shrink with the step

cdef struct Plan:                       # for one of f's values on a line
    State state
    int deep_looks                      # looks much closer to x
    double rough_by                     # the misfit that made it look rough
    int more                            # looks at noise that are left
    bint has_looked_out                 # for what lies beyond an abrupt change

cdef struct Line:
    double x                            # how large x is
    double scale                        # what the first step is relative to
    double reach                        # no look is further from x
    double wall                         # the shortest step at which f is not finite
    double into                         # how far the next look goes in if f is not finite there either
    double beside                       # a step that suits the distance of a bound nearby, or 0
    double asked                        # the step that f's values are asked for
    double next                         # the step that comes then, or 0
    int looks
    int left                            # evaluations
    int used
    int side                            # 0: both sides of x; 1 or -1: one; 2: none
    int free                            # the only side on which f was finite, or 0
    Py_ssize_t deep_for                 # the value for which f is looked at much closer to x, or -1


cdef class Search:
    """What was seen of f on each line, and where to look next."""

    cdef readonly Py_ssize_t count      # lines
    cdef readonly Py_ssize_t width      # values of f at each point
    cdef readonly int n                 # the order of the derivative
    cdef readonly double eps            # of f's values
    cdef double told                    # eps by their dtype
    cdef double tolerance               # of bars relative to values
    cdef int digits                     # bits of x's precision
    cdef int singles                    # values seen if all are of single precision, else -1
    cdef const long double[:, ::1] center   # by line and value
    cdef long double *up                # by line, look and value
    cdef long double *down
    cdef double *steps                  # by line and look
    cdef Line *lines
    cdef Fit *fits                      # by value and radius, of the line looked at last
    cdef Fit *best                      # by line and value
    cdef Known *known                   # the same
    cdef Plan *plans                    # the same
    cdef list memory                    # that the pointers point to
    cdef readonly list trace            # what was tried, if that is wanted: line, step, values, bars

    def __init__(self, center, const double[::1] x, const double[::1] scale, const double[::1] reach,
                 const double[::1] below, const double[::1] above, double eps, double tolerance, int digits, int most,
                 int n, bint keeps_trace):
        """Make lines ready; where scale, reach or bounds are None, they are what suits coordinates of size x."""
        cdef Py_ssize_t i, values
        cdef double size
        self.center = np.ascontiguousarray(center, np.longdouble)
        self.count, self.width = self.center.shape[0], self.center.shape[1]
        self.n, self.eps, self.told, self.tolerance, self.digits = n, eps, eps, tolerance, digits
        self.trace = [] if keeps_trace else None
        self.memory = []
        values = self.count * self.width
        self.up = <long double *>self.zeros(values * MOST_LOOKS, sizeof(long double))
        self.down = <long double *>self.zeros(values * MOST_LOOKS, sizeof(long double))
        self.steps = <double *>self.zeros(self.count * MOST_LOOKS, sizeof(double))
        self.lines = <Line *>self.zeros(self.count, sizeof(Line))
        self.fits = <Fit *>self.zeros(self.width * MOST_LOOKS, sizeof(Fit))
        self.best = <Fit *>self.zeros(values, sizeof(Fit))
        self.known = <Known *>self.zeros(values, sizeof(Known))
        self.plans = <Plan *>self.zeros(values, sizeof(Plan))
        for i in range(self.count):
            size = fabs(x[i])
            self.begin(
                i, size, scale[i] if scale is not None else size if pow(size, n) > TINIEST else 1,
                reach[i] if reach is not None else fmax(size, 1), below[i] if below is not None else INFINITY,
                above[i] if above is not None else INFINITY, max(most, 2 * ((n - 1) // 2 + 2)),
            )

    cdef void *zeros(self, Py_ssize_t count, Py_ssize_t size) except NULL:
        cdef object memory = bytearray(max(1, count) * size)
        self.memory.append(memory)
        return PyByteArray_AS_STRING(memory)

    cdef double start(self) noexcept nogil:
        return START if self.n < 3 else 4.4 * START

    cdef void begin(self, Py_ssize_t i, double x, double scale, double reach, double below, double above,
                    int most) noexcept nogil:
        """Make a line ready; where x or f is not finite, it is done, and where bounds hold x, its derivative is 0."""
        cdef Line *a = &self.lines[i]
        cdef double room = fmax(below, above) if reach > 0 else 0, near = fmin(below, above)
        cdef bint is_known = False
        cdef Py_ssize_t k, first = i * self.width
        a.x, a.scale, a.left, a.deep_for, a.wall, a.into = x, scale, most, -1, INFINITY, JUMP
        a.next = self.start() * scale
        if isfinite(x) and room <= 4 * self.unit(x):
            a.side = HELD
        elif near < a.next / 4 and below != above:
            a.side = 1 if above > below else -1
            a.beside = self.start() * near
        a.reach = fmin(reach, INSIDE * (near if a.side == 0 else room))
        for k in range(self.width):
            is_known |= isfinite(self.center[i, k])
            self.known[first + k].shape_above, self.plans[first + k].more = INFINITY, MORE
            self.best[first + k].value = 0 if a.side == HELD else NAN
            self.best[first + k].bar = 0 if a.side == HELD and room == 0 else INFINITY
        if a.side == HELD or not (isfinite(x) and a.reach > 0 and is_known):
            a.next = 0

    cdef double unit(self, double x) noexcept nogil:
        """Return the unit in the last place of x's precision."""
        cdef int exponent
        frexp(x, &exponent)
        return fmax(ldexp(1.0, exponent - self.digits), 2.0**-1074 if self.digits > 24 else 2.0**-149)

    cdef double snapped(self, Py_ssize_t i, double h) noexcept nogil:
        """Return a new step near h for which x + h and x - h are exact in x's precision."""
        cdef Line *a = &self.lines[i]
        cdef double unit
        cdef int k
        h = fmin(h, a.reach)
        unit = self.unit(a.x + h)
        h = rint((a.x + h) / unit) * unit - a.x
        if h > a.reach:
            h -= unit
        if h <= 0:
            h = unit
        for k in range(a.looks):
            if self.steps[i * MOST_LOOKS + k] == h:
                h += unit if h + unit <= a.reach else -unit
        return h

    def ask(self):
        """Return a side (0: both), lines and steps for which f's values are wanted; None at the end."""
        cdef Py_ssize_t i
        cdef int side = HELD
        cdef bint is_open
        cdef Line *a
        cdef list chosen = [], steps = []
        for i in range(self.count):
            a = &self.lines[i]
            is_open = a.next != 0 and a.left >= (1 if a.side else 2) and a.looks < MOST_LOOKS
            if is_open and (side == HELD or side == a.side):
                side, a.asked = a.side, self.snapped(i, a.next)
                chosen.append(i)
                steps.append(a.asked)
        return (side, np.array(chosen, np.intp), np.array(steps)) if chosen else None

    def tell(self, int side, const Py_ssize_t[::1] chosen, values):
        """Take f's values: a row for each line, or two, above and below x, if both sides were asked for."""
        cdef Py_ssize_t i, k, rows = 1 if side else 2
        values = np.ascontiguousarray(values, np.longdouble).reshape(chosen.shape[0] * rows, self.width)
        cdef const long double[:, ::1] seen = values
        self.look_at_precision(seen)
        for k in range(chosen.shape[0]):
            i = chosen[k]
            self.take(i, seen, k * rows if side >= 0 else -1, k * rows + rows - 1 if side <= 0 else -1)
            if self.trace is not None:
                self.write_trace(i)

    cdef void take(self, Py_ssize_t i, const long double[:, ::1] seen, Py_ssize_t up, Py_ssize_t down) noexcept nogil:
        """Take f's values on one line, those above and below x in rows or nowhere, and plan the next look there."""
        cdef Line *a = &self.lines[i]
        cdef bint above = self.is_finite(i, seen, up), below = self.is_finite(i, seen, down)
        a.left -= (up >= 0) + (down >= 0)
        a.used += (up >= 0) + (down >= 0)
        a.next = 0
        if above and below:
            self.keep(i, seen, up, down)
        else:
            a.wall = fmin(a.wall, a.asked)
            if above != below and not a.free:
                a.free = 1 if above else -1
        if a.looks == 0:
            self.come_in(a)
        elif a.looks == 1:
            a.next = GOLDEN * self.steps[i * MOST_LOOKS]
        else:
            self.refit(i)

    cdef bint is_finite(self, Py_ssize_t i, const long double[:, ::1] seen, Py_ssize_t row) noexcept nogil:
        """Return whether values are finite where f(x) is."""
        cdef Py_ssize_t k
        for k in range(self.width if row >= 0 else 0):
            if not isfinite(seen[row, k]) and isfinite(self.center[i, k]):
                return False
        return True

    cdef void keep(self, Py_ssize_t i, const long double[:, ::1] seen, Py_ssize_t up, Py_ssize_t down) noexcept nogil:
        """Put a look among those of a line, by rising step."""
        cdef Line *a = &self.lines[i]
        cdef int j = a.looks
        cdef Py_ssize_t k, first = i * MOST_LOOKS, at
        while j and self.steps[first + j - 1] > a.asked:
            self.steps[first + j] = self.steps[first + j - 1]
            at = (first + j) * self.width
            for k in range(at, at + self.width):
                self.up[k], self.down[k] = self.up[k - self.width], self.down[k - self.width]
            j -= 1
        self.steps[first + j], at = a.asked, (first + j) * self.width
        for k in range(self.width):
            self.up[at + k] = seen[up, k] if up >= 0 else self.center[i, k]
            self.down[at + k] = seen[down, k] if down >= 0 else self.center[i, k]
        a.looks += 1

    cdef void come_in(self, Line *a) noexcept nogil:
        """Look closer to x, where f may be finite; at last on the only side where it is."""
        cdef double closest = 8 * self.unit(a.x)
        if a.asked > closest:
            a.next = fmax(a.asked / a.into, closest)
            a.into *= 16
        elif a.free and not a.side:
            a.side, a.wall, a.into = a.free, INFINITY, JUMP
            a.next = self.start() * a.scale

    cdef void look_at_precision(self, const long double[:, ::1] seen) noexcept nogil:
        """See whether f works in single precision: all its values, and more than a few, are single numbers."""
        cdef Py_ssize_t i, k
        cdef long double value, last = NAN
        for i in range(seen.shape[0] if self.singles >= 0 else 0):
            for k in range(seen.shape[1]):
                value = seen[i, k]
                if isfinite(value) and <long double><float>value != value:
                    self.singles = -1
                    return
                self.singles = self.singles + (value != last)  # += would need the GIL in a checked build
                last = value
        if self.singles > 8:
            self.eps, self.singles = fmax(self.eps, 2.0**-24), -1

    cdef Looks looks_of(self, Py_ssize_t i) noexcept nogil:
        cdef Looks looks
        cdef Py_ssize_t first = i * MOST_LOOKS
        looks.count, looks.steps, looks.width = self.lines[i].looks, self.steps + first, self.width
        looks.up, looks.down = self.up + first * self.width, self.down + first * self.width
        looks.center = &self.center[i, 0]
        looks.n, looks.side, looks.eps = self.n, self.lines[i].side, self.eps
        return looks

    cdef void refit(self, Py_ssize_t i) noexcept nogil:
        """Fit what was seen on a line, and plan the next look for the value whose bar is widest.

        If no look would help that value, the next widest has its turn.
        """
        cdef Line *a = &self.lines[i]
        cdef Looks looks = self.looks_of(i)
        cdef Fit *best = &self.best[i * self.width]
        cdef Known *known = &self.known[i * self.width]
        cdef Plan *plans = &self.plans[i * self.width]
        cdef double bar, widest, bound = INFINITY
        cdef Py_ssize_t k, which
        cdef bint has_tread = False
        if a.deep_for >= 0 and self.is_still_open(a, &known[a.deep_for], &plans[a.deep_for], &looks):
            return
        fit(&looks, known, self.fits, best)
        for k in range(self.width):
            if best[k].is_tread and plans[k].state != IS_NOISE:
                # What the tread has shown is noise: looks on it are worth no more than the stairs are high.
                has_tread = True
                known[k].noise = fmax(known[k].noise, best[k].scatter * best[k].sigma)
                if plans[k].state == SMOOTH_CLOSE_BY:
                    known[k].noise = fmax(known[k].noise, plans[k].rough_by)
                plans[k].state, known[k].shape_above = IS_NOISE, INFINITY
        if has_tread:
            fit(&looks, known, self.fits, best)
        while not a.next:
            which, widest = -1, -1
            for k in range(self.width):
                bar = fmin(best[k].bar / fmax(fabs(<double>best[k].value), 1e-300), 1e300) if best[k].looks else 1e300
                if isfinite(looks.center[k]) and widest < bar < bound:
                    which, widest = k, bar
            if which < 0:
                break
            bound = widest
            if best[which].looks:
                self.plan(a, &known[which], &plans[which], &looks, &best[which], which)
            else:
                a.next = GOLDEN * looks.steps[0]

    cdef void plan(self, Line *a, Known *known, Plan *w, const Looks *looks, const Fit *b, Py_ssize_t k) noexcept nogil:
        """Plan the next look for one of f's values, by the first rule that applies; none if it would not help."""
        cdef double furthest = looks.steps[looks.count - 1], size = fabs(<double>b.value)
        cdef double misfit = b.sigma * fmax(b.misfit, b.other_misfit)
        if b.size == 0 and b.other_size == 0:  # f has not moved
            if furthest < 0.99 * a.reach and not self.has_moved(b - k):
                a.next = fmin(fmax(furthest * JUMP, sqrt(furthest * a.reach)), a.reach)
        elif b.abrupt and not w.has_looked_out and furthest < fmin(0.99 * a.reach, JUMP * JUMP * b.abrupt):
            w.has_looked_out, a.next = True, fmin(furthest * JUMP, a.reach)
        elif w.state == SMOOTH_CLOSE_BY and self.look_between(a, looks, b):
            pass
        elif b.bar <= self.tolerance * size and self.is_no_kink(looks, b):
            pass
        elif w.deep_looks == 0 and self.is_rough(b) and self.look_deep(a, w, looks, k, misfit):
            pass
        elif w.state != IS_NOISE and not b.settled:
            a.next = self.closer(looks, b.radius)
        elif not self.look_further_out(a, looks, b, k) and b.bar > CONVERGED * size and w.more:
            w.more -= 1
            a.next = b.radius * (0.8 if w.more % 2 else 0.5)

    cdef bint has_moved(self, const Fit *best) noexcept nogil:
        """Return whether any of f's values differs from f(x) at a look, by the best fits of all values."""
        for k in range(self.width):
            if best[k].size != 0 or best[k].other_size != 0:
                return True
        return False

    cdef bint look_between(self, Line *a, const Looks *looks, const Fit *b) noexcept nogil:
        """Plan a look where f was resolved much closer to x than it was looked at first; return whether there is one.

        What lies between tells a smooth f, which bends more and more, from a stair's tread, which ends abruptly.
        """
        cdef int k = b.looks - 1
        if k > 0 and b.radius > JUMP * looks.steps[k - 1]:
            a.next = sqrt(b.radius * looks.steps[k - 1])
        elif k + 1 < looks.count and looks.steps[k + 1] > 4 * b.radius:
            a.next = sqrt(b.radius * looks.steps[k + 1])
        return a.next != 0

    cdef bint is_rough(self, const Fit *b) noexcept nogil:
        """Return whether a fit does not tell f's shape: its steps are too long for f, or f has noise."""
        return b.scatter > NOISY or b.misfit > fmax(NOISY, b.size / 2) or b.other_misfit > fmax(NOISY, b.other_size / 2)

    cdef bint is_no_kink(self, const Looks *looks, const Fit *b) noexcept nogil:
        """Return whether x is at no kink that counts: the other half of f is a parabola, or a kink would be seen."""
        cdef double little = fmax(CONVERGED, self.tolerance) * fabs(<double>b.value)
        return looks.n > 1 or looks.side or b.other_misfit <= NOISY or b.unseen <= little

    cdef bint look_deep(self, Line *a, Plan *w, const Looks *looks, Py_ssize_t k, double rough_by) noexcept nogil:
        """Plan a look halfway, by logarithms, to where rounding hides a slope that explains the misfit.

        Return whether that is much closer.
        """
        cdef double nearest = looks.steps[0], rounding = self.eps * fabs(<double>looks.center[k])
        cdef double closest = fmin(fmax(nearest * (rounding / rough_by), self.unit(a.x)), nearest)
        cdef double deep = sqrt(closest * nearest)
        if w.deep_looks == 0 and a.beside:
            deep = fmax(a.beside, self.unit(a.x))
        if not deep < nearest / 8:
            return False
        w.deep_looks, w.state, w.rough_by = w.deep_looks + 1, DEEP_LOOK, rough_by
        a.deep_for, a.next = k, deep
        return True

    cdef bint is_still_open(self, Line *a, Known *known, Plan *w, const Looks *looks) noexcept nogil:
        """Decide after a deep look whether the misfit is noise; return whether that takes one more look.

        If more than UNSHRUNK of it is left, or f rests there as on a stair's tread, f is looked at still closer. If
        that does not help either, it is noise. If it shrank, one more look beside the deep one must agree: then f is
        smooth close to x, and fits that have such a misfit are given up.
        """
        cdef Py_ssize_t k = a.deep_for
        cdef double noise, left = strangeness(looks, k, 1 if w.state == DEEP_LOOK else 2)
        if left > UNSHRUNK * w.rough_by or not moved(looks, k, 0):
            if w.deep_looks == 1 and left > 0 and self.look_deep(a, w, looks, k, w.rough_by):
                return True
            w.state, known.noise = IS_NOISE, fmax(known.noise, left)
        elif w.state == DEEP_LOOK:
            w.state, a.next = CONFIRMING_LOOK, GOLDEN * looks.steps[0]
            return True
        else:
            # Noise is as large at all steps: what is far above that of the closest look is f's shape. With UNSHRUNK
            # alone, 12 more of 1385 bars of waves do not cover the error, 3 of them by far.
            noise = fmax(left, self.eps * fabs(<double>looks.center[k]))
            w.state, known.shape_above = SMOOTH_CLOSE_BY, fmin(UNSHRUNK * w.rough_by, sqrt(noise * w.rough_by))
        a.deep_for = -1
        return False

    cdef double closer(self, const Looks *looks, double radius) noexcept nogil:
        """Return a step in the first gap among the looks within a radius."""
        cdef int k = looks.count - 1
        cdef double h = radius
        while k >= 0 and looks.steps[k] >= h / 4:
            h = fmin(h, looks.steps[k])
            k -= 1
        if k >= 0 and h > JUMP * looks.steps[k]:
            return sqrt(h * looks.steps[k])
        return (SILVER if looks.n < 3 else GOLDEN) * h

    cdef bint look_further_out(self, Line *a, const Looks *looks, const Fit *b, Py_ssize_t k) noexcept nogil:
        """Plan a look further out, where noise counts less; return whether there is one."""
        cdef const Fit *outermost = b
        cdef const Fit *fits = &self.fits[k * MOST_LOOKS]
        cdef int j
        for j in range(looks.count):
            if fits[j].settled and fits[j].bar < 10 * b.bar:
                outermost = &fits[j]
        return self.look_out(a, looks, b) or outermost.radius > b.radius and self.look_out(a, looks, outermost)

    cdef bint look_out(self, Line *a, const Looks *looks, const Fit *b) noexcept nogil:
        """Plan a look where one more term would meet the noise; return whether there is one, clearly further out.

        K terms are above the noise, so each is at least noise**(1/K) of the one before it. That many terms more
        are so at a radius larger by the factor `out`.
        """
        cdef int k = max(b.settled, 1), power = 1 if a.side else 2
        cdef double noise = fmin(b.scatter / fmax(b.size, 1e-300), 0.5)
        cdef double out = pow(noise, -1.0 / (power * k * (k + 1)))
        cdef double beyond = a.wall if a.wall > 1.0001 * b.radius else INFINITY
        for k in range(looks.count):
            if looks.steps[k] > 1.0001 * b.radius:
                beyond = fmin(beyond, looks.steps[k])
        if b.settled <= 1 and beyond == INFINITY:
            out = fmax(out, JUMP)
        out = fmin(out, fmin(a.reach / b.radius, sqrt(beyond / b.radius)))
        if not out > 1.5:
            return False
        a.next = out * b.radius
        return True

    cdef int write_trace(self, Py_ssize_t i) except -1:
        cdef Fit *best = &self.best[i * self.width]
        values, bars = np.empty(self.width, np.longdouble), np.empty(self.width)
        for k in range(self.width):
            values[k], bars[k] = best[k].value, best[k].bar
        self.trace.append((i, self.lines[i].asked, values, bars))
        return 0

    def results(self, double rtol):
        """Return values, bars, whether these have converged, radii and sides, and how many evaluations were made.

        A result has converged if its bar is small beside it, or beside how fast f changes within the radius: a
        derivative that is nearly 0 cannot be known better. Where f never moved, 0 is all that can be known.
        """
        cdef Py_ssize_t i, k, used = 0
        cdef Fit *b
        cdef double change, allowed
        cdef bint is_still
        values, converged = np.empty((self.count, self.width), np.longdouble), np.empty((self.count, self.width), bool)
        bars, radii = np.empty((self.count, self.width)), np.zeros(self.count)
        sides = np.empty(self.count, np.intp)
        cdef long double[:, ::1] value = values
        cdef double[:, ::1] bar = bars
        cdef unsigned char[:, ::1] is_known = converged.view(np.uint8)
        cdef double[::1] radius = radii
        cdef Py_ssize_t[::1] side = sides
        for i in range(self.count):
            side[i], used = self.lines[i].side, used + self.lines[i].used
            for k in range(self.width):
                b = &self.best[i * self.width + k]
                value[i, k], bar[i, k] = b.value, b.bar
                radius[i] = fmax(radius[i], b.radius)
                allowed, change = fmax(CONVERGED, rtol) * fabs(<double>b.value), 0
                if b.looks and self.is_resolved(i * self.width + k):
                    allowed = fmax(allowed, sqrt(self.eps) * fabs(<double>b.value))
                    change = fabs(<double>as_derivative(b, self.n, fmax(b.size, b.other_size) * <long double>b.sigma))
                    if self.n == 2:
                        change *= b.radius / self.lines[i].scale
                    if self.n < 3:  # values of a double that cancel may look single
                        allowed = fmax(allowed, fmax(fmax(CONVERGED, rtol), sqrt(self.told)) * change)
                is_still = b.size == 0 and b.other_size == 0 and isfinite(b.bar + b.value)
                is_known[i, k] = is_still or b.bar <= allowed
        return values, bars, converged, radii, sides, used

    cdef bint is_resolved(self, Py_ssize_t k) noexcept:
        """Return whether rounding is all that the bar of a result is made of."""
        cdef Fit *b = &self.best[k]
        cdef bint has_stairs = b.is_tread or self.known[k].stairs != 0
        if self.plans[k].state == IS_NOISE or b.jump or has_stairs:
            return False
        return b.other_misfit <= fmax(NOISY, b.other_size / 10) and b.scatter <= 3 and b.misfit <= 10

    def looks(self, Py_ssize_t i):
        """Return the steps of the looks on a line, rising, and f's values above and below x there."""
        cdef Looks looks = self.looks_of(i)
        cdef Py_ssize_t j, k
        steps, sides = np.array([looks.steps[j] for j in range(looks.count)]), np.empty((2, looks.count, self.width))
        for j, k in np.ndindex(looks.count, self.width):
            sides[0, j, k], sides[1, j, k] = looks.up[j * self.width + k], looks.down[j * self.width + k]
        return steps, sides[0], sides[1]

    def one_sided(self, Py_ssize_t i, int side):
        """Return the derivatives and their bars by the looks on one side of x alone."""
        cdef Looks looks = self.looks_of(i)
        cdef Py_ssize_t k
        cdef object memory = bytearray(max(1, self.width) * sizeof(Fit))
        cdef Fit *best = <Fit *>PyByteArray_AS_STRING(memory)
        values, bars = np.full(self.width, np.nan), np.full(self.width, np.inf)
        if looks.count > 1 and looks.side in (0, side):
            looks.side = side
            fit(&looks, &self.known[i * self.width], self.fits, best)
            for k in range(self.width):
                if best[k].looks:
                    values[k], bars[k] = best[k].value, best[k].bar
        return values, bars


cdef double strangeness(const Looks *looks, Py_ssize_t c, int count) noexcept nogil:
    """Return how far f at the one or two closest looks is from a line through f(x).

    One look on one side always lies on a line: an eighth of f's change is a guess.
    """
    cdef double bend = 0, ratio = looks.steps[0] / looks.steps[1]
    cdef double near = <double>half(looks, c, 0, True)
    cdef int j
    if looks.side and count == 1:
        return fabs(near) / 8
    for j in range(0 if looks.side else count):
        bend = fmax(bend, fabs(<double>half(looks, c, j, False)))
    return bend if count == 1 else fmax(bend, fabs(near - ratio * <double>half(looks, c, 1, True)))
