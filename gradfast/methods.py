"""The complex step and the adaptive method, and what all methods are called; difference_methods.py has the others."""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np

from gradfast import stencils
from gradfast._kernels.operator_run import NAMED
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import EPS, Array, Words, is_integer, is_real
from gradfast.difference_methods import Backward, Central, Forward, Method


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
    :mod:`gradfast.adaptive`. Near bounds, and where f is NaN or infinite on one side, the
    differences are one-sided.

    Parameters
    ----------
    rtol : float, optional
        The relative error at which to stop. The default is ``eps ** 0.77`` of x's dtype, 9e-13 in
        double precision, and ``eps ** 0.62``, 5e-5, in single precision. Where f's rounding or
        noise allows less, the best is returned.
    max_evaluations : int
        After this many evaluations a coordinate is not refined further. At most 20 steps are tried: they take 40
        evaluations, or 20 if bounds or f's domain leave one side of x.
    reach : float, optional
        How far from x f may be evaluated along each coordinate, in x's units. The default is
        ``max(abs(x), 1)``.

    Raises
    ------
    ValueError
        If rtol is not between 0 and 1, max_evaluations no integer of at least 4, or reach not positive.

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
    Adaptive(rtol=1e-06, max_evaluations=40, reach=None)
    """

    rtol: float | None = None
    max_evaluations: int = 40
    reach: float | None = None
    is_adaptive = True

    def __post_init__(self) -> None:
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
    found: object = NAMED.get(method) if type(method) is str else method
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
