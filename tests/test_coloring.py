"""Colorings are right and have few colors; patterns may be given in many ways."""

import copy
import pickle
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradfast import Coloring, Jacobian, jacobian
from gradfast._kernels import greedy_coloring as kernels
from gradfast.coloring import banded
from gradfast.values import sparse_patterns
from gradfast.values.sparse_patterns import Pattern

sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
numdiff = pytest.importorskip("scipy.optimize._numdiff", reason="SciPy has moved its group_columns")


def tridiagonal(n):
    return sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1]).tocsr()


def laplacian(m, dimensions):
    """Return the pattern of the Laplacian on a grid of m points a side."""
    total, eye = tridiagonal(m), sparse.eye_array(m)
    for d in range(1, dimensions):
        total = sparse.kron(total, eye) + sparse.kron(sparse.eye_array(m**d), tridiagonal(m))
    return sparse.csr_array(total)


def arrow(n):
    pattern = np.eye(n, dtype=bool)
    pattern[0] = pattern[:, 0] = True
    return pattern


def at_random(rows, columns, density, seed=0):
    return sparse.random_array((rows, columns), density=density, rng=np.random.default_rng(seed), format="csr")


STRUCTURED = {
    "tridiagonal": tridiagonal(3000),
    "two diagonals below, five above": sparse.csr_array(
        sparse.diags_array([np.ones(400 - abs(k)) for k in range(-2, 6)], offsets=range(-2, 6))
    ),
    "nine points": sparse.csr_array(sparse.kron(tridiagonal(20), tridiagonal(20))),
    **{f"five points, {m} x {m}": laplacian(m, 2) for m in (10, 17, 50, 99, 100, 101, 300)},
    "seven points": laplacian(15, 3),
}
IRREGULAR = {
    "arrow": sparse.csr_array(arrow(50)),
    "with a diagonal": sparse.csr_array(at_random(500, 500, 0.004) + sparse.eye_array(500)),
    "tall": at_random(900, 100, 0.02),
    "wide": at_random(100, 900, 0.02),
    **{f"random {seed}, {d} a row": at_random(600, 600, d / 600, seed) for seed in range(4) for d in (2, 5, 12)},
}
EVERY = STRUCTURED | IRREGULAR


def is_right(coloring, pattern):
    """Return whether every column has one color, and no row has two entries of the same color."""
    pattern = sparse.csr_array(pattern)
    n = pattern.shape[1]
    groups = coloring.groups
    members = np.concatenate([np.empty(0, int), *groups])
    if len(groups) != coloring.n_colors or not np.array_equal(np.sort(members), np.arange(n)):
        return False
    which = sparse.csr_array((np.ones(n), (np.arange(n), coloring.colors)), shape=(n, max(1, coloring.n_colors)))
    ones = sparse.csr_array((np.ones(pattern.nnz), pattern.indices, pattern.indptr), pattern.shape)
    return (ones @ which).data.max(initial=0) <= 1


# --- few colors, and right ones ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", EVERY.values(), ids=EVERY)
def test_colors_meet_no_row_twice(pattern):
    assert is_right(Coloring(pattern), pattern)


@pytest.mark.parametrize("pattern", EVERY.values(), ids=EVERY)
def test_colors_are_at_most_scipys_groups(pattern):
    assert Coloring(pattern).n_colors <= numdiff.group_columns(pattern).max() + 1


@pytest.mark.parametrize("pattern", STRUCTURED.values(), ids=STRUCTURED)
def test_bands_and_grids_need_few_colors(pattern):
    assert Coloring(pattern).n_colors <= 1.2 * np.diff(pattern.indptr).max()


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12), st.floats(0, 1))
def test_any_pattern_is_colored_right(seed, rows, columns, density):
    pattern = np.random.default_rng(seed).random((rows, columns)) < density
    coloring = Coloring(pattern)
    assert is_right(coloring, pattern)
    assert coloring.shape == pattern.shape


def test_tridiagonal_patterns_take_three_colors():
    coloring = Coloring(banded(100_000, 1, 1))
    assert coloring.n_colors == 3
    assert repr(coloring) == "<Coloring of shape (100000, 100000), 299998 entries: 3 colors>"


