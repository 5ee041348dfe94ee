"""What a gradient check found: a table, a record, a figure, and whether it is right."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast.arguments import Array
from gradfast.matplotlib_axes import new_axes

Verdicts = npt.NDArray[np.str_]

# From the worst to the best; only the first two make a check false.
WRONG, CANNOT_TELL, KINK, RIGHT = VERDICTS = ("wrong", "cannot tell", "kink", "right")

ROWS_SHOWN = 10


@dataclass(frozen=True, repr=False, eq=False)
class GradientCheck:
    """What :func:`check_gradient` found: true if nothing is wrong and nothing undecided.

    Attributes
    ----------
    name : ndarray of str
        Shape (m,), as all: the coordinates as their owner writes them, ``x[3]`` or ``W1[2, 0]``.
    analytic, numeric, error : ndarray
        The gradient checked, the numerical one, and the error bar of the latter.
    tolerance : ndarray
        By how much they may differ besides the error bar.
    verdict : ndarray of str
        "right"; "wrong"; "kink", where f's slopes on both sides differ and the gradient lies between
        them; "cannot tell", where f is so noisy or rough that the error bar leaves it open.
    evaluations : int
        How often f was evaluated.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import check_gradient
    >>> check = check_gradient(lambda x: np.sum(x**2), [2.0, 5.0], [1.0, 2.0])
    >>> print(check.verdict, check.name[check.worst_first()[0]], check.difference.round(6))
    ['right' 'wrong'] x[1] [0. 1.]
    """

    name: Verdicts
    analytic: Array
    numeric: Array
    error: Array
    tolerance: Array
    verdict: Verdicts
    evaluations: int

    def __bool__(self) -> bool:
        is_right = not bool(np.isin(self.verdict, (WRONG, CANNOT_TELL)).any())
        if not is_right and "PYTEST_CURRENT_TEST" in os.environ:
            print(self)  # pytest cuts the repr of what is asserted, and shows what was printed
        return is_right

    @property
    def difference(self) -> Array:
        """How far the gradients are apart."""
        with np.errstate(invalid="ignore"):
            difference: Array = np.abs(self.analytic - self.numeric)
        return difference

    def worst_first(self) -> npt.NDArray[np.intp]:
        """Return the indices of the rows by falling severity."""
        with np.errstate(all="ignore"):
            excess = np.nan_to_num(self.difference / (self.tolerance + self.error), nan=np.inf)
        return np.lexsort((-excess, [VERDICTS.index(verdict) for verdict in self.verdict]))

    def record(self) -> npt.NDArray[Any]:
        """Return the rows as a structured array, with the attributes and the difference as fields."""
        names = ("name", "analytic", "numeric", "difference", "error", "verdict")
        columns: list[Array] = [getattr(self, name) for name in names]
        record = np.empty(self.name.shape, [(name, column.dtype) for name, column in zip(names, columns, strict=True)])
        for name, column in zip(names, columns, strict=True):
            record[name] = column
        return record

    def __str__(self) -> str:
        counts = [f"{int((self.verdict == verdict).sum())} {verdict}" for verdict in VERDICTS]
        rows: list[tuple[str, ...]] = [("coordinate", "analytic", "numeric", "difference", "error bar", "verdict")]
        for i in self.worst_first()[:ROWS_SHOWN]:
            numbers = (f"{part[i]:.8g}" for part in (self.analytic, self.numeric))
            sizes = (f"{part[i]:.1e}" for part in (self.difference, self.error))
            rows.append((str(self.name[i]), *numbers, *sizes, str(self.verdict[i])))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        left = self.name.size - ROWS_SHOWN
        more = [f"... and {left} more"] if left > 0 else []
        return "\n".join([f"gradient check: {', '.join(counts)}", *lines, *more])

    __repr__ = __str__

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:
        """Draw the differences against the coordinates, with error bars, and return the Axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; new Axes in a new figure if not given.
        **kwargs
            For :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        matplotlib.axes.Axes
            The Axes with the differences and a line at 0.

        Raises
        ------
        ImportError
            If new Axes are needed and Matplotlib is not installed.
        """
        ax = new_axes(ax)
        finite = np.where(np.isfinite(self.error), self.error, 0)
        colors = {WRONG: "#D55E00", CANNOT_TELL: "#E69F00", KINK: "#56B4E9", RIGHT: "#009E73"}
        for verdict in reversed(VERDICTS):
            some = np.flatnonzero(self.verdict == verdict)
            if some.size:
                style = {"fmt": ".", "color": colors[verdict], "label": verdict, **kwargs}
                ax.errorbar(some, (self.analytic - self.numeric)[some], yerr=finite[some], **style)
        ax.set(xlabel=ax.get_xlabel() or "coordinate", ylabel=ax.get_ylabel() or "analytic - numeric")
        ax.axhline(0, color="0.8", zorder=0)
        ax.legend()
        return ax
