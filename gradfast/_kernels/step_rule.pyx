"""How far each coordinate is moved: relative to its size, or by one absolute step."""

cimport cython

import numpy as np

# A coordinate smaller than this is moved as if it were this large: a fixed rule cannot know f's scale.
LEAST_SCALE = 0.1
cdef double SMALLEST_SCALE = LEAST_SCALE  # the same, for other compiled modules


@cython.final
cdef class Rule:
    """A step of about ``relative * max(abs(x), least_scale)``, a power of two; or an absolute one.

    The absolute one is also taken where both abs(x) and the least scale are 0. Either way it is the step that x can be moved by exactly, ``(abs(x) + step) - abs(x)``.
    """

    def __cinit__(self, double relative=0, double least_scale=0, double absolute=0):
        self.relative = relative
        self.least_scale = least_scale
        self.absolute = absolute

    def __reduce__(self):
        return Rule, (self.relative, self.least_scale, self.absolute)

    def __repr__(self):
        if self.relative == 0:
            return f"Rule(absolute={self.absolute:.6g})"
        return f"Rule(relative={self.relative:.6g}, least_scale={self.least_scale:g})"

    def at(self, x):
        """Return the steps at an array x, flat, as doubles or long doubles."""
        flat = np.ascontiguousarray(x).reshape(-1)
        steps = np.empty(flat.shape, "g" if flat.dtype.char == "g" else "d")
        cdef size_t at_x = flat.ctypes.data, to = steps.ctypes.data
        self.write(<char>ord(flat.dtype.char), <const void *>at_x, flat.size, 1.0, <void *>to)
        return steps

    cdef Py_ssize_t write(self, char kind, const void *x, Py_ssize_t n, double sign, void *steps) noexcept nogil:
        if kind == c"d":
            return write_steps[double](self, <const double *>x, n, sign, steps)
        if kind == c"f":
            return write_steps[float](self, <const float *>x, n, sign, steps)
        return write_steps[cython.longdouble](self, <const long double *>x, n, sign, steps)


cdef Py_ssize_t write_steps(Rule rule, const real *x, Py_ssize_t n, double sign, void *steps) noexcept nogil:  # OUT: steps
    """Write the steps as doubles, those of long doubles as such."""
    cdef Py_ssize_t i, swallowed = -1
    cdef real size, step
    cdef bint exact, all_are_finite = True
    if real is double:
        if rule.relative != 0 and rule.least_scale > 0 and write_doubles(rule.relative, rule.least_scale, x, n, sign, <double *>steps):
            return -1
    for i in range(n):
        if rule.relative != 0:
            step = relative_step(rule.relative, rule.least_scale, x[i])
        else:
            size = -x[i] if x[i] < 0 else x[i]
            step = <real>(size + rule.absolute) - size
            if step == 0 and isfinite(size) and swallowed < 0:
                swallowed = i
        all_are_finite = all_are_finite and isfinite(x[i])
        exact = step > 0 and isfinite(step)  # else x cannot be moved by it, and it stays as it was asked for
        if real is float or real is double:
            (<double *>steps)[i] = sign * (<double>step if exact else rule.absolute)
        else:
            (<long double *>steps)[i] = sign * (step if exact else <long double>rule.absolute)
    return swallowed if swallowed >= 0 or all_are_finite else -2


cdef bint write_doubles(double relative, double least, const double *x, Py_ssize_t n, double sign, double *steps) noexcept nogil:  # OUT: steps
    """Write relative steps of doubles, in a form that C compilers vectorize; False if some x or step is not finite.

    `relative_step` takes several times as long, for its branches.
    """
    cdef Py_ssize_t i
    cdef Bits bits
    cdef double size, scale
    cdef uint64_t overflow = 0
    for i in range(n):
        size = fabs(x[i])
        scale = size if size > least else least
        bits.number = power_of_two(relative * scale)
        bits.number = (size + bits.number) - size
        overflow |= (bits.pattern & 0x7FF0000000000000ULL) + 0x0010000000000000ULL  # the exponent of inf and NaN is all ones
        steps[i] = sign * bits.number
    return not overflow >> 63


cdef long double step_beyond_doubles(double relative, long double scale) noexcept nogil:
    """Return the power of two near relative * scale, found for a scale that is smaller by powers of 2**1000."""
    cdef long double unit = 1
    while scale / unit > 1e300:
        unit *= 2.0**1000
    return unit * power_of_two(relative * <double>(scale / unit))