def test_shuffled_tridiagonal_patterns_take_three_colors():
    rng = np.random.default_rng(0)
    pattern = tridiagonal(2000)[rng.permutation(2000)][:, rng.permutation(2000)]
    assert Coloring(pattern).n_colors == 3


def test_full_rows_are_colored_fast():
    n = 200_000
    start = time.process_time()
    assert Coloring((np.zeros(n, int), np.arange(n))).n_colors == n
    assert time.process_time() - start < 5  # its pairs would take a minute


# --- symmetric --------------------------------------------------------------------------------------------------------


def read_back(matrix, symmetric):
    """Return a symmetric matrix that is read from the sums of its columns of each color, and the coloring."""
    coloring = Coloring(matrix != 0, symmetric=symmetric)
    sums = np.stack([matrix[:, group].sum(axis=1) for group in coloring.groups], axis=1)
    starts, rows, places, mirrors = coloring.entries
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    data = np.full(coloring.pattern.columns.size, np.nan)
    data[places] = data[mirrors] = sums[rows, coloring.colors[columns]]
    result = np.zeros(matrix.shape)
    result[coloring.pattern.rows, coloring.pattern.columns] = data
    return result, coloring


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0, 1), st.booleans())
def test_symmetric_matrices_are_read_back(seed, n, density, has_diagonal):
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((n, n)) < density, rng.integers(1, 100, (n, n)), 0)
    matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T + (np.diag(np.arange(1, n + 1)) if has_diagonal else 0)
    assert np.array_equal(read_back(matrix, True)[0], matrix)
    assert np.array_equal(read_back(matrix, False)[0], matrix)


@pytest.mark.parametrize("at", [0, -1])
def test_symmetric_arrows_take_two_colors(at):
    matrix = np.roll(arrow(30), at, (0, 1)).astype(float)
    found, coloring = read_back(matrix, True)
    assert np.array_equal(found, matrix)
    assert coloring.n_colors == 2
    assert Coloring(matrix).n_colors == 30
    assert "symmetric: 2 colors" in repr(coloring)


def test_symmetric_grids_and_bands_need_few_colors():
    assert Coloring(laplacian(30, 2), symmetric=True).n_colors == 5
    assert Coloring(banded(50, 1, 1), symmetric=True).n_colors == 3


def test_large_arrows_are_colored_fast():
    n = 100_000
    i, zero = np.arange(n), np.zeros(n, int)
    start = time.perf_counter()
    assert Coloring((np.r_[i, i, zero], np.r_[i, zero, i]), symmetric=True).n_colors == 2
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (np.ones((2, 3)), r"pattern must be square to be symmetric; got shape \(2, 3\)"),
        (np.triu(np.ones((3, 3))), r"pattern must be symmetric; got \(0, 1\) without \(1, 0\)"),
    ],
)
def test_unsymmetric_patterns_raise(pattern, message):
    with pytest.raises(ValueError, match=message):
        Coloring(pattern, symmetric=True)


# --- patterns ---------------------------------------------------------------------------------------------------------

ENTRIES = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 0]], bool)


@pytest.mark.parametrize(
    "pattern",
    [
        ENTRIES,
        ENTRIES.tolist(),
        ENTRIES.astype(float) * 7,
        sparse.csr_array(ENTRIES),
        sparse.csc_matrix(ENTRIES),
        sparse.coo_array(ENTRIES),
        sparse.lil_array(ENTRIES),
        sparse.coo_array((np.zeros(5), ([0, 2, 2, 0, 2], [2, 1, 2, 0, 1])), shape=(3, 4)),
        Coloring(ENTRIES).pattern,
    ],
    ids=["bool", "lists", "numbers", "csr", "csc", "coo", "lil", "zeros, unsorted, twice", "pattern"],
)
def test_matrices_of_any_kind_are_patterns(pattern):
    found = Coloring(pattern, (3, 4)).pattern
    assert found.shape == (3, 4)
    assert np.array_equal(found.row_starts, [0, 2, 2, 4])
    assert np.array_equal(found.columns, [0, 2, 1, 2])
    assert np.array_equal(found.rows, [0, 0, 2, 2])
    assert repr(found) == "<pattern of shape (3, 4), 4 entries>"


