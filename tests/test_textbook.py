import gc
import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from objectives import bits
from strategies import FLOATS, OTHERS, points

from gradfast import numerical_diff, numerical_gradient, reference, tangent_line


def sum_of_squares(x):
    return np.sum(x**2)


def uneven(x):
    """A function whose partial derivatives all differ, of a point of any shape."""
    return float(np.sum(np.sin(x) * np.arange(1, x.size + 1).reshape(x.shape)) + np.sum(x) ** 2 / 10)


# --- both implementations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "slope"), [(5, 0.2), (10, 0.3)])
def test_the_textbook_slopes(implementation, x, slope):
    assert implementation.numerical_diff(lambda x: 0.01 * x**2 + 0.1 * x, x) == pytest.approx(slope, abs=1e-9)


@pytest.mark.parametrize(("x", "gradient"), [((3, 4), (6, 8)), ((0, 2), (0, 4)), ((3, 0), (6, 0))])
def test_the_textbook_gradients(implementation, x, gradient):
    assert implementation.numerical_gradient(lambda x: x[0] ** 2 + x[1] ** 2, np.array(x, float)) == pytest.approx(
        gradient, abs=1e-9
    )


def test_a_tangent_touches_f_and_has_its_slope(implementation):
    tangent = implementation.tangent_line(lambda x: x**3, 2.0)
    assert tangent(2.0) == pytest.approx(8.0, abs=1e-7)
    assert tangent(3.0) - tangent(2.0) == pytest.approx(12.0, abs=1e-6)


def test_rows_of_a_batch_are_single_points(implementation):
    x = np.random.default_rng(0).normal(size=(7, 3))
    rows = [implementation.numerical_gradient(uneven, row) for row in x]
    assert bits(implementation.numerical_gradient(uneven, x)) == bits(np.array(rows))


def test_f_gets_a_view_of_each_row_of_a_batch(implementation):
    x = np.arange(6.0).reshape(3, 2)
    seen = []
    implementation.numerical_gradient(
        lambda row: seen.append((row.shape, np.shares_memory(row, x))) or float(row[0]), x
    )
    assert seen == [((2,), True)] * 12


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (2, 1, 3, 3), ()])
def test_f_gets_the_very_array_of_one_point(implementation, shape):
    x = np.ones(shape)
    seen = []
    implementation.numerical_gradient(lambda point: seen.append(point is x) or float(np.sum(point)), x)
    assert seen == [True] * 2 * x.size


def test_coordinates_are_visited_in_order_above_before_below(implementation):
    x = np.zeros((2, 2, 2)).transpose(2, 0, 1)
    seen = []
    implementation.numerical_gradient(lambda x: seen.append(x.copy()) or 0.0, x, 1.0)
    expected = []
    for index in np.ndindex(x.shape):
        for sign in (1.0, -1.0):
            point = np.zeros(x.shape)
            point[index] = sign
            expected.append(point)
    assert np.array_equal(seen, expected)


def test_gradient_descent_takes_the_textbook_path(implementation):
    def descend(gradient):
        x = np.array([-3.0, 4.0])
        path = [x.copy()]
        for _ in range(20):
            x -= 0.1 * gradient(lambda x: x[0] ** 2 + x[1] ** 2, x)
            path.append(x.copy())
        return np.array(path)

    path = descend(implementation.numerical_gradient)
    assert bits(path) == bits(descend(reference.numerical_gradient))
    assert path[-1] == pytest.approx([-3 * 0.8**20, 4 * 0.8**20], rel=1e-9)


def test_a_closure_sees_the_perturbation_of_an_ignored_argument(implementation):
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])
    gradient = implementation.numerical_gradient(lambda ignored: np.sum(weights**3), weights)
    assert gradient == pytest.approx(3 * weights**2, rel=1e-6)


