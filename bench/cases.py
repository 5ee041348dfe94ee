"""Functions of one number at points where differences find it easy, hard or nearly impossible.

Each is written once, over a namespace that is NumPy for what is measured and mpmath for the
reference, a derivative to 50 digits at the very double that x is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

DIGITS = 50

Formula = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class PointCase:
    """A function of several numbers at a point: ``formula(namespace, x)`` with x a sequence of them."""

    name: str
    formula: Formula
    x: tuple[float, ...]
    group: str = "gradient"

    def f(self, x: Any) -> Any:
        """Return the function's value in double precision."""
        return self.formula(np, x)

    @cached_property
    def derivative(self) -> Any:
        """The gradient at x, from mpmath."""
        import mpmath

        with mpmath.workdps(DIGITS):
            x = [mpmath.mpf(number) for number in self.x]

            def along(i: int) -> float:
                return float(mpmath.diff(lambda t: self.formula(mpmath, [*x[:i], t, *x[i + 1 :]]), x[i]))

            return np.array([along(i) for i in range(len(x))])


@dataclass(frozen=True)
class Case:
    """A function at a number: ``formula(namespace, x)``, to which noise of a size may be added."""

    name: str
    formula: Formula
    x: float
    group: str
    noise: float = 0.0

    def f(self, x: Any) -> Any:
        """Return the function's value in double precision, elementwise, and the same value for the same x."""
        with np.errstate(all="ignore"):  # outside its domain the function is NaN
            value = self.formula(np, np.asarray(x, float))
        return value + self.noise * noise_at(x) if self.noise else value

    @cached_property
    def derivative(self) -> float:
        """The derivative at x, from mpmath."""
        import mpmath

        with mpmath.workdps(DIGITS):
            return float(mpmath.diff(lambda x: self.formula(mpmath, x), mpmath.mpf(self.x)))


def noise_at(x: Any) -> Any:
    """Return numbers between -1 and 1 that look random and depend on the bits of x alone."""
    with np.errstate(over="ignore"):
        bits = np.asarray(x, float).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (bits ^ (bits >> np.uint64(32))).astype(float) / 2.0**63 - 1


def _gmsw(m: Any, x: Any) -> Any:
    s = 1 + x**2
    t = 1 / m.sqrt(s) - 1
    return m.expm1(x) ** 2 + t**2


def _moler(m: Any, x: Any) -> Any:
    return m.tan(m.sin(x)) - m.sin(m.tan(x))


def _horner(m: Any, x: Any) -> Any:
    return ((x - 3) * x + 2) * x - 5


# The 31 of the design notes: what a step rule was judged by.
KNOWN = [
    *[Case(f"exp at {x:g}", lambda m, x: m.exp(x), x, "known") for x in (0.0, 1.0, 20.0, 1e-10)],
    *[Case(f"sin at {x:.7g}", lambda m, x: m.sin(x), x, "known") for x in (1.0, float(np.pi), 1e6)],
    Case("cos at 0.1", lambda m, x: m.cos(x), 0.1, "known"),
    *[Case(f"log at {x:g}", lambda m, x: m.log(x), x, "known") for x in (1.0, 1e-3, 1e-7, 1e8)],
    Case("sqrt at 1e-4", lambda m, x: m.sqrt(x), 1e-4, "known"),
    Case("atan at 0.5", lambda m, x: _arc(m, "tan")(x), 0.5, "known"),
    *[Case(f"x^9 at {x:g}", lambda m, x: x**9, x, "known") for x in (1.0, 1e3)],
    Case("cubic at 1e6", _horner, 1e6, "known"),
    Case("exp(-x/1e6) at 1", lambda m, x: m.exp(-x / 1e6), 1.0, "known"),
    Case("exp(x^2) at 1", lambda m, x: m.exp(x**2), 1.0, "known"),
    Case("x^2 ln x at 1", lambda m, x: x**2 * m.log(x), 1.0, "known"),
    Case("x^1.5 at 0.1", lambda m, x: x**1.5, 0.1, "known"),
    Case("1/x at 10", lambda m, x: 1 / x, 10.0, "known"),
    Case("asin at 0.999", lambda m, x: _arc(m, "sin")(x), 0.999, "known"),
    Case("sin(1/x) at 0.01", lambda m, x: m.sin(1 / x), 0.01, "known"),
    Case("sin(x^2 + 1e6 x) at 1", lambda m, x: m.sin(x**2 + 1e6 * x), 1.0, "known"),
    Case("1 + x + x^2 at 1e-12", lambda m, x: 1 + x + x**2, 1e-12, "known"),
    Case("expm1(x)^2 at -8", lambda m, x: m.expm1(x) ** 2, -8.0, "known"),
    Case("exp(100 x) at 0.01", lambda m, x: m.exp(100 * x), 0.01, "known"),
    Case("x^4 + 3 x^2 - 10 x at 0.99999", lambda m, x: x**4 + 3 * x**2 - 10 * x, 0.99999, "known"),
    Case("1e4 x^3 + 0.01 x^2 + 5 x at 1e-9", lambda m, x: 1e4 * x**3 + 0.01 * x**2 + 5 * x, 1e-9, "known"),
    Case("tan sin - sin tan at 5.5", _moler, 5.5, "known"),
]

