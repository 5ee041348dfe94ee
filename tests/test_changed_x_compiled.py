"""Compiled f that changes its copy of x is told so."""

import ctypes
import itertools

import numpy as np
import pytest

import gradfast
from gradfast import Gradient, compiled, gradient, hessian, jacobian, numerical_gradient, value_and_gradient

POINT = np.array([0.5, 1.0])

DOUBLES = ctypes.POINTER(ctypes.c_double)


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
def flips(n, x):
    x[n - 1] = -x[n - 1]
    return x[0] * x[n - 1]


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
def keeps_the_largest_first(n, x):
    if x[0] < x[1]:  # as it never is at the call where a coordinate that it changes has just been moved
        x[1] = x[0]
    return x[0]


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
def clips(n, x):
    x[1] = min(x[1], 1.0)  # where it is, so that it only changes what is moved up
    return x[0] * x[1]


@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
def changes_another(n, x):
    if x[0] != 1.0:
        x[1] = 3.0
    return x[0] * x[1]


@ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES)
def flips_and_writes(n, x, m, out):
    x[0] = -x[0]
    for j in range(m):
        out[j] = x[0]


COMPILED_CALLS = {
    "numerical_gradient": numerical_gradient,
    "gradient": gradient,
    "prepared": lambda f, x: Gradient(f, method="forward")(x),
    "hessian": hessian,
    "noise": gradfast.noise,
    "threads": lambda f, x: gradient(f, x, workers=2),
}


@pytest.mark.parametrize("call", COMPILED_CALLS)
@pytest.mark.parametrize(
    "f", [flips, keeps_the_largest_first, clips, changes_another], ids=["flips", "once", "clips", "another"]
)
def test_compiled_f_must_leave_its_copy_alone(call, f):
    x = np.array([1.0, 1.0])
    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed x\[1\]"):
        COMPILED_CALLS[call](f, x)
    assert np.array_equal(x, [1.0, 1.0])


@pytest.mark.parametrize("n", [2, 20])
def test_compiled_f_of_a_batch_is_named_with_its_point(n):
    x = np.ones((3, n))
    for call in (numerical_gradient, lambda f, x: gradient(f, x, axis=1)):
        with pytest.raises(ValueError, match=rf"it changed x\[0, {n - 1}\]"):
            call(flips, x)
        with pytest.raises(ValueError, match=r"it changed x\[0, 1\]"):
            call(changes_another, x)


def test_compiled_f_that_writes_an_array_is_looked_at_too():
    with pytest.raises(ValueError, match=r"it changed x\[0\]"):
        jacobian(compiled(flips_and_writes, outputs=2), POINT.copy())


def test_compiled_f_that_sorts_a_nan_is_left_alone():
    """A NaN is where it was put, whatever its bits."""
    x = np.array([np.nan, 1.0])
    assert np.isnan(gradient(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)(lambda n, x: x[0]), x)[0])


def test_compiled_f_must_leave_the_sign_of_a_zero():
    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
    def negates_zero(n, x):
        if x[1] > 1.0:
            x[0] = -x[0]
        return x[0]

    for call in (numerical_gradient, gradient, lambda f, x: numerical_gradient(f, np.array([x, x]))):
        with pytest.raises(ValueError, match=r"it changed x\[(0, )?0\]"):
            call(negates_zero, np.array([0.0, 1.0]))


def test_compiled_f_is_looked_at_where_nothing_is_moved():
    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))
    def f(n, x):
        if x[1] == 4.0:
            x[0] = -x[0]
        return x[0] + x[1]

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[1, 0\]"):
        value_and_gradient(f, np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)


ROWS = np.array([[0.5, -1.0, 2.0], [0.25, 3.0, -2.0]])
WAYS = {
    "gradient": gradient,
    "forward": lambda f, x: gradient(f, x, method="forward"),
    "value_and_gradient": value_and_gradient,
    "hessian": hessian,
    "threads": lambda f, x: hessian(f, x, workers=2),
    "numerical_gradient": numerical_gradient,
    "rows": lambda f, x: gradient(f, ROWS, axis=1),
    "rows, threads": lambda f, x: gradient(f, ROWS, axis=1, workers=2),
    "rows, bounds": lambda f, x: gradient(f, ROWS, axis=1, bounds=(-9, [9, 9, 2])),
    "rows, values": lambda f, x: value_and_gradient(f, ROWS, axis=1, method="forward"),
    "rows, numerical_gradient": lambda f, x: numerical_gradient(f, ROWS),
    "arrays": jacobian,
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_compiled_f_changes_at_whichever_call_is_found(way):
    def f(n, x, *more):
        calls[0] += 1
        if calls[0] == calls[1]:
            point = 1 if x[0] in (0.25, ROWS[1, 0]) or x[2] < 0 else 0
            x[calls[2]] += 1.0
            calls[3] = point
        value = x[0] * x[0] + x[1] + x[2]
        if not more:
            return value
        more[1][0] = value
        return None

    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
    if way == "arrays":
        kind = ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES)
    called = compiled(kind(f), outputs=1) if way == "arrays" else kind(f)
    calls = [0, 0, 0, 0]
    WAYS[way](called, ROWS[0].copy())
    for k, i in itertools.product(range(1, calls[0] + 1), range(3)):
        calls = [0, k, i, 0]
        with pytest.raises(ValueError, match=r"f must leave x as it is; it changed ") as caught:
            WAYS[way](called, ROWS[0].copy())
        place = f"{calls[3]}, {i}" if way.startswith("rows") else f"{i}"
        assert str(caught.value).endswith(f"x[{place}]")
