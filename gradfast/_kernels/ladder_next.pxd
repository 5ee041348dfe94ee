from gradfast._kernels.extrapolation cimport Window
from gradfast._kernels.stencil cimport value

cdef struct Course:             # the state of one coordinate's ladder; COURSE is its NumPy dtype
    double longest              # the longest step within bounds
    double shortest             # the shortest step by which x can be moved without much rounding
    double fallback             # the second step if f is not finite at the first
    double forced               # the next step if the last one already decided it, else NaN
    double step                 # the shortest step of the window that the result comes from
    double error                # relative error before the newest rung
    long long evaluations_left
    long long has_gone_up       # whether a rung was longer than all before it

cdef double next_on_course(
    const double[::1] steps, const value[::1] quotients, const value[::1] roundings, const value[::1] bends, int power, int n,
    double tolerance, double eps, const Window *best, Course *course,
) noexcept nogil

cdef double far_step(
    Py_ssize_t i, int n, double step, const value[:, :, ::1] quotients, const value[:, :, ::1] roundings,
    const value[:, :, ::1] bends, const value[:, :] center, double rtol
) noexcept nogil

cdef bint keeps_its_slope(const value[::1] quotients, const value[::1] roundings) noexcept nogil
