"""Check a hand-written gradient against adaptive derivatives, which have error bars."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import adaptive
from gradfast._kernels.memory import name_of_coordinate
from gradfast.arguments import EPS, IN_PLACE, Array, as_point, is_integer, is_real, real_numbers
from gradfast.check_report import CANNOT_TELL, KINK, RIGHT, VERDICTS, WRONG, GradientCheck, Verdicts
from gradfast.derivatives import derivative
from gradfast.evaluators import opened
from gradfast.gradients import Gradient
from gradfast.methods import Adaptive
from gradfast.noise_estimate import noise
from gradfast.operators import NO_ARGUMENTS, as_arguments

# A coordinate that is not right at first is looked at again, with steps shorter by this factor.
SECOND_LOOK = 2.0**-12

# Noise of f widens error bars by NOISE_FACTOR standard deviations, divided by the step. It counts as noise if it is
# more than ABOVE_ROUNDING units in f's last place.
NOISE_FACTOR = 4.0
ABOVE_ROUNDING = 64
TINY = float(np.finfo(float).tiny)

# An error bar wider than the tolerance and than this part of the gradient's largest entry leaves the verdict open.
WIDE = 1e-3


def check_gradient(
    f: Callable[..., Any],
    gradient: Any,
    x: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    coordinates: int | None = None,
    directions: int | None = None,
    seed: int | None = None,
    args: Any = NO_ARGUMENTS,
) -> GradientCheck:
    """Compare a gradient of f at x with a numerical one that knows its own error.

    Parameters
    ----------
    f : callable
        Function of x that returns one number.
    gradient : array_like, mapping or callable
        The gradient at x, of x's shape; or a function that returns it when called with x.
    x : array_like or mapping
        One point of any shape. Or the parameters of a model: a dictionary of arrays, or of such
        dictionaries, that f reads. The arrays are perturbed in place and put back.
    rtol, atol : float, optional
        How far the two gradients may differ: relative to the larger of them, and absolutely. The
        defaults are ``eps ** 0.4`` and ``eps ** 0.6`` of the array's largest entry, with the larger
        eps of x's and the gradient's dtypes.
    coordinates : int, optional
        How many coordinates to check, chosen at random. If neither this nor `directions` is given,
        all are checked.
    directions : int, optional
        How many derivatives along random directions to check. Each sees all coordinates at once.
    seed : int or numpy.random.Generator, optional
        Makes the random choices repeatable.
    args : tuple
        More arguments for f, and for the gradient if it is a function.

    Returns
    -------
    GradientCheck
        True if the gradient is right. Printed, it is a table.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradfast.gradient`; if the gradient has another shape or other names than x; if an
        array of a dictionary cannot be perturbed; if `coordinates` or `directions` is not a positive
        integer, `rtol` or `atol` not finite and at least 0, or `seed` not one that
        ``numpy.random.default_rng`` takes.

    Notes
    -----
    A coordinate is wrong if the gradients differ by more than the tolerance plus twice the error bar. It
    is undecided if the bar is wide. The error bar is that of :class:`gradfast.Adaptive` [1]_, widened by
    f's noise [2]_. A coordinate or direction takes 4 to 8 evaluations, more if f is rough. Thread-safety: as for
    :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4 (1982) 75-76.
    .. [2] Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011) 1292-1314.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_gradient
    >>> print(check_gradient(lambda x: np.sum(x**3), lambda x: 2 * x**2, [1.0]))  # doctest: +ELLIPSIS
    gradient check: 1 wrong, 0 cannot tell, 0 kink, 0 right
    coordinate  analytic  numeric  difference  error bar  verdict
    x[0]        2         3        1.0e+00     ...    wrong
    >>> assert check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1.0])
    """
    for name, count in (("coordinates", coordinates), ("directions", directions)):
        if count is not None and not (is_integer(count) and count > 0):
            raise ValueError(f"{name} must be a positive integer; got {count!r}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance is not None and not (is_real(tolerance) and 0 <= tolerance < np.inf):
            raise ValueError(f"{name} must be a finite number from 0 up; got {tolerance!r}")
    if args is not NO_ARGUMENTS:
        more, given_f, given_gradient = as_arguments(args), f, gradient
        f = lambda x: given_f(x, *more)  # noqa: E731
        gradient = (lambda x: given_gradient(x, *more)) if callable(gradient) else gradient
    try:
        random = np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ValueError(f"seed must be what numpy.random.default_rng takes; got {seed!r}") from None
    checker = _Checker(f, gradient, x, rtol, atol, random)
    parts = checker.coordinates(coordinates) if coordinates is not None or directions is None else []
    if directions is not None:
        parts.append(checker.directions(directions))
    names, analytic, numeric, error, tolerances, verdict = map(np.concatenate, zip(*parts, strict=True))
    return GradientCheck(names, analytic, numeric, error, tolerances, verdict, checker.evaluations)


Some = npt.NDArray[np.intp]
Rows = tuple[Verdicts, Array, Array, Array, Array, Verdicts]  # the arrays of a GradientCheck, in its order


class _Checker:
    """f, the gradient and x by the names of x's arrays, and the tolerances for each of these."""

    def __init__(self, f: Any, gradient: Any, x: Any, rtol: Any, atol: Any, random: "np.random.Generator") -> None:
        self.random, self.evaluations, self.f = random, 0, f
        self.arrays: dict[str, Array]
        if isinstance(x, Mapping):
            self.x: Any = x
            self.arrays, self.f = dict(_arrays("", x)), lambda _: f(x)
        else:
            self.x = as_point(x)
            self.arrays = {"x": self.x}
        before = {name: array.copy() for name, array in self.arrays.items()}
        found = gradient(self.x) if callable(gradient) else gradient
        for name, array in self.arrays.items():
            if array.tobytes() != before[name].tobytes():
                array[...] = before[name]
                raise ValueError(f"gradient must leave x as it is; it changed {name}")
        self.analytic = self._like_x(found)
        eps = max(float(np.finfo(a.dtype).eps) for a in (*self.arrays.values(), *self.analytic.values()))
        self.rtol = eps**0.4 if rtol is None else rtol
        self.largest = {name: float(np.abs(g[np.isfinite(g)]).max(initial=0)) for name, g in self.analytic.items()}
        self.atol = {name: eps**0.6 * size if atol is None else atol for name, size in self.largest.items()}
        self.method = Adaptive(rtol=min(0.5, max(self.rtol / 16, 1e-12)))

    def _like_x(self, found: Any) -> dict[str, Array]:
        """Return a gradient by the names of x; raise an error unless it has x's names and shapes."""
        named = dict(_leaves("", found)) if isinstance(found, Mapping) else {"x": found}
        if named.keys() != self.arrays.keys():
            raise ValueError(f"gradient must have the names of x, {sorted(self.arrays)}; got {sorted(named)}")
        result = {}
        for name, array in self.arrays.items():
            gradient = real_numbers("gradient", named[name])
            if gradient.shape != array.shape:
                raise ValueError(
                    f"gradient must have the shape of {name}, {array.shape}; got an array of shape {gradient.shape}"
                )
            result[name] = gradient if gradient.dtype in IN_PLACE else gradient.astype(float)
        return result

    def coordinates(self, count: int | None) -> list[Rows]:
        """Check all coordinates, or `count` of them chosen at random; one item for each array of x."""
        total = sum(array.size for array in self.arrays.values())
        chosen = np.arange(total)
        if count is not None and count < total:
            chosen = np.sort(self.random.choice(total, count, replace=False))
        parts, start = [], 0
        for name, array in self.arrays.items():
            first, last = chosen.searchsorted((start, start + array.size))
            parts.append(self._of_array(name, array, chosen[first:last] - start))
            start += array.size
        return parts

    def _of_array(self, name: str, array: Array, chosen: Some) -> Rows:
        operator = Gradient(self.f, method=self.method)
        places = np.array([name_of_coordinate(array, int(i)).replace("x", name, 1) for i in chosen], dtype=str)
        analytic = self.analytic[name].reshape(-1)[chosen].astype(float)

        def judged(some: Some, shorter: float) -> Rows:
            with opened(operator._open(array, (), None)) as e:
                ascent = adaptive.at_coordinates(e, operator, float(e.value()), chosen[some], shorter)
            self.evaluations += int(ascent.evaluations.sum()) + 1
            value, error, kink, converged = (
                part[:, 0] for part in (ascent.value, ascent.error, ascent.jump > 0, ascent.converged)
            )
            known = places[some], analytic[some], self.atol[name], self.largest[name]
            rows = self._judged(*known, value, error, kink, converged)
            if (rows[-1] == WRONG).any():  # f may be noisier than its error bars say
                error = np.fmax(error, NOISE_FACTOR * self._noise(array) / np.fmax(ascent.step, TINY))
                rows = self._judged(*known, value, error, kink, converged)
            return rows

        return _twice(judged, chosen.size)

    def _noise(self, array: Array) -> float:
        """Return f's noise if it is well above rounding, else 0."""

        def counted(x: Any) -> Any:
            self.evaluations += 1
            return self.f(x)

        found = noise(counted, array)
        rounding = EPS[array.dtype.char] * abs(float(counted(array)))
        return found if found > ABOVE_ROUNDING * rounding else 0.0

    def directions(self, count: int) -> Rows:
        """Check the derivatives along random directions, in which all coordinates move equally far, up or down."""
        before = {name: array.copy() for name, array in self.arrays.items()}
        size = max(1.0, max((float(np.abs(array).max(initial=0)) for array in before.values()), default=0.0))
        ways = [{n: size * self.random.choice((-1.0, 1.0), a.shape) for n, a in before.items()} for _ in range(count)]
        analytic = np.array([sum(float(np.sum(self.analytic[name] * way[name])) for name in way) for way in ways])
        names, atol = np.array([f"direction {i}" for i in range(count)]), max(self.atol.values(), default=0.0) * size

        def judged(some: Some, shorter: float) -> Rows:
            numbers = []
            for i in some:
                along = self._along(before, ways[i], shorter)
                value, info = derivative(along, 0.0, method=self.method, full_output=True)
                self.evaluations += info.evaluations
                numbers.append((float(value) / shorter, float(info.error) / shorter, bool(info.converged)))
            value, error, converged = np.array(numbers).T
            known = names[some], analytic[some], atol, np.abs(analytic).max()
            return self._judged(*known, value, error, np.zeros(some.size, bool), converged == 1)

        return _twice(judged, count)

    def _along(self, before: dict[str, Array], way: dict[str, Array], shorter: float) -> Callable[[Any], Any]:
        """Return f as a function of t, at ``before + shorter * t * way``; it puts x back after each call."""

        def f(t: Any) -> Any:
            try:
                for name, array in self.arrays.items():
                    array[...] = before[name] + shorter * float(t) * way[name]
                return self.f(self.x)
            finally:
                for name, array in self.arrays.items():
                    array[...] = before[name]

        return f

    def _judged(
        self,
        names: Any,
        analytic: Any,
        atol: float,
        largest: float,
        numeric: Any,
        error: Any,
        kink: Any,
        converged: Any,
    ) -> Rows:
        """Return the rows of coordinates or directions, with verdicts."""
        with np.errstate(all="ignore"):
            size = np.fmax(np.abs(analytic), np.abs(numeric))
            tolerance = atol + self.rtol * size
            difference = np.abs(analytic - numeric)
            is_wide = ~(error <= np.maximum(tolerance, WIDE * np.maximum(size, largest)))
            # At a stationary point size is 0, and every bar is wide. The bar of a converged value decides there.
            is_wide &= ~(converged & (difference <= 2 * error))
            is_wrong = (difference > tolerance + 2 * error) | ~np.isfinite(analytic) & np.isfinite(numeric)
        choices = [is_wrong, kink, is_wide | ~np.isfinite(difference)]
        verdicts = np.select(choices, [WRONG, KINK, CANNOT_TELL], RIGHT)
        return names, analytic, numeric, error, tolerance, verdicts


def _twice(judged: Callable[[Some, float], Rows], count: int) -> Rows:
    """Judge all rows, and those that are wrong or undecided again, with shorter steps; keep the better verdict.

    Long steps may cross a kink near x: f then looks smooth, with another slope.
    """
    rows = judged(np.arange(count), 1.0)
    doubtful = np.flatnonzero(np.isin(rows[-1], (WRONG, CANNOT_TELL)))
    if doubtful.size:
        again = judged(doubtful, SECOND_LOOK)
        pairs = zip(again[-1], rows[-1][doubtful], strict=True)
        is_better = [VERDICTS.index(new) > VERDICTS.index(old) for new, old in pairs]
        for column, new in zip(rows, again, strict=True):
            column[doubtful[is_better]] = new[is_better]
    return rows


def _leaves(prefix: str, tree: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values of nested dictionaries, named by their keys joined with dots."""
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(name, value)
        else:
            yield name, value


def _arrays(prefix: str, tree: Mapping[Any, Any]) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of nested dictionaries; raise TypeError if one cannot be perturbed in place."""
    for name, value in _leaves(prefix, tree):
        if not isinstance(value, np.ndarray) or as_point(value) is not value:
            found = f"one of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
            raise TypeError(f"x[{name!r}] must be a writable array of floating point; got {found}")
        yield name, value
