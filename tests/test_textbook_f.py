"""What f may return and do when numerical_gradient and its kin call it."""

import functools
import itertools
import math

import numpy as np
import pytest
from objectives import bits
from strategies import FLOATS

from gradfast import numerical_diff, numerical_gradient, tangent_line

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


@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000), (100, 100, 100)])
def test_ctrl_c_stops_the_loop_over_a_c_function(interrupted_after, shape):
    """partial(next, iterator) runs no Python code, so nothing but the kernel looks for signals."""
    counter = iter(range(1 << 60))
    f = functools.partial(next, counter)
    x = np.ones(shape)
    with interrupted_after(0.02):
        numerical_gradient(f, x)
    assert next(counter) < 2 * x.size
    assert (x == 1.0).all()


@pytest.mark.parametrize(("sign", "by"), [(1, "0.0001"), (-1, "-0.0001")])
@pytest.mark.parametrize("char", "fdg")
def test_an_exception_says_what_was_moved(char, sign, by):
    def f(x):
        if sign * (x[1] - 2) > 0:
            raise RuntimeError("solver failed")
        return float(np.sum(x))

    x = np.array([3.0, 2.0], char)
    for point, name in ((x, "x[1]"), (np.array([[0.0, 2.0], [3.0, 2.0]], char)[1:], "x[0, 1]")):
        with pytest.raises(RuntimeError, match="solver failed") as caught:
            numerical_gradient(f, point)
        assert caught.value.__notes__[0] == f"f raised this with {name} moved by {by}"


def test_only_exceptions_of_f_are_told_where_they_come_from():
    with pytest.raises(TypeError, match="f must return a real scalar") as caught:
        numerical_gradient(lambda x: None, np.ones(2))
    assert not hasattr(caught.value, "__notes__")
