"""A prepared DirectionalDerivative keeps f(x) between products at one x, if f(x) follows from x and numbers alone."""

import math
import pickle

import numpy as np
import pytest

from gradfast import DirectionalDerivative, compiled, directional_derivative

X = np.array([0.3, -1.2, 2.0])
DIRECTIONS = np.vstack([np.eye(3), np.ones(3)])


def powers(x, *args, b=1.0):
    return x**2 * b * sum(np.sum(a) for a in (1.0, *args))


@pytest.fixture
def evaluations(counted):
    """Return how often each product calls f, whose result is that of the function of one call, to the bit."""

    def evaluations(f, points, directions, args=(), **options):
        f = counted(f)
        product = DirectionalDerivative(f, **options)
        found, calls = [], []
        for x, v in zip(points, directions, strict=True):
            before = f.calls
            found.append(product(x, v, *args))
            calls.append(f.calls - before)
        alone = [directional_derivative(f, x, v, args=args, **options) for x, v in zip(points, directions, strict=True)]
        assert np.array_equal(found, alone)
        return calls

    return evaluations


@pytest.mark.parametrize(
    "f",
    [powers, lambda x: np.sum(powers(x)), lambda x: np.outer(x, x), lambda x: list(x * x)],
    ids=["array", "number", "matrix", "list"],
)
@pytest.mark.parametrize(
    ("options", "first", "others"),
    [
        ({"method": "forward"}, 2, 1),
        ({"method": "backward"}, 2, 1),
        ({"n": 2}, 3, 2),
        ({"bounds": (X, None)}, 3, 2),
        ({"method": "forward", "on_error": "nan"}, 2, 1),
        ({}, 2, 2),
    ],
)
def test_f_at_x_is_computed_for_the_first_product_alone(evaluations, f, options, first, others):
    assert evaluations(f, [X] * 4, DIRECTIONS, **options) == [first, others, others, others]


def test_f_at_x_is_kept_of_an_f_of_many_points_and_of_compiled_f(evaluations, counted):
    assert evaluations(powers, [X] * 4, DIRECTIONS, method="forward", vectorized=True) == [2, 1, 1, 1]
    pytest.importorskip("numba")
    product = DirectionalDerivative(compiled(lambda x: x**2, outputs=3), method="forward", full_output=True)
    assert [product(X, v)[1].evaluations for v in DIRECTIONS] == [2, 1, 1, 1]


def test_f_at_x_is_kept_by_adaptive_steps(evaluations):
    first, *others = evaluations(np.sin, [X] * 4, [DIRECTIONS[0]] * 4, method="adaptive")
    assert others == [first - 1] * 3


def test_f_at_x_is_kept_in_its_own_precision(evaluations):
    single = lambda x: np.sin(x).astype(np.float32)  # noqa: E731
    assert evaluations(single, [X] * 4, DIRECTIONS, method="forward") == [2, 1, 1, 1]


@pytest.mark.parametrize(
    "other",
    [-X, X[:2], X.astype(np.float32), X.reshape(1, 3), np.nextafter(X, 9)],
    ids=["other sign", "shorter", "float32", "other shape", "next numbers"],
)
def test_f_at_another_x_is_another(evaluations, other):
    points = [X, other, other.copy(), X]
    directions = [np.ones(x.shape) for x in points]
    assert evaluations(lambda x: np.sum(x**2), points, directions, method="forward") == [2, 2, 1, 2]


def test_the_same_array_with_other_numbers_is_another_x():
    x = X.copy()
    product = DirectionalDerivative(powers, method="forward")
    product(x, DIRECTIONS[0])
    x += 1
    assert np.array_equal(product(x, DIRECTIONS[0]), directional_derivative(powers, x, DIRECTIONS[0], method="forward"))


@pytest.mark.parametrize("value", [2.0, True, "2", None, np.float64(2.0)], ids=repr)
def test_f_at_x_is_kept_with_arguments_that_nobody_can_change(evaluations, value):
    f = lambda x, *args, b=None: x**2  # noqa: E731
    assert evaluations(f, [X] * 4, DIRECTIONS, args=(value,), method="forward") == [2, 1, 1, 1]
    assert evaluations(f, [X] * 4, DIRECTIONS, kwargs={"b": value}, method="forward") == [2, 1, 1, 1]


