from gradfast._kernels.stencil cimport value

cdef enum:                      # the last axis of what is found
    VALUE, TRUNCATION, ROUNDING, KINK

cdef struct Window:             # of rungs, for one component
    double size                 # of the value that it is extrapolated to
    double truncation
    double rounding
    Py_ssize_t first            # its longest step
    Py_ssize_t last

cdef void extrapolate(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    value[:, ::1] room, value[::1] found, Window *best,
) noexcept nogil

cdef value unresolved(
    const double[::1] steps, const value[::1] roundings, const value[::1] bends, Py_ssize_t j
) noexcept nogil


cdef inline value size_of(value number) noexcept nogil:
    return -number if number < 0 else number


cdef inline value distance(value one, value other) noexcept nogil:
    return size_of(one - other)
