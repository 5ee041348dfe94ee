"""Arrays that are more than an array: perturbed in place as the memory that they are, or refused."""

import numpy as np
import pytest

import gradfast

OPERATORS = {
    "numerical_gradient": gradfast.numerical_gradient,
    "derivative": lambda f, x: gradfast.derivative(lambda x: x**2, x),
    "gradient": gradfast.gradient,
    "value_and_gradient": lambda f, x: gradfast.value_and_gradient(f, x)[1],
    "jacobian": gradfast.jacobian,
    "hessian": gradfast.hessian,
    "directional_derivative": lambda f, x: gradfast.directional_derivative(f, x, np.ones(np.shape(x))),
    "noise": gradfast.noise,
    "gradient, vectorized": lambda f, x: gradfast.gradient(lambda x: np.sum(x**2, axis=-1), x, vectorized=True),
}


def squares(x):
    return float(np.sum(np.asarray(x) ** 2))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("mask", [False, [False, True]], ids=["nothing masked", "a masked item"])
def test_a_masked_array_is_refused_and_keeps_its_data(operator, mask):
    x = np.ma.array([1.0, 2.0], mask=mask)
    with pytest.raises(TypeError, match=r"^x must be an array without a mask; got a MaskedArray"):
        OPERATORS[operator](squares, x)
    assert x.data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("operator", ["numerical_gradient", "gradient", "value_and_gradient", "directional_derivative"])
def test_a_matrix_is_differentiated_as_the_array_that_it_is(operator):
    x = np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix)
    found = OPERATORS[operator](squares, x)
    assert type(found) in (np.ndarray, np.float64)
    assert found == pytest.approx(20.0 if np.ndim(found) == 0 else 2 * np.asarray(x))
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_matrix_of_integers_is_copied():
    x = np.array([[1, 2]]).view(np.matrix)
    assert gradfast.gradient(squares, x) == pytest.approx(np.array([[2.0, 4.0]]))


@pytest.mark.parametrize("operator", ["numerical_gradient", "gradient"])
def test_a_memmap_is_perturbed_in_place(operator, tmp_path):
    x = np.memmap(tmp_path / "x", np.float64, "w+", shape=(3,))
    x[:] = [1.0, 2.0, 3.0]
    found = OPERATORS[operator](lambda _: squares(x), x)
    assert found == pytest.approx(np.array([2.0, 4.0, 6.0]))
    assert x.tolist() == [1.0, 2.0, 3.0]


class Filled(np.ndarray):
    """Stand for a type whose bytes, comparisons and assignments are not those of its memory."""

    def tobytes(self, order="C"):
        return np.full(self.shape, 1e20).tobytes()

    def __eq__(self, other):
        return NotImplemented

    def __setitem__(self, index, value):
        raise TypeError("no unit")


@pytest.mark.parametrize("operator", ["numerical_gradient", "gradient", "value_and_gradient"])
def test_any_other_array_reaches_f_as_it_is_and_keeps_its_memory(operator):
    x, seen = np.array([1.0, 2.0, 3.0]).view(Filled), set()
    found = OPERATORS[operator](lambda x: seen.add(type(x)) or squares(x), x)
    assert np.asarray(found) == pytest.approx(np.array([2.0, 4.0, 6.0]))
    assert seen == {Filled}

    def changing(x):
        np.asarray(x)[1] = 7.0
        return 1.0

    with pytest.raises(ValueError, match=r"^f must leave x as it is; it changed x\[1\]"):
        OPERATORS[operator](changing, x)
    assert np.asarray(x).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("operator", sorted({*OPERATORS} - {"derivative", "gradient, vectorized"}))
@pytest.mark.parametrize("call", [1, 2])
def test_x_is_put_back_after_an_f_that_changed_it_and_raised(operator, call):
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) == call:
            x[1] = 99.0
            raise KeyError("f's own")
        return float(np.sum(x))

    x = np.array([1.0, 2.0])
    with pytest.raises(KeyError, match="f's own"):
        OPERATORS[operator](f, x)
    assert list(x) == [1.0, 2.0]


class Hostile(np.ndarray):
    """Like a quantity, and worse: it refuses NumPy's functions, to be compared, and to say what it is."""

    def __array_function__(self, function, types, args, kwargs):
        raise RuntimeError("no functions")

    def tobytes(self, order="C"):
        raise RuntimeError("no bytes")

    def copy(self, order="C"):
        raise RuntimeError("no copies")

    def __eq__(self, other):
        raise RuntimeError("not to be compared")

    def refused(self, *args, **options):
        raise RuntimeError("not to be told")

    __hash__ = None
    astype = view = reshape = refused
    dtype = shape = ndim = size = nbytes = base = property(refused)


