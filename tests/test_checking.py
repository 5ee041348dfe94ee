"""check_gradient and check_jacobian find and name wrong entries, and tell them from noise and kinks."""

import math
import re

import numpy as np
import pytest
from objectives import two_layers

from gradfast import check_gradient


def test_right_gradients_pass():
    x = np.array([[1.0, 2.0], [0.5, -3.0]])
    check = check_gradient(lambda x: np.sum(np.sin(x)), np.cos, x)
    assert check
    assert check.name.tolist() == ["x[0, 0]", "x[0, 1]", "x[1, 0]", "x[1, 1]"]
    assert np.all(np.abs(check.numeric - np.cos(x).ravel()) <= check.error)
    assert check_gradient(lambda x: np.sum(np.sin(x)), np.cos(x), x)


@pytest.mark.parametrize("relative", [1e-4, 1e-2, 2.0])
def test_wrong_entries_are_found_and_come_first(relative):
    x = np.linspace(0.5, 2.0, 30)
    wrong = np.exp(x)
    wrong[17] *= 1 + relative
    check = check_gradient(lambda x: np.sum(np.exp(x)), wrong, x)
    assert not check
    assert check.name[check.worst_first()[0]] == "x[17]"
    assert (check.verdict == "wrong").sum() == 1


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_wrong_weights_are_named_with_their_index(activation):
    loss, grads, params = two_layers(activation=activation)
    assert check_gradient(loss, grads, params)
    wrong = grads(params)
    wrong["W1"][np.unravel_index(np.abs(wrong["W1"]).argmax(), wrong["W1"].shape)] *= 1 + 1e-4
    place = np.unravel_index(np.abs(wrong["W1"]).argmax(), wrong["W1"].shape)
    check = check_gradient(loss, wrong, params)
    assert check.name[check.verdict == "wrong"].tolist() == [f"W1[{place[0]}, {place[1]}]"]


@pytest.mark.parametrize("seed", [18, 20, 27])
def test_kinks_beside_x_are_not_wrong(seed):
    loss, grads, params = two_layers(seed=seed, activation="relu")  # seeds with a kink between x and the first steps
    assert check_gradient(loss, grads, params)


def test_kinks_beside_large_x_are_not_wrong():
    loss, grads, params = two_layers(seed=18, activation="relu")

    def f(x):
        params["W1"].flat = x / 2**20
        return loss(params)

    assert check_gradient(f, grads(params)["W1"].reshape(-1) / 2**20, params["W1"].reshape(-1) * 2**20)


@pytest.mark.parametrize("seed", [20, 29])
def test_error_bars_of_directions_cover_the_error(seed):
    loss, grads, params = two_layers(seed=seed, activation="relu")
    check = check_gradient(loss, grads, params, directions=6, seed=seed)
    assert check
    assert np.all(check.difference <= check.error)


def test_parameters_are_put_back():
    loss, grads, params = two_layers()
    before = {name: array.copy() for name, array in params.items()}
    check_gradient(loss, grads, params, coordinates=20, directions=2, seed=0)
    assert all(np.array_equal(params[name], before[name]) for name in params)


def test_nested_names_are_joined_by_dots():
    params = {"layers": {"first": {"w": np.array([1.0, 2.0])}, "second": {"w": np.array([3.0])}}}

    def f(params):
        return np.sum(params["layers"]["first"]["w"] ** 2) * params["layers"]["second"]["w"][0]

    grads = {"layers": {"first": {"w": np.array([6.0, 12.0])}, "second": {"w": np.array([4.0])}}}
    check = check_gradient(f, grads, params)
    assert check.verdict.tolist() == ["right", "right", "wrong"]
    assert check.name[2] == "layers.second.w[0]"


