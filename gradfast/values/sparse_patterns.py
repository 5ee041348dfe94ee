"""Sparsity patterns, which say where a derivative may differ from zero; made of matrices, indices or bands."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradfast._kernels import greedy_coloring as kernels
from gradfast.values.arguments import Arguments, Array, as_array, is_integer

Indices = np.ndarray[tuple[int, ...], np.dtype[np.intc]]

MOST_COUNTED = int(np.iinfo(np.intc).max)  # what the kernels' C ints can count


def read_only(*arrays: Indices) -> tuple[Indices, ...]:
    """Return arrays that nobody can write to: kernels trust the indices in them."""
    for array in arrays:
        array.flags.writeable = False
    return arrays


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where a matrix may differ from zero, as :func:`gradfast.coloring.banded` returns it.

    Attributes
    ----------
    shape : (int, int)
        Number of rows and columns.
    columns : ndarray of int
        The column of each entry, row after row, and rising within a row, as in CSR.
    row_starts : ndarray of int
        Where each row begins in ``columns``, and its end: one number more than there are rows.
    """

    shape: tuple[int, int]
    row_starts: Indices
    columns: Indices

    def __post_init__(self) -> None:
        read_only(self.row_starts, self.columns)

    def __reduce__(self) -> Arguments:
        return Pattern, (self.shape, self.row_starts, self.columns)

    @property
    def counts(self) -> Indices:
        """The number of entries in each row."""
        counts: Indices = np.diff(self.row_starts)
        return counts

    @property
    def rows(self) -> Indices:
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0], dtype=np.intc), self.counts)

    @cached_property
    def by_columns(self) -> tuple[Indices, Indices, Indices]:
        """The entries column after column, as in CSC: starts, rows, and the index of each in the order of rows."""
        starts = np.empty(self.shape[1] + 1, np.intc)
        rows, places = np.empty_like(self.columns), np.empty_like(self.columns)
        kernels.transpose(self.row_starts, self.columns, starts, rows, places)
        read_only(starts, rows, places)
        return starts, rows, places

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pattern):
            return NotImplemented
        same = self.shape == other.shape and np.array_equal(self.row_starts, other.row_starts)
        return same and np.array_equal(self.columns, other.columns)

    def __hash__(self) -> int:
        return hash((self.shape, self.columns.size))

    def __repr__(self) -> str:
        return f"<pattern of shape {self.shape}, {self.columns.size} entries>"


def banded(n: int, lower: int, upper: int) -> Pattern:
    """Return the pattern of a band matrix.

    Parameters
    ----------
    n : int
        Number of rows, and of columns.
    lower, upper : int
        Number of diagonals below and above the main one.

    Returns
    -------
    coloring.Pattern
        What :class:`Coloring` and ``sparsity=`` take.

    Raises
    ------
    ValueError
        If an argument is not a whole number from 0 up, or there are more entries than a C int counts.

    Notes
    -----
    ``lower + upper + 1`` colors suffice, as many as a row has entries [1]_. Thread-safe.

    References
    ----------
    .. [1] Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Math. Appl. 13 (1974)
       117-119.

    Examples
    --------
    >>> from gradfast.coloring import Coloring, banded
    >>> Coloring(banded(100_000, 1, 1)).n_colors
    3
    """
    for name, value in (("n", n), ("lower", lower), ("upper", upper)):
        if not _is_count(value):
            raise ValueError(f"{name} must be a whole number from 0 up; got {value!r}")
    n = int(n)
    lower, upper = (min(int(side), n - 1) for side in (lower, upper))
    entries = n * (lower + upper + 1) - (lower * (lower + 1) + upper * (upper + 1)) // 2
    _require_fit((n, n), entries, "banded(n, lower, upper)")
    i = np.arange(n)
    first, last = np.maximum(i - lower, 0), np.minimum(i + upper, n - 1)
    row_starts = np.concatenate([[0], np.cumsum(last - first + 1)])
    columns = np.arange(row_starts[-1]) - np.repeat(row_starts[:-1] - first, last - first + 1)
    return _made((n, n), row_starts, columns)


