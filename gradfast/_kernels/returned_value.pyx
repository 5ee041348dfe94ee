"""What f returned, read as one number or as an array."""

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.float cimport PyFloat_AsDouble

import numpy as np
from numpy import ndarray

# Code that the interpreter runs, as no function of a compiled module is.
cdef object PYTHON_CODE = eval("lambda: None")


cdef int let_others_run() except -1:
    """Call Python code: only its interpreter sees that another thread asks for its lock, and waits until it has it.

    A thread asks when it has waited for 5 ms in vain. If the lock were let go of at each look, that would wake the
    thread each time, too late, and begin the 5 ms anew.
    """
    PYTHON_CODE()
    return 0


def number(result, str kind):
    """Return f's result as one number, by the rules of the loops: a float, or for kind "g" a long double."""
    cdef double as_read
    cdef long double as_read_long
    if kind != "g":
        read(result, &as_read)
        return as_read
    read(result, &as_read_long)
    return np.frombuffer((<char *>&as_read_long)[:sizeof(long double)], np.longdouble)[0]


def shown(result):
    """Return how what f returned prints, which may raise."""
    try:
        return repr(result)
    except Exception as error:
        return f"<{type(result).__name__} whose repr raised {type(error).__name__}>"


class ComplexValueError(TypeError):
    """f returned a complex number. Operators then differentiate its two parts; for others it is an error like this."""


class ArrayValueError(ValueError):
    """f returned an array of this shape where one number is wanted."""

    shape = ()


class ListValueError(ArrayValueError, TypeError):
    """f returned a list of numbers where one number is wanted."""


cdef look_for_one(tuple shape):
    """ArrayValueError if an array of a shape does not hold one number."""
    for extent in shape:
        if extent != 1:
            found = f"an array of shape {shape}; for arrays use jacobian"
            error = ArrayValueError(f"f must return a scalar; it returned {found}")
            error.shape = shape
            raise error


cdef double as_double(object result) except? -1.0:
    cdef object number = result
    if is_masked(result):
        result = without_mask(result)
    # A subclass may tell another shape than it has.
    shape = getattr(np.asarray(result) if isinstance(result, ndarray) else result, "shape", None)
    if isinstance(shape, tuple):  # an array or a NumPy scalar
        look_for_one(tuple(shape))
        number = None if is_complex(result) else item_of(result)
    elif isinstance(result, (list, tuple)) and len(result) == 1:
        number = result[0]
        shape = getattr(number, "shape", None)
        if isinstance(shape, tuple):
            look_for_one((1, *shape))
            number = item_of(number)
    try:
        return PyFloat_AsDouble(number)
    except TypeError as error:
        if shape is None and hasattr(result, "__array__"):  # an array of a package whose arrays tell no shape
            return as_double(np.asarray(result))
        kind = ComplexValueError if is_complex(result) or is_complex(number) else TypeError
        found = f"{shown(result)}, a {type(result).__name__}{advice_on(result)}"
        shape, message = shape_of_list(result), f"f must return a real scalar; it returned {found}"
        if shape is None:
            raise kind(message) from error
        raised = ListValueError(message)
        raised.shape = shape
        raise raised from error
    except OverflowError as error:  # of a number that may be too long to print
        found = f"a larger {type(result).__name__}"
        raise ValueError(f"f must return a number in the range of a float; it returned {found}") from error


cdef shape_of_list(result):
    """Return the shape of a list of numbers, or of lists of them; None of anything else."""
    if not isinstance(result, (list, tuple)):
        return None
    try:
        array = values_of(result)
    except (TypeError, ValueError):
        return None
    return array.shape if array.dtype.kind in "fiub" else None


cdef str advice_on(result):
    """Return what leads out where f returned several things in place of a number."""
    if not isinstance(result, (list, tuple)):
        return ""
    return "; for arrays use jacobian" + (", for (value, aux) has_aux=True" if is_pair(result) else "")


cdef bint is_pair(result) except -1:
    return isinstance(result, tuple) and len(result) == 2


