"""A module of somebody else's that differentiates its own C functions."""

from gradfast.api cimport (
    ARRAY_INT,
    ARRAY_SIZE_DATA,
    NUMBER,
    POINT_INT,
    POINT_SIZE_DATA,
    Loop,
    Stencil,
    gradient_along,
    jacobian_along,
    pair_differences,
    set_steps,
    set_stencil,
    set_watch,
)

from libc.math cimport NAN, isfinite

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


cdef double product(int n, double *x) noexcept nogil:
    return x[0] * x[1]


cdef double changing(Py_ssize_t n, double *x, void *data) noexcept nogil:
    """A number whose sign tells how often it was called; one call changes a coordinate."""
    cdef Py_ssize_t *left = <Py_ssize_t *>data
    left[0] -= 1
    if left[0] == 0:
        x[left[1]] += 1
    return -0.0 if left[0] % 2 else 0.0


cdef void changing_array(
    Py_ssize_t n, double *x, Py_ssize_t m, double *out, void *data
) noexcept nogil:
    out[0] = changing(n, x, data)


def gradient_of_weighted_squares(double[::1] x, double[::1] weights, double h):
    cdef double[::1] out = x.copy()
    cdef Stencil stencil = central(1, 2)  # held, for the loop does not
    cdef Loop loop
    loop.f.address = <void *>weighted_squares
    loop.f.data = &weights[0]
    loop.f.signature = POINT_SIZE_DATA
    set_steps(&loop, NULL, h)
    set_stencil(&loop, stencil)
    with nogil:
        set_watch(&loop, NULL)
        gradient_along(&loop, &x[0], x.shape[0], NULL, 0, x.shape[0], 0, &out[0])
    return [value for value in out]


def jacobian_of_sum_and_product(double[::1] x, double h):
    cdef double values[2]
    cdef double out[4]
    cdef Stencil stencil = central(1, 4)
    cdef Loop loop
    loop.f.address = <void *>sum_and_product
    loop.f.signature = ARRAY_INT
    set_steps(&loop, NULL, h)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    jacobian_along(&loop, &x[0], 2, NULL, 0, 2, NULL, 2, values, out)
    return [[out[0], out[2]], [out[1], out[3]]]


def mixed_second_derivative(double[::1] x, double[::1] steps):
    """That of the product, by its differences along both coordinates, along one, along the other."""
    cdef Py_ssize_t[3] first = [0, 0, 1]
    cdef Py_ssize_t[3] second = [1, 0, 1]
    cdef double differences[3]
    cdef Stencil stencil = central(2, 2)
    cdef Loop loop
    loop.f.address = <void *>product
    loop.f.signature = POINT_INT
    set_steps(&loop, &steps[0], 0)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    pair_differences(&loop, &x[0], 2, first, second, 0, 3, x[0] * x[1], differences)
    return (differences[0] - differences[1] - differences[2]) / (2 * steps[0] * steps[1])


def gradient_by(
    Stencil stencil, double[::1] x, double[::1] weights, double[::1] steps, double h,
    Py_ssize_t[::1] some=None, double center=0,
):
    """The derivatives of the weighted squares by any stencil, along all coordinates or some, with a step each or one for all."""
    cdef double[::1] out = x.copy()
    cdef Loop loop
    out[:] = NAN
    loop.f.address = <void *>weighted_squares
    loop.f.data = &weights[0]
    loop.f.signature = POINT_SIZE_DATA
    set_steps(&loop, NULL if steps is None else &steps[0], h)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    if some is None:
        gradient_along(&loop, &x[0], x.shape[0], NULL, 0, x.shape[0], center, &out[0])
    else:
        gradient_along(&loop, &x[0], x.shape[0], &some[0], 0, some.shape[0], center, &out[0])
    return [value for value in out]


