"""The textbook's three functions, compiled: drop-ins with h = 1e-4.

Formula and arithmetic are those of :mod:`gradfast.reference`, bit for bit, for float64 points.
What differs is the time they take, and what happens when something is wrong.
"""

from math import inf, isfinite
from types import FunctionType
from typing import Any

import numpy as np
from numpy import empty

from gradfast._kernels import native_loop
from gradfast._kernels.gradient_loop import by_differences, by_moves
from gradfast._kernels.many_points import ManyPoints
from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.number import number, shown, values_of
from gradfast._kernels.one_point import OnePoint, WholeBatch
from gradfast.arguments import Array, Function, as_array, as_dtype, as_point, is_integer, share_memory, warn
from gradfast.callables import as_objective
from gradfast.evaluators import Call, opened
from gradfast.stencils import central
from gradfast.unseen import holds, warn_of_unseen

CENTRAL = central(1, 2)

# What loops return instead of a coordinate if all derivatives are 0.
ALL_ZERO = -2


def numerical_diff(f: Function, x: object, h: float = 1e-4) -> Any:
    """Return the central difference of f at x.

    Parameters
    ----------
    f : callable
        Function of one number; of an array, elementwise, if x is an array.
    x : float or array_like
        Where to differentiate. It is not modified.
    h : float
        Step, in x's units.

    Returns
    -------
    float or ndarray
        ``(f(x + h) - f(x - h)) / (2 * h)``, of the shape of ``f(x)``, in units of f over those of x.

    Raises
    ------
    TypeError
        If x or f's result is complex or not a number.
    ValueError
        If h is not finite and positive, or x an integer beyond the range of floating point.

    Warns
    -----
    RuntimeWarning
        If rounding swallows the step, ``x + h == x``.

    Notes
    -----
    2 evaluations; the error is ``h**2 / 6 * f'''`` plus rounding [1]_. Thread-safe.

    References
    ----------
    .. [1] Press et al., "Numerical Recipes", 3rd ed., Cambridge University Press (2007), section 5.7.

    Examples
    --------
    >>> from gradfast import numerical_diff
    >>> print(f"{numerical_diff(lambda x: 0.01 * x**2 + 0.1 * x, 5.0):.9f}")
    0.200000000
    """
    h = _checked_step(h)
    if type(f) is not FunctionType:
        f = as_objective(f)
    if type(x) is not float:
        x = x if isinstance(x, np.ndarray) else _number_or_array(x)
        if isinstance(x, np.ndarray) and x.dtype.kind not in "fiub":
            raise TypeError(f"x must hold real numbers; got dtype {x.dtype}")
    swallowed = _first_equal(x + h, x)
    above = f(x + h)
    if type(above) is not float:
        above = _result(above)
        above = np.array(above) if isinstance(above, np.ndarray) else above  # f may reuse its result
    below = f(x - h)
    if type(below) is not float:
        below = _result(below)
    are_numbers = type(above) is type(below) is float
    if not are_numbers:
        _require_one_shape(above, below)
    if swallowed >= 0:
        _warn_of_swallowed_step(np.asarray(x), swallowed, h)
    return (above - below) / (2 * h) if are_numbers else _silently(above, below, 2 * h)


def tangent_line(f: Function, x: object, h: float = 1e-4) -> Function:
    """Return the tangent of f at x, as a function.

    Parameters
    ----------
    f : callable
        Function of one number, or elementwise of an array.
    x : float or array_like
        Where the tangent touches f. It is not modified.
    h : float
        Step of the central difference, in x's units.

    Returns
    -------
    callable
        ``t -> d * t + (f(x) - d * x)`` with ``d = numerical_diff(f, x, h)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`numerical_diff`.

    Notes
    -----
    3 evaluations, none when the tangent is called. Thread-safe.

    References
    ----------
    As for :func:`numerical_diff`.

    Examples
    --------
    >>> from gradfast import tangent_line
    >>> tangent = tangent_line(lambda x: x**2, 3.0)
    >>> print(f"{tangent(4.0):.9f}")
    15.000000000
    """
    f = as_objective(f)
    point = x if isinstance(x, (int, float)) else as_array("x", x)
    d = numerical_diff(f, point, h)
    at_x = _result(f(np.array(point) if isinstance(point, np.ndarray) else point))  # f may write to a copy
    _require_one_shape(d, at_x)
    if np.ndim(point) and np.ndim(d) and np.shape(d) != np.shape(point):
        raise ValueError(
            f"f must return an array of x's shape {np.shape(point)}; it returned one of shape {np.shape(d)}"
        )
    y = at_x - d * point
    return lambda t: d * t + y