def test_the_gradient_of_a_convolution_filter_is_its_correlation_with_the_image(implementation):
    rng = np.random.default_rng(3)
    image = rng.normal(size=(2, 3, 7, 7))
    kernel = rng.normal(size=(4, 3, 3, 3))
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(2, 3))
    upstream = rng.normal(size=(2, 4, 5, 5))

    def loss(ignored):
        return np.sum(np.einsum("bcijkl,ockl->boij", windows, kernel) * upstream)

    expected = np.einsum("bcijkl,boij->ockl", windows, upstream)
    assert implementation.numerical_gradient(loss, kernel) == pytest.approx(expected, rel=1e-6, abs=1e-8)


# --- bit for bit ------------------------------------------------------------------------------------------------------


@given(points(max_dims=4))
@example(np.array([-0.0, 0.0]))
def test_gradient_equals_the_reference_bit_for_bit(x):
    before = bits(x)
    assert bits(numerical_gradient(uneven, x)) == bits(reference.numerical_gradient(uneven, x.copy(order="K")))
    assert bits(x) == before


@given(st.floats(-1e6, 1e6), st.floats(1e-8, 1.0))
def test_derivative_and_tangent_equal_the_reference_bit_for_bit(x, h):
    with np.errstate(all="ignore"):
        assert bits(numerical_diff(math.sin, x, h)) == bits(reference.numerical_diff(math.sin, x, h))
        assert bits(tangent_line(math.sin, x, h)(2.0)) == bits(reference.tangent_line(math.sin, x, h)(2.0))


def test_the_sign_of_a_zero_derivative_is_the_reference_s():
    x = np.array([0.0])
    below_zero = itertools.cycle([-0.0, 0.0])
    expected = reference.numerical_gradient(lambda x: next(below_zero), x)
    assert bits(expected) == bits([-0.0])
    assert bits(numerical_gradient(lambda x: next(below_zero), x)) == bits(expected)


@given(points(dtypes=FLOATS, max_dims=3, magnitude=8.0), st.integers(-8, 8))
def test_a_linear_f_with_exact_arithmetic_is_exact(x, slope):
    x[...] = np.round(x * 4) / 4
    gradient = numerical_gradient(lambda x: slope * np.sum(x), x, 0.25)
    assert gradient.dtype == x.dtype
    assert np.array_equal(gradient, np.full(x.shape, slope))


@given(points(max_dims=2), st.integers(1, 4))
def test_vectorized_rows_equal_the_scalar_f_bit_for_bit(x, power):
    def f(x):
        # no x**power: that of a reversed view may differ from that of a copy in its last bit
        return math.prod([x] * power).cumsum(axis=-1)[..., -1] if x.shape[-1] else np.zeros(x.shape[:-1])

    assert bits(numerical_gradient(f, x, vectorized=True)) == bits(numerical_gradient(f, x))


# --- what x may be ----------------------------------------------------------------------------------------------------


@given(points(dtypes=FLOATS + OTHERS, max_dims=3, magnitude=50.0, readonly=True))
def test_any_real_x_is_differentiated_and_left_as_it_was(x):
    before = bits(x)
    gradient = numerical_gradient(lambda x: np.sum(x.astype("f8") ** 2), x, 0.125)
    kept = x.dtype.kind == "f" and x.dtype.itemsize >= 4
    assert gradient.dtype == (x.dtype.newbyteorder("=") if kept else np.float64)
    assert gradient.shape == x.shape
    assert np.allclose(gradient, 2 * x.astype("f8"), atol=1e-3)
    assert bits(x) == before


@pytest.mark.parametrize("x", [[3, 4], (3, 4), [3.0, 4.0], range(3, 5), np.array([3, 4])], ids=repr)
def test_lists_tuples_and_integers_are_copied_to_float64(x):
    gradient = numerical_gradient(sum_of_squares, x)
    assert gradient.dtype == np.float64
    assert gradient == pytest.approx([6.0, 8.0], abs=1e-9)


