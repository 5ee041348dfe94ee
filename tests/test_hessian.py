import re
from operator import attrgetter

import numpy as np
import pytest
import twins
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from objectives import bits, cubes, rosen, rosen_gradient, rosen_hessian, same
from strategies import FLOATS, points
from ways import AT_A_POINT

from gradfast import Backward, Central, Forward, Hessian, gradient, hessian

METHODS = ["central", "forward", "backward", Central(4), Forward(2), Central(step=0.01)]


def sum_of_squares(x):
    return np.sum(x**2)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("accuracy", "evaluations", "tolerance"), [(2, 421, 1e-6), (4, 841, 1e-9)])
def test_the_hessian_of_rosen(way, accuracy, evaluations, tolerance):
    for x in (*np.random.default_rng(0).uniform(-1.0, 1.5, (10, 20)), np.full(20, 1.2), np.tile([-1.2, 1.0], 10)):
        exact = rosen_hessian(x)
        found, info = way.hessian(rosen, x, method=Central(accuracy), full_output=True)
        assert info.evaluations == evaluations
        assert np.abs(found - exact).max() < tolerance * np.abs(exact).max()


# Name: f, x, its hessian there.
KNOWN = {
    "squares": (sum_of_squares, [1, 2, 3], 2 * np.eye(3)),
    "cosine of a difference": (lambda x: np.cos(x[0] - x[1]), [0, 0], np.array([[-1.0, 1.0], [1.0, -1.0]])),
    "product": (
        lambda x: x[0] * x[1] * x[2] + np.exp(x[0]) * x[1],
        [3.0, 5.0, 7.0],
        np.array([[np.exp(3) * 5, np.exp(3) + 7, 5.0], [np.exp(3) + 7, 0.0, 3.0], [5.0, 3.0, 0.0]]),
    ),
    "least squares": (
        lambda b: np.sum((np.array([1.0, 2.0, 4.0]) - np.array([[1, 0], [1, 1], [1, 2]]) @ b) ** 2),
        [1.0, 1.0],
        np.array([[6.0, 6.0], [6.0, 10.0]]),
    ),
    "linear": (lambda x: 3 * x[0] - x[1], [0.3, 12.0], np.zeros((2, 2))),
    "a number": (lambda x: x**3, 2.0, np.array(12.0)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("method", "tolerance"), [("forward", 1e-3), ("backward", 1e-3), ("central", 1e-6), (Central(4), 1e-8)]
)
def test_known_hessians(way, name, method, tolerance):
    f, x, expected = KNOWN[name]
    found = way.hessian(f, x, method=method)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 3e-3), ("f8", 1e-6), ("g", 1e-8)])
def test_each_dtype_reaches_its_own_accuracy(way, dtype, tolerance):
    x = np.array([-1.2, 1.0, 0.7, 1.3], dtype)
    exact = rosen_hessian(x.astype("g"))
    for options in ({}, {"gradient": rosen_gradient}):
        found = way.hessian(rosen, x, **options)
        assert found.dtype == x.dtype
        assert np.abs(found - exact).max() < tolerance * np.abs(exact).max()


@given(points(dtypes=FLOATS, max_dims=3, max_side=3, magnitude=8.0), st.sampled_from(METHODS), st.booleans())
def test_a_hessian_is_symmetric_to_the_bit_and_has_the_shape_of_x_twice(way, x, method, has_bounds):
    def f(x):
        return np.sum(np.sin(x)) * np.sum(x**3)

    bounds = (x.min(), x.max()) if has_bounds and x.size else None
    for found in (
        way.hessian(f, x, method=method, bounds=bounds),
        hessian(None, x, gradient=lambda x: np.cumsum(x).reshape(x.shape) ** 2, method=method, bounds=bounds),
    ):
        assert found.shape == x.shape * 2
        matrix = found.reshape(x.size, x.size)
        assert same(matrix, matrix.T)


@given(
    points(dtypes=("f8",), max_dims=2, min_side=1, max_side=3, magnitude=8.0),
    st.sampled_from(METHODS),
)
def test_a_quadratic_f_with_exact_arithmetic_is_exact(way, x, method):
    x[...] = np.round(x)
    weights = np.arange(x.size**2).reshape(x.size, x.size)

    def f(x):
        return np.einsum("i,ij,j->", x.reshape(-1), weights, x.reshape(-1))

    method = type(Central())(step=0.25) if method == "central" else type(Forward())(step=0.25)
    found = way.hessian(f, x, method=method)
    assert np.array_equal(found.reshape(x.size, x.size), weights + weights.T)


