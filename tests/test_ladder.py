"""The adaptive method's promises, where they are hard to keep: accuracy, error bars, numbers of evaluations.

``bench/test_accuracy.py`` compares it with other packages, over many more functions.
"""

import math

import numpy as np
import pytest

from gradfast import Adaptive, Central, derivative, gradient, hessian, jacobian


def noise(x, size):
    """Return a number between -size / 2 and size / 2 that depends on the bits of x."""
    word = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    return ((word >> 40) / 2.0**24 - 0.5) * size


def wave(x):
    """Return a polynomial close to sin(x)."""
    return x * (1 - x * x / 6 * (1 - x * x / 20 * (1 - x * x / 42)))


# f, x, options, the exact derivative, the largest relative error, the most evaluations (one of them at x).
HARD = {
    "peak": (lambda x: 1 / (1 + 25 * x * x), 0.3, {}, -15 / 3.25**2, 1e-13, 15),
    "pole": (lambda x: 1 / (x - 1.01), 0.9, {}, -1 / (0.9 - 1.01) ** 2, 3e-13, 15),
    "narrow peak": (lambda x: 1 / (1e-6 + (x - 1) ** 2), 1.002, {}, -1.6e8, 1e-12, 17),
    "quintic": (lambda x: x**5 - 3 * x, 1.1, {}, 5 * 1.1**4 - 3, 1e-13, 11),
    "rational": (lambda x: 1 / (1 + x), 1.0, {"method": Adaptive(rtol=1e-6)}, -0.25, 1e-8, 7),
    "second of a peak": (lambda x: 1 / (1 + x * x), 0.7, {"n": 2}, (6 * 0.49 - 2) / 1.49**3, 1e-10, 15),
    "third of a peak": (
        lambda x: 1 / (2 + x * x),
        0.7,
        {"n": 3},
        24 * 0.7 * (2 - 0.7**2) / 2.49**4,
        1e-9,
        23,
    ),
    "slow": (lambda x: 1 / (1e6 + x), 1.0, {}, -1 / 1000001.0**2, 1e-12, 23),
    "slow near 0": (lambda x: 0.0012 + x / (27000 + x), 0.512, {}, 27000 / 27000.512**2, 1e-13, 15),
    "terms that cancel": (
        lambda x: ((((x + 5) * x + 10) * x + 10) * x + 5) * x + 1,
        -0.9,
        {},
        5 * 0.1**4,
        1e-9,
        19,
    ),
    "cubic, high up": (lambda x: 1e3 + x**3, 0.3, {}, 0.27, 2e-10, 13),
    "wave, high up": (lambda x: 1e6 + x / (1 + x * x), 0.0, {}, 1.0, 1e-8, 13),
    "growth, high up": (lambda x: 1e6 + (1 + x / 1000) ** 40, 0.3, {}, 0.04 * 1.0003**39, 1e-9, 21),
    "slow growth, high up": (
        lambda x: 150 + (1 + 4.6e-6 * x) ** 12,
        -0.0327,
        {},
        5.52e-5 * (1 - 4.6e-6 * 0.0327) ** 11,
        2e-10,
        29,
    ),
    "even part, high up": (lambda x: 1e4 + 0.3 * x + 0.1 * (x - 1) ** 4, 1.0, {}, 0.3, 1e-9, 19),
    "bend hidden by rounding": (lambda x: 17000 + x / (5e-6 + x), 1.03, {}, 5e-6 / 1.030005**2, 1e-4, 19),
    "slope hidden by rounding": (lambda x: 1e6 + 1e-8 * x, 1.0, {}, 1e-8, 1, 7),
    "second, high up": (
        lambda x: 4.5e6 + x / (1 + 1.3 * x * x),
        -1.82,
        {"n": 2},
        2.6 * -1.82 * (1.3 * 1.82**2 - 3) / (1 + 1.3 * 1.82**2) ** 3,
        1e-3,
        15,
    ),
    "little curvature": (lambda x: 2.3 + x / (75 + x), 0.89, {"n": 2}, -150 / 75.89**3, 3e-8, 17),
    "noise": (lambda x: x * x + noise(x, 1e-6), 1.3, {}, 2.6, 1e-10, 41),
    "noise on a line": (lambda x: 12 * x + noise(x, 1.8e-6), -2.14, {}, 12.0, 1e-12, 37),
    "more noise on a line": (lambda x: x + noise(x, 7e-5), 2.65, {}, 1.0, 1e-4, 33),
    "domain above x": (lambda x: x**3 if x > 0.9 else np.nan, 1.0, {}, 3.0, 1e-13, 9),
    "pole below x": (
        lambda x: 1 / (x - 0.999) if x > 0.999 else np.inf,
        1.0,
        {},
        -1 / (1.0 - 0.999) ** 2,
        1e-12,
        17,
    ),
    "kink beside x": (lambda x: abs(x - 1e-3), 0.0, {}, -1.0, 1e-13, 11),
    "one-sided": (lambda x: 1 / (1 + x), 0.5, {"bounds": (0.5, math.inf)}, -1 / 1.5**2, 1e-11, 9),
    "one-sided, high up": (
        lambda x: 5.5e5 + x / (1.9e5 + x),
        2.86,
        {"bounds": (2.86, math.inf)},
        1.9e5 / 190002.86**2,
        1e-2,
        9,
    ),
    "one-sided top of a wave": (
        wave,
        1.57,
        {"bounds": (1.57, math.inf)},
        1 - 1.57**2 / 2 + 1.57**4 / 24 - 1.57**6 / 720,
        1e-8,
        12,
    ),
}


