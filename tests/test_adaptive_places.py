"""Adaptive steps where x has bounds, f has an end, or numbers are not finite or of another precision."""

import math
from functools import partial

import numpy as np
import pytest
from objectives import ObjectiveError, assert_covered, sum_of_exp
from ways import at_a_number, at_a_point, same_as_python

from gradfast import Adaptive, derivative, directional_derivative, gradient, hessian, jacobian


@at_a_point
@pytest.mark.parametrize("bounds", [(0.5, 3.0), ([0.5, 0.5, 1.0], [1.0, 2.0, 3.0])])
def test_bounds_are_kept(way, bounds):
    x = np.array([0.5, 1.3, 3.0])
    seen = []

    def f(x):
        seen.append(x.copy())
        return np.sum(np.sqrt(x))

    value, info = same_as_python(way, "gradient", f, x, bounds=bounds)
    assert np.all((np.array(seen) >= bounds[0]) & (np.array(seen) <= bounds[1]))
    assert np.all(np.abs(value - 0.5 / np.sqrt(x)) <= info.error)
    assert np.allclose(value, 0.5 / np.sqrt(x), rtol=1e-8)
    assert info.scheme.tolist() == ["forward", "central", "backward"]


@at_a_point
def test_a_coordinate_without_room_is_fixed(way):
    value, info = same_as_python(way, "gradient", sum_of_exp, [1.0, 2.0], bounds=([1.0, -9.0], [1.0, 9.0]))
    assert value[0] == 0
    assert info.scheme.tolist() == ["fixed", "central"]


def test_a_component_that_is_not_finite_spoils_no_other():
    value, info = jacobian(lambda x: np.array([np.nan, x[0] ** 2]), [1.0], method="adaptive", full_output=True)
    assert np.isnan(value[0, 0])
    assert value[1, 0] == pytest.approx(2, rel=1e-9)
    assert info.converged[:, 0].tolist() == [False, True]


@pytest.mark.parametrize("distance", [1e-9, 1e-7, 1e-5])
def test_a_value_that_moves_only_where_another_is_nan_is_not_called_0(distance):
    def f(x):
        return np.array([np.log(x[0] - 1), np.round(np.sin(x[0]), 3)])

    found, info = jacobian(f, np.array([1 + distance]), method="adaptive", full_output=True)
    assert abs(found[1, 0] - math.cos(1 + distance)) <= info.error[1, 0]
    assert not info.converged[1, 0]
    assert info.converged[0, 0]


@pytest.mark.parametrize(
    "operator",
    [derivative, gradient, jacobian, hessian, partial(directional_derivative, v=[1.0, 2.0])],
    ids=["derivative", "gradient", "jacobian", "hessian", "direction"],
)
@pytest.mark.parametrize("call", [1, 3, 6])
def test_x_is_restored_where_f_raises(operator, call):
    x, calls = np.array([1.1, 2.2]), []

    def f(point):
        calls.append(1)
        if len(calls) == call:
            raise ObjectiveError
        return point**3 if operator is derivative else np.sum(point**3)

    with pytest.raises(ObjectiveError):
        operator(f, x, method="adaptive")
    assert x.tolist() == [1.1, 2.2]
    assert len(calls) == call


@at_a_number
@pytest.mark.parametrize("beyond", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("side", "scheme"), [(1, "forward"), (-1, "backward")])
def test_where_f_is_not_finite_on_one_side_the_other_is_used(way, side, scheme, beyond):
    def f(x):
        return np.where(side * (x - 1) < 0, beyond, x**3)

    value, info = same_as_python(way, "derivative", f, 1.0)
    assert value == pytest.approx(3.0, rel=1e-11)
    assert str(info.scheme) == scheme
    assert info.converged


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_one_side_is_used_by_hessians_and_directions_too(beyond):
    def f(x):
        return x[0] ** 2 * x[1] if x[0] >= 1 else beyond

    value, info = hessian(f, [1.0, 2.0], method="adaptive", full_output=True)
    assert np.all(np.abs(value - [[4, 2], [2, 0]]) <= info.error)
    assert np.abs(value - [[4, 2], [2, 0]]).max() < 1e-8
    assert info.scheme.tolist() == ["forward", "central"]
    slope, info = directional_derivative(f, [1.0, 2.0], [-3.0, 1.0], method="adaptive", full_output=True)
    assert abs(slope + 11) <= info.error < 1e-8
    assert info.scheme == "backward"


