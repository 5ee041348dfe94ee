"""What owns compiled code is called by its signature; what does not is refused."""

import ctypes
import pickle
import subprocess
import sys

import numpy as np
import pytest
from compiled import ARRAY_SIGNATURES, DOUBLES, SIGNATURES, c_array_function, c_function, uneven, uneven_array
from strategies import FLOATS

import gradfast
from gradfast import (
    gradient,
    numerical_gradient,
    reference,
)
from gradfast._kernels.native_function import NativeFunction
from gradfast.values.callables import accepted, as_objective

# --- what is compiled code --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", SIGNATURES)
def test_every_point_signature_works(signature):
    f = as_objective(c_function(signature))
    assert f.kind == "point"
    assert f([1.0, 2.0, 3.0]) == uneven([1.0, 2.0, 3.0])
    assert np.array_equal(gradfast.gradient(f, [1.0, 2.0]), gradfast.gradient(uneven, [1.0, 2.0]))


@pytest.mark.parametrize("signature", ARRAY_SIGNATURES)
def test_every_array_signature_works(signature):
    f = gradfast.compiled(c_array_function(signature), outputs=3)
    assert f.kind == "array"
    assert np.array_equal(f([1.0, 2.0]), uneven_array([1.0, 2.0]))
    assert np.array_equal(gradfast.jacobian(f, [1.0, 2.0]), gradfast.jacobian(uneven_array, [1.0, 2.0]))


def test_functions_of_a_number_are_elementwise(sine):
    x = np.linspace(0.0, 2.0, 6).reshape(2, 3)
    assert np.array_equal(as_objective(sine)(x), [[sine(value) for value in row] for row in x])
    assert gradfast.derivative(sine, x) == pytest.approx(np.cos(x), abs=1e-9)
    assert gradfast.derivative(sine, 0.5, n=2) == pytest.approx(-np.sin(0.5), abs=1e-6)
    assert gradfast.tangent_line(sine, x)(x) == pytest.approx(np.sin(x))
    assert gradfast.numerical_diff(sine, 0.5) == reference.numerical_diff(sine, 0.5)
    assert gradfast.tangent_line(sine, 0.5)(1.0) == reference.tangent_line(sine, 0.5)(1.0)
    with_data = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)(lambda x, data: x * x)
    assert gradfast.derivative(with_data, 3.0) == pytest.approx(6.0)


def test_scipy_low_level_callables_work_with_their_data():
    scipy = pytest.importorskip("scipy", reason="SciPy is not installed")
    weight = ctypes.c_double(5.0)

    def weighted(n, x, data):
        return ctypes.cast(data, DOUBLES)[0] * x[0] * x[1]

    pointer = ctypes.CFUNCTYPE(*SIGNATURES["int, data"])(weighted)
    f = scipy.LowLevelCallable(pointer, ctypes.cast(ctypes.pointer(weight), ctypes.c_void_p))
    assert gradfast.gradient(f, [2.0, 3.0]) == pytest.approx([15.0, 10.0], rel=1e-9)
    assert numerical_gradient(f, [2.0, 3.0]) == pytest.approx([15.0, 10.0], rel=1e-9)


def test_functions_for_nquad_work():
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    scipy = pytest.importorskip("scipy", reason="SciPy is not installed")
    f = scipy.LowLevelCallable(c_function("int, data"))
    assert integrate.nquad(f, [[0, 1], [0, 1]])[0] == pytest.approx(1 / 3 + 2 / 3 + 1 / 4)
    assert gradfast.gradient(f, [1.0, 2.0]) == pytest.approx([4.0, 9.0], rel=1e-8)


def test_cffi_functions_work_through_low_level_callable():
    cffi = pytest.importorskip("cffi", reason="cffi is not installed")
    scipy = pytest.importorskip("scipy", reason="SciPy is not installed")
    ffi = cffi.FFI()
    callback = ffi.callback("double(int, double *, void *)", lambda n, x, data: uneven([x[i] for i in range(n)]))
    f = scipy.LowLevelCallable(callback)
    assert gradfast.gradient(f, [1.0, 2.0]) == pytest.approx([4.0, 9.0], rel=1e-8)


