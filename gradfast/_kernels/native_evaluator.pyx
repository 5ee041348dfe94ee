"""f is compiled code: called without the GIL, with a copy of the point that is each thread's own."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.limits cimport INT_MAX
from libc.math cimport NAN
from libc.string cimport memcpy

from gradfast._kernels.evaluator cimport Block, Evaluator, reserve
from gradfast._kernels.moves cimport EACH, Groups, Moves, Span
from gradfast._kernels.native_function cimport (
    Function, NativeFunction, Watch, call, call_array, end_watch, is_at, look, seconds, start_watch,
)
from gradfast._kernels.native_loop cimport Loop, first_difference, gradient_along, set_stencil, set_steps, set_watch

import numpy as np

from gradfast._kernels.memory import cannot_be_moved, f_changed
from gradfast._kernels.native_function import require_kind

# Threads pay when what is left to do takes longer than starting them.
cdef double SECONDS_WORTH_A_THREAD = 1e-3

# A thread gets as many pieces of the work, one after the other, so that none waits long for another.
cdef Py_ssize_t PIECES = 8

cdef enum:
    STEPS_AT_ONCE = 512                 # about as many: of whole points
    STACK = 1024                        # doubles on the stack; more are allocated

# An operator asks for this many bytes of values at once, so that threads are seldom waited for.
cdef Py_ssize_t BYTES_AT_ONCE = 1 << 24


@cython.no_gc
cdef class Native(Evaluator):
    """Compiled f of a point: a number, or an array of as many values as f says or as `outputs`."""

    def __init__(
        self, NativeFunction f not None, x, bint single=False, axis=None, Py_ssize_t threads=1, Py_ssize_t outputs=-1,
        bint takes_both=False,
    ):
        if not self.prepare(f, x, single, axis, threads, outputs, takes_both):
            raise cannot_be_moved(x)

    cdef bint prepare(
        self, NativeFunction f, x, bint single, axis, Py_ssize_t threads, Py_ssize_t outputs, bint takes_both=False
    ) except -1:
        self.is_number = f.kind == "point"
        if f.kind != ("point" if single else "array") and not (takes_both and self.is_number):
            require_kind(f, "point" if single else "array")
        if x.dtype.char not in ("d", "f", "g") or not x.dtype.isnative:
            return False
        # f computes in double precision, whatever x is
        if x.dtype.char != "d":
            self.dtype, x = x.dtype, x.astype(np.float64)
        if not self.open(x, single, axis):
            return False
        if self.point_size > INT_MAX:
            raise ValueError(f"x must have at most {INT_MAX} components for compiled code; got {self.point_size}")
        self.f, self.threads = f, threads
        if self.is_number:
            self.is_known, self.shape = True, ()
        else:
            self.is_known, self.width = True, outputs if f.outputs < 0 <= outputs else f.required_outputs()
        return True

    cpdef Py_ssize_t rows_at_once(self) except -1:
        if self.threads == 1:
            return Evaluator.rows_at_once(self)
        return max(1, BYTES_AT_ONCE // max(1, self.width * self.value_size))

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        reserve(block, (last - first) * self.width * sizeof(double))
        self.counted += last - first
        return spread(self, moves, first, last, NULL, <double *>block.at - first * self.width, False)

    cdef int keep(self) except -1:
        """Take x's memory for what it held: compiled f gets copies, so that x stays as it is."""
        if not self.memory.is_contiguous:
            return Evaluator.keep(self)
        self.before = self.memory.start
        return 0

    cdef bint derives(self, Groups groups) noexcept:
        """Return whether `derive` is for such groups, and there are enough of them to keep all threads busy."""
        if not self.is_number or groups.kind != EACH or groups.list is not NULL and self.axis is not None:
            return False
        return self.threads == 1 or groups.count >= PIECES * self.threads

    cdef int derive(self, Moves moves, const double *center, double *out) except -1:
        """Write the derivative along each coordinate, as `fill` and `combine` would, but hold no values in between."""
        self.counted += moves.last
        return spread(self, moves, 0, moves.groups.count, center, out, True)

    cdef int center(self, Block *block) except -1:
        """Write f's value at x; of a batch, at each point."""
        cdef Py_ssize_t points = 1 if self.axis is None else self.n // self.point_size if self.point_size else 0
        reserve(block, points * self.width * sizeof(double))
        self.counted += points
        return do_some(self, None, 0, points, NULL, <double *>block.at, False, NULL)


