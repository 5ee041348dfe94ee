"""Info: what an operator did; and how the results of several operators become one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from gradfast.parameters import are_parameters, is_labeled, mapped
from gradfast.values.arguments import Array, Function, Words, number_or_array


class Look(NamedTuple):
    """One step that the adaptive method tried, and what was known after it."""

    coordinate: int  # in C order
    step: float
    value: Array  # of the derivative along that coordinate, one for each of f's values
    error: Array


@dataclass(frozen=True, eq=False)
class Info:
    """What an operator did: its second result with ``full_output=True``.

    Attributes
    ----------
    evaluations : int
        How often f was evaluated, each point of a vectorized call counted.
    step : ndarray
        The size of the step along each coordinate, of x's shape and in its units; 0 where bounds leave no room.
    scheme : ndarray of str
        What was done to each coordinate, of x's shape: "central", "forward", "backward", "complex", or "fixed" where
        bounds leave no room, so that the derivative is 0. If f is inf or NaN on one side of x, this is the other side.
    error : ndarray, optional
        With method "adaptive" an estimate of the absolute error, of the result's shape.
    converged : ndarray of bool, optional
        With method "adaptive" whether the error is at most 1e-6 of the value, or `rtol` of it if that is more; for a
        float32 x, at most 2e-4 of it. A derivative that f's rounding hides beside 0 has converged, too.
    value : float or ndarray, optional
        f(x), if it was computed or given. One-sided and adaptive methods compute it, and ``has_aux=True`` does.
    trace : list of Look, optional
        With method "adaptive" the steps in the order in which they were tried. Each is a named tuple: the index of
        the ``coordinate`` in C order, the ``step``, and the derivative, ``value``, and its ``error`` that were known
        then. Of a Hessian, the trace is that of its diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import gradient
    >>> slopes, info = gradient(lambda x: np.sum(x**2), [1.0, 2.0], full_output=True)
    >>> info.evaluations, info.scheme.tolist()
    (4, ['central', 'central'])
    """

    evaluations: int
    step: Array
    scheme: Words
    error: Any = None
    converged: Any = None
    value: Any = None
    trace: list[Look] | None = None


# Those of its attributes that have an item for each coordinate, or for each of the result.
ARRAYS = ("step", "scheme", "error", "converged")


def with_arrays(info: Info, change: Function) -> Info:
    """Return what was done, with what `change` makes of each array."""
    parts = {name: getattr(info, name) for name in ARRAYS}
    return replace(info, **{name: change(part) for name, part in parts.items() if part is not None})


def info_of_all(infos: Sequence[Info], join: Callable[[list[Array]], Any]) -> Info:
    """Return what was done at several points, or along several directions, whose arrays are joined."""
    parts: dict[str, Any] = {name: [getattr(info, name) for info in infos] for name in ARRAYS}
    known = [name for name in ARRAYS if name in ("step", "scheme") or (infos and parts[name][0] is not None)]
    return Info(sum(info.evaluations for info in infos), **{name: join(parts[name]) for name in known})


def joined(real: Any, imaginary: Any) -> object:
    """Return derivatives whose real and imaginary parts were computed alone: numbers, arrays, parameters by name."""
    if are_parameters(real) and not is_labeled(real):
        return mapped(joined, real, imaginary)
    if isinstance(real, (float, np.ndarray, np.generic)):
        out = np.empty(np.shape(real), np.result_type(np.asarray(real).dtype, np.complex64))
        out.real, out.imag = real, imaginary
        return number_or_array(out)
    return real + 1j * imaginary  # of pandas, of SciPy's sparse arrays


def joined_info(real: Info, imaginary: Info, evaluations: int) -> Info:
    """Return what was done for both parts: steps and schemes are the same, errors add up as the legs of a triangle."""
    if real.value is not None:
        real = replace(real, value=joined(real.value, imaginary.value))
    if real.error is None:
        return replace(real, evaluations=evaluations)
    join: Function = mapped if are_parameters(real.error) else lambda f, *parts: f(*parts)
    error = join(np.hypot, real.error, imaginary.error)
    converged = join(np.logical_and, real.converged, imaginary.converged)
    return replace(real, evaluations=evaluations, error=error, converged=converged)
