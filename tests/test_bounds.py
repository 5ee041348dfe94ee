"""Bounds: f is never called outside them, and what they fix has derivatives of zero."""

import numpy as np
import pytest
from every import DIFFERENCES, along_ones, hessian_from_gradient, one_derivative, value_and_the_gradient
from hypothesis import assume, given
from hypothesis import strategies as st
from objectives import bits
from strategies import FLOATS
from ways import ON_A_WORKER

from gradfast import (
    Backward,
    Central,
    Forward,
    derivative,
    gradient,
    hessian,
    jacobian,
)


@st.composite
def bounded_points(draw):
    """Draw a point with bounds that are near, far, infinite or no room at all."""
    shape = draw(st.sampled_from([(1,), (3,), (2, 2), (2, 3)]))
    size = int(np.prod(shape))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(FLOATS))
    x = (rng.normal(size=shape) * 10.0 ** rng.integers(-6, 3, shape)).astype(dtype)
    rooms = np.array([0.0, 1e-300, 1e-14, 1e-9, 1e-6, 1e-3, 1.0, np.inf])
    below, above = (rng.choice(rooms, size).reshape(shape).astype(dtype) for _ in range(2))
    layout = draw(st.sampled_from(["C", "F"]))
    return np.array(x, order=layout), x - below, x + above


class Within:
    """An f that insists on points inside bounds; it takes one or many along an axis."""

    def __init__(self, lower, upper, axes):
        self.lower, self.upper, self.axes = lower, upper, axes

    def __call__(self, x):
        real = np.real(x)
        assert np.all((self.lower <= real) & (real <= self.upper)), (self.lower, real, self.upper)
        return np.sum(x**2, axis=self.axes)


BOUNDED = [*DIFFERENCES, Central(step=0.01), Central(rel_step=0.1), Backward(3, step=10.0)]


@given(bounded_points(), st.sampled_from(BOUNDED))
def test_f_is_never_called_outside_the_bounds(way, case, method):
    x, lower, upper = case
    assume(way.takes(dtype=x.dtype.char))
    f, options = Within(lower, upper, None), {"bounds": (lower, upper), "method": method, "full_output": True}
    for name in ("gradient", "value_and_gradient", "jacobian", "hessian", "directional_derivative"):
        if name == "directional_derivative" and way is ON_A_WORKER:
            continue
        direction = (np.ones(x.shape),) if name == "directional_derivative" else ()
        try:
            result, info = getattr(way, name)(f, x, *direction, **options)
        except ValueError as error:  # along ones another coordinate may be in the way
            if name == "directional_derivative" and "bounds must leave room along v" in str(error):
                continue
            raise
        result = result[1] if name == "value_and_gradient" else result
        assert np.all(np.isfinite(result)), name
        if info.scheme.shape == x.shape:
            fixed = info.scheme == "fixed"
            assert np.array_equal(fixed, info.step == 0), name
            assert not np.any(np.asarray(result)[fixed]), name
            assert np.all(info.step[lower == upper] == 0), name


@given(bounded_points(), st.sampled_from([*BOUNDED, "complex"]), st.integers(1, 6))
def test_a_derivative_never_looks_outside_the_bounds(case, method, n):
    x, lower, upper = case
    f = Within(lower, upper, ())
    result, info = derivative(
        f, x, n=1 if method == "complex" else n, method=method, bounds=(lower, upper), full_output=True
    )
    if method != "complex":
        assert not np.any(result[info.scheme == "fixed"])
        assert np.array_equal(info.scheme == "fixed", info.step == 0)


@given(bounded_points(), st.sampled_from(BOUNDED), st.booleans(), st.integers(-1, 1))
def test_a_batch_never_looks_outside_the_bounds(case, method, vectorized, axis):
    x, lower, upper = case
    if x.ndim == 1:
        x, lower, upper = (side[np.newaxis] for side in (x, lower, upper))
    inside = Within(lower, upper, axis)

    def f(point):
        inside(x)  # each point of the batch is a view of x
        return np.sum(point**2, axis=axis if vectorized else None)

    options = {"bounds": (lower, upper), "method": method, "vectorized": vectorized}
    result, info = gradient(f, x, axis=axis, full_output=True, **options)
    assert not np.any(result[info.scheme == "fixed"])


@pytest.mark.parametrize("operator", ["gradient", "jacobian"])
def test_equal_bounds_give_zero_and_a_record_of_it(way, operator, counted):
    x = np.array([1.0, 2.0, 3.0])
    f, differentiate = counted(lambda x: np.sum(x**2)), getattr(way, operator)
    slope, info = differentiate(f, x, bounds=([1.0, 0.0, 3.0], [1.0, 9.0, 3.0]), full_output=True)
    assert list(info.scheme) == ["fixed", "central", "fixed"]
    assert list(info.step != 0) == [False, True, False]
    assert slope == pytest.approx([0.0, 4.0, 0.0])
    assert info.evaluations == f.calls == 2
    slope, info = differentiate(f, x, bounds=(x, x), full_output=True)
    assert list(slope) == [0.0, 0.0, 0.0]
    assert list(info.scheme) == ["fixed"] * 3