cdef int spread(
    Native e, Moves moves, Py_ssize_t first, Py_ssize_t last, const double *center, double *out, bint derives
) except -1:
    """Do the work: if it takes long enough, some of it here, and the rest on as many threads as there are to be."""
    cdef Py_ssize_t some = max(1, (last - first) // 64), i
    cdef double started
    cdef unsigned char[::1] stop
    cdef Work work
    if e.threads == 1 or last <= first:
        return do_some(e, moves, first, last, center, out, derives, NULL)
    started = seconds()
    do_some(e, moves, first, first + some, center, out, derives, NULL)
    first += some
    if (seconds() - started) * (last - first) / some < SECONDS_WORTH_A_THREAD:
        return do_some(e, moves, first, last, center, out, derives, NULL)
    from concurrent.futures import ThreadPoolExecutor

    work = Work.__new__(Work)
    pieces, size = min(PIECES * e.threads, last - first), last - first
    ends = [first + size * i // pieces for i in range(pieces + 1)]
    stop = np.zeros(1, np.uint8)  # no bytearray: without the GIL, CPython 3.13 loses count of the threads that read one
    work.e, work.moves, work.center, work.out, work.derives, work.stop = e, moves, center, out, derives, stop
    with ThreadPoolExecutor(e.threads) as pool:
        futures = [pool.submit(work, begin, end) for begin, end in zip(ends, ends[1:])]
        try:
            for future in futures:
                future.result()
        except BaseException:  # Ctrl-C above all: the loops look at this byte
            stop[0] = 1
            for future in futures:
                future.cancel()
            raise
    return 0


cdef int do_some(
    Native e, Moves moves, Py_ssize_t first, Py_ssize_t last, const double *center, double *out, bint derives,
    const unsigned char *stop,
) except -1:
    """Write f's values of rows first to last - 1, or the derivatives by groups; without moves, its values at rest.

    The point that f gets is a copy of this thread's own. On another thread than the main one a byte stops the work, for
    there no signal is seen. A rule's steps are written for some points at a time, so that they stay in the cache.
    """
    cdef Groups groups = None if moves is None else moves.groups
    cdef Py_ssize_t n = e.point_size, changed
    cdef Py_ssize_t room = 0 if not derives or moves.rule is None else max(1, STEPS_AT_ONCE // max(1, n)) * n
    cdef double stack[STACK]
    cdef double *point = stack
    cdef bytes heap
    cdef Loop loop
    if n + room > STACK:
        heap = PyBytes_FromStringAndSize(NULL, (n + room) * sizeof(double))
        point = <double *>PyBytes_AS_STRING(heap)
    loop.f = e.f.function
    if derives:
        set_stencil(&loop, moves.stencil)
    set_watch(&loop, stop)
    loop.watch.caller_raises = True
    try:
        with nogil:
            if derives:
                changed = derive_points(e, &loop, moves, groups.list, first, last, center, out, point, room)
            elif moves is None:
                changed = run_points(e, last, out, point, &loop.watch)
            else:
                changed = run_rows(e, moves, groups, first, last, out, point, &loop.watch)
        if changed >= 0:
            raise f_changed(e.name(changed))
    finally:
        end_watch(&loop.watch)
    return 0


cdef Py_ssize_t derive_points(
    Native e, Loop *loop, Moves moves, const Py_ssize_t *some, Py_ssize_t first, Py_ssize_t last, const double *center,
    double *out, double *point, Py_ssize_t room,
) except -2 nogil:
    """Write derivatives without the GIL, point by point of a batch; return the first coordinate f changed, or -1."""
    cdef const double *origin = <const double *>e.before
    cdef Py_ssize_t n = e.point_size, at = first // n if n and some is NULL else 0, start = at * n, end, changed
    cdef Py_ssize_t begin = 0, ready = 0
    cdef const double *steps = <const double *>moves.steps
    cdef double *own = point + n
    while first < last:
        end = last if some is not NULL else min(last, start + n)
        if room and start >= ready:
            begin, ready = start, min(start + room, e.n)
            if moves.rule.write(c"d", origin + begin, ready - begin, moves.sign, own) != -1:
                e.has_gaps = True
            steps = own
        memcpy(point, origin + start, n * sizeof(double))
        set_steps(loop, steps + (start - begin), 0)
        if gradient_along(
            loop, point, n, some, first - start, end - start, 0 if center is NULL else center[at], out + start
        ):
            return -1 if loop.watch.changed < 0 else start + loop.watch.changed
        changed = first_difference(point, origin, start, n)
        if changed >= 0:
            return changed
        first, start, at = end, start + n, at + 1
    return -1


cdef Py_ssize_t run_rows(
    Native e, Moves moves, Groups groups, Py_ssize_t first, Py_ssize_t last, double *out, double *point, Watch *watch
) except -2 nogil:
    """Write f's values at some rows of moves, without the GIL; return the first coordinate that f changed, or -1.

    The values of row 0 are at out, whichever row is the first.
    """
    cdef Py_ssize_t n = e.point_size, width = e.width, size = moves.stencil.size, start = -n, changed = -1
    cdef Py_ssize_t row, i, j, g = first // size, k = first % size
    cdef const double *origin = <const double *>e.before
    cdef const double *steps = <const double *>moves.steps
    cdef const double *node = moves.stencil.node
    cdef Function f = e.f.function
    cdef bint is_number = e.is_number
    cdef Span span
    if last <= first:
        return -1
    span = groups.span(g)
    for row in range(first, last):
        i = groups.member(span, 0)
        if n and not start <= i < start + n:  # another point of a batch
            changed = first_difference(point, origin, start, n)
            if changed >= 0:
                return changed
            start = i - i % n
            memcpy(point, origin + start, n * sizeof(double))
        for j in range(span.count):
            i = groups.member(span, j)
            if not is_at(point[i - start], origin[i]):
                return i
            point[i - start] = origin[i] + node[k] * steps[i]
        evaluate(&f, is_number, n, point, width, out + row * width)
        for j in range(span.count):
            i = groups.member(span, j)
            if not is_at(point[i - start], origin[i] + node[k] * steps[i]):
                return i
            point[i - start] = origin[i]
        k += 1
        if k == size:
            if g + 1 < groups.count:
                k, g = 0, g + 1
                span = groups.span(g)
        if look(watch):
            return -1
    return first_difference(point, origin, start, n)


cdef Py_ssize_t run_points(Native e, Py_ssize_t points, double *out, double *point, Watch *watch) except -2 nogil:
    """Write f's values at points where nothing is moved; return the first coordinate that f changed, or -1."""
    cdef Py_ssize_t n = e.point_size, i, changed
    cdef const double *origin = <const double *>e.before
    cdef Function f = e.f.function
    for i in range(points):
        memcpy(point, origin + i * n, n * sizeof(double))
        evaluate(&f, e.is_number, n, point, e.width, out + i * e.width)
        changed = first_difference(point, origin, i * n, n)
        if changed >= 0:
            return changed
        look(watch)
    return -1


cdef class Work:
    """What threads do a piece of each: rows of moves; or groups, if their derivatives are wanted."""

    cdef Native e
    cdef Moves moves
    cdef const double *center
    cdef double *out
    cdef bint derives
    cdef unsigned char[::1] stop

    def __call__(self, Py_ssize_t first, Py_ssize_t last):
        do_some(self.e, self.moves, first, last, self.center, self.out, self.derives, &self.stop[0])


cdef inline void evaluate(
    const Function *f, bint is_number, Py_ssize_t n, double *point, Py_ssize_t width, double *out
) noexcept nogil:
    """Write f's value at a point: a number, or an array in which what f leaves out is NaN."""
    cdef Py_ssize_t j
    if is_number:
        out[0] = call(f, n, point)
        return
    for j in range(width):
        out[j] = NAN
    call_array(f, n, point, width, out)
