"""Jacobians and Hessians of known sparsity: a color of columns at once, the result in CSR."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.combine import SCATTER, combined, second_derivatives_of
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import NO_ARGUMENTS, VALUE_DTYPE, Array, as_arguments, as_dtype, as_point
from gradfast.callables import as_objective
from gradfast.coloring import Coloring
from gradfast.evaluators import Call, opened, x_of
from gradfast.methods import Complex
from gradfast.noise_estimate import quantum_of
from gradfast.patterns import Pattern, as_indices, as_pattern, require_symmetric, shape_of_indices
from gradfast.stencils import ONE_NODE

# A verification takes a row for right if it is off by less than this part of what its entries add up to. A missing
# entry of 1 % of the others, in a row of 50, is 2e-4 of that; chance hides 99 % of it once in a hundred times.
SHARE = 1e-6

# How many eps f's values may be wrong by: a few operations' rounding.
ROUNDING = 4.0

# A row may be off by this many times what steps half as long change in it, and what they change in f along directions.
# Halving shows half of a truncation error of accuracy 1, more of a higher one. Noise shows in six values along
# directions, whose root mean square is below a fifth of it once in 10**4 rows.
OF_HALVES = 4.0
OF_DIRECTIONS = 8.0

# If what a row lacks is less than a part of what it is off by, the rest is a kink. Chance, which may hide some of what
# a row lacks, hides as much once in 10**4 times.
LEAST_PART = 16

# What follows compares what f may have returned: inf and NaN too.
quiet = np.errstate(all="ignore")

# The shorter way along a direction. At half of it an f that waves faster than the steps would too often seem linear.
SHORTER = 0.625


def scipy_sparse() -> Any:
    """Return SciPy's sparse arrays; ImportError that names the extra."""
    try:
        return importlib.import_module("scipy.sparse")
    except ImportError as error:
        raise ImportError("a sparse result needs SciPy: install gradfast[sparse]") from error


def coloring_of(operator: Any, x: Array, symmetric: bool) -> Coloring:
    """Return the coloring of an operator's sparsity, which is made at its first call."""
    found: Coloring | None = vars(operator).get("_coloring")
    if found is None or found.shape[1] != x.size:
        found = operator._coloring = as_coloring(operator.sparsity, x, symmetric)
    return found


def as_coloring(sparsity: Any, x: Array, symmetric: bool) -> Coloring:
    """Return the coloring of what was given as sparsity; ValueError unless it has a column for each coordinate."""
    if isinstance(sparsity, Coloring):
        coloring = sparsity
        if coloring.symmetric != symmetric:
            wanted = "symmetric, Coloring(pattern, symmetric=True), for a Hessian" if symmetric else "one of columns"
            raise ValueError(f"sparsity must be {wanted}; got {sparsity!r}")
    else:
        pattern = _pattern(sparsity, x, symmetric)
        _require_columns(pattern.shape[1], x)  # of which a coloring may take long
        coloring = Coloring(pattern, symmetric=symmetric)
    _require_columns(coloring.shape[1], x)
    return coloring


def _require_columns(found: int, x: Array) -> None:
    if found != x.size:
        raise ValueError(f"sparsity must have a column for each of x's coordinates; got {found} columns for {x.size}")


def _pattern(sparsity: Any, x: Array, symmetric: bool) -> Pattern:
    """Return the pattern of what was given as sparsity and is no coloring, by whose name errors call it."""
    shape = None
    if isinstance(sparsity, tuple):
        rows, _ = shape_of_indices(*as_indices(sparsity, "sparsity"))
        shape = (x.size if symmetric else rows, x.size)
    pattern = as_pattern(sparsity, shape, "sparsity")
    if symmetric:
        require_symmetric(pattern, "sparsity")
    return pattern


