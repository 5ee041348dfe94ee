"""x beside the edge of f's domain, and x that is inf or NaN."""

import math

import numpy as np
import pytest
from objectives import bits
from ways import OF_A_POINT

from gradfast import (
    Backward,
    Central,
    Forward,
    Nodes,
    compiled,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)
from gradfast.coloring import banded

METHODS = [Central(), Forward(), Backward(), Central(4), Forward(2), Nodes((-1, 1, 2)), Central(step=1e-5)]
NO_VALUES = [math.nan, math.inf, -math.inf]


def from_one_up(x, otherwise=math.nan):
    return math.log(x[0]) + x[1] ** 2 if x[0] >= 1 else otherwise


def up_to_one(x, otherwise=math.nan):
    return math.log(x[0]) + x[1] ** 2 if x[0] <= 1 else otherwise


def roots(x):
    """Return values, of which only the first has a domain that ends at 1."""
    return np.array([math.sqrt(x[0]) * x[1] if x[0] >= 1 else math.nan, x[0] * x[1], x[1]])


def elements(x):
    return np.where(x >= 1, np.log(np.abs(x)), np.nan)


def product_from_one_up(x):
    return x[0] * x[1] if x[0] >= 1 else math.nan


@pytest.mark.parametrize("otherwise", NO_VALUES)
@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(("f", "side"), [(from_one_up, "forward"), (up_to_one, "backward")])
def test_a_gradient_beside_a_domain_is_one_sided(f, side, method, otherwise):
    slopes, info = gradient(f, [1.0, 3.0], method=method, args=(otherwise,), full_output=True)
    assert slopes == pytest.approx([1.0, 6.0], rel=1e-6, abs=2e-5 * (method.accuracy < 2))
    assert info.scheme[0] == side
    assert info.scheme[1] == gradient(lambda x: x[1], [1.0, 3.0], method=method, full_output=True)[1].scheme[1]


def test_the_other_side_costs_evaluations_only_there():
    def f(x):
        return np.sum(x**2) if x[0] >= 1 else math.nan

    point = np.full(6, 2.0)
    assert gradient(f, point, full_output=True)[1].evaluations == 12
    point[0] = 1.0
    assert gradient(f, point, full_output=True)[1].evaluations == 12 + 3  # f(x), and two nodes of one side


def test_the_value_is_that_of_x():
    value, slopes = value_and_gradient(from_one_up, np.array([1.0, 3.0]))
    assert value == 9.0
    assert slopes == pytest.approx([1.0, 6.0], rel=1e-6)


def test_a_jacobian_takes_only_the_lost_entries_from_one_side():
    x = np.array([1.0, 3.0])
    found, info = jacobian(roots, x, full_output=True)
    assert found == pytest.approx(np.array([[1.5, 1.0], [3.0, 1.0], [0.0, 1.0]]), abs=1e-8)
    assert list(info.scheme) == ["forward", "central"]
    assert np.array_equal(found[1:], jacobian(lambda x: roots(x)[1:], x))


def test_a_sparse_jacobian_beside_a_domain():
    x = np.array([1.0, 2.0, 1.0, 0.5])
    found, info = jacobian(lambda x: np.where(x >= 1, x**2, np.nan), x, sparsity=banded(4, 0, 0), full_output=True)
    assert found.toarray().diagonal() == pytest.approx([2.0, 4.0, 2.0, np.nan], nan_ok=True)
    assert list(info.scheme) == ["forward", "central", "forward", "central"]
    assert info.evaluations == 5


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_batch_beside_a_domain(vectorized):
    def f(x):
        return np.where(x[..., 0] >= 1, x[..., 0] * x[..., 1], np.nan)

    x = np.array([[1.0, 2.0], [2.0, 3.0], [0.5, 1.0]])
    found, info = gradient(f, x, axis=1, vectorized=vectorized, full_output=True)
    assert found == pytest.approx(np.array([[2.0, 1.0], [3.0, 2.0], [np.nan, np.nan]]), nan_ok=True)
    assert info.scheme[0].tolist() == ["forward", "central"]
    assert info.scheme[1].tolist() == ["central", "central"]