def test_right_float32_gradients_pass():
    loss, grads, params = two_layers(dtype=np.float32)
    assert check_gradient(loss, grads, params)
    x = np.random.default_rng(0).normal(size=20)
    assert check_gradient(lambda x: np.sum(x**4), (4 * x**3 * (1 + 1e-5)).astype(np.float32), x)
    assert not check_gradient(lambda x: np.sum(x**4), 4 * x**3 * (1 + 1e-5), x)


def test_wrong_float32_gradients_fail():
    loss, grads, params = two_layers(dtype=np.float32)
    wrong = grads(params)
    wrong["W2"] *= 1.02
    assert not check_gradient(loss, wrong, params)


def test_noisy_functions_cannot_tell():
    random = np.random.default_rng(0)
    check = check_gradient(lambda x: np.sum(np.sin(x)) + 0.1 * random.normal(), np.cos, [1.0, 2.0, 3.0])
    assert "wrong" not in check.verdict
    assert "cannot tell" in check.verdict
    assert not check


def test_small_noise_on_a_small_gradient_cannot_tell():
    random = np.random.default_rng(0)
    check = check_gradient(
        lambda x: 1e-6 * np.sum(np.sin(x)) + 1e-8 * random.normal(), lambda x: 1e-6 * np.cos(x), [1.0]
    )
    assert check.verdict.tolist() == ["cannot tell"]


def test_rounding_of_f_to_float32_is_rarely_called_wrong():
    points = np.random.default_rng(0).normal(size=(60, 6))
    checks = [check_gradient(lambda x: float(np.float32(np.sum(np.sin(x)))), np.cos, x) for x in points]
    assert sum(np.count_nonzero(check.verdict == "wrong") for check in checks) <= 15  # of 360


def test_kinks_at_x_are_kinks():
    x = np.array([0.0, 1.0, -1.0])
    check = check_gradient(lambda x: np.sum(np.maximum(x, 0)), lambda x: (x > 0) * 1.0, x)
    assert check.verdict.tolist() == ["kink", "right", "right"]
    assert check


def test_slopes_outside_a_kink_are_wrong():
    check = check_gradient(lambda x: np.sum(np.maximum(x, 0)), [2.0], np.array([0.0]))
    assert check.verdict.tolist() == ["wrong"]


def test_coordinates_samples_at_random():
    x = np.linspace(0, 1, 100)
    first, second = (check_gradient(lambda x: np.sum(x**2), 2 * x, x, coordinates=7, seed=s) for s in (1, 2))
    assert first.name.size == 7
    assert set(first.name) != set(second.name)
    assert check_gradient(lambda x: np.sum(x**2), 2 * x, x, coordinates=1000).name.size == 100


def test_all_coordinates_but_one_are_a_sample_too():
    assert check_gradient(np.sum, np.ones(5), np.ones(5), coordinates=4).name.size == 4


def test_weights_tell_what_part_of_the_norm_an_entry_is():
    check = check_gradient(lambda x: 3 * x[0] + 4 * x[1], [3.0, 4.0], [1.0, 1.0])
    assert check.weight == pytest.approx([0.2, 0.2])
    check = check_gradient(lambda x: 3 * x[0] + 4 * x[1], [3.0, 4.0], [10.0, 1.0])
    assert check.weight == pytest.approx(np.array([10, 1]) / np.hypot(30, 4))


def test_a_gradient_in_single_precision_may_be_rounded_by_16_eps_of_its_largest_entry():
    rounding = 16 * np.finfo(np.float32).eps
    for part, verdict in ((0.9, "right"), (3.0, "wrong")):
        claimed = np.array([1.0, 1e-4 + part * rounding], np.float32)
        assert check_gradient(lambda x: x[0] + 1e-4 * x[1], claimed, [1.0, 1.0]).verdict.tolist() == ["right", verdict]


def test_directions_in_which_right_entries_cancel_are_right():
    claimed = [2 + 6e-7, 2.0, -1.0, -1.0]
    f = lambda x: np.sum(x[:2] ** 2) - np.sum(x[2:])  # noqa: E731
    assert set(check_gradient(f, claimed, np.ones(4), directions=10, seed=0).verdict) == {"right"}


