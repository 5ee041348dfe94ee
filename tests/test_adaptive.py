"""What the adaptive method promises: small errors, honest error bars, few evaluations, wherever it is used."""

from operator import attrgetter

import numpy as np
import pytest
from ways import ALONG_A_LINE, AT_A_NUMBER, AT_A_POINT, PYTHON

from gradfast import Adaptive, derivative, directional_derivative, gradient, hessian, jacobian

# f, x, derivative: functions of every scale; the tolerance is on the relative error.
TABLE = [
    (np.exp, 1.0, np.exp(1.0), 1e-12),
    (np.sin, 1e6, np.cos(1e6), 1e-11),
    (np.log, 1e-7, 1e7, 1e-10),
    (np.log, 1e8, 1e-8, 1e-11),
    (np.sqrt, 1e-4, 50.0, 1e-10),
    (lambda x: np.sin(50 * x), 1.0, 50 * np.cos(50.0), 1e-11),
    (lambda x: np.exp(-x / 1e6), 1.0, -1e-6 * np.exp(-1e-6), 1e-11),
    (lambda x: x**9, 1e3, 9e24, 1e-11),
    (lambda x: 1 / x, 1e-3, -1e6, 1e-10),
    (lambda x: np.exp(-(((x - 1) / 1e-3) ** 2) - (x - 1) / 1e-3), 1.0, -1e3, 1e-10),
]
names = [f"{i}: at {x:g}" for i, (_, x, _, _) in enumerate(TABLE)]


def ways(cases):
    return pytest.mark.parametrize("way", cases[:-1], ids=attrgetter("name"))  # there is no twin


at_a_point, along_a_line, at_a_number = map(ways, (AT_A_POINT, ALONG_A_LINE, AT_A_NUMBER))


def same_as_python(way, operator, f, x, *direction, method="adaptive", **options):
    """Return value and info of an operator, which have the bits, the steps and the evaluations of the python way."""
    options = {"method": method, "full_output": True, **options}
    value, info = getattr(way, operator)(f, x, *direction, **options)
    expected, plain = getattr(PYTHON, operator)(f, way.as_evaluated(x), *direction, **options)
    rounded = np.fmax(plain.error, np.finfo(np.asarray(value).dtype).eps * np.abs(expected))
    for ours, theirs in ((value, expected), (info.error, rounded), (info.step, plain.step)):
        in_double = np.asarray(theirs)  # of compiled f, whose result is then rounded to float32 if x is
        assert np.array_equal(ours, in_double.astype(np.asarray(ours).dtype), equal_nan=True)
    assert np.array_equal(info.scheme, plain.scheme)
    assert np.array_equal(info.converged, plain.converged)
    assert info.evaluations == plain.evaluations
    return value, info


def sum_of_exp(x):
    return np.sum(np.exp(x))


@at_a_number
@pytest.mark.parametrize(("f", "x", "exact", "tolerance"), TABLE, ids=names)
def test_the_error_is_small_and_the_bar_covers_it(way, f, x, exact, tolerance):
    value, info = same_as_python(way, "derivative", f, x)
    assert abs(value - exact) <= tolerance * abs(exact)
    assert abs(value - exact) <= info.error
    assert info.evaluations <= 21


@at_a_number
@pytest.mark.parametrize(
    "f",
    [lambda x: 7 * x - 3, lambda x: x**2, lambda x: 5.0, lambda x: 0.5 * x**2 - 3 * x + 2],
    ids=["line", "square", "constant", "parabola"],
)
@pytest.mark.parametrize("x", [0.0, 1.0, -3.7, 1e5])
def test_linear_and_quadratic_functions_stop_early(way, f, x):
    _, info = same_as_python(way, "derivative", lambda x: float(f(x)), x)
    assert info.evaluations <= 6
    assert info.converged


@at_a_number
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_derivatives_of_higher_order_know_their_error(way, n):
    x = np.array([0.5, 1.0, -2.0])
    value, info = same_as_python(way, "derivative", np.exp, x, n=n)
    assert np.all(np.abs(value - np.exp(x)) <= info.error)
    assert np.all(info.error <= 10.0 ** (3 * n - 13) * np.exp(x))


