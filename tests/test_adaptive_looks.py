"""Where the adaptive method looks at f: within reach and bounds, and no more often than allowed."""

import math
import re

import numpy as np
import pytest
from ways import at_a_number, same_as_python

from gradfast import Adaptive, derivative, directional_derivative, gradient, hessian, jacobian


def furthest(operator, f, x, *args, **options):
    """Return how far from x an operator looked along each coordinate, and its result."""
    seen, start = [], np.array(x, float)

    def watched(point):
        seen.append(np.array(point, float))
        return f(point)

    result = operator(watched, x, *args, full_output=True, **options)
    return np.abs(np.array(seen) - start).max(axis=0), result


def within(far, x, reach):
    """Return whether no look was further away than the reach, but for the rounding of x."""
    allowed = np.maximum(np.abs(x), 1) if reach is None else reach
    return bool(np.all(far <= allowed + np.spacing(np.maximum(np.abs(x), far))))


NEEDS_LONG_STEPS = {
    "a line": lambda x: 3 * x,
    "a constant": lambda x: 2 + 0 * x,
    "a slow line": lambda x: 1e6 + x,
    "noise": lambda x: 3 * x + 1e-6 * math.sin(1e9 * float(x)),
    "much noise": lambda x: 1e-2 * math.sin(1e9 * float(x)) + x,
    "a wave": lambda x: np.sin(1e-3 * x),
}


@pytest.mark.parametrize("f", NEEDS_LONG_STEPS.values(), ids=NEEDS_LONG_STEPS)
@pytest.mark.parametrize("reach", [None, 1e-3, 0.5, 10.0, 1e4])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_f_is_looked_at_no_further_away_than_reach(f, reach, n):
    for x in (0.0, 1.77, -30.0, 1e-6):
        far, _ = furthest(derivative, f, x, n=n, method=Adaptive(reach=reach))
        assert within(far, x, reach)


@pytest.mark.parametrize("reach", [None, 0.1, 100.0])
@pytest.mark.parametrize("seed", range(5))
def test_directions_hessians_batches_and_bounds_keep_the_reach(reach, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=3) * 10 ** random.uniform(-3, 4, 3)
    v = random.normal(size=3) * 10 ** random.uniform(-3, 3, 3)
    method = Adaptive(reach=reach)

    def line(x):
        return 1e6 + np.sum(x)

    assert within(furthest(gradient, line, x, method=method)[0], x, reach)
    assert within(furthest(gradient, line, x, method=method, bounds=(x, np.inf))[0], x, reach)
    assert within(furthest(jacobian, lambda x: 1e6 + np.array([x[0], x[1] + x[2]]), x, method=method)[0], x, reach)
    assert within(furthest(hessian, lambda x: 1e6 + x[0] * x[1] + x[2], x, method=method)[0], x, reach)
    far, _ = furthest(directional_derivative, line, x, v, method=method)
    assert within(far, x, reach)
    rows, seen = np.stack([x, 3 * x]), []
    gradient(lambda x: seen.append(x.copy()) or line(x), rows, axis=-1, method=method)
    assert all(any(within(np.abs(point - row), row, reach) for row in rows) for point in seen)


def test_a_longer_reach_finds_what_rounding_hides_nearby():
    near, info_near = derivative(lambda x: 1e9 + x, 1.0, method="adaptive", full_output=True)
    far, info_far = derivative(lambda x: 1e9 + x, 1.0, method=Adaptive(reach=1e8), full_output=True)
    assert abs(far - 1) <= info_far.error <= 1e-3 * info_near.error
    assert abs(near - 1) <= info_near.error


@pytest.mark.parametrize("reach", [0, -1.0, math.nan, math.inf, "far", True, 1j])
def test_reach_is_a_positive_number(reach):
    with pytest.raises(ValueError, match=f"^{re.escape(f'reach must be a positive number; got {reach!r}')}$"):
        Adaptive(reach=reach)