@pytest.mark.parametrize("x", [1.0, np.nextafter(1.0, 2.0)])
@pytest.mark.parametrize("method", ["central", Central(accuracy=4)])
def test_a_room_of_one_ulp_is_none_for_more_than_one_node(way, x, method):
    bounds = (1.0, np.nextafter(1.0, 2.0))
    slope, info = way.gradient(lambda x: 3 * np.sum(x), np.array([x]), bounds=bounds, method=method, full_output=True)
    assert (slope.tolist(), info.scheme.tolist()) == ([0.0], ["fixed"])


def test_equal_bounds_give_a_derivative_of_zero_and_a_record_of_it(way_at_a_number):
    x, differentiate = np.array([1.0, 2.0, 3.0]), way_at_a_number.derivative
    slope, info = differentiate(lambda x: x**3, x, bounds=([1.0, 0.0, 3.0], [1.0, 9.0, 3.0]), full_output=True)
    assert slope == pytest.approx([0.0, 12.0, 0.0])
    assert list(info.scheme) == ["fixed", "central", "fixed"]
    assert list(info.step != 0) == [False, True, False]
    slope, info = differentiate(lambda x: x**3, x, bounds=(x, x), full_output=True)
    assert list(slope) == [0.0, 0.0, 0.0]
    assert list(info.scheme) == ["fixed"] * 3


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("operator", [gradient, jacobian, one_derivative], ids=lambda o: o.__name__)
def test_equal_bounds_give_zero_by_the_complex_step_too(operator, vectorized, counted):
    x, options = np.array([1.0, 2.0, 3.0]), {"method": "complex", "full_output": True}
    if operator is not one_derivative:
        options["vectorized"] = vectorized
    f = counted(lambda x: (x**2).sum(axis=-1))
    slope, info = operator(f, x, bounds=([1.0, 0.0, 3.0], [1.0, 9.0, 3.0]), **options)
    assert list(info.scheme) == ["fixed", "complex", "fixed"]
    assert list(info.step != 0) == [False, True, False]
    if operator is not one_derivative:
        assert list(slope) == [0.0, 4.0, 0.0]
        assert info.evaluations == (f.points if vectorized else f.calls) == 3
    slope, info = operator(f, x, bounds=(x, x), **options)
    assert (list(slope), list(info.scheme)) == ([0.0] * 3, ["fixed"] * 3)


@pytest.mark.parametrize("vectorized", [False, True])
def test_equal_bounds_give_zeros_in_a_batch_by_the_complex_step(vectorized):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    bounds = (np.where(x == 2.0, x, 0.0), np.where(x == 2.0, x, 9.0))
    options = {"axis": 1, "bounds": bounds, "method": "complex", "vectorized": vectorized, "full_output": True}
    slope, info = gradient(lambda x: (x**2).sum(axis=-1), x, **options)
    assert np.array_equal(slope, np.where(x == 2.0, 0.0, 2 * x))
    assert np.array_equal(info.scheme, np.where(x == 2.0, "fixed", "complex"))


def test_equal_bounds_give_zeros_in_a_hessian(way, counted):
    x = np.array([1.0, 2.0, 3.0])
    f = counted(lambda x: np.sum(x**2) + x[0] * x[1])
    second, info = way.hessian(f, x, bounds=([1.0, 0.0, 0.0], [1.0, 9.0, 9.0]), full_output=True)
    assert second == pytest.approx(np.diag([0.0, 2.0, 2.0]), abs=1e-6)
    assert info.evaluations == f.calls == 2**2 + 2 + 1
    assert list(info.scheme) == ["fixed", "central", "central"]


def test_along_no_direction_the_derivative_is_0(way_along_a_line):
    x = np.array([1.0, 2.0, 3.0])
    for bounds in (None, (0, 9), (x, x)):
        slope, info = way_along_a_line.directional_derivative(np.sum, x, [0, 0, 0], bounds=bounds, full_output=True)
        assert (slope, info.scheme, info.step) == (0.0, "fixed", 0.0)


@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
@pytest.mark.parametrize(("method", "sign"), [("forward", 1), ("backward", -1), (Forward(2), 1), (Backward(2), -1)])
def test_a_point_whose_other_side_is_nan_is_told_to_use_this_one(way, operator, method, sign):
    is_told_to_use_this_side(getattr(way, operator), method, sign, finds_it=way.name != "reference")


