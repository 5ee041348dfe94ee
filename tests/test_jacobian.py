import itertools
from operator import attrgetter

import numpy as np
import pytest
import twins
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from objectives import bits, same
from strategies import FLOATS, points
from ways import AT_A_POINT

from gradfast import Central, Forward, jacobian

METHODS = ["central", "forward", "backward", Central(4), Forward(2), Central(step=0.01), "complex"]


MIXED = np.array([-100.0, 0.2])

# Name: f, x, its jacobian there.
KNOWN = {
    "a number's functions": (
        lambda x: np.array([x[0] ** 2, np.tan(x[0]), np.exp(x[0])]),
        np.array([0.5]),
        np.array([[1.0], [np.cos(0.5) ** -2], [np.exp(0.5)]]),
    ),
    "mixed scales": (
        lambda x: np.array([x[0] * np.sin(x[1]), x[1] * np.cos(x[0]), x[0] ** 3 * x[1] ** -0.5]),
        MIXED,
        np.array(
            [
                [np.sin(0.2), -100 * np.cos(0.2)],
                [-0.2 * np.sin(-100), np.cos(-100)],
                [3e4 * 0.2**-0.5, 0.5e6 * 0.2**-1.5],
            ]
        ),
    ),
    "a zero column": (
        lambda x: np.array([x[0] * x[1], np.cos(x[0] * x[1])]),
        np.array([0.0, 0.0]),
        np.zeros((2, 2)),
    ),
    "powers of integers": (
        lambda x: np.array([x[0] ** 2 + x[1] ** 2, x[0] ** 3 + x[1] ** 3]),
        [3, 4],
        np.array([[6.0, 8.0], [27.0, 48.0]]),
    ),
    "residuals": (
        lambda c: (
            (c[0] + c[1] * np.exp(c[2] * np.arange(0, 1, 0.1)) - 1 - 2 * np.exp(0.75 * np.arange(0, 1, 0.1))) ** 2
        ),
        [1, 2, 0.75],
        np.zeros((10, 3)),
    ),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [("forward", 1e-5), ("backward", 1e-5), ("central", 1e-8), (Central(4), 1e-10), ("complex", 1e-14)],
)
def test_known_jacobians(way, name, method, tolerance):
    f, x, expected = KNOWN[name]
    found = way.jacobian(f, x, method=method)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


# --- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape_of_f", [(), (1,), (3,), (2, 2), (0,), (2, 0)])
@pytest.mark.parametrize("shape_of_x", [(), (1,), (4,), (2, 3), (2, 1, 2), (0,), (3, 0)])
@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@pytest.mark.parametrize("vectorized", [False, True])
def test_the_shape_is_that_of_f_then_that_of_x(shape_of_f, shape_of_x, method, vectorized):
    weights = np.random.default_rng(0).normal(size=(*shape_of_f, *shape_of_x))
    x = np.random.default_rng(1).normal(size=shape_of_x)
    axes = len(shape_of_x)

    def f(x):
        if not vectorized:
            return np.tensordot(weights, x, axes)
        return np.array([np.tensordot(weights, one, axes) for one in x]).reshape(len(x), *shape_of_f)

    found = jacobian(f, x, method=method, vectorized=vectorized)
    assert found.shape == shape_of_f + shape_of_x
    assert found == pytest.approx(weights, abs=1e-6)


@given(
    points(dtypes=FLOATS, max_dims=3, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS), st.booleans()
)
def test_x_may_have_any_layout(x, method, vectorized):
    def f(x):
        x = x if vectorized else x[np.newaxis]
        values = np.stack([x * x * x, 2 * x], axis=1)
        return values if vectorized else values[0]

    options = {"method": method, "vectorized": vectorized}
    assert same(jacobian(f, x, **options), jacobian(f, x.copy(order="C"), **options))


def test_a_matrix_of_a_matrix(way):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = way.jacobian(lambda x: x @ x, x)
    eye = np.eye(2)
    expected = np.einsum("ik,lj->ijkl", eye, x) + np.einsum("ik,jl->ijkl", x, eye)
    assert found == pytest.approx(expected, abs=1e-9)
    assert way.jacobian(lambda x: x @ x, x.T) == pytest.approx(
        np.einsum("ik,lj->ijkl", eye, x.T) + np.einsum("ik,jl->ijkl", x.T, eye), abs=1e-9
    )


