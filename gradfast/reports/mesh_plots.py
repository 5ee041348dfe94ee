"""Figures of a function over a mesh: its surface, its contours and its gradient; and what all figures share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradfast._kernels.memory import add_note
from gradfast._kernels.native_function import NativeFunction
from gradfast.calls.evaluators import Call, opened
from gradfast.operators.textbook_gradient import numerical_gradient
from gradfast.values.arguments import Array, Function, as_array, imported, is_real
from gradfast.values.callables import as_objective

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# Size of a 3-D box at which the name of its height lies inside its Axes, and the distance of names from the numbers,
# in points.
ROOM_FOR_LABELS = 0.8
LABEL_BESIDE_NUMBERS = 10

# Lines of a contour plot.
LEVELS = 14


def plot_surface(
    f: Function, x0: object, x1: object, *, vectorized: bool = False, ax: Axes | None = None, **kwargs: object
) -> Axes:
    """Draw the surface of f over a mesh, in 3-D.

    Parameters
    ----------
    f : callable
        Function of a point, an array of shape (2,), that returns one number. With ``vectorized=True``, function of
        points of shape (m, 2) that returns m numbers. Or compiled code: see :mod:`gradfast.values.callables`.
    x0, x1 : array_like
        Shapes (m0,) and (m1,): the ticks of the mesh along each axis, each tick once. The mesh is made
        from them; the 2-D arrays of ``numpy.meshgrid`` are not accepted.
    vectorized : bool
        Whether f takes many points at once.
    ax : mpl_toolkits.mplot3d.Axes3D, optional
        Where to draw; new 3-D Axes in a new figure if not given.
    **kwargs
        For :meth:`mpl_toolkits.mplot3d.Axes3D.plot_surface`. With ``label=``, a legend is drawn.

    Returns
    -------
    mpl_toolkits.mplot3d.Axes3D
        The Axes with one more surface.

    Raises
    ------
    ImportError
        If new Axes are needed and Matplotlib is not installed.
    TypeError
        If f is not callable, or x0, x1 or f's result is complex or not a number.
    ValueError
        If x0 or x1 is not of shape (m,), holds a tick twice, or one that is not finite; if f returns more than one
        number or, with ``vectorized=True``, not m numbers; if f changes its point; if ax is not 3-D.

    Notes
    -----
    m0 m1 evaluations, in one call with ``vectorized=True``. Of a mesh of more than 50 rows or columns,
    Matplotlib draws 50, evenly chosen, unless ``rcount=`` and ``ccount=`` ask for more.
    Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_surface
    >>> ticks = np.arange(-3.0, 3.1, 0.5)
    >>> ax = plot_surface(lambda x: np.sum(x**2), ticks, ticks)
    >>> pyplot.close(ax.figure)
    """
    x0, x1, mesh, values = _values_over_mesh(f, x0, x1, vectorized)
    solid: Any = new_axes(ax, "3d")
    if not solid.get_zlabel():
        solid.set_box_aspect(None, zoom=ROOM_FOR_LABELS)
        solid.xaxis.labelpad = solid.yaxis.labelpad = solid.zaxis.labelpad = LABEL_BESIDE_NUMBERS
    if "color" not in kwargs:  # Matplotlib would prefer the map to the color
        kwargs.setdefault("cmap", "viridis")
    surface = solid.plot_surface(*mesh, values, **kwargs)
    return annotated(solid, surface, x="x0", y="x1", z="f(x)")


def plot_gradient_field(
    f: Function, x0: object, x1: object, sign: int = -1, *, h: float = 1e-4, length: str = "gradient",
    vectorized: bool = False, ax: Axes | None = None, **kwargs: object,
) -> Axes:  # fmt: skip
    """Draw the gradient of f, or its negative, as an arrow at each point of a mesh.

    Parameters
    ----------
    f, x0, x1
        As for :func:`plot_surface`.
    sign : {-1, 1}
        -1 for the negative gradient, the way down; 1 for the gradient.
    h : float
        Step of the central differences, in the units of x0 and x1.
    length : {"gradient", "equal"}
        What the length of an arrow tells. "gradient": that of the gradient. "equal": nothing, all are equally
        long, and a logarithmic color bar tells the length of the gradient. So the valleys of a steep f show.
    vectorized : bool
        As for :func:`plot_surface`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new Axes in a new figure if not given.
    **kwargs
        For :meth:`matplotlib.axes.Axes.quiver`. With ``label=``, a legend is drawn. Without ``scale=``,
        the longest arrow is as long as a cell of the mesh.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the arrows. Along an arrow, x0 and x1 change in proportion to the gradient, whatever
        their units; ``ax.set_aspect("equal")`` draws both units equally long.

    Raises
    ------
    ImportError, TypeError, ValueError
        As for :func:`plot_surface`, but ax must not be 3-D; if sign is neither -1 nor 1, length neither
        "gradient" nor "equal", or h not finite and positive.

    Notes
    -----
    4 m0 m1 evaluations, by :func:`gradfast.numerical_gradient`; 4 calls with ``vectorized=True``.
    Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_gradient_field
    >>> ticks = np.arange(-2, 2.5, 0.25)
    >>> ax = plot_gradient_field(lambda x: np.sum(x**2), ticks, ticks)
    >>> pyplot.close(ax.figure)
    """
    if not is_real(sign) or sign not in (-1, 1):
        raise ValueError(f"sign must be -1 or 1; got {sign!r}")
    if length not in ("gradient", "equal"):
        raise ValueError(f'length must be "gradient" or "equal"; got {length!r}')
    x0, x1, points = _mesh(x0, x1)
    with _told_of_points(vectorized):
        arrows = sign * numerical_gradient(f, points, h, vectorized=vectorized)
    colors: tuple[Array, ...] = ()
    style: dict[str, Any] = {"color": "0.35"}
    if length == "equal":
        sizes, cells = np.hypot(*arrows.T), _in_cells(arrows, x0, x1)
        arrows, colors, style = arrows / np.where(cells > 0, cells, 1)[:, None], (sizes,), {"norm": _logarithmic(sizes)}
    cells = _in_cells(arrows, x0, x1)
    scale = float(cells[np.isfinite(cells)].max(initial=0.0)) or 1.0
    ax = new_axes(ax)
    style |= {"angles": "xy", "scale_units": "xy", "scale": scale, **kwargs}
    quiver = ax.quiver(*points.T, *arrows.T, *colors, **style)
    ax.update_datalim(points + arrows / scale)  # quiver makes room for the tails only
    ax.autoscale_view()
    if colors and ax.figure is not None:
        ax.figure.colorbar(quiver, ax=ax, label="length of the gradient")
    ax.grid(True, color="0.9")
    ax.set_axisbelow(True)
    return annotated(ax, quiver, x="x0", y="x1")


def plot_contour(
    f: Function, x0: object, x1: object, path: object = None, *, vectorized: bool = False, ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:  # fmt: skip
    """Draw lines of equal f over a mesh, and the way that a minimizer took.

    Parameters
    ----------
    f, x0, x1
        As for :func:`plot_surface`.
    path : array_like, optional
        Shape (k, 2): points in the order in which they were reached, as a callback of
        ``scipy.optimize.minimize`` collects them. A dot marks the first one, a star the last.
    vectorized : bool
        As for :func:`plot_surface`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new Axes in a new figure if not given.
    **kwargs
        For :meth:`matplotlib.axes.Axes.contour`. Without ``levels=``, equally much of the mesh lies between
        each two neighboring lines, and their colors differ equally, so that valleys of a steep f show.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the lines, and the path if there is one.

    Raises
    ------
    ImportError, TypeError, ValueError
        As for :func:`plot_surface`, but ax must not be 3-D; if x0 or x1 has less than 2 ticks, or path is
        not of shape (k, 2).

    Notes
    -----
    m0 m1 evaluations, in one call with ``vectorized=True``. Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast import gradient
    >>> from gradfast.plotting import plot_contour
    >>> bowl = lambda x: x[0] ** 2 / 20 + x[1] ** 2
    >>> path = [np.array([-7.0, 2.0])]
    >>> for _ in range(20):
    ...     path.append(path[-1] - 0.9 * gradient(bowl, path[-1]))
    >>> ax = plot_contour(bowl, np.linspace(-8, 8, 41), np.linspace(-3, 3, 31), path)
    >>> pyplot.close(ax.figure)
    """
    x0, x1, mesh, values = _values_over_mesh(f, x0, x1, vectorized)
    for name, ticks in (("x0", x0), ("x1", x1)):
        if ticks.size < 2:
            raise ValueError(f"{name} must have 2 ticks or more; got {ticks.size}")
    way = np.empty((0, 2)) if path is None else as_array("path", path)
    if way.ndim != 2 or way.shape[1] != 2 or way.dtype.kind not in "fiub":
        raise ValueError(f"path must hold points, numbers of shape (k, 2); got shape {way.shape}, dtype {way.dtype}")
    ax = new_axes(ax)
    finite = values[np.isfinite(values)]
    if finite.size and finite.min() < finite.max():
        levels = np.unique(np.quantile(finite, np.linspace(0, 1, LEVELS + 2)[1:-1]))
        if "colors" not in kwargs:
            kwargs.setdefault("cmap", "viridis")
            if levels.size > 1 and kwargs.keys().isdisjoint(("levels", "norm", "vmin", "vmax")):
                edges = np.unique([*levels, finite.max()])
                kwargs["norm"] = import_matplotlib("matplotlib.colors").BoundaryNorm(edges, 256)
        kwargs.setdefault("levels", levels)
        ax.contour(*mesh, np.ma.masked_invalid(values), **kwargs)
    if len(way):
        (line,) = ax.plot(*way.T, color="C3", marker=".", linewidth=1)
        ax.plot(*way[0], "o", color=line.get_color())
        ax.plot(*way[-1], "*", color=line.get_color(), markersize=12)
    return annotated(ax, None, x="x0", y="x1")


def _mesh(x0: object, x1: object) -> tuple[Array, Array, Array]:
    """Return the ticks of both axes and the points of their mesh, one in each row; x0 changes fastest."""
    x0, x1 = as_ticks("x0", x0), as_ticks("x1", x1)
    for name, ticks in (("x0", x0), ("x1", x1)):
        if not np.isfinite(ticks).all():
            raise ValueError(f"{name} must hold finite ticks; got {ticks[~np.isfinite(ticks)][0]}")
        different, counts = np.unique(ticks, return_counts=True)
        most = counts.argmax()
        if counts[most] > 1:  # as in a flattened meshgrid, whose m points would make a mesh of m**2
            raise ValueError(f"{name} must hold each tick once; got {different[most]:g} {counts[most]} times")
    return x0, x1, np.stack(np.meshgrid(x0, x1), axis=-1).reshape(-1, 2)


def _values_over_mesh(f: Function, x0: object, x1: object, vectorized: bool) -> tuple[Array, Array, list[Array], Array]:
    """Return the ticks, the two arrays of the mesh that Matplotlib takes, and f's values of their shape."""
    f = as_objective(f)
    if vectorized and isinstance(f, NativeFunction):
        raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
    x0, x1, points = _mesh(x0, x1)
    with _told_of_points(vectorized), opened(Call(f, single=True, axis=1, vectorized=vectorized).at(points)) as e:
        values = e.value()
    mesh = list(np.meshgrid(x0, x1))
    return x0, x1, mesh, values.reshape(mesh[0].shape)


