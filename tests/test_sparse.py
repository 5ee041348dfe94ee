"""Sparse Jacobians and Hessians: equal to the dense ones, few evaluations, wrong patterns found."""

import functools
import itertools
import operator
import sys
import tracemalloc
from operator import attrgetter

import numpy as np
import pytest
import twins
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from objectives import chain, chain_jacobian, energy, energy_gradient, point
from ways import AT_A_POINT

import gradfast
from gradfast import Adaptive, Backward, Central, Coloring, Complex, Forward, Jacobian, hessian, jacobian
from gradfast.coloring import banded

sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")

METHODS = ["central", "forward", "backward", "complex", Central(4), Forward(2), Backward(3)]
every_method = pytest.mark.parametrize("method", METHODS, ids=repr)
every_way = pytest.mark.parametrize("way", AT_A_POINT[:-1], ids=attrgetter("name"))  # all but the twin

# --- the same as the dense ------------------------------------------------------------------------------------------


def dense_twin(operator, way, method):
    """Return the dense operator in plain Python, or the package's own by the complex step, which has no twin."""
    if method == "complex":
        return lambda *point, sparsity, **options: twins.masked(getattr(way, operator)(*point, **options), sparsity)
    return lambda f, x, **options: getattr(twins, operator)(f, way.as_evaluated(x), **options).astype(x.dtype)


@every_way
@every_method
@pytest.mark.parametrize("dtype", ["f4", "f8", "g"])
@pytest.mark.parametrize("bounds", [None, (-1, 2), (0.0, np.inf)])
def test_the_sparse_jacobian_is_the_dense_one(way, method, dtype, bounds):
    x = np.abs(point(kind=dtype))
    x[2:4] = 0
    options = {"method": method, "bounds": bounds, "sparsity": banded(x.size, 1, 1)}
    found = way.jacobian(chain, x, **options)
    assert isinstance(found, sparse.csr_array)
    assert found.dtype == x.dtype
    assert found.has_sorted_indices
    # Elsewhere a constant times one-sided weights adds up to rounding, and not to 0.
    expected = dense_twin("jacobian", way, method)(chain, x, **options)
    assert found.nnz == expected.nnz
    assert np.array_equal(found.toarray(), expected.toarray())


@every_way
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.sampled_from(METHODS))
@settings(max_examples=50)
def test_the_sparse_jacobian_is_the_dense_one_for_any_pattern(way, seed, rows, columns, density, method):
    assume(way.takes(method))
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((rows, columns)) < density, rng.integers(1, 9, (rows, columns)), 0).astype(float)
    x = rng.normal(size=columns)

    def f(x):
        return np.array([np.sum(row[row != 0] * x[row != 0] ** 2) for row in matrix])

    options = {"method": method, "sparsity": matrix}
    expected = dense_twin("jacobian", way, method)(f, x, **options)
    assert np.array_equal(way.jacobian(f, x, **options).toarray(), expected.toarray())


@pytest.mark.parametrize("x", [point(12).reshape(3, 4), point(12).reshape(4, 3).T, point(24)[::2], point(12)[::-1]])
@pytest.mark.parametrize("method", ["central", "complex"])
def test_x_may_be_of_any_shape_and_layout_and_is_perturbed_in_place(x, method):
    before = x.tobytes()
    flat = chain_jacobian(np.ravel(x))
    f = (lambda p: chain(np.ravel(p))) if method == "complex" else (lambda ignored: chain(np.ravel(x)))
    found = jacobian(f, x, method=method, sparsity=banded(12, 1, 1), verify=True)
    assert abs(found - flat).max() < 1e-8
    assert x.tobytes() == before


@every_way
def test_values_of_any_shape_are_counted_in_c_order(way):
    x = point(6)
    for f in (lambda x: (x**2).reshape(2, 3), lambda x: (x**2).reshape(3, 2).tolist()):
        for method in ("central", "complex"):
            if not way.takes(method) or (method == "complex" and isinstance(f(x), list)):
                continue
            found = way.jacobian(f, x, method=method, sparsity=np.eye(6), verify=True)
            assert abs(found.toarray() - np.diag(2 * x)).max() < 1e-9


