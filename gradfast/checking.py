"""Is a hand-written gradient right? An adaptive derivative with its error bar is what it is measured with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import adaptive
from gradfast._kernels.keep import name_of_coordinate
from gradfast.arguments import Array, is_integer, is_real, real_numbers
from gradfast.check_report import CANNOT_TELL, KINK, RIGHT, VERDICTS, WRONG, GradientCheck, Verdicts
from gradfast.derivatives import derivative
from gradfast.methods import Adaptive
from gradfast.noise import noise
from gradfast.points import IN_PLACE, as_point
from gradfast.problem import NO_ARGUMENTS, Problem, with_arguments
from gradfast.steps import EPS

# The steps of the second look at what seems wrong are so much shorter.
SECOND_LOOK = 2.0**-12

# How far noise may move a value, in standard deviations, and how much of f's rounding is no noise.
NOISE_FACTOR = 4.0
ABOVE_ROUNDING = 64
TINY = float(np.finfo(float).tiny)

# An error bar wider than this part of the largest entry leaves open whether a gradient is right.
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
        The gradient at x, of x's shape; or, called with x, what returns it.
    x : array_like or mapping
        One point of any shape; or a dictionary of arrays, also of dictionaries of them: the
        parameters of a model, which f reads. They are perturbed in place and put back.
    rtol, atol : float, optional
        How far the gradients may be apart, relative to the larger of both and absolutely. The
        defaults are ``eps ** 0.4``, and ``eps ** 0.6`` of the largest entry of an array; eps is
        that of the coarser of x's and the gradient's dtype.
    coordinates : int, optional
        Check so many coordinates, chosen at random from all, instead of every one.
    directions : int, optional
        Check the derivative along so many random directions; without `coordinates` only that.
    seed : int or numpy.random.Generator, optional
        Of the random choices.
    args : tuple
        More arguments for f, and for the gradient if it is a function.

    Returns
    -------
    GradientCheck
        True if the gradient is right; a table when printed.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradfast.gradient`; if the gradient is not of x's shape or names, an array of
        a dictionary cannot be perturbed, `coordinates` or `directions` is no positive integer, `rtol` or
        `atol` is not finite and at least 0, or `seed` is none of ``numpy.random.default_rng``.

    Notes
    -----
    A coordinate is wrong if the difference exceeds tolerance and twice the error bar, and undecided
    if the bar itself is wide. The bar is that of :class:`gradfast.Adaptive` [1]_, or of f's noise [2]_.
    About 7 evaluations a coordinate or direction. Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4 (1982) 75-76.
    .. [2] Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011) 1292-1314.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_gradient
    >>> bool(check_gradient(lambda x: np.sum(np.sin(x)), np.cos, [1.0, 2.0]))
    True
    >>> print(check_gradient(lambda x: np.sum(x**3), lambda x: 2 * x**2, [1.0]))  # doctest: +ELLIPSIS
    gradient check: 1 wrong, 0 cannot tell, 0 kink, 0 right
    coordinate  analytic  numeric  difference  error bar  verdict
    x[0]        2         3        1.0e+00     ...    wrong
    """
    for name, count in (("coordinates", coordinates), ("directions", directions)):
        if count is not None and not (is_integer(count) and count > 0):
            raise ValueError(f"{name} must be a positive integer; got {count!r}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance is not None and not (is_real(tolerance) and 0 <= tolerance < np.inf):
            raise ValueError(f"{name} must be a finite number from 0 up; got {tolerance!r}")
    if args is not NO_ARGUMENTS:
        f, gradient = with_arguments(f, args), with_arguments(gradient, args) if callable(gradient) else gradient
    checker = _Checker(f, gradient, x, rtol, atol, _random(seed))
    parts = []
    if coordinates is not None or directions is None:
        parts += checker.coordinates(coordinates)
    if directions is not None:
        parts.append(checker.directions(directions))
    names, analytic, numeric, error, tolerances, verdict = map(np.concatenate, zip(*parts, strict=True))
    return GradientCheck(names, analytic, numeric, error, tolerances, verdict, checker.evaluations)


def _random(seed: Any) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ValueError(f"seed must be what numpy.random.default_rng takes; got {seed!r}") from None


Part = tuple[Verdicts, Array, Array, Array, Array, Verdicts]


class _Checker:
    def __init__(self, f: Any, gradient: Any, x: Any, rtol: Any, atol: Any, random: np.random.Generator) -> None:
        self.random, self.evaluations, self.f = random, 0, f
        self.arrays: dict[str, Array]
        if isinstance(x, Mapping):
            self.x: Any = x
            self.arrays, self.f = dict(_arrays("", x)), lambda _: f(x)
        else:
            self.x = as_point(x)
            self.arrays = {"x": self.x}
        before = {name: array.tobytes() for name, array in self.arrays.items()}
        found = gradient(self.x) if callable(gradient) else gradient
        for name, array in self.arrays.items():
            if array.tobytes() != before[name]:
                raise ValueError(f"gradient must leave x as it is; it changed {name}")
        self.analytic = self._like_x(found)
        eps = max(np.finfo(a.dtype).eps for a in (*self.arrays.values(), *self.analytic.values()))
        self.rtol = float(eps**0.4) if rtol is None else rtol
        self.atol = {
            name: float(eps**0.6 * np.abs(g[np.isfinite(g)]).max(initial=0)) if atol is None else atol
            for name, g in self.analytic.items()
        }
        self.method = Adaptive(rtol=min(0.5, max(self.rtol / 16, 1e-12)))

    def _like_x(self, found: Any) -> dict[str, Array]:
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

    def coordinates(self, count: int | None) -> list[Part]:
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

    def _of_array(self, name: str, array: Array, chosen: npt.NDArray[np.intp]) -> Part:
        problem = Problem(self.f, array, self.method, None, (), False)
        places = np.array([name_of_coordinate(array, int(i)).replace("x", name, 1) for i in chosen], dtype=str)
        analytic = self.analytic[name].reshape(-1)[chosen].astype(float)

        def judged(some: npt.NDArray[np.intp], shorter: float) -> Part:
            ascent = problem.keeping(_climb, problem, chosen[some], shorter)
            self.evaluations += int(ascent.evaluations.sum()) + 1
            found = (ascent.value, ascent.error, ascent.has_kink, ascent.converged)
            value, error, kink, converged = (part[:, 0] for part in found)
            limits = self.atol[name], self._largest(name)
            part = self._judged(places[some], analytic[some], value, error, kink, converged, *limits)
            if (part[-1] == WRONG).any():  # unless f is noisier than its bars know
                error = np.fmax(error, NOISE_FACTOR * self._noise(problem) / np.fmax(ascent.step, TINY))
                part = self._judged(places[some], analytic[some], value, error, kink, converged, *limits)
            return part

        return _twice(judged, chosen.size)

    def _noise(self, problem: Problem) -> float:
        """Return f's noise above its rounding; 0 if there is none, or none that shows."""

        def counted(x: Any) -> Any:
            self.evaluations += 1
            return problem.f(x)

        found = noise(counted, problem.x)
        size = abs(float(problem.keeping(problem.family.value, counted, problem.x, problem.x)))
        rounding = EPS[problem.x.dtype.char] * size
        return found if found > ABOVE_ROUNDING * rounding else 0.0

    def _largest(self, name: str) -> float:
        gradient = self.analytic[name]
        return float(np.abs(gradient[np.isfinite(gradient)]).max(initial=0))

    def directions(self, count: int) -> Part:
        """Check the derivative along directions in which each coordinate moves by plus or minus the same."""
        before = {name: array.copy() for name, array in self.arrays.items()}
        size = max(1.0, max((float(np.abs(array).max(initial=0)) for array in before.values()), default=0.0))
        ways = [{n: size * self.random.choice((-1.0, 1.0), a.shape) for n, a in before.items()} for _ in range(count)]
        analytic = np.array([sum(float(np.sum(self.analytic[name] * way[name])) for name in way) for way in ways])
        names, atol = np.array([f"direction {i}" for i in range(count)]), max(self.atol.values(), default=0.0) * size

        def judged(some: npt.NDArray[np.intp], shorter: float) -> Part:
            numbers = []
            for i in some:
                along = self._along(before, ways[i], shorter)
                value, info = derivative(along, 0.0, method=self.method, full_output=True)
                self.evaluations += info.evaluations
                numbers.append((float(value) / shorter, float(info.error) / shorter, bool(info.converged)))
            value, error, converged = np.array(numbers).reshape(-1, 3).T
            kink = np.zeros(some.size, bool)
            limits = atol, np.abs(analytic).max()
            return self._judged(names[some], analytic[some], value, error, kink, converged == 1, *limits)

        return _twice(judged, count)

    def _along(self, before: dict[str, Array], way: dict[str, Array], shorter: float) -> Callable[[Any], Any]:
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
        numeric: Any,
        error: Any,
        kink: Any,
        converged: Any,
        atol: float,
        largest: float,
    ) -> Part:
        with np.errstate(all="ignore"):
            size = np.fmax(np.abs(analytic), np.abs(numeric))
            tolerance = atol + self.rtol * size
            difference = np.abs(analytic - numeric)
            is_wide = ~(error <= np.maximum(tolerance, WIDE * np.maximum(size, largest)))
            # At a stationary point there is no size to be relative to, but f's rounding.
            is_wide &= ~(converged & (difference <= 2 * error))
            is_wrong = (difference > tolerance + 2 * error) | ~np.isfinite(analytic) & np.isfinite(numeric)
        choices = [is_wrong, kink, is_wide | ~np.isfinite(difference)]
        verdicts = np.select(choices, [WRONG, KINK, CANNOT_TELL], RIGHT)
        return names, analytic, numeric, error, tolerance, verdicts


