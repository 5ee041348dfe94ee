"""Errors name the argument, say what was wanted and what was found: none of Python's, NumPy's or numba's own."""

import re

import numpy as np
import pytest

import gradfast
from gradfast import Coloring, Complex

X = [1.0, 2.0]
RAGGED = [1, [2, 3]]


def number(x):
    return float(np.sum(np.asarray(x) ** 2))


def raises(error, message, call):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        call()


@pytest.mark.parametrize(
    "h", [None, "1e-4", b"1", True, np.True_, 1j, np.complex128(1e-4), [1e-4], np.ones(1), {}], ids=repr
)
def test_h_is_one_number(h):
    for operator, x in ((gradfast.numerical_gradient, X), (gradfast.numerical_diff, 1.0), (gradfast.tangent_line, 1.0)):
        raises(TypeError, f"h must be a number; got {h!r}", lambda operator=operator, x=x: operator(number, x, h))


def test_an_h_that_is_no_float_may_be_one_number():
    for h in (np.float32(0.125), np.array(0.125), np.longdouble(0.125), 1):
        assert gradfast.numerical_gradient(number, X, h) == pytest.approx(np.array([2.0, 4.0]))
    raises(ValueError, "h must be finite and positive; got 1000", lambda: gradfast.numerical_diff(number, 1.0, 10**400))


def test_a_whole_number_beyond_c_s_is_a_number():
    assert gradfast.numerical_diff(lambda x: 2 * x, 2**100, 2.0**80) == 2.0
    for operator in (gradfast.numerical_diff, gradfast.tangent_line):
        message = "x must be within the range of floating point; got a larger integer"
        raises(ValueError, message, lambda operator=operator: operator(number, 10**400))


def test_a_ragged_h_is_named():
    raises(TypeError, f"h must be a number; got {RAGGED}", lambda: gradfast.numerical_diff(number, 1.0, RAGGED))


OPERATORS = ["numerical_gradient", "gradient", "value_and_gradient", "jacobian", "hessian", "derivative", "noise"]


@pytest.mark.parametrize("name", [*OPERATORS, "numerical_diff", "tangent_line"])
def test_a_ragged_x_is_named(name):
    raises(
        ValueError, f"x must be an array of one shape; got {RAGGED}", lambda: getattr(gradfast, name)(number, RAGGED)
    )


@pytest.mark.parametrize("name", ["jacobian", "derivative", "numerical_diff", "tangent_line"])
def test_a_ragged_result_is_named(name):
    message = f"f must return an array of one shape; it returned {RAGGED}"
    raises(ValueError, message, lambda: getattr(gradfast, name)(lambda x: RAGGED, 1.0))


@pytest.mark.parametrize("name", [*OPERATORS[:5], "noise"])
def test_a_ragged_result_of_a_vectorized_f_is_named(name):
    message = f"f must return an array of one shape; it returned {RAGGED}"
    raises(ValueError, message, lambda: getattr(gradfast, name)(lambda x: RAGGED, X, vectorized=True))


@pytest.mark.parametrize("method", ["central", "forward", "complex", "adaptive"])
def test_a_ragged_result_is_named_by_every_method(method):
    message = f"f must return an array of one shape; it returned {RAGGED}"
    raises(ValueError, message, lambda: gradfast.jacobian(lambda x: RAGGED, X, method=method))
    raises(ValueError, message, lambda: gradfast.directional_derivative(lambda x: RAGGED, X, X, method=method))


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_ragged_result_is_named_whose_value_is_known(vectorized):
    message = f"f must return an array of one shape; it returned {RAGGED}"
    raises(
        ValueError, message, lambda: gradfast.jacobian(lambda x: RAGGED, X, f0=[1.0, 2.0, 3.0], vectorized=vectorized)
    )


def test_other_ragged_arguments_are_named():
    ragged = f"must be an array of one shape; got {RAGGED}"
    raises(ValueError, f"v {ragged}", lambda: gradfast.directional_derivative(number, X, RAGGED))
    raises(ValueError, f"f0 {ragged}", lambda: gradfast.gradient(number, X, f0=RAGGED))
    raises(ValueError, f"step {ragged}", lambda: gradfast.Central(step=RAGGED))
    raises(ValueError, f"rel_step {ragged}", lambda: gradfast.Central(rel_step=RAGGED))
    raises(ValueError, f"pattern {ragged}", lambda: Coloring(RAGGED))
    raises(ValueError, f"pattern[0] {ragged}", lambda: Coloring((RAGGED, [1, 2])))
    raises(ValueError, f"pattern[1] {ragged}", lambda: Coloring(([1, 2], RAGGED)))


