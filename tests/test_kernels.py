import pickle
import sys
import weakref

import numpy as np
import pytest
from hypothesis import find
from strategies import FLOATS, OTHERS, points

from gradfast import derivative, jacobian, numerical_gradient, value_and_gradient
from gradfast._kernels.keep import first_difference, keeping
from gradfast._kernels.python_loop import LINE, ROWS
from gradfast._kernels.stencil import Stencil
from gradfast.methods import as_method

CENTRAL = Stencil((1, -1), (1, -1), 2)
SECOND = Stencil((1, -1), (1, 1), 1, n=2, center=-2)


def test_a_stencil_is_a_value_one_can_print():
    assert repr(SECOND) == "Stencil(nodes=(1, -1), weights=(1, 1), denominator=1, n=2, center=-2)"
    assert (SECOND.nodes, SECOND.weights, SECOND.denominator, SECOND.n) == ((1, -1), (1, 1), 1.0, 2)
    assert repr(pickle.loads(pickle.dumps(SECOND))) == repr(SECOND)


@pytest.mark.parametrize(("nodes", "weights"), [((1, -1), (1,)), ((), ())])
def test_a_stencil_has_as_many_weights_as_nodes(nodes, weights):
    with pytest.raises(ValueError, match=f"at least one; got {len(weights)} for {len(nodes)}"):
        Stencil(nodes, weights, 1)


@pytest.mark.parametrize("char", LINE)
def test_any_stencil_along_a_line_with_a_step_for_each_coordinate(char):
    x = np.array([1.0, 2.0, 3.0], char)
    value = "g" if char == "g" else "d"
    out = np.empty(3, value)
    steps = np.array([0.5, 0.25, 2.0], value)

    def f(x):
        return x[0] ** 2 + 3 * x[1] ** 2

    assert LINE[char](f, x, x, steps, SECOND, out, at_center=f(x)) == -1
    assert np.array_equal(out, [2.0, 6.0, 0.0])


def test_steps_may_be_overwritten_by_the_result():
    x = np.array([1.0, 2.0])
    steps = np.array([0.5, 0.25])
    LINE["d"](lambda x: x[0] * x[1], x, x, steps, CENTRAL, steps)
    assert np.array_equal(steps, [2.0, 1.0])


def test_rows_take_steps_of_their_own():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    seen = []
    out = np.empty((2, 2))
    steps = np.array([[0.5, 0.25], [2.0, 4.0]])
    assert ROWS["d"](lambda row: seen.append(row.copy()) or 0.0, x, x, steps, CENTRAL, out) == -1
    moved = np.array(seen).reshape(2, 2, 2, 2) - x[:, None, None, :]
    assert np.array_equal(np.abs(moved).max(axis=(2, 3)), steps)


@pytest.mark.parametrize(("steps", "swallowed"), [([1.0, 1e-30], 1), ([1e-30, 1e-30], 0), ([1.0, 1.0], -1)])
def test_the_first_swallowed_step_is_returned(steps, swallowed):
    x = np.array([1.0, 2.0])
    assert LINE["d"](lambda x: 0.0, x, x, np.array(steps), CENTRAL, np.empty(2)) == swallowed
    batch = np.array([[1.0, 2.0], [1.0, 2.0]])
    both = np.array([[1.0, 1.0], steps])
    expected = swallowed + 2 if swallowed >= 0 else -1
    assert ROWS["d"](lambda x: 0.0, batch, batch, both, CENTRAL, np.empty((2, 2))) == expected


@pytest.mark.parametrize(
    ("changed", "first"), [([], -1), ([(2, 0)], 0), ([(1, 2)], 2), ([(0, 1), (1, 2)], 1), ([(0, 2), (2, 1)], 1)]
)
def test_the_first_item_that_differs_in_any_copy_is_found_though_by_its_sign_alone(changed, first):
    point = np.array([1.0, 2.0, 3.0])
    copies = np.tile(point, (3, 1))
    for place in changed:
        copies[place] *= -1
    assert first_difference(copies, point) == first


def falling_zero(x):
    """-0.0 above 1 and 0.0 below: its differences, to the sign, are -0.0."""
    return np.where((x > 1).any(axis=-1), -0.0, 0.0)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("vectorized", [False, True])
def test_the_sign_of_a_zero_survives_every_loop(vectorized, dtype):
    x, f = np.ones(2, dtype), falling_zero if vectorized else lambda x: float(falling_zero(x))
    options = {"vectorized": vectorized}
    found = {
        "point": numerical_gradient(f, x, **options),
        "rows": numerical_gradient(f, np.ones((2, 2), dtype), **options),
        "values": jacobian(lambda x: falling_zero(x)[..., np.newaxis], x, **options),
        "colors": jacobian(lambda x: falling_zero(x)[..., np.newaxis], x, sparsity=np.ones((1, 2)), **options).data,
    }
    found["elements"] = derivative(lambda x: np.where(x > 1, -0.0, 0.0), x)
    for name, zeros in found.items():
        assert (zeros == 0).all(), name
        assert np.signbit(zeros).all(), name


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("loop", ["point", "plain", "rows", "values", "colors", "elements"])
def test_a_result_is_let_go_before_f_is_called_again(loop, vectorized):
    """So that f may resize, or reuse, the memory of its last one."""
    last = []

    def f(x):
        assert not last or last.pop()() is None
        result = np.atleast_1d(np.sum(x**2, axis=-1)) if loop in ("point", "plain", "rows") else x**2
        last.append(weakref.ref(result))
        return result

    as_method("forward").plan(np.ones(2))  # so that the plain way is taken
    x = np.ones((3, 2)) if loop == "rows" else np.ones(2)
    if loop in ("point", "rows"):
        numerical_gradient(f, x, vectorized=vectorized)
    elif loop == "plain":
        value_and_gradient(f, x, method="forward", vectorized=vectorized)
    elif loop == "elements":
        derivative(f, x)
    else:
        jacobian(f, x, vectorized=vectorized, sparsity=np.eye(2) if loop == "colors" else None)


def test_memory_that_was_read_is_let_go():
    point, copies, number = np.ones(3), np.ones((2, 3)), np.ones((), np.longdouble)
    before = [sys.getrefcount(array) for array in (point, copies, number)]
    keeping(point, lambda: None)
    first_difference(copies, point)
    numerical_gradient(lambda x: number, np.ones(2, np.longdouble))
    assert [sys.getrefcount(array) for array in (point, copies, number)] == before


def test_a_kernel_takes_no_none_for_a_stencil():
    x = np.array([1.0])
    with pytest.raises(TypeError, match="Stencil"):
        LINE["d"](lambda x: 0.0, x, x, 1.0, None, np.empty(1))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda x: x.size == 0,
        lambda x: x.size > 3 and not x.flags.c_contiguous and not x.flags.f_contiguous,
        lambda x: x.ndim == 2 and x.strides[0] < 0,
        lambda x: not x.flags.writeable,
        lambda x: not x.dtype.isnative,
        lambda x: x.dtype == np.longdouble and len(np.unique(x)) > 2,
    ],
    ids=["empty", "strided", "reversed", "read-only", "byte order", "varied"],
)
def test_the_strategy_draws_what_it_promises(wanted):
    find(points(dtypes=FLOATS + OTHERS, readonly=True), wanted)