@given(points(dtypes=FLOATS, max_dims=2, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS[:3]))
def test_the_rows_of_a_jacobian_are_gradients(way, x, method):
    found = way.jacobian(lambda x: [np.sum(x**3), np.sum(x) ** 2], x, method=method)
    assert same(found[0], way.gradient(lambda x: np.sum(x**3), x, method=method))
    assert same(found[1], way.gradient(lambda x: np.sum(x) ** 2, x, method=method))


@given(points(dtypes=FLOATS, max_dims=1, min_side=2, magnitude=16.0), st.sampled_from(METHODS[:3]))
def test_a_linear_f_is_differentiated_exactly(way, x, method):
    weights = np.arange(2 * x.size).reshape(2, -1) - 3
    x[...] = np.round(x * 8) / 8  # sums of these are exact
    found = way.jacobian(lambda x: [weights[0] @ x, weights[1] @ x], x, method=method)
    assert np.array_equal(found, weights)
    assert np.array_equal(jacobian(lambda p: p @ weights.T, x, method=method, vectorized=True), weights)


# --- what f may return ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_f_may_return_lists_tuples_and_numbers(method):
    x = np.array([1.0, 2.0])
    expected = jacobian(lambda x: np.array([x[0] * x[1], x[1] ** 2]), x, method=method)
    assert same(jacobian(lambda x: [x[0] * x[1], x[1] ** 2], x, method=method), expected)
    assert same(jacobian(lambda x: (x[0] * x[1], x[1] ** 2), x, method=method), expected)
    assert same(jacobian(lambda x: x[0] * x[1], x, method=method), expected[0])


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("vectorized", [False, True])
def test_f_may_return_the_same_buffer_every_time(method, vectorized):
    x = np.array([1.0, 2.0, 3.0])
    buffer = np.zeros((100, 3), complex if method == "complex" else float)

    def f(x):
        out = buffer[: len(x)] if vectorized else buffer[0]
        if x.dtype.kind != "c":  # the check's calls
            return x**3
        return np.power(x, 3, out=out)

    def g(x):
        out = buffer[: len(x)] if vectorized else buffer[0]
        return np.power(x, 3, out=out)

    f = f if method == "complex" else g
    assert jacobian(f, x, method=method, vectorized=vectorized) == pytest.approx(np.diag(3 * x**2), rel=1e-2)
    expected = jacobian(lambda x: x**3, x, method=method, vectorized=vectorized)
    assert same(jacobian(f, x, method=method, vectorized=vectorized), expected)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("vectorized", [False, True])
def test_f_may_return_x_itself_or_a_view_of_it(method, vectorized):
    x = np.array([1.0, 2.0, 3.0])
    options = {"method": method, "vectorized": vectorized}
    assert jacobian(lambda x: x, x, **options) == pytest.approx(np.eye(3), abs=1e-9)
    assert jacobian(lambda x: x[..., ::-2], x, **options) == pytest.approx(np.eye(3)[::-2], abs=1e-9)
    assert jacobian(lambda x: x.real, x, method="forward" if method == "complex" else method) == pytest.approx(
        np.eye(3), abs=1e-9
    )


@pytest.mark.parametrize("dtype", ["f4", "f8", "g", "i8", "u1", "?"])
def test_results_are_read_in_the_precision_of_x(dtype):
    x = np.array([1.0, 2.0])
    for point in (x, x.astype("f4"), x.astype("g")):
        found = jacobian(lambda x: (x > 1.5).astype(dtype), point, method=Central(step=1.0))
        assert same(found, np.diag([0.5, 0.5]).astype(point.dtype))


@pytest.mark.parametrize(("first", "then"), [(2, 3), (3, 2), (1, 0)])
def test_the_length_of_a_list_must_not_change(first, then):
    lengths = itertools.chain([first], itertools.repeat(then))
    message = rf"f must return arrays of one shape; got \({first},\), then \({then},\)"
    with pytest.raises(ValueError, match=message):
        jacobian(lambda x: [1.0] * next(lengths), np.ones(2))