@at_a_point
def test_a_gradient_has_an_error_and_a_flag_for_each_coordinate(way, counted):
    x = np.array([1.0, 2.0, -1.0])
    f = counted(sum_of_exp)
    value, info = same_as_python(way, "gradient", f, x)
    assert np.all(np.abs(value - np.exp(x)) <= info.error)
    assert info.error.shape == info.converged.shape == info.step.shape == x.shape
    assert info.converged.all()
    assert f.calls == 2 * info.evaluations  # of which half are those of the python way
    assert set(info.scheme) == {"central"}


def test_other_methods_have_no_error():
    _, info = gradient(sum_of_exp, [1.0], full_output=True)
    assert info.error is None
    assert info.converged is None


def test_only_coordinates_that_need_it_are_refined():
    moved = np.zeros(2, int)
    x = np.array([1.0, 1.0])

    def f(point):
        moved[:] += point != (1.0, 1.0)
        return 3 * point[0] + np.sin(50 * point[1])

    gradient(f, x, method="adaptive")
    assert moved[0] == 4
    assert moved[1] > 4


def test_vectorized_coordinates_refine_in_the_same_blocks(counted):
    x = np.linspace(0.5, 2.0, 30)
    f = counted(lambda points: np.sum(np.exp(points), axis=1))
    value, info = gradient(f, x, method="adaptive", vectorized=True, full_output=True)
    assert np.all(np.abs(value / np.exp(x) - 1) < 1e-11)
    assert f.points == info.evaluations
    assert f.calls <= 2 * 8 + 1


@at_a_point
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(4, 3), (3, 3)], ids=str)
def test_a_batch_equals_its_points(way, axis, shape):
    x = np.random.default_rng(0).normal(size=shape)
    value, info = same_as_python(way, "gradient", sum_of_exp, x, axis=axis)
    for i in range(x.shape[1 - axis]):
        point = np.take(x, i, 1 - axis).copy()
        assert np.allclose(np.take(value, i, 1 - axis), gradient(sum_of_exp, point, method="adaptive"), rtol=1e-12)
    assert np.all(np.abs(value - np.exp(x)) <= info.error)


@at_a_point
def test_a_jacobian_has_an_error_for_each_entry(way):
    x = np.array([1.0, 2.0, 0.5])
    value, info = same_as_python(way, "jacobian", lambda x: np.array([x[0] * x[1], np.exp(x[2])]), x)
    exact = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, np.exp(0.5)]])
    assert value.shape == info.error.shape == info.converged.shape == (2, 3)
    assert np.all(np.abs(value - exact) <= info.error)
    assert np.abs(value - exact).max() < 1e-11


@at_a_point
@pytest.mark.parametrize("x", [[1.0, 2.0], [1e-3, 50.0], [0.0, 0.0]])
def test_a_hessian_from_f_and_from_its_gradient(way, x):
    def f(x):
        return np.exp(x[0]) * x[1] ** 2 + np.sin(x[1])

    def slope(x):
        return np.array([np.exp(x[0]) * x[1] ** 2, 2 * np.exp(x[0]) * x[1] + np.cos(x[1])])

    e = np.exp(x[0])
    exact = np.array([[e * x[1] ** 2, 2 * e * x[1]], [2 * e * x[1], 2 * e - np.sin(x[1])]])
    for value, info in (
        same_as_python(way, "hessian", f, x),
        same_as_python(way, "hessian", None, x, gradient=slope),
    ):
        assert np.all(np.abs(value - exact) <= info.error + 1e-13)
        assert np.allclose(value, exact, rtol=1e-8, atol=1e-8)
        assert info.error.shape == info.converged.shape == (2, 2)
        assert np.array_equal(value, value.T)


@along_a_line
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e6])
def test_a_directional_derivative_is_as_exact_for_any_length_of_v(way, length):
    x, v = np.array([1.0, 2.0]), length * np.array([0.6, 0.8])
    value, info = same_as_python(way, "directional_derivative", sum_of_exp, x, v)
    assert value == pytest.approx(np.exp(x) @ v, rel=1e-11)
    assert abs(value - np.exp(x) @ v) <= info.error


def test_a_direction_of_no_length_has_no_derivative():
    assert directional_derivative(sum_of_exp, [1.0, 2.0], [0.0, 0.0], method="adaptive") == 0


