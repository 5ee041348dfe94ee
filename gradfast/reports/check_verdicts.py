"""The rule by which `check_gradient` and `check_jacobian` judge an entry: right, wrong, kink or cannot tell.

One pair of f's values, at a short step, is looked at first. It may only say "right". What it leaves open is judged by
the adaptive method's fit. Each verdict rests on a bar, and "right" needs power: the bar must be so narrow that an entry
off by 1 % would have been called wrong.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast.algorithms import adaptive
from gradfast.algorithms.noise_estimate import of_each_value
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.reports.check_evidence import COARSE, ROUNDINGS, TINY, Looks, Pairs, Seen, slope_and_knee
from gradfast.reports.check_report import CANNOT_TELL, KINK, POWER, RIGHT, WIDTHS, WRONG
from gradfast.values.arguments import Array, Flags, Some, Words

# The pair says nothing if f(x + h) - 2 f(x) + f(x - h) is above this part of f(x + h) - f(x - h): f may have a kink.
# With 1e-3, curvature sent half the entries of smooth networks in float32 to the fit: 11 evaluations each instead of 4.
KNEE = 0.05

# The step of the pair is shorter by this factor in single precision. Its plain step, 0.005 abs(x), is so long that it
# crosses kinks of small networks with ReLU; its rounding is 32 times as large then, still far below 1 %.
SINGLE_SHORTER = 32.0

# A pair that rounding left open is tried again if a step longer by this factor is wanted. No step is longer than this
# part of x: a smooth f is then still right to 0.1 % or so.
LONGER = 2.0
LONGEST = 2.0**-4

# Steps are shorter by this factor, a number of many digits: where x and f(x) have few, as integers do, the values of
# the pair would else be numbers of single precision, and f would look as if it worked in that.
UNEVEN = 1 - 2.0**-10 / math.pi

# Where f rests, an entry of 0 is right if f would have moved by a slope of this part of the largest. With 1e-3, 25 of
# 13,000 entries that were wrongly 0 are called right in single precision, with 3e-4 16.
RESTS = 3e-4

# In single precision, entries that kinks leave open mostly stay open however often f is evaluated. If difference and
# bar are at most SMALL of the largest entry, only one more pair is taken, at a step BELOW_KINKS times shorter. Others
# get a fit of SINGLE_EVALUATIONS. Of 640 right entries, 340 are called right by 6.9 evaluations each; 352 by 10.
SMALL = 0.02
BELOW_KINKS = 4.0
SINGLE_EVALUATIONS = 16

# Before an entry is called wrong, more pairs of values are taken, as close to x as rounding allows: where f's rounding
# makes this part of the difference between the entry and the fit. The next ones are longer by LONGER_WITNESS each.
# Measured with 3000 right entries of networks with ReLU in float32: 8 are called wrong with 1 / 3, 17 with 1 / 8.
WITNESS = 1 / 3
LONGER_WITNESS = 1.6

# In single precision this many pairs are taken. Of 400 right entries of a wide network with ReLU, 3 are called wrong if
# 2 decide, and none with 5.
SINGLE_WITNESSES = 5

# In single precision these pairs cannot come very close. Up to this many of their steps from x, a bend of f that
# curvature does not explain is doubt.
BENDS_WITHIN = 30.0

# How much of the room to bounds is used: many an f is defined only within them, as log(x) is for x > 0. And x that is
# moved along a random direction must not round to a point outside.
INSIDE = 0.999


@dataclass(frozen=True)
class Entries:
    """Derivatives to be judged, and what they are held to: arrays with a row for each line, a column for each value."""

    analytic: Array
    rounding: Array  # the analytic derivative is itself known to this
    floor: Array  # this much need not be told from 0
    largest: Array  # of the entries that each is compared with, in its own units
    rtol: float

    def __getitem__(self, rows: Any) -> "Entries":
        return Entries(self.analytic[rows], self.rounding[rows], self.floor[rows], self.largest[rows], self.rtol)

    def tolerance(self, value: Array) -> Array:
        return self.rounding + self.rtol * np.fmax(np.abs(self.analytic), np.abs(value))

    def judged(self, value: Array, bar: Array, floor: Array) -> Words:
        """Return the verdicts that values and their bars allow."""
        tolerance = self.tolerance(value)
        off = np.abs(self.analytic - value)
        is_wrong = off > tolerance + WIDTHS * bar
        # An infinite entry may be right, as a square root's at 0. Then slopes grow, and none is known to 1 %.
        is_known = np.isnan(self.analytic) | (WIDTHS * bar <= POWER * np.fmax(np.abs(value), self.largest))
        is_wrong |= ~np.isfinite(self.analytic) & np.isfinite(value) & np.isfinite(bar) & is_known
        size = np.fmax(np.abs(self.analytic), np.abs(value))
        is_right = off + tolerance + WIDTHS * bar <= np.fmax(POWER * size, np.fmax(2 * tolerance, floor))
        return np.select([is_wrong, is_right & np.isfinite(off)], [WRONG, RIGHT], CANNOT_TELL)

    def small_between_slopes(self, found: "Judged") -> Flags:
        """Return which are small beside the largest, off, and still between f's slopes on both sides of x."""
        off, size = np.abs(self.analytic - found.value), np.fmax(np.abs(self.analytic), np.abs(found.value))
        is_between = (off > POWER * size) & (off <= found.bar) & (found.verdict != RIGHT)
        return np.asarray(is_between & (off + found.bar <= SMALL * self.largest))


