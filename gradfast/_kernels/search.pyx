"""Where f is looked at next, at each coordinate: until the error bar of the derivative falls no further.

A look is f at x + h and x - h. All coordinates that still look do so together.
"""

from libc.math cimport INFINITY, NAN, fabs, fmax, fmin, frexp, isfinite, ldexp, pow, rint, sqrt
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memmove

import numpy as np

from gradfast._kernels.fit cimport LONE, Fit, Looks, MOST_LOOKS, fit

cdef double START = 2.0**-4.75      # the first step, in units of the scale
cdef double JUMP = 51.8
cdef double GOLDEN = 0.6180339887498949
cdef double SILVER = 0.41421356237309503
cdef double NOISY = 30.0
cdef double UNRESOLVED = 0.1
cdef double NEARLY = 30
cdef double GAIN = 0.3
cdef double UNSHRUNK = 0.03
cdef double CONVERGED = 1e-6

cdef enum:
    MOST_QUEUED = 3

cdef struct Course:                     # of one coordinate
    double x                            # how large it is
    double scale                        # what the first step is relative to
    double reach                        # no look is further from x
    double wall                         # the shortest step at which f is not finite
    double into                         # how far the next look goes in if f is not finite
    double out                          # how far the next look goes out if nothing else tells it
    double asked                        # the step that was asked for
    double[MOST_QUEUED] queue           # the next steps
    int queued
    int looks
    int left                            # evaluations
    int used
    int side                            # 0: both sides of x; 1 or -1: one
    int free                            # the side on which f is finite
    int deep                            # how often f was looked at much closer
    int more
    int dives
    bint is_noisy
    bint is_checked                     # further out, for what lies beyond an abrupt change
    Py_ssize_t component                # whose misfit it was
    double last_bar                     # before the last look further out
    double level                        # the misfit that made it so
    double noise                        # of f's values, where it is seen; else 0
    bint is_done


