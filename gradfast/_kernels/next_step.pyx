"""Where a ladder steps next: shorter against truncation, longer against rounding, to the end where neither would help."""

from libc.math cimport INFINITY, NAN, ceil, exp2, floor, fmax, fmin, isfinite, log2, pow, rint, sqrt

from gradfast._kernels.extrapolation cimport Window, distance, size_of, unresolved
from gradfast._kernels.stencil cimport value

# A pair of rungs is far from converging where it differs by this part of its value.
cdef double GARBAGE = 0.1

# How far a ladder jumps down where it is garbage, and at most up where rounding is all there is; from what length on
# a jump up may have gone too far.
cdef double DOWN = 2.0**-7
cdef double UP = 2.0**20
cdef double UP_FROM_NOISE = 2.0**4
cdef double LONG_JUMP = 2.0**6

# How far from converged, relative to the value, the longest two rungs may be: extrapolation does the rest.
cdef double RESOLVED = 0.004

# From so many rungs on, f that looks like garbage is taken to be noisy.
cdef Py_ssize_t MOST_JUMPS = 8

# Rounding errors so much larger than f's values explain may be noise, or an f of a shorter scale than the steps.
cdef double DOUBT = 16.0
cdef Py_ssize_t LONGEST_DOUBT = 5

# So far from its tolerance a ladder tries longer steps even if its estimates promise nothing; of those it takes
# so many rungs, and more while the error halves.
cdef double FAR = 1000.0
cdef double UP_IF_FAR = 64.0
cdef Py_ssize_t GROUP = 3

# f is taken for a line where its slopes on both sides differ by so many rounding errors, and to change where it does by
# so many; bent, it is far above its change where rounding is so many tolerances. A look that far is at most so far.
cdef double BENT = 8.0
cdef double SIGNAL = 8.0
cdef double FAR_ABOVE = 6.0
cdef double FARTHEST = 2.0**40

# So near its tolerance, or where its rounding grows, a ladder that went up ends if f keeps its slope.
cdef double NEAR = 30.0

# How much shorter the next step is at least, by the power of the step that quotients converge with, 1 or 2.
cdef double[3] SHORTEST = [0, 0.5, 0.0625]


cdef double next_on_course(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, const Window *best, Course *course,
) noexcept nogil:
    """Return the step of the next rung, NaN if none would help; the course says what is possible and was decided.

    After a jump comes a second rung to extrapolate from. A ladder that went up does not go down again,
    but may take more rungs between the new ones and the old.
    """
    cdef Py_ssize_t count = steps.shape[0]
    cdef double top = steps[0], bottom = steps[count - 1]
    cdef double step = course.forced, error = (best.truncation + best.rounding) / best.size
    cdef bint jumps, goes_up, improves = error < 0.5 * course.error
    course.error = error
    if course.has_gone_up and keeps_its_slope(quotients, roundings) and (
        (count == 3 and error * best.size <= NEAR * tolerance) or (top <= 4 * steps[1] and outgrows(steps, roundings))
    ):
        return NAN
    if isfinite(step) and course.has_gone_up and went_too_far(steps, quotients, best, 0):
        step = course.forced = NAN
    if not isfinite(step):
        step = next_step(steps, quotients, roundings, bends, power, n, tolerance, best)
        if course.has_gone_up and not step > top:
            return step_between(steps, quotients, best, improves)
        if not isfinite(step) and FAR * tolerance / best.size < error < 1:
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
    const double[::1] steps, const value[::1] quotients, const Window *best, bint improves
) noexcept nogil:
    """Return the next step below those that a ladder went up to, or NaN; half-way down if all were too far."""
    cdef Py_ssize_t j, first = 0
    for j in range(steps.shape[0] - 1):
        if steps[j] > 4 * steps[j + 1]:
            if not went_too_far(steps, quotients, best, j):
                return steps[j] / 2 if j + 1 - first < GROUP or improves else NAN
            if not has_jump(steps, j + 1):
                return exp2(rint(0.5 * (log2(steps[j]) + log2(steps[j + 1]))))
            first = j + 1
    return NAN


cdef bint has_jump(const double[::1] steps, Py_ssize_t first) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(first, steps.shape[0] - 1):
        if steps[j] > 4 * steps[j + 1]:
            return True
    return False


cdef bint went_too_far(
    const double[::1] steps, const value[::1] quotients, const Window *best, Py_ssize_t j
) noexcept nogil:
    """Return whether a rung a long jump up has nothing to do with the next shorter one."""
    cdef value apart = distance(quotients[j], quotients[j + 1])
    return steps[j] >= LONG_JUMP * steps[j + 1] and not (
        apart <= GARBAGE * size_of(quotients[j + 1]) + 4 * (best.truncation + best.rounding)
    )


