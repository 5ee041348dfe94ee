"""The travelling ladder: difference quotients at many steps, extrapolated, and where to step next.

A rung is a difference quotient at one step, of each component of f. Each coordinate has a ladder of
its own, its rungs by falling step along the last axis; all that climb have the same number of them.
"""

from libc.math cimport INFINITY, NAN, exp2, fmax, fmin, isfinite, log2, pow, rint, sqrt

import numpy as np

from gradfast._kernels.stencil cimport Stencil, divisor, value

# A pair of rungs is far from converging where it differs by this part of its value.
cdef double GARBAGE = 0.1

# How far a ladder jumps down where it is garbage, and at most up where rounding is all there is.
cdef double DOWN = 2.0**-7
cdef double UP = 2.0**20
cdef double UP_FROM_NOISE = 2.0**4

# How far from converged, relative to the value, the longest two rungs may be: extrapolation does the rest.
cdef double RESOLVED = 4e-3

# From so many rungs on, f that looks like garbage is taken to be noisy.
cdef Py_ssize_t MOST_JUMPS = 8

# Noise shows in every column of extrapolation; what is found from one number is trusted to be within the factors.
cdef double NOISE_FACTOR = 6.0
cdef double CAP = 6.0

# Rounding errors so much larger than f's values explain may be noise, or an f of a shorter scale than the steps.
cdef double DOUBT = 16.0
cdef Py_ssize_t LONGEST_DOUBT = 5

# So many times as far apart as their errors, a window and two rungs of shorter steps see different things.
cdef double VETO = 3.0

# So far from its tolerance a ladder tries longer steps even if its estimates promise nothing; of those it takes
# so many rungs, and more while the error halves.
cdef double FAR = 1000.0
cdef double UP_IF_FAR = 64.0
cdef Py_ssize_t GROUP = 3

# By the power of the step that quotients converge with, 1 or 2: windows longer than so many columns gain
# nothing, since rounding grows as fast as truncation falls; and how much shorter the next step is at least.
cdef Py_ssize_t[3] MOST_COLUMNS = [0, 7, 5]
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

cdef enum:                      # the last axis of what is found
    VALUE, TRUNCATION, ROUNDING, KINK, FOUND

cdef struct Window:             # of rungs, for one component
    double size                 # of the value that it is extrapolated to
    double truncation
    double rounding
    Py_ssize_t first            # its longest step
    Py_ssize_t last

ROOM = 2 * (max(MOST_COLUMNS[1], MOST_COLUMNS[2]) + 1) + 2  # rows that one ladder is extrapolated in


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