@at_a_point
def test_the_value_comes_with_the_gradient(way):
    value, slope = way.value_and_gradient(sum_of_exp, [1.0, 2.0], method="adaptive")
    assert value == sum_of_exp(np.array([1.0, 2.0]))
    assert np.array_equal(slope, gradient(sum_of_exp, [1.0, 2.0], method="adaptive"))
    assert np.allclose(slope, np.exp([1.0, 2.0]), rtol=1e-12)


@at_a_point
def test_a_slow_coordinate_and_a_fast_one_are_refined(way):
    value, info = same_as_python(way, "gradient", lambda x: np.exp(x[0]) + np.sin(50 * x[1]), np.array([1.0, 0.3]))
    exact = np.array([np.e, 50 * np.cos(15.0)])
    assert np.all(np.abs(value - exact) <= info.error)
    assert np.allclose(value, exact, rtol=1e-11)


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


@at_a_number
@pytest.mark.parametrize(("side", "scheme"), [(1, "forward"), (-1, "backward")])
def test_where_f_is_nan_on_one_side_the_other_is_used(way, side, scheme):
    def f(x):
        return np.where(side * (x - 1) < 0, np.nan, x**3)

    value, info = same_as_python(way, "derivative", f, 1.0)
    assert value == pytest.approx(3.0, rel=1e-11)
    assert str(info.scheme) == scheme


@at_a_number
def test_where_f_is_nan_everywhere_so_is_the_derivative(way):
    value, info = same_as_python(way, "derivative", lambda x: x * np.nan, 1.0)
    assert np.isnan(value)
    assert info.error == np.inf
    assert not info.converged


@at_a_number
def test_a_kink_is_not_converged_and_its_bar_covers_the_slopes_of_both_sides(way):
    value, info = same_as_python(way, "derivative", lambda x: np.maximum(x, 0), 0.0)
    assert (value, info.error) == (0.5, 0.5)
    assert not info.converged
    assert info.evaluations <= 9


@pytest.mark.parametrize("noise", [1e-10, 1e-8, 1e-6])
def test_noise_widens_the_bar_and_is_climbed_over(noise):
    random = np.random.default_rng(3)

    def rough(x):
        return np.exp(x) + noise * random.normal()

    errors, bars = [], []
    for x in np.linspace(0.5, 2.0, 100):
        value, info = derivative(rough, x, method="adaptive", full_output=True)
        errors.append(abs(value - np.exp(x)))
        bars.append(info.error)
    assert np.mean(np.array(errors) <= bars) >= 0.85
    assert np.median(errors) < 1e3 * noise


def test_a_longdouble_is_differentiated_in_its_own_precision():
    x = np.array([1.0], np.longdouble)
    value = gradient(lambda x: np.sum(np.exp(x)), x, method="adaptive")
    assert value.dtype == np.longdouble
    assert np.abs(value - np.exp(x)).max() < 1e-14


@at_a_point
def test_a_float32_stops_at_its_own_tolerance(way):
    x = np.array([1.0, 2.0], np.float32)
    value, info = same_as_python(way, "gradient", sum_of_exp, x)
    assert value.dtype == np.float32
    assert np.all(np.abs(value - np.exp(x.astype(float))) <= info.error)
    assert np.allclose(value, np.exp(x), rtol=1e-4)


def test_a_looser_tolerance_costs_less(counted):
    loose, tight = counted(np.exp), counted(np.exp)
    derivative(loose, 1.0, method=Adaptive(rtol=1e-3))
    derivative(tight, 1.0, method=Adaptive())
    assert loose.calls < tight.calls


def test_evaluations_are_bounded():
    random = np.random.default_rng(0)
    _, info = derivative(lambda x: random.normal(), 1.0, method=Adaptive(max_evaluations=12), full_output=True)
    assert info.evaluations <= 13
    assert not info.converged


def test_f_of_changing_shape_is_an_error():
    with pytest.raises(ValueError, match="f must return arrays of one shape; got"):
        jacobian(lambda x: np.zeros(2 if x[0] == 1 else 3), [1.0], method="adaptive")


