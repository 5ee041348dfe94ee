cimport cython
from libc.math cimport fabs, isfinite
from libc.stdint cimport uint64_t

ctypedef fused real:
    float
    double
    long double


cdef union Bits:
    double number
    uint64_t pattern


@cython.final
cdef class RelativeStep:
    cdef readonly double relative           # negative: the step is too
    cdef readonly double least_scale


cdef inline real step_at(double relative, double least_scale, real x) noexcept nogil:
    """Return a power of two near relative * max(abs(x), least_scale) that x can be moved by exactly."""
    cdef real size, step, away
    size = -x if x < 0 else x
    if size > least_scale and isfinite(size):
        step = <real>power_of_two(fabs(relative) * <double>size)
    else:  # small, NaN or infinite
        step = <real>power_of_two(fabs(relative) * least_scale)
    away = size + step
    if isfinite(away):
        # Away from zero the step must survive rounding; towards zero the grid of numbers is no coarser.
        step = away - size
    return step if relative > 0 else -step


cdef inline double power_of_two(double x) noexcept nogil:
    """Return the power of two nearest to a positive normal number, by ratio.

    The bits of a double are its exponent above those of its fraction: what lacks sqrt(2) to 2
    carries into the exponent, and the fraction is cut off. (frexp and ldexp take as long as f.)
    """
    cdef Bits bits
    bits.number = x
    bits.pattern = (bits.pattern + 0x00095F619980C433ULL) & 0x7FF0000000000000ULL
    return bits.number
