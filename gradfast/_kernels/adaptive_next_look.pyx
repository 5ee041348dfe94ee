"""Where f is looked at next on a line through x, until the error bar of the derivative falls no further.

Neighboring steps are in ratios that are no small fractions: no wave of f has the same phase at all.
"""

from libc.math cimport INFINITY, fabs, fmax, fmin, isfinite, pow, sqrt

from gradfast._kernels.adaptive_fit cimport (
    CONFIRMING_LOOK, DEEP_LOOK, DEEPER_LOOK, IS_NOISE, JUMP, MOST_LOOKS, SMOOTH_CLOSE_BY, Fit, Looks, Value,
    half, moved,
)
from gradfast._kernels.adaptive_radius cimport fit, see

# Ratios of neighboring steps: (sqrt(5) - 1) / 2 and sqrt(2) - 1.
GOLDEN = 0.6180339887498949
cdef double SILVER = 0.4142135623730951

# A fit is rough if its scatter is this many times what f's values are known to, or its misfit half of its size. If
# scatter alone makes no fit rough, 89 % of 2800 bars cover the error, not 98 %.
NOISY = 30.0

# A rough fit is noise if at least this part of its misfit is left much closer to x. If less is left, fits that leave
# out more than that part are given up. If they are not, 46 % of 1385 bars of waves cover the error, not 96 %.
cdef double UNSHRUNK = 0.03


cdef struct Own:                        # what counts for one of f's values
    Line line
    long double[2 * MOST_LOOKS] values


cdef void plan(Line *a, Value *values, Fit *fits, unsigned int newest) noexcept nogil:
    """Fit what was seen on a line, and plan the next look. OUT: a, values, fits.

    The newest look, a bit, counts for the values that wait for it. The others do without: what led there may be noise
    that they do not have, or a shape that is not theirs. Close to x, rounding may hide that they move.
    """
    cdef Py_ssize_t k
    for k in range(a.looks.width):
        if a.looks.count == 2:
            values[k].counted = 3
        if values[k].wish == a.wanted:
            answer(a, &values[k], k, newest)
    while not a.next and not is_waiting(a, values):
        fit_values(a, values, fits)
        if not plan_for_widest(a, values, fits):
            break
    a.wanted = a.next


cdef void look_at_own(Own *own, const Line *a, const Value *v, Py_ssize_t k) noexcept nogil:  # OUT: own
    """Write the line as one of f's values sees it."""
    own.line = a[0]
    own.line.next = 0
    see(&own.line.looks, own.values, &a.looks, v.counted, k)


cdef bint is_deep(const Value *v) noexcept nogil:
    """Return whether what a value waits for, if it does, is to tell noise from shape close to x."""
    return DEEP_LOOK <= v.state <= CONFIRMING_LOOK


cdef void answer(const Line *a, Value *v, Py_ssize_t k, unsigned int look) noexcept nogil:
    """Let a look count for a value that waited for it. OUT: v."""
    cdef Own own
    v.counted, v.wish = v.counted | look, 0
    if is_deep(v):
        look_at_own(&own, a, v, k)
        judge(&own.line, v)
        v.wish = own.line.next


cdef bint is_waiting(Line *a, Value *values) noexcept nogil:
    """Return whether values wait for looks close to x; plan the longest of these. OUT: a.next, values.

    What other values looked at there may be answer enough.
    """
    cdef Py_ssize_t k
    cdef unsigned int look
    for k in range(a.looks.width):
        while is_deep(&values[k]) and values[k].wish:
            look = look_for(&values[k], &a.looks)
            if not look:
                a.next = fmax(a.next, values[k].wish)
                break
            answer(a, &values[k], k, look)
    return a.next != 0


cdef unsigned int look_for(const Value *v, const Looks *looks) noexcept nogil:
    """Return a look, as a bit, that does not count for a value yet and is as good as what it waits for; 0 for none.

    A value that does not move, and waits for none, takes any that is further out.
    """
    cdef double closest = INFINITY, furthest = 0, least = SILVER * v.wish, most = v.wish / SILVER
    cdef int j
    for j in range(looks.count):
        if v.counted >> looks.numbers[j] & 1:
            closest, furthest = fmin(closest, looks.steps[j]), looks.steps[j]
    if not v.wish:
        least, most = furthest, INFINITY
    elif is_deep(v):
        least, most = v.wish / 4, closest if v.state == CONFIRMING_LOOK else closest / 4
    for j in range(looks.count - 1, -1, -1):
        if least <= looks.steps[j] < most and not v.counted >> looks.numbers[j] & 1:
            return <unsigned int>1 << looks.numbers[j]
    return 0