# Chosen after the design notes, and looked at while the algorithm was tuned: no test set either.
OTHERS = [
    Case("1e6 + x at 1", lambda m, x: 1e6 + x, 1.0, "other"),
    Case("7 x - 3 at 2", lambda m, x: 7 * x - 3, 2.0, "other"),
    Case("x^2 at 3", lambda m, x: x**2, 3.0, "other"),
    Case("sin 50 x at 1", lambda m, x: m.sin(50 * x), 1.0, "other"),
    Case("sin 50 x at 100", lambda m, x: m.sin(50 * x), 100.0, "other"),
    Case("log at 0.01", lambda m, x: m.log(x), 0.01, "other"),
    Case("1/x at 1e-3", lambda m, x: 1 / x, 1e-3, "other"),
    Case("sin at 1e3", lambda m, x: m.sin(x), 1e3, "other"),
    Case("x^3 at 1e8", lambda m, x: x**3, 1e8, "other"),
    Case("x^3 + x at 1e-8", lambda m, x: x**3 + x, 1e-8, "other"),
    Case("tanh at 1e-8", lambda m, x: m.tanh(x), 1e-8, "other"),
    Case("exp(1/x) at 1e8", lambda m, x: m.exp(1 / x) * x, 1e8, "other"),
    Case("exp(-x) sin(4 x^4) at 2.5", lambda m, x: m.exp(-x) * m.sin(4 * x**4), 2.5, "other"),
    Case("1 / (1 + 25 x^2) at 0.3", lambda m, x: 1 / (1 + 25 * x**2), 0.3, "other"),
    Case("1 / (1e-3 + x^2) at 0.02", lambda m, x: 1 / (1e-3 + x**2), 0.02, "other"),
    Case("gaussian of width 1e-3 at 1", lambda m, x: m.exp(-(((x - 1) / 1e-3) ** 2) - (x - 1) / 1e-3), 1.0, "other"),
    Case("sqrt(1 - x) at 0.9999", lambda m, x: m.sqrt(1 - x), 0.9999, "other"),
    Case("log(1 + exp(x)) at 3", lambda m, x: m.log(1 + m.exp(x)), 3.0, "other"),
    Case("logistic(50 x) at 0.1", lambda m, x: 1 / (1 + m.exp(-50 * x)), 0.1, "other"),
    Case("x^x at 5", lambda m, x: x**x, 5.0, "other"),
    Case("cosh at 10", lambda m, x: m.cosh(x), 10.0, "other"),
    Case("x sin(1/x) at 0.05", lambda m, x: x * m.sin(1 / x), 0.05, "other"),
    Case("cubic root of x + 1e-5 at 0", lambda m, x: m.exp(m.log(x + 1e-5) / 3), 0.0, "other"),
    Case("sin(x) + 1e3 at 2", lambda m, x: m.sin(x) + 1e3, 2.0, "other"),
]