def test_pairs_of_indices_are_patterns():
    rows, columns = [2, 0, 0, 2, 2], [2, 2, 0, 1, 1]
    assert Coloring((rows, columns)).shape == (3, 3)
    coloring = Coloring((np.array(rows, np.uint8), columns), shape=(4, 5))
    assert coloring.shape == (4, 5)
    assert np.array_equal(coloring.pattern.columns, [0, 2, 1, 2])
    assert Coloring(([], []), shape=(2, 3)).pattern.columns.size == 0
    assert (Coloring(([], [])).n_colors, Coloring(([], [])).shape) == (0, (0, 0))


@pytest.mark.parametrize(("n", "lower", "upper"), [(0, 1, 1), (1, 2, 0), (6, 0, 0), (6, 2, 1), (4, 9, 0), (5, 0, 9)])
def test_bands_hold_their_diagonals(n, lower, upper):
    i, j = np.indices((n, n))
    pattern = banded(n, lower, upper)
    assert isinstance(pattern, Pattern)
    dense = np.zeros((n, n), bool)
    dense[pattern.rows, pattern.columns] = True
    assert np.array_equal(dense, (j - i <= upper) & (i - j <= lower))
    assert Coloring(pattern).n_colors <= lower + upper + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1, 1), "n must be a whole number from 0 up; got -1"),
        ((4, 1.5, 1), "lower must be a whole number from 0 up; got 1.5"),
        ((4, 1, True), "upper must be a whole number from 0 up; got True"),
        ((10**12, 1, 1), r"banded\(n, lower, upper\) must have fewer than 2147483647 rows, columns and entries; got"),
        ((10**30, 10**30, 0), r"banded\(n, lower, upper\) must have fewer than 2147483647 rows"),
        ((10**6, 10**6, 10**6), "got shape .1000000, 1000000. and 1000000000000 entries"),
    ],
)
def test_invalid_bands_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        banded(*arguments)


@pytest.mark.parametrize(
    ("pattern", "shape", "message"),
    [
        ([1, 2], None, r"pattern must be a sparse matrix, .*; got an array of shape \(2,\) and dtype int64"),
        ("ab", None, r"pattern must be a sparse matrix, .*; got an array of shape \(\)"),
        (None, None, "pattern must be a sparse matrix, .*; got None"),
        (([0],), None, r"pattern must be a pair \(rows, cols\) if it is a tuple; got 1 items"),
        (([0, 1], [0]), None, r"equally many of each; got shapes \(2,\) and \(1,\)"),
        (([0.0], [1.0]), None, r"pattern must be a pair \(rows, cols\) of integers, .*dtypes float64 and float64"),
        (([0, 4], [0, 0]), (3, 3), r"pattern\[0\] must lie within the shape \(3, 3\); got 4"),
        (([0, 1], [0, -1]), (3, 3), r"pattern\[1\] must lie within the shape \(3, 3\); got -1"),
        (ENTRIES, (4, 3), r"shape must be that of the pattern, \(3, 4\); got \(4, 3\)"),
        (([0], [0]), (2**31, 2), r"pattern must have fewer than 2147483647 rows, columns and entries; got"),
    ],
)
def test_invalid_patterns_raise(pattern, shape, message):
    with pytest.raises(ValueError, match=message):
        Coloring(pattern, shape)


def damaged(kind, **items):
    """Return a sparse matrix with an item of some of its arrays changed behind its back."""
    matrix = (
        sparse.bsr_array(np.eye(4), blocksize=(2, 2)) if kind == "bsr" else sparse.csr_array(np.eye(4)).asformat(kind)
    )
    for name, (i, value) in items.items():
        getattr(matrix, name)[i] = value
    return matrix


class Lying:
    shape = (4, 4)

    def __init__(self, answer):
        self.answer = answer

    def tocsr(self):
        return self.answer


