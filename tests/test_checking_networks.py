"""Checks of gradients of networks, most of which work in single precision inside."""

import itertools
import math

import numpy as np
import pytest
from objectives import layer_inside, two_layers

from gradfast import check_gradient


def relu(z):
    return np.maximum(z, 0)


def test_f_in_single_precision_inside_is_decided_whatever_its_value_and_gradient_are():
    verdicts, evaluations = {1.0: [], 1.1: []}, 0
    for seed in range(10):
        f, right, x = layer_inside(np.float32, seed)
        check = check_gradient(f, right, x)
        evaluations += check.evaluations
        verdicts[1.0] += check.verdict.tolist()
        verdicts[1.1] += check_gradient(f, 1.1 * right, x).verdict.tolist()
    assert verdicts[1.0].count("right") >= 108
    assert "wrong" not in verdicts[1.0]
    assert "right" not in verdicts[1.1]
    assert evaluations <= 5 * 120


def test_a_supposed_rounding_hides_no_mistake_of_double_precision():
    x = np.linspace(0.3, 2, 5)
    for off in (1e-5, 1e-4, 1e-3):
        check = check_gradient(lambda x: np.sum(np.sin(9 * x)), 9 * np.cos(9 * x) * (1 + off), x)
        assert check.verdict.tolist() == ["wrong"] * 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_relu_networks_pass_with_their_mask_alone(dtype):
    evaluations = entries = 0
    for seed in range(20):
        loss, grads, params = two_layers((5, 8, 3), seed, dtype, "relu")
        params["b1"] += np.random.default_rng(seed).normal(size=8).astype(dtype) / 10
        check = check_gradient(loss, grads, params)
        assert check, seed
        evaluations, entries = evaluations + check.evaluations, entries + check.name.size
        right = grads(params)
        layer, back = (np.sign(right["b1"]), right["b1"])  # a dead unit has no gradient: without its mask it has one
        wrong = right | {"b1": np.where(layer == 0, np.abs(back).max(), back)}
        if (layer == 0).any():
            assert not check_gradient(loss, wrong, params), seed
    assert evaluations <= (3 if dtype is np.float64 else 8) * entries


def test_wide_relu_networks_in_single_precision_cost_few_evaluations():
    verdicts, evaluations = {1.0: [], 1.3: []}, 0
    for seed in range(4):
        loss, grads, params = two_layers((12, 120, 5), seed, np.float32, "relu", 128)
        for factor, found in verdicts.items():
            claimed = {name: np.float32(factor) * part for name, part in grads(params).items()}
            check = check_gradient(loss, claimed, params, coordinates=40, seed=seed)
            found += check.verdict.tolist()
            evaluations += check.evaluations * (factor == 1)
    assert evaluations <= 8 * len(verdicts[1.0])
    assert "wrong" not in verdicts[1.0]
    assert verdicts[1.0].count("right") >= 0.4 * len(verdicts[1.0])
    assert "right" not in verdicts[1.3]
    assert verdicts[1.3].count("wrong") >= 0.8 * len(verdicts[1.3])


def deep_inside(seed, depth, width, samples):
    """Return the loss of a deep ReLU network in float32, by the float64 weights of a layer, its gradient and x."""
    random, single = np.random.default_rng(seed), np.float32
    sizes = [min(width, 20), *[width] * depth, 1]
    layers = [random.normal(size=(a, b)) * math.sqrt(2 / a) for a, b in itertools.pairwise(sizes)]
    layers = [(weights.astype(single), random.normal(size=weights.shape[1]).astype(single) / 10) for weights in layers]
    data, targets = random.normal(size=(samples, sizes[0])).astype(single), random.normal(size=samples).astype(single)
    k = seed % depth

    def outputs(x):
        values = [data]
        for i, (weights, bias) in enumerate(layers):
            z = values[-1] @ (x.astype(single) if i == k else weights) + bias
            values.append(relu(z) if i < depth else z)
        return values

    x = layers[k][0].astype(float)
    values = outputs(x)
    back = (2 / samples * (values[-1][:, 0] - targets))[:, np.newaxis].astype(single)
    for i in range(depth, k, -1):
        back = back @ layers[i][0].T * (values[i] > 0)
    return lambda x: np.mean((outputs(x)[-1][:, 0] - targets).astype(float) ** 2), (values[k].T @ back).astype(float), x


def test_deep_relu_networks_in_single_precision_inside_cost_few_evaluations():
    verdicts, evaluations = {1.0: [], 1.1: [], -1.0: []}, 0
    for seed, (depth, width, samples) in enumerate(itertools.product((4, 8), (8, 32, 64), (1, 16, 64))):
        f, right, x = deep_inside(seed, depth, width, samples)
        for factor, found in verdicts.items():
            check = check_gradient(f, factor * right, x, coordinates=20, seed=seed)
            counted = np.array([right[tuple(map(int, name[2:-1].split(",")))] != 0 for name in check.name])
            found += check.verdict[counted | (factor == 1)].tolist()
            evaluations += check.evaluations * (factor == 1)
    assert evaluations <= 8 * len(verdicts[1.0])
    assert verdicts[1.0].count("right") >= 0.8 * len(verdicts[1.0])
    assert verdicts[1.0].count("wrong") <= 1
    for factor in (1.1, -1.0):
        assert "right" not in verdicts[factor]
        assert verdicts[factor].count("wrong") >= 0.85 * len(verdicts[factor])


@pytest.mark.parametrize("seed", [14, 47, 53, 97])
def test_a_fit_over_kinks_in_single_precision_is_no_witness_alone(seed):
    f, right, x = layer_inside(np.float32, seed, 64 if seed == 97 else 100, relu)
    check = check_gradient(f, right.astype("f"), x.astype("f"))
    assert "wrong" not in check.verdict
    assert check


@pytest.mark.parametrize(("samples", "seed"), [(64, 5), (64, 7), (200, 3), (200, 8), (200, 11), (200, 14)])
def test_no_entry_of_a_wide_network_is_wrong_because_kinks_hide_in_single_precision(samples, seed):
    """Kinks on both sides of x, each too close to be seen by itself, change the slope by some percent."""
    loss, grads, params = two_layers((20, 64, 10), seed, np.float32, "relu", samples)
    assert "wrong" not in check_gradient(loss, grads, params, coordinates=200, seed=seed).verdict
    assert "wrong" not in check_gradient(loss, grads, params, directions=5, seed=seed).verdict
    wrong = grads(params) | {"b1": grads(params)["b1"] / 2}
    check = check_gradient(loss, wrong, params, coordinates=200, seed=seed)
    assert {name[:2] for name in check.name[check.verdict == "wrong"]} == {"b1"}


@pytest.mark.parametrize(
    ("shape", "samples", "seed"), [((8, 200, 4), 300, 147), ((8, 200, 4), 300, 151), ((12, 120, 5), 128, 146)]
)
def test_no_right_entry_is_wrong_because_f_bends_beside_x_or_nothing_confirms_the_fit(shape, samples, seed):
    loss, grads, params = two_layers(shape, seed, np.float32, "relu", samples)
    assert "wrong" not in check_gradient(loss, grads, params, coordinates=100, seed=seed).verdict


def test_an_entry_that_some_looks_are_near_is_not_wrong():
    f, right, x = layer_inside(np.float32, 29, activation=relu)
    assert "wrong" not in check_gradient(f, right, x).verdict