cdef void fit_values(Line *a, Value *values, Fit *fits) noexcept nogil:
    """Fit what counts for each value. OUT: a.has_moved, values, fits."""
    cdef Value *v
    cdef Py_ssize_t k
    cdef bint has_tread = False
    fit(&a.looks, values, fits)
    for k in range(a.looks.width):
        v = &values[k]
        if v.is_tread and v.state != IS_NOISE:
            # What the tread has shown is noise: looks on it are worth no more than the stairs are high.
            has_tread = True
            v.noise = fmax(v.noise, fmax(v.best.scatter * v.best.sigma, v.rough_by * (v.state == SMOOTH_CLOSE_BY)))
            v.state, v.shape_above = IS_NOISE, INFINITY
    if has_tread:
        fit(&a.looks, values, fits)
    a.has_moved = False
    for k in range(a.looks.width):
        a.has_moved |= not has_not_moved(&values[k].best)


cdef bint plan_for_widest(Line *a, Value *values, const Fit *fits) noexcept nogil:
    """Plan the next look for the value whose bar is widest, relative to itself; where no look would help, it is done.

    Return whether values are to be fitted again, since looks of others may suit them. OUT: a.next, values.
    """
    cdef Value *v
    cdef Value planned, chosen
    cdef double bar, widest = -1
    cdef unsigned int look
    cdef bint goes_deep = False, is_seen = False
    cdef Py_ssize_t k, which = 0
    for k in range(a.looks.width):
        v = &values[k]
        if v.is_done or not isfinite(a.looks.center[k]):
            continue
        plan_for(&planned, a, v, k, fits)
        v.is_done = not planned.wish and not has_not_moved(&v.best)
        look = 0 if v.is_done or is_deep(&planned) else look_for(&planned, &a.looks)
        v.counted |= look
        is_seen |= look != 0
        bar = fmin(v.best.bar / fmax(fabs(<double>v.best.value), 1e-300), 1e300) if v.best.looks else 1e300
        if planned.wish and bar > widest:
            which, chosen, widest, a.next, goes_deep = k, planned, bar, planned.wish, is_deep(&planned)
    if is_seen or not a.next:
        a.next = 0
        return is_seen
    values[which] = chosen
    for k in range(a.looks.width):
        if k == which or values[k].is_done:
            continue
        plan_for(&planned, a, &values[k], k, fits)
        if goes_deep and planned.wish and is_deep(&planned):
            values[k] = planned
        elif not goes_deep and SILVER * a.next <= planned.wish <= a.next / SILVER:
            values[k] = planned
            values[k].wish = a.next
    if goes_deep:
        a.next = 0
    return goes_deep


cdef void plan_for(Value *v, const Line *line, const Value *value, Py_ssize_t k, const Fit *fits) noexcept nogil:
    """Write one of f's values with its wish, by the first rule that applies; 0 if no look would help. OUT: v."""
    cdef Own own
    cdef Line *a = &own.line
    cdef Fit *b = &v.best
    cdef double furthest, size = fabs(<double>value.best.value)
    v[0] = value[0]
    look_at_own(&own, line, v, k)
    furthest = a.looks.steps[a.looks.count - 1]
    if v.is_done or not isfinite(a.looks.center[0]):
        pass
    elif not b.looks:
        a.next = GOLDEN * a.looks.steps[0]
    elif has_not_moved(b):
        if furthest < 0.99 * a.reach and not a.has_moved:
            a.next = fmax(furthest * JUMP, sqrt(furthest * a.reach))
    elif v.abrupt and not v.has_looked_out and furthest < fmin(0.99 * a.reach, JUMP * JUMP * v.abrupt):
        v.has_looked_out, a.next = True, furthest * JUMP
    elif v.state == SMOOTH_CLOSE_BY and look_between(a, b):
        pass
    elif b.bar <= a.tolerance * size and (a.looks.n > 1 or is_no_kink(a, b)):
        pass
    elif v.rough_by == 0 and is_rough(b) and look_deep(a, v, b.sigma * fmax(b.misfit, b.other_misfit)):
        v.state = DEEP_LOOK
    elif v.state != IS_NOISE and not b.settled:
        a.next = closer(&a.looks, b.radius)
    elif not look_further_out(a, b, &fits[k * MOST_LOOKS]) and b.bar > a.enough * size and v.more:
        v.more -= 1
        a.next = b.radius * (0.8 if v.more else 0.5)
    v.wish = fmin(a.next, a.reach)


cdef bint has_not_moved(const Fit *b) noexcept nogil:
    return b.size == 0 and b.other_size == 0


cdef bint is_no_kink(const Line *a, const Fit *b) noexcept nogil:
    """Return whether x is at no kink that counts: the other half of f is a parabola, or a kink would be seen."""
    return b.other_misfit <= NOISY or b.unseen <= fmax(a.enough, a.tolerance) * fabs(<double>b.value)


cdef bint is_rough(const Fit *b) noexcept nogil:
    """Return whether a fit does not tell f's shape: its steps are too long for f, or f has noise."""
    return b.scatter > NOISY or b.misfit > fmax(NOISY, b.size / 2) or b.other_misfit > fmax(NOISY, b.other_size / 2)