COMPRESSED = ("csr", "csc", "bsr")
DAMAGED = {
    **{f"{kind}, index {i}": damaged(kind, indices=(0, i)) for kind in COMPRESSED for i in (5 * 10**7, 4, -1)},
    **{f"{kind}, start {i}": damaged(kind, indptr=(1, i)) for kind in COMPRESSED for i in (5 * 10**7, -1)},
    **{f"{kind}, end {i}": damaged(kind, indptr=(-1, i)) for kind in COMPRESSED for i in (5 * 10**7, -1)},
    **{f"coo, row {i}": damaged("coo", row=(0, i)) for i in (5 * 10**7, 4, -1)},
    **{f"coo, column {i}": damaged("coo", col=(0, i)) for i in (5 * 10**7, 4, -1)},
    "lil": damaged("lil", rows=(0, [5 * 10**7])),
    "no tocsr": Lying(None),
    "its own tocsr": Lying(Lying(None)),
    "a dense tocsr": Lying(np.eye(4)),
    "a tocsr of another shape": Lying(sparse.csr_array(np.eye(3))),
    "without indices": Lying(SimpleNamespace(shape=(4, 4), indptr=np.arange(5))),
    "pairs": ([0, 1], [0, 4]),
    "huge pairs": (np.array([2**63], np.uint64), [0]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_patterns_raise_and_name_the_argument(name):
    number = re.search(r"-?\d*$", name)[0]  # which does not fit; SciPy's own errors, which ours quote, do not name it
    with pytest.raises(ValueError, match=rf"^pattern[\s\S]*(got [\s\S]*{number}|raised|returned)"):
        Coloring(DAMAGED[name], (4, 4))
    with pytest.raises(ValueError, match=rf"^sparsity[\s\S]*(got [\s\S]*{number}|raised|returned)"):
        jacobian(np.square, np.ones(4), sparsity=DAMAGED[name])


def test_patterns_that_are_no_matrix_raise():
    class Failing:
        shape = (4, 4)

        def tocsr(self):
            raise ZeroDivisionError("no")

    with pytest.raises(
        ValueError, match=r"pattern must have a tocsr\(\) that works; it raised ZeroDivisionError\('no'"
    ):
        Coloring(Failing())
    with pytest.raises(ValueError, match="pattern must be a matrix if it is sparse; got an array of shape x"):
        Coloring(SimpleNamespace(shape="x", tocsr=None))
    with pytest.raises(ValueError, match=r"pattern must have integers in indices; got shape \(4,\), dtype float64"):
        Coloring(Lying(SimpleNamespace(shape=(4, 4), indptr=np.arange(5), indices=np.arange(4.0))))


AGAIN = {"itself": lambda c: c, "pickled": lambda c: pickle.loads(pickle.dumps(c)), "copied": copy.deepcopy}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("symmetric", [False, True])
def test_no_array_of_a_coloring_can_be_written_to(again, symmetric):
    coloring = Coloring(banded(6, 1, 1), symmetric=symmetric)
    assert len(coloring.entries) == 4
    found = again(coloring)
    pattern = found.pattern
    arrays = (pattern.row_starts, pattern.columns, *pattern.by_columns, *found.entries, found.colors, *found.groups)
    assert not any(array.flags.writeable for array in (*arrays, found.columns, found.starts))
    assert found == coloring


def work_of_kernels():
    """Return a call of each kernel that takes a while, and what it writes last, -1 before."""
    n, many = 8000, 5_000_000
    one_row = (
        np.array([0, n], np.intc),
        np.arange(n, dtype=np.intc),
        np.arange(n + 1, dtype=np.intc),
        np.zeros(n, np.intc),
    )
    square = np.arange(0, 10**6 + 1, 1000, dtype=np.intc), np.tile(np.arange(1000, dtype=np.intc), 1000)
    keys, out = np.zeros(many, np.intc), np.full(many, -1, np.intc)
    starts, order, colors = np.arange(many + 1, dtype=np.intc), np.arange(n, dtype=np.intc), np.full(n, -1, np.intc)
    degrees = np.full(many, -1, np.int64)
    return {
        "transpose": (lambda: kernels.transpose(starts, keys, np.empty(2, np.intc), out, out), out[-1:]),
        "degrees": (lambda: kernels.degrees(np.array([0, 1], np.intc), starts, keys, degrees), degrees[-1:]),
        "greedy": (lambda: kernels.greedy(*one_row, order, colors), colors[-1:]),
        "greedy, in turn": (lambda: kernels.greedy(*one_row, order, colors, n), colors[-1:]),
        "star": (lambda: kernels.star(*square, order[:1000], colors), colors[999:1000]),
        "smallest_last": (lambda: kernels.smallest_last(*one_row, np.full(n, n - 1, np.int64), colors), colors[:1]),
    }


@pytest.mark.parametrize("name", ["transpose", "degrees", "greedy", "greedy, in turn", "star", "smallest_last"])
def test_ctrl_c_stops_every_kernel(interrupted_after, name):
    work, last = work_of_kernels()[name]
    with interrupted_after(0.001):
        work()
    assert last[0] == -1  # else the signal was seen after the kernel


def test_colorings_are_read_only_copies():
    matrix = sparse.csr_array(ENTRIES)
    coloring = Coloring(matrix)
    matrix.indices[:] = 0
    assert np.array_equal(coloring.pattern.columns, [0, 2, 1, 2])
    with pytest.raises(ValueError, match="read-only"):
        coloring.colors[0] = 1
    again = pickle.loads(pickle.dumps(coloring))
    assert np.array_equal(again.colors, coloring.colors)


def test_patterns_may_have_one_column():
    pattern = Coloring(([0, 1, 3], [0, 0, 0]), (4, 1)).pattern
    assert (pattern.rows.tolist(), pattern.columns.tolist()) == ([0, 1, 3], [0, 0, 0])


def test_neighbors_without_a_common_row_differ():
    colors = Coloring(([0, 1, 2, 2], [2, 2, 0, 1]), symmetric=True).colors
    assert colors[2] not in colors[:2]


@pytest.mark.parametrize("pattern", [np.eye(5), ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])], ids=["matrix", "indices"])
def test_patterns_too_large_for_c_ints_raise(pattern, monkeypatch):
    monkeypatch.setattr(sparse_patterns, "MOST_COUNTED", 5)
    with pytest.raises(ValueError, match=r"fewer than 5 rows, columns and entries; got shape \(5, 5\) and 5 entries"):
        Coloring(pattern)


