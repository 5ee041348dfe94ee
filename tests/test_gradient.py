"""gradient and value_and_gradient: known slopes, the bits of a plain twin, what f may return, memory."""

import functools
import itertools
import tracemalloc
import weakref
from operator import attrgetter

import numpy as np
import pytest
from gradients_compared import METHODS, WITH_STEPS, alike, hold_to_the_twin, sum_of_squares
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import bits, cubes, rosen, rosen_gradient, same
from strategies import FLOATS, points
from ways import AT_A_POINT

from gradfast import Central, Forward, gradient, value_and_gradient

# Of points of a vectorized f: a block stays inside one core's L2 cache.
BLOCK_BYTES = 1 << 18


# --- values -----------------------------------------------------------------------------------------------------------


PRODUCT = np.array([3.0, 5.0, 7.0])
WAVE = np.array([10.0, -0.5])

# Name: f, x, its gradient there.
KNOWN = {
    "squares": (sum_of_squares, np.array([1, 2, 3]), np.array([2.0, 4.0, 6.0])),
    "rosen": (rosen, np.array([-1.2, 1.0, 0.7, 1.3]), rosen_gradient(np.array([-1.2, 1.0, 0.7, 1.3]))),
    "product": (
        lambda x: x[0] * x[1] * x[2] + np.exp(x[0]) * x[1],
        PRODUCT,
        np.array([35 + np.exp(3) * 5, 21 + np.exp(3), 15.0]),
    ),
    "wave": (
        lambda x: np.sin(x[0] * x[1]) * np.log(x[0]),
        WAVE,
        np.array([-0.5 * np.cos(5) * np.log(10) - np.sin(5) / 10, 10 * np.cos(5) * np.log(10)]),
    ),
    "least squares": (
        lambda b: np.sum((np.array([1.0, 2.0, 4.0]) - np.array([[1, 0], [1, 1], [1, 2]]) @ b) ** 2),
        np.array([0.5, 1.0]),
        np.array([-5.0, -7.0]),
    ),
    "quotient": (
        lambda x: 1 / (np.exp(x[0]) + np.cos(x[1]) + 10),
        np.array([1.0, 2.0]),
        np.array([-np.exp(1), np.sin(2)]) / (np.exp(1) + np.cos(2) + 10) ** 2,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        ("forward", 1e-6),
        ("backward", 1e-6),
        (Forward(2), 1e-8),
        ("central", 1e-9),
        (Central(4), 1e-11),
        ("complex", 1e-14),
    ],
)
def test_known_gradients(way, name, method, tolerance):
    f, x, expected = KNOWN[name]
    for point in (x, list(x), tuple(x)):
        error = np.abs(way.gradient(f, point, method=method) - expected).max()
        assert error <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_value_and_its_gradient_are_f_and_the_gradient(way, name, method):
    f, x, _ = KNOWN[name]
    value, slope = way.value_and_gradient(f, x, method=method)
    assert value == f(x)
    assert same(slope, way.gradient(f, x, method=method))


SAME_SCALE = {
    "rosen": (rosen, rosen_gradient, -1.0, 1.5),
    "sum of exp": (lambda x: np.sum(np.exp(x)), np.exp, -1.0, 1.0),
    "sum of sin": (lambda x: np.sum(np.sin(x)), np.cos, -1.0, 1.0),
}


@pytest.mark.parametrize("name", SAME_SCALE)
def test_accuracy_4_is_30_times_better_than_2_and_6_and_8_are_near_rounding(name):
    f, exact, low, high = SAME_SCALE[name]
    x = np.random.default_rng(0).uniform(low, high, (50, 10))
    errors = {}
    for accuracy in (2, 4, 6, 8):
        slopes = np.array([exact(point) for point in x])
        found = gradient(f, x, axis=1, method=Central(accuracy))
        errors[accuracy] = np.abs(found - slopes).max(axis=1) / np.abs(slopes).max(axis=1)
    assert np.median(errors[2]) > 30 * np.median(errors[4])
    assert errors[2].max() > 30 * errors[4].max()
    assert errors[2].max() < 3e-9
    assert errors[6].max() < 3e-12
    assert errors[8].max() < 3e-12