# Those of the package numericalderivative that are not among the known ones.
PUBLISHED = [
    Case("quintic at 1", lambda m, x: 5 * x**5 + 4 * x**4 + 3 * x**3 + 2 * x**2 + x + 1, 1.0, "published"),
    Case("1/x at 1", lambda m, x: 1 / x, 1.0, "published"),
    Case("sqrt at 1", lambda m, x: m.sqrt(x), 1.0, "published"),
    Case("GMSW at 1", _gmsw, 1.0, "published"),
    Case("exp(4 x) at 1", lambda m, x: m.exp(4 * x), 1.0, "published"),
]

# Terms of f that cancel leave it fewer digits than rounding of its value would.
CANCELLING = [
    Case("(x + 1)^6 expanded at -0.9", lambda m, x: _expanded(x), -0.9, "cancelling"),
    Case("(1 - cos x) / x^2 at 0.1", lambda m, x: (1 - m.cos(x)) / x**2, 0.1, "cancelling"),
    Case("(exp(x) - 1) / x at 1e-3", lambda m, x: (m.exp(x) - 1) / x, 1e-3, "cancelling"),
]

NOISY = [
    Case(f"{name} at {x:g}, noise {noise:g}", formula, x, "noisy", noise)
    for noise in (1e-8, 1e-4)
    for name, formula, x in (
        ("exp", lambda m, x: m.exp(x), 1.0),
        ("sin", lambda m, x: m.sin(x), 2.0),
        ("1/x", lambda m, x: 1 / x, 0.5),
    )
]

SMOOTH = [*KNOWN, *OTHERS, *PUBLISHED, *CANCELLING]

# Rosenbrock's function, and problems 3, 5, 13, 14, 20 and 21 of More, Garbow and Hillstrom (1981) at their starts.
GRADIENTS = [
    PointCase("rosen, n = 10", lambda m, x: _rosen(x), tuple(np.linspace(-1.2, 1.5, 10).tolist())),
    PointCase("Powell badly scaled", lambda m, x: _powell_badly_scaled(m, x), (0.0, 1.0)),
    PointCase("Beale", lambda m, x: _beale(x), (1.0, 1.0)),
    PointCase("Powell singular", lambda m, x: _powell_singular(x), (3.0, -1.0, 0.0, 1.0)),
    PointCase("Wood", lambda m, x: _wood(x), (-3.0, -1.0, -3.0, -1.0)),
    PointCase("Brown badly scaled", lambda m, x: _brown(x), (1.0, 1.0)),
    PointCase("trigonometric, n = 5", lambda m, x: _trigonometric(m, x), (0.2,) * 5),
]


def _rosen(x: Any) -> Any:
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def _powell_badly_scaled(m: Any, x: Any) -> Any:
    return (10000 * x[0] * x[1] - 1) ** 2 + (m.exp(-x[0]) + m.exp(-x[1]) - 1.0001) ** 2


def _beale(x: Any) -> Any:
    return sum((y - x[0] * (1 - x[1] ** i)) ** 2 for i, y in ((1, 1.5), (2, 2.25), (3, 2.625)))


def _powell_singular(x: Any) -> Any:
    return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4


def _wood(x: Any) -> Any:
    first = 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2 + 90 * (x[3] - x[2] ** 2) ** 2 + (1 - x[2]) ** 2
    return first + 10 * (x[1] + x[3] - 2) ** 2 + (x[1] - x[3]) ** 2 / 10


def _brown(x: Any) -> Any:
    return (x[0] - 1e6) ** 2 + (x[1] - 2e-6) ** 2 + (x[0] * x[1] - 2) ** 2


def _trigonometric(m: Any, x: Any) -> Any:
    n, cosines = len(x), sum(m.cos(number) for number in x)
    return sum((n - cosines + (i + 1) * (1 - m.cos(x[i])) - m.sin(x[i])) ** 2 for i in range(n))


def _arc(m: Any, name: str) -> Any:
    return getattr(m, f"a{name}", None) or getattr(m, f"arc{name}")


def _expanded(x: Any) -> Any:
    return x**6 + 6 * x**5 + 15 * x**4 + 20 * x**3 + 15 * x**2 + 6 * x + 1
