"""How far to move each coordinate: its scale, rounding; and the plan of a call, steps and stencils."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.keep import name_of_coordinate
from gradfast._kernels.relative_step import AT, RelativeStep
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array, as_array
from gradfast.points import VALUE_DTYPE
from gradfast.stencils import truncation
from gradfast.warning import warn

# A coordinate smaller than this is moved as if it were this large: a fixed rule cannot know f's scale.
LEAST_SCALE = 0.1

# The same for the default steps of accuracies from 6 up, with which one asks for an error near f's own rounding.
HIGH_ACCURACY = 6
LEAST_SCALE_AT_HIGH_ACCURACY = 0.2

# How much shorter than exp's f's own length scale may be: exp's best step loses digits on most functions.
SHORTER = 3

EPS = {char: float(np.finfo(char).eps) for char in "fdg"}

Group = tuple[Stencil, npt.NDArray[np.intp] | None]  # None stands for all coordinates


class Plan:
    """The step of each coordinate, flat, and the stencil of each group of coordinates.

    A negative step makes a one-sided stencil look backward. Coordinates in no group are fixed
    by their bounds. If one stencil serves all of them, it is `stencil`, else that is None.
    """

    __slots__ = ("groups", "needs_center", "stencil", "steps")

    def __init__(self, steps: Array | RelativeStep, groups: tuple[Group, ...]) -> None:
        self.steps = steps
        self.groups = groups
        self.stencil = groups[0][0] if groups and groups[0][1] is None else None
        self.needs_center = False
        for stencil, _ in groups:
            if stencil.center:
                self.needs_center = True

    def evaluations(self, size: int) -> int:
        """Return the evaluations for so many coordinates, besides that at the center."""
        return sum(len(stencil.nodes) * (size if some is None else some.size) for stencil, some in self.groups)

    def within(self, part: slice) -> "Plan":
        """Return the plan of a part of the coordinates."""
        steps = self.steps[part] if isinstance(self.steps, np.ndarray) else self.steps
        return Plan(steps, tuple((stencil, indices_within(some, part)) for stencil, some in self.groups))

    def schemes(self, x: Array) -> npt.NDArray[np.str_]:
        """Name what is done to each coordinate: central, forward, backward or fixed."""
        names = np.full(x.size, "fixed", "<U8")
        for stencil, some in self.groups:
            sided = np.where(steps_at(self.steps, x) > 0, "forward", "backward")
            index = slice(None) if some is None else some
            names[index] = "central" if min(stencil.nodes) < 0 else sided[index]
        return names.reshape(x.shape)

    @staticmethod
    def mask(some: npt.NDArray[np.intp] | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Return which coordinates of an array of that shape are among some."""
        mask = np.full(shape, some is None)
        if some is not None:
            mask.reshape(-1)[some] = True
        return mask


def indices_within(some: npt.NDArray[np.intp] | None, part: slice) -> npt.NDArray[np.intp] | None:
    """Return which of some coordinates are in a part, counted from its start."""
    if some is None:
        return None
    first, last = some.searchsorted((part.start, part.stop))  # they are in order
    within: npt.NDArray[np.intp] = some[first:last] - part.start
    return within


def least_scale(n: int, accuracy: int = 1) -> float:
    """Return the least scale for the n-th derivative: rounding at a small coordinate costs at most its inverse more."""
    scale = LEAST_SCALE if accuracy < HIGH_ACCURACY else LEAST_SCALE_AT_HIGH_ACCURACY
    return float(scale ** (1 / n))


def relative_step(stencil: Stencil, eps: float) -> float:
    """Return the step that balances truncation, for an f of a shorter scale than exp's, and rounding, for exp.

    Truncation costs T * (SHORTER * h)**p, with p the accuracy and T the first moment of the
    weights that should vanish and does not; rounding costs R * eps / h**n, with R the sum of the
    weights' sizes. Their sum is least at h = (n R eps / (p T SHORTER**p))**(1 / (n + p)).
    """
    n = stencil.n
    p, factor = truncation(stencil)
    rounding = (abs(stencil.center) + sum(map(abs, stencil.weights))) / stencil.denominator
    return float((n * rounding * eps / (p * factor * SHORTER**p)) ** (1 / (n + p)))


def steps_at(steps: Array | RelativeStep, x: Array) -> Array:
    """Return the steps as a flat array."""
    if not isinstance(steps, RelativeStep):
        return steps
    out = np.empty(x.size, x.dtype)
    AT[x.dtype.char](steps, x.reshape(-1), out)
    return out.astype(VALUE_DTYPE[x.dtype.char], copy=False)


def broadcast_steps(name: str, value: Any, x: Array) -> Array:
    """Return steps of x's shape."""
    steps = checked_steps(name, value)
    try:
        return np.broadcast_to(steps, x.shape)
    except ValueError:
        raise ValueError(f"{name} must broadcast to the shape of x, {x.shape}; got shape {steps.shape}") from None


def absolute_steps(x: Array, wanted: Array) -> Array:
    """Return the steps asked for, as x can be moved by exactly; RuntimeWarning if rounding swallows one."""
    size = np.abs(x)
    with np.errstate(invalid="ignore", over="ignore"):
        moved = ((size + wanted).astype(x.dtype) - size).astype(VALUE_DTYPE[x.dtype.char])
    swallowed = np.flatnonzero((moved == 0) & np.isfinite(x))
    if swallowed.size:
        where = name_of_coordinate(x, int(swallowed[0]))
        warn(f"step = {wanted.flat[swallowed[0]]:g} is lost to rounding at {where} = {x.flat[swallowed[0]]:g}")
    return np.where(np.isfinite(moved) & (moved > 0), moved, wanted).reshape(-1)


def checked_steps(name: str, value: Any) -> Array:
    """Return steps as an array; ValueError unless all are finite and positive."""
    steps = as_array(name, value)
    if steps.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a number or an array of them; got {value!r}")
    wrong = ~((steps > 0) & np.isfinite(steps))
    if wrong.any():
        raise ValueError(f"{name} must be finite and positive; got {steps[wrong].flat[0]}")
    return steps
