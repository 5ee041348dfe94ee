"""f is compiled code: called without the GIL, with a copy of the point that is each thread's own."""

cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.limits cimport INT_MAX
from libc.math cimport NAN
from libc.string cimport memcpy

from gradfast._kernels.evaluator cimport Block, Evaluator, reserve
from gradfast._kernels.moves cimport Groups, Moves, Span
from gradfast._kernels.native_function cimport Function, NativeFunction, call, call_array
from gradfast._kernels.native_loop cimport Watch, look, seconds, start_watch

import numpy as np

from gradfast._kernels.native_function import require_kind

# Threads pay when what is left to do takes longer than starting them.
cdef double SECONDS_WORTH_A_THREAD = 1e-3

# An operator asks for this many bytes of values at once, so that threads are seldom waited for.
cdef Py_ssize_t BLOCK_BYTES = 1 << 24


@cython.no_gc
cdef class Native(Evaluator):
    """Compiled f of a point: a number, or an array of as many values as f says or as `outputs`."""

    def __init__(
        self, NativeFunction f not None, x, bint single=False, axis=None, Py_ssize_t threads=1, Py_ssize_t outputs=-1,
        bint takes_both=False,
    ):
        if not self.prepare(f, x, single, axis, threads, outputs, takes_both):
            raise TypeError(f"x must be a writable array of float32, float64 or longdouble; got {x!r}")

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
        if self.point > INT_MAX:
            raise ValueError(f"x must have at most {INT_MAX} components for compiled code; got {self.point}")
        self.f, self.threads = f, threads
        if self.is_number:
            self.is_known, self.shape = True, ()
        else:
            self.is_known, self.width = True, outputs if f.outputs < 0 <= outputs else f.required_outputs()
        return True

    cpdef Py_ssize_t rows_at_once(self) except -1:
        if self.threads == 1:
            return Evaluator.rows_at_once(self)
        return max(1, BLOCK_BYTES // max(1, self.width * self.value_size))

    cdef int fill(self, Moves moves, Py_ssize_t first, Py_ssize_t last, Block *block) except -1:
        cdef Py_ssize_t row = self.width * sizeof(double), some = last - first
        cdef double begin = seconds(), left
        reserve(block, some * row)
        if some <= 0:
            return 0
        if self.threads > 1:
            some = max(1, some // 64)
        self.run(moves, first, first + some, <double *>block.at, NULL)
        self.counted += last - first
        if first + some == last:
            return 0
        left = (seconds() - begin) * (last - first - some) / some
        first, out = first + some, <double *>(block.at + some * row)
        if left < SECONDS_WORTH_A_THREAD:
            return self.run(moves, first, last, out, NULL)
        return self.on_threads(moves, first, last, out)

    cdef int run(self, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out, const unsigned char *stop) except -1:
        """Write f's values of rows first to last - 1, in a copy of the point that is this thread's own."""
        cdef Groups groups = moves.groups
        cdef Py_ssize_t n = self.point, width = self.width, size = moves.stencil.size, row, k, i, start = -1
        cdef const double *origin = <const double *>self.before
        cdef const double *steps = <const double *>moves.steps
        cdef const double *node = moves.stencil.node
        cdef Function f = self.f.function
        cdef double *point = <double *>PyMem_RawMalloc(max(1, n) * sizeof(double))
        cdef bint is_number = self.is_number
        cdef Watch watch
        cdef Span span
        if point is NULL:
            raise MemoryError
        start_watch(&watch, stop)
        try:
            with nogil:
                for row in range(first, last):
                    span = groups.span(row // size)
                    i = groups.member(span, 0)
                    if n and i - i % n != start:  # another point of a batch
                        start = i - i % n
                        memcpy(point, origin + start, n * sizeof(double))
                    for k in range(span.count):
                        i = groups.member(span, k)
                        point[i - start] = origin[i] + node[row % size] * steps[i]
                    if is_number:
                        out[row - first] = call(&f, n, point)
                    else:
                        call_array(&f, n, point, width, nan_filled(out + (row - first) * width, width))
                    for k in range(span.count):
                        i = groups.member(span, k)
                        point[i - start] = origin[i]
                    if look(&watch):
                        break
        finally:
            PyMem_RawFree(point)
        return 0

    cdef int on_threads(self, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out) except -1:
        """Do the same in pieces, on as many threads as there are to be."""
        from concurrent.futures import ThreadPoolExecutor

        cdef Py_ssize_t pieces = min(8 * self.threads, last - first), i, begin, end
        # No bytearray: without the GIL, CPython 3.13 loses count of the threads that read one.
        stop = np.zeros(1, np.uint8)
        with ThreadPoolExecutor(self.threads) as pool:
            futures = []
            for i in range(pieces):
                begin, end = first + (last - first) * i // pieces, first + (last - first) * (i + 1) // pieces
                futures.append(pool.submit(Piece.of(self, moves, begin, end, out + (begin - first) * self.width, stop)))
            try:
                for future in futures:
                    future.result()
            except BaseException:  # Ctrl-C above all: the loops look at this byte
                stop[0] = 1
                for future in futures:
                    future.cancel()
                raise
        return 0

    cdef int center(self, Block *block) except -1:
        """Write f's value at x; of a batch, at each point."""
        cdef Py_ssize_t i, points = 1 if self.axis is None else self.base.size // self.point if self.point else 0
        values = [np.asarray(self.f(point)) for point in self.steps_from.reshape(points, self.point)]
        self.counted += points
        reserve(block, points * self.width * sizeof(double))
        return self.copy_values(np.array(values, float), block.at)


cdef class Piece:
    """Some rows of moves, for a thread."""
    cdef Native native
    cdef Moves moves
    cdef Py_ssize_t first, last
    cdef double *out
    cdef const unsigned char[::1] stop

    @staticmethod
    cdef Piece of(Native native, Moves moves, Py_ssize_t first, Py_ssize_t last, double *out, stop):
        cdef Piece piece = Piece.__new__(Piece)
        piece.native, piece.moves, piece.first, piece.last = native, moves, first, last
        piece.out, piece.stop = out, stop
        return piece

    def __call__(self):
        self.native.run(self.moves, self.first, self.last, self.out, &self.stop[0])


cdef inline double *nan_filled(double *values, Py_ssize_t count) noexcept nogil:
    """Return room for f's values, filled with NaN: what f leaves out is no number."""
    cdef Py_ssize_t j
    for j in range(count):
        values[j] = NAN
    return values