@pytest.mark.parametrize(("f", "x", "options", "exact", "tolerance", "evaluations"), HARD.values(), ids=HARD)
def test_hard_functions_are_accurate_and_cheap(f, x, options, exact, tolerance, evaluations):
    def elementwise(x):
        return np.reshape([f(float(number)) for number in np.ravel(x)], np.shape(x))

    found, info = derivative(elementwise, x, full_output=True, **{"method": "adaptive", **options})
    assert abs(found - exact) <= tolerance * abs(exact)
    assert abs(found - exact) <= 2 * info.error
    assert info.evaluations <= evaluations


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize(("n", "side"), [(1, -math.inf), (1, 0.0), (2, -math.inf)], ids=["slope", "above", "second"])
def test_lines_and_parabolas_take_at_most_6_evaluations(n, side, seed):
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
def test_one_sided_odd_powers_are_not_taken_for_lines(power, x):
    """The points of x**3 at x, 0 and -x lie on a line. The first steps of a small x are that long."""
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
    ids=["terms that cancel", "no growth", "high up"],
)
def test_hard_parabolas_take_at_most_6_evaluations(a, b, c, x, n, error):
    bounds = (x, math.inf) if n == 1 else None
    found, info = derivative(
        lambda x: a * x * x + b * x + c, x, n=n, method="adaptive", bounds=bounds, full_output=True
    )
    exact = 2 * a * x + b if n == 1 else 2 * a
    assert info.evaluations <= 7
    assert abs(found - exact) <= info.error <= error * abs(exact)


def test_float32_lines_take_at_most_6_evaluations():
    rng = np.random.default_rng(4)
    for slope, height, x in 10 ** rng.uniform([-3, 3, -2], [3, 6, 2], (300, 3)).astype(np.float32):
        _, info = derivative(lambda x, a=slope, c=height: a * x + c, x, method="adaptive", full_output=True)
        assert info.evaluations <= 7


@pytest.mark.parametrize("f", [np.sin, lambda x: x * np.log(x)], ids=["wave", "singular near by"])
@pytest.mark.parametrize("x", [8792.71, 50229.7, 0.0020049, 0.00155772])
def test_one_sided_steps_shrink_to_fit_f(f, x):
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
def test_steps_outside_the_domain_are_ignored(f, slope, error):
    with np.errstate(invalid="ignore"):
        found, info = derivative(f, 1.0, method="adaptive", bounds=(1.0, 2.0), full_output=True)
    assert abs(found - slope) <= min(info.error, error * abs(slope))
    assert info.evaluations <= 13


