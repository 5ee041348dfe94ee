"""Points out and values in, for an f that is evaluated elsewhere; and what Info tells of f(x)."""

import numpy as np
import pytest

from gradfast import (
    Central,
    Derivative,
    Forward,
    Gradient,
    Hessian,
    Jacobian,
    ValueAndGradient,
    gradient,
    hessian,
    jacobian,
)

X = np.array([0.5, 1.0, 1.5])


def number(x):
    return np.sum(np.exp(x)) * x[0]


def array(x):
    return np.array([np.sum(x**2), x[0] * x[1]])


@pytest.mark.parametrize(
    "operator",
    [
        Gradient(number),
        Gradient(number, method=Forward(2), bounds=(0.5, 1.5)),
        Gradient(number, method=Central(4)),
        ValueAndGradient(number),
        Jacobian(array),
        Jacobian(array, method="forward", flat=True),
        Hessian(number),
        Hessian(number, diagonal=True, bounds=(0.5, 9)),
        Derivative(np.exp, n=2),
    ],
    ids=repr,
)
def test_derivatives_from_values_that_were_computed_elsewhere_have_the_same_bits(operator):
    x = X.copy()
    points = operator.points(x)
    assert points.shape[1:] == X.shape
    values = np.array([operator.f(point) for point in points])
    found, wanted = operator.combine(x, values), operator(X)
    for one, other in zip(found, wanted, strict=True) if isinstance(wanted, tuple) else [(found, wanted)]:
        assert np.array_equal(one, other)
    assert np.array_equal(x, X)


def test_points_are_those_at_which_f_is_called():
    seen = []
    gradient(lambda x: seen.append(x.copy()) or number(x), X, method="forward")
    assert np.array_equal(Gradient(number, method="forward").points(X), seen)


def test_values_that_are_missing_are_nan_and_wrong_counts_raise():
    operator = Gradient(number)
    values = np.array([number(point) for point in operator.points(X)])
    values[0] = np.nan
    assert np.isnan(operator.combine(X, values)).tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"values must be those of the 6 points along a first axis; got shape \(5,\)"):
        operator.combine(X, values[1:])
    for method in ("adaptive", "complex"):
        with pytest.raises(ValueError, match="method must be a difference method for points; got "):
            Gradient(number, method=method).points(X)
    with pytest.raises(ValueError, match="axis must be None for points; got 1"):
        Gradient(number, axis=1).points(np.array([X, X]))


@pytest.mark.parametrize("method", ["forward", "adaptive", Forward(2)], ids=str)
def test_info_tells_f_at_x_where_it_was_computed(method):
    for operator, f in ((gradient, number), (jacobian, array), (hessian, number)):
        _, info = operator(f, X, method=method, full_output=True)
        assert np.array_equal(info.value, f(X))
    _, info = gradient(number, X, full_output=True)
    assert info.value is None
    _, info = gradient(number, X, f0=3.0, method="forward", full_output=True)
    assert info.value == 3.0
    _, info = gradient(lambda x: number(x) * 1j, X, method=method, full_output=True)
    assert info.value == number(X) * 1j
