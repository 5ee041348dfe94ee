"""Elementary functions of NumPy's numbers and of mpmath's, and what makes f's values rough.

A formula of these is f in double precision at a float or an array, and its exact counterpart at a number of mpmath's:
there, nothing is rounded and there is no noise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

pi = math.pi


def is_exact(x: Any) -> bool:
    """Return whether x is a number of mpmath's."""
    return hasattr(x, "_mpf_")


def _either(name: str, in_numpy: str = "") -> Callable[..., Any]:
    def function(x: Any, *more: Any) -> Any:
        if is_exact(x):
            import mpmath

            return getattr(mpmath, name)(x, *more)
        return getattr(np, in_numpy or name)(x, *more)

    return function


exp, log, sin, cos, tan, sqrt, sinh, cosh, tanh, floor = map(
    _either, ("exp", "log", "sin", "cos", "tan", "sqrt", "sinh", "cosh", "tanh", "floor")
)
log1p, expm1 = _either("log1p"), _either("expm1")
asin, acos, atan = _either("asin", "arcsin"), _either("acos", "arccos"), _either("atan", "arctan")
asinh, acosh, atanh = _either("asinh", "arcsinh"), _either("acosh", "arccosh"), _either("atanh", "arctanh")


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return yes where a condition holds, else no."""
    return (yes if condition else no) if is_exact(yes) or is_exact(no) else np.where(condition, yes, no)


def maximum(a: Any, b: Any) -> Any:
    """Return the larger of two."""
    return where(a > b, a, b)


def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of two."""
    return where(a < b, a, b)


def unless(condition: Any, value: Any) -> Any:
    """Return a value, NaN where a condition holds."""
    return value if is_exact(value) else np.where(condition, math.nan, value)


def single(value: Any) -> Any:
    """Return a value in single precision."""
    return value if is_exact(value) else np.asarray(value).astype(np.float32)[()]


def half(value: Any) -> Any:
    """Return a value in half precision."""
    return value if is_exact(value) else np.asarray(value).astype(np.float16)[()]


def decimals(value: Any, count: int) -> Any:
    """Return a value rounded to so many decimals."""
    return value if is_exact(value) else np.round(value, count)


def digits(value: Any, count: int) -> Any:
    """Return a value printed with so many significant digits, and read again."""
    if is_exact(value):
        return value
    read = np.vectorize(lambda number: float(f"{float(number):.{count - 1}e}"), otypes=[float])
    return read(value)[()]


def noise(x: Any, seed: int) -> Any:
    """Return numbers of a normal distribution that depend on the bits of x alone."""
    if is_exact(x):
        return 0
    numbers = np.asarray(x, float).ravel()
    found = [np.random.default_rng((seed, int(number))).standard_normal() for number in numbers.view(np.uint64)]
    return np.reshape(found, np.shape(x))[()]
