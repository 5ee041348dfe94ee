"""From the pattern of a sparse derivative to groups of columns that can be perturbed together."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels import coloring as kernels
from gradfast.points import as_array

Indices = npt.NDArray[np.intc]

MOST_ENTRIES = int(np.iinfo(np.intc).max)

# How many colors more than the fullest row has entries are worth a try in turn.
ROUND_ROBIN_SHARE = 1.2

# Above it, symmetric coloring looks at columns of high degree first and in no other order.
MOST_PAIRS_A_COLUMN = 10_000


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


class Coloring:
    """A pattern, and its columns in groups of which no two have an entry in one row.

    Parameters
    ----------
    pattern : sparse matrix, array_like, (rows, cols) or banded(n, lower, upper)
        Where the derivative may differ from zero: the stored entries of any SciPy sparse array or
        matrix, zero or not; those of a dense one that are not zero; or the indices of entries. A
        pattern that holds too much costs evaluations; one that holds too little, a wrong result.
    shape : (int, int), optional
        Rows and columns, for ``(rows, cols)``; without it, as many as these need.
    symmetric : bool
        Whether it is that of a Hessian. Then each entry can be read at one of two places, and
        fewer colors may do.

    Attributes
    ----------
    n_colors : int
        How many groups there are.
    groups : tuple of ndarray
        The columns of each color, rising.
    colors : ndarray of int
        The color of each column.
    shape : (int, int)
        That of the pattern.

    Raises
    ------
    ValueError
        If the pattern is none, or indices lie outside the shape; with ``symmetric=True``, if it is not.

    Notes
    -----
    Greedy (Curtis, Powell and Reid 1974), in the order of columns, in turn, largest degree first
    and smallest degree last (Matula and Beck 1983), until there are as many colors as the fullest
    row has entries: fewer cannot do. Symmetric ones by Powell and Toint (1979) where that is less.
    Time is linear in the pairs of columns that meet in a row. It is read only: thread-safe.

    Examples
    --------
    >>> from gradfast import Coloring
    >>> coloring = Coloring(([0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 3]))
    >>> coloring.n_colors, [group.tolist() for group in coloring.groups]
    (2, [[0, 2], [1, 3]])
    """

    def __init__(self, pattern: Any, shape: tuple[int, int] | None = None, *, symmetric: bool = False) -> None:
        self.pattern = as_pattern(pattern, shape)
        self.symmetric = bool(symmetric)
        if symmetric:
            require_symmetric(self.pattern)
        self.n_colors, self.colors = _colored(self.pattern, self.symmetric)
        self.columns = np.argsort(self.colors, kind="stable").astype(np.intc)
        sizes = np.bincount(self.colors, minlength=self.n_colors)
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intc)
        for array in (self.colors, self.columns, self.starts):
            array.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def groups(self) -> tuple[Indices, ...]:
        return tuple(self.columns[begin:end] for begin, end in pairwise(self.starts.tolist()))

    @cached_property
    def entries(self) -> tuple[Indices, Indices, Indices, Indices]:
        """Where the entries are read: by columns, the starts, rows, places in CSR order and those of their mirrors.

        Of a symmetric pattern only one of two mirrored entries is read: that in the row of the higher color.
        """
        starts, rows, places = self.pattern.by_columns
        if not self.symmetric:
            return starts, rows, places, places
        columns = np.repeat(np.arange(self.shape[1], dtype=np.intc), np.diff(starts))
        read = (self.colors[rows] > self.colors[columns]) | (rows == columns)
        counts = np.bincount(columns[read], minlength=self.shape[1])
        # Column after column, an entry of the transpose has the index that its mirror has row after row.
        mirrors = np.flatnonzero(read).astype(np.intc)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.intc), rows[read], places[read], mirrors

    def restricted(self, some: npt.NDArray[np.intp] | None) -> tuple[Indices, Indices]:
        """Return some of the columns, color after color, and where each color that is left starts."""
        if some is None:
            return self.columns, self.starts
        chosen = np.zeros(self.shape[1], bool)
        chosen[some] = True
        columns = self.columns[chosen[self.columns]]
        firsts = np.flatnonzero(np.diff(self.colors[columns], prepend=-1))
        return columns, np.append(firsts, columns.size).astype(np.intc)

    def __repr__(self) -> str:
        kind = ", symmetric" if self.symmetric else ""
        return f"<Coloring of shape {self.shape}, {self.pattern.columns.size} entries{kind}: {self.n_colors} colors>"


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


def _colored(pattern: Pattern, symmetric: bool) -> tuple[int, Indices]:
    """Return the fewest colors found, and the color of each column."""
    n, least = pattern.shape[1], int(pattern.counts.max(initial=0))
    starts, rows, _ = pattern.by_columns
    graph = pattern.row_starts, pattern.columns, starts, rows
    if not symmetric:
        return _orthogonal(graph, n, least)
    stars = _stars(graph, n, least)
    # Neighbors in the graph of a Hessian must differ, which columns do that meet on the diagonal.
    if stars[0] < least or np.count_nonzero(pattern.rows == pattern.columns) < n:
        return stars
    return min(stars, _orthogonal(graph, n, least), key=_count)


def _orthogonal(graph: "Graph", n: int, least: int) -> tuple[int, Indices]:
    natural = np.arange(n, dtype=np.intc)
    if least == n:  # a full row: every column its own, and no need for its n**2 pairs
        return n, natural
    best = _in_order(graph, natural)
    for limit in range(least, min(best[0], int(ROUND_ROBIN_SHARE * least) + 1)):
        colors = np.empty(n, np.intc)
        if kernels.round_robin(*graph, limit, colors):
            best = limit, colors
            break
    for order in (_largest_first, _smallest_last):
        if best[0] > least:
            best = min(best, _in_order(graph, order(graph, n)), key=_count)
    return best


def _stars(graph: "Graph", n: int, least: int) -> tuple[int, Indices]:
    orders = [_largest_first(graph, n)]  # the one that does not mind a full row
    if least**2 <= MOST_PAIRS_A_COLUMN:
        orders += [np.arange(n, dtype=np.intc), _smallest_last(graph, n)]
    found = []
    for order in orders:
        colors = np.empty(n, np.intc)
        found.append((kernels.star(*graph[:2], order, colors), colors))
    return min(found, key=_count)


def _count(found: tuple[int, Indices]) -> int:
    return found[0]


Graph = tuple[Indices, Indices, Indices, Indices]


def _in_order(graph: Graph, order: Indices) -> tuple[int, Indices]:
    colors = np.empty(order.size, np.intc)
    return kernels.greedy(*graph, order, colors), colors


def _degrees(graph: Graph, n: int) -> npt.NDArray[np.int64]:
    degrees = np.empty(n, np.int64)
    kernels.degrees(graph[0], *graph[2:], degrees)
    return degrees


def _largest_first(graph: Graph, n: int) -> Indices:
    return np.argsort(-_degrees(graph, n), kind="stable").astype(np.intc)


def _smallest_last(graph: Graph, n: int) -> Indices:
    order = np.empty(n, np.intc)
    kernels.smallest_last(*graph, _degrees(graph, n), order)
    return order
