"""The adaptive method finds the scale on which f varies, whatever it is beside x, a bound or f's own size."""

import math

import numpy as np
import pytest
from objectives import assert_covered
from ways import at_a_number, same_as_python

from gradfast import Adaptive, check_gradient, derivative, directional_derivative, gradient, hessian


@pytest.mark.parametrize(
    ("f", "slope", "reach", "error"),
    [
        (lambda x: 1e6 + math.exp(x / 37), math.exp(0.3 / 37) / 37, 100, 1e-8),
        (lambda x: 1e6 + math.cosh(x / 444), math.sinh(0.3 / 444) / 444, 1000, 1e-4),
        (lambda x: 1e4 + math.sin(50 * (x - 0.3)), 50.0, None, 1e-10),
        (lambda x: 1e8 + math.sin((x - 0.3) / 1e4), 1e-4, 1e4, 1e-5),
        (lambda x: 1e4 + math.log(x), 1 / 0.3, None, 1e-9),
        (lambda x: 1e6 + x, 1.0, 1e6, 2e-14),
    ],
    ids=["exp", "cosh", "short waves", "long waves", "log", "line"],
)
def test_a_wide_reach_makes_up_for_rounding(f, slope, reach, error):
    def guarded(x):
        try:
            return f(float(x))
        except (OverflowError, ValueError):
            return math.nan

    found, info = derivative(guarded, 0.3, method=Adaptive(reach=reach), full_output=True)
    assert abs(found - slope) <= info.error + 1e-15 * slope
    assert abs(found - slope) <= error * slope
    narrow = derivative(guarded, 0.3, method=Adaptive(reach=0.01), full_output=True)
    assert_covered(narrow, slope)
    assert narrow[1].error >= info.error


@at_a_number
def test_a_slow_function_is_given_long_steps(way):
    for reach, error in ((None, 1e-6), (1e3, 1e-10)):
        method = Adaptive(reach=reach)
        value, info = same_as_python(way, "derivative", lambda x: np.sin(0.01 * x), 0.3, n=2, method=method)
        assert abs(value / (-1e-4 * np.sin(0.003)) - 1) < error
        assert info.evaluations <= 25


def test_a_function_that_looks_slow_at_the_first_steps_is_not_believed():
    # sin(50 h) / h at h = 1, 1/2, 1/8 is that of a slow function: 50 is nearly 16 pi.
    result = derivative(lambda x: np.sin(50 * x), 100.0, method=Adaptive(rtol=1e-13), full_output=True)
    assert_covered(result, 50 * np.cos(5000.0), 1e-9)


@at_a_number
@pytest.mark.parametrize(
    ("f", "x", "exact", "tolerance"),
    [
        (lambda x: np.sin(1e6 * x), 0.1, 1e6 * np.cos(1e5), 1e-9),
        (np.cos, 1e4, -np.sin(1e4), 1e-12),
        (lambda x: np.tanh(100 * x), 0.01, 100 / np.cosh(1) ** 2, 1e-11),
        (lambda x: np.tanh(1e4 * x), 3e-4, 1e4 / np.cosh(3) ** 2, 1e-2),
        (lambda x: np.abs(x - 1e-4) + np.sin(x), 2e-4, 1 + np.cos(2e-4), 1e-11),
        (lambda x: x**3, 1e-9, 3e-18, 1e-2),
    ],
    ids=["fast sine", "far out", "steep step", "steeper step", "near a kink", "near a flat point"],
)
def test_a_scale_far_below_that_of_x_is_found(way, f, x, exact, tolerance):
    value, info = same_as_python(way, "derivative", f, x)
    assert abs(value - exact) <= info.error
    assert abs(value - exact) <= tolerance * abs(exact)