def numerical_gradient(
    f: Function, x: object, h: float = 1e-4, *, axis: int | None = -1, vectorized: bool = False
) -> Array:
    """Return the gradient of f at x by central differences.

    Parameters
    ----------
    f : callable
        Function of a point that returns one number. With ``vectorized=True``, a function of
        points of shape (m, n) that returns m numbers. Or compiled code, which perturbs copies of
        x: see :mod:`gradfast.callables`.
    x : array_like
        Shape (n,): one point; f is called with x itself. Shape (m, n): m points; f is called
        with a view of one row. Any other shape: one point of that shape. A writable array of
        float32, float64 or longdouble is perturbed in place, so that an f that reads it through
        a closure sees the perturbation, and holds its old bits afterwards. Anything else is
        copied, to float64 if it is not float32 or longdouble.
    h : float
        Step, in x's units.
    axis : int or None
        The axis that holds the components of a 2-D x. None: an x of any shape is one point, as for the courses'
        functions that walk an iterator over all indices of x.
    vectorized : bool
        Whether f takes many points at once. Of shape (n,), x is copied into blocks; of shape
        (m, n), its columns are perturbed in place.

    Returns
    -------
    ndarray
        The partial derivatives, of x's shape, in units of f over those of x; of its dtype if that is floating.

    Raises
    ------
    TypeError
        If f is not callable, or x or f's result is complex or not a number.
    ValueError
        If h is not finite and positive; if axis is neither the last nor None; if f returns more than one
        number, or with ``vectorized=True`` not m; if f itself changes x (which is put back).

    Warns
    -----
    RuntimeWarning
        If rounding swallows the step, ``x + h == x``; if all derivatives are 0 since f does not see what is moved.

    Notes
    -----
    ``(f(x + h e_i) - f(x - h e_i)) / (2 * h)`` for each coordinate i [1]_: 2 n evaluations a point;
    with ``vectorized=True`` a few calls of f for one point, 2 n for any number of rows.
    Thread-safety: x is perturbed in place, so two threads may differentiate at two arrays,
    never at one.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import numerical_gradient
    >>> print(numerical_gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0])).round(9))
    [6. 8.]
    """
    if not (type(h) is float and 0 < h < inf):
        h = _checked_step(h)
    if type(f) is not FunctionType and type(f) is not NativeFunction:
        f = as_objective(f)
    given, x = x, as_point(x)
    own = x if type(x) is np.ndarray else np.asarray(x)  # of a subclass, whose sizes may be others
    is_batch = own.ndim == 2
    if axis != -1:
        is_batch = is_batch and _has_rows(axis)
    if type(f) is NativeFunction:
        gradient, swallowed = _by_compiled_loops(f, own, h, vectorized, is_batch)
    elif vectorized or not (is_batch or own.ndim == 1):
        gradient, swallowed = _by_moves(f, x, h, vectorized, is_batch)
    elif is_batch:
        gradient, swallowed = _of_rows(f, x, own, h)
    else:
        gradient, swallowed = by_differences(f, x, own, h, False)
    if swallowed >= 0:
        _warn_of_swallowed_step(own, swallowed, h)
    elif swallowed == ALL_ZERO:
        _doubt(f, x, given, h, 1 if is_batch else None, vectorized)
    return gradient


def _doubt(f: Function, x: Array, given: Any, h: float, axis: int | None, vectorized: bool) -> None:
    """Warn if f sees nothing of what is moved: its derivatives are all exactly 0, and it holds x."""
    if not x.size or not holds(f, given):
        return
    call = Call(f, single=True, axis=axis, vectorized=vectorized)
    e = call.at(x)
    e.copied_from = None if share_memory(x, given) else given
    with opened(e):
        warn_of_unseen(e, call, np.full(e.n, h), None)


def _has_rows(axis: Any) -> bool:
    """Return whether a 2-D x is many points; ValueError unless axis says so, or that it is one."""
    if axis is not None and not (is_integer(axis) and axis in (-1, 1)):
        raise ValueError(f"axis must be -1, the last, or None for one point of any shape; got {axis!r}")
    return axis is not None


