"""What all operators do: f and its method are looked at once; a call takes x, and does the rest.

Design:
a. `run` is every operator's: open an evaluator at x, make moves, ask for f's values block by block, combine them, see
   that x is as it was. Operators differ in a few short methods, which stand in operator_kinds.pyx: groups, division,
   plain_moves, new_result, finish.
b. This part knows the plain case: one point, a difference method, a rule of steps, bounds far away. What is out of the
   ordinary (copies of x, bounds nearby, the complex step, adaptive steps, workers) it asks of the methods whose names
   begin with ``_``, which are defined in Python: by `OperatorValue`, `OperatorMoves`, `PreparedOperator`, each in the
   module of its name in `gradfast.calls`, and by operators as `Gradient`.

In short, a gradient is this, in blocks of values::

    for each coordinate i:
        for each node k of the stencil:
            x[i] = before[i] + node[k] * step[i]        # OnePoint.fill: move
            values[k] = f(x)                            # call
        x[i] = before[i]                                # put back
        result[i] = sum of weight[k] * values[k] / (denominator * step[i] ** n)     # combine
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memset

from gradfast._kernels.combine cimport BY_GROUP, BY_MEMBER, Division, combine, is_finite, is_same, is_zero
from gradfast._kernels.evaluator cimport Block, Evaluator, array_of, free_block, is_vector, reserve, start_block
from gradfast._kernels.memory cimport data_of, is_among, new_array, size_of
from gradfast._kernels.moves cimport EACH, Groups, Moves
from gradfast._kernels.native_evaluator cimport Native
from gradfast._kernels.evaluator_in_place cimport OnePoint
from gradfast._kernels.native_function cimport is_python, names_nothing
from gradfast._kernels.steps_and_bounds cimport Plan, index_of

from numpy import array, empty, ndarray

from gradfast._kernels.evaluator import CoarserError
from gradfast._kernels.returned_value import ComplexValueError

# The methods by name: filled by `gradfast.steps.methods`.
NAMED = {}
cdef dict METHODS = NAMED

# Groups know no x: those of few coordinates are made once.
cdef list OF_FEW = [Groups.each(n) for n in range(64)]


cdef class Operator:
    """What all prepared operators share: see `gradfast.calls.prepared_operator.PreparedOperator`."""

    def _prepare(
        self, f, method, *, bounds, kwargs, argnum, has_aux, on_error, full_output, axis=None, vectorized=False,
        workers=None, progress=False,
    ):
        """Look at f and the options, once for all calls."""
        self.prepare(
            f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        )

    cdef prepare(
        self, f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
    ):
        self.f, self.bounds, self.axis, self.workers, self.progress = f, bounds, axis, workers, progress
        self.full_output = full_output
        self.is_plain = axis is None and workers is None and progress is False and not vectorized
        found = METHODS.get(method) if type(method) is str else method
        plans = getattr(found, "plans", None)
        if self.is_plain and type(plans) is list and is_python(f):
            self.objective, self.method, self.plans = f, found, plans
            if bounds is not None:
                self._take_bounds()
        else:
            self._look_at(method, vectorized)
        if argnum or kwargs is not None or has_aux:
            self._take_arguments(argnum, kwargs, has_aux)
        if on_error != "raise":
            self._take_on_error(on_error)

    def _take_order(self, int n):
        """Take the order of the derivative, before f and the method are looked at."""
        self.n = n

    def _adapt(self, int argnum, kwargs, bint has_aux):
        """Take how f is called: which argument x is, f's keyword arguments, whether f returns more than its value."""
        self.argnum, self.kwargs, self.has_aux = argnum, kwargs, has_aux
        self.is_arranged = argnum != 0 or kwargs is not None
        self.is_plain = self.is_plain and not has_aux

    def _show(self, f, bounds):
        """Take what to show, compare and pickle: f as the caller gave it, bounds in which arrays are copies."""
        self.f, self.bounds = f, bounds

    def _set_up(self, objective, bint is_native, method, list plans, bint vectorized):
        """Take what `_look_at` found. The plans are those of a difference method, else None."""
        self.objective, self.is_native, self.method, self.plans = objective, is_native, method, plans
        self.vectorized = vectorized

    def __call__(self, x, *args, f0=None, **keywords):
        if keywords:
            return self._with(keywords)(x, *args, f0=f0)
        if self.argnum:
            x, args = self._sorted(x, args)
        if self.axis is not None and not self.single:
            return self._at_each_point(x, args, f0)
        return self.run(x, args, None, f0, self.wants_value)

    def __reduce__(self):
        return self._how_to_make_again()

    def _open_plain(self, x, tuple args):
        return self.open_plain(x, args)

    cdef Evaluator open_plain(self, x, tuple args):
        """Return f at x if that takes nothing out of the ordinary, else None."""
        cdef OnePoint one
        cdef Native native
        f = self.objective
        if type(x) is not ndarray or self.plans is None or not self.is_plain:
            return None
        if self.is_arranged:
            f, args = self._arranged(args)
        if self.is_native:
            if args or (not self.single and self.objective.kind == "array" and self.objective.outputs < 0):
                return None
            native = Native.__new__(Native)
            return native if native.prepare(self.objective, x, self.single, None, 1, -1, self.takes_both) else None
        one = OnePoint.__new__(OnePoint)
        return one if one.prepare(f, x, args, self.single, None, None) else None

    cdef run(self, x, tuple args, v, f0, bint wants_value):
        if (args and is_among(x, args)) or (self.kwargs is not None and is_among(x, self.kwargs.values())):
            x = array(x, subok=True)  # else another argument of f would move along
        cdef Evaluator e = self.open_plain(x, args)
        if e is None:
            e = self._open(x, args, f0)
        while True:
            try:
                if self.has_aux or e.layout is not None:
                    return self.differentiate_more(e, v, f0, wants_value)
                return self.differentiate(e, v, f0, wants_value)
            except CoarserError as coarser:  # once: then steps are long enough for f's values
                e.put_back()
                e.precision = coarser.args[0]
            except ComplexValueError as error:
                e.put_back()
                return self._by_real_and_imaginary(error, e, x, args, v, f0, wants_value)
            except BaseException as error:
                e.put_back()
                if e.copied_from is not None:
                    self._explain(e, error)
                raise

    def _run(self, x, args, v, f0, wants_value):
        return self.run(x, args, v, f0, wants_value)

    cdef differentiate_more(self, Evaluator e, v, f0, bint wants_value):
        """Return the derivatives by the names of parameters; and what else f returned at x, beside the value as JAX."""
        aux = value = info = None
        if self.has_aux:
            f0 = e.value()
            aux = self._aux_of(e)
        found = self.differentiate(e, v, f0, wants_value)
        if self.full_output:
            found, info = found
        if wants_value:
            value, found = found
        if e.layout is not None and not self.is_sparse:
            found = self._named(e, found)
        if self.has_aux and not wants_value:
            found = found, aux
        if wants_value:
            found = ((value, aux) if self.has_aux else value), found
        return (found, self._named(e, info)) if self.full_output else found

    cdef differentiate(self, Evaluator e, v, f0, bint wants_value):
        cdef Block center
        cdef bint has_center = False
        cdef tuple parts = self.parts_of(e, v)
        if parts is None:
            return self._adaptive(e, v, f0, wants_value)
        if self.is_sparse:
            return self._sparse(e, parts, f0)
        if self.progress is not False:
            e.expect(sum([len(moves) for moves in parts]) * e.points_a_row)
        given = None if f0 is None else self._given(e, f0)
        value = None
        start_block(&center)
        try:
            if given is not None:
                reserve(&center, given.size * e.value_size)
                e.copy_values(given, center.at)
                has_center = True
            elif wants_value or self.needs_center(e, parts):
                parts = self.with_center(e, v, parts, &center)
                has_center = True
            result = self.results_of(e, parts, &center if has_center else NULL, given)
            everywhere = e.value_everywhere
            if e.has_gaps:
                at_x = array_of(center.at, e.center_shape(), e.value_size) if has_center else None
                parts = self._fill_gaps(e, v, parts, at_x, result)
            result = self.finish(e, parts, result)
            if self.plans is None:  # the complex step: adaptive methods have returned above
                self._check(e, v, parts, result)
            if has_center and (wants_value or self.full_output):
                value = value_of(e, &center)
            if wants_value:
                result = value, result
        finally:
            free_block(&center)
        e.close()
        if everywhere is not None and not self.is_native and not names_nothing(self.f):
            self._warn_if_unseen(e, parts, everywhere)
        return (result, self._info(e, v, parts, value)) if self.full_output else result

    cdef tuple with_center(self, Evaluator e, v, tuple parts, Block *center):
        """Write f's value at x; return the moves, anew if that value tells that steps must be longer."""
        cdef char made_for = e.coarsest
        cdef bint minds = e.minds_precision
        e.minds_precision = False
        if e.inner is not None:
            e.pass_on()
        e.center(center)
        e.minds_precision = minds
        if e.inner is not None:
            e.pass_on()
        return parts if e.coarsest == made_for or not minds else self.parts_of(e, v)

    cdef tuple parts_of(self, Evaluator e, v):
        """Return moves for each stencil that is in use; None with a method that finds its own steps."""
        cdef Plan plan
        cdef Moves moves
        if self.plans is not None:
            plan = self.plan_for(e)
            if plan.rule is not None:
                moves = self.plain_moves(e, plan, v)
                if moves is not None:
                    return (moves,)
                parts = self.moves_within(e, plan)
                if parts is not None:
                    return parts
        elif self.method.is_adaptive:
            return None
        # Steps may have been given as long doubles.
        return tuple([moves.in_precision(e.kind == c"g") for moves in self._moves(e, v)])

    cdef tuple moves_within(self, Evaluator e, Plan plan):
        """Return moves of doubles, each moved alone, within bounds nearby; None leaves others to the slower way."""
        cdef bytes steps
        cdef void *step
        cdef dict chosen
        if self.box is None or e.kind != c"d" or self.is_sparse or self.groups(e).kind != EACH:
            return None
        if self.box.count != -1 and e.memory.axes != 1:
            return None
        steps = PyBytes_FromStringAndSize(NULL, e.n * sizeof(double))
        step = <void *>PyBytes_AS_STRING(steps)
        if plan.rule.write(c"d", e.before, e.n, 1, step) != -1:
            return None
        chosen = self.box.choose(plan.candidates, <const double *>e.before, e.n, <double *>step)
        if chosen is None:
            return None
        return tuple([
            Moves.of(self.groups(e) if len(some) == e.n else Groups.each(e.n, some), steps, False, stencil)
            for stencil, some in chosen.items() if some
        ])

    cdef Plan plan_for(self, Evaluator e):
        """Return the plan for the coarser precision of x and of f's value, as far as one was seen."""
        plan = self.plans[index_of(self.n, e.coarsest)]
        if plan is None:
            plan = self.method.plan(self.n, chr(e.coarsest))
        e.minds_precision = (<Plan>plan).by_precision
        if e.inner is not None:
            e.pass_on()
        return <Plan>plan

    cdef bint needs_center(self, Evaluator e, tuple parts) except -1:
        """Return whether f's value at x is needed: by a stencil, or where nothing moves to tell what shape it has."""
        cdef Moves moves
        cdef Py_ssize_t rows = 0
        for moves in parts:
            if moves.stencil.center != 0:
                return True
            rows += moves.last - moves.first
        return rows == 0 and not e.is_known

    cdef results_of(self, Evaluator e, tuple parts, const Block *center, given):
        """Return the results of all groups, combined block by block."""
        cdef Block block
        cdef Moves moves
        cdef Py_ssize_t row, end, first = 0
        cdef const char *at_x = NULL if center is NULL else center.at
        cdef Division division = self.division(e)
        if division == BY_MEMBER and (len(parts) != 1 or (<Moves>parts[0]).groups.list is not NULL):
            return self._by_members(e, parts, None if center is NULL else array_of(at_x, (e.width,), e.value_size))
        result = e.value_everywhere = None
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
                        if moves.groups.list is not NULL:  # bounds leave some coordinates no room
                            memset(data_of(result), 0, size_of(result) * e.value_size)
                    combine(block.at, e.width, at_x, e.point_size, moves, row, end, division, 0, data_of(result))
                    first, row = row, end
            if result is not None:
                if is_zero(result, e.value_size):
                    e.value_everywhere = same_value(e, moves, first, moves.last, &block)
                e.has_gaps |= not is_finite(result, e.value_size)
        finally:
            free_block(&block)
        if result is None:  # nothing moves
            if given is not None and not e.is_known:
                e.know(given.shape)
            result = self.new_result(e, parts)
            result[...] = 0
        return result

    def _results_of(self, Evaluator e not None, tuple parts, center not None):
        """Return the results of other moves, of an f whose value at x is known, an array."""
        cdef Block block
        start_block(&block)
        try:
            reserve(&block, center.size * e.value_size)
            e.copy_values(center, block.at)
            return self.results_of(e, parts, &block, None)
        finally:
            free_block(&block)

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
        if swallowed != -1:
            e.has_gaps = True
        if swallowed >= 0:
            self._warn_of_swallowed(e, plan.rule.absolute, swallowed)
        return Moves.of(self.groups(e), steps, e.kind == c"g", plan.stencil)

    cdef new_result(self, Evaluator e, tuple parts):
        return new_array(e.n if self.single else e.width, -1, e.kind == c"g")

    cdef finish(self, Evaluator e, tuple parts, result):
        """Give the results the shape and dtype that the caller expects."""
        if not is_vector(e):
            return self._shaped(e, result)
        return as_floats(result) if e.kind == c"f" else result