@pytest.mark.parametrize("rtol", [0, -1e-3, 1, np.nan, "small", True])
def test_rtol_is_between_0_and_1(rtol):
    with pytest.raises(ValueError, match=f"^rtol must be a number between 0 and 1; got {rtol!r}$".replace("(", r"\(")):
        Adaptive(rtol=rtol)


@pytest.mark.parametrize("most", [0, 3, 5.5, True])
def test_max_evaluations_allows_an_estimate(most):
    with pytest.raises(ValueError, match=f"^max_evaluations must be an integer of at least 4; got {most}$"):
        Adaptive(max_evaluations=most)


@at_a_point
def test_a_line_far_above_zero_needs_three_steps(way):
    _, info = same_as_python(way, "gradient", lambda x: 1e6 + x[0], [1.0])
    assert info.evaluations == 6 + 1
    assert info.error[0] < 1e-12


def test_a_function_that_looks_slow_at_the_first_steps_is_not_believed():
    # sin(50 h) / h at h = 1, 1/2, 1/8 is that of a slow function: 50 is nearly 16 pi.
    value = gradient(lambda x: np.sin(50 * x[0]), [100.0], method=Adaptive(rtol=1e-13))
    assert abs(value[0] - 50 * np.cos(5000.0)) < 1e-11


def test_cancelling_terms_cost_no_more_than_longer_steps_can_win_back():
    f = np.polynomial.Polynomial([1, 6, 15, 20, 15, 6, 1])  # (x + 1)**6
    value = gradient(lambda x: f(x[0]), [-0.9], method="adaptive")
    assert abs(value[0] / 6e-5 - 1) < 1e-9


@at_a_point
def test_a_hessian_at_a_corner_of_its_bounds_goes_where_there_is_room(way):
    bounds = ([1.0, 0.0, 0.0], [3.0, 3.0, 3.0])
    value, info = same_as_python(way, "hessian", lambda x: np.sum(x**2), [1.0, 2.0, 3.0], bounds=bounds)
    assert np.all(np.abs(value - 2 * np.eye(3)) <= info.error + 1e-15)
    assert info.error.max() < 1e-10
    assert list(info.scheme) == ["forward", "central", "backward"]


def test_a_fixed_coordinate_has_zeros_in_the_hessian_and_spoils_no_other():
    bounds = ([0.0, 2.0, 0.0], [9.0, 2.0, 9.0])
    value = hessian(lambda x: x[0] * x[1] * x[2], [1.0, 2.0, 3.0], bounds=bounds, method="adaptive")
    assert np.all(np.abs(value - [[0, 0, 2], [0, 0, 0], [2, 0, 0]]) < 1e-9)


@at_a_number
@pytest.mark.parametrize("bounds", [(0.5 - 1e-6, 0.5 + 1e-6), (0.5, 0.5 + 1e-6), (0.5 - 1e-6, 0.5)])
def test_a_narrow_box_is_no_fixed_coordinate(way, bounds):
    value, info = same_as_python(way, "derivative", np.exp, 0.5, bounds=bounds)
    assert abs(value - np.exp(0.5)) <= info.error < 1e-6


@at_a_number
def test_a_box_too_narrow_to_move_in_is_not_called_converged(way):
    value, info = same_as_python(way, "derivative", np.exp, 0.5, bounds=(0.5, 0.5 + 2e-16))
    assert (value, info.error, info.converged) == (0, np.inf, False)


@pytest.mark.parametrize("operator", [gradient, hessian, jacobian])
def test_a_value_that_is_given_is_not_counted(operator, counted):
    f = counted(lambda x: np.sum(np.exp(x)))
    _, info = operator(f, [1.0, 2.0], f0=np.exp(1.0) + np.exp(2.0), method="adaptive", full_output=True)
    assert f.calls == info.evaluations


def test_a_jacobian_by_no_coordinates_has_no_columns():
    assert jacobian(lambda x: np.ones(3), [], method="adaptive").shape == (3, 0)


def jagged(x, size):
    """Return noise of so many units, at any x always the same."""
    return size * np.modf(np.sin(np.asarray(x, float) * 12.9898e5) * 43758.5453)[0]


