"""The other packages, each called as its own documentation calls it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

Gradient = Callable[[Callable[..., Any], Any], Any]


@dataclass(frozen=True)
class Peer:
    """A package's gradient: ``gradient(f, x)``, or None where the package is not installed."""

    name: str
    package: str
    accuracy: int | None  # the order of the error in the step; None where it is adapted
    gradient: Gradient | None


def _scipy_3_point() -> Gradient:
    from scipy.optimize._numdiff import approx_derivative

    return partial(approx_derivative, method="3-point")


def _scipy_approx_fprime() -> Gradient:
    from scipy.optimize import approx_fprime

    return lambda f, x: approx_fprime(x, f)


def _statsmodels_centered() -> Gradient:
    from statsmodels.tools.numdiff import approx_fprime

    return lambda f, x: approx_fprime(x, f, centered=True)


def _numdifftools() -> Gradient:
    from numdifftools import Gradient as of

    return lambda f, x: of(f)(x)


def _jacobi() -> Gradient:
    from jacobi import jacobi

    return lambda f, x: jacobi(f, x)[0]


def _peer(name: str, package: str, accuracy: int | None, load: Callable[[], Gradient]) -> Peer:
    try:
        return Peer(name, package, accuracy, load())
    except ImportError:
        return Peer(name, package, accuracy, None)


PEERS = (
    _peer("scipy 3-point", "scipy", 2, _scipy_3_point),
    _peer("scipy approx_fprime", "scipy", 1, _scipy_approx_fprime),
    _peer("statsmodels centered", "statsmodels", 2, _statsmodels_centered),
    _peer("numdifftools", "numdifftools", None, _numdifftools),
    _peer("jacobi", "jacobi", None, _jacobi),
)
