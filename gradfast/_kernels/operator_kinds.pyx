"""What each operator differs in: what is moved together, how sums become derivatives, the shape of the result.

And ``gradient(f, x)`` in place of ``Gradient(f)(x)``: an operator that is made for one call, and kept for the next.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport fabs, isfinite, sqrt
from libc.string cimport memcpy, memset

from gradfast._kernels.combine cimport (
    ALONG, BY_GROUP, BY_MEMBER, UNDIVIDED, Division, combine, is_finite, second_derivatives,
)
from gradfast._kernels.evaluator cimport Block, Evaluator, array_of, free_block, is_vector, reserve, start_block
from gradfast._kernels.evaluator_of_copies cimport AtNumber, Elements
from gradfast._kernels.memory cimport data_of, new_array
from gradfast._kernels.moves cimport Groups, Moves, Span
from gradfast._kernels.native_function cimport is_python
from gradfast._kernels.native_evaluator cimport Native
from gradfast._kernels.returned_value cimport new_float64
from gradfast._kernels.operator_run cimport Operator, each_of
from gradfast._kernels.steps_and_bounds cimport SMALLEST_SCALE, Plan

import numpy as np
from numpy import float64, ndarray

from gradfast._kernels.evaluator import CoarserError
from gradfast._kernels.returned_value import ArrayValueError, ComplexValueError

cdef extern from *:
    """
    #define new(kind, args, keywords) ((PyTypeObject *)(kind))->tp_new((PyTypeObject *)(kind), args, keywords)
    """
    object new(object kind, tuple args, void *keywords)  # an object of a class, not yet initialized

# Defaults of arguments, as one object each.
cdef object ZERO = 0, RAISE = "raise"

# Groups know no x: those of few coordinates are made once.
cdef object TOGETHER_ONE = Groups.together(1)
cdef list PAIRS = [Groups.pairs(n) for n in range(32)]


cdef class GradientOperator(Operator):
    """The derivatives of a number along each coordinate; of a batch, of a number a point."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, True

    cdef Groups groups(self, Evaluator e):
        # Where f takes all points of a batch at once, a component of all of them is moved together.
        return each_of(e.n) if e.single else Groups.strided(e.n, e.point_size)

    cdef Division division(self, Evaluator e) noexcept:
        return BY_GROUP if e.single else BY_MEMBER

    # The loops of compiled f need no block of values, nor of steps: to write and read these takes as long as a short f.

    cdef Moves plain_moves(self, Evaluator e, Plan plan, v):
        cdef bint looks_at_steps = self.full_output or self.box is not None or plan.rule.absolute != 0
        if type(e) is Native and not looks_at_steps and (<Native>e).derives(self.groups(e)):
            return Moves.by_rule(self.groups(e), plan.rule, plan.sign, plan.stencil)
        return Operator.plain_moves(self, e, plan, v)

    cdef results_of(self, Evaluator e, tuple parts, const Block *center, given):
        if type(e) is not Native or len(parts) != 1 or not (<Native>e).derives((<Moves>parts[0]).groups):
            return Operator.results_of(self, e, parts, center, given)
        result = new_array(e.n, -1, False)
        if (<Moves>parts[0]).groups.list is not NULL:  # bounds leave some coordinates no room
            memset(data_of(result), 0, e.n * sizeof(double))
        (<Native>e).derive(parts[0], NULL if center is NULL else <const double *>center.at, <double *>data_of(result))
        e.has_gaps |= not is_finite(result, sizeof(double))
        return result


cdef class ValueAndGradientOperator(GradientOperator):
    """f's value and the gradient."""

    def __cinit__(self, *_, **__):
        self.wants_value = True