def test_directions_find_one_wrong_entry():
    x = np.linspace(0, 1, 1000)
    wrong = 2 * x
    wrong[371] *= 1.1
    assert check_gradient(lambda x: np.sum(x**2), 2 * x, x, directions=3, seed=0)
    check = check_gradient(lambda x: np.sum(x**2), wrong, x, directions=3, seed=0)
    assert check.verdict.tolist() == ["wrong"] * 3
    assert check.name[0] == "direction 0"


@pytest.mark.parametrize("n", [2, 10])
def test_most_directions_find_two_swapped_entries_and_equal_ones_that_are_doubled(n):
    x, slopes = np.linspace(1.1, 1.9, n), np.arange(1.0, n + 1)
    swapped = np.concatenate([slopes[-1:], slopes[1:-1], slopes[:1]])
    missed = [
        [check_gradient(lambda x: slopes @ x, swapped, x, directions=1, seed=seed).outcome != "failed",
         check_gradient(np.sum, np.full(n, 2.0), x, directions=1, seed=seed).outcome != "failed"]
        for seed in range(100)
    ]  # fmt: skip
    assert (np.mean(missed, axis=0) < (0.42, 0.35)).all()


def test_coordinates_and_directions_combine():
    x = np.ones(5)
    assert check_gradient(lambda x: np.sum(x**2), 2 * x, x, coordinates=2, directions=1).name.size == 3


def test_evaluations_are_counted(counted):
    f = counted(lambda x: np.sum(np.exp(x)))
    check = check_gradient(f, np.exp, np.linspace(0, 1, 10))
    assert f.calls == check.evaluations
    assert check.evaluations <= 10 * 8


def test_gradients_of_another_order_raise():
    with pytest.raises(
        ValueError, match=r"gradient must have the shape of x, \(2, 3\); got an array of shape \(3, 2\)"
    ):
        check_gradient(np.sum, np.ones((3, 2)), np.ones((2, 3)))


def test_a_gradient_that_leaves_nan_as_it_is_changes_nothing():
    check = check_gradient(lambda x: x[1] ** 2, lambda x: [0.0, 2 * x[1]], [np.nan, 3.0])
    assert check.verdict.tolist() == ["cannot tell", "right"]


@pytest.mark.parametrize("gradient", [np.ones(2), lambda x: np.ones(2)], ids=["array", "callable"])
def test_gradients_of_another_shape_raise(gradient):
    with pytest.raises(ValueError, match=r"gradient must have the shape of x, \(3,\); got an array of shape \(2,\)"):
        check_gradient(np.sum, gradient, np.ones(3))


def test_gradients_of_other_names_raise():
    with pytest.raises(ValueError, match=r"gradient must have the names of x, \['a'\]; got \['b'\]"):
        check_gradient(lambda p: 1.0, {"b": np.ones(1)}, {"a": np.ones(1)})
    with pytest.raises(ValueError, match=r"gradient must have the names of x, \['a'\]; got a list$"):
        check_gradient(lambda p: 1.0, [np.ones(1)], {"a": np.ones(1)})


def test_parameters_that_hold_no_numbers_raise():
    with pytest.raises(TypeError, match=r"^x\['a'\] must hold real numbers; got 'one'$"):
        check_gradient(lambda p: 1.0, {"a": np.ones(1)}, {"a": "one"})


def test_gradients_of_a_parameter_that_have_another_shape_raise():
    message = r"^gradient must have the shape of layers.w, \(2,\); got an array of shape \(1,\)$"
    with pytest.raises(ValueError, match=message):
        check_gradient(lambda p: 1.0, {"layers": {"w": np.ones(1)}}, {"layers": {"w": np.ones(2)}})


