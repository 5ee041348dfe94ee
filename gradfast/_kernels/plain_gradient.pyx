"""The gradient of a plain f at a plain point, from the arguments to the result in one call.

What f and x are, which plan it is, memory for the result, whether x is as it was: in Python, or by memoryviews, that
takes longer than a cheap f. Hence the buffers of x and of the result are taken once each, and read by pointers.
"""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.function cimport PyFunction_Check
from libc.string cimport memcmp

from gradfast._kernels.keep cimport put_back, require_same
from gradfast._kernels.native_function cimport NativeFunction
from gradfast._kernels.number cimport from_long_double, read
from gradfast._kernels.python_loop cimport center_term, weighted_sum
from gradfast._kernels.relative_step cimport RelativeStep, real, step_at
from gradfast._kernels.stencil cimport Stencil, divisor, value

from numpy import empty, ndarray

from gradfast._kernels.native_loop import gradient as native_gradient


def plain_gradient(f, x, method, dict names, bint wants_value):
    """Return f's value at x, None unless it is wanted or needed, and the gradient; or None if anything is not plain.

    Plain are a Python function or compiled f, a contiguous array of one axis that can be perturbed in place, and a
    method, or the name of one, that has a plan for first derivatives at such an x already.
    """
    cdef Py_buffer line
    plans = getattr(names.get(method) if type(method) is str else method, "plans", None)
    if type(plans) is not dict or type(x) is not ndarray or not (PyFunction_Check(f) or type(f) is NativeFunction):
        return None
    try:
        PyObject_GetBuffer(x, &line, PyBUF_ND | PyBUF_FORMAT)
    except (BufferError, ValueError):  # not contiguous, or of a type that no buffer has
        return None
    try:
        plan = None if line.ndim != 1 or line.readonly else plan_for(line.format[0], plans)
        if plan is None:
            return None
        if PyFunction_Check(f):
            return of_python(f, x, &line, plan, wants_value)
        return of_native(f, x, &line, plan, wants_value)
    finally:
        PyBuffer_Release(&line)


cdef plan_for(char kind, dict plans):
    """Return the plan for memory of a kind. NumPy calls it by its dtype.char if it is aligned and in native byte order."""
    if kind == c"d":
        return plans.get((1, "d"))
    if kind == c"f":
        return plans.get((1, "f"))
    if kind == c"g":
        return plans.get((1, "g"))
    return None


cdef of_native(f, x, const Py_buffer *line, plan, bint wants_value):
    if line.format[0] != c"d" or wants_value or plan.needs_center:
        return None
    out = empty(line.shape[0])
    native_gradient(f, x, plan.steps, plan.stencil, out)
    return None, out


cdef of_python(f, x, const Py_buffer *line, plan, bint wants_value):
    cdef Py_ssize_t n = line.shape[0]
    cdef Py_buffer result
    cdef double center = 0
    cdef long double long_center = 0
    cdef char kind = line.format[0]
    at_x = None
    out = empty(n) if kind == c"d" else empty(n, "f" if kind == c"f" else "g")
    PyObject_GetBuffer(out, &result, PyBUF_SIMPLE)
    try:
        if kind == c"d":
            if at_point[double, double](f, x, <double*>line.buf, n, plan, wants_value, &center, <double*>result.buf):
                at_x = center
        elif kind == c"f":
            if at_point[float, double](f, x, <float*>line.buf, n, plan, wants_value, &center, <float*>result.buf):
                at_x = center
        elif at_point[cython.longdouble, cython.longdouble](
            f, x, <long double*>line.buf, n, plan, wants_value, &long_center, <long double*>result.buf
        ):
            at_x = from_long_double(long_center)
    finally:
        PyBuffer_Release(&result)
    return at_x, out


cdef bint at_point(
    f, x, real *line, Py_ssize_t n, plan, bint wants_value, value *center, real *out,  # OUT: center, out
) except -1:
    """Write the derivatives along line, the memory of x, which stays as it was; return whether f's value is in center."""
    cdef RelativeStep rule = plan.steps
    cdef Stencil stencil = plan.stencil
    cdef const double[::1] nodes = stencil.node_array
    cdef const double[::1] weights = stencil.weight_array
    cdef value step, total, start
    cdef Py_ssize_t i
    cdef bint needs_value = wants_value or stencil.center != 0
    cdef bytes before = PyBytes_FromStringAndSize(<char*>line, n * sizeof(real))
    try:
        if needs_value:
            read(f(x), center)
        start = center_term(stencil, center[0])
        for i in range(n):
            step = step_at(rule.relative, rule.least_scale, line[i])
            weighted_sum(f, x, line + i, step, nodes, weights, start, &total)
            out[i] = <real>(total / divisor(stencil, step))
    except BaseException:
        put_back(x, before)
        raise
    if memcmp(<char*>line, <const char*>before, n * sizeof(real)) != 0:
        require_same(x, before)
    return needs_value