@every_way
def test_steps_are_those_of_columns_and_not_of_colors(way):
    x = np.logspace(-6, 6, 12)
    found, info = way.jacobian(lambda x: x**3, x, sparsity=np.eye(12), full_output=True)
    assert info.evaluations == 2
    scale = np.maximum(np.abs(x), 0.1)
    assert np.all(np.abs(found.diagonal() - 3 * x**2) < 1e-9 * scale**2)
    assert info.step.max() / info.step.min() > 1e6


def test_a_column_at_its_bound_gets_another_stencil_and_a_fixed_one_none():
    x = np.array([0.0, 1.0, 2.0, 3.0])
    seen = []

    def f(x):
        seen.append(x.copy())
        return x**2

    bounds = ([0, 0, 0, 3], [9, 9, 2, 3])
    found, info = jacobian(f, x, bounds=bounds, sparsity=np.eye(4), verify=True, full_output=True)
    assert np.all((np.array(seen) >= bounds[0]) & (np.array(seen) <= bounds[1]))
    assert np.abs(found.diagonal() - [0, 2, 4, 0]).max() < 1e-6
    assert info.scheme.tolist() == ["forward", "central", "backward", "fixed"]
    assert info.evaluations == len(seen)


# --- evaluations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "calls"), [("central", 6), ("forward", 4), ("backward", 4), (Complex(check=False), 3), (Central(4), 12)]
)
@every_way
def test_evaluations_are_so_many_a_color(counted, method, calls, way):
    f, x = counted(chain), point(20)
    _, info = way.jacobian(f, x, method=method, sparsity=banded(20, 1, 1), full_output=True)
    assert info.evaluations == f.calls == calls


@every_way
@pytest.mark.parametrize(("method", "calls"), [("central", 4), ("forward", 2), (Central(4), 8)])
def test_to_verify_costs_as_much_as_two_colors(counted, way, method, calls):
    f, x = counted(chain), point(2000)
    options = {"method": method, "sparsity": banded(2000, 1, 1), "full_output": True}
    _, plain = way.jacobian(f, x, **options)
    f.calls = 0
    _, info = way.jacobian(f, x, verify=True, **options)
    assert info.evaluations == f.calls == plain.evaluations + calls


@every_way
def test_a_known_value_saves_an_evaluation(counted, way):
    f, x = counted(chain), point(20)
    way.jacobian(f, x, method="forward", f0=chain(x), sparsity=banded(20, 1, 1))
    assert f.calls == 3


def test_the_colors_of_a_block_go_in_one_call(counted):
    f = counted(chain)
    jacobian(f, point(50), vectorized=True, sparsity=banded(50, 1, 1))
    assert (f.calls, f.points) == (1, 6)


def test_a_hundred_thousand_unknowns_take_three_colors_and_six_evaluations(counted):
    f, x = counted(chain), point(100_000)
    coloring = Coloring(banded(x.size, 1, 1))
    before = x.tobytes()
    found, info = jacobian(f, x, sparsity=coloring, full_output=True)
    assert (coloring.n_colors, f.calls, info.evaluations) == (3, 6, 6)
    assert abs(found - chain_jacobian(x)).max() < 1e-8
    assert x.tobytes() == before


def test_many_colors_do_not_wait_in_memory_together():
    """A pattern with a full row takes a color for each of its columns; there are few other entries."""
    n = 3000
    x, i = point(n), np.arange(n)
    coloring = Coloring((np.r_[i, 0 * i], np.r_[i, i]))

    def arrow(x):
        return np.concatenate([[np.sum(x)], x[1:]])

    assert coloring.n_colors == n
    tracemalloc.start()
    found = jacobian(arrow, x, sparsity=coloring)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.abs(found.data - 1).max() < 1e-6
    assert peak < 2**22  # all values at once would be 144 MB


# --- Hessians ---------------------------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("bounds", [None, (0.0, 9.0)])
@pytest.mark.parametrize("method", ["central", "forward", Central(4)])
def test_the_sparse_hessian_is_the_dense_one(way, bounds, method):
    x = np.abs(point(8))
    x[3] = 0
    options = {"sparsity": banded(8, 1, 1), "bounds": bounds, "method": method}
    found, expected = way.hessian(energy, x, **options), twins.hessian(energy, x, **options)
    assert found.nnz == expected.nnz
    assert np.array_equal(found.toarray(), expected.toarray())


