import functools
import gc
import itertools
import math
import signal
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


# --- what f may return ------------------------------------------------------------------------------------------------


class Floatable:
    def __float__(self):
        return 2.5


@pytest.mark.parametrize(
    "result",
    [
        2.5,
        np.float64(2.5),
        np.float32(2.5),
        np.longdouble(2.5),
        np.array(2.5),
        np.array([2.5]),
        np.array([[2.5]], "f4"),
        Floatable(),
    ],
    ids=lambda r: f"{type(r).__name__}{getattr(r, 'shape', '')}",
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_f_may_return_anything_that_is_one_number(result, dtype):
    x = np.array([1.0], dtype)
    calls = itertools.cycle([result, 0.0])
    assert numerical_gradient(lambda x: next(calls), x, 0.5)[0] == 2.5


@pytest.mark.parametrize("result", [5, True, np.int8(5), np.bool_(True), np.uint64(5), np.array([5])], ids=repr)
def test_f_may_return_integers_and_booleans(result):
    calls = itertools.cycle([result, 0])
    assert numerical_gradient(lambda x: next(calls), np.array([1.0]), 0.5)[0] == float(np.asarray(result).item())


def test_long_double_results_keep_their_precision():
    x = np.array([1.0], np.longdouble)
    tiny = np.finfo(np.longdouble).eps * 4
    for result in (np.longdouble(1) + tiny, np.array([np.longdouble(1) + tiny]), np.array(np.longdouble(1) + tiny)):
        calls = itertools.cycle([result, np.longdouble(1)])
        assert numerical_gradient(lambda x, calls=calls: next(calls), x, 0.5)[0] == tiny


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (np.zeros(3), ValueError, r"f must return a scalar; it returned an array of shape \(3,\)"),
        (np.zeros((1, 2)), ValueError, r"f must return a scalar; it returned an array of shape \(1, 2\)"),
        (np.zeros(0), ValueError, r"f must return a scalar; it returned an array of shape \(0,\)"),
        (None, TypeError, r"f must return a real scalar; it returned None, a NoneType"),
        ([1.0, 2.0], TypeError, r"f must return a real scalar; it returned \[1.0, 2.0\], a list"),
        ("1.0", TypeError, r"f must return a real scalar; it returned '1.0', a str"),
        (1j, TypeError, r"f must return a real scalar; it returned 1j, a complex"),
        (np.complex64(1j), TypeError, r"f must return a real scalar; it returned np.complex64\(1j\)"),
        (np.array([1j]), TypeError, r"f must return a real scalar; it returned array\(\[0.\+1.j\]\), a ndarray"),
        (np.array(1j, "G"), TypeError, r"f must return a real scalar; it returned array\(0.\+1.j"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", FLOATS)
def test_f_must_return_one_real_number(result, error, message, dtype):
    x = np.array([1.0, 2.0], dtype)
    before = bits(x)
    with pytest.raises(error, match=message):
        numerical_gradient(lambda x: result, x)
    assert bits(x) == before


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_nan_and_inf_from_f_pass_through_silently(value):
    calls = itertools.cycle([value, 0.0])
    gradient = numerical_gradient(lambda x: next(calls), np.array([1.0]))
    assert bits(gradient) == bits(np.array([value]) / 2e-4)
    assert np.isnan(numerical_gradient(lambda p: np.full(2, value), [1.0], vectorized=True))
    assert np.isnan(numerical_gradient(lambda p: np.full(1, value), [[1.0]], vectorized=True))
    assert np.isnan(numerical_diff(lambda x: np.float64(value), 1.0))
    assert np.isnan(numerical_diff(lambda x: np.full(2, value), np.ones(2))).all()


def test_a_float32_gradient_overflows_silently_to_inf():
    assert np.isinf(numerical_gradient(lambda x: 1e300 * float(x[0]), np.ones(1, np.float32), 0.5))


def test_f_may_return_the_same_buffer_every_time():
    buffer = np.zeros(1)

    def f(x):
        buffer[0] = np.sum(x**2)
        return buffer

    assert numerical_gradient(f, np.array([3.0, 4.0])) == pytest.approx([6.0, 8.0], abs=1e-9)


def test_f_may_return_a_view_of_x():
    assert numerical_gradient(lambda x: x[1:2], np.array([3.0, 4.0])) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("function", [numerical_gradient, numerical_diff, tangent_line])
def test_f_must_be_callable(function):
    with pytest.raises(TypeError, match="f must be callable, or compiled code that says its signature; got 3"):
        function(3, 1.0)


# --- what f may do ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", range(1, 13))
@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_x_holds_its_bits_when_f_raises_on_any_call(objective_that_fails_on_call, call, shape, dtype):
    x = np.random.default_rng(call).normal(size=shape).astype(dtype)
    before = bits(x)
    f = objective_that_fails_on_call(call)
    with pytest.raises(objective_that_fails_on_call.failure, match=f"call {call}"):
        numerical_gradient(f, x)
    assert bits(x) == before
    assert f.calls == call


@pytest.mark.parametrize("call", range(1, 5))
def test_x_holds_its_bits_when_a_vectorized_f_raises(call):
    x = np.random.default_rng(call).normal(size=(5, 2))
    before = bits(x)
    calls = itertools.count(1)

    def f(points):
        if next(calls) == call:
            raise KeyboardInterrupt
        return points.sum(axis=1)

    with pytest.raises(KeyboardInterrupt):
        numerical_gradient(f, x, vectorized=True)
    assert bits(x) == before


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3, 1)])
def test_an_f_that_changes_x_is_an_error_that_names_the_coordinate(shape):
    x = np.array([1.0, 2.0, 3.0]).reshape(shape)
    before = bits(x)
    flat = x.reshape(-1)
    index = ", ".join(map(str, np.unravel_index(1, shape)))

    def f(ignored):
        flat[1] += 1.0
        flat[2] = 0.0
        return 0.0

    with pytest.raises(ValueError, match=rf"f must leave x as it is; it changed x\[{index}\]"):
        numerical_gradient(f, x)
    assert bits(x) == before


