"""Matplotlib's Axes: those given, or new ones; Matplotlib is imported when they are needed, never with gradfast."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def import_matplotlib(name: str) -> Any:
    """Return a module of Matplotlib; where there is none, ImportError names the extra to install."""
    try:
        importlib.import_module("matplotlib")
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("plotting needs Matplotlib: install gradfast[plot]") from error


def new_axes(ax: Any, projection: str | None = None) -> Any:
    """Return ax if it is of the kind wanted, "3d" or not; new Axes if it is None."""
    if ax is None:
        return import_matplotlib("matplotlib.pyplot").figure().add_subplot(projection=projection)
    if not isinstance(getattr(ax, "name", None), str) or not callable(getattr(ax, "plot", None)):
        raise TypeError(f"ax must be an Axes of Matplotlib; got {ax!r}")
    if (ax.name == "3d") != (projection == "3d"):
        wanted = 'a 3-D Axes, of projection="3d"' if projection == "3d" else "a 2-D Axes"
        raise ValueError(f"ax must be {wanted}; got one of projection={ax.name!r}")
    return ax


def annotated(ax: Any, artist: Artist, **names: str) -> Axes:
    """Return ax with the axis labels that it lacks, and a legend if artist has a label."""
    for axis, name in names.items():
        if not getattr(ax, f"get_{axis}label")():
            ax.set(**{f"{axis}label": name})
    label = str(artist.get_label() or "_")
    if not label.startswith("_"):  # Matplotlib names what nobody labelled _child0, ...
        ax.legend()
    return ax  # type: ignore[no-any-return]  # Any, since mpl_toolkits has no types
