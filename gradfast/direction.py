"""The line x + t v as a function of t: its scale, its bounds, and the step along it."""

from copy import copy

import numpy as np

from gradfast import complex_step
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.stencil import Stencil
from gradfast._kernels.steps_and_bounds import LEAST_SCALE
from gradfast.arguments import EPS, VALUE_DTYPE, Array, as_array
from gradfast.difference_methods import Difference, Options
from gradfast.evaluators import x_of
from gradfast.steps_and_bounds import scale_of, steps_within


class Line:
    """x + t v as a function of t: how far t may go and is to go."""

    def __init__(self, e: Evaluator, v: object, sides: tuple[Array, Array] | None, n: int = 1) -> None:
        self.n = n  # order of the derivative
        self.x, self.v = x_of(e), np.array(as_array("v", v))  # a copy: v may be x, which moves
        if self.v.shape != self.x.shape:
            raise ValueError(f"v must have the shape of x, {self.x.shape}; got {self.v.shape}")
        if self.v.dtype.kind not in "fiub" or not np.isfinite(self.v).all():
            raise ValueError(f"v must hold finite real numbers; got {v!r}")
        self.sides = None if sides is None else [side.reshape(self.x.shape) for side in sides]
        self.length = float(norm(self.v))
        self.size = np.array([size_along(self.x, self.v) if self.length else 0], self.x.dtype)
        self.size_as_value = self.size.astype(VALUE_DTYPE[self.x.dtype.char])

    def step(
        self, method: Difference, precision: str, options: Options | None = None
    ) -> tuple[Stencil, np.floating] | None:
        """Return the stencil and the step of t, by the method's options or by some; None if bounds leave no room."""
        size = self.size
        if method.step is not None:  # a distance: it is lost where x as a whole does not see it
            size = np.array([norm(self.x)], size.dtype)
        elif method.scale is not None:
            size = np.array([size_along(self.x, self.v, method.scale)], size.dtype)
        steps = with_one_step(method).steps_at(size.reshape(()), self.n, precision) / self.length
        options = options or method.options(self.n)
        if self.sides is None:
            stencil, sign = options[0]
            return stencil, sign * steps[0]
        t = np.zeros(1, self.size_as_value.dtype)
        signed, groups = steps_within(t, np.abs(steps), options, self.ends())
        return (groups[0][0], self.inside(groups[0][0], signed[0])) if groups else None

    @property
    def is_finite(self) -> bool:
        """Whether x is finite where v moves it."""
        return bool(np.isfinite(self.x[self.v != 0]).all())

    def ends(self) -> tuple[Array, Array]:
        """Return the least and the largest t that bounds allow."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.array([(side - self.x) / self.v for side in self.sides or ()], self.size_as_value.dtype)
        found = np.where(
            self.v == 0, np.array([-np.inf, np.inf]).reshape(2, *(1,) * self.v.ndim), np.sort(found, axis=0)
        )
        return found[0].max(keepdims=True).reshape(1), found[1].min(keepdims=True).reshape(1)

    def inside(self, stencil: Stencil, t: np.floating) -> np.floating:
        """Return t, shortened by a few units in the last place if rounding would move a point beyond the bounds."""
        nodes = np.array(stencil.nodes).reshape(-1, *(1,) * self.x.ndim)
        assert self.sides is not None
        lower, upper = self.sides
        less = EPS["d"]
        while t != 0:
            points = (self.x + nodes * (t * self.v)).astype(self.x.dtype)
            if not ((points < lower) | (points > upper)).any():
                break
            t, less = t * (1 - less), 2 * less
        return t

    def no_room(self) -> ValueError:
        """Return the error for bounds that fix x along v: a coordinate may be taken out by 0, but not a direction."""
        below, above = (float(end[0]) + 0.0 for end in self.ends())
        return ValueError(
            f"bounds must leave room along v, above or below; got {below:g} to {above:g} for t in x + t v"
        )

    def step_of_check(self, char: str) -> float:
        """Return the step of t for the check: negative if bounds leave more room below, 0 if hardly any."""
        step = complex_step.check_step(char) * float(self.size[0]) / self.length
        if self.sides is None:
            return step
        above, below = (min(step, abs(float(t[0])) / complex_step.LONGEST_CHECK) for t in self.ends()[::-1])
        if max(above, below) < EPS[char] * step:
            return 0.0
        return above if above >= below else -below

    @property
    def scale(self) -> float:
        """What adaptive steps begin relative to, in units of t."""
        return float(self.size[0]) / self.length if self.length else 0.0


def norm(vector: Array) -> np.floating:
    """Return the Euclidean norm, whatever the magnitude: a sum of squares may overflow, or vanish."""
    largest: np.floating = np.abs(vector).max(initial=0)
    if 0 < largest < np.inf:
        with np.errstate(all="ignore"):
            largest = largest * np.linalg.norm((vector / largest).reshape(-1))
    return largest


def size_along(x: Array, v: Array, scale: object = None) -> np.floating:
    """Return the length L such that a step of r L along v moves coordinates by r times their scales, max(abs(x), 0.1).

    With a scale these are ``max(abs(x), scale)``. That holds in the root mean square over the coordinates that v moves.
    If all have one scale, L is x's norm.
    """
    moved = v != 0
    with np.errstate(all="ignore"):
        parts = v[moved] / scale_of(x, scale, LEAST_SCALE)[moved]
        length: np.floating = norm(v) * np.sqrt(parts.size) / norm(parts)
    return length


def with_one_step(method: Difference) -> Difference:
    """Return the method with its step as a number, relative to a size alone; ValueError if there are several."""
    for name in ("step", "rel_step"):
        steps = getattr(method, name)
        if np.size(steps) != 1:
            raise ValueError(f"{name} must be one number for a direction; got shape {np.shape(steps)}")
        if np.ndim(steps):
            method = copy(method)
            vars(method)[name] = float(np.ravel(steps)[0])
    if method.scale is not None:
        method = copy(method)
        vars(method)["scale"] = 0.0
    return method
