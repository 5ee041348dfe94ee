"""An f that changes the shape, strides, dtype or memory of x is refused, and x gets its form back."""

import contextlib
import re

import numpy as np
import pytest
from calls import CALLS

import gradfast
from gradfast import gradient, jacobian, numerical_gradient, value_and_gradient
from gradfast._kernels.evaluator_in_place import OnePoint

POINT = np.array([0.5, 1.0])


def reshaped(x):
    x.shape = (-1, 1)


def in_other_bytes(x):
    x.dtype = x.dtype.newbyteorder("S")


def as_integers(x):
    x.dtype = f"i{x.itemsize}"


def longer(x):
    x.resize(10**6, refcheck=False)  # which mostly moves it elsewhere


def longer_and_replaced(x):
    longer(x)
    TAKEN.extend([np.ones(shape) for shape in (2, (2, 3)) for _ in range(20)])  # where it was, others are now


def strided(x):
    x.strides = (0,) * x.ndim


TAKEN = []


FORMS = [reshaped, in_other_bytes, as_integers, longer, strided]


def first_of(change):
    def f(x):
        value = float(np.sum(x * 1.0))
        change(x)
        return value

    return f


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", FORMS)
@pytest.mark.parametrize("name", CALLS)
def test_an_f_that_changes_the_form_of_x_is_refused_and_x_gets_it_back(name, change):
    x = np.array([0.5, 1.0])
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed|does not own its data"):
        CALLS[name](first_of(change), x)
    assert x.shape == (2,)
    assert x.strides == (8,)
    assert x.flags.c_contiguous
    assert x.dtype == np.float64
    assert np.array_equal(x, POINT)


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", [reshaped, in_other_bytes, longer, longer_and_replaced, strided])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_form_of_a_matrix_is_given_back_too(change, axis):
    x = np.arange(6.0).reshape(2, 3).copy()

    def f(_):
        change(x)
        return 1.0

    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed its shape"):
        gradient(f, x, axis=axis)
    assert x.shape == (2, 3)
    assert np.array_equal(x, np.arange(6.0).reshape(2, 3))


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", FORMS)
@pytest.mark.parametrize("more", [{}, {"b": 3.0}])
def test_parameters_get_their_form_back(change, more):
    x = {"a": np.array([0.5, 1.0]), **more}
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed its shape"):
        gradient(lambda p: first_of(change)(p["a"]), x)
    assert x["a"].shape == (2,)
    assert np.array_equal(x["a"], POINT)


class ResizesAtCall:
    """f of parameters that gives an array another size at its k-th call, which frees the memory that it had."""

    def __init__(self, array, k):
        self.array, self.k = array, k

    def __call__(self, p):
        value = float(np.sum(p["a"] ** 2))
        self.k -= 1
        if self.k == 0:
            longer(self.array)
        return value


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
@pytest.mark.parametrize("is_part", [False, True])
def test_parameters_are_not_looked_for_where_f_freed_their_memory(is_part, method, k):
    """After a call at x itself, too, and where the array is a part of a larger. Only a sanitizer surely sees it."""
    whole = np.arange(1.0, 10_001.0)
    part = whole[:2] if is_part else whole[:2].copy()
    resized = whole if is_part else part
    before = resized.ctypes.data
    f = ResizesAtCall(resized, k)
    try:
        value_and_gradient(f, {"a": part}, method=method)
    except ValueError as error:
        said = str(error)
    else:  # at the end of the heap, an array may grow where it is
        said = "nothing" if is_part and resized.ctypes.data == before else "too little"
    assert re.match(r"f must leave x as it is; it changed its shape|nothing", said)
    assert f.k == 0 or said == "nothing"  # f is not called again


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("operator", [gradient, numerical_gradient, value_and_gradient])
def test_an_f_that_frees_the_memory_of_which_x_is_a_part_is_not_called_again(operator, k):
    whole, *behind = (np.arange(1.0, 10_001.0) for _ in range(4))  # it can hardly grow where it is
    before, calls = whole.ctypes.data, []

    def f(x):
        value = float(np.sum(x**2))
        calls.append(1)
        if len(calls) == k:
            longer(whole)
        return value

    error = None
    try:
        operator(f, whole[5000:5002])  # which stays as it was, for a while
    except ValueError as found:
        error = found
    if whole.ctypes.data != before:
        assert str(error).startswith("f must leave x as it is; it changed its shape")
        assert len(calls) == k
    assert len(behind) == 3


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("k", range(1, 7))
def test_the_form_of_x_is_looked_at_before_adaptive_steps_go_on(k):
    x, calls = np.array([1.0, 2.0]), []

    def f(point):
        calls.append(1)
        if len(calls) == k:
            point.dtype = np.int64
        return float(np.sum(np.square(point, dtype=float)))

    with pytest.raises(ValueError, match="f must leave x as it is; it changed"), np.errstate(all="ignore"):
        gradient(f, x, method="adaptive")
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
@pytest.mark.parametrize("change", [reshaped, in_other_bytes, longer, strided])
def test_an_f_that_changes_the_form_of_x_and_raises_leaves_it_as_it_was(change):
    x = np.array([0.5, 1.0])

    def f(x):
        change(x)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        numerical_gradient(f, x)
    assert x.shape == (2,)
    assert np.array_equal(x, POINT)


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_an_evaluator_that_is_closed_gives_x_its_form_back():
    x = np.arange(4.0).reshape(2, 2).copy()
    e = OnePoint(np.sum, x, (), True)
    e.value()
    x.shape = (4,)
    with pytest.raises(ValueError, match="f must leave x as it is; it changed its shape"):
        e.close()
    assert np.array_equal(x, [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: gradfast.check_gradient(f, [2.0, 4.0], x),
        lambda f, x: gradient(f, x, method="adaptive"),
        lambda f, x: jacobian(f, x, flat=True),
        lambda f, x: gradient(f, x, on_error="nan"),
    ],
    ids=["check", "adaptive", "flat", "on_error"],
)
def test_a_subclass_that_tells_another_dtype_and_shape_is_read_by_its_base(call):
    class Lying(np.ndarray):
        dtype = property(lambda self: np.dtype("c16"))
        shape = property(lambda self: (7, 7))

    base = np.array([1.0, 2.0])
    with contextlib.suppress(TypeError, ValueError):
        call(lambda x: float(np.sum(base**2)), base.view(Lying))
    assert base.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_an_f_that_changes_the_form_of_a_row_is_refused_when_the_next_row_has_its_turn():
    calls = []

    def f(row):
        calls.append(row)
        value = float(np.sum(row))
        if len(calls) == 4:  # the last of the first row
            row.shape = (1, 2)
        return value

    with pytest.raises(ValueError, match="f must leave x as it is; it changed its shape"):
        gradient(f, np.ones((2, 2)), axis=1)
