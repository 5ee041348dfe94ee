"""A check says right only where it would have seen a mistake, whatever the precision and noise of f."""

import math

import numpy as np
import pytest
from objectives import layer_inside, two_layers

from gradfast import check_gradient, check_jacobian
from gradfast.reports.check_verdicts import Entries, Judged


def never_right(f, wrong, x):
    check = check_gradient(f, wrong, x)
    return not (check.verdict == "right").any() and not check


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.1])
@pytest.mark.parametrize("constant", [0.0, 1.0, 100.0])
def test_wrong_single_precision_gradients_are_never_right(constant, factor):
    x = np.array([0.3, 0.5], "f")

    def f(x):
        return np.float32(constant) + np.sum(x**2)

    assert never_right(f, np.float32(factor) * 2 * x, x)


@pytest.mark.parametrize("scale", [1e-2, 1e-3, 1e-4])
def test_zero_is_never_the_right_gradient_of_a_single_precision_f_that_moves(scale):
    x = np.ones(2, "f")
    assert never_right(lambda x: np.float32(3) + np.float32(scale) * np.sum(x * x), np.zeros(2, "f"), x)


@pytest.mark.parametrize("function", [np.tanh, np.sin, np.exp])
def test_wrong_gradients_of_f_in_single_precision_inside_are_never_right(function):
    x = np.array([0.3, -0.7])
    right = {np.tanh: 1 - np.tanh(x) ** 2, np.sin: np.cos(x), np.exp: np.exp(x)}[function]

    def f(x):
        return float(np.sum(function(x.astype("f"))))

    assert check_gradient(f, right, x)
    assert never_right(f, -right, x)


@pytest.mark.parametrize("of_x", [float, np.float16])
def test_wrong_gradients_in_half_precision_are_never_right_and_right_ones_never_wrong(of_x):
    for seed in range(30):
        f, right, x = layer_inside(np.float16, seed)
        x, right = x.astype(of_x), right.astype(np.float16)
        assert "wrong" not in check_gradient(f, right, x).verdict
        for factor in (2, -1, 0):
            small = np.abs(right) < 0.05 * np.abs(right).max()  # such need not be told from 0
            verdict = check_gradient(f, factor * right, x).verdict
            assert "right" not in verdict[~small.reshape(-1)]


@pytest.mark.parametrize("size", [1e-6, 1e-9, 1e-15])
@pytest.mark.parametrize("kind", ["decay", "well", "screened"])
def test_zero_is_never_right_where_f_overflows_beside_a_small_x(kind, size):
    f = {
        "decay": lambda v: np.exp(-v[0] / size),
        "well": lambda v: (1 - np.exp(-v[0] / size)) ** 2,
        "screened": lambda v: np.exp(-v[0] / size) / v[0],
    }[kind]
    with np.errstate(all="ignore"):
        for relative in (0.3, 1.3):
            verdict = check_gradient(f, [0.0], [relative * size]).verdict
            assert verdict.tolist() == ["wrong"]


@pytest.mark.parametrize("digits", [4, 6, 9])
def test_rounded_f_has_no_wrong_gradient_that_is_right(digits):
    def f(x):
        return round(math.exp(x[0]), digits)

    assert check_gradient(f, [math.e], [1.0])
    for factor in (-5 / math.e, 0.0, 1.1):
        check = check_gradient(f, [factor * math.e], [1.0])
        may_doubt = digits == 4 or factor == 0  # 0 is the slope of a stair's tread
        assert check.verdict[0] in (["wrong", "cannot tell"] if may_doubt else ["wrong"])
        assert not check


@pytest.mark.parametrize("constant", [1e7, 1e8, 1e10])
def test_f_far_above_its_change_needs_longer_steps(constant):
    def f(x):
        return constant + math.sin(x[0])

    assert never_right(f, [0.0], [1.0])
    assert check_gradient(f, [math.cos(1.0)], [1.0]).verdict.tolist() == ["right"]


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e300])
def test_huge_and_tiny_f_are_decided(size):
    def f(x):
        return size * np.sin(x[0])

    assert check_gradient(f, lambda x: size * np.cos(x), [1.0]).verdict.tolist() == ["right"]
    assert check_gradient(f, lambda x: -size * np.cos(x), [1.0]).verdict.tolist() == ["wrong"]
    assert not check_gradient(f, lambda x: -size * np.cos(x), [1.0], directions=2)


@pytest.mark.parametrize("size", [1e-18, 1e9, 3e18])
def test_tolerances_follow_the_size_of_each_coordinate(size):
    x = np.array([size, 1.0])

    def f(x):
        return np.log(x[0] / size) + 3 * np.sin(x[1])

    assert check_gradient(f, lambda x: np.array([1 / x[0], 3 * np.cos(x[1])]), x).verdict.tolist() == ["right"] * 2
    check = check_gradient(f, lambda x: np.array([0.0, 3 * np.cos(x[1])]), x)
    assert check.verdict.tolist() == ["wrong", "right"]
    assert not check