def test_f_at_x_is_not_kept_with_an_argument_that_can_be_changed(counted):
    data, f = np.array([1.0]), counted(powers)
    for keywords, args in (({}, (data,)), ({"kwargs": {"b": data}}, ())):
        product = DirectionalDerivative(f, method="forward", **keywords)
        for data[0] in (1.0, 5.0):
            expected = directional_derivative(powers, X, X, method="forward", args=args, **keywords)
            assert np.array_equal(product(X, X, *args), expected)


def test_other_arguments_give_another_value_at_x():
    product = DirectionalDerivative(powers, method="forward")
    for args in ((1.0,), (2.0,), (), (2.0, 1.0)):
        assert np.array_equal(product(X, X, *args), directional_derivative(powers, X, X, method="forward", args=args))


def test_f_at_x_is_not_kept_of_an_f_that_returns_more_or_takes_x_elsewhere(counted):
    f = counted(lambda x: (powers(x), "more"))
    product = DirectionalDerivative(f, method="forward", has_aux=True)
    for v in DIRECTIONS:
        assert product(X, v)[1] == "more"
    assert f.calls == 8
    scaled = DirectionalDerivative(lambda scale, x: scale * x**2, method="forward", argnum=1)
    assert scaled(X, X, 3.0) == pytest.approx(3 * scaled(X, X, 1.0))


def test_who_gives_f_at_x_drops_what_was_kept(counted):
    f = counted(powers)
    product = DirectionalDerivative(f, method="forward")
    product(X, DIRECTIONS[0])
    product(X, DIRECTIONS[0], f0=powers(X))
    assert f.calls == 3
    product(X, DIRECTIONS[0])
    assert f.calls == 5
    product(X, DIRECTIONS, f0=powers(X))
    product(X, DIRECTIONS[0])
    assert f.calls == 5 + 4 + 2


def test_many_directions_take_and_leave_f_at_x(counted):
    f = counted(powers)
    product = DirectionalDerivative(f, method="forward")
    product(X, DIRECTIONS)
    assert f.calls == 5
    product(X, DIRECTIONS)
    assert f.calls == 9
    product(X, X)
    assert f.calls == 10


def test_a_value_at_x_that_is_not_finite_is_not_kept():
    values = [np.nan, 1.0, 2.0, 3.0]
    product = DirectionalDerivative(lambda x: values.pop(0), method="forward")
    with np.errstate(all="ignore"):
        product(X, X)
    assert product(X, X) != 0
    assert values == []


def test_what_is_kept_is_no_part_of_the_operator():
    product = DirectionalDerivative(powers, method="forward")
    expected = product(X, X)
    other = pickle.loads(pickle.dumps(product))
    assert other == product == DirectionalDerivative(powers, method="forward")
    assert other._last is None
    assert np.array_equal(other(X, X), expected)


def test_an_f_that_returns_one_buffer_each_time_leaves_what_is_kept():
    buffer = np.empty(3)
    product = DirectionalDerivative(lambda x: np.multiply(x, x, out=buffer), method="forward")
    expected = [directional_derivative(lambda x: x * x, X, v, method="forward") for v in DIRECTIONS]
    assert np.array_equal([product(X, v) for v in DIRECTIONS], expected)


@pytest.mark.parametrize("method", ["forward", "adaptive"])
def test_what_is_kept_is_not_what_the_caller_gets(method):
    product = DirectionalDerivative(powers, method=method, full_output=True)
    expected = directional_derivative(powers, X, X, method=method)
    for _ in range(2):
        product(X, X)[1].value[...] = 7
    assert np.array_equal(product(X, X)[0], expected)


@pytest.mark.parametrize("others", [(0.0, -0.0), (1, True), (1.0, 1)])
def test_an_equal_argument_may_be_another(others):
    def f(x, other):
        return x[0] * (math.copysign(1, other) + 5 * isinstance(other, bool) + 7 * isinstance(other, int))

    product = DirectionalDerivative(f, method="forward")
    for other in others:
        assert product(X, X, other) == directional_derivative(f, X, X, method="forward", args=(other,))
