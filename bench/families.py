"""Functions with derivatives written by hand, in families: what `check_gradient` and `check_jacobian` are judged on.

A family draws a problem: f, the right derivative at x, and x. Derivatives of networks are backward passes in the
network's own precision, as a framework would do them. The families were written after the rule of verdicts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.cases import noise_at

SINGLE, DOUBLE, HALF = np.float32, np.float64, np.float16

# In one of a network's layers: an activation and its slope.
ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: _sigmoid(z), lambda z: _sigmoid(z) * (1 - _sigmoid(z))),
    "softplus": (lambda z: np.logaddexp(z, z.dtype.type(0)), lambda z: _sigmoid(z)),
    "swish": (lambda z: z * _sigmoid(z), lambda z: _sigmoid(z) * (1 + z * (1 - _sigmoid(z)))),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "leaky relu": (
        lambda z: np.where(z > 0, z, z * z.dtype.type(0.1)),
        lambda z: np.where(z > 0, z.dtype.type(1), z.dtype.type(0.1)),
    ),
}


@dataclass(frozen=True)
class Problem:
    """A function, its derivative at x, and x."""

    f: Callable[[Any], Any]
    right: Any
    x: Any


@dataclass(frozen=True)
class Family:
    """Problems of one kind. ``draw(random)`` makes one; ``kind`` says what is promised of them."""

    name: str
    kind: str  # "smooth", "single" for networks in single precision, or "rough"
    draw: Callable[[np.random.Generator], Problem]
    is_jacobian: bool = False


# --- networks ---------------------------------------------------------------------------------------------------------


def _sigmoid(z: Any) -> Any:
    return z.dtype.type(1) / (1 + np.exp(-z))


def network(
    random: np.random.Generator, names: tuple[str, ...], dtype: Any, samples: int, of_x: Any = None, of_loss: Any = None
) -> Problem:
    """Return the loss of a network with a hidden layer, by its weights; x and the loss may be of other types."""
    act, slope = ACTIVATIONS[str(random.choice(names))]
    inputs, targets = random.normal(size=(samples, 4)).astype(dtype), random.normal(size=samples).astype(dtype)
    x, out = (random.normal(size=(4, 4)) / 2).astype(of_x or dtype), random.normal(size=4).astype(dtype)

    def f(weights: Any) -> Any:
        missed = (act(inputs @ weights.astype(dtype)) @ out - targets).astype(of_loss or dtype)
        return np.mean(missed**2)

    hidden = inputs @ x.astype(dtype)
    missed = act(hidden) @ out - targets
    back = (missed * dtype(2 / samples))[:, np.newaxis] * out * slope(hidden)
    return Problem(f, inputs.T @ back, x)


OUTSIDE: dict[str, Any] = {"of_x": DOUBLE, "of_loss": DOUBLE}
SMOOTH_NAMES = ("tanh", "sigmoid", "softplus", "swish")
KINKED_NAMES = ("relu", "leaky relu")


def _network(names: tuple[str, ...], dtype: Any, samples: tuple[int, ...], **types: Any) -> Any:
    return lambda random: network(random, names, dtype, int(random.choice(samples)), **types)


def _in_double(draw: Any) -> Any:
    """Return the same problems with their derivatives as doubles, which then tell nothing of the precision inside."""

    def again(random: np.random.Generator) -> Problem:
        problem = draw(random)
        return Problem(problem.f, problem.right.astype(DOUBLE), problem.x)

    return again


def cross_entropy(random: np.random.Generator, dtype: Any = DOUBLE) -> Problem:
    inputs, classes = random.normal(size=(12, 3)).astype(dtype), random.integers(3, size=12)
    x, rows = random.normal(size=(3, 3)).astype(dtype), np.arange(12)

    def shares(weights: Any) -> Any:
        z = inputs @ weights
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    back = shares(x)
    back[rows, classes] -= 1
    return Problem(lambda w: -np.mean(np.log(shares(w)[rows, classes])), inputs.T @ back / dtype(12), x)


def batch_norm(random: np.random.Generator, dtype: Any = DOUBLE) -> Problem:
    x, weights = (random.normal(size=(6, 3)) * 3 + 2).astype(dtype), random.normal(size=(6, 3)).astype(dtype)

    def normal(z: Any) -> Any:
        return (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + dtype(1e-5))

    y = normal(x)
    back = weights * (1 - np.tanh(y) ** 2)
    right = (back - back.mean(axis=0) - y * (back * y).mean(axis=0)) / np.sqrt(x.var(axis=0) + dtype(1e-5))
    return Problem(lambda z: np.sum(weights * np.tanh(normal(z))), right, x)


def attention(random: np.random.Generator) -> Problem:
    tokens, x = random.normal(size=(5, 3)), random.normal(size=(3, 3))
    weights = random.normal(size=(5, 3))

    def shares(q: Any) -> Any:
        z = np.exp(tokens @ q @ tokens.T / math.sqrt(3))
        return z / z.sum(axis=1, keepdims=True)

    p, back = shares(x), weights @ tokens.T
    right = tokens.T @ (p * (back - (p * back).sum(axis=1, keepdims=True))) @ tokens / math.sqrt(3)
    return Problem(lambda q: np.sum(weights * (shares(q) @ tokens)), right, x)


# --- statistics -------------------------------------------------------------------------------------------------------


def poisson(random: np.random.Generator) -> Problem:
    design, x = random.normal(size=(30, 4)), random.normal(size=4) / 2
    counts = random.poisson(np.exp(design @ x))
    return Problem(
        lambda b: np.sum(counts * (design @ b) - np.exp(design @ b)), design.T @ (counts - np.exp(design @ x)), x
    )


def gaussian(random: np.random.Generator) -> Problem:
    data = random.normal(size=40) * 3 + 10
    x = np.array([10 + random.normal(), 3 * math.exp(random.normal() / 4)])
    off = data - x[0]
    right = [-np.sum(off) / x[1] ** 2, 40 / x[1] - np.sum(off**2) / x[1] ** 3]
    return Problem(lambda p: 40 * np.log(p[1]) + np.sum((data - p[0]) ** 2) / (2 * p[1] ** 2), np.array(right), x)


def mixture(random: np.random.Generator) -> Problem:
    data, x = np.concatenate([random.normal(-2, 1, 20), random.normal(3, 1, 20)]), random.normal(size=2) * 2
    parts = np.exp(-((data[:, np.newaxis] - x) ** 2) / 2)
    shares = parts / parts.sum(axis=1, keepdims=True)
    right = (shares * (data[:, np.newaxis] - x)).sum(axis=0)
    return Problem(lambda m: np.sum(np.log(np.exp(-((data[:, np.newaxis] - m) ** 2) / 2).sum(axis=1))), right, x)


def cancelling_variance(random: np.random.Generator) -> Problem:
    x = random.normal(size=5) + 10.0 ** random.uniform(2, 4)
    return Problem(lambda v: np.mean(v**2) - np.mean(v) ** 2, 2 * (x - x.mean()) / 5, x)


def _payoff(random: np.random.Generator) -> Problem:
    shocks, x = random.normal(size=500), np.array([100.0, 0.2]) * np.exp(random.normal(size=2) / 10)
    end = x[0] * np.exp(-(x[1] ** 2) / 2 + x[1] * shocks)
    paid = np.where(end > 105, end, 0)
    right = np.array([np.mean(paid) / x[0], np.mean(paid * (shocks - x[1]))])
    return Problem(lambda p: np.mean(np.maximum(p[0] * np.exp(-(p[1] ** 2) / 2 + p[1] * shocks) - 105, 0)), right, x)


# --- linear algebra, equations ----------------------------------------------------------------------------------------


def log_determinant(random: np.random.Generator) -> Problem:
    x = random.normal(size=(3, 3)) + 3 * np.eye(3)
    return Problem(lambda a: np.linalg.slogdet(a)[1], np.linalg.inv(x).T, x)


def determinant(random: np.random.Generator) -> Problem:
    x = random.normal(size=(4, 4))
    return Problem(np.linalg.det, np.linalg.det(x) * np.linalg.inv(x).T, x)


def factors(random: np.random.Generator) -> Problem:
    left, right, data = random.normal(size=(5, 3)), random.normal(size=(3, 6)), random.normal(size=(5, 6))
    x = random.normal(size=(3, 3))
    return Problem(
        lambda m: np.sum((left @ m @ right - data) ** 2), 2 * left.T @ (left @ x @ right - data) @ right.T, x
    )


def diffusion(random: np.random.Generator) -> Problem:
    """Return the misfit of a solved boundary value problem, by the logarithms of its conductivities; by the adjoint."""
    x, n = random.normal(size=9), 8
    target = random.normal(size=n) / 20

    def matrix(logs: Any) -> Any:
        k = np.exp(logs)
        return (np.diag(k[:-1] + k[1:]) - np.diag(k[1:-1], 1) - np.diag(k[1:-1], -1)) * (n + 1) ** 2

    def solution(logs: Any) -> Any:
        return np.linalg.solve(matrix(logs), np.ones(n))

    u = solution(x)
    adjoint = np.linalg.solve(matrix(x), 2 * (u - target))
    grown, dual = np.diff(u, prepend=0, append=0), np.diff(adjoint, prepend=0, append=0)
    right = -np.exp(x) * grown * dual * (n + 1) ** 2
    return Problem(lambda logs: np.sum((solution(logs) - target) ** 2), right, x)


def burgers(random: np.random.Generator) -> Problem:
    """Return the energy after steps of Burgers' equation, by its first state; by the adjoint of each step."""
    x, dt = random.normal(size=8), 0.02

    def step(u: Any) -> Any:
        return u + dt * (-u * (np.roll(u, -1) - np.roll(u, 1)) / 2 + 0.5 * (np.roll(u, -1) - 2 * u + np.roll(u, 1)))

    def back(u: Any, bar: Any) -> Any:
        found = bar - dt * bar * (np.roll(u, -1) - np.roll(u, 1)) / 2 - dt * bar
        found = found + np.roll(dt * bar * (-u / 2 + 0.5), 1)
        return found + np.roll(dt * bar * (u / 2 + 0.5), -1)

    def energy(u: Any) -> Any:
        for _ in range(12):
            u = step(u)
        return np.sum(u**2)

    states = [x]
    for _ in range(12):
        states.append(step(states[-1]))
    bar = 2 * states[-1]
    for u in states[-2::-1]:
        bar = back(u, bar)
    return Problem(energy, bar, x)


