"""Stencils: the published weights, exactness for polynomials, orders of accuracy, steps."""

import re
from fractions import Fraction
from math import factorial, log2
from pathlib import Path

import numpy as np
import pytest

from gradfast import Backward, Central, Forward, derivative
from gradfast.stencils import central, exact_weights, forward, truncation
from gradfast.steps.steps_and_bounds import best_relative_step

# Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988): table 1, the
# weights at nodes 0, 1, 2 ...; those at negative nodes are the same, with n's parity as their sign.
CENTRAL = {
    (1, 2): "0 1/2",
    (1, 4): "0 2/3 -1/12",
    (1, 6): "0 3/4 -3/20 1/60",
    (1, 8): "0 4/5 -1/5 4/105 -1/280",
    (2, 2): "-2 1",
    (2, 4): "-5/2 4/3 -1/12",
    (2, 6): "-49/18 3/2 -3/20 1/90",
    (2, 8): "-205/72 8/5 -1/5 8/315 -1/560",
    (3, 2): "0 -1 1/2",
    (3, 4): "0 -13/8 1 -1/8",
    (3, 6): "0 -61/30 169/120 -3/10 7/240",
    (4, 2): "6 -4 1",
    (4, 4): "28/3 -13/2 2 -1/6",
    (4, 6): "91/8 -122/15 169/60 -2/5 7/240",
    (5, 2): "0 5/2 -2 1/2",
    (6, 2): "-20 15 -6 1",
    (6, 4): "-75/2 29 -13 3 -1/4",
}

# The same paper's table 3: one-sided, at nodes 0, 1, 2 ...
FORWARD = {
    (1, 1): "-1 1",
    (1, 2): "-3/2 2 -1/2",
    (1, 3): "-11/6 3 -3/2 1/3",
    (1, 4): "-25/12 4 -3 4/3 -1/4",
    (1, 6): "-49/20 6 -15/2 20/3 -15/4 6/5 -1/6",
    (2, 1): "1 -2 1",
    (2, 2): "2 -5 4 -1",
    (2, 3): "35/12 -26/3 19/2 -14/3 11/12",
    (3, 1): "-1 3 -3 1",
    (3, 2): "-5/2 9 -12 7 -3/2",
    (4, 1): "1 -4 6 -4 1",
    (4, 2): "3 -14 26 -24 11 -2",
}

EVERY = [(n, accuracy) for n in range(1, 7) for accuracy in (2, 4, 6, 8)]


def weights_of(stencil):
    """Return the stencil's weights by node, including node 0."""
    pairs = [(0, stencil.center), *zip(stencil.nodes, stencil.weights, strict=True)]
    return {node: Fraction(weight) / Fraction(stencil.denominator) for node, weight in pairs}


@pytest.mark.parametrize(("n", "accuracy"), CENTRAL)
def test_central_weights_equal_fornbergs(n, accuracy):
    table = [Fraction(weight) for weight in CENTRAL[n, accuracy].split()]
    published = {sign * k: sign**n * weight for k, weight in enumerate(table) for sign in (1, -1)}
    assert weights_of(central(n, accuracy)) == published


@pytest.mark.parametrize(("n", "accuracy"), FORWARD)
def test_one_sided_weights_equal_fornbergs(n, accuracy):
    table = [Fraction(weight) for weight in FORWARD[n, accuracy].split()]
    assert weights_of(forward(n, accuracy)) == dict(enumerate(table))


@pytest.mark.parametrize(("n", "accuracy"), EVERY)
@pytest.mark.parametrize("kind", [central, forward])
def test_stencils_are_exact_up_to_their_degree_only(kind, n, accuracy):
    weights = weights_of(kind(n, accuracy))
    moments = [sum(weight * Fraction(node) ** j for node, weight in weights.items()) for j in range(n + accuracy + 1)]
    assert moments[:-1] == [factorial(n) if j == n else 0 for j in range(n + accuracy)]
    assert moments[-1] != 0
    assert truncation(kind(n, accuracy))[0] == accuracy


