"""What is differentiated, and what its derivatives are."""

from itertools import pairwise
from typing import Any

import numpy as np

from gradfast.values.arguments import Array


def constant(x: Array) -> float:
    """Return 1.0: nearly all of a call's time is the call."""
    return 1.0


def product(x: Array) -> float:
    """Return the product of the first two coordinates: cheap, with derivatives that differ from 0."""
    return x.item(0) * x.item(1)


def product_gradient(x: Array) -> Array:
    """Return the gradient of the product."""
    out = np.zeros_like(x)
    out[:2] = x[1], x[0]
    return out


def plane(x: Array) -> Array:
    """Return the point of the plane at a radius and an angle: a small vector function as one writes it."""
    return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])


def plane_jacobian(x: Array) -> Array:
    """Return the Jacobian of the point of the plane."""
    radius, (cosine, sine) = x[0], (np.cos(x[1]), np.sin(x[1]))
    return np.array([[cosine, -radius * sine], [sine, radius * cosine]])


def sum_of_squares(x: Array) -> Any:
    """Return the sum of the squares of a point's coordinates."""
    return np.sum(x**2)


def sums_of_squares(points: Array) -> Any:
    """Return the same for each row of points."""
    return np.sum(points**2, axis=1)


def rosen(x: Array) -> Any:
    """Return Rosenbrock's function, as SciPy computes it."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def rosen_of_columns(points: Array) -> Any:
    """Return the same for each column of points."""
    return np.sum(100.0 * (points[1:] - points[:-1] ** 2.0) ** 2.0 + (1 - points[:-1]) ** 2.0, axis=0)


def rosen_of_numbers(x: Array) -> float:
    """Return the same in Python's own arithmetic."""
    total = 0.0
    for a, b in pairwise(x.tolist()):
        along, aside = b - a * a, 1.0 - a
        total += 100.0 * along * along + aside * aside
    return total


def rosen_of_powers(x: Array) -> float:
    """Return the same with ``**`` for the squares, which takes longer."""
    total = 0.0
    for a, b in pairwise(x.tolist()):
        total += 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2
    return total


def rosen_gradient(x: Array) -> Array:
    """Return the gradient of Rosenbrock's function; of a 2-D x, at each column."""
    out = np.zeros_like(x)
    out[:-1] = -400.0 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    out[1:] += 200.0 * (x[1:] - x[:-1] ** 2)
    return out


def rosen_hessian(x: Array) -> Array:
    """Return the Hessian of Rosenbrock's function."""
    straight = np.zeros_like(x)
    straight[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2
    straight[1:] += 200.0
    aside = np.diag(-400.0 * x[:-1], 1)
    return np.diag(straight) + aside + aside.T


MATRIX = np.random.default_rng(50).normal(size=(50, 50)) / 7


def tanh_layer(x: Array) -> Any:
    """Return 50 values of 50 numbers."""
    return np.tanh(MATRIX @ x)


def tanh_layers(points: Array) -> Any:
    """Return the same for each row of points."""
    return np.tanh(points @ MATRIX.T)


def tanh_jacobian(x: Array) -> Array:
    """Return the Jacobian of the layer."""
    return (1 - np.tanh(MATRIX @ x) ** 2)[:, np.newaxis] * MATRIX
