import itertools
import math
from operator import attrgetter

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import same
from strategies import FLOATS, points
from ways import AT_A_NUMBER

from gradfast import Backward, Central, Forward, derivative, gradient

METHODS = ["central", "forward", "backward", Central(4), Forward(2), Central(step=0.01), "complex"]


def cosine(x, n):
    """Return the n-th derivative of the cosine."""
    return np.cos(np.asarray(x) + n * np.pi / 2)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "tolerances"),
    [
        ("central", [2e-10, 4e-8, 5e-6, 2e-4, 5e-3, 5e-2]),
        (Central(4), [5e-12, 1e-9, 1e-7, 2e-6, 5e-5, 5e-4]),
        (Central(8), [2e-13, 2e-11, 2e-9, 2e-8, 1e-6, 2e-5]),
        ("forward", [1e-7, 1e-4, 5e-3, 5e-2, 2e-1, 6e-1]),
        ("backward", [1e-7, 1e-4, 5e-3, 5e-2, 2e-1, 6e-1]),
        (Backward(4), [1e-11, 2e-8, 1e-6, 1e-4, 1e-3, 2e-2]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("n", range(1, 7))
def test_the_first_six_derivatives_of_the_cosine(way_at_a_number, method, tolerances, n):
    x = np.linspace(0.1, 3.0, 30)
    found = way_at_a_number.derivative(np.cos, x, n=n, method=method)
    assert np.abs(found - cosine(x, n)).max() < tolerances[n - 1]


# Name: f, x, the derivative there.
KNOWN = {
    "sinh": (np.sinh, 1.0, np.cosh(1.0)),
    "sinh at 0": (np.sinh, 0.0, 1.0),
    "exp at 0": (np.exp, 0, 1.0),
    "log at 0.001": (np.log, 0.001, 1000.0),
    "cube": (lambda x: x * x * x, np.full((3, 2), 2.0), np.full((3, 2), 12.0)),
    "sine at many": (np.sin, np.linspace(0, 2 * np.pi, 13), np.cos(np.linspace(0, 2 * np.pi, 13))),
    "1e8": (np.square, 1e8, 2e8),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("method", "tolerance"), [("forward", 1e-6), ("backward", 1e-6), ("central", 1e-8), ("complex", 1e-14)]
)
def test_known_derivatives(way_at_a_number, name, method, tolerance):
    f, x, expected = KNOWN[name]
    if name == "log at 0.001" and method != "complex":  # a fixed rule cannot know f's scale; the caller does
        method = {
            "forward": Forward(2, step=1e-8),
            "backward": Backward(2, step=1e-8),
            "central": Central(4, step=1e-5),
        }[method]
    found = way_at_a_number.derivative(f, x, method=method)
    assert np.shape(found) == np.shape(x)
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("method", METHODS[:-1], ids=repr)
def test_an_f_that_does_not_know_numpy(method):
    assert derivative(math.exp, 1.0, method=method) == pytest.approx(math.e, rel=1e-4)
    with pytest.raises((TypeError, np.exceptions.ComplexWarning), match="complex"):
        derivative(math.exp, 1.0, method="complex")


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("method", [Central(step=0.5), Forward(step=0.5), Backward(step=0.5)], ids=repr)
def test_a_monomial_of_degree_n_is_differentiated_exactly(way_at_a_number, n, method):
    x = np.array([0.0, 1.0, -2.0])
    found = way_at_a_number.derivative(lambda x: 3 * x**n, x, n=n, method=method)
    assert np.array_equal(found, np.full(3, 3.0 * math.factorial(n)))


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 3e-4), ("f8", 1e-9), ("g", 1e-11)])
def test_each_dtype_reaches_its_own_accuracy(dtype, tolerance):
    x = np.array([0.3, 1.0, 2.5], dtype)
    found = derivative(np.sin, x)
    assert found.dtype == x.dtype
    assert np.abs(found - np.cos(x)).max() < tolerance
    scalar = derivative(np.sin, x[0])
    assert np.asarray(scalar).dtype == x.dtype
    assert scalar == found[0]


# --- elementwise ------------------------------------------------------------------------------------------------------


@given(
    points(dtypes=FLOATS, max_dims=3, magnitude=8.0),
    st.sampled_from(METHODS),
    st.integers(1, 6),
    st.sampled_from([None, 0.0, 1.0]),
)
def test_elements_are_single_points(x, method, n, room):
    n = 1 if method == "complex" else n
    bounds = None if room is None or not x.size else (x.min(), x.max() + x.dtype.type(room))

    def f(x):
        return x * x * x - 2 * x

    found, info = derivative(f, x, n=n, method=method, bounds=bounds, full_output=True)
    for index in np.ndindex(x.shape):
        single, one = derivative(f, x[index], n=n, method=method, bounds=bounds, full_output=True)
        if method == "complex":  # NumPy rounds products of arrays otherwise
            assert np.allclose(single, found[index], rtol=0, atol=500 * np.finfo(x.dtype).eps)
        else:
            assert same(single, found[index])
        assert (one.step, one.scheme) == (info.step[index], info.scheme[index])