def iterated(random: np.random.Generator) -> Problem:
    """Return the sum of a fixed point that is iterated to a tolerance: f jumps where a further step is taken."""
    x, mix = random.normal(size=4), random.normal(size=(4, 4)) / 5

    def solution(v: Any, tolerance: float) -> Any:
        y = np.zeros(4)
        while True:
            last, y = y, np.tanh(mix @ y + v)
            if np.abs(y - last).max() < tolerance:
                return y

    y = solution(x, 1e-15)
    slope = 1 - y**2
    right = np.linalg.solve((np.eye(4) - slope[:, np.newaxis] * mix).T, 2 * y) * slope
    return Problem(lambda v: np.sum(solution(v, 1e-9) ** 2), right, x)


# --- sizes ------------------------------------------------------------------------------------------------------------


def stiff(random: np.random.Generator) -> Problem:
    """Return the misfit of decays with rates over seven decades, by the rates."""
    x = 10.0 ** np.array([-3.0, -1.0, 1.0, 4.0]) * np.exp(random.normal(size=4) / 3)
    times = 1 / x * random.uniform(0.3, 2, size=4)
    parts = np.exp(-times[:, np.newaxis] * x)
    off = parts.sum(axis=1) - random.uniform(1, 3, size=4)
    target = parts.sum(axis=1) - off
    right = (2 * off[:, np.newaxis] * parts * -times[:, np.newaxis]).sum(axis=0)
    return Problem(lambda k: np.sum((np.exp(-times[:, np.newaxis] * k).sum(axis=1) - target) ** 2), right, x)


