"""The textbook's numerical differentiation in plain Python, for tests and benchmarks to compare with.

The functions are as in the textbook, with its faults. Those of :mod:`gradfast` have the same formulas without them:

- An array of integers is perturbed in place, which truncates the step, and so is the gradient. It is far off.
- If f raises, the coordinate that was being perturbed keeps its perturbed value.
- If f changes x, nobody notices.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[tuple[Any, ...], np.dtype[Any]]
Function = Callable[..., Any]


def numerical_diff(f: Function, x: float | Array, h: float = 1e-4) -> Any:
    """Return the central difference of f at x."""
    return (f(x + h) - f(x - h)) / (2 * h)


def tangent_line(f: Function, x: float | Array, h: float = 1e-4) -> Function:
    """Return the tangent of f at x as a function."""
    d = numerical_diff(f, x, h)
    y = f(x) - d * x
    return lambda t: d * t + y


def numerical_gradient(f: Function, x: Array, h: float = 1e-4) -> Array:
    """Return the gradient of f at x; of a 2-D x, at each of its rows."""
    if x.ndim != 2:
        return _gradient_at_point(f, x, h)
    gradient = np.zeros_like(x)
    for i, row in enumerate(x):
        gradient[i] = _gradient_at_point(f, row, h)
    return gradient


def _gradient_at_point(f: Function, x: Array, h: float) -> Array:
    gradient = np.zeros_like(x)
    for index in range(x.size) if x.ndim == 1 else np.ndindex(x.shape):
        saved = x[index]
        x[index] = saved + h
        above = f(x)
        x[index] = saved - h
        below = f(x)
        gradient[index] = (above - below) / (2 * h)
        x[index] = saved
    return gradient
