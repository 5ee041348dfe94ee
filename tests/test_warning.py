"""Warnings name the line that called gradfast, however deep they were raised."""

import warnings

import numpy as np
import pytest

import gradfast
from gradfast import Central
from gradfast.values.arguments import warn

FAR = np.array([1.0, 1e13])
SHORT = Central(step=1e-4)  # lost to rounding at FAR[1]


def number(x):
    return float(np.sum(np.asarray(x) ** 2))


CLOSED_OVER = np.ones(2)
ROWS = np.ones((2, 2))


def closure(x):
    """Read the array that is differentiated at, but not as an argument: with workers, copies of it are moved."""
    return float(np.sum(CLOSED_OVER**2) + np.sum(ROWS))


CALLS = {
    "numerical_diff": lambda: gradfast.numerical_diff(number, 1e13),
    "tangent_line": lambda: gradfast.tangent_line(number, 1e13),
    "numerical_gradient": lambda: gradfast.numerical_gradient(number, FAR),
    "numerical_gradient, vectorized": lambda: gradfast.numerical_gradient(lambda x: x[:, 0], FAR, vectorized=True),
    "derivative": lambda: gradfast.derivative(np.square, FAR, method=SHORT),
    "gradient": lambda: gradfast.gradient(number, FAR, method=SHORT),
    "gradient, bounds": lambda: gradfast.gradient(number, FAR, method=SHORT, bounds=(0, np.inf)),
    "gradient, workers": lambda: gradfast.gradient(closure, CLOSED_OVER, workers=map),
    "gradient, a batch by workers": lambda: gradfast.gradient(closure, ROWS, axis=1, workers=map),
    "value_and_gradient": lambda: gradfast.value_and_gradient(number, FAR, method=SHORT),
    "value_and_gradient, workers": lambda: gradfast.value_and_gradient(closure, CLOSED_OVER, workers=map),
    "jacobian": lambda: gradfast.jacobian(np.square, FAR, method=SHORT),
    "jacobian, workers": lambda: gradfast.jacobian(closure, CLOSED_OVER, workers=map),
    "hessian": lambda: gradfast.hessian(number, FAR, method=SHORT),
    "hessian, workers": lambda: gradfast.hessian(closure, CLOSED_OVER, workers=map),
    "hessian from gradient": lambda: gradfast.hessian(None, FAR, gradient=np.square, method=SHORT),
    "directional_derivative": lambda: gradfast.directional_derivative(number, FAR, [1.0, 1.0], method=SHORT),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_comes_once_and_names_the_file_of_the_caller(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[name]()
    assert [(w.filename, w.category) for w in caught] == [(__file__, RuntimeWarning)]
    assert caught[0].lineno == CALLS[name].__code__.co_firstlineno


def test_a_warning_from_inside_an_f_names_its_line():
    def f(x):
        return gradfast.numerical_diff(number, 1e13)

    with pytest.warns(RuntimeWarning, match="lost to rounding") as caught:
        gradfast.derivative(f, 1.0)
    assert {(w.filename, w.lineno) for w in caught} == {(__file__, f.__code__.co_firstlineno + 1)}


def test_a_warning_can_be_raised_where_nobody_else_called():
    with pytest.warns(RuntimeWarning, match="^alone$"):
        exec(compile("warn('alone')", gradfast.__file__, "exec"), {"warn": warn})