def coulomb(random: np.random.Generator) -> Problem:
    """Return the energy of three ions, in joules, by their places in meters."""
    constant, spread = 8.9875517923e9 * 1.602176634e-19**2, 2e-10
    x, charges = random.normal(size=(3, 3)) * spread, np.array([1.0, -1.0, 2.0])
    pairs = ((0, 1), (0, 2), (1, 2))

    def energy(r: Any) -> Any:
        return sum(constant * charges[i] * charges[j] / np.linalg.norm(r[i] - r[j]) for i, j in pairs)

    right = np.zeros((3, 3))
    for i, j in pairs:
        force = -constant * charges[i] * charges[j] * (x[i] - x[j]) / np.linalg.norm(x[i] - x[j]) ** 3
        right[i] += force
        right[j] -= force
    return Problem(energy, right, x)


def planck(random: np.random.Generator) -> Problem:
    """Return the radiance of a black body, by frequency in hertz and temperature in kelvin."""
    h, c, k = 6.62607015e-34, 299792458.0, 1.380649e-23
    x = np.array([10.0 ** random.uniform(13, 15), 10.0 ** random.uniform(2.5, 4)])
    u = h * x[0] / (k * x[1])
    value = 2 * h * x[0] ** 3 / c**2 / np.expm1(u)
    grown = u / -np.expm1(-u)
    return Problem(
        lambda p: 2 * h * p[0] ** 3 / c**2 / np.expm1(h * p[0] / (k * p[1])),
        np.array([value * (3 - grown) / x[0], value * grown / x[1]]),
        x,
    )