@given(points(max_dims=1, min_side=2, max_side=4), st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_permuting_coordinates_permutes_the_hessian(way, x, method, random):
    order = list(range(x.size))
    random.shuffle(order)

    def f(x):
        return sum(sorted((float(value) ** 3 for value in x), key=abs))  # one order of summation, whatever that of x

    found = way.hessian(f, x, method=method)
    assert same(way.hessian(f, x[order], method=method), found[np.ix_(order, order)])


@given(
    points(dtypes=FLOATS, max_dims=1, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS), st.booleans()
)
def test_a_vectorized_f_gives_the_same_bits(x, method, has_bounds):
    options = {"method": method, "bounds": (x.min(), x.max()) if has_bounds else None}
    found, info = hessian(cubes, x, vectorized=True, full_output=True, **options)
    expected, expected_info = hessian(cubes, x, full_output=True, **options)
    assert same(found, expected)
    assert info.evaluations == expected_info.evaluations


@pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin
@given(
    points(dtypes=FLOATS, max_dims=1, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS), st.booleans()
)
@settings(max_examples=30)
def test_each_way_gives_the_bits_and_the_evaluations_of_the_plain_twin(way, x, method, has_bounds):
    assume(way.takes(dtype=x.dtype.char))
    options = {"method": method, "bounds": (x.min(), x.max()) if has_bounds else None, "full_output": True}
    found, info = way.hessian(cubes, x, **options)
    expected, twin = twins.hessian(cubes, way.as_evaluated(x), **options)
    assert same(found, expected.astype(x.dtype))
    assert np.array_equal(info.step, twin.step)
    assert info.evaluations == twin.evaluations


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("bounds", [None, ([[-9, 1], [0, 0]], [[9, 9], [2, 3]])])
def test_x_may_have_any_layout(way, method, bounds):
    x = np.array([[0.5, 1.0], [2.0, 3.0]])

    def f(x):
        (a, b), (c, d) = x
        return np.sin(a * b) * np.exp(c) + a * d**3

    expected = way.hessian(f, x, method=method, bounds=bounds)
    for other in (x.T.copy().T, np.repeat(x, 2, axis=1)[:, ::2], x[::-1].copy()[::-1]):
        assert bits(way.hessian(f, other, method=method, bounds=bounds)) == bits(expected)


def test_the_order_of_two_coordinates_does_not_show(way):
    def f(x):
        return float(x.min()) ** 3 + float(x.max()) ** 3

    for x in np.random.default_rng(0).uniform(0, 1e-4, (50, 2)):
        assert same(way.hessian(f, x[::-1].copy()), way.hessian(f, x)[::-1, ::-1])


def test_blocks_of_a_vectorized_hessian_change_nothing():
    x = np.random.default_rng(0).uniform(-1, 1.5, 150)
    rows = []
    found = hessian(lambda p: rows.append(len(p)) or rosen(p), x, vectorized=True)
    assert len(rows) > 50
    assert sum(rows) == 150 * 151 + 1
    assert same(found, hessian(rosen, x))


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "upper", "schemes"),
    [
        ([0, 0, 0], [9, 9, 9], ["central"] * 3),
        ([1, 0, 0], [9, 9, 9], ["forward"] * 3),
        ([1, 0, 0], [9, 2, 9], ["forward", "backward", "forward"]),
        ([1, 2, 3], [9, 2, 3], ["forward", "fixed", "fixed"]),
        ([1 - 1e-6, 0, 0], [1 + 1e-6, 9, 9], ["central"] * 3),
    ],
)
def test_bounds_choose_one_kind_of_stencil_for_all_coordinates(way, lower, upper, schemes):
    x = np.array([1.0, 2.0, 3.0])
    options = {"bounds": (lower, upper), "full_output": True}
    found, info = way.hessian(lambda x: sum_of_squares(x) + x[0] * x[1], x, **options)
    moved = np.array(schemes) != "fixed"
    expected = np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 2]]) * np.outer(moved, moved)
    assert list(info.scheme) == schemes
    assert list(info.step != 0) == list(moved)
    assert found == pytest.approx(expected, abs=1e-2)  # rounding, in a room of 1e-6


def test_a_one_sided_hessian_has_the_accuracy_asked_for(way):
    x = np.array([1.0, 1.0, 0.5])
    exact = rosen_hessian(x)
    free = [
        np.abs(way.hessian(rosen, x, method=Central(a), bounds=(x, 9)) - exact).max() / np.abs(exact).max()
        for a in (2, 4)
    ]
    assert free[0] < 1e-5
    assert free[1] < 1e-7


# --- gradient= --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "evaluations", "tolerance"),
    [
        ("central", 8, 1e-9),
        ("forward", 5, 1e-6),
        (Backward(2), 9, 1e-7),
        (Central(4), 16, 1e-11),
        ("complex", 6, 1e-14),
    ],
)
def test_from_a_gradient(way, method, evaluations, tolerance, counted):
    x = np.array([-1.2, 1.0, 0.7, 1.3])
    exact = rosen_hessian(x)
    grad = counted(rosen_gradient)
    found, info = way.hessian(None, x, gradient=grad, method=method, full_output=True)
    assert grad.calls == info.evaluations == evaluations
    assert np.abs(found - exact).max() < tolerance * np.abs(exact).max()
    assert same(hessian(None, x, gradient=rosen_gradient, method=method, vectorized=True), found)


