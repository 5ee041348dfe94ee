"""What a check promises of coarse f: wrong gradients are not right, right ones pass, and evaluations are bounded."""

import numpy as np
import pytest

from gradfast import check_gradient, check_jacobian


def test_small_entries_beside_a_large_one_are_right_in_single_precision():
    """Rounding hides them, and makes their slopes on both sides of x differ. Longer steps, and no fit, decide most."""
    verdicts, evaluations = [], 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        weights, x = np.append(1.0, 10 ** random.uniform(-6, -2, 19)), random.uniform(0.5, 2, 20).astype("f")
        right = (weights * np.cos(x.astype(float))).astype("f")
        check = check_gradient(lambda x, w=weights: np.float32(np.sum(w * np.sin(x.astype(float)))), right, x)
        verdicts += check.verdict.tolist()
        evaluations += check.evaluations
    assert verdicts.count("right") >= 0.9 * len(verdicts)
    assert "wrong" not in verdicts
    assert evaluations <= 6.4 * len(verdicts)


@pytest.mark.parametrize("distance", [1e-3, 2e-3, 4e-3])
def test_kinks_on_both_sides_of_x_make_no_wrong_entry_right_in_single_precision(distance):
    """Beyond both kinks, f's slope over both sides of x is another one, and the same on each side."""
    seen = []

    def f(x):
        seen.append(float(x[0]) - 1)
        return np.float32(x[0] + 0.3 * np.clip(x[0] - 1, -distance, distance))

    assert check_gradient(f, [1.3], [1.0]).verdict.tolist() == ["right"]
    check_gradient(f, [1.1], [1.0])
    beyond = {step for step in seen if step > 1.1 * distance}
    assert len(beyond) >= 2
    for step in beyond:
        assert check_gradient(f, [1 + 0.3 * distance / step], [1.0]).verdict[0] != "right"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("claimed", [0.0, 0.012, 0.015, 0.019, 0.5])
def test_an_entry_between_the_slopes_of_a_large_kink_is_a_kink_in_single_precision(claimed, dtype):
    check = check_gradient(
        lambda x: np.float32(abs(x[0] - 1) + x[1]), np.array([claimed, 1], dtype), np.array([1, 2], dtype)
    )
    assert check.verdict.tolist() == ["kink", "right"]


def test_an_entry_that_fits_one_side_of_a_near_kink_alone_is_a_kink():
    def f(x):
        return np.float32(5 + 0.3 * x[0] + max(x[0] - 1.0001, 0))

    assert check_gradient(f, np.float32([0.3]), np.float32([1.0])).verdict.tolist() == ["kink"]


@pytest.mark.parametrize("scale", [2.3e-3, 2.4565e-3, 2.5e-3])
def test_the_rounding_of_single_precision_is_no_stair_that_hides_a_mistake(scale):
    def f(x):
        return float(np.float32(3 + scale * np.sum(np.sin(x))))

    x = np.ones(2)
    assert check_gradient(f, 1.05 * scale * np.cos(x), x).verdict[0] == "wrong"
    assert "wrong" not in check_gradient(f, scale * np.cos(x), x).verdict


def test_values_that_took_two_numbers_only_are_not_of_single_precision():
    """A flat value and one that rests up to a kink: both are right to be 0, and at no kink."""

    def f(x):
        return np.float32(3 + np.array([7e-4 * (x[0] - 1) ** 2, max(x[0] - 1.01458, 0)]))

    assert check_jacobian(lambda x: f(x).astype(float), [[0.0], [0.0]], [1.0]).verdict.tolist() == ["right"] * 2


def test_values_in_single_precision_that_move_late_cost_few_evaluations():
    def f(x):
        return np.float32([100 + 1.1e-4 * (x[0] - 1) ** 2, 1 + max(x[0] - 1.00002, 0)])

    assert check_jacobian(lambda x: f(x).astype(float), [[0.0], [0.0]], [1.0]).evaluations <= 40


@pytest.mark.parametrize("share", [0.04, 0.08])
@pytest.mark.parametrize("value", [1e-8, 1e-11])
def test_noise_that_grows_with_f_makes_no_wrong_entry_right(value, share):
    """Beside x, where f is nearly 0, noise is far larger than it was measured to be at x."""
    for seed in range(25):
        random = np.random.default_rng(seed)

        def f(x, random=random):
            return (x[0] - 1 + value) * (1 + share * random.normal())

        for claimed in (1 - share, 1 + share, 1 + 2 * share, 1 - 2 * share):
            assert check_gradient(f, [claimed], [1.0]).verdict[0] != "right"
