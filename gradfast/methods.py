"""The methods by name, and those that are no differences with a fixed step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradfast import stencils
from gradfast.arguments import is_integer, is_real
from gradfast.difference_methods import Backward, Central, Difference, Forward
from gradfast.steps import EPS


@dataclass(frozen=True)
class Complex:
    """The complex step: the imaginary part of ``f(x + i h) / h``, with nothing subtracted.

    Exact to rounding for an f that is analytic and computes with complex numbers, one evaluation
    a coordinate. f gets complex copies of x, so it must not read x through a closure.

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

    def __post_init__(self) -> None:
        if not isinstance(self.check, (bool, np.bool_)):
            raise ValueError(f"check must be True or False; got {self.check!r}")
        object.__setattr__(self, "check", bool(self.check))

    def __str__(self) -> str:
        return f"Complex{'' if self.check else ', unchecked'}: Im f(x + i h) / h"


@dataclass(frozen=True)
class Adaptive:
    """Central differences at step after step, extrapolated, until their error is as small as it gets.

    The steps are found anew for each coordinate, and each result has an error estimate: see
    :mod:`gradfast.adaptive`. Near bounds, and where f is NaN or infinite on one side, the
    differences are one-sided.

    Parameters
    ----------
    rtol : float, optional
        The relative error at which to stop. The default is ``eps ** 0.83`` of x's dtype, 1e-13 in
        double precision. Where f's rounding or noise allows less, the best is returned.
    max_evaluations : int
        After so many evaluations a coordinate is not refined further.

    Raises
    ------
    ValueError
        If rtol is not between 0 and 1, or max_evaluations no integer of at least 4.

    Notes
    -----
    Differences at falling steps are extrapolated to the step 0, and what the last extrapolations changed tells
    the error [1]_, [2]_. Which steps, and when to stop, is of our own making.

    References
    ----------
    .. [1] Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4 (1982) 75-76.
    .. [2] Press et al., "Numerical Recipes", 3rd ed., Cambridge University Press (2007), section 5.7.

    Examples
    --------
    >>> from gradfast import Adaptive
    >>> Adaptive(rtol=1e-6)
    Adaptive(rtol=1e-06, max_evaluations=40)
    """

    rtol: float | None = None
    max_evaluations: int = 40

    def __post_init__(self) -> None:
        if self.rtol is not None and not (is_real(self.rtol) and 0 < self.rtol < 1):
            raise ValueError(f"rtol must be a number between 0 and 1; got {self.rtol!r}")
        if not is_integer(self.max_evaluations) or self.max_evaluations < LEAST_EVALUATIONS:
            raise ValueError(
                f"max_evaluations must be an integer of at least {LEAST_EVALUATIONS}; got {self.max_evaluations!r}"
            )

    def __str__(self) -> str:
        rtol = "eps**0.83" if self.rtol is None else self.rtol
        formula = stencils.formula(stencils.central(1, 2))
        return (
            f"Adaptive, rtol {rtol}, at most {self.max_evaluations} evaluations a coordinate: {formula}, extrapolated"
        )

    def tolerance(self, char: str) -> float:
        """Return the relative error at which to stop, for x of a dtype."""
        return EPS[char] ** 0.83 if self.rtol is None else float(self.rtol)


LEAST_EVALUATIONS = 4  # two steps of two evaluations, of which one has an error estimate

Method = Difference | Complex | Adaptive

NAMES: dict[str, Method] = {
    "central": Central(),
    "forward": Forward(),
    "backward": Backward(),
    "complex": Complex(),
    "adaptive": Adaptive(),
}


def as_method(method: Any) -> Method:
    """Return the method that a name stands for, or the method itself."""
    if type(method) is str and method in NAMES:
        return NAMES[method]
    if isinstance(method, (Difference, Complex, Adaptive)):
        return method
    raise ValueError(f"method must be one of {', '.join(NAMES)} or a method object; got {method!r}")
