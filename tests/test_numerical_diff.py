"""numerical_diff and tangent_line: what x may be, what f may return; test_textbook.py has the course's own cases."""

import math

import numpy as np
import pytest

from gradfast import numerical_diff, numerical_gradient, reference, tangent_line


def bits(x):
    return np.asarray(x).tobytes()


def test_numerical_diff_is_elementwise_over_an_array():
    x = np.linspace(0.0, 2.0, 5)
    before = bits(x)
    assert bits(numerical_diff(np.sin, x)) == bits(reference.numerical_diff(np.sin, x))
    assert bits(x) == before
    assert numerical_diff(np.sin, list(x)) == pytest.approx(np.cos(x), abs=1e-8)


# What f makes of a number of any kind.
RESULTS = {
    "float": math.sin,
    "float64": np.sin,
    "float32": lambda x: np.float32(x * x),
    "longdouble": lambda x: np.longdouble(x) ** 3,
    "integer": lambda x: int(1000 * x),
    "numpy integer": lambda x: np.int64(1000 * x),
    "float, then float64": lambda x: math.sin(x) if x > 1 else np.sin(x),
    "float, then integer": lambda x: x * x if x > 1 else 2,
    "array": lambda x: np.array([x, x * x]),
    "one in an array": lambda x: np.array([x * x]),
    "no axis": lambda x: np.array(x * x),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("kind", [float, int, np.float64, np.float32, np.longdouble, np.int64, np.array], ids=repr)
def test_numerical_diff_gives_the_bits_and_type_of_the_reference(kind, name):
    x, f = kind(1), RESULTS[name]
    found, expected = numerical_diff(f, x), reference.numerical_diff(f, x)
    assert type(found) is type(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    assert np.array_equal(found, expected)
    assert found is not x


@pytest.mark.parametrize(
    "x", [1e13, 10**13, np.float64(1e13), np.array(1e13), np.array([[0.0, 1e13]]), [0.0, 1e13]], ids=repr
)
def test_a_swallowed_step_is_seen_though_f_moves_its_point(x):
    def f(x):
        x += 1.0
        return x

    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x.* = 1e\+13"):
        numerical_diff(f, x)


class OfOurOwn(np.ndarray):
    pass


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_numerical_diff_keeps_the_class_of_an_array():
    masked = numerical_diff(np.square, np.ma.masked_array([1.0, 2.0], [False, True]))
    assert masked.mask.tolist() == [False, True]
    assert masked[0] == pytest.approx(2.0)
    square = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    assert bits(numerical_diff(lambda x: x * x, square)) == bits(reference.numerical_diff(lambda x: x * x, square))
    assert type(numerical_diff(np.sin, np.ones(2).view(OfOurOwn))) is OfOurOwn


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_f_sees_no_matrix_whose_rows_are_matrices():
    seen = set()
    numerical_gradient(lambda x: seen.add((type(x), x.shape)) or float(x[0]), np.matrix([[1.0, 2.0], [3.0, 4.0]]))
    assert seen == {(np.ndarray, (2,))}


@pytest.mark.parametrize("results", [([1.0, 2.0], 3.0), (3.0, [1.0, 2.0]), ([1.0], [1.0, 2.0]), (np.ones(2), 3)])
def test_both_results_of_numerical_diff_have_one_shape(results):
    calls = iter(results)
    with pytest.raises(ValueError, match="f must return arrays of one shape"):
        numerical_diff(lambda x: next(calls), 1e13)  # where the step is lost too, of which nothing is said


def test_numerical_diff_holds_no_point_that_f_has_had():
    def f(x):
        x.resize(3)
        return x

    assert numerical_diff(f, np.array([1.0, 2.0])) == pytest.approx([1.0, 1.0, 0.0])


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan, np.float64(np.inf), np.array([np.inf, np.nan])], ids=repr)
def test_no_step_is_swallowed_where_x_is_no_number(x):
    assert np.isnan(numerical_diff(lambda x: x, x)).all()


def test_numerical_diff_may_be_given_the_same_buffer_every_time():
    buffer = np.zeros(2)
    assert numerical_diff(lambda x: np.square(x, out=buffer), np.array([1.0, 2.0])) == pytest.approx([2.0, 4.0])


def test_numerical_diff_takes_an_f_that_returns_a_list():
    assert numerical_diff(lambda x: [x, x**2], 3.0) == pytest.approx([1.0, 6.0])


@pytest.mark.parametrize("x", [1j, np.array([1j]), "a"])
def test_numerical_diff_takes_real_x_only(x):
    with pytest.raises(TypeError, match=f"x must hold real numbers; got dtype {np.asarray(x).dtype}"):
        numerical_diff(lambda x: x, x)


@pytest.mark.parametrize("result", [1j, None, "a"])
def test_numerical_diff_takes_real_f_only(result):
    with pytest.raises(TypeError, match=f"f must return real numbers; it returned {result!r}"):
        numerical_diff(lambda x: result, 1.0)


def test_a_tangent_of_a_list_of_points_is_elementwise():
    tangent = tangent_line(np.square, [1.0, 2.0])
    assert tangent(np.array([2.0, 3.0])) == pytest.approx([3.0, 8.0])


@pytest.mark.parametrize("drop_in", [numerical_diff, tangent_line])
def test_a_function_of_numbers_that_meets_an_array_is_told_of_vectorize(drop_in):
    with pytest.raises(TypeError) as caught:
        drop_in(math.sin, np.array([0.5, 1.0]))
    assert caught.value.__notes__ == [
        "f was called with an array of numbers; np.vectorize(f) calls f with each of them"
    ]


def test_the_tangent_of_a_constant_is_the_constant():
    assert np.array_equal(tangent_line(lambda x: 3.0, np.ones(2))(np.array([5.0, 7.0])), [3, 3])


def test_a_tangent_leaves_x_as_it_is_though_f_writes_to_its_point():
    x = np.array([0.5, 1.0])
    tangent_line(lambda x: np.exp(np.negative(x, out=x)), x)
    assert x.tolist() == [0.5, 1.0]