@pytest.mark.parametrize("operator", [value_and_the_gradient, hessian_from_gradient, along_ones])
@pytest.mark.parametrize(("method", "sign"), [("forward", 1), ("backward", -1), (Forward(2), 1), (Backward(2), -1)])
def test_another_operator_too_is_told_to_use_the_side_that_is_not_nan(operator, method, sign):
    is_told_to_use_this_side(operator, method, sign)


def is_told_to_use_this_side(operator, method, sign, finds_it=True):
    x = np.array([1.0, 2.0])

    def half(x):
        return np.sum(x**2) if np.all(sign * x >= sign * np.array([1.0, 2.0])) else np.nan

    expected = operator(lambda x: np.sum(x**2), x, method=method)
    assert np.isfinite(expected).all()
    assert bits(operator(half, x, method=method)) == bits(expected)
    central = operator(lambda x: np.sum(x**2), x)
    bounds = (x, np.inf) if sign > 0 else (-np.inf, x)
    assert operator(half, x, bounds=bounds) == pytest.approx(central, rel=1e-5, abs=1e-4)
    if finds_it:  # f's values tell the side, without bounds
        assert operator(half, x) == pytest.approx(central, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
def test_what_bounds_fix_is_zero_whatever_the_memory_held(way, operator):
    x = np.array([1.0, 2.0])
    for bounds, moved in ((([1.0, 0.0], [1.0, 9.0]), [1]), ((x, x), [])):
        for size in (2, 4):
            np.full(size, np.nan)  # NumPy keeps small arrays' memory for the next one that is not filled
        found = getattr(way, operator)(lambda x: np.sum(x**2), x, bounds=bounds)
        fixed = np.delete(np.arange(2), moved)
        assert not np.any(found[..., fixed])
        assert np.all(np.diag(found)[moved] if operator == "hessian" else found[moved])


def test_an_element_that_bounds_fix_is_not_evaluated(counted):
    f = counted(lambda x: x**2)
    assert not derivative(f, np.ones(3), bounds=(1.0, 1.0)).any()
    assert f.calls == 0


def test_bounds_of_a_batch_are_in_the_order_of_x():
    x = np.array([[1.0, 5.0], [1.0, 1.0]])
    upper = np.array([9.0, 5.0, 9.0, 9.0])  # along axis 0, x[0, 1] is the third coordinate

    def f(point):
        assert (x <= upper.reshape(2, 2)).all()
        return float(np.sum(point**2))

    assert gradient(f, x, axis=0, bounds=(np.full(4, -9.0), upper)) == pytest.approx(2 * x, rel=1e-6)


def test_two_pairs_in_a_tuple_are_told_how_pairs_are_written():
    told = r"got x\[0\] = 2 in \[0, 0\]; a tuple of two is \(lower, upper\): write pairs for two coordinates as a list"
    with pytest.raises(ValueError, match=told):
        gradient(np.sum, np.array([2.0, 0.0]), bounds=((0, None), (0, None)))


def test_an_element_that_bounds_fix_stays_where_it_is():
    x, seen = np.array([1.0, 2.0, 3.0]), []

    def f(point):
        seen.append(point[0])
        assert np.full(3, 7.0).all()  # as memory that is free and holds something else
        return point**2

    derivative(f, x, bounds=([1.0, -9.0, -9.0], [1.0, 9.0, 9.0]))
    assert set(seen) == {1.0}


def test_the_second_derivatives_of_a_diagonal_stay_inside_bounds():
    x, seen = np.array([1.0, 2.0]), []

    def f(point):
        seen.append(point[0])
        return float(np.sum(point**4))

    assert hessian(f, x, diagonal=True, bounds=([1.0, -9.0], 9.0)) == pytest.approx(12 * x**2, rel=1e-2)
    assert min(seen) >= 1.0


@pytest.mark.parametrize("lower", [[0.0], [0.0, 0.0, 0.0], 0.0], ids=str)
def test_one_bound_may_be_for_all_and_the_other_for_each(lower):
    x = np.array([0.0, 2.0, 1e-9])
    assert gradient(lambda x: float(np.sum(x**2)), x, bounds=(lower, [9.0, 9.0, 9.0])) == pytest.approx(2 * x, abs=1e-4)


@pytest.mark.parametrize("room", [0.0, 9.0])
def test_bounds_that_are_not_as_many_as_x_has_coordinates_are_refused(room):
    for n, lower, upper in ((2, 3, 3), (4, 3, 3), (3, 2, 3), (3, 3, 2)):
        with pytest.raises(ValueError, match="bounds must be"):
            gradient(lambda x: 1.0, np.full(n, 1e300), bounds=(np.full(lower, 1e300 - room), np.full(upper, np.inf)))
        with pytest.raises(ValueError, match="bounds must be"):
            gradient(lambda x: 1.0, np.zeros(n), bounds=(np.full(lower, -room), np.full(upper, 1.0 + room)))
