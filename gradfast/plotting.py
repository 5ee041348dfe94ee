"""Figures of a function, its tangents, its surface and its gradient.

Every function draws on the Axes it is given, or on new ones that ``pyplot.show()`` shows, and
returns them; none shows them. Keyword arguments go on to the Matplotlib call that it wraps.
Matplotlib is imported when new Axes are needed, never with gradfast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradfast._kernels.keep import keeping
from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.number import number
from gradfast.arguments import Array, as_array, is_real
from gradfast.callables import as_objective
from gradfast.calling.many_points import values_at
from gradfast.matplotlib_axes import annotated, new_axes
from gradfast.textbook import numerical_gradient, tangent_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_function", "plot_gradient_field", "plot_surface", "plot_tangent"]


def plot_function(f: Callable[[Any], Any], x: Any, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw the graph of f over x.

    Parameters
    ----------
    f : callable
        Function of one number, called with one element of x at a time; or compiled code.
    x : array_like
        Shape (m,): where to evaluate f. It is not modified.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new Axes in a new figure if not given. A label that is already on its
        axis stays.
    **kwargs
        For :meth:`matplotlib.axes.Axes.plot`. With ``label=`` there is a legend.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with one more line.

    Raises
    ------
    ImportError
        If new Axes are needed and Matplotlib is not installed.
    TypeError
        If f is not callable, or x or f's result is complex or not a number.
    ValueError
        If x is not of shape (m,), f returns more than one number, or ax is 3-D.

    Notes
    -----
    m evaluations. Thread-safety: that of Matplotlib; one thread to a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_function
    >>> ax = plot_function(lambda x: 0.01 * x**2 + 0.1 * x, np.arange(0.0, 20.0, 0.1))
    >>> pyplot.close(ax.figure)
    """
    x, f = _ticks("x", x), as_objective(f)
    y = np.array([_value_at(f, number) for number in x])
    ax = new_axes(ax)
    (line,) = ax.plot(x, y, **kwargs)
    return annotated(ax, line, x="x", y="f(x)")