cdef void extrapolate(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power,
    value[:, ::1] room, value[::1] found, Window *best,  # OUT: found, best
) noexcept nogil:
    """Extrapolate every window of neighbouring rungs to a step of 0, by Neville's recurrence, and choose.

    Quotients differ from the derivative by a series in ``step**power``. A window's truncation error
    is taken to be what its last column changed, less as the columns before it converged (after
    Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4 (1982) 75-76), and no
    less than what f shows to vary between its nodes, or than the next window below shows, were its
    disagreement noise of f, or than it is from two rungs below it, if that is too far for their errors.
    Rounding errors are added up as the recurrence weights them.
    The window of the least error relative to its value is chosen; if all are larger than that, of the least error.
    """
    cdef Py_ssize_t j, k, width, count = steps.shape[0], columns = min(count - 1, MOST_COLUMNS[power])
    cdef value[:, ::1] values = room[:columns + 1], changes = room[columns + 1:2 * columns + 2]
    cdef value[::1] rounding = room[2 * columns + 2], doubts = room[2 * columns + 3]
    cdef value truncation, error, size
    cdef double part, rank, least = INFINITY, noise = 0
    for j in range(count):
        values[0, j] = quotients[j]
    for width in range(1, columns + 1):
        for j in range(count - width):
            changes[width, j] = size_of(values[width - 1, j + 1] - values[width - 1, j])
            part = share(steps[j], steps[j + width], power)
            values[width, j] = values[width - 1, j + 1] + part * (values[width - 1, j + 1] - values[width - 1, j])
    if columns >= 2:
        error = changes[columns, count - 1 - columns]
        if columns > 2:
            error = larger(error, changes[columns - 1, count - columns])
        noise = fmin(NOISE_FACTOR * noise_of(steps, bends), <double>(CAP * error * steps[count - 1]))
    for j in range(count):
        rounding[j] = larger(roundings[j], <value>(noise / steps[j]))
    for k in range(count - 1):
        part = share(steps[k], steps[k + 1], power)
        doubts[k] = changes[1, k] + (1 + part) * rounding[k + 1] + part * rounding[k]
    found[VALUE], found[TRUNCATION], found[ROUNDING] = quotients[count - 1], INFINITY, INFINITY
    best.first, best.last = 0, 1
    for width in range(1, columns + 1):
        for j in range(count - width):
            part = share(steps[j], steps[j + width], power)
            rounding[j] = (1 + part) * rounding[j + 1] + part * rounding[j]
            truncation = changes[width, j]
            if width > 1 and truncation > 0:
                truncation *= fmin(<double>larger(<value>(8 * part), 4 * changes[width, j] / changes[width - 1, j + 1]), 1)
            truncation = larger(truncation, unresolved(steps, roundings, bends, j + width))
            if j < count - 1 - width:
                error = changes_of(values[width, j], values[width, j + 1]) * (steps[j + width + 1] / steps[j + width])
                truncation = error if error > truncation or truncation != truncation else truncation
            for k in range(j + width, count - 1):
                error = changes_of(values[width, j], values[1, k])
                if error > VETO * (doubts[k] + truncation + rounding[j]):
                    truncation = error
            error = truncation + rounding[j]
            size = size_of(values[width, j])
            rank = <double>(error / size if error < GARBAGE * size else 1 + error / (1 + error))
            if rank < least and isfinite(error) and isfinite(size):
                least = rank
                found[VALUE], found[TRUNCATION], found[ROUNDING] = values[width, j], truncation, rounding[j]
                best.first, best.last = j, j + width
    if is_line(quotients, roundings, bends):
        found[TRUNCATION], found[ROUNDING] = 0, roundings[0]
    best.size, best.truncation, best.rounding = <double>size_of(found[VALUE]), <double>found[TRUNCATION], <double>found[ROUNDING]
    found[KINK] = kink(steps, roundings, bends)


cdef value unresolved(
    const double[::1] steps, const value[::1] roundings, const value[::1] bends, Py_ssize_t j
) noexcept nogil:
    """Return how far the slopes on both sides of x differ at rung j, if that does not fall with the step as f'' h would.

    Then f varies between the rungs' nodes: its scale is shorter, it is noisy, or it has a kink.
    The first rung has none above to be compared with.
    """
    cdef value bend = size_of(bends[j])
    if j > 0 and bend > 8 * roundings[j] and isfinite(bend):
        if not bend <= size_of(bends[j - 1]) * pow(steps[j] / steps[j - 1], 0.25):
            return bend
    return 0


