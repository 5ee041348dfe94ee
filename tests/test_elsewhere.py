"""Points out and values in, for an f that is evaluated elsewhere; and what Info tells of f(x)."""

import numpy as np
import pytest

from gradfast import (
    Central,
    Derivative,
    DirectionalDerivative,
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


def array_of_x(x):
    return np.array(x**3)


def complex_array(x):
    return np.exp(1j * x)


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
        Hessian(array),
        Hessian(gradient=array_of_x),
        Hessian(gradient=array_of_x, sparsity=np.eye(3, dtype=bool), verify=True),
        Jacobian(array_of_x, sparsity=np.eye(3, dtype=bool)),
        Jacobian(complex_array),
    ],
    ids=repr,
)
def test_derivatives_from_values_that_were_computed_elsewhere_have_the_same_bits(operator):
    x = X.copy()
    points = operator.points(x)
    assert points.shape[1:] == X.shape
    f = getattr(operator, "gradient", None) or operator.f
    values = np.array([f(point) for point in points])
    found, wanted = operator.combine(x, values), operator(X)
    if hasattr(wanted, "toarray"):
        found, wanted = found.toarray(), wanted.toarray()
    for one, other in zip(found, wanted, strict=True) if isinstance(wanted, tuple) else [(found, wanted)]:
        assert np.array_equal(one, other)
    assert np.array_equal(x, X)


@pytest.mark.parametrize("f", [number, array], ids=["number", "array"])
@pytest.mark.parametrize("v", [X, np.eye(3)], ids=["one", "many"])
@pytest.mark.parametrize("options", [{}, {"method": "forward"}, {"n": 2, "method": Central(4)}], ids=str)
def test_values_from_elsewhere_along_directions(f, v, options):
    operator = DirectionalDerivative(f, **options)
    values = [f(point) for point in operator.points(X, v)]
    assert np.array_equal(operator.combine(X, v, values), operator(X, v))


def test_values_from_elsewhere_may_be_in_single_precision():
    operator = Gradient(number, method=Central(step=0.01))
    values = np.array([number(point) for point in operator.points(X)], "f4")
    assert operator.combine(X, values) == pytest.approx(operator(X), rel=1e-3)


@pytest.mark.parametrize("options", [{}, {"method": "forward"}, {"method": Central(noise=1e-12)}], ids=str)
@pytest.mark.parametrize("char", "ef")
def test_values_too_coarse_for_the_points_warn(options, char):
    operator = Gradient(number, **options)
    values = [np.dtype(char).type(number(point)) for point in operator.points(X)]
    message = rf"values are {np.dtype(char)}, and the points are too close to x"
    with pytest.warns(RuntimeWarning, match=message) as caught:
        operator.combine(X, values)
    assert caught[0].filename == __file__


def test_values_as_coarse_as_x_do_not_warn():
    x = X.astype("f4")
    operator = Gradient(number)
    values = np.array([number(point) for point in operator.points(x)], "f4")
    assert operator.combine(x, values) == pytest.approx(operator(X), rel=1e-3)


@pytest.mark.parametrize("char", "fdg")
def test_points_have_the_precision_of_x(char):
    x = X.astype(char) / 3
    operator = Gradient(number)
    points = operator.points(x)
    assert points.dtype == x.dtype
    tolerance = {"f": 1e-3, "d": 1e-8, "g": 1e-11}[char]
    assert operator.combine(x, [number(point) for point in points]) == pytest.approx(operator(x), rel=tolerance)


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
    with pytest.raises(ValueError, match=r"values must be those of the 6 points along a first axis; got shape \(7,\)"):
        operator.combine(X, np.ones(7))
    for given in (["a"] * 6, np.zeros(6, "m8[s]"), np.zeros(6, "M8[s]")):
        with pytest.raises(TypeError, match="values must hold numbers; got"):
            operator.combine(X, given)
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


def test_info_tells_f_at_x_of_sparse_derivatives_of_many_points_and_of_many_values():
    pattern = np.eye(3, dtype=bool)
    _, info = jacobian(array_of_x, X, sparsity=pattern, method="forward", full_output=True)
    assert np.array_equal(info.value, X**3)
    _, info = hessian(lambda x: np.sum(x**3), X, sparsity=pattern, full_output=True)
    assert info.value == np.sum(X**3)
    _, info = hessian(array, X, full_output=True)
    assert np.array_equal(info.value, array(X))
    points = np.array([X, X + 1])
    for method in ("forward", "adaptive"):
        _, info = jacobian(array, points, axis=1, method=method, full_output=True)
        assert np.array_equal(info.value, [array(point) for point in points])
    _, info = jacobian(array, points, axis=1, full_output=True)
    assert info.value is None