cdef class Search:
    """What was seen of f at each coordinate, and where to look next."""

    cdef readonly Py_ssize_t count      # coordinates
    cdef readonly Py_ssize_t width      # values at each
    cdef readonly int n
    cdef public double eps
    cdef double tolerance
    cdef int digits
    cdef bint is_wide
    cdef Course *courses
    cdef double *steps
    cdef char *up
    cdef char *down
    cdef char *center
    cdef Fit *fits
    cdef Fit *best
    cdef Py_ssize_t value_size
    cdef int distinct
    cdef bint is_single

    def __cinit__(self, center, double[::1] x, double[::1] scale, double[::1] reach, double[::1] below,
                  double[::1] above, double eps, double tolerance, int digits, int most, int n):
        cdef Py_ssize_t i
        cdef Course *c
        center = np.ascontiguousarray(center)
        self.is_wide = center.dtype.char == "g"
        self.value_size = sizeof(long double) if self.is_wide else sizeof(double)
        self.count, self.width = center.shape
        self.n, self.eps, self.tolerance, self.digits = n, eps, tolerance, digits
        self.courses = <Course *>calloc(max(1, self.count), sizeof(Course))
        self.steps = <double *>calloc(max(1, self.count) * MOST_LOOKS, sizeof(double))
        self.up = <char *>calloc(max(1, self.count * self.width) * MOST_LOOKS, self.value_size)
        self.down = <char *>calloc(max(1, self.count * self.width) * MOST_LOOKS, self.value_size)
        self.center = <char *>calloc(max(1, self.count * self.width), self.value_size)
        self.fits = <Fit *>calloc(max(1, self.width) * MOST_LOOKS, sizeof(Fit))
        self.best = <Fit *>calloc(max(1, self.width * self.count), sizeof(Fit))
        if not (self.courses and self.steps and self.up and self.down and self.center and self.fits and self.best):
            raise MemoryError
        cdef const char[::1] raw = center.reshape(-1).view("c").view(np.int8) if center.size else np.zeros(0, np.int8)
        if center.size:
            memcpy(self.center, &raw[0], center.nbytes)
        for i in range(self.count):
            c = &self.courses[i]
            c.x, c.scale, c.reach = x[i], scale[i], reach[i]
            c.wall, c.into, c.out, c.left, c.more, c.last_bar = INFINITY, JUMP, JUMP, most, 2, INFINITY
            c.queue[0] = START * (1 if n == 1 else 2 if n == 2 else 8) * c.scale
            c.queued = 1
            if fmin(below[i], above[i]) < START / 4 * c.scale and not below[i] == above[i]:
                c.side = 1 if above[i] > below[i] else -1
            c.reach = fmin(c.reach, fmin(below[i], above[i]) if c.side == 0 else above[i] if c.side > 0 else below[i])
            c.is_done = not (isfinite(c.x) and c.reach > 0 and self.finite(self.center, i, 0))
            for k in range(self.width):
                self.best[i * self.width + k].bar = INFINITY
                self.best[i * self.width + k].value = NAN

    def __dealloc__(self):
        free(self.courses); free(self.steps); free(self.up); free(self.down); free(self.center); free(self.fits)
        free(self.best)

    cdef bint finite(self, const char *values, Py_ssize_t row, int look) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(self.width):
            if self.is_wide:
                if not isfinite(<double>(<const long double *>values)[row * self.width + k]):
                    return False
            elif not isfinite((<const double *>values)[row * self.width + k]):
                return False
        return True

    cdef double unit(self, Course *c) noexcept nogil:
        """Return the unit in the last place of x."""
        cdef int e
        frexp(c.x, &e)
        return fmax(ldexp(1.0, e - self.digits), 2.0**-1074 if self.digits > 24 else 2.0**-149)

    cdef double snapped(self, Course *c, double *steps, double h) noexcept nogil:
        """Return the step as a multiple of x's unit in the last place, so that x + h and x - h are exact."""
        cdef int e, i
        cdef double unit, top
        h = fmin(h, c.reach)
        frexp(c.x + h, &e)
        unit = fmax(ldexp(1.0, e - self.digits), 2.0**-1074 if self.digits > 24 else 2.0**-149)
        top = c.reach
        h = fmax(rint(h / unit), 1) * unit if isfinite(h / unit) and h / unit < 2.0**60 else h
        if h > top:
            h -= unit
        for i in range(c.looks):
            if steps[i] == h:
                h += unit if h + unit <= top else -unit
        return h

    def ask(self):
        """Return a side (0: both), coordinates and steps at which f is wanted; None at the end."""
        cdef Py_ssize_t i, k = 0
        cdef Course *c
        cdef int side = 2
        cdef int need
        for i in range(self.count):
            c = &self.courses[i]
            need = 1 if c.side else 2
            if not c.is_done and (c.left < need or not c.queued or c.looks == MOST_LOOKS):
                self.refit(i)
                if c.left < need or not c.queued or c.looks == MOST_LOOKS:
                    c.is_done = True
            if not c.is_done:
                if side == 2:
                    side = c.side
                k += c.side == side
        if not k:
            return None
        chosen, steps = np.empty(k, np.intp), np.empty(k)
        cdef Py_ssize_t[::1] some = chosen
        cdef double[::1] by = steps
        k = 0
        for i in range(self.count):
            c = &self.courses[i]
            if c.is_done or c.side != side:
                continue
            c.asked = self.snapped(c, &self.steps[i * MOST_LOOKS], c.queue[0])
            some[k], by[k] = i, c.asked
            k += 1
        return side, chosen, steps

    def tell(self, int side, chosen, values):
        """Take f's values: a row for each coordinate, or two if both sides were asked for."""
        cdef Py_ssize_t[::1] some = chosen
        cdef Py_ssize_t k, i, per = 1 if side else 2, size = self.width * self.value_size
        values = np.ascontiguousarray(values)
        cdef const char[::1] raw = values.reshape(-1).view(np.int8) if values.size else np.zeros(1, np.int8)
        cdef const char *row
        cdef bint above, below
        cdef Course *c
        if not self.is_single and self.eps < 2.0**-24:
            self.look_at_precision(values)
        for k in range(chosen.size):
            i = some[k]
            c = &self.courses[i]
            row = &raw[0] + k * per * size
            c.left -= per
            c.used += per
            c.queued -= 1
            memmove(&c.queue[0], &c.queue[1], c.queued * sizeof(double))
            above = side < 0 or self.finite(row, 0, 0)
            below = side > 0 or self.finite(row, per - 1, 0)
            if above and below:
                self.keep(i, c.asked, row if side >= 0 else NULL, row + (per - 1) * size if side <= 0 else NULL)
            else:
                c.wall = fmin(c.wall, c.asked)
                if above != below and not c.free:
                    c.free = 1 if above else -1
                self.come_in(c)
            if not c.queued and c.looks:
                if c.looks == 1:
                    c.queue[0], c.queued = GOLDEN * self.steps[i * MOST_LOOKS], 1
                else:
                    self.refit(i)

    cdef void come_in(self, Course *c) noexcept nogil:
        """Look closer where f is not finite, at last on one side only."""
        if c.looks:
            return
        c.queue[0], c.queued = c.asked / c.into, 1
        c.into *= 4
        if c.queue[0] < 8 * self.unit(c):
            if c.free and not c.side:
                c.side, c.wall = c.free, INFINITY
                c.queue[0] = START * 0.77 * c.scale
                c.into = JUMP
            else:
                c.is_done = True

    cdef void keep(self, Py_ssize_t i, double h, const char *up, const char *down) noexcept nogil:
        cdef Course *c = &self.courses[i]
        cdef double *steps = &self.steps[i * MOST_LOOKS]
        cdef Py_ssize_t size = self.width * self.value_size
        cdef char *ups = self.up + i * MOST_LOOKS * size
        cdef char *downs = self.down + i * MOST_LOOKS * size
        cdef int k = 0, after
        while k < c.looks and steps[k] < h:
            k += 1
        after = c.looks - k
        memmove(&steps[k + 1], &steps[k], after * sizeof(double))
        memmove(ups + (k + 1) * size, ups + k * size, after * size)
        memmove(downs + (k + 1) * size, downs + k * size, after * size)
        steps[k] = h
        if up != NULL:
            memcpy(ups + k * size, up, size)
        if down != NULL:
            memcpy(downs + k * size, down, size)
        c.looks += 1

    cdef look_at_precision(self, values):
        """f works in single precision if all its values are single numbers."""
        flat = values.reshape(-1)
        with np.errstate(all="ignore"):
            same = (flat.astype(np.float32) == flat) | ~np.isfinite(flat)
        if not same.all():
            self.is_single = True  # no
        else:
            self.distinct += np.unique(flat).size
            if self.distinct > 8:
                self.eps, self.is_single = 2.0**-24, True

    cdef Looks looks_of(self, Py_ssize_t i) noexcept nogil:
        cdef Looks looks
        cdef Course *c = &self.courses[i]
        cdef Py_ssize_t size = self.width * self.value_size
        looks.count, looks.steps = c.looks, &self.steps[i * MOST_LOOKS]
        looks.up, looks.down = self.up + i * MOST_LOOKS * size, self.down + i * MOST_LOOKS * size
        looks.center, looks.width = self.center + i * size, self.width
        looks.n, looks.side, looks.eps, looks.noise = self.n, c.side, self.eps, c.noise
        looks.unresolved = 0.1 * c.level if c.deep == 3 and not c.is_noisy else INFINITY
        return looks

    cdef void refit(self, Py_ssize_t i) noexcept nogil:
        """Fit what was seen at a coordinate, and plan the next steps."""
        cdef Course *c = &self.courses[i]
        cdef Looks looks
        cdef Py_ssize_t k, worst = -1
        cdef Fit *best = &self.best[i * self.width]
        cdef double need, most, bound = 2 * INFINITY, strange
        c.queued = 0
        if c.looks == 0:
            return
        looks = self.looks_of(i)
        if c.deep == 1 or c.deep == 2:
            # f was looked at much closer than before: what did not shrink is noise
            strange = self.unexplained(&looks, c.component, c.deep)
            if strange > UNSHRUNK * c.level or not self.moves_at(&looks, c.component):
                if c.dives == 1 and strange > 0 and self.dive(c, &looks, c.level / looks.steps[0]):
                    return
                c.is_noisy = True
                c.noise = fmax(c.noise, 0.5 * strange)
                c.deep = 3
                looks = self.looks_of(i)
            elif c.deep == 1:
                c.deep = 2
                self.put(c, GOLDEN * looks.steps[0], 0, 0, 1)
                return
            else:
                c.deep = 3
                looks = self.looks_of(i)
        if self.is_wide:
            fit(&looks, <long double *>NULL, self.fits, best)
        else:
            fit(&looks, <double *>NULL, self.fits, best)
        # The value whose bar is widest, of those for which another look would help, says where to look next.
        while not c.queued:
            worst, most = -1, -1
            for k in range(self.width):
                need = best[k].bar / fmax(fabs(<double>best[k].value), 1e-300) if best[k].looks else 1e300
                if need < bound and need > most:
                    most, worst = need, k
            if worst < 0:
                break
            bound = most
            if best[worst].looks == 0:
                c.queue[0], c.queued = GOLDEN * looks.steps[0], 1
            else:
                self.plan(c, &looks, &best[worst], worst)

    cdef void put(self, Course *c, double a, double b, double d, int count) noexcept nogil:
        c.queue[0], c.queue[1], c.queue[2], c.queued = a, b, d, count

    cdef int kinds(self, Looks *looks, Py_ssize_t k) noexcept nogil:
        """0: all values are f(x); 1: all but f(x) are the same; 2: else."""
        cdef long double first = 0, v, center = self.value(looks.center, k)
        cdef int j
        cdef bint all_center = True, all_same = True
        first = self.value(looks.up if looks.side >= 0 else looks.down, k)
        for j in range(looks.count):
            if looks.side >= 0:
                v = self.value(looks.up, j * self.width + k)
                all_center &= v == center
                all_same &= v == first
            if looks.side <= 0:
                v = self.value(looks.down, j * self.width + k)
                all_center &= v == center
                all_same &= v == first
        return 0 if all_center else 1 if all_same else 2

    cdef long double value(self, const void *values, Py_ssize_t k) noexcept nogil:
        return (<const long double *>values)[k] if self.is_wide else (<const double *>values)[k]

    cdef double unexplained(self, Looks *looks, Py_ssize_t k, int count) noexcept nogil:
        """Return how far f at the one or two closest looks is from a line through f(x)."""
        cdef double line, most = 0, ratio = looks.steps[0] / looks.steps[1]
        cdef double[2] above, below
        cdef long double center = self.value(looks.center, k)
        cdef int j
        for j in range(count):
            above[j] = <double>(self.value(looks.up, j * self.width + k) - center) if looks.side >= 0 else 0
            below[j] = <double>(self.value(looks.down, j * self.width + k) - center) if looks.side <= 0 else 0
            if looks.side == 0:
                most = fmax(most, fabs(above[j] + below[j]) / 2)
        if count == 1:
            return most if looks.side == 0 else fabs(above[0] + below[0]) / 8
        line = (above[0] - below[0]) - ratio * (above[1] - below[1])
        return fmax(most, fabs(line) / (1 if looks.side else 2))

    cdef double closer(self, Looks *looks, double radius) noexcept nogil:
        """Return a step in the first gap below a radius."""
        cdef int k = looks.count - 1
        cdef double h = radius
        while k >= 0:
            if looks.steps[k] < h:
                if looks.steps[k] < h / 4:
                    break
                h = looks.steps[k]
            k -= 1
        if k >= 0 and (SILVER * h < 2 * looks.steps[k] or h > LONE * looks.steps[k]):
            return sqrt(h * looks.steps[k])
        return (SILVER if looks.n < 3 else GOLDEN) * h

    cdef void plan(self, Course *c, Looks *looks, Fit *b, Py_ssize_t component) noexcept nogil:
        """Queue the next steps; none if they would not help."""
        cdef double nearest = looks.steps[0], furthest = looks.steps[looks.count - 1]
        cdef int k
        cdef double value = fabs(<double>b.value), level
        cdef int kinds = self.kinds(looks, component), power = 1 if c.side else 2
        cdef bint is_rough
        cdef Fit *o
        if kinds == 0:
            if self.width > 1:
                return  # a value that does not depend on this coordinate, as most of a sparse Jacobian
            if furthest * JUMP <= c.reach:
                self.put(c, furthest * JUMP, 0, 0, 1)
            return
        if kinds == 1:
            self.put(c, nearest / JUMP, 0, 0, 1)
            return
        if b.tread:
            c.is_noisy = True
            c.noise = fmax(c.noise, fmax(b.scatter * b.sigma, c.level if c.deep == 3 else 0))
        if b.abrupt and not c.is_checked and furthest < 1.01 * c.reach and furthest < JUMP * JUMP * b.abrupt:
            c.is_checked = True
            self.put(c, fmin(furthest * JUMP, c.reach), 0, 0, 1)
            return
        if b.bar <= self.tolerance * value and not (b.looks == 2 and b.other > fmax(NOISY, 0.3 * b.other_size)):
            return
        level = b.sigma * b.scatter
        is_rough = b.scatter > NOISY or b.jump >= b.bar and b.bar > CONVERGED * value or (
            b.misfit > (0.5 if b.looks < 3 else UNRESOLVED) * b.size) or b.other > fmax(NOISY, 0.5 * b.other_size)
        if is_rough and fmax(b.misfit, b.other) > NOISY and not c.is_noisy and (
                c.dives == 0 or c.deep == 3 and b.looks <= 3 and c.dives < 3):
            c.level = fmax(level if b.scatter > NOISY else b.misfit * b.sigma, b.other * b.sigma)
            c.component = component
            if self.dive(c, looks, fmax(b.bar, c.level / nearest)):
                return
        if not c.is_noisy and not b.settled:
            self.put(c, self.closer(looks, b.radius), 0, 0, 1)
            return
        if b.bar <= NEARLY * self.tolerance * value:
            if b.bar > GAIN * c.last_bar:
                return  # the last look out gained little
            c.last_bar = b.bar
        if self.look_out(c, looks, b, power):
            return
        o = b  # the outermost fit that noise limits
        for k in range(looks.count):
            if self.fits[component * MOST_LOOKS + k].settled and (
                    self.fits[component * MOST_LOOKS + k].bar < 10 * b.bar):
                o = &self.fits[component * MOST_LOOKS + k]
        if o.radius > b.radius and self.look_out(c, looks, o, power):
            return
        if b.bar > CONVERGED * value and c.more:
            c.more -= 1
            self.put(c, b.radius * (0.8 if c.more % 2 else 0.5), 0, 0, 1)

    cdef bint dive(self, Course *c, Looks *looks, double bar) noexcept nogil:
        """Queue a look halfway, on a scale of logarithms, to where rounding alone would give a bar; False if it is near."""
        cdef double nearest = looks.steps[0], unit = self.unit(c)
        cdef double size = self.eps * fabs(<double>self.value(looks.center, c.component))
        cdef double middle = sqrt(fmin(fmax(size / fmax(bar, 1e-300), unit), nearest) * nearest)
        if not middle < nearest / 8:
            return False
        c.dives += 1
        c.deep = 1
        self.put(c, middle, 0, 0, 1)
        return True

    cdef bint look_out(self, Course *c, Looks *looks, Fit *b, int power) noexcept nogil:
        """Queue a look further out, where one more term would meet the noise; False if there is no room for it."""
        cdef int k = max(b.settled, 1)
        cdef double ratio = fmin(b.scatter / fmax(b.first, 1e-300), 0.5)
        cdef double out = pow(ratio, -1.0 / (power * k * (k + 1)))
        cdef double beyond = c.wall if c.wall > b.radius * 1.0001 else INFINITY
        for k in range(looks.count):
            if looks.steps[k] > b.radius * 1.0001:
                beyond = fmin(beyond, looks.steps[k])
        if b.settled <= 1 and beyond == INFINITY:
            out, c.out = fmax(out, c.out), c.out * JUMP
        out = fmin(out, fmin(c.reach / b.radius, sqrt(beyond / b.radius)))
        if not out > 1.5:
            return False
        self.put(c, out * b.radius, 0, 0, 1)
        return True

    cdef bint moves_at(self, Looks *looks, Py_ssize_t k) noexcept nogil:
        """Return whether f moves at the closest look."""
        cdef long double center = self.value(looks.center, k)
        return (looks.side >= 0 and self.value(looks.up, k) != center) or (
            looks.side <= 0 and self.value(looks.down, k) != center)

    def looks(self, Py_ssize_t i):
        """Return the steps of the looks at a coordinate, rising, and f's values above and below x there."""
        cdef Course *c = &self.courses[i]
        cdef Py_ssize_t k, size = self.width * self.value_size
        steps, values = np.empty(c.looks), np.empty((2, c.looks, self.width), "g" if self.is_wide else "d")
        cdef double[::1] step = steps
        cdef char[::1] raw = values.reshape(-1).view(np.int8)
        for k in range(c.looks):
            step[k] = self.steps[i * MOST_LOOKS + k]
        if c.looks:
            memcpy(&raw[0], self.up + i * MOST_LOOKS * size, c.looks * size)
            memcpy(&raw[c.looks * size], self.down + i * MOST_LOOKS * size, c.looks * size)
        return steps, values[0], values[1]

    def one_sided(self, Py_ssize_t i, int side):
        """Return the derivatives and their bars by the looks on one side of x alone."""
        cdef Course *c = &self.courses[i]
        cdef Looks looks = self.looks_of(i)
        cdef Py_ssize_t k
        cdef Fit *best = <Fit *>malloc(self.width * sizeof(Fit))
        if best == NULL:
            raise MemoryError
        values, bars = np.full(self.width, np.nan), np.full(self.width, np.inf)
        cdef double[::1] value = values, bar = bars
        looks.side = side
        if c.looks > 1 and c.side in (0, side):
            if self.is_wide:
                fit(&looks, <long double *>NULL, self.fits, best)
            else:
                fit(&looks, <double *>NULL, self.fits, best)
            for k in range(self.width):
                if best[k].looks:
                    value[k], bar[k] = <double>best[k].value, best[k].bar
        free(best)
        return values, bars

    def debug(self, Py_ssize_t i):
        cdef Looks looks = self.looks_of(i)
        cdef Fit best
        fit(&looks, <double *>NULL, self.fits, &best)
        return [self.fits[k] for k in range(looks.count)], best, self.courses[i]

    def results(self):
        """Return values, bars, radii, jumps, f's changes over the radius where the bar is rounding alone, sides and evaluations."""
        cdef Py_ssize_t i, k
        cdef long double[:, ::1] value
        values = np.empty((self.count, self.width), np.longdouble)
        value = values
        bars, jumps, alone = (np.zeros((self.count, self.width)) for _ in range(3))
        cdef double[:, ::1] bar = bars, jump = jumps, rounding = alone
        radii, sides, used = np.zeros(self.count), np.zeros(self.count, np.intp), np.zeros(self.count, np.intp)
        cdef double[::1] radius = radii
        cdef Py_ssize_t[::1] side = sides, use = used
        cdef Fit *b
        for i in range(self.count):
            side[i], use[i] = self.courses[i].side, self.courses[i].used
            for k in range(self.width):
                b = &self.best[i * self.width + k]
                value[i, k], bar[i, k], jump[i, k] = b.value, b.bar, b.jump
                rounding[i, k] = b.change if b.scatter <= 1 and b.misfit <= 2 and b.jump == 0 and b.other <= NOISY and not b.tread else 0
                radius[i] = fmax(radius[i], b.radius)
        return values, bars, radii, jumps, alone, sides, used
