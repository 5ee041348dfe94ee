"""detect_sparsity finds where a Jacobian may differ from zero."""

import numpy as np
import pytest
from objectives import chain, chain_jacobian, point

from gradfast import detect_sparsity, jacobian

sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")


@pytest.mark.parametrize("kind", ["f4", "f8", "g"])
@pytest.mark.parametrize("shape", [(12,), (3, 4)])
def test_patterns_are_found_by_nan(counted, shape, kind):
    x = point(12, kind).reshape(shape)
    before, f = x.tobytes(), counted(lambda x: chain(np.ravel(x)))
    found = detect_sparsity(f, x)
    assert f.calls == 13
    assert found.dtype == bool
    assert isinstance(found, sparse.csr_array)
    assert np.array_equal(found.toarray(), chain_jacobian(np.ravel(x)).toarray() != 0)
    assert x.tobytes() == before
    error = jacobian(f, x, sparsity=found, verify=True) - chain_jacobian(np.ravel(x))
    assert abs(error).max() < (1e-3 if kind == "f4" else 1e-8)


def test_patterns_by_nan_are_dense_for_products_and_lack_what_fmax_drops():
    assert detect_sparsity(lambda x: np.eye(3) @ x, np.ones(3)).nnz == 9
    assert detect_sparsity(lambda x: np.fmax(x, 0.0), np.ones(3)).nnz == 0
    assert detect_sparsity(lambda x, a: x[:a], np.ones(3), args=(2,)).toarray().tolist() == np.eye(3)[:2].tolist()


@pytest.mark.parametrize("shapes", [[(3,), (2,), (3,)], [(2,), (3,), (2,)], [(4, 1), (2, 2), (4, 1)]])
def test_a_pattern_is_not_sought_in_values_of_changing_shape(shapes):
    calls, x = iter(shapes), np.ones(2)
    first, second = shapes[:2]
    with pytest.raises(ValueError, match="f must return arrays of one shape; got .*, then .*") as caught:
        detect_sparsity(lambda x: np.full(next(calls), x[0]), x)
    assert f"got {first}, then {second}" in str(caught.value)
    assert x.tolist() == [1.0, 1.0]


def test_an_f_that_changes_x_is_no_reason_for_a_pattern():
    x = point(9)
    before = x.tobytes()

    def meddling(x):
        x[3] += 1.0
        return chain(x)

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[3\]"):
        detect_sparsity(meddling, x)
    assert x.tobytes() == before


def test_a_nan_at_x_hides_the_pattern():
    with pytest.raises(ValueError, match=r"f must return no NaN at x to find its sparsity by NaN; got \[nan"):
        detect_sparsity(lambda x: x * np.nan, point(9))
