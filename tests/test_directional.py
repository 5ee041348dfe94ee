import pickle
from operator import attrgetter

import numpy as np
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import cubes, rosen, rosen_gradient, rosen_hessian, same
from strategies import FLOATS, points
from ways import ALONG_A_LINE

from gradfast import (
    Backward,
    Central,
    Complex,
    DirectionalDerivative,
    Forward,
    directional_derivative,
    gradient,
)

METHODS = ["central", "forward", "backward", Central(4), Forward(2), Central(step=0.01), "complex"]
X = np.array([-1.2, 1.0, 0.7, 1.3])
V = np.array([1.0, -2.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("method", "evaluations", "tolerance"),
    [
        ("central", 2, 1e-9),
        (Central(4), 4, 1e-11),
        ("forward", 2, 1e-6),
        ("backward", 2, 1e-6),
        (Backward(3), 4, 1e-9),
        ("complex", 3, 1e-14),
        (Complex(check=False), 1, 1e-14),
    ],
    ids=str,
)
def test_the_derivative_along_a_direction(way_along_a_line, method, evaluations, tolerance, counted):
    f = counted(rosen)
    exact = rosen_gradient(X) @ V
    found, info = way_along_a_line.directional_derivative(f, X, V, method=method, full_output=True)
    assert abs(found - exact) < tolerance * abs(exact)
    assert info.evaluations == f.calls == evaluations
    assert info.step.shape == info.scheme.shape == ()


def test_a_published_value(way_along_a_line):
    def f(x):
        return (1 - x[0]) ** 2 + 105 * (x[1] - x[0] ** 2) ** 2

    v = np.array([1.0, -1.0])
    slope = np.array([-2 * (1 - 2) - 4 * 105 * 2 * (3 - 4), 2 * 105 * (3 - 4)]) @ v
    along = way_along_a_line.directional_derivative
    assert along(f, [2, 3], v) == pytest.approx(slope, rel=1e-9)
    assert along(f, [2, 3], v / np.linalg.norm(v)) == pytest.approx(743.87633380824832, rel=2e-3 / 743)


@pytest.mark.parametrize(("method", "tolerance"), [("central", 1e-9), ("forward", 1e-6), ("complex", 1e-14)])
def test_of_a_gradient_it_is_the_product_with_the_hessian(way_along_a_line, method, tolerance):
    exact = rosen_hessian(X) @ V
    found = way_along_a_line.directional_derivative(rosen_gradient, X, V, method=method)
    assert np.abs(found - exact).max() < tolerance * np.abs(exact).max()


@pytest.mark.parametrize("scale_of_x", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("scale_of_v", [1e-200, 1e-8, 1.0, 1e8, 1e200])
@pytest.mark.parametrize(("method", "tolerance"), [("central", 1e-8), ("forward", 1e-4), ("complex", 1e-14)])
def test_x_and_v_may_have_any_scale(way_along_a_line, scale_of_x, scale_of_v, method, tolerance):
    x, v = scale_of_x * X, scale_of_v * V

    def f(x):
        return np.sum((x / scale_of_x) ** 2) if scale_of_x > 1 else np.sum((x + 1) ** 2)

    exact = 2 * (x / scale_of_x) @ (v / scale_of_x) if scale_of_x > 1 else 2 * (x + 1) @ v
    found = way_along_a_line.directional_derivative(f, x, v, method=method)
    assert abs(found - exact) < tolerance * np.abs(v).max() / max(scale_of_x, 1)


@given(
    points(dtypes=FLOATS, max_dims=3, min_side=1, max_side=4, magnitude=8.0), st.sampled_from(METHODS), st.booleans()
)
def test_a_vectorized_f_gives_the_same_bits_in_any_layout(x, method, has_bounds):
    v = np.arange(x.size).reshape(x.shape) - 1.0
    bounds = (x.min() - 0.25, x.max() + 2.0**-8) if has_bounds else None

    def one(x):
        flat = x.reshape(-1)
        return np.array([sum(value * value for value in flat), flat[0]])

    def many(p):
        return np.array([one(x) for x in p])

    options = {"method": method, "bounds": bounds}
    found = directional_derivative(one, x, v, **options)
    assert found.dtype == x.dtype
    assert same(directional_derivative(many, x, v, vectorized=True, **options), found)
    assert same(directional_derivative(one, x.copy(order="C"), v, **options), found)


@pytest.mark.parametrize("way_along_a_line", ALONG_A_LINE[:-1], ids=attrgetter("name"))  # all but the twin
@given(points(max_dims=1, min_side=2, max_side=6, magnitude=8.0), st.sampled_from(METHODS[:-1]), st.booleans())
@settings(max_examples=50)
def test_each_way_gives_the_bits_and_the_evaluations_of_the_plain_twin(way_along_a_line, x, method, has_bounds):
    options = {"method": method, "full_output": True}
    if has_bounds:
        options["bounds"] = (x.min() - 0.25, x.max() + 2.0**-8)
    for f in (cubes, lambda x: np.stack([x * x, x[0] * x])):
        found, info = way_along_a_line.directional_derivative(f, x, np.arange(x.size) - 1.0, **options)
        expected, twin = twins.directional_derivative(f, x, np.arange(x.size) - 1.0, **options)
        assert same(found, expected)
        assert np.array_equal(info.step, twin.step)
        assert info.evaluations == twin.evaluations


@pytest.mark.parametrize("shape_of_f", [(), (1,), (3,), (2, 2), (0,)])
@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("v", [V, np.zeros(4)], ids=["moving", "zero"])
@pytest.mark.parametrize("vectorized", [False, True])
def test_the_shape_is_that_of_f(shape_of_f, method, v, vectorized):
    def f(x):
        total = x.sum(axis=-1).reshape(-1, *(1,) * len(shape_of_f)) * np.ones(shape_of_f)
        return total if vectorized else total[0]

    found = directional_derivative(f, X, v, method=method, vectorized=vectorized)
    assert np.shape(found) == shape_of_f
    assert found == pytest.approx(np.full(shape_of_f, v.sum()), abs=1e-5)


@pytest.mark.parametrize(
    "v",
    [
        [1, 0],
        (0, 1),
        np.array([True, False]),
        np.array([1, 2], "u1"),
        np.array([1.0, 2], ">f4"),
        np.array([1.0, 2], ">f8"),
        np.array([1.0, 2], "g"),
        np.array([1.0, 0, 2])[::2],
    ],
    ids=repr,
)
def test_v_may_hold_any_real_numbers(way_along_a_line, v):
    x = np.array([3.0, 4.0])
    before = np.array(v)
    found = way_along_a_line.directional_derivative(lambda x: x[0] + 2 * x[1], x, v)
    assert found == pytest.approx(np.asarray(v, float) @ [1, 2])
    assert np.array_equal(v, before)


def test_a_step_is_one_of_v_s_length():
    _, info = directional_derivative(rosen, X, [0, 0, 0, 2.0], method=Central(step=0.5), full_output=True)
    assert info.step == 0.25
    _, info = directional_derivative(rosen, X, np.full(4, 8.0), method=Central(step=2.0**-8), full_output=True)
    assert info.step == 2.0**-12


def test_f_may_return_lists_views_and_the_same_buffer():
    buffer = np.zeros(4)
    for method in METHODS[:-1]:
        assert directional_derivative(lambda x: x[:2], X, V, method=method) == pytest.approx(V[:2])
        assert directional_derivative(lambda x: [x[0], x[1]], X, V, method=method) == pytest.approx(V[:2])
        expected = directional_derivative(lambda x: x * x, X, V, method=method)
        assert same(directional_derivative(lambda x: np.multiply(x, x, out=buffer), X, V, method=method), expected)


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("v", "scheme"),
    [([1, 1], "forward"), ([-1, -1], "backward"), ([1, 0], "forward"), ([0, 0], "fixed")],
)
def test_bounds_choose_the_side(way_along_a_line, v, scheme):
    x = np.array([1.0, 2.0])

    def f(p):
        assert np.all(p >= [1.0, 2.0])
        return (p**2).sum()

    found, info = way_along_a_line.directional_derivative(f, x, v, bounds=(x, np.inf), full_output=True)
    assert info.scheme == scheme
    assert found == pytest.approx(0.0 if scheme == "fixed" else 2 * x @ v, rel=1e-6)
    assert (info.step == 0) == (scheme == "fixed")


@pytest.mark.parametrize("method", ["central", "forward", "backward", Central(4), "adaptive"], ids=str)
@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize(
    ("v", "bounds"),
    [([1, -1], (X[:2], np.inf)), ([1, 1], (-9.0, [X[0], 9.0])), ([1, 1], ([-9.0, X[1]], [X[0], 9.0]))],
    ids=["a corner", "one side", "either side"],
)
def test_without_room_a_direction_has_no_derivative_rather_than_0(method, vectorized, v, bounds):
    def f(p):
        assert np.all(p >= bounds[0])
        assert np.all(p <= bounds[1])
        return (p**2).sum(axis=-1)

    exact, options = 2 * X[:2] @ v, {"method": method, "bounds": bounds, "vectorized": vectorized}
    if np.ndim(bounds[0]) == 0:  # there is room below
        assert directional_derivative(f, X[:2], v, **options) == pytest.approx(exact, rel=1e-5)
        return
    text = r"^bounds must leave room along v, above or below; got 0 to 0 for t in x \+ t v$"
    with pytest.raises(ValueError, match=text):
        directional_derivative(f, X[:2], v, **options)
    assert directional_derivative(f, X[:2], [0, 0], **options) == 0


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_complex_step_needs_no_room(vectorized):
    options = {"method": "complex", "bounds": (X, X), "vectorized": vectorized}
    assert directional_derivative(lambda p: (p**2).sum(axis=-1), X, V, **options) == pytest.approx(2 * X @ V)


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_step_that_fits_but_for_rounding_ends_at_the_bound_or_next_to_it(vectorized):
    seen = []
    options = {"bounds": (-1.0, -(2.0**-55)), "method": Forward(step=1.0), "vectorized": vectorized}
    directional_derivative(lambda x: seen.append(x.max()) or x.sum(axis=-1), np.array([-1.0]), [1.0], **options)
    assert -(2.0**-51) <= max(seen) <= -(2.0**-55)


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("lower", [-np.inf, X - 1e-9, X])
def test_the_check_of_a_complex_step_stays_inside_the_bounds(lower, vectorized):
    upper = X + 1e-3

    def f(x):
        assert np.all((lower <= x.real) & (x.real <= upper))
        return (x**2).sum(axis=-1)

    for v in (V, np.abs(V), -np.abs(V)):
        found, info = directional_derivative(
            f, X, v, method="complex", bounds=(lower, upper), vectorized=vectorized, full_output=True
        )
        assert found == pytest.approx(2 * X @ v, rel=1e-14)
        assert info.scheme == "complex"


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v", [1.0, [1.0, 2.0], np.ones((4, 1))])
def test_v_must_have_the_shape_of_x(v):
    with pytest.raises(ValueError, match=r"v must have the shape of x, \(4,\); got \(") as error:
        directional_derivative(rosen, X, v)
    assert str(error.value).endswith(f"got {np.shape(v)}")


@pytest.mark.parametrize("wrong", [1j, np.nan, np.inf, None, "a"])
def test_v_must_hold_finite_real_numbers(wrong):
    v = [1.0, 0.0, 0.0, wrong]
    with pytest.raises(ValueError, match="v must hold finite real numbers; got") as error:
        directional_derivative(rosen, X, v)
    assert str(error.value).endswith(repr(v))
    if isinstance(wrong, float):
        with pytest.raises(ValueError, match="v must hold finite real numbers; got"):
            directional_derivative(lambda x: pytest.fail("f is called"), X, np.array(v))


@pytest.mark.parametrize("method", [*METHODS, "adaptive", Complex(check=False)], ids=str)
@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("v", [V, np.zeros(4)], ids=["moving", "zero"])
def test_an_f_that_changes_x_is_found_before_the_next_move_hides_it(method, vectorized, v):
    x = X.copy()

    def f(point):
        value = (point**2).sum(axis=-1)
        point[..., 2] *= 2
        return value

    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed x\[2\]$"):
        directional_derivative(f, x, v, method=method, vectorized=vectorized)
    assert same(x, X)


@pytest.mark.parametrize("name", ["step", "rel_step"])
def test_a_direction_has_one_step(name):
    with pytest.raises(ValueError, match=rf"^{name} must be one number for a direction; got shape \(4,\)$"):
        directional_derivative(rosen, X, V, method=Central(**{name: [1e-3] * 4}))
    number, array = (directional_derivative(rosen, X, V, method=Central(**{name: s})) for s in (1e-3, [1e-3]))
    assert number == array


def test_a_step_that_rounding_swallows_is_lost_at_the_size_of_x():
    with pytest.warns(RuntimeWarning, match=r"^step = 0.0001 is lost to rounding at x = 5e\+13$"):
        directional_derivative(rosen, np.array([3e13, 4e13]), [1.0, 0.0], method=Central(step=1e-4))


@pytest.mark.parametrize("method", ["central", "forward", "complex", "adaptive"])
def test_units_of_a_coordinate_change_no_step_by_more_than_its_rounding(method):
    x, v, steps = np.array([3.0, 0.7, 900.0]), np.array([0.3, 2.0, -50.0]), []
    for units in (np.ones(3), np.array([1.0, 2.0**20, 2.0**-3])):

        def f(x, units=units):
            return np.sum(np.exp(x / units / [1, 1, 400]))

        _, info = directional_derivative(f, x * units, v * units, method=method, full_output=True)
        steps.append(float(info.step))
    assert 0.5 <= steps[0] / steps[1] <= 2


@pytest.mark.parametrize(("method", "error"), [("forward", 1e-7), ("central", 1e-10)])
def test_a_coordinate_of_a_small_scale_is_not_moved_by_a_large_one_s_step(method, error):
    x, v = np.array([100.0, 0.05]), np.array([3.0, -7.0])
    exact = v @ [0.01 * np.cos(1.0), -20 * np.exp(-1.0)]
    found = directional_derivative(lambda x: np.sin(x[0] / 100) + np.exp(-20 * x[1]), x, v, method=method)
    assert abs(found - exact) <= error * abs(exact)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("method", ["central", "forward", Central(4), Central(rel_step=1e-3)], ids=str)
def test_the_root_mean_square_of_what_coordinates_move_by_is_the_step_of_a_gradient(method, dtype):
    x, v = np.array([100.0, -0.5, 0.0, 3.0], dtype), np.array([3.0, 7.0, -0.25, 0.0])
    _, one = gradient(lambda x: x[0], np.ones(1, dtype), method=method, full_output=True)
    _, info = directional_derivative(np.sum, x, v, method=method, full_output=True)
    parts = info.step * v[:3] / np.maximum(np.abs(x[:3]), 0.1)
    assert 0.5 <= np.sqrt(np.mean(parts**2)) / one.step[0] <= 2  # each is rounded to a power of two


def test_along_an_axis_the_step_is_that_of_the_gradient():
    x = np.array([300.0, 0.02, 5.0])
    steps = gradient(lambda x: np.sum(x**2), x, full_output=True)[1].step
    for i, axis in enumerate(np.eye(3)):
        _, info = directional_derivative(lambda x: np.sum(x**2), x, axis, full_output=True)
        assert info.step == steps[i]


def test_a_point_outside_its_bounds_is_an_error():
    with pytest.raises(ValueError, match=r"x must lie within bounds; got x\[0\] = -1.2 in \[0, 2\]"):
        directional_derivative(rosen, X, V, bounds=(0, 2))


def test_a_short_direction_has_much_room_and_no_warning():
    v, bounds = np.array([1e-300, 0.0]), (0.0, 1e10)
    assert directional_derivative(lambda x: x[0] ** 2, [1.0, 2.0], v, bounds=bounds) == pytest.approx(2e-300)


@pytest.mark.parametrize("has_aux", [False, True])
def test_no_directions_have_no_derivatives_and_an_info(has_aux):
    f = (lambda x: (x.sum(), "aux")) if has_aux else np.sum
    found, info = directional_derivative(f, np.ones(3), np.empty((0, 3)), has_aux=has_aux, full_output=True)
    assert (found.shape, info.evaluations, info.step.shape, info.value) == ((0,), 0, (0,), None)


# --- higher orders, f(x) that is known --------------------------------------------------------------------------------


def third_powers(x):
    return x**3


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["central", "forward", "backward", Central(4), "adaptive"], ids=str)
def test_higher_orders_are_those_of_f_on_the_line(n, method):
    def f(x):
        return np.exp(x[0]) * x[1] + x[2] ** 4

    along = [1.0, 1.0, 2.0] * np.ones(3)
    x = np.array([0.3, 0.7, 1.1])
    exact = np.exp(x[0]) * (x[1] + n) + np.prod(range(4, 4 - n, -1)) * x[2] ** (4 - n) * 2**n
    tolerance = 0.02 if method in ("forward", "backward") else 1e-4
    before = x.copy()
    assert directional_derivative(f, x, along, n=n, method=method) == pytest.approx(exact, rel=tolerance)
    assert np.array_equal(x, before)


