"""The steps that ladders take, of functions of plain arithmetic, which rounds the same everywhere.

What helps is judged by ``bench/test_accuracy.py``; here a change of the path must be meant.
"""

import math

import numpy as np
import pytest

from gradfast import Adaptive, Central, derivative, gradient, hessian, jacobian


def noise(x, size):
    """Return a number of that size at most, which depends on the bits of x."""
    word = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    return ((word >> 40) / 2.0**24 - 0.5) * size


def rough(x):
    """Return x squared with a noise of 5e-7."""
    return x * x + noise(x, 1e-6)


def twelfth(x):
    """Return the twelfth power of x."""
    cube = x * x * x
    return (cube * cube) * (cube * cube)


# f, x, options, and the binary logarithms of the steps in their order.
PATHS = {
    "runge": (lambda x: 1 / (1 + 25 * x * x), 0.3, {}, [-6, -7, -9, -11, -12, -4]),
    "pole": (lambda x: 1 / (x - 1.01), 0.9, {}, [-5, -6, -8, -10, -12, -13]),
    "narrow": (lambda x: 1 / (1e-6 + (x - 1) * (x - 1)), 1.002, {}, [-5, -6, -13, -14, -16, -18, -19]),
    "quintic": (lambda x: x * x * x * x * x - 3 * x, 1.1, {}, [-5, -6, -8, -10]),
    "far above": (lambda x: 1e4 + 0.3 * x, 1.0, {}, [-5, 10, 9]),
    "cubic far above": (lambda x: 1e3 + x * x * x, 0.3, {}, [-6, 5, -7, -9, -4]),
    "slow": (lambda x: 1 / (1e6 + x), 1.0, {}, [-5, 15, -6, 13, 12, 17, 16, 21, 20, 19]),
    "expanded": (lambda x: ((((x + 5) * x + 10) * x + 10) * x + 5) * x + 1, -0.9, {}, [-5, -6, -8, -10, -12, 1, -2, 0]),
    "rough": (rough, 1.3, {}, [-5, -6, -7, -9, -1, -2, 3, 2, 7, 6, 11, 10, 15, 14, 19, 18, 23, 22, 21]),
    "rough line": (
        lambda x: 12.0 * x + noise(x, 1.8e-06),
        -2.14,
        {},
        [-4, -5, -6, 0, -1, 4, 3, 8, 7, 12, 11, 16, 15, 20, 19, 24, 23],
    ),
    "rougher line": (
        lambda x: x + noise(x, 7e-05),
        2.65,
        {},
        [-4, -5, -6, -8, 0, -1, 4, 3, 8, 7, 12, 11, 16, 15, 14],
    ),
    "curved far above": (lambda x: 4.5e6 + x / (1 + 1.3 * x * x), -1.82, {"n": 2}, [-5, 12, -6, -1, -2, -3]),
    "slow above": (
        lambda x: 550000.0 + x / (190000.0 + x),
        2.86,
        {"bounds": (2.86, math.inf)},
        [-3, -4, -5, 31, 30, 29],
    ),
    "second": (lambda x: 1 / (1 + x * x), 0.7, {"n": 2}, [-7, -1, -8, -9, -4, -5]),
    "third": (lambda x: 1 / (2 + x * x), 0.7, {"n": 3}, [-7, -6, -8, -7, -9, -8, -4, -3, -5, -4]),
    "above": (lambda x: 1 / (1 + x), 0.5, {"bounds": (0.5, 9.0)}, [-6, -7, -8, -9, -10, -11]),
    "half": (lambda x: x * x * x if x > 0.9 else np.nan, 1.0, {}, [-5, -6, -8]),
    "domain": (lambda x: 1 / (x - 0.999) if x > 0.999 else np.inf, 1.0, {}, [-5, -6, -13, -14, -18, -19, -20]),
    "kink": (lambda x: abs(x - 1e-3), 0.0, {}, [-6, -7, -14, -15]),
    "flat": (lambda x: 1700.0 + 3e-05 * x, 1.09, {}, [-5, 20, 19]),
    "nearly flat": (lambda x: 160000.0 + 0.02 * x, 0.429, {}, [-6, 18, 17]),
    "parabola far above": (lambda x: 1e6 + x * x, 1.3, {}, [-5, 9, 8]),
    "sunk parabola": (lambda x: 1e6 - 3 * x * x, 1.3, {}, [-5, 9, 8]),
    "wave far above": (lambda x: 1e6 + x / (1 + x * x), 0.0, {}, [-6, 15, -7, -8, -4]),
    "growing far above": (lambda x: 1e6 + (1 + x / 1000) ** 40, 0.3, {}, [-6, 15, -7, 14, 4, 3, 2, 1, 0]),
    "hardly bent": (lambda x: 1e6 + 6e-6 * x * x, 1.0, {}, [-5, 18, 17]),
    "hidden": (lambda x: 1e6 + 1e-8 * x, 1.0, {}, [-5, -6]),
    "little above": (lambda x: 20.0 + 0.11 * x, 0.631, {}, [-6, 2, 1]),
    "less above": (lambda x: 5.0 + 7.0 * x, 0.3, {}, [-6, -7]),
    "slowly growing": (
        lambda x: 150.0 + twelfth(1 + 4.6e-06 * x),
        -0.0327,
        {},
        [-6, 16, -7, 14, 4, 18, 17, 16, 3, 22, 21, 20, 2],
    ),
    "hidden and bent": (lambda x: 17000.0 + x / (5e-06 + x), 1.03, {}, [-5, 15, -6, -7, 15, 35, 34, 33]),
    "slow near zero": (lambda x: 0.0012 + x / (27000.0 + x), 0.512, {}, [-6, -7, -2, -3, 1, 0]),
    "even besides": (
        lambda x: 1e4 + 0.3 * x + 0.1 * (x - 1) * (x - 1) * (x - 1) * (x - 1),
        1.0,
        {},
        [-5, 10, -6, 8, 7, 12, 11, 10],
    ),
    "no curvature": (lambda x: 5.9 + 7.9 * x, -2.46, {"n": 2}, [-5, -6]),
    "little curvature": (lambda x: 2.3 + x / (75.0 + x), 0.89, {"n": 2}, [-6, 5, -7, 4, 3, 6, 8]),
    "parabola": (lambda x: 1.3 * x * x - 3 * x + 2, 0.3, {"n": 2}, [-7, -8, -3]),
    "parabola high up": (lambda x: 1e6 + 1.3 * x * x - 3 * x, 0.3, {"n": 2}, [-7, 8, 7]),
    "line above": (lambda x: 3e4 + 0.3 * x, 1.0, {"bounds": (1.0, math.inf)}, [-5, -6, -7, 11, 10]),
    "parabola above": (
        lambda x: 3e4 + 1.3 * x * x - 3 * x,
        1.0,
        {"bounds": (1.0, math.inf)},
        [-5, -6, -7, 7, 6, 5],
    ),
    "near its vertex above": (lambda x: 1.3 * x * x, 0.001, {"bounds": (0.001, math.inf)}, [-6, -7, -8]),
    "wave above": (
        lambda x: x * (1 - x * x / 6 * (1 - x * x / 20 * (1 - x * x / 42))),
        1.57,
        {"bounds": (1.57, math.inf)},
        [-4, -5, -6, -7, -8, -9, 2, -1, 1],
    ),
    "early": (lambda x: 1 / (1 + x), 1.0, {"method": Adaptive(rtol=1e-6)}, [-5, -6, -7]),
}


