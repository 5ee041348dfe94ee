"""What all prepared operators do out of the ordinary: copies of x, the complex step, `Info`.

A call of an operator is `gradfast._kernels.operator_run.Operator.run`, which asks the methods here where it does not
know better. How operators differ stands in gradients.py, jacobians.py and so on.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast.calls.evaluators import (
    Call,
    Parts,
    as_counted,
    as_x,
    call_of,
    explain,
    in_dtype_of_x,
    opened,
    warn_of_unseen,
    x_of,
)
from gradfast.calls.operator_moves import OperatorMoves
from gradfast.parameters import Layout, are_parameters
from gradfast.steps.methods import check_along, check_step, direction_inside, random_direction
from gradfast.steps.steps_and_bounds import Sides, checked_bounds, warn_of_swallowed_step
from gradfast.values.arguments import (
    VALUE_DTYPE,
    Arguments,
    Array,
    Function,
    as_arguments,
    is_shared,
    real_numbers,
    share_memory,
)
from gradfast.values.callables import AlongOtherAxis, KeepingAux, PartOf, Remembered
from gradfast.values.info import Info, info_of_all, joined, joined_info, with_arrays

# How far from x f is called to tell, in units of each coordinate.
STEP_THAT_TELLS = 2.0**-7


class PreparedOperator(OperatorMoves):
    """f and how it is differentiated, looked at once; called with x and more arguments for f."""

    takes_both = False  # whether compiled f may return a number or write an array
    _explain = staticmethod(explain)

    # --- one call -----------------------------------------------------------------------------------------------------

    def _at(self, x: object, args: object, f0: object = None) -> Any:
        """Call this operator, with x put among f's other arguments."""
        before, after = self._around_x(as_arguments(args))
        return self(*before, x, *after, **({} if f0 is None else {"f0": f0}))

    def _around_x(self, args: Arguments) -> tuple[Arguments, Arguments]:
        """Return f's other arguments before x, and those after it."""
        k = self.argnum
        if len(args) < k:
            raise TypeError(f"args must hold the {k} arguments of f before x for argnum = {k}; got {args!r}")
        return args[:k], args[k:]

    def _sorted(self, x: object, args: Arguments) -> tuple[object, Arguments]:
        """Return x and f's other arguments, which a call got in f's order."""
        k = self.argnum
        if len(args) < k:
            raise TypeError(f"a call must have at least {k + 1} arguments for argnum = {k}; got {len(args) + 1}")
        return args[k - 1], (x, *args[: k - 1], *args[k:])

    def _arranged(self, args: Arguments) -> tuple[Function, Arguments]:
        """Return f as a function of x and the arguments after it, and these."""
        before, after = self._around_x(args)
        return partial(self.objective, *before, **(self.kwargs or {})), after

    def _aux_of(self, e: Evaluator) -> object:
        """Return what f returned beside its value at its last call."""
        f = call_of(e).f
        assert isinstance(f, KeepingAux)
        return f.aux

    def _open(self, x: object, args: Arguments, f0: object) -> Evaluator:
        """Return f at x, however it is called."""
        if self.is_native and args:
            raise ValueError(f"args must be () when f is compiled code; got {args!r}")
        takes_names = self.takes_parameters and not (self.vectorized or self.is_native or self.axis is not None)
        if takes_names and type(x) is not np.ndarray and are_parameters(x):
            given, (layout, x, places) = x, Layout.of(x)
            others = (*args, *(self.kwargs or {}).values())
            places = [None if is_shared(place, others) else place for place in places]
            call = self._call(args, None, f0)._replace(layout=layout)
            evaluator, is_copy = call.at(x, places), all(place is None for place in places)
        else:
            given, x = x, self._point(x)
            is_copy = x is not given and not share_memory(x, given)
            plain: Evaluator | None = self._open_plain(x, args) if is_copy else None  # a copy is an ordinary x
            if plain is not None:
                plain.copied_from = given
                return plain
            axis = None if self.axis is None else self._axis_of(x)
            call = self._call(args, axis if np.asarray(x).ndim > 1 else None, f0)
            evaluator = call.at(x)
        evaluator.copied_from = given if is_copy or self._workers is not None else None
        if self._workers is None and self.progress is False:
            return evaluator
        from gradfast.calls import workers  # few calls need it, nor what it imports

        if self._workers is not None:
            evaluator = workers.Workers(evaluator, call, self._workers, self._pool)
        return evaluator if self.progress is False else workers.Progress(evaluator, self.progress)

    def _named(self, e: Evaluator, found: object) -> object:
        """Return derivatives, or an Info, as parameters by name if x was given so."""
        if e.layout is None:
            return found
        named: Function = e.layout.derivatives
        return with_arrays(found, named) if isinstance(found, Info) else named(found)

    def _by_real_and_imaginary(
        self, error: TypeError, e: Evaluator, x: object, args: Arguments, v: object, f0: object, wants_value: bool
    ) -> object:
        """Return the result for an f that returned a complex number: that of its two parts, joined."""
        if self.method.is_complex or f0 is not None:  # which is real
            raise error
        size = 1 if self.is_elementwise else e.base.size if self.axis is None else e.base.shape[-1]
        f = Remembered(self.f, self.argnum, size)

        def part(name: str) -> tuple[object, object, object, Info]:
            value: Any = None
            found, info = self._with_part_of_f(f, name)._run(x, args, v, None, wants_value)
            if wants_value:
                value, found = found
            value, aux = value if wants_value and self.has_aux else (value, None)
            found, aux = found if self.has_aux and not wants_value else (found, aux)
            return found, value, aux, info

        (real, value, aux, info), (imaginary, also, _, other) = part("real"), part("imag")
        result = joined(real, imaginary)
        if wants_value:
            value = joined(value, also)
            result = ((value, aux) if self.has_aux else value), result
        elif self.has_aux:
            result = result, aux
        evaluations = e.evaluations + (f.points if self._workers is None else info.evaluations + other.evaluations)
        return (result, joined_info(info, other, evaluations)) if self.full_output else result

    def _at_each_point(self, x: object, args: Arguments, f0: object) -> object:
        """Return the derivatives at each of many points, which take the place of the axis of components."""
        if f0 is not None:
            raise ValueError(f"f0 must not be given with axis; got {f0!r}")
        if self.has_aux:
            raise ValueError(f"has_aux must be False with axis; got {self.has_aux!r}")
        x = self._point(x)
        axis = self._axis_of(x)
        rows = np.moveaxis(x, axis, -1)
        indices = list(np.ndindex(rows.shape[:-1]))
        sides = None if self._sides is None else checked_bounds(x, self._sides, self.bounds)
        limits = sides and tuple(np.moveaxis(side.reshape(x.shape), axis, -1) for side in sides)
        f = AlongOtherAxis(self.f, axis == 0 < x.ndim - 1) if self.vectorized else self.f
        one = partial(self._like, f, axis=None)
        alike = one() if limits is None else None
        with opened(OnePoint(self.f, x)):  # f may change other points than that which it is called with
            found = [(alike or one(bounds=tuple(side[i] for side in limits or ())))._at(rows[i], args) for i in indices]

        def placed(parts: list[Array]) -> Array:
            if not parts:
                return np.empty((*rows.shape[:-1], *rows.shape[-1:] * (self.n if self.single else 1)))
            whole = np.array(parts).reshape(rows.shape[:-1] + np.shape(parts[0]))
            own = range(rows.ndim - 1, whole.ndim)
            return np.ascontiguousarray(np.moveaxis(whole, own, range(axis, axis + len(own))))

        if not self.full_output:
            return placed(found)
        result = placed([result for result, _ in found])
        info = info_of_all([info for _, info in found], placed)
        values = [info.value for _, info in found]
        is_known = bool(values) and all(value is not None for value in values)
        return result, replace(info, value=placed(values)) if is_known else info

    def _with_part_of_f(self, f: Function, part: str | int, **options: object) -> Self:
        """Return an operator like this one of a part of f's values, which returns also what it did."""
        return self._like(PartOf(f, part, self.has_aux), **{"full_output": True} | options)

    def _call(self, args: Arguments, axis: int | None, f0: object) -> Call:
        outputs = -1 if f0 is None or self.single or not self.is_native else real_numbers("f0", f0).size
        f, args = self._arranged(args) if self.argnum or self.kwargs is not None else (self.objective, args)
        f = KeepingAux(f) if self.has_aux else f
        return Call(
            f, args, self.single, axis, self.vectorized, self.method.is_complex,
            self.is_elementwise, self._threads, outputs, self.takes_both,
            forgives=self.on_error == "nan" and not self.is_native,
        )  # fmt: skip

    # --- f's value at x, what is returned, the check of the complex step ----------------------------------------------

    def _given(self, e: Evaluator, f0: object) -> Array:
        """Return the values at x that the caller has; where f is to return a number, one for each point."""
        code = getattr(self.objective, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
        if "f0" in names and "f0" not in (self.kwargs or ()) and names.index("f0") > len(call_of(e).args):
            raise ValueError(f"f0 must be f(x), not f's own parameter, which goes into kwargs={{'f0': {f0!r}}}")
        array = real_numbers("f0", f0)
        if not self.single:
            if self.is_native and array.shape != e.value_shape():
                raise ValueError(f"f0 must have the shape of f(x), {e.value_shape()}; got {array.shape}")
            return array.astype(np.result_type(array, np.float64))
        wanted = () if e.axis is None else e.base.shape[:-1]
        if array.shape != wanted and (wanted or array.size != 1):
            raise ValueError(f"f0 must have the shape of f's values at x, {wanted}; got {array.shape}")
        return array.astype(VALUE_DTYPE[e.base.dtype.char]).reshape(wanted)

    def _require_shape_of(self, e: Evaluator, given: Array) -> None:
        """ValueError unless f0 has the shape of f's values; of numbers it has been seen already."""
        if e.value_shape() != given.shape and not self.single:
            raise ValueError(f"f0 must have the shape of f(x), {e.value_shape()}; got {given.shape}")

    def _warn_of_swallowed(self, e: Evaluator, step: float, i: int) -> None:
        warn_of_swallowed_step(e.name(i), e.steps_from[i], step)

    def _shaped(self, e: Evaluator, result: Array) -> object:
        """Return derivatives along each coordinate, in order, in the shape and dtype of x; at a number, a number."""
        return in_dtype_of_x(e, as_x(e, result))

    def _check(self, e: Evaluator, v: object, parts: Parts, result: Array) -> None:
        """Hold a derivative by the complex step against differences along a direction, at copies of x."""
        if not (self.method.check and parts and e.n):
            return
        x = x_of(e)
        sides = self._bounds_at(e)
        way = random_direction(x)
        center = self._along(e, way, sides)(0.0)  # which tells the precision of f's values
        step = check_step(e.precision)
        way = way if sides is None else direction_inside(x, way, sides, step)
        along = self._along(e, way, sides)
        check_along(lambda t: along(t) if t else center, step, e.precision, self._product(e, result, way))

    def _along(self, e: Evaluator, v: Array, sides: Sides | None) -> Callable[[float], Array]:
        """Return f on the line x + t v, at points that are copies and inside the bounds, as a function of t."""
        x, call = x_of(e), call_of(e)._replace(is_complex=False)

        def f(t: float) -> Array:
            point = np.array((x + t * v).astype(x.dtype))
            if sides is not None:
                point[...] = np.clip(point, *(side.reshape(x.shape) for side in sides))
            there = call.at(point)
            try:
                values: Array = there.value()
            except Exception:
                if self.on_error == "raise" or not t:
                    raise
                return np.array(np.nan)
            e._count(there.evaluations)
            e.precision = there.precision
            return values

        return f

    def _product(self, e: Evaluator, result: Array, v: Array) -> Array:
        """Return the derivative along v that a result tells."""
        product: Array = np.sum(result * v, axis=e.axis)
        return product

    def _info(self, e: Evaluator, v: object, parts: Parts, value: object) -> Info:
        """Return what was done, with f's value at x if that is known."""
        steps, names = np.zeros(e.n, VALUE_DTYPE[e.base.dtype.char]), np.full(e.n, "fixed", "<U8")
        for moves in parts:
            some = moves.groups.members
            steps[some] = moves.step_of_each[some]
            names[some] = self.method.schemes(moves.stencil, moves.step_of_each[some])
        return Info(e.evaluations, as_x(e, np.abs(steps)), as_x(e, names), value=value)

    # --- adaptive steps -----------------------------------------------------------------------------------------------

    def _adaptive(self, e: Evaluator, v: object, f0: object, wants_value: bool) -> object:
        center = self._value_at(e) if f0 is None else self._given(e, f0)
        at_center = e.evaluations
        result, info = self._differentiate_adaptively(e, v, center)
        value, result = (part if part.ndim else part[()] for part in (center, np.asarray(result)))
        e.close()
        if not np.any(result):
            self._warn_if_unseen(e, None, center)
        found = (value, result) if wants_value else result
        return found if info is None else (found, replace(info, evaluations=info.evaluations + at_center, value=value))

    def _value_at(self, e: Evaluator) -> Array:
        """Return f's value at x."""
        return e.value()

    def _warn_if_unseen(self, e: Evaluator, parts: Parts | None, everywhere: Array | None) -> None:
        """Warn if f may see nothing of what is moved, since all derivatives are exactly 0: see `warn_of_unseen`."""
        if isinstance(self.f, PartOf):  # a part of f's values may well be the same everywhere
            return
        if not e.n or self.is_elementwise or self.is_native or self.method.is_complex:
            return
        if parts is None:
            x = x_of(e)
            v, sides = random_direction(x), self._bounds_at(e)
            v = v if sides is None else direction_inside(x, v, sides, STEP_THAT_TELLS)
            by = as_counted(e, STEP_THAT_TELLS * v)
        else:
            by = np.zeros(e.n)
            for moves in parts:
                some = moves.groups.members
                by[some] = moves.stencil.nodes[0] * moves.step_of_each[some]
        warn_of_unseen(e, call_of(e), by, everywhere)

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        """Return the derivatives by adaptive steps, and what was done if that is wanted, but for evaluations at x."""
        raise NotImplementedError
