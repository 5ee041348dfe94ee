"""What is seen of f: its values as they come, how finely f is known by them, and how it moves along a coordinate."""

import math
from dataclasses import dataclass

import numpy as np

from gradfast.values.arguments import EPS, Array, Some

# A value of f is known to this many units of rounding, as long as nothing else shows how well it is known. Where its
# noise is measured, it is known to NOISES of these.
ROUNDINGS = 3.0
NOISES = 2.0

# f is coarse if its values are known to no more than this part of them: it works in single precision, or has noise.
COARSE = 1e-11

# f's slope jumps at x if three steps show the same jump, within the factor SAME_JUMP, and each makes it RESOLVED times
# what f is known to.
RESOLVED = 4.0
SAME_JUMP = 1.5

# Extrapolated to 0 from two steps, in ratios as they are among looks, a jump is known up to this many times worse.
EXTRAPOLATED = 5.0

# Values of f that its resolution is told from. With 8, those of some sums show a unit that they do not have.
MOST_SEEN = 32

# A common unit of gaps is a stair's height if it is this many times what each gap is known to. The looks at smooth
# networks in single precision have one of up to 14 times that.
REGULAR = 16.0

TINY = float(np.finfo(float).tiny)

# Half a unit in the last place, of a number near 1, in single and half precision.
HALF_UNITS = {char: float(np.finfo(char).eps) / 2 for char in "fe"}


