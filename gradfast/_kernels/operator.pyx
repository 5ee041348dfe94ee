"""Operators: f and how it is differentiated, looked at once; a call takes x and does the rest.

Design:
a. `run` is every operator's: open an evaluator at x, make moves, ask for f's values block by block, combine them, see
   that x is as it was. What operators differ in are a few short methods: groups, division, plain_moves, new_result, finish.
b. This part knows the plain case: one point, a difference method, a rule of steps, bounds far away. What is out of the
   ordinary (copies of x, bounds nearby, the complex step, adaptive steps, workers) it asks of the methods whose names
   begin with ``_``, which `gradfast.operators` defines in Python.
"""

cimport cython
from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.function cimport PyFunction_Check
from libc.math cimport fabs, isfinite, sqrt
from libc.string cimport memcpy, memset

from gradfast._kernels.combine cimport ALONG, BY_GROUP, BY_MEMBER, UNDIVIDED, Division, combine, second_derivatives
from gradfast._kernels.evaluator cimport Block, Evaluator, array_of, free_block, reserve, start_block
from gradfast._kernels.many_points cimport AtNumber, Elements
from gradfast._kernels.moves cimport Groups, Moves, Span
from gradfast._kernels.native cimport Native
from gradfast._kernels.one_point cimport OnePoint
from gradfast._kernels.plan cimport Plan

import numpy as np
from numpy import empty, float64, ndarray, ufunc

cdef extern from "Python.h":
    bint PyCFunction_CheckExact(object f)

cdef extern from *:
    """
    #define new(kind, args, keywords) ((PyTypeObject *)(kind))->tp_new((PyTypeObject *)(kind), args, keywords)
    """
    object new(object kind, tuple args, void *keywords)  # an object of a class, not yet initialized


# The methods by name: filled by `gradfast.methods`.
NAMED = {}

# Groups know no x: those of few coordinates are made once.
cdef list EACH = [Groups.each(n) for n in range(64)]
cdef object TOGETHER_ONE = Groups.together(1)
cdef list PAIRS = [Groups.pairs(n) for n in range(32)]


