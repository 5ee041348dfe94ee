"""check_jacobian names the entries that are wrong, dense or sparse."""

import functools
import re

import numpy as np
import pytest

from gradfast import check_gradient, check_jacobian


def three_values(x):
    return np.array([x[0] * x[1], np.sin(x[0]), x[1] ** 2])


def jacobian_of_three_values(x):
    return np.array([[x[1], x[0]], [np.cos(x[0]), 0.0], [0.0, 2 * x[1]]])


@pytest.mark.parametrize(("row", "column"), [(2, 1), (0, 0), (1, 1)])
def test_wrong_entries_of_a_jacobian_are_named(row, column):
    def wrong(x):
        jacobian = jacobian_of_three_values(x)
        jacobian[row, column] += 1e-3
        return jacobian

    x = np.array([1.0, 2.0])
    right = check_jacobian(three_values, jacobian_of_three_values, x)
    assert right
    assert right.verdict.tolist() == ["right"] * 6
    assert right.evaluations <= 1 + 2 * 4
    check = check_jacobian(three_values, wrong, x)
    assert not check
    assert check.name[check.verdict == "wrong"].tolist() == [f"J[{row}, {column}]"]
    assert str(check).startswith("Jacobian check failed: 1 wrong")
    assert not check_jacobian(three_values, lambda x: -wrong(x), x, directions=2)


def test_a_hessian_is_the_jacobian_of_a_gradient():
    from scipy.optimize import rosen_der, rosen_hess

    x = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    assert check_jacobian(rosen_der, rosen_hess, x)
    assert check_jacobian(rosen_der, rosen_hess, x, directions=3, coordinates=2).name.size == 2 * 5 + 3 * 5
    assert not check_jacobian(rosen_der, lambda x: rosen_hess(x) * 1.02, x)


def test_rows_of_a_jacobian_are_held_to_their_own_size():
    def f(x):
        return np.array([1e8 * np.exp(x[0]) + x[1], 1e-8 * np.sin(x[0]) * x[1]])

    def jacobian(x, factor=1.0):
        first = [1e8 * np.exp(x[0]), 1.0]
        return np.array([first, [1e-8 * np.cos(x[0]) * x[1], factor * 1e-8 * np.sin(x[0])]])

    x = np.array([0.5, 1.5])
    assert check_jacobian(f, jacobian, x)
    check = check_jacobian(f, lambda x: jacobian(x, 1.1), x)
    assert check.name[check.verdict == "wrong"].tolist() == ["J[1, 1]"]


def test_a_jacobian_may_have_the_shapes_of_f_and_x_or_be_a_matrix():
    def jacobian(x):
        return np.einsum("ij,ik,jl->ijkl", 2 * x, np.eye(2), np.eye(2))

    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    check = check_jacobian(np.square, jacobian, x)
    assert check
    assert check.name[5] == "J[0, 1, 0, 1]"
    assert check_jacobian(np.square, jacobian(x).reshape(4, 4), x).name[5] == "J[1, 1]"


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_sparse_jacobians_are_checked_outside_their_pattern_too(kind):
    sparse = pytest.importorskip("scipy.sparse")
    x = np.linspace(1.0, 2.0, 40)
    right = sparse.diags_array([2 * x, np.ones(39)], offsets=[0, 1])

    def f(x):
        return x**2 + np.append(x[1:], 0)

    check = check_jacobian(f, right.asformat(kind), x)
    assert check
    assert check.name.size == 79
    assert check.evaluations <= 1 + 4 * 40
    wrong = right.tolil()
    wrong[3, 3], wrong[5, 6], wrong[30, 2] = 6.0, 0.0, 0.1
    check = check_jacobian(f, lambda x: wrong.asformat(kind), x)
    assert sorted(check.name[check.verdict == "wrong"].tolist()) == ["J[3, 3]", "J[30, 2]", "J[5, 6]"]


