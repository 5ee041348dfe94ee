"""Where f is rough: noise, rounded values, waves, terms that cancel. Bars cover, and no guess is called converged."""

import math

import numpy as np
import pytest
from objectives import assert_covered
from ways import at_a_number, same_as_python

from gradfast import Adaptive, derivative, gradient, jacobian


@pytest.mark.parametrize("noise", [1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("n", [1, 2])
def test_bars_cover_noise(noise, n):
    random = np.random.default_rng(3)
    smooth = [(np.exp, lambda x: math.exp(x)), (np.sin, lambda x: [math.cos(x), -math.sin(x)][n - 1])]
    errors, bars, lies = [], [], 0
    for f, exact in smooth:
        for x in np.linspace(0.5, 2.0, 60):
            value, info = derivative(
                lambda t, f=f: f(t) + noise * random.normal(), x, n=n, method="adaptive", full_output=True
            )
            errors.append(abs(value - exact(x)))
            bars.append(info.error)
            lies += bool(info.converged and errors[-1] > 1e-5 * abs(exact(x)))
            assert info.evaluations <= 41
    assert np.mean(np.array(errors) <= bars) >= 0.95
    assert np.all(np.array(errors) <= 100 * np.array(bars))
    assert lies == 0
    assert np.median(errors) <= [30, 3000][n - 1] * noise


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [(np.exp, 1.0, math.e), (np.sin, 2.0, math.cos(2)), (lambda x: 3 * x, 1.77, 3.0)],
    ids=["growth", "wave", "line"],
)
def test_no_seed_of_noise_leads_far_away(f, x, slope):
    worst = 0.0
    for seed in range(200, 400):
        random = np.random.default_rng(seed)
        value = derivative(lambda x, r=random: f(x) + 1e-3 * r.standard_normal(np.shape(x)), x, method="adaptive")
        worst = max(worst, abs(value - slope))
    assert worst <= 1.0


@pytest.mark.parametrize(("f", "slope"), [(np.exp, math.e), (np.log1p, 0.5), (np.square, 2.0)])
def test_more_evaluations_do_not_make_noise_much_worse(f, slope):
    def worst(most):
        errors = []
        for seed in range(100):
            random = np.random.default_rng(seed)
            method = Adaptive(max_evaluations=most)
            value = derivative(lambda x, r=random: f(x) + 1e-2 * r.standard_normal(np.shape(x)), 1.0, method=method)
            errors.append(abs(value - slope))
        return max(errors)

    assert worst(40) <= 1.5 * worst(9)


@pytest.mark.parametrize(("n", "side"), [(1, -math.inf), (1, 0.0), (2, -math.inf)], ids=["slope", "above", "second"])
def test_bars_cover_noise_on_either_side(n, side):
    points, rng = np.linspace(0.1, 3, 80), np.random.default_rng(11)
    wrong, evaluations, sizes = 0, 0, (1e-10, 1e-7, 1e-5, 1e-3)
    for size in sizes:
        for x in points:
            bounds = (x + side, math.inf)
            found, info = derivative(
                lambda t, size=size: np.exp(t) + rng.uniform(-size, size),
                x,
                n=n,
                method="adaptive",
                bounds=bounds,
                full_output=True,
            )
            wrong += abs(found - math.exp(x)) > info.error
            evaluations += info.evaluations
    assert wrong <= 0.05 * points.size * len(sizes)
    assert evaluations <= 25 * points.size * len(sizes)


def noise_of_bits(x, size):
    """Return a number between -size / 2 and size / 2 that depends on the bits of x."""
    word = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
    return ((word >> 40) / 2.0**24 - 0.5) * size


@pytest.mark.parametrize(
    ("f", "x", "slope", "reach", "tolerance"),
    [
        (lambda x: x * x + noise_of_bits(x, 1e-6), 1.3, 2.6, None, 1e-5),
        (lambda x: 12 * x + noise_of_bits(x, 1.8e-6), -2.14, 12.0, None, 1e-6),
        (lambda x: 12 * x + noise_of_bits(x, 1.8e-6), -2.14, 12.0, 1e6, 1e-10),
        (lambda x: x + noise_of_bits(x, 7e-5), 2.65, 1.0, None, 1e-4),
        (lambda x: x + noise_of_bits(x, 7e-5), 2.65, 1.0, 1e6, 1e-8),
    ],
    ids=["square", "line", "line from afar", "more noise", "more noise from afar"],
)
def test_noise_of_the_bits_of_x_is_covered(f, x, slope, reach, tolerance):
    result = derivative(lambda x: f(float(x)), x, method=Adaptive(reach=reach), full_output=True)
    value, info = result
    assert abs(value - slope) <= info.error
    assert abs(value - slope) <= tolerance * slope
    assert info.evaluations <= 41


def jagged(x, size):
    """Return noise of so many units, at any x always the same."""
    return size * np.modf(np.sin(np.asarray(x, float) * 12.9898e5) * 43758.5453)[0]


@at_a_number
@pytest.mark.parametrize(
    ("f", "slope", "x", "noise", "n", "tolerance"),
    [
        (np.exp, np.exp, 7.3, 1e-9, 1, 1e-8),
        (lambda x: x, lambda x: 1.0, 1.9, 1e-3, 1, 1e-2),
        (np.square, lambda x: 2 * x, 0.1, 1e-13, 1, 1e-10),
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


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: np.round(np.sin(x), 3), 1.0, math.cos(1)),
        (lambda x: np.round(np.sin(x), 5), 1.0, math.cos(1)),
        (lambda x: np.round(np.exp(x), 2), 0.7, math.exp(0.7)),
        (lambda x: np.floor(1e4 * x * x) / 1e4, 3.0, 6.0),
        (lambda x: np.round(np.sin(x) / 0.003) * 0.003, 0.2, math.cos(0.2)),
        (lambda x: float(f"{math.exp(-x):.6e}"), 1.3, -math.exp(-1.3)),
        (lambda x: float(np.float16(x * x)), 0.9, 1.8),
    ],
    ids=["3 decimals", "5 decimals", "2 decimals", "floor", "multiples", "printed", "half precision"],
)
def test_rounded_values_are_covered(f, x, slope):
    value, info = derivative(lambda x: float(f(float(x))), x, method="adaptive", full_output=True)
    assert_covered((value, info), slope, 0.1)
    assert info.error <= 0.5 * abs(slope)


