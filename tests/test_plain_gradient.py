"""The short way of gradient: all of it in one compiled call, with the results of the long one to the bit."""

import sys
from contextlib import nullcontext
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import rosen
from strategies import FLOATS, points

from gradfast import Backward, Central, Forward, Nodes, compiled, gradient, value_and_gradient
from gradfast._kernels.plain_gradient import plain_gradient
from gradfast.methods import NAMES, as_method

DIFFERENCES = ["central", "forward", "backward"]
PLANNED = [*DIFFERENCES, Central(4), Forward(3), Backward(rel_step=1e-3), Central(noise=1e-6), Nodes((-1, 1, 2))]


def plan(method):
    """Let a method make its plans for first derivatives, as the long way does."""
    for char in "fdg":
        as_method(method).plan(np.zeros(1, char))


def recorded(f):
    """Return f, and a list of the bits of all points that it is called at."""
    seen = []

    def recording(x):
        seen.append(x.tobytes())
        return f(x)

    return recording, seen


# Each falls to a subnormal, or is infinite, NaN or a zero of either sign somewhere.
OBJECTIVES = {
    "rosen": rosen,
    "falling zero": lambda x: -0.0 * x.sum(),
    "pole": lambda x: np.float64(1) / x.sum(),
    "root": lambda x: np.sqrt(x).sum(),
    "huge": lambda x: 1e300 * x.sum(),
    "tiny": lambda x: 5e-324 * x.sum(),
    "whole number": lambda x: len(x),
    "one in an array": lambda x: x[:1] * x[-1] if len(x) else np.zeros(1, x.dtype),
}


@given(points((*FLOATS, ">f8", "f2", "i8"), max_dims=1), st.sampled_from(PLANNED), st.sampled_from(sorted(OBJECTIVES)))
def test_the_short_way_gives_the_bits_and_calls_of_the_long_way(x, method, name):
    plan(method)
    with np.errstate(all="ignore"):
        f, by_long = recorded(OBJECTIVES[name])
        (value, long), _ = value_and_gradient(f, x, method=method, full_output=True)
        f, by_short = recorded(OBJECTIVES[name])
        found = value_and_gradient(f, x, method=method)
        alone = gradient(OBJECTIVES[name], x, method=method)
    assert by_short == by_long
    assert type(found[0]) is type(value)
    for short in (found[1], alone):
        assert short.dtype == long.dtype
        assert np.array_equal(short, long, equal_nan=True)
        assert np.array_equal(np.signbit(short), np.signbit(long))
    assert np.array_equal(found[0], value, equal_nan=True)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("char", "fdg")
@pytest.mark.parametrize("method", PLANNED, ids=str)
def test_a_python_function_at_an_array_takes_the_short_way(method, char, n):
    plan(method)
    value, derivatives = plain_gradient(lambda x: 2.0, np.ones(n, char), method, NAMES, True)
    assert value == 2.0
    assert (derivatives.shape, derivatives.dtype.char) == ((n,), char)
    value, derivatives = plain_gradient(lambda x: 2.0, np.ones(n, char), method, NAMES, False)
    assert value == (2.0 if as_method(method).stencil().center else None)
    fresh = np.empty(n, char)
    assert sys.getrefcount(derivatives) == sys.getrefcount(fresh)


def test_compiled_f_takes_the_short_way_where_its_value_is_not_needed():
    pytest.importorskip("numba", reason="numba is not installed")
    f = compiled(lambda x: x[0] * x[1])
    x = np.array([2.0, 3.0])
    value, derivatives = plain_gradient(f, x, "central", NAMES, False)
    assert value is None
    assert np.allclose(derivatives, [3.0, 2.0])
    for method, wants_value in (("central", True), ("forward", False)):
        assert plain_gradient(f, x, method, NAMES, wants_value) is None
    for char in "fg":
        assert plain_gradient(f, x.astype(char), "central", NAMES, False) is None


class OfOurOwn(np.ndarray):
    pass


def read_only(x):
    x.flags.writeable = False
    return x


