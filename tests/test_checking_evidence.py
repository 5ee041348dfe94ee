"""What a check knows of f before it judges an entry: how well f is known, and how steep it is."""

import math

import numpy as np
import pytest

from gradfast import check_gradient, check_jacobian
from gradfast.algorithms.noise_estimate import TABLE, of_each_value
from gradfast.calls.evaluators import Call, opened
from gradfast.reports.check_evidence import common_unit
from gradfast.values.callables import as_objective

WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])
X = np.array([0.3, 0.5, 0.7, 0.9])


def waves(x):
    return np.sum(WEIGHTS * np.sin(x))


@pytest.mark.parametrize("claimed", [1.0, 1e5, 1e10, 1e14, 0.0, -1.0, math.nan, math.inf])
def test_a_wrong_entry_changes_no_verdict_of_others(claimed):
    entries = WEIGHTS * np.cos(X)
    entries[0] = 0.0
    entries[1] *= 1 + 1e-3
    entries[3] = claimed
    assert check_gradient(waves, entries, X).verdict.tolist() == ["wrong", "wrong", "right", "wrong"]


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_entry_changes_no_verdict_of_others_in_single_precision(seed):
    random = np.random.default_rng(seed)
    inputs, x = random.normal(size=(8, 4)).astype(np.float32), random.normal(size=4).astype(np.float32)

    def f(x):
        return np.mean(np.tanh(inputs @ x) ** 2)

    z = np.tanh(inputs @ x)
    claimed = inputs.T @ (z * (1 - z**2)) * np.float32(2 / 8)
    claimed[0] *= np.float32(1.05)
    alone = check_gradient(f, claimed, x).verdict
    assert alone[0] == "wrong"
    for factor in (1.1, -3.0, 1e5):
        wrong = claimed.copy()
        wrong[2] *= np.float32(factor)
        verdicts = check_gradient(f, wrong, x).verdict
        assert np.delete(verdicts, 2).tolist() == np.delete(alone, 2).tolist()
        assert verdicts[2] != "right"


@pytest.mark.parametrize("seed", range(12))
def test_an_entry_that_is_wrongly_0_is_not_right_because_others_are_large(seed):
    random = np.random.default_rng(seed)
    inputs, x = random.normal(size=(32, 6)).astype(np.float32), random.normal(size=6).astype(np.float32)
    inputs[:, 3:] *= np.float32(4e-3)

    def f(x):
        return np.mean(np.tanh(inputs @ x) ** 2) + np.float32(3)

    z = np.tanh(inputs @ x)
    wrong = inputs.T @ (z * (1 - z**2)) * np.float32(2 / 32)
    is_large = np.abs(wrong) > 1e-3 * np.abs(wrong).max()
    wrong[3:] = 0
    assert "right" not in check_gradient(f, wrong, x).verdict[3:][is_large[3:]]


def inside(dtype, seed):
    """Return a network that computes in a dtype inside, its gradient, and x; what goes in and out is of single
    precision for half, else double."""
    outside = np.float32 if dtype is np.float16 else np.float64
    random = np.random.default_rng(seed)
    data, out = random.normal(size=(12, 4)).astype(dtype), random.normal(size=3).astype(dtype)
    targets, x = random.normal(size=12).astype(dtype), (random.normal(size=(4, 3)) / 2).astype(outside)

    def f(x):
        return outside(np.mean((np.tanh(data @ x.astype(dtype)) @ out - targets).astype(outside) ** 2))

    z = np.tanh(data.astype(float) @ x)
    missed = z @ out.astype(float) - targets
    right = data.T.astype(float) @ ((2 / 12 * missed)[:, np.newaxis] * out * (1 - z**2))
    return f, right.astype(outside), x


@pytest.mark.parametrize(("dtype", "least"), [(np.float16, 0.7), (np.float32, 0.95)])
def test_coarse_precision_inside_f_hides_no_doubled_gradient(dtype, least):
    found = []
    for seed in range(12):
        f, right, x = inside(dtype, seed)
        assert "wrong" not in check_gradient(f, right, x).verdict
        for factor in (2, -1):
            verdict = check_gradient(f, right.dtype.type(factor) * right, x).verdict
            large = np.abs(right).reshape(-1) > 0.05 * np.abs(right).max()
            assert "right" not in verdict[large]
            found += verdict[large].tolist()
    assert found.count("wrong") >= least * len(found)


def test_values_of_one_coordinate_each_are_known_by_eight_more_evaluations():
    n = 50
    slopes, x = np.arange(1.0, n + 1), np.linspace(1, 2, n)
    check = check_jacobian(lambda x: slopes * x, np.diag(slopes), x)
    assert (check.verdict == "right").all()
    assert check.evaluations <= 1 + 2 * n + 8