def stopped(unsigned char byte):
    """What each loop over three coordinates or pairs returns, and how many of them it does, by its stop byte."""
    cdef double[3] x = [1.0, 2.0, 3.0]
    cdef double[3] weights = [1.0, 1.0, 1.0]
    cdef double[2] values
    cdef double[6] out
    cdef Py_ssize_t[3] both = [0, 1, 2]
    cdef Py_ssize_t i
    cdef int code, k
    cdef Stencil stencil = central(1, 2)
    cdef Loop loop
    found = []
    for k in range(4):
        for i in range(6):
            out[i] = NAN
        loop.f.address = <void *>weighted_squares
        loop.f.data = &weights[0]
        loop.f.signature = POINT_SIZE_DATA
        set_steps(&loop, &weights[0] if k else NULL, 1.0)
        set_stencil(&loop, stencil)
        set_watch(&loop, &byte)
        if k < 2:
            code = gradient_along(&loop, x, 3, NULL, 0, 3, 0, out)
        elif k == 2:
            code = pair_differences(&loop, x, 3, both, both, 0, 3, 0, out)
        else:
            loop.f.address = <void *>sum_and_product
            loop.f.signature = ARRAY_INT
            code = jacobian_along(&loop, x, 3, NULL, 0, 3, NULL, 2, values, out)
        found.append((code, sum([isfinite(out[i]) for i in range(6)])))
    return found


def quotient(double a, double b):
    """A derivative by a step of 0: what C makes of it."""
    cdef Stencil stencil = central(1, 2)
    cdef Loop loop
    cdef double x = a
    cdef double out = 0
    loop.f.address = <void *>weighted_squares
    loop.f.data = &a
    loop.f.signature = POINT_SIZE_DATA
    set_steps(&loop, NULL, b)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    gradient_along(&loop, &x, 1, NULL, 0, 1, 0, &out)
    return out


def wrong_signatures():
    """The errors of loops that are given an f which they cannot call."""
    cdef Py_ssize_t i = 0
    cdef double x = 1
    cdef double values = 0
    cdef double out = 0
    cdef Stencil stencil = central(1, 2)
    cdef Loop loop
    loop.f.address = <void *>sum_and_product
    loop.f.signature = ARRAY_INT
    set_steps(&loop, &x, 0)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    errors = []
    for k in range(4):
        loop.f.signature = (ARRAY_INT, NUMBER, POINT_SIZE_DATA, ARRAY_INT)[k]
        try:
            with nogil:
                if k < 2:
                    gradient_along(&loop, &x, 1, NULL, 0, 1, 0, &out)
                elif k == 2:
                    jacobian_along(&loop, &x, 1, NULL, 0, 1, NULL, 1, &values, &out)
                else:
                    pair_differences(&loop, &x, 1, &i, &i, 0, 1, 0, &out)
        except TypeError as error:
            errors.append(str(error))
    return errors


def changed(int which, Py_ssize_t call, Py_ssize_t i):
    """What one of four loops says of an f that changes coordinate i at a call, or the derivative."""
    cdef double[2] x = [1.0, 2.0]
    cdef double[2] steps = [1.0, 1.0]
    cdef double values = 0
    cdef double[2] out = [1.0, 1.0]
    cdef Py_ssize_t[2] left = [call, i]
    cdef Py_ssize_t[1] first = [0]
    cdef Py_ssize_t[1] second = [1]
    cdef Stencil stencil = central(1, 2)
    cdef Loop loop
    loop.f.address = <void *>changing
    loop.f.data = left
    loop.f.signature = POINT_SIZE_DATA
    set_steps(&loop, steps if which else NULL, 1.0)
    set_stencil(&loop, stencil)
    set_watch(&loop, NULL)
    try:
        if which < 2:
            gradient_along(&loop, x, 2, NULL, 0, 1, 0, out)
        elif which == 2:
            loop.f.address = <void *>changing_array
            loop.f.signature = ARRAY_SIZE_DATA
            jacobian_along(&loop, x, 2, NULL, 0, 1, NULL, 1, &values, out)
        else:
            pair_differences(&loop, x, 2, first, second, 0, 1, 0, out)
    except ValueError as error:
        return str(error)
    return out[0]
