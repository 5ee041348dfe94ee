"""verify=True finds the entries that a sparsity lacks, and blames no complete one."""

import re
from operator import attrgetter

import numpy as np
import pytest
from objectives import chain, chain_jacobian, energy_gradient, point
from ways import AT_A_POINT

from gradfast import Backward, Central, Complex, Forward, hessian, jacobian

sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")

METHODS = ["central", "forward", "backward", "complex", Central(4), Forward(2), Backward(3)]
every_method = pytest.mark.parametrize("method", METHODS, ids=repr)
every_way = pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin


@every_way
@every_method
def test_a_pattern_that_lacks_an_entry_is_found(way, method):
    x = point(30)
    pattern = chain_jacobian(x).toarray() != 0
    pattern[7, 8] = False
    with pytest.raises(
        ValueError, match=r"sparsity must hold every entry that f depends on.*value 7 of f .* a residual"
    ):
        way.jacobian(chain, x, method=method, sparsity=pattern, verify=True)
    assert np.array_equal(x, point(30))


def test_a_symmetric_pattern_that_lacks_an_entry_is_found():
    with pytest.raises(ValueError, match="sparsity must hold every entry"):
        hessian(None, point(9), gradient=energy_gradient, sparsity=np.eye(9), verify=True)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_a_right_pattern_is_not_blamed_for_curvature_or_rounding(scale):
    for seed in range(20):
        x = point(30, seed=seed) * scale
        x[::5] = 0
        jacobian(lambda x: np.exp(np.sin(x / scale)) - 1 + 1e5, x, sparsity=np.eye(30), verify=True)
        jacobian(lambda x: (x / scale) ** 2, x, sparsity=np.eye(30), verify=True)


def random_rows(rng, missing=0.0):
    """Return a random matrix and, a missing part of its row's length more in one entry, what f is made of."""
    m, n = rng.integers(5, 30, 2)
    entries = int(rng.integers(1, n))
    matrix = np.zeros((m, n))
    for row in matrix:
        row[rng.choice(n, entries, replace=False)] = rng.uniform(0.3, 1, entries) * rng.choice([-1, 1], entries)
    i = rng.integers(m)
    whole = matrix.copy()
    whole[i, rng.choice(np.flatnonzero(whole[i] == 0))] = missing * np.linalg.norm(matrix[i])
    return matrix, whole, i


@pytest.mark.parametrize("method", ["central", "forward", "backward", "complex"])
@pytest.mark.parametrize(
    "bend", [np.abs, lambda y: np.maximum(y, 0), lambda y: np.maximum(y, 0.1 * y)], ids=["abs", "relu", "leaky"]
)
def test_kinks_at_x_are_not_missing_entries(method, bend):
    if method == "complex":
        method, bend = Complex(check=False), lambda y: np.where(y.real > 0, y, 0.1 * y)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        matrix, whole, i = random_rows(rng, 0.1)
        x = rng.normal(size=matrix.shape[1])
        at = x.copy()  # which does not move
        assert value_blamed(lambda z, m=matrix, at=at: bend(m @ z - m @ at), x, matrix, method=method) is None
        assert value_blamed(lambda z, m=whole, at=at: bend(m @ z - m @ at), x, matrix, method=method) in (None, i)


def value_blamed(f, x, sparsity, **options):
    """Return which value of f the error of a verification names, or None."""
    try:
        jacobian(f, x, sparsity=sparsity, verify=True, **options)
    except ValueError as error:
        return int(re.search(r"must hold every entry that f depends on; .* value (\d+) of f", str(error))[1])


MISSING = [
    ("central", "f8", np.sin),
    ("forward", "f8", np.exp),
    (Central(4), "f8", np.tanh),
    ("complex", "f8", np.exp),
    ("central", "f4", lambda y: y + y**2),
]


@pytest.mark.parametrize(("method", "kind", "bend"), MISSING)
@pytest.mark.parametrize("larger", [1.0, 1e4])
def test_a_missing_entry_of_a_hundredth_of_its_row_is_found_beside_larger_rows(method, kind, bend, larger):
    missed = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        matrix, whole, i = random_rows(rng, 0.01)
        size = np.where(np.arange(len(whole)) == (i + 1) % len(whole), larger, 1)
        x = rng.uniform(0.5, 2, matrix.shape[1]).astype(kind)
        blamed = value_blamed(lambda x, w=whole, size=size: bend(w @ x / 9) * size, x, matrix, method=method)
        assert blamed in (None, i)
        missed += blamed is None
    assert missed <= (0 if kind == "f8" else 1)