def test_compressed_rows_may_be_in_any_order_and_hold_an_entry_twice():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    found = sparse_patterns.as_pattern(sparse.csr_array((np.ones(5), [2, 0, 1, 1, 0], [0, 2, 5]), shape=(2, 3)))
    assert found.row_starts.tolist() == [0, 2, 4]
    assert found.columns.tolist() == [0, 2, 0, 1]


def test_colorings_of_other_entries_differ():
    one, other = (Coloring(([0, 1], columns), (2, 3)) for columns in ([0, 1], [0, 2]))
    assert one != other
    assert one == Coloring(([0, 1], [0, 1]), (2, 3))


@pytest.mark.parametrize(
    "kind", [lambda a: a, sparse.csr_array, sparse.coo_matrix, sparse_patterns.as_pattern, Coloring]
)
def test_operators_with_the_same_entries_are_equal(kind):
    one, again, other = (Jacobian(np.sin, sparsity=kind(np.diag([1.0, 1.0], k))) for k in (1, 1, -1))
    assert one == again == pickle.loads(pickle.dumps(one)) != other
    assert one != Jacobian(np.sin, sparsity=kind(np.eye(4)))
    assert hash(one) == hash(again)


def test_the_degree_of_a_column_is_how_often_it_meets_others():
    pattern = Coloring(np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])).pattern
    degrees = np.empty(3, np.int64)
    kernels.degrees(pattern.row_starts, *pattern.by_columns[:2], degrees)
    assert degrees.tolist() == [2, 1, 1]


def test_a_band_of_no_columns_is_empty():
    assert banded(0, 1, 1).shape == (0, 0)