def test_numba_cfuncs_and_compiled_functions_work():
    numba = pytest.importorskip("numba", reason="numba is not installed")
    types = numba.types

    @numba.cfunc(types.double(types.intc, types.CPointer(types.double)))
    def squares(n, x):
        total = 0.0
        for i in range(n):
            total += x[i] * x[i]
        return total

    @gradfast.compiled
    def same(x):
        return (x**2).sum()

    @gradfast.compiled(outputs=2)
    def polar(x):
        return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])

    x = np.random.default_rng(0).normal(size=(30, 4))
    assert np.array_equal(numerical_gradient(squares, x), reference.numerical_gradient(as_objective(squares), x.copy()))
    assert same(np.array([3.0, 4.0])) == 25.0
    assert gradfast.gradient(same, [3.0, 4.0]) == pytest.approx([6.0, 8.0], rel=1e-9)
    assert gradfast.jacobian(polar, [2.0, 0.0]) == pytest.approx(np.array([[1.0, 0.0], [0.0, 2.0]]), abs=1e-9)


def test_compiled_functions_that_raise_return_nan(capfd):
    pytest.importorskip("numba", reason="numba is not installed")

    @gradfast.compiled
    def root(x):
        if x[0] < 0:
            raise ValueError("no root")
        return np.sqrt(x[0])

    @gradfast.compiled
    def quotient(x):
        return 1 / (x[0] - x[0])

    @gradfast.compiled(outputs=2)
    def late(x):
        out = np.ones(2) * x[0]
        if x[1] > 0:
            raise ValueError("too late")
        return out

    three = gradfast.compiled(lambda x: np.ones(3), outputs=2)
    assert root([4.0]) == 2.0
    assert np.isnan([root([-1.0]), *gradfast.gradient(root, [-1.0]), *numerical_gradient(root, np.array([-1.0]))]).all()
    assert np.isnan([quotient([1.0]), gradfast.hessian(quotient, [1.0])[0, 0]]).all()
    assert late([3.0, 0.0]).tolist() == [3.0, 3.0]
    for f in (late, three):
        assert np.isnan(f([3.0, 1.0])).all()
        assert np.isnan(gradfast.jacobian(f, [3.0, 1.0])).all()
    assert capfd.readouterr() == ("", "")


def test_functions_numba_cannot_compile_raise():
    pytest.importorskip("numba", reason="numba is not installed")
    with pytest.raises(TypeError, match=r"(?s)f must be a function that numba can compile; numba says:\n.*dir"):
        gradfast.compiled(lambda x: dir(x))


SEVERAL = {"array": lambda x: 2 * x + np.ones(3), "tuple": lambda x: (x[0], x[1]), "list": lambda x: [x[0], x[1]]}


@pytest.mark.parametrize("kind", SEVERAL)
def test_functions_of_several_values_are_told_of_outputs(kind):
    pytest.importorskip("numba", reason="numba is not installed")
    with pytest.raises(TypeError, match="f must return one number, or outputs= say how many values it returns; got "):
        gradfast.compiled(SEVERAL[kind])


def test_missing_numba_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"compiling needs numba: install gradfast\[numba\]"):
        gradfast.compiled(lambda x: x[0])