def test_a_gradient_that_is_not_symmetric_is_symmetrised(way):
    found = way.hessian(None, np.array([1.0, 2.0]), gradient=lambda x: np.array([3 * x[1], x[0]]))
    assert found == pytest.approx(np.array([[0.0, 2.0], [2.0, 0.0]]), abs=1e-9)


@pytest.mark.parametrize("x", [[[1.0, 2.0], [3.0, 4.0]], np.array([[1.0, 2.0], [3.0, 4.0]]).T, 3.0, np.zeros((0, 2))])
def test_a_gradient_of_a_point_of_any_shape(x):
    found = hessian(None, x, gradient=lambda x: x**2)
    size = np.size(x)
    assert found.shape == np.shape(x) * 2
    assert found.reshape(size, size) == pytest.approx(np.diag(2 * np.ravel(x)), abs=1e-8)


@pytest.mark.parametrize("options", [{}, {"sparsity": np.eye(3)}], ids=str)
@pytest.mark.parametrize("gradient", [5, np.ones(3)])
def test_what_is_no_gradient_is_named_so(gradient, options):
    if options:
        pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(TypeError, match="gradient must be callable, or compiled code that says its signature; got"):
        hessian(rosen, np.ones(3), gradient=gradient, **options)


def test_an_f_whose_first_value_is_the_longest_is_an_error():
    lengths = iter([3] + 99 * [2])
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; .* of shape \(2,\) among longer"):
        hessian(lambda x: np.full(next(lengths), np.sum(x**2)), [1.0, 2.0])


@pytest.mark.parametrize("shape", [(2,), (), (1, 3), (3, 1)])
def test_a_gradient_must_have_the_shape_of_x(shape):
    message = f"gradient must return an array of x's shape (3,); it returned one of shape {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        hessian(None, np.ones(3), gradient=lambda x: np.zeros(shape))


# --- f0 and what f returns --------------------------------------------------------------------------------------------


def test_the_value_at_x_may_be_given(way):
    x = np.array([0.5, 1.0, 2.0])
    expected = hessian(rosen, x)
    for f0 in (rosen(x), float(rosen(x)), [rosen(x)]):
        found, info = way.hessian(rosen, x, f0=f0, full_output=True)
        assert same(found, expected)
        assert info.evaluations == 12


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_given_value_must_be_one_number(vectorized):
    x = np.array([0.5, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"f0 must have the shape of f's values at x, \(\); got \(2,\)"):
        hessian(rosen, x, f0=[1, 2], vectorized=vectorized)
    with pytest.raises(TypeError, match="f0 must hold real numbers; got 'a'"):
        hessian(rosen, x, f0="a", vectorized=vectorized)


def test_f0_is_of_no_use_with_a_gradient():
    for sparsity in (None, np.ones((3, 3))):
        with pytest.raises(ValueError, match=r"f0 must not be given with gradient or .*; got 1\.5"):
            hessian(rosen, np.ones(3), gradient=rosen_gradient, f0=1.5, sparsity=sparsity)
    with pytest.raises(ValueError, match=r"f0 must not be given with gradient or method 'complex'; got 1\.5"):
        hessian(rosen, np.ones(3), method="complex", f0=1.5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_inf_pass_through_without_a_warning(way, value):
    found = way.hessian(lambda x: x.sum() * 0 + value, np.ones(3))
    assert np.isnan(found).all()


def test_f_must_return_one_real_number():
    with pytest.raises(
        ValueError, match=r"array of shape \(1,\) for points of shape \(1, 3\); it returned one of shape"
    ):
        hessian(lambda p: p, np.ones(3), vectorized=True)
    with pytest.raises(TypeError, match="f must return a real scalar; it returned None, a NoneType"):
        hessian(lambda x: None, np.ones(3))


def test_a_hessian_by_the_complex_step_keeps_the_keywords_of_f():
    def f(x, power=1):
        return np.prod(x) ** power

    operator = Hessian(f, method="complex", kwargs={"power": 2}, axis=1)
    assert operator.kwargs == {"power": 2}
    assert operator(np.ones((2, 2))) == pytest.approx(np.array([[[2.0, 4.0], [4.0, 2.0]]] * 2))


@pytest.mark.parametrize("form", [list, tuple, np.array])
def test_a_list_of_values_has_a_hessian_for_each(form):
    x = np.array([0.5, 2.0])

    def f(x):
        return form([x[0] ** 2 * x[1], x[1] ** 3, 2 * x[0]])

    exact = np.array([[[2 * x[1], 2 * x[0]], [2 * x[0], 0]], [[0, 0], [0, 6 * x[1]]], np.zeros((2, 2))])
    assert hessian(f, x) == pytest.approx(exact, abs=1e-5)
    assert hessian(lambda x: [f(x)[:2], f(x)[1:]], x).shape == (2, 2, 2, 2)
    with pytest.raises(TypeError, match="; for arrays use jacobian"):
        gradient(f if form is not np.array else lambda x: list(f(x)), x)
