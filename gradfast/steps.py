"""How far to move each coordinate: its scale, rounding, bounds; and which stencil to use there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.keep import name_of_coordinate
from gradfast._kernels.relative_step import AT, RelativeStep
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array, as_array
from gradfast.points import VALUE_DTYPE
from gradfast.warning import warn

# A coordinate smaller than this is moved as if it were this large: a fixed rule cannot know f's scale.
LEAST_SCALE = 0.1

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


def least_scale(n: int) -> float:
    """Return LEAST_SCALE for the n-th derivative: rounding at a small coordinate costs at most its inverse more."""
    return float(LEAST_SCALE ** (1 / n))


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


def checked_bounds(x: Array, bounds: Any) -> tuple[Array, Array]:
    """Return the lower and upper bound of each coordinate, flat; ValueError if x is not between them."""
    try:
        # scipy.optimize.Bounds by its attributes, not its type
        lower, upper = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") and hasattr(bounds, "ub") else bounds
        sides = _side_of_bounds(x, lower, -np.inf), _side_of_bounds(x, upper, np.inf)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"bounds must be (lower, upper), each broadcast to x's shape {x.shape}; got {bounds!r}"
        ) from None
    flat = x.reshape(-1)
    is_nan = np.isnan(sides[0]) | np.isnan(sides[1])
    for wrong, wanted in ((is_nan, "no NaN"), (sides[0] > sides[1], "no lower above its upper")):
        if wrong.any():
            i = int(np.argmax(wrong))
            found = f"{sides[0][i]:g} and {sides[1][i]:g} at {name_of_coordinate(x, i)}"
            raise ValueError(f"bounds must be (lower, upper) with {wanted}; got {found}")
    outside = np.flatnonzero(~((sides[0] <= flat) & (flat <= sides[1])) & ~np.isnan(flat))
    if outside.size:
        i = int(outside[0])
        raise ValueError(
            f"x must lie within bounds; got {name_of_coordinate(x, i)} = {flat[i]:g} "
            f"in [{sides[0][i]:g}, {sides[1][i]:g}]"
        )
    return sides


def _side_of_bounds(x: Array, side: Any, infinite: float) -> Array:
    """Return one bound of each coordinate, flat; None is no bound. TypeError or ValueError if it cannot be that."""
    array = np.asarray(side)
    if array.dtype.kind == "O":
        array = np.array([infinite if bound is None else bound for bound in array.flat], x.dtype).reshape(array.shape)
    if array.dtype.kind not in "fiub":
        raise TypeError
    with np.errstate(over="ignore"):
        return np.broadcast_to(array.astype(x.dtype), x.shape).reshape(-1)


def plan_within(x: Array, steps: Array, options: Sequence[tuple[Stencil, int]], bounds: tuple[Array, Array]) -> Plan:
    """Return a plan whose every node lies within the bounds.

    Options are stencils and the direction they look in, the preferred one first. A coordinate
    takes the first that fits with its step; where none does, the one with most room and a smaller
    step; where even the smallest step has no room, none.
    """
    flat, sizes = x.reshape(-1), np.abs(steps)
    limits = np.stack([_largest_step(flat, stencil, sign, *bounds) for stencil, sign in options])
    fits = ~(limits < sizes)  # an x of NaN is nowhere, and moves as it would without bounds
    choice = np.where(fits.any(axis=0), fits.argmax(axis=0), limits.argmax(axis=0))
    with np.errstate(divide="ignore"):  # a room of 0
        sizes = np.where(fits.any(axis=0), sizes, 2.0 ** np.floor(np.log2(limits.max(axis=0))))
    signed = sizes * np.array([sign for _, sign in options])[choice]
    groups: list[Group] = []
    for stencil in dict.fromkeys(stencil for stencil, _ in options):
        chosen = np.array([other is stencil for other, _ in options])[choice]
        _halve_until_inside(flat, signed, stencil, chosen, *bounds)
        signed[chosen & _is_too_small(flat, signed, stencil.n)] = 0.0
        some = np.flatnonzero(chosen & (signed != 0))
        if some.size:
            groups.append((stencil, None if some.size == flat.size else some))
    return Plan(signed, tuple(groups))


def _is_too_small(flat: Array, steps: Array, n: int) -> npt.NDArray[np.bool_]:
    """Return where a step does not move x, or its n-th power, which the difference is divided by, underflows."""
    least = float(np.finfo(np.float64).tiny) ** (1 / n)  # that of longdouble is no float
    small: npt.NDArray[np.bool_] = (np.abs(steps) < least) | (flat + steps.astype(flat.dtype) == flat)
    return small


def _largest_step(flat: Array, stencil: Stencil, sign: int, lower: Array, upper: Array) -> Array:
    above, below = (max(sign * side * node for node in (0, *stencil.nodes)) for side in (1, -1))
    with np.errstate(over="ignore", invalid="ignore"):  # an x of inf has no room to compute
        rooms = [(room, reach) for room, reach in ((upper - flat, above), (flat - lower, below)) if reach > 0]
        limits: Array = np.min([room.astype(VALUE_DTYPE[flat.dtype.char]) / reach for room, reach in rooms], axis=0)
    return limits


def _halve_until_inside(flat: Array, steps: Array, stencil: Stencil, some: Array, lower: Array, upper: Array) -> None:
    """Halve in place: x plus a node may round to a number outside though the step fits."""
    nodes = np.array(stencil.nodes)[:, None]
    outside = some
    while outside.any():
        points = (flat + nodes * steps).astype(flat.dtype)
        outside = some & ((points < lower) | (points > upper)).any(axis=0)
        steps[outside] /= 2
