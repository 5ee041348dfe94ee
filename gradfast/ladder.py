"""The adaptive method's ladders: at every coordinate, difference quotients at steps chosen one after another.

A rung is the difference quotient at one step; the rungs of a coordinate are its ladder. All ladders climb together, so
that f is called for many coordinates at once. Each ends when no further step would reduce its own error.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gradfast import stencils
from gradfast._kernels.extrapolation import ROOM
from gradfast._kernels.ladder_next import JUMP_DOWN
from gradfast._kernels.ladder_rungs import ADD_RUNG, COURSE, JUDGE, LOOK_FAR, STAY
from gradfast.arguments import Array

Some = npt.NDArray[np.intp]
Parts = tuple[Array, Array, Array, Array]  # steps, quotients, roundings, bends

# The first step is relative to |x|, or to this if |x| is smaller.
LEAST_SCALE = 0.5

# Arrays start with room for this many rungs, since most ladders need no more; they grow if one does.
USUAL_RUNGS = 6

# A central ladder without a finite rung looks for a finite side from this many rungs on; see _looks_one_sided.
RUNGS_BEFORE_ONE_SIDED = 3

# A result has converged if its error is at most this many units in f's last place, divided by the first step: it is
# f's rounding alone then. By power, see Climb; the weights of one-sided windows are larger.
ROUNDING_UNITS = {2: 64, 1: 4096}


@dataclass
class Field:
    """What a climb knows of f around x. Coordinates are counted flat."""

    values: Callable[[Array, Some], Array]  # f's values, (chosen.size, components), where x[chosen] is moved by steps
    center: Array  # f(x) for each coordinate: (coordinates, components), a broadcast view if f is the same for all
    x: Array
    scale: Array | None  # the size of each coordinate that its first step is relative to, if not |x|
    room: tuple[Array, Array]  # the distances to the bounds below and above
    eps: float  # of f's values
    rtol: float
    most: int  # evaluations for each coordinate
    n: int  # the derivative's order

    def first_steps(self, chosen: Some, power: int = 2) -> tuple[Array, Array]:
        """Return the first steps, and the second steps for coordinates where f is not finite at the first.

        For an f that varies on the scale of x, the first step balances rounding against the truncation error of a usual
        ladder: four central rungs for a first derivative, three for higher ones, or six one-sided rungs.
        """
        central = 0.1 if self.n == 1 else 0.96 / (self.n + 6)
        start = 2.0 ** round(math.log2(self.eps) * (central if power == 2 else 1 / (self.n + 9)))
        size = np.abs(self.x[chosen]).astype(float) if self.scale is None else self.scale[chosen]
        size = np.where(np.isfinite(size), size, 1.0)
        first = start * (np.maximum(size, LEAST_SCALE) if self.scale is None else size)
        return _power_of_two(first), _power_of_two(np.where(size > 0, start * size, first * JUMP_DOWN))

    @cached_property
    def central_steps(self) -> tuple[Array, Array]:
        """The first steps of central differences, and their fallbacks, of all coordinates."""
        return self.first_steps(np.arange(len(self.x)))

    def shortest_steps(self, chosen: Some) -> Array:
        """Return the shortest steps by which x can be moved: 4 times its spacing, so that they are hardly rounded."""
        spacing = np.spacing(np.abs(self.x[chosen]).astype(float))
        shortest: Array = np.maximum(4 * spacing * (self.eps / np.finfo(float).eps), np.finfo(float).tiny)
        return shortest

    @cached_property
    def as_values(self) -> Array:
        """Return x in the precision of f's values."""
        return self.x.astype(self.center.dtype)


def _power_of_two(steps: Array) -> Array:
    """Return the powers of two whose ratio to the steps is nearest to 1."""
    rounded: Array = 2.0 ** np.round(np.log2(steps))
    return rounded


@dataclass
class Ascent:
    """What the ladders found, one row for each coordinate."""

    value: Array
    error: Array
    converged: npt.NDArray[np.bool_]
    has_kink: npt.NDArray[np.bool_]
    step: Array
    side: npt.NDArray[np.int_]  # 0 central, 1 above, -1 below, 2 fixed: no step was possible
    evaluations: npt.NDArray[np.int_]

    @classmethod
    def of_nothing(cls, field: Field) -> "Ascent":
        """Return what is known before any step: derivatives of 0, as of coordinates that bounds hold fixed."""
        count, shape = len(field.center), field.center.shape
        return cls(
            np.zeros(shape, field.center.dtype),
            np.zeros(shape, field.center.dtype),
            np.ones(shape, bool),
            np.zeros(shape, bool),
            np.zeros(count),
            np.full(count, 2),
            np.zeros(count, int),
        )