@pytest.mark.parametrize("shape", [3, (1,), "ab", (2.5, 3), (-1, 3), (3, 3, 3), (None, 3), (True, 3), {}], ids=repr)
def test_the_shape_of_a_pattern_is_two_whole_numbers(shape):
    message = f"shape must be two whole numbers from 0 up; got {shape!r}"
    raises(ValueError, message, lambda: Coloring(([0, 1], [1, 2]), shape))
    raises(ValueError, message, lambda: Coloring(np.eye(3), shape))


def test_a_shape_may_be_a_list_of_numpy_s_numbers():
    assert Coloring(([0, 1], [1, 2]), [np.int32(2), np.uint8(5)]).shape == (2, 5)


SPARSITIES = [
    (("a", "b"), "sparsity must be a pair (rows, cols) of integers, equally many of each; got shapes () and ()"),
    (([0.0], [1.0]), "sparsity must be a pair (rows, cols) of integers, equally many of each; got shapes (1,) and"),
    ((RAGGED, [0]), f"sparsity[0] must be an array of one shape; got {RAGGED}"),
    (([0], RAGGED), f"sparsity[1] must be an array of one shape; got {RAGGED}"),
    (([-9], [0]), "sparsity[0] must lie within the shape ("),
    (([0], [2]), "sparsity[1] must lie within the shape ("),
    (([0],), "sparsity must be a pair (rows, cols) if it is a tuple; got 1 items"),
    (3, "sparsity must be a sparse matrix, a dense boolean one, a pair (rows, cols) or banded(n, lower, upper); got"),
    (RAGGED, f"sparsity must be an array of one shape; got {RAGGED}"),
]


@pytest.mark.parametrize(("sparsity", "message"), SPARSITIES, ids=lambda case: repr(case)[:20])
def test_a_sparsity_is_named_as_the_caller_wrote_it(sparsity, message):
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    raises(ValueError, message, lambda: gradfast.jacobian(np.square, X, sparsity=sparsity))
    raises(ValueError, message, lambda: gradfast.hessian(number, X, sparsity=sparsity))
    raises(ValueError, message, lambda: gradfast.hessian(number, X, gradient=np.square, sparsity=sparsity))


def test_a_sparse_pattern_is_a_matrix():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    line = sparse.coo_array(np.ones(2))
    if line.ndim != 1:
        pytest.skip("this SciPy makes a matrix of it")
    message = "must be a matrix if it is sparse; got an array of shape (2,)"
    raises(ValueError, f"pattern {message}", lambda: Coloring(line))
    raises(ValueError, f"sparsity {message}", lambda: gradfast.jacobian(np.square, X, sparsity=line))


@pytest.mark.parametrize("matrix", [np.ones((3, 2)), np.triu(np.ones((2, 2)))], ids=["tall", "upper"])
def test_a_sparsity_that_is_not_symmetric_is_named(matrix):
    pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    raises(ValueError, "sparsity must be s", lambda: gradfast.hessian(number, X, sparsity=matrix))
    raises(ValueError, "pattern must be s", lambda: Coloring(matrix, symmetric=True))


@pytest.mark.parametrize("axis", [True, False, np.True_])
def test_a_boolean_is_no_axis(axis):
    message = f"axis must be an axis of x, whose shape is (2, 2); got {axis!r}"
    raises(ValueError, message, lambda: gradfast.gradient(number, np.ones((2, 2)), axis=axis))


@pytest.mark.parametrize("check", ["no", None, 1, 0.0])
def test_the_check_of_a_complex_step_is_on_or_off(check):
    raises(ValueError, f"check must be True or False; got {check!r}", lambda: Complex(check=check))


def test_a_check_may_be_numpy_s_boolean():
    assert Complex(check=np.False_) == Complex(check=False)


@pytest.mark.parametrize("kind", [bool, np.bool_, np.array], ids=["bool", "np.bool_", "array"])
def test_booleans_are_numbers_to_every_operator(kind):
    def f(x):
        return kind(bool(np.all(x >= 1)))

    assert gradfast.numerical_diff(f, 1.0) == gradfast.numerical_gradient(f, [1.0]) == 1 / 2e-4
    assert gradfast.tangent_line(f, 1.0)(1.0) == 1