@pytest.mark.parametrize("digits", [2, 4, 6, 8])
def test_bars_cover_rounding_to_decimals(digits):
    covered = 0
    for x in np.linspace(0.31, 2.7, 60):
        value, info = derivative(lambda x: np.round(np.exp(np.sin(x)), digits), x, method="adaptive", full_output=True)
        covered += abs(value - math.cos(x) * math.exp(math.sin(x))) <= info.error
    assert covered >= 57


@pytest.mark.parametrize(("n", "decimals"), [(1, 3), (1, 4), (1, 5), (1, 6), (1, 8), (2, 5), (2, 7)])
def test_bars_cover_fast_waves_that_are_rounded(n, decimals):
    random, found = np.random.default_rng(0), []
    for _ in range(60):
        k, x, phase = 10 ** random.uniform(0.5, 2.5), random.uniform(0.5, 3), random.uniform(0, 6)

        def f(t, k=k, phase=phase):
            return round(math.sin(k * t + phase), decimals)

        slope, info = derivative(f, x, n=n, method="adaptive", full_output=True)
        found.append((slope - k**n * math.sin(k * x + phase + n * math.pi / 2)) / info.error)
    assert np.mean(np.abs(found) <= 1) >= 0.95
    assert np.max(np.abs(found)) <= 10


def test_few_bars_are_false_where_half_precision_inside_f_makes_uneven_stairs():
    half, single, widths = np.float16, np.float32, []
    for seed in range(300):
        random = np.random.default_rng(seed)
        a, b, c, x = *random.normal(size=(3, 8)), random.uniform(-1, 1)

        def f(t, a=a, b=b, c=c):
            h = np.tanh(half(t) * b.astype(half) + c.astype(half))
            return float((h @ a.astype(half)).astype(single) - single(1)) ** 2

        slope, info = derivative(f, x, method="adaptive", full_output=True)
        h = np.tanh(b * x + c)
        widths.append((slope - 2 * (h @ a - 1) * np.sum(a * (1 - h * h) * b)) / info.error)
    assert np.sum(np.abs(widths) > 4) <= 12


