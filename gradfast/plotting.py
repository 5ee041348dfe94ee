"""Figures of a function, its tangents, surface, contours and gradient, and of the error of derivatives.

Each function draws on the Axes it is given or on new ones, and returns them. It does not show them; ``pyplot.show()``
does. Other keywords go to the Matplotlib call that it wraps. Matplotlib is imported when new Axes are needed, not
with gradfast.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradfast._kernels.returned_value import number
from gradfast._kernels.steps_and_bounds import LEAST_SCALE
from gradfast.operators.derivatives import derivative
from gradfast.operators.textbook_functions import tangent_line
from gradfast.reports.mesh_plots import annotated, as_ticks, new_axes, plot_contour, plot_gradient_field, plot_surface
from gradfast.steps.difference_methods import Central, Difference
from gradfast.steps.methods import AnyMethod, as_method
from gradfast.values.arguments import EPS, Function, as_array, is_real
from gradfast.values.callables import as_objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_contour", "plot_function", "plot_gradient_field", "plot_step_error", "plot_surface", "plot_tangent"]

FOURTH_ORDER = Central(accuracy=4)


def plot_function(f: Function, x: object, *, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw the graph of f over x.

    Parameters
    ----------
    f : callable
        Function of one number, called with one element of x at a time; or compiled code.
    x : array_like
        Shape (m,): where to evaluate f. It is not modified.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new Axes in a new figure if not given. An axis that has a label keeps it.
    **kwargs
        For :meth:`matplotlib.axes.Axes.plot`. With ``label=``, a legend is drawn.

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
    m evaluations. Thread-safety: as Matplotlib's, only one thread may draw on a figure.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_function
    >>> ax = plot_function(lambda x: 0.01 * x**2 + 0.1 * x, np.arange(0.0, 20.0, 0.1))
    >>> pyplot.close(ax.figure)
    """
    x, f = as_ticks("x", x), as_objective(f)
    y = np.array([_value_at(f, point) for point in x])
    ax = new_axes(ax)
    (line,) = ax.plot(x, y, **kwargs)
    return annotated(ax, line, x="x", y="f(x)")


def plot_tangent(f: Function, x: object, at: float, *, h: float = 1e-4, ax: Axes | None = None, **kwargs: Any) -> Axes:
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
        The Axes with one more line, and a point of the same color.

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
    >>> ax = plot_function(np.sqrt, x)
    >>> ax = plot_tangent(np.sqrt, x, at=5, ax=ax, label="tangent at 5")
    >>> pyplot.close(ax.figure)
    """
    x, f = as_ticks("x", x), as_objective(f)
    touching = as_array("at", at)
    if touching.ndim != 0:
        raise ValueError(f"at must be one number; got an array of shape {touching.shape}")
    if touching.dtype.kind not in "fiub":
        raise TypeError(f"at must be one real number; got {at!r}")
    tangent = tangent_line(lambda number: _value_at(f, number), at, h)
    ax = new_axes(ax)
    (line,) = ax.plot(x, tangent(x), **kwargs)
    ax.scatter(at, tangent(at), color=line.get_color(), zorder=line.get_zorder() + 0.5)
    return annotated(ax, line, x="x", y="f(x)")


def plot_step_error(
    f: Function, x: float, exact: float, *, methods: Iterable[AnyMethod] = ("forward", "central", FOURTH_ORDER),
    steps: object = None, ax: Axes | None = None, **kwargs: Any,
) -> Axes:  # fmt: skip
    """Draw the error of f's derivative at one number against the step, a line for each method.

    The right branch of the V is truncation, the left one is f's rounding divided by the step. A dot marks the step
    that the method takes by default.

    Parameters
    ----------
    f : callable
        Function of one number.
    x : float
        Where to differentiate.
    exact : float
        The derivative of f at x.
    methods : sequence
        Difference methods, or their names, as for :func:`gradfast.derivative`.
    steps : array_like, optional
        The steps, in x's units; by default 200, from x's rounding to x's size.
    ax, **kwargs
        As for :func:`plot_function`; a legend is drawn.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes, with logarithmic scales. An error of 0 is drawn as half a unit in the last place.

    Raises
    ------
    ImportError, TypeError, ValueError
        As for :func:`plot_function`; if x or exact is not one finite number, or a method has no step.

    Notes
    -----
    The evaluations of a derivative for each step and method. Thread-safety: as for :func:`plot_function`.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib import pyplot
    >>> from gradfast.plotting import plot_step_error
    >>> ax = plot_step_error(np.exp, 1.0, np.e)
    >>> pyplot.close(ax.figure)
    """
    for name, value in (("x", x), ("exact", exact)):
        if not is_real(value) or not np.isfinite(value):
            raise ValueError(f"{name} must be one finite number; got {value!r}")
    chosen = []
    for method in map(as_method, methods):
        if not isinstance(method, Difference):
            raise ValueError(f"methods must be difference methods, which have a step; got {method!r}")
        chosen.append(method)
    size = max(abs(float(x)), LEAST_SCALE)
    h = np.geomspace(2 * EPS["d"] * size, size, 200) if steps is None else as_ticks("steps", steps)
    least = np.spacing(abs(float(exact))) / 2
    lines = []
    for method in chosen:
        with np.errstate(all="ignore"):
            fixed = (method.with_steps(step=float(step), rel_step=None, noise=None) for step in h)
            found = [derivative(f, float(x), method=one) for one in fixed]
            usual, info = derivative(f, float(x), method=method, full_output=True)
        lines.append((method, np.abs(np.array(found) - exact), info.step, abs(usual - exact)))
    ax = new_axes(ax)
    for method, errors, step, error in lines:
        label = f"{type(method).__name__.lower()}, accuracy {method.accuracy}"
        (line,) = ax.plot(h, np.maximum(errors, least), **{"label": label, **kwargs})
        ax.plot(step, max(error, least), "o", color=line.get_color(), markersize=9, mec="white", zorder=3)
    ax.set(xscale="log", yscale="log")
    ax.legend()
    return annotated(ax, None, x="step", y="error of the derivative")


def _value_at(f: Function, point: object) -> float:
    """Return f's value as one number, or raise the error that every operator raises."""
    return float(number(f(point), "d"))
