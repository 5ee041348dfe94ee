"""derivative: of f of one number, elementwise, up to six times."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

import numpy as np
from cython.cimports.gradfast._kernels.operator_kinds import once  # type: ignore  # called in C; mypy knows Python only

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.operator_kinds import DerivativeOperator, Spare
from gradfast.algorithms import adaptive
from gradfast.calls.evaluators import in_dtype_of_x
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.stencils import checked_order
from gradfast.steps.difference_methods import Central
from gradfast.steps.methods import AnyMethod, as_method, imaginary_part_of, imaginary_steps_at
from gradfast.values.arguments import Array, Function, OnError, tell_of_vectorize, unexpected
from gradfast.values.info import Info

if TYPE_CHECKING:
    from gradfast.calls.operator_value import DerivativeOptions, No, Numbers, Yes

HIGHEST_BY_COMPLEX_STEP = 4


class Derivative(DerivativeOperator, PreparedOperator):
    """The n-th derivative of f, prepared: ``Derivative(f, **options)(x, *args)``.

    Parameters
    ----------
    f, n, method, bounds, kwargs, argnum, has_aux, on_error, full_output
        As for :func:`derivative`; errors and sources are the same.

    Examples
    --------
    >>> from gradfast import Derivative
    >>> slope = Derivative(lambda x: x**3)
    >>> print(slope(2.0).round(6))
    12.0
    """

    options = ("n", "method", "bounds", "kwargs", "argnum", "has_aux", "on_error", "full_output")
    is_elementwise = True
    _advise = staticmethod(tell_of_vectorize)

    def __init__(
        self, f: Function, *, n: int = 1, method: AnyMethod = "central", bounds: object = None,
        kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, on_error: OnError = "raise",
        full_output: bool = False, **others: Never,
    ) -> None:  # fmt: skip
        if others:
            raise unexpected(type(self), others)
        order = checked_order(n)
        if order > 1 and as_method(method).is_complex:
            options = {"bounds": bounds, "kwargs": kwargs, "on_error": on_error, "full_output": full_output}
            self.of_slope = differences_of_slope(f, order, argnum, has_aux, **options)
            self._take_order(1)
        else:
            self._take_order(order)
        self._prepare(
            f, method, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, on_error=on_error,
            full_output=full_output,
        )  # fmt: skip

    def _shaped(self, e: Evaluator, result: Array) -> object:
        return in_dtype_of_x(e, result.reshape(e.base.shape or e.value_shape()))

    def _product(self, e: Evaluator, result: Array, v: Array) -> Array:
        return result * v

    def _given_options(self) -> dict[str, object]:
        options = super()._given_options()
        return options if self.of_slope is None else options | {"n": self.of_slope.n + 1}

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        return adaptive.derivative(e, self, center)


SPARE = Spare(Derivative)


class SlopeByComplexStep:
    """The first derivative of f by the complex step, a function of one number, elementwise."""

    def __init__(self, f: Function, argnum: int) -> None:
        self.f, self.argnum = f, argnum

    def __call__(self, *args: object, **kwargs: object) -> object:
        x = np.asarray(args[self.argnum])
        steps = imaginary_steps_at(x.reshape(-1)).reshape(x.shape)
        moved = (*args[: self.argnum], (x + 1j * steps)[()], *args[self.argnum + 1 :])
        return (imaginary_part_of(partial(self.f, **kwargs))(*moved) / steps)[()]


def differences_of_slope(f: Function, n: int, argnum: int, has_aux: bool, **options: Any) -> Derivative:
    """Return the operator of f's derivatives from 2 to 4: differences of the first, which is the complex step's."""
    if n > HIGHEST_BY_COMPLEX_STEP:
        raise ValueError(f"n must be from 1 to {HIGHEST_BY_COMPLEX_STEP} for method 'complex'; got {n}")
    if has_aux:
        raise ValueError(f"has_aux must be False for method 'complex' and n from 2 up; got {has_aux!r}")
    return Derivative(SlopeByComplexStep(f, argnum), n=n - 1, method=Central(accuracy=4), argnum=argnum, **options)


if TYPE_CHECKING:

    @overload
    def derivative(
        f: Callable[..., float], x: float, *, full_output: No = False, **options: Unpack[DerivativeOptions]
    ) -> np.float64: ...
    @overload
    def derivative(
        f: Function, x: float, *, full_output: bool = False, **options: Unpack[DerivativeOptions]
    ) -> Any: ...
    @overload
    def derivative(
        f: Function, x: Numbers, *, full_output: No = False, has_aux: No = False, **options: Unpack[DerivativeOptions]
    ) -> Array: ...
    @overload
    def derivative(
        f: Function, x: Numbers, *, full_output: Yes, has_aux: No = False, **options: Unpack[DerivativeOptions]
    ) -> tuple[Array, Info]: ...
    @overload
    def derivative(
        f: Function, x: Numbers, *, full_output: bool, has_aux: No = False, **options: Unpack[DerivativeOptions]
    ) -> Array | tuple[Array, Info]: ...
    @overload
    def derivative(
        f: Function, x: object, *, has_aux: bool, full_output: bool = False, **options: Unpack[DerivativeOptions]
    ) -> Any: ...


def derivative(
    f: Function, x: object, *, n: int = 1, method: AnyMethod = "central", bounds: object = None, args: object = (),
    kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, on_error: OnError = "raise",
    full_output: bool = False, **others: Never,
) -> object:  # fmt: skip
    """Return the n-th derivative of f at each element of x.

    Parameters
    ----------
    f : callable
        Function of one number; elementwise, if x is an array: it gets arrays of x's shape and returns such, each
        value computed from the element at its place alone. For an f whose values depend on other elements, too, as
        ``cumsum`` does, use :func:`jacobian`: all elements are moved at once, and their effects add up here. Of a
        scalar x, f may return an array of any shape, a point of a curve.
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
        If f's result is not of x's shape; if n is not an integer from 1 to 6, or with method "complex" to 4;
        as for :func:`gradient`.

    Notes
    -----
    Weights are exact [1]_. Central with accuracy p costs
    ``2 * ((n - 1) // 2 + p // 2)`` calls of f, and one more at x if n is even. The error of the
    default grows by orders of magnitude with n. With method "complex", derivatives from the second up are
    differences of the first, which is the complex step's and not checked. ``Adaptive(complex=True)`` checks them, and
    has an error bar. For higher derivatives use a higher accuracy, such as ``Central(accuracy=6)``. Thread-safe.

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988)
       699-706.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import derivative
    >>> x = np.array([0.5, 1.0, 2.0])
    >>> print(derivative(np.sin, x).round(6))
    [ 0.877583  0.540302 -0.416147]
    >>> print(np.cos(x).round(6))
    [ 0.877583  0.540302 -0.416147]
    >>> print(derivative(np.sin, x, n=2).round(6))
    [-0.479426 -0.841471 -0.909297]
    """
    if others:
        raise unexpected(derivative, others)
    order = n if type(n) is int and n == 1 else checked_order(n)
    if order == 1 or not as_method(method).is_complex:
        return once(
            SPARE, f, x, args, f0=None, method=method, axis=None, bounds=bounds, kwargs=kwargs, argnum=argnum,
            has_aux=has_aux, vectorized=False, workers=None, progress=False, on_error=on_error,
            full_output=full_output, n=order,
        )  # fmt: skip
    operator = Derivative(
        f, n=n, method=method, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, on_error=on_error,
        full_output=full_output,
    )  # fmt: skip
    return operator._at(x, args)
