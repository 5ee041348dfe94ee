"""Every operator, called alike: what tests of all of them share."""

import itertools

import numpy as np
import pytest

from gradfast import (
    Central,
    Forward,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)

DIFFERENCES = ["central", "forward", "backward", Central(4), Forward(2)]
METHODS = [*DIFFERENCES, "complex"]


def along_ones(f, x, **options):
    return directional_derivative(f, x, np.ones(np.shape(x)), **options)


def value_and_the_gradient(f, x, **options):
    result = value_and_gradient(f, x, **options)
    if options.get("full_output"):
        (_, slope), info = result
        return slope, info
    return result[1]


def hessian_from_gradient(f, x, **options):
    """Differentiate f times x, of x's shape, in place of a gradient."""
    if options.pop("vectorized", False):
        return hessian(None, x, gradient=lambda p: f(p).reshape(-1, *(1,) * np.ndim(x)) * p, vectorized=True, **options)
    return hessian(None, x, gradient=lambda x: f(x) * x, **options)


def one_derivative(f, x, **options):
    """Differentiate x**3 elementwise, in place of an f that returns one number; f is called as well."""

    def elementwise(x):
        f(x)
        return x**3

    return derivative(elementwise, x, **options)


# Name: the operator, of an f that returns one number.
OF_A_NUMBER = {
    "gradient": gradient,
    "value_and_gradient": value_and_the_gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "hessian from gradient": hessian_from_gradient,
    "directional_derivative": along_ones,
}
WITH_ONE_F = {name: OF_A_NUMBER[name] for name in ("gradient", "value_and_gradient", "jacobian", "hessian")}
EVERY = {"derivative": one_derivative, **OF_A_NUMBER}


def cases(operators, methods, *more):
    """Return operators with methods; the complex step has no second derivative."""
    return [
        pytest.param(operator, method, *rest, id="-".join(map(str, (name, method, *rest))))
        for name, operator in operators.items()
        for method in methods
        for rest in itertools.product(*more)
        if (name, method) != ("hessian", "complex") and (name, *rest[:1]) != ("derivative", True)
    ]


operators = pytest.mark.parametrize("operator", OF_A_NUMBER.values(), ids=OF_A_NUMBER)
every_operator = pytest.mark.parametrize("operator", EVERY.values(), ids=EVERY)


def smooth(x):
    """A number for a point of any shape; its derivatives all differ."""
    weights = np.arange(1, x.size + 1).reshape(x.shape)
    return np.sum(np.sin(x) * weights) + np.sum(x) ** 2 / 8


def layouts():
    """Yield points of one shape whose memory is laid out in different ways."""
    values = np.random.default_rng(5).normal(size=(3, 4))
    values[0, 0] = -0.0
    yield "contiguous", values.copy()
    yield "transposed", values.T.copy().T
    yield "strided", np.repeat(np.repeat(values, 2, 0), 3, 1)[::2, ::3]
    yield "reversed", values[::-1, ::-1].copy()[::-1, ::-1]
    yield "column of a table", np.repeat(values[..., np.newaxis], 3, 2)[..., 1]
    yield "float32", values.astype(np.float32)
    yield "longdouble", values.astype(np.longdouble).T.copy().T


any_layout = pytest.mark.parametrize("x", [pytest.param(x, id=name) for name, x in layouts()])