@pytest.mark.parametrize("slopes", [(0.0, 1.0), (-2.0, 1.0), (3.0, 5.0)])
@pytest.mark.parametrize("place", [0.0, 3.0, 1e-6])
def test_a_kink_takes_what_lies_between_the_slopes_and_no_more(slopes, place):
    low, high = slopes
    jump = high - low

    def f(x):
        return float(np.where(x > place, high * (x - place), low * (x - place)).sum())

    inside = [check_gradient(f, [low + part * jump], [place]).verdict[0] for part in (0.0, 0.5, 1.0)]
    outside = [check_gradient(f, [low + part * jump], [place]).verdict[0] for part in (-0.4, -0.1, -0.02, 1.1, 1.4)]
    assert inside == ["kink"] * 3
    assert outside == ["wrong"] * 5


@pytest.mark.parametrize(("curvature", "bend"), [(1.0, 0.01), (1.0, 0.3), (-4.0, 0.3)])
def test_a_kink_on_a_curve_is_one(bend, curvature):
    def f(x):
        return float(curvature * x[0] ** 2 + bend * abs(x[0] - 1))

    inside = [check_gradient(f, [2 * curvature + part * bend], [1.0]).verdict[0] for part in (-1.0, -0.5, 0.5, 1.0)]
    checks = [check_gradient(f, [2 * curvature + part * bend], [1.0]) for part in (-1.2, 1.2)]
    assert inside == ["kink"] * 4
    assert [check.verdict[0] for check in checks] == ["wrong"] * 2
    assert [check.numeric[0] for check in checks] == pytest.approx([2 * curvature - bend, 2 * curvature + bend])


def test_constant_f_cannot_tell():
    check = check_gradient(lambda x: 3.0, np.zeros_like, [1.0, 2.0])
    assert check.verdict.tolist() == ["cannot tell"] * 2
    assert not check
    assert not check_gradient(lambda x: 3.0, np.zeros_like, [1.0, 2.0], directions=2)


def test_zero_is_right_where_f_rests_and_moves_finely_elsewhere():
    check = check_gradient(lambda x: float(np.maximum(x, 0)[1:].sum() ** 2), [0.0, 0.0, 4.0], [1.0, -2.0, 2.0])
    assert check.verdict.tolist() == ["right"] * 3
    check = check_gradient(lambda x: math.floor(4 * x[0]) / 4 + x[1], [0.0, 1.0], [1.1, 1.0])
    assert check.verdict.tolist() == ["right"] * 2  # a tread of a stair: f's slope is 0
    check = check_gradient(lambda x: round(math.exp(x[0]) + x[1], 2), [0.0, 1.0], [1.1, 1.0])
    assert check.verdict[0] != "right"


def test_entries_that_a_huge_one_hides_are_not_right():
    """Where rounding hides that f moves, the only entry that may be right is 0."""
    x = np.array([0.3, 1.7, 200.0])
    for factor in (1.02, 1.3):
        assert "right" not in check_gradient(lambda x: np.sum(np.exp(x)), factor * np.exp(x), x).verdict


@pytest.mark.parametrize(("offset", "most"), [(0.0, 17), (1e9, 17), (1e12, 41)])
def test_an_f_far_above_its_change_costs_few_evaluations(offset, most):
    x = np.linspace(0.3, 2, 8)
    assert check_gradient(lambda x: float(offset + np.exp(x).sum()), np.exp(x), x).evaluations <= most


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_a_tiny_x_takes_steps_that_suit_an_f_of_scale_1(offset):
    x = np.linspace(1, 8, 8) * 1e-9
    check = check_gradient(lambda x: float(offset + np.exp(x).sum()), np.exp(x), x)
    assert check.verdict.tolist() == ["right"] * 8
    assert check.evaluations == 17


@pytest.mark.parametrize("offset", [0, 100])
def test_values_of_single_precision_need_no_second_pair(offset):
    x = np.linspace(0.3, 2, 8)
    check = check_gradient(lambda x: float(np.float32(offset + np.exp(x).sum())), np.exp(x), x)
    assert check.verdict.tolist() == ["right"] * 8
    assert check.evaluations == 17


def test_an_entry_outside_a_kink_is_none_because_f_is_noisy():
    for seed in range(320, 360):
        random = np.random.default_rng(seed)
        verdict = check_gradient(lambda x, r=random: abs(x[0] - 1) + 3e-4 * r.normal(), [1.3], [1.0]).verdict
        assert verdict.tolist() in (["wrong"], ["cannot tell"])


