"""One call of an operator, prepared: what to call, what to perturb, how far, by which loops."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import blocks, complex_step, loops
from gradfast.batches import Batch
from gradfast.methods import Complex, Difference, as_method
from gradfast.points import Array, as_point
from gradfast.steps import steps_at

Function = Callable[..., Any]


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

    __slots__ = ("argument", "f", "family", "lifted", "memory", "method", "plan", "x")

    def __init__(
        self,
        f: Function,
        x: Any,
        method: Any,
        bounds: Any,
        args: Any,
        vectorized: bool,
        axis: int | None = None,
        n: int = 1,
    ) -> None:
        self.f = self.lifted = f if args == () else with_arguments(f, args)
        self.x = self.argument = self.memory = x = as_point(x)
        self.method = method = as_method(method)
        self.family: ModuleType | Batch = blocks if vectorized else loops
        if axis is not None and x.ndim > 1:
            self.family = Batch(axis, vectorized)
        if isinstance(method, Difference):
            ready = method.ready_plans.get((n, x.dtype.char)) if bounds is None else None
            self.plan = ready or method.plan(x, n, bounds)
        else:
            self.lifted = complex_step.imaginary_part_of(self.f)
            self.argument = complex_step.complex_copy(x)
            self.memory = self.argument.imag
            self.plan = complex_step.plan_of_imaginary_steps(x, n, bounds)

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
        scheme = np.full(self.x.shape, "complex") if is_complex else self.plan.schemes(self.x)
        return Info(evaluations, np.abs(steps_at(self.plan.steps, self.x)).reshape(self.x.shape), scheme)


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
