"""The travelling ladder: difference quotients at many steps, and where to step next.

A rung is a difference quotient at one step, of each component of f. Each coordinate has a ladder of
its own, its rungs by falling step along the last axis; all that climb have the same number of them.
"""

from libc.math cimport INFINITY, NAN, ceil, exp2, floor, fmax, fmin, isfinite, log2, pow, rint, sqrt

import numpy as np

from gradfast._kernels.extrapolation cimport KINK, Window, distance, extrapolate, size_of, unresolved
from gradfast._kernels.stencil cimport Stencil, divisor, value

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

# So near its tolerance, or where its rounding grows, a ladder that went up ends if f fits a parabola.
cdef double NEAR = 30.0

# How much shorter the next step is at least, by the power of the step that quotients converge with, 1 or 2.
cdef double[3] SHORTEST = [0, 0.5, 0.0625]

cdef double TINY = np.finfo(float).tiny


cdef struct Course:             # of one coordinate; COURSE as an array's dtype
    double longest              # step that bounds allow
    double shortest             # step that x can be moved by
    double fallback             # step to try where f is not finite at the first
    double forced               # the next step, where that was decided a step ago, or NaN
    double step                 # the shortest that the result is made of
    double error                # that the rungs before had, relative to the value
    long long evaluations_left
    long long has_gone_up


COURSE = np.dtype(
    [*((name, float) for name in ("longest", "shortest", "fallback", "forced", "step", "error")),
     *((name, np.int64) for name in ("evaluations_left", "has_gone_up"))], align=True
)


def _add_rung(
    Stencil stencil not None, const Py_ssize_t[:] chosen, Py_ssize_t count, const double[:] steps,
    const value[:] taken, const value[:, :, :] values, const value[:, :] center, double eps,
    double[:, ::1] ladder, value[:, :, ::1] quotients, value[:, :, ::1] roundings, value[:, :, ::1] bends,  # OUT: all four
):
    """Put a rung among the count that each chosen coordinate has; return whether all its quotients are finite.

    ``values[k]`` are f's at the stencil's k-th node, x moved by the steps ``taken``, which rounding may have changed.
    The bend is ``(f(x + h) + f(x - h) - 2 f(x)) / h``, NaN for other stencils than that of a first central difference.
    """
    cdef Py_ssize_t c, component, i, k, place
    cdef value at, by, total, size
    cdef bint all_finite = True, has_bend = stencil.is_pair
    for c in range(chosen.shape[0]):
        i = chosen[c]
        place = count
        while place > 0 and ladder[i, place - 1] < steps[c]:
            ladder[i, place] = ladder[i, place - 1]
            place -= 1
        ladder[i, place] = steps[c]
        by = divisor(stencil, taken[c])
        for component in range(center.shape[1]):
            for k in range(count, place, -1):
                quotients[i, component, k] = quotients[i, component, k - 1]
                roundings[i, component, k] = roundings[i, component, k - 1]
                bends[i, component, k] = bends[i, component, k - 1]
            at = center[i, component]
            total = stencil.center * at if stencil.center else -0.0
            size = abs(stencil.center) * size_of(at)
            for k in range(values.shape[0]):
                total += stencil.weight_array[k] * values[k, c, component]
                size += abs(stencil.weight_array[k]) * size_of(values[k, c, component])
            quotients[i, component, place] = total / by
            roundings[i, component, place] = eps * size / size_of(by)
            bends[i, component, place] = (
                ((values[0, c, component] - at) + (values[1, c, component] - at)) / taken[c] if has_bend else NAN
            )
            all_finite = all_finite and isfinite(quotients[i, component, place])
    return all_finite


def _look_far(
    const Py_ssize_t[:] chosen, double rtol, long long evaluations, const double[:, ::1] ladder,
    const value[:, :, ::1] quotients, const value[:, :, ::1] roundings, const value[:, :, ::1] bends,
    const value[:, :] center, const Course[::1] courses, double[:] far,  # OUT: far
):
    """Write how far out each chosen coordinate's second rung would tell more than a shorter one; return whether any would.

    That is where f, as far as its rounding lets the first rung show, is a line, or far above its own change: as far
    as makes up for that, but of a parabola no further than it doubles f. Elsewhere it is 0.
    """
    cdef Py_ssize_t c, i
    cdef bint any_would = False
    for c in range(chosen.shape[0]):
        i = chosen[c]
        far[c] = far_step(i, ladder[i, 0], quotients, roundings, bends, center, rtol)
        far[c] = fmin(far[c], courses[i].longest)
        if far[c] < 4 * ladder[i, 0] or courses[i].evaluations_left < evaluations:
            far[c] = 0
        any_would = any_would or far[c] > 0
    return any_would


