"""The textbook's numerical_diff and tangent_line: the same formulas, on the same points, to the last bit.

Python runs this module, and no compiler: what calls f from C holds the point during the call, so that an f could not
resize it, as it can in the textbook.
"""

from math import inf, isfinite
from types import FunctionType
from typing import Any

import numpy as np

from gradfast._kernels.memory import name_of_coordinate
from gradfast._kernels.returned_value import number, shown, values_of
from gradfast.values.arguments import Array, Function, as_array, tell_of_vectorize, warn
from gradfast.values.callables import as_objective

dtype_of: Function = np.ndarray.dtype.__get__  # also of a subclass, which is not asked


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
    h = checked_step(h)
    if type(f) is not FunctionType:
        f = as_objective(f)
    if type(x) is not float:
        x = x if isinstance(x, np.ndarray) else _number_or_array(x)
        if isinstance(x, np.ndarray) and dtype_of(x).kind not in "fiub":
            raise TypeError(f"x must hold real numbers; got dtype {dtype_of(x)}")
    swallowed = _first_equal(x + h, x)
    try:
        above = f(x + h)
    except (TypeError, ValueError) as error:
        tell_of_vectorize(error, x)
        raise
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
        warn_of_swallowed_h(np.asarray(x), swallowed, h)
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


def _number_or_array(x: object) -> float | Array:
    if not isinstance(x, int):
        return x if isinstance(x, float) else as_array("x", x)
    try:
        return float(x)  # what x + h makes of it; NumPy knows no larger integer than C's
    except OverflowError as error:
        raise ValueError("x must be within the range of floating point; got a larger integer") from error


def checked_step(h: Any) -> float:
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


def _result(value: object) -> object:
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


def _silently(above: Array | np.float64, below: Array | np.float64, by: float) -> object:
    """Return ``(above - below) / by``; what f returns passes through, inf and NaN too."""
    if type(above) is type(below) is np.float64:  # as Python's numbers, for which no warning is to be turned off
        return np.float64((above.item() - below.item()) / by)
    with np.errstate(invalid="ignore", over="ignore"):
        return (above - below) / by


def _require_one_shape(first: object, second: object) -> None:
    shapes = [getattr(result, "shape", ()) for result in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"f must return arrays of one shape; got {shapes[0]}, then {shapes[1]}")


def _first_equal(moved: float | Array, x: float | Array) -> int:
    """Return the first finite coordinate of x that is where it was after a move, or -1."""
    if type(x) is float:
        return 0 if moved == x and isfinite(x) else -1
    equal = np.asarray(np.equal(moved, x))
    if not np.count_nonzero(equal):
        return -1
    found = np.flatnonzero(equal & np.isfinite(x))
    return int(found[0]) if found.size else -1


def warn_of_swallowed_h(x: Array, flat: int, h: float) -> None:
    where = name_of_coordinate(x, flat)
    warn(f"h = {h:g} is lost to rounding at {where} = {x.flat[flat]:g}: {where} + h == {where}")
