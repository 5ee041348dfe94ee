"""The default step of each coordinate: relative to its size, a power of two, exactly representable."""

from libc.math cimport fabsl, frexpl, isfinite, ldexpl

ctypedef fused real:
    float
    double
    long double

ctypedef fused value:
    double
    long double


def _fill(const real[:] line, double relative, double least_scale, value[:] out):  # OUT: out
    """Write about relative * max(abs(x), least_scale) for each x of line."""
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        out[i] = power_of_two_step(line[i], relative, least_scale)


cdef inline real power_of_two_step(real x, double relative, double least_scale) noexcept nogil:
    cdef int exponent
    cdef real size = <real>fabsl(x), scale = size, step, away
    if not (size > least_scale and isfinite(size)):  # small, NaN or infinite
        scale = <real>least_scale
    if frexpl(relative * scale, &exponent) < 0.7071067811865476:
        exponent -= 1
    step = <real>ldexpl(1, exponent)
    away = size + step
    # Away from zero the step must survive rounding; towards zero the grid of numbers is no coarser.
    return away - size if isfinite(away) else step


FILL = {"f": _fill["float", "double"], "d": _fill["double", "double"], "g": _fill["long double", "long double"]}
