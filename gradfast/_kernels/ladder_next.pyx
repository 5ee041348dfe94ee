"""Choose the next step of a ladder, or end it.

A shorter step reduces the truncation error, a longer one the rounding error. A ladder ends when neither would help.
Rungs are sorted by falling step: rung 0 has the longest step, the last rung the shortest. The constants were set by
experiment, on the functions of ``python -m bench.accuracy``.
"""

from libc.math cimport INFINITY, NAN, ceil, exp2, floor, fmax, fmin, isfinite, log2, pow, rint, sqrt

from gradfast._kernels.extrapolation cimport Window, distance, size_of, unresolved
from gradfast._kernels.stencil cimport value

# Two neighboring rungs whose quotients differ by more than this part of their value are garbage: the steps are still
# too long for f.
cdef double GARBAGE = 0.1

# Factors of jumps. DOWN: the next step after garbage. UP: the most that a step grows when only rounding is left.
# UP_FROM_NOISE: how much it grows when f is noisy. After a jump up by LONG_JUMP or more, the new rung is compared with
# those below it, because f may be a different function that far out.
cdef double DOWN = 2.0**-7
cdef double UP = 2.0**20
cdef double UP_FROM_NOISE = 2.0**4
cdef double LONG_JUMP = 2.0**6

# A step may grow until its quotient is this part of its value away from the derivative. Extrapolation removes the rest.
cdef double RESOLVED = 0.004

# A ladder of this many rungs whose quotients still look like garbage is not garbage but noise: it jumps no further.
cdef Py_ssize_t MOST_JUMPS = 8

# A rounding error DOUBT times as large as f's values explain is either noise or an f that varies within the steps.
# Ladders of up to LONGEST_DOUBT rungs try a shorter step to tell which: after three rungs it was often the latter.
cdef double DOUBT = 16.0
cdef Py_ssize_t LONGEST_DOUBT = 5

# A ladder whose error is more than FAR tolerances tries steps UP_IF_FAR times as long, even if its estimates promise
# nothing. There it takes GROUP rungs, and further ones as long as each halves the error.
cdef double FAR = 1000.0
cdef double UP_IF_FAR = 64.0
cdef Py_ssize_t GROUP = 3

# The look far out after the first rung (see far_step), in units of that rung's rounding error. f is a line there if the
# slopes on both sides of x differ by no more than BENT of them. A slope is visible if it is larger than SIGNAL of them.
# For an f that bends, the look pays if rounding exceeds FAR_ABOVE tolerances, by the derivative's order (1 or 2).
# No look multiplies the step by more than FARTHEST.
cdef double BENT = 8.0
cdef double SIGNAL = 8.0
cdef double[3] FAR_ABOVE = [0, 6, 300]
cdef double FARTHEST = 2.0**40

# Rounding hides a value whose error is more than this part of it. Longer steps are no help then: far out, any quotient
# would agree with a value that is hardly known.
cdef double HIDDEN = 0.25

# A ladder that went up on a line or a parabola ends when its error is within this many tolerances, by the derivative's
# order (1 or 2; higher orders count as 2).
cdef double[3] NEAR = [0, 30, 1000]

# The smallest factor by which a step shrinks without a jump, by the power of the step with which quotients converge:
# 1 for one-sided stencils, 2 for central ones.
cdef double[3] SHORTEST = [0, 0.5, 0.0625]