@pytest.mark.parametrize(
    ("kind", "part", "found"),
    [
        ("csr", "indices", "jacobian must have columns from 0 to 3; got 1 to 50000000"),
        ("csc", "indices", "jacobian must have rows from 0 to 3; got 1 to 50000000"),
        ("csr", "indptr", "jacobian must have rows that start from 0 to 4 in order"),
        ("coo", "row", "must lie within the shape"),
    ],
)
def test_sparse_jacobians_with_indices_out_of_range_raise(kind, part, found):
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.eye_array(4).asformat(kind)
    getattr(matrix, part)[0] = 50_000_000
    with pytest.raises(ValueError, match=found):
        check_jacobian(np.positive, matrix, np.ones(4))


def test_sparse_jacobians_that_are_no_matrix_of_real_numbers_raise():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="jacobian must hold real numbers; got <"):
        check_jacobian(np.positive, sparse.eye_array(2) * (1 + 1j), np.ones(2))
    with pytest.raises(ValueError, match=r"jacobian must be a matrix if it is sparse; got an array of shape \(2,\)"):
        check_jacobian(np.sum, sparse.coo_array(np.ones(2)), np.ones(2))


def of_one_each(x):
    """Return values that one coordinate moves each, and their Jacobian."""
    return x**2, np.diag(2 * x)


@functools.cache
def around(n):
    return sum(np.diag(np.full(n - abs(offset), value), offset) for offset, value in ((-1, 1.0), (0, -2.0), (1, 1.0)))


@functools.cache
def blocks(n):
    return np.kron(np.eye(n // 4), np.arange(1.0, 321.0).reshape(80, 4) / 100)


def of_three_each(x):
    values = np.exp(around(x.size) @ x)
    return values, values[:, np.newaxis] * around(x.size)


def of_four_each_and_many_values(x):
    """Return 20 values a coordinate, in blocks."""
    inner = blocks(x.size) @ x
    return np.sin(inner), np.cos(inner)[:, np.newaxis] * blocks(x.size)


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    ("both", "n"), [(of_one_each, 101), (of_one_each, 300), (of_three_each, 300), (of_four_each_and_many_values, 80)]
)
def test_values_that_few_of_many_coordinates_move_are_decided_by_a_pair_each(both, n, is_sparse):
    sparse = pytest.importorskip("scipy.sparse")
    x = np.linspace(1.0, 2.0, n)
    right = both(x)[1]
    claimed = sparse.csr_array if is_sparse else np.asarray

    def f(x):
        return both(x)[0]

    check = check_jacobian(f, claimed(right), x)
    assert (check.verdict == "right").all()
    assert check.evaluations == 1 + 2 * n
    wrong, (off, missing) = right.copy(), np.argwhere(right)[[7, -9]]
    wrong[tuple(off)] *= 1.1
    wrong[tuple(missing)] = 0.0
    wrong[5, n - 7] = 0.5
    check = check_jacobian(f, claimed(wrong), x)
    named = {f"J[{i}, {j}]" for i, j in (off, missing, (5, n - 7))}
    assert set(check.name[check.verdict == "wrong"]) == named
    assert (check.verdict != "right").sum() == 3


@pytest.mark.parametrize("both", [of_one_each, of_three_each, of_four_each_and_many_values])
def test_values_are_known_by_coordinates_that_are_judged_later(both, monkeypatch):
    monkeypatch.setattr("gradfast.reports.check_claims.MOST_ENTRIES", 1000)
    x = np.linspace(1.0, 2.0, 40)
    check = check_jacobian(lambda x: both(x)[0], lambda x: both(x)[1], x)
    assert (check.verdict == "right").all()
    assert check.evaluations == 1 + 2 * x.size


@pytest.mark.parametrize(("shape", "x"), [((3, 3), [1.0, 2.0]), ((2, 3), [1.0, 2.0]), ((6,), [1.0, 2.0])])
def test_jacobians_of_another_shape_raise(shape, x):
    message = (
        rf"^jacobian must have the shape \(3, 2\), of f\(x\) and x, or \(3, 2\); got shape {re.escape(str(shape))}$"
    )
    with pytest.raises(ValueError, match=message):
        check_jacobian(three_values, np.ones(shape), x)


def test_jacobians_that_change_x_raise():
    def jacobian(x):
        x[0] = 5.0
        return np.eye(2)

    x = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="^jacobian must leave x as it is; it changed x$"):
        check_jacobian(np.square, jacobian, x)
    assert x.tolist() == [1.0, 2.0]


