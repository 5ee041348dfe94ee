"""The calls that move x, by name: of one f that returns a number."""

import numpy as np

import gradfast
from gradfast import gradient, hessian, jacobian, numerical_gradient


def rows_of(f):
    return lambda points: np.full(len(points), f(points))


CALLS = {
    "numerical_gradient": numerical_gradient,
    "numerical_gradient, rows": lambda f, x: numerical_gradient(f, x.reshape(1, 2)),
    "numerical_gradient, three axes": lambda f, x: numerical_gradient(f, x.reshape(1, 1, 2)),
    "numerical_gradient, vectorized": lambda f, x: numerical_gradient(rows_of(f), x, vectorized=True),
    "gradient": gradient,
    "gradient, forward": lambda f, x: gradient(f, x, method="forward"),
    "gradient, adaptive": lambda f, x: gradient(f, x, method="adaptive"),
    "gradient, float32": lambda f, x: gradient(f, x.astype("f")),
    "gradient, axis": lambda f, x: gradient(f, x.reshape(1, 2), axis=1),
    "gradient, vectorized": lambda f, x: gradient(rows_of(f), x, vectorized=True),
    "gradient, vectorized, axis": lambda f, x: gradient(rows_of(f), x.reshape(1, 2), vectorized=True, axis=1),
    "gradient, progress": lambda f, x: gradient(f, x, progress=lambda done, total: None),
    "gradient, workers": lambda f, x: gradient(f, x, workers=map),
    "value_and_gradient": gradfast.value_and_gradient,
    "jacobian": lambda f, x: jacobian(lambda x: np.array([f(x)]), x),
    "hessian": hessian,
    "directional_derivative": lambda f, x: gradfast.directional_derivative(f, x, np.ones(2)),
    "noise": gradfast.noise,
    "check_gradient": lambda f, x: gradfast.check_gradient(f, -np.exp(-x), x),
}
