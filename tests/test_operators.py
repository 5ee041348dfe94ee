"""What all operators have in common: x as it was, evaluations counted, bounds kept, any x."""

import inspect

import numpy as np
import pytest
from every import (
    EVERY,
    METHODS,
    WITH_ONE_F,
    along_ones,
    cases,
    every_operator,
    hessian_from_gradient,
    one_derivative,
    operators,
    smooth,
)
from hypothesis import given
from objectives import bits, same
from strategies import FLOATS, OTHERS, points
from ways import Call

import gradfast
from gradfast import (
    Backward,
    Central,
    Complex,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)

# --- what x may be ----------------------------------------------------------------------------------------------------


@given(points(dtypes=FLOATS + OTHERS, max_dims=3, max_side=3, magnitude=8.0, readonly=True))
def test_any_real_x_is_differentiated_in_its_precision_and_left_as_it_was(x):
    before = bits(x)
    kept = x.dtype.kind == "f" and x.dtype.itemsize >= 4
    dtype = x.dtype.newbyteorder("=") if kept else np.float64
    for name, operator in EVERY.items():
        second = name.startswith("hessian")
        result = np.asarray(operator(lambda x: np.sum(x**2) / 2 if x.size else 0.0, x, method=Central(step=0.125)))
        assert result.dtype == (dtype if x.size or name != "directional_derivative" else result.dtype), name
        wanted = () if name == "directional_derivative" else x.shape * (2 if second else 1)
        assert result.shape == wanted, name
        assert bits(x) == before, name
    found = gradient(lambda x: np.sum(x**2) / 2 if x.size else 0.0, x, method=Central(step=0.125))
    assert found == pytest.approx(np.asarray(x, float), abs=1e-3)


@every_operator
@pytest.mark.parametrize("x", [[3, 4], (3.0, 4.0), range(3, 5), np.array([3, 4], np.uint8)], ids=repr)
def test_what_is_no_floating_array_is_copied_to_float64(operator, x):
    expected = operator(lambda x: np.sum(x**3), np.array([3.0, 4.0]))
    assert bits(operator(lambda x: np.sum(x**3), x)) == bits(expected)


@every_operator
@pytest.mark.parametrize("x", [3.0, 3, np.float64(3.0), np.array(3.0), np.array(3)], ids=repr)
def test_a_scalar_is_a_point_without_axes(operator, x):
    result = operator(lambda x: x**3, x)
    assert np.shape(result) == ()
    exact = {"hessian": 18.0, "hessian from gradient": 108.0}  # the latter is of x**4
    name = next(name for name, one in EVERY.items() if one is operator)
    assert float(result) == pytest.approx(exact.get(name, 27.0), rel=1e-6)


@every_operator
@pytest.mark.parametrize("x", [1j, [1j, 2.0], [None], ["a"], np.array([1.0], object)], ids=repr)
def test_x_must_hold_real_numbers(operator, x):
    with pytest.raises(TypeError, match=f"x must hold real numbers; got dtype {np.asarray(x).dtype}"):
        operator(smooth, x)


@pytest.mark.parametrize(("operator", "method"), cases(EVERY, METHODS))
def test_an_empty_point_has_empty_derivatives(operator, method):
    result, info = operator(lambda x: x.sum(), np.zeros((2, 0)), method=method, full_output=True)
    second = operator in (hessian, hessian_from_gradient)
    assert np.shape(result) == (() if operator is along_ones else (2, 0, 2, 0) if second else (2, 0))
    assert info.evaluations <= 1
    assert not np.any(result)


@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
def test_a_step_beyond_the_largest_number_is_no_warning(way, operator):
    for dtype in (np.float32, np.float64):
        x = np.array([np.finfo(dtype).max, -np.finfo(dtype).max, 1.0], dtype)
        getattr(way, operator)(lambda x: x[2] * 2, x, method=Central(rel_step=0.5))


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_step_beyond_the_largest_number_is_no_warning_along_a_line(vectorized):
    for dtype in (np.float32, np.float64):
        x = np.array([np.finfo(dtype).max, -np.finfo(dtype).max, 1.0], dtype)
        along_ones(lambda x: x[..., 2] * 2, x, vectorized=vectorized, method=Central(rel_step=0.5))
    derivative(lambda x: x, np.array([np.finfo(np.float32).max], np.float32), method=Central(rel_step=0.5))


@operators
@pytest.mark.parametrize("name", ["step", "rel_step"])
@pytest.mark.parametrize("dtype", ["f4", ">f8", "g"])
def test_steps_may_be_numbers_of_any_precision(operator, name, dtype):
    for x in (np.array([1.0, 2.0]), np.array([1.0, 2.0], "f4"), np.array([1.0, 2.0], "g")):
        for step in (np.full(1, 2.0**-7, dtype), np.full(1, 2.0**-7, dtype)[0]):
            expected = operator(smooth, x, method=Central(**{name: [2.0**-7]}))
            if np.ndim(step) == 0:
                expected = operator(smooth, x, method=Central(**{name: 2.0**-7}))
            assert same(operator(smooth, x, method=Central(**{name: step})), expected)


