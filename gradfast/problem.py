"""One call of an operator, prepared: what to call, what to perturb, how far, by which loops."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import complex_step
from gradfast._kernels.keep import f_changed, keeping
from gradfast._kernels.native_function import NativeFunction
from gradfast.arguments import Array, is_integer, real_numbers
from gradfast.bounds import checked_bounds
from gradfast.callables import as_objective
from gradfast.calling import many_points, one_point
from gradfast.calling.batch import Batch
from gradfast.calling.compiled import Native
from gradfast.difference_methods import Difference
from gradfast.methods import Adaptive, Complex, as_method
from gradfast.parallel import Chunks
from gradfast.points import VALUE_DTYPE, as_point, as_values
from gradfast.steps import Plan, steps_at
from gradfast.workers import checked_workers

Function = Callable[..., Any]

NO_ARGUMENTS = ()  # there is but one empty tuple; an array, too, may be args, and compares otherwise

SERIAL = Native(None)

NO_PLAN = Plan(np.zeros(0), ())


@dataclass(frozen=True)
class Info:
    """What an operator did: its second result with ``full_output=True``.

    Attributes
    ----------
    evaluations : int
        How often f was evaluated, each point of a vectorised call counted.
    step : ndarray
        The size of the step along each coordinate, of x's shape; 0 where bounds leave no room.
    scheme : ndarray of str
        What was done to each coordinate, of x's shape: "central", "forward", "backward",
        "complex", or "fixed" where bounds leave no room, so that the derivative is 0.
    error : ndarray, optional
        With method "adaptive" an estimate of the absolute error, of the result's shape.
    converged : ndarray of bool, optional
        With method "adaptive" whether the error is within the tolerance, or is f's rounding alone.
    """

    evaluations: int
    step: Array
    scheme: npt.NDArray[np.str_]
    error: Any = None
    converged: Any = None


class Problem:
    """An f and a point x; the loops call `lifted` with `argument` while they perturb `memory`.

    All three are f and x themselves, unless the method is the complex step.
    """

    __slots__ = (
        "argument",
        "bounds",
        "calls_to_check",
        "done",
        "f",
        "family",
        "is_native",
        "lifted",
        "memory",
        "method",
        "n",
        "plan",
        "x",
    )

    def __init__(
        self,
        f: Any,
        x: Any,
        method: Any,
        bounds: Any,
        args: Any,
        vectorized: bool,
        workers: Any = None,
        axis: int | None = None,
        n: int = 1,
        progress: Any = False,
        moves_coordinates: bool = True,
    ) -> None:
        """Prepare the call; one that moves x as a whole, and no single coordinates, makes a plan of its own."""
        if type(f) is not FunctionType:
            f = as_objective(f)
        self.f = self.lifted = f if args is NO_ARGUMENTS else with_arguments(f, args)
        self.x = self.argument = self.memory = x = as_point(x)
        self.method = as_method(method)
        self.family: Any = many_points if vectorized else one_point
        self.is_native = type(f) is NativeFunction
        if self.is_native:
            self._take_native(args, vectorized, workers)
        if axis is not None:
            axis = checked_axis(axis, x)
            self.family = Batch(axis, self.family) if x.ndim > 1 else self.family
        self._take_method(n, bounds, moves_coordinates)
        if progress or (workers is not None and not self.is_native):
            workers = None if self.is_native else checked_workers(workers)
            if progress or workers is not None:
                self.family = Chunks(self.family, workers, progress, f, args, self.is_complex)

    def _take_method(self, n: int, bounds: Any, moves_coordinates: bool) -> None:
        """Plan the steps, of what the method moves: x itself, or the imaginary part of a copy."""
        method, x = self.method, self.x
        if isinstance(method, Difference):
            self.plan = method.plan(self.memory, n, bounds) if moves_coordinates else NO_PLAN
            return
        if isinstance(method, Adaptive):
            self.plan, self.n = NO_PLAN, n
            self.bounds = None if bounds is None else checked_bounds(self.memory, bounds)
            self.done: Callable[[], Info] | None = None  # tells what the ladders did, once they have
            return
        self.lifted = complex_step.imaginary_part_of(self.f)
        self.argument = complex_step.complex_copy(x)
        self.memory = self.argument.imag
        self.bounds = None if bounds is None else checked_bounds(x, bounds)
        self.plan = complex_step.plan_of_imaginary_steps(x, n, self.bounds)
        self.calls_to_check = 0

    def _take_native(self, args: Any, vectorized: bool, workers: int | None) -> None:
        """Let compiled f be called by the native loops, at points in double precision."""
        if args is not NO_ARGUMENTS:
            raise ValueError(f"args must be () when f is compiled code; got {args!r}")
        if vectorized:
            raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
        if isinstance(self.method, Complex):
            raise ValueError(f"method must be a difference method when f is compiled code; got {self.method!r}")
        self.family = SERIAL if workers is None else Native(workers)
        if self.x.dtype.char != "d":
            self.argument = self.memory = self.x.astype(np.float64)

    @property
    def is_complex(self) -> bool:
        return isinstance(self.method, Complex)

    @property
    def is_adaptive(self) -> bool:
        return isinstance(self.method, Adaptive)

    def keeping(self, kernel: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``kernel(*arguments)`` with x as it was: compiled loops leave it alone anyway."""
        return kernel(*arguments) if self.is_native else keeping(self.x, kernel, *arguments)

    def along(self, v: Array) -> Callable[[float], Any]:
        """Return f on the line x + t v, at points that are copies and inside the bounds, as a function of t."""
        x = self.x

        def f(t: float) -> Any:
            point = (x + t * v).astype(x.dtype)
            if self.bounds is not None:
                point = np.clip(point, *(side.reshape(x.shape) for side in self.bounds))
            return self.family.array(self.f, point, point)

        return f

    def given_values(self, f0: Any) -> Array:
        """Return the values at x that the caller has, one number for each point."""
        array = real_numbers("f0", f0)
        wanted = self.shape_of_values()
        if array.shape != wanted and (wanted or array.size != 1):
            raise ValueError(f"f0 must have the shape of f's values at x, {wanted}; got {array.shape}")
        return array.astype(VALUE_DTYPE[self.x.dtype.char]).reshape(wanted)

    def check(self, derivative_along: Callable[[Array], Any]) -> None:
        """Hold a derivative by the complex step against a difference in one direction; see that f left x alone."""
        x = self.x
        same = (self.argument.real == x) | np.isnan(x)
        if not same.all():
            raise f_changed(x, int(np.argmin(same)))
        if isinstance(self.method, Complex) and self.method.check and self.plan.groups and x.size:
            v, char = complex_step.random_direction(x), x.dtype.char
            v = v if self.bounds is None else complex_step.direction_inside(x, v, self.bounds)
            self.calls_to_check = complex_step.check_along(
                self.along(v), complex_step.check_step(char), char, derivative_along(v)
            )

    def evaluations(self, at_center: int, points: int = 1) -> int:
        """Return how often f was evaluated, if it was so often at the center; the check took each point of a batch."""
        checks = self.calls_to_check * points if self.is_complex else 0
        return self.plan.evaluations(self.x.size) + at_center + checks

    def evaluations_of_gradient(self, at_center: bool) -> int:
        """Return how often f was evaluated if it has one value a point."""
        points = math.prod(self.shape_of_values())
        return self.evaluations(points if at_center else 0, points)

    def shape_of_values(self) -> tuple[int, ...]:
        """Return the shape of f's values at x: one number a point."""
        family = getattr(self.family, "serial", self.family)
        return family.shape_of_values(self.x) if isinstance(family, Batch) else ()

    def info(self, evaluations: int) -> Info:
        """Return what was done, in so many evaluations; those of adaptive steps are counted besides."""
        if self.is_adaptive and self.done is not None:
            done = self.done()
            return replace(done, evaluations=done.evaluations + evaluations)
        scheme = self.plan.schemes(self.memory)
        if self.is_complex:
            scheme = np.where(scheme == "fixed", "fixed", "complex")
        return Info(evaluations, np.abs(steps_at(self.plan.steps, self.memory)).reshape(self.x.shape), scheme)