def _sized(size: float) -> Any:
    def draw(random: np.random.Generator) -> Problem:
        x, of = random.normal(size=4) * 2, random.normal(size=4)
        slopes = of * (1 - np.tanh(x) ** 2) - 0.2 * np.sin(x)
        return Problem(lambda v: size * np.sum(of * np.tanh(v) + 0.2 * np.cos(v)), size * slopes, x)

    return draw


def offset(random: np.random.Generator) -> Problem:
    problem, constant = factors(random), 10.0 ** random.uniform(5, 9)
    return Problem(lambda m: constant + problem.f(m), problem.right, problem.x)


# --- rough values -----------------------------------------------------------------------------------------------------


def _waves(random: np.random.Generator) -> Problem:
    x, of = random.normal(size=4) * 2, random.normal(size=4)
    return Problem(lambda v: np.sum(of * np.sin(v)) + 0.1 * np.sum(v**2), of * np.cos(x) + 0.2 * x, x)


def _rounded(random: np.random.Generator) -> Problem:
    problem, digits = _waves(random), int(random.integers(4, 10))
    return Problem(lambda v: round(float(problem.f(v)), digits), problem.right, problem.x)


def _converted(random: np.random.Generator) -> Problem:
    """Return f as a converter of 16 to 24 bits reads it."""
    problem, unit = _waves(random), 20 * 2.0 ** -float(random.integers(16, 25))
    return Problem(lambda v: unit * math.floor(problem.f(v) / unit), problem.right, problem.x)


def _noisy(random: np.random.Generator) -> Problem:
    problem, sigma = _waves(random), 10.0 ** random.uniform(-11, -4)
    return Problem(lambda v: problem.f(v) + sigma * float(noise_at(np.sum(v * (1, 2, 3, 4)))), problem.right, problem.x)


def _jumping(random: np.random.Generator) -> Problem:
    """Return a smooth f with jumps, none at x."""
    problem, count = _waves(random), 10.0 ** random.uniform(0, 2)
    return Problem(lambda v: problem.f(v) + 0.01 * np.sum(np.floor(count * v)), problem.right, problem.x)


def _hinges(random: np.random.Generator) -> Problem:
    data, x = random.normal(size=(25, 4)), random.normal(size=4)
    sides = np.where(random.random(25) < 0.5, -1.0, 1.0)
    is_in = (sides * (data @ x) < 1).astype(float)
    right = -(data * (sides * is_in)[:, np.newaxis]).mean(axis=0) + 0.02 * x
    return Problem(lambda w: np.mean(np.maximum(0, 1 - sides * (data @ w))) + 0.01 * np.sum(w**2), right, x)


def _quantiles(random: np.random.Generator) -> Problem:
    data, x, shares = random.normal(size=50)[:, np.newaxis], random.normal(size=3) / 2, np.array([0.1, 0.5, 0.9])
    right = np.where(data > x, -shares, 1 - shares).mean(axis=0)

    def loss(q: Any) -> Any:
        return np.sum(np.mean(np.maximum(shares * (data - q), (shares - 1) * (data - q)), axis=0))

    return Problem(loss, right, x)


