"""Adaptive derivatives of higher order are accurate and know their error."""

import math

import numpy as np
import pytest
from objectives import assert_covered

from gradfast import Adaptive, derivative


def bell(n, x):
    """Return the n-th derivative of exp(-x**2), by Hermite's polynomials."""
    return (-1) ** n * float(np.polynomial.hermite.hermval(x, [0] * n + [1])) * math.exp(-x * x)


# The largest relative errors of the third to sixth derivatives.
HIGHER = {3: 2e-10, 4: 1e-8, 5: 2e-7, 6: 2e-6}


@pytest.mark.parametrize("n", HIGHER)
@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda x: 0.5 * np.exp(2 * x - 1), 0.5, lambda n: 2.0 ** (n - 1)),
        (lambda x: np.exp(-x), 2.0, lambda n: (-1) ** n * math.exp(-2)),
        (np.log, 3.0, lambda n: (-1) ** (n - 1) * math.factorial(n - 1) / 3.0**n),
        (lambda x: np.exp(-x * x), 0.4, lambda n: bell(n, 0.4)),
        (lambda x: np.sin(x / 1e3), 700.0, lambda n: math.sin(0.7 + n * math.pi / 2) / 1e3**n),
    ],
    ids=["growth", "decay", "log", "bell", "long wave"],
)
def test_third_to_sixth_derivatives_are_accurate(n, f, x, exact):
    result = derivative(f, x, n=n, method="adaptive", full_output=True)
    assert_covered(result, exact(n), HIGHER[n])


@pytest.mark.parametrize(("n", "tolerance"), [(3, 1e-11), (5, 1.2e-8)])
@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [
        (lambda x: 0.5 * np.exp(2 * x - 1), 0.5, lambda n: 2.0 ** (n - 1)),
        (np.sin, 1.0, lambda n: (-1) ** ((n - 1) // 2) * math.cos(1)),
        (lambda x: np.exp(-x), 2.0, lambda n: -math.exp(-2)),
    ],
    ids=["growth", "wave", "decay"],
)
def test_third_and_fifth_derivatives_are_as_accurate_as_rounding_allows(n, tolerance, f, x, exact):
    assert_covered(derivative(f, x, n=n, method="adaptive", full_output=True), exact(n), tolerance)


@pytest.mark.parametrize("n", [3, 4, 5, 6])
@pytest.mark.parametrize("side", [-1, 1])
def test_third_to_sixth_derivatives_on_one_side_know_their_error(n, side):
    bounds = (1.0, math.inf) if side > 0 else (-math.inf, 1.0)
    result = derivative(np.exp, 1.0, n=n, method="adaptive", bounds=bounds, full_output=True)
    assert_covered(result, math.e, 1e-2)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_higher_derivatives_of_fast_waves_are_covered(n):
    rng, covered, false = np.random.default_rng(n), 0, 0
    for _ in range(100):
        w, x = 10 ** rng.uniform([1, -1], [4, 1])
        exact = w**n * math.sin(w * x + n * math.pi / 2)
        value, info = derivative(lambda x, w=w: np.sin(w * x), x, n=n, method="adaptive", full_output=True)
        error = abs(value - exact)
        covered += error <= info.error + 1e-15 * w * x * w**n
        false += error > 100 * info.error + 1e-6 * w**n
        assert not (info.converged and error > 1e-6 * w**n)
    assert covered >= 95
    assert false <= 2  # waves that alias at all first looks may pass for noise


@pytest.mark.parametrize("n", [2, 3])
def test_second_and_third_derivatives_of_fast_waves_converge(n):
    rng, converged = np.random.default_rng(3), 0
    for _ in range(60):
        w, x = 10 ** rng.uniform(1, 5), rng.uniform(0.5, 3)
        info = derivative(lambda x, w=w: np.sin(w * x) + x, x, n=n, method="adaptive", full_output=True)[1]
        converged += info.converged
    assert converged >= 58


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_third_derivatives_of_fast_waves_beside_a_slow_function_are_accurate(seed):
    rng = np.random.default_rng(seed)
    for _ in range(80):
        w, x, phase = 10 ** rng.uniform(4, 6), rng.uniform(0.5, 3), rng.uniform(0, 6)
        value = derivative(lambda x, w=w, phase=phase: np.sin(w * x + phase) + np.tanh(x), x, n=3, method="adaptive")
        assert abs(value + w**3 * math.cos(w * x + phase)) <= 1e-6 * w**3


def test_a_second_derivative_is_known_no_better_because_the_slope_is_steep():
    rng = np.random.default_rng(3)
    for _ in range(60):
        w, x = 10 ** rng.uniform(4, 5), rng.uniform(0.5, 3)
        info = derivative(lambda x, w=w: 1e8 * x + np.sin(w * x), x, n=2, method="adaptive", full_output=True)[1]
        assert info.error <= 5e-6 * w**2 or not info.converged


@pytest.mark.parametrize("w", [20, 30, 40])
@pytest.mark.parametrize("size", [1e-7, 1e-6, 1e-5])
def test_bars_of_as_many_looks_as_terms_cover_a_small_wave(w, size):
    method = Adaptive(max_evaluations=8)
    result = derivative(lambda x: x + x**3 + x**5 + size * np.sin(w * x), 0.0, n=5, method=method, full_output=True)
    assert result[1].evaluations == 9
    assert_covered(result, 120 + size * w**5, math.inf)


@pytest.mark.skipif(np.finfo(np.longdouble).eps >= np.finfo(float).eps, reason="longdouble is no finer than double")
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("n", "widest"), [(2, 1e-9), (3, 1e-7)])
@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (np.exp, {2: math.e, 3: math.e}),
        (lambda x: x**3, {2: 6.0, 3: 6.0}),
        (lambda x: 1 / x, {2: 2.0, 3: -6.0}),
    ],
    ids=["exp", "cube", "inverse"],
)
def test_one_sided_derivatives_in_longdouble_are_known_no_worse_than_in_double(f, exact, n, side, widest):
    x = np.longdouble(1)
    bounds = (x, None) if side > 0 else (0.1, x)
    value, info = derivative(f, x, n=n, method="adaptive", bounds=bounds, full_output=True)
    assert abs(value - exact[n]) <= info.error + 4e-16 * abs(exact[n])
    assert info.error <= widest * abs(exact[n])
    assert info.converged