def test_a_jacobian_beside_the_end_of_a_domain_is_covered():
    def f(x):
        return np.array([math.log(x[0]) if x[0] > 0 else -np.inf, x[0] * x[1]])

    value, info = jacobian(f, [1e-3, 2.0], method="adaptive", full_output=True)
    assert np.all(np.abs(value - [[1e3, 0], [2, 1e-3]]) <= info.error)
    assert info.converged.all()


@at_a_number
def test_where_f_is_nan_everywhere_so_is_the_derivative(way):
    value, info = same_as_python(way, "derivative", lambda x: x * np.nan, 1.0)
    assert np.isnan(value)
    assert info.error == np.inf
    assert not info.converged


@at_a_number
@pytest.mark.parametrize(
    ("f", "x", "slopes"),
    [
        (lambda x: np.maximum(x, 0), 0.0, (0, 1)),
        (np.abs, 0.0, (-1, 1)),
        (lambda x: np.abs(x - 1) + np.exp(-x), 1.0, (-1 - np.exp(-1), 1 - np.exp(-1))),
        (lambda x: 2.5 * np.abs(x - 3) + x, 3.0, (-1.5, 3.5)),
        (lambda x: x * x + 0.01 * np.abs(x - 1), 1.0, (1.99, 2.01)),
        (lambda x: (x - 2) ** 2 + 0.3 * np.abs(x), 0.0, (-4.3, -3.7)),
        (lambda x: x**4 + 0.02 * np.maximum(x - 2, 0), 2.0, (32.0, 32.02)),
    ],
    ids=["ReLU", "abs", "abs of a curve", "steep", "on a parabola", "lasso", "on a polynomial"],
)
def test_a_kink_is_not_converged_and_its_bar_covers_the_slopes_of_both_sides(way, f, x, slopes):
    value, info = same_as_python(way, "derivative", f, x)
    jump = slopes[1] - slopes[0]
    assert np.abs(value - slopes).max() <= info.error + 1e-9 * jump
    assert info.error <= (1 + 1e-6) * jump
    assert not info.converged
    assert info.evaluations <= 31


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("upper", [1, 3])
@pytest.mark.parametrize("dtype", ["f", "d", "g"])
def test_bounds_hold_along_a_direction_in_any_precision(dtype, upper, n):
    x, seen = np.ones(2, dtype), []

    def f(x):
        seen.append(x.max())
        return np.sum(x**3)

    options = {"n": n, "bounds": (0, upper), "method": "adaptive", "full_output": True}
    value, info = directional_derivative(f, x, np.array([1.0, 0.5]), **options)
    assert abs(float(value) - (4.5 if n == 1 else 7.5)) <= info.error
    assert info.error <= 1e-3
    assert max(seen) <= upper


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("bounds", [None, (0, None)])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_along_a_direction_that_moves_what_is_not_finite_the_derivative_is_nan(wrong, bounds, n):
    options = {"n": n, "bounds": bounds, "method": "adaptive", "full_output": True}
    value, info = directional_derivative(lambda x: np.nansum(x**2), [1.0, wrong], [1.0, 0.5], **options)
    assert np.isnan(value)
    assert info.error == np.inf
    assert not info.converged
    value, info = directional_derivative(lambda x: x[0] ** 2, [1.0, wrong], [1.0, 0.0], **options)
    assert value == pytest.approx(2)
    assert info.converged


@pytest.mark.parametrize("f", [np.exp, np.sin, np.cosh, lambda x: 1 / x], ids=["exp", "sin", "cosh", "1/x"])
@pytest.mark.skipif(np.finfo("g").eps == np.finfo("d").eps, reason="a longdouble is a double here")
def test_a_longdouble_is_differentiated_in_its_own_precision(f):
    exact = {np.exp: np.exp, np.sin: np.cos, np.cosh: np.sinh}.get(f, lambda x: -1 / x**2)
    x = np.array([0.3, 1.0, 1.9, 7.0], np.longdouble)
    value, info = derivative(f, x, method="adaptive", full_output=True)
    assert value.dtype == np.longdouble
    assert np.all(np.abs(value - exact(x)) <= np.minimum(info.error, 4e-16 * np.abs(exact(x))))


