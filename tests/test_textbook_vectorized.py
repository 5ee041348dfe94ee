"""numerical_gradient of an f that takes many points at once."""

import tracemalloc

import numpy as np
import pytest
from strategies import FLOATS

from gradfast import numerical_gradient

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


def test_blocks_stay_small_however_many_coordinates():
    x = np.zeros(3_000)
    numerical_gradient(lambda p: p[:, 0] * 2, x, vectorized=True)
    tracemalloc.start()
    numerical_gradient(lambda p: p[:, 0] * 2, x, vectorized=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * L2_BLOCK
