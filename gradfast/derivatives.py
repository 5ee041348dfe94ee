"""derivative: of f of one number, elementwise, up to six times."""

from collections.abc import Callable, Mapping
from typing import Any

from gradfast import adaptive
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.operator import once
from gradfast._kernels.operator_kinds import DerivativeOperator
from gradfast.arguments import Array, as_dtype, number_or_array
from gradfast.operators import NO_ARGUMENTS, Info, PreparedOperator
from gradfast.stencils import checked_order

Function = Callable[..., Any]


class Derivative(DerivativeOperator, PreparedOperator):
    """The n-th derivative of f, prepared: ``Derivative(f, **options)(x, *args)``.

    Parameters
    ----------
    f, n, method, bounds, kwargs, argnum, has_aux, on_error, full_output
        As for :func:`derivative`.

    Raises
    ------
    TypeError, ValueError
        As for :func:`derivative`, if f or an option is wrong.

    References
    ----------
    As for :func:`derivative`.

    Examples
    --------
    >>> from gradfast import Derivative
    >>> slope = Derivative(lambda x: x**3)
    >>> print(slope(2.0).round(6))
    12.0
    """

    options = ("n", "method", "bounds", "kwargs", "argnum", "has_aux", "on_error", "full_output")
    is_elementwise = True

    def __init__(
        self,
        f: Function,
        *,
        n: int = 1,
        method: Any = "central",
        bounds: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        argnum: int = 0,
        has_aux: bool = False,
        on_error: str = "raise",
        full_output: bool = False,
    ) -> None:
        self._take_order(checked_order(n))
        self._prepare(f, method, bounds, False, None, False, full_output)
        if argnum or kwargs is not None or has_aux:
            self._take_arguments(argnum, kwargs, has_aux)
        if on_error != "raise":
            self._take_on_error(on_error)

    def _shaped(self, e: Evaluator, result: Array) -> Any:
        shape = e.base.shape or e.shape or ()
        return number_or_array(as_dtype(e.dtype or e.base.dtype, result.reshape(shape)))

    def _product(self, e: Evaluator, result: Any, v: Array) -> Any:
        return result * v

    def _climb(self, e: Evaluator, v: Any, center: Array) -> tuple[Array, Info]:
        return adaptive.derivative(e, self, center)


def derivative(
    f: Function,
    x: Any,
    *,
    n: int = 1,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    kwargs: Mapping[str, Any] | None = None,
    argnum: int = 0,
    has_aux: bool = False,
    on_error: str = "raise",
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
    method, bounds, args, kwargs, argnum, has_aux, on_error, full_output
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
        If x is complex or not a number, or f's result is no number.
    ValueError
        If f's result is not of x's shape; if n is not an integer from 1 to 6, or with method
        "complex" not 1; as for :func:`gradient`.

    Notes
    -----
    Weights by Fornberg's recurrence [1]_, exact. Central with accuracy p costs
    ``2 * ((n - 1) // 2 + p // 2)`` calls of f, and one more at x if n is even. The error of the
    default grows by orders of magnitude with n. For higher derivatives use a higher accuracy, such as
    ``Central(accuracy=6)``. Thread-safe.

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
    order = checked_order(n)
    if not argnum and kwargs is None and not has_aux and on_error == "raise":
        return once(Derivative, f, x, args, None, method, bounds, False, None, False, full_output, None, order)
    operator = Derivative(
        f,
        n=n,
        method=method,
        bounds=bounds,
        kwargs=kwargs,
        argnum=argnum,
        has_aux=has_aux,
        on_error=on_error,
        full_output=full_output,
    )
    return operator._at(x, args)
