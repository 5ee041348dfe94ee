"""The complex step: f at complex copies of x, whose imaginary part is what the loops perturb."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.stencil import Stencil
from gradfast.points import VALUE_DTYPE, Array
from gradfast.stencils import central, relative_step
from gradfast.steps import EPS, LEAST_SCALE, Plan, checked_bounds

Function = Callable[[Any], Any]

IMAGINARY = Stencil(nodes=(1,), weights=(1,), denominator=1)

# Nothing is subtracted, so the step may be far below rounding; its square must be as well.
RELATIVE_STEP = 2.0**-67


def imaginary_part_of(f: Function) -> Function:
    """Return z -> the imaginary part of f(z); TypeError if f drops it."""

    def imaginary_part(z: Any) -> Any:
        result = f(z)
        array = np.asarray(result)
        if array.dtype.kind != "c":
            raise TypeError(
                f"f must compute with complex numbers for method 'complex'; "
                f"it returned {result!r}, of dtype {array.dtype}"
            )
        return array.imag if array.ndim else array.imag[()]

    return imaginary_part


def complex_copy(x: Array) -> Array:
    return x.astype(np.result_type(x.dtype, np.complex64))


def plan_of_imaginary_steps(x: Array, n: int, bounds: Any) -> Plan:
    """Return steps relative to x, however small it is: f may be as curved as log near 0."""
    if n != 1:
        raise ValueError(f"n must be 1 for method 'complex'; got {n}")
    if bounds is not None:
        checked_bounds(x, bounds)  # the real part never moves
    tiny = float(np.finfo(x.dtype).tiny) / RELATIVE_STEP
    size = np.where(np.isfinite(x), np.abs(x), 1).reshape(-1)
    steps = np.where(size > 0, np.maximum(size, tiny), 1) * RELATIVE_STEP
    return Plan(steps.astype(VALUE_DTYPE[x.dtype.char]), ((IMAGINARY, None),))


def check_along(f: Function, x: Array, v: Array, derivative: Any) -> None:
    """Compare a derivative along v with a central difference of f; ValueError if f is not analytic at x.

    A fixed step may be wrong for f, so a difference that does not agree is tried with a longer
    and a shorter step before f is blamed.
    """
    scale = max(float(np.max(np.abs(x))), LEAST_SCALE) / float(np.max(np.abs(v)))
    step = relative_step(central(1, 2), EPS[x.dtype.char]) * scale
    for factor in (1.0, 1 / 32, 32.0):
        h = factor * step
        above, below = (np.array(f((x + sign * h * v).astype(x.dtype)), float) for sign in (1, -1))
        with np.errstate(all="ignore"):
            difference = (above - below) / (2 * h)
            noise = 16 * EPS[x.dtype.char] * (np.abs(above) + np.abs(below)) / h
            far = np.abs(difference - derivative) > 1e-3 * (np.abs(difference) + np.abs(derivative)) + noise
        if not far.any():
            return
    found = tuple(float(np.ravel(value)[np.argmax(far)]) for value in (np.broadcast_arrays(derivative, difference)))
    raise ValueError(
        f"f must be analytic at x for method 'complex'; along a random direction its derivative is {found[0]:.6g} "
        f"by the complex step and {found[1]:.6g} by a central difference"
    )


def random_direction(x: Array) -> Array:
    """Return a direction in which each coordinate moves in proportion to its size; always the same for a shape."""
    signs = np.random.default_rng(x.size).uniform(0.5, 1.0, x.shape) * np.where(np.arange(x.size) % 2, -1, 1).reshape(
        x.shape
    )
    return signs * np.maximum(np.where(np.isfinite(x), np.abs(x), 0), LEAST_SCALE)
