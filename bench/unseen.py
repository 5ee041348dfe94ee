"""Functions that the adaptive method was judged on after it was made, with points.

They were written before the method, in two halves. It was tuned with the first in sight, which is here. The second was
kept back until the method was done: :mod:`bench.kept_back`. Each function is a formula of :mod:`bench.formulas`, and
its derivative is mpmath's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bench.formulas import (
    acos,
    asin,
    asinh,
    atan,
    cos,
    cosh,
    decimals,
    digits,
    exp,
    expm1,
    floor,
    half,
    log,
    log1p,
    maximum,
    minimum,
    noise,
    pi,
    sin,
    single,
    sinh,
    sqrt,
    tan,
    tanh,
    where,
)

DIGITS = 60

Formula = Callable[[Any], Any]


@dataclass(frozen=True)
class Unseen:
    """A function at a point, its derivative's order, and what side of x bounds leave."""

    group: str  # "smooth", "rough", "higher" or "bounds"
    kind: str
    formula: Formula
    x: float
    n: int = 1
    scale: float | None = None  # the size that errors are relative to, where the derivative is no such size

    def f(self, x: Any) -> Any:
        """Return the function's value, elementwise."""
        with np.errstate(all="ignore"):  # outside its domain the function is NaN
            return self.formula(np.asarray(x, float)[()])

    @property
    def bounds(self) -> tuple[float, float] | None:
        sides = {"bound below": (self.x, np.inf), "bound above": (-np.inf, self.x)}
        return sides.get(self.kind)

    @cached_property
    def derivatives(self) -> tuple[float, float]:
        """The least and the largest right derivative: they differ at a kink."""
        import mpmath

        with mpmath.workdps(DIGITS):
            x = mpmath.mpf(self.x)
            sides = (1, -1) if self.kind == "at kink" else (0,)
            found = [float(mpmath.diff(self.formula, x, self.n, direction=side)) for side in sides]
        return min(found), max(found)


def cases(rows: Mapping[tuple[Any, ...], Sequence[tuple[Any, ...]]]) -> list[Unseen]:
    """Return the cases of each kind; a row is a formula, its points and perhaps a scale."""
    return [
        Unseen(group, kind, formula, x, n, *scale)
        for (group, kind, *orders), functions in rows.items()
        for formula, points, *scale in functions
        for x in points
        for n in (orders[0] if orders else (1,))
    ]


