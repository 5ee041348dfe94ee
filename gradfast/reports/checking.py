"""Check a gradient or a Jacobian that was written by hand, entry by entry."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast.calls.evaluators import opened
from gradfast.operators.gradients import Gradient
from gradfast.operators.jacobians import Jacobian
from gradfast.parameters import are_parameters
from gradfast.reports.check_claims import Claims, called
from gradfast.reports.check_evidence import TINY, Seen
from gradfast.reports.check_report import POWER, RIGHT, GradientCheck
from gradfast.reports.check_verdicts import Entries, Judge, Judged
from gradfast.stencils import ONE_NODE
from gradfast.steps.methods import Adaptive
from gradfast.values.arguments import (
    EPS,
    VALUE_DTYPE,
    Arguments,
    Array,
    Function,
    Some,
    Words,
    apart,
    as_arguments,
    as_point,
    is_integer,
    is_real,
)

# An entry of a gradient that was computed in floating point is itself rounded, by this many eps of the largest.
OWN_ROUNDING = 16.0

# Without rtol and atol: the powers of eps that two derivatives may differ by, and that need not be told from 0.
RTOL_POWER = 0.4
FLOOR_POWER = 0.6

# The fit of f stops at this part of rtol: its error bar then decides nothing.
FIT_OF_RTOL = 1 / 16

# A coordinate with less room to a bound than this part of its step along a random direction moves to the other side.
LEAST_ROOM = 2.0**-7

Rows = tuple[Words, Array, Array, Array, Array, Words, Array]  # the arrays of a GradientCheck, in its order


def check_gradient(
    f: Function,
    gradient: object,
    x: object = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    coordinates: int | None = None,
    directions: int | None = None,
    seed: int | None = None,
    bounds: object = None,
    args: object = (),
    on_error: Literal["raise", "nan"] = "raise",
) -> GradientCheck:
    """Say of each entry of a gradient whether it is right, by f's values alone.

    Parameters
    ----------
    f : callable
        Function of x that returns one number.
    gradient : array_like, structure of x, or callable
        The gradient at x, of x's shape or structure; or a function that returns it when called with x.
    x : array_like, dict, list or tuple of arrays, or pandas object
        One point of any shape; or the parameters of a model by name, which f is called with, as for
        :func:`gradfast.gradient`. Arrays are perturbed in place and put back.
    rtol : float, optional
        How far the two gradients may differ, relative to the larger of them. The default is
        ``eps ** 0.4``, with the larger eps of x's and the gradient's dtypes.
    atol : float, optional
        How far they may differ absolutely, in units of f over x. By default an entry may differ by ``16 * eps`` of
        f's largest slope, and need not be told from 0 below ``eps ** 0.6`` of it. Slopes along coordinates of
        unlike size are compared by what they change f by, over each coordinate's own size.
    coordinates : int, optional
        How many coordinates to check, chosen at random. If neither this nor `directions` is given,
        all are checked.
    directions : int, optional
        How many derivatives along random directions to check. Each sees all coordinates at once.
    seed : int or numpy.random.Generator, optional
        Makes the random choices repeatable.
    bounds : (array_like, array_like), optional
        As for :func:`gradfast.gradient`: f is never called outside them.
    args : tuple
        More arguments for f, and for the gradient if it is a function.
    on_error : str
        As for :func:`gradfast.gradient`: what an exception of f at a moved point does.

    Returns
    -------
    GradientCheck
        True if the gradient is right. Printed, it is a table.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradfast.gradient`; if the gradient has another shape or other names than x, or changes x; if
        `coordinates` or `directions` is not a positive integer, `rtol` or `atol` not finite and at least 0, `seed` not
        one that ``numpy.random.default_rng`` takes, or `on_error` another word.

    Notes
    -----
    2 evaluations a coordinate or direction show an entry of a smooth f to be right. Where they do not, 8 or 16
    evaluations show once how noisy f is, and an adaptive method [1]_ decides, with at most 48 an entry, or 30 in single
    precision: an entry is wrong if it differs by more than the tolerance and two error bars, and right if an error of
    1 % would have been called wrong. At a kink an entry is to lie between f's slopes on both sides. The rest cannot be
    told. Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4 (1982) 75-76.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_gradient
    >>> print(check_gradient(lambda x: np.sum(x**3), lambda x: 2 * x**2, [1.0]))
    gradient check failed: 1 wrong, 0 cannot tell, 0 kink, 0 right
    coordinate  analytic  numeric  difference  error bar  verdict
    x[0]        2         3        1.0e+00     ...    wrong
    >>> assert check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1.0])
    """
    options = rtol, atol, coordinates, directions, _random(rtol, atol, coordinates, directions, seed)
    return _check(Gradient, f, gradient, x, args, bounds, on_error, *options)


def check_jacobian(
    f: Function,
    jacobian: object,
    x: object = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    coordinates: int | None = None,
    directions: int | None = None,
    seed: int | None = None,
    bounds: object = None,
    args: object = (),
    on_error: Literal["raise", "nan"] = "raise",
) -> GradientCheck:
    """Say of each entry of a Jacobian whether it is right, by f's values alone.

    Parameters
    ----------
    f : callable
        Function of x that returns an array of any one shape. If it is a gradient, its Jacobian is a Hessian.
    jacobian : array_like, sparse array or callable
        The Jacobian at x, of shape ``f(x).shape + x.shape``, or a matrix with a row for each value of f and a column
        for each coordinate; or a function that returns it when called with x.
    x : array_like
        One point of any shape.
    rtol, atol, coordinates, directions, seed, bounds, args, on_error
        As for :func:`check_gradient`. Each row is held to its own largest entry.

    Returns
    -------
    GradientCheck
        True if the Jacobian is right. It has a row for each entry; for a sparse Jacobian, for the entries that are
        not 0 and those that should not be.

    Raises
    ------
    TypeError, ValueError
        As for :func:`check_gradient`.

    Notes
    -----
    As for :func:`check_gradient`; the evaluations are those of a gradient, whatever the number of values. Entries
    outside the pattern of a sparse Jacobian are checked, too.

    References
    ----------
    As for :func:`check_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_jacobian
    >>> f = lambda x: np.array([x[0] * x[1], np.sin(x[0])])
    >>> check = check_jacobian(f, [[2.0, 1.0], [np.cos(1.0), 0.5]], [1.0, 2.0])
    >>> print(check.name[check.verdict == "wrong"])
    ['J[1, 1]']
    """
    options = rtol, atol, coordinates, directions, _random(rtol, atol, coordinates, directions, seed)
    return _check(Jacobian, f, jacobian, x, args, bounds, on_error, *options)


def _random(rtol: object, atol: object, coordinates: object, directions: object, seed: Any) -> "np.random.Generator":
    """Return the source of random choices; ValueError if an option is wrong."""
    for name, count in (("coordinates", coordinates), ("directions", directions)):
        if count is not None and not (is_integer(count) and count > 0):
            raise ValueError(f"{name} must be a positive integer; got {count!r}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance is not None and not (is_real(tolerance) and 0 <= tolerance < np.inf):
            raise ValueError(f"{name} must be a finite number from 0 up; got {tolerance!r}")
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ValueError(f"seed must be what numpy.random.default_rng takes; got {seed!r}") from None


def _check(
    kind: type[Gradient | Jacobian], f: Function, claimed: object, x: object, args: object, bounds: object,
    on_error: Literal["raise", "nan"], rtol: float | None, atol: float | None,
    coordinates: int | None, directions: int | None, random: "np.random.Generator",
) -> GradientCheck:  # fmt: skip
    """Check the derivative that is claimed of f at x, by an operator of a kind."""
    name = kind.__name__.lower()
    if x is None:  # as by those who know a gradcheck of f and x alone
        raise TypeError(f"check_{name} takes f, {name} and x, in this order; got no x")
    more = as_arguments(args)
    given, x = x, x if kind is Gradient and are_parameters(x) else apart(as_point(x), more)
    if callable(claimed):
        claimed = called(claimed, x, more, name)
    f = _with_arguments(f, more) if more else f
    with opened(kind(f, bounds=bounds, on_error=on_error)._open(x, (), None)) as e:
        e.copied_from = given
        center = e.value()
        claims = Claims(e, center.shape, claimed, name)
        eps = max(EPS[e.base.dtype.char], claims.eps)
        rtol = eps**RTOL_POWER if rtol is None else float(rtol)
        operator = kind(f, method=Adaptive(rtol=min(0.5, max(FIT_OF_RTOL * rtol, 1e-12))), bounds=bounds)
        check = _Check(e, operator, center.reshape(-1), claims, eps, rtol, atol)
        rows = []
        if coordinates is not None or directions is None:
            rows.append(check.along_coordinates(coordinates, random))
        if directions is not None:
            rows.append(check.along_directions(directions, random))
        names, analytic, numeric, error, tolerance, verdict, weight = map(np.concatenate, zip(*rows, strict=True))
        of = name if kind is Gradient else kind.__name__
        return GradientCheck(
            names, analytic, numeric, error, tolerance, verdict, weight, e.evaluations, of, check.seen.eps
        )


def _with_arguments(f: Function, more: Arguments) -> Function:
    return lambda x: f(x, *more)


class Largest:
    """The largest entry of each value of f, as it is and times the size of its coordinate: what it moves f by."""

    def __init__(self, values: int) -> None:
        self.steepest, self.strongest = np.zeros((2, values))

    def add(self, entries: Array, scale: Array) -> None:
        """Take entries along some coordinates, of some sizes."""
        sizes = np.where(np.isfinite(entries), np.abs(entries), 0)
        self.steepest = np.fmax(self.steepest, sizes.max(axis=0, initial=0))
        with np.errstate(all="ignore"):
            self.strongest = np.fmax(self.strongest, (sizes * scale).max(axis=0, initial=0))

    def at(self, scale: Array) -> Array:
        """Return what entries along coordinates of some sizes are compared with, in their own units."""
        with np.errstate(all="ignore"):
            return np.fmin(self.steepest, self.strongest / scale)


class _Check:
    """What entries of a derivative are held to, and where they are looked at."""

    def __init__(
        self,
        e: Evaluator,
        operator: Gradient | Jacobian,
        center: Array,
        claims: Claims,
        eps: float,
        rtol: float,
        atol: float | None,
    ) -> None:
        self.e, self.operator, self.center, self.claims = e, operator, center, claims
        self.eps, self.rtol, self.atol = eps, rtol, atol
        finest = min(EPS[e.precision], EPS["d"])
        self.seen = Seen(center, finest / 2, is_suspect=max(EPS[e.precision], claims.eps) > finest)
        size = np.abs(e.steps_from).astype(float)
        self.scale = np.where((size > 0) & np.isfinite(size), size, 1.0)[:, np.newaxis]

    def along_coordinates(self, count: int | None, random: "np.random.Generator") -> Rows:
        """Check all coordinates, or some chosen at random."""
        chosen = np.arange(self.e.n)
        if count is not None and count < chosen.size:
            chosen = np.sort(random.choice(chosen.size, count, replace=False))

        judge = Judge(self.e, self.operator, self.center, self.seen, self.rtol)
        pairs = [judge.pairs(some, claimed) for some, claimed in self.claims.blocks(chosen)]
        largest = Largest(self.center.size)
        for (some, _), first in zip(self.claims.blocks(chosen), pairs, strict=True):
            largest.add(judge.least_slopes(first), self.scale[some])
        for some, claimed in self.claims.blocks(np.setdiff1d(np.arange(self.e.n), chosen)):
            largest.add(claimed, self.scale[some])
        # A value that no coordinate moves, nor is claimed to, is compared with a slope that would double it, or would
        # move it as much as another value moves.
        rests, most = largest.steepest == 0, largest.strongest.max(initial=0)
        largest.steepest[rests], largest.strongest[rests] = np.inf, np.fmin(np.abs(self.center[rests]), most)
        found = []
        for (some, claimed), first in zip(self.claims.blocks(chosen), pairs, strict=True):
            entries = self._entries(claimed, largest.at(self.scale[some]))
            judged = judge.judge(some, entries, first)
            found.append(self._rows(some, self.claims.names, entries, judged, self.scale[some]))
        joined = [np.concatenate(parts) for parts in zip(*found, strict=True)] if found else [np.empty(0)] * 7
        return _weighed(*joined)

    def _entries(self, claimed: Array, largest: Array) -> Entries:
        with np.errstate(all="ignore"):
            rounding, floor = OWN_ROUNDING * self.eps * largest, self.eps**FLOOR_POWER * largest
        if self.atol is None:
            return Entries(claimed, rounding, floor, largest, self.rtol)
        given = np.full(claimed.shape, float(self.atol))
        return Entries(claimed, given, given, largest, self.rtol)

    def along_directions(self, count: int, random: "np.random.Generator") -> Rows:
        """Check the derivatives along random directions: those along each coordinate t of another function."""
        lines = _Directions(self.e, self.operator._bounds_at(self.e), count, random)
        claimed, squares = np.zeros((count, self.center.size)), np.zeros(self.center.size)
        largest = Largest(self.center.size)
        for some, rows in self.claims.blocks(np.arange(self.e.n)):
            largest.add(rows, self.scale[some])
        unit = np.fmax(largest.strongest, TINY)
        with np.errstate(all="ignore"):
            for some, rows in self.claims.blocks(np.arange(self.e.n)):
                claimed += lines.ways[:, some].astype(float) @ rows
                parts = np.nan_to_num(np.abs(lines.ways[:1, some].T) * rows / unit, posinf=0, neginf=0)
                squares += (parts.astype(float) ** 2).sum(axis=0)
            size = np.broadcast_to(unit * np.sqrt(squares), claimed.shape)
            atol = 0.0 if self.atol is None else float(self.atol)
            entries = Entries(claimed, self.rtol * size + atol, POWER * size + atol, size, self.rtol)
        several = "" if self.claims.shape is None else ", value {1}"
        names = np.array([f"direction {{0}}{several}".format(*index) for index in np.ndindex(claimed.shape)], dtype=str)
        operator = type(self.operator)(lines, method=self.operator.method, bounds=lines.bounds)
        with opened(operator._open(lines.t, (), None)) as e:
            judge, all_ = Judge(e, operator, self.center, self.seen, self.rtol), np.arange(count)
            judged = judge.judge(all_, entries, judge.pairs(all_, claimed))
            return _weighed(*self._rows(all_, lambda _, kept: names[kept], entries, judged, np.ones((count, 1))))

    def _rows(
        self, some: Some, names: Callable[[Some, Any], Array], entries: Entries, judged: Judged, scale: Array
    ) -> Rows:
        """Return the rows of a GradientCheck for entries along some coordinates, each with the scale of its own."""
        with np.errstate(all="ignore"):
            tolerance = entries.tolerance(judged.value)
        scales = np.broadcast_to(scale, tolerance.shape)
        parts = entries.analytic, judged.value, judged.bar, tolerance, judged.verdict, scales
        columns = [np.reshape(part, -1) for part in parts]
        kept: Any = slice(None)
        if self.claims.is_sparse:
            kept = np.flatnonzero((columns[0] != 0) | (columns[1] != 0) | (columns[4] != RIGHT))
        return names(some, kept), *(column[kept] for column in columns)


def _weighed(
    name: Array, analytic: Array, numeric: Array, bar: Array, tolerance: Array, verdict: Array, scale: Array
) -> Rows:
    """Return rows with their weights: an error of an entry times its weight is that part of the whole derivative."""
    with np.errstate(all="ignore"):
        effects = np.nan_to_num(np.fmax(np.abs(analytic), np.abs(numeric)) * scale, posinf=0)
        largest = effects.max(initial=0)
        weight = scale / (largest * np.linalg.norm(effects / largest))
    return name, analytic, numeric, bar, tolerance, verdict, weight


class _Directions:
    """f as a function of t, along directions in which each coordinate moves by about its size, up or down.

    t begins at 1, in x's precision, and a direction holds powers of two. So x is moved exactly: no rounding of x adds
    to that of f. Two of them for each coordinate: with one, every second direction shows no swap of two entries.
    """

    def __init__(self, e: Evaluator, sides: Any, count: int, random: "np.random.Generator") -> None:
        x = e.steps_from
        self.e, self.t, self.bounds = e, np.ones(count, x.dtype), None
        with np.errstate(over="ignore"):
            sizes = np.where((x == 0) | ~np.isfinite(x), 1, np.ldexp(np.ones_like(x), np.frexp(x)[1])).astype(x.dtype)
        self.ways = sizes * random.choice((-1, -0.5, 0.5, 1), (count, x.size)).astype(x.dtype)
        if sides is not None:
            below, above = x - sides[0], sides[1] - x
            is_free = (below > 0) | (above > 0)
            self.ways = np.where(above < sizes * LEAST_ROOM, -sizes, self.ways)
            self.ways = np.where((below < sizes * LEAST_ROOM) & (below < above), sizes, self.ways) * is_free
            with np.errstate(divide="ignore", invalid="ignore"):
                up = np.where(self.ways > 0, above, below) / np.abs(self.ways)
                down = np.where(self.ways > 0, below, above) / np.abs(self.ways)
            rooms = [np.where(is_free, room, np.inf).min(axis=1, initial=np.inf) for room in (down, up)]
            self.bounds = 1 - rooms[0], 1 + rooms[1]

    def __call__(self, t: Array) -> Any:
        steps = (t - 1).astype(VALUE_DTYPE[self.e.base.dtype.char]) @ self.ways
        return self.e.values(Moves(Groups.together(self.e.n), steps, ONE_NODE))[0]