@pytest.mark.parametrize("f", [np.sin, np.exp, np.arctan], ids=lambda f: f.__name__)
def test_bars_cover_values_that_are_rounded_to_single_precision_inside(f):
    slopes = {np.sin: np.cos, np.exp: np.exp, np.arctan: lambda x: 1 / (1 + x * x)}
    covered = 0
    for x in np.linspace(0.31, 2.7, 60):
        value, info = derivative(lambda x: float(f(np.float32(x))), x, method="adaptive", full_output=True)
        covered += abs(value - slopes[f](x)) <= info.error
        assert abs(value / slopes[f](x) - 1) <= 5e-2
    assert covered >= 57


@pytest.mark.parametrize("period", [1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("steepness", [1e-4, 1e-2, 1.0])
def test_a_ripple_is_covered(period, steepness):
    covered = lies = 0
    for x in np.linspace(0.5, 2, 30):
        exact = 2 * x + steepness * math.cos(x / period)
        value, info = derivative(
            lambda x: x**2 + steepness * period * np.sin(x / period), x, method="adaptive", full_output=True
        )
        covered += abs(value - exact) <= info.error
        lies += bool(info.converged and abs(value - exact) > 1e-5 * exact)
    assert covered >= 27
    assert lies <= 2  # what is shorter than the closest look no sampling can know


def fifth_power(x):
    """Return (x - 2)**5, expanded."""
    return ((((x - 10) * x + 40) * x - 80) * x + 80) * x - 32


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (fifth_power, 2.004, 5 * 0.004**4),
        (fifth_power, 1.98, 5 * 0.02**4),
        (lambda x: (x - 3) * x * x + 3 * x - 1, 1.003, 3 * 0.003**2),
        (lambda x: (1 + x) ** 2 - 1 - 2 * x, 1e-4, 2e-4),
    ],
    ids=["fifth power", "beside it", "third power", "square"],
)
def test_terms_that_cancel_are_covered(f, x, slope):
    assert_covered(derivative(f, x, method="adaptive", full_output=True), slope)


def test_values_that_cancel_are_not_taken_for_single_precision():
    def f(x):  # (x - 1)**7; its values near 1 have few bits
        return (((((((x - 7) * x + 21) * x - 35) * x + 35) * x - 21) * x + 7) * x) - 1

    for x in np.linspace(0.98, 1.03, 60) + 1e-5:
        value, info = derivative(f, float(x), method="adaptive", full_output=True)
        slope = 7 * (x - 1) ** 6
        assert not (info.converged and abs(value - slope) > 1e-6 * slope)


def test_cancelling_terms_cost_no_more_than_longer_steps_can_win_back():
    f = np.polynomial.Polynomial([1, 6, 15, 20, 15, 6, 1])  # (x + 1)**6
    value = gradient(lambda x: f(x[0]), [-0.9], method="adaptive")
    assert abs(value[0] / 6e-5 - 1) < 1e-9


@pytest.mark.parametrize("seed", [28, 116, 147, 264])
def test_waves_are_no_treads(seed):
    random = np.random.default_rng(seed)
    matrix, x = random.normal(size=(3, 3)), random.normal(size=3) * 10 ** random.uniform(-3, 3, 3)
    scale, size = 10 ** random.uniform(-6, 6, 3), np.abs(x)

    def f(x):
        return scale * np.sin(matrix @ (x / size))

    found, info = jacobian(f, x.copy(), method="adaptive", full_output=True)
    exact = (scale * np.cos(matrix @ np.sign(x)))[:, np.newaxis] * matrix / size
    assert (np.abs(found - exact) <= 10 * info.error + 1e-14 * np.abs(exact)).all()