@pytest.mark.parametrize("x", [3.0, 3, np.float64(3.0), np.array(3.0)], ids=repr)
def test_a_scalar_is_a_point_without_axes(x):
    gradient = numerical_gradient(lambda x: x**2, x)
    assert gradient.shape == ()
    assert float(gradient) == pytest.approx(6.0, abs=1e-9)


def test_a_read_only_array_is_copied():
    x = np.array([3.0, 4.0], np.float32)
    x.flags.writeable = False
    seen = []
    gradient = numerical_gradient(lambda point: seen.append(point is x) or np.sum(point**2), x, 0.125)
    assert seen == [False] * 4
    assert gradient.dtype == np.float32
    assert np.array_equal(gradient, [6.0, 8.0])


def test_an_unaligned_array_is_copied():
    table = np.zeros(3, dtype=[("tag", "u1"), ("value", "f8")])
    table["value"] = [1.0, 2.0, 3.0]
    assert numerical_gradient(sum_of_squares, table["value"]) == pytest.approx([2, 4, 6], abs=1e-9)
    assert list(table["value"]) == [1.0, 2.0, 3.0]


def test_a_subclass_of_ndarray_reaches_f_as_it_is():
    class Labelled(np.ndarray):
        pass

    x = np.arange(6.0).reshape(2, 3).view(Labelled)
    seen = []
    gradient = numerical_gradient(lambda row: seen.append(type(row)) or np.sum(row**2), x)
    assert set(seen) == {Labelled}
    assert gradient == pytest.approx(2 * np.arange(6.0).reshape(2, 3), abs=1e-8)


@pytest.mark.parametrize(
    ("shape", "vectorized"),
    [*itertools.product([(0,), (0, 3), (3, 0)], [False, True]), ((2, 0, 3), False)],
)
def test_an_empty_x_calls_f_never_and_gives_an_empty_gradient(shape, vectorized):
    def f(x):
        raise AssertionError("f was called")

    gradient = numerical_gradient(f, np.zeros(shape), vectorized=vectorized)
    assert gradient.shape == shape
    assert gradient.dtype == np.float64


@pytest.mark.parametrize("x", [1j, [1j, 2.0], np.zeros(2, "complex64"), [None], ["a"], np.array([1.0, 2.0], object)])
def test_x_must_hold_real_numbers(x):
    found = str(np.asarray(x).dtype)
    with pytest.raises(TypeError, match=rf"x must hold real numbers; got dtype {found}"):
        numerical_gradient(sum_of_squares, x)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_in_x_pass_through(value):
    x = np.array([value, 1.0])
    before = bits(x)
    assert numerical_gradient(lambda x: float(x[1]), x) == pytest.approx([0.0, 1.0])
    assert numerical_gradient(lambda p: p[:, 1], x, vectorized=True) == pytest.approx([0.0, 1.0])
    assert bits(x) == before


@pytest.mark.parametrize(
    ("shape", "vectorized"), [((2,), False), ((2,), True), ((3, 2), False), ((3, 2), True), ((1, 3, 2), False)]
)
def test_an_infinite_coordinate_swallows_no_step(shape, vectorized):
    x = np.ones(shape)
    x.flat[-1] = math.inf
    assert not numerical_gradient(lambda x: np.zeros(len(x)) if vectorized else 0.0, x, vectorized=vectorized).any()


@pytest.mark.parametrize("vectorized", [False, True])
def test_of_all_swallowed_steps_the_first_is_named(vectorized):
    x = np.array([[1.0, 1e20], [1e20, 1.0]])
    f = (lambda x: np.zeros(len(x))) if vectorized else lambda x: 0.0
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[0, 1\]"):
        numerical_gradient(f, x, vectorized=vectorized)
    x = np.array([[1.0, 1.0, 1.0], [1.0, 1e20, 1.0]])
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1, 1\]"):
        numerical_gradient(f, x, vectorized=vectorized)
    x = np.ones(400)  # in several blocks
    x[[0, -1]] = 1e20
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[0\]"):
        numerical_gradient(f, x, vectorized=vectorized)
    x = np.full((1, 2, 2), 1e20)
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[0, 0, 0\]"):
        numerical_gradient(lambda x: 0.0, x[:, ::-1])