cdef bint is_complex(value) except -1:
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        kind = getattr(dtype, "kind", None)  # torch has none, and of lazy objects it may be anything
        return kind == "c" if isinstance(kind, str) else str(dtype).rpartition(".")[2].startswith("complex")
    if not hasattr(type(value), "__complex__"):  # as of an object that float() does not take
        return False
    try:
        complex(value)  # which a number with a unit refuses, as float() does
    except Exception:
        return False
    return True


cdef item_of(array):
    """Return what an array of one item holds, whichever package it is of."""
    if hasattr(array, "item"):
        return array.item()
    data = getattr(array, "data", None)  # a variable that wraps an array
    return (data if isinstance(data, np.ndarray) else np.asarray(array)).item()


cdef bint is_masked(result) except -1:
    """Return whether an array has a mask. NumPy's module of these is slow to import: only a subclass is worth it."""
    return isinstance(result, ndarray) and type(result) is not ndarray and isinstance(result, np.ma.MaskedArray)


cdef without_mask(array):
    """Return a masked array as one that is NaN where it has no value."""
    return array.astype(np.result_type(array.dtype, np.float16)).filled(np.nan)


def values_of(result):
    """Return what f returned as an array, numbers of other packages as NumPy's.

    ValueError if it is lists of several lengths.
    """
    if is_masked(result):
        return without_mask(result)
    data = None if isinstance(result, ndarray) else getattr(result, "data", None)
    if isinstance(data, ndarray) and data.shape == getattr(result, "shape", data.shape):
        if not hasattr(result, "tocsr"):  # the data of a sparse matrix are its entries alone
            return data  # of a variable that wraps an array
    try:
        array = np.asarray(result)
    except ValueError as error:
        advice = "; for (value, aux) give has_aux=True" if is_pair(result) else ""
        raise ValueError(f"f must return an array of one shape; it returned {shown(result)}{advice}") from error
    except RuntimeError:  # torch makes no array of what it is to differentiate
        if isinstance(result, (list, tuple)):
            return np.array([values_of(part) for part in result])
        if not hasattr(result, "detach"):
            raise
        array = np.asarray(result.detach())
    return numbers_of(array) if array.dtype.kind == "O" else array


cdef as_real_array(result, bint is_block):
    """Return what f returned as an array. An error shows it, unless it is a block of values."""
    array = values_of(result)
    if array.dtype.kind not in "fiub":
        found = "an array" if is_block else f"{shown(result)},"
        kind = ComplexValueError if array.dtype.kind == "c" else TypeError
        raise kind(f"f must return real numbers; it returned {found} of dtype {array.dtype}")
    return array


cdef precision_of(found):
    """Return the dtype.char of a value in floating point, also of another package's dtype by NumPy's name; or None."""
    dtype = getattr(found, "dtype", None)
    if dtype is None:
        return None
    if not isinstance(dtype, np.dtype) or dtype.kind == "V":  # as JAX has bfloat16
        name = str(dtype).rpartition(".")[2]
        if name == "bfloat16":  # which NumPy does not have: half precision is nearest
            return "e"
        try:
            dtype = np.dtype(name)
        except TypeError:
            return None
    return dtype.char if dtype.char in "efdg" else None


cdef numbers_of(array):
    """Return an array of objects as one of numbers, if all of them are; else as it is."""
    try:
        found = [as_double(number) for number in array.flat]
    except ComplexValueError:
        found = [complex(number) for number in array.flat]
    except (TypeError, ValueError):
        return array
    return np.array(found).reshape(array.shape)


cdef bint read_long_double(object result, long double* number) except -1:  # OUT: number
    """Read a NumPy long double, or an array of one; False for anything else."""
    cdef Py_buffer view
    cdef bint found
    if not PyObject_CheckBuffer(result):
        return False
    try:
        PyObject_GetBuffer(result, &view, PyBUF_FULL_RO)
    except (BufferError, ValueError):  # dates are in no buffer
        return False
    try:
        found = view.format != NULL and view.format == b"g" and view.len == sizeof(long double)
        if found:
            number[0] = (<long double*>view.buf)[0]
    finally:
        PyBuffer_Release(&view)
    return found