@pytest.mark.parametrize("layout", [slice(None), slice(None, None, 2)], ids=["contiguous", "strided"])
@pytest.mark.parametrize(("start", "changed"), [([np.nan, 1.0], 1), ([1.0, 2.0], 0)])
def test_what_f_changed_is_named_be_it_the_first_or_behind_a_nan(start, changed, layout):
    x = np.zeros(4)[layout][:2]
    x[...] = start

    def f(x):
        x[changed] = 7.0
        return 0.0

    with pytest.raises(ValueError, match=rf"it changed x\[{changed}\]"):
        numerical_gradient(f, x)
    assert bits(x) == bits(start)


def test_an_f_that_flips_the_sign_of_a_zero_changes_x():
    x = np.array([1.0, 0.0])

    def f(x):
        x[1] = -0.0
        return 0.0

    with pytest.raises(ValueError, match=r"it changed x\[1\]"):
        numerical_gradient(f, np.array([1.0, 0.0, 2.0])[[0, 1]])
    assert bits(numerical_gradient(lambda x: 0.0, x)) == bits([0.0, 0.0])


def test_an_f_that_changes_x_and_raises_leaves_it_as_it_was(objective_that_fails_on_call):
    x = np.array([1.0, 2.0])
    fails = objective_that_fails_on_call(1)

    def f(x):
        x *= 3.0
        return fails(x)

    with pytest.raises(objective_that_fails_on_call.failure):
        numerical_gradient(f, x)
    assert list(x) == [1.0, 2.0]


def test_an_f_that_writes_what_is_there_changes_nothing():
    x = np.array([np.nan, -0.0, 1.0])

    def f(x):
        x[...] = x.copy()
        return float(x[2])

    assert numerical_gradient(f, x)[2] == pytest.approx(1.0)


def test_an_f_that_keeps_its_argument_sees_the_restored_point():
    x = np.array([1.0, 2.0])
    kept = []
    numerical_gradient(lambda x: kept.append(x) or float(x[0]), x)
    assert all(point is x for point in kept)
    assert list(x) == [1.0, 2.0]


def test_f_may_differentiate_the_same_array_again():
    x = np.array([1.0, 2.0, 3.0])

    def f(x):
        return float(np.sum(numerical_gradient(lambda x: np.sum(x**3) / 3, x)))  # sum of x**2, about

    assert numerical_gradient(f, x, 1e-3) == pytest.approx(2 * x, abs=1e-4)
    assert list(x) == [1.0, 2.0, 3.0]


def test_rows_may_share_state_through_f():
    """f of one row may read the others: they are at rest while one is perturbed."""
    x = np.arange(6.0).reshape(3, 2)
    gradient = numerical_gradient(lambda row: float(np.sum(x) * row[0]), x)
    assert gradient == pytest.approx(np.array([[15.0 + row[0], row[0]] for row in x]), abs=1e-6)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no interval timer")
@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000), (100, 100, 100)])
def test_ctrl_c_stops_the_loop_over_a_c_function(shape):
    """partial(next, iterator) runs no Python code, so nothing but the kernel looks for signals."""
    counter = iter(range(1 << 60))
    f = functools.partial(next, counter)
    x = np.ones(shape)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    def interrupted():
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        numerical_gradient(f, x)

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert next(counter) < 2 * x.size
    assert (x == 1.0).all()


# --- vectorized -------------------------------------------------------------------------------------------------------


# The bytes of points that a vectorized f is called with at once, so that they stay in a core's cache.
L2_BLOCK = 1 << 18


def rows_sum_of_squares(points):
    return np.sum(points**2, axis=1)


