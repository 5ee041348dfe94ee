"""Compiled f: which objects are one, and that its loops equal those for Python callables bit for bit."""

import ctypes

import numpy as np
import pytest
from compiled import c_array_function, c_function, uneven, uneven_array
from hypothesis import given
from strategies import FLOATS, OTHERS, points

import gradfast
from gradfast import (
    Backward,
    Central,
    Forward,
    derivative,
    directional_derivative,
    gradient,
    numerical_gradient,
    reference,
)
from gradfast.values.callables import as_objective

# --- the same as the loops for Python ---------------------------------------------------------------------------------


METHODS = [Central(), Central(accuracy=4), Forward(), Backward(accuracy=2), Central(step=0.125)]


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("method", ["central", "forward", Central(step=1e-3)])
@pytest.mark.parametrize(("rows", "n"), [(1100, 1), (700, 3), (3, 600)])
def test_a_large_batch_of_compiled_f_is_its_points_one_by_one(rows, n, method, workers):
    f, points_of = c_function(f=lambda x: x[0] * x[-1] * x[-1]), np.random.default_rng(n).uniform(-2, 2, (rows, n))
    points_of[rows // 2] = 1e9
    wanted = [
        gradient(lambda x: float(x[0]) * float(x[-1]) * float(x[-1]), point, method=method) for point in points_of
    ]
    assert np.array_equal(gradient(f, points_of, axis=1, method=method, workers=workers), wanted)
    inside = {"axis": 1, "method": method, "workers": workers, "bounds": (-3.0, 1e300), "full_output": True}
    assert np.array_equal(gradient(f, points_of, **inside)[0], wanted)
    assert np.array_equal(gradient(f, np.asfortranarray(points_of), axis=1, method=method, workers=workers), wanted)


@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_every_operator_gives_what_it_gives_for_python(method, workers):
    f, array = c_function(), gradfast.compiled(c_array_function(), outputs=3)
    x = np.array([0.5, -1.25, 3.0])
    bounds = ([0.5, -2.0, 0.0], [2.0, 2.0, 3.0])
    batch = np.random.default_rng(0).normal(size=(40, 3))
    for options in ({}, {"bounds": bounds}):
        both = {"method": method, **options}
        assert np.array_equal(gradfast.gradient(f, x, workers=workers, **both), gradfast.gradient(uneven, x, **both))
        assert np.array_equal(gradfast.hessian(f, x, workers=workers, **both), gradfast.hessian(uneven, x, **both))
        assert np.array_equal(
            gradfast.jacobian(array, x, workers=workers, **both), gradfast.jacobian(uneven_array, x, **both)
        )
        v = [1.0, 2.0, -1.0]
        assert gradfast.directional_derivative(f, x, v, **both) == gradfast.directional_derivative(uneven, x, v, **both)
    value, gradient = gradfast.value_and_gradient(f, x, method=method, workers=workers)
    assert (value, list(gradient)) == (uneven(x), list(gradfast.gradient(uneven, x, method=method)))
    for axis, points_along in ((1, batch), (0, batch.T)):
        got = gradfast.gradient(f, points_along, axis=axis, method=method, workers=workers)
        assert np.array_equal(got, gradfast.gradient(uneven, points_along.copy(), axis=axis, method=method))
    deep = batch.reshape(2, 20, 3)
    assert np.array_equal(gradfast.gradient(f, deep, axis=2, method=method, workers=workers).reshape(40, 3), got.T)


def test_bounds_of_a_batch_hold():
    f, batch = c_function(), np.array([[0.0, 0.5], [1.0, 1.0], [0.25, 0.0]])
    both = {"axis": 1, "bounds": (0.0, 1.0)}
    assert np.array_equal(gradfast.gradient(f, batch, **both), gradfast.gradient(uneven, batch, **both))


@given(points(dtypes=FLOATS + OTHERS, max_dims=3, min_side=1, magnitude=10.0, readonly=True))
def test_the_classic_gradient_equals_the_reference_on_the_same_function(x):
    before = x.tobytes()
    f = as_objective(c_function(f=lambda x: sum(v * v for v in x)))
    got = numerical_gradient(f, x)
    expected = reference.numerical_gradient(lambda p: f(p.reshape(-1)), x.astype("f8"))
    assert np.array_equal(got, expected.astype(got.dtype))
    assert x.tobytes() == before


def test_evaluations_are_counted():
    calls = []

    def counting(x):
        calls.append(1)
        return uneven(x)

    f = c_function(f=counting)
    for operator, options, evaluations in (
        (gradfast.gradient, {}, 6),
        (gradfast.gradient, {"method": "forward"}, 4),
        (gradfast.gradient, {"method": "forward", "f0": 1.0}, 3),
        (gradfast.hessian, {}, 13),
        (gradfast.gradient, {"workers": 2}, 6),
    ):
        calls.clear()
        info = operator(f, [1.0, 2.0, 3.0], full_output=True, **options)[1]
        assert (len(calls), info.evaluations) == (evaluations, evaluations)


def test_a_swallowed_step_is_a_warning():
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1\] = 1e\+13"):
        numerical_gradient(c_function(), [1.0, 1e13])
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1, 0\] = 1e\+13"):
        numerical_gradient(c_function(), [[1.0, 2.0], [1e13, 1.0]])


