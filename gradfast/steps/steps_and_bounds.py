"""How far to move each coordinate: by its scale and f's rounding, or as the caller asked; and within bounds."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.steps_and_bounds import LEAST_SCALE, WITHIN, Box, Stencil
from gradfast.stencils import truncation
from gradfast.values.arguments import VALUE_DTYPE, Array, Some, as_array, warn

# From accuracy 6 up one asks for an error near f's own rounding: default steps then have this in place of LEAST_SCALE.
HIGH_ACCURACY = 6
LEAST_SCALE_AT_HIGH_ACCURACY = 0.2

# The default step supposes that f varies this many times as fast as exp, whose own best step is too long for most f.
SHORTER = 3


def least_scale(n: int, accuracy: int = 1) -> float:
    """Return the least scale for the n-th derivative: rounding at a small coordinate costs at most its inverse more."""
    scale = LEAST_SCALE if accuracy < HIGH_ACCURACY else LEAST_SCALE_AT_HIGH_ACCURACY
    return float(scale ** (1 / n))


def best_relative_step(stencil: Stencil, eps: float) -> float:
    """Return the step that balances truncation, for an f of a shorter scale than exp's, and rounding, for exp.

    Truncation costs T * (SHORTER * h)**p, with p the accuracy and T the first moment of the
    weights that should vanish and does not; rounding costs R * eps / h**n, with R the sum of the
    weights' sizes. Their sum is least at h = (n R eps / (p T SHORTER**p))**(1 / (n + p)).
    """
    n = stencil.n
    p, factor = truncation(stencil)
    rounding = (abs(stencil.center) + sum(map(abs, stencil.weights))) / stencil.denominator
    return float((n * rounding * eps / (p * factor * SHORTER**p)) ** (1 / (n + p)))


def scale_of(x: Array, scale: object, least: float) -> Array:
    """Return what steps are relative to at x: as :class:`gradfast.Central` says of scale, which may be None."""
    size = np.abs(x)
    if scale is None:
        return np.maximum(size, least)
    size = np.maximum(size, broadcast_steps("scale", scale, x, may_be_zero=True))
    return np.where(size == 0, x.dtype.type(least), size)


def nearest_power_of_two(steps: Array) -> Array:
    """Return powers of two for steps, as rules of steps do: by them one divides exactly. Others than numbers stay."""
    with np.errstate(all="ignore"):
        powers = 2 ** np.rint(np.log2(steps))
    return np.where(np.isfinite(powers), powers, steps)


def broadcast_steps(name: str, value: object, x: Array, *, may_be_zero: bool = False) -> Array:
    """Return steps of x's shape."""
    steps = checked_steps(name, value, may_be_zero=may_be_zero)
    try:
        return np.broadcast_to(steps, x.shape)
    except ValueError:
        raise ValueError(f"{name} must broadcast to the shape of x, {x.shape}; got shape {steps.shape}") from None


def absolute_steps(x: Array, wanted: Array) -> Array:
    """Return the steps asked for, flat, as x can be moved by exactly; RuntimeWarning if rounding swallows one."""
    size = np.abs(x)
    with np.errstate(invalid="ignore", over="ignore"):
        moved = ((size + wanted).astype(x.dtype) - size).astype(VALUE_DTYPE[x.dtype.char])
    swallowed = np.flatnonzero(moved == 0)
    if swallowed.size:
        i = int(swallowed[0])
        warn_of_swallowed_step(name_of_coordinate(x, i), x.flat[i], float(wanted.flat[i]))
    return np.where(np.isfinite(moved) & (moved > 0), moved, wanted).reshape(-1)


def warn_of_swallowed_step(name: str, value: object, step: float) -> None:
    """Warn that rounding leaves a coordinate where it is."""
    warn(f"step = {step:g} is lost to rounding at {name} = {value:g}")


def checked_steps(name: str, value: object, *, may_be_zero: bool = False) -> Array:
    """Return steps as an array; ValueError unless all are finite and positive, or 0 if they may be."""
    steps = as_array(name, value)
    if steps.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be a number or an array of them; got {value!r}")
    wrong = ~((steps >= 0 if may_be_zero else steps > 0) & np.isfinite(steps))
    if wrong.any():
        wanted, found = "from 0 up" if may_be_zero else "positive", steps[wrong].flat[0]
        hint = "; Forward and Backward choose the side" if found < 0 and not may_be_zero else ""  # SciPy's sign does
        raise ValueError(f"{name} must be finite and {wanted}; got {found}{hint}")
    return steps


# --- within bounds ----------------------------------------------------------------------------------------------------

# Stencils to choose from, the preferred one first, and the sign of their steps.
Candidates = tuple[tuple[Stencil, int], ...]

Sides = tuple[Array, Array]  # the lower and the upper bound of each coordinate
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


def _as_pairs(bounds: object) -> Sides | None:
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
    try:
        array = np.asarray(side)
    except (TypeError, ValueError, OverflowError):
        return None
    if array.ndim > 1 or array.dtype.kind not in "fiub" or not array.size:
        return None
    return np.ascontiguousarray(array, np.float64) if array.ndim else float(array)


def checked_bounds(x: Array, bounds: Any, given: object, name: Callable[[int], str] | None = None) -> Sides:
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
            raise _not_within(name(i), flat[i], sides[0][i], sides[1][i], given)
        return np.minimum(sides[0], flat), np.maximum(sides[1], flat)
    return sides


def _not_within(name: str, value: object, lower: object, upper: object, given: object) -> ValueError:
    """Return the error for a coordinate outside its bounds, in as many digits as show it; two pairs may be meant."""
    number = "g" if f"{value:g}" not in (f"{lower:g}", f"{upper:g}") else ""
    is_two = isinstance(given, tuple) and all(isinstance(side, (tuple, list)) and len(side) == 2 for side in given)
    advice = "; a tuple of two is (lower, upper): write pairs for two coordinates as a list" if is_two else ""
    return ValueError(
        f"x must lie within bounds; got {name} = {value:{number}} in [{lower:{number}}, {upper:{number}}]{advice}"
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


def steps_within(x: Array, steps: Array, candidates: Candidates, bounds: Sides) -> tuple[Array, list[Group]]:
    """Return signed steps, and which coordinates take which stencil, so that every node lies within the bounds."""
    kind = VALUE_DTYPE[x.dtype.char]
    signed = np.array(steps, kind).reshape(-1)
    at, lower, upper = (array.reshape(-1).astype(kind, copy=False) for array in (x, *bounds))
    chosen = WITHIN[kind.char](at, signed, candidates, lower, upper, x.dtype.char == "f")
    return signed, [(stencil, np.array(some)) for stencil, some in chosen.items() if some]