@pytest.mark.parametrize(("f", "x", "options", "path"), PATHS.values(), ids=PATHS)
def test_a_ladder_takes_these_steps(f, x, options, path):
    steps = []

    def along(t):
        for number in np.ravel(t):
            if number != x:
                step = int(np.round(np.log2(abs(float(number) - x))))
                steps.extend([step] if steps[-1:] != [step] else [])
        return np.reshape([f(float(number)) for number in np.ravel(t)], np.shape(t))

    derivative(along, x, **{"method": "adaptive", **options})
    assert steps == path


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize(("n", "side"), [(1, -math.inf), (1, 0.0), (2, -math.inf)], ids=["slope", "above", "second"])
def test_linear_and_quadratic_functions_take_six_evaluations_at_most(n, side, seed):
    rng = np.random.default_rng(seed)
    a, b, c, x = rng.choice([-1, 1], 4) * 10 ** rng.uniform([-3, -3, -3, -2], [3, 3, 6, 4])
    a *= seed % 2
    bounds = (x + side, math.inf)
    found, info = derivative(
        lambda x: a * x * x + b * x + c, x, n=n, method="adaptive", bounds=bounds, full_output=True
    )
    assert info.evaluations <= 7  # one of them at x
    assert info.converged
    assert abs(found - (2 * a * x + b if n == 1 else 2 * a)) <= 2 * info.error


@pytest.mark.parametrize("x", [2.0**-8, 2.0**-7, -(2.0**-6)])
@pytest.mark.parametrize("power", [3, 5])
def test_points_of_an_odd_power_that_lie_on_a_line_are_no_line(power, x):
    """At x, 0 and -x do those; the first steps of a small x are as long."""
    bounds = (min(x, -1), x) if x > 0 else (x, 1)
    slope, info = derivative(lambda x: x**power, x, method="adaptive", bounds=bounds, full_output=True)
    assert abs(slope - power * x ** (power - 1)) <= info.error + 1e-16