@pytest.mark.parametrize("operator", ["gradient", "jacobian", "hessian"])
@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "f2", ">f8", ">f4", "f4", "g"])
def test_an_array_of_any_real_numbers_is_differentiated_however_f_is_called(way, operator, dtype):
    x = np.array([1, 0, 1], dtype)
    if way.operators is not gradfast or not way.takes(dtype=dtype):  # the twin takes fewer
        return
    found = getattr(way, operator)(lambda x: np.sum(x**2 / 2), x, method=Central(step=0.125))
    kept = dtype in ("f4", ">f4", "g")
    assert found.dtype == (x.dtype.newbyteorder("=") if kept else np.float64)
    assert found == pytest.approx(np.eye(3) if operator == "hessian" else x.astype(float), abs=1e-6)


@pytest.mark.parametrize("operator", ["gradient", "value_and_gradient", "hessian"])
@pytest.mark.parametrize("x", [np.array([1j, 2.0]), np.array(["a"]), np.array([1.0, None])], ids=repr)
def test_x_must_hold_real_numbers_however_f_is_called(way, operator, x):
    if way.operators is not gradfast:
        return
    with pytest.raises(TypeError, match=f"x must hold real numbers; got dtype {x.dtype}"):
        getattr(way.operators, operator)(way.f_of(Call(lambda x: 1.0, x)), x, **way.options)


# --- args -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("operator", "method"), cases(WITH_ONE_F, ["central", "forward", "complex"]))
def test_args_go_on_to_f(operator, method):
    x = np.array([1.0, 2.0])

    def scaled(x, scale, power=3):
        return scale * np.sum(x**power)

    expected = operator(lambda x: 2 * np.sum(x**3), x, method=method)
    for args in ((2.0,), 2.0, (2.0, 3)):
        assert same(operator(scaled, x, args=args, method=method), expected)


def test_args_go_on_to_the_f_of_a_derivative_a_direction_and_a_gradient():
    x = np.array([1.0, 2.0])
    assert derivative(lambda x, a, b: a * x**b, x, args=(2.0, 3)) == pytest.approx(6 * x**2)
    assert directional_derivative(lambda x, a: a * np.sum(x), x, x, args=2.0) == pytest.approx(6.0)
    assert hessian(None, x, gradient=lambda x, a: a * x, args=(3.0,)) == pytest.approx(3 * np.eye(2), abs=1e-9)


@pytest.mark.parametrize("args", [np.array([1.0, 2.0]), np.array([]), [1.0, 2.0], "ab", 0.0, None], ids=repr)
def test_args_that_are_no_tuple_are_one_argument(args):
    seen = []
    gradient(lambda x, a: seen.append(a) or 0.0, np.ones(1), args=args)
    assert all(one is args for one in seen)
    assert seen


# --- evaluations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "method", "vectorized"), cases(EVERY, [*METHODS, Backward(3), Central(6)], [False, True])
)
@pytest.mark.parametrize("bounds", [None, (-1.5, 1.0), (-1.5, 1.5)])
def test_evaluations_are_counted_exactly(operator, method, vectorized, bounds):
    x = np.array([[1.0, -1.5, 0.25], [0.0, -0.3, 1.0]])
    evaluations = []

    def f(x):
        evaluations.append(len(x) if vectorized else 1)
        return np.sum(x**2, axis=(1, 2)) if vectorized else np.sum(x**2)

    options = {"vectorized": True} if vectorized else {}
    if operator is along_ones and bounds == (-1.5, 1.0):  # which leave no room on either side
        x = np.minimum(x, 0.5)
    _, info = operator(f, x, method=method, bounds=bounds, full_output=True, **options)
    if operator is one_derivative:  # one call evaluates f at every element
        assert info.evaluations <= sum(evaluations) * x.size
        assert info.evaluations == sum(evaluations) * x.size or bounds is not None or method == "complex"
    else:
        assert info.evaluations == sum(evaluations)


@pytest.mark.parametrize("n", [1, 5, 12])
def test_evaluations_are_the_fewest_there_can_be(n, counted):
    x = np.linspace(0.5, 1.5, n)

    def evaluations(operator, *args, **options):
        f = counted(lambda x: np.sum(x**2))
        _, info = operator(f, x, *args, full_output=True, **options)
        assert f.calls == info.evaluations
        return f.calls

    f0 = float(np.sum(x**2))
    for operator in (gradient, jacobian):
        assert evaluations(operator) == 2 * n
        assert evaluations(operator, f0=f0) == 2 * n
        assert evaluations(operator, method="forward") == n + 1
        assert evaluations(operator, method="backward", f0=f0) == n
        assert evaluations(operator, method=Central(4)) == 4 * n
        assert evaluations(operator, method="complex") == n + 2
    assert evaluations(value_and_gradient) == 2 * n + 1
    assert evaluations(value_and_gradient, method="forward") == n + 1
    assert evaluations(hessian) == n**2 + n + 1
    assert evaluations(hessian, f0=f0) == n**2 + n
    assert evaluations(hessian, method=Central(4)) == 2 * n * (n + 1) + 1
    assert evaluations(directional_derivative, x) == 2
    assert evaluations(directional_derivative, x, method="forward") == 2
    grad = counted(lambda x: 2 * x)
    _, info = hessian(None, x, gradient=grad, full_output=True)
    assert grad.calls == info.evaluations == 2 * n