BINARY_STEPS = [*METHODS[:5], Central(step=2.0**-7)]  # whose powers are exact, of a scalar and of an array


@pytest.mark.parametrize("way_at_a_number", AT_A_NUMBER[:-1], ids=attrgetter("name"))  # all but the twin
@given(points(max_dims=2, min_side=1, magnitude=8.0), st.sampled_from(BINARY_STEPS), st.integers(1, 6), st.booleans())
@settings(max_examples=50)
def test_each_way_gives_the_bits_and_the_evaluations_of_the_plain_twin(way_at_a_number, x, method, n, has_bounds):
    def f(x):
        return x * x * x - 2 * x

    bounds = (x.min(), x.max()) if has_bounds else None
    options = {"n": n, "method": method, "bounds": bounds, "full_output": True}
    found, info = way_at_a_number.derivative(f, x, **options)
    expected, twin = twins.derivative(f, x, **options)
    assert same(found, expected)
    assert np.array_equal(info.step, twin.step)
    assert info.evaluations == twin.evaluations


@given(points(dtypes=FLOATS, max_dims=1, min_side=1, magnitude=8.0), st.sampled_from(METHODS[:-1]))
def test_the_derivative_of_a_sum_of_elements_is_its_gradient(x, method):
    found = derivative(lambda x: x * x * x, x, method=method)
    for i in range(x.size):
        assert same(found[i], gradient(lambda x: x[0] * x[0] * x[0], x[i : i + 1].copy(), method=method)[0])


def test_f_of_a_number_may_return_an_array():
    expected = [1.0, 6.0, 2.0]
    assert derivative(lambda x: [x, x**2, 2 * x], 3.0) == pytest.approx(expected)
    assert derivative(lambda x: np.array([[x, x**2, 2 * x]]), 3.0, bounds=(3.0, 4.0)) == pytest.approx(
        np.array([expected])
    )


class OfOurOwn(np.ndarray):
    pass


@pytest.mark.parametrize("bounds", [None, ([1.0, 0.0], 3.0)], ids=["free", "bounded"])
@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("kind", [np.ndarray, OfOurOwn])
def test_f_may_return_the_same_buffer_every_time(kind, method, bounds):
    x = np.array([1.0, 2.0])
    buffers = {"f": np.zeros(2), "c": np.zeros(2, complex)}

    def f(x):
        return np.multiply(x, x, out=buffers[x.dtype.kind])

    found = derivative(f, x.view(kind), method=method, bounds=bounds)
    assert found == pytest.approx(derivative(lambda x: x * x, x, method=method, bounds=bounds))


@pytest.mark.parametrize("n", [1, 2])
def test_an_adaptive_derivative_is_the_same_from_one_buffer(n):
    x, buffer = np.array([1.0, 2.0]), np.zeros(2)
    found, info = derivative(lambda x: np.exp(x, out=buffer), x, n=n, method="adaptive", full_output=True)
    expected, expected_info = derivative(np.exp, x, n=n, method="adaptive", full_output=True)
    assert np.array_equal(found, expected)
    assert np.array_equal(info.error, expected_info.error)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_curve_may_come_in_the_same_buffer_every_time(method):
    buffers = {"f": np.zeros(2), "c": np.zeros(2, complex)}

    def f(x):
        return np.multiply([1.0, 3.0], x * x, out=buffers[np.asarray(x).dtype.kind])

    assert derivative(f, 2.0, method=method) == pytest.approx(np.array([4.0, 12.0]), rel=1e-4)


def test_f_may_change_its_copy_of_x():
    x = np.array([1.0, 2.0])

    def f(x):
        x *= x
        return x

    assert derivative(f, x) == pytest.approx([2.0, 4.0])
    assert list(x) == [1.0, 2.0]


@pytest.mark.parametrize("n", range(1, 7))
def test_an_element_alone_has_the_bits_it_has_among_others(n):
    """Also next to one at a bound, and with a step whose powers round."""
    x, method = np.array([1.0, 2.0, 3.0]), Central(step=0.3)
    found = derivative(np.exp, x, n=n, method=method)
    near = derivative(np.exp, x, n=n, method=method, bounds=(1.0, np.inf))
    for i in range(1, 3):
        assert found[i] == derivative(np.exp, x[i], n=n, method=method) == near[i]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_f_may_keep_what_it_is_called_with_and_return_it(method):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    kept = []

    def f(x):
        kept.append((x, x.copy()))
        return x

    assert derivative(f, x, method=method) == pytest.approx(np.ones((2, 2)))
    assert all(np.array_equal(*pair) for pair in kept)
    assert not any(np.shares_memory(a[0], b[0]) for a, b in itertools.combinations(kept, 2))