class Ladders:
    """The arrays in which the kernels keep the ladders of all coordinates; see ladder_rungs.pyx."""

    def __init__(self, field: Field) -> None:
        char = field.center.dtype.char
        self.add_rung, self.look_far, self.stay, self.judge = ADD_RUNG[char], LOOK_FAR[char], STAY[char], JUDGE[char]
        self.courses = np.zeros(len(field.center), COURSE)
        self.found = np.zeros((*field.center.shape, 4), field.center.dtype)  # value, truncation, rounding, kink
        self.parts = _parts(0, field)
        self.grow(USUAL_RUNGS, field)

    def grow(self, most: int, field: Field) -> None:
        """Make room for `most` rungs in each ladder."""
        new = _parts(most, field)
        for old, part in zip(self.parts, new, strict=True):
            part[..., : old.shape[-1]] = old
        self.most, self.parts = most, new
        self.room = np.empty((ROOM, most), field.center.dtype)


def _parts(most: int, field: Field) -> Parts:
    shape, dtype = (*field.center.shape, most), field.center.dtype
    return np.empty((len(field.center), most)), np.empty(shape, dtype), np.empty(shape, dtype), np.empty(shape, dtype)


class Climb:
    """One climb: the chosen coordinates' ladders with one stencil, central or to one side, until all are done.

    The error of the stencil falls with the step to the `power`: 2 for central ones, 1 for one-sided ones.
    """

    def __init__(self, field: Field, ladders: Ladders, ascent: Ascent, side: int, chosen: Some) -> None:
        self.field, self.ladders, self.ascent, self.side, self.chosen = field, ladders, ascent, side, chosen
        self.stencil = stencils.forward(field.n, 1) if side else stencils.central(field.n, 2)
        self.power = 1 if side else 2
        self.climbing, self.count = chosen, 0
        self.one_sided: dict[int, list[Some]] = {1: [], -1: []}

    def run(self) -> None:
        """Climb until all ladders are done, then write what they found to the ascent."""
        field, ladders, nodes = self.field, self.ladders, len(self.stencil.nodes)
        if self.side:
            first, fallback = field.first_steps(self.chosen, self.power)
        else:
            first, fallback = (steps[self.chosen] for steps in field.central_steps)
        longest = self._longest()
        left = np.maximum(field.most - self.ascent.evaluations[self.chosen] - (3 if self.side else 2) * nodes, 0)
        shortest = field.shortest_steps(self.chosen)
        courses = zip(COURSE.names, (longest, shortest, fallback, math.nan, 0, math.inf, left, 0), strict=True)
        for name, column in courses:
            ladders.courses[name][self.chosen] = column
        first = np.minimum(first, longest)
        self._add(first, self.chosen)
        self.count += 1
        size = np.abs(np.concatenate((self.values, field.center[np.newaxis, self.chosen])))
        largest = np.where(np.isfinite(size), size, 0).max(axis=0)
        is_finite = True if self.all_finite else self._is_finite().any(axis=1)
        second = np.where(is_finite, first / 2, np.minimum(fallback, first / 2))
        is_open = np.ones(self.chosen.size, bool) if self.side or field.n > 2 else self._look_far()
        if is_open.any():
            self._add(second[is_open], self.chosen[is_open])
        self.count += 1
        if self.side and left.all():
            # Three points of a curve may lie on a line by chance: those of x**3 at x, 0 and -x do.
            self._add(second / 2, self.chosen)
            self.count += 1
        while self.climbing.size:
            steps = np.empty(self.climbing.size)
            ladders.judge(
                self.climbing, self.count, self.power, field.n, field.rtol, field.eps, nodes, *ladders.parts,
                ladders.room, ladders.courses, ladders.found, steps,
            )  # fmt: skip
            staying: npt.NDArray[np.bool_] = np.isfinite(steps)
            if not self.all_finite and not self.side and self.count >= RUNGS_BEFORE_ONE_SIDED:
                staying = staying & ~self._looks_one_sided()
            if not staying.all():
                self.climbing, steps = self.climbing[staying], steps[staying]
            if self.climbing.size:
                self._add(steps, self.climbing)
                self.count += 1
        self._end(ROUNDING_UNITS[self.power] * field.eps * largest / first[:, np.newaxis] ** field.n)

    def _look_far(self) -> npt.NDArray[np.bool_]:
        """Add the second rung far out where that pays; return which coordinates still need a second rung.

        It pays if f looks linear, or if |f| is so large that rounding hides its change; see the kernel `look_far`.
        The rung stays only if f has the same slope there.
        """
        field, ladders, chosen, nodes = self.field, self.ladders, self.chosen, len(self.stencil.nodes)
        far = np.empty(chosen.size)
        if ladders.look_far(chosen, field.n, field.rtol, nodes, *ladders.parts, field.center, ladders.courses, far):
            there = np.flatnonzero(far)
            self._add(far[there], chosen[there])
            stays = np.empty(there.size, bool)
            ladders.stay(chosen[there], nodes, *ladders.parts, ladders.courses, stays.view(np.uint8))
            far[there[~stays]] = 0
        is_open: npt.NDArray[np.bool_] = far == 0
        return is_open

    def _longest(self) -> Array:
        below, above = (room[self.chosen] for room in self.field.room)
        room = np.minimum(below, above) if not self.side else above if self.side > 0 else below
        longest: Array = 2.0 ** np.floor(np.log2(room / max(self.stencil.nodes)))
        return longest

    def _add(self, steps: Array, chosen: Some) -> None:
        field, ladders, stencil = self.field, self.ladders, self.stencil
        signed = steps * self.side if self.side else steps
        self.values = np.empty((len(stencil.nodes), chosen.size, field.center.shape[1]), field.center.dtype)
        for node, values in zip(stencil.nodes, self.values, strict=True):
            values[...] = field.values(node * signed, chosen)
        if self.count == ladders.most:
            ladders.grow(2 * ladders.most, field)
        self.all_finite = ladders.add_rung(
            stencil, chosen, self.count, steps, self.side or 1, field.as_values, field.x.dtype.char == "f",
            self.values, field.center, field.eps, *ladders.parts,
        )  # fmt: skip
        self.ascent.evaluations[chosen] += len(stencil.nodes)

    def _is_finite(self) -> npt.NDArray[np.bool_]:
        """Return, for each climbing coordinate and rung, whether all components are finite."""
        quotients = self.ladders.parts[1]
        finite: npt.NDArray[np.bool_] = np.logical_and.reduce(
            np.isfinite(quotients[self.climbing, :, : self.count]), axis=1
        )
        return finite

    def _looks_one_sided(self) -> npt.NDArray[np.bool_]:
        """Return where no rung is finite but one side of the last is; one-sided ladders take those coordinates."""
        above, below = np.logical_and.reduce(np.isfinite(self.values[:2]), axis=2)
        found: npt.NDArray[np.bool_] = ~self._is_finite().any(axis=1) & (above != below)
        for side, is_finite in ((1, above), (-1, below)):
            self.one_sided[side].append(self.climbing[found & is_finite])
        return found

    def _end(self, rounding_alone: Array) -> None:
        field, ascent, chosen = self.field, self.ascent, self.chosen
        value, truncation, rounding, kink = (self.ladders.found[chosen, :, i] for i in range(4))
        error = truncation + rounding
        tolerance = np.maximum(field.rtol * np.abs(value), np.finfo(float).tiny)
        is_met = (error <= tolerance) | ((value == 0) & (truncation == 0))
        error = np.maximum(error, field.eps * np.abs(value))
        # At a kink, every slope between those on both sides of x is right.
        error = np.where(kink > 0, kink / 2, error)
        ascent.value[chosen], ascent.error[chosen] = value, np.where(np.isfinite(error), error, np.inf)
        ascent.converged[chosen] = is_met | (error <= rounding_alone)
        ascent.has_kink[chosen] = kink > 0
        ascent.step[chosen] = self.ladders.courses["step"][chosen]
        ascent.side[chosen] = self.side