def test_the_second_order_is_the_curvature_also_near_bounds_and_of_arrays():
    curvature = V @ rosen_hessian(X) @ V
    assert directional_derivative(rosen, X, V, n=2, method=Central(4)) == pytest.approx(curvature, rel=1e-7)
    bounds = np.where(V > 0, X, -np.inf), np.where(V < 0, X, np.inf)  # room on one side of the line alone
    inside = directional_derivative(rosen, X, V, n=2, method=Central(4), bounds=bounds)
    assert inside == pytest.approx(curvature, rel=1e-2)
    product = DirectionalDerivative(third_powers, n=2)
    assert product(X, V) == pytest.approx(6 * X * V**2, rel=1e-5, abs=1e-5)
    assert repr(product).endswith("n=2)")
    assert pickle.loads(pickle.dumps(DirectionalDerivative(rosen, n=2)))(X, V) == pytest.approx(curvature, rel=1e-5)
    for n in (0, 7, 1.5):
        with pytest.raises(ValueError, match="n must be an integer from 1 to 6"):
            directional_derivative(rosen, X, V, n=n)
    with pytest.raises(ValueError, match="n must be 1 for method 'complex'; got 2"):
        directional_derivative(rosen, X, V, n=2, method="complex")


@pytest.mark.parametrize(
    ("options", "calls"),
    [({}, 8), ({"method": "forward"}, 5), ({"n": 2}, 9), ({"method": Backward(2)}, 9)],
    ids=str,
)
def test_f_at_x_is_computed_once_for_many_directions(counted, options, calls):
    f = counted(third_powers)
    found, info = directional_derivative(f, X, np.eye(4), full_output=True, **options)
    assert f.calls == info.evaluations == calls
    each = [directional_derivative(third_powers, X, v, **options) for v in np.eye(4)]
    assert np.array_equal(found, each)