@pytest.mark.parametrize("wrong", [5, "abc", np.sum, [1.0]], ids=repr)
def test_only_functions_are_compiled(wrong):
    pytest.importorskip("numba", reason="numba is not installed")
    message = f"f must be a Python function, or compiled code that says its signature; got {wrong!r}"
    raises(TypeError, message, lambda: gradfast.compiled(wrong))


@pytest.mark.parametrize("outputs", ["a", 0, -3, 2.5, True])
def test_outputs_are_counted(outputs):
    pytest.importorskip("numba", reason="numba is not installed")
    message = f"outputs must be a positive integer, as C's int holds them; got {outputs!r}"
    raises(ValueError, message, lambda: gradfast.compiled(np.diff, outputs=outputs))
    raises(ValueError, message, lambda: gradfast.compiled(outputs=outputs))


def test_what_is_compiled_is_not_compiled_again():
    pytest.importorskip("numba", reason="numba is not installed")
    f = gradfast.compiled(lambda x: (x**2).sum())
    assert gradfast.compiled(f) is f
    raises(
        ValueError, "outputs must be None when f is compiled already; got 2", lambda: gradfast.compiled(f, outputs=2)
    )


def returning(*results):
    return lambda x, left=list(results): left.pop(0)


def test_results_whose_shape_changes_are_named():
    message = "f must return arrays of one shape; got (2,), then (3,)"
    raises(ValueError, message, lambda: gradfast.numerical_diff(returning(np.ones(2), np.ones(3)), 1.0))
    raises(ValueError, message, lambda: gradfast.tangent_line(returning(*np.ones((2, 2)), np.ones(3)), 1.0))


@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
@pytest.mark.parametrize("shapes", [(2, 3), (1, 2), ((2, 1), (2, 2))])
def test_a_curve_whose_shape_changes_is_named(method, shapes):
    first, then = map(np.ones, shapes)
    message = f"f must return arrays of one shape; got {first.shape}, then {then.shape}"
    raises(ValueError, message, lambda: gradfast.derivative(returning(first, *[then] * 9), 1.0, method=method))


def test_bounds_beyond_floating_point_are_named():
    message = "bounds must be (lower, upper), each broadcast to x's shape (2,); got (None, 1000"
    raises(ValueError, message, lambda: gradfast.gradient(number, X, bounds=(None, 10**400)))


def test_the_value_at_which_a_tangent_touches_is_looked_at():
    raises(
        TypeError,
        "f must return real numbers; it returned None",
        lambda: gradfast.tangent_line(returning(1, 2, None), 1),
    )
    message = "f must return an array of x's shape (3,); it returned one of shape (2,)"
    raises(ValueError, message, lambda: gradfast.tangent_line(lambda x: x[:2], np.ones(3)))


def test_a_tangent_of_a_curve_is_a_curve():
    assert gradfast.tangent_line(lambda t: np.array([t, t**2]), 3.0)(4.0) == pytest.approx(np.array([4.0, 15.0]))


@pytest.mark.parametrize(
    "operator", [gradfast.numerical_gradient, gradfast.numerical_diff, gradfast.gradient, gradfast.value_and_gradient]
)
def test_a_value_beyond_floats_is_named(operator):
    with pytest.raises(ValueError, match=r"^f must return a number in the range of a float; it returned a larger int$"):
        operator(lambda x: 10**5000, np.array([1.0]))


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((2, 3), (6,)), ((6,), (2, 3))], ids=str)
def test_as_many_values_in_another_shape_are_another_result(shapes):
    first, then = map(np.ones, shapes)
    message = f"f must return arrays of one shape; got {first.shape}, then {then.shape}"
    raises(ValueError, message, lambda: gradfast.jacobian(returning(first, then), X))


@pytest.mark.parametrize("more", [-1, 1])
def test_a_vectorized_f_returns_a_row_for_each_point(more):
    def f(points):
        return np.ones((len(points) + more, 3))

    message = "f must return an array of shape (4, ...) for points of shape (4, 2); it returned one of shape"
    raises(ValueError, message, lambda: gradfast.jacobian(f, X, vectorized=True))
