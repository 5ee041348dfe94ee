from gradfast._kernels.extrapolation cimport Window
from gradfast._kernels.stencil cimport value

cdef struct Course:             # of one coordinate; COURSE as an array's dtype
    double longest              # step that bounds allow
    double shortest             # step that x can be moved by
    double fallback             # step to try where f is not finite at the first
    double forced               # the next step, where that was decided a step ago, or NaN
    double step                 # the shortest that the result is made of
    double error                # that the rungs before had, relative to the value
    long long evaluations_left
    long long has_gone_up

cdef double next_on_course(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, double eps, const Window *best, Course *course,
) noexcept nogil

cdef double far_step(
    Py_ssize_t i, int n, double step, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, const value[:, :] center, double rtol
) noexcept nogil

cdef bint keeps_its_slope(const value[::1] quotients, const value[::1] roundings) noexcept nogil
