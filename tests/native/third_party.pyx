"""A module of somebody else's that differentiates its own C functions with gradfast's loops."""

from gradfast.api cimport POINT_SIZE_DATA, ARRAY_INT, Loop, gradient_along, jacobian_along, set_stencil, set_watch

from gradfast.stencils import central


cdef double weighted_squares(Py_ssize_t n, double *x, void *weights) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(n):
        total += (<double *>weights)[i] * x[i] * x[i]
    return total


cdef void sum_and_product(int n, double *x, int m, double *out) noexcept nogil:
    out[0] = x[0] + x[1]
    out[1] = x[0] * x[1]


def gradient_of_weighted_squares(double[::1] x, double[::1] weights, double h):
    cdef double[::1] out = x.copy()
    cdef Loop loop
    loop.f.address = <void *>weighted_squares
    loop.f.data = &weights[0]
    loop.f.signature = POINT_SIZE_DATA
    loop.steps.at = NULL
    loop.steps.relative = 0
    loop.steps.constant = h
    set_stencil(&loop, central(1, 2))
    with nogil:
        set_watch(&loop, NULL)
        gradient_along(&loop, &x[0], x.shape[0], NULL, 0, x.shape[0], 0, &out[0])
    return [value for value in out]


def jacobian_of_sum_and_product(double[::1] x, double h):
    cdef double values[2]
    cdef double out[4]
    cdef Loop loop
    loop.f.address = <void *>sum_and_product
    loop.f.signature = ARRAY_INT
    loop.steps.at = NULL
    loop.steps.relative = 0
    loop.steps.constant = h
    set_stencil(&loop, central(1, 4))
    set_watch(&loop, NULL)
    jacobian_along(&loop, &x[0], 2, NULL, 0, 2, NULL, 2, values, out)
    return [[out[0], out[2]], [out[1], out[3]]]


def quotient(double a, double b):
    """What inline code of ours divides by 0 like: C."""
    cdef Loop loop
    cdef double x = a
    cdef double out = 0
    loop.f.address = <void *>weighted_squares
    loop.f.data = &a
    loop.f.signature = POINT_SIZE_DATA
    loop.steps.at = NULL
    loop.steps.relative = 0
    loop.steps.constant = b
    set_stencil(&loop, central(1, 2))
    set_watch(&loop, NULL)
    gradient_along(&loop, &x, 1, NULL, 0, 1, 0, &out)
    return out
