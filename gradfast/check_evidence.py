"""What is seen of f: its values as they come, how finely f is known by them, and how it moves along a coordinate."""

import math
from dataclasses import dataclass

import numpy as np

from gradfast.arguments import EPS, Array, Some

# A value of f is taken to be known to this many units of rounding, as long as nothing else shows how well it is known.
ROUNDINGS = 3.0

# A jump of f's slope is one at x if three steps show the same jump, within this factor.
SAME_JUMP = 1.5

# Extrapolated to 0 from two steps, in ratios as they are among looks, a jump is known up to this many times worse.
EXTRAPOLATED = 5.0

# Values of f that its resolution is told from. Values that all have at most MOST_DIGITS + 1 decimal digits are taken to
# be rounded to these: one double in 500 looks so by chance.
MOST_SEEN = 200
MOST_DIGITS = 12

# A common unit of gaps is a stair's height if it is this many times what each gap is known to. The looks at smooth
# networks in single precision have one of up to 14 times that.
REGULAR = 16.0

# A pair of values is smooth if f's slopes on both sides of x are the same to this part of the mean slope, or as far as
# it shows at this part of the rounding that f is suspected of.
SMOOTH = 1 / 300

TINY = float(np.finfo(float).tiny)

# Half a unit in the last place, of a number near 1, in single and half precision.
HALF_UNITS = {char: float(np.finfo(char).eps) / 2 for char in "fe"}


class Seen:
    """f's values as they come, and how finely f is known by them.

    A column holds one of the values at x, and then the last MOST_SEEN that differ from it. So it is known by those that
    moved it, however many coordinates were moved since that do not.
    """

    def __init__(self, center: Array, eps: float, suspected: float = 0.0) -> None:
        self.eps, self.values = eps, np.repeat(center.astype(float)[np.newaxis], 2, axis=0)
        self.moves = np.zeros(center.size, int)
        self.differ = False  # whether one of f's values took two besides that at x
        self.decimals = np.ones(center.size)  # the units of known decimals; 0 once there are none
        # The smallest steps seen, what f was known to when they were told, and from how many moves.
        self.finest, self.finest_eps, self.told = np.full(center.size, math.inf), eps, np.zeros(center.size, int)
        self.is_narrow = dict.fromkeys("fe", True)
        self.add(self.values[:1])
        self.suspected = suspected  # 0 once it is decided
        if suspected <= self.likely_eps:
            self._decide(True)

    def add(self, rows: Array) -> None:
        """Take rows of values. If all so far are numbers of half or single precision, and differ, f works in that."""
        rows = rows.astype(float)
        self._keep(rows)
        with np.errstate(all="ignore"):
            for char in self.is_narrow:
                self.is_narrow[char] &= bool(((rows.astype(char) == rows) | ~np.isfinite(rows)).all())
                if self.is_narrow[char] and self.differ:
                    self.eps = max(self.eps, HALF_UNITS[char])

    def _keep(self, rows: Array) -> None:
        """Keep the values that moved, each in its column, in place of the oldest ones if there are more than fit."""
        has_moved = (rows != self.values[0]) & np.isfinite(rows)
        order = self.moves + np.cumsum(has_moved, axis=0)
        self.moves = self.moves + has_moved.sum(axis=0)
        size, needed = len(self.values), min(int(self.moves.max(initial=0)), MOST_SEEN) + 1
        if needed > size:
            more = min(max(needed, 2 * size), MOST_SEEN + 1) - size
            self.values = np.concatenate([self.values, np.repeat(self.values[:1], more, axis=0)])
        row, column = np.nonzero(has_moved)
        moved = rows[row, column]
        self.values[1 + (order[row, column] - 1) % MOST_SEEN, column] = moved
        self.differ = self.differ or bool((moved != self.values[1, column]).any())

    def suspect(self, center: Array, up: Array, down: Array) -> None:
        """Decide by the first pairs of values about x whether f works in the precision that it is suspected of.

        That is the coarsest of x and of the gradient. f may work in a finer one, as the data of a model are in double
        precision, or only the gradient was rounded. Then most of the pairs that moved are smooth.
        """
        moved, bend = np.abs(up - down), np.abs((up - center) - (center - down))
        is_smooth = bend <= SMOOTH * np.fmax(moved, self.suspected * np.abs(center))
        has_moved = (moved > 0) | (bend > 0)
        self._decide((is_smooth & has_moved).sum() <= has_moved.sum() / 2)

    def _decide(self, is_coarse: bool) -> None:
        self.eps = max(self.eps, self.suspected) if is_coarse else self.eps
        self.suspected = 0.0

    @property
    def likely_eps(self) -> float:
        """Half a unit in the last place of the coarsest precision that f is likely to work in."""
        return max(self.eps, HALF_UNITS["f"] if self.is_narrow["f"] else 0.0)

    def known(self, size: Array) -> Array:
        """Return what values of some sizes are known to: a few roundings, or the decimals that they are rounded to."""
        some = np.flatnonzero(self.decimals)
        self.decimals[some] = decimal_units(self.values[:, some])
        return np.fmax(ROUNDINGS * self.eps * size, self.decimals)

    def resolution(self, which: Some) -> Array:
        """Return the smallest steps that some values of f are seen to take; infinite for those that never moved."""
        if self.finest_eps != self.eps:
            self.finest[:], self.told[:], self.finest_eps = math.inf, 0, self.eps
        may_be_finer = self.finest[which] > REGULAR * 2 * self.eps * np.abs(self.values[0, which])
        for k in which[(self.moves[which] > self.told[which]) & may_be_finer]:
            values = np.unique(self.values[np.isfinite(self.values[:, k]), k])
            if values.size > 1:
                self.finest[k] = min(self.finest[k], common_unit(values, self.eps))
            self.told[k] = self.moves[k]
        return self.finest[which]


