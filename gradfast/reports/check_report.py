"""The result of a gradient check: whether the gradient is right, a table, a record and a figure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradfast.reports.mesh_plots import new_axes
from gradfast.values.arguments import EPS, Array, Some, Words

# From the worst to the best. A check with one of the first two is false.
WRONG, CANNOT_TELL, KINK, RIGHT = VERDICTS = ("wrong", "cannot tell", "kink", "right")
COLORS = ("#D55E00", "#E69F00", "#56B4E9", "#009E73")
MARKERS = ("X", "s", "^", "o")

# A figure names up to this many coordinates, and up to so many from left to right, else upwards.
NAMES_SHOWN = 30
NAMES_ACROSS = 6

# An axis has up to this many powers of ten above 0, and as many below.
POWERS_SHOWN = 4

# "wrong" needs a difference of this many error bars, which are of 95 %, beyond the tolerance.
WIDTHS = 2.0

# "right" is said only where an entry off by this part of its size would have been called wrong. And a check is true
# only if what is left open could not change the whole derivative by more than this part of its norm.
POWER = 0.01

PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"

FIELDS = ("name", "analytic", "numeric", "difference", "error", "verdict")
ROWS_SHOWN = 10

# If all wrong entries are off by less than this part of f's slopes, f may be computed to a tolerance only.
LITTLE = 1e-3

# A report says by what factor the wrong entries of an array are off if it holds for this part of them. It is written
# with up to so many digits, as far as they are known, and with more if it is so near to 1.
NEARLY_ALL = 0.9
DIGITS_SHOWN = 3


@dataclass(frozen=True, repr=False, eq=False)
class GradientCheck:
    """The result of :func:`check_gradient` and :func:`check_jacobian`: true if what was checked can be trusted.

    It is false if an entry is wrong, or if those that cannot be told could change the whole by 1 % of its norm. Its
    property ``outcome`` is "passed", "failed" or "undecided".

    Attributes
    ----------
    name : ndarray of str
        The entries as the caller writes them, ``x[3]`` or ``W1[2, 0]``, of a Jacobian ``J[2, 0]``, whose entries stand
        column after column. Shape (m,), as are all arrays here.
    analytic, numeric, error : ndarray
        The derivative that was checked, the numerical one, and the error bar of the numerical one.
    tolerance : ndarray
        How far the two may differ in addition to the error bar. The property ``difference`` is how far they differ.
    verdict : ndarray of str
        "right"; "wrong"; "kink", where f's slopes on both sides differ and the entry lies between
        them; "cannot tell", where the error bar is too wide to say.
    weight : ndarray
        How much an entry counts: if it is off by e, the whole is off by the part e * weight of its norm. In this
        norm, an entry counts by the size of its coordinate.
    evaluations : int
        How often f was evaluated.
    of : str
        What was checked: "gradient" or "Jacobian".
    eps : float
        How finely f's values are seen to be rounded: half a unit in the last place of a number near 1.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_gradient
    >>> check = check_gradient(lambda x: np.sum(x**2), [2.0, 5.0], [1.0, 2.0])
    >>> print(check.verdict, check.name[check.worst_first()[0]], check.difference.round(6))
    ['right' 'wrong'] x[1] [0. 1.]
    """

    name: Words
    analytic: Array
    numeric: Array
    error: Array
    tolerance: Array
    verdict: Words
    weight: Array
    evaluations: int
    of: str = "gradient"
    eps: float = EPS["d"] / 2

    def __bool__(self) -> bool:
        return self.outcome == PASSED

    @property
    def outcome(self) -> str:
        """In one word: "passed", "failed" or "undecided"."""
        if (self.verdict == WRONG).any():
            return FAILED
        return PASSED if self._doubt() <= POWER else UNDECIDED

    def _doubt(self) -> float:
        """Return by what part of its norm the whole could be wrong, in entries that cannot be told; NaN if unknown."""
        is_open = self.verdict == CANNOT_TELL
        with np.errstate(all="ignore"):
            doubt = np.linalg.norm(((self.difference + self.error) * self.weight)[is_open])
        return float(doubt) if is_open.any() else 0.0

    @property
    def difference(self) -> Array:
        """The distance of the two gradients, at each coordinate."""
        with np.errstate(invalid="ignore"):
            difference: Array = np.abs(self.analytic - self.numeric)
        return difference

    def worst_first(self) -> Some:
        """Return the indices of the rows, the worst first.

        Wrong ones come first, then those that cannot be told, kinks and right ones. Rows of one verdict are sorted by
        their difference, in units of the tolerance plus the error bar.
        """
        with np.errstate(all="ignore"):
            excess = np.nan_to_num(self.difference / (self.tolerance + self.error), nan=np.inf)
        return np.lexsort((-excess, [VERDICTS.index(verdict) for verdict in self.verdict]))

    def record(self) -> Array:
        """Return a structured array, a row for each entry.

        Its fields are ``name``, ``analytic``, ``numeric``, ``difference``, ``error`` and ``verdict``.
        """
        columns = [getattr(self, name) for name in FIELDS]
        record = np.empty(self.name.shape, [(name, c.dtype) for name, c in zip(FIELDS, columns, strict=True)])
        for name, column in zip(FIELDS, columns, strict=True):
            record[name] = column
        return record

    def __str__(self) -> str:
        counts = [f"{int((self.verdict == verdict).sum())} {verdict}" for verdict in VERDICTS]
        rows: list[tuple[str, ...]] = [("coordinate", "analytic", "numeric", "difference", "error bar", "verdict")]
        for name, analytic, numeric, difference, error, verdict in self.record()[self.worst_first()[:ROWS_SHOWN]]:
            rows.append((name, f"{analytic:.8g}", f"{numeric:.8g}", f"{difference:.1e}", f"{error:.1e}", verdict))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        left = self.name.size - ROWS_SHOWN
        more = [f"... and {left} more"] if left > 0 else []
        arrays = self._wrong_arrays()
        hidden = [f"... and {len(arrays) - ROWS_SHOWN} more arrays"] if len(arrays) > ROWS_SHOWN else []
        head = [f"{self.of} check {self.outcome}: {', '.join(counts)}", *arrays[:ROWS_SHOWN], *hidden]
        return "\n".join([*head, *lines, *more, *self._advice()])

    __repr__ = __str__

    def _wrong_arrays(self) -> list[str]:
        """Return a line for each array with wrong entries: how many, and what would make them right if that is clear.

        The last line names the arrays that are right. A single vector has none without such a factor, and numbers that
        are parameters by themselves have none: the rows say all.
        """
        arrays: dict[str, list[int]] = {}
        for i, name in enumerate(self.name.tolist()):
            arrays.setdefault(name.rpartition("[")[0], []).append(i)
        is_vector = list(arrays) in (["x"], ["J"]) and "," not in self.name[0]
        lines, right = [], []
        for array, places in arrays.items():
            rows = np.array(places)
            if array and (self.verdict[rows] == RIGHT).all():
                right.append(array)
            wrong = rows[self.verdict[rows] == WRONG]
            if array and rows.size > 1 and wrong.size:
                ratio = self._ratio(wrong)
                fits = "; its transpose would fit" if self._fits_transposed(array, rows) else ""
                if ratio or not is_vector:
                    lines.append(f"{array}: {wrong.size} of {rows.size} wrong" + (ratio and f": {ratio}") + fits)
        return [*lines, f"{', '.join(right)}: all right"] if lines and right else lines

    def _ratio(self, rows: Some) -> str:
        """Return what multiple of the numeric derivative the analytic one is, in wrong rows; "" if that is not clear.

        It is the multiple of least squares, in units of what each row allows. It is known to what it would be off by if
        all rows were off that way by as much as that.
        """
        analytic, numeric = self.analytic[rows], self.numeric[rows]
        tolerance, error = self.tolerance[rows], WIDTHS * self.error[rows]
        if rows.size < 2 or not analytic.any():
            return "analytic = 0" if rows.size > 1 else ""
        with np.errstate(all="ignore"):
            each = np.abs(analytic / numeric)
            allowed = tolerance * np.fmin(1, each) + error * each
            a, n = analytic / allowed, numeric / allowed
            ratio = float((a @ n) / (n @ n))
            known = float(np.abs(n).sum() / (n @ n)) / abs(ratio)
            holds = np.abs(analytic - ratio * numeric) <= tolerance * min(1, abs(ratio)) + error * abs(ratio)
            digits = -math.log10(2 * known) + 1 if 0 < known < 1 else 0
        if holds.sum() < NEARLY_ALL * rows.size:
            return ""
        for count in range(min(DIGITS_SHOWN, int(digits)), int(digits) + 1):
            text = f"{ratio:#.{max(count, 1)}g}"
            if count > 1 and float(text) != 1:
                return f"analytic = {text.rstrip('.')} * numeric" + (
                    "" if holds.all() else f" in {holds.sum()} of them"
                )
        return ""

    def _fits_transposed(self, array: str, rows: Some) -> bool:
        """Return whether an array is a square matrix, and all entries of its transpose agree with f."""
        side = math.isqrt(rows.size)
        if {f"{array}[{i}, {j}]" for i, j in np.ndindex(side, side)} != set(self.name[rows].tolist()):
            return False
        analytic, numeric = self.analytic[rows], self.numeric[rows]
        with np.errstate(all="ignore"):
            allowed = self.tolerance[rows] * np.fmin(1, np.abs(numeric / analytic)) + WIDTHS * self.error[rows]
            return bool((np.abs(analytic.reshape(side, side).T.reshape(-1) - numeric) <= allowed).all())

    def _advice(self) -> list[str]:
        """Return sentences on what an undecided check means, or one that failed by little, and what to do."""
        if self.outcome == FAILED:
            is_wrong = self.verdict == WRONG
            with np.errstate(all="ignore"):
                part = float(np.max((self.difference / np.abs(self.numeric))[is_wrong]))
            if not part < LITTLE:
                return []
            rtol = 10.0 ** math.ceil(math.log10(part))
            return [
                f"Wrong by {100 * part:.1g} % at most: f may be computed to a tolerance, as by a solver. "
                f"rtol={rtol:.0e} accepts that.",
            ]
        if self.outcome != UNDECIDED:
            return []
        doubt = self._doubt()
        by = f"by up to {100 * doubt:.2g} % of its norm" if doubt < 1 else "by as much as its norm"
        lines = [
            f"Undecided: what cannot be told may change the {self.of} {by}.",
            f"Up to {100 * POWER:.0f} % passes.",
        ]
        if self.eps > EPS["d"]:
            return [
                *lines,
                "Compute in double precision: convert each array of x, and what f computes with, by .astype(float).",
            ]
        return [*lines, "f is noisy, coarsely rounded or constant near x. noise(f, x) measures the noise."]

    def plot(self, ax: Any = None, **kwargs: object) -> Any:
        """Draw the differences of the coordinates, and how large they may be, and return the Axes.

        A point in the gray band differs by no more than the tolerance and two error bars. The scale is linear near 0,
        and logarithmic elsewhere, so that large differences and kinks leave room for the others. Of more than 30
        coordinates, those are named that are not right.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; new Axes in a new figure if not given.
        **kwargs
            For :meth:`matplotlib.axes.Axes.plot`, which draws the points.

        Returns
        -------
        matplotlib.axes.Axes
            The Axes with the differences that are finite and a line at 0.

        Raises
        ------
        ImportError
            If new Axes are needed and Matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from gradfast import check_gradient
        >>> check = check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1.0, 2.0])
        >>> check.plot().get_ylabel()
        'analytic - numeric'
        """
        ax = new_axes(ax)
        with np.errstate(invalid="ignore"):
            differences = self.analytic - self.numeric
            allowed = self.tolerance + WIDTHS * self.error
        sizes = np.concatenate([allowed, np.abs(differences)])
        sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
        if sizes.size:
            allowed = np.fmin(allowed, sizes.max())
        heights = np.append(allowed, allowed[-1:])
        edges = np.arange(heights.size) - 0.5
        style = {"step": "post", "color": "0.9", "linewidth": 0, "zorder": 0}
        ax.fill_between(edges, -heights, heights, label="allowed", **style)
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=1)
        few = self.name.size <= NAMES_SHOWN
        for verdict, color, marker in list(zip(VERDICTS, COLORS, MARKERS, strict=True))[::-1]:
            some = np.flatnonzero((self.verdict == verdict) & np.isfinite(differences))
            if some.size:
                size = 3 if verdict == RIGHT and not few else 6
                style = {"marker": marker, "ls": "", "color": color, "label": verdict, "markersize": size, **kwargs}
                ax.plot(some, differences[some], **style)
        if sizes.size:
            _scale_both_ways(ax, np.min(allowed, initial=sizes.max(), where=allowed > 0), sizes.max())
        shown = self._named()
        ax.set_xticks(shown, self.name[shown], rotation=0 if few and len(shown) <= NAMES_ACROSS else 90)
        ax.set(xlabel=ax.get_xlabel() or "coordinate", ylabel=ax.get_ylabel() or "analytic - numeric")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(VERDICTS) + 1, frameon=False)
        return ax

    def _named(self) -> list[int]:
        """Return the entries that a figure names: all of few, else those not right, but no two that are too close."""
        apart = -(-self.name.size // NAMES_SHOWN) or 1
        shown: list[int] = []
        for i in self.worst_first().tolist():
            if apart > 1 and self.verdict[i] == RIGHT:
                break
            if all(abs(i - other) >= apart for other in shown):
                shown.append(i)
        return sorted(shown) or list(range(0, self.name.size, apart))


def _scale_both_ways(ax: Any, least: float, largest: float) -> None:
    """Make an axis of values linear up to the least size and logarithmic to the largest, above 0 and below."""
    low, high = math.ceil(math.log10(least)), math.ceil(math.log10(largest))
    step = (high - low) // POWERS_SHOWN + 1
    powers = 10.0 ** np.arange(high, low - 1, -step)
    ax.set_yscale("symlog", linthresh=least, linscale=max(1, (high - low) / POWERS_SHOWN))
    ax.set_yticks([*-powers, 0, *powers])