NOT_PLAIN = {
    "list": [1.0, 2.0],
    "number": 1.0,
    "subclass": np.ones(2).view(OfOurOwn),
    "no axis": np.ones(()),
    "two axes": np.ones((2, 2)),
    "read-only": read_only(np.ones(2)),
    "broadcast": np.broadcast_to(1.0, 2),
    "strided": np.ones(4)[::2],
    "reversed": np.ones(2)[::-1],
    "swapped": np.ones(2, np.dtype("d").newbyteorder()),
    "swapped longdouble": np.ones(2, np.dtype("g").newbyteorder()),
    "unaligned": np.zeros(17, "u1")[1:].view("d"),
    "half": np.ones(2, "e"),
    "integers": np.ones(2, int),
    "complex": np.ones(2, complex),
    "dates": np.zeros(2, "M8[s]"),
    "text": np.array(["1", "2"]),
    "strings": np.array(["1", "2"], np.dtypes.StringDType()),
    "objects": np.ones(2, object),
    "records": np.zeros(2, [("a", "d")]),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_any_other_point_takes_the_long_way(name):
    assert plain_gradient(lambda x: 1.0, NOT_PLAIN[name], "central", NAMES, True) is None


class Callable:
    def __call__(self, x):
        return 1.0

    def method(self, x):
        return 1.0


@pytest.mark.parametrize("f", [len, np.sum, Callable(), Callable().method, None, 3], ids=repr)
def test_any_other_f_takes_the_long_way(f):
    assert plain_gradient(f, np.ones(2), "central", NAMES, True) is None
    assert plain_gradient(f, np.ones(2), "central", NAMES, False) is None


class NoMethod:
    """What is no method may have anything of a method's names."""

    plans = 3


WITHOUT_PLAN = {
    "not planned": Central(6),
    "a step": Central(step=0.1),
    "complex": "complex",
    "adaptive": "adaptive",
    "unknown name": "third",
    "None": None,
    "number": 3,
    "list": ["central"],
    "stranger": NoMethod(),
    "mock": Mock(),
}


@pytest.mark.parametrize("name", WITHOUT_PLAN)
def test_a_method_without_a_plan_takes_the_long_way(name):
    assert plain_gradient(lambda x: 1.0, np.ones(2), WITHOUT_PLAN[name], NAMES, True) is None


def divide(x):
    return 1 / 0


def change(x):
    x[0] = 7.0
    return 1.0


def change_and_raise(x):
    return divide(change(x))


# What f does in one of its calls, and the error of the gradient.
MISDEEDS = {
    "raises": (divide, ZeroDivisionError, "division"),
    "changes x": (change, ValueError, r"f must leave x as it is; it changed x\[0\]"),
    "changes x and raises": (change_and_raise, ZeroDivisionError, "division"),
    "returns an array": (lambda x: x, ValueError, "f must return a scalar"),
    "returns text": (lambda x: "1", TypeError, "f must return a real scalar"),
    "does nothing else": (lambda x: 1.0, None, None),
}


@pytest.mark.parametrize("name", MISDEEDS)
@pytest.mark.parametrize("call", [4, 5])  # the last coordinate's: what f makes of the one that moves is put back anyway
@pytest.mark.parametrize("char", "fdg")
def test_x_is_let_go_and_as_it_was_whatever_f_does(char, call, name):
    deed, error, message = MISDEEDS[name]
    calls = []

    def f(x):
        calls.append(None)
        return deed(x) if len(calls) == call else 1.0

    plan("forward")
    x = np.array([-0.0, np.nan, np.inf, 1e-40, 3.0], char)
    references, bits = sys.getrefcount(x), x.tobytes()
    with pytest.raises(error, match=message) if error else nullcontext():
        plain_gradient(f, x, "forward", NAMES, True)
    assert len(calls) >= call
    assert x.tobytes() == bits
    assert sys.getrefcount(x) == references


def test_f_may_differentiate_at_the_same_array():
    x = np.array([1.0, 2.0])
    inner = []

    def f(x):
        inner.append(gradient(lambda x: x[0] * x[1], x))
        return inner[-1].sum()

    assert np.allclose(gradient(f, x), 1.0)
    assert x.tolist() == [1.0, 2.0]
    assert len({tuple(found) for found in inner}) == 4  # each at the moved point


def test_what_a_result_holds_is_nobody_else_s():
    x = np.array([1.0, 2.0])
    first = gradient(rosen, x)
    kept = first.copy()
    second = gradient(rosen, x + 1)
    assert not np.shares_memory(first, second)
    assert np.array_equal(first, kept)
    assert first.flags.owndata
    assert first.flags.writeable
