"""The noise that f has is found, and the steps that are told of it are the better for it."""

import ctypes
import math
import re

import numpy as np
import pytest

from gradfast import Backward, Central, Forward, derivative, gradient, noise
from gradfast.algorithms.noise_estimate import from_values, quantum_of


def rough(size, seed=0):
    random = np.random.default_rng(seed)
    return lambda x: np.sum(np.exp(x)) + size * random.normal()


@pytest.mark.parametrize("size", [1e-12, 1e-8, 1e-4, 1e-2])
def test_noise_is_found_within_a_factor(size):
    found = [noise(rough(size, seed), [0.3, 1.0, -2.0]) for seed in range(20)]
    assert np.isfinite(found).all()
    assert size / 4 < min(found) <= max(found) < 4 * size
    assert size / 1.5 < np.median(found) < 1.5 * size


def test_rounding_is_noise():
    assert 1e-17 < noise(lambda x: np.sum(np.exp(x)), [0.3, 1.0, -2.0]) < 1e-14


def test_noise_costs_nine_evaluations_at_most(counted):
    f = counted(rough(1e-6))
    noise(f, 1.0)
    assert f.calls <= 9


def test_a_vectorized_f_is_called_once(counted):
    random = np.random.default_rng(0)
    f = counted(lambda points: np.sum(np.exp(points), axis=1) + 1e-6 * random.normal(size=len(points)))
    found = noise(f, [0.3, 1.0], vectorized=True)
    assert 1e-6 / 4 < found < 4e-6
    assert f.calls == 1


def test_noise_in_single_precision_is_looked_for_at_steps_that_move_x():
    assert 1e-8 < noise(lambda x: float(np.sum(np.exp(x))), np.array([1.0, 2.0], np.float32)) < 1e-5


def test_noise_far_above_single_precision_is_found_at_an_x_in_that():
    for x in (1.0, 0.3):
        found = noise(lambda x: math.exp(x[0]) + 1e-3 * math.sin(1e13 * float(x[0])), np.array([x], np.float32))
        assert 1e-4 < found < 2e-3


def test_the_rounding_of_x_is_no_noise_of_f():
    assert noise(lambda x: np.sum(np.sin(x)), [1e6, 1.0]) < 1e-14


def test_a_coarse_f_is_looked_at_from_farther_away():
    assert 1e-7 < noise(lambda x: float(np.round(np.exp(x[0]), 6)), [1.0]) < 1e-6


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 7, 14, 27, 47, 75, 110, 149], np.sqrt(0.48)),  # three levels agree; a fourth does not
        ([-2, 0, 2, 7, 15, 26, 38, 49], np.nan),  # three agree within a factor of 5, two within 4
        ([1, 3, 9, 27, 81, 243, 729, 2187], np.nan),  # all agree, but no difference changes its sign
    ],
)
def test_noise_is_what_three_levels_of_differences_agree_on(values, expected):
    assert from_values(np.array(values, float)) == pytest.approx(expected, nan_ok=True)


def test_noise_is_looked_for_at_a_distance_in_proportion_to_x():
    assert 1e-7 < noise(lambda x: float(np.round(np.exp(1e-8 * x[0]), 6)), [1e8]) < 1e-6


def test_the_noise_of_compiled_code_is_found():
    function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
    assert 1e-7 < noise(function(lambda n, x: round(math.exp(x[0]), 6)), [1.0, 2.0]) < 1e-6


EACH_SCALE = {"of 1": 1.0, "nanometers": 1e-9, "light years": 1e16}


@pytest.mark.parametrize("scale", EACH_SCALE.values(), ids=EACH_SCALE)
@pytest.mark.parametrize("size", [1e-290, 1e-200, 1.0, 1e200, 1e290])
def test_the_noise_of_f_of_any_size_is_found_at_x_of_any_size(scale, size):
    found = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        f = counting(lambda x, random=random: size * (np.sum(np.sin(x / scale)) + 1e-7 * random.normal()))
        found.append(noise(f, [scale, -2 * scale, 0.0]) / (1e-7 * size))
        assert f.calls == 8
    assert 0.84 < np.median(found) < 1.1
    assert min(found) > 0.15
    assert max(found) < 3


def counting(f):
    """Return f, which counts its calls."""

    def counted(x):
        counted.calls += 1
        return f(x)

    counted.calls = 0
    return counted


