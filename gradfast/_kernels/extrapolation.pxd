from gradfast._kernels.stencil cimport value

cdef enum:                      # the last axis of `found`: the derivative, its two errors, the jump of its slope or 0
    VALUE, TRUNCATION, ROUNDING, KINK

cdef struct Window:             # the neighboring rungs from which one component's result is extrapolated
    double size                 # |result|
    double truncation           # truncation error of the result
    double rounding             # rounding error of the result
    Py_ssize_t first            # the rung of the longest step
    Py_ssize_t last             # the rung of the shortest step

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