class Seen:
    """f's values at x and at the first pairs of points about it, and how finely f is known by them.

    A column holds one of the values at x, and then the last MOST_SEEN that differ from it. So it is known by those that
    moved it, however many coordinates were moved since that do not. What is seen later of one entry does not count for
    another.
    """

    def __init__(self, center: Array, eps: float, is_suspect: bool) -> None:
        self.center, self.eps = np.abs(center.astype(float)), eps  # half a unit in the last place of f's values
        self.level = eps  # what f is known to, in parts of its size: its rounding or its noise
        self.is_suspect = is_suspect  # f may be as coarse as x or the derivative
        self.values = np.repeat(center.astype(float)[np.newaxis], MOST_SEEN + 1, axis=0)
        self.moves = np.zeros(center.size, int)
        self.differ = False  # whether one of f's values took two besides that at x
        self.noise: Array | None = None
        self.is_narrow = dict.fromkeys("fe", True)
        self.add(self.values[:1])

    def add(self, rows: Array) -> None:
        """Take rows of values, and see whether all so far are numbers of half or single precision."""
        rows = rows.astype(float)
        self._keep(rows)
        with np.errstate(all="ignore"):
            for char in self.is_narrow:
                self.is_narrow[char] &= bool(((rows.astype(char) == rows) | ~np.isfinite(rows)).all())

    def _keep(self, rows: Array) -> None:
        """Keep the values that moved, each in its column, in place of the oldest ones if there are more than fit."""
        has_moved = (rows != self.values[0]) & np.isfinite(rows)
        order = self.moves + np.cumsum(has_moved, axis=0)
        self.moves = self.moves + has_moved.sum(axis=0)
        row, column = np.nonzero(has_moved)
        moved = rows[row, column]
        self.values[1 + (order[row, column] - 1) % MOST_SEEN, column] = moved
        self.differ = self.differ or bool((moved != self.values[1, column]).any())

    @property
    def looks_narrow(self) -> bool:
        """Whether f seems to work in single precision or half."""
        return self.differ and self.is_narrow["f"]

    def take(self, noise: Array, size: Array, rows: Array) -> None:
        """Take the noise of each value, NaN if it rests, what it is to be compared with, and what it was seen from."""
        self.add(rows)
        self.noise = noise
        with np.errstate(all="ignore"):
            part = np.where(size > 0, noise / size, 0)
        part = part[np.isfinite(part)]
        # No coarser than half precision, so that a plain step is 0.11 abs(x) at most, be f noise alone. It is a guard:
        # without it, 2700 random checks of up to three smooth or noisy values had the same verdicts, for x of double,
        # single and half precision.
        found = min(float(np.median(part)), HALF_UNITS["e"]) if part.size else 0.0
        if found > COARSE:
            self.level = max(self.level, found)
        if self.differ or (self.is_suspect and self.is_coarse):
            self.take_for_single()

    def take_for_single(self) -> None:
        """Take f to work in the precision that holds all values so far."""
        for char in self.is_narrow:
            if self.is_narrow[char]:
                self.eps = max(self.eps, HALF_UNITS[char])
        self.level = max(self.level, self.eps)

    @property
    def is_coarse(self) -> bool:
        return self.level > COARSE

    @property
    def is_single(self) -> bool:
        """Whether f works in single precision or half, so that its noise is rounding."""
        return self.is_coarse and (self.is_suspect or self.is_narrow["f"])

    @property
    def likely_eps(self) -> float:
        """Half a unit in the last place of the coarsest precision that f is likely to work in."""
        return max(self.level, HALF_UNITS["f"] if self.noise is None and self.is_narrow["f"] else 0.0)

    def known(self, size: Array) -> Array:
        """Return what values of some sizes are known to."""
        known: Array = ROUNDINGS * self.eps * size
        if self.noise is not None:
            with np.errstate(all="ignore"):
                grown = np.fmax(1, size / self.center)
                measured = NOISES * self.noise * np.where(np.isfinite(grown), grown, 1)
            # No value is known to less than 3 roundings of doubles, though a table whose points suit f shows fewer.
            # It is a guard: without it, the same 2700 checks had the same verdicts; 3 took other evaluations.
            known = np.where(np.isnan(self.noise), known, np.fmax(measured, ROUNDINGS * EPS["d"] / 2 * size))
        return known

    def likely_known(self, size: Array) -> Array:
        """Return what values of some sizes are known to, if f works in the coarsest precision that is likely."""
        return np.fmax(self.known(size), 0 if self.noise is not None else ROUNDINGS * self.likely_eps * size)

    def resolution(self, which: int, more: Array) -> float:
        """Return the smallest steps that one of f's values is seen to take, also in more rows.

        One that rests in all of these rows is taken to be of single precision if another value moves as finely. Else
        this is infinite.
        """
        if self.noise is not None and math.isfinite(self.noise[which]):
            return float(self.known(self.center)[which])
        values = np.concatenate([self._seen_of(which), np.ravel(more).astype(float)])
        values = np.unique(values[np.isfinite(values)])
        if values.size > 1:
            return common_unit(values, self.level)
        eps = max(self.level, HALF_UNITS["f"])
        others = np.flatnonzero(self.moves).tolist()
        units = ((common_unit(np.unique(self._seen_of(k)), self.level), abs(self.values[0, k])) for k in others)
        is_fine = any(unit <= 2 * eps * size for unit, size in units)
        return 2 * eps * float(abs(values[0])) if is_fine and values.size else math.inf

    def _seen_of(self, which: int) -> Array:
        seen: Array = self.values[: self.moves[which] + 1, which]
        return seen


def common_unit(values: Array, eps: float) -> float:
    """Return the greatest number of which all gaps between rising values are multiples, as far as rounding allows.

    Euclid's algorithm, with the error of each number: half a unit in the last place is `eps`. A unit that a gap holds
    many times is known so many times better than the gap. Else any further gap would be taken for a multiple of it.
    """
    known = 2 * eps * float(np.abs(values).max())
    unit, known_unit = 0.0, known
    with np.errstate(all="ignore"):
        gaps = np.diff(values)
    for gap in gaps[np.isfinite(gaps)].tolist():  # others are longer than any number
        a, b, known_a, known_b = unit, gap, known_unit, known
        while b > 2 * known_b:
            times = round(a / b)
            a, b, known_a, known_b = b, abs(a - times * b), known_b, known_a + times * known_b
        if a > 0:
            longest = max(unit, gap)
            times = max(round(longest / a), 1)
            unit, known_unit = longest / times, known / times
    return unit if unit > REGULAR * known else known