@pytest.mark.parametrize("seed", [8, 11])
def test_a_wrong_entry_is_not_right_where_rounding_makes_up_for_the_mistake(seed):
    loss, grads, params = two_layers((12, 40, 6), seed, np.float32, "relu", 60)
    claimed = {name: np.float32(1.1) * part for name, part in grads(params).items()}
    assert "right" not in check_gradient(loss, claimed, params, coordinates=60, seed=seed).verdict


def test_pairs_at_which_f_rests_say_nothing_for_an_entry():
    found = [
        check_gradient(f, 0 * right, x).verdict for f, right, x in (layer_inside(np.float32, k) for k in range(20))
    ]
    assert np.sum(np.array(found) == "wrong") >= 5


def test_what_is_right_stays_so_and_a_wider_bar_overrules_none():
    def judged(value, bar, *verdicts):
        return Judged(np.full((1, 2), value), np.full((1, 2), bar), np.array([verdicts]))

    for other in (judged(9.0, 0.5, "cannot tell", "cannot tell"), judged(9.0, 2.0, "cannot tell", "cannot tell")):
        found = judged(1.0, 1.0, "right", "cannot tell")
        found.improve(np.array([0]), other)
        assert found.verdict.tolist() == [["right", "cannot tell"]]
        assert found.value.tolist() == [[1.0, 9.0 if other.bar[0, 0] == 0.5 else 1.0]]


def test_what_is_open_may_not_matter():
    x = np.array([1.0, 1.0])
    noisy = np.random.default_rng(0)
    check = check_gradient(lambda x: x[0] ** 3 + 1e-6 * x[1] + 1e-8 * noisy.normal(), [3.0, 1e-6], x)
    assert check.verdict.tolist() == ["right", "cannot tell"]
    assert check
    check = check_gradient(lambda x: 1e-6 * x.sum() + 1e-8 * noisy.normal(), [1e-6, 1e-6], x)
    assert "wrong" not in check.verdict
    assert not check


@pytest.mark.parametrize("sigma", [1e-12, 1e-9, 1e-6])
def test_noise_leaves_few_entries_open(sigma):
    rng = np.random.default_rng(1)
    verdicts = {1.0: [], 1.1: [], 0.0: []}
    for _ in range(20):
        a, x = rng.uniform(0.5, 1.5, 2), rng.uniform(0.2, 1.2, 2)

        def f(x, a=a):
            return float(np.exp(a @ x) + sigma * rng.normal())

        for factor, found in verdicts.items():
            found += check_gradient(f, factor * a * np.exp(a @ x), x).verdict.tolist()
    assert verdicts[1.0].count("right") >= 38
    assert verdicts[1.1].count("wrong") >= 36
    assert verdicts[0.0].count("wrong") >= 36


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_directions_have_no_rounding_of_x(dtype, seed):
    loss, grads, params = two_layers(seed=seed, dtype=dtype)
    check = check_gradient(loss, grads, params, directions=3, seed=seed)
    assert check.verdict.tolist() == ["right"] * 3
    wrong = {name: -gradient for name, gradient in grads(params).items()}
    assert check_gradient(loss, wrong, params, directions=3, seed=seed).verdict.tolist() == ["wrong"] * 3


@pytest.mark.parametrize("options", [{}, {"directions": 2}, {"coordinates": 1, "directions": 1}])
def test_f_may_return_an_array_of_one_value(options):
    assert check_gradient(lambda x: np.array([np.sum(x**2)]), lambda x: 2 * x, [1.0, 2.0], **options)


RNG = np.random.default_rng(0)
HARD = {
    "a kink on a curve": lambda x: math.exp(x) + 3 * max(x - 1, 0),
    "noise": lambda x: math.exp(x) + 1e-3 * RNG.normal(),
    "rounded": lambda x: round(math.exp(x), 3),
    "a wave": lambda x: math.cos(3218 * x),
    "a wave on a line": lambda x: x + 1e-3 * math.sin(1e9 * x),
}


@pytest.mark.parametrize("f", HARD.values(), ids=HARD)
@pytest.mark.parametrize("claimed", [-5.0, 2.0])
def test_an_entry_in_double_precision_takes_48_evaluations_at_most(f, claimed):
    check = check_gradient(lambda x: f(float(x[0])), [claimed], [1.0])
    assert check.evaluations <= 1 + 48


@pytest.mark.parametrize(
    ("off", "bar", "rounding", "verdict"),
    [
        (0.0, 0.004, 0.0, "right"),
        (0.0, 0.006, 0.0, "cannot tell"),  # two bars hide a mistake of 1 %
        (0.03, 0.02, 0.0, "cannot tell"),
        (0.05, 0.02, 0.0, "wrong"),
        (1e-3, 0.0, 2e-3, "right"),
        (1e-3, 0.0, 0.0, "wrong"),
    ],
)
def test_a_verdict_takes_two_error_bars(off, bar, rounding, verdict):
    analytic, value, bar, rounding = (np.array([[number]]) for number in (1.0, 1.0 + off, bar, rounding))
    entries = Entries(analytic, rounding, 0 * analytic, analytic, 0.0)
    assert entries.judged(value, bar, 0 * analytic) == verdict


