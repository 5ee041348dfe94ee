"""Whether a sparse Jacobian holds every entry that f depends on: held against f along random directions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.calls.evaluators import Parts
from gradfast.coloring import Coloring
from gradfast.values.arguments import Array

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
SHORTER_WAY = 0.625


class Lines:
    """A Jacobian, four random directions, and how f changes along them.

    A direction moves every coordinate by a random part of its step, to either side if its stencil looks at both. So no
    point is farther from x, or nearer to a bound, than those that gave the Jacobian, and f is wrong by as much there.
    """

    rows: Any = slice(None)  # of the Jacobian, those that are looked at

    def __init__(
        self, e: Evaluator, parts: Parts, coloring: Coloring, result: Any, center: Array | None,
        exactly: bool,
    ) -> None:  # fmt: skip
        """The result is sparse, in the precision of f's values. Directions move x exactly, or by any number."""
        self.e, self.parts, self.coloring, self.result = e, parts, coloring, result
        self.center = None if center is None else np.ravel(center)
        # The stencil that looks least far to its other side: of all, the most one-sided one fits.
        self.stencil = min((moves.stencil for moves in parts), key=lambda one: min(max(one.nodes), -min(one.nodes)))
        self.weights = np.array(self.stencil.weights, result.dtype) / self.stencil.denominator
        steps, turns = np.zeros(e.n, result.dtype), np.zeros(e.n, bool)
        for moves in parts:
            some = moves.groups.members
            steps[some] = moves.step_of_each[some] * (_farthest(moves.stencil) / _farthest(self.stencil))
            turns[some] = set(moves.stencil.nodes) == {-node for node in moves.stencil.nodes}
        unit = _exact_unit(e.steps_from, steps, self.stencil) if exactly else None
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
        """Return how far a row may be off by rounding. The rounding of a row's entries adds up as noise does."""
        tiny = float(np.finfo(self.e.base.dtype).tiny)
        rounding = [ROUNDING * _eps_of(found) * (np.abs(self.weights) @ np.abs(found)) + tiny for found in values]
        spread = 1 + np.sqrt(np.diff(self.result.indptr)[self.rows])
        allowed: Array = SHARE * self.sum_of(self.result.data) + spread * _root_mean_square(rounding)
        return allowed

    def error(self, values: list[Array], derivatives: Callable[[Parts], Array]) -> Array:
        """Return how far a row may be off by truncation and noise of f; inf where f did not move at all.

        Of an f that is linear, steps half as long give the same derivatives, a shorter way along a direction gives a
        change in proportion, and halfway between two directions the change is the mean of theirs. An entry that is
        missing shows in none of this.
        """
        halved = tuple(Moves(moves.groups, moves.step_of_each / 2, moves.stencil) for moves in self.parts)
        halves = derivatives(halved)
        changes, bends = [self.change(found) for found in values], []
        seen = values.copy()
        for v, change in zip(self.directions, changes, strict=True):
            seen.append(self.values(SHORTER_WAY * v))
            bends.append(change - self.change(seen[-1]) / SHORTER_WAY)
        for i in (0, 2):
            seen.append(self.values((self.directions[i] + self.directions[i + 1]) / 2))
            bends.append(changes[i] + changes[i + 1] - 2 * self.change(seen[-1]))
        every = np.concatenate(seen)
        with np.errstate(all="ignore"):
            error: Array = OF_HALVES * self.sum_of(self.result.data - halves) + OF_DIRECTIONS * _root_mean_square(bends)
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

    @quiet
    def sum_of(self, data: Array) -> Array:
        """Return what the entries' sizes add up to in each row, times a direction."""
        sizes = abs(self.result)
        sizes.data = np.abs(data)
        return _root_mean_square([(sizes @ np.abs(v))[self.rows] for v in self.directions])


def verify(lines: Lines, derivatives: Callable[[Parts], Array]) -> None:
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


@quiet
def _eps_of(values: Array) -> Array:
    """Return the eps of the lowest precision that holds all values of a column."""
    eps = np.full(values.shape[1], float(np.finfo(values.dtype).eps))
    for kind in ("d", "f", "e"):
        eps[(values.astype(kind) == values).all(axis=0)] = np.finfo(kind).eps
    return eps


def _farthest(stencil: Stencil) -> float:
    return max(stencil.nodes, key=abs)


@quiet
def _exact_unit(x: Array, steps: Array, stencil: Stencil) -> Array:
    """Return the units of which x is moved by exactly; also by SHORTER_WAY or a half of them, times a node."""
    reach = np.abs(x) + abs(_farthest(stencil)) * np.abs(steps)
    unit: Array = 16 * np.spacing(reach.astype(x.dtype)).astype(steps.dtype)
    return unit


@quiet
def _direction(steps: Array, turns: Array, unit: Array | None, random: "np.random.Generator") -> Array:
    """Return a random part of each step, in whole units."""
    signs = np.where(turns, random.choice([-1.0, 1.0], steps.shape), 1.0)
    part = random.uniform(0.25, 1.0, steps.shape).astype(steps.dtype) * steps
    if unit is not None:
        part = unit * np.trunc(part / unit)
    direction: Array = signs * part
    return direction


@quiet
def _root_mean_square(rows: list[Array]) -> Array:
    """Return the root mean square along the list, whatever the magnitudes are."""
    sizes = np.abs(rows)
    largest = sizes.max(axis=0)
    found: Array = largest * np.sqrt(np.mean((sizes / np.where(largest > 0, largest, 1)) ** 2, axis=0))
    return found
