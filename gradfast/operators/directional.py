"""directional_derivative: of f on the line x + t v, as a function of t alone."""

from collections.abc import Mapping
from dataclasses import replace
from operator import is_
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.moves import Moves
from gradfast._kernels.operator_kinds import DirectionalOperator
from gradfast.algorithms import adaptive
from gradfast.calls.evaluators import Parts, call_of, in_dtype_of_x, innermost
from gradfast.calls.operator_moves import Line
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.stencils import ONE_NODE, checked_order
from gradfast.steps.methods import AnyMethod, check_along, imaginary_steps
from gradfast.values.arguments import Arguments, Array, Function, OnError, as_arguments, as_array, unexpected
from gradfast.values.info import Info, info_of_all

if TYPE_CHECKING:
    from gradfast.calls.operator_value import AlongOptions, No, Yes


# Arguments of f that nobody can change between two calls.
UNCHANGEABLE = (bool, int, float, complex, str, bytes, type(None))


class DirectionalDerivative(DirectionalOperator, PreparedOperator):
    """The derivative along a direction, prepared: ``DirectionalDerivative(f, **options)(x, v, *args)``.

    Parameters
    ----------
    f, n, method, bounds, kwargs, argnum, has_aux, vectorized, on_error, full_output
        As for :func:`directional_derivative`; errors and sources are the same.

    Notes
    -----
    Where f(x) is needed, as by one-sided methods, it is kept for further products at one x (to the bit), so that each
    takes one evaluation less. So f must not change between them. Where it may, as with another batch of data, hand
    what changes to f as an argument: f(x) is kept only if f's other arguments are the same numbers or strings. Or give
    ``f0=f(x)`` at the call, or call :func:`directional_derivative`, which keeps nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import DirectionalDerivative
    >>> product = DirectionalDerivative(lambda x: 2 * x)  # a gradient's: Hessian times v
    >>> print(product(np.array([3.0, 4.0]), np.array([1.0, 0.0])).round(6))
    [2. 0.]
    """

    options = ("n", "method", "bounds", "kwargs", "argnum", "has_aux", "vectorized", "on_error", "full_output")
    takes_both = True
    _last: tuple[object, Arguments, Array, str] | None = None  # the last f(x): at what x, with what, what it was

    def __init__(
        self, f: Function, *, n: int = 1, method: AnyMethod = "central", bounds: object = None,
        kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, vectorized: bool = False,
        on_error: OnError = "raise", full_output: bool = False, **others: Never,
    ) -> None:  # fmt: skip
        if others:
            raise unexpected(type(self), others)
        self._take_order(checked_order(n))
        self._prepare(
            f, method, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, vectorized=vectorized,
            on_error=on_error, full_output=full_output,
        )  # fmt: skip

    # Unlike those of other operators, these two need a direction, which type checkers take for a mistake.
    def points(self, x: object, v: object) -> Array:  # type: ignore[override]
        """Return the points at which f is needed for x and a direction v: as for :meth:`Gradient.points`."""
        return self._points_elsewhere(x, v)

    def combine(self, x: object, v: object, values: object) -> Any:  # type: ignore[override]
        """Return the derivative along v from f's values at ``points(x, v)``: as for :meth:`Gradient.combine`."""
        return self._combine_elsewhere(values, x, v)

    def _are_many(self, x: object, v: object) -> bool:
        """Return whether v is many directions; what is no array of one shape is none, and gets its error later."""
        try:
            return np.asarray(v).ndim > np.asarray(x).ndim
        except ValueError:
            return False

    def _along_each(self, x: object, directions: object, args: Arguments, f0: object) -> object:
        """Return the derivatives along each of many directions, which lie along a first axis; f(x) is computed once."""
        directions, shape = as_array("v", directions), np.asarray(x).shape
        if directions.shape[1:] != shape:
            raise ValueError(f"v must have the shape of x, {shape}; got {directions.shape}")
        call = self._like(self.f, full_output=True)
        call._last = self._last
        found, infos = [], list[Info]()
        for v in directions:
            along, info = call(x, v, *args, f0=f0)
            found.append(along)
            infos.append(info)
            f0 = None if np.iscomplexobj(info.value) else info.value
            if len(found) == 1:
                self._last = call._last
        result: object = np.array([part for part, _ in found] if self.has_aux else found)
        if self.has_aux and found:
            result = result, found[0][1]
        if not self.full_output:
            return result
        return result, replace(info_of_all(infos, np.array), value=infos[0].value if infos else None)

    def _known_value(self, e: Evaluator) -> Array | None:
        """Return f's value at x if it was computed for the last product, at this x and with these arguments."""
        asked, kept = self._asked(e), self._last
        if asked is None or kept is None:
            return None
        x, args, value, precision = kept
        if x != asked[0] or len(args) != len(asked[1]) or not all(map(is_, args, asked[1])):
            return None
        e.precision = precision
        return value

    def _keep_value(self, e: Evaluator, value: Array) -> None:
        """Keep f's value at x for the next product, whatever its direction."""
        asked = self._asked(e)
        if asked is not None and np.isfinite(value).all():
            self._last = (*asked, value.copy(), e.precision)

    def _given(self, e: Evaluator, f0: object) -> Array:
        self._last = None  # who gives f(x) may do so because f has changed
        return super()._given(e, f0)

    def _asked(self, e: Evaluator) -> tuple[tuple[object, ...], Arguments] | None:
        """Return what f(x) follows from; None where it may follow from more, as from an array that can be changed."""
        e = innermost(e)
        args = () if self.is_native else (e if isinstance(e, OnePoint) else call_of(e)).args
        args = (*args, *(self.kwargs or {}).values())
        if self.argnum or not all(isinstance(arg, np.generic) or type(arg) in UNCHANGEABLE for arg in args):
            return None
        return (e.steps_from.tobytes(), e.base.shape), args

    def _value_at(self, e: Evaluator) -> Array:
        known = self._known_value(e)
        if known is not None:
            return known.copy()  # which the caller gets
        value: Array = e.value()
        self._keep_value(e, value)
        return value

    def _moves(self, e: Evaluator, v: object) -> Parts:
        line = Line(e, v, self._bounds_at(e), self.n)
        if line.length == 0:
            return ()
        e.has_gaps = not np.isfinite(line.x).all()
        if self.method.is_complex:
            stencil, t = ONE_NODE, imaginary_steps(line.size_as_value / line.length)[0]
        else:
            found = line.step(self.method, e.precision)
            if found is None:
                raise line.no_room()
            stencil, t = found
        return (Moves(self._groups(e), t * line.v.reshape(-1), stencil, along=t),)

    def _fill_gaps(self, e: Evaluator, v: object, parts: Parts, center: Array | None, result: Array) -> Parts:
        line = Line(e, v, self._bounds_at(e), self.n)
        if not line.is_finite:
            result[...] = np.nan
            return parts
        gaps = ~np.isfinite(result)
        others = self.method.candidates(self.n)[1:]
        if not others or not gaps.any():
            return parts
        center = e.value() if center is None else center
        gaps &= np.isfinite(center.reshape(-1))
        for candidate in others:
            found = line.step(self.method, e.precision, (candidate,))
            if found is None or not gaps.any():
                continue
            stencil, t = found
            part = Moves(self._groups(e), t * line.v.reshape(-1), stencil, along=t)
            values = self._results_of(e, (part.in_precision(line.x.dtype.char == "g"),), center)
            better = gaps & np.isfinite(values)
            result[better], gaps = values[better], gaps & ~better
            parts = (part,) if better.any() else parts
        return parts

    def _shaped(self, e: Evaluator, result: Array) -> object:
        return in_dtype_of_x(e, result.reshape(e.value_shape()))

    def _check(self, e: Evaluator, v: object, parts: Parts, result: Array) -> None:
        if not (self.method.check and parts):
            return
        line = Line(e, v, self._bounds_at(e), self.n)
        along = self._along(e, line.v, self._bounds_at(e))
        center = along(0.0)
        step = line.step_of_check(e.precision)
        check_along(lambda t: along(t) if t else center, step, e.precision, result)

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        return adaptive.along(e, self, center, Line(e, v, self._bounds_at(e), self.n))

    def _info(self, e: Evaluator, v: object, parts: Parts, value: object) -> Info:
        """Return what was done; step and scheme are those of t in x + t v."""
        if not parts:
            return Info(e.evaluations, np.zeros(()), np.array("fixed"), value=value)
        moves = parts[0]
        step = np.array(moves.along)
        return Info(e.evaluations, np.abs(step), self.method.schemes(moves.stencil, step), value=value)


