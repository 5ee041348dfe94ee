"""An f of many values: what one of them needs does not harm another."""

import numpy as np
import pytest

from gradfast import Adaptive, jacobian

TIMES = np.linspace(0, 1, 80)
KINDS, RATES = np.arange(80) % 6, 1 + np.arange(80) / 8


def alone(f, x, row):
    """Return one row of the Jacobian, its bar and the evaluations where f has no other values."""
    value, info = jacobian(lambda p: f(p)[row : row + 1], [x], method="adaptive", full_output=True)
    return value[0, 0], info.error[0, 0], info.evaluations


class Mixed:
    """Constants, noise, lines, growth, waves and steep decays, one after another."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def __call__(self, p):
        rows = [np.cos(RATES), np.exp(p[0]) + 1e-5 * self.random.normal(size=80), (RATES * p[0] + 1e4) / 7]
        rows += [np.exp(p[0] / RATES), np.sin(RATES * p[0]), np.exp(-20 * RATES * p[0]) + 1]
        return np.choose(KINDS, rows)


def slopes_of_mixed(x):
    rows = [0 * RATES, np.exp(x) + 0 * RATES, RATES / 7, np.exp(x / RATES) / RATES]
    rows += [RATES * np.cos(RATES * x), -20 * RATES * np.exp(-20 * RATES * x)]
    return np.choose(KINDS, rows)


def test_lines_beside_rounding_are_as_accurate_as_by_central_differences():
    times, covers = np.linspace(0, 1, 400), []
    offset = 3e-3 * np.exp(-5 * times) * np.cos(107 * times + 0.6) + 1e-4
    random = np.random.default_rng(11)
    data = offset + 8e-5 * times + 2e-5 * random.normal(size=400)
    for x in 8 + 0.5 * random.random(100):
        slopes, info = jacobian(
            lambda p: (offset + p[0] * times * 1e-5 - data) / 2e-5, [x], method="adaptive", full_output=True
        )
        errors = np.abs(slopes[:, 0] - times / 2)
        assert errors.max() <= 1e-9
        covers.append(errors <= info.error[:, 0])
    assert np.mean(covers) >= 0.95


def test_fast_waves_are_resolved_beside_slow_ones():
    covers = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        decay, frequency, phase = random.uniform(0.5, 2), random.uniform(10, 20), random.uniform(-1, 1)
        size, data = np.exp(-decay * TIMES) / 1e-3, random.normal(size=80) / 1e-3
        slopes, info = jacobian(
            lambda p, size=size, phase=phase, data=data: size * np.cos(2 * np.pi * p[0] * TIMES + phase) - data,
            [frequency], method="adaptive", full_output=True,
        )  # fmt: skip
        exact = -2 * np.pi * TIMES * size * np.sin(2 * np.pi * frequency * TIMES + phase)
        errors = np.abs(slopes[:, 0] - exact)
        assert errors.max() <= 1e-6 * np.abs(exact).max()
        covers.append(errors <= info.error[:, 0])
    assert np.mean(covers) >= 0.95


def test_values_of_an_array_are_as_right_as_each_alone():
    covers, alike, taken = [], [], []
    for seed, x in enumerate((0.3, 0.5, 0.7, 0.9, 1.1, 1.5, 1.9, 2.4)):
        f, exact = Mixed(seed), slopes_of_mixed(x)
        slopes, info = jacobian(f, [x], method="adaptive", full_output=True)
        values, bars, _ = np.transpose([alone(f, x, row) for row in range(80)])
        errors = np.abs(slopes[:, 0] - exact)
        covers.append(errors <= info.error[:, 0])
        alike.append(errors <= 10 * np.maximum(np.abs(values - exact), np.maximum(bars, 1e-11)))
        taken.append(info.evaluations)
    assert np.mean(covers) >= 0.98
    assert np.mean(alike) >= 0.985
    assert np.mean(taken) <= 38


def test_values_that_need_the_same_looks_share_them():
    def f(p):
        return np.exp(p[0] * RATES / 10) + p[0] * RATES

    _, info = jacobian(f, [1.3], method="adaptive", full_output=True)
    assert info.converged.all()
    assert info.evaluations <= max(alone(f, 1.3, row)[2] for row in range(80)) + 2


@pytest.mark.parametrize("noise", [1e-9, 1e-6])
def test_many_values_with_noise_share_their_looks(noise):
    random, taken = np.random.default_rng(7), []
    for x in (0.4, 0.9, 1.3, 2.7):
        _, info = jacobian(
            lambda p: np.exp(p[0] * RATES / 10) + noise * random.normal(size=80),
            [x], method="adaptive", full_output=True,
        )  # fmt: skip
        taken.append(info.evaluations)
    assert np.mean(taken) <= 38


@pytest.mark.parametrize("x", [40.0, 45.0])
def test_values_that_rest_at_first_are_not_taken_for_single_precision(x):
    rates = np.linspace(1, 1.2, 10)
    slopes, info = jacobian(lambda p: 1 / (1 + np.exp(-rates * p[0])), [x], method="adaptive", full_output=True)
    errors = np.abs(slopes[:, 0] - rates * np.exp(-rates * x))
    assert np.all(errors <= info.error[:, 0])
    assert info.error.max() <= 1e-14


@pytest.mark.parametrize("most", [6, 8, 40])
def test_a_value_that_moves_only_at_the_last_looks_where_another_is_nan_is_not_called_0(most):
    def f(p):
        return np.array([np.round(p[0]), np.nan if p[0] > 1.07 else 1e4 + p[0] / 3])

    found, info = jacobian(f, [1.0], method=Adaptive(max_evaluations=most), full_output=True)
    assert abs(found[0, 0] - 1) <= info.error[0, 0]
    assert not info.converged[0, 0]