@pytest.mark.parametrize(
    "call",
    [
        lambda f, x: gradfast.numerical_gradient(f, x),
        lambda f, x: gradfast.gradient(f, x),
        lambda f, x: gradfast.gradient(lambda p: f(p["a"]), {"a": x})["a"],
        lambda f, x: gradfast.gradient(lambda p: f(p["a"]) + p["n"], {"a": x, "n": 1.0})["a"],
        lambda f, x: gradfast.gradient(f, x, method="complex"),
        lambda f, x: gradfast.gradient(f, x, axis=0),
        lambda f, x: gradfast.directional_derivative(f, x, np.eye(3)),
        lambda f, x: gradfast.derivative(lambda t: np.asarray(t) ** 3, x),
        lambda f, x: gradfast.numerical_diff(lambda t: np.asarray(t) ** 3, x),
        lambda f, x: gradfast.check_gradient(f, lambda x: 3 * np.asarray(x) ** 2, x).numeric,
    ],
    ids=[
        "textbook",
        "operator",
        "names",
        "names and numbers",
        "complex",
        "axis",
        "directions",
        "derivative",
        "number",
        "check",
    ],
)
def test_a_subclass_is_asked_for_nothing(call):
    x = np.array([0.5, 1.0, 2.0]).view(Hostile)
    found = call(lambda x: (np.asarray(x) ** 3).sum(), x)
    assert np.abs(np.asarray(found) - [0.75, 3.0, 12.0]).max() < 1e-4


CALLS_WITH_ANOTHER = {
    "gradient": lambda f, x, y: gradfast.gradient(f, x, args=(y,)),
    "kwargs": lambda f, x, y: gradfast.gradient(f, x, kwargs={"y": y}),
    "argnum": lambda f, x, y: gradfast.gradient(lambda y, x: f(x, y), x, args=(y,), argnum=1),
    "prepared": lambda f, x, y: gradfast.Gradient(f)(x, y),
    "keyword": lambda f, x, y: gradfast.Gradient(f)(x, y=y),
    "jacobian": lambda f, x, y: gradfast.jacobian(f, x, args=(y,), method="forward"),
    "bounds": lambda f, x, y: gradfast.gradient(f, x, args=(y,), bounds=(0, 9)),
    "adaptive": lambda f, x, y: gradfast.gradient(f, x, args=(y,), method="adaptive"),
    "hessian of a gradient": lambda f, x, y: np.diag(gradfast.hessian(None, x, gradient=lambda x, y: x * y, args=(y,))),
    "a dictionary": lambda f, x, y: gradfast.gradient(lambda p, y: f(p["x"], y), {"x": x}, args=(y,))["x"],
    "directional": lambda f, x, y: np.array(
        [gradfast.directional_derivative(f, x, v, args=(y,)) for v in np.eye(x.size)]
    ),
}


@pytest.mark.parametrize("call", CALLS_WITH_ANOTHER.values(), ids=CALLS_WITH_ANOTHER)
def test_another_argument_that_is_x_stays_where_it_is(call):
    x = np.array([1.0, 2.0, 3.0])
    assert call(lambda x, y: float(np.sum(x * y)), x, x) == pytest.approx([1.0, 2.0, 3.0])
    assert call(lambda x, y: float(np.sum(x * y)), x, x[::-1]) == pytest.approx([3.0, 2.0, 1.0])
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_another_argument_in_the_same_memory_beside_x_is_no_part_of_x():
    whole = np.array([1.0, 2.0, 3.0, 4.0])
    x, y = whole[:2], whole[2:]
    assert gradfast.gradient(lambda _, y: float(np.sum(x * y)), x, args=(y,)) == pytest.approx([3.0, 4.0])


def test_noise_and_checks_leave_another_argument_that_is_x():
    x = np.array([1.0, 2.0, 3.0])
    assert gradfast.check_gradient(lambda x, y: float(np.sum(x * y)), lambda x, y: y, x, args=(x,)).outcome == "passed"
    assert gradfast.check_jacobian(lambda x, y: x * y, lambda x, y: np.diag(y), x, args=(x,)).outcome == "passed"
    seen = []
    gradfast.noise(lambda x, y: seen.append(y.tolist()) or float(np.sum(x)), x, args=(x,))
    pytest.importorskip("scipy")
    gradfast.detect_sparsity(lambda x, y: seen.append(y.tolist()) or x, x, args=(x,))
    assert {tuple(values) for values in seen} == {(1.0, 2.0, 3.0)}
