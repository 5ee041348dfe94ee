"""Higher adaptive derivatives of an f that takes complex numbers, which tells its value and its slope at once.

``f(x + h + i t)`` is ``f(x + h) + i t f'(x + h)`` if f is analytic and the square of t is lost to rounding. Nothing is
subtracted for this slope. Its derivative of order n - 1 is f's n-th, and has far less rounding than that of f's values.
It is believed only where these agree with it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.adaptive_search import Search
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.returned_value import values_of
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.calls.evaluators import call_of
from gradfast.steps.methods import RELATIVE_STEP, imaginary_steps_at
from gradfast.values.arguments import EPS, Array, Flags, Some

COMPLEX = 3  # the side of a line whose derivative is that of the slope

# The looks are chosen for f's values, not for its slope: so the slope's bars are made this many times as wide. At their
# own width, 19 of 546 bars do not cover the error, and with this 7; by f's values alone 6 do not.
WIDER = 3.0

# f at a real and at a complex point agree to so many roundings. With 4, 20 of 416 functions are not taken for the same.
SAME = 16

# Beyond a branch point, as beyond 0 for sqrt, a value's imaginary part is no slope: it is as large as f itself. A part
# larger than this is no slope. If it were taken for one, 20 of the 416 functions would not be taken for the same.
TINY = 2.0**-20

NEITHER = complex(np.nan, np.nan)  # neither a value nor a slope

EXTRA = 3  # evaluations: at a complex point beside x, and at the real points of the first look


class DifferentError(Exception):
    """f is another function of complex numbers than of real ones."""


class ComplexSearch(Search):
    """A search for n-th derivatives by f's values, with one for those of order n - 1 of the slope at the same looks."""

    def __init__(self, center: Array, places: Array, eps: float, tolerance: float, *options: Any) -> None:
        enough, digits, most, n = options
        super().__init__(center.real, places, eps, tolerance, enough, digits, most - EXTRA, n)
        self.of_slope = Search(center.imag, places, eps, tolerance, enough, digits, most, n - 1)
        self.tolerance, self.is_done = tolerance, False

    def ask(self) -> tuple[int, Some, Array] | None:
        return None if self.is_done else super().ask()

    def tell(self, side: int, chosen: Some, values: Array, steps: Array) -> None:
        super().tell(side, chosen, values.real, steps)
        self.of_slope.tell(side, chosen, values.imag, steps)
        value, bar, *_ = self.results()
        self.is_done = bool((bar <= self.tolerance * np.abs(value)).all())

    def results(self) -> tuple[Array, Array, Flags, Array, Some]:
        """Return the derivatives by the slope where they have smaller bars, and f's values know enough to agree."""
        value, bar, is_known, radius, side = super().results()
        slope, other, _, longest, _ = self.of_slope.results()
        other *= WIDER
        # With a slope of 0 everywhere, its bar is nearly 0: f drops the imaginary part.
        better = is_known & (2.0**-60 * bar < other) & (other < bar) & (np.abs(slope - value) <= bar)
        value[better], bar[better] = slope[better], other[better]
        lines = better.all(axis=1)
        radius[lines], side[lines] = longest[lines], COMPLEX
        return value, bar, is_known, radius, side


class ComplexValues:
    """f's values where elements of x are moved, at complex points; their imaginary parts are the slopes."""

    def __init__(self, e: Evaluator, center: Array, values: Callable[[Array, Some, Stencil], Array]) -> None:
        """Take f's values at x, and those that f has at real points, to compare."""
        self.e, self.call, self.values, self.largest = e, call_of(e), values, np.abs(center)
        self.is_confirmed = np.zeros(len(center), bool)
        # Beside an x of 0, f may be of any scale.
        self.short = imaginary_steps_at(e.steps_from) * np.where(e.steps_from == 0, RELATIVE_STEP, 1)
        self.center = self.at(np.zeros_like(self.short))
        self.require_same(self.center.real, center, self.largest)

    def at(self, moves: Array) -> Array:
        """Return f's value and slope at each element, as a row of complex numbers."""
        self.e._count(self.e.points_a_row)
        z = (self.e.steps_from + moves + 1j * self.short).reshape(self.e.base.shape)
        try:
            found = values_of(self.call.f(z[()], *self.call.args))
        except Exception:
            if not (self.call.forgives and moves.any()):
                raise
            return np.full_like(self.center, NEITHER)
        if found.dtype.kind != "c":
            raise DifferentError
        rows = found.astype(np.result_type(found, self.short)).reshape(self.largest.shape)
        rows[~np.isfinite(rows)] = NEITHER
        self.largest = np.fmax(self.largest, np.abs(rows))
        rows[(moves != 0)[:, np.newaxis] & (np.abs(rows.imag) > TINY * self.largest)] = NEITHER
        rows.imag /= self.short[:, np.newaxis]
        return rows

    def __call__(self, steps: Array, chosen: Some, stencil: Stencil) -> Array:
        rows = np.empty((chosen.size, len(stencil.nodes), self.largest.shape[1]), self.center.dtype)
        for k, node in enumerate(stencil.nodes):
            moves = np.zeros_like(self.short)
            moves[chosen] = node * steps
            rows[:, k] = self.at(moves)[chosen]
        new = ~self.is_confirmed[chosen]
        if new.any():
            real = self.values(steps[new], chosen[new], stencil).reshape(rows[new].shape)
            self.require_same(rows[new].real, real, self.largest[chosen[new], np.newaxis])
            self.is_confirmed[chosen[new]] = np.isfinite(real).all(axis=(1, 2))
        return rows.reshape(-1, rows.shape[2])

    def require_same(self, values: Array, real: Array, largest: Array) -> None:
        is_same = np.abs(values - real) <= SAME * EPS[self.e.precision] * largest
        if not (is_same | ~(np.isfinite(values) | np.isfinite(real))).all():
            raise DifferentError