# fmt: off
if TYPE_CHECKING:

    @overload
    def directional_derivative(
        f: Function, x: object, v: object, *, full_output: Yes, has_aux: No = False, **options: Unpack[AlongOptions]
    ) -> tuple[Any, Info]: ...
    @overload
    def directional_derivative(
        f: Function, x: object, v: object, *, has_aux: bool = False, full_output: bool = False,
        **options: Unpack[AlongOptions]
    ) -> Any: ...
# fmt: on


def directional_derivative(
    f: Function, x: object, v: object, *, n: int = 1, method: AnyMethod = "central", f0: object = None,
    bounds: object = None, args: object = (), kwargs: Mapping[str, object] | None = None, argnum: int = 0,
    has_aux: bool = False, vectorized: bool = False, on_error: OnError = "raise", full_output: bool = False,
    **others: Never,
) -> object:  # fmt: skip
    """Return the derivative of f at x along v.

    Parameters
    ----------
    f : callable
        Function of a point that returns a number or an array: of a gradient function the result
        is the Hessian times v. With ``vectorized=True``, f takes points of shape ``(m, *x.shape)``.
    x : array_like
        As for :func:`gradient`, but one array; :func:`gradfast.parameters.ravel` makes one of parameters by name.
    v : array_like
        The direction, of x's shape, of any length: the result is linear in v. Or k directions, of shape
        ``(k, *x.shape)``; then the result has k derivatives along a first axis.
    n : int
        The order of the derivative, 1 to 6: that of ``f(x + t v)`` as a function of t, at t = 0. The second is the
        curvature ``v^T H v`` of an f that returns numbers.
    method : str or method object
        As for :func:`gradient`. A method's `step` is the distance that x moves.
    f0 : float or array_like, optional
        f's value at x, if it is known. It saves an evaluation where f(x) is needed, as by one-sided methods.
    bounds, args, kwargs, argnum, has_aux, vectorized, on_error, full_output
        As for :func:`gradient`; but x and v stay the first two arguments of a prepared operator whatever `argnum` is.

    Returns
    -------
    float or ndarray
        The n-th derivative along v, of the shape of ``f(x)``, in units of f if v has those of x. The first is
        ``sum(J * v)``. For k directions, of shape ``(k, *f(x).shape)``.
    Info
        With ``full_output=True``; its step and scheme are those of t in ``f(x + t v)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if v has neither of these shapes or is not finite, or if bounds leave
        no room along it on either side.

    Notes
    -----
    2 evaluations a direction, whatever the number of coordinates, also for a Hessian times v [1]_; forward 2, complex 1
    and 2 for its check; higher derivatives as for :func:`derivative`. f(x) is computed once for k directions.
    For many products at one x, prepare a :class:`DirectionalDerivative`, which keeps it from call to call.
    The default step moves each coordinate by the same part of its scale, ``max(abs(x), 0.1)``, in
    the root mean square over those that v moves. The whole of x is moved in place and put back.
    Thread-safety: as for :func:`gradient`.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import directional_derivative
    >>> f = lambda x: np.sum(x**2)
    >>> float(round(directional_derivative(f, [3.0, 4.0], [1.0, 1.0]), 6))
    14.0
    """
    if others:
        raise unexpected(directional_derivative, others)
    operator = DirectionalDerivative(
        f, n=n, method=method, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, vectorized=vectorized,
        on_error=on_error, full_output=full_output,
    )  # fmt: skip
    return operator(x, v, *as_arguments(args), f0=f0)
