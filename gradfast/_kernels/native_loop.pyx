"""Perturb a coordinate, call f, restore the coordinate: the loops for compiled f, without the GIL.

Design:
a. A loop works on a copy of the point that is its thread's own, so x itself is never written to.
b. The inner loops take pointers, for they are also the interface for other Cython modules, and a
   memoryview cannot be had without the GIL; what calls them here takes checked memoryviews.
c. f is to leave its point alone. After each call the loop compares the coordinate that it moved: each has its turn, so
   that an f that changes a coordinate is found even if an even number of calls undoes it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.limits cimport INT_MAX
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy

from gradfast._kernels.native_function cimport (
    Function, NativeFunction, Watch, call, call_array, end_watch, is_at, look, look_around, require_array,
    require_point,
)
from gradfast._kernels.steps_and_bounds cimport Bits, Stencil, first_swallowed

import numpy as np

from gradfast._kernels.memory import f_changed, name_at
from gradfast._kernels.native_function import require_kind

cdef enum:
    DOUBLES_AT_ONCE = 512               # about as many, of whole rows, stay in the cache


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


cdef int refuse_change(Watch *watch, Py_ssize_t i) except -1 nogil:
    watch.changed = i
    if watch.caller_raises:
        return 2
    with gil:
        raise f_changed(name_at((i,)))


cdef inline Py_ssize_t central_along(
    Loop *loop, double *point, Py_ssize_t n, Py_ssize_t first, Py_ssize_t last, double *out
) except -2 nogil:
    """The textbook's case, one step and ``f(x + h) - f(x - h)``: in the general loop it takes half as long again.

    Return `last`, or the first coordinate that f changed.
    """
    cdef Function f = loop.f
    cdef double step = loop.steps.constant, by = loop.stencil.denominator * step
    cdef Py_ssize_t i
    cdef double saved, above, below
    for i in range(first, last):
        saved = point[i]
        point[i] = saved + step
        above = call(&f, n, point)
        if not is_at(point[i], saved + step):
            return i
        below = saved - step
        point[i] = below
        out[i] = (above - call(&f, n, point)) / by
        if not is_at(point[i], below):
            return i
        point[i] = saved
        if loop.watch.wake[0] != loop.watch.quiet:
            look_around(&loop.watch)
    return last


cdef int gradient_along(
    Loop *loop, double *point, Py_ssize_t n, const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last,
    double center, double *out,
) except -1 nogil:
    cdef const Nodes *stencil = &loop.stencil
    cdef Py_ssize_t c, i, k
    cdef double saved, step, total, node
    require_point(&loop.f)
    if some == NULL and stencil.is_pair and loop.steps.at == NULL:
        for i in range(first, last):
            if central_along(loop, point, n, i, i + 1, out) == i:
                return refuse_change(&loop.watch, i)
            if look(&loop.watch):
                return 1
        return 0
    for c in range(first, last):
        i = c if some == NULL else some[c]
        saved = point[i]
        step = step_of(&loop.steps, i)
        total = -0.0 if stencil.center == 0 else stencil.center * center
        for k in range(stencil.count):
            node = stencil.nodes[k]
            point[i] = saved + node * step
            total += stencil.weights[k] * call(&loop.f, n, point)
            if not is_at(point[i], saved + node * step):
                return refuse_change(&loop.watch, i)
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
    cdef double saved, step, by, node
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
            node = stencil.nodes[k]
            point[i] = saved + node * step
            call_array(&loop.f, n, point, m, values)
            for j in range(m):
                total[j] += stencil.weights[k] * values[j]
            if not is_at(point[i], saved + node * step):
                return refuse_change(&loop.watch, i)
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
    cdef double saved_i, saved_j, step_i, step_j, total, node
    require_point(&loop.f)
    for c in range(first, last):
        i, j = first_of[c], second_of[c]
        saved_i, saved_j = point[i], point[j]
        step_i, step_j = step_of(&loop.steps, i), step_of(&loop.steps, j)
        total = stencil.center * center
        for k in range(stencil.count):
            node = stencil.nodes[k]
            point[i] = saved_i + node * step_i
            point[j] = saved_j + node * step_j  # the same if j is i
            total += stencil.weights[k] * call(&loop.f, n, point)
            if not is_at(point[i], saved_i + node * step_i):
                return refuse_change(&loop.watch, i)
            if not is_at(point[j], saved_j + node * step_j):
                return refuse_change(&loop.watch, j)
        point[j] = saved_j
        point[i] = saved_i
        out[c] = total
        if look(&loop.watch):
            return 1
    return 0


cdef Py_ssize_t first_difference(
    const double *point, const double *origin, Py_ssize_t start, Py_ssize_t n
) noexcept nogil:
    """Return the first coordinate of a point of x that f has changed, or -1; where in x it starts, or -1 if nowhere."""
    cdef Py_ssize_t i
    if start < 0 or memcmp(point, origin + start, n * sizeof(double)) == 0:
        return -1
    for i in range(n):
        if not is_at(point[i], origin[start + i]):
            return start + i
    return -1


cdef inline bint any_reaches(const double *numbers, Py_ssize_t count, double limit) noexcept nogil:
    """Return whether the size of a number is a positive limit or more, or NaN: sizes are in the order of their bits."""
    cdef const uint64_t *patterns = <const uint64_t *>numbers
    cdef uint64_t borrow = 0
    cdef Bits bits
    cdef Py_ssize_t i
    bits.number = limit
    for i in range(count):  # which C compilers vectorize
        borrow |= bits.pattern - 1 - (patterns[i] & 0x7FFFFFFFFFFFFFFFULL)
    return borrow >> 63


# --- the textbook's gradient of compiled f ----------------------------------------------------------------------------

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


def gradient(
    NativeFunction f not None, const double[:] x, double h, Stencil stencil not None, double[::1] out  # OUT: out
):
    """Write f's derivatives along the coordinates of x, perturbing a copy.

    Return the first coordinate whose step rounding swallowed, or -1.
    """
    cdef Loop loop
    cdef double stack[64]
    cdef double *point = stack
    cdef bytes heap
    cdef Py_ssize_t i, n = x.shape[0]
    prepare(&loop, f, n, h, stencil)
    if n > 64:
        heap = PyBytes_FromStringAndSize(NULL, n * sizeof(double))
        point = <double *>PyBytes_AS_STRING(heap)
    try:
        with nogil:
            for i in range(n):
                point[i] = x[i]
            gradient_along(&loop, point, n, NULL, 0, n, 0, &out[0] if n else NULL)
            for i in range(n):
                if not is_at(point[i], x[i]):
                    refuse_change(&loop.watch, i)
            i = first_swallowed(point, n, h)
        return i
    finally:
        end_watch(&loop.watch)


def gradients(
    NativeFunction f not None, const double[:, :] x, double h, Stencil stencil not None, double[:, ::1] out  # OUT: out
):
    """Write the gradient at every row of x, by ``f(x + h) - f(x - h)``; a coordinate is counted through all rows.

    Each row of a block is perturbed in a place of its own. So one comparison tells whether f changed any of them.
    """
    cdef Loop loop
    cdef Py_ssize_t i = 0, k, r, rows, n = x.shape[1], changed, swallowed = -1
    cdef Py_ssize_t most = max(1, DOUBLES_AT_ONCE // max(1, n))
    cdef bint stopped
    cdef bint is_contiguous = x.strides[1] == sizeof(double) and x.strides[0] == n * <Py_ssize_t>sizeof(double)
    cdef double[:, ::1] points = np.empty((most, n)), copies = np.empty((0 if is_contiguous else most, n))
    cdef const double *origin
    prepare(&loop, f, n, h, stencil)
    loop.watch.caller_raises = True
    if n == 0:
        return -1
    try:
        with nogil:
            while i < x.shape[0]:
                rows = min(most, loop.watch.left, x.shape[0] - i)
                for r in range(0 if is_contiguous else rows):
                    for k in range(n):
                        copies[r, k] = x[i + r, k]
                origin = &x[i, 0] if is_contiguous else &copies[0, 0]
                memcpy(&points[0, 0], origin, rows * n * sizeof(double))
                for r in range(rows):
                    if i == 0:  # nobody has read the clock yet
                        stopped = gradient_along(&loop, &points[0, 0], n, NULL, 0, n, 0, &out[0, 0])
                        changed = loop.watch.changed if stopped else n
                    else:
                        changed = r * n + central_along(&loop, &points[r, 0], n, 0, n, &out[i + r, 0])
                    if changed < (r + 1) * n:
                        break
                k = first_difference(&points[0, 0], origin, 0, rows * n)
                changed = min(changed, k) if k >= 0 else changed
                if changed < rows * n:
                    with gil:
                        raise f_changed(name_at((i + changed // n, changed % n)))
                if swallowed < 0 and any_reaches(origin, rows * n, h * 2.0**52):  # rounding may swallow a step
                    k = first_swallowed(origin, rows * n, h)
                    swallowed = i * n + k if k >= 0 else -1
                i += rows
                loop.watch.left -= rows - 1
                look(&loop.watch)
        return swallowed
    finally:
        end_watch(&loop.watch)
