"""What the adaptive method promises through the operators: errors, bars, evaluations, bounds."""

import numpy as np
import pytest
from objectives import sum_of_exp
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


def test_a_jacobian_s_zeros_are_exact_converged_and_cost_nothing():
    x = np.linspace(0.5, 2.0, 6)
    alone = sum(derivative(np.sin, t, method="adaptive", full_output=True)[1].evaluations - 1 for t in x)
    value, info = jacobian(np.sin, x, method="adaptive", full_output=True)
    assert np.array_equal(value == 0, ~np.eye(6, dtype=bool))
    assert np.all(np.abs(value - np.diag(np.cos(x))) <= info.error)
    assert info.converged.all()
    assert info.evaluations <= alone + 1


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


@pytest.mark.parametrize("operator", [gradient, hessian, jacobian])
def test_a_value_that_is_given_is_not_counted(operator, counted):
    f = counted(lambda x: np.sum(np.exp(x)))
    _, info = operator(f, [1.0, 2.0], f0=np.exp(1.0) + np.exp(2.0), method="adaptive", full_output=True)
    assert f.calls == info.evaluations


def test_a_jacobian_by_no_coordinates_has_no_columns():
    assert jacobian(lambda x: np.ones(3), [], method="adaptive").shape == (3, 0)


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
    monkeypatch.setattr("gradfast.algorithms.adaptive.MOST_VALUES", 30)
    assert np.array_equal(jacobian(rowwise, x, method="adaptive"), rows)
    monkeypatch.setattr("gradfast.algorithms.adaptive.MOST_VALUES", 3)
    assert np.array_equal(gradient(sum_of_exp, x, method="adaptive"), slopes)


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
