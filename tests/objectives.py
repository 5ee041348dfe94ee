"""Functions with known derivatives, of one point or of points along the first axes; how tests compare results."""

import numpy as np


class ObjectiveError(Exception):
    """What an objective of these tests raises."""


def bits(x):
    return np.asarray(x).tobytes()


def same(a, b):
    """Return whether two results are equal in value and dtype; a longdouble has bits that are no part of it."""
    return np.asarray(a).dtype == np.asarray(b).dtype and np.array_equal(a, b)


def wave(x):
    """Return a polynomial close to sin(x)."""
    return x * (1 - x * x / 6 * (1 - x * x / 20 * (1 - x * x / 42)))


def sum_of_exp(x):
    return np.sum(np.exp(x))


def rosen(x):
    """Rosenbrock's function."""
    x = np.asarray(x)
    return (100 * (x[..., 1:] - x[..., :-1] ** 2) ** 2 + (1 - x[..., :-1]) ** 2).sum(axis=-1)


def rosen_gradient(x):
    slope = np.zeros_like(x)
    slope[..., :-1] = -400 * x[..., :-1] * (x[..., 1:] - x[..., :-1] ** 2) - 2 * (1 - x[..., :-1])
    slope[..., 1:] += 200 * (x[..., 1:] - x[..., :-1] ** 2)
    return slope


def rosen_hessian(x):
    straight = np.zeros_like(x)
    straight[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    straight[1:] += 200
    mixed = np.diag(-400 * x[:-1], 1)
    return np.diag(straight) + mixed + mixed.T


def cubes(x, axis=-1):
    """A polynomial that is evaluated in the same order, to the bit, for one point and for many in any layout."""
    x = np.moveaxis(np.asarray(x), axis, 0)
    total = 0 * x[0]
    for k in range(len(x)):
        total = total + (k + 1) * x[k] * x[k] * x[k - 1]
    return total


def assert_covered(result, exact, tolerance=np.inf):
    """Check a result with its info: the bar covers the error, and nothing far off is called converged."""
    value, info = result
    error = np.abs(np.asarray(value, float) - exact)
    assert np.all(error <= np.asarray(info.error) + 4 * np.finfo(float).eps * np.abs(exact)), (value, info.error, exact)
    assert not np.any(np.asarray(info.converged) & (error > 1e-6 * np.abs(exact))), (value, info.error, exact)
    assert np.all(error <= tolerance * np.abs(exact)), (value, info.error, exact)


def layer_inside(dtype, seed, samples=12, activation=np.tanh):
    """Return the loss of a layer that works in a dtype, its gradient and a float64 x; nothing of f tells the dtype."""
    random = np.random.default_rng(seed)
    data, out = random.normal(size=(samples, 4)).astype(dtype), random.normal(size=3).astype(dtype)
    targets, x = random.normal(size=samples).astype(dtype), random.normal(size=(4, 3)) / 2

    def f(x):
        return np.mean((activation(data @ x.astype(dtype)) @ out - targets).astype(float) ** 2)

    z = data.astype(float) @ x
    slope = 1 - np.tanh(z) ** 2 if activation is np.tanh else z > 0
    missed = activation(z) @ out.astype(float) - targets
    return f, data.T @ ((2 / samples * missed)[:, np.newaxis] * out * slope), x


def two_layers(shape=(20, 8, 3), seed=0, dtype=float, activation="tanh", samples=6):
    """Return the loss of a two-layer network, its gradient and its parameters, written as courses do."""
    random = np.random.default_rng(seed)
    inputs, hidden, outputs = shape
    data = random.normal(size=(samples, inputs)).astype(dtype)
    targets = np.eye(outputs, dtype=dtype)[random.integers(0, outputs, samples)]
    params = {
        "W1": (random.normal(size=(inputs, hidden)) * 0.2).astype(dtype),
        "b1": np.zeros(hidden, dtype),
        "W2": (random.normal(size=(hidden, outputs)) * 0.3).astype(dtype),
        "b2": np.zeros(outputs, dtype),
    }

    def forward():
        z = data @ params["W1"] + params["b1"]
        layer = np.tanh(z) if activation == "tanh" else np.maximum(z, 0)
        scores = layer @ params["W2"] + params["b2"]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return layer, powers / powers.sum(axis=1, keepdims=True)

    def loss(_):
        return -np.mean(np.log(np.sum(forward()[1] * targets, axis=1)))

    def grads(_):
        layer, probabilities = forward()
        out = (probabilities - targets) / len(data)
        back = out @ params["W2"].T * (1 - layer**2 if activation == "tanh" else layer > 0)
        return {"W1": data.T @ back, "b1": back.sum(axis=0), "W2": layer.T @ out, "b2": out.sum(axis=0)}

    return loss, grads, params


def chain(x):
    """Return values of which each depends on three neighbors; points may come along a first axis."""
    out = -2 * np.sin(x)
    out[..., 1:] += x[..., :-1] ** 2
    out[..., :-1] += x[..., 1:] ** 3 / 3
    return out


def energy(x):
    return np.sum(x[..., :-1] ** 2 * x[..., 1:] ** 2, axis=-1) + np.sum(np.cos(x), axis=-1)


def energy_gradient(x):
    g = -np.sin(x)
    g[..., :-1] += 2 * x[..., :-1] * x[..., 1:] ** 2
    g[..., 1:] += 2 * x[..., 1:] * x[..., :-1] ** 2
    return g


def point(n=9, kind="f8", seed=0):
    return np.random.default_rng(seed).uniform(-1, 2, n).astype(kind)


def chain_jacobian(x):
    from scipy import sparse

    return sparse.diags_array([2 * x[:-1], -2 * np.cos(x), x[1:] ** 2], offsets=[-1, 0, 1]).tocsr()
