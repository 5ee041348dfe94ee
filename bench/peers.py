"""The other packages, each called as its own documentation calls it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

Run = Callable[[Callable[..., Any], Any], Any]


@dataclass(frozen=True)
class Peer:
    """A package's way to a derivative: ``run(f, x)``, or None where the package is not installed."""

    name: str
    package: str
    accuracy: int | None  # the order of the error in the step; None where it is adapted
    run: Run | None


def _peer(name: str, module: str, accuracy: int | None, load: Callable[[Any], Run]) -> Peer:
    package = module.partition(".")[0]
    try:
        return Peer(name, package, accuracy, load(import_module(module)))
    except ImportError:
        return Peer(name, package, accuracy, None)


def _scipy(method: str, accuracy: int | None) -> Peer:
    of = "scipy.optimize._numdiff"
    return _peer(f"scipy {method}", of, accuracy, lambda module: partial(module.approx_derivative, method=method))


def _statsmodels(name: str, function: str, accuracy: int | None, **options: Any) -> Peer:
    def load(module: Any) -> Run:
        approximate = getattr(module, function)
        return lambda f, x: approximate(x, f, **options)

    return _peer(f"statsmodels {name}", "statsmodels.tools.numdiff", accuracy, load)


def _numdifftools(function: str) -> Peer:
    return _peer("numdifftools", "numdifftools", None, lambda module: lambda f, x: getattr(module, function)(f)(x))


def _jacobi(**options: Any) -> Peer:
    return _peer("jacobi", "jacobi", None, lambda module: lambda f, x: module.jacobi(f, x, **options)[0])


def _mygrad() -> Peer:
    def load(module: Any) -> Run:
        def run(f: Callable[..., Any], x: Any) -> Any:
            tensor = module.tensor(x)
            f(tensor).backward()
            return tensor.grad

        return run

    return _peer("mygrad", "mygrad", None, load)


def _scipy_derivative(name: str, accuracy: int | None, **options: Any) -> Peer:
    return _peer(
        name, "scipy.differentiate", accuracy, lambda module: lambda f, x: module.derivative(f, x, **options).df
    )


SCIPY_3_POINT = _scipy("3-point", 2)
SCIPY_APPROX_FPRIME = _peer(
    "scipy approx_fprime", "scipy.optimize", 1, lambda module: lambda f, x: module.approx_fprime(x, f)
)
STATSMODELS_CENTERED = _statsmodels("centered", "approx_fprime", 2, centered=True)

GRADIENT = (SCIPY_3_POINT, STATSMODELS_CENTERED, _numdifftools("Gradient"), _jacobi(), _mygrad())
PEERS = (SCIPY_3_POINT, SCIPY_APPROX_FPRIME, STATSMODELS_CENTERED, _numdifftools("Gradient"), _jacobi())
FORWARD = (_scipy("2-point", 1), SCIPY_APPROX_FPRIME, _statsmodels("forward", "approx_fprime", 1))
# A complex step has no truncation error worth a name: all of these are equals, of order 2.
COMPLEX = (_scipy("cs", 2), _statsmodels("cs", "approx_fprime_cs", 2))
JACOBIAN = (SCIPY_3_POINT, STATSMODELS_CENTERED, _numdifftools("Jacobian"), _jacobi())
HESSIAN = (_statsmodels("approx_hess", "approx_hess", 2), _numdifftools("Hessian"))
DERIVATIVE = (
    _scipy_derivative("scipy order 2", 2, order=2, maxiter=1, initial_step=1e-5),
    _scipy_derivative("scipy derivative", None),
    _numdifftools("Derivative"),
    _jacobi(diagonal=True),
)
ADAPTIVE = (_numdifftools("Gradient"), _jacobi())