cdef double next_step(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, const Window *best,
) noexcept nogil:
    """Return the step that would help most, a power of two, or NaN.

    Where truncation is most of the error that is a shorter one, where rounding is a longer one;
    where shorter and longer steps were both worse there is none.
    """
    cdef Py_ssize_t count = steps.shape[0], last = count - 1, columns = power * (best.last - best.first + 1)
    cdef double size = <double>size_of(quotients[last]), rounding = <double>roundings[last]
    cdef double change = <double>distance(quotients[last], quotients[last - 1])
    cdef double beyond = <double>unresolved(steps, roundings, bends, last), error = best.truncation + best.rounding
    cdef double before, gain, wanted, reach, resolved
    cdef bint is_garbage, is_noise, may_be_noise, has_no_signal
    is_garbage = not change <= GARBAGE * size + 4 * rounding and not is_parabola(steps, roundings, bends)
    is_garbage = is_garbage or beyond > GARBAGE * size
    is_noise = not is_garbage and beyond > 0 and count > 2
    if not is_garbage and count > 3:
        before = <double>distance(quotients[last - 1], quotients[last - 2])
        is_noise = is_noise or change > before * pow(steps[last - 1] / steps[last - 2], power / 2.0) and before < GARBAGE * size
    has_no_signal = best.truncation > GARBAGE * best.size and best.truncation > 4 * best.rounding
    may_be_noise = best.rounding > DOUBT * roundings[best.last] and count <= LONGEST_DOUBT
    if not isfinite(error):
        return exp2(rint(log2(steps[last] * DOWN)))
    if ((is_garbage or has_no_signal) and count < MOST_JUMPS) or (
        (best.last == last or count <= 3) and not is_noise and (best.truncation > best.rounding or may_be_noise)
    ):
        if is_garbage:
            return exp2(rint(log2(steps[last] * DOWN)))
        gain = fmax(8 * size / change, 1) if count == 2 else 1  # a third rung gains about as much again as the second did
        wanted = pow(gain * tolerance / error, 1.0 / columns)
        rounding = <double>roundings[best.last] if may_be_noise else best.rounding
        wanted = fmax(wanted, pow(gain * rounding / error, 1.0 / (columns + 1)))
        wanted = min(max(wanted, SHORTEST[power] if count > 2 and not may_be_noise else max(SHORTEST[power], 0.25)), 0.5)
        return exp2(rint(log2(steps[last] * wanted)))
    # Where nothing is known of the derivative, longer steps would only find how f is bounded.
    if has_no_signal or best.first > 1 or not error < best.size:
        return NAN
    reach = UP_FROM_NOISE
    if not is_noise:
        change = <double>distance(quotients[0], quotients[1])
        resolved = pow(RESOLVED * size / fmax(change - <double>roundings[1], 0), 1.0 / power)
        resolved = fmax(resolved, pow(best.rounding / best.truncation, 1.0 / (1 + columns)))
        reach = fmin(pow(error / tolerance, 1.0 / n), resolved)
    return exp2(rint(log2(steps[0] * fmin(fmax(reach, 4), UP)))) if reach >= 2 else NAN


cdef bint is_parabola(const double[::1] steps, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return whether at the two shortest steps f's second difference falls as f'' h**2 does."""
    cdef Py_ssize_t last = steps.shape[0] - 1
    cdef value expected = bends[last - 1] * (steps[last] / steps[last - 1])
    return distance(bends[last], expected) < 0.25 * size_of(expected) - roundings[last]


cdef bint keeps_its_slope(const value[::1] quotients, const value[::1] roundings) noexcept nogil:
    """Return whether all rungs have one quotient, as far as rounding shows: f is a line or a parabola, or is even besides."""
    cdef Py_ssize_t j
    if not roundings[0] <= roundings[roundings.shape[0] - 1]:
        return False
    for j in range(1, quotients.shape[0]):
        if not distance(quotients[j], quotients[0]) <= 2 * (roundings[j] + roundings[0]):
            return False
    return True


cdef bint outgrows(const double[::1] steps, const value[::1] roundings) noexcept nogil:
    """Return whether f's size differs at the two longest steps: then rounding falls no more as steps grow."""
    cdef value size = roundings[0] * steps[0], before = roundings[1] * steps[1]
    return distance(size, before) > 0.1 * before


cdef double far_step(
    Py_ssize_t i, double step, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, const value[:, :] center, double rtol
) noexcept nogil:
    """Return a step so much longer than coordinate i's first that it makes up for rounding, or 0 where a shorter one helps."""
    cdef Py_ssize_t component
    cdef double lost = 0, doubling = INFINITY
    cdef bint is_line = True
    cdef value slope, bend, rounding
    for component in range(quotients.shape[1]):
        slope, bend = size_of(quotients[i, component, 0]), size_of(bends[i, component, 0])
        rounding = roundings[i, component, 0]
        if SIGNAL * rounding < slope:
            lost = fmax(lost, <double>(rounding / slope))
        if not bend <= BENT * rounding:
            is_line = False
            doubling = fmin(doubling, sqrt(2 * <double>(size_of(center[i, component]) / bend) * step))
    step *= exp2(ceil(log2(fmin(8 * lost / rtol, FARTHEST))))
    if is_line:
        return step
    return fmin(step, exp2(floor(log2(doubling)))) if lost > FAR_ABOVE * rtol else 0


JUMP_DOWN = DOWN
