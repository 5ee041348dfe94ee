"""The rungs of the adaptive method's ladders: difference quotients at many steps, for all coordinates at once.

A rung is the difference quotients of all components of f at one step of one coordinate. The rungs of a coordinate form
its ladder; they lie along the last axis of the arrays, by falling step. All ladders that are still climbing have the
same number of rungs. ``ladder[i]`` holds the steps of coordinate i; quotients, their rounding errors and their bends
have shape (coordinates, components, rungs).
"""

from libc.math cimport INFINITY, NAN, fmax, fmin, isfinite

import numpy as np

from gradfast._kernels.ladder_next cimport Course, far_step, keeps_its_slope, next_on_course
from gradfast._kernels.extrapolation cimport KINK, Window, extrapolate, size_of
from gradfast._kernels.stencil cimport Stencil, divisor, value

cdef double TINY = np.finfo(float).tiny

COURSE = np.dtype(
    [*((name, float) for name in ("longest", "shortest", "fallback", "forced", "step", "error")),
     *((name, np.int64) for name in ("evaluations_left", "has_gone_up"))], align=True
)


cdef struct Unmet:              # a component whose error exceeds its tolerance
    Py_ssize_t component
    double excess               # error / tolerance
    double tolerance
    Window window


def _add_rung(
    Stencil stencil not None, const Py_ssize_t[:] chosen, Py_ssize_t count, const double[:] steps, int side,
    const value[:] x, bint is_single, const value[:, :, :] values, const value[:, :] center, double eps,
    double[:, ::1] ladder, value[:, :, ::1] quotients, value[:, :, ::1] roundings, value[:, :, ::1] bends,  # OUT: all four
):
    """Insert a rung into the ladder of each chosen coordinate; return whether all its quotients are finite.

    ``values[k]`` are f's values at the stencil's k-th node. Differences are divided by the step that x really
    moved, in single precision if `is_single`. The bend, ``(f(x + h) + f(x - h) - 2 f(x)) / h``, is the difference of
    the slopes on both sides of x. Only the first central difference has one; for other stencils it is NaN.
    """
    cdef Py_ssize_t c, component, i, k, place
    cdef value at, by, taken, total, size
    cdef bint all_finite = True, has_bend = stencil.is_pair
    for c in range(chosen.shape[0]):
        i = chosen[c]
        place = count
        while place > 0 and ladder[i, place - 1] < steps[c]:
            ladder[i, place] = ladder[i, place - 1]
            place -= 1
        ladder[i, place] = steps[c]
        taken = moved(stencil, x[i], <value>(side * steps[c]), is_single)
        by = divisor(stencil, taken)
        for component in range(center.shape[1]):
            for k in range(count, place, -1):
                quotients[i, component, k] = quotients[i, component, k - 1]
                roundings[i, component, k] = roundings[i, component, k - 1]
                bends[i, component, k] = bends[i, component, k - 1]
            at = center[i, component]
            total = stencil.center * at if stencil.center else -0.0
            size = abs(stencil.center) * size_of(at)
            for k in range(values.shape[0]):
                total += stencil.weight[k] * values[k, c, component]
                size += abs(stencil.weight[k]) * size_of(values[k, c, component])
            quotients[i, component, place] = total / by
            roundings[i, component, place] = eps * size / size_of(by)
            bends[i, component, place] = (
                ((values[0, c, component] - at) + (values[1, c, component] - at)) / taken if has_bend else NAN
            )
            all_finite = all_finite and isfinite(quotients[i, component, place])
    return all_finite


cdef value moved(Stencil stencil, value x, value step, bint is_single) noexcept nogil:
    """Return the step that x really moves by, from its outermost nodes: in floating point, x + step may be rounded."""
    cdef Py_ssize_t k
    cdef double low = 0, high = 0
    cdef value found
    for k in range(stencil.size):
        low, high = fmin(low, stencil.node[k]), fmax(high, stencil.node[k])
    found = (displacement(x, <value>(high * step), is_single) - displacement(x, <value>(low * step), is_single)) / (high - low)
    return found if isfinite(found) and found != 0 else step


cdef inline value displacement(value x, value by, bint is_single) noexcept nogil:
    """Return by how much x changes when `by` is added to it, in single precision or its own."""
    if is_single:
        return <float>(<float>(<float>x + <float>by) - <float>x)
    return (x + by) - x


