"""All derivatives are exactly 0 since f does not see what is moved: a RuntimeWarning says so."""

import functools

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
    "numerical_gradient": numerical_gradient,
    "numerical_gradient, rows": lambda f, x: numerical_gradient(f, np.array([x, 2 * x])),
    "numerical_gradient, matrix": lambda f, x: numerical_gradient(f, np.array([x, 2 * x]), axis=None),
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
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; f has another value at a copy of x"):
        KEEPING[name](Memo(), x)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("operator", [numerical_gradient, gradient, jacobian, hessian])
def test_an_f_that_reads_an_x_that_was_copied_is_told(operator):
    read_only = np.array([1.0, 2.0])
    read_only.flags.writeable = False
    for f, x in (
        (lambda _: float(np.sum(INTEGERS**2.0)), INTEGERS),
        (lambda _: FLOATS[0] ** 2, FLOATS),
        (lambda _: (lambda: FLOATS[0] ** 2)(), FLOATS),
        (lambda _: float(np.sum(read_only**2)), read_only),
    ):
        with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
            operator(f, x)


def bowl(x):
    return float(np.sum(np.square(x)))


def test_parameters_that_were_copied_are_copies():
    parameters = {"a": [1.0, 2.0], "b": 3.0}
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        gradient(lambda _: parameters["a"][0] * parameters["b"], parameters)


@pytest.mark.parametrize(
    "wrap", [functools.partial, lambda f: lambda x: f(x), lambda f: f.__call__], ids=["partial", "closure", "method"]
)
def test_what_f_reads_is_found_behind_wrappers(wrap):
    class Reader:
        def __init__(self, held):
            self.held = {"x": held}

        def __call__(self, _):
            return sum(float(part) for part in self.held["x"])

    x = [1.0, 2.0]
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        gradient(wrap(Reader(x)), x)


class Lazy:
    """Like a proxy that is bound to nothing yet."""

    @property
    def __class__(self):
        raise RuntimeError("not bound")


def test_what_f_holds_is_not_asked_for_anything():
    a, x, z = Lazy(), [1.0, 2.0], Lazy()
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        gradient(lambda _: (a, x, z)[1][0], x)
    again = []
    again.append(again)  # holds itself
    assert not gradient(lambda _: float(len(again)), x).any()


WEIGHTS, FAR = np.array([[1.0, -2.0], [0.5, 1.0]]), 1e3
FLAT = {
    "constant": lambda x: FAR,
    "constant array": lambda x: np.ones(2) @ WEIGHTS[0],
    "dead ReLU": lambda x: np.sum(np.maximum(WEIGHTS @ x - FAR, 0)),
    "saturated": lambda x: np.sum(np.tanh(WEIGHTS @ x + FAR)),
    "rounded": lambda x: np.sum(np.round(x)),
    "kink": lambda x: np.sum(np.abs(x)),
    "valley": lambda x: np.sum(np.square(x)),
    "valley of two widths": lambda x: x[0] ** 2 + 2 * x[1] ** 2,
    "saddle": lambda x: x[0] * x[1],
    "flat until both move": lambda x: float(np.all(x != 0)),
    "other": lambda x: np.sum(np.zeros(2) * x),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("operator", [gradient, jacobian, hessian])
@pytest.mark.parametrize("options", [{}, {"workers": map}, {"bounds": (-9, [9, 0])}, {"axis": 1}], ids=str)
@pytest.mark.parametrize("x", [np.zeros(2), [0.0, 0.0], np.zeros(2, "f"), np.zeros(2, "g"), np.zeros(2, int)], ids=repr)
def test_an_f_that_sees_its_argument_is_not_doubted(name, operator, options, x):
    x = [x, x] if "axis" in options else x
    operator(FLAT[name], np.array(x) if "axis" in options else x, **options)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("x", [np.zeros(2), [0.0, 0.0], np.zeros(2, "f"), np.zeros((1, 2)), np.zeros(2, int)], ids=repr)
def test_numerical_gradient_does_not_doubt_it_either(name, x):
    numerical_gradient(FLAT[name], x)


@pytest.mark.filterwarnings("error")
def test_complex_values_that_are_flat_are_not_doubted():
    for x in (np.ones(2), [1.0, 2.0]):
        assert not gradient(lambda x: FAR + 1j * np.maximum(WEIGHTS[0] @ x - FAR, 0), x).any()


@pytest.mark.parametrize(
    ("name", "more"),
    [("constant", 1), ("dead ReLU", 1), ("valley of two widths", 0), ("kink", 3), ("flat until both move", 3)],
)
def test_doubt_takes_few_calls(name, more):
    f = FLAT[name]
    calls = []
    assert not gradient(lambda x: calls.append(0) or f(x), np.zeros(2)).any()
    assert len(calls) == 4 + more


@pytest.mark.parametrize("operator", [gradient, numerical_gradient])
def test_the_looks_hide_no_change_of_x(operator):
    for last in (np.nan, 1.0):
        x, calls = np.array([0.0, 0.0, last]), []

        def f(x, calls=calls):
            calls.append(None)
            if len(calls) == 5:
                x[0] = 7.0
            return 1.0

        with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0\]"):
            operator(f, x)
        assert x[0] == 0.0


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


@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_an_f_of_many_points_that_reads_x_is_told(method):
    x = np.array([1.0, 2.0])
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        gradient(lambda points: np.full(len(points), np.sum(x**2)), x, vectorized=True, method=method)


@pytest.mark.filterwarnings("error")
def test_an_f_of_many_points_that_is_flat_is_not_doubted():
    x = np.array([1.0, 2.0])
    assert not gradient(lambda points: np.sum((points - x) ** 2, axis=-1), x, vectorized=True).any()
    assert not gradient(lambda points: np.full(len(points), 3.0), x, vectorized=True).any()
    assert not gradient(lambda points: 0 * np.sum(points + x, axis=-1), x, vectorized=True).any()
    assert x.tolist() == [1.0, 2.0]


def test_an_f_that_names_nothing_is_not_called_again_where_it_is_flat():
    def f(x, calls):
        calls[0] += 1
        return 3.0

    calls = [0]
    assert not gradient(f, np.ones(2), args=(calls,)).any()
    assert calls == [4]
