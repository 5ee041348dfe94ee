"""Structured and slow f: sparse Jacobians next to SciPy's, colorings of growing patterns, processes."""

import time
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.contest import Contestant, Workload, calls_alone
from bench.goals import times_as_fast
from gradfast import Coloring, gradient, jacobian
from gradfast.coloring import banded
from gradfast.values.arguments import Array

SPARSE = "How fast is a sparse Jacobian, its groups known, next to SciPy's?"
COLORING = "How long does it take to color a pattern?"
WORKERS = "How much sooner do two processes have the gradient of a slow f?"

HAS_SCIPY = find_spec("scipy") is not None

SLOW_SECONDS = 5e-3


def chain(x: Array) -> Array:
    """A tridiagonal f of three array operations."""
    out = x * x
    out[1:] -= x[:-1]
    out[:-1] -= x[1:]
    return out


def chain_entries(x: Array) -> Array:
    return np.concatenate([2 * x, np.full(x.size - 1, -1.0), np.full(x.size - 1, -1.0)])


def reaction(x: Array) -> Array:
    """The five-point Laplacian on a square grid, and a nonlinearity."""
    side = round(x.size**0.5)
    u = x.reshape(side, side)
    out = u * u * u - 4 * u
    out[1:] += u[:-1]
    out[:-1] += u[1:]
    out[:, 1:] += u[:, :-1]
    out[:, :-1] += u[:, 1:]
    return out.reshape(-1)


def reaction_entries(x: Array) -> Array:
    n, side = x.size, round(x.size**0.5)
    return np.concatenate([3 * x * x - 4, np.ones(n - side), np.ones(n - side), np.ones(2 * (n - side))])


@cache
def five_points(side: int) -> tuple[Array, Array]:
    """Return the rows and columns of the five-point Laplacian: diagonal, up and down, left and right."""
    i = np.arange(side * side)
    down, right = i[side:], i[i % side > 0]
    rows = np.concatenate([i, down, down - side, right, right - 1])
    columns = np.concatenate([i, down - side, down, right - 1, right])
    return rows, columns


@cache
def bands(n: int) -> tuple[Array, Array]:
    """Return the rows and columns of a tridiagonal matrix: diagonal, below and above."""
    i = np.arange(n)
    return np.concatenate([i, i[1:], i[:-1]]), np.concatenate([i, i[:-1], i[1:]])


def _entries(matrix: Any, pairs: tuple[Array, Array]) -> Any:
    return np.asarray(matrix.tocsr()[pairs])


def _clashes(found: Any, pairs: tuple[Array, Array]) -> int:
    """Return how many entries share their row with another of the same color: none if a coloring is right."""
    rows, columns = pairs
    if isinstance(found, Coloring):
        color = np.empty(int(columns.max()) + 1, int)
        for number, group in enumerate(found.groups):
            color[group] = number
    else:  # SciPy's, the number of each column's group
        color = np.asarray(found, int)
    colors = int(color.max()) + 1
    is_met = np.zeros((int(rows.max()) + 1) * colors, bool)
    is_met[rows * colors + color[columns]] = True
    return rows.size - int(np.count_nonzero(is_met))


def _scipy_jacobian(f: Callable[..., Any], x: Array, pattern: Any, groups: Array) -> Any:
    return import_module("scipy.optimize._numdiff").approx_derivative(
        f, x, method="3-point", sparsity=(pattern, groups)
    )


def _scipy_groups(pattern: Any) -> Any:
    return import_module("scipy.optimize._numdiff").group_columns(pattern)


def _scipy_pattern(pairs: tuple[Array, Array], n: int) -> Any:
    return import_module("scipy.sparse").csr_array((np.ones(pairs[0].size), pairs), shape=(n, n))


def _sparse(
    work: str, f: Callable[..., Any], n: int, pairs: tuple[Array, Array], entries: Any, limit: float
) -> Workload:
    x = np.random.default_rng(0).uniform(-1, 1, n)
    coloring = Coloring(pairs, (n, n))
    ours = partial(jacobian, f, x, sparsity=coloring)
    rival = None
    if HAS_SCIPY:
        pattern = _scipy_pattern(pairs, n)
        rival = partial(_scipy_jacobian, f, x, pattern, _scipy_groups(pattern))
    return Workload(
        target="P10",
        question=SPARSE,
        work=f"{work}, n = {n}, {coloring.n_colors} colors",
        contestants=(
            Contestant("bare", partial(calls_alone, f, [x], 2 * coloring.n_colors), tolerance=None),
            Contestant("gradfast", ours if HAS_SCIPY else None, 1e-8, "scipy"),
            Contestant("scipy 3-point", rival, 1e-6, "scipy"),
        ),
        judged="gradfast",
        goals={"scipy 3-point": times_as_fast(limit)},
        exact=entries(x),
        read=partial(_entries, pairs=pairs),
    )


def _coloring(n: int) -> Workload:
    side = round(n**0.5)
    n = side * side
    pairs = five_points(side)
    pattern = _scipy_pattern(pairs, n) if HAS_SCIPY else None
    return Workload(
        target="P10",
        question=COLORING,
        work=f"five-point Laplacian, n = {n}",
        contestants=(
            Contestant("gradfast", partial(Coloring, pattern) if HAS_SCIPY else None, 0, "scipy"),
            Contestant("scipy group_columns", partial(_scipy_groups, pattern) if HAS_SCIPY else None, 0, "scipy"),
        ),
        judged="gradfast",
        goals={"scipy group_columns": times_as_fast(1)},
        exact=0,
        read=partial(_clashes, pairs=five_points(side)),
    )


def _band_coloring(n: int) -> Workload:
    pattern = _scipy_pattern(bands(n), n) if HAS_SCIPY else None
    return Workload(
        target="P10",
        question=COLORING,
        work=f"tridiagonal, n = {n}",
        contestants=(
            Contestant("gradfast", partial(Coloring, pattern) if HAS_SCIPY else None, 0, "scipy"),
            Contestant("gradfast banded", lambda: Coloring(banded(n, 1, 1)), 0),
            Contestant("scipy group_columns", partial(_scipy_groups, pattern) if HAS_SCIPY else None, 0, "scipy"),
        ),
        judged="gradfast",
        goals={"scipy group_columns": times_as_fast(1)},
        exact=0,
        read=partial(_clashes, pairs=bands(n)),
    )


def slow(x: Array) -> float:
    """Take 5 ms, as a simulation that some other machine or device does."""
    time.sleep(SLOW_SECONDS)
    return float(x @ x)


def _slow() -> Workload:
    x = np.linspace(1, 2, 200)
    return Workload(
        target="P11",
        question=WORKERS,
        work="f of 5 ms, n = 200",
        contestants=(
            Contestant("2 processes", partial(gradient, slow, x, workers=2), 1e-6),
            Contestant("serial", partial(gradient, slow, x, workers=1), 1e-6),
        ),
        judged="2 processes",
        goals={"serial": times_as_fast(1.8)},
        exact=2 * x,
    )


WORKLOADS = (
    _sparse("tridiagonal", chain, 100_000, bands(100_000), chain_entries, 10),
    _sparse("five-point Laplacian and u**3", reaction, 90_000, five_points(300), reaction_entries, 1),
    *(_coloring(n) for n in (10**3, 10**4, 10**5, 10**6)),
    *(_band_coloring(n) for n in (10**3, 10**4, 10**5, 10**6)),
    _slow(),
)