@pytest.mark.parametrize(
    ("a", "b", "c", "x", "n", "error"),
    [
        (-0.024459593719004424, 0.0019554247830848677, 0.9324560845548494, -5.882148521385118, 2, 1e-12),
        (0.00485642894633061, -0.7924797564023954, -3172.948956151296, 101.97911763484571, 1, 1e-12),
        (1.3, -3.0, 3e4, 1.0, 1, 1e-11),
    ],
    ids=["its terms cancel", "it does not outgrow itself", "far above"],
)
def test_a_parabola_takes_six_evaluations_though(a, b, c, x, n, error):
    bounds = (x, math.inf) if n == 1 else None
    found, info = derivative(
        lambda x: a * x * x + b * x + c, x, n=n, method="adaptive", bounds=bounds, full_output=True
    )
    exact = 2 * a * x + b if n == 1 else 2 * a
    assert info.evaluations <= 7
    assert abs(found - exact) <= info.error <= error * abs(exact)


def test_a_line_of_single_precision_whose_slope_rounding_hides_takes_six_evaluations():
    rng = np.random.default_rng(4)
    for slope, height, x in 10 ** rng.uniform([-3, 3, -2], [3, 6, 2], (300, 3)).astype(np.float32):
        _, info = derivative(lambda x, a=slope, c=height: a * x + c, x, method="adaptive", full_output=True)
        assert info.evaluations <= 7


@pytest.mark.parametrize("f", [np.sin, lambda x: x * np.log(x)], ids=["wave", "singular near by"])
@pytest.mark.parametrize("x", [8792.71, 50229.7, 0.0020049, 0.00155772])
def test_one_sided_steps_that_are_far_too_long_become_short(f, x):
    exact = derivative(f, x, method=Central(step=x / 100 if x < 1 else 0.01, accuracy=8))
    slope, info = derivative(f, x, method="adaptive", bounds=(x, math.inf), full_output=True)
    assert abs(slope - exact) <= 1e-9 * abs(exact)
    assert info.evaluations <= 16


@pytest.mark.parametrize(
    ("f", "slope", "error"),
    [
        (lambda x: np.log(1.00001 - x), -1 / (1.00001 - 1), 5e-12),
        (lambda x: np.where(x < 1.00001, np.exp(x), np.nan), math.e, 2e-9),
    ],
    ids=["log", "exp"],
)
def test_steps_beyond_the_domain_say_nothing_of_the_others(f, slope, error):
    with np.errstate(invalid="ignore"):
        found, info = derivative(f, 1.0, method="adaptive", bounds=(1.0, 2.0), full_output=True)
    assert abs(found - slope) <= min(info.error, error * abs(slope))
    assert info.evaluations <= 13


@pytest.mark.parametrize("seed", range(5))
def test_a_quadratic_takes_six_evaluations_a_pair_for_its_hessian(seed):
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    found, info = hessian(lambda x: x @ a @ x + b @ x + 3, x, method="adaptive", full_output=True)
    assert info.evaluations <= 6 * 10 + 1
    assert np.all(np.abs(found - (a + a.T)) <= info.error)


@pytest.mark.parametrize("x", [1.55561, 2.80619, -2.5375])
def test_a_one_sided_ladder_goes_on_where_a_wave_turns_back(x):
    slope = math.sin(20 * x) + 20 * x * math.cos(20 * x)
    found, info = derivative(lambda x: np.sin(20 * x) * x, x, method="adaptive", bounds=(x, math.inf), full_output=True)
    assert abs(found - slope) <= min(1e-9 * abs(slope), info.error)
    assert info.evaluations <= 15


@pytest.mark.parametrize("size", [1e-10, 1e-7, 1e-4])
@pytest.mark.parametrize(("n", "side"), [(1, -math.inf), (1, 0.0), (2, -math.inf)], ids=["slope", "above", "second"])
def test_an_error_covers_noise(n, side, size):
    points, rng = np.linspace(0.1, 3, 100), np.random.default_rng(11)
    wrong, evaluations = 0, 0
    for x in points:
        bounds = (x + side, math.inf)
        found, info = derivative(
            lambda t: np.exp(t) + rng.uniform(-size, size), x, n=n, method="adaptive", bounds=bounds, full_output=True
        )
        wrong += abs(found - math.exp(x)) > info.error
        evaluations += info.evaluations
    assert wrong <= 12
    assert evaluations <= 25 * points.size