@pytest.mark.parametrize("value", [1e300, -1e300, 5e-324, -5e-324, 1.7976931348623157e308])
def test_extreme_coordinates_hold_their_bits(value):
    x = np.array([value, value])
    before = bits(x)
    h = abs(value) / 8 if abs(value) > 1 else 1.0
    assert numerical_gradient(lambda x: float(x[0]) / abs(value) if abs(value) > 1 else float(x[0]), x, h)[1] == 0.0
    assert bits(x) == before


def test_a_signalling_nan_holds_its_bits():
    x = np.array([0x7FF0000000000001, 0x7FF8000000000123], dtype=np.uint64).view(np.float64)
    before = bits(x)
    numerical_gradient(lambda x: 0.0, x)
    assert bits(x) == before


# --- h ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0, -1e-4, math.nan, math.inf])
@pytest.mark.parametrize("function", [numerical_gradient, numerical_diff, tangent_line])
def test_h_must_be_finite_and_positive(function, h):
    with pytest.raises(ValueError, match=rf"h must be finite and positive; got {h}"):
        function(lambda x: 0.0, 1.0, h)


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_swallowed_step_is_a_warning_that_names_the_coordinate(vectorized):
    def f(x):
        return x.sum(axis=-1)

    with pytest.warns(RuntimeWarning, match=r"h = 0.0001 is lost to rounding at x\[1\] = 1e\+13"):
        numerical_gradient(f, np.array([1.0, 1e13, 1e14]), vectorized=vectorized)
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1, 0\] = -1e\+13"):
        numerical_gradient(f, np.array([[1.0, 2.0], [-1e13, 3.0]]), vectorized=vectorized)


def test_a_swallowed_step_is_named_in_any_layout():
    x = np.ones((2, 3, 4)).transpose(2, 0, 1)
    x[3, 1, 2] = 1e13
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[3, 1, 2\] = 1e\+13"):
        numerical_gradient(sum_of_squares, x)


def test_a_step_that_rounds_back_to_x_is_swallowed():
    with pytest.warns(RuntimeWarning, match="h = 1 is lost to rounding at x = 9.0072e"):
        numerical_diff(lambda x: x, 2.0**53, 1.0)  # x - h is another number


def test_a_swallowed_step_of_numerical_diff_is_a_warning():
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x = 1e\+13"):
        numerical_diff(lambda x: x, 1e13)
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1\] = 1e\+13"):
        numerical_diff(lambda x: x, np.array([1.0, 1e13]))


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4)])
def test_a_gradient_costs_two_evaluations_a_coordinate(shape):
    calls = []
    numerical_gradient(lambda x: calls.append(1) or 0.0, np.zeros(shape))
    assert len(calls) == 2 * math.prod(shape)


def test_a_gradient_allocates_nothing_per_evaluation():
    x = np.zeros(20_000)
    result = 1.0
    numerical_gradient(lambda x: result, x)
    tracemalloc.start()
    numerical_gradient(lambda x: result, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * x.nbytes + 4096


def test_20_000_gradients_grow_no_memory():
    x = np.array([3.0, 4.0])
    batch = x.reshape(2, 1)
    wrong = np.zeros(3)

    def run(count):
        for _ in range(count):
            numerical_gradient(lambda x: 1.0, x)
        for _ in range(count // 10):
            numerical_gradient(lambda x: x[0], batch)
            numerical_gradient(lambda points: np.sum(points**2, axis=1), batch, vectorized=True)
            with pytest.raises(ValueError, match="scalar"):
                numerical_gradient(lambda x: wrong, x)

    run(200)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run(20_000)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 16_384  # a free-threaded Python's collector keeps 8 KiB; 2000 leaks of 16 bytes are more