def slope_of_a_root(x):
    """Return the derivative of (sqrt(1 + x) - 1) / x**2."""
    root = math.sqrt(1 + x)
    return -(root + 1 + x / (2 * root)) / (x * (root + 1)) ** 2


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda x: (1 - np.cos(x)) / x**2, lambda x: -x / 12 + x**3 / 180 - x**5 / 6720 + x**7 / 453600),
        (lambda x: (np.exp(x) - 1 - x) / x**2, lambda x: 1 / 6 + x / 12 + x**2 / 40 + x**3 / 180 + x**4 / 1008),
        (lambda x: (x - np.sin(x)) / x**3, lambda x: -x / 60 + x**3 / 1260 - x**5 / 60480),
        (lambda x: (1 - np.cos(x)) / x, lambda x: 1 / 2 - x**2 / 8 + x**4 / 144 - x**6 / 5760),
        (lambda x: (np.sqrt(1 + x) - 1) / x**2, slope_of_a_root),
    ],
    ids=["1 - cos", "exp - 1", "x - sin", "slope of the other sign", "half the slope"],
)
def test_naive_formulas_near_0_are_covered_and_never_called_converged_where_wrong(f, slope):
    covered = lies = 0
    for x in (*np.logspace(-7, -6, 12), *np.logspace(-7, -1, 28)):
        value, info = derivative(f, float(x), method="adaptive", full_output=True)
        error = abs(float(value) - slope(x))
        covered += error <= info.error
        lies += bool(info.converged and error > 1e-5 * abs(slope(x)))
    assert covered >= 36
    assert lies == 0


def naive(x):
    return (1 - np.cos(x)) / x**2


RANDOM = np.random.default_rng(0)
MIXED = {
    "fast and tiny": (1.0, lambda x: 1e-6 * np.sin(3e4 * x), 3e-2 * math.cos(3e4)),
    "fast and huge": (1.0, lambda x: 1e6 * np.sin(3e4 * x), 3e10 * math.cos(3e4)),
    "noisy and tiny": (1.0, lambda x: 1e-6 * (np.exp(x) + 1e-6 * RANDOM.normal()), 1e-6 * math.e),
    "noisy and huge": (1.0, lambda x: 1e6 * (np.exp(x) + 1e-6 * RANDOM.normal()), 1e6 * math.e),
    "rounded": (1.0, lambda x: np.round(np.sin(x), 4), math.cos(1)),
    "cancelling": (1e-5, naive, -1e-5 / 12),
}


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("kind", MIXED)
def test_a_rough_value_does_not_spoil_a_smooth_one_beside_it(kind, size):
    """What is known of the noise and the scale of one of f's values says nothing of another, of any size."""
    x, rough, slope = MIXED[kind]
    exact = np.array([slope, size * math.exp(x)])
    result, info = jacobian(
        lambda x: np.array([rough(x[0]), size * np.exp(x[0])]), [x], method="adaptive", full_output=True
    )
    off = np.abs(result[:, 0] - exact)
    assert (off <= 2 * info.error[:, 0]).all()
    assert not (info.converged[:, 0] & (off > 1e-6 * np.abs(exact))).any()
    assert off[1] <= 1e-9 * exact[1]
    assert info.error[1, 0] <= 1e-8 * exact[1]


@pytest.mark.parametrize("height", [0.37, 1e-2 / 7, 3.3e-5, 1e-6 * math.pi])
def test_stairs_of_any_height_are_told_from_a_rest(height):
    value, info = derivative(
        lambda t: np.round(np.exp(3 * t) / height) * height, 1.0, method="adaptive", full_output=True
    )
    assert_covered((value, info), 3 * math.exp(3), 0.1)
    assert info.error <= 0.2 * 3 * math.exp(3)


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda t: np.cos(3 * t), 1.0, -3 * math.sin(3)),
        (lambda t: np.sin(2 * t), 0.7, 2 * math.cos(1.4)),
        (lambda t: np.tanh(2 * t), 0.3, 2 / math.cosh(0.6) ** 2),
    ],
)
def test_a_far_look_at_a_curve_does_not_lead_into_noise(f, x, slope):
    """Far out, the curve looks like a jump of the slope at x, which makes all bars equal: the longest radius counts."""
    errors = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        value = derivative(lambda t, r=random: f(t) + 1e-2 * r.standard_normal(np.shape(t)), x, method="adaptive")
        errors.append(abs(value - slope))
    assert max(errors) <= 0.9


@pytest.mark.parametrize("x", [1.0, -1.0, 2.0])
@pytest.mark.parametrize("distance", [0.01, 0.03, 1e-4])
def test_a_second_derivative_is_not_0_because_rounding_hides_it_close_to_x(x, distance):
    """At a root, f is known worse than its size tells."""

    def cubic(t):
        return np.where((t > x + distance) & (t < x + 0.3), math.nan, t**3 - x**2 * t)

    assert_covered(derivative(cubic, x, n=2, method="adaptive", full_output=True), 6 * x, 1e-3)