def test_noise_and_lines_are_looked_at_from_no_further_than_their_own_size():
    random = np.random.default_rng(0)
    far, _ = furthest(derivative, lambda x: 3 * x + 1e-6 * random.normal(size=np.shape(x)), 1.77, method="adaptive")
    assert far <= 1.77 + 1e-15


def test_long_steps_stay_within_bounds():
    seen = []

    def line(x):
        seen.append(float(x[0]))
        return 1e6 + x[0]

    slope = gradient(line, [1.0], method="adaptive", bounds=(0.0, 3.0))
    assert abs(slope[0] - 1) <= 1e-9
    assert 0 <= min(seen) < 0.5
    assert max(seen) <= 3


@pytest.mark.parametrize(
    ("f", "slope", "error"),
    [
        (lambda x: np.log(1.00001 - x), -1 / (1.00001 - 1), 5e-12),
        (lambda x: np.where(x < 1.00001, np.exp(x), np.nan), math.e, 2e-9),
    ],
    ids=["log", "exp"],
)
def test_steps_outside_the_domain_are_ignored(f, slope, error):
    with np.errstate(invalid="ignore"):
        found, info = derivative(f, 1.0, method="adaptive", bounds=(1.0, 2.0), full_output=True)
    assert abs(found - slope) <= min(info.error, error * abs(slope))
    assert info.evaluations <= 17


def test_steps_grow_no_longer_than_bounds_allow():
    seen = []

    def f(x):
        seen.append(float(x))
        return np.sin(0.01 * x)

    derivative(f, 0.3, n=2, bounds=(-0.5, 2.0), method="adaptive")
    derivative(f, 0.3, n=2, bounds=(0.3, 2.0), method="adaptive")
    assert -0.5 <= min(seen) < max(seen) <= 2.0


@at_a_number
@pytest.mark.parametrize(
    ("f", "x", "most"),
    [
        (lambda x: 1e-310 * np.sin(x), 0.5, 19),
        (lambda x: x**5, 0.0, 31),
        (lambda x: 1e9 + x**2, 0.3, 19),
        (lambda x: x * np.nan, 1.0, 25),
        (lambda x: np.where(np.abs(x - 1) > 1e-2, np.inf, x**3), 1.0, 11),
    ],
    ids=["subnormal values", "flat point", "large constant", "not a number", "infinite around"],
)
def test_no_steps_are_tried_that_cannot_help(way, f, x, most):
    assert same_as_python(way, "derivative", f, x)[1].evaluations <= most


@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf])
def test_nothing_is_evaluated_for_a_derivative_that_cannot_be_known(x):
    value, info = derivative(lambda x: 3.0, x, method="adaptive", full_output=True)
    assert np.isnan(value)
    assert not info.converged
    assert info.evaluations == 1
    assert derivative(lambda x: np.nan, 1.0, method="adaptive", full_output=True)[1].evaluations == 1


@pytest.mark.parametrize("x", [1e-40, 3e-42])
def test_steps_of_a_subnormal_x_are_numbers_of_its_own_precision(x):
    value, info = derivative(lambda x: 3 * x, np.float32(x), method="adaptive", full_output=True)
    assert value == 3
    assert all(np.float32(look.step) == look.step for look in info.trace)


def test_where_no_value_of_an_array_moves_longer_steps_are_tried():
    def f(x):
        return np.array([1e20 + x[0], 1e20 + 2 * x[0]])  # doubles near 1e20 are 16384 apart

    slopes, info = jacobian(f, [100.0], method=Adaptive(reach=1e6), full_output=True)
    assert np.all(np.abs(slopes[:, 0] - [1, 2]) <= info.error[:, 0])
    assert info.error.max() < 0.1
    assert not info.converged.any()


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
def test_steps_are_no_shorter_than_x_can_be_moved_by(dtype):
    x, moved = np.array([1.1], dtype), []
    start = x[0]

    def f(point):
        moved.append(abs(float(point[0] - start)))
        return np.nan if point[0] != start else 1.0

    gradient(f, x, method=Adaptive(max_evaluations=200))
    shortest = np.sort(moved)[1]  # that of 0 is f(x)
    assert np.spacing(start) <= shortest < 1e4 * np.spacing(start)