cdef double next_on_course(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, double eps, const Window *best, Course *course,
) noexcept nogil:
    """Return the step of the next rung, or NaN if none would help; update the course.

    The course holds the limits of the step and what was decided before. A jump is followed by a second rung at half the
    step, since extrapolation needs two. A ladder that went up does not go below its old rungs again, but may add
    rungs between those and the new ones.
    """
    cdef Py_ssize_t count = steps.shape[0]
    cdef double top = steps[0], bottom = steps[count - 1]
    cdef double step = course.forced, error = (best.truncation + best.rounding) / best.size
    cdef bint jumps, goes_up, improves = error < 0.5 * course.error
    course.error = error
    if course.has_gone_up and is_done_far_out(steps, quotients, roundings, power, error <= NEAR[min(n, 2)] * tolerance / best.size):
        return NAN
    if isfinite(step) and course.has_gone_up and went_too_far(steps, quotients, roundings, power, best, 0):
        step = course.forced = NAN
    if not isfinite(step):
        step = next_step(steps, quotients, roundings, bends, power, n, tolerance, eps, best)
        if course.has_gone_up and not step > top:
            return step_between(steps, quotients, roundings, power, best, improves)
        if not isfinite(step) and FAR * tolerance / best.size < error < HIDDEN:
            step = steps[0] * UP_IF_FAR
    if count == 2 and not isfinite(quotients[1]) and course.fallback < bottom:
        step = course.fallback
    goes_up = step > top
    if goes_up:
        step = fmin(step, course.longest)
    jumps = step > 4 * top or step < bottom / 8
    if (course.has_gone_up and step < bottom) or (goes_up and step <= top) or step < course.shortest:
        return NAN
    course.forced = step / 2 if jumps and not isfinite(course.forced) else NAN
    course.has_gone_up |= goes_up
    return step


cdef double step_between(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, int power, const Window *best, bint improves
) noexcept nogil:
    """Return the next step of a ladder that went up, below its new rungs, or NaN if it has enough of them.

    If every jump up went too far, return the middle, on a logarithmic scale, of the last jump.
    """
    cdef Py_ssize_t j, first = 0
    for j in range(steps.shape[0] - 1):
        if steps[j] > 4 * steps[j + 1]:
            if not went_too_far(steps, quotients, roundings, power, best, j):
                return steps[j] / 2 if j + 1 - first < GROUP or improves else NAN
            if not has_jump(steps, j + 1):
                return exp2(rint(0.5 * (log2(steps[j]) + log2(steps[j + 1]))))
            first = j + 1
    return NAN


cdef bint has_jump(const double[::1] steps, Py_ssize_t first) noexcept nogil:
    """Return whether two neighboring rungs, of those from `first` on, are more than a factor of 4 apart."""
    cdef Py_ssize_t j
    for j in range(first, steps.shape[0] - 1):
        if steps[j] > 4 * steps[j + 1]:
            return True
    return False


cdef bint went_too_far(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, int power, const Window *best, Py_ssize_t j
) noexcept nogil:
    """Return whether rung j lies a long jump above the next one and disagrees with it.

    A one-sided rung does not disagree if it is where a parabola through the two rungs below would have it.
    """
    cdef value size = size_of(quotients[j + 1])
    if steps[j] < LONG_JUMP * steps[j + 1]:
        return False
    if power == 1 and j + 2 < steps.shape[0] and beyond_parabola(steps, quotients, roundings, j) <= GARBAGE * size_of(quotients[j]):
        return False
    return not distance(quotients[j], quotients[j + 1]) <= GARBAGE * size + 4 * (best.truncation + best.rounding)


cdef double next_step(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, double eps, const Window *best,
) noexcept nogil:
    """Return the step that would reduce the error most, a power of two, or NaN.

    If truncation dominates, that is a shorter step; if rounding dominates, a longer one. There is none if longer and
    shorter steps than those of the best window were both worse.
    """
    cdef Py_ssize_t count = steps.shape[0], last = count - 1
    cdef double size = <double>size_of(quotients[last]), error = best.truncation + best.rounding
    cdef double change = <double>distance(quotients[last], quotients[last - 1])
    cdef double beyond = <double>unresolved(steps, roundings, bends, last)
    cdef double growth
    cdef bint is_garbage, noisy, may_be_noise, has_no_signal, is_best, is_straight
    is_garbage = not change <= GARBAGE * size + 4 * <double>roundings[last]
    is_garbage = is_garbage and not is_parabola(steps, quotients, roundings, bends, power)
    is_garbage = is_garbage or beyond > GARBAGE * size
    noisy = not is_garbage and is_noise(steps, quotients, power, beyond)
    has_no_signal = best.truncation > GARBAGE * best.size and best.truncation > 4 * best.rounding
    may_be_noise = best.rounding > DOUBT * roundings[best.last] and count <= LONGEST_DOUBT
    is_best = best.last == last or count <= 3 or power == 1
    is_straight = count == 2 and not beyond > 0 and keeps_its_slope(quotients, roundings)
    if not isfinite(error):
        return exp2(rint(log2(steps[last] * DOWN)))
    if ((is_garbage or has_no_signal) and count < MOST_JUMPS) or (
        is_best and not noisy and not is_straight and (best.truncation > best.rounding or may_be_noise)
    ):
        if is_garbage:
            return exp2(rint(log2(steps[last] * DOWN)))
        return steps[last] * exp2(rint(log2(shrinking(quotients, roundings, power, tolerance, best, may_be_noise))))
    # If nothing is known of the derivative, longer steps would only show that f is bounded.
    if has_no_signal or best.first > 1 or not error < HIDDEN * best.size:
        return NAN
    growth = UP_FROM_NOISE if noisy else growing(steps, quotients, roundings, power, n, tolerance, eps, best)
    return exp2(rint(log2(steps[0] * fmax(growth, 4)))) if growth >= 2 else NAN


