"""The loops over compiled functions, for other Cython modules: see gradfast/api.pxd."""

from gradfast._kernels.native_function cimport Function, NativeFunction, Watch, call_array, start_watch
from gradfast._kernels.steps_and_bounds cimport Stencil


cdef struct Nodes:                          # what the loops read of a Stencil
    Py_ssize_t count
    const double *nodes
    const double *weights
    double center
    double denominator
    int n
    bint is_pair                            # f(x + h) - f(x - h)


cdef struct Steps:                          # at[i] if given, else constant
    const double *at
    double constant


cdef struct Loop:
    Function f
    Nodes stencil
    Steps steps
    Watch watch


# The Loop gets pointers into the Stencil, and to the steps if they are an array, and no
# reference: hold them as long as the Loop is used.
cdef void set_stencil(Loop *loop, Stencil stencil) noexcept

cdef inline void set_steps(Loop *loop, const double *at, double constant) noexcept nogil:
    loop.steps.at = at
    loop.steps.constant = constant

cdef inline void set_watch(Loop *loop, const unsigned char *stop) noexcept nogil:
    start_watch(&loop.watch, stop)

# Perturb coordinates first to last - 1 of a point (of `some`, if that is not NULL) and
# write to out, which is that of the whole point. 0 when done, 1 when the stop byte was
# seen, -1 with an exception: that of Ctrl-C; a ValueError if f writes to the point, whose
# coordinates then hold what f wrote; or a TypeError, for gradient_along and
# pair_differences call an f of a POINT signature, jacobian_along one of an ARRAY.
# `center` is f's value at the point, for a stencil whose center weight is not 0; else 0,
# or NULL. `values` is room for the m values of one call; out has n rows of m there, a
# coordinate each.
cdef int gradient_along(
    Loop *loop, double *point, Py_ssize_t n,
    const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
    double center, double *out,
) except -1 nogil
cdef int jacobian_along(
    Loop *loop, double *point, Py_ssize_t n,
    const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
    const double *center, Py_ssize_t m, double *values, double *out,
) except -1 nogil
# The same for pairs first to last - 1, of coordinates first_of[c] and second_of[c], both
# moved at once, or one if they are the same; out[c] is the difference, not yet divided.
cdef int pair_differences(
    Loop *loop, double *point, Py_ssize_t n,
    const Py_ssize_t *first_of, const Py_ssize_t *second_of,
    Py_ssize_t first, Py_ssize_t last, double center, double *out,
) except -1 nogil
cdef Py_ssize_t first_difference(
    const double *point, const double *origin, Py_ssize_t start, Py_ssize_t n,
) noexcept nogil
