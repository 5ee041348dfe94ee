"""Operators give the same bits whatever holds x, whatever f is, and however often they are used."""

import functools
import itertools
import operator
import pickle
import sys
import tracemalloc
import weakref
from contextlib import nullcontext
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import bits, rosen
from strategies import FLOATS, points

from gradfast import (
    Backward,
    Central,
    Derivative,
    DirectionalDerivative,
    Forward,
    Gradient,
    Hessian,
    Jacobian,
    Nodes,
    ValueAndGradient,
    derivative,
    gradient,
    jacobian,
    value_and_gradient,
)
from gradfast._kernels.combine import second_derivatives_of
from gradfast._kernels.moves import Groups, Moves

DIFFERENCES = ["central", "forward", "backward"]
METHODS = [*DIFFERENCES, Central(4), Forward(3), Backward(rel_step=1e-3), Central(noise=1e-6), Nodes((-1, 1, 2))]


def same_bits(one, other):
    """Return whether results are equal to the sign of a zero, and of one dtype."""
    one, other = np.asarray(one), np.asarray(other)
    signs = np.array_equal(np.signbit(one) & ~np.isnan(one), np.signbit(other) & ~np.isnan(other))
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True) and signs


def recorded(f):
    """Return f, and a list of all points that it is called at."""
    seen = []

    def recording(x):
        seen.append(repr(x.tolist()))  # bytes of a long double hold some that belong to no number
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


# --- one call, a prepared operator, more results ----------------------------------------------------------------------


@given(points((*FLOATS, ">f8", "f2", "i8"), max_dims=1), st.sampled_from(METHODS), st.sampled_from(sorted(OBJECTIVES)))
def test_bits_and_calls_do_not_depend_on_what_else_is_asked_for(x, method, name):
    with np.errstate(all="ignore"):
        f, expected_calls = recorded(OBJECTIVES[name])
        (value, expected), _ = value_and_gradient(f, x, method=method, full_output=True)
        for prepared in (False, True):
            f, calls = recorded(OBJECTIVES[name])
            both = ValueAndGradient(f, method=method)(x) if prepared else value_and_gradient(f, x, method=method)
            f, calls_alone = recorded(OBJECTIVES[name])
            alone = Gradient(f, method=method)(x) if prepared else gradient(f, x, method=method)
            assert calls == expected_calls
            # f's value at x is only read if it is needed, as where a difference is not finite: then it is read later
            at_x, *moved = expected_calls
            places = range(len(expected_calls))
            assert calls_alone in (moved, *([*moved[:k], at_x, *moved[k:]] for k in places))
            assert type(both[0]) is type(value)
            assert same_bits(both[0], value)
            assert same_bits(both[1], expected)
            assert same_bits(alone, expected)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("char", "fdg")
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_gradients_are_fresh_arrays_of_x_s_dtype_and_values_numbers(method, char, n):
    value, derivatives = value_and_gradient(lambda x: 2.0, np.ones(n, char), method=method)
    assert value == 2.0
    assert type(value) is (np.longdouble if char == "g" else float)
    assert (derivatives.shape, derivatives.dtype.char) == ((n,), char)
    fresh = np.empty(n, char)
    assert sys.getrefcount(derivatives) == sys.getrefcount(fresh)
    assert derivatives.flags.writeable


def test_results_share_no_memory():
    x, prepared = np.array([1.0, 2.0]), Gradient(rosen)
    first = prepared(x)
    kept = first.copy()
    second = prepared(x + 1)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(first, x)
    assert np.array_equal(first, kept)


EVERY = {
    "Derivative": (Derivative, lambda x: x**3, ()),
    "Gradient": (Gradient, rosen, ()),
    "ValueAndGradient": (ValueAndGradient, rosen, ()),
    "Jacobian": (Jacobian, lambda x: x**2 * x[::-1], ()),
    "Hessian": (Hessian, rosen, ()),
    "DirectionalDerivative": (DirectionalDerivative, lambda x: x**2 * x[::-1], (1,)),
}