ROUGH = {
    "single precision at doubles": ({}, lambda y, rng: y.astype("f4")),
    "single precision, forward": ({"method": "forward"}, lambda y, rng: y.astype("f4")),
    "rounded": ({}, lambda y, rng: np.round(y, 6)),
    "rounded coarsely": ({}, lambda y, rng: np.round(y, 2)),
    "noisy": ({}, lambda y, rng: y + 1e-6 * rng.normal(size=y.shape)),
    "noisy, with steps for it": ({"method": Central(noise=1e-4)}, lambda y, rng: y + 1e-4 * rng.normal(size=y.shape)),
    "far from 0": ({}, lambda y, rng: 1e9 + y),
    "long steps": ({"method": Central(step=0.1)}, lambda y, rng: np.exp(3 * y)),
    "long steps forward": ({"method": Forward(step=0.1)}, lambda y, rng: np.exp(3 * y)),
    "bounds": ({"bounds": (0.5, 2)}, lambda y, rng: np.sin(y)),
    "overflow": ({}, lambda y, rng: y * 1e308),
    "steps longer than waves": ({"method": Central(step=0.1)}, lambda y, rng: np.sin(1e5 * y)),
    "kinks": ({"method": Central(step=0.3)}, lambda y, rng: np.abs(y)),
}


@pytest.mark.parametrize("kind", ["f4", "f8", "g"])
@pytest.mark.parametrize("name", ROUGH)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_complete_pattern_is_never_blamed(name, kind):
    options, rough = ROUGH[name]
    for seed in range(15):
        rng = np.random.default_rng(seed)
        matrix, _, _ = random_rows(rng)
        scale = 10.0 ** rng.integers(0, 12, matrix.shape[1]) if not options else 1
        x = (scale * rng.choice([0.5, 1, 1.7, 2], matrix.shape[1])).astype(kind)
        values = (lambda x, m=matrix, s=scale, rng=rng: rough(m @ (x / s), rng),)
        assert value_blamed(*values, x, matrix, **options) is None


def test_to_verify_a_linear_f_takes_four_evaluations_more(counted):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        matrix, _, _ = random_rows(rng)
        x, calls = rng.uniform(0.5, 2, matrix.shape[1]), []
        for verify in (False, True):
            f = counted(lambda z, m=matrix: 1e9 + m @ z)
            jacobian(f, x, sparsity=matrix, verify=verify)
            calls.append(f.calls)
        assert calls[1] == calls[0] + 4


def test_a_verification_stays_as_near_as_the_jacobian():
    """The first coordinate is moved to one side, twice as far as the second, which has no room for that."""
    x, farthest = np.ones(2), []

    def f(z):
        seen.append(np.abs(z - 1))
        return np.array([z[0] ** 2, np.sin(z[1])])

    for verify in (False, True):
        seen = []
        bounds = ([1, 0.985], [2, 1.015])
        jacobian(f, x, sparsity=np.eye(2), verify=verify, method=Central(step=0.01), bounds=bounds)
        farthest.append(np.max(seen, axis=0))
    assert farthest[0] == pytest.approx([0.02, 0.01])
    assert (farthest[1] <= farthest[0]).all()


def test_a_tiny_missing_entry_of_a_linear_f_is_found():
    for seed in range(40):
        matrix, whole, i = random_rows(np.random.default_rng(seed), 1e-4)
        x = np.random.default_rng(seed).uniform(0.5, 2, matrix.shape[1])
        assert value_blamed(lambda z, w=whole: w @ z, x, matrix) == i


def test_a_value_that_does_not_move_along_directions_is_not_blamed():
    for seed in (*range(5), 34):
        rng = np.random.default_rng(seed)
        matrix, _, _ = random_rows(rng)
        x = rng.uniform(0.5, 2, matrix.shape[1])
        f = lambda z, m=matrix: np.round(m @ z, 1)  # noqa: E731
        assert value_blamed(f, x, matrix, method=Central(step=0.1)) is None
