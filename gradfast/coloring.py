"""Group the columns of a sparse derivative so that the columns of a group can be perturbed together."""

from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import pairwise
from operator import itemgetter

import numpy as np

from gradfast._kernels import greedy_coloring as kernels
from gradfast.values.arguments import Array, Some
from gradfast.values.sparse_patterns import (
    Indices,
    Pattern,
    as_pattern,
    banded,
    read_only,
    require_symmetric,
    sorted_by,
)

__all__ = ["Coloring", "banded"]

# Round robin tries up to this many times as many colors as the fullest row has entries.
ROUND_ROBIN_SHARE = 1.2

# If the fullest row has more pairs of entries than this, symmetric coloring tries one order only, by falling degree:
# the others would visit all those pairs.
MOST_PAIRS = 10_000


class Coloring:
    """The columns of a sparse derivative, in groups: no two columns of a group have an entry in the same row.

    Parameters
    ----------
    pattern : sparse matrix, array_like, (rows, cols) or banded(n, lower, upper)
        Where the derivative may differ from zero: the stored entries of a SciPy sparse array or matrix,
        the nonzero entries of a dense one, or the indices of entries. An entry too many costs
        evaluations; a missing one makes the result wrong.
    shape : (int, int), optional
        Number of rows and columns, for ``(rows, cols)``. By default the largest indices decide.
    symmetric : bool
        Whether the pattern is that of a Hessian. Each entry can then be read at either of two places, so
        that fewer colors may be enough.

    Attributes
    ----------
    n_colors : int
        Number of groups.
    groups : tuple of ndarray
        The columns of each color, rising.
    colors : ndarray of int
        The color of each column.
    shape : (int, int)
        Number of rows and columns.

    Raises
    ------
    ValueError
        If the pattern is none of these, indices lie outside the shape, or ``symmetric=True`` and the pattern is not.

    Notes
    -----
    Greedy coloring [1]_ in several orders: columns as they come, round robin, largest degree first, and
    smallest degree last [2]_, [3]_. It stops at as many colors as the fullest row has entries, since no
    coloring has fewer. Symmetric patterns are also colored by Powell and Toint's rule [4]_; the fewest
    colors win. The time is linear in the pairs of columns that meet in a row. A coloring is read-only,
    hence thread-safe.

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

    def __init__(self, pattern: object, shape: tuple[int, int] | None = None, *, symmetric: bool = False) -> None:
        self.pattern = as_pattern(pattern, shape)
        self.symmetric = bool(symmetric)
        if symmetric:
            require_symmetric(self.pattern)
        self.n_colors, self.colors = _fewest_colors(self.pattern, self.symmetric)
        self.starts, self.columns = sorted_by(self.colors, self.n_colors)
        read_only(self.colors, self.columns, self.starts)

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        read_only(self.colors, self.columns, self.starts, *vars(self).get("entries", ()))

    @property
    def shape(self) -> tuple[int, int]:
        return self.pattern.shape

    @property
    def groups(self) -> tuple[Indices, ...]:
        return tuple(self.columns[begin:end] for begin, end in pairwise(self.starts.tolist()))

    @cached_property
    def entries(self) -> tuple[Indices, Indices, Indices, Indices]:
        """The entries to read, column after column: starts, rows, places in the order of rows, places of their mirrors.

        Of two mirrored entries of a symmetric pattern, only the one in the row of the higher color is read.
        """
        starts, rows, places = self.pattern.by_columns
        if not self.symmetric:
            return starts, rows, places, places
        columns = np.repeat(np.arange(self.shape[1], dtype=np.intc), np.diff(starts))
        read = (self.colors[rows] > self.colors[columns]) | (rows == columns)
        counts = np.bincount(columns[read], minlength=self.shape[1])
        # The transpose lists an entry, column after column, where the pattern lists its mirror, row after row.
        mirrors = np.flatnonzero(read).astype(np.intc)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.intc)
        rows, places = rows[read], places[read]
        read_only(starts, rows, places, mirrors)
        return starts, rows, places, mirrors

    def restricted(self, some: Some | None) -> tuple[Indices, Indices]:
        """Return some of the columns, color after color, and where each of their colors starts."""
        if some is None:
            return self.columns, self.starts
        chosen = np.zeros(self.shape[1], bool)
        chosen[some] = True
        columns = self.columns[chosen[self.columns]]
        firsts = np.flatnonzero(np.diff(self.colors[columns], prepend=-1))
        return columns, np.append(firsts, columns.size).astype(np.intc)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Coloring):
            return NotImplemented
        return (self.pattern, self.symmetric) == (other.pattern, other.symmetric)

    def __hash__(self) -> int:
        return hash((self.pattern, self.symmetric))

    def __repr__(self) -> str:
        kind = ", symmetric" if self.symmetric else ""
        return f"<Coloring of shape {self.shape}, {self.pattern.columns.size} entries{kind}: {self.n_colors} colors>"


Graph = tuple[Indices, Indices, Indices, Indices]  # by rows: starts, columns; by columns: starts, rows
Colors = tuple[int, Indices]  # how many, and that of each column


def _fewest_colors(pattern: Pattern, symmetric: bool) -> Colors:
    n, least = pattern.shape[1], int(pattern.counts.max(initial=0))
    graph = pattern.row_starts, pattern.columns, *pattern.by_columns[:2]
    if not symmetric:
        return _fewest_unsymmetric(graph, n, least)
    orders = [_largest_first(graph, n)]
    if least**2 <= MOST_PAIRS:
        orders += [np.arange(n, dtype=np.intc), _smallest_last(graph, n)]
    best = _fewest(kernels.star, graph[:2], orders)
    # Neighbors need different colors. The rule for rows gives them those only if the diagonal is full: then neighbors
    # meet in the row of either.
    has_diagonal = np.count_nonzero(pattern.rows == pattern.columns) == n
    if best[0] >= least and has_diagonal:
        best = min(best, _fewest_unsymmetric(graph, n, least), key=itemgetter(0))
    return best


def _fewest_unsymmetric(graph: Graph, n: int, least: int) -> Colors:
    if least == n:  # a full row: each column has its own color, and there is no need to look at n**2 pairs
        return n, np.arange(n, dtype=np.intc)
    natural = np.arange(n, dtype=np.intc)
    best = _fewest(kernels.greedy, graph, [natural])
    for limit in range(max(1, least), min(best[0], int(ROUND_ROBIN_SHARE * least) + 1)):
        colors = np.empty(n, np.intc)
        if kernels.greedy(*graph, natural, colors, limit):
            best = limit, colors
            break
    for order in (_largest_first, _smallest_last):
        if best[0] > least:
            best = min(best, _fewest(kernels.greedy, graph, [order(graph, n)]), key=itemgetter(0))
    return best


def _fewest(kernel: Callable[..., int], graph: tuple[Indices, ...], orders: Iterable[Indices]) -> Colors:
    """Return the coloring with the fewest colors that a kernel finds, of those in several orders."""
    found = []
    for order in orders:
        colors = np.empty(order.size, np.intc)
        found.append((kernel(*graph, order, colors), colors))
    return min(found, key=itemgetter(0))


def _degrees(graph: Graph, n: int) -> Array:
    degrees = np.empty(n, np.int64)
    kernels.degrees(graph[0], *graph[2:], degrees)
    return degrees


def _largest_first(graph: Graph, n: int) -> Indices:
    degrees = _degrees(graph, n)
    most = int(degrees.max(initial=0))
    if most <= graph[1].size:  # the time is linear, and so is what the starts take of memory
        return sorted_by(most - degrees, most + 1)[1]
    return np.argsort(-degrees, kind="stable").astype(np.intc)


def _smallest_last(graph: Graph, n: int) -> Indices:
    order = np.empty(n, np.intc)
    kernels.smallest_last(*graph, _degrees(graph, n), order)
    return order