def test_nothing_to_check_is_right():
    assert check_gradient(lambda x: 1.0, [], []).name.size == 0
    assert check_jacobian(lambda x: np.zeros(3), np.zeros((3, 0)), []).name.size == 0


@pytest.mark.parametrize("options", [{}, {"coordinates": 1}, {"directions": 2}, {"bounds": (0, 9)}])
@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_a_jacobian_of_no_values_is_right(shape, dtype, options):
    x = np.arange(1, 4).astype(dtype)
    check = check_jacobian(lambda x: np.zeros(shape), np.zeros((*shape, 3)), x, **options)
    assert (len(check.name), check.outcome) == (0, "passed")
    assert str(check).startswith("Jacobian check passed: 0 wrong, 0 cannot tell, 0 kink, 0 right")


def test_an_entry_is_not_right_because_another_of_its_coordinate_was_looked_at_longer():
    for seed in range(40):
        random = np.random.default_rng(seed)
        weights, x = random.normal(size=(4, 4)).astype(np.float32), random.normal(size=4).astype(np.float32)

        def layer(v, weights=weights):
            return np.tanh(weights @ v) + v[0]

        right = weights * (1 - np.tanh(weights @ x) ** 2)[:, np.newaxis]
        right[:, 0] += 1
        check = check_jacobian(layer, np.float32(1.1) * right, x)
        places = [tuple(map(int, re.findall(r"\d+", name))) for name in check.name]
        large = np.array([abs(right[place]) > 1e-3 for place in places])
        assert not np.any((check.verdict == "right") & large), seed


def test_entries_of_a_sparse_jacobian_that_cannot_be_told_are_shown():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    check = check_jacobian(lambda x: np.array([x[0], 1e20]), sparse.csr_array([[1.0, 0.0], [0.0, 0.0]]), [1.0, 2.0])
    assert dict(zip(check.name, check.verdict, strict=True)) == {
        "J[0, 0]": "right", "J[1, 0]": "cannot tell", "J[1, 1]": "cannot tell"
    }  # fmt: skip
    assert check.outcome == "undecided"


@pytest.mark.parametrize("constant", [-9.81, 0.0, 3e4])
def test_a_value_that_is_constant_beside_others_has_a_derivative_of_0(constant):
    """As in y'' = g, written as two equations of first order."""

    def f(y):
        return np.array([1e4 * y[1], constant])

    y = [1.3, 2.7]
    assert check_jacobian(f, [[0, 1e4], [0, 0]], y)
    claimed = check_jacobian(f, [[0, 1e4], [0, 1.0]], y)
    assert claimed.verdict[list(claimed.name).index("J[1, 1]")] == "wrong"


def test_a_value_of_0_beside_a_smooth_one_takes_a_pair_a_coordinate():
    x = np.linspace(0.5, 1.5, 6)
    check = check_jacobian(lambda x: np.array([np.exp(x).sum(), 0.0]), [np.exp(x), 0 * x], x)
    assert check.verdict.tolist() == ["right"] * 12
    assert check.evaluations == 1 + 2 * 6


COARSE = {
    "steps of 16384": (lambda x: np.array([np.sin(x[0]), 1e20 + x[1]]), np.cos(1.3)),
    "decimals": (lambda x: np.round([1000 * x[0], x[1]], 3), 1000),
    "decimals beside a smooth value": (lambda x: np.array([np.sin(x[0]), np.round(x[1], 3)]), np.cos(1.3)),
    "all at rest": (lambda x: np.array([3.0, np.float32(5 + 1e-8 * x[1])]), 0),
}


@pytest.mark.parametrize("kind", COARSE)
def test_a_value_too_coarse_to_move_is_not_known_to_be_constant(kind):
    f, slope = COARSE[kind]
    check = check_jacobian(f, [[slope, 0], [0, 0]], [1.3, 2.7])
    assert check.verdict[list(check.name).index("J[1, 1]")] != "right"
