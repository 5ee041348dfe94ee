from gradfast._kernels.operator cimport Operator


cdef class GradientOperator(Operator):
    pass