def test_a_complex_step_without_its_check_costs_one_evaluation_a_coordinate(counted):
    for operator in (gradient, jacobian):
        f = counted(lambda x: np.sum(x**2))
        _, info = operator(f, np.ones(7), method=Complex(check=False), full_output=True)
        assert f.calls == info.evaluations == 7


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize(
    ("n", "method", "calls"), [(1, "central", 2), (2, "central", 3), (1, "forward", 2), (3, "central", 4)]
)
def test_a_derivative_calls_f_once_a_node_whatever_the_number_of_points(shape, n, method, calls, counted):
    f = counted(np.sin)
    _, info = derivative(f, np.ones(shape), n=n, method=method, full_output=True)
    assert f.calls == calls
    assert info.evaluations == calls * int(np.prod(shape))


# --- info -------------------------------------------------------------------------------------------------------------


@operators
def test_full_output_tells_what_was_done_to_each_coordinate(operator):
    x = np.array([[0.0, 1.0, -1.0]])
    _, info = operator(lambda x: np.sum(x**2), x, full_output=True)
    expected = () if operator is along_ones else x.shape
    assert info.step.shape == info.scheme.shape == expected
    assert set(np.ravel(info.scheme)) == {"central"}
    assert type(info.evaluations) is int
    if operator is not along_ones:
        _, info = operator(lambda x: np.sum(x**2), x, bounds=(-1, 1), full_output=True)
        second = operator is hessian
        assert list(info.scheme[0]) == ["forward" if second else "central", "backward", "forward"]


@pytest.mark.parametrize(("operator", "method"), cases(EVERY, METHODS))
def test_full_output_changes_no_result(operator, method):
    x = np.array([1.0, 2.0])
    assert bits(operator(smooth, x, method=method)) == bits(operator(smooth, x, method=method, full_output=True)[0])


# --- f ----------------------------------------------------------------------------------------------------------------


@every_operator
def test_an_f_that_cannot_be_called_is_an_error(operator):
    with pytest.raises(TypeError, match="callable"):
        (derivative if operator is one_derivative else operator)(2.5, np.ones(2))


@pytest.mark.parametrize(
    "operator",
    [
        gradfast.derivative,
        gradfast.gradient,
        gradfast.value_and_gradient,
        gradfast.jacobian,
        gradfast.hessian,
        gradfast.detect_sparsity,
        gradfast.numerical_diff,
        gradfast.numerical_gradient,
        gradfast.tangent_line,
        along_ones,
    ],
    ids=lambda operator: operator.__name__,
)
def test_f_and_x_in_the_wrong_order_are_the_same_error_everywhere(operator):
    if operator is gradfast.detect_sparsity:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    with pytest.raises(TypeError, match=r"f must be callable, or compiled code .*; got array\(\[1., 2.\]\)"):
        operator(np.array([1.0, 2.0]), np.sum)
    with pytest.raises(TypeError, match=r"f must be callable, or compiled code .*; got array\(\[1., 2.\]\)"):
        operator(np.array([1.0, 2.0]), lambda x: x[0])


OPERATORS = (derivative, gradient, value_and_gradient, jacobian, hessian, directional_derivative)
DEFAULTS = {"method": "central", "bounds": None, "args": (), "vectorized": False, "workers": None, "progress": False}
DEFAULTS |= {
    "f0": None,
    "axis": None,
    "sparsity": None,
    "verify": False,
    "full_output": False,
    "gradient": None,
    "n": 1,
    "kwargs": None,
    "argnum": 0,
    "has_aux": False,
    "flat": False,
    "diagonal": False,
    "on_error": "raise",
}


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_every_operator_has_the_same_defaults(operator):
    for name, parameter in inspect.signature(operator).parameters.items():
        if parameter.default is not parameter.empty:
            assert parameter.default == DEFAULTS[name], name


@pytest.mark.parametrize(("operator", "calls"), [("gradient", 6), ("value_and_gradient", 7), ("hessian", 13)])
def test_a_plain_call_evaluates_no_more_than_it_must(way, operator, calls, counted):
    f = counted(lambda x: np.sum(x**2))
    getattr(way, operator)(f, np.ones(3))
    assert f.calls == calls
