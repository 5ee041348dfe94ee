"""f's values from elsewhere, as from a batch queue: the points at which they are needed, and what follows from them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast.arguments import Array, real_numbers
from gradfast.methods import Difference
from gradfast.options import COMMON, WithOptions


class FromElsewhere(WithOptions):
    """An operator whose f may be evaluated elsewhere."""

    def points(self, x: Any) -> Array:
        """Return the points at which f is needed for x, if f is evaluated elsewhere, as in a batch queue.

        Parameters
        ----------
        x : array_like
            One point of any shape. It is copied.

        Returns
        -------
        ndarray
            Shape ``(m, *x.shape)``: m points. :meth:`combine` takes f's values there, in the same order.

        Raises
        ------
        ValueError
            If the operator has an axis; if its method is "adaptive", which chooses points by f's values, or
            "complex", which checks its result.
        """
        recorder = Recorder(self.single, self.is_elementwise, None)
        self._elsewhere(recorder)(np.array(self._point(x)))
        return np.array(recorder.points).reshape(-1, *np.shape(x))

    def combine(self, x: Any, values: Any) -> Any:
        """Return the derivatives at x from f's values at ``points(x)``.

        Parameters
        ----------
        x : array_like
            The x that :meth:`points` was called with.
        values : array_like
            f's value at each of the m points, along a first axis: shape ``(m,)`` if f returns numbers.

        Returns
        -------
        ndarray or float
            What the operator returns at x, without an :class:`Info` or aux.

        Raises
        ------
        TypeError
            If values are not real numbers.
        ValueError
            If there is not one value for each point; as for :meth:`points`.
        """
        wanted = len(self.points(x))
        array = real_numbers("values", values)
        if array.shape[:1] != (wanted,):
            raise ValueError(f"values must be those of the {wanted} points along a first axis; got shape {array.shape}")
        return self._elsewhere(Recorder(self.single, self.is_elementwise, array))(np.array(self._point(x)))

    def _elsewhere(self, f: Callable[..., Any]) -> Any:
        if not isinstance(self.method, Difference):
            raise ValueError(f"method must be a difference method for points; got {self.method!r}")
        if self.axis is not None:
            raise ValueError(f"axis must be None for points; got {self.axis!r}")
        kept = {name: value for name, value in self._given_options().items() if name not in COMMON[1:]}
        kind: Any = type(self)
        return kind(f, **kept)


class Recorder:
    """Stands for an f that is evaluated elsewhere: it notes its points, and returns values that are known by now."""

    def __init__(self, single: bool, is_elementwise: bool, values: Array | None) -> None:
        self.single, self.is_elementwise, self.values = single, is_elementwise, values
        self.points: list[Array] = []

    def __call__(self, x: Any) -> Any:
        k = len(self.points)
        self.points.append(np.array(x))
        if self.values is not None:
            return self.values[k] if k < len(self.values) else np.full(self.values.shape[1:], np.nan)[()]
        if self.single:
            return float(k)
        return np.full(np.shape(x) if self.is_elementwise else (1,), float(k))
