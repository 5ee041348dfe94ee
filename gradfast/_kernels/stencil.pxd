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
    cdef readonly Py_ssize_t size           # how many nodes there are
    cdef bint is_pair                       # f(x + h) - f(x - h)
    cdef const double *node                 # the same nodes and weights as C arrays
    cdef const double *weight
    cdef object _arrays                     # which own that memory


cdef inline value divisor(Stencil stencil, value step) noexcept nogil:
    """Return what a weighted sum of f's values is divided by: the denominator times step**n."""
    cdef int _
    cdef value product = stencil.denominator
    for _ in range(stencil.n):
        product *= step
    return product
