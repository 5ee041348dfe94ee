"""derivative, elementwise over points on a line, and directional_derivative, of all coordinates at once."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast import adaptive
from gradfast._kernels.memory import keeping
from gradfast.arguments import Array, is_integer
from gradfast.directional import Line
from gradfast.families.elements import differentiate_elements
from gradfast.points import as_dtype_of
from gradfast.problem import NO_ARGUMENTS, Problem

Function = Callable[..., Any]

HIGHEST_DERIVATIVE = 6


def derivative(
    f: Function,
    x: Any,
    *,
    n: int = 1,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    full_output: bool = False,
) -> Any:
    """Return the n-th derivative of f at each element of x.

    Parameters
    ----------
    f : callable
        Function of one number; elementwise, if x is an array: it gets arrays of x's shape and
        returns such. Of a scalar x it may return an array of any shape, a point of a curve.
    x : float or array_like
        Where to differentiate. It is not modified.
    n : int
        The order of the derivative, 1 to 6.
    method, bounds, args, full_output
        As for :func:`gradient`.

    Returns
    -------
    float or ndarray
        The derivatives, of x's shape.
    Info
        With ``full_output=True``.

    Raises
    ------
    TypeError
        If x or f's result is complex or not a number.
    ValueError
        If f's result is not of x's shape; if n is not an integer from 1 to 6, or with method
        "complex" not 1; as for :func:`gradient`.

    Notes
    -----
    Weights by Fornberg's recurrence (1988), exact. Central with accuracy p costs
    ``2 * ((n - 1) // 2 + p // 2)`` calls of f, and one more at x if n is even. The error of the
    default grows with n, from 1e-11 to 1e-3 of f's own size: a higher derivative wants a higher
    accuracy, ``Central(accuracy=6)``. Thread-safe.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import derivative
    >>> x = np.linspace(0.0, 3.0, 7)
    >>> bool(np.abs(derivative(np.sin, x) - np.cos(x)).max() < 1e-10)
    True
    >>> bool(np.abs(derivative(np.sin, x, n=2) + np.sin(x)).max() < 1e-6)
    True
    """
    if not is_integer(n) or not 1 <= n <= HIGHEST_DERIVATIVE:
        raise ValueError(f"n must be an integer from 1 to {HIGHEST_DERIVATIVE}; got {n!r}")
    problem = Problem(f, x, method, bounds, args, False, n=n)
    center, result = problem.keeping(_run_derivative, problem)
    result = result if np.ndim(result) else result[()]
    if full_output:
        points = problem.x.size
        return result, problem.info(problem.evaluations(0 if center is None else points, points))
    return result


def _run_derivative(problem: Problem) -> tuple[Any, Array]:
    p, x = problem, problem.x

    def evaluate(moved: Array) -> Array:
        point = moved if p.argument is x else x + 1j * moved
        values: Array = p.family.array(p.lifted, point if x.ndim else point[()], x)
        if x.ndim and values.shape != x.shape:
            raise ValueError(f"f must return an array of x's shape {x.shape}; it returned one of shape {values.shape}")
        return values

    if p.is_adaptive:
        at_x = evaluate(x.copy())
        return at_x, as_dtype_of(x, adaptive.elements(p, evaluate, at_x, p.n))
    center = evaluate(x.copy()) if p.plan.needs_center else None
    out = differentiate_elements(evaluate, p.memory, p.plan, center)
    if p.is_complex:
        p.check(lambda v: out * v)
    return center, as_dtype_of(x, out)


def directional_derivative(
    f: Function,
    x: Any,
    v: Any,
    *,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """Return the derivative of f at x along v.

    Parameters
    ----------
    f : callable
        Function of a point that returns a number or an array: of a gradient function the result
        is the Hessian times v. With ``vectorized=True``, of points of shape ``(m, *x.shape)``.
    x, method, bounds, args, vectorized, full_output
        As for :func:`gradient`. A method's `step` is the distance that x moves.
    v : array_like
        The direction, of x's shape, of any length: the result is linear in v.

    Returns
    -------
    float or ndarray
        The derivative ``sum(J * v)``, of the shape of ``f(x)``.
    Info
        With ``full_output=True``; its step and scheme are those of t in ``f(x + t v)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if v is not of x's shape or not finite, or if bounds leave
        no room along it on either side.

    Notes
    -----
    2 evaluations, whatever the number of coordinates; forward 2, complex 1 and 2 for its check.
    The whole of x is moved in place and put back. Thread-safety: as for :func:`gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import directional_derivative
    >>> float(round(directional_derivative(lambda x: np.sum(x**2), [3.0, 4.0], [1.0, 1.0]), 6))
    14.0
    """
    line = Line(Problem(f, x, method, None, args, vectorized, moves_coordinates=False), v, bounds)
    center, result = keeping(line.problem.x, line.derivative)
    return (result, line.info(center is not None)) if full_output else result