def test_a_vectorized_f_beside_a_domain():
    found = gradient(lambda x: np.where(x[..., 0] >= 1, x[..., 0] * x[..., 1], np.nan), [1.0, 2.0], vectorized=True)
    assert found == pytest.approx([2.0, 1.0])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("method", [Central(), Forward(), Backward()], ids=repr)
def test_derivatives_beside_a_domain(n, method):
    right = (-1) ** (n + 1) * math.factorial(n - 1)
    within = 1e-1 if n > 1 else 1e-6
    x = np.array([1.0, 2.0, 0.5])
    found, info = derivative(elements, x, n=n, method=method, full_output=True)
    assert found == pytest.approx([right, right / 2**n, np.nan], rel=within, nan_ok=True)
    assert info.scheme[0] == "forward"
    assert derivative(elements, 1.0, n=n, method=method) == found[0]
    assert derivative(lambda x: math.log(x) if x >= 1 else math.nan, 1.0, n=n, method=method) == pytest.approx(found[0])


def test_a_curve_beside_a_domain():
    slope = derivative(lambda t: np.array([math.sqrt(t) if t >= 1 else math.nan, t * t]), 1.0)
    assert slope == pytest.approx([0.5, 2.0])


@pytest.mark.parametrize("as_given", [np.array, list])
@pytest.mark.parametrize(("v", "side"), [([1.0, 1.0], "forward"), ([-1.0, 1.0], "backward")])
def test_a_direction_beside_a_domain(v, side, as_given):
    for method in (Central(), Forward(), Backward()):
        found, info = directional_derivative(
            product_from_one_up, as_given([1.0, 2.0]), as_given(v), method=method, full_output=True
        )
        assert found == pytest.approx(2 * v[0] + v[1], rel=1e-6)
        assert info.scheme == side


def test_a_hessian_beside_a_domain_looks_to_the_side_of_each_coordinate():
    def f(x):
        return x[0] ** 2 * x[1] + x[2] if x[0] >= 1 and x[1] <= 3 else math.nan

    right = np.zeros((3, 3))
    right[0, 0], right[0, 1], right[1, 0] = 6, 2, 2
    found, info = hessian(f, [1.0, 3.0, 2.0], full_output=True)
    assert found == pytest.approx(right, abs=1e-5)
    assert list(info.scheme) == ["forward", "backward", "forward"]
    assert hessian(f, [1.0, 3.0, 2.0], bounds=([1, 0, 0], [5, 3, 5])) == pytest.approx(right, abs=1e-5)


def test_bounds_are_kept_beside_a_domain():
    seen = []

    def f(x):
        seen.append(x[0])
        return math.log(x[0]) if x[0] >= 1 else math.nan

    slopes, info = gradient(f, [1.0], bounds=(0.0, 1.000001), full_output=True)
    assert slopes == pytest.approx([1.0], rel=1e-6)
    assert info.scheme == ["forward"]
    assert max(seen) <= 1.000001


def test_where_f_has_no_value_at_x_nothing_else_is_tried():
    slopes, info = gradient(lambda x: math.nan, np.ones(5), full_output=True)
    assert np.isnan(slopes).all()
    assert info.evaluations == 11
    assert list(info.scheme) == ["central"] * 5


def test_where_no_side_has_values_the_derivative_has_none():
    slopes, info = gradient(lambda x: 0.0 if x[0] == 1 else math.nan, np.ones(1), full_output=True)
    assert np.isnan(slopes).all()
    assert list(info.scheme) == ["central"]


def test_compiled_code_beside_a_domain():
    f = OF_A_POINT(lambda n, x: from_one_up(x))
    slopes, info = gradient(f, [1.0, 3.0], full_output=True)
    assert slopes == pytest.approx([1.0, 6.0], rel=1e-6)
    assert list(info.scheme) == ["forward", "central"]
    batch = np.array([[1.0, 3.0], [2.0, 3.0], [math.nan, 1.0], [0.5, 1.0]])
    right = np.array([[1.0, 6.0], [0.5, 6.0], [math.nan, math.nan], [math.nan, math.nan]])
    assert gradient(f, batch, axis=1) == pytest.approx(right, rel=1e-6, nan_ok=True)
    assert gradient(f, np.array(batch[2])) == pytest.approx(right[2], nan_ok=True)