@dataclass
class Judged:
    """What was found of entries: arrays of their shape."""

    value: Array
    bar: Array
    verdict: Words

    def improve(self, rows: Some, other: "Judged") -> None:
        """Take what another look found of rows that are not right yet; but a wider bar overrules no narrower one."""
        is_wider = (other.verdict == CANNOT_TELL) & (self.bar[rows] < other.bar)
        is_open = (self.verdict[rows] != RIGHT) & ~is_wider
        for mine, new in ((self.value, other.value), (self.bar, other.bar), (self.verdict, other.verdict)):
            mine[rows] = np.where(is_open, new, mine[rows])


class Judge:
    """Judges entries of f's derivative along coordinates of an evaluator's x."""

    def __init__(self, e: Evaluator, operator: PreparedOperator, center: Array, seen: Seen, rtol: float) -> None:
        self.e, self.operator, self.center, self.seen, self.rtol = e, operator, center, seen, rtol
        self.x = e.steps_from
        self.size = np.abs(self.x).astype(float)
        sides = operator._bounds_at(e)
        rooms = [np.full(e.n, np.inf)] * 2 if sides is None else [self.x - sides[0], sides[1] - self.x]
        self.room = INSIDE * np.fmin(*rooms).astype(float)

    def pairs(self, chosen: Some, claimed: Array) -> Pairs:
        """Take the first pair of values along each of some coordinates.

        If one is off what is claimed by more than rounding and a kink explain, f may be coarse. Its noise is measured
        then, and the pairs along other coordinates take steps that suit it.
        """
        if self.seen.is_suspect:
            self.measure_noise()
        with np.errstate(all="ignore"):
            steps = self._pair_steps(chosen, np.abs(claimed))
            pairs = self._pairs(chosen, steps)
            rows = pairs.rows(self.center)
            self.seen.add(np.concatenate(rows))
            value, knee = slope_and_knee(rows, self.center, steps)
            off = np.abs(value - claimed) - self.rtol * np.abs(claimed) - knee
            if (off > WIDTHS * self.seen.likely_known(np.abs(self.center)) / steps[:, np.newaxis]).any():
                self.measure_noise()
        return pairs

    def least_slopes(self, pairs: Pairs) -> Array:
        """Return how steep f is at least, on both sides of x; 0 where its values are not finite."""
        value, knee = slope_and_knee(pairs.rows(self.center), self.center, pairs.steps)
        with np.errstate(all="ignore"):
            slopes = np.abs(value) - knee - WIDTHS * self.seen.known(np.abs(self.center)) / pairs.steps[:, np.newaxis]
        return np.where(np.isfinite(slopes), np.fmax(slopes, 0), 0)

    def measure_noise(self) -> None:
        """See how well f is known, once. Few f need that: those that work in single precision, or that have noise."""
        if self.seen.noise is None:
            self.seen.take(*of_each_value(self.e, self.room))

    def judge(self, chosen: Some, entries: Entries, pairs: Pairs) -> Judged:
        """Judge the entries along some coordinates of which the first pairs are taken."""
        with np.errstate(all="ignore"):
            if self.seen.looks_narrow:
                self.seen.take_for_single()
            found, last = self._by_pairs(chosen, entries, pairs)
            if self.seen.noise is None and ((found.verdict != RIGHT) & (found.value == 0)).any():
                self.measure_noise()
                found, last = self._by_pairs(chosen, entries, pairs)
            is_open = found.verdict != RIGHT
            if self.seen.is_single:
                small = entries.small_between_slopes(found)
                some = np.flatnonzero(small.any(axis=1))
                steps = self._exact(chosen[some], last[some] / BELOW_KINKS)
                self._take_pairs(chosen, some, steps, entries, found)
                is_open &= ~small
            some = np.flatnonzero(is_open.any(axis=1))
            if some.size:
                found.improve(some, self._by_fit(chosen[some], entries[some], is_open[some]))
        return found

    def _by_pairs(self, chosen: Some, entries: Entries, pairs: Pairs) -> tuple[Judged, Array]:
        """Judge by the first pairs, and by others where rounding left an entry open; return also the last steps."""
        found, last = self._by_pair(entries, pairs), pairs.steps.copy()
        some = np.flatnonzero((found.verdict != RIGHT).any(axis=1))
        size = np.where(entries.analytic == 0, RESTS / POWER * entries.largest, np.abs(entries.analytic))
        steps = self._pair_steps(chosen[some], size[some])
        is_longer = steps > LONGER * last[some]
        self._take_pairs(chosen, some[is_longer], steps[is_longer], entries, found)
        last[some[is_longer]] = steps[is_longer]
        return found, last

    def _take_pairs(self, chosen: Some, some: Some, steps: Array, entries: Entries, found: Judged) -> None:
        """Judge some of the coordinates by another pair each."""
        found.improve(some, self._by_pair(entries[some], self._pairs(chosen[some], steps)))

    # --- one pair -----------------------------------------------------------------------------------------------------

    def _by_pair(self, entries: Entries, pairs: Pairs) -> Judged:
        """Call right what a pair of values each shows to be right, and leave the rest open."""
        up, down = rows = pairs.rows(self.center)
        h, seen = pairs.steps[:, np.newaxis], self.seen
        size = np.fmax(np.abs(self.center), np.fmax(np.abs(up), np.abs(down)))
        (value, knee), bar = slope_and_knee(rows, self.center, pairs.steps), seen.known(size) / h
        verdict = entries.judged(value, bar, entries.floor)
        steepest = np.fmax(np.abs(value), np.abs(entries.analytic))
        rests = (up == self.center) & (down == self.center)
        is_right = ~rests & (verdict == RIGHT) & (knee <= np.fmax(KNEE * steepest, WIDTHS * bar))
        # Where f rests and 0 is claimed, f must be seen elsewhere to take steps fine enough: dead units of a network.
        finest = np.full(self.center.size, np.inf)
        claimed = rests & (entries.analytic == 0)
        for k in np.flatnonzero(claimed.any(axis=0)).tolist():
            finest[k] = seen.resolution(k, np.empty(0))
        bar = np.where(rests, np.fmax(finest, seen.known(size) / ROUNDINGS) / h, bar)
        is_right |= claimed & (WIDTHS * bar <= RESTS * entries.largest)
        # The pair's own truncation is not known. Of a right entry it is within the tolerance, else within the knee.
        bar = WIDTHS * bar + entries.tolerance(value) + np.where(is_right, 0, knee)
        return Judged(value, bar, np.where(is_right, RIGHT, CANNOT_TELL))

    def _pair_steps(self, chosen: Some, sizes: Array) -> Array:
        """Return the plain steps of a central difference, longer where rounding would hide 1 % of entries of sizes.

        Two bars of rounding are then half of that. With a fourth, steps in single precision cross twice as many kinks.
        """
        x, eps = self.size[chosen], self.seen.likely_eps
        scale = np.where(x > 0, x, 1)
        plain = (3 * eps) ** (1 / 3)
        center = np.abs(self.center)
        known = self.seen.likely_known(center)
        wished = np.where(sizes > 0, WIDTHS * known / np.fmax(POWER / 2 * sizes, TINY), 0)
        wished = np.fmin(wished, 1e300).max(axis=1, initial=0)
        shortest = plain * scale / (SINGLE_SHORTER if eps > COARSE else 1)
        longest = np.fmax(plain * np.fmax(scale, 1), LONGEST * scale)
        return self._exact(chosen, UNEVEN * np.fmin(np.fmin(np.fmax(shortest, wished), longest), self.room[chosen]))

    def _exact(self, chosen: Some, steps: Array) -> Array:
        """Return steps by which x moves exactly."""
        x = self.x[chosen]
        unit = np.spacing((np.abs(x) + steps).astype(x.dtype)).astype(steps.dtype)
        return np.asarray(np.fmax(np.floor(steps / unit), 1) * unit)

    def _pairs(self, chosen: Some, steps: Array) -> Pairs:
        """Take f's values above and below x; NaN where bounds leave no room on either side."""
        rows = np.full((2, chosen.size, self.center.size), np.nan, self.center.dtype)
        fits = np.flatnonzero(steps <= self.room[chosen])
        if fits.size:
            by = np.zeros(self.e.n, self.center.dtype)
            by[chosen[fits]] = steps[fits]
            found = self.e.values(Moves(Groups.each(self.e.n, chosen[fits]), by, adaptive.PAIR))
            rows[:, fits] = found.reshape(fits.size, 2, -1).transpose(1, 0, 2)
        return Pairs.of(rows, self.center, steps)

    # --- the fit ------------------------------------------------------------------------------------------------------

    def _by_fit(self, chosen: Some, entries: Entries, is_open: Flags) -> Judged:
        """Judge what is open by the adaptive fit of f's values along each coordinate."""
        operator, seen, size = self.operator, self.seen, np.abs(self.center).astype(float)
        if seen.is_single:
            few = replace(operator.method, max_evaluations=SINGLE_EVALUATIONS)
            kind: Any = type(operator)
            operator = kind(operator.f, method=few, bounds=operator.bounds)
        fits = adaptive.at_coordinates(self.e, operator, self.center, chosen, seen.level)
        known, floor, finest = seen.known(size), entries.floor.copy(), np.full(fits.value.shape, math.inf)
        bar = np.fmax(fits.error.astype(float), known / fits.step[:, np.newaxis])
        result = Judged(fits.value.astype(float), bar, np.full(fits.value.shape, CANNOT_TELL))
        searches = [(search, i) for search in fits.searches for i in range(search.count)]
        rows, looks = [search.looks(i) for search, i in searches], {}
        for row, k in np.argwhere(is_open).tolist():
            steps, up, down = rows[row]
            radius, side = float(fits.step[row]), int(fits.side[row])
            some = Looks(float(self.center[k]), steps, up[:, k], down[:, k], side, radius, float(known[k]))
            finest[row, k] = seen.resolution(k, np.append(some.up, some.down))
            self._doubt(some, result, floor, entries, (row, k), float(finest[row, k]))
            looks[row, k] = some
        result.verdict = np.where(is_open, entries.judged(result.value, result.bar, floor), CANNOT_TELL)
        for at, some in looks.items():
            if result.verdict[at] != RIGHT and some.side == 0 and (seen.is_single or some.jumps):
                (search, i), k = searches[at[0]], at[1]
                sides = [[float(part[k]) for part in search.one_sided(i, side)] for side in (1, -1)]
                if some.jumps:
                    self._at_kink(sides, result, entries, at)
                if seen.is_single and result.verdict[at] in (WRONG, CANNOT_TELL):
                    self._beside_kink(sides, result, entries, at)
        self._look_again_at_wrong(chosen, fits.step, entries, floor, known, finest, result)
        return result

    def _doubt(
        self, looks: Looks, result: Judged, floor: Array, entries: Entries, at: tuple[int, int], finest: float
    ) -> None:
        """Widen the bar by what the fit does not know, and say how large an entry is at a stationary point."""
        analytic, value, bar = (float(part[at]) for part in (entries.analytic, result.value, result.bar))
        if looks.side == adaptive.FIXED:
            result.bar[at] = math.inf
        elif looks.steps.size and looks.rests:
            result.value[at] = 0
            is_hidden = 0 < abs(analytic) <= 2 * entries.rounding[at]  # of an entry that large nothing shows
            result.bar[at] = math.inf if is_hidden else max(finest, looks.known / ROUNDINGS) / looks.steps[-1]
            floor[at] = max(floor[at], RESTS * entries.largest[at]) if analytic == 0 else 0
        elif max(entries.largest[at], abs(value)) <= WIDTHS * bar:
            floor[at] = max(floor[at], POWER * looks.slope)
        elif looks.side == 0 and self.seen.is_single and abs(analytic - value) > WIDTHS * bar:
            result.bar[at] = max(bar, looks.bend(BENDS_WITHIN * looks.known / (WITNESS * abs(analytic - value))))

    def _at_kink(self, sides: list[list[float]], result: Judged, entries: Entries, at: tuple[int, int]) -> None:
        """Judge an entry where f's slopes on both sides of x differ: it must lie between them."""
        (low, below), (high, above) = sorted(sides)
        jump, claimed = high - low, float(entries.analytic[at])
        tolerance = entries.rounding[at] + entries.rtol * max(abs(claimed), abs(low), abs(high))
        if not jump > WIDTHS * (below + above) + tolerance:
            return
        if claimed < low - tolerance - WIDTHS * below:
            result.value[at], result.bar[at], result.verdict[at] = low, below, WRONG
        elif claimed > high + tolerance + WIDTHS * above:
            result.value[at], result.bar[at], result.verdict[at] = high, above, WRONG
        else:
            is_sharp = below + above < 0.2 * jump
            result.value[at], result.bar[at] = (low + high) / 2, jump / 2
            result.verdict[at] = KINK if is_sharp else CANNOT_TELL

    def _beside_kink(self, sides: list[list[float]], result: Judged, entries: Entries, at: tuple[int, int]) -> None:
        """Hold an entry to f's slope on one side of x: in single precision a kink on the other may be too near.

        An entry that agrees with the slopes on both sides is right.
        """
        claimed, agreed, is_sharp = float(entries.analytic[at]), 0, False
        for slope, bar in sides:
            tolerance = entries.rounding[at] + entries.rtol * max(abs(claimed), abs(slope))
            off = abs(claimed - slope)
            has_power = off + tolerance + WIDTHS * bar <= POWER * abs(slope)
            if off <= tolerance + WIDTHS * bar:
                agreed, is_sharp = agreed + 1, is_sharp or has_power
                if bar < result.bar[at]:
                    result.value[at], result.bar[at] = slope, bar
                    result.verdict[at] = KINK if has_power else CANNOT_TELL
        if agreed == len(sides) and is_sharp:
            result.verdict[at] = RIGHT

    def _look_again_at_wrong(
        self, chosen: Some, radius: Array, entries: Entries, floor: Array, known: Array, finest: Array, result: Judged
    ) -> None:
        """Look at what is wrong once more, as close as rounding allows: f may have kinks that the fit missed.

        An entry is doubted, not wrong, if two neighboring pairs of values side with it against the fit: one may do so
        by noise.
        """
        off = np.abs(entries.analytic - result.value)
        is_wrong = (result.verdict == WRONG) & np.isfinite(off)
        # In single precision rounding is nearly all of f's noise, and the closest looks tell most of kinks.
        least = np.fmax(known / ROUNDINGS, np.fmin(finest, known) / 2) if self.seen.is_single else known
        steps = np.where(is_wrong, least / (WITNESS * off), 0).max(axis=1)
        if not self.seen.is_single:
            steps = np.fmax(steps, self.seen.level ** (2 / 3) * self.size[chosen])
        is_apart = 8 * np.spacing(np.abs(self.x[chosen])).astype(float) < steps
        is_doubted, sided = np.zeros((2, *is_wrong.shape), bool)
        for left in reversed(range(SINGLE_WITNESSES if self.seen.is_single else 2)):
            is_open = (is_wrong & ~is_doubted & (sided | (left > 0))).any(axis=1)
            some = np.flatnonzero(is_open & is_apart & (steps < radius))
            sides = np.zeros_like(is_wrong)
            sides[some] = self._sides_with(chosen[some], steps[some], entries.analytic[some], result.value[some])
            is_doubted |= is_wrong & sides & sided
            sided = sides
            steps *= LONGER_WITNESS
        result.bar = np.where(is_doubted, off, result.bar)
        result.verdict = np.where(is_doubted, entries.judged(result.value, result.bar, floor), result.verdict)

    def _sides_with(self, chosen: Some, steps: Array, claimed: Array, fitted: Array) -> Array:
        """Return whether pairs of values side with what is claimed, against what was fitted.

        They do so by the slope over both sides of x, or over one side, as beside a kink.
        """
        h = self._exact(chosen, steps)
        up, down = self._pairs(chosen, h).rows(self.center)
        right, left = (up - self.center) / h[:, np.newaxis], (self.center - down) / h[:, np.newaxis]
        middle, off = (right + left) / 2, np.abs(claimed - fitted)
        near = WITNESS * off
        sides = np.abs(middle - claimed) < np.fmin(np.abs(middle - fitted), off)
        sides |= np.fmin(np.abs(right - claimed), np.abs(left - claimed)) < near
        return np.asarray(sides & ~((up == self.center) & (down == self.center)))