@pytest.mark.parametrize("bounds", [(0, 2), (1, 3), ([-1, 1], [1, 2]), (np.longdouble(0.5), np.longdouble(1.5))])
def test_a_longdouble_takes_bounds(bounds):
    x = np.ones(2, np.longdouble)
    value, info = gradient(lambda x: np.sum(x**2), x, method="adaptive", bounds=bounds, full_output=True)
    assert np.all(np.abs(value - 2) <= info.error + 1e-18)
    assert np.abs(value - 2).max() < 1e-9
    second = hessian(lambda x: np.sum(x**2) * x[0], x, method="adaptive", bounds=bounds)
    assert np.abs(second - [[6, 2], [2, 2]]).max() < 1e-7


@at_a_point
def test_a_float32_stops_at_its_own_tolerance(way):
    x = np.array([1.0, 2.0], np.float32)
    value, info = same_as_python(way, "gradient", sum_of_exp, x)
    assert value.dtype == np.float32
    assert np.all(np.abs(value - np.exp(x.astype(float))) <= info.error)
    assert np.allclose(value, np.exp(x), rtol=1e-4)


def test_a_fixed_coordinate_has_zeros_in_the_hessian_and_spoils_no_other():
    def f(x):
        return x[0] ** 2 * x[1] * x[2]

    x, expected = [1.0, 2.0, 3.0], [[12, 0, 4], [0, 0, 0], [4, 0, 0]]
    bounds = ([0.0, 2.0, 0.0], [9.0, 2.0, 9.0])
    value, info = hessian(f, x, bounds=bounds, method="adaptive", full_output=True)
    assert np.all(np.abs(value - expected) < 1e-9)
    assert np.all(info.error < 1e-9)
    assert info.converged.all()
    bounds = ([0.0, 2.0, 0.0], [9.0, 2.0 + 5e-16, 9.0])
    value, info = hessian(f, x, bounds=bounds, method="adaptive", full_output=True)
    assert np.all(np.abs(value - expected) < 1e-9)
    is_held = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    assert np.array_equal(np.isinf(info.error), is_held)
    assert np.array_equal(info.converged, ~is_held)


def test_no_look_is_beyond_a_bound_though_f_is_finite_only_there():
    seen = []

    def f(x):
        seen.append(float(x))
        return 1.0 if x <= 1 else np.nan

    assert np.isnan(derivative(f, 1.0, bounds=(1.0, np.inf), method="adaptive"))
    assert min(seen) == 1.0


@at_a_number
@pytest.mark.parametrize("bounds", [(0.5 - 1e-6, 0.5 + 1e-6), (0.5, 0.5 + 1e-6), (0.5 - 1e-6, 0.5)])
def test_a_narrow_box_is_no_fixed_coordinate(way, bounds):
    value, info = same_as_python(way, "derivative", np.exp, 0.5, bounds=bounds)
    assert abs(value - np.exp(0.5)) <= info.error < 1e-6


@at_a_number
def test_a_box_too_narrow_to_move_in_is_not_called_converged(way):
    value, info = same_as_python(way, "derivative", np.exp, 0.5, bounds=(0.5, 0.5 + 2e-16))
    assert (value, info.error, info.converged) == (0, np.inf, False)


@at_a_point
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("operator", ["gradient", "jacobian"])
def test_where_x_is_not_finite_the_derivative_is_nan(way, wrong, operator):
    shape = () if operator == "gradient" else (1,)
    value, info = same_as_python(way, operator, lambda x: np.reshape(np.arctan(x[1]) + 0 * x[0], shape), [1.0, wrong])
    one, alone = same_as_python(way, operator, lambda x: np.reshape(x[1] ** 2, shape), [wrong, 1.0])
    assert np.isnan(np.ravel(value)[1])
    assert np.isnan(np.ravel(one)[0])
    assert np.ravel(one)[1] == pytest.approx(2)
    assert np.isinf(np.ravel(info.error)[1])
    assert not np.ravel(info.converged)[1]
    assert np.ravel(alone.converged).tolist() == [False, True]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("f", [np.square, np.arctan, lambda x: 0 * x + 3.0], ids=["square", "arctan", "constant"])
