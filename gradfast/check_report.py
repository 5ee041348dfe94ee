"""The result of a gradient check: whether the gradient is right, a table, a record and a figure."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradfast.arguments import Array, Some, Words
from gradfast.axes import new_axes

# From the worst to the best. A check with one of the first two is false.
WRONG, CANNOT_TELL, KINK, RIGHT = VERDICTS = ("wrong", "cannot tell", "kink", "right")
COLORS = ("#D55E00", "#E69F00", "#56B4E9", "#009E73")
MARKERS = ("X", "s", "^", "o")

# A figure names this many coordinates; of more, it names some.
NAMES_SHOWN = 30

# "right" is said only where an entry off by this part of its size would have been called wrong. And a check is true
# only if what is left open could not change the whole derivative by more than this part of its norm.
POWER = 0.01

FIELDS = ("name", "analytic", "numeric", "difference", "error", "verdict")
ROWS_SHOWN = 10


@dataclass(frozen=True, repr=False, eq=False)
class GradientCheck:
    """The result of :func:`check_gradient` and :func:`check_jacobian`: true if what was checked can be trusted.

    It is false if an entry is wrong, or if those that cannot be told could change the whole by 1 % of its norm.

    Attributes
    ----------
    name : ndarray of str
        The entries as the caller writes them, ``x[3]`` or ``W1[2, 0]``, of a Jacobian ``J[2, 0]``. Shape (m,), as are
        all arrays here.
    analytic, numeric, error : ndarray
        The derivative that was checked, the numerical one, and the error bar of the numerical one.
    tolerance : ndarray
        How far the two may differ in addition to the error bar. The property ``difference`` is how far they differ.
    verdict : ndarray of str
        "right"; "wrong"; "kink", where f's slopes on both sides differ and the entry lies between
        them; "cannot tell", where the error bar is too wide to say.
    weight : ndarray
        An error of an entry, times this, is that part of the norm of the whole. Each entry counts by the size of
        its coordinate.
    evaluations : int
        How often f was evaluated.
    of : str
        What was checked: "gradient" or "Jacobian".

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

    def __bool__(self) -> bool:
        """Nothing is wrong, and what cannot be told could not change the whole by 1 %."""
        is_open = self.verdict == CANNOT_TELL
        with np.errstate(all="ignore"):
            doubt = float(np.linalg.norm(((self.difference + self.error) * self.weight)[is_open]))
        return not (self.verdict == WRONG).any() and (not is_open.any() or doubt <= POWER)

    @property
    def difference(self) -> Array:
        """The distance of the two gradients, at each coordinate."""
        with np.errstate(invalid="ignore"):
            difference: Array = np.abs(self.analytic - self.numeric)
        return difference

    def worst_first(self) -> Some:
        """Return the indices of the rows, the worst first."""
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
        return "\n".join([f"{self.of} check: {', '.join(counts)}", *lines, *more])

    __repr__ = __str__

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw the differences of the coordinates, with error bars, and return the Axes.

        The scale is logarithmic above the least error bar and below its negative, so that large differences and the
        bars of kinks leave room for the others.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; new Axes in a new figure if not given.
        **kwargs
            For :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        matplotlib.axes.Axes
            The Axes with the differences that are finite and a line at 0.

        Raises
        ------
        ImportError
            If new Axes are needed and Matplotlib is not installed.
        """
        ax = new_axes(ax)
        with np.errstate(invalid="ignore"):
            differences = self.analytic - self.numeric
        bars = np.where(np.isfinite(self.error), self.error, 0)
        for verdict, color, marker in list(zip(VERDICTS, COLORS, MARKERS, strict=True))[::-1]:
            some = np.flatnonzero((self.verdict == verdict) & np.isfinite(differences))
            if some.size:
                style = {"fmt": marker, "color": color, "label": verdict, "markersize": 5, "capsize": 2, **kwargs}
                ax.errorbar(some, differences[some], yerr=bars[some], **style)
        sizes = np.concatenate([bars, np.abs(differences)])
        sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
        if sizes.size:
            decades = np.log10(sizes.max() / sizes.min())
            ax.set_yscale("symlog", linthresh=sizes.min(), linscale=max(1, decades / 4))  # room for the label of 0
            ax.yaxis.get_major_locator().set_params(numticks=9)
        shown = np.arange(0, self.name.size, -(-self.name.size // NAMES_SHOWN) or 1)
        ax.set_xticks(shown, self.name[shown], rotation=90 if shown.size > 6 else 0)
        ax.set(xlabel=ax.get_xlabel() or "coordinate", ylabel=ax.get_ylabel() or "analytic - numeric")
        ax.axhline(0, color="0.8", zorder=0)
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
        return ax
