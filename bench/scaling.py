"""How time grows: that of compiled batches on threads, and of the coloring of a grid."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.clock import best_times
from bench.compiled import native
from gradfast import Coloring, gradient

ROWS = (10**3, 10**4, 10**5, 10**6, 10**7)
SIDES = (32, 100, 316, 1000)

COLORS = {"1 thread": "#56B4E9", "2 threads": "#0072B2", "gradfast": "#0072B2", "SciPy": "#888888"}

Curves = dict[str, list[float]]


def times_a_row() -> Curves:
    """Return the nanoseconds that a gradient at a row of two takes, by the number of threads."""
    f, _ = native()

    def runs(count: int) -> dict[str, Callable[[], Any]]:
        x = np.random.default_rng(0).uniform(-2, 2, (count, 2))
        return {
            name: partial(gradient, f, x, axis=1, workers=workers)
            for name, workers in (("1 thread", None), ("2 threads", 2))
        }

    return _curves(ROWS, runs)


def times_a_column() -> Curves:
    """Return the nanoseconds that coloring a column of the five-point Laplacian of a square takes."""
    sparse, numdiff = import_module("scipy.sparse"), import_module("scipy.optimize._numdiff")

    def runs(count: int) -> dict[str, Callable[[], Any]]:
        side = round(count**0.5)
        line = sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(side, side))
        identity = sparse.eye_array(side)
        pattern = sparse.csr_array(sparse.kron(line, identity) + sparse.kron(identity, line))
        return {"gradfast": partial(Coloring, pattern), "SciPy": partial(numdiff.group_columns, pattern)}

    return _curves([side * side for side in SIDES], runs)


def _curves(counts: Any, runs: Callable[[int], dict[str, Callable[[], Any]]]) -> Curves:
    curves: Curves = {}
    for count in counts:
        for name, seconds in best_times(runs(count), 0.5, 3).items():
            curves.setdefault(name, []).append(seconds / count * 1e9)
    return curves


def draw(file: Path) -> list[str]:
    """Measure and draw both; return the lines of a table."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = _panel(left, "Gradient of a compiled sum of squares", "rows of two", ROWS, times_a_row())
    sides = [side * side for side in SIDES]
    columns = _panel(right, "Coloring a five-point Laplacian", "columns", sides, times_a_column())
    figure.savefig(file, dpi=150)
    return [*rows, *columns]


def _panel(ax: Any, title: str, what: str, counts: Any, curves: Curves) -> list[str]:
    for name, values in curves.items():
        ax.plot(counts, values, "o-", color=COLORS[name], label=name)
    ax.set(xscale="log", xlabel=what, ylabel=f"nanoseconds for one of the {what}")
    ax.set_ylim(bottom=0)
    ax.set_title(title, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend()
    lines = [f"{title}: nanoseconds for one of the {what}, by their number", _row("", counts)]
    return [*lines, *(_row(name, values) for name, values in curves.items())]


def _row(name: str, numbers: Any) -> str:
    return f"  {name:12s}" + "".join(f"{number:>12,.4g}" for number in numbers)
