"""The complex step: f at complex copies of x, whose imaginary part is moved; and directions to check it along."""

from collections.abc import Callable

import numpy as np

from gradfast._kernels.evaluator import OF_VALUES
from gradfast._kernels.returned_value import shown, values_of
from gradfast._kernels.steps_and_bounds import LEAST_SCALE
from gradfast.arguments import EPS, VALUE_DTYPE, Array, Function
from gradfast.stencils import forward
from gradfast.steps_and_bounds import relative_step

# Nothing is subtracted, so the step may be far below rounding; its square must be as well.
RELATIVE_STEP = 2.0**-67

# The check's steps, in units of the first: longer ones, for a difference of a shorter step has more noise.
CHECK_STEPS = (1.0, 4.0, 16.0)
LONGEST_CHECK = CHECK_STEPS[-1]


def imaginary_part_of(f: Function) -> Function:
    """Return z -> the imaginary part of f(z); TypeError if f drops it."""

    def imaginary_part(z: object, *args: object) -> object:
        result = f(z, *args)
        if isinstance(result, complex):  # np.complex128 too: nearly every f of one value
            return result.imag
        array = values_of(result)
        if array.dtype.kind != "c":
            error = TypeError(
                f"f must compute with complex numbers for method 'complex'; "
                f"it returned {shown(result)}, of dtype {array.dtype}"
            )
            vars(error)[OF_VALUES] = True
            raise error
        return array.imag if array.ndim else array.imag[()]

    return imaginary_part


def complex_copy(x: Array) -> Array:
    return np.ndarray.astype(x, np.result_type(np.asarray(x), np.complex64))


def imaginary_steps_at(x: Array) -> Array:
    """Return the steps at a flat x: relative to it, however small it is, since f may be as curved as log near 0."""
    tiny = float(np.finfo(x.dtype).tiny) / RELATIVE_STEP
    size = np.where(np.isfinite(x), np.abs(x), 1)
    return imaginary_steps(np.where(size > 0, np.maximum(size, tiny), 1).astype(VALUE_DTYPE[x.dtype.char]))


def imaginary_steps(size: Array) -> Array:
    """Return steps for numbers of that size: powers of two, which divide the imaginary part exactly."""
    steps: Array = 2.0 ** np.floor(np.log2(size)) * RELATIVE_STEP
    return steps


def check_step(char: str) -> float:
    """Return the step of the check, relative to x, by its dtype.char."""
    return relative_step(forward(1, 1), EPS[char])


def check_along(f: Callable[[float], object], step: float, char: str, derivative: Array) -> int:
    """Compare the derivative at 0 of an f of one number with differences; return how often f was called.

    ValueError if f is to blame, as :func:`compare` finds it. The char is that of the point's dtype.
    """
    calls, wrong = compare(f, np.array(f(0.0), VALUE_DTYPE[char]), step, char, derivative)
    if wrong is None:
        return 1 + calls
    raise ValueError(
        f"f must be analytic at x for method 'complex'; along a random direction its derivative is {wrong[0]:.6g} "
        f"by the complex step and {wrong[1]:.6g} by a difference"
    )


def compare(
    f: Callable[[float], object], center: Array, step: float, char: str, derivative: Array
) -> tuple[int, tuple[float, float] | None]:
    """Compare the derivative at 0 of an f of one number, center there, with differences.

    Returns how often f was called, and where they differ the derivative and a difference. A fixed
    step may be wrong for f, or a difference rounding alone (that of a dtype.char, whose underflow
    is no fault of f either): they differ only where those of three steps agree with each other and
    none does with the derivative.
    """
    eps, lost = EPS[char], max(float(np.finfo(char).tiny), np.finfo(float).tiny) / RELATIVE_STEP
    differences: list[Array] = []
    suspect = np.ones(center.shape, bool)
    for factor in CHECK_STEPS:
        h = factor * step
        moved = np.array(f(h), VALUE_DTYPE[char])
        with np.errstate(all="ignore"):
            difference = (moved - center) / h
            noise = 16 * eps * (np.abs(moved) + np.abs(center)) / np.abs(h) + lost
            far = np.abs(difference - derivative) > 1e-3 * (np.abs(difference) + np.abs(derivative)) + noise
        differences.append(difference)
        suspect = suspect & far
        if not suspect.any():
            return len(differences), None
    with np.errstate(all="ignore"):
        sizes = np.abs([*differences, *(np.array(differences) - derivative)])
        suspect = suspect & (np.ptp(differences, axis=0) <= sizes.min(axis=0) / 8)
    if not suspect.any():
        return len(differences), None
    found, wanted = (float(np.ravel(values)[np.argmax(suspect)]) for values in (derivative, differences[0]))
    return len(differences), (found, wanted)


def random_direction(x: Array) -> Array:
    """Return a direction in which each coordinate moves away from 0, in proportion to its size.

    It is always the same for a shape. Away from 0, no coordinate leaves the domain of log or sqrt.
    """
    share = np.random.default_rng(x.size).uniform(0.5, 1.0, x.shape)
    return np.copysign(share * np.maximum(np.where(np.isfinite(x), np.abs(x), 0), LEAST_SCALE), x)


def direction_inside(x: Array, v: Array, bounds: tuple[Array, Array], step: float | None = None) -> Array:
    """Return v turned and shortened so that the longest step of the check along it stays inside bounds.

    Where hardly any room is left, f's own rounding would hide the coordinate, and it stays.
    """
    step = check_step(x.dtype.char) if step is None else step
    with np.errstate(invalid="ignore"):  # an x of inf has no room to compute
        rooms = [np.abs(side.reshape(x.shape) - x) / (step * LONGEST_CHECK) for side in bounds]
    above, below = np.minimum(rooms[1], np.abs(v)), np.minimum(rooms[0], np.abs(v))
    inside: Array = np.where((above > below) | (above == below) & (v > 0), above, -below)
    return np.where(np.abs(inside) >= EPS[x.dtype.char] * np.abs(v), inside, 0)
