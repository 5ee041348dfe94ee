"""Vectorised f: many points in one call, by plain NumPy over blocks and columns."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradfast._kernels.stencil import Stencil
from gradfast.points import VALUE_DTYPE, Array, f_changed

# A block, with the temporaries that f makes of it, stays inside one core's L2 cache.
BLOCK_BYTES = 1 << 18


def differentiate_point(f: Callable[[Array], Any], x: Array, steps: Array, stencil: Stencil, out: Array) -> None:
    """Write the derivatives of f along each coordinate of the 1-D point x to out.

    f sees blocks of copies of x. A block has a row for each node of the stencil and each of
    some coordinates; the perturbed entries of one node lie on a diagonal.
    """
    n, nodes = x.size, stencil.nodes
    rows = max(1, min(n, BLOCK_BYTES // max(1, len(nodes) * x.nbytes)))
    block = np.tile(x, len(nodes) * rows)
    for start in range(0, n, rows):
        some = slice(start, min(start + rows, n))
        count = some.stop - start
        points = block[: len(nodes) * count * n].reshape(-1, n)
        diagonals = [block[k * count * n + start :: n + 1][:count] for k in range(len(nodes))]
        for node, diagonal in zip(nodes, diagonals, strict=True):
            diagonal[...] = x[some] + node * steps[some]
        values = values_at(f, points)
        for diagonal in diagonals:
            diagonal[...] = x[some]
        if not (points == x).all():
            changed = ((points != x) & ~(np.isnan(points) & np.isnan(x))).any(axis=0)
            if changed.any():
                raise f_changed(x, changed.argmax())
        out[some] = _quotient(values.reshape(len(nodes), count), stencil, steps[some])


def differentiate_batch(f: Callable[[Array], Any], x: Array, steps: Array, stencil: Stencil, out: Array) -> None:
    """Write the derivatives of f at each row of x to out; f sees x, one column perturbed in place."""
    for j in range(x.shape[1]):
        column, old = x[:, j], x[:, j].copy()
        values = []
        try:
            for node in stencil.nodes:
                np.add(old, node * steps[:, j], out=column)
                values.append(values_at(f, x))
        finally:
            column[...] = old
        out[:, j] = _quotient(values, stencil, steps[:, j])


def values_at(f: Callable[[Array], Any], points: Array) -> Array:
    """Return f's values at the rows of points, as an array of their own."""
    result = f(points)
    array = np.asarray(result)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"f must return real numbers; it returned an array of dtype {array.dtype}")
    if array.shape != points.shape[:1]:
        raise ValueError(
            f"f must return an array of shape {points.shape[:1]} for points of shape {points.shape}; "
            f"it returned one of shape {array.shape}"
        )
    return np.array(array, dtype=VALUE_DTYPE[points.dtype.char])


def _quotient(values: Iterable[Array], stencil: Stencil, steps: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):  # what f returns passes through, inf and NaN too
        first, *rest = (weight * value for weight, value in zip(stencil.weights, values, strict=True))
        for term in rest:
            first += term
        return first / (stencil.denominator * steps**stencil.n)
