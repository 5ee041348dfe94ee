"""The chart of the README: what one call takes, package by package."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.contest import Workload
from bench.table import Times, seconds_text

# Okabe and Ito's colors, which all common kinds of color vision tell apart.
COLORS = {"gradfast": "#0072B2", "gradfast vectorized": "#56B4E9", "reference": "#E69F00", "bare": "#444444"}
PEER_COLOR = "#BBBBBB"
LABELS = {"bare": "calls of f alone", "reference": "plain Python loop"}

# What users do most, by the name of the workload, and what the chart calls it.
PANELS = {
    "BFGS on rosen in plain Python, n = 10": "BFGS fit, f in plain Python, n = 10",
    "gradients of rosen(3) at 2000 points": "gradients at 2000 points, f in NumPy",
    "compiled sum of squares, 1 000 000 x 2": "gradients at a million points, compiled f",
    "tridiagonal, n = 100000, 3 colors": "sparse Jacobian, n = 100 000",
    "Hessian of rosen, n = 20": "Hessian, f in NumPy, n = 20",
    "np.sum(x**2), n = 100": "gradient of np.sum(x**2), n = 100",
}


def draw(measured: Iterable[tuple[Workload, Times]], file: Path) -> None:
    """Draw the workloads of PANELS to file."""
    from matplotlib.figure import Figure

    times = {workload.work: times for workload, times in measured}
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots(3, 2, sharex=True)
    for ax, (work, title) in zip(axes.flat, PANELS.items(), strict=True):
        _panel(ax, title, times[work])
    figure.supxlabel("time of a call (each step is ten times as long; further left is faster)")
    figure.savefig(file, dpi=150)


def _panel(ax: Any, title: str, times: Times) -> None:
    ranked = sorted(times, key=times.__getitem__)
    microseconds = [times[name] * 1e6 for name in ranked]
    places = range(len(ranked))
    colors = [COLORS.get(re.sub(" (forward|central)", "", name), PEER_COLOR) for name in ranked]
    ax.scatter(microseconds, places, s=60, color=colors, zorder=2)
    ax.set_yticks(places, [LABELS.get(name, name) for name in ranked])
    ax.grid(axis="y", color="0.92", zorder=0)
    for place, name in enumerate(ranked):
        ax.text(times[name] * 1.8e6, place, seconds_text(times[name]), va="center")
    ax.set_title(title, loc="left", weight="bold", size="medium")
    ax.set_xscale("log")
    ax.set_xlim(10, 3e8)  # room for the longest time
    ax.set_xticks([1e2, 1e3, 1e4, 1e5, 1e6, 1e7], ["0.1 ms", "", "10 ms", "", "1 s", ""])
    ax.minorticks_off()
    ax.margins(y=0.12)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
