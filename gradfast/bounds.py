"""Within bounds: which stencil fits where, with how long a step."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.plan import Box
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import VALUE_DTYPE, Array

Group = tuple[Stencil, npt.NDArray[np.intp]]  # a stencil, and the coordinates that take it

# An x that rounding left outside by a few units in the last place is taken to be at its bound.
ULPS_OUTSIDE = 8

NEVER_FAR = Box(np.nan, np.nan)


def sides_of(bounds: Any) -> Any:
    """Return the lower and the upper side, as copies of what the caller may change; what are no two sides as it is."""
    bounds = list(bounds) if isinstance(bounds, Iterator) else bounds  # as zip(lower, upper)
    pairs = _as_pairs(bounds)
    if pairs is not None:
        return pairs
    try:
        # scipy.optimize.Bounds by its attributes, not its type; a LinearConstraint has them too, of A @ x
        is_pair = type(bounds) is tuple or hasattr(bounds, "A") or not (hasattr(bounds, "lb") and hasattr(bounds, "ub"))
        lower, upper = bounds if is_pair else (bounds.lb, bounds.ub)
    except (TypeError, ValueError):
        return bounds  # an error says so when x is known
    return tuple([np.array(side) if isinstance(side, np.ndarray) else side for side in (lower, upper)])


def _as_pairs(bounds: object) -> tuple[Array, Array] | None:
    """Return two sides of what is a list or an array of a pair for each coordinate, as SciPy has it; None of others.

    A tuple of two is two sides, whatever it holds. A longer one can only be pairs.
    """
    if not isinstance(bounds, (list, tuple, np.ndarray)) or (isinstance(bounds, tuple) and len(bounds) == 2):
        return None
    if not len(bounds) or not all(isinstance(pair, (list, tuple, np.ndarray)) and len(pair) == 2 for pair in bounds):
        return None
    if any(np.ndim(bound) for pair in bounds for bound in pair):
        return None
    lower, upper = (
        np.array([infinite if pair[side] is None else pair[side] for pair in bounds])
        for side, infinite in ((0, -np.inf), (1, np.inf))
    )
    return lower, upper


def box_of(sides: object) -> Box:
    """Return bounds as a compiled operator reads them to see that they are far; if it cannot, one that never is."""
    if type(sides) is not tuple or len(sides) != 2:
        return NEVER_FAR
    lower, upper = _readable(sides[0], -np.inf), _readable(sides[1], np.inf)
    return NEVER_FAR if lower is None or upper is None else Box(lower, upper)


def _readable(side: object, infinite: float) -> Any:
    """Return a side as a float or an array of doubles with one axis; None if it is neither."""
    if side is None:
        return infinite
    if type(side) is float:
        return side
    if hasattr(side, "index") and not isinstance(side, (list, tuple)):  # labels may be in another order than x's
        return None
    try:
        array = np.asarray(side)
    except (TypeError, ValueError, OverflowError):
        return None
    if array.ndim > 1 or array.dtype.kind not in "fiub" or not array.size:
        return None
    if not array.ndim:
        return float(array)
    return (
        array
        if array.dtype == np.float64 and array.dtype.isnative and array.flags.c_contiguous
        else array.astype(np.float64)
    )


def checked_bounds(x: Array, bounds: Any, given: Any, name: Callable[[int], str] | None = None) -> tuple[Array, Array]:
    """Return the lower and upper bound of each coordinate, flat; ValueError, which names it, if one is outside."""
    name = name or partial(name_of_coordinate, x)
    try:
        lower, upper = bounds
        sides = _side_of_bounds(x, lower, -np.inf), _side_of_bounds(x, upper, np.inf)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"bounds must be (lower, upper), each broadcast to x's shape {x.shape}; got {given!r}"
        ) from None
    flat = x.reshape(-1)
    is_nan = np.isnan(sides[0]) | np.isnan(sides[1])
    for wrong, wanted in ((is_nan, "no NaN"), (sides[0] > sides[1], "no lower above its upper")):
        if wrong.any():
            i = int(np.argmax(wrong))
            found = f"{sides[0][i]:g} and {sides[1][i]:g} at {name(i)}"
            raise ValueError(f"bounds must be (lower, upper) with {wanted}; got {found}")
    outside = np.flatnonzero(~((sides[0] <= flat) & (flat <= sides[1])) & ~np.isnan(flat))
    if outside.size:
        slack = ULPS_OUTSIDE * np.spacing(np.abs(flat[outside]))
        far = outside[(flat[outside] < sides[0][outside] - slack) | (flat[outside] > sides[1][outside] + slack)]
        if far.size:
            raise _not_within(name(int(far[0])), *(part[far[0]] for part in (flat, *sides)))
        return np.minimum(sides[0], flat), np.maximum(sides[1], flat)
    return sides


def _not_within(name: str, value: object, lower: object, upper: object) -> ValueError:
    """Return the error for a coordinate outside its bounds, in as many digits as show it."""
    number = "g" if f"{value:g}" not in (f"{lower:g}", f"{upper:g}") else ""
    return ValueError(
        f"x must lie within bounds; got {name} = {value:{number}} in [{lower:{number}}, {upper:{number}}]"
    )


def _side_of_bounds(x: Array, side: object, infinite: float) -> Array:
    """Return one bound of each coordinate, flat; None is no bound. TypeError or ValueError if it cannot be that."""
    array = np.asarray(side)
    if array.dtype.kind == "O":
        array = np.array([infinite if bound is None else bound for bound in array.flat], x.dtype).reshape(array.shape)
    if array.dtype.kind not in "fiub":
        raise TypeError
    if array.ndim == 1 and array.size == x.size:  # of pairs, one for each coordinate whatever x's shape is
        array = array.reshape(x.shape)
    with np.errstate(over="ignore"):
        return np.broadcast_to(array.astype(x.dtype), x.shape).reshape(-1)


def steps_within(
    x: Array, steps: Array, options: Sequence[tuple[Stencil, int]], bounds: tuple[Array, Array]
) -> tuple[Array, list[Group]]:
    """Return signed steps, and which coordinates take which stencil, so that every node lies within the bounds.

    Options are stencils and the direction they look in, the preferred one first. A coordinate takes the first that fits
    with its step; where none does, the one with most room and a shorter step. Where even the shortest step has no room
    the coordinate is in no group, and its step is 0.
    """
    flat, sizes = x.reshape(-1), np.abs(steps)
    limits = np.stack([_largest_step(flat, stencil, sign, *bounds) for stencil, sign in options])
    fits = ~(limits < sizes)  # an x of NaN is nowhere, and moves as it would without bounds
    choice = np.where(fits.any(axis=0), fits.argmax(axis=0), limits.argmax(axis=0))
    sizes = np.where(fits.any(axis=0), sizes, _largest_exact(flat, limits.max(axis=0), options))
    signed = sizes * np.array([sign for _, sign in options])[choice]
    groups: list[Group] = []
    for stencil in dict.fromkeys(stencil for stencil, _ in options):
        chosen = np.array([other is stencil for other, _ in options])[choice]
        _halve_until_inside(flat, signed, stencil, chosen, *bounds)
        signed[chosen & _is_too_small(flat, signed, stencil.n)] = 0.0
        some = np.flatnonzero(chosen & (signed != 0))
        if some.size:
            groups.append((stencil, some))
    return signed, groups


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


def _largest_exact(flat: Array, limits: Array, options: Sequence[tuple[Stencil, int]]) -> Array:
    """Return the longest steps up to the limits that x is moved by exactly, at each node; 0 where there are none."""
    reach = max(abs(node) for stencil, _ in options for node in stencil.nodes)
    with np.errstate(invalid="ignore", over="ignore"):  # a limit of inf, which is not used
        grid = np.spacing((np.abs(flat) + reach * limits).astype(flat.dtype)).astype(limits.dtype)
        steps: Array = grid * np.floor(limits / grid)
    return steps


def _halve_until_inside(flat: Array, steps: Array, stencil: Stencil, some: Array, lower: Array, upper: Array) -> None:
    """Halve in place: x plus a node may round to a number outside though the step fits."""
    nodes = np.array(stencil.nodes)[:, None]
    outside = some
    while outside.any():
        points = (flat + nodes * steps).astype(flat.dtype)
        outside = some & ((points < lower) | (points > upper)).any(axis=0)
        steps[outside] /= 2
