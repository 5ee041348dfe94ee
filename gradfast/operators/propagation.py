"""propagate: the covariance of f(x) from that of x."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from gradfast._kernels.returned_value import values_of
from gradfast.operators.jacobians import Jacobian
from gradfast.parameters import Labels, are_parameters, is_labeled, ravel
from gradfast.steps.difference_methods import Difference, Method
from gradfast.steps.methods import AnyMethod, as_method
from gradfast.steps.steps_and_bounds import best_relative_step, least_scale
from gradfast.values.arguments import EPS, Array, Function, as_array, number_or_array, real_numbers


def propagate(
    f: Function, x: Any, cov: Any, *, method: AnyMethod = "central", bounds: object = None, args: object = (),
    kwargs: Mapping[str, object] | None = None, argnum: int = 0,
) -> tuple[Any, Any]:  # fmt: skip
    """Return f(x) and its covariance, to first order in that of x.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns a number or an array.
    x : array_like
        Where f is linearized; for example estimates. As for :func:`jacobian`, also parameters by name.
    cov : float or array_like
        The covariance matrix of x, of shape (n, n) for n coordinates in C order; or a variance for each
        coordinate, which are then independent, of shape (n,) or of x's; or one variance for all. A pandas object is
        read by its labels if x has labels too.
    method, bounds, args, kwargs, argnum
        As for :func:`jacobian`. Difference methods that are given no ``step``, ``rel_step`` or ``scale`` have the same
        steps as there, but where x is near 0: a step that is no small part of abs(x) is at most a sixteenth of x's
        standard deviation, whatever x's units are. (It is longer if f's values are coarser than x.)

    Returns
    -------
    float or ndarray
        f(x), as f returned it.
    float or ndarray
        The covariance ``J cov J^T``, in units of f squared, of shape ``f(x).shape + f(x).shape``; of a number, the
        variance.

    Raises
    ------
    TypeError
        If cov holds no real numbers; as for :func:`jacobian`.
    ValueError
        If cov has another shape, or a matrix is not symmetric, or a variance is negative; as for :func:`jacobian`.

    Notes
    -----
    J is the Jacobian at x: 2 n + 1 evaluations. The result is exact for a linear f, and good where f is nearly
    linear within a few standard deviations of x [1]_. Thread-safety: as for :func:`gradient`.

    References
    ----------
    .. [1] Ku, "Notes on the use of propagation of error formulas", J. Research of the National Bureau of Standards
       70C (1966) 263-273.

    Examples
    --------
    >>> from gradfast import propagate
    >>> area = lambda sides: sides[0] * sides[1]
    >>> value, variance = propagate(area, [2.0, 3.0], [0.01, 0.04])
    >>> print(value, variance.round(6))
    6.0 0.25
    """
    if is_labeled(cov) and is_labeled(x) and (x.ndim == 1 or cov.shape == x.shape):
        labels = Labels.of(x)
        cov = labels._replace(axes=labels.axes * cov.ndim).aligned("cov", cov)
    point = ravel(x)[0] if are_parameters(x) else as_array("x", x)
    cov, variances = _checked(cov, n := point.size)
    precision = EPS.get(point.dtype.char, EPS["d"])
    method = _within_deviations(as_method(method), np.sqrt(variances).reshape(point.shape), precision)
    operator = Jacobian(Doubled(f), method=method, flat=True, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=True)
    jacobian, value = operator._at(x, args)
    shape = values_of(value).shape
    matrix = np.reshape(jacobian, (prod(shape), n))
    right = matrix.conj().T
    found = matrix @ (cov @ right if cov.shape == (n, n) else variances[:, np.newaxis] * right)
    return value, number_or_array(found.reshape(shape * 2))


class Doubled:
    """f, that returns its value twice: as what is differentiated, and as what is returned as it is."""

    def __init__(self, f: Function) -> None:
        self.f = f

    def __call__(self, *args: object, **kwargs: object) -> tuple[object, object]:
        value = self.f(*args, **kwargs)
        return value, value.copy() if isinstance(value, np.ndarray) else value


def _within_deviations(method: Method, deviations: Array, eps: float) -> Method:
    """Return a method whose default steps near 0, in x's precision, are a small part of x's standard deviations.

    A smaller part than this, and f's values might be too coarse to show how f moves where x is 0.
    """
    if not isinstance(method, Difference) or (method.step, method.rel_step, method.scale) != (None, None, None):
        return method
    scale = deviations / 16 / best_relative_step(method.candidates(1)[0][0], eps)
    return method.with_steps(scale=np.fmin(scale, least_scale(1, method.accuracy)))


def _checked(cov: object, n: int) -> tuple[Array, Array]:
    """Return a covariance of n coordinates and their variances; ValueError unless it can be one."""
    array = real_numbers("cov", cov)
    if array.shape == (n, n):
        scale = np.sqrt(np.abs(np.diagonal(array)))
        if (np.abs(array - array.T) > 1e-8 * np.outer(scale, scale)).any():
            raise ValueError(f"cov must be symmetric; got {cov!r}")
        if (np.abs(array) > (1 + 1e-8) * np.outer(scale, scale)).any():
            raise ValueError(f"cov must have no correlation beyond 1; got {cov!r}")
        variances = np.diagonal(array)
    elif array.size in (1, n):
        variances = np.broadcast_to(array.reshape(-1), (n,))
    else:
        raise ValueError(
            f"cov must be one variance, {n} variances or a matrix of shape {(n, n)}; got shape {array.shape}"
        )
    if (variances < 0).any():
        raise ValueError(f"cov must have no negative variance; got {variances.min()}")
    return array, variances