def test_at_a_number_that_is_not_finite_the_derivative_is_nan(f, wrong):
    with np.errstate(invalid="ignore"):
        value, info = derivative(f, wrong, method="adaptive", full_output=True)
    assert np.isnan(value)
    assert info.error == np.inf
    assert not info.converged


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_where_x_is_not_finite_so_are_a_row_and_a_column_of_the_hessian(wrong):
    value, info = hessian(lambda x: x[0] ** 2, [1.0, wrong], method="adaptive", full_output=True)
    assert value[0, 0] == pytest.approx(2)
    assert np.isnan(value[[0, 1, 1], [1, 0, 1]]).all()
    assert np.isinf(info.error[[0, 1, 1], [1, 0, 1]]).all()
    assert info.converged.tolist() == [[True, False], [False, False]]


def test_a_hessian_keeps_narrow_bounds_at_large_and_small_x():
    x, seen = np.array([100.0, 1e-3]), []
    bounds = ([99.5, 0.5e-3], [100.5, 2e-3])

    def f(x):
        seen.append(x.copy())
        return np.sum(np.log(x)) + x[0] * x[1]

    value = hessian(f, x, bounds=bounds, method="adaptive")
    assert np.all((np.array(seen) >= bounds[0]) & (np.array(seen) <= bounds[1]))
    assert value[1, 1] == pytest.approx(-1e6, rel=1e-5)


@at_a_point
def test_a_coordinate_on_one_side_waits_for_no_other(way):
    def f(x):
        return np.where(x[0] < 1, np.nan, x[0] ** 3) + np.sin(1000 * x[1])

    value, info = same_as_python(way, "gradient", f, [1.0, 0.3])
    assert np.allclose(value, [3.0, 1000 * np.cos(300.0)], rtol=1e-10)
    assert info.scheme.tolist() == ["forward", "central"]
    assert info.evaluations <= 55


def test_between_bounds_that_are_equally_near_both_sides_are_looked_at():
    found, info = derivative(math.exp, 1.0, method="adaptive", bounds=(1 - 2.0**-10, 1 + 2.0**-10), full_output=True)
    assert info.scheme == "central"
    assert abs(found - math.e) <= min(info.error, 1e-10)


@pytest.mark.parametrize("x", [1.0, 3e5, 1e16])
@pytest.mark.parametrize("units", [10.7, 33.6, 101.5])
def test_f_is_looked_at_no_further_out_than_the_reach_though_x_moves_by_whole_units(x, units):
    seen, reach = [], units * math.ulp(x)
    derivative(lambda t: seen.append(abs(t - x)) or math.exp(t / x), x, method=Adaptive(reach=reach))
    assert 0.5 * reach < max(seen) <= reach


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("gap", [(0.1, 0.2), (0.01, 0.3), (0.05, 0.1), (0.03, 0.05), (0.001, 0.002), (1e-4, 0.6)])
@pytest.mark.parametrize(
    ("f", "slopes"), [(np.exp, (math.e, math.e)), (lambda t: t**3 - t, (2.0, 6.0))], ids=["exp", "cubic"]
)
def test_looks_beyond_a_gap_in_the_domain_of_f_do_not_keep_it_from_looking_closer(f, slopes, gap, side):
    def with_gap(t):
        return np.where((side * (t - 1) > gap[0]) & (side * (t - 1) < gap[1]), math.nan, f(t))

    for n, exact in enumerate(slopes, 1):
        value, info = derivative(with_gap, 1.0, n=n, method="adaptive", full_output=True)
        assert_covered((value, info), exact, 1e-6)
        assert info.evaluations <= 35


@pytest.mark.parametrize(
    "f",
    [lambda t: 1 - np.sqrt(1 - t * t), lambda t: np.where(abs(t) < 0.5, 1 + t * t, math.nan)],
    ids=["circle", "parabola"],
)
def test_f_that_moves_only_far_from_x_is_not_looked_at_again_and_again_where_it_is_not_finite(f):
    for x in (1e-8, 3e-9):
        steps = [look.step for look in derivative(f, x, method="adaptive", full_output=True)[1].trace]
        assert len(set(np.float32(steps).tolist())) == len(steps)


@pytest.mark.parametrize("x", [0.985, 0.99, 0.9841])
def test_a_second_derivative_beside_a_bound_is_looked_for_at_the_distance_to_it(x):
    for f, exact in (
        (lambda t: np.sqrt(1 - t * t), -((1 - x * x) ** -1.5)),
        (lambda t: np.arcsin(t), x * (1 - x * x) ** -1.5),
        (lambda t: np.log(1 - t), -((1 - x) ** -2)),
    ):
        result = derivative(f, x, n=2, bounds=(-1, 1), method="adaptive", full_output=True)
        assert_covered(result, exact)
