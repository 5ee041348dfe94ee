"""What all figures share: Matplotlib where it is installed, Axes old or new, names on them, and ticks."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradfast.arguments import Array, as_array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


def import_matplotlib(name: str) -> ModuleType:
    """Return a module of Matplotlib, or raise an ImportError that names the extra to install."""
    try:
        importlib.import_module("matplotlib")
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("plotting needs Matplotlib: install gradfast[plot]") from error


def new_axes(ax: Any, projection: str | None = None) -> Any:
    """Return ax, or new Axes if it is None; raise an error unless ax has this projection ("3d" or None)."""
    if ax is None:
        return import_matplotlib("matplotlib.pyplot").figure(layout="constrained").add_subplot(projection=projection)
    if not isinstance(getattr(ax, "name", None), str) or not callable(getattr(ax, "plot", None)):
        raise TypeError(f"ax must be an Axes of Matplotlib; got {ax!r}")
    if (ax.name == "3d") != (projection == "3d"):
        wanted = 'a 3-D Axes, of projection="3d"' if projection == "3d" else "a 2-D Axes"
        raise ValueError(f"ax must be {wanted}; got one of projection={ax.name!r}")
    return ax


def annotated(ax: Any, artist: Artist | None, **names: str) -> Axes:
    """Return ax with names on the axes that have none, and with a legend if the artist has a label."""
    for axis, name in names.items():
        if not getattr(ax, f"get_{axis}label")():
            ax.set(**{f"{axis}label": name})
    label = "_" if artist is None else str(artist.get_label() or "_")
    if not label.startswith("_"):  # Matplotlib itself labels artists _child0, _child1, ...
        ax.legend()
    return ax  # type: ignore[no-any-return]  # Any, since mpl_toolkits has no types


def as_ticks(name: str, values: object) -> Array:
    """Return ticks of an axis as a copy in float64."""
    ticks = as_array(name, values)
    if ticks.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {ticks.dtype}")
    if ticks.ndim != 1 or ticks.size == 0:
        raise ValueError(f"{name} must have shape (m,), with m > 0; got {ticks.shape}")
    return ticks.astype(np.float64)