def _lines_of_a_table(random: np.random.Generator) -> Problem:
    places = np.linspace(-4, 4, int(random.integers(20, 300)))
    values = np.sin(places) + 0.2 * places
    x = random.uniform(-3.5, 3.5, size=4)
    slopes = np.diff(values) / np.diff(places)
    right = slopes[np.searchsorted(places, x) - 1]
    return Problem(lambda v: np.sum(np.interp(v, places, values)), right, x)


def _entries_of_a_table(random: np.random.Generator) -> Problem:
    """Return a sum of a table's nearest entries and a smooth term: its slope is the smooth one's."""
    values = np.cumsum(random.normal(size=64)) / 10
    x = random.uniform(-3, 3, size=4)
    return Problem(
        lambda v: np.sum(values[np.clip((v + 4) * 8, 0, 63).astype(int)]) + np.sum(np.exp(v / 2)), np.exp(x / 2) / 2, x
    )


def _pooled(random: np.random.Generator) -> Problem:
    x, weights = random.normal(size=(4, 4)), random.normal(size=4)

    def pooled(v: Any) -> Any:
        return v.reshape(2, 2, 2, 2).max(axis=(1, 3)).reshape(-1)

    is_chosen = (np.repeat(np.repeat(pooled(x).reshape(2, 2), 2, 0), 2, 1) == x).astype(float)
    slopes = weights * (1 - np.tanh(pooled(x)) ** 2)
    right = is_chosen * np.repeat(np.repeat(slopes.reshape(2, 2), 2, 0), 2, 1)
    return Problem(lambda v: np.sum(weights * np.tanh(pooled(v))), right, x)


# --- Jacobians --------------------------------------------------------------------------------------------------------


def _robertson(random: np.random.Generator) -> Problem:
    x = np.array([random.uniform(0.1, 1), 10.0 ** random.uniform(-6, -4), random.uniform(0.01, 0.9)])

    def rhs(y: Any) -> Any:
        a, b = 0.04 * y[0] - 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.array([-a, a - b, b])

    one = np.array([0.04, -1e4 * x[2], -1e4 * x[1]])
    two = np.array([0, 6e7 * x[1], 0])
    return Problem(rhs, np.array([-one, one - two, two]), x)


def _softmax(random: np.random.Generator) -> Problem:
    x = random.normal(size=5) * 2
    p = np.exp(x) / np.exp(x).sum()
    return Problem(lambda z: np.exp(z) / np.exp(z).sum(), np.diag(p) - np.outer(p, p), x)


def _layer(dtype: Any) -> Any:
    def draw(random: np.random.Generator) -> Problem:
        weights, x = random.normal(size=(4, 4)).astype(dtype), random.normal(size=4).astype(dtype)
        right = weights * (1 - np.tanh(weights @ x) ** 2)[:, np.newaxis]
        return Problem(lambda v: np.tanh(weights @ v) + v[0], right + np.eye(4, dtype=dtype)[0], x)

    return draw


def _bratu(random: np.random.Generator) -> Problem:
    """Return a discretized equation with its tridiagonal, sparse Jacobian."""
    from scipy.sparse import diags_array

    x, n, h = random.uniform(0, 2, size=12), 12, 1 / 13

    def equations(u: Any) -> Any:
        padded = np.concatenate(([0], u, [0]))
        return (padded[2:] - 2 * u + padded[:-2]) / h**2 + np.exp(u)

    parts = [np.full(n - 1, h**-2), -2 / h**2 + np.exp(x), np.full(n - 1, h**-2)]
    return Problem(equations, diags_array(parts, offsets=(-1, 0, 1)).tocsr(), x)


def _hessian(dtype: Any) -> Any:
    def draw(random: np.random.Generator) -> Problem:
        design, x = random.normal(size=(20, 4)).astype(dtype), random.normal(size=4).astype(dtype)
        shares = _sigmoid(design @ x)
        right = design.T @ (design * (shares * (1 - shares))[:, np.newaxis]) + dtype(0.1) * np.eye(4, dtype=dtype)
        return Problem(lambda b: design.T @ _sigmoid(design @ b) + dtype(0.1) * b, right, x)

    return draw