def jacobian(
    operator: Any, e: Evaluator, parts: tuple[Moves, ...], given: Array | None
) -> tuple[Any, tuple[Moves, ...], Array | None]:
    """Return the Jacobian, a row for each value of f and a column for each coordinate; all moves; f(x) if it is known.

    If the operator is of a gradient, only one of two mirrored entries is read.
    """
    sparse, coloring = scipy_sparse(), coloring_of(operator, x_of(e), operator.symmetric)
    if given is not None and given.size != coloring.shape[0]:
        raise ValueError(
            f"f0 must have a value for each of sparsity's {coloring.shape[0]} rows; got an array of shape {given.shape}"
        )
    center = e.value() if given is None and any(moves.stencil.center for moves in parts) else given

    def derivatives(parts: tuple[Moves, ...]) -> Array:
        return _by_colors(operator, e, parts, coloring, center, given)

    pattern, every, data = coloring.pattern, parts, derivatives(parts)
    if not np.isfinite(data).all():

        def again(part: Moves, center: Array) -> Array:
            return _by_colors(operator, e, (part,), coloring, center, None)

        every = operator._from_one_side(e, parts, center, data, (pattern.rows, pattern.columns), again)
    data[~np.isfinite(e.steps_from)[pattern.columns]] = np.nan
    result = as_csr(sparse, coloring.pattern, as_dtype(e.dtype or e.x.dtype, data))
    if operator.verify and parts:
        _verify(Lines(operator, e, parts, coloring, data, center), derivatives)
    if isinstance(operator.method, Complex):
        operator._check(e, None, every, result)
    return result, every, center


def as_csr(sparse: Any, pattern: Pattern, data: Array) -> Any:
    """Return a CSR array of a pattern; its indices are its own, for SciPy changes them in place."""
    result = sparse.csr_array((data, pattern.columns.copy(), pattern.row_starts.copy()), shape=pattern.shape)
    result.has_canonical_format = True
    return result