@pytest.mark.parametrize("n", [1, 2, 100, 181, 600])
def test_a_vectorized_point_is_called_in_blocks_of_all_its_perturbations(n):
    x = np.random.default_rng(n).normal(size=n)
    rows = []

    def f(points):
        rows.append(len(points))
        assert points.shape[1] == n
        return rows_sum_of_squares(points)

    assert numerical_gradient(f, x, vectorized=True) == pytest.approx(2 * x, abs=1e-8)
    assert sum(rows) == 2 * n
    assert max(rows) * n * 8 <= max(L2_BLOCK, 2 * 8 * n)


def test_a_vectorized_batch_takes_2n_calls_whatever_its_rows():
    calls = []
    x = np.random.default_rng(0).normal(size=(1000, 3))
    gradient = numerical_gradient(lambda p: calls.append(p is x) or rows_sum_of_squares(p), x, vectorized=True)
    assert calls == [True] * 6
    assert gradient == pytest.approx(2 * x, abs=1e-8)


@pytest.mark.parametrize("x", [np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])], ids=["point", "batch"])
def test_a_vectorized_f_may_return_views_buffers_and_lists(x):
    buffer = np.zeros(10)

    def into_buffer(points):
        buffer[: len(points)] = points[:, 1] ** 2
        return buffer[: len(points)]

    expected = x * [0.0, 1.0]
    for f in (into_buffer, lambda p: p[:, 1] ** 2, lambda p: list(p[:, 1] ** 2)):
        assert numerical_gradient(f, x, vectorized=True) == pytest.approx(2 * expected, abs=1e-9)
    assert numerical_gradient(lambda p: p[:, 1], x, vectorized=True) == pytest.approx(x / x * [0.0, 1.0], abs=1e-9)


@pytest.mark.parametrize(("x", "rows"), [(np.array([1.0, 2.0]), 4), (np.array([[1.0, 2.0], [3.0, 4.0]]), 2)])
def test_a_vectorized_f_must_return_one_value_a_row(x, rows):
    shapes = rf"shape \({rows},\) for points of shape \({rows}, 2\); it returned one of shape"
    with pytest.raises(ValueError, match=rf"f must return an array of {shapes} \({rows}, 2\)"):
        numerical_gradient(lambda p: p, x, vectorized=True)
    with pytest.raises(ValueError, match=rf"f must return an array of {shapes} \(\)"):
        numerical_gradient(lambda p: 1.0, x, vectorized=True)
    with pytest.raises(TypeError, match="f must return real numbers; it returned an array of dtype complex128"):
        numerical_gradient(lambda p: p[:, 0] * 1j, x, vectorized=True)


def test_a_vectorized_f_that_changes_its_points_is_an_error():
    def f(points):
        points[:, 1] = 0.0
        return points.sum(axis=1)

    def doubles(points):
        points *= 2.0
        return points.sum(axis=1)

    x = np.array([1.0, np.nan, 3.0])
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1\]"):
        numerical_gradient(f, x, vectorized=True)
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        numerical_gradient(doubles, x, vectorized=True)
    batch = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0, 1\]"):
        numerical_gradient(f, batch, vectorized=True)
    assert (batch == 1.0).all()


def test_a_vectorized_point_may_hold_nan():
    x = np.array([np.nan, 2.0])
    assert numerical_gradient(lambda p: p[:, 1] ** 2, x, vectorized=True) == pytest.approx([0.0, 4.0], abs=1e-9)


@pytest.mark.parametrize("shape", [(), (2, 2, 2)])
def test_a_vectorized_x_has_one_or_two_axes(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(n,\) or \(m, n\) when vectorized=True; got \("):
        numerical_gradient(rows_sum_of_squares, np.zeros(shape), vectorized=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_vectorized_keeps_the_dtype(dtype):
    for x in (np.array([1.0, 2.0], dtype), np.array([[1.0, 2.0]], dtype)):
        gradient = numerical_gradient(rows_sum_of_squares, x, 0.125, vectorized=True)
        assert gradient.dtype == x.dtype
        assert np.array_equal(gradient, 2 * x)


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


def test_blocks_stay_small_however_many_coordinates():
    x = np.zeros(3_000)
    numerical_gradient(lambda p: p[:, 0] * 2, x, vectorized=True)
    tracemalloc.start()
    numerical_gradient(lambda p: p[:, 0] * 2, x, vectorized=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * L2_BLOCK


def test_200_000_gradients_grow_no_memory():
    x = np.array([3.0, 4.0])
    batch = x.reshape(2, 1)
    wrong = np.zeros(3)

    def run(count):
        for _ in range(count):
            numerical_gradient(lambda x: 1.0, x)
        for _ in range(count // 100):
            numerical_gradient(lambda x: x[0], batch)
            numerical_gradient(rows_sum_of_squares, batch, vectorized=True)
            with pytest.raises(ValueError, match="scalar"):
                numerical_gradient(lambda x: wrong, x)

    run(200)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run(200_000)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 16_384  # a free-threaded Python's collector keeps 8 KiB; 2000 leaks of 16 bytes are more
