"""An operator as a value: f and options are looked at once, shown, compared, pickled; f may be evaluated elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypedDict, TypeVar

import numpy as np

from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.operator_run import NAMED, Operator
from gradfast.parameters import are_parameters
from gradfast.steps.methods import AnyMethod, as_method
from gradfast.steps.steps_and_bounds import box_of, sides_of
from gradfast.values.arguments import EPS, RAVELED, Array, Function, as_array, as_point, is_integer, warn, worker_count
from gradfast.values.callables import as_objective

# The options of nearly every operator, in the order in which they are shown.
COMMON = ("bounds", "kwargs", "argnum", "has_aux", "vectorized", "workers", "progress", "on_error", "full_output")

# Of the options whose default is not None.
DEFAULTS: dict[str, object] = dict.fromkeys(
    ("vectorized", "progress", "full_output", "verify", "has_aux", "flat", "diagonal"), False
)
DEFAULTS |= {"method": NAMED["central"], "n": 1, "argnum": 0, "on_error": "raise"}


if TYPE_CHECKING:
    from gradfast.calls.processes import Processes
    from gradfast.coloring import Coloring
    from gradfast.values.arguments import OnError, ProgressLike, WorkersLike

    Yes = Literal[True]
    No = Literal[False]
    # What NumPy makes one array of. The overloads of an operator all call it so: to mypy an array's type leaves things
    # open, and overloads that name what fits it differently are then ambiguous.
    Numbers = Array | Sequence[float] | Sequence[Sequence[float]]
    Point = float | Numbers
    Named = TypeVar("Named", bound=Mapping[Any, Any] | list[Any] | tuple[Any, ...])  # parameters by name

    class Labeled(Protocol):
        """A pandas object."""

        @property
        def index(self) -> object: ...
        def to_numpy(self) -> object: ...

    class CallOptions(TypedDict, total=False):
        """Options that do not change what kind of thing is returned."""

        method: AnyMethod
        bounds: object
        args: object
        kwargs: Mapping[str, object] | None
        argnum: int
        on_error: OnError

    class DerivativeOptions(CallOptions, total=False):
        n: int

    class AlongOptions(DerivativeOptions, total=False):
        f0: object
        vectorized: bool

    class PointOptions(CallOptions, total=False):
        axis: int | None
        vectorized: bool
        workers: WorkersLike
        progress: ProgressLike

    class GradientOptions(PointOptions, total=False):
        f0: object

    class JacobianOptions(GradientOptions, total=False):
        flat: bool
        verify: bool

    class HessianOptions(GradientOptions, total=False):
        gradient: Function | None
        diagonal: bool
        verify: bool


class Listed(type):
    """Lists what callers use, for those who look by completion, and nothing that operators share among themselves."""

    def __dir__(cls) -> list[str]:
        return [name for name in super().__dir__() if is_listed(cls, name)]


def is_listed(kind: type, name: str) -> bool:
    listed = *getattr(kind, "options", ()), "f", "points", "combine", "as_linear_operator"
    return name.startswith("__") or name in listed


class OperatorValue(Operator, metaclass=Listed):
    """f and how it is differentiated."""

    # What of the options is not at its default is shown and compared; operators add their own.
    options: tuple[str, ...] = ("method", *COMMON)
    sparsity: object = None  # where derivatives may differ from zero
    verify = False  # whether to hold a sparse result against f
    symmetric = False  # of a sparse result, one of two mirrored entries is read
    is_elementwise = False  # whether f is called with all points, element by element
    takes_parameters = False  # whether x may be parameters by name
    on_error: str = "raise"  # what becomes of an exception of f at a moved point: it is raised, or counts as "nan"
    _sides: object = None  # of bounds, as they were when the operator was made
    _threads = 1  # of compiled f
    _workers: Function | int | None = None  # of a Python f
    _coloring: "Coloring | None" = None  # of the sparsity, made at the first call
    _pool: "Processes | None" = None  # that is kept between calls

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if is_listed(type(self), name)]

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self._given_options().items())
        return f"{type(self).__name__}({self.f!r}{given})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, OperatorValue):
            return NotImplemented
        ours, theirs = self._given_options(), other._given_options()
        return self.f == other.f and ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)

    def __hash__(self) -> int:
        return hash((type(self), self.f))

    def _how_to_make_again(self) -> tuple[object, ...]:
        kind: Function = type(self)
        return partial(kind, self.f, **self._given_options()), ()

    def _given_options(self) -> dict[str, Any]:
        """Return the options that are not at their defaults."""
        options = {name: getattr(self, name) for name in self.options}
        return {
            name: value for name, value in options.items() if value is not None and not _same(value, DEFAULTS.get(name))
        }

    def _like(self, f: object, **options: object) -> Self:
        """Return an operator like this one, of another f or with other options."""
        kind: Callable[..., Self] = type(self)
        return kind(f, **self._given_options() | options)

    def _with(self, keywords: Mapping[str, object]) -> object:
        """Return an operator like this one, that calls f with more keyword arguments."""
        made = self._like(self.f, kwargs={**(self.kwargs or {}), **keywords})
        made._pool = self._pool
        return made

    def _look_at(self, method: object, vectorized: object) -> None:
        """Look at f, the method and the options; the commonest case does not come here."""
        f, method = as_objective(self.f), as_method(method)
        is_native = type(f) is NativeFunction
        if is_native:
            self._threads = worker_count(self.workers)
            if vectorized:
                raise ValueError(f"vectorized must be False when f is compiled code; got {vectorized!r}")
        elif callable(self.workers):
            self._workers = self.workers
        elif (count := worker_count(self.workers, "-1 for all cores, or a map such as pool.map")) > 1:
            self._workers = count
        if not (isinstance(self.progress, bool) or callable(self.progress)):
            raise ValueError(f"progress must be True, False or a callable; got {self.progress!r}")
        method.require_use(self.n, is_native)
        self._set_up(f, is_native, method, method.plans, bool(vectorized))
        self.is_plain = self.is_plain and not hasattr(type(f), "evaluator_at")
        if self.bounds is not None:
            self._take_bounds()

    def _take_bounds(self) -> None:
        self._sides = sides_of(self.bounds)
        self.box = box_of(self._sides)
        if isinstance(self.bounds, (tuple, list, np.ndarray, Iterator)) and isinstance(self._sides, tuple):
            self._show(self.f, self._sides)

    def _take_arguments(self, argnum: object, kwargs: object, has_aux: object) -> None:
        """Look at how f is called, if that is not ``f(x, *args)``, or returns more than its value."""
        if not is_integer(argnum) or argnum < 0:
            raise ValueError(f"argnum must be an integer from 0 up; got {argnum!r}")
        if kwargs is not None and not (isinstance(kwargs, Mapping) and all(isinstance(name, str) for name in kwargs)):
            raise TypeError(f"kwargs must be a dictionary of f's keyword arguments; got {kwargs!r}")
        if not isinstance(has_aux, (bool, np.bool_)):
            raise ValueError(f"has_aux must be True or False; got {has_aux!r}")
        for name, value, usual in (("argnum", argnum, 0), ("kwargs", kwargs, None), ("has_aux", has_aux, False)):
            if self.is_native and value != usual:
                raise ValueError(f"{name} must be {usual} when f is compiled code; got {value!r}")
        if has_aux and self.axis is not None and not self.vectorized:
            raise ValueError(f"has_aux must be False with axis, unless f takes all points at once; got {has_aux!r}")
        self._adapt(int(argnum), None if kwargs is None else dict(kwargs), bool(has_aux))

    def _take_on_error(self, on_error: object) -> None:
        """Look at what becomes of exceptions of f."""
        if on_error not in ("raise", "nan"):
            raise ValueError(f"on_error must be 'raise' or 'nan'; got {on_error!r}")
        self.on_error = on_error
        self.is_plain = self.is_plain and (on_error == "raise" or self.is_native)  # compiled code raises none

    def __enter__(self) -> Self:
        """Keep the processes of ``workers=`` from one call to the next, until the end of the ``with`` block."""
        if self._workers is not None and not callable(self._workers):
            from gradfast.calls.processes import Processes

            self._pool = Processes(self._workers)
        return self

    def __exit__(self, *_: object) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.leave()

    def _point(self, x: object) -> Array:
        """Return x as an array that can be moved; TypeError that says how to make one of parameters by name."""
        try:
            return as_point(x)
        except (TypeError, ValueError) as error:
            if not are_parameters(x):
                raise
            why = f"for {type(self).__name__}"
            if self.takes_parameters:
                is_special = self.axis is not None or self.vectorized or self.is_native
                why = "with axis, vectorized or compiled f" if is_special else "here"
            raise TypeError(f"x must be one array {why}; got {type(x).__name__} of parameters; {RAVELED}") from error

    def _axis_of(self, x: Array) -> int:
        """Return the axis of x that is meant, counted from the first."""
        shape, axis = np.asarray(x).shape, self.axis  # of a subclass, which is not asked
        if not is_integer(axis) or not -len(shape) <= axis < len(shape):
            raise ValueError(f"axis must be an axis of x, whose shape is {shape}; got {axis!r}")
        return int(axis) % len(shape)

    # --- f's values from elsewhere, as from a batch queue -------------------------------------------------------------

    def points(self, x: object) -> Array:
        """Return the points at which f is needed for x, if f is evaluated elsewhere, as in a batch queue.

        Parameters
        ----------
        x : array_like
            One point of any shape. It is copied.

        Returns
        -------
        ndarray
            Shape ``(m, *x.shape)``: m points. :meth:`combine` takes f's values there, in the same order.

        Raises
        ------
        ValueError
            If the operator has an axis; if its method is "adaptive", which chooses points by f's values, or
            "complex", which checks its result.

        Examples
        --------
        >>> from gradfast import Gradient
        >>> def f(x):
        ...     return x[0] ** 2 * x[1]
        >>> gradient = Gradient(f)
        >>> points = gradient.points([1.0, 2.0])
        >>> values = [f(x) for x in points]  # wherever f runs
        >>> print(gradient.combine([1.0, 2.0], values).round(6))
        [4. 1.]
        """
        return self._points_elsewhere(x)

    def combine(self, x: object, values: object) -> Any:
        """Return the derivatives at x from f's values at the points needed for it.

        Parameters
        ----------
        x : array_like
            The x that :meth:`points` was called with.
        values : array_like
            f's value at each of the m points, along a first axis: shape ``(m,)`` if f returns numbers. For values in
            single precision, the method needs a step: the default one is chosen for x's precision. A RuntimeWarning
            says so.

        Returns
        -------
        ndarray or float
            What the operator returns at x, without an :class:`Info` or aux.

        Raises
        ------
        TypeError
            If values are not numbers.
        ValueError
            If there is not one value for each point; as for :meth:`points`.

        Examples
        --------
        Those of :meth:`points`.
        """
        return self._combine_elsewhere(values, x)

    def _points_elsewhere(self, x: object, *v: object) -> Array:
        recorder = Recorder(self._stand_in(x))
        self._elsewhere(recorder)(np.array(self._point(x)), *v)
        return np.array(recorder.points).reshape(-1, *np.asarray(x).shape)

    def _combine_elsewhere(self, values: object, x: object, *v: object) -> object:
        points, array = self._points_elsewhere(x, *v), as_array("values", values)
        if array.dtype.kind not in "fiubc":
            raise TypeError(f"values must hold numbers; got {values!r}")
        if array.shape[:1] != (len(points),):
            wanted = f"those of the {len(points)} points along a first axis"
            raise ValueError(f"values must be {wanted}; got shape {array.shape}")
        if array.dtype.kind in "fc":
            self._warn_of_precision(np.array(self._point(x)), np.finfo(array.dtype).dtype)
        array = array.astype(np.result_type(array, points, np.float64))
        return self._elsewhere(Known(points, array))(np.array(self._point(x)), *v)

    def _warn_of_precision(self, x: Array, dtype: np.dtype[Any]) -> None:
        """Warn if values of a dtype would have had longer steps: those of the points were chosen by x alone."""
        if EPS[dtype.char] > max(EPS[x.dtype.char], EPS["d"]):
            asked, wanted = (self.method.steps_at(x, self.n, char) for char in (None, dtype.char))
            if np.any(wanted > asked):
                warn(
                    f"values are {dtype}, and the points are too close to x for that; make them by a method with a "
                    "longer step, as Central(step=...), or compute the values in double precision"
                )

    def _stand_in(self, x: object) -> float | Array:
        """Return something of the shape of f's value, as far as it matters before values are combined."""
        return 0.0 if self.single else np.zeros(np.asarray(x).shape if self.is_elementwise else 1)

    def _elsewhere(self, f: Function) -> Function:
        if not self.method.candidates(1):
            raise ValueError(f"method must be a difference method for points; got {self.method!r}")
        if self.axis is not None:
            raise ValueError(f"axis must be None for points; got {self.axis!r}")
        without = {*COMMON[1:], "verify"}
        kept = {name: value for name, value in self._given_options().items() if name not in without}
        kind: Function = type(self)
        operator: Function = kind(**kept | {"gradient": f}) if "gradient" in kept else kind(f, **kept)
        return operator


def _same(one: object, other: object) -> bool:
    """Return whether two options are the same; arrays, also in tuples, by their contents."""
    if one is other or one is None or other is None:
        return one is other
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if hasattr(one, "lb") and type(one) is type(other):  # scipy.optimize.Bounds
        return _same(vars(one), vars(other))
    try:
        different = one != other
        return not different.nnz if hasattr(different, "nnz") else not np.any(different)
    except ValueError:  # sparse matrices of unlike shapes
        return False


class Recorder:
    """Stands for an f that is evaluated elsewhere, and notes its points. Its values all differ."""

    def __init__(self, value: float | Array) -> None:
        self.value, self.points = value, list[Array]()

    def __call__(self, x: Array) -> object:
        self.points.append(np.array(x))
        return self.value + np.result_type(x, np.float64).type(len(self.points))


class Known:
    """Stands for an f that was evaluated elsewhere: its values are known at some points, and NaN at others."""

    def __init__(self, points: Array, values: Array) -> None:
        self.values = values
        self.rows = {point.tobytes(): row for row, point in enumerate(points)}

    def __call__(self, x: object) -> object:
        row = self.rows.get(np.asarray(x).tobytes())
        return np.full(self.values.shape[1:], np.nan)[()] if row is None else self.values[row]
