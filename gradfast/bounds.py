"""Within bounds: which stencil fits where, with how long a step."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.stencil import Stencil
from gradfast._kernels.step_plan import WITHIN, Box
from gradfast.arguments import VALUE_DTYPE, Array, Some

Group = tuple[Stencil, Some]  # a stencil, and the coordinates that take it

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


def checked_bounds(
    x: Array, bounds: Any, given: object, name: Callable[[int], str] | None = None
) -> tuple[Array, Array]:
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
            i = int(far[0])
            raise _not_within(name(i), flat[i], sides[0][i], sides[1][i], _advice(given))
        return np.minimum(sides[0], flat), np.maximum(sides[1], flat)
    return sides


def _not_within(name: str, value: object, lower: object, upper: object, advice: str) -> ValueError:
    """Return the error for a coordinate outside its bounds, in as many digits as show it."""
    number = "g" if f"{value:g}" not in (f"{lower:g}", f"{upper:g}") else ""
    return ValueError(
        f"x must lie within bounds; got {name} = {value:{number}} in [{lower:{number}}, {upper:{number}}]{advice}"
    )


def _advice(given: object) -> str:
    """Return how two pairs are written, if bounds are a tuple of two that may have been meant as such."""
    is_two = isinstance(given, tuple) and all(isinstance(side, (tuple, list)) and len(side) == 2 for side in given)
    return "; a tuple of two is (lower, upper): write pairs for two coordinates as a list" if is_two else ""


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
    x: Array, steps: Array, options: tuple[tuple[Stencil, int], ...], bounds: tuple[Array, Array]
) -> tuple[Array, list[Group]]:
    """Return signed steps, and which coordinates take which stencil, so that every node lies within the bounds."""
    kind = VALUE_DTYPE[x.dtype.char]
    signed = np.array(steps, kind).reshape(-1)
    at, lower, upper = (array.reshape(-1).astype(kind, copy=False) for array in (x, *bounds))
    chosen = WITHIN[kind.char](at, signed, options, lower, upper, x.dtype.char == "f")
    return signed, [(stencil, np.array(some)) for stencil, some in chosen.items() if some]