QUANTIZED = {
    "9 decimals": (lambda y: np.round(y, 9), 1e-9),
    "6 decimals": (lambda y: np.round(y, 6), 1e-6),
    "2 decimals": (lambda y: np.round(y, 2), 1e-2),
    "twentieths": (lambda y: np.round(20 * y) / 20, 0.05),
    "1 / 4096": (lambda y: np.floor(4096 * y) / 4096, 2.0**-12),
    "hundreds": (lambda y: 100 * np.round(1e4 * y), 100),
    "single precision": (lambda y: float(np.float32(y)), 2.0**-23),
    "half precision": (lambda y: float(np.float16(y)), 2.0**-10),
    "double precision": (lambda y: y, 2.0**-52),
}


@pytest.mark.parametrize("name", QUANTIZED)
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_values_are_wrong_by_the_rounding_to_their_quantum(name, scale):
    rounded, quantum = QUANTIZED[name]
    found = []
    for x in np.random.default_rng(0).uniform(0.5, 1.2, 20):
        f = counting(lambda x: rounded(1.2 + 0.7 * np.sin(x[0] / scale)))
        found.append(noise(f, [x * scale]) / (quantum / np.sqrt(12)))
        assert f.calls <= 40
    assert 0.9 < np.median(found) < 3
    assert min(found) > 0.2
    assert max(found) < 6


@pytest.mark.parametrize(
    ("unit", "decimals", "steepness", "offset", "x"),
    [
        (1e40, 4, 0.0015, 1000.0, 0.0242),
        (1e40, 3, 391906.0, 1.0, 0.0),
        (1e-30, 8, 954.0, 1.0, 0.001876),
        (1e-30, 2, 548911.0, 1.0, 1.42245891e-05),
        (1.0, 2, 1.0, 0.0, 1e-8),
        (1.0, 6, 1.0, 0.0, 1e12),
    ],
)
def test_rounding_is_found_in_any_unit_at_whichever_steps_it_shows(unit, decimals, steepness, offset, x):
    found = noise(lambda x: unit * float(np.round(offset + np.sin(steepness * x[0]), decimals)), [x])
    assert 0.1 < found / (unit * 10.0**-decimals / np.sqrt(12)) < 10


def test_quantized_values_of_a_line_show_their_quantum():
    values = 0.198633 + 9e-6 * np.arange(8)
    assert quantum_of(np.round(values, 6)[:, None], level=0) == pytest.approx(1e-6)
    assert quantum_of(np.round(values, 6)[:, None], level=2) == 0
    assert quantum_of(np.array([[0.1, 1.0], [0.25, 3.0], [0.4, 7.0]])) == pytest.approx([0.15, 2.0])


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_a_kink_is_no_quantum(x):
    assert 0 < noise(lambda y: max(y[0] - x, 0.0), [x]) < 1e-15


def test_the_noise_at_0_is_that_of_values_nearby():
    assert 1e-17 < noise(lambda x: np.sum(np.exp(x)), [0.0, 0.0]) < 1e-15
    assert noise(lambda x: np.round(np.sum(np.exp(x)), 3), [0.0, 0.0]) == pytest.approx(1e-3 / np.sqrt(12), rel=0.5)


def test_only_a_constant_has_no_noise():
    for f in (lambda x: x[0], lambda x: 3 * x[0] + x[1], lambda x: 1e-310 * x[0]):
        assert 0 < noise(f, np.array([1.0, 2.0])) < 1e-14


def test_of_an_f_that_no_table_suits_the_noise_is_the_least_that_differences_show():
    found = [noise(lambda x: np.sin(1e8 * x[0]), [x]) for x in np.random.default_rng(0).uniform(0.5, 2, 30)]
    assert 1e-10 < np.median(found) < 1e-6  # 1e8 x is rounded by about 1e-8


def test_a_constant_has_no_noise():
    assert noise(lambda x: 5.0, [1.0, 2.0]) == 0


def test_f_that_is_nowhere_finite_has_none_that_is_known():
    assert np.isnan(noise(lambda x: np.nan, [1.0]))


@pytest.mark.parametrize("end", [np.inf, -np.inf, np.nan])
def test_the_noise_is_looked_for_where_f_is_finite(end):
    assert 1e-17 < noise(lambda x: 3 * x[0] if abs(x[0] - 1) < 1e-11 else end, [1.0]) < 1e-15
    assert np.isnan(noise(lambda x: x[0] if x[0] == 1 else end, [1.0]))


@pytest.mark.parametrize("rounded", [lambda x: 5.0, lambda x: np.round(3 * x)], ids=["constant", "whole"])
def test_the_noise_is_looked_for_within_half_of_x(rounded):
    seen = []

    def f(x):
        seen.append(x[0])
        return rounded(x[0])

    noise(f, [3.0])
    assert 1.5 <= min(seen) < max(seen) <= 4.5


