"""Where a sparse derivative may differ from zero: read from matrices, indices or bands."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels import greedy as kernels
from gradfast.arguments import as_array

Indices = npt.NDArray[np.intc]

MOST_ENTRIES = int(np.iinfo(np.intc).max)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where a matrix may differ from zero: its entries row after row, columns rising, as in CSR."""

    shape: tuple[int, int]
    row_starts: Indices
    columns: Indices

    @property
    def counts(self) -> Indices:
        """How many entries each row has."""
        counts: Indices = np.diff(self.row_starts)
        return counts

    @property
    def rows(self) -> Indices:
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0], dtype=np.intc), self.counts)

    @cached_property
    def by_columns(self) -> tuple[Indices, Indices, Indices]:
        """The same, column after column, as in CSC; and the place of each entry in the order of rows."""
        starts = np.empty(self.shape[1] + 1, np.intc)
        rows, places = np.empty_like(self.columns), np.empty_like(self.columns)
        kernels.transpose(self.row_starts, self.columns, starts, rows, places)
        return starts, rows, places

    def __repr__(self) -> str:
        return f"<pattern of shape {self.shape}, {self.columns.size} entries>"


def banded(n: int, lower: int, upper: int) -> Pattern:
    """Return the pattern of a band matrix.

    Parameters
    ----------
    n : int
        The matrix has n rows and n columns.
    lower, upper : int
        How many diagonals below and above the main one it has.

    Returns
    -------
    Pattern
        For :class:`Coloring` and for ``sparsity=``.

    Raises
    ------
    ValueError
        If an argument is no whole number from 0 up.

    Notes
    -----
    ``lower + upper + 1`` colors suffice, as many as a row has entries. Thread-safe.

    Examples
    --------
    >>> from gradfast.coloring import Coloring, banded
    >>> Coloring(banded(100_000, 1, 1)).n_colors
    3
    """
    for name, value in (("n", n), ("lower", lower), ("upper", upper)):
        if not is_count(value):
            raise ValueError(f"{name} must be a whole number from 0 up; got {value!r}")
    i = np.arange(n)
    first, last = np.maximum(i - lower, 0), np.minimum(i + upper, n - 1)
    row_starts = np.concatenate([[0], np.cumsum(last - first + 1)])
    columns = np.arange(row_starts[-1]) - np.repeat(row_starts[:-1] - first, last - first + 1)
    return _pattern((n, n), row_starts, columns)


def as_pattern(pattern: Any, shape: tuple[int, int] | None = None) -> Pattern:
    """Return what says where a matrix may differ from zero as a :class:`Pattern`; see :class:`Coloring`."""
    shape = None if shape is None else _checked_shape(shape)
    if isinstance(pattern, Pattern):
        found = pattern
    elif hasattr(pattern, "tocsr"):
        found = _from_sparse(pattern)
    elif isinstance(pattern, tuple):
        return _from_pairs(pattern, shape)
    else:
        found = _from_dense(pattern)
    if shape is not None and found.shape != shape:
        raise ValueError(f"shape must be that of the pattern, {found.shape}; got {shape!r}")
    return found


def _checked_shape(shape: Any) -> tuple[int, int]:
    """Return how many rows and columns are meant."""
    if isinstance(shape, (tuple, list)) and len(shape) == 2 and all(map(is_count, shape)):
        return int(shape[0]), int(shape[1])
    raise ValueError(f"shape must be two whole numbers from 0 up; got {shape!r}")


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number from 0 up, and no boolean."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0


def _from_sparse(matrix: Any) -> Pattern:
    csr = matrix.tocsr()
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    rows, columns = csr.shape
    return _pattern((int(rows), int(columns)), csr.indptr, csr.indices)


def _from_dense(matrix: Any) -> Pattern:
    array = as_array("pattern", matrix)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise ValueError(
            "pattern must be a sparse matrix, a dense boolean one, a pair (rows, cols) or banded(n, lower, upper); "
            f"got {pattern_text(matrix, array)}"
        )
    rows, columns = np.nonzero(array)
    counts = np.bincount(rows, minlength=array.shape[0])
    return _pattern(array.shape, np.concatenate([[0], np.cumsum(counts)]), columns)


def pattern_text(matrix: Any, array: Any) -> str:
    """Return what was given for a pattern, in an error's words."""
    return f"an array of shape {array.shape} and dtype {array.dtype}" if array.dtype.kind != "O" else repr(matrix)


def _from_pairs(pairs: tuple[Any, ...], shape: tuple[int, int] | None) -> Pattern:
    if len(pairs) != 2:
        raise ValueError(f"pattern must be a pair (rows, cols) if it is a tuple; got {len(pairs)} items")
    rows, columns = as_array("rows", pairs[0]), as_array("cols", pairs[1])
    if rows.ndim != 1 or rows.shape != columns.shape or not {rows.dtype.kind, columns.dtype.kind} <= set("iu"):
        if rows.size or columns.size:
            raise ValueError(
                "rows and cols must be integers, as many of the one as of the other; "
                f"got shapes {rows.shape} and {columns.shape}, dtypes {rows.dtype} and {columns.dtype}"
            )
        rows = columns = np.empty(0, np.intp)
    if shape is None:
        shape = (int(rows.max(initial=-1)) + 1, int(columns.max(initial=-1)) + 1)
    for name, side, size in (("rows", rows, shape[0]), ("cols", columns, shape[1])):
        outside = side[(side < 0) | (side >= size)]
        if outside.size:
            raise ValueError(f"{name} must lie within the shape {shape}; got {outside[0]}")
    require_indices_fit(shape, rows.size)
    entries = np.unique(rows.astype(np.int64) * max(shape[1], 1) + columns.astype(np.int64))
    counts = np.bincount(entries // max(shape[1], 1), minlength=shape[0])
    return _pattern(shape, np.concatenate([[0], np.cumsum(counts)]), entries % max(shape[1], 1))


def _pattern(shape: tuple[int, ...], row_starts: Any, columns: Any) -> Pattern:
    """Return a pattern of sorted entries without repetition, in copies of these arrays."""
    require_indices_fit(shape, columns.size)
    return Pattern((int(shape[0]), int(shape[1])), np.array(row_starts, np.intc), np.array(columns, np.intc))


def require_indices_fit(shape: tuple[int, ...], entries: int) -> None:
    """Raise ValueError unless C ints can count what a pattern has."""
    if max(entries, *shape) >= MOST_ENTRIES:
        found = f"shape {shape} and {entries} entries"
        raise ValueError(f"pattern must have fewer than {MOST_ENTRIES} rows, columns and entries; got {found}")


def require_symmetric(pattern: Pattern) -> None:
    """Raise ValueError unless the pattern equals its transpose."""
    if pattern.shape[0] != pattern.shape[1]:
        raise ValueError(f"pattern must be square to be symmetric; got shape {pattern.shape}")
    starts, rows, _ = pattern.by_columns
    if not np.array_equal(starts, pattern.row_starts) or not np.array_equal(rows, pattern.columns):
        n = pattern.shape[0]
        ours = pattern.rows.astype(np.int64) * n + pattern.columns
        i, j = divmod(int(np.setdiff1d(ours, pattern.columns.astype(np.int64) * n + pattern.rows)[0]), n)
        raise ValueError(f"pattern must be symmetric; got ({i}, {j}) without ({j}, {i})")
