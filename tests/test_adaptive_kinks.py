"""The adaptive method at and beside kinks, jumps and cusps."""

import math

import numpy as np
import pytest
from objectives import assert_covered
from ways import at_a_number, same_as_python

from gradfast import derivative


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: x**2 + 0.01 * np.maximum(0, x - 1.002), 1.0, 2.0),
        (lambda x: np.exp(x) + 0.3 * np.abs(x - 0.4999), 0.5, math.exp(0.5) + 0.3),
        (lambda x: np.sin(x) + 1e-3 * np.maximum(0, 2.05 - x), 2.0, math.cos(2.0) - 1e-3),
        (lambda x: np.maximum(x, 0), 1e-6, 1.0),
        (lambda x: np.abs(x), -3e-5, -1.0),
        (lambda x: np.where(x > 0, x, 0.01 * x), -1e-4, 0.01),
        (lambda x: np.where(x > 0, np.expm1(x), 0.1 * x), 1e-3, math.exp(1e-3)),
    ],
    ids=["small", "near", "above", "ReLU", "abs", "leaky ReLU", "unlike sides"],
)
def test_beside_a_kink_the_slope_is_covered(f, x, slope):
    assert_covered(derivative(f, x, method="adaptive", full_output=True), slope)


@pytest.mark.parametrize("center", [0.0, 1.0, -30.0])
@pytest.mark.parametrize("kind", ["abs", "ReLU", "leaky ReLU", "hinge"])
def test_bars_cover_a_kink_at_any_small_distance(kind, center):
    f = {
        "abs": np.abs,
        "ReLU": lambda t: np.maximum(t, 0),
        "leaky ReLU": lambda t: np.where(t > 0, t, 0.1 * t),
        "hinge": lambda t: np.maximum(0, 1e-3 - t) + t * t,
    }[kind]
    slopes = {
        "abs": np.sign,
        "ReLU": lambda t: float(t > 0),
        "leaky ReLU": lambda t: 1.0 if t > 0 else 0.1,
        "hinge": lambda t: -float(t < 1e-3) + 2 * t,
    }[kind]
    covered = lies = 0
    random = np.random.default_rng(5)
    for _ in range(60):
        distance = random.choice([-1, 1]) * 10 ** random.uniform(-7, -2)
        x = center + distance
        value, info = derivative(lambda x: f(x - center), x, method="adaptive", full_output=True)
        error = abs(value - slopes(x - center))
        covered += error <= info.error + 1e-15
        lies += bool(info.converged and error > 1e-6)
    assert covered >= 57
    assert lies == 0


@at_a_number
def test_a_line_beside_a_kink_has_a_narrow_bar(way):
    value, info = same_as_python(way, "derivative", lambda x: np.maximum(x - 1e-4, 0), 2e-4)
    assert abs(value - 1) <= info.error < 1e-9


@pytest.mark.parametrize(
    ("f", "x", "sides"),
    [
        (lambda x: x * np.abs(x), 0.0, [-2, 2]),
        (lambda x: np.maximum(x - 1, 0) ** 2, 1.0, [0, 2]),
        (lambda x: np.exp(x) + (x - 3) * np.abs(x - 3), 3.0, [math.exp(3) - 2, math.exp(3) + 2]),
    ],
    ids=["odd", "one side", "beside a curve"],
)
def test_a_jump_of_the_second_derivative_is_not_converged(f, x, sides):
    value, info = derivative(f, x, n=2, method="adaptive", full_output=True)
    assert not info.converged
    assert np.abs(value - np.array(sides)).max() <= 1.01 * info.error


@pytest.mark.parametrize("bend", [2e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("x", [0.3, 1.0, 2.5])
def test_the_bar_at_a_small_kink_spans_both_slopes(bend, x):
    value, info = derivative(lambda t: np.exp(t / 2) + bend * np.abs(t - x), x, method="adaptive", full_output=True)
    slope = math.exp(x / 2) / 2
    assert max(abs(value - slope - bend), abs(value - slope + bend)) <= info.error * (1 + 1e-6)
    assert info.error <= 3 * bend
    assert not info.converged


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0, 250.0])
def test_bars_at_kinks_on_polynomials_span_both_slopes(degree, x):
    random, size = np.random.default_rng(degree), x or 1.0
    for bend in 10 ** random.uniform(-4, 1, 20):
        smooth = np.polynomial.Polynomial(random.normal(size=degree + 1))
        value, info = derivative(
            lambda t, smooth=smooth, bend=bend: smooth(t / size) + bend * np.abs(t - x) / size,
            x,
            method="adaptive",
            full_output=True,
        )
        off = abs(value - smooth.deriv()(x / size) / size) + bend / size
        assert off <= info.error * (1 + 1e-6)
        assert not info.converged


@pytest.mark.parametrize("bend", [1e-4, 1e-3, 0.1])
@pytest.mark.parametrize("distance", [1e-10, 1e-9, 1e-8, 1e-7, 1e-6])
def test_bars_cover_kinks_close_beside_x(bend, distance):
    for x in np.linspace(0.3, 2.5, 12):
        kinked = derivative(
            lambda t, x=x: 2 * np.sin(t) + bend * np.maximum(0, t - x - distance),
            x,
            method="adaptive",
            full_output=True,
        )
        assert abs(kinked[0] - 2 * math.cos(x)) <= kinked[1].error


@pytest.mark.parametrize("distance", [3e-2, 1e-3, 1e-5])
def test_where_f_rests_close_to_x_the_bar_reaches_to_0(distance):
    for f in (lambda t: np.maximum(t - distance, 0), lambda t: t - np.clip(t, -distance, distance)):
        value, info = derivative(f, 0.0, method="adaptive", full_output=True)
        assert abs(value) <= info.error


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda t: (1 - np.cos(t)) / t**2, lambda t: -t / 12),
        (lambda t: (1 - np.cos(t)) / t, lambda t: 0.5),
        (lambda t: (t - np.sin(t)) / t**3, lambda t: -t / 60),
        (lambda t: (np.sqrt(1 + t) - 1) / t, lambda t: -1 / 8),
    ],
    ids=["cos", "cos by t", "sin", "sqrt"],
)
def test_f_that_rests_at_x_and_jumps_beside_it_is_on_a_tread(f, slope):
    for x in (-8e-9, -2.2e-9, 1.3e-9, 3.3e-9, 7e-9):
        value, info = derivative(f, x, method="adaptive", full_output=True)
        assert abs(value - slope(x)) <= info.error
        assert not info.converged or abs(value - slope(x)) <= 1e-6 * abs(slope(x))


@pytest.mark.parametrize("power", [0.2, 1 / 3, 0.5, 0.7])
@pytest.mark.parametrize("x", [0.0, 1.0, -3.0])
def test_no_small_bar_is_claimed_at_a_cusp(power, x):
    for f in (lambda t: np.abs(t - x) ** power, lambda t: np.exp(-(np.abs(t - x) ** power))):
        _, info = derivative(f, x, method="adaptive", full_output=True)
        assert info.error > 0.2
        assert not info.converged