def test_no_table_is_taken_twice(counted):
    f = counted(lambda x: x[0])
    noise(f, [1.0])
    assert f.calls == 32


def test_x_is_as_it_was_even_if_f_fails():
    x = np.array([1.0, 2.0])

    def failing(point):
        assert point is x
        if point[0] != 1.0:
            raise ZeroDivisionError
        return 1.0

    with pytest.raises(ZeroDivisionError):
        noise(failing, x)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("vectorized", [False, True])
def test_an_f_that_changes_x_is_found(vectorized):
    x = np.array([1.0, 2.0])

    def f(point):
        value = np.sum(np.exp(point), axis=-1)
        point[..., 1] += 1
        return value

    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed x\[1\]$"):
        noise(f, x, vectorized=vectorized)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "method", [Central(noise=1e-6), Central(4, noise=1e-6), Forward(noise=1e-6), Backward(noise=1e-6)]
)
def test_a_step_that_knows_the_noise_is_better(method):
    plain = type(method)(method.accuracy)
    errors = {m: np.abs([derivative(rough(1e-6, i), 1.0, method=m) - np.e for i in range(30)]) for m in (method, plain)}
    assert np.median(errors[method]) < np.median(errors[plain]) / 10


def test_noise_below_rounding_changes_nothing():
    x = np.array([1.0, 2.0])
    found = gradient(lambda x: np.exp(x).sum(), x, method=Central(noise=1e-30))
    assert np.array_equal(found, gradient(lambda x: np.exp(x).sum(), x))


@pytest.mark.parametrize("method", [Central, Forward, Backward])
@pytest.mark.parametrize("size", [0, 1e-30, 1e-6, 1.0, np.float32(23.8), 1e6, 10**20])
def test_any_noise_is_taken(method, size):
    x = np.array([1.0, 2.0])
    _, info = gradient(np.sum, x, method=method(noise=size), full_output=True)
    assert np.all(info.step > 0)
    assert np.all(info.step <= 2 * x)  # as if it were 1, where it is more


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_a_noise_told_in_units_of_what_f_varies_by_is_better_at_any_scale_of_f(scale):
    errors = []
    for seed in range(30):
        f = rough(1e-6, seed)

        def scaled(x, f=f):
            return scale * f(x)

        told = Central(4, noise=noise(scaled, 1.0) / scale)
        errors.append([abs(derivative(scaled, 1.0, method=m) / scale - np.e) for m in (told, Central(4))])
    better, plain = np.median(errors, axis=0)
    assert better < min(plain / 10, 1e-4)


@pytest.mark.parametrize("value", [-1e-3, np.inf, "loud", True, 1j])
@pytest.mark.parametrize("method", [Central, Forward, Backward])
def test_noise_is_a_number(method, value):
    with pytest.raises(ValueError, match=f"^noise must be a finite number from 0 up; got {re.escape(repr(value))}$"):
        method(noise=value)


def test_a_noise_that_could_not_be_told_is_none():
    unknown = noise(lambda x: np.nan, [1.0])
    with pytest.raises(ValueError, match=r"^noise must be known; got nan, what gradfast.noise could not tell$"):
        Central(noise=unknown)


@pytest.mark.parametrize("other", [{"step": 1e-3}, {"rel_step": 1e-3}])
def test_noise_excludes_a_step(other):
    with pytest.raises(ValueError, match="noise must not be given with step or rel_step; got 0.1"):
        Central(noise=0.1, **other)


def test_an_array_s_noise_is_that_of_each_value():
    with pytest.raises(ValueError, match=r"an array of shape \(2,\); measure each value, as noise\(lambda x: f"):
        noise(lambda x: np.ones(2), np.ones(3))


@pytest.mark.parametrize(
    ("f", "x", "most"),
    [
        (lambda x: abs(x[0] - 1), [1.0], 2e-15),
        (lambda x: np.sum(np.abs(x - 1)), np.array([1.0, 2.0, 3.0]), 1e-14),
        (lambda x: max(x[0] - 1, 0.0) + math.sin(x[0]), [1.0], 1e-15),
        (lambda x: 1e6 * max(x[0], x[1]), [1.0, 1.0], 1e-9),
    ],
    ids=["abs", "sum of abs", "relu", "max"],
)
def test_a_kink_is_no_noise(f, x, most):
    assert 0 < noise(f, x) <= most