@pytest.mark.parametrize(
    ("f", "x", "exact", "tolerance"),
    [
        (lambda x: 1 / x, 1e-9, -1e18, 1e-9),
        (np.log, 1e-12, 1e12, 1e-9),
        (lambda x: x**1.5, 1e-10, 1.5e-5, 1e-9),
        (lambda x: np.exp(-x / 3e-8), -1e-8, -math.exp(1 / 3) / 3e-8, 1e-9),
    ],
    ids=["1/x", "log", "power", "decay"],
)
def test_the_scale_of_a_small_x_is_looked_at_first(f, x, exact, tolerance):
    assert_covered(derivative(f, x, method="adaptive", full_output=True), exact, tolerance)


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (np.log, 1e-12, 1e12),
        (np.sqrt, 1e-9, 0.5 / math.sqrt(1e-9)),
        (lambda x: x * np.log(x), 1e-7, 1 + math.log(1e-7)),
    ],
    ids=["log", "sqrt", "entropy"],
)
def test_near_a_bound_where_f_ends_the_slope_is_covered(f, x, exact):
    result = gradient(lambda x: f(x[0]), [x], method="adaptive", bounds=(0, None), full_output=True)
    assert_covered(result, exact, 1e-8)


@pytest.mark.parametrize("f", ["sqrt", "inv", "entropy"])
@pytest.mark.parametrize("distance", [2.0**-20, 2.0**-26, 2.0**-33])
@pytest.mark.parametrize(("edge", "side"), [(1.0, -1), (5.0, 1), (-3.0, 1), (100.0, -1)])
def test_beside_a_bound_far_from_0_f_may_vary_over_the_distance_to_it(f, distance, edge, side):
    f, slope = {
        "sqrt": (math.sqrt, 0.5 / math.sqrt(distance)),
        "inv": (lambda d: 1 / d, -1 / distance**2),
        "entropy": (lambda d: d * math.log(d), math.log(distance) + 1),
    }[f]
    bounds = (edge, None) if side > 0 else (None, edge)
    found = derivative(
        lambda x: f(side * (x - edge)), edge + side * distance, method="adaptive", bounds=bounds, full_output=True
    )
    assert_covered(found, side * slope, 1e-5)


@pytest.mark.parametrize("x", [1e-8, 3e-3, 0.7, 1.0, 20.0, 6e5])
@pytest.mark.parametrize("upper", [None, 1.5, 2.0])
def test_f_need_not_be_defined_at_a_bound_itself(x, upper):
    bounds = (0, None if upper is None else upper * x)

    def f(x):
        return math.log(x[0]) + (0 if upper is None else 2 * math.log(bounds[1] - x[0]))

    slope = 1 / x - (0 if upper is None else 2 / (upper - 1) / x)
    assert_covered(gradient(f, [x], method="adaptive", bounds=bounds, full_output=True), slope, 1e-8)
    along = directional_derivative(f, [x], [1.0], method="adaptive", bounds=bounds, full_output=True)
    assert_covered(along, slope, 1e-4)
    assert check_gradient(f, [slope], [x], bounds=bounds).verdict == ["right"]
    for wrong in (1.1 * slope, 2 * slope, 0.0, -slope):
        assert check_gradient(f, [wrong], [x], bounds=bounds).verdict != ["right"]


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda x: 0.5 * x * x + 2.7e-17 / abs(x), 3.9e-6, 3.9e-6 - 2.7e-17 / 3.9e-6**2),
        (lambda x: x**3 + 1e-9 * np.exp(-x / 1e-4), 2e-4, 1.2e-7 - 1e-5 * math.exp(-2)),
        (lambda x: np.sin(x) + 1e-3 * np.tanh(x / 1e-3), 1e-3, math.cos(1e-3) + 1 / math.cosh(1) ** 2),
    ],
    ids=["a pole of little weight", "a decay", "a step"],
)
def test_of_two_scales_the_one_at_x_is_found(f, x, exact):
    assert_covered(derivative(f, x, method="adaptive", full_output=True), exact)


@pytest.mark.parametrize(("w", "x"), [(3218, 1.396), (804.25, 2.0), (2 * math.pi * 64, 0.37), (1e4, 3.0)], ids=str)
def test_steps_that_look_like_whole_waves_are_not_believed(w, x):
    result = derivative(lambda x: np.cos(w * x), x, method="adaptive", full_output=True)
    assert_covered(result, -w * math.sin(w * x), 1e-6)