def as_pattern(pattern: object, shape: tuple[int, int] | None = None, name: str = "pattern") -> Pattern:
    """Return a :class:`Pattern` of anything that :class:`Coloring` takes; errors call it by this name."""
    if shape is not None:
        if not (isinstance(shape, (tuple, list)) and len(shape) == 2 and all(map(_is_count, shape))):
            raise ValueError(f"shape must be two whole numbers from 0 up; got {shape!r}")
        shape = int(shape[0]), int(shape[1])
    if isinstance(pattern, Pattern):
        found = pattern
    elif hasattr(pattern, "tocsr"):
        found = _from_sparse(pattern, name)
    elif isinstance(pattern, tuple):
        return _from_pairs(*as_indices(pattern, name), shape, name)
    else:
        found = _from_dense(pattern, name)
    if shape is not None and found.shape != shape:
        raise ValueError(f"shape must be that of the pattern, {found.shape}; got {shape!r}")
    return found


def _is_count(value: object) -> bool:
    return is_integer(value) and value >= 0


def _from_sparse(matrix: Any, name: str) -> Pattern:
    """Return the pattern of a sparse matrix. Its indices are looked at before SciPy's code follows them."""
    shape = getattr(matrix, "shape", ())
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(map(_is_count, shape))):
        raise ValueError(f"{name} must be a matrix if it is sparse; got an array of shape {shape}")
    kind = getattr(matrix, "format", None)
    if kind == "coo":
        return _from_pairs(*as_indices((matrix.row, matrix.col), name), shape, name)
    if kind == "csc":
        return _from_compressed(matrix, name, shape, columns_first=True)
    csr = matrix if kind == "csr" else _to_csr(matrix, name)
    if getattr(csr, "shape", None) != shape:
        raise ValueError(f"{name} must have a tocsr() of its shape, {shape}; it returned {csr!r}")
    return _from_compressed(csr, name, shape)


def _to_csr(matrix: Any, name: str) -> object:
    try:
        if getattr(matrix, "format", None) == "bsr":  # whose starts SciPy's code follows wherever they lead
            matrix.check_format(full_check=True)
        return matrix.tocsr()
    except Exception as error:
        raise ValueError(f"{name} must have a tocsr() that works; it raised {error!r}") from error


def _from_compressed(matrix: object, name: str, shape: tuple[int, int], columns_first: bool = False) -> Pattern:
    """Return the pattern of a CSR matrix, or of a CSC one, whose starts and indices may be anything."""
    lines, size = shape[::-1] if columns_first else shape
    words = ("columns", "rows") if columns_first else ("rows", "columns")
    starts, indices = (as_array(f"{name}.{part}", getattr(matrix, part, None)) for part in ("indptr", "indices"))
    for part, array in (("indptr", starts), ("indices", indices)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(f"{name} must have integers in {part}; got shape {array.shape}, dtype {array.dtype}")
    _require_fit(shape, indices.size, name)
    if starts.size != lines + 1 or starts[0] != 0 or starts[-1] > indices.size or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"{name} must have {words[0]} that start from 0 to {indices.size} in order; got {starts}")
    indices = indices[: starts[-1]]
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        found = f"{indices.min()} to {indices.max()}"
        raise ValueError(f"{name} must have {words[1]} from 0 to {size - 1}; got {found}")
    starts = starts.astype(np.int64)
    line_of = np.repeat(np.arange(lines, dtype=np.intc), starts[1:] - starts[:-1])
    if columns_first:
        return _sorted(shape, indices, line_of)
    rises = (indices[1:] > indices[:-1]) | (line_of[1:] != line_of[:-1])
    return _made(shape, starts, indices) if rises.all() else _sorted(shape, line_of, indices)


def _from_dense(matrix: object, name: str) -> Pattern:
    array = as_array(name, matrix)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        is_array = array.dtype.kind != "O"
        found = f"an array of shape {array.shape} and dtype {array.dtype}" if is_array else repr(matrix)
        wanted = "a sparse matrix, a dense boolean one, a pair (rows, cols) or banded(n, lower, upper)"
        raise ValueError(f"{name} must be {wanted}; got {found}")
    _require_fit(array.shape, int(np.count_nonzero(array)), name)
    rows, columns = np.nonzero(array)
    return _made(array.shape, _row_starts(rows, array.shape[0]), columns)