@pytest.mark.parametrize("method", ["central", "forward"])
def test_the_shape_of_f_must_not_change(method):
    shapes = itertools.cycle([(2,), (3,)])
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(2,\), then \(3,\)"):
        jacobian(lambda x: np.ones(next(shapes)), np.ones(2), method=method)
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(\d+,\), then \(\d+,\)"):
        jacobian(lambda p: np.ones((len(p), len(p))), np.ones(500), method=method, vectorized=True)


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (None, "None, of dtype object"),
        ("a", "'a', of dtype <U1"),
        ([None], r"\[None\], of"),
    ],
)
@pytest.mark.parametrize("method", ["central", "forward"])
def test_f_must_return_real_numbers(result, found, method):
    with pytest.raises(TypeError, match=f"f must return real numbers; it returned {found}"):
        jacobian(lambda x: result, np.ones(2), method=method)
    dtype = np.asarray([result]).dtype
    with pytest.raises(TypeError, match=f"f must return real numbers; it returned an array of dtype {dtype}"):
        jacobian(lambda p: [result] * len(p), np.ones(2), method=method, vectorized=True)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_vectorized_f_must_return_something_for_each_point(method):
    with pytest.raises(
        ValueError, match=r"shape \((\d+), ...\) for points of shape \(\1, 3\); it returned one of shape \(3,\)"
    ):
        jacobian(lambda p: p[0], np.array([1.0, 2.0, 3.0]), method=method, vectorized=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_pass_through_without_a_warning(way, value):
    found = way.jacobian(lambda x: [x[0], x[1] * 0 + value], np.array([1.0, 2.0]))
    assert np.array_equal(found[0], [1.0, 0.0])
    assert np.isnan(found[1]).all()


# --- f0, cost ---------------------------------------------------------------------------------------------------------


def test_the_value_at_x_may_be_given(way):
    x = np.array([1.0, 2.0, 3.0])
    options = {"method": "forward", "full_output": True}
    expected, info = way.jacobian(lambda x: x**2, x, **options)
    assert info.evaluations == 4
    for f0 in (x**2, list(x**2), (1, 4, 9)):
        found, info = way.jacobian(lambda x: x**2, x, f0=f0, **options)
        assert bits(found) == bits(expected)
        assert info.evaluations == 3


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_given_value_must_be_f_s(vectorized):
    x = np.array([1.0, 2.0, 3.0])
    options = {"method": "forward", "vectorized": vectorized}
    for f0, found in (([1.0, 4.0], r"\(2,\)"), (1.0, r"\(\)"), ([[1.0, 4.0, 9.0]], r"\(1, 3\)")):
        for method in METHODS:
            with pytest.raises(ValueError, match=rf"f0 must have the shape of f\(x\), \(3,\); got {found}"):
                jacobian(lambda x: x**2, x, f0=f0, method=method, vectorized=vectorized)
            with pytest.raises(ValueError, match=rf"f0 must have the shape of f\(x\), \(3,\); got {found}"):
                jacobian(lambda x: x**2, x, f0=f0, method=method, vectorized=vectorized, workers=map)
    with pytest.raises(TypeError, match="f0 must hold real numbers; got 'a'"):
        jacobian(lambda x: x**2, x, f0="a", **options)
    with pytest.raises(ValueError, match=r"f must return an array of shape \(3, ...\) for points of shape \(3, 3\)"):
        jacobian(lambda p: p[:2] ** 2, x, f0=x**2, method="forward", vectorized=True)


@pytest.mark.parametrize("method", ["forward", "backward", "adaptive"])
def test_a_given_value_may_share_memory_with_x_or_with_f_s_results(method):
    x, buffer = np.array([1.0, 2.0, 3.0]), np.empty(3)

    def into_buffer(x):
        buffer[...] = x**2
        return buffer

    expected = jacobian(lambda x: x**2, x, method=method)
    assert same(jacobian(into_buffer, x, f0=into_buffer(x), method=method), expected)
    assert jacobian(lambda x: x, x, f0=x, method=method) == pytest.approx(np.eye(3))


@given(
    points(dtypes=FLOATS, max_dims=2, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS), st.booleans()
)
def test_a_vectorized_f_gives_the_same_bits(x, method, has_bounds):
    def f(x):
        return np.stack([x * x * x, 2 * x], axis=0)

    def many(p):
        return np.stack([p * p * p, 2 * p], axis=1)

    options = {"method": method, "bounds": (x.min(), x.max()) if has_bounds else None}
    assert same(jacobian(many, x, vectorized=True, **options), jacobian(f, x, **options))


@pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin
@given(
    points(dtypes=FLOATS, max_dims=2, min_side=1, max_side=4, magnitude=8.0),
    st.sampled_from(METHODS[:-1]),
    st.booleans(),
)
@settings(max_examples=30)
def test_each_way_gives_the_bits_and_the_evaluations_of_the_plain_twin(way, x, method, has_bounds):
    assume(way.takes(dtype=x.dtype.char))

    def f(x):
        return np.stack([x * x * x, 2 * x])

    options = {"method": method, "bounds": (x.min(), x.max()) if has_bounds else None, "full_output": True}
    found, info = way.jacobian(f, x, **options)
    expected, twin = twins.jacobian(f, way.as_evaluated(x), **options)
    assert same(found, expected.astype(x.dtype))
    if np.any(info.scheme != "fixed"):
        assert info.evaluations == twin.evaluations
    else:
        assert info.evaluations <= 1  # for the shape of its value, which compiled f tells


def test_the_jacobian_of_a_fit_in_float32_is_that_in_float64():
    t = np.linspace(0, 1, 100)
    y = np.random.default_rng(1).random(100)
    model = [np.ones(100), t]
    x = np.array([-1.0, -1.0])
    assert jacobian(lambda p, t, y: p[0] + p[1] * t - y, x, args=(t, y)) == pytest.approx(np.transpose(model), abs=1e-9)
    single = jacobian(lambda p, t, y: p[0] + p[1] * t - y, x.astype("f4"), args=(t, y))
    assert single.dtype == np.float32
    assert single == pytest.approx(np.transpose(model), abs=1e-3)
    rounding = jacobian(lambda p: (p[0] + p[1] * t - y).astype("f4"), x, method=Central(rel_step=1e-2))
    assert rounding == pytest.approx(np.transpose(model), abs=1e-4)


@pytest.mark.parametrize("method", ["forward", "central", Forward(rel_step=1e-6), Central(rel_step=1e-6)], ids=repr)
def test_tight_bounds_leave_a_usable_step(way, method):
    x = np.array([10.0, 10.0])
    f, _, _ = KNOWN["mixed scales"]
    expected = jacobian(f, x, method="complex")
    for room in ((3e-9, 2e-9), (0.0, 2e-9), (3e-9, 0.0)):
        found = way.jacobian(f, x, method=method, bounds=(x - room[0], x + room[1]))
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_parameters_bounds_and_steps_together():
    x = np.array([1.0, 1.0])

    def f(x, c0, c1):
        return np.array([np.exp(c0 * x[0]), np.exp(c1 * x[1])])

    expected = np.diag([-np.exp(-1), np.exp(1)])
    method = Central(rel_step=(1e-6, 1e-7))
    assert jacobian(f, x, method=method, args=(-1.0, 1.0), bounds=(0.0, 2.0)) == pytest.approx(
        expected, rel=1e-8, abs=1e-9
    )


@pytest.mark.parametrize("method", ["central", "adaptive"])
def test_no_points_have_no_jacobians_and_an_info(method):
    found, info = jacobian(np.cumsum, np.empty((0, 3)), axis=1, method=method, full_output=True)
    assert (found.shape, info.evaluations, info.step.shape, info.error) == ((0, 3), 0, (0, 3), None)


def test_f0_tells_the_shape_where_x_has_no_coordinates():
    def unasked(x):
        raise AssertionError

    assert jacobian(unasked, np.empty(0), f0=np.ones(2)).shape == (2, 0)
    assert jacobian(unasked, np.ones(3), f0=np.ones(2), bounds=(np.ones(3), np.ones(3))).shape == (2, 3)


def test_a_float_is_a_value_of_long_doubles_too():
    found = jacobian(lambda x: float(x[0] * x[1]), np.array([2.0, 3.0], "g"))
    assert found.dtype == np.longdouble
    assert found == pytest.approx([3, 2], rel=1e-5)


def test_a_list_has_not_the_shape_of_a_matrix():
    values = iter([np.ones((2, 1)), [1.0, 1.0]])
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(2, 1\), then \(2,\)"):
        jacobian(lambda x: next(values), np.ones(1))