@cython.auto_pickle(False)
cdef class Operator:
    """What all prepared operators share: see `gradfast.operators.PreparedOperator`."""

    def _prepare(self, f, method, bounds, vectorized, workers, progress, full_output, axis=None):
        """Look at f and the options, once for all calls."""
        self.prepare(f, method, bounds, vectorized, workers, progress, full_output, axis)

    cdef prepare(self, f, method, bounds, vectorized, workers, progress, full_output, axis):
        self.f, self.bounds, self.axis, self.workers, self.progress = f, bounds, axis, workers, progress
        self.full_output = full_output
        self.is_plain = axis is None and workers is None and progress is False and not vectorized
        if self.is_plain and is_python(f):
            found = NAMED.get(method) if type(method) is str else method
            plans = getattr(found, "plans", None)
            if type(plans) is list:
                self.objective, self.method, self.plans = f, found, plans
                if bounds is not None:
                    self._take_bounds()
                return
        self._look_at(method, vectorized)

    def _take_order(self, int n):
        """Take the order of the derivative, before f and the method are looked at."""
        self.n = n

    def _show(self, f, bounds):
        """Take what to show, compare and pickle: f as the caller gave it, bounds in which arrays are copies."""
        self.f, self.bounds = f, bounds

    def _set_up(self, objective, bint is_native, method, list plans, bint vectorized):
        """Take what `_look_at` found. The plans are those of a difference method, else None."""
        self.objective, self.is_native, self.method, self.plans = objective, is_native, method, plans
        self.vectorized = vectorized

    def __reduce__(self):
        return self._how_to_make_again()

    cdef Evaluator open_plain(self, x, tuple args):
        """Return f at x if that takes nothing out of the ordinary, else None."""
        cdef OnePoint one
        cdef Native native
        if type(x) is not ndarray or self.plans is None or not self.is_plain:
            return None
        if self.is_native:
            if args or (not self.single and self.objective.kind == "array" and self.objective.outputs < 0):
                return None
            native = Native.__new__(Native)
            return native if native.prepare(self.objective, x, self.single, None, 1, -1, self.takes_both) else None
        one = OnePoint.__new__(OnePoint)
        return one if one.prepare(self.objective, x, args, self.single, None, None) else None

    cdef run(self, x, tuple args, v, f0, bint wants_value):
        cdef Evaluator e = self.open_plain(x, args)
        if e is None:
            e = self._open(x, args, f0)
        try:
            return self.differentiate(e, v, f0, wants_value)
        except BaseException:
            e.put_back()
            raise

    cdef differentiate(self, Evaluator e, v, f0, bint wants_value):
        cdef Block center
        cdef bint has_center = False
        cdef tuple parts = self.parts_of(e, v)
        if parts is None:
            return self._adaptive(e, v, f0, wants_value)
        if self.is_sparse:
            return self._sparse(e, parts, f0)
        if self.progress is not False:
            e.expect(sum([len(moves) for moves in parts]) * e.points)
        given = None if f0 is None else self._given(e, f0)
        start_block(&center)
        try:
            if given is not None:
                reserve(&center, given.size * e.value_size)
                e.copy_values(given, center.at)
                has_center = True
            elif wants_value or self.needs_center(e, parts):
                e.center(&center)
                has_center = True
            result = self.finish(e, parts, self.combined(e, parts, &center if has_center else NULL, given))
            if self.plans is None:
                self._check(e, v, parts, result)
            if wants_value:
                result = value_of(e, &center), result
        finally:
            free_block(&center)
        e.close()
        return (result, self._info(e, v, parts)) if self.full_output else result

    cdef tuple parts_of(self, Evaluator e, v):
        """Return moves for each stencil that is in use; None with a method that finds its own steps."""
        cdef Plan plan
        cdef Moves moves
        if self.plans is not None:
            plan = self.plans[index_of(self.n, e.kind)]
            if plan is None:
                plan = self.method.plan(self.n, chr(e.kind))
            if plan.rule is not None:
                moves = self.plain_moves(e, plan, v)
                if moves is not None:
                    return (moves,)
        parts = self._moves(e, v)
        # Steps may have been given as long doubles.
        return None if parts is None else tuple([moves.in_precision(e.kind == c"g") for moves in parts])

    cdef bint needs_center(self, Evaluator e, tuple parts) except -1:
        """Return whether f's value at x is needed: by a stencil, or where nothing moves to tell what shape it has."""
        cdef Moves moves
        cdef Py_ssize_t rows = 0
        for moves in parts:
            if moves.stencil.center != 0:
                return True
            rows += moves.last - moves.first
        return rows == 0 and not e.is_known

    cdef combined(self, Evaluator e, tuple parts, const Block *center, given):
        """Return the results of all groups, combined block by block."""
        cdef Block block
        cdef Moves moves
        cdef Py_buffer view
        cdef Py_ssize_t row, end
        cdef const char *at_x = NULL if center is NULL else center.at
        cdef Division division = self.division(e)
        if division == BY_MEMBER and (len(parts) != 1 or (<Moves>parts[0]).groups.list is not NULL):
            return self._by_members(e, parts, None if center is NULL else array_of(at_x, (e.width,), e.value_size))
        result = None
        start_block(&block)
        try:
            for moves in parts:
                row = moves.first
                while row < moves.last:
                    end = min(moves.last, row + e.rows_at_once())
                    e.fill(moves, row, end, &block)
                    if result is None:
                        if given is not None:
                            self._require_shape_of(e, given)
                        result = self.new_result(e, parts)
                        PyObject_GetBuffer(result, &view, PyBUF_ANY_CONTIGUOUS)
                        if moves.groups.list is not NULL:  # bounds leave some coordinates no room
                            memset(view.buf, 0, view.len)
                    combine(block.at, e.width, at_x, e.point, moves, row, end, division, <char *>view.buf)
                    row = end
        finally:
            free_block(&block)
            if result is not None:
                PyBuffer_Release(&view)
        if result is None:  # nothing moves
            if given is not None and not e.is_known:
                e.know(given.shape)
            result = self.new_result(e, parts)
            result[...] = 0
        return result

    cdef Groups groups(self, Evaluator e):
        return each_of(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return BY_GROUP

    def _groups(self, Evaluator e not None):
        """Return which coordinates are moved together where bounds leave all of them room."""
        return self.groups(e)

    cdef Moves plain_moves(self, Evaluator e, Plan plan, v):
        cdef Py_ssize_t size = e.n * e.value_size, swallowed
        cdef bytes steps = PyBytes_FromStringAndSize(NULL, size)
        cdef void *step = <void *>PyBytes_AS_STRING(steps)
        swallowed = plan.rule.write(e.kind, e.before, e.n, plan.sign, step)
        if self.box is not None:
            if self.box.count != -1 and e.base.ndim != 1:  # how arrays broadcast to other shapes, NumPy knows
                return None
            if not self.box.is_far(e.kind, e.before, e.n, step, plan.stencil):
                return None
        if swallowed >= 0:
            self._warn_of_swallowed(e, plan.rule.absolute, swallowed)
        return Moves.of(self.groups(e), steps, e.kind == c"g", plan.stencil)

    cdef new_result(self, Evaluator e, tuple parts):
        return empty(e.n) if e.kind != c"g" else empty(e.n, "g")

    cdef finish(self, Evaluator e, tuple parts, result):
        """Give the results the shape and dtype that the caller expects."""
        if e.dtype is None and e.kind != c"f" and e.base.ndim == 1 and e.axis is None:
            return result
        if e.dtype is None and e.kind == c"f" and e.base.ndim == 1 and e.axis is None:
            return as_floats(result)
        return self._shaped(e, result)


cdef as_floats(doubles):
    """Return doubles as floats, inf where they are larger; NumPy would warn, and take longer."""
    cdef Py_buffer from_view, to_view
    cdef Py_ssize_t i
    floats = empty(len(doubles), "f")
    PyObject_GetBuffer(doubles, &from_view, PyBUF_ANY_CONTIGUOUS)
    PyObject_GetBuffer(floats, &to_view, PyBUF_ANY_CONTIGUOUS)
    for i in range(to_view.len // <Py_ssize_t>sizeof(float)):
        (<float *>to_view.buf)[i] = <float>(<double *>from_view.buf)[i]
    PyBuffer_Release(&from_view)
    PyBuffer_Release(&to_view)
    return floats


cdef inline bint is_python(f):
    """Return whether f is surely a Python callable, and no object that owns compiled code."""
    return PyFunction_Check(f) or PyCFunction_CheckExact(f) or type(f) is ufunc


cdef inline int index_of(int n, char kind) noexcept nogil:
    return 3 * n + (0 if kind == c"d" else 1 if kind == c"f" else 2)


cpdef int plan_index(int n, str char) except -1:
    """Return where a method keeps the plan of an order of derivative and a dtype.char."""
    return index_of(n, <char>ord(char))


cdef Groups each_of(Py_ssize_t n):
    return <Groups>EACH[n] if n < 64 else Groups.each(n)


cdef value_of(Evaluator e, const Block *center):
    """Return f's value as the caller gets it: a number as a float, or a long double; many of them as an array."""
    if e.single and e.axis is None:
        if e.value_size == sizeof(double):
            return (<double *>center.at)[0]
        return array_of(center.at, (), e.value_size)[()]
    return array_of(center.at, e.center_shape(), e.value_size)


@cython.auto_pickle(False)
cdef class GradientOperator(Operator):
    """The derivatives of a number along each coordinate; of a batch, of a number a point."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, True

    def __call__(self, x, *args, f0=None):
        return self.run(x, args, None, f0, self.wants_value)

    cdef Groups groups(self, Evaluator e):
        # Where f takes all points of a batch at once, a component of all of them is moved together.
        return each_of(e.n) if e.single else Groups.strided(e.n, e.point)

    cdef Division division(self, Evaluator e) noexcept:
        return BY_GROUP if e.single else BY_MEMBER


@cython.auto_pickle(False)
cdef class ValueAndGradientOperator(GradientOperator):
    """f's value and the gradient."""

    def __cinit__(self, *_, **__):
        self.wants_value = True


@cython.auto_pickle(False)
cdef class JacobianOperator(Operator):
    """The derivatives of an array along each coordinate."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, False

    def __call__(self, x, *args, f0=None):
        return self.run(x, args, None, f0, False)

    cdef new_result(self, Evaluator e, tuple parts):
        # A row for each value, stored by columns: each coordinate's derivatives are written side by side.
        return np.empty((e.width, e.n), "g" if e.kind == c"g" else "d", "F")

    cdef finish(self, Evaluator e, tuple parts, result):
        if e.dtype is None and e.kind == c"d" and e.base.ndim == 1 and e.shape is None:
            return result
        return self._shaped(e, result)


@cython.auto_pickle(False)
cdef class HessianOperator(Operator):
    """The second derivatives of a number along each pair of coordinates; of a gradient, its Jacobian."""

    cdef public object of_gradient  # the operator that is called if there is a gradient, else None

    def __cinit__(self, *_, **__):
        self.n, self.single = 2, True

    def __call__(self, x, *args, f0=None):
        if self.of_gradient is None:
            return self.run(x, args, None, f0, False)
        if f0 is not None:
            raise ValueError(f"f0 must not be given with gradient; got {f0!r}")
        return self.of_gradient(x, *args)

    cdef Groups groups(self, Evaluator e):
        return <Groups>PAIRS[e.n] if e.n < 32 else Groups.pairs(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return UNDIVIDED

    cdef new_result(self, Evaluator e, tuple parts):
        count = (<Moves>parts[0]).groups.count if parts else 0
        return empty(count) if e.kind != c"g" else empty(count, "g")

    cdef finish(self, Evaluator e, tuple parts, result):
        cdef Py_buffer sums
        cdef Moves moves
        matrix = empty((e.n, e.n)) if e.kind != c"g" else empty((e.n, e.n), "g")
        if not parts or (<Moves>parts[0]).groups.list is not NULL:  # bounds leave some coordinates no room
            matrix[...] = 0
        if parts:
            moves = parts[0]
            PyObject_GetBuffer(result, &sums, PyBUF_ANY_CONTIGUOUS)
            second_derivatives(<char *>sums.buf, moves)
            write_symmetric(moves.groups, <const char *>sums.buf, e.value_size, matrix)
            PyBuffer_Release(&sums)
        if e.dtype is None and e.kind == c"d" and e.base.ndim == 1:
            return matrix
        return self._shaped(e, matrix)


cdef int write_symmetric(Groups groups, const char *found, Py_ssize_t size, matrix) except -1:
    """Write what was found for each pair of coordinates to its two places."""
    cdef Py_buffer view
    cdef Py_ssize_t g, i, j, n = groups.coordinates
    cdef Span span
    PyObject_GetBuffer(matrix, &view, PyBUF_ANY_CONTIGUOUS)
    cdef char *to = <char *>view.buf
    for g in range(groups.count):
        span = groups.span(g)
        i, j = groups.member(span, 0), groups.member(span, span.count - 1)
        memcpy(to + (i * n + j) * size, found + g * size, size)
        memcpy(to + (j * n + i) * size, found + g * size, size)
    PyBuffer_Release(&view)
    return 0


@cython.auto_pickle(False)
cdef class DerivativeOperator(Operator):
    """The n-th derivative of f of one number, at each element of x."""

    def __cinit__(self, *_, **__):
        self.single = False

    def __call__(self, x, *args):
        return self.run(x, args, None, None, False)

    cdef run(self, x, tuple args, v, f0, bint wants_value):
        cdef bint is_plain = self.is_plain and self.plans is not None and not (self.is_native or self.full_output)
        if type(x) is float and is_plain and self.box is None:
            return self.at_number(x, args)
        return Operator.run(self, x, args, v, f0, wants_value)

    cdef at_number(self, double x, tuple args):
        """Return the derivative at a Python float: the same, without the arrays that would take longer than a cheap f."""
        cdef AtNumber e = AtNumber.__new__(AtNumber)
        cdef Plan plan = self.plans[index_of(self.n, c"d")] or self.method.plan(self.n, "d")
        cdef Moves moves
        cdef Block block, center
        cdef Py_buffer view
        cdef double step, derivative = 0
        if plan.rule is None:
            return Operator.run(self, x, args, None, None, False)
        e.prepare_number(self.objective, x, args)
        if plan.rule.write(c"d", &x, 1, plan.sign, &step) >= 0:
            e.x = np.array(x)
            self._warn_of_swallowed(e, plan.rule.absolute, 0)
        moves = Moves.of(each_of(1), PyBytes_FromStringAndSize(<char *>&step, sizeof(double)), False, plan.stencil)
        start_block(&block)
        start_block(&center)
        try:
            if plan.stencil.center != 0:
                e.center(&center)
            e.fill(moves, 0, moves.last, &block)
            if e.is_scalar:
                combine(block.at, 1, center.at, 1, moves, 0, moves.last, BY_GROUP, <char *>&derivative)
                return float64(derivative)
            result = empty(e.width)  # of a point of a curve
            PyObject_GetBuffer(result, &view, PyBUF_ANY_CONTIGUOUS)
            combine(block.at, e.width, center.at, 1, moves, 0, moves.last, BY_GROUP, <char *>view.buf)
            PyBuffer_Release(&view)
            return self._shaped(e, result)
        finally:
            free_block(&block)
            free_block(&center)

    cdef Evaluator open_plain(self, x, tuple args):
        cdef Elements elements
        if self.plans is None or not self.is_plain or self.is_native:
            return None
        if type(x) is not ndarray:
            return None
        elements = Elements.__new__(Elements)
        return elements if elements.prepare(self.objective, x, args, False, None, None) else None

    cdef Groups groups(self, Evaluator e):
        return <Groups>TOGETHER_ONE if e.n == 1 else Groups.together(e.n)

    cdef new_result(self, Evaluator e, tuple parts):
        return empty(e.width) if e.kind != c"g" else empty(e.width, "g")

    cdef Division division(self, Evaluator e) noexcept:
        return BY_MEMBER if e.base.ndim else BY_GROUP  # at a number f may return a point of a curve

    cdef finish(self, Evaluator e, tuple parts, result):
        if e.dtype is None and e.kind == c"d" and e.base.ndim == 1:
            return result
        return self._shaped(e, result)


@cython.auto_pickle(False)
cdef class DirectionalOperator(Operator):
    """The derivative along a direction v."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, False

    def __call__(self, x, v, *args):
        return self.run(x, args, v, None, False)

    cdef Groups groups(self, Evaluator e):
        return Groups.together(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return ALONG

    cdef new_result(self, Evaluator e, tuple parts):
        return empty(e.width) if e.kind != c"g" else empty(e.width, "g")

    cdef finish(self, Evaluator e, tuple parts, result):
        return self._shaped(e, result)

    cdef Moves plain_moves(self, Evaluator e, Plan plan, v):
        """Return moves along a direction of doubles; None leaves others, and bounds, to the slower way."""
        cdef Py_buffer view
        cdef bytes steps
        cdef double size = 0, length = 0, t
        cdef Py_ssize_t i
        cdef Moves moves
        if self.box is not None or e.kind != c"d" or plan.rule.absolute != 0:
            return None
        if type(v) is not ndarray or v.dtype.char != "d" or not v.dtype.isnative or v.shape != e.base.shape:
            return None
        v = np.ascontiguousarray(v)
        PyObject_GetBuffer(v, &view, PyBUF_ANY_CONTIGUOUS)
        try:
            size_along(<const double *>e.before, <const double *>view.buf, e.n, &size, &length)
            if not isfinite(length) or length == 0:
                return None
            plan.rule.write(c"d", &size, 1, plan.sign, &t)
            t /= length
            steps = PyBytes_FromStringAndSize(NULL, e.n * sizeof(double))
            for i in range(e.n):
                (<double *>PyBytes_AS_STRING(steps))[i] = t * (<const double *>view.buf)[i]
        finally:
            PyBuffer_Release(&view)
        moves = Moves.of(self.groups(e), steps, False, plan.stencil)
        moves.along, moves.along_step = t, t
        return moves


# A coordinate smaller than this is moved as if it were this large.
cdef double LEAST_SCALE = 0.1


cdef void size_along(const double *x, const double *v, Py_ssize_t n, double *size, double *length) noexcept nogil:  # OUT: size, length
    """Write v's length, and the size L such that a step of r L along v moves coordinates by r times their scales.

    See `gradfast.directional.size_along`, which serves other dtypes. Sums of squares are of numbers divided by the largest,
    so that none overflows or vanishes.
    """
    cdef Py_ssize_t i, moved = 0
    cdef double largest = 0, largest_part = 0, squares = 0, part_squares = 0, part
    for i in range(n):
        if v[i] != 0:
            moved += 1
            part = fabs(v[i]) / scale_of(x[i])
            largest, largest_part = max(largest, fabs(v[i])), max(largest_part, part)
    for i in range(n):
        if v[i] != 0:
            part = fabs(v[i]) / scale_of(x[i]) / largest_part
            squares += (v[i] / largest) * (v[i] / largest)
            part_squares += part * part
    length[0] = largest * sqrt(squares) if largest > 0 else 0
    size[0] = length[0] * sqrt(<double>moved) / (largest_part * sqrt(part_squares)) if largest > 0 else 0


cdef inline double scale_of(double x) noexcept nogil:
    return fabs(x) if fabs(x) > LEAST_SCALE else LEAST_SCALE


def once(kind, f, x, args, f0, method, bounds, vectorized, workers, progress, full_output, axis=None, int n=0):
    """Return ``kind(f, **options)(x, *args)``: an operator that is made for one call."""
    cdef Operator made = <Operator>new(kind, (), NULL)
    if n:
        made.n = n
    made.prepare(f, method, bounds, vectorized, workers, progress, full_output, axis)
    return made.run(x, args if type(args) is tuple else (args,), None, f0, made.wants_value)