INTEGER_VALUES = {  # functions whose values are integers at integers, and the entries of their gradients
    "a sum": (lambda x: x[0] + 3 * x[1], lambda x: [1.0, 3.0]),
    "a product": (lambda x: x[0] * x[1], lambda x: [x[1], x[0]]),
    "a sum of sizes": (lambda x: abs(x[0]) + 4 * abs(x[1]), lambda x: [1.0, 4.0]),
    "far above its change": (lambda x: 2.0**17 + x[0] + x[1], lambda x: [1.0, 1.0]),
    "small beside a large one": (lambda x: x[0] + 2.0**12 * x[1], lambda x: [1.0, 2.0**12]),
}


@pytest.mark.parametrize("x", [(1.0, 2.0), (2.0, 3.0), (64.0, 1.0)])
@pytest.mark.parametrize(("f", "gradient"), INTEGER_VALUES.values(), ids=INTEGER_VALUES)
def test_integers_at_x_do_not_make_f_one_of_single_precision(f, gradient, x):
    x, right = np.array(x), np.array(gradient(x))
    check = check_gradient(f, right, x)
    assert check.verdict.tolist() == ["right"] * 2
    assert check.eps == np.finfo(float).eps / 2
    assert check_gradient(f, right * [1.001, 1.0], x).verdict.tolist() == ["wrong", "right"]
    beside = check_jacobian(lambda x: np.array([f(x), 5.0]), [right * [1.0, 1.001], [0.0, 0.0]], x)
    assert beside.verdict.tolist() == ["right", "right", "wrong", "right"]
    assert beside.eps == check.eps


@pytest.mark.parametrize("of_gradient", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("of_params", [np.float32, np.float64])
def test_precise_f_is_seen_to_be_so_whatever_the_precision_of_x_and_the_gradient(of_params, of_gradient):
    loss, grads, params = two_layers((20, 8, 3), 3, float, "relu", 12)
    params.update({name: array.astype(of_params) for name, array in params.items()})
    rounded = {name: array.astype(of_gradient) for name, array in grads(params).items()}
    check = check_gradient(loss, rounded, params)
    assert set(check.verdict) == {"right"}
    assert check.evaluations <= 2.2 * check.name.size


@pytest.mark.parametrize("seed", range(5))
def test_an_entry_that_is_the_slope_on_both_sides_is_at_no_kink(seed):
    loss, grads, params = two_layers((20, 8, 3), seed, float, "tanh", 12)
    random = np.random.default_rng(seed)
    rounded = {name: array.astype(np.float32) for name, array in grads(params).items()}
    check = check_gradient(lambda p: loss(p) + 1e-10 * random.normal(), rounded, params)
    assert set(check.verdict) == {"right"}


RESTING = {
    "constant": (lambda x: 3.0, None),
    "far above its change": (lambda x: 1e20 + x[0], None),
    "fixed by bounds": (lambda x: x[0], (1.0, 1.0)),
}


@pytest.mark.parametrize("claimed", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(("f", "bounds"), RESTING.values(), ids=RESTING)
def test_an_infinite_entry_is_not_right_because_nothing_is_known(f, bounds, claimed):
    check = check_gradient(f, [claimed], [1.0], bounds=bounds)
    assert (check.verdict.tolist(), check.outcome) == (["cannot tell"], "undecided")


INFINITE = {
    "a square root": (np.sqrt, 0.0),
    "a cube root": (np.cbrt, 0.0),
    "a power": (lambda x: np.abs(x) ** 0.9, 0.0),
    "entropy": (lambda x: -x * np.log(np.where(x > 0, x, 1)), 0.0),
    "an angle": (np.arcsin, 1.0),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(("f", "place"), INFINITE.values(), ids=INFINITE)
def test_an_infinite_slope_may_be_claimed_and_no_other_infinite_entry(f, place):
    check = check_gradient(lambda x: f(x).sum(), [math.inf, math.inf], [place, 0.5])
    assert check.verdict.tolist() == ["cannot tell", "wrong"]


def test_a_jump_longer_than_any_number_is_not_called_right():
    def jump(x):
        return math.copysign(1e308, x[0] - 0.5)

    assert never_right(jump, [1.0], [0.5])
    check = check_jacobian(lambda x: [jump(x), x[0]], [[1.0], [1.0]], [0.5])
    assert check.verdict[0] != "right"