@at_a_number
@pytest.mark.parametrize(
    ("f", "x", "exact", "tolerance"),
    [
        (lambda x: np.sin(1e6 * x), 0.1, 1e6 * np.cos(1e5), 1e-12),
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


@at_a_number
@pytest.mark.parametrize(
    ("f", "slope", "x", "noise", "n", "tolerance"),
    [
        (np.exp, np.exp, 7.3, 1e-9, 1, 1e-9),
        (lambda x: x, lambda x: 1.0, 1.9, 1e-3, 1, 1e-10),
        (np.square, lambda x: 2 * x, 0.1, 1e-13, 1, 1e-12),
        (np.sin, lambda x: -np.sin(x), 1.0, 1e-9, 2, 1e-6),
        (np.sin, np.sin, 1.0, 1e-9, 4, 1.0),
    ],
    ids=["growing", "line", "square", "second derivative", "fourth derivative"],
)
def test_the_longer_steps_that_noise_needs_are_found(way, f, slope, x, noise, n, tolerance):
    value, info = same_as_python(way, "derivative", lambda x: f(x) + jagged(x, noise), x, n=n)
    assert abs(value - slope(x)) <= info.error
    assert abs(value / slope(x) - 1) <= tolerance


@at_a_number
def test_a_tolerance_wider_than_the_noise_is_met(way):
    _, info = same_as_python(way, "derivative", lambda x: np.sin(x) + jagged(x, 1e-9), 0.3, method=Adaptive(rtol=1e-6))
    assert info.converged


@at_a_number
def test_a_slow_function_is_given_long_steps(way):
    value, info = same_as_python(way, "derivative", lambda x: np.sin(0.01 * x), 0.3, n=2)
    assert abs(value / (-1e-4 * np.sin(0.003)) - 1) < 1e-10
    assert info.evaluations <= 21


def test_steps_grow_no_longer_than_bounds_allow():
    seen = []

    def f(x):
        seen.append(float(x))
        return np.sin(0.01 * x)

    derivative(f, 0.3, n=2, bounds=(-0.5, 2.0), method="adaptive")
    derivative(f, 0.3, n=2, bounds=(0.3, 2.0), method="adaptive")
    assert -0.5 <= min(seen) < max(seen) <= 2.0


@at_a_number
def test_a_second_derivative_at_a_bound_converges(way):
    assert same_as_python(way, "derivative", np.exp, 0.3, n=2, bounds=(0.3, 2.0))[1].converged


@at_a_number
@pytest.mark.parametrize(
    ("f", "x", "most"),
    [
        (lambda x: 1e-310 * np.sin(x), 0.5, 5),
        (lambda x: x**5, 0.0, 17),
        (lambda x: 1e9 + x**2, 0.3, 15),
        (lambda x: x * np.nan, 1.0, 25),
        (lambda x: np.where(np.abs(x - 1) > 1e-2, np.inf, x**3), 1.0, 11),
    ],
    ids=["subnormal values", "flat point", "large constant", "not a number", "infinite around"],
)
def test_no_steps_are_tried_that_cannot_help(way, f, x, most):
    assert same_as_python(way, "derivative", f, x)[1].evaluations <= most


@at_a_number
def test_a_line_beside_a_kink_has_a_narrow_bar(way):
    value, info = same_as_python(way, "derivative", lambda x: np.maximum(x - 1e-4, 0), 2e-4)
    assert abs(value - 1) <= info.error < 1e-9


@at_a_point
def test_where_x_is_nan_nothing_converges(way):
    _, info = same_as_python(way, "gradient", lambda x: np.sum(np.arctan(x)), [np.nan, 1.0])
    assert info.error[0] == np.inf
    assert not info.converged.any()


@along_a_line
def test_the_length_of_v_changes_no_bit_of_a_direction(way):
    x, v = np.array([1.0, 2.0]), np.array([0.6, 0.8])
    results = [
        same_as_python(way, "directional_derivative", sum_of_exp, x, length * v) for length in (2.0**-30, 1.0, 2.0**30)
    ]
    assert len({float(value / 2.0**k) for (value, _), k in zip(results, (-30, 0, 30), strict=True)}) == 1
    assert len({info.evaluations for _, info in results}) == 1


@at_a_point
def test_a_hessian_says_which_entries_have_not_converged(way):
    _, info = same_as_python(way, "hessian", lambda x: np.abs(x[0]) + x[1] ** 2 + x[2] ** 2, [0.0, 1.0, 2.0])
    assert info.converged.tolist() == [[False] * 3, [False, True, True], [False, True, True]]


def test_parts_of_many_coordinates_change_no_bit(monkeypatch):
    def rowwise(x):
        return np.exp(x) * x[0]

    x = np.linspace(0.1, 2.0, 10)
    rows, slopes = jacobian(rowwise, x, method="adaptive"), gradient(sum_of_exp, x, method="adaptive")
    monkeypatch.setattr("gradfast.adaptive.MOST_VALUES", 30)
    assert np.array_equal(jacobian(rowwise, x, method="adaptive"), rows)
    monkeypatch.setattr("gradfast.adaptive.MOST_VALUES", 3)
    assert np.array_equal(gradient(sum_of_exp, x, method="adaptive"), slopes)


def test_a_hessian_keeps_narrow_bounds_at_large_and_small_x():
    x, seen = np.array([100.0, 1e-3]), []
    bounds = ([99.5, 0.5e-3], [100.5, 2e-3])

    def f(x):
        seen.append(x.copy())
        return np.sum(np.log(x)) + x[0] * x[1]

    value = hessian(f, x, bounds=bounds, method="adaptive")
    assert np.all((np.array(seen) >= bounds[0]) & (np.array(seen) <= bounds[1]))
    assert value[1, 1] == pytest.approx(-1e6, rel=1e-5)


@at_a_number
def test_a_kink_of_slope_zero_is_not_converged(way):
    value, info = same_as_python(way, "derivative", np.abs, 0.0)
    assert (value, info.error, info.converged) == (0, 1, False)


@at_a_point
def test_a_coordinate_on_one_side_waits_for_no_other(way):
    def f(x):
        return np.where(x[0] < 1, np.nan, x[0] ** 3) + np.sin(1000 * x[1])

    value, info = same_as_python(way, "gradient", f, [1.0, 0.3])
    assert np.allclose(value, [3.0, 1000 * np.cos(300.0)], rtol=1e-10)
    assert info.scheme.tolist() == ["forward", "central"]
    assert info.evaluations <= 23


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
def test_steps_are_no_shorter_than_x_can_be_moved_by(dtype):
    x, moved = np.array([1.1], dtype), []
    start = x[0]

    def f(point):
        moved.append(abs(float(point[0] - start)))
        return np.nan if point[0] != start else 1.0

    gradient(f, x, method=Adaptive(max_evaluations=200))
    shortest = np.sort(moved)[1]  # that of 0 is f(x)
    assert 4 * np.spacing(start) <= shortest < 600 * np.spacing(start)


def test_the_step_is_what_x_was_moved_by():
    x = 1024 - 5 * np.spacing(1000.0)  # above 1024 numbers are twice as far apart
    value = derivative(lambda x: np.sin(1e4 * (x - 1024)), x, method="adaptive")
    assert value == pytest.approx(1e4, rel=1e-9)


@at_a_point
def test_a_component_that_overflows_goes_before_one_that_cannot_be_better(way):
    def f(x):
        return np.array([1e9 + 1e-3 * np.sin(x[0]), np.exp(1e5 * x[0])])

    value, info = same_as_python(way, "jacobian", f, [0.0])
    assert np.all(np.abs(value[:, 0] - [1e-3, 1e5]) <= info.error[:, 0])


def test_the_order_of_components_changes_no_step():
    def f(x):
        return np.array([np.exp(50 * x[0]), x[0], np.sin(x[0])])

    value, info = jacobian(f, [0.3], method="adaptive", full_output=True)
    mirrored, other = jacobian(lambda x: f(x)[::-1], [0.3], method="adaptive", full_output=True)
    assert np.array_equal(value, mirrored[::-1])
    assert (info.step[0], info.evaluations) == (other.step[0], other.evaluations)


def test_the_step_is_the_shortest_that_the_result_is_made_of():
    seen = []
    _, info = derivative(
        lambda x: seen.append(float(x)) or np.exp(x), 1.0, method=Adaptive(rtol=1e-9), full_output=True
    )
    assert info.step == min(abs(x - 1) for x in seen if x != 1)