def _twice(judged: Callable[[npt.NDArray[np.intp], float], Part], count: int) -> Part:
    """Return the verdicts, those that are not right after a second look, from shorter steps.

    A kink near x lies between the nodes of long steps, and f looks smooth and of another slope.
    """
    parts = judged(np.arange(count), 1.0)
    doubtful = np.flatnonzero(np.isin(parts[-1], (WRONG, CANNOT_TELL)))
    if doubtful.size:
        again = judged(doubtful, SECOND_LOOK)
        pairs = zip(again[-1], parts[-1][doubtful], strict=True)
        better = [VERDICTS.index(new) > VERDICTS.index(old) for new, old in pairs]
        for part, new in zip(parts, again, strict=True):
            part[doubtful[better]] = new[better]
    return parts


def _climb(problem: Problem, chosen: npt.NDArray[np.intp], shorter: float) -> Any:
    center = problem.family.value(problem.f, problem.x, problem.x)
    return adaptive.at_coordinates(problem, center, chosen, shorter)


def _leaves(prefix: str, tree: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(name, value)
        else:
            yield name, value


def _arrays(prefix: str, tree: Mapping[Any, Any]) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of a dictionary by their names; TypeError if one cannot be perturbed in place."""
    for name, value in _leaves(prefix, tree):
        if not isinstance(value, np.ndarray) or as_point(value) is not value:
            found = f"one of {value.dtype}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
            raise TypeError(f"x[{name!r}] must be a writable array of floating point; got {found}")
        yield name, value