@pytest.mark.parametrize("seed", range(5))
def test_hessians_of_quadratics_take_6_evaluations_per_pair(seed):
    rng = np.random.default_rng(seed)
    a, b, x = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4)
    found, info = hessian(lambda x: x @ a @ x + b @ x + 3, x, method="adaptive", full_output=True)
    assert info.evaluations <= 6 * 10 + 1
    assert np.all(np.abs(found - (a + a.T)) <= info.error)


@pytest.mark.parametrize("x", [1.55561, 2.80619, -2.5375])
def test_one_sided_slopes_of_waves_are_accurate(x):
    slope = math.sin(20 * x) + 20 * x * math.cos(20 * x)
    found, info = derivative(lambda x: np.sin(20 * x) * x, x, method="adaptive", bounds=(x, math.inf), full_output=True)
    assert abs(found - slope) <= min(1e-9 * abs(slope), info.error)
    assert info.evaluations <= 15


@pytest.mark.parametrize("size", [1e-10, 1e-7, 1e-4])
@pytest.mark.parametrize(("n", "side"), [(1, -math.inf), (1, 0.0), (2, -math.inf)], ids=["slope", "above", "second"])
def test_error_bars_cover_noise(n, side, size):
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
def test_error_bars_cover_slopes_hidden_by_rounding(f):
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
def test_long_steps_cost_no_accuracy(f, slope, error):
    def guarded(x):
        try:
            return f(float(x))
        except (OverflowError, ValueError):
            return math.nan

    found, info = derivative(guarded, 0.3, method="adaptive", full_output=True)
    assert abs(found - slope) <= info.error
    assert abs(found - slope) <= error * slope


@pytest.mark.parametrize("most", [4, 6, 8])
def test_long_steps_respect_max_evaluations(most, counted):
    f = counted(lambda x: 1e4 + math.sin(float(x[0])))
    _, info = gradient(f, [0.0], method=Adaptive(max_evaluations=most), full_output=True)
    assert f.calls == info.evaluations <= most + 1


@pytest.mark.parametrize("order", [1, -1])
def test_one_curved_component_prevents_long_steps(order):
    def both(x):
        return np.array([1e4 + 0.3 * x[0], 1 / x[0]][::order])

    slopes, info = jacobian(both, [1.0], method="adaptive", full_output=True)
    slopes, error = slopes[::order, 0], info.error[::order, 0]
    assert np.all(np.abs(slopes - [0.3, -1.0]) <= error)
    assert abs(slopes[1] + 1) <= 1e-12


@pytest.mark.parametrize("order", [1, -1])
def test_the_worst_component_chooses_the_step(order):
    def both(x):
        return np.array([1 / (x[0] - 1.01), 1e3 + x[0] ** 3][::order])

    slopes = jacobian(both, [0.9], method="adaptive")[::order, 0]
    assert abs(slopes[0] + 1 / (0.9 - 1.01) ** 2) <= 1e-9
    assert abs(slopes[1] - 3 * 0.9**2) <= 1e-9


@pytest.mark.parametrize("order", [1, -1])
def test_a_finished_component_does_not_stop_the_others(order):
    def both(x):
        return np.array([x[0] ** 2, x[0] ** 3][::order])

    slopes = jacobian(both, [4e-19], method="adaptive", bounds=(4e-19, 1.0))[::order, 0]
    assert abs(slopes[0] - 8e-19) <= 1e-17
    assert abs(slopes[1]) <= 1e-17


@pytest.mark.parametrize("order", [1, -1])
def test_long_steps_fit_every_component(order):
    def lines(x):
        return np.array([1e4 + 0.3 * x[0], x[0]][::order])

    def parabolas(x):
        return np.array([1e6 + x[0] * x[0], 1e6 + x[0] + 1e-3 * x[0] * x[0]][::order])

    for f, longest in ((lines, 2**20), (parabolas, 2**9)):
        info = jacobian(f, [1.3], method="adaptive", full_output=True)[1]
        assert info.evaluations <= 7
        assert info.step[0] <= longest


def test_long_steps_stay_within_bounds():
    seen = []

    def line(x):
        seen.append(float(x[0]))
        return 1e6 + x[0]

    slope = gradient(line, [1.0], method="adaptive", bounds=(0.0, 3.0))
    assert abs(slope[0] - 1) <= 1e-9
    assert 0 <= min(seen) < 0.5
    assert max(seen) <= 3