def test_f_at_x_that_is_given_is_not_computed(counted):
    f = counted(rosen)
    product = DirectionalDerivative(f, method="forward")
    assert product(X, V, f0=rosen(X)) == product(X, V)
    assert f.calls == 1 + 2
    assert directional_derivative(f, X, V, method="forward", f0=rosen(X)) == product(X, V)
    found, info = directional_derivative(third_powers, X, V, method="adaptive", f0=third_powers(X), full_output=True)
    assert found == pytest.approx(3 * X**2 * V, abs=1e-9)
    assert np.array_equal(info.value, third_powers(X))
    with pytest.raises(ValueError, match=r"f0 must have the shape of f\(x\)"):
        directional_derivative(third_powers, X, V, method="forward", f0=np.zeros(3))


def test_v_of_as_many_numbers_in_another_shape_is_no_direction():
    with pytest.raises(ValueError, match=r"v must"):
        directional_derivative(np.sum, np.ones((2, 2)), np.ones(4))


def test_a_direction_of_a_matrix_is_one_and_a_number_may_have_many():
    assert directional_derivative(lambda x: np.sum(x**2), np.ones((2, 2)), np.ones((2, 2))) == pytest.approx(8)
    assert directional_derivative(np.exp, 0.5, [1.0, 2.0]) == pytest.approx(np.exp(0.5) * np.array([1, 2]))
