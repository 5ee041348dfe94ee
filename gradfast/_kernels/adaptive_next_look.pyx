"""Where one of f's values is looked at next, until the error bar of its derivative falls no further.

Neighboring steps are in ratios that are no small fractions: no wave of f has the same phase at all.
"""

from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, pow, sqrt

from gradfast._kernels.adaptive_fit cimport (
    CONFIRMING_LOOK, DEEP_LOOK, DEEPER_LOOK, IS_NOISE, JUMP, MOST_LOOKS, SMOOTH_CLOSE_BY, Fit, Looks, Value, fit, half,
    height_of_stairs, moved,
)

# Ratios of neighboring steps: (sqrt(5) - 1) / 2 and sqrt(2) - 1.
GOLDEN = 0.6180339887498949
SILVER = 0.4142135623730951

# A fit is rough if its scatter is this many times what f's values are known to, or its misfit half of its size. If
# scatter alone makes no fit rough, 89 % of 2800 bars cover the error, not 98 %.
cdef double NOISY = 30.0

# A rough fit is noise if at least this part of its misfit is left much closer to x. If less is left, fits that leave
# out more than that part are given up. If they are not, 46 % of 1385 bars of waves cover the error, not 96 %.
cdef double UNSHRUNK = 0.03


cdef double next_look(const Line *a, const Looks *looks, Value *v) noexcept nogil:  # OUT: v
    """Return the step at which f is looked at next, by the first rule that applies; 0 if no look would help."""
    cdef Fit[MOST_LOOKS] fits
    cdef Fit *b = &v.best
    cdef double step = 0, size
    if DEEP_LOOK <= v.state <= CONFIRMING_LOOK:
        step = judge(a, looks, v)
        if step:
            return step
    fit(looks, v, fits)
    if v.is_tread and v.state != IS_NOISE:  # then what it has shown is noise, and known to the stairs' height only
        if v.state == SMOOTH_CLOSE_BY:
            v.noise = fmax(v.noise, v.rough_by)
        v.state, v.shape_above = IS_NOISE, INFINITY
        fit(looks, v, fits)
    size = fabs(<double>b.value)
    if not b.looks:
        return GOLDEN * looks.steps[0]
    if has_not_moved(b):
        return far_out(a, looks)
    if v.is_abrupt and not v.has_looked_out:
        v.has_looked_out = True
        step = far_out(a, looks)
        if step:
            return step
    if v.state == SMOOTH_CLOSE_BY:
        step = between(looks, b)
    if step or b.bar <= a.tolerance * size and (looks.n > 1 or is_no_kink(a, b)):
        return step
    if v.rough_by == 0 and is_rough(b):
        step = deep(a, looks, v, b.sigma * fmax(b.misfit, b.other_misfit))
    if step:
        v.state = DEEP_LOOK
        return step
    if not b.settled:
        return closer(looks, b.radius)
    step = further_out(a, looks, b, fits)
    if not step and b.bar < size and stands_alone(looks, b):
        return GOLDEN * b.radius
    if not step and b.bar > a.enough * size and v.more:
        v.more -= 1
        return b.radius * (0.8 if v.more else 0.5)
    return step


cdef bint has_not_moved(const Fit *b) noexcept nogil:
    return b.size == 0 and b.other_size == 0


cdef double far_out(const Line *a, const Looks *looks) noexcept nogil:
    """Return a step far beyond all looks, but not beyond one at which f is not finite; 0 if there is none."""
    cdef double furthest = looks.steps[looks.count - 1]
    if furthest > 0.99 * a.reach or furthest > a.wall / 2:
        return 0
    return fmin(fmax(furthest * JUMP, sqrt(furthest * a.reach)), sqrt(furthest * a.wall))


cdef bint is_no_kink(const Line *a, const Fit *b) noexcept nogil:
    """Return whether x is at no kink that counts: the other half of f is smooth, or such a kink would be seen.

    Without the other half, 36 more of 10,700 results are lies; if kinks of 1e-6 of the value do not count, 4 more are.
    """
    return b.other_misfit <= NOISY or b.unseen <= a.tolerance * fabs(<double>b.value)


cdef bint stands_alone(const Looks *looks, const Fit *b) noexcept nogil:
    """Return whether a fit has only one look far from x. Then the derivative is as noisy as the looks closer to x.

    Without one more look far out, 208 of 10,700 errors are ten times as large, and 32 are a tenth.
    """
    return b.looks > 1 and looks.steps[b.looks - 2] < b.radius / 4


cdef bint is_rough(const Fit *b) noexcept nogil:
    """Return whether a fit does not tell f's shape: its steps are too long for f, or f has noise."""
    return b.scatter > NOISY or b.misfit > fmax(NOISY, b.size / 2) or b.other_misfit > fmax(NOISY, b.other_size / 2)


cdef double deep(const Line *a, const Looks *looks, Value *v, double rough_by) noexcept nogil:  # OUT: v.rough_by
    """Return a step halfway, by logarithms, to where rounding hides a slope that explains the misfit.

    It is 0 if that is not much closer.
    """
    cdef double nearest = looks.steps[0], rounding = looks.eps * fabs(<double>looks.center)
    cdef double step = sqrt(fmax(nearest * (rounding / rough_by), a.unit) * nearest)
    if v.rough_by == 0 and 0 < a.beside < nearest / 8:
        step = fmax(a.beside, a.unit)
    if not step < nearest / 8:
        return 0
    v.rough_by = rough_by
    return step