@pytest.mark.parametrize("accuracy", [6, 8])
@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (lambda x: np.sum(np.exp(x), axis=1), np.exp),
        (lambda x: np.sum(np.exp(x) + np.sin(x), axis=1), lambda x: np.exp(x) + np.cos(x)),
    ],
    ids=["exp", "exp and sin"],
)
def test_of_many_points_none_is_far_from_rounding(f, exact, accuracy):
    x = np.random.default_rng(0).uniform(-1, 1, (5000, 10))
    found = gradient(f, x, axis=1, vectorized=True, method=Central(accuracy))
    errors = np.abs(found - exact(x)).max(axis=1) / np.abs(exact(x)).max(axis=1)
    assert errors.max() < 3e-12


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 1e-4), ("f8", 1e-9), ("g", 1e-11)])
def test_each_dtype_reaches_its_own_accuracy(way, dtype, tolerance):
    x = np.array([-1.2, 1.0, 0.7, 1.3], dtype)
    slope = way.gradient(rosen, x)
    exact = rosen_gradient(x.astype("g"))
    assert slope.dtype == x.dtype
    assert np.abs(slope - exact).max() < tolerance * np.abs(exact).max()
    better = way.gradient(rosen, x, method=Central(4))
    assert np.abs(better - exact).max() < tolerance / 3 * np.abs(exact).max()


def test_a_float32_f_at_a_float64_point_takes_the_step_of_its_own_noise(way):
    x = np.array([0.5, 1.0])
    slope = way.gradient(lambda x: np.sum(np.sin(x)).astype(np.float32), x, method=Central(rel_step=6e-3))
    assert slope == pytest.approx(np.cos(x), abs=1e-4)


@given(points(dtypes=FLOATS, max_dims=3, magnitude=100.0), st.sampled_from(METHODS[:3]), st.integers(-8, 8))
def test_a_linear_f_is_differentiated_exactly(way, x, method, slope):
    x[...] = np.round(x * 8) / 8  # sums of these are exact

    def f(x):
        return slope * np.sum(x, dtype=np.promote_types(x.dtype, "f8"))

    assert np.array_equal(way.gradient(f, x, method=method), np.full(x.shape, slope))


@given(points(max_dims=1, min_side=2), st.sampled_from(METHODS[:3]), st.randoms(use_true_random=False))
def test_permuting_coordinates_permutes_the_gradient(way, x, method, random):
    order = list(range(x.size))
    random.shuffle(order)

    def elements(x):
        return sum(sorted((float(value) ** 3 for value in x), key=abs))  # one order of summation, whatever that of x

    found = way.gradient(elements, x, method=method)
    assert bits(way.gradient(elements, x[order], method=method)) == bits(found[order])


@pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin
@given(
    points(dtypes=FLOATS, max_dims=1, min_side=1, max_side=6, magnitude=8.0),
    st.sampled_from(WITH_STEPS),
    st.booleans(),
)
@settings(max_examples=30)
def test_each_way_gives_the_bits_and_the_evaluations_of_the_plain_twin(way, x, method, has_bounds):
    hold_to_the_twin(way, x, method=method, bounds=(x.min(), x.max()) if has_bounds else None)


# --- vectorized -------------------------------------------------------------------------------------------------------


@given(points(dtypes=FLOATS, max_dims=1, min_side=1, max_side=6, magnitude=8.0), st.sampled_from(METHODS))
def test_a_vectorized_f_gives_the_same_bits(x, method):
    assert alike(gradient(cubes, x, method=method, vectorized=True), gradient(cubes, x, method=method), method)
    bounds = (x.min(), x.max())
    options = {"method": method, "bounds": bounds}
    assert alike(gradient(cubes, x, vectorized=True, **options), gradient(cubes, x, **options), method)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 2)])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_vectorized_point_of_any_shape_comes_in_blocks(shape, method):
    x = np.random.default_rng(3).uniform(1, 2, shape)

    def f(p):
        assert p.shape[1:] == shape
        return (p**3).reshape(len(p), -1).sum(axis=1)

    value, slope = value_and_gradient(f, x, method=method, vectorized=True)
    assert value == f(x[np.newaxis])[0]
    assert slope == pytest.approx(3 * x**2, rel=1e-2)
    assert slope.shape == shape


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_vectorized_f_must_return_one_value_a_point(method):
    x = np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"f must return an array of shape \((\d+),\) for points of shape \(\1, 3\)"):
        gradient(lambda p: p, x, method=method, vectorized=True)
    with pytest.raises(ValueError, match=r"for points of shape \(2, 3\); it returned one of shape \(3,\)"):
        gradient(lambda p: p[0], np.ones((2, 3)), axis=1, method=method, vectorized=True)


