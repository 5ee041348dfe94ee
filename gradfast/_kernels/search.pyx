"""Where f is looked at next, on each line through x, until the error bar of the derivative falls no further.

A line is a coordinate, or a number t that moves several. A look is f at x + h and x - h. All lines that still look do
so together. Neighboring steps are in ratios that are no small fractions, so that no wave of f has the same phase at all.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, frexp, isfinite, ldexp, pow, rint, sqrt
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memmove

from gradfast._kernels.fit cimport MOST_LOOKS, Fit, Known, Looks, fit, moved, strangeness

import numpy as np

# The first step, in units of the line's scale, by the derivative's order. Twice or half of it changes neither coverage
# nor the number of evaluations by a tenth.
cdef double[7] START = [0, 0.0372, 0.0743, 0.297, 0.297, 0.297, 0.297]

# How much longer or shorter a step is if nothing tells how much.
cdef double JUMP = 51.8

# Ratios of neighboring steps: (sqrt(5) - 1) / 2 and sqrt(2) - 1.
cdef double GOLDEN = 0.6180339887498949
cdef double SILVER = 0.4142135623730951

# A fit is rough if its scatter is this many times what f's values are known to, or its misfit this part of its size.
cdef double NOISY = 30.0
cdef double UNRESOLVED = 0.1

# A rough fit is noise if at least this part of its misfit is left much closer to x. If less is left, fits that leave out
# more than that part are given up.
cdef double UNSHRUNK = 0.03

# With a bar of at most this many tolerances, a line is done if its last look further out gained less than this factor.
cdef double NEARLY = 30.0
cdef double GAIN = 0.3

# A result has converged if its bar is at most this part of it. If not, noisy lines look this many times more.
cdef double CONVERGED = 1e-6
cdef int MORE = 2

cdef enum:
    HELD = 2                            # the side of a line on which x cannot be moved

cdef enum State:
    AS_YET = 0                          # nothing tells that f is rough
    DIVED = 1                           # f was looked at much closer to x, once
    DIVED_TWICE = 2
    RESOLVED = 3                        # closer to x f is smooth
    IS_NOISE = 4                        # f has noise, which does not shrink with the step

cdef struct Line:
    double x                            # how large x is
    double scale                        # what the first step is relative to
    double reach                        # no look is further from x
    double wall                         # the shortest step at which f is not finite
    double into                         # how far the next look goes in if f is not finite there either
    double out                          # how far the next look goes out if nothing else tells it
    double asked                        # the step that f's values are asked for
    double next                         # the step that comes then, or 0
    int looks
    int left                            # evaluations
    int used
    int side                            # 0: both sides of x; 1 or -1: one; 2: none
    int free                            # the only side on which f was finite, or 0
    bint is_probing                     # whether f is asked for on the other side alone
    Py_ssize_t diving                   # the value for which f is looked at much closer to x, or -1


cdef class Search:
    """What was seen of f on each line, and where to look next."""

    cdef readonly Py_ssize_t count      # lines
    cdef readonly Py_ssize_t width      # values of f at each point
    cdef readonly int n                 # the order of the derivative
    cdef readonly double eps            # of f's values
    cdef double tolerance               # of bars relative to values
    cdef int digits                     # bits of x's precision
    cdef bint is_wide                   # whether f's values are long doubles
    cdef Py_ssize_t size                # bytes of the values at a point
    cdef Line *lines
    cdef double *steps                  # by line and look
    cdef char *up                       # by line, look and value
    cdef char *down
    cdef char *center                   # by line and value
    cdef Fit *fits                      # by value and radius, of the line looked at last
    cdef Fit *best                      # by line and value
    cdef Known *known                   # the same
    cdef int singles                    # values seen if all are of single precision, else -1
    cdef readonly list trace            # what was tried, if that is wanted: line, step, values, bars

    def __init__(self, center, const double[::1] x, const double[::1] scale, const double[::1] reach,
                 const double[::1] below, const double[::1] above, double eps, double tolerance, int digits, int most,
                 int n, bint keeps_trace):
        cdef Py_ssize_t i
        self.is_wide = center.dtype.char == "g"
        self.count, self.width = center.shape
        self.size = self.width * (sizeof(long double) if self.is_wide else sizeof(double))
        self.n, self.eps, self.tolerance, self.digits = n, eps, tolerance, digits
        self.trace = [] if keeps_trace else None
        self.lines = <Line *>calloc(max(1, self.count), sizeof(Line))
        self.steps = <double *>calloc(max(1, self.count) * MOST_LOOKS, sizeof(double))
        self.up = <char *>calloc(max(1, self.count * self.size), MOST_LOOKS)
        self.down = <char *>calloc(max(1, self.count * self.size), MOST_LOOKS)
        self.center = <char *>calloc(max(1, self.count * self.size), 1)
        self.fits = <Fit *>calloc(max(1, self.width) * MOST_LOOKS, sizeof(Fit))
        self.best = <Fit *>calloc(max(1, self.width * self.count), sizeof(Fit))
        self.known = <Known *>calloc(max(1, self.width * self.count), sizeof(Known))
        if not (self.known and self.lines and self.steps and self.up and self.down and self.center and self.fits and self.best):
            raise MemoryError
        cdef Py_buffer view
        PyObject_GetBuffer(np.ascontiguousarray(center), &view, PyBUF_SIMPLE)
        memcpy(self.center, view.buf, view.len)
        PyBuffer_Release(&view)
        for i in range(self.count):
            self.begin(i, x[i], scale[i], reach[i], below[i], above[i], most)

    def __dealloc__(self):
        for memory in (<size_t>self.lines, <size_t>self.steps, <size_t>self.up, <size_t>self.down,
                       <size_t>self.center, <size_t>self.fits, <size_t>self.best, <size_t>self.known):
            free(<void *><size_t>memory)

    cdef void begin(self, Py_ssize_t i, double x, double scale, double reach, double below, double above,
                    int most) noexcept:
        """Make a line ready; where x or f is not finite, it is done, and where bounds hold x, its derivative is 0."""
        cdef Line *a = &self.lines[i]
        cdef Fit *best = &self.best[i * self.width]
        cdef Known *known = &self.known[i * self.width]
        cdef double room = fmax(below, above) if reach > 0 else 0
        cdef bint is_held = isfinite(x) and room <= 4 * self.unit(x), is_known = False
        cdef Py_ssize_t k
        a.x, a.scale, a.left, a.diving = x, scale, max(most, 2 * ((self.n - 1) // 2 + 2)), -1
        a.wall, a.into, a.out = INFINITY, JUMP, JUMP
        a.next = START[self.n] * scale
        if fmin(below, above) < a.next / 4 and below != above:
            a.side = 1 if above > below else -1
        a.reach = fmin(reach, fmin(below, above) if a.side == 0 else above if a.side > 0 else below)
        for k in range(self.width):
            is_known |= isfinite(self.value(self.center + i * self.size, k))
        if not (isfinite(x) and a.reach > 0 and is_known):
            a.next = 0
        if is_held:
            a.side, a.next = HELD, 0
        for k in range(self.width):
            known[k].unresolved, known[k].last_bar, known[k].more = INFINITY, INFINITY, MORE
            best[k].value, best[k].bar = 0 if is_held else NAN, 0 if is_held and room == 0 else INFINITY

    cdef bint is_finite(self, Py_ssize_t i, const char *values) noexcept nogil:
        """Return whether values are finite where f(x) is."""
        cdef const char *center = self.center + i * self.size
        cdef Py_ssize_t k
        for k in range(self.width):
            if not isfinite(self.value(values, k)) and isfinite(self.value(center, k)):
                return False
        return True

    cdef double value(self, const void *values, Py_ssize_t k) noexcept nogil:
        return <double>(<const long double *>values)[k] if self.is_wide else (<const double *>values)[k]

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

    cdef bint is_open(self, Line *a) noexcept nogil:
        return a.next != 0 and a.left >= (1 if a.side else 2) and a.looks < MOST_LOOKS

    cdef int asked_side(self, Line *a) noexcept nogil:
        return -a.free if a.is_probing else a.side

    def ask(self):
        """Return a side (0: both), lines and steps for which f's values are wanted; None at the end."""
        cdef Py_ssize_t i, k = 0
        cdef int side = 2
        for i in range(self.count):
            if self.is_open(&self.lines[i]):
                side = self.asked_side(&self.lines[i]) if side == 2 else side
                k += self.asked_side(&self.lines[i]) == side
        if not k:
            return None
        chosen, steps = np.empty(k, np.intp), np.empty(k)
        cdef Py_ssize_t[::1] some = chosen
        cdef double[::1] by = steps
        k = 0
        for i in range(self.count):
            if self.is_open(&self.lines[i]) and self.asked_side(&self.lines[i]) == side:
                self.lines[i].asked = self.snapped(i, self.lines[i].next)
                some[k], by[k] = i, self.lines[i].asked
                k += 1
        return side, chosen, steps

    def tell(self, int side, const Py_ssize_t[::1] chosen, values):
        """Take f's values: a row for each line, or two, above and below x, if both sides were asked for."""
        cdef Py_ssize_t k, rows = 1 if side else 2
        cdef const char *row
        cdef Py_buffer view
        PyObject_GetBuffer(np.ascontiguousarray(values, "g" if self.is_wide else "d"), &view, PyBUF_SIMPLE)
        try:
            assert view.len == chosen.shape[0] * rows * self.size
            row = <const char *>view.buf
            self.look_at_precision(row, chosen.shape[0] * rows * self.width)
            for k in range(chosen.shape[0]):
                self.take(chosen[k], row if side >= 0 else NULL, row + (rows - 1) * self.size if side <= 0 else NULL)
                row += rows * self.size
                if self.trace is not None:
                    self.write_trace(chosen[k])
        finally:
            PyBuffer_Release(&view)

    cdef void take(self, Py_ssize_t i, const char *up, const char *down) noexcept nogil:
        """Take f's values on one line, and plan the next look there."""
        cdef Line *a = &self.lines[i]
        cdef bint above = up == NULL or self.is_finite(i, up), below = down == NULL or self.is_finite(i, down)
        cdef int evaluations = (up != NULL) + (down != NULL)
        a.left -= evaluations
        a.used += evaluations
        a.next = 0
        if a.is_probing and above and below:  # f is finite on the other side too, at last
            a.is_probing, a.next = False, a.asked
            return
        if above and below:
            self.keep(i, a.asked, up, down)
        else:
            a.wall = fmin(a.wall, a.asked)
            if above != below and not a.free:
                a.free, a.is_probing = 1 if above else -1, True
        if a.looks == 0:
            self.come_in(a)
        elif a.looks == 1:
            a.next = GOLDEN * self.steps[i * MOST_LOOKS]
        else:
            self.refit(i)

    cdef void keep(self, Py_ssize_t i, double h, const char *up, const char *down) noexcept nogil:
        """Put a look among those of a line, by rising step."""
        cdef Line *a = &self.lines[i]
        cdef double *steps = &self.steps[i * MOST_LOOKS]
        cdef char *ups = self.up + i * MOST_LOOKS * self.size
        cdef char *downs = self.down + i * MOST_LOOKS * self.size
        cdef int k = 0, after
        while k < a.looks and steps[k] < h:
            k += 1
        after = a.looks - k
        memmove(&steps[k + 1], &steps[k], after * sizeof(double))
        memmove(ups + (k + 1) * self.size, ups + k * self.size, after * self.size)
        memmove(downs + (k + 1) * self.size, downs + k * self.size, after * self.size)
        steps[k] = h
        if up != NULL:
            memcpy(ups + k * self.size, up, self.size)
        if down != NULL:
            memcpy(downs + k * self.size, down, self.size)
        a.looks += 1

    cdef void come_in(self, Line *a) noexcept nogil:
        """Look closer to x, where f may be finite; at last on the only side where it is."""
        a.next = a.asked / a.into
        a.into *= 4
        if a.next >= 8 * self.unit(a.x):
            return
        a.next = 0
        if a.free and not a.side:
            a.side, a.wall, a.into, a.is_probing = a.free, INFINITY, JUMP, False
            a.next = START[self.n] * a.scale

    cdef void look_at_precision(self, const char *values, Py_ssize_t count) noexcept nogil:
        """See whether f works in single precision: all its values, and more than a few, are single numbers."""
        cdef Py_ssize_t k
        cdef int seen = self.singles
        cdef double value, last = NAN
        if seen < 0:
            return
        for k in range(count):
            value = self.value(values, k)
            if isfinite(value) and <double><float>value != value:
                self.singles = -1
                return
            seen += value != last
            last = value
        self.singles = seen
        if seen > 8:
            self.eps, self.singles = fmax(self.eps, 2.0**-24), -1

    cdef Looks looks_of(self, Py_ssize_t i) noexcept nogil:
        cdef Looks looks
        cdef Line *a = &self.lines[i]
        looks.count, looks.steps = a.looks, &self.steps[i * MOST_LOOKS]
        looks.up, looks.down = self.up + i * MOST_LOOKS * self.size, self.down + i * MOST_LOOKS * self.size
        looks.center, looks.width = self.center + i * self.size, self.width
        looks.n, looks.side, looks.eps, looks.known = self.n, a.side, self.eps, &self.known[i * self.width]
        return looks

    cdef void fit(self, const Looks *looks, Fit *best) noexcept nogil:  # OUT: best
        if self.is_wide:
            fit(looks, <const long double *>NULL, self.fits, best)
        else:
            fit(looks, <const double *>NULL, self.fits, best)

    cdef void refit(self, Py_ssize_t i) noexcept nogil:
        """Fit what was seen on a line, and plan the next look for the value whose bar is widest.

        If no look would help that value, the next widest has its turn.
        """
        cdef Line *a = &self.lines[i]
        cdef Looks looks = self.looks_of(i)
        cdef Fit *best = &self.best[i * self.width]
        cdef Known *known = &self.known[i * self.width]
        cdef double bar, widest, bound = INFINITY
        cdef Py_ssize_t k, which
        cdef bint is_known = True
        if a.diving >= 0 and self.tell_noise(a, &known[a.diving], &looks):
            return
        self.fit(&looks, best)
        for k in range(self.width):
            if best[k].is_tread and known[k].state != IS_NOISE:
                is_known = False
                self.take_tread(&known[k], &best[k])
        if not is_known:
            self.fit(&looks, best)
        while not a.next:
            which, widest = -1, -1
            for k in range(self.width):
                bar = best[k].bar / fmax(fabs(<double>best[k].value), 1e-300) if best[k].looks else 1e300
                if not isfinite(self.value(looks.center, k)):
                    continue
                if widest < bar < bound:
                    which, widest = k, bar
            if which < 0:
                break
            bound = widest
            if best[which].looks:
                self.plan(a, &known[which], &looks, &best[which], which)
            else:
                a.next = GOLDEN * looks.steps[0]

    cdef void take_tread(self, Known *w, const Fit *b) noexcept nogil:
        """Take for noise what a stair's tread has shown: looks on it are worth no more than the stairs are high."""
        w.noise = fmax(w.noise, fmax(b.scatter * b.sigma, w.level if w.state == RESOLVED else 0))
        w.state, w.unresolved = IS_NOISE, INFINITY

    cdef bint tell_noise(self, Line *a, Known *w, const Looks *looks) noexcept nogil:
        """Tell noise from a smooth f that closer looks resolve; return whether one more look is needed for that.

        f was looked at much closer than before. What did not shrink is noise, and so is a stair's tread, where f rests.
        """
        cdef Py_ssize_t k = a.diving
        cdef double left = self.strange(looks, k, 1 if w.state == DIVED else 2)
        if left > UNSHRUNK * w.level or not self.moves(looks, k, 0):
            if w.dives == 1 and left > 0 and self.dive(a, w, looks, k):
                return True
            w.state, w.noise = IS_NOISE, fmax(w.noise, 0.5 * left)
        elif w.state == DIVED:
            w.state, a.next = DIVED_TWICE, GOLDEN * looks.steps[0]
            return True
        else:
            w.state, w.unresolved = RESOLVED, UNSHRUNK * w.level
        a.diving = -1
        return False

    cdef double strange(self, const Looks *looks, Py_ssize_t k, int count) noexcept nogil:
        if self.is_wide:
            return strangeness(looks, k, count, <const long double *>NULL)
        return strangeness(looks, k, count, <const double *>NULL)

    cdef bint moves(self, const Looks *looks, Py_ssize_t k, int look) noexcept nogil:
        if self.is_wide:
            return moved(looks, k, look, <const long double *>NULL) != 0
        return moved(looks, k, look, <const double *>NULL) != 0

    cdef void plan(self, Line *a, Known *w, const Looks *looks, const Fit *b, Py_ssize_t k) noexcept nogil:
        """Plan the next look for one of f's values; none if it would not help."""
        cdef double nearest = looks.steps[0], furthest = looks.steps[looks.count - 1], size = fabs(<double>b.value)
        if self.plan_without_motion(a, looks, k):
            return
        if b.abrupt and not w.has_looked_out and furthest < fmin(0.99 * a.reach, JUMP * JUMP * b.abrupt):
            w.has_looked_out, a.next = True, fmin(furthest * JUMP, a.reach)
            return
        if w.state == RESOLVED and self.look_between(a, looks, b):
            return
        if b.bar <= self.tolerance * size and not (b.looks == 2 and self.is_odd(b, 0.2)):
            return
        if self.is_rough(b, size) and self.may_dive(w, b):
            w.level = b.sigma * fmax(b.scatter if b.scatter > NOISY else b.misfit, b.other_misfit)
            if self.dive(a, w, looks, k):
                return
        if w.state != IS_NOISE and not b.settled:
            a.next = self.closer(looks, b.radius)
            return
        self.plan_further_out(a, w, looks, b, k, size)

    cdef bint plan_without_motion(self, Line *a, const Looks *looks, Py_ssize_t k) noexcept nogil:
        """Return whether f shows nothing but f(x), or one other value, at all looks; plan for that."""
        cdef double center = self.value(looks.center, k), seen = center, v
        cdef int j
        for j in range(2 * looks.count):
            if looks.side and (j % 2 == 0) != (looks.side > 0):
                continue
            v = self.value(looks.down if j % 2 else looks.up, j // 2 * self.width + k)
            if v != center and seen != center and v != seen or v == center and seen != center:
                return False
            if j // 2 and v != center and seen == center:
                return False
            seen = v
        if seen != center:  # x is a spike
            a.next = looks.steps[0] / JUMP
        elif self.width == 1 and looks.steps[looks.count - 1] < 0.99 * a.reach:
            a.next = fmin(looks.steps[looks.count - 1] * JUMP, a.reach)
        return True

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

    cdef bint is_odd(self, const Fit *b, double part) noexcept nogil:
        """Return whether a fit of the other half of f leaves out more than noise, and more than a part of it."""
        return b.other_misfit > fmax(NOISY, part * b.other_size)

    cdef bint is_rough(self, const Fit *b, double size) noexcept nogil:
        """Return whether a fit does not tell f's shape: its steps are too long for f, or f has noise."""
        cdef bint has_jump = b.jump >= b.bar and b.bar > CONVERGED * size
        cdef bint is_unresolved = b.misfit > (0.5 if b.looks < 3 else UNRESOLVED) * b.size
        if fmax(b.misfit, b.other_misfit) <= NOISY:
            return False
        return b.scatter > NOISY or has_jump or is_unresolved or self.is_odd(b, 0.5)

    cdef bint may_dive(self, const Known *w, const Fit *b) noexcept nogil:
        return w.dives == 0 or w.state == RESOLVED and b.looks <= 3 and w.dives < 3

    cdef bint dive(self, Line *a, Known *w, const Looks *looks, Py_ssize_t k) noexcept nogil:
        """Plan a look halfway, by logarithms, to where rounding hides a slope that explains the misfit.

        Return whether that is much closer.
        """
        cdef double nearest = looks.steps[0], rounding = self.eps * fabs(self.value(looks.center, k))
        cdef double closest = fmin(fmax(nearest * (rounding / w.level), self.unit(a.x)), nearest)
        if not sqrt(closest * nearest) < nearest / 8:
            return False
        w.dives, w.state = w.dives + 1, DIVED
        a.diving, a.next = k, sqrt(closest * nearest)
        return True

    cdef double closer(self, const Looks *looks, double radius) noexcept nogil:
        """Return a step in the first gap among the looks within a radius."""
        cdef int k = looks.count - 1
        cdef double h = radius
        while k >= 0 and looks.steps[k] >= h / 4:
            h = fmin(h, looks.steps[k])
            k -= 1
        if k >= 0 and (SILVER * h < 2 * looks.steps[k] or h > JUMP * looks.steps[k]):
            return sqrt(h * looks.steps[k])
        return (SILVER if looks.n < 3 else GOLDEN) * h

    cdef void plan_further_out(
        self, Line *a, Known *w, const Looks *looks, const Fit *b, Py_ssize_t k, double size
    ) noexcept nogil:
        """Noise limits the result: plan a look further out, where it counts less, or one more beside those that are."""
        cdef const Fit *outermost = b
        cdef int j
        if b.bar <= NEARLY * self.tolerance * size:
            if b.bar > GAIN * w.last_bar:
                return
            w.last_bar = b.bar
        for j in range(looks.count):
            if self.fits[k * MOST_LOOKS + j].settled and self.fits[k * MOST_LOOKS + j].bar < 10 * b.bar:
                outermost = &self.fits[k * MOST_LOOKS + j]
        if self.look_out(a, looks, b) or outermost.radius > b.radius and self.look_out(a, looks, outermost):
            return
        if b.bar > CONVERGED * size and w.more:
            w.more -= 1
            a.next = b.radius * (0.8 if w.more % 2 else 0.5)

    cdef bint look_out(self, Line *a, const Looks *looks, const Fit *b) noexcept nogil:
        """Plan a look where one more term would meet the noise; return whether there is one, clearly further out.

        K terms are above the noise, so each is at least noise**(1/K) of the one before it. That many terms more
        are so at a radius larger by the factor `out`.
        """
        cdef int k = max(b.settled, 1), power = 1 if a.side else 2
        cdef double noise = fmin(b.scatter / fmax(b.first, 1e-300), 0.5)
        cdef double out = pow(noise, -1.0 / (power * k * (k + 1)))
        cdef double beyond = a.wall if a.wall > 1.0001 * b.radius else INFINITY
        for k in range(looks.count):
            if looks.steps[k] > 1.0001 * b.radius:
                beyond = fmin(beyond, looks.steps[k])
        if b.settled <= 1 and beyond == INFINITY:
            out, a.out = fmax(out, a.out), a.out * JUMP
        out = fmin(out, fmin(a.reach / b.radius, sqrt(beyond / b.radius)))
        if not out > 1.5:
            return False
        a.next = out * b.radius
        return True

    cdef int write_trace(self, Py_ssize_t i) except -1:
        cdef Fit *best = &self.best[i * self.width]
        values, bars = np.empty(self.width, "g" if self.is_wide else "d"), np.empty(self.width)
        for k in range(self.width):
            values[k], bars[k] = best[k].value, best[k].bar
        self.trace.append((i, self.lines[i].asked, values, bars))
        return 0

    def results(self, double rtol):
        """Return values, bars, whether these have converged, jumps, radii, sides and evaluations.

        A bar that is f's rounding alone is compared with f's change over the radius too: it may be all there is to
        know of a derivative that is nearly 0. Where f never moved, 0 is all that can be known.
        """
        cdef Py_ssize_t i, k
        cdef Fit *b
        cdef double change
        values = np.empty((self.count, self.width), "g" if self.is_wide else "d")
        bars, jumps = np.empty((self.count, self.width)), np.empty((self.count, self.width))
        converged = np.empty((self.count, self.width), np.uint8)
        radii, sides, used = np.zeros(self.count), np.empty(self.count, np.intp), np.empty(self.count, np.intp)
        cdef long double[:, ::1] wide
        cdef double[:, ::1] value, bar = bars, jump = jumps
        cdef unsigned char[:, ::1] is_known = converged
        cdef double[::1] radius = radii
        cdef Py_ssize_t[::1] side = sides, use = used
        if self.is_wide:
            wide = values
        else:
            value = values
        for i in range(self.count):
            side[i], use[i] = self.lines[i].side, self.lines[i].used
            for k in range(self.width):
                b = &self.best[i * self.width + k]
                if self.is_wide:
                    wide[i, k] = b.value
                else:
                    value[i, k] = <double>b.value
                bar[i, k], jump[i, k] = b.bar, b.jump
                change = b.change if self.n < 3 and self.known[i * self.width + k].state != IS_NOISE and self.is_resolved(b) else 0
                change *= b.radius / self.lines[i].scale if self.n == 2 else 1
                is_known[i, k] = b.bar <= fmax(CONVERGED, rtol) * fmax(fabs(<double>b.value), change) or (
                    b.size == 0 and b.other_size == 0 and isfinite(b.bar))
                radius[i] = fmax(radius[i], b.radius)
        return values, bars, converged.view(bool), jumps, radii, sides, used

    cdef bint is_resolved(self, const Fit *b) noexcept:
        """Return whether rounding is all that a bar is made of."""
        cdef bint is_smooth = not b.jump and not b.is_tread and b.other_misfit <= fmax(NOISY, UNRESOLVED * b.other_size)
        return is_smooth and b.is_regular and b.scatter <= 3 and b.misfit <= 10

    def looks(self, Py_ssize_t i):
        """Return the steps of the looks on a line, rising, and f's values above and below x there."""
        cdef Py_ssize_t j, k, count = self.lines[i].looks
        cdef const char *at = self.up + i * MOST_LOOKS * self.size
        cdef const char *below = self.down + i * MOST_LOOKS * self.size
        steps, ups, downs = np.empty(count), np.empty((count, self.width)), np.empty((count, self.width))
        cdef double[::1] step = steps
        cdef double[:, ::1] up = ups, down = downs
        for k in range(count):
            step[k] = self.steps[i * MOST_LOOKS + k]
            for j in range(self.width):
                up[k, j], down[k, j] = self.value(at, k * self.width + j), self.value(below, k * self.width + j)
        return steps, ups, downs

    def one_sided(self, Py_ssize_t i, int side):
        """Return the derivatives and their bars by the looks on one side of x alone."""
        cdef Looks looks = self.looks_of(i)
        cdef Py_ssize_t k
        cdef Fit *best = <Fit *>malloc(max(1, self.width) * sizeof(Fit))
        if best == NULL:
            raise MemoryError
        values, bars = np.full(self.width, np.nan), np.full(self.width, np.inf)
        cdef double[::1] value = values, bar = bars
        if looks.count > 1 and looks.side in (0, side):
            looks.side = side
            self.fit(&looks, best)
            for k in range(self.width):
                if best[k].looks:
                    value[k], bar[k] = <double>best[k].value, best[k].bar
        free(best)
        return values, bars