def test_the_step_is_what_x_was_moved_by():
    x = 1024 - 5 * np.spacing(1000.0)  # above 1024 numbers are twice as far apart
    value = derivative(lambda x: np.sin(1e4 * (x - 1024)), x, method="adaptive")
    assert value == pytest.approx(1e4, rel=1e-9)


def test_the_step_is_the_radius_of_the_fit():
    seen = []
    _, info = derivative(lambda x: seen.append(float(x)) or np.exp(x), 1.0, method="adaptive", full_output=True)
    assert np.min(np.abs(np.abs(np.array(seen) - 1) - info.step)) <= 1e-15
    bent = derivative(lambda x: np.exp(x) + (x > 1.01), 1.0, method="adaptive", full_output=True)[1]
    assert bent.step < 0.01


@pytest.mark.parametrize("operator", [derivative, gradient, jacobian], ids=["derivative", "gradient", "jacobian"])
def test_the_trace_holds_every_look_and_ends_with_the_result(operator):
    seen = []

    def f(x):
        seen.append(np.array(x, float))
        return np.exp(x) if operator is derivative else np.exp(x).sum()

    x = np.array([1.0, 2.0])
    value, info = operator(f, x if operator is not derivative else 1.0, method="adaptive", full_output=True)
    assert info.evaluations == len(seen) == 1 + 2 * len(info.trace)
    for i in {look.coordinate for look in info.trace}:
        looks = [look for look in info.trace if look.coordinate == i]
        last = looks[-1]
        assert np.ravel(value)[i] == np.ravel(last.value)[0]
        assert np.ravel(info.error)[i] >= np.ravel(last.error)[0]
        moves = {abs(float(np.ravel(point)[i]) - np.ravel(x)[i]) for point in seen}
        assert all(min(abs(look.step - move) for move in moves) <= 1e-15 for look in looks)
    _, plain = gradient(lambda x: np.exp(x).sum(), x, full_output=True)
    assert plain.trace is None


SOME = {
    "wave": np.sin,
    "pole": lambda x: 1 / (x - 1.01),
    "kink": lambda x: np.abs(x - 0.9),
    "stairs": lambda x: np.round(np.sin(x), 4),
    "noise": lambda x: np.exp(x) + 1e-4 * np.sin(1e9 * x),
}


@pytest.mark.parametrize("f", SOME.values(), ids=SOME)
@pytest.mark.parametrize("most", [4, 5, 6, 8, 11, 20])
@pytest.mark.parametrize("bounds", [None, (0.9, 1.0)], ids=["both sides", "one side"])
def test_no_more_evaluations_than_allowed(f, most, bounds, counted):
    f = counted(f)
    method = Adaptive(max_evaluations=most)
    value, info = derivative(f, 0.9, method=method, bounds=bounds, full_output=True)
    assert f.calls == info.evaluations <= most + 1
    assert np.isfinite(value)
    gradient(lambda x: f(x[0]) + x[1], [0.9, 1.0], method=method)
    assert f.calls - info.evaluations <= 2 * most + 1


@pytest.mark.parametrize(
    ("f", "slope", "x"),
    [
        (lambda x: math.exp(-1e-6 * x), -1e-6 * math.exp(-1e-6), 1.0),
        (lambda x: 1 + 1e-7 * x, 1e-7, 1.0),
        (lambda x: 1e6 + x * x, 6.0, 3.0),
        (lambda x: math.sqrt(1e8 + x), 0.5 / math.sqrt(1e8 + 1), 1.0),
    ],
)
def test_a_slope_far_below_the_rounding_of_f_is_read_from_more_than_one_wide_look(f, slope, x):
    found, info = derivative(f, x, method="adaptive", full_output=True)
    rounding_at_reach = 2.0**-53 * abs(f(x)) / x
    assert abs(found - slope) <= info.error <= 8 * rounding_at_reach