def test_reading_a_pointer_imports_no_scipy_numba_or_cffi():
    code = (
        "import ctypes, sys, gradfast\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(abs)\n"
        "gradfast.derivative(f, 1.0)\n"
        "print(sorted({'scipy', 'numba', 'cffi'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("method", ["central", "adaptive"])
def test_a_compiled_gradient_takes_an_x_of_any_shape(method, diagonal):
    gradient = gradfast.compiled(c_array_function(f=lambda x: [3 * x[0] ** 2, x[2], x[1], 1.0]), outputs=4)
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found, info = gradfast.hessian(None, x, gradient=gradient, method=method, diagonal=diagonal, full_output=True)
    wanted = np.zeros((4, 4))
    wanted[0, 0], wanted[1, 2], wanted[2, 1] = 6.0, 1.0, 1.0
    wanted = np.diagonal(wanted).reshape(2, 2) if diagonal else wanted.reshape(2, 2, 2, 2)
    assert found == pytest.approx(wanted, abs=1e-8)
    assert method == "central" or (info.error.shape, info.converged.shape) == (wanted.shape, wanted.shape)


# --- what is not ------------------------------------------------------------------------------------------------------


def test_untyped_pointers_raise():
    untyped = ctypes.CDLL(None).cos if sys.platform != "win32" else ctypes.cdll.msvcrt.cos
    with pytest.raises(TypeError, match="f must have its argtypes and restype set; got the untyped <_FuncPtr"):
        gradfast.derivative(untyped, 1.0)


def test_null_pointers_raise():
    with pytest.raises(ValueError, match="f must point to compiled code; got a NULL pointer"):
        gradfast.gradient(ctypes.CFUNCTYPE(*SIGNATURES["int"])(0), [1.0])


@pytest.mark.parametrize(
    ("types", "found"),
    [
        ((ctypes.c_float, ctypes.c_float), r"c_float \(c_float\)"),
        ((ctypes.c_int, ctypes.c_int, DOUBLES), r"int \(int, double \*\)"),
        ((ctypes.c_double, DOUBLES), r"double \(double \*\)"),
        ((ctypes.c_double,), r"double \(\)"),
        ((None, ctypes.c_int, DOUBLES), r"void \(int, double \*\)"),
    ],
)
def test_other_signatures_raise(types, found):
    with pytest.raises(TypeError, match=rf"one of the signatures double \(int, double \*\); .*; got {found}"):
        gradfast.gradient(ctypes.CFUNCTYPE(*types)(0), [1.0])


@pytest.mark.parametrize("address", [140_000_000, 0])
def test_bare_addresses_raise(address):
    with pytest.raises(TypeError, match=f"f must be callable, or compiled code that says its signature; got {address}"):
        gradfast.gradient(address, [1.0])


@pytest.mark.parametrize(
    ("spelled", "ours"),
    [
        ("double (npy_intp, double*, void*)", "double (Py_ssize_t, double *, void *)"),
        ("double(ssize_t,double *)", "double (Py_ssize_t, double *)"),
        ("double (long, double *)", "double (Py_ssize_t, double *)"),
        ("void (long, double *, long, double *)", "void (Py_ssize_t, double *, Py_ssize_t, double *)"),
    ],
)
def test_signatures_may_be_spelled_differently(spelled, ours):
    assert accepted(spelled) == ours


def test_compiled_functions_of_the_wrong_kind_raise(sine):
    array = gradfast.compiled(c_array_function(), outputs=3)
    for operator in (gradfast.gradient, numerical_gradient, gradfast.hessian):
        with pytest.raises(TypeError, match="f must return a number at a point, .*; got <compiled f, void"):
            operator(array, [1.0, 2.0])
    with pytest.raises(TypeError, match=r"f must return a number at a point, .*; got <compiled f, double \(double\)>"):
        gradfast.gradient(sine, [1.0, 2.0])
    with pytest.raises(TypeError, match="f must write an array at a point, .*; got <compiled f, double"):
        gradfast.jacobian(gradfast.compiled(c_function(), outputs=1), [1.0, 2.0])


@pytest.mark.parametrize("options", [{}, {"method": "forward"}, {"sparsity": np.ones((1, 2))}], ids=str)
def test_jacobians_of_compiled_point_functions_raise(options):
    if "sparsity" in options:
        pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(TypeError, match="f must write an array at a point, .*; got <compiled f, double"):
        gradfast.jacobian(c_function(), [1.0, 2.0], **options)


def test_array_functions_without_outputs_raise():
    with pytest.raises(ValueError, match=r"as gradfast.compiled\(f, outputs=m\) does; got <compiled f, void "):
        gradfast.jacobian(c_array_function(), [1.0, 2.0])
    assert gradfast.jacobian(c_array_function(), [1.0, 2.0], f0=uneven_array([1.0, 2.0])).shape == (3, 2)


@pytest.mark.parametrize("sparsity", [None, np.ones((3, 2))], ids=["dense", "sparse"])
@pytest.mark.parametrize("method", ["central", "forward"])
def test_a_given_value_must_be_as_long_as_the_array_that_f_writes(sparsity, method):
    f, options = gradfast.compiled(c_array_function(), outputs=3), {"method": method}
    if sparsity is not None:
        pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
        options["sparsity"] = sparsity
    x = [1.0, 2.0]
    for f0 in (np.ones(1), np.ones(7), np.ones((3, 1)), 1.0):
        with pytest.raises(ValueError, match=r"f0 must have the shape of f\(x\), \(3,\); got \("):
            gradfast.jacobian(f, x, f0=f0, **options)
    expected = gradfast.jacobian(f, x, **options)
    exact = [int(value) for value in f(x)]
    for f0 in (exact, np.array(exact, "f4"), np.array(exact, "g"), np.array(exact * 2)[:3]):
        found = gradfast.jacobian(f, x, f0=f0, **options)
        assert np.array_equal(*(part if sparsity is None else part.toarray() for part in (found, expected)))


def test_what_a_compiled_f_does_not_write_is_no_number():
    writes_one = ctypes.CFUNCTYPE(*ARRAY_SIGNATURES["int"])(lambda n, x, m, out: out.__setitem__(0, 2 * x[0]))
    f = gradfast.compiled(writes_one, outputs=2)
    assert np.array_equal(f([3.0]), [6.0, np.nan], equal_nan=True)
    for options in ({}, {"method": "forward"}):
        assert np.array_equal(gradfast.jacobian(f, [3.0], **options), [[2.0], [np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"args": (1,)}, r"args must be \(\) when f is compiled code; got \(1,\)"),
        ({"vectorized": True}, "vectorized must be False when f is compiled code; got True"),
        ({"method": "complex"}, "method must be a difference method when f is compiled code"),
        ({"workers": 0}, "workers must be a positive integer, or -1 for all cores; got 0"),
        ({"workers": 1.5}, "workers must be a positive integer, or -1 for all cores; got 1.5"),
        ({"workers": -1.0}, "workers must be a positive integer, or -1 for all cores; got -1.0"),
        ({"workers": True}, "workers must be a positive integer, or -1 for all cores; got True"),
        ({"workers": map}, "workers must be a positive integer, or -1 for all cores; got <class 'map'>"),
    ],
)
def test_options_that_compiled_code_has_no_use_for_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        gradfast.gradient(c_function(), [1.0, 2.0], **options)


