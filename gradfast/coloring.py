"""From the pattern of a sparse derivative to groups of columns that can be perturbed together."""

from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels import greedy as kernels
from gradfast.patterns import Indices, Pattern, as_pattern, banded, require_symmetric

__all__ = ["Coloring", "banded"]

# How many colors more than the fullest row has entries are worth a try in turn.
ROUND_ROBIN_SHARE = 1.2

# Above it, symmetric coloring looks at columns of high degree first and in no other order.
MOST_PAIRS_A_COLUMN = 10_000


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
    Greedy [1]_, in the order of columns, in turn, largest degree first and smallest degree last [2]_, [3]_,
    until there are as many colors as the fullest row has entries: fewer cannot do. Symmetric ones by Powell
    and Toint [4]_ where that is less.
    Time is linear in the pairs of columns that meet in a row. It is read only: thread-safe.

    References
    ----------
    .. [1] Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Math. Appl. 13 (1974)
       117-119.
    .. [2] Coleman and Moré, "Estimation of sparse Jacobian matrices and graph coloring problems", SIAM J. Numer.
       Anal. 20 (1983) 187-209.
    .. [3] Matula and Beck, "Smallest-last ordering and clustering and graph coloring algorithms", J. ACM 30 (1983)
       417-427.
    .. [4] Powell and Toint, "On the estimation of sparse Hessian matrices", SIAM J. Numer. Anal. 16 (1979)
       1060-1074.

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
