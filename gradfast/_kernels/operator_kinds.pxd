from gradfast._kernels.operator_run cimport Operator


cdef class GradientOperator(Operator):
    pass
