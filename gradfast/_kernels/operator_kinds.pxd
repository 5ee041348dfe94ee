from gradfast._kernels.operator_run cimport Operator


cdef class GradientOperator(Operator):
    pass


cdef class Spare:
    cdef object kind                    # of operator
    cdef Operator operator              # that nobody uses, or None


cpdef once(
    Spare spare, f, x, args, f0, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error,
    full_output, int n=*,
)
