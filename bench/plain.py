"""What one writes without a package: the references of the operators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast.values.arguments import Array

Function = Callable[[Array], Any]


def value_and_gradient(f: Function, x: Array, h: float = 1e-8) -> tuple[Any, Array]:
    """Return f(x) and its gradient by forward differences."""
    center, out = f(x), np.empty_like(x)
    for i in range(x.size):
        saved = x[i]
        x[i] = saved + h
        out[i] = (f(x) - center) / h
        x[i] = saved
    return center, out


def forward_gradient(f: Function, x: Array) -> Array:
    """Return the gradient by forward differences."""
    return value_and_gradient(f, x)[1]


def complex_gradient(f: Function, x: Array, h: float = 1e-20) -> Array:
    """Return the gradient by the complex step."""
    z, out = x.astype(complex), np.empty_like(x)
    for i in range(x.size):
        z[i] += h * 1j
        out[i] = f(z).imag / h
        z[i] = x[i]
    return out


def jacobian(f: Function, x: Array, h: float = 1e-5) -> Array:
    """Return the Jacobian by central differences."""
    columns = []
    for i in range(x.size):
        saved = x[i]
        x[i] = saved + h
        above = f(x)
        x[i] = saved - h
        columns.append((above - f(x)) / (2 * h))
        x[i] = saved
    return np.stack(columns, axis=-1)


def jacobian_of_two(f: Function, x: Array, h: float = 1e-6) -> Array:
    """Return the Jacobian of two values, as one writes it in eight lines for a filter."""
    out = np.empty((2, x.size))
    for i in range(x.size):
        saved = x[i]
        x[i] = saved + h
        above = f(x)
        x[i] = saved - h
        out[:, i] = (above - f(x)) / (2 * h)
        x[i] = saved
    return out


def hessian(f: Function, x: Array, h: float = 1e-4) -> Array:
    """Return the Hessian from second differences along x_i and along x_i + x_j."""
    center, steps = f(x), h * np.eye(x.size)
    out = np.diag([f(x + step) - 2 * center + f(x - step) for step in steps])
    for i in range(x.size):
        for j in range(i):
            both = steps[i] + steps[j]
            out[i, j] = out[j, i] = (f(x + both) - 2 * center + f(x - both) - out[i, i] - out[j, j]) / 2
    return out / h**2