cdef class JacobianOperator(Operator):
    """The derivatives of an array along each coordinate."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, False

    cdef new_result(self, Evaluator e, tuple parts):
        # A row for each value, stored by columns: each coordinate's derivatives are written side by side.
        return new_array(e.width, e.n, e.kind == c"g")

    cdef finish(self, Evaluator e, tuple parts, result):
        return result if is_vector(e) and e.kind != c"f" and e.shape is None else self._shaped(e, result)


cdef class HessianOperator(Operator):
    """The second derivatives of a number along each pair of coordinates; of a gradient, its Jacobian."""

    cdef public object of_gradient  # the operator that is called if there is a gradient, else None
    cdef public bint diagonal       # whether coordinates are moved alone, and their second derivatives wanted alone

    def __cinit__(self, *_, **__):
        self.n, self.single = 2, True

    def __call__(self, x, *args, f0=None, **keywords):
        if keywords:
            return self._with(keywords)(x, *args, f0=f0)
        in_order = x, *args
        if self.argnum:
            x, args = self._sorted(x, args)
        if self.axis is not None:
            return self._at_each_point(x, args, f0)
        if self.of_gradient is not None and f0 is not None:
            raise ValueError(f"f0 must not be given with gradient or method 'complex'; got {f0!r}")
        try:
            return self.run(x, args, None, f0, False) if self.of_gradient is None else self.of_gradient(*in_order)
        except ArrayValueError as error:
            if self.gradient is not None:
                raise
            return self._for_each_value(error, x, args, f0)

    cdef Groups groups(self, Evaluator e):
        if self.diagonal:
            return Operator.groups(self, e)
        return <Groups>PAIRS[e.n] if e.n < 32 else Groups.pairs(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return BY_GROUP if self.diagonal else UNDIVIDED

    cdef new_result(self, Evaluator e, tuple parts):
        if self.diagonal:
            return Operator.new_result(self, e, parts)
        count = (<Moves>parts[0]).groups.count if parts else 0
        return new_array(count, -1, e.kind == c"g")

    cdef finish(self, Evaluator e, tuple parts, result):
        cdef Moves moves
        if self.diagonal:
            return Operator.finish(self, e, parts, result)
        matrix = new_array(e.n, e.n, e.kind == c"g")  # symmetric, so that either order is one
        if not parts or (<Moves>parts[0]).groups.list is not NULL:  # bounds leave some coordinates no room
            matrix[...] = 0
        if parts:
            moves = parts[0]
            second_derivatives(data_of(result), moves)
            write_symmetric(moves.groups, data_of(result), e.value_size, data_of(matrix))
        return matrix if is_vector(e) and e.kind != c"f" else self._shaped(e, matrix)


cdef void write_symmetric(Groups groups, const char *found, Py_ssize_t size, char *to) noexcept:  # OUT: to
    """Write what was found for each pair of coordinates to its two places."""
    cdef Py_ssize_t g, i, j, n = groups.coordinates
    cdef Span span
    for g in range(groups.count):
        span = groups.span(g)
        i, j = groups.member(span, 0), groups.member(span, span.count - 1)
        memcpy(to + (i * n + j) * size, found + g * size, size)
        memcpy(to + (j * n + i) * size, found + g * size, size)


cdef class DerivativeOperator(Operator):
    """The n-th derivative of f of one number, at each element of x."""

    cdef public object of_slope     # the operator that is called for higher derivatives by the complex step, else None

    def __cinit__(self, *_, **__):
        self.single = False

    def __call__(self, x, *args, **keywords):
        if keywords:
            return self._with(keywords)(x, *args)
        if self.of_slope is not None:
            return self.of_slope(x, *args)
        if self.argnum:
            x, args = self._sorted(x, args)
        return self.run(x, args, None, None, False)

    cdef run(self, x, tuple args, v, f0, bint wants_value):
        cdef bint is_plain = self.is_plain and self.plans is not None and not (self.is_native or self.full_output)
        if type(x) is float and is_plain and self.box is None and not self.is_arranged and isfinite(<double>x):
            return self.at_number(x, args)
        try:
            return Operator.run(self, x, args, v, f0, wants_value)
        except (TypeError, ValueError) as error:
            self._advise(error, x)
            raise

    cdef at_number(self, double x, tuple args):
        """Do what `Operator.run` does, at a Python float: without arrays, which would take longer than a cheap f."""
        cdef AtNumber e = AtNumber.__new__(AtNumber)
        e.prepare_number(self.objective, x, args)
        cdef Plan plan = self.plan_for(e)
        if plan.rule is None:
            return Operator.run(self, x, args, None, None, False)
        try:
            return self.by_plan(e, x, plan)
        except CoarserError as coarser:
            e.precision = coarser.args[0]
        except ComplexValueError as error:
            return self._by_real_and_imaginary(error, e, x, args, None, None, False)
        except Exception as error:
            e.tell(e.asked, error)
            raise
        return self.by_plan(e, x, self.plan_for(e))

    cdef by_plan(self, AtNumber e, double x, Plan plan):
        cdef Moves moves
        cdef Block block, center
        cdef double step, derivative = 0
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
                combine(block.at, 1, center.at, 1, moves, 0, moves.last, BY_GROUP, 0, <char *>&derivative)
                if not isfinite(derivative):  # the slower way looks to the other side
                    return Operator.run(self, x, e.args, None, None, False)
                return new_float64(float64, derivative)
            result = new_array(e.width, -1, False)  # of a point of a curve
            combine(block.at, e.width, center.at, 1, moves, 0, moves.last, BY_GROUP, 0, data_of(result))
            e.has_gaps = not is_finite(result, sizeof(double))
            return Operator.run(self, x, e.args, None, None, False) if e.has_gaps else self._shaped(e, result)
        finally:
            free_block(&block)
            free_block(&center)

    cdef Evaluator open_plain(self, x, tuple args):
        cdef Elements elements
        f = self.objective
        if self.plans is None or not self.is_plain or self.is_native:
            return None
        if type(x) is not ndarray:
            return None
        if self.is_arranged:
            f, args = self._arranged(args)
        elements = Elements.__new__(Elements)
        return elements if elements.prepare(f, x, args, False, None, None) else None

    cdef Groups groups(self, Evaluator e):
        return <Groups>TOGETHER_ONE if e.n == 1 else Groups.together(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return BY_MEMBER if e.base.ndim else BY_GROUP  # at a number f may return a point of a curve


cdef class DirectionalOperator(Operator):
    """The derivative along a direction v."""

    def __cinit__(self, *_, **__):
        self.n, self.single = 1, False

    def __call__(self, x, v, *args, f0=None, **keywords):
        if keywords:
            return self._with(keywords)(x, v, *args, f0=f0)
        if (v.ndim > x.ndim) if type(v) is ndarray and type(x) is ndarray else self._are_many(x, v):
            return self._along_each(x, v, args, f0)
        return self.run(x, args, v, f0, False)

    cdef Groups groups(self, Evaluator e):
        return Groups.together(e.n)

    cdef Division division(self, Evaluator e) noexcept:
        return ALONG

    cdef finish(self, Evaluator e, tuple parts, result):
        return self._shaped(e, result)

    cdef tuple with_center(self, Evaluator e, v, tuple parts, Block *center):
        """Write f's value at x, which is kept from one product to the next."""
        cdef char made_for = e.coarsest
        known = self._known_value(e)
        if known is None:
            parts = Operator.with_center(self, e, v, parts, center)
            self._keep_value(e, array_of(center.at, e.value_shape(), e.value_size))
            return parts
        e.know(known.shape)
        reserve(center, known.size * e.value_size)
        e.copy_values(known, center.at)
        return parts if e.coarsest == made_for else self.parts_of(e, v)

    cdef Moves plain_moves(self, Evaluator e, Plan plan, v):
        """Return moves along a direction of doubles; None leaves others, and bounds, to the slower way."""
        cdef const double *along
        cdef bytes steps
        cdef double size = 0, length = 0, t
        cdef Py_ssize_t i
        cdef Moves moves
        if self.box is not None or e.kind != c"d" or plan.rule.absolute != 0:
            return None
        if type(v) is not ndarray or v.dtype.char != "d" or not v.dtype.isnative or v.shape != e.base.shape:
            return None
        v = np.ascontiguousarray(v)
        along = <const double *>data_of(v)
        size_along(<const double *>e.before, along, e.n, &size, &length)
        if not isfinite(length) or length == 0:
            return None
        plan.rule.write(c"d", &size, 1, plan.sign, &t)
        t /= length
        steps = PyBytes_FromStringAndSize(NULL, e.n * sizeof(double))
        for i in range(e.n):
            (<double *>PyBytes_AS_STRING(steps))[i] = t * along[i]
            e.has_gaps |= not isfinite((<const double *>e.before)[i])
        moves = Moves.of(self.groups(e), steps, False, plan.stencil)
        moves.along, moves.along_step = t, t
        return moves


