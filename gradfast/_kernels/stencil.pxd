cimport cython

ctypedef fused value:                       # what f's results are read as and computed with
    double
    long double


@cython.final
cdef class Stencil:
    cdef readonly tuple nodes               # in units of the step, 0 left out
    cdef readonly tuple weights             # whole numbers: exact in every precision
    cdef readonly double denominator
    cdef readonly int n                     # derivative order
    cdef readonly double center             # the weight of f(x), whose node is 0
    cdef bint is_pair                       # f(x + h) - f(x - h)
    cdef const double[::1] node_array       # the same nodes and weights as the loops read them
    cdef const double[::1] weight_array


cdef inline value divisor(Stencil stencil, value step) noexcept:
    cdef int _
    cdef value product = stencil.denominator
    for _ in range(stencil.n):
        product *= step
    return product
