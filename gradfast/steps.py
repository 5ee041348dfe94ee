"""How far to move each coordinate: by its scale and f's rounding, or as the caller asked."""

import numpy as np

from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.stencil import Stencil
from gradfast._kernels.step_plan import LEAST_SCALE
from gradfast.arguments import VALUE_DTYPE, Array, as_array, warn
from gradfast.stencils import truncation

# From accuracy 6 up one asks for an error near f's own rounding: default steps then have this in place of LEAST_SCALE.
HIGH_ACCURACY = 6
LEAST_SCALE_AT_HIGH_ACCURACY = 0.2

# The default step supposes that f varies this many times as fast as exp, whose own best step is too long for most f.
SHORTER = 3


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