FAMILIES = [
    Family("network", "smooth", _network(SMOOTH_NAMES, DOUBLE, (8, 64))),
    Family("softmax cross-entropy", "smooth", cross_entropy),
    Family("batch normalization", "smooth", batch_norm),
    Family("attention", "smooth", attention),
    Family("Poisson likelihood", "smooth", poisson),
    Family("Gaussian likelihood", "smooth", gaussian),
    Family("mixture likelihood", "smooth", mixture),
    Family("log-determinant", "smooth", log_determinant),
    Family("determinant", "smooth", determinant),
    Family("matrix factors", "smooth", factors),
    Family("diffusion solved", "smooth", diffusion),
    Family("Burgers' equation", "smooth", burgers),
    Family("stiff decays", "smooth", stiff),
    Family("ions in SI units", "smooth", coulomb),
    Family("black body in SI units", "smooth", planck),
    Family("f of 1e250", "smooth", _sized(1e250)),
    Family("f of 1e-250", "smooth", _sized(1e-250)),
    Family("constant of 1e5 to 1e9", "rough", offset),
    Family("float32 network", "single", _network((*SMOOTH_NAMES, "elu"), SINGLE, (8, 32, 100))),
    Family("float32 network, kinks", "single", _network(KINKED_NAMES, SINGLE, (8, 20))),
    Family("float32 network, 64 and 100 kinks", "single", _network(KINKED_NAMES, SINGLE, (64, 100))),
    Family("float32 network, float64 loss", "single", _network(SMOOTH_NAMES, SINGLE, (8, 64), of_loss=DOUBLE)),
    Family("float32 kinks, float64 loss", "single", _network(KINKED_NAMES, SINGLE, (8, 20), of_loss=DOUBLE)),
    Family("float32 inside, float64 x", "single", _network(SMOOTH_NAMES, SINGLE, (8, 64), **OUTSIDE)),
    Family("float32 kinks inside, float64 x", "single", _network(KINKED_NAMES, SINGLE, (8, 100), **OUTSIDE)),
    Family("float32 inside, rest float64", "single", _in_double(_network(SMOOTH_NAMES, SINGLE, (8, 64), **OUTSIDE))),
    Family("float32 kinks inside, rest float64", "single", _in_double(_network(KINKED_NAMES, SINGLE, (8,), **OUTSIDE))),
    Family("float32 cross-entropy", "single", lambda random: cross_entropy(random, SINGLE)),
    Family("float32 batch normalization", "single", lambda random: batch_norm(random, SINGLE)),
    Family("float16 network", "rough", _network(SMOOTH_NAMES, HALF, (8,))),
    Family("float16 inside, float64 x", "rough", _network(SMOOTH_NAMES, HALF, (8,), of_x=DOUBLE, of_loss=SINGLE)),
    Family("rounded to decimals", "rough", _rounded),
    Family("read by a converter", "rough", _converted),
    Family("noise of 1e-11 to 1e-4", "rough", _noisy),
    Family("iterated to 1e-9", "rough", iterated),
    Family("cancelling variance", "rough", cancelling_variance),
    Family("jumps", "rough", _jumping),
    Family("hinge loss", "rough", _hinges),
    Family("quantile loss", "rough", _quantiles),
    Family("max pooling", "rough", _pooled),
    Family("lines of a table", "rough", _lines_of_a_table),
    Family("entries of a table", "rough", _entries_of_a_table),
    Family("payoff of fixed samples", "rough", _payoff),
    Family("Jacobian: Robertson", "smooth", _robertson, is_jacobian=True),
    Family("Jacobian: softmax", "smooth", _softmax, is_jacobian=True),
    Family("Jacobian: float32 layer", "single", _layer(SINGLE), is_jacobian=True),
    Family("Jacobian: sparse equations", "smooth", _bratu, is_jacobian=True),
    Family("Jacobian of a gradient", "smooth", _hessian(DOUBLE), is_jacobian=True),
    Family("Jacobian of a float32 gradient", "single", _hessian(SINGLE), is_jacobian=True),
]
