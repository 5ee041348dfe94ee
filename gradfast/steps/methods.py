"""The complex step, with its check, the adaptive method, and the names of all; difference_methods.py has the others."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from gradfast import stencils
from gradfast._kernels.evaluator import OF_VALUES
from gradfast._kernels.operator_run import NAMED
from gradfast._kernels.returned_value import shown, values_of
from gradfast._kernels.steps_and_bounds import LEAST_SCALE, Stencil
from gradfast.steps.difference_methods import Backward, Central, Forward, Method
from gradfast.steps.steps_and_bounds import Sides, best_relative_step
from gradfast.values.arguments import EPS, VALUE_DTYPE, Array, Function, Words, is_integer, is_real


@dataclass(frozen=True)
class Complex(Method):
    """The complex step: the imaginary part of ``f(x + i h) / h``, with nothing subtracted.

    Exact to rounding for an f that is analytic and computes with complex numbers, one evaluation
    a coordinate. f gets complex copies of x, so it must not read x through a closure. At a real x its result must be
    real: of a complex one whose imaginary part is 0, return ``.real`` where x is real.

    Parameters
    ----------
    check : bool
        Whether to compare the result, along one random direction, with a central difference: 2
        evaluations more, which find an ``abs``, ``max``, comparison or conjugate inside f.

    Raises
    ------
    ValueError
        If check is neither True nor False.

    Notes
    -----
    ``f(x + i h) = f(x) + i h f'(x) + O(h**2)``: with nothing to subtract, h is so short that its square is lost
    to rounding [1]_.

    References
    ----------
    .. [1] Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40
       (1998) 110-112.

    Examples
    --------
    >>> from gradfast import Complex
    >>> Complex()
    Complex(check=True)
    """

    check: bool = True
    is_complex = True

    def __post_init__(self) -> None:
        if not isinstance(self.check, (bool, np.bool_)):
            raise ValueError(f"check must be True or False; got {self.check!r}")
        object.__setattr__(self, "check", bool(self.check))

    def __str__(self) -> str:
        return f"Complex{'' if self.check else ', unchecked'}: Im f(x + i h) / h"

    def schemes(self, stencil: Stencil, steps: Array) -> Words:
        """Return what steps do, as :meth:`Central.schemes`."""
        return np.full(np.shape(steps), "complex")

    def require_use(self, n: int, is_native: bool) -> None:
        """ValueError if f is compiled code, which computes with real numbers, or n is not 1."""
        if is_native:
            raise ValueError(f"method must be a difference method when f is compiled code; got {self!r}")
        if n != 1:
            raise ValueError(f"n must be 1 for method 'complex'; got {n}")


@dataclass(frozen=True)
class Adaptive(Method):
    """Differences at step after step, fitted by powers of the step, until their error is as small as it gets.

    The steps are found anew for each coordinate, and each result has an error bar: see
    :mod:`gradfast.algorithms.adaptive`. Near bounds, and where f is NaN or infinite on one side, the differences are
    one-sided.

    Parameters
    ----------
    rtol : float, optional
        The relative error at which to stop. The default is ``eps ** 0.77`` of x's dtype, 9e-13 in double precision, and
        ``eps ** 0.62``, 5e-5, in single precision. Where f's rounding or noise allows less, the best is returned.
    max_evaluations : int
        After this many evaluations a coordinate is not refined further. At most 20 steps are tried: they take 40
        evaluations, or 20 if bounds or f's domain leave one side of x.
    reach : float, optional
        How far from x f may be evaluated along each coordinate, in x's units. The default is ``max(abs(x), 1)``.
    complex : bool
        Whether f may be called with complex numbers, for the higher derivatives of :func:`derivative`. Each value of an
        analytic f then tells its slope as well, which leaves far less rounding in the derivative. It is used only where
        f's values agree with it. Other derivatives are as without it.

    Raises
    ------
    ValueError
        If rtol is not between 0 and 1, max_evaluations no integer of at least 4, reach not positive, or complex neither
        True nor False.

    Notes
    -----
    f's values at several steps are fitted by powers of the step, as in Richardson's extrapolation [1]_, [2]_. What
    the fit leaves out tells the error: the terms of a smooth f fall until they meet f's noise. The documentation's
    page "How the adaptive method works" has the whole method, which is of our own making.

    References
    ----------
    .. [1] Richardson, "The approximate arithmetical solution by finite differences", Phil. Trans. R. Soc. A 210 (1911)
       307-357.
    .. [2] Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4 (1982) 75-76.

    Examples
    --------
    >>> from gradfast import Adaptive
    >>> Adaptive(rtol=1e-6)
    Adaptive(rtol=1e-06, max_evaluations=40, reach=None, complex=False)
    """

    rtol: float | None = None
    max_evaluations: int = 40
    reach: float | None = None
    complex: bool = False
    is_adaptive = True

    def __post_init__(self) -> None:
        if not isinstance(self.complex, (bool, np.bool_)):
            raise ValueError(f"complex must be True or False; got {self.complex!r}")
        if self.reach is not None and not (is_real(self.reach) and 0 < self.reach < inf):
            raise ValueError(f"reach must be a positive number; got {self.reach!r}")
        if self.rtol is not None and not (is_real(self.rtol) and 0 < self.rtol < 1):
            raise ValueError(f"rtol must be a number between 0 and 1; got {self.rtol!r}")
        if not is_integer(self.max_evaluations) or self.max_evaluations < LEAST_EVALUATIONS:
            raise ValueError(
                f"max_evaluations must be an integer of at least {LEAST_EVALUATIONS}; got {self.max_evaluations!r}"
            )

    def __str__(self) -> str:
        rtol = "eps**0.77" if self.rtol is None else self.rtol
        formula = stencils.formula(stencils.central(1, 2))
        return (
            f"Adaptive, rtol {rtol}, at most {self.max_evaluations} evaluations a coordinate: {formula}, extrapolated"
        )

    def require_use(self, n: int, is_native: bool) -> None:
        """ValueError if f is to take complex numbers but is compiled code, which takes real ones."""
        if is_native and self.complex:
            raise ValueError(f"complex must be False when f is compiled code; got {self!r}")

    def tolerance(self, char: str) -> float:
        """Return the relative error at which to stop, for x of a dtype."""
        return EPS[char] ** (0.77 if char in "dg" else 0.62) if self.rtol is None else float(self.rtol)


LEAST_EVALUATIONS = 4  # two steps of two evaluations: with one step nothing tells the error

MethodName = Literal["central", "forward", "backward", "complex", "adaptive"]
AnyMethod = Method | MethodName

NAMED.update(central=Central(), forward=Forward(), backward=Backward(), complex=Complex(), adaptive=Adaptive())

# Of SciPy, numdifftools, statsmodels and jax, for errors that name ours.
NAMES_ELSEWHERE = {"2-point": "forward", "3-point": "central", "5-point": "Central(accuracy=4)", "cs": "complex"}
NAMES_ELSEWHERE |= {"complex-step": "complex", "complex_step": "complex", "centered": "central", "center": "central"}
NAMES_ELSEWHERE |= {"multicomplex": "complex", "backwards": "backward", "forwards": "forward"}
NAMES_ELSEWHERE |= {"richardson": "adaptive", "ridders": "adaptive", "two-point": "forward", "three-point": "central"}
NAMES_ELSEWHERE |= {"five-point": "Central(accuracy=4)", "fd": "central", "finite-difference": "central"}


def as_method(method: object) -> Method:
    """Return the method that a name stands for, or the method itself."""
    found: object = NAMED.get(method) if isinstance(method, str) else method
    if isinstance(found, Method):
        return found
    hint = ""
    if isinstance(method, str):
        name = method.lower()
        ours = name if name in NAMED else NAMES_ELSEWHERE.get(name)
        hint = "" if ours is None else f", which is {ours!r} here"
    elif isinstance(method, type) and issubclass(method, Method):
        hint = f"; write {method.__name__}()"
    raise ValueError(f"method must be one of {', '.join(NAMED)} or a method object; got {method!r}{hint}")


# --- the complex step: f at complex copies of x, whose imaginary part is moved, and directions to check it along ------

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
    return best_relative_step(stencils.forward(1, 1), EPS[char])


def check_along(f: Callable[[float], object], step: float, char: str, derivative: Array) -> int:
    """Compare the derivative at 0 of an f of one number with differences; return how often f was called.

    A fixed step may be wrong for f, or a difference rounding alone (that of the point's dtype.char, whose underflow is
    no fault of f either): f is to blame, by a ValueError, only where those of three steps agree with each other and
    none does with the derivative.
    """
    eps, lost = EPS[char], max(float(np.finfo(char).tiny), np.finfo(float).tiny) / RELATIVE_STEP
    center = np.array(f(0.0), VALUE_DTYPE[char])
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
            break
    with np.errstate(all="ignore"):
        sizes = np.abs([*differences, *(np.array(differences) - derivative)])
        suspect = suspect & (np.ptp(differences, axis=0) <= sizes.min(axis=0) / 8)
    if suspect.any():
        found, wanted = (float(np.ravel(values)[np.argmax(suspect)]) for values in (derivative, differences[0]))
        raise ValueError(
            f"f must be analytic at x for method 'complex'; along a random direction its derivative is {found:.6g} "
            f"by the complex step and {wanted:.6g} by a difference"
        )
    return 1 + len(differences)


def random_direction(x: Array) -> Array:
    """Return a direction in which each coordinate moves away from 0, in proportion to its size.

    It is always the same for a shape. Away from 0, no coordinate leaves the domain of log or sqrt.
    """
    share = np.random.default_rng(x.size).uniform(0.5, 1.0, x.shape)
    return np.copysign(share * np.maximum(np.where(np.isfinite(x), np.abs(x), 0), LEAST_SCALE), x)


def direction_inside(x: Array, v: Array, bounds: Sides, step: float | None = None) -> Array:
    """Return v turned and shortened so that the longest step of the check along it stays inside bounds.

    Where hardly any room is left, f's own rounding would hide the coordinate, and it stays.
    """
    step = check_step(x.dtype.char) if step is None else step
    with np.errstate(invalid="ignore"):  # an x of inf has no room to compute
        rooms = [np.abs(side.reshape(x.shape) - x) / (step * LONGEST_CHECK) for side in bounds]
    above, below = np.minimum(rooms[1], np.abs(v)), np.minimum(rooms[0], np.abs(v))
    inside: Array = np.where((above > below) | (above == below) & (v > 0), above, -below)
    return np.where(np.abs(inside) >= EPS[x.dtype.char] * np.abs(v), inside, 0)