cdef double far_step(
    Py_ssize_t i, double step, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, const value[:, :] center, double rtol
) noexcept nogil:
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
    if is_line:
        # Rounding errors of two rungs add up to three of one, of which the longer step takes what is too much.
        return step * exp2(ceil(log2(fmin(8 * lost / rtol, FARTHEST)))) if 3 * lost > rtol else 0
    if lost > FAR_ABOVE * rtol:
        return exp2(fmin(log2(step) + ceil(log2(fmin(8 * lost / rtol, FARTHEST))), floor(log2(doubling))))
    return 0


def _stay(
    const Py_ssize_t[:] chosen, long long evaluations, double[:, ::1] ladder, value[:, :, ::1] quotients,
    value[:, :, ::1] roundings, value[:, :, ::1] bends, Course[::1] courses, unsigned char[:] stays,  # OUT: all but the first two
):
    """Write where the rung far out is of the line or parabola of the first, and goes on from there; drop it elsewhere."""
    cdef Py_ssize_t c, component, i
    for c in range(chosen.shape[0]):
        i = chosen[c]
        stays[c] = True
        for component in range(quotients.shape[1]):
            stays[c] = stays[c] and fits_parabola(
                ladder[i, :2], quotients[i, component, :2], roundings[i, component, :2], bends[i, component, :2]
            )
        if stays[c]:
            courses[i].forced, courses[i].has_gone_up = ladder[i, 0] / 2, True
            continue
        courses[i].evaluations_left -= evaluations
        ladder[i, 0] = ladder[i, 1]
        for component in range(quotients.shape[1]):
            quotients[i, component, 0] = quotients[i, component, 1]
            roundings[i, component, 0] = roundings[i, component, 1]
            bends[i, component, 0] = bends[i, component, 1]


def _judge(
    const Py_ssize_t[:] chosen, Py_ssize_t count, int power, int n, double rtol, Py_ssize_t evaluations,
    const double[:, ::1] ladder, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, value[:, ::1] room, Course[::1] courses, value[:, :, ::1] found, double[:] steps,  # OUT: last three
):
    """Write what the count rungs of each chosen coordinate give, and the step of its next, NaN if it is done.

    A further rung takes so many evaluations. The component that is furthest from its tolerance decides.
    """
    cdef Py_ssize_t c, component, i, last, worst
    cdef double tolerance, excess, most, worst_tolerance = 0
    cdef Window window, worst_window = Window(0, 0, 0, 0, 0)
    for c in range(chosen.shape[0]):
        i = chosen[c]
        worst, most, last = -1, 0, 0
        for component in range(found.shape[1]):
            extrapolate(
                ladder[i, :count], quotients[i, component, :count], roundings[i, component, :count],
                bends[i, component, :count], power, room, found[i, component], &window,
            )
            last = max(last, window.last)
            tolerance = fmax(rtol * window.size, TINY)
            excess = (window.truncation + window.rounding) / tolerance
            if excess <= 1 or (window.size == 0 and window.truncation == 0):
                continue
            if excess != excess:
                excess = INFINITY
            if worst < 0 or excess > most:
                worst, most, worst_tolerance, worst_window = component, excess, tolerance, window
        courses[i].step = ladder[i, last]
        courses[i].evaluations_left -= evaluations
        steps[c] = NAN
        if worst >= 0 and courses[i].evaluations_left >= 0 and not found[i, worst, KINK]:
            steps[c] = next_on_course(
                ladder[i, :count], quotients[i, worst, :count], roundings[i, worst, :count],
                bends[i, worst, :count], power, n, worst_tolerance, &worst_window, &courses[i],
            )


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
    if course.has_gone_up and fits_parabola(steps, quotients, roundings, bends) and (
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


cdef bint fits_parabola(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends
) noexcept nogil:
    """Return whether all rungs are those of one parabola, as far as rounding shows."""
    cdef Py_ssize_t j
    if not roundings[0] <= roundings[steps.shape[0] - 1]:
        return False
    for j in range(1, steps.shape[0]):
        if not distance(quotients[j], quotients[0]) <= 2 * (roundings[j] + roundings[0]):
            return False
        if not distance(bends[j], bends[0] * (steps[j] / steps[0])) <= BENT * (roundings[j] + roundings[0]):
            return False
    return True


cdef bint outgrows(const double[::1] steps, const value[::1] roundings) noexcept nogil:
    """Return whether f's size differs at the two longest steps: then rounding falls no more as steps grow."""
    cdef value size = roundings[0] * steps[0], before = roundings[1] * steps[1]
    return distance(size, before) > 0.1 * before


ADD_RUNG = {"d": _add_rung["double"], "g": _add_rung["long double"]}
LOOK_FAR = {"d": _look_far["double"], "g": _look_far["long double"]}
STAY = {"d": _stay["double"], "g": _stay["long double"]}
JUDGE = {"d": _judge["double"], "g": _judge["long double"]}
JUMP_DOWN = DOWN
