"""scale=, the typical size of x, and rel_step relative to it."""

import math
import pickle

import numpy as np
import pytest

from gradfast import Backward, Central, Forward, Nodes, derivative, directional_derivative, gradient, hessian, jacobian
from gradfast.coloring import banded

SMALL = 1.45e-7


def steep(x):
    return math.exp(-1e-7 / x[0])


def steep_slope(x):
    return 1e-7 / x**2 * math.exp(-1e-7 / x)


def steps(method, x, f=np.sum, **options):
    return gradient(f, x, method=method, full_output=True, **options)[1].step


@pytest.mark.parametrize(
    ("method", "within"),
    [
        (Central(rel_step=1e-5, scale=0), 1e-9),
        (Central(scale=0), 1e-8),
        (Central(4, scale=1e-7), 1e-8),
        (Central(scale=[1e-7]), 1e-8),
        (Central(rel_step=[1e-5], scale=0), 1e-9),
        (Forward(scale=0), 1e-6),
        (Backward(scale=0), 1e-6),
        (Nodes((-1, 1, 2), scale=0), 1e-8),
    ],
    ids=repr,
)
def test_a_small_x_is_moved_by_its_own_size(method, within):
    x = np.array([SMALL])
    assert gradient(steep, x, method=method)[0] == pytest.approx(steep_slope(SMALL), rel=within)
    assert jacobian(lambda x: [steep(x)], x, method=method)[0, 0] == pytest.approx(steep_slope(SMALL), rel=within)
    assert directional_derivative(steep, x, [2.0], method=method) == pytest.approx(2 * steep_slope(SMALL), rel=within)
    assert derivative(lambda x: np.exp(-1e-7 / x), x, method=method)[0] == pytest.approx(steep_slope(SMALL), rel=within)
    if np.ndim(method.scale) == 0 and np.ndim(method.rel_step) == 0:
        found = derivative(lambda x: math.exp(-1e-7 / x), SMALL, method=method)
        assert found == pytest.approx(steep_slope(SMALL), rel=within)


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
@pytest.mark.parametrize("size", [1e-30, 1e-7, 1.0, 1e9])
def test_a_relative_step_follows_x_at_every_size(size, dtype):
    x = np.array([size, -3 * size], dtype)
    found = steps(Central(rel_step=1e-3, scale=0), x) / np.abs(x)
    assert np.all(found >= 1e-3 / 1.5)
    assert np.all(found <= 1e-3 * 1.5)


def test_an_x_of_zero_has_the_step_of_no_scale():
    x = np.array([0.0, 1e-5])
    for relative in (1e-3, [1e-3, 1e-3]):
        relative_alone, usual = (steps(Central(rel_step=relative, scale=scale), x) for scale in (0, None))
        assert relative_alone[0] == pytest.approx(usual[0], rel=0.5)
        assert relative_alone[1] < 2e-8
    assert steps(Central(scale=0), x)[0] == steps(Central(), x)[0]
    assert steps(Central(scale=[0, 0]), x)[0] == steps(Central(), x)[0]
    assert derivative(np.sin, 0.0, method=Central(scale=0)) == pytest.approx(1.0, rel=1e-9)


def test_a_scale_for_each_coordinate_gives_what_one_for_all_gives():
    x = np.array([0.0, 1e-9, 5.0, -1e4])
    for method in (Central, Forward, Backward):
        one = steps(method(scale=1e-6), x)
        each = steps(method(scale=[1e-6] * 4), x)
        assert np.array_equal(one, each)
    scales = [1e-6, 1e-3, 1.0, 1e5]
    wanted = [steps(Central(scale=scale), x[i : i + 1])[0] for i, scale in enumerate(scales)]
    assert steps(Central(scale=scales), x).tolist() == wanted
    assert steps(Central(scale=np.reshape(scales, (2, 2))), x.reshape(2, 2)).ravel().tolist() == wanted


def test_a_scale_like_the_rules_changes_nothing():
    x = np.array([0.0, 1e-9, 0.3, -1e4])
    assert np.array_equal(steps(Central(scale=0.1), x), steps(Central(), x))
    assert np.array_equal(gradient(np.prod, x, method=Central(scale=0.1)), gradient(np.prod, x, method=Central()))
    v = np.array([1.0, 2.0, -1.0, 0.5])
    f = np.prod
    assert directional_derivative(f, x, v, method=Central(scale=0.1)) == pytest.approx(
        directional_derivative(f, x, v), rel=1e-9
    )


@pytest.mark.parametrize("scale", [1e-7, [1e-7, 2e-7]])
def test_every_operator_takes_a_scale(scale):
    x = np.array([SMALL, 2 * SMALL])
    unit = x / 1e-7

    def f(x):
        return np.sum(np.sin(x * 1e7))

    method = Central(scale=scale)
    assert gradient(f, x, method=method) == pytest.approx(1e7 * np.cos(unit), rel=1e-8)
    assert np.diag(hessian(f, x, method=method)) == pytest.approx(-1e14 * np.sin(unit), rel=1e-5)
    assert gradient(f, x, method=method, bounds=(SMALL, 1)) == pytest.approx(1e7 * np.cos(unit), rel=1e-7)
    waves = jacobian(lambda x: np.sin(x * 1e7), x, method=method, sparsity=banded(2, 0, 0))
    assert waves.data == pytest.approx(1e7 * np.cos(unit), rel=1e-8)
    assert directional_derivative(f, x, np.ones(2), method=method) == pytest.approx(1e7 * np.cos(unit).sum(), rel=1e-8)
    second = derivative(lambda x: np.sin(x * 1e7), x, n=2, method=method)
    assert second == pytest.approx(-1e14 * np.sin(unit), rel=1e-5)


def test_a_scale_is_shown_compared_and_kept():
    method = Central(rel_step=1e-3, scale=[0, 1])
    assert "scale=(0, 1)" in repr(method)
    assert "scale (0, 1)" in str(method)
    assert "scale=0.5" in repr(Nodes((1, 2), scale=0.5))
    assert method == Central(rel_step=1e-3, scale=np.array([0, 1]))
    assert method != Central(rel_step=1e-3)
    assert pickle.loads(pickle.dumps(method)) == method
    assert method.one_sided().scale == method.scale


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (-1.0, r"^scale must be finite and from 0 up; got -1\.0$"),
        ([1.0, math.nan], r"^scale must be finite and from 0 up; got nan$"),
        (math.inf, r"^scale must be finite and from 0 up; got inf$"),
    ],
)
def test_wrong_scales_raise(scale, message):
    with pytest.raises(ValueError, match=message):
        Central(scale=scale)


def test_a_scale_must_be_numbers_without_a_step_and_fit_x():
    with pytest.raises(TypeError, match=r"^scale must be a number or an array of them; got 'x'$"):
        Forward(scale="x")
    with pytest.raises(ValueError, match=r"^step and scale must not both be given; got 0\.1 and 2\.0$"):
        Central(step=0.1, scale=2.0)
    with pytest.raises(ValueError, match=r"^scale must broadcast to the shape of x, \(3,\); got shape \(2,\)$"):
        gradient(np.sum, np.ones(3), method=Central(scale=[1.0, 2.0]))
