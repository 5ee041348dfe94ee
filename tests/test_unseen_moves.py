"""All derivatives are exactly 0 since f does not see what is moved: a RuntimeWarning says so."""

import numpy as np
import pytest

import gradfast
from gradfast import gradient, hessian, jacobian, numerical_gradient

INTEGERS, FLOATS = np.arange(1, 4), [1.0, 2.0]


class Memo:
    """An f that keeps x itself, and so finds it unchanged."""

    last = None

    def __call__(self, x):
        if self.last is None or not np.array_equal(x, self.last):
            self.last, self.value = x, float(np.sum(x**2))
        return self.value


KEEPING = {
    "gradient": gradient,
    "forward": lambda f, x: gradient(f, x, method="forward"),
    "adaptive": lambda f, x: gradient(f, x, method="adaptive"),
    "bounds": lambda f, x: gradient(f, x, bounds=(1, 3)),
    "axis": lambda f, x: gradient(f, np.array([x, 2 * x]), axis=1),
    "progress": lambda f, x: gradient(f, x, progress=lambda done, total: None),
    "args": lambda f, x: gradient(lambda x, a: f(x), x, args=(1,)),
    "float32": lambda f, x: gradient(f, x.astype("f")),
    "value_and_gradient": gradfast.value_and_gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "directional_derivative": lambda f, x: gradfast.directional_derivative(f, x, np.ones(2)),
}


@pytest.mark.parametrize("name", KEEPING)
def test_an_f_that_keeps_x_is_told(name):
    x = np.array([1.0, 2.0])
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; f is another at a copy of x"):
        KEEPING[name](Memo(), x)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("operator", [gradient, jacobian, hessian])
def test_an_f_that_reads_an_x_that_was_copied_is_told(operator):
    read_only = np.array([1.0, 2.0])
    read_only.flags.writeable = False
    for f, x in (
        (lambda _: float(np.sum(INTEGERS**2.0)), INTEGERS),
        (lambda _: FLOATS[0] ** 2, FLOATS),
        (lambda _: float(np.sum(read_only**2)), read_only),
    ):
        with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
            operator(f, x)


def bowl(x):
    return float(np.sum(np.square(x)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("operator", [gradient, numerical_gradient, jacobian])
@pytest.mark.parametrize("x", [np.zeros(3), [0.0, 0.0], np.zeros((2, 3)).T])
def test_a_stationary_f_is_not_doubted(operator, x):
    assert not operator(bowl, x).any()
    assert not operator(lambda x: 1.0, x).any()


def test_the_looks_are_not_counted():
    _, info = gradient(lambda x: 1.0, np.ones(3), full_output=True)
    assert info.evaluations == 6


def test_memory_that_overlaps_itself_is_copied():
    x = np.lib.stride_tricks.sliding_window_view(np.arange(1.0, 6.0), 3, writeable=True)
    for operator in (gradient, numerical_gradient):
        assert np.abs(operator(lambda x: float(np.sum(x**2)), x) - 2 * x).max() < 1e-6