@pytest.mark.parametrize(("n", "accuracy"), EVERY)
@pytest.mark.parametrize("kind", [central, forward])
def test_weights_are_exact_integers_in_lowest_terms(kind, n, accuracy):
    stencil = kind(n, accuracy)
    whole = [*stencil.weights, int(stencil.center), int(stencil.denominator)]
    assert np.gcd.reduce(whole) == 1
    assert max(map(abs, whole)) <= 2**53
    assert tuple(float(weight) for weight in stencil.weights) == stencil.weights


def test_weights_on_uneven_nodes_are_exact():
    # 3/5, -1/3, -1/3, 1/15
    assert exact_weights([0, 2, -1, 5], 3) == ([9, -5, -5, 1], 15)


@pytest.mark.parametrize(("kind", "accuracy"), [(central, 400), (forward, 60)])
def test_weights_beyond_53_bits_raise(kind, accuracy):
    with pytest.raises(
        ValueError, match=rf"accuracy must be low enough .* fit in 53 bits; got \d+ bits on {accuracy} nodes"
    ):
        kind(1, accuracy)


@pytest.mark.skipif(np.finfo("g").eps == np.finfo("d").eps, reason="a longdouble is a double here")
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "method", [Forward, Backward, *(lambda step, a=a: Central(a, step=step) for a in (2, 4, 6))], ids=repr
)
def test_errors_fall_with_the_order_of_accuracy(method, n):
    x = np.longdouble(0.3)
    errors = []
    for step in (2.0**-5, 2.0**-6):
        one = method(step=step)
        errors.append(abs(derivative(np.exp, x, n=n, method=one) - np.exp(x)))
    assert log2(errors[0] / errors[1]) == pytest.approx(one.accuracy, abs=0.1)


@pytest.mark.parametrize("accuracy", [2, 3, 4])
@pytest.mark.parametrize("method", [Forward, Backward])
def test_one_sided_errors_fall_with_the_order_of_accuracy(method, accuracy):
    x = np.longdouble(0.3)
    errors = [abs(derivative(np.exp, x, method=method(accuracy, step=h)) - np.exp(x)) for h in (2.0**-5, 2.0**-6)]
    assert log2(errors[0] / errors[1]) == pytest.approx(accuracy, abs=0.2)


@pytest.mark.parametrize(("n", "accuracy"), EVERY)
def test_relative_steps_scale_with_eps(n, accuracy):
    stencil = central(n, accuracy)
    smaller = best_relative_step(stencil, 2.0 ** -(52 + n + accuracy))
    assert best_relative_step(stencil, 2.0**-52) == pytest.approx(2 * smaller)


def test_relative_steps_balance_truncation_and_rounding():
    eps = 2.0**-52
    assert best_relative_step(central(1, 2), eps) == pytest.approx((3 * eps / 9) ** (1 / 3))
    assert best_relative_step(forward(1, 1), eps) == pytest.approx((4 * eps / 3) ** (1 / 2))
    assert best_relative_step(central(2, 2), eps) == pytest.approx((48 * eps / 9) ** (1 / 4))


def test_the_page_on_accuracy_has_the_steps_and_errors_of_the_rule():
    page = (Path(__file__).parents[1] / "docs" / "guide" / "accuracy.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([a-z]+(?:, accuracy \d)?) \| (\d\.\de-\d+) \|", page, re.MULTILINE))
    stencils = {"forward": forward(1, 1), "central": central(1, 2)}
    stencils |= {f"central, accuracy {accuracy}": central(1, accuracy) for accuracy in (4, 6)}
    assert rows == {
        name: f"{best_relative_step(stencil, 2.0**-52):.1e}".replace("e-0", "e-") for name, stencil in stencils.items()
    }
    sizes = re.findall(r"\\varepsilon\^\{(\d)/(\d)\}\$, about (\S+) \|", page)
    assert len(sizes) == len(rows)
    for p, q, about in sizes:
        assert float(about) == pytest.approx(2.0 ** (-52 * int(p) / int(q)), rel=0.5)


def test_the_weight_of_x_itself_must_fit_in_53_bits_too():
    with pytest.raises(ValueError, match="accuracy must be low enough that weights fit in 53 bits; got 54 bits"):
        derivative(np.sin, 1.0, n=4, method=Central(20))