cdef same_value(Evaluator e, Moves moves, Py_ssize_t first, Py_ssize_t last, const Block *block):
    """Return f's value if it is the same in all rows of a block, of a batch in those of its first point; else None."""
    cdef Py_ssize_t row = first, size = e.width * e.value_size
    while row < last and moves.groups.member(moves.groups.span(row // moves.stencil.size), 0) < e.point_size:
        if not is_same(block.at, block.at + (row - first) * size, e.width, e.value_size):
            return None
        row += 1
    return array_of(block.at, e.value_shape(), e.value_size) if row > first else None


cdef as_floats(doubles):
    """Return doubles as floats, inf where they are larger; NumPy would warn, and take longer."""
    cdef Py_ssize_t i
    floats = empty(len(doubles), "f")
    for i in range(size_of(floats)):
        (<float *>data_of(floats))[i] = <float>(<const double *>data_of(doubles))[i]
    return floats


cdef Groups each_of(Py_ssize_t n):
    return <Groups>OF_FEW[n] if n < 64 else Groups.each(n)


cdef value_of(Evaluator e, const Block *center):
    """Return f's value as the caller gets it: a number as a float, or a long double; many of them as an array."""
    if e.single and e.axis is None and e.value_size == sizeof(double):
        return (<double *>center.at)[0]
    found = array_of(center.at, e.center_shape(), e.value_size)
    return found if found.ndim else found[()]