def _of_rows(f: Function, x: Array, own: Array, h: float) -> tuple[Array, int]:
    """Return the gradients of rows. An exception of f, which may want all of x, says what it was called with."""
    try:
        return by_differences(f, x.view(), own, h, True)  # of a view: f may give x itself another shape
    except Exception as error:
        error.add_note(f"f was called with a row of x, of shape {x.shape[1:]}; with axis=None all of x is one point")
        raise


def _by_moves(f: Function, x: Array, h: float, vectorized: bool, is_batch: bool) -> tuple[Array, int]:
    """Return the gradient of an f of many points a call, or at an x of another shape, by the same formula."""
    if vectorized and x.ndim not in (1, 2):
        raise ValueError(f"x must have shape (n,) or (m, n) when vectorized=True; got {x.shape}")
    if not x.size:
        return empty(x.shape, x.dtype), -1
    if not vectorized:
        e: Any = OnePoint(f, x, (), True)
    else:
        e = WholeBatch(f, x, (), True, 1) if is_batch else ManyPoints(f, x, (), True)
    flat, swallowed = by_moves(e, h, CENTRAL)
    return as_dtype(x.dtype, flat.reshape(e.base.shape)), swallowed


def _by_compiled_loops(f: NativeFunction, x: Array, h: float, vectorized: bool, is_batch: bool) -> tuple[Array, int]:
    """Let the compiled loops perturb copies of x, in double precision."""
    if vectorized:
        raise ValueError("vectorized must be False when f is compiled code; got True")
    gradient, point = empty(x.shape), x if x.dtype.char == "d" else x.astype(np.float64)
    if x.ndim == 1:
        swallowed = native_loop.gradient(f, point, h, CENTRAL, gradient)
    elif is_batch:
        swallowed = native_loop.gradients(f, point, h, CENTRAL, gradient)
    else:
        swallowed = native_loop.gradient(f, point.reshape(-1), h, CENTRAL, gradient.reshape(-1))
    return as_dtype(x.dtype, gradient), swallowed


def _number_or_array(x: object) -> Any:
    if not isinstance(x, int):
        return x if isinstance(x, float) else as_array("x", x)
    try:
        return float(x)  # what x + h makes of it; NumPy knows no larger integer than C's
    except OverflowError as error:
        raise ValueError("x must be within the range of floating point; got a larger integer") from error


def _checked_step(h: Any) -> float:
    if type(h) is float and 0 < h < inf:  # to look closer takes as long as a difference
        return h
    try:
        if np.ndim(h) or isinstance(h, (str, bytes, bool, np.bool_)) or np.iscomplexobj(h):
            raise TypeError
        step = float(h)
    except OverflowError:
        step = inf
    except (TypeError, ValueError) as error:
        raise TypeError(f"h must be a number; got {h!r}") from error
    if not 0 < step < inf:
        raise ValueError(f"h must be finite and positive; got {h!r}")
    return step


def _result(value: object) -> Any:
    """Return f's result, as an array unless it is a number already; TypeError unless it is real."""
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        number(value, "d")  # or an error, if no float can hold it
        return value
    array = values_of(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"f must return real numbers; it returned {shown(value)}")
    if array.dtype.kind == "b":  # of which NumPy has no difference
        return array.astype(np.float64)
    return value if isinstance(value, (np.ndarray, np.generic)) else array


def _silently(above: Any, below: Any, by: float) -> Any:
    """Return ``(above - below) / by``; what f returns passes through, inf and NaN too."""
    if type(above) is type(below) is np.float64:  # as Python's numbers, for which no warning is to be turned off
        return np.float64((above.item() - below.item()) / by)
    with np.errstate(invalid="ignore", over="ignore"):
        return (above - below) / by


def _require_one_shape(first: object, second: object) -> None:
    shapes = [getattr(result, "shape", ()) for result in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"f must return arrays of one shape; got {shapes[0]}, then {shapes[1]}")


def _first_equal(moved: Any, x: Any) -> int:
    """Return the first finite coordinate of x that is where it was after a move, or -1."""
    if type(x) is float:
        return 0 if moved == x and isfinite(x) else -1
    equal = np.asarray(np.equal(moved, x))
    if not np.count_nonzero(equal):
        return -1
    found = np.flatnonzero(equal & np.isfinite(x))
    return int(found[0]) if found.size else -1


def _warn_of_swallowed_step(x: Array, flat: int, h: float) -> None:
    where = name_of_coordinate(x, flat)
    warn(f"h = {h:g} is lost to rounding at {where} = {x.flat[flat]:g}: {where} + h == {where}")