# --- x is inf or NaN --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
@pytest.mark.parametrize("bad", NO_VALUES)
@pytest.mark.parametrize("method", [*METHODS, "complex"], ids=repr)
def test_no_derivative_where_x_is_no_number(method, bad, dtype):
    x = np.array([bad, 2.0], dtype)
    is_second = [True, False]

    def f(x):  # whatever the first is
        return np.tanh(x[1])

    slopes = gradient(f, x, method=method)
    assert np.isnan(slopes).tolist() == is_second
    assert slopes[1] == gradient(lambda x: np.tanh(x[0]), x[1:], method=method)[0]
    assert np.isnan(gradient(f, x.reshape(2, 1), method=method, bounds=(None, None))).ravel().tolist() == is_second
    matrix = jacobian(np.tanh, x, method=method)
    assert np.isnan(matrix[:, 0]).all()
    assert np.isfinite(matrix[1, 1])
    assert np.isnan(jacobian(np.tanh, x, method=method, sparsity=banded(2, 0, 0)).data).tolist() == is_second
    assert np.isnan(derivative(np.tanh, x, method=method)).tolist() == is_second
    assert np.isnan(derivative(np.tanh, x[0], method=method))
    assert np.isnan(directional_derivative(f, x, np.ones(2, dtype), method=method))
    assert np.isfinite(directional_derivative(f, x, np.array([0, 1], dtype), method=method))


@pytest.mark.parametrize("bad", NO_VALUES)
def test_no_second_derivative_where_x_is_no_number(bad):
    x = np.array([0.5, bad, 2.0])
    found = hessian(lambda x: np.tanh(x[0]) * np.tanh(x[2]), x)
    assert np.isnan(found).tolist() == [[False, True, False], [True, True, True], [False, True, False]]
    sparse = hessian(lambda x: np.tanh(x[0]) + np.tanh(x[2]), x, sparsity=banded(3, 0, 0))
    assert np.isnan(sparse.data).tolist() == [False, True, False]
    assert np.isnan(derivative(lambda x: 0.0, bad, n=2))


def test_no_derivative_at_a_float_that_is_no_number():
    for bad in NO_VALUES:
        assert math.isnan(derivative(np.tanh, bad))
        assert math.isnan(derivative(lambda x: 1.0, bad, method="forward"))


def corner(x):
    return x[0] * x[0] + x[1] * x[-1] if x[0] >= 1 and x[1] <= 2 else math.nan


@pytest.fixture(scope="module")
def compiled_corner():
    pytest.importorskip("numba", reason="numba is not installed")
    return compiled(corner)


@pytest.mark.parametrize("n", [3, 2_000])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_compiled_code_looks_to_the_other_side_as_python_does(compiled_corner, method, n):
    x = np.concatenate([[1.0, 2.0], np.linspace(3, 4, n - 2)])
    inside = np.concatenate([[1.5, 1.5], x[2:]])
    for options in ({}, {"axis": 1}, {"axis": 1, "workers": 2}):
        point = np.array([x, inside]) if options else x
        expected, there = gradient(corner, point, method=method, full_output=True, axis=options.get("axis"))
        found, info = gradient(compiled_corner, point, method=method, full_output=True, **options)
        assert bits(found) == bits(expected) == bits(gradient(compiled_corner, point, method=method, **options))
        assert (info.evaluations, info.scheme.tolist()) == (there.evaluations, there.scheme.tolist())
        assert list(info.scheme.flat[:2]) == ["forward", "backward"]


@pytest.mark.parametrize("bad", NO_VALUES)
def test_no_second_derivative_of_a_sparse_hessian_where_x_is_no_number(bad):
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    found = hessian(lambda x: np.tanh(x[0]), np.array([0.5, bad]), sparsity=np.ones((2, 2))).toarray()
    assert np.isnan(found).tolist() == [[False, True], [True, True]]
