"""The loops for other Cython modules: ``from gradfast.api cimport ...``. Together they are:

    void set_stencil(Loop *, Stencil)                     noexcept: nodes and weights
    void set_steps(Loop *, const double *at, double step) noexcept nogil: a step for each coordinate, or NULL and one for all
    void set_watch(Loop *, const unsigned char *stop)     noexcept nogil: a byte that stops the loop if it is 1, or NULL

    int gradient_along(Loop *, double *point, n, some, first, last, center, double *out)          except -1 nogil
    int jacobian_along(Loop *, double *point, n, some, first, last, center, m, values, out)       except -1 nogil
    int pair_differences(Loop *, double *point, n, first_of, second_of, first, last, center, out) except -1 nogil

These three return 0 when done, 1 when the byte stopped them, -1 with an exception. `Loop.f` is a Function:
f's signature, pointer and data. The point is a C array of n doubles that the loop perturbs and restores; it must be no other
thread's meanwhile. A Loop owns nothing: the Stencil, the steps, f's data and the stop byte must outlive it. The arguments
one by one: ``_kernels/native_loop.pxd``. A program: ``tests/native/third_party.pyx``.
"""

from gradfast._kernels.native_function cimport (
    ARRAY_INT, ARRAY_INT_DATA, ARRAY_SIZE, ARRAY_SIZE_DATA, NUMBER, NUMBER_DATA, POINT_INT, POINT_INT_DATA, POINT_SIZE,
    POINT_SIZE_DATA, Function, Signature,
)
from gradfast._kernels.native_loop cimport (
    Loop, Nodes, Steps, gradient_along, jacobian_along, pair_differences, set_steps, set_stencil, set_watch,
)
from gradfast._kernels.stencil cimport Stencil
from gradfast._kernels.watch cimport Watch