cdef bint is_noise(const double[::1] steps, const value[::1] quotients, int power, double beyond) noexcept nogil:
    """Return whether the quotients look like the derivative plus noise.

    They do if shorter steps do not bring them closer to each other although they are close, or if the slopes on both
    sides of x do not approach each other.
    """
    cdef Py_ssize_t count = steps.shape[0], last = count - 1
    cdef value change, before
    if power == 2 and count > 2 and beyond > 0:
        return True
    if count <= 3:
        return False
    change, before = distance(quotients[last], quotients[last - 1]), distance(quotients[last - 1], quotients[last - 2])
    if power == 2:
        return change > before * (steps[last - 1] / steps[last - 2]) and before < GARBAGE * size_of(quotients[last])
    # The one-sided quotients of a wave also turn back once, so three changes in a row must fail to fall.
    return change > before > 0.5 * distance(quotients[last - 2], quotients[last - 3])


cdef double shrinking(
    const value[::1] quotients, const value[::1] roundings, int power, double tolerance, const Window *best, bint may_be_noise
) noexcept nogil:
    """Return the factor by which to shrink the step, so that truncation falls to the tolerance or rounding error."""
    cdef Py_ssize_t count = quotients.shape[0], last = count - 1, columns = power * (best.last - best.first + 1)
    cdef double size = <double>size_of(quotients[last]), change = <double>distance(quotients[last], quotients[last - 1])
    cdef double error = best.truncation + best.rounding, gain, wanted, rounding
    gain = fmax(8 * size / change, 1) if count == 2 else 1  # the third rung gains about as much as the second did
    wanted = pow(gain * tolerance / error, 1.0 / columns)
    rounding = <double>roundings[best.last] if may_be_noise else best.rounding
    wanted = fmax(wanted, pow(gain * rounding / error, 1.0 / (columns + 1)))
    return min(max(wanted, SHORTEST[power] if count > 2 and not may_be_noise else max(SHORTEST[power], 0.25)), 0.5)


cdef double growing(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, int power, int n,
    double tolerance, double eps, const Window *best,
) noexcept nogil:
    """Return the factor by which to lengthen the step, so that rounding falls to the tolerance.

    The factor is limited to steps at which extrapolation can still remove the truncation error.
    """
    cdef Py_ssize_t columns = power * (best.last - best.first + 1)
    cdef double size = <double>size_of(quotients[steps.shape[0] - 1]), change = <double>distance(quotients[0], quotients[1])
    cdef double resolved, values
    resolved = pow(RESOLVED * size / fmax(change - <double>roundings[1], 0), 1.0 / power)
    if power == 1 and steps.shape[0] > 2 and beyond_parabola(steps, quotients, roundings, 0) <= 0:
        # A parabola is extrapolated exactly. Where f has doubled, rounding grows as fast as the step.
        values = <double>roundings[0] * pow(steps[0] / 2, n) / eps
        resolved = fmax(resolved, pow(values / change * (steps[0] - steps[1]), 1.0 / (n + 1)) / steps[0])
    resolved = fmax(resolved, pow(best.rounding / best.truncation, 1.0 / (1 + columns)))
    resolved = fmin(resolved, FARTHEST if power == 1 and keeps_its_slope(quotients, roundings) else UP)
    return fmin(pow((best.truncation + best.rounding) / tolerance, 1.0 / n), resolved)