@dataclass(frozen=True)
class Pairs:
    """f's values a step above and below x along each of some coordinates: those that differ from f(x), and where."""

    steps: Array
    places: Some  # in flat arrays with a row for each coordinate and a column for each value
    moved: Array

    @classmethod
    def of(cls, rows: Array, center: Array, steps: Array) -> "Pairs":
        """Return pairs of which all values are given: those above x, and those below."""
        places = np.flatnonzero((rows != center).any(axis=0))
        return cls(steps, places, rows.reshape(2, rows[0].size)[:, places])

    def rows(self, center: Array) -> Array:
        """Return the values above x, and those below, where those at x are `center`."""
        rows = np.empty((2, self.steps.size, center.size), center.dtype)
        rows[:] = center
        rows.reshape(2, rows[0].size)[:, self.places] = self.moved
        return rows


@np.errstate(all="ignore")
def slope_and_knee(rows: Array, center: Array, steps: Array) -> tuple[Array, Array]:
    """Return f's slope over both sides of x, and half of how much its slopes on the two sides differ."""
    (up, down), h = rows, steps[:, np.newaxis]
    return (up - down) / (2 * h), np.abs((up - center) - (center - down)) / (2 * h)


@dataclass(frozen=True)
class Looks:
    """What was seen of one of f's values along a coordinate: at x, and by rising steps above and below x."""

    center: float
    steps: Array
    up: Array
    down: Array
    side: int
    radius: float  # the longest step of the best fit
    known: float  # what the value is known to

    @property
    def moved(self) -> Array:
        """How far f moved from its value at x, by each step. On a side that was not looked at it is as at x."""
        moved: Array = np.fmax(np.abs(self.up - self.center), np.abs(self.down - self.center))
        return moved

    @property
    def rests(self) -> bool:
        return not self.moved.any()

    @property
    def slope(self) -> float:
        """How steep f is on the way to the longest step within the radius."""
        within = np.flatnonzero(self.steps <= self.radius)
        return float(self.moved[within[-1]] / self.steps[within[-1]]) if within.size else 0.0

    def bend(self, reach: float) -> float:
        """Return how much more f's slopes on both sides differ near x than the curvature seen further out explains."""
        h = self.steps[self.steps <= self.radius]
        bends = np.abs((self.up - self.center) - (self.center - self.down))[: h.size] / (2 * h)
        near, rounding = h[:, np.newaxis], self.known / h
        excess = (bends - rounding)[:, np.newaxis] - (bends + rounding) / h * near
        return float(excess[(near <= reach) & (near < h)].max(initial=0))

    @property
    def jumps(self) -> bool:
        """Whether f's slope jumps at x: by the same at the three shortest steps at which f is resolved.

        Curvature adds a part in proportion to the step. So it may also be what two steps each extrapolate to 0.
        """
        known = RESOLVED * self.known
        jumps = ((self.up - self.center) - (self.center - self.down)) / self.steps
        some = np.flatnonzero(np.abs(jumps) * self.steps > known)[:3]
        if some.size < 3:
            return False
        h, jumps = self.steps[some], jumps[some]
        near, far = [0, 0, 1], [1, 2, 2]
        at_0 = (jumps[near] * h[far] - jumps[far] * h[near]) / (h[far] - h[near])
        return _are_same(jumps) or (_are_same(at_0) and bool((np.abs(at_0) * h[near] > EXTRAPOLATED * known).all()))


def _are_same(jumps: Array) -> bool:
    sizes = np.abs(jumps)
    return bool((jumps > 0).all() or (jumps < 0).all()) and bool(sizes.max() < SAME_JUMP * sizes.min())
