"""A step that depends on the coordinate: relative to its size."""

cimport cython


@cython.final
cdef class RelativeStep:
    """The rule of a step of about ``relative * max(abs(x), least_scale)``, a power of two.

    The loops evaluate it at each coordinate; a negative one makes one-sided stencils look backward.
    """

    def __cinit__(self, double relative, double least_scale):
        self.relative = relative
        self.least_scale = least_scale

    def __reduce__(self):
        return RelativeStep, (self.relative, self.least_scale)

    def __repr__(self):
        return f"RelativeStep(relative={self.relative:.6g}, least_scale={self.least_scale:g})"


def _at(RelativeStep rule not None, const real[:] line, real[:] out):  # OUT: out
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        out[i] = step_at(rule.relative, rule.least_scale, line[i])


AT = {"f": _at["float"], "d": _at["double"], "g": _at["long double"]}