cdef bint look_deep(Line *a, Value *v, double rough_by) noexcept nogil:
    """Plan a look halfway, by logarithms, to where rounding hides a slope that explains the misfit.

    Return whether that is much closer.
    """
    cdef double nearest = a.looks.steps[0], rounding = a.looks.eps * fabs(<double>a.looks.center[0])
    cdef double deep = sqrt(fmin(fmax(nearest * (rounding / rough_by), a.unit), nearest) * nearest)
    if v.rough_by == 0 and a.beside:
        deep = fmax(a.beside, a.unit)
    if not deep < nearest / 8:
        return False
    v.rough_by, a.next = rough_by, deep
    return True


cdef void judge(Line *a, Value *v) noexcept nogil:
    """Decide after a deep look whether the misfit is noise, or plan one more look to tell. OUT: a.next, v.

    If more than UNSHRUNK of it is left, or f rests there as on a stair's tread, f is looked at still closer. If that
    does not help either, it is noise. If it shrank, one more look beside the deep one must agree: then f is smooth
    close to x, and fits that have such a misfit are given up.
    """
    cdef double noise, left = strangeness(&a.looks, 0, 2 if v.state == CONFIRMING_LOOK else 1)
    if left > UNSHRUNK * v.rough_by or not moved(&a.looks, 0, 0):
        if v.state == DEEP_LOOK and left > 0 and look_deep(a, v, v.rough_by):
            v.state = DEEPER_LOOK
        else:
            v.state, v.noise = IS_NOISE, fmax(v.noise, left)
    elif v.state != CONFIRMING_LOOK:
        v.state, a.next = CONFIRMING_LOOK, GOLDEN * a.looks.steps[0]
    else:
        # Noise is as large at all steps: what is far above that of the closest look is f's shape. With UNSHRUNK alone,
        # 12 more of 1385 bars of waves do not cover the error, 3 of them by far.
        noise = fmax(left, a.looks.eps * fabs(<double>a.looks.center[0]))
        v.state, v.shape_above = SMOOTH_CLOSE_BY, fmin(UNSHRUNK * v.rough_by, sqrt(noise * v.rough_by))


cdef double strangeness(const Looks *looks, Py_ssize_t c, int count) noexcept nogil:
    """Return how far f at the one or two closest looks is from a line through f(x).

    One look on one side always lies on a line: an eighth of f's change is a guess.
    """
    cdef double bend = 0, near = <double>half(looks, c, 0, True)
    cdef int j
    if looks.side and count == 1:
        return fabs(near) / 8
    for j in range(0 if looks.side else count):
        bend = fmax(bend, fabs(<double>half(looks, c, j, False)))
    if count == 1:
        return bend
    return fmax(bend, fabs(near - looks.steps[0] / looks.steps[1] * <double>half(looks, c, 1, True)))


cdef bint look_between(Line *a, const Fit *b) noexcept nogil:
    """Plan a look where f was resolved much closer to x than it was looked at first; return whether there is one.

    What lies between tells a smooth f, which bends more and more, from a stair's tread, which ends abruptly.
    """
    cdef const double *steps = a.looks.steps
    cdef int k = b.looks - 1
    if k > 0 and b.radius > JUMP * steps[k - 1]:
        a.next = sqrt(b.radius * steps[k - 1])
    elif k + 1 < a.looks.count and steps[k + 1] > 4 * b.radius:
        a.next = sqrt(b.radius * steps[k + 1])
    return a.next != 0


cdef double closer(const Looks *looks, double radius) noexcept nogil:
    """Return a step below the first gap among the looks within a radius."""
    cdef int k
    for k in range(looks.count - 1, -1, -1):
        if looks.steps[k] < radius / 4:
            break
        radius = fmin(radius, looks.steps[k])
    return (SILVER if looks.n < 3 else GOLDEN) * radius


cdef bint look_further_out(Line *a, const Fit *b, const Fit *fits) noexcept nogil:
    """Plan a look beyond the best fit, or the widest that is hardly worse; return whether there is one."""
    cdef int k, widest = 0
    for k in range(b.looks, a.looks.count):
        if fits[k].settled and fits[k].bar < 10 * b.bar:
            widest = k
    return look_out(a, b) or widest and look_out(a, &fits[widest])


cdef bint look_out(Line *a, const Fit *b) noexcept nogil:
    """Plan a look where one more term would meet the noise; return whether there is one, clearly further out.

    K terms are above the noise, so each is at least noise**(1/K) of the one before it. That many terms more are so at a
    radius larger by the factor `out`.
    """
    cdef int k = max(b.settled, 1), power = 1 if a.looks.side else 2
    cdef double out = pow(fmin(b.scatter / fmax(b.size, 1e-300), 0.5), -1.0 / (power * k * (k + 1)))
    cdef double beyond = a.wall if a.wall > 1.0001 * b.radius else INFINITY
    for k in range(a.looks.count - 1, -1, -1):
        if a.looks.steps[k] > 1.0001 * b.radius:
            beyond = fmin(beyond, a.looks.steps[k])
    if b.settled <= 1 and beyond == INFINITY:
        out = fmax(out, JUMP)
    out = fmin(out, fmin(a.reach / b.radius, sqrt(beyond / b.radius)))
    if out > 1.5:
        a.next = out * b.radius
    return out > 1.5