def _by_colors(
    operator: Any, e: Evaluator, parts: tuple[Moves, ...], coloring: Coloring, center: Array | None, given: Array | None
) -> Array:
    """Return the derivatives at the pattern's entries."""
    data = np.zeros(coloring.pattern.columns.size, VALUE_DTYPE[e.x.dtype.char])
    colors = []
    for moves in parts:
        columns, starts = (part.astype(np.intp) for part in coloring.restricted(moves.groups.chosen))
        groups = Groups.listed(e.n, starts, columns)
        colors.append((Moves(groups, moves.step_of_each, moves.stencil), columns, starts))
    if operator.progress is not False:
        e.expect(sum(len(moves) for moves, _, _ in colors))
    for moves, columns, starts in colors:
        size, first, count = moves.stencil.size, 0, len(moves.groups)
        while first < count:
            last = min(count, first + max(1, e.rows_at_once() // size))
            part = moves.part(first * size, last * size)
            values = e.values(part).reshape(len(part), -1)
            if values.shape[1] != coloring.shape[0]:
                raise ValueError(
                    "sparsity must have a row for each of f's values; "
                    f"got {coloring.shape[0]} rows for {values.shape[1]} values"
                )
            if given is not None:
                operator._require_shape_of(e, given)
            sums = combined(values, part, center, divided=False)
            SCATTER[e.base.dtype.char](
                sums, moves.step_of_each, moves.stencil, columns, starts[first : last + 1], *coloring.entries, data
            )
            first = last
    return data


def _verify(lines: Any, derivatives: Callable[[tuple[Moves, ...]], Array]) -> None:
    """Hold a Jacobian against f moved along random directions; ValueError if a row is off.

    Two directions are enough if all rows are off by no more than rounding. For the other rows, four directions and the
    derivatives by steps half as long tell how much truncation, noise and kinks of f may have put into them.
    """
    values = [lines.values(v) for v in lines.directions[:2]]
    off, limit = lines.off(values), lines.rounding(values)
    suspects = np.flatnonzero(off > limit)
    if not suspects.size:
        return
    lines.rows = suspects
    values = [found[:, suspects] for found in values] + [lines.values(v) for v in lines.directions[2:]]
    off = lines.off(values)
    wrong = off > lines.rounding(values) + lines.error(values, derivatives)
    if wrong.any():
        wrong &= lines.lacks() > off / LEAST_PART
    if wrong.any():
        row = np.argmax(wrong)
        found, told = lines.change(values[0])[row], (lines.result @ lines.directions[0])[suspects[row]]
        raise ValueError(
            f"sparsity must hold every entry that f depends on; along a random direction value {suspects[row]} of f "
            f"changes by {found:.6g} where the result times it gives {told:.6g}: a residual of {found - told:.3g}"
        )


class Lines:
    """A Jacobian, four random directions, and how f changes along them.

    A direction moves every coordinate by a random part of its step, to either side if its stencil looks at both. So no
    point is farther from x, or nearer to a bound, than those that gave the Jacobian, and f is wrong by as much there.
    """

    rows: Any = slice(None)  # of the Jacobian, those that are looked at

    def __init__(
        self, operator: Any, e: Evaluator, parts: tuple[Moves, ...], coloring: Coloring, data: Array, center: Any
    ) -> None:
        self.e, self.parts, self.coloring = e, parts, coloring
        self.result = as_csr(scipy_sparse(), coloring.pattern, data)
        self.center = None if center is None else np.ravel(center)
        self.stencil = min((moves.stencil for moves in parts), key=_other_side)  # of all, the most one-sided one fits
        self.weights = np.array(self.stencil.weights, data.dtype) / self.stencil.denominator
        steps, turns = np.zeros(e.n, data.dtype), np.zeros(e.n, bool)
        for moves in parts:
            some = moves.groups.members
            steps[some] = moves.step_of_each[some] * (_farthest(moves.stencil) / _farthest(self.stencil))
            turns[some] = set(moves.stencil.nodes) == {-node for node in moves.stencil.nodes}
        unit = None if isinstance(operator.method, Complex) else _exact_unit(e.steps_from, steps, self.stencil)
        random = np.random.default_rng(e.n)
        self.directions = [_direction(steps, turns, unit, random) for _ in range(4)]

    def values(self, v: Array) -> Array:
        """Return the values of f, a row for each node of the stencil along v."""
        values: Array = self.e.values(Moves(Groups.together(self.e.n), v, self.stencil))
        shown: Array = values.reshape(self.stencil.size, -1)[:, self.rows]
        return shown

    @quiet
    def change(self, values: Array) -> Array:
        """Return how much f changes along a direction, by its derivative there."""
        change: Array = self.weights @ values
        if self.stencil.center:
            assert self.center is not None
            change = change + self.stencil.center / self.stencil.denominator * self.center[self.rows]
        return change

    @quiet
    def off(self, values: list[Array]) -> Array:
        """Return by how much f's changes differ from those that the Jacobian tells, whose directions come first."""
        told = [(self.result @ v)[self.rows] for v in self.directions[: len(values)]]
        return _root_mean_square([self.change(found) - by for found, by in zip(values, told, strict=True)])

    @quiet
    def rounding(self, values: list[Array]) -> Array:
        """Return by how much that may be for rounding. The rounding of a row's entries adds up as noise does."""
        tiny = float(np.finfo(self.e.x.dtype).tiny)
        rounding = [ROUNDING * _eps_of(found) * (np.abs(self.weights) @ np.abs(found)) + tiny for found in values]
        allowed: Array = SHARE * self.sum_of(self.result.data) + self.spread() * _root_mean_square(rounding)
        return allowed

    def error(self, values: list[Array], derivatives: Callable[[tuple[Moves, ...]], Array]) -> Array:
        """Return by how much that may be for truncation, noise and quanta of f; inf where f did not move at all.

        Of an f that is linear, steps half as long give the same derivatives, a shorter way along a direction gives a
        change in proportion, and halfway between two directions the change is the mean of theirs. An entry that is
        missing shows in none of this.
        """
        halved = tuple(Moves(moves.groups, moves.step_of_each / 2, moves.stencil) for moves in self.parts)
        halves = derivatives(halved)
        changes, bends = [self.change(found) for found in values], []
        seen = values.copy()
        for v, change in zip(self.directions, changes, strict=True):
            seen.append(self.values(SHORTER * v))
            bends.append(change - self.change(seen[-1]) / SHORTER)
        for i in (0, 2):
            seen.append(self.values((self.directions[i] + self.directions[i + 1]) / 2))
            bends.append(changes[i] + changes[i + 1] - 2 * self.change(seen[-1]))
        every = np.concatenate(seen)
        with np.errstate(all="ignore"):
            error: Array = OF_HALVES * self.sum_of(self.result.data - halves) + OF_DIRECTIONS * _root_mean_square(bends)
            error += self.spread() * quantum_of(every) * np.abs(self.weights).sum()
        return np.where((every != every[0]).any(axis=0), error, np.inf)

    def lacks(self) -> Array:
        """Return by how much f's changes differ from those told if the colors are moved one after another.

        Beside a kink f's changes do not add up, but they are those told. Changes by entries that are missing add up.
        """
        columns, starts = (part.astype(np.intp) for part in (self.coloring.columns, self.coloring.starts))
        colors = Groups.listed(self.e.n, starts, columns)
        sums = []
        for v in self.directions:
            moves, total = Moves(colors, v, self.stencil), np.zeros(len(self.rows), v.dtype)
            for first in range(0, len(moves), self.stencil.size):
                found = self.e.values(moves.part(first, first + self.stencil.size))
                total = total + self.change(found.reshape(self.stencil.size, -1)[:, self.rows])
            sums.append(total - (self.result @ v)[self.rows])
        return _root_mean_square(sums)

    def spread(self) -> Array:
        spread: Array = 1 + np.sqrt(np.diff(self.result.indptr)[self.rows])
        return spread

    @quiet
    def sum_of(self, data: Array) -> Array:
        """Return what the entries' sizes add up to in each row, times a direction."""
        sizes = abs(self.result)
        sizes.data = np.abs(data)
        return _root_mean_square([(sizes @ np.abs(v))[self.rows] for v in self.directions])


@quiet
def _eps_of(values: Array) -> Array:
    """Return the eps of the lowest precision that holds all values of a column."""
    eps = np.full(values.shape[1], float(np.finfo(values.dtype).eps))
    for kind in ("d", "f", "e"):
        eps[(values.astype(kind) == values).all(axis=0)] = np.finfo(kind).eps
    return eps


def _other_side(stencil: Stencil) -> float:
    """Return how far a stencil looks to the side where it looks less far."""
    return float(min(max(stencil.nodes), -min(stencil.nodes)))


def _farthest(stencil: Stencil) -> float:
    return max(stencil.nodes, key=abs)


@quiet
def _exact_unit(x: Array, steps: Array, stencil: Stencil) -> Array:
    """Return the units of which x is moved by exactly; also by SHORTER or a half of them, times a node."""
    reach = np.abs(x) + abs(_farthest(stencil)) * np.abs(steps)
    unit: Array = 16 * np.spacing(reach.astype(x.dtype)).astype(steps.dtype)
    return unit


@quiet
def _direction(steps: Array, turns: Array, unit: Array | None, random: "np.random.Generator") -> Array:
    """Return a random part of each step, in whole units; the step itself where it is shorter than a unit."""
    signs = np.where(turns, random.choice([-1.0, 1.0], steps.shape), 1.0)
    part = random.uniform(0.25, 1.0, steps.shape).astype(steps.dtype) * steps
    if unit is not None:
        whole = unit * np.trunc(part / unit)
        part = np.where(whole == 0, steps, whole)
    direction: Array = signs * part
    return direction


@quiet
def _root_mean_square(rows: list[Array]) -> Array:
    """Return it along the list, whatever the magnitudes are."""
    sizes = np.abs(rows)
    largest = sizes.max(axis=0)
    found: Array = largest * np.sqrt(np.mean((sizes / np.where(largest > 0, largest, 1)) ** 2, axis=0))
    return found


def hessian(operator: Any, e: Evaluator, parts: tuple[Moves, ...], center: Array) -> Any:
    """Return the Hessian of an f of one number, from the pairs that the pattern holds."""
    sparse, coloring = scipy_sparse(), coloring_of(operator, x_of(e), True)
    pattern = coloring.pattern
    data = np.zeros(pattern.columns.size, VALUE_DTYPE[e.base.dtype.char])
    rows, columns, mirrors = pattern.rows, pattern.columns, pattern.by_columns[2]
    for moves in parts:  # one, or none where bounds leave no room
        free = np.zeros(e.n, bool)
        free[moves.groups.members] = True
        places = np.flatnonzero((rows >= columns) & free[rows] & free[columns])
        i, j = rows[places].astype(np.intp), columns[places].astype(np.intp)
        off = i != j
        alone = np.unique(np.concatenate([i, j]))
        members = np.concatenate([alone, np.stack([j[off], i[off]], axis=1).reshape(-1)])
        starts = np.concatenate([np.arange(alone.size), np.arange(alone.size, members.size + 1, 2)])
        lines = Moves(Groups.listed(e.n, starts, members), moves.step_of_each, moves.stencil)
        if operator.progress is not False:
            e.expect(len(lines))
        second = second_derivatives_of(combined(e.values(lines), lines, center, divided=False), lines)
        found = np.empty(places.size, data.dtype)
        found[off] = second[alone.size :]
        found[~off] = second[np.searchsorted(alone, i[~off])]
        data[places] = data[mirrors[places]] = found
    is_number = np.isfinite(e.steps_from)
    data[~(is_number[rows] & is_number[columns])] = np.nan
    return as_csr(sparse, coloring.pattern, as_dtype(e.dtype or e.x.dtype, data))


def detect_sparsity(f: Any, x: Any, *, args: Any = NO_ARGUMENTS) -> Any:
    """Return where the Jacobian of f may differ from zero, by setting each coordinate to NaN in turn.

    The values of f that are NaN then depend on it. What f drops by a comparison, ``fmax`` or ``nansum``
    is missed; a dense ``M @ x`` or an FFT looks all dense, for NaN times 0 is NaN.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns an array of any one shape.
    x : array_like
        Where to look. It is perturbed in place, as by :func:`gradfast.jacobian`, and put back.
    args : tuple
        More arguments for f.

    Returns
    -------
    scipy.sparse.csr_array of bool
        Shape (values of f, coordinates of x), both counted in C order: a `sparsity`.

    Raises
    ------
    ValueError
        If f's value at x holds NaN already; if the shape of f's result changes, or if f itself changes x
        (which is put back).
    TypeError
        If x or f's result is not a number.
    ImportError
        If SciPy is not installed (``gradfast[sparse]``).

    Notes
    -----
    n + 1 evaluations: as many as a forward Jacobian, so it pays when the pattern serves many times. Probing
    many coordinates at once may take fewer [1]_, at the risk that what they change cancels.
    ``verify=True`` of :func:`gradfast.jacobian` holds the result against f in a random direction.
    Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Griewank and Mitev, "Detecting Jacobian sparsity patterns by Bayesian probing", Math. Program. 93 (2002)
       1-25.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import detect_sparsity
    >>> print(detect_sparsity(np.diff, np.arange(4.0)).toarray().astype(int))
    [[1 1 0 0]
     [0 1 1 0]
     [0 0 1 1]]
    """
    sparse = scipy_sparse()
    coordinates, rows = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    with opened(Call(as_objective(f), as_arguments(args)).at(as_point(x))) as e:
        center = e.value()
        if np.isnan(center).any():
            raise ValueError(f"f must return no NaN at x to find its sparsity by NaN; got {center}")
        moves = Moves(Groups.each(e.n), np.full(e.n, np.nan), ONE_NODE)
        for first in range(0, e.n, e.rows_at_once()):
            values = e.values(moves.part(first, min(e.n, first + e.rows_at_once())))
            moved, changed = np.nonzero(np.isnan(values).reshape(len(values), -1))
            coordinates.append(first + moved)
            rows.append(changed)
    entries = np.concatenate(rows), np.concatenate(coordinates)
    pattern = as_pattern(entries, (center.size, e.n))
    return as_csr(sparse, pattern, np.ones(pattern.columns.size, bool))