cdef double judge(const Line *a, const Looks *looks, Value *v) noexcept nogil:  # OUT: v
    """Decide after a deep look whether the misfit is noise; return the step of one more look to tell, or 0.

    If f rests there, on a tread of stairs far lower than the misfit, the look was too close. If more than UNSHRUNK of
    the misfit is left, f is looked at still closer. If that does not help either, it is noise. If it shrank, one more
    look beside the deep one must agree: then f is smooth close to x, and fits that have such a misfit are given up.
    """
    cdef double step = 0, noise, left = strangeness(looks, v.treads, 2 if v.state == CONFIRMING_LOOK else 1)
    if v.state == DEEP_LOOK:
        step = off_tread(looks, v)
    if step:
        v.treads += 1
    elif left > UNSHRUNK * v.rough_by or not moved(looks, v.treads + (v.state == CONFIRMING_LOOK)):
        if v.state == DEEP_LOOK and left > 0 and not v.treads:
            step = deep(a, looks, v, v.rough_by)
        v.state = DEEPER_LOOK if step else IS_NOISE
        if not step:
            if v.treads and not moved(looks, v.treads):  # the stairs are uneven: here is one as high as f's next change
                left = 0.4 * moved(looks, v.treads + 1)
            v.noise = left
    elif v.state != CONFIRMING_LOOK:
        v.state, step = CONFIRMING_LOOK, GOLDEN * looks.steps[v.treads]
    else:
        # Noise is as large at all steps: what is far above that of the closest look is f's shape. If only the part
        # UNSHRUNK of the misfit is noise, 12 more of 1385 bars of waves do not cover the error, 3 of them by far.
        noise = fmax(left, looks.eps * fabs(<double>looks.center))
        v.state, v.shape_above = SMOOTH_CLOSE_BY, sqrt(noise * v.rough_by)
    return step


cdef double off_tread(const Looks *looks, const Value *v) noexcept nogil:
    """Return a step halfway, by logarithms, from a look at which f rests to the next; 0 if there is none.

    f may rest there on the tread of a stair, far lower than the misfit. For a second derivative, f rests where it is
    straight: rounding hides its curvature.
    """
    cdef double here = looks.steps[v.treads], next_one = looks.steps[v.treads + 1]
    cdef bint is_straight = looks.n == 2 and half(looks, v.treads, False) == 0
    if moved(looks, v.treads) and not is_straight or not next_one > 8 * here:
        return 0
    return sqrt(here * next_one) if is_straight or 0 < height_of_stairs(looks) < UNSHRUNK * v.rough_by else 0


cdef double strangeness(const Looks *looks, int first, int count) noexcept nogil:
    """Return how far f at one or two looks is from a line through f(x).

    One look on one side always lies on a line: an eighth of f's change is a guess.
    """
    cdef double near = <double>half(looks, first, True)
    cdef double bend = 0 if looks.side else fabs(<double>half(looks, first, False))
    if count == 1:
        return fabs(near) / 8 if looks.side else bend
    return fmax(bend, fabs(near - looks.steps[first] / looks.steps[first + 1] * <double>half(looks, first + 1, True)))


cdef double between(const Looks *looks, const Fit *b) noexcept nogil:
    """Return a step where f was resolved much closer to x than it was looked at first; 0 if there is none.

    What lies between tells a smooth f, which bends more and more, from a stair's tread, which ends abruptly.
    """
    cdef const double *steps = looks.steps
    cdef int k = b.looks - 1
    if k > 0 and b.radius > JUMP * steps[k - 1]:
        return sqrt(b.radius * steps[k - 1])
    if k + 1 < looks.count and steps[k + 1] > 4 * b.radius:
        return sqrt(b.radius * steps[k + 1])
    return 0


cdef double closer(const Looks *looks, double radius) noexcept nogil:
    """Return a step below the first gap among the looks within a radius."""
    cdef int k
    for k in range(looks.count - 1, -1, -1):
        if looks.steps[k] < radius / 4:
            break
        radius = fmin(radius, looks.steps[k])
    return (SILVER if looks.n < 3 else GOLDEN) * radius


cdef double further_out(const Line *a, const Looks *looks, const Fit *b, const Fit *fits) noexcept nogil:
    """Return a step beyond the best fit, or the widest that is hardly worse; 0 if there is none."""
    cdef int k, widest = 0
    cdef double step = beyond(a, looks, b)
    for k in range(b.looks, looks.count):
        if fits[k].settled and fits[k].bar < 10 * b.bar:
            widest = k
    return beyond(a, looks, &fits[widest]) if not step and widest else step


cdef double beyond(const Line *a, const Looks *looks, const Fit *b) noexcept nogil:
    """Return a step where one more term would meet the noise; 0 if there is none clearly further out.

    K terms are above the noise, so each is at least noise**(1/K) of the one before it. That many terms more are so at a
    radius larger by the factor `out`.
    """
    cdef int k = max(b.settled, 1), power = 1 if looks.side else 2
    cdef double out = pow(fmin(b.scatter / b.size, 0.5), -1.0 / (power * k * (k + 1)))
    cdef double end = a.wall if a.wall > b.radius else INFINITY
    if b.looks < looks.count:
        end = fmin(end, looks.steps[b.looks])
    if b.settled <= 1 and end == INFINITY:
        out = fmax(out, JUMP)
    out = fmin(out, fmin(a.reach / b.radius, sqrt(end / b.radius)))
    return out * b.radius if out > 1.5 else 0
