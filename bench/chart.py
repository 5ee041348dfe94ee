"""The chart of the README: what one call takes, package by package."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.contest import Workload
from bench.table import Times, seconds_text

# Okabe and Ito's colors, which all common kinds of color vision tell apart.
COLORS = {"gradfast": "#0072B2", "gradfast vectorized": "#56B4E9", "reference": "#E69F00", "bare": "#444444"}
PEER_COLOR = "#BBBBBB"
LABELS = {"bare": "calls of f alone", "reference": "plain Python loop"}


def draw(measured: Iterable[tuple[Workload, Times]], file: Path) -> None:
    """Draw the workloads that belong in the chart to file."""
    from matplotlib.figure import Figure

    panels = [(workload, times) for workload, times in measured if workload.in_chart]
    figure = Figure(figsize=(10, 1.0 + 2.6 * -(-len(panels) // 2)), layout="constrained")
    axes = figure.subplots(-(-len(panels) // 2), 2, sharex=True, squeeze=False)
    for ax, (workload, times) in zip(axes.flat, panels, strict=False):
        _panel(ax, workload, times)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    figure.supxlabel("microseconds a call (log scale; further left is faster)")
    figure.savefig(file, dpi=150)


def _panel(ax: Any, workload: Workload, times: Times) -> None:
    ranked = sorted(times, key=times.__getitem__)
    microseconds = [times[name] * 1e6 for name in ranked]
    places = range(len(ranked))
    colors = [COLORS.get(name, PEER_COLOR) for name in ranked]
    ax.scatter(microseconds, places, s=60, color=colors, zorder=2)
    ax.set_yticks(places, [LABELS.get(name, name) for name in ranked])
    ax.grid(axis="y", color="0.92", zorder=0)
    for place, name in enumerate(ranked):
        ax.text(times[name] * 1.8e6, place, seconds_text(times[name]), va="center")
    ax.set_title(workload.work, loc="left")
    ax.set_xscale("log")
    ax.margins(x=0.2, y=0.12)  # room for the longest time
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