@pytest.mark.parametrize("unit", [1e-320, 1e-300, 1e-200, 1e-30, 1e30, 1e200, 1e300])
def test_f_in_any_unit_is_covered(unit):
    for f, slope in ((np.sin, math.cos(1.0)), (np.exp, math.e)):
        value, info = derivative(lambda x, f=f: unit * f(x), 1.0, method="adaptive", full_output=True)
        assert abs(value - unit * slope) <= info.error + 5e-324
        if unit > 1e-310:
            assert abs(value / unit - slope) <= 1e-12
            assert info.converged


@pytest.mark.parametrize("x", [1e-300, 1e-200, 1e-30, 1e30, 1e200])
def test_x_in_any_unit_is_covered(x):
    result = derivative(lambda t: np.sin(t / x), x, method="adaptive", full_output=True)
    assert_covered(result, math.cos(1.0) / x, 1e-12)
    assert result[1].converged


@pytest.mark.parametrize("x", [5e-324, 1e-314, 1e-300, 1e-200, 1e-160, -1e-120])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("below", [-math.inf, 0.0], ids=["both sides", "one side"])
def test_an_x_too_small_for_its_own_scale_is_as_good_as_0(x, n, below):
    method = Adaptive(max_evaluations=100)
    value, info = derivative(np.exp, x, n=n, method=method, bounds=(x + below, math.inf), full_output=True)
    assert abs(value - 1) <= min(info.error, 1e-4)


@pytest.mark.parametrize("width", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("at", [-1.0, 0.4, 0.9])
@pytest.mark.parametrize(("bend", "height"), [(0.0, 1.0), (1.0, 1.0), (0.0, 1e-9)])
def test_a_bump_that_only_f_at_x_shows_is_resolved(width, at, bend, height):
    """Both first looks are beyond the bump, and agree with each other to rounding; f(x) contradicts them."""

    def f(t):
        return bend * t**2 + t + height * np.exp(-(((t - 3) / width) ** 2))

    x = 3 + at * width
    found, info = derivative(f, x, method="adaptive", full_output=True)
    t = (x - 3) / width
    exact = 2 * bend * x + 1 - 2 * height * t * np.exp(-(t**2)) / width
    assert abs(found - exact) <= max(10 * info.error, 1e-9 * abs(exact))


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: math.exp(-1e-12 / x), 1e-12, 1e12 * math.exp(-1)),
        (lambda x: math.tanh(1e12 * x) + x, 1e-12, 1e12 / math.cosh(1) ** 2 + 1),
        (lambda x: math.sin(x / 3e-10), 4e-10, math.cos(4 / 3) / 3e-10),
        (lambda x: math.atan(x / 1e-7), -2e-7, 1e7 / 5),
    ],
    ids=["exp", "tanh", "sin", "atan"],
)
def test_along_a_direction_f_may_vary_as_fast_as_along_a_small_coordinate(f, x, slope):
    for v in (1.0, -1e9, 1e-9):
        result = directional_derivative(lambda p: f(p[0]), [x], [v], method="adaptive", full_output=True)
        assert_covered(result, slope * v, 1e-9)


@pytest.mark.parametrize(
    "f",
    [lambda r: (3e-10 / r) ** 12 - (3e-10 / r) ** 6, lambda r: 1e-7 / r, lambda r: r * 1e-9],
    ids=["atoms", "charges", "line"],
)
def test_where_f_never_moves_the_bar_is_what_rounding_hides_close_to_x(f):
    for offset in (1e8, 1e12):
        for x in (4e-10, 3e-6, 0.5):
            h = x * 2.0**-12
            slope = (f(x + h) - f(x - h)) / (2 * h)
            value, info = derivative(
                lambda t, offset=offset: offset + f(t) * 1e-11, x, method="adaptive", full_output=True
            )
            assert abs(value - slope * 1e-11) <= info.error


def test_mixed_derivatives_at_a_huge_x_do_not_overflow():
    x = np.array([1e160, 2e160])
    value, info = hessian(lambda x: 1e20 * (x[0] / 1e160) * (x.sum() / 1e160), x, method="adaptive", full_output=True)
    assert np.all(np.abs(value * 1e300 - [[2, 1], [1, 0]]) <= 1e-12)
    assert np.all(np.abs(info.error * 1e300) <= 1e-9)
    assert info.converged[0, 1]
