"""Perturb a coordinate, call f, restore the coordinate: the loops for compiled f, without the GIL.

Design:
a. A loop works on a copy of the point that is its thread's own, so x itself is never written to.
b. The inner loops take pointers, for they are also the interface for other Cython modules, and a
   memoryview cannot be had without the GIL; what calls them here takes checked memoryviews.
c. A loop looks at the clock now and then, ever more seldom the faster f is, and when it has run
   for a twentieth of a second asks for signals: Ctrl-C stops it soon, and a fast f pays nothing.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.limits cimport INT_MAX
from libc.math cimport fabs

from gradfast._kernels.native_function cimport (
    Function, NativeFunction, call, call_array, require_array, require_point
)
from gradfast._kernels.stencil cimport Stencil
from gradfast._kernels.step_rule cimport first_swallowed

import numpy as np

from gradfast._kernels.native_function import require_kind


cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long long tv_sec
        long tv_nsec
    int timespec_get(timespec *, int)
    int TIME_UTC


# --- who may stop a loop ----------------------------------------------------------------------------------------------

cdef double seconds() noexcept nogil:
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return now.tv_sec + 1e-9 * now.tv_nsec


cdef void start_watch(Watch *watch, const unsigned char *stop) noexcept nogil:
    watch.stop = stop
    watch.left = watch.interval = 1
    watch.looked = 0


cdef int look_at_clock(Watch *watch) except -1 nogil:
    cdef double now = seconds()
    if watch.stop != NULL and watch.stop[0]:
        return 1
    if watch.looked == 0:
        watch.looked = now
    elif now - watch.looked > 0.05:
        watch.looked = now
        watch.interval = max(1, watch.interval // 4)
        with gil:
            PyErr_CheckSignals()
    elif now - watch.looked < 0.01:
        watch.interval *= 2
    watch.left = watch.interval
    return 0


# --- the loops --------------------------------------------------------------------------------------------------------

cdef void set_stencil(Loop *loop, Stencil stencil) noexcept:
    loop.stencil.count = stencil.size
    loop.stencil.nodes = stencil.node
    loop.stencil.weights = stencil.weight
    loop.stencil.center = stencil.center
    loop.stencil.denominator = stencil.denominator
    loop.stencil.n = stencil.n
    loop.stencil.is_pair = stencil.is_pair


cdef inline double step_of(const Steps *steps, Py_ssize_t i) noexcept nogil:
    return steps.at[i] if steps.at != NULL else steps.constant


cdef inline double divisor_of(const Nodes *stencil, double step) noexcept nogil:
    cdef int _
    cdef double product = stencil.denominator * step
    for _ in range(stencil.n - 1):
        product *= step
    return product


cdef inline bint is_textbook(const Loop *loop) noexcept nogil:
    return loop.stencil.is_pair and loop.steps.at == NULL


cdef inline void central_along(
    const Loop *loop, double *point, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, double *out
) noexcept nogil:
    """The textbook's case, one step and ``f(x + h) - f(x - h)``: in the general loop it takes half as long again."""
    cdef Function f = loop.f
    cdef double step = loop.steps.constant, by = loop.stencil.denominator * step
    cdef Py_ssize_t i
    cdef double saved, above
    for i in range(first, last):
        saved = point[i]
        point[i] = saved + step
        above = call(&f, n, point)
        point[i] = saved - step
        out[i] = (above - call(&f, n, point)) / by
        point[i] = saved


cdef int gradient_along(
    Loop *loop, double *point, Py_ssize_t n, const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
    double center, double *out,
) except -1 nogil:
    cdef const Nodes *stencil = &loop.stencil
    cdef Py_ssize_t c, i, k
    cdef double saved, step, total
    require_point(&loop.f)
    if some == NULL and is_textbook(loop):
        for i in range(first, last):
            central_along(loop, point, n, i, i + 1, out)
            if look(&loop.watch):
                return 1
        return 0
    for c in range(first, last):
        i = c if some == NULL else some[c]
        saved = point[i]
        step = step_of(&loop.steps, i)
        total = -0.0 if stencil.center == 0 else stencil.center * center
        for k in range(stencil.count):
            point[i] = saved + stencil.nodes[k] * step
            total += stencil.weights[k] * call(&loop.f, n, point)
        point[i] = saved
        out[i] = total / divisor_of(stencil, step)
        if look(&loop.watch):
            return 1
    return 0