cdef bint is_done_far_out(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, int power, bint is_near
) noexcept nogil:
    """Return whether a ladder that went up is done.

    It is if f looks like a line or a parabola, which the extrapolated stencils differentiate exactly, and longer steps
    would gain little: the error is near its tolerance, or the rounding error no longer falls.
    """
    cdef Py_ssize_t count = steps.shape[0]
    if keeps_its_slope(quotients, roundings):
        return (is_near and (count == 3 or power == 1)) or (steps[0] <= 4 * steps[1] and outgrows(steps, roundings))
    if power == 2 or count < 3 or steps[0] > 16 * steps[2]:
        return False
    return beyond_parabola(steps, quotients, roundings, 0) <= 0 and (is_near or outgrows(steps, roundings))


cdef bint is_parabola(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power
) noexcept nogil:
    """Return whether f looks like a parabola at the shortest steps: its second difference falls as ``f'' h**2``.

    A one-sided ladder of two rungs, which cannot tell, counts as a parabola.
    """
    cdef Py_ssize_t last = steps.shape[0] - 1
    cdef value expected
    if power == 1:
        return last < 2 or beyond_parabola(steps, quotients, roundings, last - 2) < 0.25 * distance(quotients[last - 2], quotients[last - 1])
    expected = bends[last - 1] * (steps[last] / steps[last - 1])
    return distance(bends[last], expected) < 0.25 * size_of(expected) - roundings[last]


cdef value beyond_parabola(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, Py_ssize_t j
) noexcept nogil:
    """Return how far one-sided quotient j is from the parabola through the next two, minus what rounding explains."""
    cdef double ratio = (steps[j] - steps[j + 1]) / (steps[j + 1] - steps[j + 2])
    cdef value apart = distance(quotients[j] - quotients[j + 1], (quotients[j + 1] - quotients[j + 2]) * ratio)
    return apart - roundings[j] - (1 + ratio) * roundings[j + 1] - ratio * roundings[j + 2]


cdef bint keeps_its_slope(const value[::1] quotients, const value[::1] roundings) noexcept nogil:
    """Return whether all quotients agree within their rounding errors.

    Then f is a line. To central stencils it may also be a parabola, or a line plus an even function of the step.
    """
    cdef Py_ssize_t j
    if not roundings[0] <= roundings[roundings.shape[0] - 1]:
        return False
    for j in range(1, quotients.shape[0]):
        if not distance(quotients[j], quotients[0]) <= 2 * (roundings[j] + roundings[0]):
            return False
    return True


cdef bint outgrows(const double[::1] steps, const value[::1] roundings) noexcept nogil:
    """Return whether |f| differs at the two longest steps; longer steps then reduce rounding no further."""
    cdef value size = roundings[0] * steps[0], before = roundings[1] * steps[1]
    return distance(size, before) > 0.1 * before


cdef double far_step(
    Py_ssize_t i, int n, double step, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, const value[:, :] center, double rtol
) noexcept nogil:
    """Return the second step of coordinate i if it should be much longer than the first, else 0.

    A longer step pays if f looks linear at the first step, or if |f| is so large that rounding hides its change. It is
    long enough to bring rounding down to the tolerance; if f bends, not longer than the step at which f doubles.
    """
    cdef Py_ssize_t component
    cdef double lost = 0, doubling = INFINITY
    cdef bint is_line = True
    cdef value slope, bend, rounding
    for component in range(quotients.shape[1]):
        rounding = roundings[i, component, 0]
        slope = size_of(quotients[i, component, 0])
        bend = slope * step if n == 2 else size_of(bends[i, component, 0])
        if SIGNAL * rounding < slope:
            lost = fmax(lost, <double>(rounding / slope))
        if n == 2 or not bend <= BENT * rounding:
            is_line = False
            doubling = fmin(doubling, sqrt(2 * <double>(size_of(center[i, component]) / bend) * step))
    step *= exp2(ceil(log2(fmin(8 * lost / rtol, FARTHEST)) / n))
    if is_line:
        return step
    return fmin(step, exp2(floor(log2(doubling)))) if lost > FAR_ABOVE[n] * rtol else 0


JUMP_DOWN = DOWN
