"""f's values from elsewhere, as from a batch queue: the points at which they are needed, and what follows from them."""

from typing import Any

import numpy as np

from gradfast.arguments import Array, Function, as_array
from gradfast.operator_options import COMMON, WithOptions


class FromElsewhere(WithOptions):
    """An operator whose f may be evaluated elsewhere."""

    def points(self, x: object) -> Array:
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
        return self._points(x)

    def combine(self, x: object, values: object) -> Any:
        """Return the derivatives at x from f's values at the points needed for it.

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
            If values are not numbers.
        ValueError
            If there is not one value for each point; as for :meth:`points`.
        """
        return self._combine(values, x)

    def _points(self, x: object, *v: object) -> Array:
        recorder = Recorder(self._stand_in(x))
        self._elsewhere(recorder)(np.array(self._point(x)), *v)
        return np.array(recorder.points).reshape(-1, *np.asarray(x).shape)

    def _combine(self, values: object, x: object, *v: object) -> object:
        points, array = self._points(x, *v), as_array("values", values)
        if array.dtype.kind not in "fiubc":
            raise TypeError(f"values must hold numbers; got {values!r}")
        if array.shape[:1] != (len(points),):
            wanted = f"those of the {len(points)} points along a first axis"
            raise ValueError(f"values must be {wanted}; got shape {array.shape}")
        # Steps were chosen for the precision of x alone: that of the values comes too late.
        array = array.astype(np.result_type(array, np.float64))
        return self._elsewhere(Known(points, array))(np.array(self._point(x)), *v)

    def _stand_in(self, x: object) -> float | Array:
        """Return something of the shape of f's value, as far as it matters before values are combined."""
        return 0.0 if self.single else np.zeros(np.asarray(x).shape if self.is_elementwise else 1)

    def _elsewhere(self, f: Function) -> Function:
        if not self.method.options(1):
            raise ValueError(f"method must be a difference method for points; got {self.method!r}")
        if self.axis is not None:
            raise ValueError(f"axis must be None for points; got {self.axis!r}")
        without = {*COMMON[1:], "verify"}
        kept = {name: value for name, value in self._given_options().items() if name not in without}
        kind: Function = type(self)
        operator: Function = kind(**kept | {"gradient": f}) if "gradient" in kept else kind(f, **kept)
        return operator


class Recorder:
    """Stands for an f that is evaluated elsewhere, and notes its points. Its values all differ."""

    def __init__(self, value: float | Array) -> None:
        self.value, self.points = value, list[Array]()

    def __call__(self, x: object) -> object:
        self.points.append(np.array(x))
        return self.value + len(self.points)


class Known:
    """Stands for an f that was evaluated elsewhere: its values are known at some points, and NaN at others."""

    def __init__(self, points: Array, values: Array) -> None:
        self.values = values
        self.rows = {point.tobytes(): row for row, point in reversed(list(enumerate(points)))}

    def __call__(self, x: object) -> object:
        row = self.rows.get(np.asarray(x).tobytes())
        return np.full(self.values.shape[1:], np.nan)[()] if row is None else self.values[row]
