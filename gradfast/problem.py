"""One call of an operator, prepared: what to call, what to perturb, how far, by which loops."""

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import blocks, complex_step, loops
from gradfast._kernels.memory import keeping
from gradfast._kernels.native_loop import NativeFunction
from gradfast.batches import Batch
from gradfast.methods import Complex, Difference, as_method
from gradfast.native import Native
from gradfast.objectives import as_objective
from gradfast.points import Array, as_point
from gradfast.steps import steps_at

Function = Callable[..., Any]

SERIAL = Native(None)


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
    """

    evaluations: int
    step: Array
    scheme: npt.NDArray[np.str_]


class Problem:
    """An f and a point x; the loops call `lifted` with `argument` while they perturb `memory`.

    All three are f and x themselves, unless the method is the complex step.
    """

    __slots__ = ("argument", "f", "family", "is_native", "lifted", "memory", "method", "plan", "x")

    def __init__(
        self,
        f: Any,
        x: Any,
        method: Any,
        bounds: Any,
        args: Any,
        vectorized: bool,
        workers: int | None = None,
        axis: int | None = None,
        n: int = 1,
    ) -> None:
        if type(f) is not FunctionType:
            f = as_objective(f)
        self.f = self.lifted = f if args == () else with_arguments(f, args)
        self.x = self.argument = self.memory = x = as_point(x)
        self.method = method = as_method(method)
        self.family: ModuleType | Native | Batch = blocks if vectorized else loops
        self.is_native = type(f) is NativeFunction
        if self.is_native:
            self._take_native(args, vectorized, workers)
        elif workers is not None:
            raise ValueError(f"workers must be None unless f is compiled code; got {workers!r}")
        if axis is not None and x.ndim > 1:
            self.family = Batch(axis, self.family)
        if isinstance(method, Difference):
            ready = method.ready_plans.get((n, self.memory.dtype.char)) if bounds is None else None
            self.plan = ready or method.plan(self.memory, n, bounds)
        else:
            self.lifted = complex_step.imaginary_part_of(self.f)
            self.argument = complex_step.complex_copy(x)
            self.memory = self.argument.imag
            self.plan = complex_step.plan_of_imaginary_steps(x, n, bounds)

    def _take_native(self, args: Any, vectorized: bool, workers: int | None) -> None:
        """Let compiled f be called by the native loops, at points in double precision."""
        if args != ():
            raise ValueError(f"args must be () when f is compiled code; got {args!r}")
        if vectorized:
            raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
        if not isinstance(self.method, Difference):
            raise ValueError(f"method must be a difference method when f is compiled code; got {self.method!r}")
        self.family = SERIAL if workers is None else Native(workers)
        if self.x.dtype.char != "d":
            self.argument = self.memory = self.x.astype(np.float64)

    def keeping(self, kernel: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``kernel(*arguments)`` with x as it was: compiled loops leave it alone anyway."""
        return kernel(*arguments) if self.is_native else keeping(self.x, kernel, *arguments)

    def at(self, point: Array) -> Any:
        """Return f at a point that is not x."""
        return self.family.array(self.f, point, point)

    def check(self, derivative_along: Callable[[Array], Any]) -> None:
        """Hold a derivative by the complex step against a central difference in one direction."""
        v = complex_step.random_direction(self.x)
        complex_step.check_along(self.at, self.x, v, derivative_along(v))

    def evaluations(self, at_center: int) -> int:
        """Return how often f was evaluated, if it was so often at the center."""
        count = self.plan.evaluations(self.x.size) + at_center
        if self.method.check:
            count += 2 * (self.x.size // self.x.shape[self.family.axis] if isinstance(self.family, Batch) else 1)
        return count

    def info(self, evaluations: int) -> Info:
        """Return what was done."""
        is_complex = isinstance(self.method, Complex)
        scheme = np.full(self.x.shape, "complex") if is_complex else self.plan.schemes(self.memory)
        return Info(evaluations, np.abs(steps_at(self.plan.steps, self.memory)).reshape(self.x.shape), scheme)


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