@pytest.mark.parametrize("f", [np.sin, np.tanh, lambda x: np.exp(-x * x)], ids=["sin", "tanh", "bell"])
def test_what_rounding_hides_is_not_claimed_to_be_known(f):
    wrong = 0
    for k in range(100):
        size, x = 2e-16 * 10 ** (k / 33), 0.1 + 0.019 * k
        slope, info = derivative(lambda x, size=size: 1 + size * f(x), x, method="adaptive", full_output=True)
        truth = size * derivative(f, x, method="adaptive")
        wrong += abs(slope - truth) > info.error
    assert wrong <= 2


@pytest.mark.parametrize(
    ("f", "slope", "error"),
    [
        (lambda x: 1e6 + math.exp(x / 37), math.exp(0.3 / 37) / 37, 1e-8),
        (lambda x: 1e6 + math.cosh(x / 444), math.sinh(0.3 / 444) / 444, 1e-4),
        (lambda x: 1e4 + math.sin(50 * (x - 0.3)), 50.0, 1e-10),
        (lambda x: 1e8 + math.sin((x - 0.3) / 1e4), 1e-4, 1e-5),
        (lambda x: 1e4 + math.log(x), 1 / 0.3, 1e-9),
    ],
    ids=["exp", "cosh", "short waves", "long waves", "log"],
)
def test_a_look_too_far_out_costs_no_accuracy(f, slope, error):
    def guarded(x):
        try:
            return f(float(x))
        except (OverflowError, ValueError):
            return math.nan

    found, info = derivative(guarded, 0.3, method="adaptive", full_output=True)
    assert abs(found - slope) <= info.error
    assert abs(found - slope) <= error * slope


@pytest.mark.parametrize("most", [4, 6, 8])
def test_a_look_far_out_is_counted_and_allowed_for(most, counted):
    f = counted(lambda x: 1e4 + math.sin(float(x[0])))
    _, info = gradient(f, [0.0], method=Adaptive(max_evaluations=most), full_output=True)
    assert f.calls == info.evaluations <= most + 1


@pytest.mark.parametrize("order", [1, -1])
def test_all_components_must_keep_their_slope_for_a_step_far_out(order):
    def both(x):
        return np.array([1e4 + 0.3 * x[0], 1 / x[0]][::order])

    slopes, info = jacobian(both, [1.0], method="adaptive", full_output=True)
    slopes, error = slopes[::order, 0], info.error[::order, 0]
    assert np.all(np.abs(slopes - [0.3, -1.0]) <= error)
    assert abs(slopes[1] + 1) <= 1e-12


@pytest.mark.parametrize("order", [1, -1])
def test_the_component_that_is_furthest_from_its_tolerance_decides(order):
    def both(x):
        return np.array([1 / (x[0] - 1.01), 1e3 + x[0] ** 3][::order])

    slopes = jacobian(both, [0.9], method="adaptive")[::order, 0]
    assert abs(slopes[0] + 1 / (0.9 - 1.01) ** 2) <= 1e-9
    assert abs(slopes[1] - 3 * 0.9**2) <= 1e-9


@pytest.mark.parametrize("order", [1, -1])
def test_a_component_of_which_no_more_can_be_known_does_not_end_the_others(order):
    def both(x):
        return np.array([x[0] ** 2, x[0] ** 3][::order])

    slopes = jacobian(both, [4e-19], method="adaptive", bounds=(4e-19, 1.0))[::order, 0]
    assert abs(slopes[0] - 8e-19) <= 1e-17
    assert abs(slopes[1]) <= 1e-17


@pytest.mark.parametrize("order", [1, -1])
def test_the_component_that_rounding_hides_most_says_how_far_out(order):
    def lines(x):
        return np.array([1e4 + 0.3 * x[0], x[0]][::order])

    def parabolas(x):
        return np.array([1e6 + x[0] * x[0], 1e6 + x[0] + 1e-3 * x[0] * x[0]][::order])

    for f, longest in ((lines, 2**20), (parabolas, 2**9)):
        info = jacobian(f, [1.3], method="adaptive", full_output=True)[1]
        assert info.evaluations <= 7
        assert info.step[0] <= longest


def test_a_look_far_out_stays_within_bounds():
    seen = []

    def line(x):
        seen.append(float(x[0]))
        return 1e6 + x[0]

    slope = gradient(line, [1.0], method="adaptive", bounds=(0.0, 3.0))
    assert abs(slope[0] - 1) <= 1e-9
    assert 0 <= min(seen) < 0.5
    assert max(seen) <= 3