def test_the_classic_gradient_has_no_vectorized_compiled_f():
    with pytest.raises(ValueError, match="vectorized must be False when f is compiled code; got True"):
        numerical_gradient(c_function(), [1.0], vectorized=True)


# --- pickled, shown ---------------------------------------------------------------------------------------------------


def test_a_native_function_says_what_it_is():
    f = as_objective(c_function())
    assert isinstance(f, NativeFunction)
    assert (repr(f), f.signature, f.outputs) == ("<compiled f, double (int, double *)>", "double (int, double *)", -1)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3)])
def test_compiled_code_serves_points_of_every_dtype_and_shape(dtype, shape):
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape).astype(dtype)
    found = numerical_gradient(c_function(f=lambda x: sum(v * v for v in x)), x, 0.125)
    assert found.dtype == dtype
    assert np.array_equal(found, 2 * x)


def squared(x):
    return x[0] ** 2


@pytest.mark.parametrize("is_decorated", [False, True])
def test_a_compiled_function_is_pickled_where_its_function_is(is_decorated, monkeypatch):
    pytest.importorskip("numba", reason="numba is not installed")
    f = gradfast.compiled(squared)
    if is_decorated:  # then this name is that of what was compiled
        monkeypatch.setattr(sys.modules[__name__], "squared", f)
    again = pickle.loads(pickle.dumps(f))
    assert (again is f) == is_decorated
    assert gradient(again, [3.0]) == gradient(f, [3.0])


def test_an_operator_of_a_compiled_function_is_pickled():
    pytest.importorskip("numba", reason="numba is not installed")
    operator = pickle.loads(pickle.dumps(gradfast.Jacobian(gradfast.compiled(polar, outputs=2))))
    assert operator([2.0, 0.0]) == pytest.approx(np.array([[1.0, 0.0], [0.0, 2.0]]), abs=1e-9)


def polar(x):
    return np.array([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])


def test_what_is_no_compiled_python_function_is_not_pickled(sine):
    for f in (sine, as_objective(c_function())):
        with pytest.raises(
            TypeError, match="f must be what gradfast.compiled made of a Python function to be pickled; got"
        ):
            pickle.dumps(gradfast.compiled(f))


def test_compiled_functions_of_the_wrong_kind_say_what_leads_out(sine):
    for operator, f, advice in (
        (gradient, gradfast.compiled(c_array_function(), outputs=3), "for arrays use jacobian$"),
        (gradfast.jacobian, c_function(), "for a number use gradient$"),
        (gradient, sine, r"use derivative, for arrays of an array gradfast.compiled\(f, outputs=m\)$"),
    ):
        with pytest.raises(TypeError, match=advice):
            operator(f, [1.0, 2.0])