def _look_far(
    const Py_ssize_t[:] chosen, int n, double rtol, long long evaluations, const double[:, ::1] ladder,
    const value[:, :, ::1] quotients, const value[:, :, ::1] roundings, const value[:, :, ::1] bends,
    const value[:, :] center, const Course[::1] courses, double[:] far,  # OUT: far
):
    """For each coordinate, write the second step if it should be much longer than the first, else 0; return if any is.

    ``far_step`` has the rule. The step is 0, too, if bounds leave no room for it or no evaluations are left.
    """
    cdef Py_ssize_t c, i
    cdef bint any_would = False
    for c in range(chosen.shape[0]):
        i = chosen[c]
        far[c] = far_step(i, n, ladder[i, 0], quotients, roundings, bends, center, rtol)
        far[c] = fmin(far[c], courses[i].longest)
        if far[c] < 4 * ladder[i, 0] or courses[i].evaluations_left < evaluations:
            far[c] = 0
        any_would = any_would or far[c] > 0
    return any_would


def _stay(
    const Py_ssize_t[:] chosen, long long evaluations, double[:, ::1] ladder, value[:, :, ::1] quotients,
    value[:, :, ::1] roundings, value[:, :, ::1] bends, Course[::1] courses, unsigned char[:] stays,  # OUT: all but the first two
):
    """Write for each coordinate whether its second rung, far out, has the slope of the first.

    If so, the ladder goes on from there: its next step is half of the long one. If not, the far rung is dropped.
    """
    cdef Py_ssize_t c, component, i
    for c in range(chosen.shape[0]):
        i = chosen[c]
        stays[c] = True
        for component in range(quotients.shape[1]):
            stays[c] = stays[c] and keeps_its_slope(quotients[i, component, :2], roundings[i, component, :2])
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
    const Py_ssize_t[:] chosen, Py_ssize_t count, int power, int n, double rtol, double eps, Py_ssize_t evaluations,
    const double[:, ::1] ladder, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, value[:, ::1] room, Course[::1] courses, value[:, :, ::1] found, double[:] steps,  # OUT: last three
):
    """Write what the first `count` rungs of each chosen coordinate give, and its next step, NaN if it is done.

    The component whose error exceeds its tolerance most chooses the step. If no step would help it, the worst of the
    components whose truncation error exceeds their rounding error chooses, because another step can help those.
    A rung costs `evaluations`; a coordinate that cannot pay for one is done.
    """
    cdef Py_ssize_t c, component, i, k, last
    cdef double tolerance, excess
    cdef bint is_resolved
    cdef Window window
    cdef Unmet[2] furthest      # of all components; of those with more truncation than rounding
    for c in range(chosen.shape[0]):
        i = chosen[c]
        furthest[0].component, furthest[1].component, last = -1, -1, 0
        for component in range(found.shape[1]):
            extrapolate(
                ladder[i, :count], quotients[i, component, :count], roundings[i, component, :count],
                bends[i, component, :count], power, n, room, found[i, component], &window,
            )
            last = max(last, window.last)
            tolerance = fmax(rtol * window.size, TINY)
            excess = (window.truncation + window.rounding) / tolerance
            if excess <= 1 or (window.size == 0 and window.truncation == 0):
                continue
            if excess != excess:
                excess = INFINITY
            is_resolved = not window.truncation > window.rounding
            for k in range(1 if is_resolved else 2):
                if furthest[k].component < 0 or excess > furthest[k].excess:
                    furthest[k].component, furthest[k].excess = component, excess
                    furthest[k].tolerance, furthest[k].window = tolerance, window
        courses[i].step = ladder[i, last]
        courses[i].evaluations_left -= evaluations
        steps[c] = NAN
        if courses[i].evaluations_left < 0:
            continue
        for k in range(2):
            component = furthest[k].component
            if isfinite(steps[c]) or component < 0 or found[i, component, KINK]:
                continue
            steps[c] = next_on_course(
                ladder[i, :count], quotients[i, component, :count], roundings[i, component, :count],
                bends[i, component, :count], power, n, furthest[k].tolerance, eps, &furthest[k].window, &courses[i],
            )


ADD_RUNG = {"d": _add_rung["double"], "g": _add_rung["long double"]}
LOOK_FAR = {"d": _look_far["double"], "g": _look_far["long double"]}
STAY = {"d": _stay["double"], "g": _stay["long double"]}
JUDGE = {"d": _judge["double"], "g": _judge["long double"]}