@pytest.mark.parametrize("n", [1, 2])
def test_f_gets_points_of_the_class_of_x(n):
    x = np.array([1.0, 2.0])
    classes = set()

    def f(x):
        classes.add(type(x))
        return np.asarray(np.exp(x))

    assert np.array_equal(derivative(f, x.view(OfOurOwn), n=n), derivative(np.exp, x, n=n))
    assert classes == {OfOurOwn}


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_each_element_has_its_own_stencil():
    x = np.array([0.0, 1.0, 0.5, 2.0])
    lower, upper = np.array([0.0, 0.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0, 2.0])
    calls = []

    def f(x):
        calls.append(1)
        assert np.all((lower <= x) & (x <= upper))
        return np.exp(x)

    found, info = derivative(f, x, bounds=(lower, upper), full_output=True)
    assert list(info.scheme) == ["forward", "backward", "central", "fixed"]
    assert found[:3] == pytest.approx(np.exp(x[:3]), rel=1e-8)
    assert found[3] == info.step[3] == 0.0
    assert len(calls) == 3  # as many as the widest stencil has nodes, and at x itself
    assert info.evaluations == 2 * 3 + 4


@pytest.mark.parametrize("x", [0.0, 1e-8, -1e-8])
@pytest.mark.parametrize(
    "method", ["forward", "backward", "central", Central(rel_step=1e-6), Forward(rel_step=1e-6)], ids=repr
)
def test_a_function_that_is_nan_outside_tight_bounds(way_at_a_number, x, method):
    def f(x):
        return x if abs(x) <= 1e-8 else np.nan

    found = way_at_a_number.derivative(f, x, method=method, bounds=(-1e-8, 1e-8))
    assert found == pytest.approx(1.0, rel=1e-9)


def test_the_side_of_a_kink_is_the_method_s(way_at_a_number):
    for method, slope in (("forward", 1.0), ("backward", -1.0), ("central", 0.0)):
        assert way_at_a_number.derivative(np.abs, 0.0, method=method) == slope
    assert way_at_a_number.derivative(np.abs, 0.0, method="forward", bounds=(-np.inf, 0)) == -1.0
    assert way_at_a_number.derivative(np.abs, 0.0, method="backward", bounds=(0, np.inf)) == 1.0


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, -1, 7, 1.0, "1", None, True])
def test_n_must_be_an_integer_from_1_to_6(n):
    with pytest.raises(ValueError, match=f"n must be an integer from 1 to 6; got {n!r}"):
        derivative(np.sin, 1.0, n=n)


@pytest.mark.parametrize("method", ["central", "forward"])
def test_f_must_be_elementwise(method):
    x = np.ones((2, 3))
    with pytest.raises(
        ValueError, match=r"f must return an array of x's shape \(2, 3\); it returned one of shape \(\)"
    ):
        derivative(np.sum, x, method=method)
    with pytest.raises(ValueError, match=r"x's shape \(2, 3\); it returned one of shape \(3, 2\)"):
        derivative(np.transpose, x, method=method)


@pytest.mark.parametrize("result", [None, "a"])
def test_f_must_return_real_numbers(result):
    with pytest.raises(TypeError, match=f"f must return real numbers; it returned {result!r}, of dtype"):
        derivative(lambda x: result, 1.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_inf_pass_through_without_a_warning(way_at_a_number, value):
    assert np.isnan(way_at_a_number.derivative(lambda x: value, 1.0))
    found = way_at_a_number.derivative(lambda x: np.where(x > 1.5, value, 2 * x), np.array([1.0, 2.0]))
    assert found[0] == 2.0
    assert np.isnan(found[1])


def test_the_derivative_at_a_number_is_a_number():
    assert type(derivative(np.sin, 1.0)) is np.float64
    assert type(derivative(np.sin, np.float32(1.0))) is np.float32
    assert type(derivative(np.sin, 1.0, bounds=(1.0, 1.0))) is np.float64


@pytest.mark.parametrize("method", ["central", "forward", "complex", "adaptive"])
@pytest.mark.parametrize("n", [1, 2])
def test_no_points_have_no_derivatives(method, n):
    if method != "complex" or n == 1:
        assert derivative(lambda x: x, [], n=n, method=method).shape == (0,)


@pytest.mark.parametrize("x", [1e13, np.float64(1e13), np.array(1e13)], ids=["float", "float64", "array"])
def test_a_step_that_rounding_swallows_is_a_warning_at_a_number_too(x):
    with pytest.warns(RuntimeWarning, match=r"step = 0.0001 is lost to rounding at x = 1e\+13"):
        derivative(lambda x: x, x, method=Central(step=1e-4))


def test_f_of_a_number_returns_numbers_or_arrays_not_both():
    values = iter([np.ones(2), 1.0])
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(2,\), then \(\)"):
        derivative(lambda x: next(values), 1.0)


def test_a_value_of_another_shape_is_no_exception_of_f():
    with pytest.raises(ValueError, match="f must return an array of x's shape") as caught:
        derivative(lambda x: x[:1], np.ones(2))
    assert not hasattr(caught.value, "__notes__")


def test_one_order_after_another_is_that_order():
    """A call may take the operator of the last one."""
    for n, wanted in ((1, np.cos(0.3)), (2, -np.sin(0.3)), (1, np.cos(0.3)), (3, -np.cos(0.3)), (2, -np.sin(0.3))):
        assert derivative(np.sin, 0.3, n=n) == pytest.approx(wanted, rel=1e-4)
