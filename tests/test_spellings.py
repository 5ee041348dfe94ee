"""Other packages' spellings are answered with ours; higher orders by the complex step; numba's own functions."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

import gradfast
from gradfast import (
    Adaptive,
    Central,
    Complex,
    Derivative,
    Forward,
    Gradient,
    Hessian,
    Jacobian,
    Nodes,
    derivative,
    gradient,
    hessian,
    jacobian,
)
from gradfast.values import callables

X = np.array([0.5, 1.0, 1.5])


@pytest.mark.parametrize(
    ("options", "ours"),
    [
        ({"step": 1e-5}, r"method=Central\(step=1e-05\)"),
        ({"h": 1e-5}, r"method=Central\(step=1e-05\)"),
        ({"rel_step": 1e-5}, r"method=Central\(rel_step=1e-05\)"),
        ({"order": 4}, r"method=Central\(accuracy=4\) for the order of the error, n=4 for that of the derivative"),
        ({"accuracy": 4}, r"method=Central\(accuracy=4\)"),
        ({"scale": 2.0}, r"method=Central\(scale=2.0\)"),
        ({"rtol": 1e-3}, r"method=Adaptive\(rtol=0.001\)"),
        ({"diff_step": 1e-3}, r"method=Central\(rel_step=0.001\)"),
        ({"maxiter": 9}, r"method=Adaptive\(max_evaluations=9\)"),
        ({"argnums": 1}, "argnum=1"),
        ({"wrt": 1}, "argnum=1"),
        ({"lower": 0.0}, r"bounds=\(lower, upper\)"),
        ({"bnds": (0, 2)}, r"bounds=\(0, 2\)"),
        ({"num_steps": 9}, "method='adaptive', which chooses its steps by f's values"),
        ({"methode": "forward"}, "method='forward'"),
        ({"return_all": True}, "full_output=True"),
    ],
    ids=str,
)
def test_options_of_a_method_say_where_they_belong(options, ours):
    (name,) = options
    operators = ["derivative", "gradient", "value_and_gradient", "jacobian", "hessian"]
    without_n = ours.partition(" for the order")[0]  # but `derivative` and `directional_derivative`
    for operator in operators:
        wanted = ours if operator == "derivative" else without_n
        with pytest.raises(
            TypeError, match=rf"^{operator}\(\) got an unexpected keyword argument '{name}'; write {wanted}$"
        ):
            getattr(gradfast, operator)(np.sum, X, **options)
    with pytest.raises(TypeError, match=f"'{name}'; write {ours}$"):
        gradfast.directional_derivative(np.sum, X, X, **options)
    for kind in (Derivative, Gradient, gradfast.ValueAndGradient, Jacobian, Hessian, gradfast.DirectionalDerivative):
        wanted = ours if kind.__name__.startswith("D") else without_n
        with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) got .* '{name}'; write {wanted}$"):
            kind(np.sum, **options)


def test_other_unknown_options_are_named():
    with pytest.raises(TypeError, match=r"^gradient\(\) got an unexpected keyword argument 'colour'$"):
        gradient(np.sum, X, colour=1)
    with pytest.raises(TypeError, match=r"^gradient\(\) got an unexpected keyword argument 'jac'$"):
        gradient(np.sum, X, jac=np.sum)
    with pytest.raises(TypeError, match=r"^hessian\(\) got an unexpected keyword argument 'jac'; write gradient=<"):
        hessian(np.sum, X, jac=np.sum)


def test_only_options_that_an_operator_has_are_named():
    with pytest.raises(TypeError, match="'n_jobs'; write workers=2$"):
        gradient(np.sum, X, n_jobs=2)
    with pytest.raises(TypeError, match="'n_jobs'$"):
        derivative(np.sin, X, n_jobs=2)
    with pytest.raises(TypeError, match="'sparse'; write sparsity=True$"):
        jacobian(np.square, X, sparse=True)
    with pytest.raises(TypeError, match="'sparse'$"):
        gradient(np.sum, X, sparse=True)


def test_arguments_of_f_belong_to_the_call_of_a_prepared_operator():
    with pytest.raises(TypeError, match=r"^Jacobian\(\) got .* 'args'; write Jacobian\(f\)\(x, \*args\)$"):
        Jacobian(np.power, args=(2,))
    with pytest.raises(TypeError, match="'extra_args'; write args="):
        jacobian(np.power, X, extra_args=(2,))


def test_x_in_the_place_of_f_is_answered():
    for x in (X, X.tolist(), 1.0):
        with pytest.raises(TypeError, match=r"^f must be callable, .*; f stands before x$"):
            gradient(x, np.sum)
    with pytest.raises(TypeError, match="got None$"):
        gradient(None, X)


@pytest.mark.parametrize(
    ("method", "theirs", "ours"),
    [
        (Central, {"order": 4}, "; write accuracy=4"),
        (Forward, {"h": 1e-3}, "; write step=0.001"),
        (Nodes, {"relative_step": 1e-3}, "; write rel_step=0.001"),
        (Adaptive, {"tol": 1e-3}, "; write rtol=0.001"),
        (Adaptive, {"maxiter": 9}, "; write max_evaluations=9"),
        (Adaptive, {"step": 1e-3}, ""),
        (Complex, {"order": 4}, ""),
        (Central, {"acuracy": 4}, "; write accuracy=4"),
        (Adaptive, {"rtoll": 4}, "; write rtol=4"),
    ],
)
def test_keywords_of_methods_are_answered(method, theirs, ours):
    (name,) = theirs
    with pytest.raises(TypeError, match=rf"^{method.__name__}\(\) got an unexpected keyword argument '{name}'{ours}$"):
        method(**theirs)


def test_a_class_in_place_of_a_method_is_answered():
    with pytest.raises(ValueError, match=r"got <class 'gradfast\.steps\.\w+\.Central'>; write Central\(\)$"):
        gradient(np.sum, X, method=Central)
    with pytest.raises(ValueError, match="got 'Central', which is 'central' here$"):
        gradient(np.sum, X, method="Central")


def test_several_things_in_place_of_a_number_are_answered():
    with pytest.raises(TypeError, match=r"it returned \[1, 2\], a list; for arrays use jacobian$"):
        gradient(lambda x: [1, 2], X)
    advice = r"for arrays use jacobian, for \(value, aux\) has_aux=True$"
    with pytest.raises(TypeError, match=rf"it returned \(1.0, \{{\}}\), a tuple; {advice}"):
        gradient(lambda x: (1.0, {}), X)
    with pytest.raises(ValueError, match=r"it returned \(array\(.*\), \{\}\); for \(value, aux\) give has_aux=True$"):
        jacobian(lambda x: (x, {}), X)


def test_a_check_without_a_derivative_says_what_it_takes():
    for check, name in ((gradfast.check_gradient, "gradient"), (gradfast.check_jacobian, "jacobian")):
        with pytest.raises(TypeError, match=f"^check_{name} takes f, {name} and x, in this order; got no x$"):
            check(np.sum, X)


@dataclass
class Weights:
    matrix: object


def test_objects_in_place_of_arrays_are_answered():
    for of in (derivative, gradfast.noise, gradfast.numerical_gradient, gradfast.detect_sparsity):
        with pytest.raises(TypeError, match=r"vector, unravel = gradfast.parameters.ravel\(x\) makes one array"):
            of(lambda x: 1.0, {"a": 1.0})
    with pytest.raises(
        TypeError, match=r"got dtype object, a Weights; vars\(x\), the dictionary of its fields, may be"
    ):
        gradient(lambda x: 1.0, Weights(X))
    for numbers in (np.array([1, 2], object), [Fraction(1, 2)]):
        with pytest.raises(TypeError, match=r"got dtype object; np.asarray\(x, float\) makes numbers"):
            gradient(np.sum, numbers)
    with pytest.raises(TypeError, match=r"got dtype object, a Fraction; float\(x\) is a number$"):
        derivative(np.sin, Fraction(1, 2))
    with pytest.raises(TypeError, match="x must hold real numbers; got dtype object, a function$"):
        gradfast.check_gradient(np.sum, X, lambda x: x)


@pytest.mark.parametrize(
    ("theirs", "ours"), [("3-point", "central"), ("2-point", "forward"), ("cs", "complex"), ("centered", "central")]
)
def test_names_of_methods_elsewhere_are_answered(theirs, ours):
    with pytest.raises(ValueError, match=rf"method must be one of .*; got '{theirs}', which is '{ours}' here$"):
        gradient(np.sum, X, method=theirs)
    with pytest.raises(ValueError, match="or a method object; got 'middle'$"):
        gradient(np.sum, X, method="middle")


def test_a_function_of_numbers_that_meets_an_array_is_told_of_vectorize():
    with pytest.raises(TypeError) as caught:
        derivative(math.sin, X)
    assert caught.value.__notes__[-1] == (
        "f was called with an array of numbers; np.vectorize(f) calls f with each of them"
    )
    with pytest.raises(ValueError, match="truth value") as doubted:
        derivative(lambda x: x if x > 0 else 0.0, X)
    assert doubted.value.__notes__[-1] == caught.value.__notes__[-1]
    assert derivative(np.vectorize(math.sin), X) == pytest.approx(np.cos(X))
    with pytest.raises(TypeError) as caught:
        derivative(lambda x: None, X)
    assert not any("vectorize" in note for note in getattr(caught.value, "__notes__", ()))


# --- the complex step, of higher orders -------------------------------------------------------------------------------


def sines(x):
    return np.sin(x)


@pytest.mark.parametrize(("n", "tolerance"), [(2, 1e-11), (3, 1e-8), (4, 1e-5)])
@pytest.mark.parametrize("x", [1.0, X], ids=["number", "array"])
def test_higher_derivatives_by_the_complex_step(n, tolerance, x):
    wanted = np.sin(x + n * np.pi / 2)
    assert derivative(sines, x, n=n, method="complex") == pytest.approx(wanted, abs=tolerance)
    prepared = Derivative(sines, n=n, method=Complex())
    assert np.array_equal(prepared(x), derivative(sines, x, n=n, method="complex"))
    assert f"n={n}" in repr(prepared)
    found = derivative(
        lambda a, x, b: a * np.sin(x) * b, x, n=n, method="complex", args=(2.0,), argnum=1, kwargs={"b": 3.0}
    )
    assert found == pytest.approx(6 * wanted, abs=10 * tolerance)


def test_the_hessian_by_the_complex_step(counted):
    def f(x, a=1.0):
        return a * np.sum(np.exp(x)) * x[0]

    f = counted(f)
    wanted = np.diag(np.exp(X) * X[0])
    wanted[0] += np.exp(X)
    wanted[:, 0] += np.exp(X)
    x = X.copy()
    assert hessian(f, x, method=Complex(check=False)) == pytest.approx(wanted, rel=1e-8)
    assert f.calls == 2 * 3 * 3
    assert np.array_equal(x, X)
    assert Hessian(f, method="complex")(X, 2.0) == pytest.approx(2 * wanted, rel=1e-8)
    assert hessian(f, X, method="complex", diagonal=True) == pytest.approx(np.diagonal(wanted), rel=1e-8)
    assert hessian(f.__wrapped__, X, method="complex", kwargs={"a": 2.0}) == pytest.approx(2 * wanted, rel=1e-8)
    assert "complex" in repr(Hessian(f, method="complex")) or "Complex" in repr(Hessian(f, method="complex"))


def test_the_hessian_by_the_complex_step_of_many_values():
    def f(x):
        return np.array([x[0] ** 2 * x[1], np.exp(x[2])])

    wanted = np.zeros((2, 3, 3))
    wanted[0, 0, 0], wanted[0, 0, 1], wanted[0, 1, 0] = 2 * X[1], 2 * X[0], 2 * X[0]
    wanted[1, 2, 2] = np.exp(X[2])
    found, info = hessian(f, X, method="complex", full_output=True)
    assert found == pytest.approx(wanted, abs=1e-8)
    assert info.scheme.shape == (3,)
    assert hessian(lambda a, x: a * f(x), X, method="complex", args=(2.0,), argnum=1) == pytest.approx(2 * found)
    with pytest.raises(ValueError, match="f must return a scalar"):
        hessian(None, X, gradient=Gradient(f))


def test_what_the_complex_step_cannot_do_raises():
    with pytest.raises(ValueError, match="n must be from 1 to 4 for method 'complex'; got 5"):
        derivative(np.sin, 1.0, n=5, method="complex")
    with pytest.raises(ValueError, match="has_aux must be False for method 'complex' and n from 2 up; got True"):
        derivative(np.sin, 1.0, n=2, method="complex", has_aux=True)
    for options in ({"sparsity": np.eye(3)}, {"vectorized": True}, {"has_aux": True}):
        with pytest.raises(ValueError, match="method must not be complex with sparsity, vectorized or has_aux, unless"):
            hessian(np.sum, X, method="complex", **options)
    with pytest.raises(TypeError, match="f must compute with complex numbers"):
        derivative(lambda x: 1.0, 1.0, n=2, method="complex")


# --- numba's functions ------------------------------------------------------------------------------------------------


def test_compiled_takes_what_njit_returned_and_functions_of_a_number():
    numba = pytest.importorskip("numba")
    squares = gradfast.compiled(numba.njit(lambda x: np.sum(x**2)))
    assert gradient(squares, X) == pytest.approx(2 * X)
    each = gradfast.compiled(numba.njit(lambda x: x**2), outputs=3)
    assert gradfast.jacobian(each, X) == pytest.approx(np.diag(2 * X))
    sine = gradfast.compiled(lambda x: math.sin(x))
    assert derivative(sine, X) == pytest.approx(np.cos(X))
    assert derivative(sine, 1.0) == pytest.approx(np.cos(1.0))
    with pytest.raises(TypeError, match="f must be a function that numba can compile; numba says:"):
        gradfast.compiled(lambda x: input(x))


def test_what_njit_returned_is_told_once_of_compiled():
    numba = pytest.importorskip("numba", reason="numba is not installed")
    f = numba.njit(lambda x: np.sum(x**2))
    callables.advise_compiled.cache_clear()
    x = np.array([1.0, 2.0])
    with pytest.warns(RuntimeWarning, match=r"f is numba's; the loops call gradfast.compiled\(f\)") as caught:
        found = gradient(f, x)
    assert caught[0].filename == __file__
    assert found == pytest.approx([2.0, 4.0])
    assert np.array_equal(gradient(f, x), found)  # and now without a warning