@every_way
def test_a_hessian_costs_evaluations_by_its_entries(counted, way):
    f, x = counted(energy), point(30)
    found, info = way.hessian(f, x, sparsity=banded(30, 1, 1), full_output=True)
    assert info.evaluations == f.calls == 2 * (30 + 29) + 1
    assert abs(found - found.T).max() == 0


def test_a_hessian_without_a_diagonal_is_read_too(way):
    x = point(5)
    found = way.hessian(lambda x: x[0] * x[1] + x[3] * x[4], x, sparsity=([0, 1, 3, 4], [1, 0, 4, 3]))
    assert np.abs(found.toarray() - np.eye(5)[[1, 0, 2, 4, 3]] * [1, 1, 0, 1, 1]).max() < 1e-6
    assert found.nnz == 4


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@every_way
def test_the_hessian_from_a_gradient_reads_one_of_two_entries(counted, method, way):
    g, x = counted(energy_gradient), point(40)
    options = {"gradient": g, "method": method, "full_output": True}
    found, info = way.hessian(None, x, sparsity=Coloring(banded(40, 1, 1), symmetric=True), verify=True, **options)
    assert g.calls == info.evaluations
    assert abs(found - found.T).max() == 0
    dense = twins.hessian(None, x, gradient=energy_gradient)
    assert np.abs(found.toarray() - dense).max() < 1e-6


@every_way
def test_an_arrow_takes_four_gradients(counted, way):
    def gradient(x):
        return np.concatenate([[2 * x[0] + np.sum(x[1:])], x[0] + 4 * x[1:]])

    pattern = np.eye(50, dtype=bool)
    pattern[0] = pattern[:, 0] = True
    g = counted(gradient)
    found = way.hessian(None, point(50), gradient=g, sparsity=pattern)
    assert g.calls == 4
    assert np.abs(found.toarray() - twins.jacobian(gradient, point(50))).max() < 1e-8


# --- compiled f -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def code():
    pytest.importorskip("numba", reason="numba is not installed")

    @gradfast.compiled(outputs=60)
    def f(x):
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = 2 * np.sin(x[i]) + x[i - 1] ** 2
        return out

    return f


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("method", ["central", "forward", Central(4)])
def test_a_compiled_f_gives_what_a_python_f_gives(code, workers, method):
    x = point(60)
    pattern = (np.eye(60) + np.roll(np.eye(60), 1, axis=0)) > 0
    found, info = jacobian(code, x, sparsity=pattern, method=method, workers=workers, verify=True, full_output=True)
    python = jacobian(lambda x: code(x), x, sparsity=pattern, method=method, verify=True)
    assert np.array_equal(found.toarray(), python.toarray())
    assert info.evaluations <= 4 * (Coloring(pattern).n_colors + 2)
    with pytest.raises(ValueError, match="sparsity must have a row for each of f's values; got 5 rows for 60 values"):
        jacobian(code, x, sparsity=np.ones((5, 60)), method=method, workers=workers)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(1, 8))
@pytest.mark.parametrize("layout", [slice(None), slice(None, None, -1)])
def test_x_holds_its_old_bits_whichever_call_fails(k, layout):
    x, calls = point(9)[layout], []
    before = x.tobytes()

    def failing(x):
        calls.append(1)
        if len(calls) == k:
            raise KeyboardInterrupt
        return chain(x)

    with pytest.raises(KeyboardInterrupt):
        jacobian(failing, x, sparsity=banded(9, 1, 1), verify=True)
    assert x.tobytes() == before


def test_f_must_leave_x_as_it_is():
    x = point(9)

    def meddling(x):
        x[3] += 1.0
        return chain(x)

    before = x.tobytes()
    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[3\]"):
        jacobian(meddling, x, sparsity=banded(9, 1, 1), bounds=(x - 1.0 * (np.arange(9) != 3), x + (np.arange(9) != 3)))
    assert x.tobytes() == before