TUNED_ON = cases(
    {
        ("smooth", "ordinary"): [
            (lambda x: log(2 + sin(3 * x)), (0.9, 4.45)),
            (lambda x: 2 * atan(tanh(x / 2)), (0.3, 2.5)),
            (lambda x: log(log(x)), (3.0, 57.0)),
            (lambda x: (x * x + 1) ** (1 / 3), (-4.0, 0.7)),
            (lambda x: sin(x) * sin(1.1 * x + 2), (1.1, 7.3)),
            (lambda x: 2**x - 3 ** (x / 2), (1.2, -2.3)),
            (lambda x: x**3 - 3 * x + 0.1 * cos(x - 1), (1.0,), 3.0),
            (lambda x: asinh(4 * x) * exp(-x * x / 5), (0.17, -1.6)),
            (lambda x: acos(x / (1 + x * x)), (0.4, 3.3)),
        ],
        ("smooth", "tiny x"): [
            (lambda x: 1 / (x * x), (2e-9, -5e-14)),
            (lambda x: tanh(x / 2e-10), (1e-10, -3.3e-10)),
            (lambda x: x**3 / (x * x + 4e-16), (1.3e-8, 5e-8)),
            (lambda x: sin(x / 1e-12) / (1 + x / 1e-11), (4e-12, 1.7e-11)),
            (lambda x: exp(x) * (1 + 3 * x), (1e-12, -2e-17)),
            (lambda x: 1 / (x + 1e-7) - 2e-7 / (x * x), (6e-7,)),
        ],
        ("smooth", "huge x"): [
            (lambda x: sqrt(2 + x * x), (3e12, -1e7)),
            (lambda x: 1 / (x + 1e15), (4e15, 7e13)),
            (lambda x: atan(x / 1e50), (2e50, -3e49)),
            (lambda x: x * log(x) - x, (1e17,)),
            (lambda x: 1.327e20 / x + 0.5 * x * x * 3.9e-14, (1.5e11,)),
        ],
        ("smooth", "huge or tiny f"): [
            (lambda x: exp(x) * 1e250, (2.0, -3e1)),
            (lambda x: 1e-290 * cosh(x), (1.3, 4.0)),
            (lambda x: x**-20, (3e9, 1e-9)),
            (lambda x: 1e307 * atan(x), (2.1,)),
        ],
        ("smooth", "two scales"): [
            (lambda x: 0.5 * x * x + 3e-17 / x, (1.2e-6, 4e-5)),
            (lambda x: cos(x) + 1e-6 / ((x - 2) ** 2 + 1e-8), (2.00005, 2.003)),
            (lambda x: x - (1 - exp(-x / 1e-4)), (0.0001, 0.0006)),
            (lambda x: x**2 + 1e-4 / (x - 1), (1.00002, 1.001)),
            (lambda x: tanh(2000 * x) * (1 + 0.1 * cos(x)), (0.0003, 0.0008)),
        ],
        ("smooth", "short waves"): [
            (lambda x: sin(300 * x) + x, (2.3, 0.04)),
            (lambda x: sin(x * x + 1), (3e2, 2.5e3)),
            (lambda x: sin(50 * sin(20 * x)), (0.21, 1.7)),
            (lambda x: cos(x - 0.7853981633974483) / sqrt(x), (1e5, 3.3e4)),
        ],
        ("smooth", "aliasing"): [
            (lambda x: cos(2 * pi * 64 * x + 0.4), (17.05, 3.2)),
            (lambda x: sin(2 * pi * 12288 * x) ** 3 + x, (0.4001, 5.03)),
            (lambda x: cos(2 * pi * 1000 * x) - sin(2 * pi * 10 * x), (0.1234, 2.7181)),
        ],
        ("smooth", "steep"): [
            (lambda x: exp(-2000 * x), (0.001, 0.1)),
            (lambda x: exp(exp(x)), (4.0, 5.5)),
            (lambda x: 1 / (1 + exp(-500 * (x - 1))), (1.004, 0.98)),
            (lambda x: exp(-1 / (x * x)), (0.08, 0.3)),
        ],
        ("smooth", "near domain"): [
            (asin, (0.999999999, -0.99999)),
            (lambda x: (x - 2) ** 0.25, (2.0001, 2.0000001)),
            (lambda x: log(sin(x)), (1e-5, 3.1415)),
            (tan, (1.5707, -1.57)),
            (lambda x: sqrt(4 - x * x), (1.9999999999, -1.9999)),
            (lambda x: sqrt(log(x)), (1.000001, 1.001)),
        ],
        ("smooth", "physics"): [
            (lambda x: 4.75 * (1 - exp(-1.94e10 * (x - 7.4e-11))) ** 2, (9e-11, 3e-10)),
            (lambda x: 1e-12 * expm1(x / 0.02585) + x / 1e5, (0.65, -0.1)),
            (lambda x: 8.314462618 * 300 / (x - 3.9e-5) - 0.137 / (x * x), (0.024, 6e-5)),
            (lambda x: 1.7e13 * exp(-1.2e5 / (8.314462618 * x)), (3e2, 9e2)),
            (lambda x: 1 / (exp((x - 8e-19) / 4.11e-21) + 1), (8.05e-19, 7.8e-19)),
            (lambda x: -6.6743e-11 * 5.972e24 * 1000 / x, (6.371e6, 4.2e7)),
            (lambda x: 0.0257 * log(x / 0.145), (0.004, 1e-7)),
            (lambda x: 10 ** (8.07131 - 1730.63 / (233.426 + x)), (25.0, 1e2)),
            (lambda x: exp(-2 * sqrt(2 * 9.109e-31 * x) * 1e-9 / 1.0546e-34), (8e-19, 1.6e-20)),
        ],
        ("smooth", "learning"): [
            (lambda x: 1 / (1 + exp(-x)), (0.4, 21.0, -33.0)),
            (lambda x: x * tanh(log1p(exp(x))), (-1.2, 6.0)),
            (lambda x: exp(-exp(-(x - 1) / 2)), (0.0, 9.0)),
            (lambda x: (1 + x * x / 3.5) ** -2.25, (1.4, 6e1)),
            (lambda x: x**2.3 * (1 - x) ** 4.1, (0.35, 0.999)),
        ],
        ("smooth", "cancelling"): [
            (lambda x: x**6 - 6 * x**5 + 15 * x**4 - 20 * x**3 + 15 * x**2 - 6 * x + 1, (1.3, 1.02)),
            (lambda x: x**3 - 9 * x**2 + 27 * x - 27, (3.01, 3.0003)),
            (
                lambda x: (
                    (((((((x - 36) * x + 546) * x - 4536) * x + 22449) * x - 67284) * x + 118124) * x - 109584) * x
                    + 40320
                ),
                (4.3, 7.01),
            ),
            (lambda x: exp(x + 20) - exp(20.0) * (1 + x) - 485165195.4097903 * x * x / 2, (0.3, 2.0)),
        ],
        ("smooth", "rational"): [
            (lambda x: (120 + 60 * x + 12 * x * x + x**3) / (120 - 60 * x + 12 * x * x - x**3), (1.0, -3.0)),
            (lambda x: (x**4 - 1) / (x - 1), (1.0001, 1.3)),
            (lambda x: 2 / (x + 1) - 3 / (x - 2) ** 2 + 1 / (x * x + x + 3), (0.0, 4.4)),
            (lambda x: x**4.2 / (0.7**4.2 + x**4.2), (0.5, 0.02)),
        ],
        ("smooth", "compositions"): [
            (lambda x: exp(sin(exp(x))), (0.5, 3.0)),
            (lambda x: (1 + x**2.5) ** (1 / (1 + x)), (0.6, 5.0)),
        ],
        ("smooth", "linear, constant, quadratic"): [
            (lambda x: 3 * x - 7, (5.0, 1e-8)),
            (lambda x: 1e10 * x + 1e-3, (0.3, -1e12)),
            (lambda x: 2 * x * x - x + 0.3, (0.9, -41.0, 1e-9)),
            (lambda x: 7 * x * x + 2 * x, (0.0,)),
        ],
        ("rough", "float32"): [
            (lambda x: single(exp(-x) * sin(3 * x) + 0.5), (0.7, 2.1, 0.03)),
            (lambda x: single(1 / (1 + x / 3e-7)), (2.3e-7, 1.1e-6)),
        ],
        ("rough", "float16"): [
            (lambda x: half(x * x + 1), (1.7, 0.6), 1.0),
        ],
        ("rough", "rounded"): [
            (lambda x: decimals(30 * sin(x / 2), 2), (0.9, 2.0)),
            (lambda x: decimals(4 * atan(x) + x, 3), (0.7, 3.3)),
            (lambda x: decimals(log(1 + x * x) + sqrt(x), 5), (0.8, 2.6)),
            (lambda x: decimals(sinh(x) - 0.2 * x**4, 7), (1.2, -0.9)),
            (lambda x: decimals(x * exp(-x * x / 3), 9), (0.4, 2.2)),
        ],
        ("rough", "printed"): [
            (lambda x: digits(20 * x / (3 + x), 4), (2.2, 11.0)),
            (lambda x: digits(exp(1.3 * sin(x)), 6), (0.7, 2.9)),
        ],
        ("rough", "noise"): [
            (lambda x: 1 / (1 + x**4) + 1e-11 * noise(x, 2), (0.6, 1.2)),
            (lambda x: exp(x) / (1 + x) + 1e-9 * noise(x, 4), (0.5, 2.4)),
            (lambda x: atan(x) - x / 5 + 1e-8 * noise(x, 5), (0.3, 1.1, 4.0)),
            (lambda x: (sin(x) + cos(3 * x) / 3) * (1 + 1e-7 * noise(x, 6)), (0.9, 2.3)),
            (lambda x: cosh(x) + 1e-4 * noise(x, 9), (0.6, 1.8, -1.1)),
            (lambda x: 2 * x / (1 + x) + sin(x) + 1e-3 * noise(x, 10), (0.8, 5.0, 0.3)),
            (lambda x: exp(-x / 2e-9) * (1 + 1e-6 * noise(x, 12)), (1.5e-9, 4e-9)),
            (lambda x: sin(2 * x) + 1e-7 * noise(x, 16) / (0.2 + abs(noise(x, 17))), (0.5, 1.9)),
        ],
        ("rough", "kink beside"): [
            (lambda x: exp(-x) + maximum(x - 2.5, 0.1 * (x - 2.5)), (2.503, 2.499998)),
            (lambda x: 1e-3 * abs(x - 1.5) + sqrt(x), (1.51, 1.499, 1.5001)),
            (lambda x: 1e-5 * maximum(x, 3.0) + log(x), (2.99, 3.001)),
            (lambda x: minimum(maximum(x**3, -1.0), 1.0) + x, (0.99999, 1.001, 0.99999999)),
            (lambda x: where(x > 1, (x - 1) ** 2, 0 * x) + cos(x), (1.001, 0.9999)),
            (lambda x: where(abs(x - 2) < 0.5, (x - 2) ** 2 / 2, 0.5 * abs(x - 2) - 0.125), (2.4999, 2.51)),
            (lambda x: x / 3 - floor(x / 3) + 0.1 * x, (2.999, 3.01, 1.0)),
        ],
        ("rough", "at kink"): [
            (lambda x: where(x < 2, 0.1 * (x - 2), x - 2) + exp(x), (2.0,)),
            (lambda x: maximum(x * x, 2 - x), (1.0,)),
            (lambda x: sqrt((x - 4) ** 2) + 0.2 * x, (4.0,)),
            (lambda x: maximum(x - 1.1, 0) + maximum(1.1 - x, 0) * 0.5, (1.1,)),
        ],
        ("rough", "ripple"): [
            (lambda x: exp(x) + 1e-6 * sin(1e4 * x), (0.7, 1.3)),
            (lambda x: log(2 + x) + 1e-9 * sin(2e5 * x), (1.4, 0.1)),
            (lambda x: tanh(x) + 1e-3 * sin(777 * x), (0.31, 1.0)),
        ],
        ("rough", "naive"): [
            (lambda x: (1 - cos(x)) / (x * x), (3e-7, 1e-5, 0.001, 0.07), 0.0001),
            (lambda x: (exp(x) - 1) / x, (2e-9, 1e-6, 0.0003, 0.05)),
            (lambda x: (tan(x) - x) / x**3, (0.002, 0.05), 0.001),
            (lambda x: (x * x + 1e8 + 1.0002e8) / 3 - ((x + 1e4 + 10001) / 3) ** 2, (10003.0, 9999.9)),
        ],
        ("higher", "n = 2, 3, 4", (2, 3, 4)): [
            (lambda x: sin(2 * x) * exp(x / 2), (0.7, 2.6)),
        ],
        ("higher", "n = 2, 3", (2, 3)): [
            (lambda x: log(1 + x * x), (0.4, -3.0)),
            (lambda x: tan(x / 2), (1.0, 3.0)),
            (lambda x: 1e120 * atan(x - 1), (1.6,)),
            (lambda x: 1 / (1 + exp(-3 * x)), (0.2, -1.5)),
            (lambda x: 3 * x * x + 2 * x - 9, (1.7,), 6.0),
            (lambda x: 1 / (x - 1), (1.001, 0.99999)),
            (lambda x: sin(x) * cos(x / 3), (1e4, 5e5)),
        ],
        ("higher", "n = 2, 4", (2, 4)): [
            (lambda x: x**7 - 3 * x**4 + x, (0.8, -1.4)),
            (sqrt, (0.01, 5.0, 1e10)),
        ],
        ("higher", "n = 5, 6", (5, 6)): [
            (lambda x: sin(1.3 * x) + x, (0.8, 4.1)),
            (lambda x: exp(x / 2) * x, (1.2,)),
            (tanh, (0.5,)),
            (lambda x: sqrt(1 + x), (0.7, 6e1)),
            (lambda x: cos(x / 40), (55.0,)),
            (lambda x: exp(-x / 3e-9), (2e-9,)),
        ],
        ("bounds", "bound below", (1, 2, 3)): [
            (lambda x: exp(x) * cos(x), (0.4, -1.2)),
        ],
        ("bounds", "bound above", (1, 3)): [
            (lambda x: x / (1 + x * x), (0.3, 5.0)),
        ],
        ("bounds", "bound below", (1, 2)): [
            (lambda x: exp(-x / 4e-10), (3e-10,)),
            (lambda x: cos(40 * x), (0.33, 2.0)),
        ],
        ("bounds", "bound below"): [
            (lambda x: 4 * x - 3, (2.0, 0.0)),
            (lambda x: single(sin(x) + x * x), (0.8, 2.2)),
        ],
        ("bounds", "bound above", (2, 4)): [
            (cosh, (1.0,)),
        ],
        ("bounds", "bound below", (3, 4)): [
            (lambda x: log(1 + 2 * x), (0.6,)),
        ],
    }
)