def test_a_vectorized_f_that_changes_its_points_is_an_error():
    def f(p):
        p[:, 1] = 0.0
        return p.sum(axis=1)

    for method in ("central", "complex"):
        with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
            gradient(f, np.array([1.0, 2.0, 3.0]), method=method, vectorized=True)
        with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0, 1\]"):
            gradient(f, np.ones((4, 3)), axis=1, method=method, vectorized=True)


# --- what f may return ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [float, np.float32, np.float64, np.longdouble, np.array, lambda v: np.array([[v]])])
@pytest.mark.parametrize("method", METHODS[:3])
def test_f_may_return_anything_that_is_one_number(wrap, method):
    x = np.array([0.5, 1.0])
    slope = gradient(
        lambda x: wrap(x[0] * 2 + x[1]), x, method=type(Central())(step=0.25) if method == "central" else method
    )
    assert slope == pytest.approx([2.0, 1.0], abs=1e-6 if wrap is not np.float32 else 16)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", METHODS[:-1], ids=repr)
def test_nan_and_inf_pass_through_without_a_warning(way, value, method):
    slope = way.gradient(lambda x: x.sum() * 0 + value, np.array([1.0, 2.0]), method=method)
    assert not np.isfinite(slope).any()


@pytest.mark.parametrize(
    ("result", "error", "found"),
    [
        (np.ones(3), ValueError, r"f must return a scalar; it returned an array of shape \(3,\)"),
        (np.ones((1, 2)), ValueError, r"f must return a scalar; it returned an array of shape \(1, 2\)"),
        ([np.ones(2)], ValueError, r"f must return a scalar; it returned an array of shape \(1, 2\)"),
        ([np.ones(0)], ValueError, r"f must return a scalar; it returned an array of shape \(1, 0\)"),
        (None, TypeError, "f must return a real scalar; it returned None, a NoneType"),
        ("text", TypeError, "f must return a real scalar; it returned 'text', a str"),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["central", "forward"])
@pytest.mark.parametrize("operator", [gradient, value_and_gradient])
def test_what_is_not_one_real_number_is_an_error(result, error, found, method, operator):
    for x, axis in ((np.ones(3), None), (np.ones((2, 3)), None), (np.ones((2, 3)), 0)):
        with pytest.raises(error, match=found):
            operator(lambda x: result, x, axis=axis, method=method)


# --- f0 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_array_of_several_numbers_is_no_number(dtype):
    with pytest.raises(ValueError, match=r"f must return a scalar; it returned an array of shape \(2,\)"):
        gradient(lambda x: np.ones(2, dtype), np.ones(2, dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("result", [np.datetime64("2020-01-01"), np.zeros(1, "M8[D]")], ids=["date", "array"])
def test_a_date_is_no_number(dtype, result):
    with pytest.raises(TypeError, match="f must return a real scalar; it returned .*2020|f must return a real.*1970"):
        gradient(lambda x: result, np.ones(2, dtype))


@pytest.mark.parametrize(
    "f0", [14, 14.0, np.float32(14), np.array(14.0), np.array([14.0]), np.longdouble(14)], ids=repr
)
@pytest.mark.parametrize("vectorized", [False, True])
def test_the_value_at_x_may_be_given(f0, vectorized, counted):
    x = np.array([1.0, 2.0, 3.0])
    f = counted(lambda x: np.sum(x**2, axis=-1))
    expected = gradient(f, x, method="forward")
    f.calls = f.points = 0
    slope, info = gradient(f, x, method="forward", f0=f0, vectorized=vectorized, full_output=True)
    assert bits(slope) == bits(expected)
    assert info.evaluations == 3
    assert f.calls == (1 if vectorized else 3)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_the_values_of_a_batch_may_be_given(way, shape):
    x = np.random.default_rng(2).integers(-4, 4, shape).astype(float)
    expected = way.gradient(cubes, x, axis=1, method="forward")
    f0 = cubes(x, axis=1)
    for given_values in (f0, f0.astype(int), f0.tolist(), np.asfortranarray(f0), f0.astype("g")):
        slope, info = way.gradient(cubes, x, f0=given_values, axis=1, method="forward", full_output=True)
        assert bits(slope) == bits(expected)
        assert info.evaluations == x.size


# --- cost -------------------------------------------------------------------------------------------------------------


def peak_of(call):
    """Return the peak of traced memory while a call runs for the second time."""
    call()
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("bounds", [None, (-1, 1)])
def test_a_gradient_takes_memory_for_a_few_arrays_like_x(method, bounds):
    x = np.zeros(10_000)
    arrays = 24 if bounds is not None else 12 if method == "complex" else 8
    assert peak_of(lambda: gradient(lambda x: x[0], x, method=method, bounds=bounds)) < arrays * x.nbytes + 8192


@pytest.mark.parametrize("method", ["central", "forward", Central(4)], ids=repr)
@pytest.mark.parametrize("n", [300, 3_000])
def test_blocks_stay_small_however_many_coordinates(method, n):
    x = np.zeros(n)
    assert peak_of(lambda: gradient(lambda p: p[:, 0] * 2, x, method=method, vectorized=True)) < 3 * BLOCK_BYTES


def test_a_vectorized_batch_takes_memory_for_a_few_columns():
    x = np.zeros((20_000, 10))
    one = np.zeros(20_000)
    peak = peak_of(lambda: gradient(lambda p: p[:, 1], x, axis=1, vectorized=True))
    assert peak < 3 * x.nbytes + 4 * one.nbytes  # x's old bits, the steps, the gradient; and columns


# --- with scipy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
def test_a_value_and_gradient_minimizes(way, method):
    optimize = pytest.importorskip("scipy.optimize")
    start = np.tile([1.3, 0.7, 0.8, 1.9, 1.2], 2)
    fun = functools.partial(way.value_and_gradient, rosen, method=method)
    found = optimize.minimize(fun, start, jac=True)
    usual = optimize.minimize(rosen, start)
    assert found.x == pytest.approx(usual.x, abs=1e-4)
    assert found.fun == pytest.approx(usual.fun, abs=1e-9)
    bounded = optimize.minimize(
        functools.partial(fun, bounds=(-2, 0.5)), start.clip(-2, 0.5), jac=True, bounds=[(-2, 0.5)] * 10
    )
    assert bounded.fun == pytest.approx(
        optimize.minimize(rosen, start.clip(-2, 0.5), bounds=[(-2, 0.5)] * 10).fun, rel=1e-5
    )


def test_a_neural_network_s_weights_are_one_point():
    rng = np.random.default_rng(0)
    W, inputs, target = rng.normal(size=(3, 4)), rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    loss = gradient(lambda ignored: np.sum((np.tanh(inputs @ W) - target) ** 2), W)
    out = np.tanh(inputs @ W)
    assert loss == pytest.approx(inputs.T @ (2 * (out - target) * (1 - out**2)), rel=1e-6)


def test_call_styles_agree():
    x = np.array([1.0, 2.0, 3.0])
    expected = gradient(rosen, x)
    for point, options in itertools.product([x, list(x), tuple(x), x[::-1][::-1]], [{}, {"method": Central()}]):
        assert bits(gradient(rosen, point, **options)) == bits(expected)
        assert bits(gradient(f=rosen, x=point, **options)) == bits(expected)
    with pytest.raises(TypeError, match="positional"):
        gradient(rosen, x, "central")


@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_f_is_not_kept_after_the_call(method):
    f = lambda x: np.sum(x**2)  # noqa: E731
    alive = weakref.ref(f)
    gradient(f, np.ones(3), method=method)
    del f
    assert alive() is None
