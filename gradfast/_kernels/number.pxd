from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check

from gradfast._kernels.stencil cimport value

cdef extern from *:
    """
    /* numpy.float64 extends float and adds nothing to it: to make one like this takes a fifth of a call of numpy.float64. */
    static CYTHON_INLINE PyObject *new_float64(PyObject *kind, double number) {
        PyObject *made = ((PyTypeObject *)kind)->tp_alloc((PyTypeObject *)kind, 0);
        if (made != NULL)
            ((PyFloatObject *)made)->ob_fval = number;
        return made;
    }
    """
    object new_float64(object kind, double number)


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
