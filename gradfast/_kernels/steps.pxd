# cython: cdivision=True
cimport cython
from libc.math cimport fabs, fabsl, frexp, frexpl, isfinite, ldexp, ldexpl

ctypedef fused real:
    float
    double
    long double


@cython.final
cdef class RelativeStep:
    cdef readonly double relative           # negative: the step is too
    cdef readonly double least_scale


cdef inline real step_at(RelativeStep rule, real x) noexcept:
    """Return a power of two near relative * max(abs(x), least_scale) that x can be moved by exactly."""
    cdef int exponent
    cdef real size, scale, step, away
    size = <real>fabsl(x) if real is longdouble else <real>fabs(x)
    scale = size
    if not (size > rule.least_scale and isfinite(size)):  # small, NaN or infinite
        scale = <real>rule.least_scale
    if real is longdouble:
        if frexpl(fabs(rule.relative) * scale, &exponent) < 0.7071067811865476:
            exponent -= 1
        step = ldexpl(1, exponent)
    else:
        if frexp(fabs(rule.relative) * scale, &exponent) < 0.7071067811865476:
            exponent -= 1
        step = <real>ldexp(1, exponent)
    away = size + step
    if isfinite(away):
        # Away from zero the step must survive rounding; towards zero the grid of numbers is no coarser.
        step = away - size
    return step if rule.relative > 0 else -step
