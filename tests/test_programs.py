"""Real programs that carry a numerical_gradient of their own, with ours in its place."""

import numpy as np
import pytest

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")


def softmax(a):
    e = np.exp(a - a.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class TwoLayerNet:
    """The course's network: the loss takes images and labels, the weights stand in params."""

    def __init__(self, inputs, hidden, outputs, rng):
        self.params = {
            "W1": rng.normal(scale=0.1, size=(inputs, hidden)),
            "b1": np.zeros(hidden),
            "W2": rng.normal(scale=0.1, size=(hidden, outputs)),
            "b2": np.zeros(outputs),
        }

    def forward(self, x):
        p = self.params
        hidden = np.tanh(x @ p["W1"] + p["b1"])
        return hidden, softmax(hidden @ p["W2"] + p["b2"])

    def loss(self, x, t):
        return -np.mean(np.log(self.forward(x)[1][np.arange(len(t)), t]))

    def numerical_gradient(self, gradient, x, t):
        return {name: gradient(lambda ignored: self.loss(x, t), self.params[name]) for name in self.params}

    def backpropagation(self, x, t):
        hidden, y = self.forward(x)
        y[np.arange(len(t)), t] -= 1
        y /= len(t)
        back = y @ self.params["W2"].T * (1 - hidden**2)
        return {"W1": x.T @ back, "b1": back.sum(axis=0), "W2": hidden.T @ y, "b2": y.sum(axis=0)}


def test_the_digits_network_agrees_with_backpropagation(implementation):
    digits = datasets.load_digits()
    x, t = digits.data[:50] / 16, digits.target[:50]
    net = TwoLayerNet(64, 8, 10, np.random.default_rng(0))
    before = {name: value.copy() for name, value in net.params.items()}
    numeric = net.numerical_gradient(implementation.numerical_gradient, x, t)
    for name, exact in net.backpropagation(x, t).items():
        assert np.array_equal(net.params[name], before[name])
        matters = np.abs(exact) > 1e-3 * np.abs(exact).max()
        assert matters.mean() > 0.5
        error = np.abs(numeric[name] - exact)[matters] / np.abs(exact[matters])
        assert error.max() < 1e-6, name


def test_the_digits_network_descends(implementation):
    digits = datasets.load_digits()
    x, t = digits.data[:20, 20:44] / 16, digits.target[:20]
    net = TwoLayerNet(24, 6, 10, np.random.default_rng(0))
    start = net.loss(x, t)
    for _ in range(5):
        for name, gradient in net.numerical_gradient(implementation.numerical_gradient, x, t).items():
            net.params[name] -= 0.5 * gradient
    assert net.loss(x, t) < start - 0.02
