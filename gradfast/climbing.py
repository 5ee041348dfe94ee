"""Climb a ladder at every coordinate at once, each until its own error is as small as it gets."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast import stencils
from gradfast._kernels.stencil import Stencil
from gradfast.blocks import difference
from gradfast.ladder import JUMP_DOWN, Best, Rungs, best_window, next_steps, power_of_two
from gradfast.points import Array

Some = npt.NDArray[np.intp]

# x's size, or this where x is smaller, is what the first step is relative to.
LEAST_SCALE = 0.5

# After so many rungs that are not finite a coordinate is left to a ladder on one side.
FEW = 3

# Error is f's rounding alone if it is no larger than so many units of f's last place over the first step, by the
# power: one-sided windows weight rounding more.
ROUNDING_UNITS = {2: 64, 1: 4096}


@dataclass
class Field:
    """f around a point: its values at steps along coordinates, and what is known of each coordinate.

    Coordinates are counted flat; f has so many components at each.
    """

    values: Callable[[Array, Some], Array]  # values(steps, chosen) has shape (chosen.size, components)
    center: Array  # (coordinates, components), a broadcast view if it is the same for all
    x: Array
    scale: Array | None  # of each coordinate, if not that of x
    room: tuple[Array, Array]  # below and above, to the bounds
    eps: float
    rtol: float
    most: int  # evaluations a coordinate
    n: int

    def starts(self, chosen: Some, power: int = 2) -> tuple[Array, Array]:
        """Return the first steps, and those to try next where f is not finite there.

        They balance, for an f of x's scale, rounding against the truncation of three or four rungs
        of central differences or of six one-sided ones.
        """
        start = 2.0 ** round(math.log2(self.eps) * (0.96 / (self.n + 6) if power == 2 else 1 / (self.n + 9)))
        size = np.abs(self.x[chosen]).astype(float) if self.scale is None else self.scale[chosen]
        size = np.where(np.isfinite(size), size, 1.0)
        first = start * (np.maximum(size, LEAST_SCALE) if self.scale is None else size)
        return power_of_two(first), power_of_two(np.where(size > 0, start * size, first * JUMP_DOWN))

    def distance(self, stencil: Stencil, steps: Array, chosen: Some) -> Array:
        """Return the steps that x is really moved by: its own grid of numbers may be coarser than they are."""
        low, high = min(0, *stencil.nodes), max(0, *stencil.nodes)
        x = self.x[chosen]
        ends = [(x + (node * steps).astype(x.dtype)) - x for node in (low, high)]
        found = (ends[1] - ends[0]).astype(self.center.dtype) / (high - low)
        usable: Array = np.where(np.isfinite(found) & (found != 0), found, steps)
        return usable


@dataclass
class Ascent:
    """What was found at each coordinate, one row for it."""

    value: Array
    error: Array
    converged: npt.NDArray[np.bool_]
    has_kink: npt.NDArray[np.bool_]
    step: Array
    side: npt.NDArray[np.int_]  # 0 central, 1 above, -1 below, 2 fixed
    evaluations: npt.NDArray[np.int_]

    @classmethod
    def of_nothing(cls, field: Field) -> "Ascent":
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


class Climb:
    """Ladders of one stencil at some coordinates; those that are done are written to the ascent and leave."""

    def __init__(self, field: Field, ascent: Ascent, stencil: Stencil, side: int, chosen: Some) -> None:
        self.field, self.ascent, self.stencil, self.side = field, ascent, stencil, side
        self.power = 1 if side else 2
        self.chosen = chosen
        self.longest = self._longest(chosen)
        first, self.fallback = field.starts(chosen, self.power)
        self.forced = np.full(chosen.size, np.nan)
        self.has_gone_up = np.zeros(chosen.size, bool)
        self.one_sided: list[tuple[Some, npt.NDArray[np.int_]]] = []
        first = np.minimum(first, self.longest)
        self.rungs = self._rung(first)
        is_finite = np.isfinite(self.rungs.quotients[0]).all(axis=1)
        self.rungs = self.rungs.with_rung(
            self._rung(np.where(is_finite, first / 2, np.minimum(self.fallback, first / 2)))
        )

    def _longest(self, chosen: Some) -> Array:
        below, above = (room[chosen] for room in self.field.room)
        room = np.minimum(below, above) if not self.side else above if self.side > 0 else below
        with np.errstate(divide="ignore"):
            longest: Array = 2.0 ** np.floor(np.log2(room / max(self.stencil.nodes)))
        return longest

    def _rung(self, steps: Array) -> Rungs:
        field, stencil = self.field, self.stencil
        signed = steps * (self.side or 1)
        values = [field.values(node * signed, self.chosen) for node in stencil.nodes]
        center = field.center[self.chosen]
        taken = field.distance(stencil, signed, self.chosen)[:, np.newaxis]
        by = stencil.denominator * taken**stencil.n
        sizes = [abs(weight) * np.abs(value) for weight, value in zip(stencil.weights, values, strict=True)]
        rounding = field.eps * (sum(sizes) + abs(stencil.center) * np.abs(center)) / np.abs(by)
        bend = np.full(center.shape, np.nan)
        if field.n == 1 and not self.side:
            bend = ((values[0] - center) + (values[1] - center)) / taken
        self.finite = [np.isfinite(value.astype(float)).all(axis=1) for value in values[:2]]
        self.ascent.evaluations[self.chosen] += len(stencil.nodes)
        quotients = difference(values, stencil, center) / by
        return Rungs(steps[np.newaxis], quotients[np.newaxis], rounding[np.newaxis], bend[np.newaxis])

    def run(self) -> None:
        """Climb until all are done."""
        while self.chosen.size:
            finite = self.finite
            self.rungs = self.rungs.sorted()
            best = best_window(self.rungs, self.power)
            tolerance = np.maximum(self.field.rtol * np.abs(best.value), np.finfo(float).tiny)
            is_met = (best.error <= tolerance) | ((best.value == 0) & (best.truncation == 0))
            excess = np.where(is_met, 0, np.nan_to_num(best.error / tolerance, nan=np.inf))
            worst = excess.argmax(axis=1) if excess.shape[1] else np.zeros(len(excess), int)
            steps = self._next(best, tolerance, worst) if excess.shape[1] else np.full(len(excess), np.nan)
            spent = self.ascent.evaluations[self.chosen] + len(self.stencil.nodes) > self.field.most
            done = is_met.all(axis=1) | ~np.isfinite(steps) | spent | self._looks_one_sided(finite)
            if done.any():
                self._leave(done, best, is_met)
            self._stay(~done, steps)

    def _next(self, best: Best, tolerance: Array, worst: Array) -> Array:
        at = np.arange(worst.size)
        rungs, top, bottom = self.rungs, self.rungs.steps[0], self.rungs.steps[-1]
        one = rungs
        if best.value.shape[1] > 1:
            one = Rungs(rungs.steps, *(part[:, at, worst][..., np.newaxis] for part in rungs.of_components()))
        steps = next_steps(one, best.of_component(worst), tolerance[at, worst], self.power, self.field.n)
        steps = np.where(np.isfinite(self.forced), self.forced, steps)
        if len(rungs.steps) == 2:
            failed = ~np.isfinite(one.quotients[-1, :, 0])
            steps = np.where(failed & (self.fallback < bottom), self.fallback, steps)
        goes_up = steps > top
        steps = np.where(goes_up, np.minimum(steps, self.longest), steps)
        ends = (self.has_gone_up & (steps < bottom)) | (goes_up & (steps <= top)) | (steps < self._least())
        jumps = (steps > 4 * top) | (steps < bottom / 8)
        self.forced = np.where(jumps & ~np.isfinite(self.forced), steps / 2, np.nan)
        self.has_gone_up |= goes_up
        found: Array = np.where(ends | one.is_kink(), np.nan, steps)
        return found

    def _least(self) -> Array:
        x = np.abs(self.field.x[self.chosen]).astype(float)
        least: Array = np.maximum(4 * np.spacing(x) * (self.field.eps / np.finfo(float).eps), np.finfo(float).tiny)
        return least

    def _looks_one_sided(self, finite: list[Any]) -> npt.NDArray[np.bool_]:
        if self.side or len(self.rungs.steps) < FEW:
            return np.zeros(self.chosen.size, bool)
        never = ~np.isfinite(self.rungs.quotients).all(axis=2).any(axis=0)
        found: npt.NDArray[np.bool_] = never & (finite[0] != finite[1])
        if found.any():
            self.one_sided.append((self.chosen[found], np.where(finite[0][found], 1, -1)))
        return found

    def _leave(self, done: Array, best: Best, is_met: Array) -> None:
        field, ascent, chosen = self.field, self.ascent, self.chosen[done]
        error = np.maximum(best.error, field.eps * np.abs(best.value))[done]
        first, _ = field.starts(chosen)
        units = ROUNDING_UNITS[self.power] * field.eps * np.abs(field.center[chosen]) / first[:, np.newaxis] ** field.n
        kink = self.rungs.is_kink_of_each()[done]
        # Any slope between those on both sides is one of f's.
        error = np.where(kink, np.abs(self.rungs.bend[-1, done]) / 2, error)
        ascent.value[chosen] = np.where(np.isfinite(error), best.value[done], self.rungs.quotients[-1, done])
        ascent.error[chosen] = np.where(np.isfinite(error), error, np.inf)
        ascent.converged[chosen] = is_met[done] | (error <= units)
        ascent.has_kink[chosen] = kink
        last = best.last.max(axis=1, initial=0)[done]
        ascent.step[chosen] = self.rungs.steps[last, np.flatnonzero(done)]
        ascent.side[chosen] = self.side

    def _stay(self, staying: Array, steps: Array) -> None:
        if staying.all():
            self.rungs = self.rungs.with_rung(self._rung(steps))
            return
        self.chosen, self.longest, self.fallback = self.chosen[staying], self.longest[staying], self.fallback[staying]
        self.forced, self.has_gone_up = self.forced[staying], self.has_gone_up[staying]
        self.rungs = self.rungs.of_coordinates(staying)
        if self.chosen.size:
            self.rungs = self.rungs.with_rung(self._rung(steps[staying]))


def climb(field: Field) -> Ascent:
    """Return derivatives at all coordinates: central where there is room on both sides and f is finite."""
    ascent = Ascent.of_nothing(field)
    everything = np.arange(len(field.center))
    with np.errstate(all="ignore"):  # a step may leave f's domain: what is NaN there is looked at here
        first, _ = field.starts(everything)
        below, above = ((room >= first * JUMP_DOWN) & (first > 0) for room in field.room)
        sides = [(everything[below & above], 0), (everything[above & ~below], 1), (everything[below & ~above], -1)]
        for chosen, side in sides:
            if chosen.size:
                _climb_side(field, ascent, chosen, side)
    return ascent


def _climb_side(field: Field, ascent: Ascent, chosen: Some, side: int) -> None:
    stencil = stencils.forward(field.n, 1) if side else stencils.central(field.n, 2)
    ladders = Climb(field, ascent, stencil, side, chosen)
    ladders.run()
    for found, sides in ladders.one_sided:
        for other in (1, -1):
            if (sides == other).any():
                _climb_side(field, ascent, found[sides == other], other)
