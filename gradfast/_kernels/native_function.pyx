"""Compiled code as an f; and how loops over it, which hold no GIL, look for signals or are told to stop.

Design of the looks:
a. Only the main thread of Python sees signals, and only with the GIL. To take the GIL for each call of a cheap f would
   cost more than f.
b. A loop that has run for a hundredth of a second starts a *ticker*: a thread that changes a byte fifty times a second.
   The loop compares that byte after each call, which costs nothing, and asks for signals when it has changed. So it
   does not matter how the cost of f changes along the loop: Ctrl-C is seen within one call and one tick. A ticker that
   no loop heeds ends. If f took that long, the loop then starts another.
c. Until then the loop looks at the clock, after at most `MOST_CALLS` calls. Loops on other threads have a byte of their
   own, which the main thread sets.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from cpython.function cimport PyFunction_Check, PyFunction_GetClosure, PyFunction_GetCode, PyFunction_GetDefaults
from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from cpython.time cimport PyTime_PerfCounterRaw
from libc.stdint cimport uintptr_t

import os

import numpy as np
from numpy import ufunc

cdef extern from "Python.h":
    bint PyCFunction_CheckExact(object f)

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
cdef dict WANTED = {
    "point": "return a number at a point, as double (int, double *)",
    "array": "write an array at a point, as void (int, double *, int, double *)",
}

# By the kind that f has, where it has another: what leads out.
cdef dict ADVICE = {
    "point": "for a number use gradient",
    "array": "for arrays use jacobian",
    "number": "for functions of a number use derivative, for arrays of an array gradfast.compiled(f, outputs=m)",
}


cdef class NativeFunction:
    """Compiled code as an f: an address, its signature, and the objects that keep it alive.

    :mod:`gradfast.values.callables` makes it of the objects that own such code. Python code can call it, too: with a
    number or a point, as its signature has it, it returns f's value there.
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
            wanted = "say how many values it writes, as gradfast.compiled(f, outputs=m) does"
            raise ValueError(f"f must {wanted}; got {self!r}")
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


# --- what is seen of a function ---------------------------------------------------------------------------------------

cdef bint is_python(f) noexcept:
    """Return whether f is surely a Python callable, and no object that owns compiled code."""
    return PyFunction_Check(f) or PyCFunction_CheckExact(f) or type(f) is ufunc


cdef bint names_nothing(f) except -1:
    """Return whether a function knows nothing but its arguments, so that it cannot keep x or read another."""
    if not PyFunction_Check(f) or PyFunction_GetClosure(f) is not NULL or PyFunction_GetDefaults(f) is not NULL:
        return False
    code = <object>PyFunction_GetCode(f)
    if code.co_names:
        return False
    for constant in code.co_consts:
        if type(constant) is type(code):
            return False
    return True


# --- when loops look around -------------------------------------------------------------------------------------------

# A loop that takes longer than this many seconds is worth a ticker.
cdef double SECONDS_WORTH_A_TICKER = 0.01
SECONDS_A_TICK = 0.02

# Of a cheap f this many calls take a few microseconds, a hundred times as long as a look at the clock.
cdef Py_ssize_t MOST_CALLS = 512

# A ticker ends after this many ticks at which no loop has looked.
cdef int TICKS_UNSEEN = 5

cdef unsigned char tick = 0
cdef int ticks_left = 0
cdef bint is_ticking = False
cdef object ticker = None                   # the thread, and the event that ends it
cdef cython.pymutex guard                   # of the ticker, where no GIL guards it


cdef double seconds() noexcept nogil:
    return 1e-9 * <double>PyTime_PerfCounterRaw()


cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil:
    watch.can_stop = stop != NULL
    watch.wake = stop if watch.can_stop else &tick
    watch.quiet = watch.wake[0]
    watch.left = watch.interval = 1
    watch.started, watch.changed, watch.caller_raises = 0, -1, False


cdef int look_around(Watch *watch) except -1 nogil:
    if watch.can_stop:
        watch.left = MOST_CALLS
        return watch.wake[0] != 0
    if watch.wake[0] != watch.quiet:
        watch.quiet = watch.wake[0]
        with gil:
            see_signals()
            if not is_ticking:  # the ticker has ended: f took that long
                start_ticker()
    if watch.left <= 0:
        if watch.started == 0:
            watch.started = seconds()
        elif not is_ticking and seconds() - watch.started > SECONDS_WORTH_A_TICKER:
            with gil:
                see_signals()
                start_ticker()
            watch.started = seconds()
        watch.interval = min(2 * watch.interval, MOST_CALLS)
        watch.left = watch.interval
    return 0


cdef int see_signals() except -1:
    global ticks_left
    ticks_left = TICKS_UNSEEN
    PyErr_CheckSignals()
    return 0


cdef int start_ticker() except -1:
    """Start a ticker, unless this is not the main thread, which alone sees signals, or no thread can be had."""
    global is_ticking, ticker
    from threading import Event, Thread, current_thread, main_thread

    if current_thread() is not main_thread():
        return 0
    end = Event()
    thread = Thread(target=keep_ticking, args=(end,), name="gradfast's ticker", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the loop goes on to look at the clock
        return 0
    is_ticking = True
    with guard:
        ticker = thread, end
    return 0


def keep_ticking(end):
    """Change the byte that loops look at, until they have ended."""
    global tick, ticks_left, is_ticking
    while ticks_left > 0 and not end.wait(SECONDS_A_TICK):
        tick += 1
        ticks_left -= 1
    is_ticking = False


cdef int end_watch(Watch *watch) except -1:
    global ticker
    if watch.can_stop or watch.started == 0 or not is_ticking:
        return 0
    with guard:
        found, ticker = ticker, None
    if found is None:
        return 0
    thread, end = found
    end.set()
    thread.join()
    return 0


def forget_ticker():
    """Know in a process that was forked from a loop that its ticker stayed in the other."""
    global is_ticking, ticker
    is_ticking, ticker = False, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_ticker)
