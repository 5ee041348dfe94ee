"""The travelling ladder: difference quotients at many steps, extrapolated, and where to step next.

A rung is a difference quotient at one step. Every coordinate that still climbs has the same number
of rungs, so that one array operation serves all of them: arrays are indexed by rung, coordinate and
component of f, rungs by falling step.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradfast.points import Array

# A pair of rungs is far from converging where it differs by this part of its value.
GARBAGE = 0.1

# How far a ladder jumps down where it is garbage, and at most up where rounding is all there is.
JUMP_DOWN = 2.0**-7
JUMP_UP = 2.0**20
JUMP_UP_FROM_NOISE = 2.0**4

# How far from converged, relative to the value, the longest two rungs may be: extrapolation does the rest.
RESOLVED = 4e-3

# From so many rungs on, f that looks like garbage is taken to be noisy.
MOST_JUMPS = 8

# A noise found from one number is trusted to be within this factor.
NOISE_FACTOR = 2.0

CAP = 4.0

# Longer windows than this gain nothing: rounding grows as fast as truncation falls.
MOST_COLUMNS = {1: 7, 2: 5}

# How much shorter the next step is at least, by the power: one-sided rungs are cheap and gain less each.
SMALLEST = {1: 1 / 2, 2: 1 / 16}


@dataclass
class Rungs:
    """What was found at each step; `bend` is ``(f(x + h) + f(x - h) - 2 f(x)) / h``, NaN where not known."""

    steps: Array  # (rungs, coordinates)
    quotients: Array
    rounding: Array
    bend: Array

    def sorted(self) -> "Rungs":
        """Return the rungs by falling step."""
        if (self.steps[-1] < self.steps[-2]).all():  # the last one is the new one
            return self
        order = np.argsort(-self.steps, axis=0, kind="stable")
        parts = (np.take_along_axis(part, order[..., np.newaxis], 0) for part in self.of_components())
        return Rungs(np.take_along_axis(self.steps, order, 0), *parts)

    def of_components(self) -> tuple[Array, Array, Array]:
        return self.quotients, self.rounding, self.bend

    def with_rung(self, other: "Rungs") -> "Rungs":
        pairs = zip(self.of_components(), other.of_components(), strict=True)
        return Rungs(np.concatenate((self.steps, other.steps)), *map(np.concatenate, pairs))

    def of_coordinates(self, some: Array) -> "Rungs":
        return Rungs(self.steps[:, some], *(part[:, some] for part in self.of_components()))

    def unresolved(self) -> Array:
        """Return how far the slopes on both sides of x differ, where that does not fall with the step as f'' h would.

        Then f varies between the rungs' nodes: its scale is shorter, it is noisy, or it has a kink.
        The first rung has none above to be compared with.
        """
        ratios = (self.steps[1:] / self.steps[:-1])[..., np.newaxis]
        bend = np.abs(self.bend)
        is_above_rounding = bend[1:] > 8 * self.rounding[1:]
        falls = bend[1:] <= bend[:-1] * ratios**0.25
        found = np.where(is_above_rounding & ~falls & np.isfinite(bend[1:]), bend[1:], 0)
        return np.concatenate((np.zeros_like(bend[:1]), found))

    def is_parabola(self) -> Array:
        """Return whether at the two shortest steps the first component's second difference falls as f'' h**2 does."""
        bend, steps = self.bend[-2:, :, 0], self.steps[-2:]
        expected = bend[0] * steps[1] / steps[0]
        found: Array = np.abs(bend[1] - expected) < 0.25 * np.abs(expected) - self.rounding[-1, :, 0]
        return found

    def is_kink(self) -> Array:
        """Return whether at the three shortest steps the slopes on both sides differ by the same: f has a kink at x."""
        first: Array = self.is_kink_of_each()[:, 0]
        return first

    def is_kink_of_each(self) -> Array:
        """Return the same for every component."""
        if len(self.steps) < 3:
            return np.zeros(self.bend[0].shape, bool)
        bend = np.abs(self.bend[-3:])
        spread = np.ptp(bend, axis=0)
        far = self.steps[-3] >= 4 * self.steps[-1]
        found: Array = far[:, np.newaxis] & (spread < 0.1 * bend[-1]) & (bend[-1] > 64 * self.rounding[-1])
        return found

    def noise(self) -> Array:
        """Return f's noise, from what the bends of the three or four shortest steps hold besides low odd powers of h.

        That is a divided difference in h**2 of second differences, of which each has sqrt(6) times
        the noise of a value. One number stands for it: it may well be too small.
        """
        count = min(len(self.steps), 4)
        if count < 3:
            return np.zeros_like(self.bend[0])
        steps, bend = self.steps[-count:], self.bend[-count:]
        squares = steps**2
        apart = squares[:, np.newaxis] - squares
        apart[np.arange(count), np.arange(count)] = 1
        weights = 1 / (apart.prod(axis=1) * steps)
        total = (weights[..., np.newaxis] * bend).sum(axis=0)
        size = np.sqrt(6 * ((weights / steps) ** 2).sum(axis=0))
        noise: Array = np.nan_to_num(np.abs(total) / size[:, np.newaxis], posinf=0.0)
        return noise