class Agreeing:
    """An f whose value at x the caller knows; its first value, wherever that is, must have the shape of that one."""

    def __init__(self, f: Function, shape: tuple[int, ...], vectorized: bool) -> None:
        self.f, self.shape, self.vectorized, self.is_first = f, shape, vectorized, True

    def __call__(self, x: Any, *args: Any) -> Any:
        values = self.f(x, *args)
        if self.is_first:
            self.is_first = False
            self._compare(as_values(values).shape, np.shape(x))
        return values

    def _compare(self, found: tuple[int, ...], points: tuple[int, ...]) -> None:
        if self.vectorized:
            if found[:1] != points[:1]:
                return  # that is no fault of f0's, and the loops will say so
            found = found[1:]
        if found != self.shape:
            raise ValueError(f"f0 must have the shape of f(x), {found}; got {self.shape}")

    def __repr__(self) -> str:
        return repr(self.f)


def agreeing(f: Any, f0: Any, vectorized: bool) -> tuple[Any, Array]:
    """Return f and its array at x, which the caller knows: a copy of it, for f or x may be what f0 is a view of.

    Nothing is evaluated for it: compiled f has said how many values there are, and another f sees to it by itself.
    """
    f, known = as_objective(f), real_numbers("f0", f0)
    known = known.astype(np.result_type(known, np.float64))
    if type(f) is not NativeFunction:
        return Agreeing(f, known.shape, vectorized), known
    wanted = (f.outputs if f.outputs >= 0 else known.size,)
    if known.shape != wanted:
        raise ValueError(f"f0 must have the shape of f(x), {wanted}; got {known.shape}")
    return f, known


def checked_axis(axis: Any, x: Array) -> int:
    """Return the axis that is meant, counted from the first."""
    if not is_integer(axis) or not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be an axis of x, whose shape is {x.shape}; got {axis!r}")
    return int(axis) % x.ndim


def with_arguments(f: Function, args: Any) -> Function:
    """Return x -> f(x, *args)."""
    arguments = args if isinstance(args, tuple) else (args,)
    return lambda x: f(x, *arguments)


def require_difference(method: Any, operator: str) -> Difference:
    """Return the method if it is one of differences; ValueError that names what cannot use it."""
    found = as_method(method)
    if not isinstance(found, Difference):
        raise ValueError(f"method must be a difference method for {operator}; got {found!r}")
    return found