def test_parameters_may_be_lists_of_arrays_numbers_and_labeled():
    def f(p):
        return float(np.sum(p[0] ** 2) * p[1])

    x = [np.array([1.0, 2.0]), 3.0]
    assert check_gradient(f, [6 * x[0], 5.0], x)
    check = check_gradient(f, [6 * x[0], 4.0], x)
    assert check.name[check.verdict == "wrong"].tolist() == ["x[1]"]
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0], index=["u", "v"])
    check = check_gradient(lambda s: s["u"] ** 2 * s["v"], lambda s: pandas.Series({"u": 4.0, "v": 2.0}), series)
    assert dict(zip(check.name.tolist(), check.verdict.tolist(), strict=True)) == {"u": "right", "v": "wrong"}


def test_a_key_with_a_dot_is_another_parameter_than_two_keys():
    x = {"a.b": np.array([1.0]), "a": {"b": np.array([1.0])}}
    check = check_gradient(lambda x: float((x["a.b"] ** 2 + 3 * x["a"]["b"] ** 2)[0]), x | {"a.b": np.array([2.0])}, x)
    assert check.verdict.tolist() == ["right", "wrong"]
    assert check.name.tolist() == ["x['a.b'][0]", "a.b[0]"]


def test_gradients_that_change_x_raise():
    def of_array(x):
        x += 1
        return x

    def of_parameters(x):
        x["b"][0] = 5.0
        return {name: np.zeros_like(array) for name, array in x.items()}

    with pytest.raises(ValueError, match="^gradient must leave x as it is; it changed x$"):
        check_gradient(np.sum, of_array, np.ones(2))
    with pytest.raises(ValueError, match="^gradient must leave x as it is; it changed b$"):
        check_gradient(lambda x: float(x["W"].sum()), of_parameters, {"W": np.ones(2), "b": np.zeros(1)})


@pytest.mark.parametrize("name", ["coordinates", "directions"])
@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_invalid_counts_raise(name, count):
    with pytest.raises(ValueError, match=f"^{name} must be a positive integer; got {count}$"):
        check_gradient(np.sum, np.ones(2), np.ones(2), **{name: count})


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize("value", ["a", -1, -1e-9, np.nan, np.inf, True, 1j, [1e-3]], ids=repr)
def test_invalid_tolerances_raise(name, value):
    message = f"^{name} must be a finite number from 0 up; got {re.escape(repr(value))}$"
    with pytest.raises(ValueError, match=message):
        check_gradient(np.sum, np.ones(2), np.ones(2), **{name: value})


def test_tolerances_may_be_0_or_numpy_numbers():
    assert not check_gradient(lambda x: np.sum(np.sin(x)), lambda x: np.cos(x) * (1 + 1e-9), [1.0], rtol=0, atol=0)
    assert check_gradient(np.sum, np.ones(2), np.ones(2), rtol=np.float32(1e-3), atol=1)


@pytest.mark.parametrize("seed", ["a", -1, 2.5, object()], ids=["text", "negative", "float", "object"])
def test_invalid_seeds_raise(seed):
    with pytest.raises(ValueError, match=f"^seed must be what .*default_rng takes; got {re.escape(repr(seed))}$"):
        check_gradient(np.sum, np.ones(2), np.ones(2), seed=seed)


def test_generators_are_seeds():
    x = np.linspace(0, 1, 100)
    first, second = (
        check_gradient(lambda x: np.sum(x**2), 2 * x, x, coordinates=7, seed=seed)
        for seed in (5, np.random.default_rng(5))
    )
    assert first.name.tolist() == second.name.tolist()


@pytest.mark.parametrize("ways", [{}, {"directions": 2, "seed": 0}])
@pytest.mark.parametrize(
    ("f", "gradient", "x"),
    [
        (lambda x: np.sum(x**2), lambda x: 2 * x, [0.0, 0.0]),
        (lambda x: np.sum(np.cos(x)), lambda x: -np.sin(x), [0.0, 0.0]),
        (lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, np.zeros_like, [1.0, 1.0]),
    ],
)
def test_stationary_points_pass_and_small_slopes_fail(f, gradient, x, ways):
    assert check_gradient(f, gradient, x, **ways)
    assert not check_gradient(f, lambda x: gradient(x) + 1e-6, x, **ways)