def common_unit(values: Array, eps: float) -> float:
    """Return the greatest number of which all gaps between rising values are multiples, as far as rounding allows.

    Euclid's algorithm, with the error of each number: half a unit in the last place is `eps`.
    """
    known = 2 * eps * float(np.abs(values).max())
    unit = 0.0
    with np.errstate(all="ignore"):
        gaps = np.diff(values)
    for gap in gaps[np.isfinite(gaps)].tolist():  # others are longer than any number
        a, b, known_a, known_b = unit, gap, known, known
        while b > 2 * known_b:
            times = round(a / b)
            a, b, known_a, known_b = b, abs(a - times * b), known_b, known_a + times * known_b
        if a > 0:
            longest = max(unit, gap)
            unit = longest / max(round(longest / a), 1)
    return unit if unit > REGULAR * known else known


def decimal_units(values: Array) -> Array:
    """Return the unit of the last decimal that all values in a column are rounded to; 0 if it is finer than f's own."""
    largest = np.abs(values).max(axis=0)
    units = np.zeros(largest.size)
    ordinary = (largest > 1e-290) & (largest < 1e290)
    first = np.floor(np.log10(np.where(ordinary, largest, 1)))
    for digits in range(MOST_DIGITS, -1, -1):
        unit = 10.0 ** (first - digits)
        counts = values / unit
        whole = np.round(counts)
        is_unit = ordinary & (np.abs(whole - counts) <= 4 * EPS["d"] * np.abs(whole)).all(axis=0)
        if not is_unit.any():
            break
        units[is_unit] = unit[is_unit]
    return units


@dataclass(frozen=True)
class Looks:
    """What was seen of one of f's values along a coordinate: at x, and by rising steps above and below x."""

    center: float
    steps: Array
    up: Array
    down: Array
    side: int

    @property
    def moved(self) -> Array:
        """How far f moved from its value at x, by each step. On a side that was not looked at it is as at x."""
        moved: Array = np.fmax(np.abs(self.up - self.center), np.abs(self.down - self.center))
        return moved

    @property
    def slopes(self) -> Array:
        """The slope of f by each look."""
        slopes: Array = (self.up - self.down) / (self.steps if self.side else 2 * self.steps)
        return slopes

    @property
    def rests(self) -> bool:
        return not self.moved.any()

    @property
    def size(self) -> float:
        return float(abs(self.center) + self.moved.max(initial=0))

    def slope(self, radius: float) -> float:
        """Return how steep f is on the way to the longest step within a radius."""
        within = np.flatnonzero(self.steps <= radius)
        return float(self.moved[within[-1]] / self.steps[within[-1]]) if within.size else 0.0

    def bend(self, radius: float, known: float, reach: float) -> float:
        """Return how much more f's slopes on both sides differ near x than the curvature seen further out explains."""
        h = self.steps[self.steps <= radius]
        bends = np.abs((self.up - self.center) - (self.center - self.down))[: h.size] / (2 * h)
        near, rounding = h[:, np.newaxis], known / h
        excess = (bends - rounding)[:, np.newaxis] - (bends + rounding) / h * near
        return float(excess[(near <= reach) & (near < h)].max(initial=0))

    def jumps(self, known: float) -> bool:
        """Return whether f's slope jumps at x: by the same at the three shortest steps at which f is resolved.

        Curvature adds a part in proportion to the step. So it may also be what two steps each extrapolate to 0.
        """
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
