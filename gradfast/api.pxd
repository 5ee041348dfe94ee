"""The loops for other Cython modules: ``from gradfast.api cimport ...``. Together they are:

    void set_stencil(Loop *loop, Stencil stencil) noexcept
        nodes and weights
    void set_steps(Loop *loop, const double *at, double constant) noexcept nogil
        a step for each coordinate, or NULL and one for all
    void set_watch(Loop *loop, const unsigned char *stop) noexcept nogil
        a byte that stops the loop when it is 1, or NULL

    int gradient_along(
        Loop *loop, double *point, Py_ssize_t n,
        const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
        double center, double *out,
    ) except -1 nogil
    int jacobian_along(
        Loop *loop, double *point, Py_ssize_t n,
        const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
        const double *center, Py_ssize_t m, double *values, double *out,
    ) except -1 nogil
    int pair_differences(
        Loop *loop, double *point, Py_ssize_t n,
        const Py_ssize_t *first_of, const Py_ssize_t *second_of,
        Py_ssize_t first, Py_ssize_t last, double center, double *out,
    ) except -1 nogil

These three return 0 when done, 1 when the byte stopped them, -1 with an exception, as
when f writes to the point. `Loop.f` is a Function: f's signature, pointer and data. The
point is a C array of n doubles that the loop perturbs and restores; it must be no other
thread's meanwhile. A Loop owns nothing: the Stencil, the steps, f's data and the stop
byte must outlive it. The arguments one by one: ``_kernels/native_loop.pxd``. A program:
``tests/native/third_party.pyx``.

    struct Function:
        void *address
        void *data                          NULL for a signature without it
        Signature signature

The signatures of f; that of ARRAY writes many values. Those called SIZE take Py_ssize_t
where these take int; those called DATA take a void * more, at the end:

    POINT_INT                               double (int, double *)
    NUMBER                                  double (double)
    ARRAY_INT                               void (int, double *, int, double *)
"""

from gradfast._kernels.native_function cimport (
    ARRAY_INT, ARRAY_INT_DATA, ARRAY_SIZE, ARRAY_SIZE_DATA, NUMBER, NUMBER_DATA,
    POINT_INT, POINT_INT_DATA, POINT_SIZE, POINT_SIZE_DATA, Function, Signature,
)
# Nodes, Steps and Watch are the types of a Loop's parts.
from gradfast._kernels.native_loop cimport (
    Loop, Nodes, Steps, Watch, gradient_along, jacobian_along, pair_differences,
    set_steps, set_stencil, set_watch,
)
from gradfast._kernels.steps_and_bounds cimport Stencil
