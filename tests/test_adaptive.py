"""What the adaptive method promises through the operators: errors, bars, evaluations, bounds."""

import math
from functools import partial

import numpy as np
import pytest
from objectives import ObjectiveError
from ways import along_a_line, at_a_number, at_a_point, same_as_python

from gradfast import Adaptive, derivative, directional_derivative, gradient, hessian, jacobian

# f, x, derivative: functions of every scale; the tolerance is on the relative error.
TABLE = [
    (np.exp, 1.0, np.exp(1.0), 1e-12),
    (np.sin, 1e6, np.cos(1e6), 1e-11),
    (np.log, 1e-7, 1e7, 1e-10),
    (np.log, 1e8, 1e-8, 1e-11),
    (np.sqrt, 1e-4, 50.0, 1e-10),
    (lambda x: np.sin(50 * x), 1.0, 50 * np.cos(50.0), 1e-11),
    (lambda x: np.exp(-x / 1e6), 1.0, -1e-6 * np.exp(-1e-6), 1e-8),  # no look is further away than 1
    (lambda x: x**9, 1e3, 9e24, 1e-11),
    (lambda x: 1 / x, 1e-3, -1e6, 1e-10),
    (lambda x: np.exp(-(((x - 1) / 1e-3) ** 2) - (x - 1) / 1e-3), 1.0, -1e3, 1e-10),
]
names = [f"{i}: at {x:g}" for i, (_, x, _, _) in enumerate(TABLE)]


def sum_of_exp(x):
    return np.sum(np.exp(x))


@at_a_number
@pytest.mark.parametrize(("f", "x", "exact", "tolerance"), TABLE, ids=names)
def test_the_error_is_small_and_the_bar_covers_it(way, f, x, exact, tolerance):
    value, info = same_as_python(way, "derivative", f, x)
    assert abs(value - exact) <= tolerance * abs(exact)
    assert abs(value - exact) <= info.error
    assert info.evaluations <= 35


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
    assert moved[0] <= 6
    assert moved[1] > moved[0]


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


def test_a_jacobian_s_zeros_are_exact_converged_and_cost_nothing():
    x = np.linspace(0.5, 2.0, 6)
    alone = sum(derivative(np.sin, t, method="adaptive", full_output=True)[1].evaluations - 1 for t in x)
    value, info = jacobian(np.sin, x, method="adaptive", full_output=True)
    assert np.array_equal(value == 0, ~np.eye(6, dtype=bool))
    assert np.all(np.abs(value - np.diag(np.cos(x))) <= info.error)
    assert info.converged.all()
    assert info.evaluations <= alone + 1


def test_a_component_that_is_not_finite_spoils_no_other():
    value, info = jacobian(lambda x: np.array([np.nan, x[0] ** 2]), [1.0], method="adaptive", full_output=True)
    assert np.isnan(value[0, 0])
    assert value[1, 0] == pytest.approx(2, rel=1e-9)
    assert info.converged[:, 0].tolist() == [False, True]


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


def test_a_looser_tolerance_costs_less(counted):
    loose, tight = counted(np.exp), counted(np.exp)
    derivative(loose, 1.0, method=Adaptive(rtol=1e-3))
    derivative(tight, 1.0, method=Adaptive())
    assert loose.calls < tight.calls


@pytest.mark.parametrize("most", [4, 5, 12, 25])
def test_evaluations_are_bounded(most, counted):
    random = np.random.default_rng(0)
    f = counted(lambda x: random.normal())
    value, info = derivative(f, 1.0, method=Adaptive(max_evaluations=most), full_output=True)
    assert f.calls == info.evaluations <= most + 1
    assert np.isfinite(value)
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
@pytest.mark.parametrize(("reach", "error"), [(None, 1e-8), (1e6, 1e-12)])
def test_a_line_far_above_zero_needs_few_looks(way, reach, error):
    value, info = same_as_python(way, "gradient", lambda x: 1e6 + x[0], [1.0], method=Adaptive(reach=reach))
    assert info.evaluations <= 11
    assert abs(value[0] - 1) <= info.error[0] < error


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


