from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check

from gradfast._kernels.stencil cimport value

cdef from_long_double(long double number)           # NumPy's scalar
cdef double as_double(object result) except? -1.0
cdef bint read_long_double(object result, long double* number) except -1


cdef inline int read(object result, value* number) except -1:  # OUT: number
    """Read what f returned as one number."""
    if PyFloat_Check(result):
        number[0] = PyFloat_AS_DOUBLE(result)
    elif value is double:
        number[0] = as_double(result)
    elif not read_long_double(result, number):
        number[0] = as_double(result)
    return 0
