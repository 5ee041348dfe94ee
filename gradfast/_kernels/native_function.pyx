"""Compiled code as an f, seen from Python; the .pxd has the calls from C."""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport uintptr_t

from gradfast._kernels.interrupts cimport Watch, end_watch, look, start_watch

import numpy as np

SIGNATURES = {
    "double (int, double *)": POINT_INT,
    "double (int, double *, void *)": POINT_INT_DATA,
    "double (Py_ssize_t, double *)": POINT_SIZE,
    "double (Py_ssize_t, double *, void *)": POINT_SIZE_DATA,
    "double (double)": NUMBER,
    "double (double, void *)": NUMBER_DATA,
    "void (int, double *, int, double *)": ARRAY_INT,
    "void (int, double *, int, double *, void *)": ARRAY_INT_DATA,
    "void (Py_ssize_t, double *, Py_ssize_t, double *)": ARRAY_SIZE,
    "void (Py_ssize_t, double *, Py_ssize_t, double *, void *)": ARRAY_SIZE_DATA,
}

# By kind: what an error says that f must do.
WANTED = {
    "point": "return a number at a point, as double (int, double *)",
    "array": "write an array at a point, as void (int, double *, int, double *)",
}

# By the kind that f has, where it has another: what leads out.
ADVICE = {
    "point": "for a number use gradient",
    "array": "for arrays use jacobian",
    "number": "for functions of a number use derivative, for arrays of an array gradfast.compiled(f, outputs=m)",
}


@cython.final
cdef class NativeFunction:
    """Compiled code as an f: an address, its signature, and the objects that keep it alive.

    :mod:`gradfast.callables` makes it of the objects that own such code. Python code can call it, too: with a number or
    a point, as its signature has it, it returns f's value there.
    """

    def __cinit__(self, address, str signature not None, owner, Py_ssize_t outputs=-1):
        """The address is an integer, or a capsule that holds it; the capsule's context is f's data."""
        cdef const char *name
        if isinstance(address, int):
            self.function.address = <void *><uintptr_t>address
        else:
            name = PyCapsule_GetName(address)
            self.function.address = PyCapsule_GetPointer(address, name)
            self.function.data = PyCapsule_GetContext(address)
        if self.function.address == NULL:
            raise ValueError("f must point to compiled code; got a NULL pointer")
        self.function.signature = SIGNATURES[signature]
        self.kind = "point" if self.function.signature <= POINT_SIZE_DATA else "array"
        if NUMBER <= self.function.signature <= NUMBER_DATA:
            self.kind = "number"
        self.signature = signature
        self.owner = address, owner
        self.outputs = outputs

    def __call__(self, x):
        cdef Py_ssize_t i
        cdef double result
        cdef double[::1] values, point = np.array(x, dtype=np.float64).reshape(-1)
        cdef double *at = &point[0] if point.shape[0] else NULL
        cdef Watch watch
        if self.kind == "point":
            with nogil:
                result = call(&self.function, point.shape[0], at)
            return result
        out = np.full(np.shape(x) if self.kind == "number" else self.required_outputs(), np.nan)
        values = out.reshape(-1)
        if self.function.signature > NUMBER_DATA:
            with nogil:
                call_array(&self.function, point.shape[0], at, values.shape[0], &values[0] if values.shape[0] else NULL)
            return out
        start_watch(&watch, NULL)
        try:
            with nogil:
                for i in range(point.shape[0]):
                    values[i] = call_at_number(&self.function, point[i])
                    look(&watch)
        finally:
            end_watch(&watch)
        return out if out.ndim else out[()]

    def required_outputs(self):
        """Return how many values f writes; raise ValueError if that is unknown."""
        if self.outputs < 0:
            raise ValueError(f"f must say how many values it writes, as gradfast.compiled(f, outputs=m) does; got {self!r}")
        return self.outputs

    def __reduce__(self):
        if self.reducer is None:
            raise TypeError(f"f must be what gradfast.compiled made of a Python function to be pickled; got {self!r}")
        return self.reducer(self)

    def __repr__(self):
        return f"<compiled f, {self.signature}>"


def require_kind(NativeFunction f not None, str kind not None):
    """Raise TypeError unless f is of this kind."""
    if f.kind is not kind and f.kind != kind:
        raise TypeError(f"f must {WANTED[kind]}; got {f!r}; {ADVICE[f.kind]}")


cdef int refuse_signature(Signature found, bint wants_array) except -1 nogil:
    with gil:
        names = dict(zip(SIGNATURES.values(), SIGNATURES))
        wanted = "ARRAY" if wants_array else "POINT"
        raise TypeError(f"loop.f.signature must be of {wanted} kind; got {names.get(<int>found, <int>found)}")