def climb(field: Field) -> Ascent:
    """Return derivatives at all coordinates: central ones where f is finite on both sides and bounds leave room."""
    ascent, ladders = Ascent.of_nothing(field), Ladders(field)
    everything = np.arange(len(field.center))
    with np.errstate(all="ignore"):  # a step may leave f's domain; NaN is expected there
        below, above = field.room
        most, enough = np.maximum(below, above), field.central_steps[0] * JUMP_DOWN
        can_move = (most > field.shortest_steps(everything)) & (enough > 0)
        # Central if the narrower side has room for 1/128 of the first step, or 1/128 of the room of the wider side.
        is_central = can_move & (np.minimum(below, above) >= np.minimum(enough, most * JUMP_DOWN))
        is_above, is_below = can_move & ~is_central & (above >= below), can_move & ~is_central & (above < below)
        ascent.error[(most > 0) & ~can_move & (enough > 0)] = np.inf
        climbs = [(0, everything[is_central]), (1, everything[is_above]), (-1, everything[is_below])]
        for side, chosen in climbs:
            if chosen.size:
                ladder = Climb(field, ladders, ascent, side, chosen)
                ladder.run()
                climbs += [(side, part) for side, parts in ladder.one_sided.items() for part in parts]
    ascent.converged &= np.isfinite(ascent.error)
    return ascent