@pytest.mark.parametrize(("make", "f", "direction"), EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("method", [*DIFFERENCES, "adaptive"])
def test_one_operator_serves_points_of_any_size_and_dtype_in_turn(make, f, direction, method):
    """What it remembers of one x, if anything, does not reach the next."""
    prepared = make(f, method=method)
    places = [np.linspace(1.0, 2.0, n).astype(char) for n, char in itertools.product((1, 2, 40), "fdg")]
    expected = [make(f, method=method)(x.copy(), *[np.ones(x.shape)] * len(direction)) for x in places]
    for _ in range(2):
        for x, wanted in zip(places, expected, strict=True):
            found = prepared(x, *[np.ones(x.shape)] * len(direction))
            pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
            assert all(same_bits(*pair) for pair in pairs)


@pytest.mark.parametrize("count", [0, 1, 13, 14, 15, 40])
def test_f_gets_however_many_arguments_there_are(count):
    arguments, x = tuple(range(count)), np.array([1.0, 2.0])
    found = []

    def f(x, *args):
        found.append(args)
        return x.sum()

    expected = gradient(np.sum, x)
    assert np.array_equal(Gradient(f)(x, *arguments), expected)
    assert np.array_equal(gradient(f, x, args=arguments), expected)
    assert found == [arguments] * 8


# --- whatever holds x -------------------------------------------------------------------------------------------------


class OfOurOwn(np.ndarray):
    pass


def read_only(x):
    x.flags.writeable = False
    return x


REAL = {
    "list": [1.0, 2.0],
    "number": 1.0,
    "subclass": np.array([1.0, 2.0]).view(OfOurOwn),
    "no axis": np.array(3.0),
    "two axes": np.arange(1.0, 5).reshape(2, 2),
    "transposed": np.arange(1.0, 7).reshape(2, 3).T,
    "read-only": read_only(np.array([1.0, 2.0])),
    "broadcast": np.broadcast_to(1.5, 2),
    "strided": np.arange(1.0, 5)[::2],
    "reversed": np.array([1.0, 2.0])[::-1],
    "column of records": np.array([(1.0, 9), (2.0, 9)], [("a", "d"), ("b", "i")])["a"],
    "swapped": np.array([1.0, 2.0], np.dtype("d").newbyteorder()),
    "swapped longdouble": np.array([1.0, 2.0], np.dtype("g").newbyteorder()),
    "unaligned": np.frombuffer(bytearray(b"\0" + np.array([1.0, 2.0]).tobytes()), "d", offset=1),
    "half": np.array([1.0, 2.0], "e"),
    "integers": np.array([1, 2]),
    "booleans": np.array([True, False]),
}
every_operator = pytest.mark.parametrize("make", [Gradient, ValueAndGradient, Jacobian, Hessian])


def uneven(x):
    x = np.ascontiguousarray(x)  # sums depend on the layout, and those of a subclass are no scalars
    weights = np.arange(1.0, np.size(x) + 1).reshape(np.shape(x))
    return float(np.sum(np.sin(x) * weights) + np.sum(x) ** 2)


def same_results(one, other):
    if not isinstance(one, tuple):
        return same_bits(one, other)
    return len(one) == len(other) and all(map(same_bits, one, other))


@every_operator
@pytest.mark.parametrize("method", [*DIFFERENCES, "adaptive"])
@pytest.mark.parametrize("name", REAL)
def test_every_layout_gives_the_bits_of_a_contiguous_copy(name, make, method):
    x, before = REAL[name], bits(REAL[name])
    array = np.asarray(x)
    kept = array.dtype.newbyteorder("=") if array.dtype.char in "fdg" else np.float64
    plain = np.array(array, kept, order="C")
    prepared = make(uneven, method=method)
    assert same_results(prepared(x), prepared(plain))
    assert bits(x) == before


NOT_REAL = {
    "complex": np.ones(2, complex),
    "dates": np.zeros(2, "M8[s]"),
    "text": np.array(["1", "2"]),
    "strings": np.array(["1", "2"], np.dtypes.StringDType()),
    "objects": np.ones(2, object),
    "records": np.zeros(2, [("a", "d")]),
}


@every_operator
@pytest.mark.parametrize("name", NOT_REAL)
def test_what_holds_no_real_numbers_raises(name, make):
    with pytest.raises(TypeError, match="x must hold real numbers; got dtype"):
        make(uneven)(NOT_REAL[name])


def test_a_masked_array_raises():
    with pytest.raises(TypeError, match="x must be an array without a mask; got a MaskedArray of shape"):
        Gradient(uneven)(np.ma.MaskedArray([1.0, 2.0], [True, False]))


# --- whatever f is ----------------------------------------------------------------------------------------------------


class Callable:
    def __call__(self, x):
        return uneven(x)

    def method(self, x):
        return uneven(x)

    @staticmethod
    def static(x):
        return uneven(x)


class OldCallable(Callable):
    __call__ = functools.partialmethod(Callable.method)


FUNCTIONS = {
    "function": uneven,
    "object": Callable(),
    "object, by a partial": OldCallable(),
    "bound method": Callable().method,
    "static method": Callable.static,
    "partial": functools.partial(lambda unused, x: uneven(x), None),
    "cached": functools.lru_cache(lambda key: uneven(np.frombuffer(key))).__wrapped__,
    "mock": Mock(side_effect=uneven),
    "vectorize": np.vectorize(uneven, signature="(n)->()"),
    "operator": operator.methodcaller("sum"),
    "C function": np.sum,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("method", [*DIFFERENCES, Central(step=0.125)], ids=str)
def test_any_callable_gives_the_bits_of_a_function(name, method):
    f, x = FUNCTIONS[name], np.array([0.5, 1.5, -2.0])
    expected = gradient(lambda x: f(x), x, method=method)
    assert same_bits(gradient(f, x, method=method), expected)
    assert same_bits(Gradient(f, method=method)(x), expected)


@pytest.mark.parametrize("f", [None, 3, "f", []], ids=repr)
def test_what_cannot_be_called_raises_when_the_operator_is_made(f):
    with pytest.raises(TypeError, match="f must be callable"):
        Gradient(f)
    with pytest.raises(TypeError, match="f must be callable"):
        gradient(f, np.ones(2))


class NoMethod:
    """What is no method may have anything of a method's names."""

    plans = 3


@pytest.mark.parametrize("method", ["third", "", None, 3, ["central"], NoMethod(), Mock(), Central], ids=repr)
def test_no_method_raises_when_the_operator_is_made(method):
    with pytest.raises(ValueError, match="method must be one of central, forward, .* or a method object; got"):
        Gradient(uneven, method=method)
    with pytest.raises(ValueError, match="method must be one of central, forward, .* or a method object; got"):
        gradient(uneven, np.ones(2), method=method)


# --- whatever f does --------------------------------------------------------------------------------------------------


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
@pytest.mark.parametrize(
    "call", [1, 4, 5]
)  # at x; and the last coordinate's: f's change of the one that moves is put back
@pytest.mark.parametrize("layout", [slice(None), slice(None, None, -1)], ids=["contiguous", "reversed"])
@pytest.mark.parametrize("char", "fdg")
def test_x_is_let_go_and_as_it_was_whatever_f_does(char, layout, call, name):
    deed, error, message = MISDEEDS[name]
    calls = []

    def f(x):
        calls.append(None)
        return deed(x) if len(calls) == call else 1.0

    x = np.array([-0.0, np.nan, np.inf, 1e-40, 3.0], char)[layout]
    references, before = sys.getrefcount(x), bits(x)
    with pytest.raises(error, match=message) if error else nullcontext():
        value_and_gradient(f, x, method="forward")
    assert len(calls) >= call
    assert bits(x) == before
    assert sys.getrefcount(x) == references


def test_looking_to_the_other_side_hides_no_change_of_x():
    x, calls = np.array([0.0, 1.0]), []

    def f(x):
        calls.append(None)
        if len(calls) == 4:
            x[0] = 7.0
        return x[0] + x[1] if x[0] >= 0 else np.nan

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
        gradient(f, x)
    assert x.tolist() == [0.0, 1.0]


def test_f_may_differentiate_at_the_same_array_by_the_same_operator():
    x = np.array([1.0, 2.0])
    inner, product = [], Gradient(lambda x: x[0] * x[1])

    def f(x):
        inner.append(product(x))
        return inner[-1].sum()

    assert np.allclose(gradient(f, x), 1.0)
    assert x.tolist() == [1.0, 2.0]
    assert len({tuple(found) for found in inner}) == 4  # each at the moved point


def test_an_operator_may_be_called_within_its_own_f():
    depth = []

    def f(x):
        if depth:
            return x.prod()
        depth.append(1)
        found = prepared(x)
        depth.pop()
        return found.sum()

    prepared = Gradient(f)
    assert np.allclose(prepared(np.array([2.0, 3.0])), 1.0)


# A function of each kind that keeps its operator for the next call, an x, and f's derivative if that is a linear one's.
AT_ONCE = {
    "gradient": (gradient, np.array([1.0]), 1),
    "value_and_gradient": (value_and_gradient, np.array([1.0]), 1),
    "jacobian": (jacobian, np.array([1.0]), [[1]]),
    "derivative": (derivative, 1.0, 1),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_call_knows_nothing_of_an_earlier_one_nor_of_one_within_f(name):
    function, x, one = AT_ONCE[name]

    def slope(f, method="central"):
        found = function(f, x, method=method)
        return found[-1] if type(found) is tuple else found

    def times(factor):
        return lambda x: factor * x if name == "jacobian" else float(np.squeeze(factor * x))

    def failing(x):
        raise KeyError(name)

    def nested(x):
        assert np.allclose(slope(times(5.0)), np.multiply(5, one))
        with pytest.raises(KeyError, match=name):
            slope(failing)
        return times(3.0)(x)

    assert np.allclose(slope(nested), np.multiply(3, one))
    assert np.allclose(slope(lambda x: 1j * nested(x)), np.multiply(3j, one))  # for which f is looked at again
    assert np.allclose(slope(nested, "forward"), np.multiply(3, one))
    with pytest.raises(KeyError, match=name):
        slope(failing)
    assert np.allclose(slope(times(4.0)), np.multiply(4, one))
    # A curve tells a one-sided difference from a central one.
    curve = (lambda x: x**2) if name == "jacobian" else (lambda x: float(np.squeeze(x) ** 2))
    assert np.all(np.abs(slope(curve) - np.multiply(2, one)) < 1e-9)
    assert np.all(np.abs(slope(curve, "forward") - np.multiply(2, one)) > 1e-9)
    assert np.all(np.abs(slope(curve) - np.multiply(2, one)) < 1e-9)


@pytest.mark.parametrize("name", AT_ONCE)
def test_a_call_keeps_no_f(name):
    function, x, _ = AT_ONCE[name]

    def f(x):
        return 2 * x if name == "jacobian" else float(np.sum(x))

    gone = weakref.ref(f)
    function(f, x)
    del f
    assert gone() is None


@pytest.mark.parametrize("options", [{"kwargs": {"weights": np.ones(2), "power": 3}}, {"bounds": "Bounds"}], ids=str)
def test_options_that_hold_arrays_are_compared_by_their_contents(options):
    if "bounds" in options:
        options = {"bounds": pytest.importorskip("scipy.optimize").Bounds([0, 0], [1, 1])}
    slopes = Gradient(np.sum, **options)
    assert slopes == pickle.loads(pickle.dumps(slopes))
    ((name, value),) = options.items()
    other = {"weights": np.zeros(2), "power": 3} if name == "kwargs" else type(value)([0, 0], [1, 2])
    assert slopes != Gradient(np.sum, **{name: other})
    assert slopes != Gradient(np.sum)


def test_completion_shows_what_callers_use():
    for one in (Gradient(np.sum), Jacobian(np.sin), DirectionalDerivative(np.sum)):
        for listed in (dir(type(one)), dir(one)):
            names = {name for name in listed if not name.startswith("_")}
            assert {"f", "method", "points", "combine"} <= names
            assert names <= {*one.options, "f", "points", "combine", "as_linear_operator"}
    assert "as_linear_operator" in dir(Jacobian)


def test_memory_that_was_allocated_is_freed():
    wide, moves = np.zeros(10_000), Moves(Groups.each(10_000), np.ones(10_000), Central().stencil(2))

    def run(times):
        for _ in range(times):
            jacobian(lambda x: wide * x[0], np.ones(3))  # whose block grows when f has told how many values it has
            second_derivatives_of(wide, moves)

    run(2)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run(10)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 40_000  # half of what one row takes