@pytest.mark.parametrize(
    ("f", "options", "message"),
    [
        (chain, {"sparsity": np.ones((9, 8))}, "a column for each of x's coordinates; got 8 columns for 9"),
        (chain, {"sparsity": np.ones((8, 9))}, "a row for each of f's values; got 8 rows for 9 values"),
        (chain, {"sparsity": np.ones((8, 9)), "vectorized": True}, "for each of f's values; got 8 rows for 9 values"),
        (chain, {"sparsity": np.ones((8, 9)), "method": "forward"}, "for each of f's values; got 8 rows for 9 values"),
        (chain, {"sparsity": Coloring(np.eye(9), symmetric=True)}, "sparsity must be one of columns; got <Coloring"),
        (chain, {"verify": True}, "verify must be False without sparsity; got True"),
    ],
)
def test_a_sparsity_of_another_shape_or_kind_is_refused(f, options, message):
    with pytest.raises(ValueError, match=message):
        jacobian(f, point(9), **options)


@pytest.mark.parametrize("method", ["central", "forward"])
def test_a_given_value_must_fit_the_sparsity_and_f(method):
    options = {"method": method, "sparsity": banded(9, 1, 1)}
    with pytest.raises(ValueError, match=r"f0 must have a value for each of sparsity's 9 rows; got an array .* \(8,\)"):
        jacobian(chain, point(9), f0=np.ones(8), **options)
    with pytest.raises(ValueError, match=r"f0 must have the shape of f\(x\), \(9,\); got \(3, 3\)"):
        jacobian(chain, point(9), f0=np.ones((3, 3)), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": Coloring(np.eye(9))}, "sparsity must be symmetric, .* for a Hessian; got <Coloring"),
        ({"sparsity": np.eye(9), "verify": True}, "verify must be False without sparsity and gradient; got True"),
        ({"gradient": energy_gradient, "verify": True}, "verify must be False without sparsity and gradient"),
        ({"sparsity": np.triu(np.ones((9, 9)))}, "sparsity must be symmetric"),
    ],
)
def test_a_sparsity_that_is_none_of_a_hessian_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        hessian(energy, point(9), **options)


@pytest.mark.parametrize("method", ["adaptive", Adaptive()], ids=repr)
def test_the_adaptive_method_knows_no_sparsity(method):
    message = "method must not be adaptive with sparsity; got ('adaptive'|Adaptive\\()"
    options = {"method": method, "sparsity": banded(9, 1, 1)}
    for verify in (False, True):
        with pytest.raises(ValueError, match=message):
            jacobian(chain, point(9), verify=verify, **options)
        with pytest.raises(ValueError, match=message):
            hessian(None, point(9), gradient=energy_gradient, verify=verify, **options)
    with pytest.raises(ValueError, match=message):
        hessian(energy, point(9), **options)
    with pytest.raises(ValueError, match=message):
        hessian(energy, point(9), method=method, sparsity="garbage")


def test_without_scipy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match=r"a sparse result needs SciPy: install gradfast\[sparse\]"):
        jacobian(chain, point(9), sparsity=banded(9, 1, 1))
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    with pytest.raises(ImportError, match=r"a linear operator needs SciPy: install gradfast\[sparse\]"):
        Jacobian(chain).as_linear_operator(point(9))


def test_the_result_does_not_share_memory_with_its_coloring():
    coloring = Coloring(banded(9, 1, 1))
    found = jacobian(lambda x: x * 0, point(9), sparsity=coloring)
    found.eliminate_zeros()
    assert found.nnz == 0
    assert coloring.pattern.columns.size == 25


# --- patterns and values that do not fit ------------------------------------------------------------------------------


def test_a_pattern_of_indices_has_the_rows_that_it_names_and_the_columns_of_x():
    found = jacobian(lambda x: x[:1] ** 2, np.array([1.0, 2.0]), sparsity=([0], [0]))
    assert found.toarray() == pytest.approx(np.array([[2.0, 0.0]]))
    assert jacobian(lambda x: x[:0], np.ones(2), sparsity=([], [])).shape == (0, 2)


