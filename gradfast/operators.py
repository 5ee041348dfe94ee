"""What all prepared operators do out of the ordinary: copies of x, bounds nearby, the complex step, `Info`.

A call of an operator is `gradfast._kernels.operator.Operator.run`, which asks the methods here where it does not know
better. How operators differ stands in gradients.py, jacobians.py and so on.
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from gradfast import complex_step, methods
from gradfast._kernels.combine import combined
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.operator import Operator
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import (
    VALUE_DTYPE,
    Array,
    as_dtype,
    as_point,
    is_integer,
    number_or_array,
    real_numbers,
    warn,
    worker_count,
)
from gradfast.bounds import box_of, checked_bounds, sides_of, steps_within
from gradfast.callables import as_objective
from gradfast.complex_values import PartOf, Remembered, joined, joined_info
from gradfast.evaluators import Call, Progress, Workers, checked_progress, checked_workers
from gradfast.methods import Adaptive, Complex, Difference
from gradfast.parameters import Layout, are_parameters
from gradfast.processes import Processes
from gradfast.steps import warn_of_swallowed_step

Function = Callable[..., Any]

NO_ARGUMENTS = ()

# The options of nearly every operator, in the order in which they are shown.
COMMON = ("bounds", "kwargs", "argnum", "has_aux", "vectorized", "workers", "progress", "on_error", "full_output")

# Of the options whose default is not None.
DEFAULTS: dict[str, Any] = dict.fromkeys(
    ("vectorized", "progress", "full_output", "verify", "has_aux", "flat", "diagonal"), False
)
DEFAULTS |= {"method": methods.NAMES["central"], "n": 1, "argnum": 0, "on_error": "raise"}

# What f may do wrong if all derivatives are 0.
READS_ANOTHER = (
    "an f that ignores its argument and reads x through a closure sees nothing of what is moved, which is a copy of x. "
    "Let f use its argument; or, without workers, give x as a writable array of float64"
)
KEEPS_X = (
    "f is another at a copy of x: an f that keeps x, as a cache does, sees no change in it, since x is moved in place. "
    "Let it keep a copy, x.copy()"
)

# Objects of which it is looked at whether f holds x through them.
MOST_HELD = 10_000

# How far from x f is called to tell, in units of each coordinate.
STEP_OF_DOUBT = 2.0**-7

# One node: an algorithm that asks for f's values alone moves coordinates by their steps.
ONE_NODE = Stencil(nodes=(1,), weights=(1,), denominator=1)


class Look(NamedTuple):
    """One step that the adaptive method tried, and what was known after it."""

    coordinate: int  # in C order
    step: float
    value: Array  # of the derivative along that coordinate, one for each of f's values
    error: Array


@dataclass(frozen=True, eq=False)
class Info:
    """What an operator did: its second result with ``full_output=True``.

    Attributes
    ----------
    evaluations : int
        How often f was evaluated, each point of a vectorized call counted.
    step : ndarray
        The size of the step along each coordinate, of x's shape; 0 where bounds leave no room.
    scheme : ndarray of str
        What was done to each coordinate, of x's shape: "central", "forward", "backward",
        "complex", or "fixed" where bounds leave no room, so that the derivative is 0. If f is inf or NaN
        on one side of x, this is the other side.
    error : ndarray, optional
        With method "adaptive" an estimate of the absolute error, of the result's shape.
    converged : ndarray of bool, optional
        With method "adaptive" whether the error is at most 1e-6 of the value, or `rtol` of it if that is
        more. If the derivative is nearly 0, its error is compared with how fast f changes nearby instead.
    value : float or ndarray, optional
        f(x), if it was computed or given. One-sided and adaptive methods compute it, and ``has_aux=True`` does.
    trace : list of Look, optional
        With method "adaptive" the steps in the order in which they were tried. Each is a named tuple: the index of
        the ``coordinate`` in C order, the ``step``, and the derivative, ``value``, and its ``error`` that were known
        then. Of a Hessian, the trace is that of its diagonal.
    """

    evaluations: int
    step: Array
    scheme: npt.NDArray[np.str_]
    error: Any = None
    converged: Any = None
    value: Any = None
    trace: list[Look] | None = None


class PreparedOperator(Operator):
    """f and how it is differentiated, looked at once; called with x and more arguments for f."""

    # What of the options is not at its default is shown and compared; operators add their own.
    options: tuple[str, ...] = ("method", *COMMON)
    is_elementwise = False
    takes_parameters = False  # whether x may be parameters by name
    takes_both = False  # whether compiled f may return a number or write an array
    on_error: str = "raise"  # what becomes of an exception of f at a moved point: it is raised, or counts as "nan"
    _sides: tuple[Any, Any] | None = None  # of bounds, as they were when the operator was made
    _threads = 1  # of compiled f
    _workers: Any = None  # of a Python f
    _pool: Processes | None = None  # that is kept between calls

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self._given_options().items())
        return f"{type(self).__name__}({self.f!r}{given})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, PreparedOperator):
            return NotImplemented
        ours, theirs = self._given_options(), other._given_options()
        return self.f == other.f and ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)

    def __hash__(self) -> int:
        return hash((type(self), self.f))

    def _how_to_make_again(self) -> tuple[Any, ...]:
        return _make_again, (type(self), self.f, self._given_options())

    def _given_options(self) -> dict[str, Any]:
        """Return the options that are not at their defaults."""
        options = {name: getattr(self, name) for name in self.options}
        return {
            name: value for name, value in options.items() if value is not None and not _same(value, DEFAULTS.get(name))
        }

    # --- looked at once -----------------------------------------------------------------------------------------------

    def _look_at(self, method: Any, vectorized: Any) -> None:
        """Look at f, the method and the options; the commonest case does not come here."""
        f, method = as_objective(self.f), methods.as_method(method)
        is_native = type(f) is NativeFunction
        if is_native:
            self._threads = worker_count(self.workers)
            if vectorized:
                raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
            if isinstance(method, Complex):
                raise ValueError(f"method must be a difference method when f is compiled code; got {method!r}")
        else:
            self._workers = checked_workers(self.workers)
        checked_progress(self.progress)
        if isinstance(method, Complex) and self.n != 1:
            raise ValueError(f"n must be 1 for method 'complex'; got {self.n}")
        plans = method.plans if isinstance(method, Difference) else None
        self._set_up(f, is_native, method, plans, bool(vectorized))
        if self.bounds is not None:
            self._take_bounds()

    def _take_bounds(self) -> None:
        self._sides = sides_of(self.bounds)
        self.box = box_of(self._sides)
        if isinstance(self.bounds, (tuple, list, np.ndarray)) and isinstance(self._sides, tuple):
            self._show(self.f, self._sides)

    def _take_arguments(self, argnum: Any, kwargs: Any, has_aux: Any, on_error: Any = "raise") -> None:
        """Look at how f is called, if that is not ``f(x, *args)``, or returns more than its value."""
        if not is_integer(argnum) or argnum < 0:
            raise ValueError(f"argnum must be an integer from 0 up; got {argnum!r}")
        if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(name, str) for name in kwargs)):
            raise TypeError(f"kwargs must be a dictionary of f's keyword arguments; got {kwargs!r}")
        if not isinstance(has_aux, (bool, np.bool_)):
            raise ValueError(f"has_aux must be True or False; got {has_aux!r}")
        for name, value, usual in (("argnum", argnum, 0), ("kwargs", kwargs, None), ("has_aux", has_aux, False)):
            if self.is_native and value != usual:
                raise ValueError(f"{name} must be {usual} when f is compiled code; got {value!r}")
        if has_aux and self.axis is not None and not self.vectorized:
            raise ValueError(f"has_aux must be False with axis, unless f takes all points at once; got {has_aux!r}")
        self._adapt(int(argnum), None if kwargs is None else dict(kwargs), bool(has_aux))
        self._take_on_error(on_error)

    def _take_on_error(self, on_error: Any) -> None:
        """Look at what becomes of exceptions of f."""
        if on_error not in ("raise", "nan"):
            raise ValueError(f"on_error must be 'raise' or 'nan'; got {on_error!r}")
        self.on_error = on_error
        self.is_plain = self.is_plain and (on_error == "raise" or self.is_native)  # compiled code raises none

    def __enter__(self) -> Self:
        """Keep the processes of ``workers=`` from one call to the next, until the end of the ``with`` block."""
        if self._workers is not None and not callable(self._workers):
            self._pool = Processes(self._workers)
        return self

    def __exit__(self, *_: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.end()

    # --- one call -----------------------------------------------------------------------------------------------------

    def _at(self, x: Any, args: Any, f0: Any = None) -> Any:
        """Return what a call gives: x stands among f's other arguments."""
        k, args = self.argnum, as_arguments(args)
        if len(args) < k:
            raise TypeError(f"args must hold the {k} arguments of f before x for argnum = {k}; got {args!r}")
        called: Any = self
        return called(*args[:k], x, *args[k:], **({} if f0 is None else {"f0": f0}))

    def _sorted(self, x: Any, args: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Return x and f's other arguments, which a call got in f's order."""
        k = self.argnum
        if len(args) < k:
            raise TypeError(f"a call must have at least {k + 1} arguments for argnum = {k}; got {len(args) + 1}")
        return args[k - 1], (x, *args[: k - 1], *args[k:])

    def _arranged(self, args: tuple[Any, ...]) -> tuple[Function, tuple[Any, ...]]:
        """Return f as a function of x and the arguments after it, and these."""
        k = self.argnum
        if len(args) < k:
            raise TypeError(f"args must hold the {k} arguments of f before x for argnum = {k}; got {args!r}")
        return partial(self.objective, *args[:k], **(self.kwargs or {})), args[k:]

    def _aux_of(self, e: Evaluator) -> Any:
        """Return what f returned beside its value at its last call."""
        return call_of(e).f.aux

    def _open(self, x: Any, args: tuple[Any, ...], f0: Any) -> Evaluator:
        """Return f at x, however it is called."""
        if self.is_native and args:
            raise ValueError(f"args must be () when f is compiled code; got {args!r}")
        if type(x) is not np.ndarray and self.takes_parameters and self._sees_names(x):
            given, (layout, x, places) = x, Layout.of(x)
            call = replace(self._call(args, None, f0), layout=layout)
            evaluator, is_copy = call.at(x, places), all(place is None for place in places)
        else:
            given, x = x, self._point(x)
            axis = None if self.axis is None else checked_axis(self.axis, x)
            call = self._call(args, axis if x.ndim > 1 else None, f0)
            evaluator = call.at(x)
            is_copy = x is not given and not (isinstance(given, np.ndarray) and np.may_share_memory(x, given))
        evaluator.copied_from = given if is_copy or self._workers is not None else None
        if self._workers is not None:
            evaluator = Workers(evaluator, call, self._workers, self._pool)
        return evaluator if self.progress is False else Progress(evaluator, self.progress)

    def _sees_names(self, x: Any) -> bool:
        """Return whether f is to be called with x as it is, parameters by name."""
        return not (self.vectorized or self.is_native or self.axis is not None) and are_parameters(x)

    def _point(self, x: Any) -> Array:
        """Return x as an array that can be moved; TypeError that says how to make one of parameters by name."""
        try:
            return as_point(x)
        except (TypeError, ValueError) as error:
            if not are_parameters(x):
                raise
            why = f"for {type(self).__name__}" if not self.takes_parameters else "with axis, vectorized or compiled f"
            raise TypeError(
                f"x must be one array {why}; got {type(x).__name__} of parameters; "
                "vector, unravel = gradfast.parameters.ravel(x) makes one of them, and f(unravel(vector)) takes it"
            ) from error

    def _named(self, e: Evaluator, found: Any) -> Any:
        """Return derivatives, or an Info, as parameters by name if x was given so."""
        if e.layout is None:
            return found
        if not isinstance(found, Info):
            return e.layout.derivatives(found)
        parts = {name: getattr(found, name) for name in ("step", "scheme", "error", "converged")}
        return replace(found, **{k: e.layout.derivatives(part) for k, part in parts.items() if part is not None})

    def _of_complex(
        self, error: TypeError, lost: int, x: Any, args: tuple[Any, ...], v: Any, f0: Any, wants_value: bool
    ) -> Any:
        """Return the result for an f that returned a complex number: that of its two parts, joined."""
        if isinstance(self.method, Complex) or f0 is not None:  # which is real
            raise error
        f = Remembered(self.f, self.argnum)

        def part(name: str) -> tuple[Any, Any, Any, Info]:
            value: Any = None
            found, info = self._of_part(f, name)._run(x, args, v, None, wants_value)
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
        evaluations = lost + info.evaluations + (other.evaluations if self._workers is not None else 0)
        return (result, joined_info(info, other, evaluations)) if self.full_output else result

    def _of_points(self, x: Any, args: tuple[Any, ...], f0: Any) -> Any:
        """Return the derivatives at each of many points, which take the place of the axis of components."""
        if f0 is not None:
            raise ValueError(f"f0 must not be given with axis; got {f0!r}")
        x = self._point(x)
        axis = checked_axis(self.axis, x)
        rows = np.moveaxis(x, axis, -1)
        indices = list(np.ndindex(rows.shape[:-1]))
        sides = None if self._sides is None else checked_bounds(x, self._sides, self.bounds)
        limits = sides and tuple(np.moveaxis(side.reshape(x.shape), axis, -1) for side in sides)
        options = self._given_options() | {"axis": None, "full_output": True}
        if self.vectorized:
            options["f"] = AlongOtherAxis(self.f, axis == 0 < x.ndim - 1)
        one: Any = partial(type(self), **{"f": self.f} | options)
        alike = one() if limits is None else None
        found = [(alike or one(bounds=tuple(side[i] for side in limits or ())))._at(rows[i], args) for i in indices]
        results, infos = [result for result, _ in found], [info for _, info in found]

        def placed(parts: list[Any]) -> Array:
            if not parts:
                return np.empty((*rows.shape[:-1], *rows.shape[-1:] * (self.n if self.single else 1)))
            whole = np.array(parts).reshape(rows.shape[:-1] + np.shape(parts[0]))
            own = range(rows.ndim - 1, whole.ndim)
            return np.ascontiguousarray(np.moveaxis(whole, own, range(axis, axis + len(own))))

        result = placed(results)
        if not self.full_output:
            return result
        more = {name: [getattr(info, name) for info in infos] for name in ("step", "scheme", "error", "converged")}
        kept: dict[str, Any] = {name: placed(parts) for name, parts in more.items() if parts and parts[0] is not None}
        return result, Info(sum(info.evaluations for info in infos), **kept)

    def _of_part(self, f: Function, part: Any, **options: Any) -> Any:
        """Return an operator like this one of a part of f's values, which returns also what it did."""
        kind: Any = type(self)
        return kind(PartOf(f, part, self.has_aux), **self._given_options() | {"full_output": True} | options)

    def _call(self, args: tuple[Any, ...], axis: int | None, f0: Any) -> Call:
        outputs = -1 if f0 is None or self.single or not self.is_native else real_numbers("f0", f0).size
        f, args = self._arranged(args) if self.argnum or self.kwargs is not None else (self.objective, args)
        f = KeepingAux(f) if self.has_aux else f
        return Call(
            f, args, self.single, axis, self.vectorized, isinstance(self.method, Complex),
            self.is_elementwise, self._threads, outputs, self.takes_both,
            forgives=self.on_error == "nan" and not self.is_native,
        )  # fmt: skip

    def _moves(self, e: Evaluator, v: Any) -> tuple[Moves, ...] | None:
        """Return moves for each stencil in use, near bounds or with steps of the caller's; None with adaptive steps."""
        method, x = self.method, x_of(e)
        if isinstance(method, Adaptive):
            return None
        e.has_gaps = not np.isfinite(x).all()
        sides = self._bounds_at(e)
        if isinstance(method, Complex):
            return self._imaginary_moves(e, sides)
        return self._moves_of(e, method.steps_at(x, self.n, e.precision), method.options(self.n), sides)

    def _bounds_at(self, e: Evaluator) -> tuple[Array, Array] | None:
        """Return the bounds of each coordinate of x, in C order; an error shows them as the caller wrote them."""
        if self._sides is None:
            return None
        sides = self._sides
        if e.layout is not None and isinstance(sides, tuple) and len(sides) == 2:
            sides = tuple(
                e.layout.flattened("bounds", side, infinite) if are_parameters(side) else side
                for side, infinite in zip(sides, (-np.inf, np.inf), strict=True)
            )
        return checked_bounds(x_of(e), sides, self.bounds, e.name)

    def _moves_of(
        self, e: Evaluator, steps: Array, options: methods.Options, sides: tuple[Array, Array] | None
    ) -> tuple[Moves, ...]:
        if sides is None:
            stencil, sign = options[0]
            return (Moves(self._groups(e), sign * in_order(e, steps), stencil),)
        signed, groups = steps_within(x_of(e), steps, options, sides)
        return tuple(self._moves_of_some(e, in_order(e, signed), stencil, some) for stencil, some in groups)

    def _moves_of_some(self, e: Evaluator, steps: Array, stencil: Stencil, some: npt.NDArray[np.intp]) -> Moves:
        """Return moves of some coordinates of x; those that bounds fix, or that take another stencil, are left out."""
        if some.size == e.n:
            return Moves(self._groups(e), steps, stencil)
        chosen = np.zeros(e.n, bool)
        chosen[some] = True
        return Moves(self._groups_of(e, np.flatnonzero(in_order(e, chosen))), steps, stencil)

    def _groups_of(self, e: Evaluator, some: npt.NDArray[np.intp]) -> Groups:
        return Groups.each(e.n, some)

    def _imaginary_moves(self, e: Evaluator, sides: tuple[Array, Array] | None) -> tuple[Moves, ...]:
        """Return the moves of the complex step. Nothing real moves: only equal bounds fix a coordinate."""
        steps, stencil = complex_step.imaginary_steps_at(x_of(e).reshape(-1)), complex_step.IMAGINARY
        free = np.arange(e.n) if sides is None else np.flatnonzero(sides[0] != sides[1])
        if free.size < e.n:
            steps = np.where(np.isin(np.arange(e.n), free), steps, 0)
        return (self._moves_of_some(e, in_order(e, steps), stencil, free),) if free.size or not e.n else ()

    def _by_members(self, e: Evaluator, parts: tuple[Moves, ...], center: Array | None) -> Array:
        """Return the derivatives where coordinates that are moved together take stencils of their own.

        f is called as often as the longest stencil has nodes; a coordinate whose own has fewer, or that is in none,
        stays where it is meanwhile.
        """
        out = np.zeros(e.n, VALUE_DTYPE[e.base.dtype.char])
        most, rows, every = max((m.stencil.size for m in parts), default=0), [], self._groups(e)
        chosen = [np.arange(e.n) if m.groups.chosen is None else m.groups.chosen for m in parts]
        before = e.evaluations
        for k in range(most):
            by = np.zeros_like(out)
            for moves, some in zip(parts, chosen, strict=True):
                if k < moves.stencil.size:
                    by[some] = moves.stencil.nodes[k] * moves.step_of_each[some]
            found = e.values(Moves(every, by, ONE_NODE)).reshape(len(every), -1)
            rows.append(found.T.reshape(-1))  # in the order of coordinates
        centers = None if center is None else np.repeat(center, e.n // max(1, center.size))
        for moves, some in zip(parts, chosen, strict=True):
            values = np.array(rows)[: moves.stencil.size, some].T.reshape(-1)
            each = Moves(Groups.each(e.n, some), moves.step_of_each, moves.stencil)
            out[some] = combined(values, each, centers, point=1)
        e.has_gaps = e.has_gaps or not np.isfinite(out).all()
        # Coordinates that stay cost nothing.
        e._count(
            sum(len(m.stencil.nodes) * some.size for m, some in zip(parts, chosen, strict=True))
            - (e.evaluations - before)
        )
        return out

    # --- where f or x is not finite -----------------------------------------------------------------------------------

    def _fill_gaps(
        self, e: Evaluator, v: Any, parts: tuple[Moves, ...], center: Array | None, result: Array
    ) -> tuple[Moves, ...]:
        """Take derivatives that are inf or NaN from one side of x; return all moves that were used.

        Where x itself is inf or NaN, so is the derivative. The result is changed in place.
        """
        every = np.arange(e.n) if result.shape[-1] == e.n else 0  # at a number, of a point of a curve
        columns = np.broadcast_to(every, result.shape)

        def again(part: Moves, center: Array) -> Array:
            found: Array = self._combined(e, (part,), center)
            return found

        rows = np.arange(e.width)[:, np.newaxis] if result.ndim > 1 else columns // e.point
        if self.is_elementwise:
            rows = np.arange(result.size)
        parts = self._from_one_side(e, parts, center, result, (rows, columns), again)
        result[~np.isfinite(e.steps_from)[columns]] = np.nan
        return parts

    def _from_one_side(
        self, e: Evaluator, parts: tuple[Moves, ...], center: Array | None, result: Array, places: Any, again: Any
    ) -> tuple[Moves, ...]:
        """Try stencils on each side where a result is not finite, but f is at x.

        Places are the row of each result, that of f's value, and its column, that of the coordinate. `again` returns
        the results of other moves.
        """
        rows, columns = places
        gaps = ~np.isfinite(result) & np.isfinite(e.steps_from)[columns]
        if not isinstance(self.method, Difference) or not gaps.any():
            return parts
        innermost(e).close()  # f's change of x would not show where x is moved again
        center = e.value() if center is None else center
        gaps &= np.isfinite(center.reshape(-1))[rows]
        steps, sides = self.method.steps_at(x_of(e), self.n, e.precision), self._bounds_at(e)
        for option in self.method.options(self.n)[1:]:
            signed = self._signed(e, steps, option, sides)
            some = np.intersect1d(columns[gaps], np.flatnonzero(signed))
            if not some.size:
                continue
            part = Moves(self._groups_of(e, some), signed, option[0]).in_precision(e.steps_from.dtype.char == "g")
            found = again(part, center)
            better = gaps & np.isfinite(found)
            result[better], gaps = found[better], gaps & ~better
            if better.any():
                parts += (Moves(self._groups_of(e, np.unique(columns[better])), part.step_of_each, part.stencil),)
        return parts

    def _signed(
        self, e: Evaluator, steps: Array, option: tuple[Stencil, int], sides: tuple[Array, Array] | None
    ) -> Array:
        """Return the steps by which a stencil looks to one side, in order; 0 where bounds leave it no room."""
        return in_order(e, option[1] * steps if sides is None else steps_within(x_of(e), steps, (option,), sides)[0])

    def _given(self, e: Evaluator, f0: Any) -> Array:
        """Return the values at x that the caller has; where f is to return a number, one for each point."""
        array = real_numbers("f0", f0)
        if not self.single:
            if self.is_native and array.shape != (e.width,):
                raise ValueError(f"f0 must have the shape of f(x), {(e.width,)}; got {array.shape}")
            return array.astype(np.result_type(array, np.float64))
        wanted = () if e.axis is None else tuple(np.delete(shape_of(e), e.axis).tolist())
        if array.shape != wanted and (wanted or array.size != 1):
            raise ValueError(f"f0 must have the shape of f's values at x, {wanted}; got {array.shape}")
        return array.astype(VALUE_DTYPE[e.base.dtype.char]).reshape(wanted)

    def _require_shape_of(self, e: Evaluator, given: Array) -> None:
        """ValueError unless f0 has the shape of f's values; of numbers it has been seen already."""
        found = e.shape if e.shape is not None else (e.width,)
        if not self.single and found != given.shape:
            raise ValueError(f"f0 must have the shape of f(x), {found}; got {given.shape}")

    def _warn_of_swallowed(self, e: Evaluator, step: float, i: int) -> None:
        warn_of_swallowed_step(e.name(i), e.steps_from[i], step)

    def _shaped(self, e: Evaluator, result: Array) -> Any:
        """Return derivatives along each coordinate, in order, in the shape and dtype of x; at a number, a number."""
        return number_or_array(as_dtype(e.dtype or e.base.dtype, as_x(e, result)))

    def _check(self, e: Evaluator, v: Any, parts: tuple[Moves, ...], result: Array) -> None:
        """Hold a derivative by the complex step against differences along a direction, at copies of x."""
        if not (self.method.check and parts and e.n):
            return
        x = x_of(e)
        sides = self._bounds_at(e)
        way = complex_step.random_direction(x)
        center = self._along(e, way, sides)(0.0)  # which tells the precision of f's values
        step = complex_step.check_step(e.precision)
        way = way if sides is None else complex_step.direction_inside(x, way, sides, step)
        along = self._along(e, way, sides)
        complex_step.check_along(lambda t: along(t) if t else center, step, e.precision, self._product(e, result, way))

    def _along(self, e: Evaluator, v: Array, sides: tuple[Array, Array] | None) -> Any:
        """Return f on the line x + t v, at points that are copies and inside the bounds, as a function of t."""
        x, call = x_of(e), call_of(e)

        def f(t: float) -> Array:
            point = np.array((x + t * v).astype(x.dtype))
            if sides is not None:
                point[...] = np.clip(point, *(side.reshape(x.shape) for side in sides))
            there = call.at_copy(point)
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

    def _product(self, e: Evaluator, result: Array, v: Array) -> Any:
        """Return the derivative along v that a result tells."""
        return np.sum(result * v, axis=e.axis)

    def _info_with(self, e: Evaluator, v: Any, parts: tuple[Moves, ...], value: Any) -> Info:
        """Return what was done, with f's value at x if that is known."""
        return replace(self._info(e, v, parts), value=value)

    def _info(self, e: Evaluator, v: Any, parts: tuple[Moves, ...]) -> Info:
        """Return what was done."""
        steps, names = np.zeros(e.n, VALUE_DTYPE[e.base.dtype.char]), np.full(e.n, "fixed", "<U8")
        for moves in parts:
            some = slice(None) if moves.groups.chosen is None else moves.groups.chosen
            steps[some] = moves.step_of_each[some]
            sided = np.where(moves.step_of_each > 0, "forward", "backward")
            names[some] = "central" if min(moves.stencil.nodes) < 0 else sided[some]
        if isinstance(self.method, Complex):
            names[names != "fixed"] = "complex"
        return Info(e.evaluations, as_x(e, np.abs(steps)), as_x(e, names))

    # --- values from elsewhere ----------------------------------------------------------------------------------------

    def points(self, x: Any) -> Array:
        """Return the points at which f is needed for x, if f is evaluated elsewhere, as in a batch queue.

        Parameters
        ----------
        x : array_like
            One point of any shape. It is copied.

        Returns
        -------
        ndarray
            Shape ``(m, *x.shape)``: m points. :meth:`combine` takes f's values there, in the same order.

        Raises
        ------
        ValueError
            If the operator has an axis; if its method is "adaptive", which chooses points by f's values, or
            "complex", which checks its result.
        """
        recorder = Elsewhere(self.single, self.is_elementwise, None)
        self._elsewhere(recorder)(np.array(self._point(x)))
        return np.array(recorder.points).reshape(-1, *np.shape(x))

    def combine(self, x: Any, values: Any) -> Any:
        """Return the derivatives at x from f's values at ``points(x)``.

        Parameters
        ----------
        x : array_like
            The x that :meth:`points` was called with.
        values : array_like
            f's value at each of the m points, along a first axis: shape ``(m,)`` if f returns numbers.

        Returns
        -------
        ndarray or float
            What the operator returns at x, without an :class:`Info` or aux.

        Raises
        ------
        TypeError
            If values are not real numbers.
        ValueError
            If there is not one value for each point; as for :meth:`points`.
        """
        wanted = len(self.points(x))
        array = real_numbers("values", values)
        if array.shape[:1] != (wanted,):
            raise ValueError(f"values must be those of the {wanted} points along a first axis; got shape {array.shape}")
        return self._elsewhere(Elsewhere(self.single, self.is_elementwise, array))(np.array(self._point(x)))

    def _elsewhere(self, f: Function) -> Any:
        if not isinstance(self.method, Difference):
            raise ValueError(f"method must be a difference method for points; got {self.method!r}")
        if self.axis is not None:
            raise ValueError(f"axis must be None for points; got {self.axis!r}")
        kept = {name: value for name, value in self._given_options().items() if name not in COMMON[1:]}
        kind: Any = type(self)
        return kind(f, **kept)

    # --- adaptive steps -----------------------------------------------------------------------------------------------

    def _adaptive(self, e: Evaluator, v: Any, f0: Any, wants_value: bool) -> Any:
        center = e.value() if f0 is None else self._given(e, f0)
        at_center = e.evaluations
        result, info = self._differentiate_adaptively(e, v, center)
        result = number_or_array(np.asarray(result))
        e.close()
        if not np.any(result):
            self._doubt(e, None, center)
        found = ((center if center.ndim else center[()]), result) if wants_value else result
        if not self.full_output:
            return found
        value = number_or_array(center)
        return found, replace(info, evaluations=info.evaluations + at_center, value=value)

    def _doubt(self, e: Evaluator, parts: tuple[Moves, ...] | None, unmoved: Array | None) -> None:
        """Warn if f may see nothing of what is moved, since all derivatives are exactly 0.

        `unmoved` is f's value at the moved points, or at x if they are not all the same; None if it is not known.
        """
        if isinstance(self.f, PartOf):  # a part of f's values may well be the same everywhere
            return
        if not e.n or self.is_elementwise or self.is_native or isinstance(self.method, Complex):
            return
        one: Any = innermost(e)
        call = one.opened_from
        if call is None:  # of a plain call
            call = Call(one.f, one.args, self.single)
        if parts is None:
            x = x_of(e)
            v, sides = complex_step.random_direction(x), self._bounds_at(e)
            v = v if sides is None else complex_step.direction_inside(x, v, sides, STEP_OF_DOUBT)
            by = in_order(e, STEP_OF_DOUBT * v)
        else:
            by = np.zeros(e.n)
            for moves in parts:
                some = slice(None) if moves.groups.chosen is None else moves.groups.chosen
                by[some] = moves.stencil.nodes[0] * moves.step_of_each[some]
        warn_of_unseen(e, call, by, unmoved)

    def _differentiate_adaptively(self, e: Evaluator, v: Any, center: Array) -> tuple[Array, Info]:
        """Return the derivatives by adaptive steps, and what was done, besides the evaluations at x."""
        raise NotImplementedError


class Elsewhere:
    """Stands for an f that is evaluated elsewhere: it notes its points, and returns values that are known by now."""

    def __init__(self, single: bool, is_elementwise: bool, values: Array | None) -> None:
        self.single, self.is_elementwise, self.values = single, is_elementwise, values
        self.points: list[Array] = []

    def __call__(self, x: Any) -> Any:
        k = len(self.points)
        self.points.append(np.array(x))
        if self.values is not None:
            return self.values[k] if k < len(self.values) else np.full(self.values.shape[1:], np.nan)[()]
        if self.single:
            return float(k)
        return np.full(np.shape(x) if self.is_elementwise else (1,), float(k))


class AlongOtherAxis:
    """A vectorized f that takes components along the first or the last axis, as one of points along the first."""

    def __init__(self, f: Function, is_first: bool) -> None:
        self.f, self.is_first = f, is_first

    def __call__(self, points: Array, *args: Any) -> Any:
        if not self.is_first:
            return self.f(points, *args)
        return np.moveaxis(np.asarray(self.f(np.moveaxis(points, 0, -1), *args)), -1, 0)


def warn_of_unseen(e: Evaluator, call: Call, by: Array, unmoved: Array | None) -> None:
    """Warn if f, whose derivatives are all exactly 0, does not see what is moved.

    If x is a copy, f may read what it was copied from instead of its argument: then f holds that, and has the same
    value at another copy. If x is moved in place, f may keep it and take it for unchanged: then it has another value at
    a copy than at the same point in place. One more evaluation tells, or three where f has another value at the copy
    than at the moved points. They are not counted. In them all coordinates are moved, each by less than `by`, which is
    in the order in which the evaluator counts coordinates.
    """
    given, gets_copies = e.copied_from, call.vectorized and call.axis is None
    if gets_copies if given is None else not holds(call.f, given):
        return
    before = e.evaluations
    x = e.steps_from
    by = (np.random.default_rng(e.n).uniform(0.5, 1.0, e.n) * by).astype(VALUE_DTYPE[x.dtype.char])
    try:
        with np.errstate(over="ignore"):
            moved = (x + by).astype(x.dtype)
        there = _value_at_copy(e, call, moved)
        is_same = _are_same(there, e.value() if unmoved is None else unmoved)
        if given is None and not is_same:
            rest, in_place = (innermost(e).values(Moves(Groups.together(e.n), far, ONE_NODE)) for far in (0 * by, by))
            is_same = _are_same(there, in_place) or not _are_same(rest, in_place)
    except Exception:  # where all are moved, f may have no value: it sees that
        return
    finally:
        e._count(before - e.evaluations)
    if is_same == (given is not None):
        warn(f"all derivatives are exactly 0; {KEEPS_X if given is None else READS_ANOTHER}")


def _value_at_copy(e: Evaluator, call: Call, flat: Array) -> Array:
    """Return f's value at a copy of x that holds other numbers; of a batch of which f gets one point, at the first."""
    point = np.array(e.x)  # in its memory order, in which f may add up
    point[...] = as_x(e, flat)
    if call.axis is not None and not call.vectorized:
        point = np.array(np.moveaxis(point, call.axis, -1)[(0,) * (point.ndim - 1)])
        call = replace(call, axis=None)
    return call.at(point).value()


def _are_same(one: Array, other: Array) -> bool:
    """Return whether two values of f are the same; of a batch, those at the first points."""
    size = min(np.size(one), np.size(other))
    return np.array_equal(np.ravel(one)[:size], np.ravel(other)[:size], equal_nan=True)


def holds(f: Any, x: Any) -> bool:
    """Return whether a function can reach an object, or an array its memory, through what it names or is made of."""
    seen: set[int] = set()
    todo = [f]
    while todo and len(seen) < MOST_HELD:
        one = todo.pop()
        kind = type(one)  # isinstance would ask the __class__ of lazy objects, which may compute or raise
        if one is x or (issubclass(kind, np.ndarray) and isinstance(x, np.ndarray) and np.may_share_memory(one, x)):
            return True
        if id(one) in seen or issubclass(kind, (ModuleType, type)):
            continue
        seen.add(id(one))
        if kind is not FunctionType:
            todo += gc.get_referents(one)
            continue
        names = _names_in(one.__code__) & one.__globals__.keys()
        todo += [*(one.__closure__ or ()), one.__defaults__, one.__kwdefaults__, vars(one)]
        todo += [one.__globals__[name] for name in names]
    return False


def _names_in(code: CodeType) -> set[str]:
    """Return the names that a function's code uses, and that of the functions in it."""
    inner = (_names_in(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


class KeepingAux:
    """An f that returns ``(value, aux)``, as one that returns the value; it keeps the aux of its last call."""

    def __init__(self, f: Function) -> None:
        self.f, self.aux = f, None

    def __call__(self, *args: Any) -> Any:
        found = self.f(*args)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(f"f must return (value, aux) with has_aux=True; it returned {found!r}")
        value, self.aux = found
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return KeepingAux, (self.f,)


def innermost(e: Evaluator) -> Evaluator:
    """Return the evaluator that calls f, without its wrappers."""
    while e.inner is not None:
        e = e.inner
    return e


def call_of(e: Evaluator) -> Call:
    """Return how f is called at e's x."""
    call: Call = innermost(e).opened_from
    return call


def x_of(e: Evaluator) -> Array:
    """Return x as it was when the evaluator was opened: a read-only array of x's shape."""
    return as_x(e, e.steps_from)


def as_x(e: Evaluator, flat: Array) -> Array:
    """Return what is known of each coordinate in the shape of x."""
    shaped = flat.reshape(e.base.shape)
    return shaped if e.axis is None else np.ascontiguousarray(np.moveaxis(shaped, -1, e.axis))


def shape_of(e: Evaluator) -> tuple[int, ...]:
    """Return the shape of x, which may be of a subclass that tells another."""
    shape: tuple[int, ...] = (e.base if e.axis is None else np.moveaxis(e.base, -1, e.axis)).shape
    return shape


def in_order(e: Evaluator, array: Array) -> Array:
    """Return what is known of each coordinate of x, flat, in the order in which the evaluator counts them."""
    return array.reshape(-1) if e.axis is None else np.moveaxis(array.reshape(shape_of(e)), e.axis, -1).reshape(-1)


def checked_axis(axis: Any, x: Array) -> int:
    """Return the axis that is meant, counted from the first."""
    if not is_integer(axis) or not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be an axis of x, whose shape is {x.shape}; got {axis!r}")
    return int(axis) % x.ndim


def as_arguments(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else (args,)


def _same(one: Any, other: Any) -> bool:
    """Return whether two options are the same; arrays, also in tuples, by their contents."""
    if one is other or one is None or other is None:
        return one is other
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    try:
        return bool(np.all(one == other))
    except ValueError:  # of a sparse matrix, which is no pattern's
        return False


def _make_again(kind: Callable[..., PreparedOperator], f: Any, options: dict[str, Any]) -> PreparedOperator:
    """Unpickle a prepared operator."""
    return kind(f, **options)
