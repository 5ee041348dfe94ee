import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from gradfast import Backward, Central, Forward, derivative, gradient
from gradfast._kernels.steps_and_bounds import Rule
from gradfast.steps.methods import as_method
from gradfast.steps.steps_and_bounds import least_scale, steps_within

DIFFERENCES = ["central", "forward", "backward"]


def total(x):
    return np.sum(x)


def values_of_every_size(dtype, count=2000):
    """Return numbers of both signs whose magnitudes are spread over all that the dtype has, and the special ones."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(7)
    exponents = rng.integers(info.minexp, info.maxexp - 2, count)
    values = np.ldexp(rng.uniform(1, 2, count).astype(dtype), exponents) * rng.choice([-1, 1], count).astype(dtype)
    special = [0.0, -0.0, info.tiny, info.smallest_subnormal, 1.0, np.nextafter(dtype(1), dtype(0)), dtype(0.1)]
    return np.array([*values, *special, *(-np.array(special))], dtype)


# --- the default step -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("method", [Central(2), Central(8), Forward(), Backward(3)], ids=repr)
def test_the_default_step_is_what_x_moves_by_exactly(dtype, n, method):
    x = values_of_every_size(dtype)
    steps = method.steps_at(x, n).astype(dtype)
    assert np.all(steps != 0)
    # towards infinity always; at a power of two the grid below x is the finer one
    away = np.copysign(steps, x)
    assert np.array_equal((x + away) - x, away)
    near = np.abs(x) < 2.0**100  # elsewhere some nodes of a wide stencil may overflow
    for node in {*method.candidates(n)[0][0].nodes} & {1, -1}:
        moved = (x + node * steps)[near]
        assert np.array_equal(moved - x[near], node * steps[near])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_default_step_is_a_power_of_two_near_its_relative_size(x):
    point = np.array([x])
    step = float(gradient(lambda x: 0.0, point, full_output=True)[1].step[0])
    assert math.frexp(step)[0] == 0.5
    wanted = (np.finfo(float).eps / 3) ** (1 / 3) * max(abs(x), 0.1)
    assert 1 / math.sqrt(2) <= step / wanted * (1 + 1e-12)
    assert step / wanted <= math.sqrt(2) * (1 + 1e-12)


@pytest.mark.parametrize("method", DIFFERENCES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_linear_f_is_differentiated_exactly_at_any_scale(method, dtype):
    x = np.array([1e-8, 0.1, 0.0, -3.0, 12345.678, 1e8], dtype)
    for i in range(x.size):
        gradient_of_one = gradient(lambda x, i=i: x[i] * 4, x, method=method)
        assert np.array_equal(gradient_of_one, np.where(np.arange(x.size) == i, 4, 0))


@pytest.mark.parametrize("dtype", FLOATS)
def test_each_dtype_has_steps_of_its_own_precision(dtype):
    step = float(gradient(total, np.ones(1, dtype), full_output=True)[1].step[0])
    assert step == pytest.approx((np.finfo(dtype).eps / 3) ** (1 / 3), rel=0.42)


def test_steps_grow_with_x_and_stop_at_the_least_scale():
    x = np.array([0.0, 1e-300, 0.05, 0.1, 1.0, -1e3, 1e8])
    steps = gradient(total, x, full_output=True)[1].step
    assert np.array_equal(steps[:4], [steps[0]] * 4)
    assert np.all(np.diff(steps[3:]) > 0)


@pytest.mark.parametrize(("n", "scale"), [(1, 0.1), (2, 0.1**0.5), (6, 0.1 ** (1 / 6))])
def test_the_least_scale_costs_the_same_rounding_for_each_derivative(n, scale):
    assert least_scale(n) == pytest.approx(scale)
    steps = Central().steps_at(np.array([0.0, scale / 2, scale * 8]), n)
    assert steps[0] == steps[1] < steps[2]


@pytest.mark.parametrize("method", [Central(2), Central(4), Central(6), Central(8), Forward(5), Forward(6)], ids=str)
def test_the_default_steps_of_high_accuracies_have_a_larger_least_scale(method):
    small, large = (0.09, 0.19) if method.accuracy < 6 else (0.19, 0.39)
    steps = method.steps_at(np.array([0.0, small, large]), 1)
    assert steps[0] == steps[1] < steps[2]


def test_a_relative_step_keeps_the_least_scale_whatever_the_accuracy():
    steps = Central(6, rel_step=2.0**-10).steps_at(np.array([0.0, 0.1, 0.2]), 1)
    assert steps.tolist() == [2.0**-13, 2.0**-13, 2.0**-12]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_point_that_is_not_finite_has_a_finite_step(value):
    x = np.array([value, 1.0])
    for bounds in (None, (-np.inf, np.inf)):
        slope, info = gradient(lambda x: x[1] * 2, x, bounds=bounds, full_output=True)
        assert np.array_equal(slope, [np.nan, 2.0], equal_nan=True)
        assert np.isfinite(info.step).all()


# --- step and rel_step ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [Central, Forward, Backward])
def test_an_absolute_step_is_taken(method):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    _, info = gradient(total, x, method=method(step=0.25), full_output=True)
    assert np.array_equal(info.step, np.full(x.shape, 0.25))
    steps = [[0.5, 0.25]]
    _, info = gradient(total, x, method=method(step=steps), full_output=True)
    assert np.array_equal(info.step, np.broadcast_to(steps, x.shape))


def test_an_absolute_step_is_rounded_to_what_x_moves_by():
    x = np.array([1.0, 100.0])
    _, info = gradient(total, x, method=Central(step=1e-4), full_output=True)
    assert np.array_equal((x + info.step) - x, info.step)
    assert info.step == pytest.approx(1e-4, rel=1e-9)


def test_a_relative_step_is_taken():
    x = np.array([0.0, 0.1, 1.0, -8.0])
    _, info = gradient(total, x, method=Central(rel_step=2.0**-10), full_output=True)
    assert np.array_equal(info.step, 2.0**-10 * np.array([0.125, 0.125, 1, 8]))
    each = [1e-3, 1e-3, 1e-4, 1e-5]
    _, info = gradient(total, x, method=Central(rel_step=each), full_output=True)
    assert np.array_equal(info.step, 2.0 ** np.array([-13, -13, -13, -14]))  # near 1e-4 and 8e-5


def test_a_step_that_rounding_swallows_is_a_warning_that_names_the_coordinate():
    with pytest.warns(RuntimeWarning, match=r"step = 0.0001 is lost to rounding at x\[0, 1\] = -1e\+13") as caught:
        gradient(total, np.array([[1.0, -1e13]]), method=Central(step=1e-4))
    assert caught[0].filename == __file__


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bounds",
    [
        3.0,
        (0, 1, 2),
        ("low", "high"),
        ("0", "3"),
        (0, 3j),
        ([0, [1, 2], 3], 5),
        ([0.0, 0.0], 1.0),
        (0, [[1.0], [2.0]]),
        None.__class__,
    ],
    ids=repr,
)
def test_bounds_must_be_two_sides_that_broadcast(bounds):
    with pytest.raises(
        ValueError, match=r"bounds must be \(lower, upper\), each broadcast to x's shape \(3,\); got"
    ) as e:
        gradient(total, np.full(3, 0.5), bounds=bounds)
    assert str(e.value).endswith(repr(bounds))


@pytest.mark.parametrize("method", ["central", "forward", "backward", "complex"])
def test_a_point_outside_its_bounds_is_an_error_that_names_the_coordinate(method):
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match=r"x must lie within bounds; got x\[1, 1\] = 3 in \[-1, 2.5\]"):
        gradient(total, x, method=method, bounds=(-1, 2.5))
    with pytest.raises(ValueError, match=r"got x\[0, 1\] = 1 in \[-inf, 0\]"):
        gradient(total, x, method=method, bounds=(None, [[0, 0], [9, 9]]))


@pytest.mark.parametrize("method", ["central", "forward", "complex", "adaptive"])
def test_bounds_that_are_none_are_told_so_and_x_is_not_blamed(method):
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    wrong = {
        "no lower above its upper; got 2 and 1 at x[0, 1]": ([[-9, 2], [-9, -9]], [[9, 1], [9, 9]]),
        "no lower above its upper; got 9 and -9 at x[0, 0]": (9, -9),
        "no NaN; got nan and 5 at x[0, 0]": (np.nan, 5),
        "no NaN; got -inf and nan at x[1, 0]": (None, [[9, 9], [np.nan, 9]]),
    }
    for text, bounds in wrong.items():
        with pytest.raises(ValueError, match=f"^bounds must be \\(lower, upper\\) with {re.escape(text)}$"):
            gradient(total, x, method=method, bounds=bounds)


# As scipy.optimize.minimize takes them. Two pairs are pairs, too, and no lower and upper side.
def test_a_list_of_pairs_is_a_pair_for_each_coordinate():
    for pairs in ([(0, 3), (0, 3), (0, 3)], [(0, 3), (1, 2)], np.array([[0, 3], [1, 2]]), [(None, 3), (1, None)]):
        x = np.ones(len(pairs))
        for shaped in (x, x[:, np.newaxis]):
            slopes, info = gradient(total, shaped, bounds=pairs, full_output=True)
            assert np.abs(slopes - 1).max() < 1e-9
            assert info.scheme[1] == ("central" if pairs[1][0] == 0 else "forward")
    with pytest.raises(ValueError, match=r"with no lower above its upper; got 3 and 1 at x\[1\]"):
        gradient(total, np.ones(2), bounds=[(0, 3), (3, 1)])
    with pytest.raises(ValueError, match=r"^bounds must be \(lower, upper\), each broadcast to x's shape \(3,\); got "):
        gradient(total, np.ones(3), bounds=[(0, 3), (0, 3)])


@pytest.mark.parametrize("method", ["central", "forward", "complex", "adaptive"])
def test_none_is_no_bound(method):
    x = np.array([1.0, 2.0])

    def f(x):
        assert 1 <= x[0].real <= 3
        assert x[1].real <= 2
        return (x**2).sum()

    for bounds in ([1, None], [3, 2]), ((1, -np.inf), np.array([None, 2.0])), (np.array([1, None]), [3, 2]):
        assert gradient(f, x, method=method, bounds=bounds) == pytest.approx(2 * x, rel=1e-5)
    assert gradient(f, x, method=method, bounds=(1, (None, 2))) == pytest.approx(2 * x, rel=1e-5)
    wide, none = (gradient(total, x, method=method, bounds=b, full_output=True) for b in ((None, None), None))
    assert np.array_equal(wide[0], none[0])
    assert np.array_equal(wide[1].step, none[1].step)


def test_scipy_s_bounds_are_bounds():
    optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")
    x = np.array([1.0, 2.0])
    found, info = gradient(total, x, bounds=optimize.Bounds([1.0, -np.inf], [3.0, 2.0]), full_output=True)
    assert info.scheme.tolist() == ["forward", "backward"]
    assert np.array_equal(found, gradient(total, x, bounds=([1.0, -np.inf], [3.0, 2.0])))
    with pytest.raises(ValueError, match=r"each broadcast to x's shape \(2,\); got Bounds\("):
        gradient(total, x, bounds=optimize.Bounds([1.0, 2.0, 3.0], 9.0))


def test_a_step_that_fits_but_for_rounding_is_halved():
    upper = -(2.0**-55)  # upper - x rounds to 1, and x + 1 is above upper
    _, info = gradient(total, [-1.0], method=Forward(step=1.0), bounds=(-1.0, upper), full_output=True)
    assert info.step.tolist() == [0.5]


def test_bounds_are_in_the_dtype_of_x():
    x = np.array([0.1, 0.3], np.float32)  # the first is larger than the double 0.1, the second than 0.3
    _, info = gradient(total, x, bounds=([0.0, 0.3], [0.1, 1.0]), full_output=True)
    assert info.scheme.tolist() == ["backward", "forward"]


@given(
    st.lists(
        st.tuples(st.floats(-10, 10), st.floats(0, 1), st.sampled_from([0.0, 1e-300, 1e-15, 1e-7, 1e-3, 1.0, np.inf])),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(DIFFERENCES),
    st.sampled_from(["f", "d", "g"]),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_node_of_a_plan_lies_within_the_bounds(coordinates, method, char, n, has_step):
    x = np.array([c[0] for c in coordinates], char)
    width = np.array([c[2] for c in coordinates], char)
    below = np.array([c[1] for c in coordinates]) * np.where(np.isinf(width), 1, width)
    lower = x - np.where(np.isinf(width), width, below).astype(char)
    upper = x + np.where(np.isinf(width), width, width - below).astype(char)
    method = as_method(method)
    method = type(method)(method.accuracy, step=0.01) if has_step else method
    steps, groups = steps_within(x, method.steps_at(x, n), method.candidates(n), (lower, upper))
    moved = np.zeros(x.size, bool)
    for stencil, some in groups:
        assert not moved[some].any()
        moved[some] = True
        for node in stencil.nodes:
            at = (x[some] + node * steps[some]).astype(char)
            assert np.all((lower[some] <= at) & (at <= upper[some]))
            assert np.all(at != x[some])
    assert np.array_equal(moved, steps != 0)
    assert np.all(moved[np.minimum(x - lower, upper - x) > 1e-5 * np.maximum(np.abs(x), 1)])
    if n == 1:
        found, info = gradient(total, x, method=method, bounds=(lower, upper), full_output=True)
        assert np.array_equal(info.scheme == "fixed", ~moved)
        assert np.array_equal(info.step, np.abs(steps))
        assert np.all(found[~moved] == 0)


def test_coordinates_take_the_preferred_stencil_that_fits_with_its_step():
    x = np.array([0.0, 0.95, -0.95, 0.0])
    bounds = np.array([-1, -1, -1, -0.02]), np.array([1, 1, 1, 0.03])
    _, info = gradient(total, x, method=Central(step=0.1), bounds=bounds, full_output=True)
    assert list(info.scheme) == ["central", "backward", "forward", "central"]
    assert info.step == pytest.approx([0.1, 0.1, 0.1, 0.02], abs=1e-16)
    _, info = gradient(total, x, method=Backward(step=0.1), bounds=bounds, full_output=True)
    assert list(info.scheme) == ["backward", "backward", "forward", "forward"]
    assert info.step == pytest.approx([0.1, 0.1, 0.1, 0.03], abs=1e-16)


@pytest.mark.parametrize("method", [Central(), Forward(), Backward(3), Central(6)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_all_the_room_that_there_is_is_used_by_exact_steps(method, dtype):
    rng = np.random.default_rng(3)
    x = (10 * rng.normal(size=100)).astype(dtype)
    room = np.abs(x) * dtype(1000) * np.finfo(dtype).eps
    bounds = x - room, x + room * dtype(1.5)
    steps, groups = steps_within(x, method.steps_at(x, 1), method.candidates(1), bounds)
    ((stencil, some),) = groups
    assert some.size == x.size
    steps = steps.astype(dtype)
    for node in stencil.nodes:
        moved = x + node * steps
        assert np.all((moved - x) == node * steps)
        assert np.all((moved >= bounds[0]) & (moved <= bounds[1]))
    above, below = max(0, *stencil.nodes), -min(0, *stencil.nodes)
    reached = np.maximum(steps * above / (1.5 * room), steps * below / room)
    reached = np.where(steps < 0, -steps * above / room, reached)
    assert np.all(reached > 0.98)


@pytest.mark.parametrize(("n", "room"), [(1, 1e-320), (2, 1e-160), (3, 1e-110), (6, 1e-60)])
def test_a_room_whose_power_underflows_is_none(n, room):
    bounds = [-room, -room * 1e20], [room, room * 1e20]
    found, info = derivative(lambda x: x**n, np.zeros(2), n=n, bounds=bounds, full_output=True)
    assert list(info.scheme) == ["fixed", "central"]
    assert info.step[0] == found[0] == 0


@pytest.mark.parametrize("method", DIFFERENCES)
def test_wide_bounds_change_nothing(method):
    x = np.random.default_rng(0).normal(size=(3, 4))
    free = gradient(lambda x: np.sum(np.sin(x)), x, method=method, full_output=True)
    held = gradient(lambda x: np.sum(np.sin(x)), x, method=method, bounds=(-9, 9), full_output=True)
    for a, b in zip((free[0], *free[1].__dict__.values()), (held[0], *held[1].__dict__.values()), strict=True):
        assert np.array_equal(a, b)


def test_an_absolute_step_at_infinity_is_no_warning():
    slope, info = gradient(lambda x: x[1] * 2, [np.inf, 1.0], method=Central(step=0.25), full_output=True)
    assert np.array_equal(slope, [np.nan, 2.0], equal_nan=True)
    assert info.step.tolist() == [0.25, 0.25]


def test_a_step_that_just_fits_is_not_shortened():
    _, info = gradient(lambda x: x[0] ** 2, [0.0], method=Central(step=0.3), bounds=(-0.3, 0.3), full_output=True)
    assert (info.scheme, info.step) == ("central", 0.3)


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (Rule(0.5, 0.1), "Rule(relative=0.5, least_scale=0.1)"),
        (Rule(relative=1e-3, least_scale=0.25), "Rule(relative=0.001, least_scale=0.25)"),
        (Rule(absolute=1e-4), "Rule(absolute=0.0001)"),
    ],
)
def test_rules_of_steps_are_values_one_can_print(rule, shown):
    again = pickle.loads(pickle.dumps(rule))
    assert repr(rule) == repr(again) == shown
    x = np.array([0.0, 1.0, -3.0])
    assert np.array_equal(again.at(x), rule.at(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("rule", [Rule(relative=1e-5, least_scale=0.1), Rule(absolute=2.0**-6)], ids=repr)
def test_rules_give_the_steps_of_each_coordinate_alone(dtype, rule):
    """Also where steps of many coordinates are computed together, and one of them is not finite."""
    every = values_of_every_size(np.float32).astype(dtype)
    for x in (every, np.array([1.0, np.nan, np.inf, -np.inf, -2.0], dtype)):
        steps = rule.at(x)
        assert steps.dtype == (np.longdouble if dtype is np.longdouble else np.float64)
        assert np.array_equal(steps, [rule.at(value)[0] for value in x])
        assert (steps > 0).all()


def test_a_swallowed_absolute_step_divides_by_no_zero():
    with pytest.warns(RuntimeWarning, match=r"step = 0.001 is lost to rounding at x\[0\] = 1e\+20"):
        slope, info = gradient(lambda x: x[0], [1e20], method=Central(step=1e-3), full_output=True)
    assert (slope, info.step) == (0.0, 1e-3)


def test_bounds_that_do_not_broadcast_to_a_matrix_are_refused_though_far():
    x = np.ones((3, 1))
    with pytest.raises(ValueError, match=r"bounds must be .* x's shape \(3, 1\)"):
        gradient(total, x, bounds=(np.full(2, -9.0), np.full(2, 9.0)))
    # as many as coordinates are those of each
    assert np.abs(gradient(total, x, bounds=(np.full(3, -9.0), np.full(3, 9.0))) - 1).max() < 1e-9


@pytest.mark.parametrize("method", ["central", "forward", "backward", Central(4), Central(step=0.5)], ids=str)
def test_bounds_nearby_mean_the_same_for_a_vector_and_for_a_matrix(method):
    x = np.array([0.0, 1.0, 1.0, -2.0, 1e9, 0.25, 3.0])
    lower = np.array([0.0, 1.0, 1 - 1e-7, -2.0 - 1e-16, 0.0, -1.0, 3.0])
    upper = np.array([0.0, 5.0, 1 + 2e-7, -2.0 + 1e-12, 1e9, 1.0, np.inf])
    found, info = gradient(total, x, method=method, bounds=(lower, upper), full_output=True)
    of_matrix, info_of_matrix = gradient(
        total, x.reshape(1, -1), method=method, bounds=(lower.reshape(1, -1), upper.reshape(1, -1)), full_output=True
    )
    assert found.tobytes() == of_matrix.tobytes()
    assert info.step.tobytes() == info_of_matrix.step.tobytes()
    assert np.array_equal(info.scheme, info_of_matrix.scheme[0])
    assert info.evaluations == info_of_matrix.evaluations
    assert "fixed" in info.scheme


def test_the_first_step_that_rounding_swallows_is_named():
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1\] = 1e\+13$"):
        gradient(total, [1.0, 1e13, 2e13], method=Central(step=1e-4))


def test_what_rounding_swallows_within_bounds_is_fixed():
    with pytest.warns(RuntimeWarning, match="lost to rounding"):
        info = gradient(total, [1.0, 1e13], method=Central(step=1e-4), bounds=(0, np.inf), full_output=True)[1]
    assert info.scheme.tolist() == ["central", "fixed"]


def test_a_step_beyond_floating_point_is_told_as_it_was_asked_for():
    info = gradient(lambda x: 1.0, [1.7e308], method=Central(step=1e308), full_output=True)[1]
    assert info.step == 1e308