@pytest.mark.parametrize("options", [{}, {"workers": map}, {"vectorized": True}, {"vectorized": True, "workers": map}])
def test_a_verification_needs_no_value_at_x_where_the_method_needs_none(options):
    x = np.array([1.0, 2.0, 3.0, 4.0])
    found, info = jacobian(chain, x, sparsity=banded(4, 1, 1), verify=True, full_output=True, **options)
    assert found.toarray() == pytest.approx(chain_jacobian(x).toarray())
    assert info.evaluations == 2 * 3 + 2 * 2
    with pytest.raises(ValueError, match="sparsity must hold every entry"):
        jacobian(chain, x, sparsity=banded(4, 0, 1), verify=True, **options)


def test_a_value_at_x_has_as_many_rows_as_the_pattern():
    for f0 in (1.0, [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match=r"f0 must have a value for each of sparsity's 2 rows; got"):
            jacobian(lambda x: x**2, np.ones(2), sparsity=np.eye(2), method="forward", f0=f0)


def test_a_hessian_wants_a_symmetric_pattern_of_indices():
    with pytest.raises(ValueError, match="sparsity must be symmetric"):
        hessian(lambda x: x @ x, np.ones(3), sparsity=([0], [1]))


def test_ctrl_c_stops_the_colors_of_a_c_function(interrupted_after):
    n = 1_000_000
    results = itertools.repeat(np.ones(1), 3 * n)
    x, f = np.ones(n), functools.partial(next, results)
    coloring = Coloring((np.zeros(n, int), np.arange(n)), (1, n))
    with interrupted_after(0.02):
        jacobian(f, x, sparsity=coloring)
    assert operator.length_hint(results) > n  # Python would see the signal after 2 n calls
    assert (x == 1.0).all()


def test_a_sparse_hessian_has_zeros_where_bounds_fix(way):
    def f(x):
        return (x[1:] ** 2 * x[:-1]).sum()

    x = np.array([1.0, 2.0, 3.0, 4.0])
    bounds = np.where(x == 3.0, x, 0.0), np.where(x == 3.0, x, 9.0)
    found = way.hessian(f, x, sparsity=banded(4, 1, 1), bounds=bounds)
    dense = hessian(f, x, bounds=bounds)
    assert dense.any()
    assert np.array_equal(found.toarray(), dense)


def test_the_width_of_a_pattern_is_looked_at_before_it_is_colored():
    """A coloring of two thousand million columns would take minutes, and gigabytes."""
    wide = pytest.importorskip("scipy.sparse", reason="SciPy is not installed").csr_array((3, 2**31 - 2))
    with pytest.raises(ValueError, match="sparsity must have a column for each of x's coordinates; got 2147483646"):
        jacobian(np.square, np.ones(3), sparsity=wide)


def test_a_matrix_for_another_number_of_coordinates_is_refused_at_a_later_call_too():
    operator = gradfast.Jacobian(lambda x: x[:3] ** 2, sparsity=np.eye(3))
    operator(np.ones(3))
    with pytest.raises(
        ValueError, match="sparsity must have a column for each of x's coordinates; got 3 columns for 4"
    ):
        operator(np.ones(4))
    with pytest.raises(ValueError, match="got 3 columns for 4"):
        gradfast.jacobian(np.square, np.ones(4), sparsity=gradfast.Coloring(np.eye(3)))
    with pytest.raises(ValueError, match="got 3 columns for 1; x is f's first argument unless argnum says another$"):
        jacobian(lambda t, y: y, 0.0, args=(np.ones(3),), sparsity=np.eye(3))


@pytest.mark.parametrize(
    ("made", "cleared"),
    [
        (lambda eye: eye, lambda pattern: pattern.fill(0)),
        (sparse.csr_array, lambda pattern: pattern.data.fill(0) or pattern.eliminate_zeros()),
        (sparse.lil_array, lambda pattern: pattern.resize(3, 0)),
        (np.nonzero, lambda pattern: [side.fill(0) for side in pattern]),
    ],
)
def test_a_pattern_that_is_changed_later_changes_no_operator(made, cleared):
    pattern = made(np.eye(3))
    square, cubes = (
        gradfast.Jacobian(np.square, sparsity=pattern),
        gradfast.Hessian(lambda x: np.sum(x**3), sparsity=pattern),
    )
    cleared(pattern)
    assert square(np.ones(3)).toarray() == pytest.approx(2 * np.eye(3))
    assert cubes(np.ones(3)).toarray() == pytest.approx(6 * np.eye(3))
