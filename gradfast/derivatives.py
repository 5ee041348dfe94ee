"""derivative: of f of one number, elementwise, up to six times."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast import adaptive
from gradfast.arguments import Array
from gradfast.calling.elementwise import differentiate_elements
from gradfast.points import VALUE_DTYPE, as_dtype_of
from gradfast.problem import NO_ARGUMENTS, Problem
from gradfast.stencils import checked_order

Function = Callable[..., Any]


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
        The derivatives, of x's shape, in units of f over those of x to the n-th power.
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
    Weights by Fornberg's recurrence [1]_, exact. Central with accuracy p costs
    ``2 * ((n - 1) // 2 + p // 2)`` calls of f, and one more at x if n is even. The error of the
    default grows with n, from 1e-11 to 1e-3 of f's own size: a higher derivative wants a higher
    accuracy, ``Central(accuracy=6)``. Thread-safe.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.

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
    problem = Problem(f, x, method, bounds, args, False, n=checked_order(n))
    center, result = problem.keeping(_run_derivative, problem)
    result = result if np.ndim(result) else result[()]
    if full_output:
        points = problem.x.size
        return result, problem.info(problem.evaluations(0 if center is None else points, points))
    return result


def _run_derivative(problem: Problem) -> tuple[Any, Array]:
    p, x = problem, problem.x
    shape = x.shape if x.ndim else None  # of a curve, the first value says it
    kind = VALUE_DTYPE[x.dtype.char]

    def evaluate(moved: Array) -> Array:
        """Return f's values, maybe in memory of f's own that the next call overwrites."""
        nonlocal shape
        point = x + 1j * moved if p.is_complex else moved
        found = p.lifted(point if x.ndim else point[()])
        if type(found) is np.ndarray and found.dtype is kind and found.shape == shape:
            return found  # to look closer takes as long as a small f
        values: Array = p.family.array(lambda point: found, point, x)
        if x.ndim and values.shape != x.shape:
            raise ValueError(f"f must return an array of x's shape {x.shape}; it returned one of shape {values.shape}")
        shape = values.shape if shape is None else shape
        if values.shape != shape:
            raise ValueError(f"f must return arrays of one shape; got {shape}, then {values.shape}")
        return values

    if p.is_adaptive:
        at_x = np.array(evaluate(p.memory.copy()))
        return at_x, as_dtype_of(x, adaptive.elements(p, evaluate, at_x, p.n))
    center = np.array(evaluate(p.memory.copy())) if p.plan.needs_center else None
    out = differentiate_elements(evaluate, p.memory, p.plan, center)
    if p.is_complex:
        p.check(lambda v: out * v)
    return center, as_dtype_of(x, out)