@dataclass
class Best:
    """For each coordinate and component the window of rungs of the smallest error, and what it gives."""

    value: Array
    truncation: Array
    rounding: Array
    first: Array  # the window's longest step, as an index of rungs
    last: Array

    @property
    def error(self) -> Array:
        return self.truncation + self.rounding

    def of_component(self, worst: Array) -> "Best":
        """Return the same for one component a coordinate."""
        at = np.arange(worst.size)
        return Best(*(getattr(self, name)[at, worst] for name in self.__dataclass_fields__))


def best_window(rungs: Rungs, power: int) -> Best:
    """Extrapolate every window of neighbouring rungs to a step of 0, by Neville's recurrence, and choose.

    Quotients differ from the derivative by a series in ``step**power``. A window's truncation error
    is taken to be what its last column changed, less as the columns before it converged (after
    Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4 (1982) 75-76).
    Rounding errors are added up as the recurrence weights them.
    """
    steps, values = rungs.steps, rungs.quotients
    change: Array | None = None
    shares, columns = [], []
    for width in range(1, min(len(steps), MOST_COLUMNS[power] + 1)):
        shares.append(1 / ((steps[:-width] / steps[width:]) ** power - 1)[:, :, np.newaxis])
        before, change = change, np.abs(values[1:] - values[:-1])
        values = values[1:] + shares[-1] * (values[1:] - values[:-1])
        columns.append((values, change, _truncation(shares[-1], change, before)))
    # Noise would show in every column.
    shown = [CAP * change[-1] for _, change, _ in columns[1:]]
    noise = np.fmin(NOISE_FACTOR * rungs.noise(), np.min(shown, axis=0) * steps[-1, :, np.newaxis]) if shown else 0.0
    rounding, unresolved, windows = np.maximum(rungs.rounding, noise / steps[..., np.newaxis]), rungs.unresolved(), []
    for width, (share, (values, _, truncation)) in enumerate(zip(shares, columns, strict=True), 1):
        rounding = (1 + share) * rounding[1:] + share * rounding[:-1]
        truncation = np.maximum(truncation, unresolved[width:])
        windows.append((values, _beside_the_next(steps[width:], values, truncation), rounding))
    return _least(windows)


def _truncation(share: Array, change: Array, before: Array | None) -> Array:
    if before is None:
        return change
    falls = np.maximum(8 * share, 4 * change / before[1:])
    return np.where(change > 0, change * np.fmin(falls, 1), change)


def _beside_the_next(steps: Array, values: Array, truncation: Array) -> Array:
    """Return errors no smaller than what the next window below shows, were its disagreement noise of f."""
    if len(values) == 1:
        return truncation
    noise = np.abs(np.diff(values, axis=0)) * (steps[1:] / steps[:-1])[..., np.newaxis]
    return np.concatenate((np.fmax(truncation[:-1], noise), truncation[-1:]))


