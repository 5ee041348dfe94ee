"""The derivative that is claimed: what a function says of x, its shape or structure, and the names of its entries."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.memory import name_at
from gradfast.parameters import numbered
from gradfast.values.arguments import EPS, Arguments, Array, Function, Some, real_numbers
from gradfast.values.sparse_patterns import as_pattern

# Entries that are judged at once: f's values at them are held in memory.
MOST_ENTRIES = 1 << 18


def called(derivative: Function, x: object, more: Arguments, name: str) -> object:
    """Return what a derivative function says of x; ValueError if it changes x, which is put back."""
    arrays: list[tuple[str, Any]] = []
    numbered(x, "x", arrays)
    arrays = [(place, array) for place, array in arrays if isinstance(array, np.ndarray)]
    arrays = [(place, np.asarray(array)) for place, array in arrays]  # of a subclass, which may copy in its own way
    before = [array.copy() for _, array in arrays]
    found = derivative(x, *more)
    for (place, array), old in zip(arrays, before, strict=True):
        if array.tobytes() != old.tobytes():
            array[...] = old
            raise ValueError(f"{name} must leave x as it is; it changed {_short(place)}")
    return found


def _short(name: str) -> str:
    """Return the name of a parameter without x and quotes, where that is clear: W1[2, 0] for x['W1'][2, 0]."""
    short = re.sub(r"\['([^\W\d]\w*)'\]", r".\1", name.removeprefix("x"))
    return short.removeprefix(".") if short.startswith(".") else name


def _real_sparse(name: str, matrix: Any) -> Any:
    """Return a sparse matrix; TypeError unless it holds real numbers, ValueError if an index lies outside it."""
    as_pattern(matrix, name=name)  # SciPy's code would follow any index
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got {matrix!r}")
    return matrix


class Claims:
    """The derivative that is claimed: a row for each coordinate of an evaluator, a column for each value of f."""

    def __init__(self, e: Evaluator, shape: tuple[int, ...], claimed: object, name: str) -> None:
        self.e, self.is_sparse = e, hasattr(claimed, "tocsr")
        self.shape: tuple[int, ...] | None = None
        if name == "gradient":
            parts: list[Any] = self._gradients(claimed)
        else:
            parts = [_real_sparse(name, claimed) if self.is_sparse else real_numbers(name, claimed)]
            self.shape, wanted, flat = parts[0].shape, (*shape, *e.base.shape), (int(np.prod(shape)), e.n)
            if self.shape not in (wanted, flat):
                raise ValueError(
                    f"jacobian must have the shape {wanted}, of f(x) and x, or {flat}; got shape {self.shape}"
                )
        self.eps = max((EPS[part.dtype.char] for part in parts if part.dtype.char in EPS), default=0.0)
        if self.shape is None:
            self.rows: Any = np.concatenate([np.empty(0), *(part.reshape(-1) for part in parts)])[:, np.newaxis]
        else:
            self.rows = parts[0].T.tocsr() if self.is_sparse else parts[0].reshape(flat).T

    def _gradients(self, claimed: object) -> list[Array]:
        """Return the gradient by each array of x; ValueError unless it has x's names and shapes."""
        layout = self.e.layout
        wanted = [("x", self.e.base.shape)] if layout is None else [(leaf.name, leaf.shape) for leaf in layout.leaves]
        found = {0: claimed} if layout is None else dict(layout.parts(claimed, "gradient"))
        parts = []
        for i, (name, shape) in enumerate(wanted):
            part = real_numbers("gradient", found[i])
            if part.shape != shape:
                raise ValueError(
                    f"gradient must have the shape of {_short(name)}, {shape}; got an array of shape {part.shape}"
                )
            parts.append(part)
        return parts

    def blocks(self, chosen: Some) -> Iterator[tuple[Some, Array]]:
        """Yield some coordinates, first one and then twice as many each time but not too many, with their claims."""
        first, most = 0, max(1, MOST_ENTRIES // max(1, self.rows.shape[1]))
        while first < chosen.size:
            some = chosen[first : first + min(first + 1, most)]
            rows = self.rows[some]
            yield some, (rows.toarray() if self.is_sparse else rows).astype(float)
            first += some.size

    def names(self, some: Some, kept: Any) -> Array:
        """Return the names of entries that are kept, as x's owner writes them; of a Jacobian by its own indices."""
        if self.shape is None:
            return np.array([_short(self.e.name(int(i))) for i in some[kept]], dtype=str)
        places = np.arange(self.rows.shape[1]) * self.e.n + some[:, np.newaxis]
        indices = np.transpose(np.unravel_index(places.reshape(-1)[kept], self.shape))
        return np.array([name_at(index).replace("x", "J", 1) for index in indices.tolist()], dtype=str)
