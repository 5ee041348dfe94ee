from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.object cimport PyObject

from gradfast._kernels.steps_and_bounds cimport value

cdef extern from *:
    """
    /* numpy.float64 extends float and adds nothing to it: this takes a fifth of a call of numpy.float64. */
    static CYTHON_INLINE PyObject *new_float64(PyObject *kind, double number) {
        PyObject *made = ((PyTypeObject *)kind)->tp_alloc((PyTypeObject *)kind, 0);
        if (made != NULL)
            ((PyFloatObject *)made)->ob_fval = number;
        return made;
    }
    """
    object new_float64(object kind, double number)

cdef extern from "Python.h":
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    ctypedef object (*vectorcallfunc)(PyObject *f, PyObject **arguments, size_t count, PyObject *names)
    object PyObject_Vectorcall(PyObject *f, PyObject **arguments, size_t count, PyObject *names)
    vectorcallfunc PyVectorcall_Function(PyObject *f)


cdef double as_double(object result) except? -1.0
cdef bint read_long_double(object result, long double* number) except -1
cdef as_real_array(result, bint is_block)           # an error if it is no real numbers
cdef precision_of(found)                            # a dtype.char, or None


cdef inline int read(object result, value* number) except -1:  # OUT: number
    """Read what f returned as one number."""
    if PyFloat_Check(result):
        number[0] = PyFloat_AS_DOUBLE(result)
    elif value is double:
        number[0] = as_double(result)
    elif not read_long_double(result, number):
        number[0] = as_double(result)
    return 0


cdef inline vectorcallfunc caller_of(f) noexcept:
    """Return the C function that calls f."""
    cdef vectorcallfunc call = PyVectorcall_Function(<PyObject *>f)
    return call if call is not NULL else <vectorcallfunc>PyObject_Vectorcall


# Between calls of C functions: let other threads run, and see whether Ctrl-C was pressed, as calls of Python code do.
cdef int let_others_run() except -1