def plot_tangent(
    f: Callable[[Any], Any], x: Any, at: float, *, h: float = 1e-4, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw the tangent of f at one number over x, and mark where it touches.

    f itself is not drawn; :func:`plot_function` draws it on the same Axes.

    Parameters
    ----------
    f : callable
        Function of one number; or compiled code.
    x : array_like
        Shape (m,): where to evaluate the tangent. It is not modified.
    at : float
        Where the tangent touches f.
    h : float
        Step of the central difference, in x's units.
    ax, **kwargs
        As for :func:`plot_function`.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with one more line, and a point of its color.

    Raises
    ------
    ImportError, TypeError, ValueError
        As for :func:`plot_function`; if at is not one number, or h not finite and positive.

    Notes
    -----
    3 evaluations, see :func:`gradfast.tangent_line`. Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_function, plot_tangent
    >>> x = np.arange(0.0, 20.0, 0.1)
    >>> ax = plot_tangent(np.sqrt, x, at=5, ax=plot_function(np.sqrt, x), label="tangent at 5")
    >>> pyplot.close(ax.figure)
    """
    x = _ticks("x", x)
    touching = as_array("at", at)
    if touching.ndim != 0:
        raise ValueError(f"at must be one number; got an array of shape {touching.shape}")
    if touching.dtype.kind not in "fiub":
        raise TypeError(f"at must be one real number; got {at!r}")
    f = as_objective(f)
    tangent = tangent_line(lambda number: _value_at(f, number), at, h)
    ax = new_axes(ax)
    (line,) = ax.plot(x, tangent(x), **kwargs)
    ax.scatter(at, tangent(at), color=line.get_color(), zorder=line.get_zorder() + 0.5)
    return annotated(ax, line, x="x", y="f(x)")


def plot_surface(
    f: Callable[[Any], Any], x0: Any, x1: Any, *, vectorized: bool = False, ax: Axes | None = None, **kwargs: Any
) -> Axes:
    """Draw the surface of f over a mesh, in 3-D.

    Parameters
    ----------
    f : callable
        What :func:`gradfast.numerical_gradient` takes: a function of a point, an array of shape
        (2,), that returns one number. With ``vectorized=True``, a function of points of shape
        (m, 2) that returns m numbers. Or compiled code: see :mod:`gradfast.callables`.
    x0, x1 : array_like
        Shapes (m0,) and (m1,): the ticks of the mesh along each axis, each tick once. Not the
        2-D arrays of ``numpy.meshgrid``: the mesh is made from the ticks.
    vectorized : bool
        Whether f takes many points at once.
    ax : mpl_toolkits.mplot3d.Axes3D, optional
        Where to draw; new 3-D Axes in a new figure if not given.
    **kwargs
        For :meth:`mpl_toolkits.mplot3d.Axes3D.plot_surface`. With ``label=`` there is a legend.

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
        If x0 or x1 is not of shape (m,), or holds a tick twice or one that is not finite; if f
        returns more than one number, or with ``vectorized=True`` not m; if f itself changes its
        point; if ax is not 3-D.

    Notes
    -----
    m0 m1 evaluations, in one call with ``vectorized=True``. Matplotlib draws at most 50 rows and
    columns of a mesh, evenly chosen, unless ``rcount=`` and ``ccount=`` say more.
    Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_surface
    >>> ax = plot_surface(lambda x: np.sum(x**2), np.arange(-3.0, 3.1, 0.5), np.arange(-3.0, 3.1, 0.5))
    >>> pyplot.close(ax.figure)
    """
    f = as_objective(f)
    if vectorized and isinstance(f, NativeFunction):
        raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
    x0, x1, points = _mesh(x0, x1)
    values = keeping(points, values_at if vectorized else _values_at_rows, f, points, points.shape[:1])
    mesh = np.meshgrid(x0, x1)
    solid: Any = new_axes(ax, "3d")
    colors = {} if "color" in kwargs else {"cmap": "viridis"}  # a color map would win over a color
    surface = solid.plot_surface(*mesh, values.reshape(mesh[0].shape), **{**colors, **kwargs})
    return annotated(solid, surface, x="x0", y="x1", z="f(x)")


def plot_gradient_field(
    f: Callable[[Any], Any],
    x0: Any,
    x1: Any,
    sign: int = -1,
    *,
    h: float = 1e-4,
    vectorized: bool = False,
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Draw the gradient of f, or its negative, as an arrow at each point of a mesh.

    Parameters
    ----------
    f, x0, x1, vectorized
        As for :func:`plot_surface`.
    sign : {-1, 1}
        -1 for the negative gradient, the way down; 1 for the gradient.
    h : float
        Step of the central differences, in the units of x0 and x1.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new Axes in a new figure if not given.
    **kwargs
        For :meth:`matplotlib.axes.Axes.quiver`. With ``label=`` there is a legend. Unless ``scale=``
        says otherwise, the longest arrow is as long as a cell of the mesh.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes with the arrows, one unit of x0 drawn as long as one unit of x1.

    Raises
    ------
    ImportError, TypeError, ValueError
        As for :func:`plot_surface`, but for ax, which must not be 3-D; if sign is neither -1 nor 1,
        or h not finite and positive.

    Notes
    -----
    The gradients are :func:`gradfast.numerical_gradient` of the mesh: 4 m0 m1 evaluations, in 4
    calls with ``vectorized=True``. Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_gradient_field
    >>> ax = plot_gradient_field(lambda x: np.sum(x**2), np.arange(-2, 2.5, 0.25), np.arange(-2, 2.5, 0.25))
    >>> pyplot.close(ax.figure)
    """
    if not is_real(sign) or sign not in (-1, 1):
        raise ValueError(f"sign must be -1 or 1; got {sign!r}")
    x0, x1, points = _mesh(x0, x1)
    arrows = sign * numerical_gradient(f, points, h, vectorized=vectorized)
    scale = _scale_to_one_cell(arrows, x0, x1)
    ax = new_axes(ax)
    style = {"color": "0.35", "angles": "xy", "scale_units": "xy", "scale": scale, **kwargs}
    quiver = ax.quiver(*points.T, *arrows.T, **style)
    ax.update_datalim(points + arrows / scale)  # quiver itself makes room for the tails alone
    ax.autoscale_view()
    ax.set_aspect("equal")
    ax.grid(True, color="0.9")
    ax.set_axisbelow(True)
    return annotated(ax, quiver, x="x0", y="x1")


def _ticks(name: str, values: Any) -> Array:
    ticks = as_array(name, values)
    if ticks.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {ticks.dtype}")
    if ticks.ndim != 1 or ticks.size == 0:
        raise ValueError(f"{name} must have shape (m,), with m > 0; got {ticks.shape}")
    return ticks.astype(np.float64)


def _mesh(x0: Any, x1: Any) -> tuple[Array, Array, Array]:
    """Return the ticks, and the points of their mesh, one a row, x0 running fastest."""
    x0, x1 = _ticks("x0", x0), _ticks("x1", x1)
    for name, ticks in (("x0", x0), ("x1", x1)):
        if not np.isfinite(ticks).all():
            raise ValueError(f"{name} must hold finite ticks; got {ticks[~np.isfinite(ticks)][0]}")
        different, counts = np.unique(ticks, return_counts=True)
        most = counts.argmax()
        if counts[most] > 1:  # a flattened meshgrid, whose own mesh would be as many points squared
            raise ValueError(f"{name} must hold each tick once; got {different[most]:g} {counts[most]} times")
    return x0, x1, np.stack(np.meshgrid(x0, x1), axis=-1).reshape(-1, 2)


def _value_at(f: Callable[[Any], Any], point: Any) -> float:
    """Return f's value as one number, by the rules of every operator."""
    value: float = number(f(point), "d")
    return value


def _values_at_rows(f: Callable[[Any], Any], points: Array, shape: tuple[int, ...]) -> Array:
    return np.array([_value_at(f, point) for point in points]).reshape(shape)


def _scale_to_one_cell(arrows: Array, x0: Array, x1: Array) -> float:
    """Return how many units of arrow make one of the mesh, if the longest is to fill a cell."""
    lengths = np.hypot(*arrows.T)
    longest = lengths[np.isfinite(lengths)].max(initial=0.0)
    cell = min((np.diff(np.sort(ticks)).min() for ticks in (x0, x1) if ticks.size > 1), default=1.0)
    return float(longest / cell) or 1.0