def as_indices(pair: Arguments, name: str) -> tuple[Array, Array]:
    """Return the rows and columns of entries; raise ValueError unless they are integers, as many rows as columns."""
    if len(pair) != 2:
        raise ValueError(f"{name} must be a pair (rows, cols) if it is a tuple; got {len(pair)} items")
    rows, columns = as_array(f"{name}[0]", pair[0]), as_array(f"{name}[1]", pair[1])
    if rows.ndim == 1 and rows.shape == columns.shape and {rows.dtype.kind, columns.dtype.kind} <= set("iu"):
        return rows, columns
    if rows.size or columns.size:
        raise ValueError(
            f"{name} must be a pair (rows, cols) of integers, equally many of each; "
            f"got shapes {rows.shape} and {columns.shape}, dtypes {rows.dtype} and {columns.dtype}"
        )
    return np.empty(0, np.intp), np.empty(0, np.intp)


def shape_of_indices(rows: Array, columns: Array) -> tuple[int, int]:
    """Return the smallest shape that holds the entries. Negative indices, an error later, do not count."""
    height, width = (max(0, int(side.max()) + 1) if side.size else 0 for side in (rows, columns))
    return height, width


def _from_pairs(rows: Array, columns: Array, shape: tuple[int, int] | None, name: str) -> Pattern:
    shape = shape_of_indices(rows, columns) if shape is None else shape
    for i, side in enumerate((rows, columns)):
        outside = side[(side < 0) | (side >= shape[i])]
        if outside.size:
            raise ValueError(f"{name}[{i}] must lie within the shape {shape}; got {outside[0]}")
    _require_fit(shape, rows.size, name)
    return _sorted(shape, rows, columns)


def _sorted(shape: tuple[int, int], rows: Array, columns: Array) -> Pattern:
    """Return the pattern of entries within the shape, in any order, each once or often."""
    by_column = sorted_by(columns, shape[1])[1]
    order = by_column[sorted_by(rows[by_column], shape[0])[1]]
    rows, columns = rows[order], columns[order]
    first = np.ones(rows.size, bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    rows, columns = rows[first], columns[first]
    return _made(shape, _row_starts(rows, shape[0]), columns)


def sorted_by(keys: Array, count: int) -> tuple[Indices, Indices]:
    """Return where each key from 0 to count - 1 starts in the order of keys, and the indices of keys in that order."""
    starts, order = np.empty(count + 1, np.intc), np.empty(keys.size, np.intc)
    kernels.transpose(np.arange(keys.size + 1, dtype=np.intc), keys.astype(np.intc), starts, order, order)
    return starts, order


def _row_starts(rows: Array, count: int) -> Array:
    """Return where each of `count` rows starts among the sorted rows of entries, and their end."""
    starts: Array = np.concatenate([[0], np.bincount(rows, minlength=count).cumsum()])
    return starts


def _made(shape: tuple[int, ...], row_starts: Array, columns: Array) -> Pattern:
    """Return the pattern of entries that are sorted by rows and columns, without repetition; it copies the arrays."""
    return Pattern((int(shape[0]), int(shape[1])), row_starts.astype(np.intc), columns.astype(np.intc))


def _require_fit(shape: tuple[int, ...], entries: int, name: str) -> None:
    if max(entries, *shape) >= MOST_COUNTED:
        found = f"shape {shape} and {entries} entries"
        raise ValueError(f"{name} must have fewer than {MOST_COUNTED} rows, columns and entries; got {found}")


def require_symmetric(pattern: Pattern, name: str = "pattern") -> None:
    """Raise ValueError unless the pattern equals its transpose."""
    if pattern.shape[0] != pattern.shape[1]:
        raise ValueError(f"{name} must be square to be symmetric; got shape {pattern.shape}")
    starts, rows, _ = pattern.by_columns
    if not np.array_equal(starts, pattern.row_starts) or not np.array_equal(rows, pattern.columns):
        n = pattern.shape[0]
        ours = pattern.rows.astype(np.int64) * n + pattern.columns
        i, j = divmod(int(np.setdiff1d(ours, pattern.columns.astype(np.int64) * n + pattern.rows)[0]), n)
        raise ValueError(f"{name} must be symmetric; got ({i}, {j}) without ({j}, {i})")
