"""The signs of zeros, the memory of results, and the textbook's two loops, which give the bits of all others."""

import math
import sys
import weakref

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from objectives import bits, same
from strategies import FLOATS, OTHERS, points

from gradfast import Central, derivative, gradient, jacobian, numerical_gradient, reference, value_and_gradient
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.memory import can_be_moved
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast._kernels.textbook_loop import by_differences

CENTRAL = Stencil((1, -1), (1, -1), 2)

every_dtype = pytest.mark.parametrize("dtype", FLOATS)

# --- the sign of a zero, and memory, in all loops ---------------------------------------------------------------------


def falling_zero(x):
    """-0.0 above 1 and 0.0 below: its differences, to the sign, are -0.0."""
    return np.where((x > 1).any(axis=-1), -0.0, 0.0)


@every_dtype
@pytest.mark.parametrize("vectorized", [False, True])
def test_the_sign_of_a_zero_survives_every_loop(vectorized, dtype):
    x, f = np.ones(2, dtype), falling_zero if vectorized else lambda x: float(falling_zero(x))
    options = {"vectorized": vectorized}
    found = {
        "textbook": numerical_gradient(f, x, **options),
        "textbook, rows": numerical_gradient(f, np.ones((2, 2), dtype), **options),
        "gradient": gradient(f, x, **options),
        "batch": gradient(f, np.ones((2, 2), dtype), axis=1, **options),
        "values": jacobian(lambda x: falling_zero(x)[..., np.newaxis], x, **options),
    }
    found["elements"] = derivative(lambda x: np.where(x > 1, -0.0, 0.0), x)
    for name, zeros in found.items():
        assert (zeros == 0).all(), name
        assert np.signbit(zeros).all(), name


def test_the_sign_of_a_zero_survives_the_colors():
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    for vectorized in (False, True):
        f = lambda x: falling_zero(x)[..., np.newaxis]  # noqa: E731
        found = jacobian(f, np.ones(2), sparsity=np.ones((1, 2)), vectorized=vectorized)
        assert np.signbit(found.data).all()


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("loop", ["textbook", "textbook, rows", "value", "values", "colors", "elements"])
def test_a_result_is_let_go_before_f_is_called_again(loop, vectorized):
    """So that f may resize, or reuse, the memory of its last one."""
    last = []

    def f(x):
        assert not last or last.pop()() is None
        result = np.atleast_1d(np.sum(x**2, axis=-1)) if loop.startswith(("text", "value")) else x**2
        last.append(weakref.ref(result))
        return result

    x = np.ones((3, 2)) if loop == "textbook, rows" else np.ones(2)
    if loop.startswith("textbook"):
        numerical_gradient(f, x, vectorized=vectorized)
    elif loop == "value":
        value_and_gradient(f, x, method="forward", vectorized=vectorized)
    elif loop == "elements":
        derivative(f, x)
    else:
        if loop == "colors":
            pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
        jacobian(f, x, vectorized=vectorized, sparsity=np.eye(2) if loop == "colors" else None)


def test_memory_that_was_read_is_let_go():
    point, number, values = np.ones(3), np.ones((), np.longdouble), np.ones(2)
    before = [sys.getrefcount(array) for array in (point, number, values)]
    by_differences(lambda x: 1.0, point, point, 0.5, False)
    numerical_gradient(lambda x: number, np.ones(2, np.longdouble))
    e = OnePoint(lambda x: values, point)
    e.values(Moves(Groups.each(3), np.ones(3), CENTRAL))
    del e
    jacobian(lambda x: values, point)
    assert [sys.getrefcount(array) for array in (point, number, values)] == before


WHOLE = np.arange(12.0)