@at_a_point
def test_a_coordinate_on_one_side_waits_for_no_other(way):
    def f(x):
        return np.where(x[0] < 1, np.nan, x[0] ** 3) + np.sin(1000 * x[1])

    value, info = same_as_python(way, "gradient", f, [1.0, 0.3])
    assert np.allclose(value, [3.0, 1000 * np.cos(300.0)], rtol=1e-10)
    assert info.scheme.tolist() == ["forward", "central"]
    assert info.evaluations <= 55


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


@pytest.mark.parametrize("order", [1, -1])
def test_a_finished_component_does_not_stop_the_others(order):
    def both(x):
        return np.array([x[0] ** 2, x[0] ** 3][::order])

    slopes = jacobian(both, [4e-19], method="adaptive", bounds=(4e-19, 1.0))[::order, 0]
    assert abs(slopes[0] - 8e-19) <= 1e-17
    assert abs(slopes[1]) <= 1e-17


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_component_chooses_the_step(order):
    def both(x):
        return np.array([1 / (x[0] - 1.01), 1e3 + x[0] ** 3][::order])

    slopes = jacobian(both, [0.9], method="adaptive")[::order, 0]
    assert abs(slopes[0] + 1 / (0.9 - 1.01) ** 2) <= 1e-9
    assert abs(slopes[1] - 3 * 0.9**2) <= 1e-9


@pytest.mark.parametrize("order", [1, -1])
def test_one_curved_component_prevents_long_steps(order):
    def both(x):
        return np.array([1e4 + 0.3 * x[0], 1 / x[0]][::order])

    slopes, info = jacobian(both, [1.0], method="adaptive", full_output=True)
    slopes, error = slopes[::order, 0], info.error[::order, 0]
    assert np.all(np.abs(slopes - [0.3, -1.0]) <= error)
    assert abs(slopes[1] + 1) <= 1e-12


@pytest.mark.parametrize("order", [1, -1])
def test_looks_suit_every_component(order):
    def lines(x):
        return np.array([1e4 + 0.3 * x[0], x[0]][::order])

    def parabolas(x):
        return np.array([1e6 + x[0] * x[0], 1e6 + x[0] + 1e-3 * x[0] * x[0]][::order])

    for f, slopes in ((lines, [0.3, 1]), (parabolas, [2.6, 1.0026])):
        value, info = jacobian(f, [1.3], method="adaptive", full_output=True)
        assert info.evaluations <= 11
        assert np.all(np.abs(value[::order, 0] - slopes) <= info.error[::order, 0])


@pytest.mark.parametrize("seed", range(5))
def test_hessians_of_quadratics_are_cheap(seed):
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    found, info = hessian(lambda x: x @ a @ x + b @ x + 3, x, method="adaptive", full_output=True)
    assert info.evaluations <= 12 * 10 + 1
    assert np.all(np.abs(found - (a + a.T)) <= info.error)
    assert np.abs(found - (a + a.T)).max() < 1e-9


@pytest.mark.parametrize(
    ("f", "x", "mixed"),
    [
        (lambda v: np.log(v[0]) + np.log(v[1]) * v[0] / 1e-8, [1e-8, 2.0], 5e7),
        (lambda v: np.sin(v[0] * 1e9) * np.exp(v[1]), [3e-10, 1.5], 1e9 * np.cos(0.3) * np.exp(1.5)),
        (lambda v: v[0] * v[1] ** 2 / 1e12, [4e12, 0.3], 6e-13),
    ],
    ids=["a small length", "a fast wave", "a large mass"],
)
def test_mixed_derivatives_by_unlike_coordinates_are_covered(f, x, mixed):
    value, info = hessian(f, x, method="adaptive", full_output=True)
    assert abs(value[0, 1] - mixed) <= info.error[0, 1]
    assert abs(value[0, 1] - mixed) <= 1e-4 * mixed


@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (3, 1), (0, 2)])
@pytest.mark.parametrize("options", [{}, {"n": 2}, {"bounds": (0.4, 1.6)}])
def test_derivatives_are_found_at_each_element_whatever_the_shape_of_x(shape, options):
    x = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    found, info = derivative(np.exp, x, method="adaptive", full_output=True, **options)
    assert found.shape == info.error.shape == info.step.shape == shape
    assert np.all(np.abs(found - np.exp(x)) <= 1e-8)
