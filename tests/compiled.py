"""Compiled functions made here, by ctypes and from the C library."""

import ctypes

import numpy as np

DOUBLES = ctypes.POINTER(ctypes.c_double)
SIGNATURES = {
    "int": (ctypes.c_double, ctypes.c_int, DOUBLES),
    "int, data": (ctypes.c_double, ctypes.c_int, DOUBLES, ctypes.c_void_p),
    "Py_ssize_t": (ctypes.c_double, ctypes.c_ssize_t, DOUBLES),
    "Py_ssize_t, data": (ctypes.c_double, ctypes.c_ssize_t, DOUBLES, ctypes.c_void_p),
}
ARRAY_SIGNATURES = {
    "int": (None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES),
    "int, data": (None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES, ctypes.c_void_p),
    "Py_ssize_t": (None, ctypes.c_ssize_t, DOUBLES, ctypes.c_ssize_t, DOUBLES),
    "Py_ssize_t, data": (None, ctypes.c_ssize_t, DOUBLES, ctypes.c_ssize_t, DOUBLES, ctypes.c_void_p),
}


def uneven(x):
    return sum(float(i + 1) * float(v) * float(v) for i, v in enumerate(x)) + float(x[0]) * float(x[-1])


def uneven_array(x):
    return np.array([uneven(x), x[0] * x[-1], x[-1]])


def c_function(signature="int", f=uneven):
    """Return a C function pointer to a Python f: it looks like compiled code, but needs no compiler."""
    return ctypes.CFUNCTYPE(*SIGNATURES[signature])(lambda n, x, *data: f([x[i] for i in range(n)]))


def c_array_function(signature="int", f=uneven_array):
    def write(n, x, m, out, *data):
        for j, value in enumerate(f([x[i] for i in range(n)])[:m]):
            out[j] = value

    return ctypes.CFUNCTYPE(*ARRAY_SIGNATURES[signature])(write)
