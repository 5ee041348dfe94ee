"""Memory that a call takes is let go of, whatever becomes of the call."""

import gc
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from compiled import c_array_function, c_function

import gradfast

POINT = np.array([1.0, -2.0, 0.5])
MATRIX = np.arange(6.0).reshape(2, 3) + 0.5
EVERY_OTHER = np.arange(12.0).reshape(2, 6)[:, ::2]
COMPILED, COMPILED_CURVE = c_function(), c_array_function()


def product(x):
    return np.prod(x) + np.sum(x**2)


def curve(x):
    return np.sin(np.ravel(x)) * np.sum(x)


def raising(x):
    raise ArithmeticError


def changing(x):
    x[...] = 0
    return 1.0


def resizing(values):
    """Return an f that returns these values one after the other, the last one again and again."""
    left = iter(values[:-1])
    return lambda x: next(left, values[-1])


CALLS = {
    "a point": lambda: gradfast.gradient(product, POINT),
    "a matrix": lambda: gradfast.gradient(product, MATRIX),
    "a slice": lambda: gradfast.gradient(product, EVERY_OTHER),
    "the textbook's": lambda: gradfast.numerical_gradient(product, EVERY_OTHER),
    "a batch": lambda: gradfast.gradient(product, MATRIX, axis=0),
    "vectorized": lambda: gradfast.gradient(lambda points: np.sum(points**2, axis=1), POINT, vectorized=True),
    "the complex step": lambda: gradfast.gradient(product, MATRIX, method="complex"),
    "adaptive": lambda: gradfast.gradient(product, POINT, method="adaptive"),
    "many values": lambda: gradfast.jacobian(lambda x: np.repeat(np.sin(x), 999), POINT),
    "adaptive, of many values": lambda: gradfast.jacobian(lambda x: np.repeat(np.sin(x), 99), POINT, method="adaptive"),
    "long doubles": lambda: gradfast.gradient(product, MATRIX.astype("g")),
    "with value": lambda: gradfast.value_and_gradient(product, MATRIX),
    "parameters": lambda: gradfast.gradient(lambda p: product(p["w"]) + p["b"], {"w": MATRIX, "b": 2.0}),
    "an array": lambda: gradfast.jacobian(curve, MATRIX, method="forward"),
    "a list": lambda: gradfast.jacobian(lambda x: [x[0], x[1] * x[2]], POINT),
    "colors": lambda: gradfast.jacobian(lambda x: x**2, POINT, sparsity=np.eye(3)),
    "second": lambda: gradfast.hessian(product, POINT, method=gradfast.Forward(2)),
    "a direction": lambda: gradfast.directional_derivative(curve, POINT, [1.0, 2.0, 3.0]),
    "elements": lambda: gradfast.derivative(np.sin, MATRIX),
    "a number": lambda: gradfast.derivative(np.sin, 1.0),
    "compiled": lambda: gradfast.gradient(COMPILED, MATRIX),
    "a compiled array": lambda: gradfast.jacobian(COMPILED_CURVE, POINT, out_size=3),
    "f raises": lambda: gradfast.gradient(raising, MATRIX),
    "f changes x": lambda: gradfast.gradient(changing, MATRIX),
    "values of two shapes": lambda: gradfast.jacobian(resizing([np.ones(2), np.ones(3)]), MATRIX),
    "not a number": lambda: gradfast.gradient(lambda x: "none", MATRIX),
    "memory that overlaps": lambda: gradfast.gradient(
        product, np.lib.stride_tricks.sliding_window_view(POINT.copy(), 2, writeable=True)
    ),
}


def grown(call, times):
    """Return by how much the memory grows that Python and NumPy know of, in bytes."""
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(times):
        with suppress(ArithmeticError, ValueError, TypeError):
            call()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


@pytest.mark.parametrize("name", CALLS)
def test_a_call_keeps_no_memory(name):
    """Some rounds may grow: NumPy keeps small blocks for the next array, up to a number of each size."""
    tracemalloc.start()
    try:
        assert any(grown(CALLS[name], 60) < 8 * 60 for _ in range(20))  # a pointer each
    finally:
        tracemalloc.stop()