cdef void size_along(
    const double *x, const double *v, Py_ssize_t n, double *size, double *length,  # OUT: size, length
) noexcept nogil:
    """Write v's length, and the size L such that a step of r L along v moves coordinates by r times their scales.

    Its twin is `gradfast.calls.operator_moves.size_along`, for other dtypes. Sums of squares are of numbers divided by
    the largest, so that none overflows or vanishes.
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
    return fabs(x) if fabs(x) > SMALLEST_SCALE else SMALLEST_SCALE


# --- an operator for one call -----------------------------------------------------------------------------------------

@cython.final
cdef class Spare:
    """Keeps an operator of a kind from one call to the next, for Python callables and the usual options.

    To make an operator takes about as long as to differentiate a short f with it. Here f is all that changes.
    """

    def __init__(self, kind):
        self.kind = kind


cpdef once(
    Spare spare, f, x, args, f0, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error,
    full_output, int n=0,
):
    """Return ``kind(f, **options)(x, *args)``: an operator that is made for one call, or was for an earlier one."""
    cdef Operator made = None
    # Equal objects that are others, as 0.0 for the default 0, only take longer.
    cdef bint is_usual = (
        n <= 1 and axis is None and bounds is None and kwargs is None and argnum is ZERO and has_aux is False
        and vectorized is False and workers is None and progress is False and on_error is RAISE and full_output is False
        and is_python(f)
    )
    if is_usual:
        with cython.critical_section(spare):  # nobody else uses it then: a call within f needs another
            made, spare.operator = spare.operator, None
    if made is not None and made.name is method:
        made.f = made.objective = f
    else:
        made = <Operator>new(spare.kind, (), NULL)
        if n:
            made.n = n
        made.prepare(
            f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        )
        made.name = method
    found = made.run(x, args if type(args) is tuple else (args,), None, f0, made.wants_value)
    if is_usual and made.plans is not None:
        made.f = made.objective = None
        with cython.critical_section(spare):
            spare.operator = made
    return found