cdef int jacobian_along(
    Loop *loop, double *point, Py_ssize_t n, const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
    const double *center, Py_ssize_t m, double *values, double *out,
) except -1 nogil:
    cdef const Nodes *stencil = &loop.stencil
    cdef Py_ssize_t c, i, j, k
    cdef double saved, step, by
    cdef double *total
    require_array(&loop.f)
    for c in range(first, last):
        i = c if some == NULL else some[c]
        saved = point[i]
        step = step_of(&loop.steps, i)
        by = divisor_of(stencil, step)
        total = out + i * m
        for j in range(m):
            total[j] = -0.0 if stencil.center == 0 else stencil.center * center[j]
        for k in range(stencil.count):
            point[i] = saved + stencil.nodes[k] * step
            call_array(&loop.f, n, point, m, values)
            for j in range(m):
                total[j] += stencil.weights[k] * values[j]
        point[i] = saved
        for j in range(m):
            total[j] /= by
        if look(&loop.watch):
            return 1
    return 0


cdef int pair_differences(
    Loop *loop, double *point, Py_ssize_t n, const Py_ssize_t *first_of, const Py_ssize_t *second_of,
    Py_ssize_t first, Py_ssize_t last, double center, double *out,
) except -1 nogil:
    cdef const Nodes *stencil = &loop.stencil
    cdef Py_ssize_t c, i, j, k
    cdef double saved_i, saved_j, step_i, step_j, total
    require_point(&loop.f)
    for c in range(first, last):
        i, j = first_of[c], second_of[c]
        saved_i, saved_j = point[i], point[j]
        step_i, step_j = step_of(&loop.steps, i), step_of(&loop.steps, j)
        total = stencil.center * center
        for k in range(stencil.count):
            point[i] = saved_i + stencil.nodes[k] * step_i
            if j != i:
                point[j] = saved_j + stencil.nodes[k] * step_j
            total += stencil.weights[k] * call(&loop.f, n, point)
        point[j] = saved_j
        point[i] = saved_i
        out[c] = total
        if look(&loop.watch):
            return 1
    return 0


# --- the textbook's gradient of compiled f ------------------------------------------------------------------------------

cdef int prepare(Loop *loop, NativeFunction f, Py_ssize_t n, double h, Stencil stencil) except -1:
    if f.kind != "point":
        require_kind(f, "point")
    if n > INT_MAX:
        raise ValueError(f"x must have at most {INT_MAX} components for compiled code; got {n}")
    loop.f = f.function
    set_stencil(loop, stencil)
    set_watch(loop, NULL)
    set_steps(loop, NULL, h)
    return 0


def gradient(NativeFunction f not None, const double[:] x, double h, Stencil stencil not None, double[::1] out):  # OUT: out
    """Write f's derivatives along the coordinates of x, perturbing a copy; return the first whose step rounding swallowed, or -1."""
    cdef Loop loop
    cdef double stack[64]
    cdef double *point = stack
    cdef Py_ssize_t i, n = x.shape[0]
    prepare(&loop, f, n, h, stencil)
    if n > 64:
        point = <double *>PyMem_Malloc(n * sizeof(double))
        if point == NULL:
            raise MemoryError
    try:
        with nogil:
            for i in range(n):
                point[i] = x[i]
            gradient_along(&loop, point, n, NULL, 0, n, 0, &out[0] if n else NULL)
            i = first_swallowed(point, n, h)
        return i
    finally:
        if n > 64:
            PyMem_Free(point)


def gradients(NativeFunction f not None, const double[:, :] x, double h, Stencil stencil not None, double[:, ::1] out):  # OUT: out
    """Do the same at every row of x; a coordinate is counted through all rows."""
    cdef Loop loop
    cdef Py_ssize_t i, j, n = x.shape[1], swallowed = -1
    cdef int stopped = 0
    cdef double largest
    cdef double[::1] point = np.empty(n)
    prepare(&loop, f, n, h, stencil)
    if n == 0:
        return -1
    cdef bint short = n <= 16 and is_textbook(&loop)
    with nogil:
        for i in range(x.shape[0]):
            largest = 0
            for j in range(n):
                point[j] = x[i, j]
                largest = max(largest, fabs(point[j]))
            if short:  # a look at the clock for each coordinate would cost a tenth
                central_along(&loop, &point[0], n, 0, n, &out[i, 0])
                stopped = look(&loop.watch)
            else:
                stopped = gradient_along(&loop, &point[0], n, NULL, 0, n, 0, &out[i, 0])
            if stopped:
                break
            if swallowed < 0 and largest >= h * 4503599627370496.0:  # 2**52: rounding may swallow a step
                j = first_swallowed(&point[0], n, h)
                swallowed = i * n + j if j >= 0 else -1
    return swallowed