@pytest.mark.parametrize(
    ("shape", "strides", "is_movable"),
    [
        ((3, 2), (8, 8), False),
        ((2, 3), (16, 8), False),
        ((2, 3), (8, 16), True),
        ((2, 2), (24, 8), True),
        ((2, 2, 2), (32, 16, 8), True),
        ((2, 2, 2), (24, 16, 8), False),
        ((1, 3), (0, 16), True),
        ((3,), (0,), False),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_only_coordinates_that_share_no_memory_are_moved_in_place(shape, strides, is_movable, sign):
    x = np.lib.stride_tricks.as_strided(WHOLE.copy(), shape, strides)[::sign]
    assert can_be_moved(x) is is_movable
    assert gradient(np.sum, x) == pytest.approx(np.ones(shape))
    assert numerical_gradient(np.sum, x) == pytest.approx(np.ones(shape))


# --- the textbook's two loops -----------------------------------------------------------------------------------------


def uneven(x):
    return (np.sin(x) * np.arange(1, x.size + 1)).sum() + x[:1].sum() * x[-1:].sum()


@every_dtype
@pytest.mark.parametrize("layout", [slice(None), slice(None, None, 2), slice(None, None, -1)], ids=repr)
def test_the_two_loops_give_the_bits_of_the_reference(dtype, layout):
    """Of doubles; in other precisions the kernels compute in double, or in long double, and NumPy does what it does."""
    batch = np.random.default_rng(0).normal(size=(5, 8)).astype(dtype)[:, layout]
    x, before = batch[2], bits(batch)
    for line, has_rows in ((x, False), (batch, True)):
        out, swallowed = by_differences(uneven, line, line, 0.125, has_rows)
        assert swallowed == -1
        if dtype == "f8":
            assert bits(out) == bits(reference.numerical_gradient(uneven, line.copy(), 0.125))
        assert same(out, numerical_gradient(uneven, line, 0.125))
        assert bits(batch) == before


@every_dtype
@given(h=st.integers(-8, 3).map(lambda k: 2.0**k), seed=st.integers(0, 99))
def test_the_two_loops_give_the_bits_of_the_general_one(dtype, h, seed):
    """Where x moves by h exactly, ``Central(step=h)`` is the same formula."""
    batch = (np.random.default_rng(seed).integers(-64, 64, (4, 3)) / 64).astype(dtype)
    with np.errstate(all="ignore"):
        for x, axis in ((batch[0], None), (batch, 1)):
            assert same(numerical_gradient(uneven, x, h), gradient(uneven, x, axis=axis, method=Central(step=h)))


# At plus and minus 2**53, rounding swallows a step of 1 to one side only.
@pytest.mark.parametrize(
    ("h", "at", "swallowed"),
    [(1e-3, 1e20, True), (1e-3, np.inf, False), (1e-3, 1.0, False), (1.0, 2.0**53, True), (1.0, -(2.0**53), True)],
)
def test_the_two_loops_tell_the_first_coordinate_that_did_not_move(h, at, swallowed):
    x, batch = np.array([1.0, at, at]), np.array([[1.0, 1.0, 1.0], [1.0, at, at]])
    assert by_differences(lambda x: 0.0, x, x, h, False)[1] == (1 if swallowed else -1)
    assert by_differences(lambda x: 0.0, batch, batch, h, True)[1] == (4 if swallowed else -1)


@every_dtype
@pytest.mark.parametrize("call", range(1, 9))
def test_the_two_loops_put_the_moved_coordinate_back_when_f_raises(dtype, call, objective_that_fails_on_call):
    batch = np.array([[1.0, -0.0], [np.nan, 1e-40]], dtype)
    before = bits(batch)
    with pytest.raises(objective_that_fails_on_call.failure):
        by_differences(objective_that_fails_on_call(call), batch, batch, 0.5, True)
    if call <= 4:
        with pytest.raises(objective_that_fails_on_call.failure):
            by_differences(objective_that_fails_on_call(call), batch[1], batch[1], 0.5, False)
    assert bits(batch) == before


def test_the_two_loops_perturb_a_line_that_f_need_not_get():
    x = np.array([1.0, 2.0])
    out, _ = by_differences(lambda name: x[0] * x[1] if name == "mine" else math.nan, "mine", x, 0.5, False)
    assert out.tolist() == [2.0, 1.0]


@pytest.mark.parametrize("x", [[1.0, 2.0], np.ones(2, int), np.broadcast_to(1.0, 2), np.ones(2, ">f8")], ids=repr)
def test_the_two_loops_take_only_what_they_can_move(x):
    with pytest.raises(TypeError, match="x must be a writable array of float32, float64 or longdouble; got"):
        by_differences(lambda x: 1.0, x, x, 0.5, False)


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
    first = settings(max_examples=2000, phases=[Phase.generate])  # it need not be the simplest
    find(points(dtypes=FLOATS + OTHERS, readonly=True), wanted, settings=first)
