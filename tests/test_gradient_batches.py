"""Gradients of a batch are those of its points, one by one."""

from operator import attrgetter

import numpy as np
import pytest
from gradients_compared import METHODS, WITH_STEPS, alike, hold_to_the_twin, sum_of_squares
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from objectives import bits, cubes, same
from strategies import FLOATS, points
from ways import AT_A_POINT

from gradfast import Backward, Central, Complex, gradient

batches = points(dtypes=FLOATS, min_dims=2, max_dims=3, min_side=1, max_side=4, magnitude=8.0)


@pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin
@given(batches, st.sampled_from(WITH_STEPS), st.integers(-2, 1), st.sampled_from([None, 0.0, 0.5]))
@settings(max_examples=50)
def test_a_batch_has_the_bits_and_the_evaluations_of_its_twin(way, x, method, axis, room):
    bounds = None if room is None else (x.min() - x.dtype.type(room), x.max())
    hold_to_the_twin(way, x, method=method, axis=axis, bounds=bounds)


@given(batches, st.sampled_from(METHODS), st.integers(-2, 1), st.booleans())
@settings(max_examples=50)
def test_points_of_a_batch_are_single_points(way, x, method, axis, has_bounds):
    assume(way.takes(method, x.dtype.char))
    options = {"method": method, "bounds": (x.min() - x.dtype.type(0.5), x.max()) if has_bounds else None}
    before = bits(x)
    found, info = way.gradient(cubes, x, axis=axis, full_output=True, **options)
    slopes, steps, schemes, rows = (np.moveaxis(a, axis, -1) for a in (found, info.step, info.scheme, x))
    for index in np.ndindex(rows.shape[:-1]):
        single, one = gradient(cubes, way.as_evaluated(rows[index].copy()), full_output=True, **options)
        assert alike(slopes[index], single.astype(x.dtype), method)
        assert np.array_equal(schemes[index], one.scheme)
        assert np.array_equal(steps[index], one.step)
    assert bits(x) == before


@given(batches, st.sampled_from(METHODS))
@settings(max_examples=50)
def test_the_transposed_batch_has_the_transposed_gradient(way, x, method):
    assume(way.takes(method, x.dtype.char))
    along_rows = way.gradient(cubes, x, axis=-1, method=method)
    along_columns = way.gradient(cubes, np.moveaxis(x, -1, 0), axis=0, method=method)
    assert alike(along_rows, np.moveaxis(along_columns, 0, -1), method)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_values_of_a_batch_come_with_its_gradients(way, axis, method):
    x = np.random.default_rng(1).normal(size=(2, 3, 4))
    values, slopes = way.value_and_gradient(cubes, x, axis=axis, method=method)
    assert same(values, cubes(x, axis=axis))
    assert same(slopes, way.gradient(cubes, x, axis=axis, method=method))


def test_f_of_a_batch_gets_views_of_its_points():
    x = np.arange(6.0).reshape(2, 3)
    seen = []
    gradient(lambda p: seen.append((p.shape, np.shares_memory(p, x))) or p[0], x, axis=0)
    assert seen == [((2,), True)] * 12
    seen = []
    gradient(lambda p: seen.append(p is x) or p[0], x, axis=0, vectorized=True)
    assert seen == [True] * 4


@pytest.mark.parametrize(("shape", "axis"), [((3,), 1), ((3,), -2), ((), 0), ((2, 3), 2), ((2, 3), 1.0), ((2, 3), "0")])
def test_an_axis_must_be_one_of_x(shape, axis):
    with pytest.raises(ValueError, match=r"axis must be an axis of x, whose shape is \(") as error:
        gradient(sum_of_squares, np.ones(shape), axis=axis)
    assert str(error.value).endswith(f"is {shape}; got {axis!r}")


@pytest.mark.parametrize("axis", [0, -1])
def test_the_only_axis_of_a_point_changes_nothing(axis):
    x = np.array([1.0, 2.0])
    assert bits(gradient(cubes, x, axis=axis)) == bits(gradient(cubes, x))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_an_empty_batch_has_an_empty_gradient(way, shape, axis, method):
    slope, info = way.gradient(np.sum, np.zeros(shape), axis=axis, method=method, full_output=True)
    assert slope.shape == shape
    assert info.evaluations <= 3


@pytest.mark.parametrize("method", [*METHODS, Backward(3), Complex(check=False)], ids=repr)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
@pytest.mark.parametrize("bounds", [None, (-9, 9)])
def test_evaluations_of_a_batch_are_counted_exactly(way, counted, method, axis, shape, bounds):
    x = np.random.default_rng(0).normal(size=shape)
    batch = x.size // shape[axis]
    nodes = {"central": 2, "forward": 1, "backward": 1, "complex": 1, Complex(check=False): 1}
    per_point = nodes.get(method) or getattr(method, "accuracy", 0)
    extra = {"central": 0, "complex": 2, Complex(check=False): 0, Central(4): 0, METHODS[5]: 0}.get(method, 1)
    expected = batch * (shape[axis] * per_point + extra)
    f = counted(sum_of_squares)
    _, info = way.gradient(f, x, axis=axis, method=method, bounds=bounds, full_output=True)
    assert info.evaluations == f.calls == expected


@pytest.mark.parametrize("method", ["forward", "central"])
@pytest.mark.parametrize("vectorized", [False, True])
def test_a_given_value_must_be_one_number_a_point(method, vectorized):
    options = {"method": method, "vectorized": vectorized}
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"f0 must have the shape of f's values at x, \(\); got \(2,\)"):
        gradient(sum_of_squares, x, f0=[1.0, 2.0], **options)
    for wrong in ([1.0], [1.0, 2.0, 3.0], 1.0, [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"f0 must have the shape of f's values at x, \(2,\); got \("):
            gradient(sum_of_squares, x, axis=1, f0=wrong, **options)
    for wrong in ("14", 1j, [None]):
        with pytest.raises(TypeError, match=r"f0 must hold real numbers; got") as error:
            gradient(sum_of_squares, x, f0=wrong, **options)
        assert str(error.value).endswith(repr(wrong))


@pytest.mark.parametrize("method", ["forward", Central(), Backward(2)])
def test_each_point_of_a_batch_has_its_own_value_and_step(way, method):
    x = np.array([[0.5, 2.0], [30.0, -4.0], [1.0, 7.0]])
    found = way.gradient(sum_of_squares, x, axis=1, method=method)
    assert same(found, [gradient(sum_of_squares, row, method=method) for row in x])