@contextmanager
def _told_of_points(vectorized: bool) -> Iterator[None]:
    """Add a note to an exception of an f that may have taken another kind of argument than it gets."""
    try:
        yield
    except (TypeError, IndexError) as error:
        one = "one point, an array of shape (2,); vectorized=True is for an f of many points, one a row"
        if not str(error).startswith("f must"):
            add_note(error, f"f was called with {'many points, one a row' if vectorized else one}")
        raise


def _in_cells(arrows: Array, x0: Array, x1: Array) -> Array:
    """Return the lengths of arrows in cells of the mesh, whose sides may have any units."""
    sides = [np.diff(np.sort(ticks)).min(initial=np.inf) for ticks in (x0, x1)]
    sides = [side if side < np.inf else min(min(sides), 1.0) for side in sides]
    with np.errstate(all="ignore"):
        cells: Array = np.hypot(*(arrows / sides).T)
    return cells


def _logarithmic(sizes: Array) -> object:
    """Return the norm of a logarithmic color map over the sizes that are positive and finite."""
    some = sizes[(sizes > 0) & np.isfinite(sizes)]
    if not some.size or some.min() == some.max():
        return None
    return import_matplotlib("matplotlib.colors").LogNorm(np.quantile(some, 0.05), some.max())  # 0 is far below


# --- what all figures share -------------------------------------------------------------------------------------------


def import_matplotlib(name: str) -> ModuleType:
    return imported(name, "plotting needs Matplotlib", "plot")


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