cdef value kink(const double[::1] steps, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return by how much the slopes on both sides of x differ, if by the same at the three shortest steps; else 0."""
    cdef Py_ssize_t last = steps.shape[0] - 1
    cdef value bend, least, most
    if last < 2 or steps[last - 2] < 4 * steps[last]:
        return 0
    bend = size_of(bends[last])
    least = -larger(-bend, larger(-size_of(bends[last - 1]), -size_of(bends[last - 2])))
    most = larger(bend, larger(size_of(bends[last - 1]), size_of(bends[last - 2])))
    return bend if most - least < 0.1 * bend and bend > 64 * roundings[last] else 0


cdef bint is_line(const value[::1] quotients, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return whether three quotients or more are the same to the bit, without a bend: then f is a line there."""
    cdef Py_ssize_t j
    for j in range(quotients.shape[0]):
        if quotients[j] != quotients[0] or size_of(bends[j]) > 8 * roundings[j]:
            return False
    return quotients.shape[0] > 2


cdef double noise_of(const double[::1] steps, const value[::1] bends) noexcept nogil:
    """Return f's noise, from what the bends of the three or four shortest steps hold besides low odd powers of h.

    That is a divided difference in h**2 of second differences, of which each has sqrt(6) times
    the noise of a value. One number stands for it: it may well be too small.
    """
    cdef Py_ssize_t k, other, count = steps.shape[0], start = max(0, count - 4)
    cdef value total = 0
    cdef double weight, product, squares = 0, noise
    for k in range(start, count):
        product = steps[k]
        for other in range(start, count):
            if other != k:
                product *= steps[k] * steps[k] - steps[other] * steps[other]
        weight = 1 / product
        total += weight * bends[k]
        squares += (weight / steps[k]) * (weight / steps[k])
    noise = <double>size_of(total) / sqrt(6 * squares)
    return noise if isfinite(noise) else 0


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
    if not isfinite(step):
        step = next_step(steps, quotients, roundings, bends, power, n, tolerance, best)
        if course.has_gone_up and not step > top:
            return step_between(steps, improves)
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


cdef double step_between(const double[::1] steps, bint improves) noexcept nogil:
    """Return the next step below those that a ladder went up to, or NaN."""
    cdef Py_ssize_t j
    for j in range(steps.shape[0] - 1):
        if steps[j] > 4 * steps[j + 1]:
            return steps[j] / 2 if j + 1 < GROUP or improves else NAN
    return NAN


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
    cdef double change = <double>changes_of(quotients[last], quotients[last - 1])
    cdef double beyond = <double>unresolved(steps, roundings, bends, last), error = best.truncation + best.rounding
    cdef double before, gain, wanted, reach, resolved
    cdef bint is_garbage, is_noise, may_be_noise, has_no_signal
    is_garbage = not change <= GARBAGE * size + 4 * rounding and not is_parabola(steps, roundings, bends)
    is_garbage = is_garbage or beyond > GARBAGE * size
    is_noise = not is_garbage and beyond > 0 and count > 2
    if not is_garbage and count > 3:
        before = <double>changes_of(quotients[last - 1], quotients[last - 2])
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
        change = <double>changes_of(quotients[0], quotients[1])
        resolved = pow(RESOLVED * size / fmax(change - <double>roundings[1], 0), 1.0 / power)
        resolved = fmax(resolved, pow(best.rounding / best.truncation, 1.0 / (1 + columns)))
        reach = fmin(pow(error / tolerance, 1.0 / n), resolved)
    return exp2(rint(log2(steps[0] * fmin(fmax(reach, 4), UP)))) if reach >= 2 else NAN


cdef bint is_parabola(const double[::1] steps, const value[::1] roundings, const value[::1] bends) noexcept nogil:
    """Return whether at the two shortest steps f's second difference falls as f'' h**2 does."""
    cdef Py_ssize_t last = steps.shape[0] - 1
    cdef value expected = bends[last - 1] * (steps[last] / steps[last - 1])
    return changes_of(bends[last], expected) < 0.25 * size_of(expected) - roundings[last]


cdef inline double share(double longer, double shorter, int power) noexcept nogil:
    """Return the weight of a column's change in the next: 1 / (ratio**power - 1)."""
    cdef double ratio = longer / shorter
    return 1 / ((ratio * ratio if power == 2 else ratio) - 1)


cdef inline value size_of(value number) noexcept nogil:
    return -number if number < 0 else number


cdef inline value changes_of(value one, value other) noexcept nogil:
    return size_of(one - other)


cdef inline value larger(value one, value other) noexcept nogil:
    """Return the larger of two, NaN if one is."""
    return one if one > other or one != one else other


ADD_RUNG = {"d": _add_rung["double"], "g": _add_rung["long double"]}
JUDGE = {"d": _judge["double"], "g": _judge["long double"]}
JUMP_DOWN = DOWN
