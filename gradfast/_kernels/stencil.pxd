cimport cython


@cython.final
cdef class Stencil:
    cdef readonly tuple nodes               # in units of the step, 0 left out
    cdef readonly tuple weights             # whole numbers: exact in every precision
    cdef readonly double denominator
    cdef readonly int n                     # derivative order
    cdef readonly double center             # the weight of f(x), whose node is 0
    cdef const double[::1] node_array       # the same nodes and weights as the loops read them
    cdef const double[::1] weight_array