def test_more_components_than_the_stack_holds():
    x = np.linspace(-1.0, 1.0, 200)
    assert np.array_equal(gradfast.gradient(c_function(), x), gradfast.gradient(uneven, x))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_an_empty_x_gives_an_empty_gradient(shape):
    assert numerical_gradient(c_function(), np.zeros(shape)).shape == shape
    assert gradfast.gradient(c_function(), np.zeros(shape), axis=len(shape) - 1).shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_a_compiled_derivative_at_x_of_any_precision_is_moved_in_double(dtype, method):
    square = c_function(f=lambda x: x[0] * x[0])
    x = np.array([1.5], dtype)
    for found in (directional_derivative(square, x, [1.0], method=method), gradient(square, x, method=method)[0]):
        assert found.dtype == dtype
        assert abs(found - 3) <= (1e-6 if dtype is np.float32 else 1e-7)
    cube = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x**3)
    found = derivative(cube, x, method=method)
    assert found.dtype == dtype
    assert abs(found[0] - 6.75) <= 1e-6


def test_a_swallowed_step_of_a_gradient_is_a_warning():
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1\] = 1e\+13"):
        gradient(c_function(), [1.0, 1e13], method=Central(step=1e-4))


def test_what_bounds_fix_of_a_batch_is_left_out():
    batch = np.array([[0.5, 0.25], [0.75, -1.0], [2.0, 3.0]])
    both = {"axis": 1, "bounds": (-9.0, [9.0, 9.0, 0.75, 9.0, 9.0, 9.0])}
    both["bounds"] = (np.where(batch == 0.75, 0.75, -9.0), np.where(batch == 0.75, 0.75, 9.0))
    assert np.array_equal(gradient(c_function(), batch, **both), gradient(uneven, batch, **both))


@pytest.mark.parametrize("axis", [None, 1])
def test_there_is_no_derivative_where_x_is_no_number(axis):
    x = np.array([np.inf, 2.0]) if axis is None else np.array([[1.0, 2.0], [np.nan, 2.0]])
    found = gradient(c_function(f=lambda x: x[1]), x, axis=axis)
    assert np.array_equal(np.isnan(found), ~np.isfinite(x))


def test_compiled_f_of_a_number_returns_a_number():
    cube = as_objective(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x**3))
    assert type(cube(2.0)) is np.float64
    assert cube([2.0]).shape == (1,)


def test_a_pattern_has_as_many_rows_as_compiled_f_has_values():
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(ValueError, match="sparsity must"):
        gradfast.jacobian(gradfast.compiled(c_array_function(), outputs=3), np.ones(3), sparsity=np.ones((2, 3)))


def test_a_given_value_has_as_many_numbers_as_compiled_f_writes():
    f = gradfast.compiled(c_array_function(), outputs=3)
    with pytest.raises(ValueError, match="f0 must have"):
        gradfast.jacobian(f, np.ones(3), f0=np.ones(2), method="forward", workers=2)
