"""gradient and value_and_gradient: of f of a point, to a number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

from cython.cimports.gradfast._kernels.operator_kinds import once  # type: ignore  # called in C; mypy knows Python only

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.operator_kinds import GradientOperator, Spare, ValueAndGradientOperator
from gradfast.algorithms import adaptive
from gradfast.calls.operator_value import COMMON
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.steps.methods import AnyMethod
from gradfast.values.arguments import Array, Function, OnError, ProgressLike, WorkersLike, unexpected
from gradfast.values.info import Info

if TYPE_CHECKING:
    import numpy as np

    from gradfast.calls.operator_value import GradientOptions, Labeled, Named, No, Numbers, PointOptions, Yes


class Gradient(GradientOperator, PreparedOperator):
    """The gradient of f, prepared: f, method and options are looked at once.

    ``Gradient(f, **options)(x, *args)`` is ``gradient(f, x, args=args, **options)``. SciPy calls a ``jac`` like this.
    Bounds and steps in arrays are those of the time when it was made.

    Parameters
    ----------
    f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        As for :func:`gradient`; errors and sources are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import Gradient
    >>> slope = Gradient(lambda x, power: np.sum(x**power))
    >>> print(slope([1.0, 2.0], 3).round(6))
    [ 3. 12.]
    """

    options = ("method", "axis", *COMMON)
    takes_parameters = True

    def __init__(
        self, f: Function, *, method: AnyMethod = "central", axis: int | None = None, bounds: object = None,
        kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, vectorized: bool = False,
        workers: WorkersLike = None, progress: ProgressLike = False, on_error: OnError = "raise",
        full_output: bool = False, **others: Never,
    ) -> None:  # fmt: skip
        if others:
            raise unexpected(type(self), others)
        self._prepare(
            f, method, axis=axis, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, vectorized=vectorized,
            workers=workers, progress=progress, on_error=on_error, full_output=full_output,
        )  # fmt: skip

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        return adaptive.gradient(e, self, center)


SPARE = Spare(Gradient)


class ValueAndGradient(ValueAndGradientOperator, Gradient):
    """f's value and its gradient, prepared: ``ValueAndGradient(f, **options)(x, *args)`` returns both.

    It is called like the objective of ``scipy.optimize.minimize(..., jac=True)``.

    Parameters
    ----------
    f, method, axis, bounds, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        As for :func:`gradient`; errors and sources are the same.

    Examples
    --------
    >>> from gradfast import ValueAndGradient
    >>> objective = ValueAndGradient(lambda x: (x[0] - 3.0) ** 2, method="forward")
    >>> value, slope = objective([0.0])
    >>> print(value, slope.round(6))
    9.0 [-6.]
    """


SPARE_WITH_VALUE = Spare(ValueAndGradient)


if TYPE_CHECKING:

    @overload
    def gradient(
        f: Function, x: float, *, full_output: No = False, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> np.float64: ...
    @overload
    def gradient(
        f: Function, x: float | Labeled, *, full_output: bool = False, **options: Unpack[GradientOptions]
    ) -> Any: ...
    @overload
    def gradient(
        f: Function, x: Numbers, *, full_output: No = False, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> Array: ...
    @overload
    def gradient(
        f: Function, x: Numbers, *, full_output: Yes, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> tuple[Array, Info]: ...
    @overload
    def gradient(
        f: Function, x: Named, *, full_output: No = False, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> Named: ...
    @overload
    def gradient(
        f: Function, x: Named, *, full_output: Yes, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> tuple[Named, Info]: ...
    @overload
    def gradient(
        f: Function, x: Numbers, *, full_output: bool, has_aux: No = False, **options: Unpack[GradientOptions]
    ) -> Array | tuple[Array, Info]: ...
    @overload
    def gradient(
        f: Function, x: object, *, has_aux: bool, full_output: bool = False, **options: Unpack[GradientOptions]
    ) -> Any: ...


def gradient(
    f: Function, x: object, *, method: AnyMethod = "central", axis: int | None = None, f0: object = None,
    bounds: object = None, args: object = (), kwargs: Mapping[str, object] | None = None, argnum: int = 0,
    has_aux: bool = False, vectorized: bool = False, workers: WorkersLike = None, progress: ProgressLike = False,
    on_error: OnError = "raise", full_output: bool = False, **others: Never,
) -> object:  # fmt: skip
    """Return the gradient of f at x.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns one number. This may be anything that ``float()``
        takes, an array of one item of any package, or a complex number; then the derivatives are complex. With
        ``vectorized=True``, f takes points along a first axis, of shape ``(m, *x.shape)``, and returns m
        numbers. Or compiled code: see :mod:`gradfast.values.callables`.
    x : array_like
        One point, of any shape; with `axis`, many. A writable array of float32, float64 or longdouble is perturbed in
        place, so that an f that reads it through a closure sees the perturbation. Afterwards it holds its old bits.
        Anything else is copied, also an array whose numbers are not aligned or not in the machine's byte order. Or
        parameters by name: a dictionary, list or tuple of arrays, also nested, or a pandas object. f is called with the
        whole of it, its arrays are perturbed like one x, and the derivatives have the same structure and labels.
    method : str or method object
        "central", "forward", "backward", "complex" or "adaptive"; or an object with parameters of its own:
        :class:`Central`, :class:`Forward`, :class:`Backward`, :class:`Nodes`, :class:`Complex`, :class:`Adaptive`.
    axis : int, optional
        The axis of x that holds the components. The other axes are those of a batch of points. f gets one
        point, a 1-D view of x. A vectorized f gets all of x, and returns an array of x's shape without the axis.
    f0 : float, optional
        f's value at x, if it is known; for a batch, the values. This saves one evaluation where it is needed.
    bounds : (array_like, array_like), optional
        Lower and upper bounds, broadcast against x, None for no bound; or a ``scipy.optimize.Bounds``; or a list, or
        array, of a pair ``(lower, upper)`` for each coordinate, as ``scipy.optimize.minimize`` takes it. A list of two
        pairs is read like this, a tuple of two is (lower, upper). f is never called outside them: near one, a
        coordinate gets a one-sided stencil of the same accuracy, or a smaller step; where they are equal, the
        derivative is 0. An x outside by a few units in the last place is taken to be at its bound.
    args : tuple
        More arguments for f. They do not move, even if one of them is x itself.
    kwargs : dict, optional
        Keyword arguments for f.
    argnum : int
        Which positional argument of f is x, counted from 0: with 1, f is called as ``f(args[0], x, *args[1:])``.
        A prepared operator then takes its arguments in f's order, too.
    has_aux : bool
        Whether f returns ``(value, aux)``. aux may be anything. The aux of f at x itself is returned as well.
    vectorized : bool
        Whether f takes many points in one call. Copies of x are perturbed then, not x, except in a batch.
    workers : int or callable, optional
        Number of processes (threads if f is compiled); -1: one per core. Or, for a Python f, a map function such as
        ``executor.map``, that of dask or of MPI, which may return its results in any order. The result is the same to
        the bit. f and x travel with each chunk of coordinates. So f must be picklable, and what it reads through a
        closure is not perturbed there.
    progress : bool or callable
        True for a bar (tqdm) of evaluations done, if the whole takes over a second; or a callable,
        called with (done, total) after each chunk. With method "adaptive" the total grows from round to round.
    on_error : str
        What becomes of an exception that f raises at a moved point. "raise": it is passed on, with a note that
        says which coordinate was moved, and how far. "nan": it counts as a value of NaN, so that the derivative
        is taken from the other side, or is NaN. An exception at x itself is always passed on.
    full_output : bool
        Whether to return also an :class:`Info` of what was done.

    Returns
    -------
    ndarray or float
        The partial derivatives, of x's shape, in units of f over those of x; of x's dtype if that is floating.
        If x is a number, a NumPy scalar. With ``has_aux=True`` the result is ``(derivatives, aux)``.
    Info
        With ``full_output=True`` the result is ``(result, info)``: evaluations, steps and schemes, and with method
        "adaptive" the error, as :class:`gradfast.Info`.

    Raises
    ------
    TypeError
        If x is complex or not a number, or f's result is no number; with method "complex", if f's result is real at
        a complex x, or complex at a real one; if f is to reach another process and cannot be pickled.
    ValueError
        If f does not return one number a point; if f itself changes x (which is put back); if
        x lies outside the bounds; if the method is unknown; if argnum is no integer from 0 up; with
        method "complex", if f is not analytic; if workers or progress is neither.
    RuntimeError
        If a process of ``workers=`` dies. What f raises in one comes out of this call, with a note of
        the coordinates that were moved.
    ImportError
        With ``progress=True``, if tqdm is not installed (``gradfast[progress]``).

    Warns
    -----
    RuntimeWarning
        If rounding swallows a step that was asked for; if all derivatives are exactly 0 since f does not see what is
        moved: it reads the x that was given, of which a copy is moved, or it keeps x and takes it for unchanged.
        Where f had the same value at all points, one more call tells, or three, which are not counted.

    Notes
    -----
    Evaluations for n coordinates: central 2 n at accuracy 2 and in general accuracy times n;
    forward and backward accuracy times n + 1, one less with f0; complex n, and 2 for its check;
    adaptive as many as f needs, at most 40 n + 1 by default. For a linear or quadratic f adaptive takes 4 n + 1
    to 8 n + 1, more beside a large constant, and 10 n + 1 to 18 n + 1 where all slopes are 0, as at a minimum.

    The default step balances truncation against rounding [1]_, [2]_ for an f whose length scale is
    ``max(abs(x), 0.1)``, coordinate by coordinate (0.2 from accuracy 6 up). No fixed rule knows
    the scale of f. Where f varies on a much smaller or larger scale, give `step`, or let "adaptive" find it.

    Thread-safety: x is perturbed in place, so two threads may differentiate at two arrays, never at one.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.
    .. [2] Press et al., "Numerical Recipes", 3rd ed., Cambridge University Press (2007), section 5.7.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import Central, gradient
    >>> x = np.array([1.0, 2.0])
    >>> f = lambda x: np.sum(np.exp(x))
    >>> print(gradient(f, x).round(6))
    [2.718282 7.389056]
    >>> finer = gradient(f, x, method=Central(accuracy=6))
    >>> print(finer.round(11).tolist(), np.exp(x).round(11).tolist())
    [2.71828182846, 7.38905609893] [2.71828182846, 7.38905609893]
    """
    if others:
        raise unexpected(gradient, others)
    return once(
        SPARE, f, x, args, f0=f0, method=method, axis=axis, bounds=bounds, kwargs=kwargs, argnum=argnum,
        has_aux=has_aux, vectorized=vectorized, workers=workers, progress=progress, on_error=on_error,
        full_output=full_output,
    )  # fmt: skip


if TYPE_CHECKING:

    @overload
    def value_and_gradient(
        f: Function, x: float, *, full_output: No = False, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[Any, np.float64]: ...
    @overload
    def value_and_gradient(
        f: Function, x: float | Labeled, *, full_output: bool = False, **options: Unpack[PointOptions]
    ) -> Any: ...
    @overload
    def value_and_gradient(
        f: Function, x: Numbers, *, full_output: No = False, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[Any, Array]: ...
    @overload
    def value_and_gradient(
        f: Function, x: Numbers, *, full_output: Yes, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[tuple[Any, Array], Info]: ...
    @overload
    def value_and_gradient(
        f: Function, x: Named, *, full_output: No = False, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[Any, Named]: ...
    @overload
    def value_and_gradient(
        f: Function, x: Named, *, full_output: Yes, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[tuple[Any, Named], Info]: ...
    @overload
    def value_and_gradient(
        f: Function, x: Numbers, *, full_output: bool, has_aux: No = False, **options: Unpack[PointOptions]
    ) -> tuple[Any, Any]: ...
    @overload
    def value_and_gradient(
        f: Function, x: object, *, has_aux: bool, full_output: bool = False, **options: Unpack[PointOptions]
    ) -> Any: ...


def value_and_gradient(
    f: Function, x: object, *, method: AnyMethod = "central", axis: int | None = None, bounds: object = None,
    args: object = (), kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False,
    vectorized: bool = False, workers: WorkersLike = None, progress: ProgressLike = False, on_error: OnError = "raise",
    full_output: bool = False, **others: Never,
) -> object:  # fmt: skip
    """Return f's value at x and its gradient.

    Parameters
    ----------
    f, x, method, axis, bounds, args, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        As for :func:`gradient`.

    Returns
    -------
    float or ndarray
        f's value at x; with `axis`, one for each point.
    ndarray
        The gradient, as from :func:`gradient`.
    Info
        With ``full_output=True`` the result is ``((value, gradient), info)``. With ``has_aux=True``, the value is
        replaced by ``(value, aux)``, as in the result of ``jax.value_and_grad``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`.

    Notes
    -----
    One-sided stencils use the value too: forward costs n + 1 evaluations in all, central 2 n + 1.
    Thread-safety: as for :func:`gradient`.

    References
    ----------
    As for :func:`gradient`.

    Examples
    --------
    >>> from gradfast import value_and_gradient
    >>> f = lambda x: (x[0] - 3.0) ** 2
    >>> value, slope = value_and_gradient(f, [0.0], method="forward")
    >>> print(value, slope.round(6))
    9.0 [-6.]
    """
    if others:
        raise unexpected(value_and_gradient, others)
    return once(
        SPARE_WITH_VALUE, f, x, args, f0=None, method=method, axis=axis, bounds=bounds, kwargs=kwargs,
        argnum=argnum, has_aux=has_aux, vectorized=vectorized, workers=workers, progress=progress,
        on_error=on_error, full_output=full_output,
    )  # fmt: skip