def _least(columns: list[tuple[Array, Array, Array]]) -> Best:
    """Return the window of the least error relative to its value; if all are larger than that, of the least error."""
    values, truncation, roundings = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    error = truncation + roundings
    size = np.abs(values)
    order = np.where(error < GARBAGE * size, error / size, 1 + error / (1 + error))
    order = np.where(np.isfinite(error) & np.isfinite(values), order, np.inf)
    chosen = order.argmin(axis=0)
    first, last = ends_of_windows(tuple(len(column[0]) for column in columns))
    at = (chosen, *np.indices(chosen.shape, sparse=True))
    return Best(values[at], truncation[at], roundings[at], first[chosen], last[chosen])


def _ends_of_windows(counts: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the first and last rung of each window, column after column of so many."""
    first = np.concatenate([np.arange(count) for count in counts])
    return first, first + np.repeat(np.arange(1, len(counts) + 1), counts)


ends_of_windows = lru_cache(_ends_of_windows)


def next_steps(rungs: Rungs, best: Best, tolerance: Array, power: int, n: int) -> Array:
    """Return the step of the next rung of each coordinate, NaN where no further rung would help.

    All are those of one component a coordinate. Where truncation is most of the error the ladder
    goes down, where rounding is it goes up; where shorter and longer steps were both worse it ends.
    """
    steps, quotients = rungs.steps, rungs.quotients[..., 0]
    differences = np.abs(np.diff(quotients, axis=0))
    size = np.abs(quotients[-1])
    unresolved = rungs.unresolved()[-1, :, 0]
    is_far = ~(differences[-1] <= GARBAGE * size + 4 * rungs.rounding[-1, :, 0]) & ~rungs.is_parabola()
    is_garbage = is_far | (unresolved > GARBAGE * size)
    is_noise = ~is_garbage & (unresolved > 0)
    if len(steps) > 2:
        is_noise |= ~is_garbage & (differences[-1] > differences[-2] * (steps[-2] / steps[-3]) ** (power / 2))
    failed = ~np.isfinite(best.error)
    has_no_signal = (best.truncation > GARBAGE * np.abs(best.value)) & (best.truncation > 4 * best.rounding)
    falls_short = (best.last == len(steps) - 1) & (best.truncation > best.rounding) & ~is_noise
    down = failed | (is_garbage | has_no_signal) & (len(steps) < MOST_JUMPS) | falls_short
    # Where nothing is known of the derivative, longer steps would only find how f is bounded.
    up = ~down & ~has_no_signal & (best.first <= 1) & (best.error < np.abs(best.value))
    wanted = np.fmax(tolerance, best.rounding) / best.truncation
    if len(steps) == 2:  # a third rung gains about as much again as the second did
        wanted *= np.fmax(8 * size / differences[-1], 1)
    columns = power * (best.last - best.first + 1)
    gentle = np.clip(wanted ** (1 / columns), SMALLEST[power] if len(steps) > 2 else max(SMALLEST[power], 1 / 4), 1 / 2)
    below = steps[-1] * np.where(is_garbage | failed, JUMP_DOWN, gentle)
    resolved = RESOLVED * size / np.fmax(differences[0] - rungs.rounding[1, :, 0], 0)
    resolved = np.fmax(resolved ** (1 / power), (best.rounding / best.truncation) ** (1 / (1 + columns)))
    reach = np.fmin((best.error / tolerance) ** (1 / n), resolved)
    reach = np.where(is_noise, JUMP_UP_FROM_NOISE, reach)
    above = np.where(reach >= 2, steps[0] * np.clip(reach, 4, JUMP_UP), np.nan)
    return power_of_two(np.where(down, below, np.where(up, above, np.nan)))


def power_of_two(steps: Array) -> Array:
    """Return the powers of two nearest to steps, by ratio."""
    rounded: Array = 2.0 ** np.round(np.log2(steps))
    return rounded
