"""What f may return: complex numbers, numbers and arrays of other packages, lists."""

import decimal
import fractions
import pickle

import numpy as np
import pytest

from gradfast import (
    Adaptive,
    Central,
    Gradient,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    numerical_gradient,
    value_and_gradient,
)

X = np.array([0.3, 1.0, 2.0])
V = np.array([1.0, -1.0, 2.0])
METHODS = ["central", "forward", "backward", Central(4), "adaptive"]


# --- complex numbers of a real x --------------------------------------------------------------------------------------


def wave(x):
    return np.exp(1j * x)


def sum_of_waves(x):
    return complex(np.sum(np.exp(1j * x)))


OPTIONS = [{}, {"workers": map}, {"bounds": (0, 2)}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_the_derivative_of_complex_values_is_complex(method, options):
    x = X.copy()
    slopes = 1j * np.exp(1j * X)
    assert gradient(sum_of_waves, x, method=method, **options) == pytest.approx(slopes, abs=1e-6)
    value, found = value_and_gradient(sum_of_waves, x, method=method, **options)
    assert type(value) is np.complex128
    assert value == sum_of_waves(X)
    assert found == pytest.approx(slopes, abs=1e-6)
    assert jacobian(wave, x, method=method, **options) == pytest.approx(np.diag(slopes), abs=1e-6)
    options = {name: value for name, value in options.items() if name != "workers"}
    assert derivative(wave, x, method=method, **options) == pytest.approx(slopes, abs=1e-6)
    found = directional_derivative(wave, x, V, method=method) if not options else slopes * V
    assert found == pytest.approx(slopes * V, abs=1e-5)
    assert np.array_equal(x, X)


def test_second_derivatives_of_complex_values():
    assert hessian(sum_of_waves, X) == pytest.approx(np.diag(-np.exp(1j * X)), abs=1e-5)
    assert hessian(None, X, gradient=lambda x: 1j * wave(x)) == pytest.approx(np.diag(-np.exp(1j * X)), abs=1e-5)
    assert derivative(wave, 1.0, n=2) == pytest.approx(-np.exp(1j), abs=1e-5)


@pytest.mark.parametrize(
    "f", [lambda x: np.exp(1j * x), lambda x: complex(0, x) ** 2, lambda x: 1j], ids=["wave", "i", "1j"]
)
def test_a_number_gives_a_complex_number(f):
    found = derivative(f, 1.0)
    assert isinstance(found, complex)
    assert found == pytest.approx((f(1 + 1e-6) - f(1 - 1e-6)) / 2e-6, abs=1e-8)
    assert isinstance(gradient(f, 1.0), complex)


@pytest.mark.parametrize(("char", "wanted"), [("f", "F"), ("d", "D"), ("g", "G")])
def test_complex_derivatives_have_the_precision_of_x(char, wanted):
    for operator in (gradient, jacobian, derivative):
        f = wave if operator is not gradient else lambda x: np.sum(wave(x))
        assert operator(f, X.astype(char)).dtype.char == wanted


def test_inf_in_one_part_leaves_the_other_alone():
    def f(x):
        values = np.empty(1, complex)
        values.real, values.imag = x, np.inf
        return values

    found = derivative(f, np.array([1.0]))
    assert found.real == pytest.approx(1.0)
    assert np.isnan(found.imag)


@pytest.mark.parametrize(("method", "calls"), [("central", 6), ("forward", 4)])
def test_complex_values_cost_one_evaluation_more_at_most(counted, method, calls):
    f = counted(sum_of_waves)
    _, info = gradient(f, X, method=method, full_output=True)
    assert f.calls == info.evaluations == calls + 1


@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
@pytest.mark.parametrize("name", ["gradient", "vectorized", "axis", "names", "derivative", "of many values"])
def test_each_evaluation_of_an_f_that_is_taken_apart_is_counted_once(name, method):
    """The parts of its values, real and imaginary or each for itself, are differentiated one after another."""
    points = [0]

    def f(x):
        x = x["x"] if name == "names" else x
        points[0] += x.size if name == "derivative" else len(x) if name == "vectorized" else 1
        if name == "of many values":
            return np.array([x[0] ** 3, np.sin(3 * x[1]), np.abs(x[0] - x[1])])
        x = x if name == "derivative" else x.sum(axis=-1)
        return x + 1j * np.sin(9 * x)  # which the adaptive method looks at from other distances than x

    options = {"method": method, "full_output": True}
    _, info = {
        "gradient": lambda: gradient(f, X, **options),
        "vectorized": lambda: gradient(f, X, vectorized=True, **options),
        "axis": lambda: gradient(f, np.stack([X, X + 1]), axis=1, **options),
        "names": lambda: gradient(f, {"x": X}, **options),
        "derivative": lambda: derivative(f, X, **options),
        "of many values": lambda: hessian(f, X, **options),
    }[name]()
    assert info.evaluations == points[0]


def test_complex_values_with_everything_else():
    def f(a, p, *, power):
        return a * np.sum(p["x"] ** power) * (1 + 2j), "aux"

    operator = Gradient(f, argnum=1, kwargs={"power": 2}, has_aux=True, full_output=True)
    for each in (operator, pickle.loads(pickle.dumps(Gradient(sum_of_waves)))):
        if each is operator:
            (slopes, aux), info = each(3.0, {"x": X})
            assert slopes["x"] == pytest.approx(6 * X * (1 + 2j))
            assert (aux, info.scheme["x"].tolist()) == ("aux", ["central"] * 3)
        else:
            assert each(X) == pytest.approx(1j * wave(X))
    (value, aux), slopes = value_and_gradient(lambda x: (sum_of_waves(x), "aux"), X, has_aux=True)
    assert (value, aux) == (sum_of_waves(X), "aux")
    _, info = gradient(sum_of_waves, X, method=Adaptive(rtol=1e-8), full_output=True)
    assert info.converged.all()
    assert np.all(info.error < 1e-6)
    _, info = gradient(lambda p: sum_of_waves(p["x"]), {"x": X}, method="adaptive", full_output=True)
    assert info.error["x"].shape == info.converged["x"].shape == X.shape
    batch = gradient(lambda x: np.sum(wave(x), axis=1), np.array([X, X]), axis=1, vectorized=True)
    assert batch == pytest.approx(1j * wave(np.array([X, X])))
    with pytest.raises(TypeError, match="f must return a real scalar"):
        gradient(sum_of_waves, X, f0=1.0)
    sparse = jacobian(wave, X, sparsity=np.eye(3))
    assert sparse.toarray() == pytest.approx(np.diag(1j * wave(X)))


def test_values_may_turn_complex_at_a_moved_point():
    x = np.array([1e-12, 1.0])
    found = gradient(lambda x: complex(x[0]) ** 0.5 if x[0] < 0 else float(x[1]), x)
    assert np.iscomplexobj(found)


# --- numbers and arrays of other packages -----------------------------------------------------------------------------


class Number:
    """What float() takes, and nothing else."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


class Lazy:
    """An array of another package, without ``item``."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)

    def __float__(self):
        return float(self.array)


class Variable:
    """An array with a history, as frameworks wrap it: no number, and not to be read as an array."""

    def __init__(self, data):
        self.data = np.asarray(data)

    @property
    def shape(self):
        return self.data.shape

    @property
    def dtype(self):
        return self.data.dtype

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return Variable(self.data[i])


@pytest.mark.parametrize(
    "kind",
    [
        Number,
        decimal.Decimal,
        lambda v: fractions.Fraction(float(v)),
        Lazy,
        Variable,
        lambda v: [v],
        lambda v: (float(v),),
    ],
    ids=["Number", "Decimal", "Fraction", "Lazy", "Variable", "list", "tuple"],
)
@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_f_may_return_what_stands_for_one_number(kind, method):
    def f(x):
        return kind(np.sum(x**2))

    assert gradient(f, X, method=method) == pytest.approx(2 * X, abs=1e-6)
    assert value_and_gradient(f, X)[0] == pytest.approx(np.sum(X**2))
    assert numerical_gradient(f, X) == pytest.approx(2 * X)
    assert hessian(f, X) == pytest.approx(2 * np.eye(3), abs=1e-5)


@pytest.mark.parametrize(
    "kind",
    [
        lambda a: [Number(v) for v in a],
        lambda a: [decimal.Decimal(float(v)) for v in a],
        lambda a: [Lazy(v) for v in a],
        Lazy,
        Variable,
        list,
        lambda a: tuple(map(float, a)),
        lambda a: [np.array([v]) for v in a],
    ],
    ids=["Numbers", "Decimals", "Lazies", "Lazy", "Variable", "list", "tuple", "arrays"],
)
@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_f_may_return_what_stands_for_an_array(kind, method):
    found = jacobian(lambda x: kind(x**2), X, method=method).reshape(3, 3)
    assert found == pytest.approx(np.diag(2 * X), abs=1e-6)


def test_arrays_of_dask_are_values():
    array = pytest.importorskip("dask.array")

    def f(x):
        return array.from_array(np.array(x)) ** 2

    assert jacobian(f, X) == pytest.approx(np.diag(2 * X))
    assert gradient(lambda x: f(x).sum(), X) == pytest.approx(2 * X)
    assert derivative(f, X) == pytest.approx(2 * X)


@pytest.mark.parametrize("char", ["f", "d"])
def test_tensors_of_torch_are_values(char):
    torch = pytest.importorskip("torch")

    def f(x):
        return torch.from_numpy(np.array(x)) ** 2

    tolerance = 1e-2 if char == "f" else 1e-6
    assert jacobian(f, X.astype(char)) == pytest.approx(np.diag(2 * X), abs=tolerance)
    assert gradient(lambda x: f(x).sum(), X.astype(char)) == pytest.approx(2 * X, abs=tolerance)


class Untracked:
    """An array that gives its numbers only when it is detached, as a tensor of torch that requires a gradient."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on a tensor that requires grad")

    def detach(self):
        return self.values


@pytest.mark.parametrize(
    "f",
    [lambda x: Untracked(x**2), lambda x: [Untracked(x[0] ** 2), Untracked(x[1] ** 2), Untracked(x[2] ** 2)]],
    ids=["an array", "a list"],
)
def test_what_must_be_detached_is_a_value(f):
    x = np.array([1.0, 2.0, 3.0])
    assert jacobian(f, x) == pytest.approx(np.diag(2 * x))


class BFloat:
    """A number in a precision that NumPy does not have, as bfloat16 of torch and of JAX."""

    dtype = "torch.bfloat16"

    def __init__(self, value):
        self.bits = np.float32(value).view(np.uint32) & np.uint32(0xFFFF0000)

    def __float__(self):
        return float(self.bits.view(np.float32))


def test_steps_suit_an_f_in_bfloat16():
    for method in ("central", "adaptive"):
        slopes = gradient(lambda x: BFloat(x @ x), np.array([0.3, 1.0]), method=method)
        assert slopes == pytest.approx([0.6, 2.0], abs=0.2)


def test_arrays_of_jax_are_values():
    numpy = pytest.importorskip("jax.numpy")
    assert jacobian(lambda x: numpy.asarray(x) ** 2, X) == pytest.approx(np.diag(2 * X), abs=1e-2)
    assert gradient(lambda x: numpy.sum(numpy.asarray(x) ** 2), X) == pytest.approx(2 * X, abs=1e-2)


class Length:
    """A number with a unit, which is none to float() and complex(), as of pint."""

    dtype = None

    def __float__(self):
        raise TypeError("cannot convert from 'meter' to 'dimensionless'")

    __complex__ = __float__


class Anything:
    """A lazy object, which has whatever attribute is asked for, and no truth, as dask's Delayed."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __bool__(self):
        raise TypeError("truth is not supported")

    def __eq__(self, other):
        return Anything()

    __hash__ = object.__hash__


@pytest.mark.parametrize("result", [Length(), Anything()], ids=["a unit", "lazy"])
def test_what_only_looks_like_a_number_is_a_type_error(result):
    for operator in (gradient, value_and_gradient, hessian):
        with pytest.raises(
            TypeError, match=f"^f must return a real scalar; it returned .*, a {type(result).__name__}$"
        ):
            operator(lambda x: result, X)


@pytest.mark.parametrize("result", [None, "text", "1.5", object(), [None], [1.0, "a"], {}], ids=str)
def test_what_stands_for_no_number_is_a_type_error(result):
    for operator in (gradient, jacobian, hessian):
        with pytest.raises(TypeError, match="f must return (a real scalar|real numbers); it returned "):
            operator(lambda x: result, X)


def test_an_array_where_one_number_is_wanted_is_told_of_jacobian():
    for operator in (gradient, value_and_gradient):
        with pytest.raises(ValueError, match=r"an array of shape \(3,\); for arrays use jacobian$"):
            operator(lambda x: x**2, X)
    with pytest.raises(ValueError, match="for arrays use jacobian"):
        gradient(lambda x: Lazy(x), X)


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("method", ["central", "forward", "adaptive", "complex"])
def test_lists_of_numbers_have_the_bits_of_arrays(kind, method):
    def values(x):
        return x[0] * x[1], x[0] ** 2, np.exp(x[1])

    x = np.array([1.1, 0.7])
    wanted = jacobian(lambda x: np.array(values(x)), x, method=method)
    assert np.array_equal(jacobian(lambda x: kind(values(x)), x, method=method), wanted)
    assert np.array_equal(jacobian(lambda x: kind(values(x)), x, method=method, bounds=(0.7, 2)).shape, wanted.shape)


def test_lists_whose_lengths_or_kinds_differ():
    x = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(2,\), then \(3,\)"):
        jacobian(lambda x: [x[0]] * (2 if x[0] > 1 else 3), x)
    mixed = jacobian(lambda x: [x[0], 1, x[1]] if x[0] > 1 else [x[0], 1.0, x[1]], x)
    assert mixed == pytest.approx(np.array([[1, 0], [0, 0], [0, 1]]), abs=1e-9)
    assert jacobian(lambda x: [[x[0]], [x[1]]], x).shape == (2, 1, 2)
    assert jacobian(lambda x: [], x).shape == (0, 2)
    assert jacobian(lambda x: [np.float32(x[0]), np.float32(x[1])], x) == pytest.approx(np.eye(2), abs=1e-2)
    assert jacobian(lambda x: x[0] * x[1], x) == pytest.approx([2, 1])  # a NumPy scalar


@pytest.mark.parametrize("method", METHODS)
def test_a_masked_value_is_no_number(method):
    def half(x):
        return np.ma.masked_array(x * x, [False, True, False])

    assert np.array_equal(np.isnan(jacobian(half, X, method=method)).any(axis=1), [False, True, False])
    assert np.isnan(gradient(lambda x: np.ma.masked, X, method=method)).all()
    assert np.isnan(gradient(lambda x: np.ma.masked_array([x[0]], True), X, method=method)).all()
    right = np.array([1.0, 0.0, 1.0])
    assert np.allclose(gradient(lambda x: np.ma.masked_array(x, [False, True, False]).sum(), X, method=method), right)


def test_dates_are_no_numbers():
    dates = np.array(["2020-01-01", "2020-01-02"], "M8[s]")
    with pytest.raises(TypeError, match="(?s)f must return real numbers; it returned array.*of dtype datetime64"):
        jacobian(lambda x: dates, X)


@pytest.mark.parametrize("kind", ["csr_array", "dia_array", "coo_matrix", "lil_array"])
def test_sparse_values_are_refused(kind):
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(TypeError, match="f must return real numbers; it returned <"):
        jacobian(lambda x: getattr(sparse, kind)(np.diag(x)), X)


class OnlyArray:
    """An array of a package that tells neither a shape nor a float."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


@pytest.mark.parametrize("method", METHODS)
def test_what_numpy_can_read_is_a_value(method):
    assert np.allclose(gradient(lambda x: OnlyArray(np.sum(x)), X, method=method), 1)
    assert np.allclose(numerical_gradient(lambda x: OnlyArray([np.sum(x)]), X), 1)
    with pytest.raises(ValueError, match=r"f must return a scalar; it returned an array of shape \(3,\); for arrays"):
        gradient(lambda x: OnlyArray(x), X, method=method)
    with pytest.raises(TypeError, match="f must return a real scalar; it returned array"):
        gradient(lambda x: OnlyArray("a"), X, method=method)


class WithoutShape(np.ndarray):
    """An array that tells something else than its shape."""

    shape = "unknown"


def test_an_array_of_a_class_that_tells_no_shape_has_the_one_it_has():
    with pytest.raises(ValueError, match=r"f must return a scalar; it returned an array of shape \(2,\)"):
        gradient(lambda x: np.ones(2).view(WithoutShape), np.ones(2))