def test_wrong_coordinates_get_a_closer_look():
    seen = []

    def f(x):
        seen.append(abs(float(x[0]) - 1.5))
        return float(x[0] ** 3)

    assert not check_gradient(f, [7.0], [1.5])
    away = [step for step in seen if step]
    assert max(away) < 0.5
    assert min(away) < 2.0**-14


def test_args_reach_f_and_the_gradient():
    def f(x, a, b):
        return a * float(x[0] ** 2) + b

    assert check_gradient(f, lambda x, a, b: 2 * a * x, [1.5], args=(3.0, 1.0))
    assert check_gradient(f, [9.0], [1.5], args=(3.0, 1.0))
    assert not check_gradient(f, lambda x, a, b: 2 * b * x, [1.5], args=(3.0, 1.0))


# --- bounds and exceptions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"directions": 3, "seed": 0}])
@pytest.mark.parametrize("x", [[1000.0, 2.0], [1e-8, 2.0], [1e-8, 1e-8]])
def test_bounds_are_kept(x, options):
    lowest = []

    def f(x):
        lowest.append(float(x.min()))
        return math.log(x[0]) + math.log(x[1])

    assert check_gradient(f, lambda x: 1 / x, x, bounds=(1e-8, None), **options)
    assert min(lowest) >= 1e-8
    assert not check_gradient(f, lambda x: 1.1 / x, x, bounds=(1e-8, None), **options)


def test_coordinates_that_bounds_fix_cannot_be_told():
    check = check_gradient(lambda x: x[0] * x[1], [3.0, 2.0], [2.0, 3.0], bounds=([2, 0], [2, None]))
    assert check.verdict.tolist() == ["cannot tell", "right"]
    check = check_gradient(lambda x: (x[0] - 2) * x[1], [3.0, 0.0], [2.0, 3.0], bounds=([2, 0], [2, None]))
    assert check.verdict[0] == "cannot tell"  # also where f is 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("lower", "upper"), [([None, None], [2, 3]), ([1, 3], [2, 3]), ([2, 2], [2, 4])], ids=str)
def test_directions_stay_within_bounds_and_are_told(lower, upper, seed):
    lower, upper = np.array(lower, float), np.array(upper, float)
    outside = []

    def f(x):
        outside.append(((x < lower) | (x > upper)).any())
        return float(np.sum(np.log(x)))

    bounds = np.where(np.isnan(lower), -np.inf, lower), upper
    check = check_gradient(f, [1 / 2, 1 / 3], [2.0, 3.0], bounds=bounds, directions=2, seed=seed)
    assert check.verdict.tolist() == ["right", "right"]
    assert not any(outside)


@pytest.mark.parametrize("options", [{}, {"directions": 2}])
def test_exceptions_come_out_or_count_as_nan(options):
    def f(x):
        if x[1] > 2:
            raise RuntimeError("the solver failed")
        return float(np.sum(x**2))

    x = np.array([1.0, 2.0, 3.0])
    assert check_gradient(f, 2 * x, x, on_error="nan", **options)
    assert not check_gradient(f, 2.2 * x, x, on_error="nan", **options)
    with pytest.raises(RuntimeError, match="the solver failed"):
        check_gradient(f, 2 * x, x, **options)
    with pytest.raises(RuntimeError, match="the solver failed"):
        check_gradient(f, 2 * x, x + 1, on_error="nan", **options)


@pytest.mark.parametrize("on_error", ["ignore", None, True])
def test_other_words_for_on_error_raise(on_error):
    with pytest.raises(ValueError, match=f"^on_error must be 'raise' or 'nan'; got {re.escape(repr(on_error))}$"):
        check_gradient(np.sum, np.ones(2), np.ones(2), on_error=on_error)