@pytest.mark.parametrize("claimed", [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_entries_of_a_maximum_of_equals_are_kinks_one_by_one(claimed):
    check = check_gradient(max, claimed, [1.0, 1.0])
    assert check.verdict.tolist() == ["kink"] * 2
    assert check_gradient(max, (0.0, 1.2), [1.0, 1.0]).verdict.tolist() == ["kink", "wrong"]


def noise_at(f, x):
    with opened(Call(as_objective(f)).at(np.array(x))) as e:
        return of_each_value(e, np.full(e.n, np.inf))


@pytest.mark.parametrize(
    ("f", "least", "most"),
    [
        (lambda x: np.exp(x).sum(), 1e-17, 1e-14),
        (lambda x: np.float32(np.exp(x).sum()), 3e-8, 4e-7),
        (lambda x: np.exp(x).sum() + 1e-7 * np.sin(1e12 * x.sum()), 2e-8, 3e-7),
        (lambda x: np.abs(x - 1).sum() + np.exp(x).sum(), 1e-17, 1e-11),
    ],
    ids=["double", "single", "noise", "kink at x"],
)
def test_noise_is_measured_by_a_table(f, least, most):
    noise, size, rows = noise_at(f, [1.0, 2.0])
    assert least < noise[0] < most
    assert f(np.array([1.0, 2.0])) <= 1.01 * size[0] < 100
    assert rows.shape == (TABLE.size, 1)


def test_values_that_rest_have_no_noise_to_measure():
    noise, _, rows = noise_at(lambda x: np.array([x.sum(), 3.0]), [1.0, 2.0])
    assert noise[0] < 1e-14
    assert math.isnan(noise[1])
    assert rows.shape == (2 * TABLE.size, 2)


def test_a_second_table_for_values_that_rest_says_nothing_of_others():
    noise, *_ = noise_at(lambda x: np.array([np.sin(3e3 * x.sum()), 3.0]), [1.0, 2.0])
    assert noise[0] < 1e-11


def test_a_kink_close_to_x_is_no_noise():
    for distance in (1e-7, 1e-6, 1e-5):
        check = check_gradient(lambda x: abs(x[0] - 1 + distance) + x[0], [2.2], [1.0])  # noqa: B023
        assert check.verdict.tolist() == ["wrong"]
        assert check_gradient(lambda x: abs(x[0] - 1 + distance) + x[0], [2.0], [1.0])  # noqa: B023


def test_a_claim_between_the_slopes_of_a_kink_needs_no_measured_noise(monkeypatch):
    monkeypatch.setattr("gradfast.reports.check_verdicts.of_each_value", None)
    check = check_gradient(lambda x: np.maximum(x, 0).sum(), [0.0, 1.0, 0.2], [0.0, 0.0, 0.0])
    assert check.verdict.tolist() == ["kink"] * 3


def test_tables_stay_within_bounds():
    seen = []

    def f(x):
        seen.append(x.copy())
        return np.float32(np.sum(np.exp(x)))

    x = np.array([1.0, 2.0, 3.0], np.float32)
    low, high = [1.0, 1.9999999, 0.0], [2.0, 2.0, 3.0]
    check_gradient(f, np.exp(x), x, bounds=(low, high))
    assert len(seen) > TABLE.size
    assert all(np.all((point >= low) & (point <= high)) for point in seen)


def around(random, count, spread):
    """Return values about one between 1 and 2, rising."""
    return np.sort(random.uniform(1, 2) + spread * random.normal(size=count))


@pytest.mark.parametrize("count", [8, 12, 32])
@pytest.mark.parametrize("spread", [1e-8, 1e-6, 1e-4])
def test_values_of_a_smooth_f_have_no_unit_but_their_rounding(count, spread):
    random, eps = np.random.default_rng(0), np.finfo(float).eps / 2
    found = [common_unit(around(random, count, spread), eps) for _ in range(100)]
    assert np.median(found) <= 4 * eps
    assert np.mean(np.array(found) <= 100 * eps) >= 0.95


@pytest.mark.parametrize(("unit", "spread"), [(1e-6, 1e-4), (2.0**-23, 1e-5), (2.0**-10, 0.05), (0.05, 1.0)])
def test_values_that_rise_by_stairs_have_the_height_of_a_stair_as_their_unit(unit, spread):
    random = np.random.default_rng(0)
    for _ in range(100):
        values = np.unique(np.round(around(random, 16, spread) / unit) * unit)
        assert common_unit(values, np.finfo(float).eps / 2) == pytest.approx(unit)
