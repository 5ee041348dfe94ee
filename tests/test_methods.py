import copy
import ctypes
import dataclasses
import enum
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradfast import Adaptive, Backward, Central, Complex, Forward, Nodes, derivative, gradient, hessian, jacobian
from gradfast._kernels.operator_run import NAMED
from gradfast.stencils import formula, on_nodes
from gradfast.steps.methods import as_method

METHODS = [
    Central(),
    Nodes((-1, 1, 2)),
    Central(accuracy=4),
    Forward(step=1e-6),
    Backward(rel_step=(1e-3, 1e-4)),
    Complex(check=False),
]


PRINTED = {
    Central(): "Central, accuracy 2: (f(x + h) - f(x - h)) / (2 h)",
    Central(accuracy=4): "Central, accuracy 4: (-f(x + 2 h) + 8 f(x + h) - 8 f(x - h) + f(x - 2 h)) / (12 h)",
    Central(step=0.5): "Central, accuracy 2, step 0.5: (f(x + h) - f(x - h)) / (2 h)",
    Central(4, noise=1e-6): "Central, accuracy 4, noise 1e-06: "
    "(-f(x + 2 h) + 8 f(x + h) - 8 f(x - h) + f(x - 2 h)) / (12 h)",
    Forward(): "Forward, accuracy 1: (f(x + h) - f(x)) / h",
    Forward(2, rel_step=1e-3): "Forward, accuracy 2, rel_step 0.001: (-f(x + 2 h) + 4 f(x + h) - 3 f(x)) / (2 h)",
    Backward(): "Backward, accuracy 1: (f(x) - f(x - h)) / h",
    Backward(2, step=[0.1, 0.2]): "Backward, accuracy 2, step (0.1, 0.2): (3 f(x) - 4 f(x - h) + f(x - 2 h)) / (2 h)",
    Nodes((-1, 1, 2)): "Nodes (-1, 1, 2), accuracy 3: (-f(x + 2 h) + 6 f(x + h) - 3 f(x) - 2 f(x - h)) / (6 h)",
    Nodes([3], step=0.5): "Nodes (3,), accuracy 1, step 0.5: (f(x + 3 h) - f(x)) / (3 h)",
    Complex(): "Complex: Im f(x + i h) / h",
    Complex(check=False): "Complex, unchecked: Im f(x + i h) / h",
    Adaptive(): "Adaptive, rtol eps**0.77, at most 40 evaluations a coordinate: (f(x + h) - f(x - h)) / (2 h), "
    "extrapolated",
    Adaptive(1e-6, 20): "Adaptive, rtol 1e-06, at most 20 evaluations a coordinate: (f(x + h) - f(x - h)) / (2 h), "
    "extrapolated",
}


@pytest.mark.parametrize("method", PRINTED, ids=repr)
def test_a_method_prints_its_formula(method):
    assert str(method) == PRINTED[method]
    assert f"{method}" != repr(method)


def evaluated(formula, f, x, h):
    """Return the value of a formula as it is printed: a space between factors is a product."""
    return eval(re.sub(r"(\d) (?=[fh])", r"\1 * ", formula), {"f": f, "x": x, "h": h})


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(
    "method",
    [*map(Central, (2, 4, 6)), *map(Forward, (1, 2, 3)), *map(Backward, (1, 2, 3)), Nodes((-3, -1, 1, 2, 4, 5))],
)
def test_a_printed_formula_is_the_derivative_that_is_computed(method, n):
    stencil, sign = method.candidates(n)[0]
    printed = formula(stencil, sign)
    same = (
        dataclasses.replace(method, step=2.0**-4)
        if not isinstance(method, Nodes)
        else Nodes(method.nodes, step=2.0**-4)
    )
    assert evaluated(printed, np.exp, 0.25, 2.0**-4) == pytest.approx(
        derivative(np.exp, 0.25, n=n, method=same), rel=1e-6
    )
    assert n > 1 or str(method).endswith(f": {printed}")


@given(st.sets(st.integers(-9, 9).filter(bool), min_size=1, max_size=6), st.integers(1, 6), st.floats(-3, 3))
def test_any_printed_formula_is_exact_for_polynomials_through_its_nodes(nodes, n, x):
    n = min(n, len(nodes))
    cube = np.polynomial.Polynomial(np.arange(1.0, len(nodes) + 2))
    printed = formula(on_nodes(tuple(nodes), n))
    assert evaluated(printed, cube, x, 0.5) == pytest.approx(cube.deriv(n)(x), rel=1e-8, abs=1e-4)


def sum_of_cubes(x):
    return np.sum(x**3)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_method_is_a_value(method):
    twin = eval(repr(method))
    assert twin == method
    assert hash(twin) == hash(method)
    assert pickle.loads(pickle.dumps(method)) == method
    assert copy.deepcopy(method) == method
    with pytest.raises(dataclasses.FrozenInstanceError, match="accuracy"):
        method.accuracy = 6


def test_methods_of_different_parameters_differ():
    assert len({*METHODS, Central(step=1e-3), Central(rel_step=1e-3), Forward(), Backward()}) == len(METHODS) + 4


def test_a_used_method_still_equals_a_new_one():
    used = Central(accuracy=4)
    gradient(sum_of_cubes, np.ones(3), method=used)
    assert used == Central(accuracy=4)
    assert repr(used) == "Central(accuracy=4, step=None, rel_step=None, noise=None, scale=None)"
    x = np.arange(3.0)
    again = pickle.loads(pickle.dumps(used))
    assert np.array_equal(gradient(sum_of_cubes, x, method=again), gradient(sum_of_cubes, x, method=used))


@pytest.mark.parametrize(
    "options", [{}, {"step": 0.01}, {"rel_step": 0.01}, {"step": [0.01, 0.02]}, {"rel_step": [0.01, 0.02]}]
)
@pytest.mark.parametrize(("method", "sides"), [(Central, {-1, 1}), (Forward, {0, 1}), (Backward, {-1, 0})])
def test_each_method_looks_to_its_side_whatever_its_steps(method, sides, options):
    x = np.array([1.0, -2.0])
    seen = set()
    gradient(lambda p: seen.update(np.sign(p - np.array([1.0, -2.0]))) or 0.0, x, method=method(**options))
    assert seen == sides | {0}


@pytest.mark.parametrize("scale", [None, 0.5, [0.5, 0.25, 0.0]])
@pytest.mark.parametrize("n", [1, 2])
def test_an_array_of_relative_steps_moves_as_one_number_does(scale, n):
    x = np.array([1.3, -1e-3, 0.0])
    for rel_step in (1e-3, 3e-6):
        one, each = (Central(rel_step=steps, scale=scale).steps_at(x, n) for steps in (rel_step, [rel_step] * 3))
        assert each.tolist() == one.tolist()


@pytest.mark.parametrize("name", ["step", "rel_step"])
def test_an_array_of_steps_becomes_a_value_of_the_method(name):
    steps = np.array([1e-3, 1e-4])
    method = Central(**{name: steps})
    steps[0] = -1.0
    assert getattr(method, name) == (1e-3, 1e-4)
    assert method == Central(**{name: [1e-3, 1e-4]})
    assert getattr(Central(**{name: steps[1:].reshape(1, 1)}), name) == ((1e-4,),)


@pytest.mark.parametrize("name", NAMED)
def test_a_name_stands_for_the_method_with_its_defaults(name):
    method = as_method(name)
    differences = {"central": Central(2), "forward": Forward(1), "backward": Backward(1)}
    assert method == {**differences, "complex": Complex(), "adaptive": Adaptive()}[name]
    x = np.array([1.0, 2.0])
    for operator in (gradient, jacobian):
        assert np.array_equal(operator(sum_of_cubes, x, method=name), operator(sum_of_cubes, x, method=method))


def test_a_name_may_be_of_a_subclass_of_str():
    class Choice(enum.StrEnum):
        ONE_SIDED = "forward"

    for method in np.array(["forward"])[0], Choice.ONE_SIDED:
        assert as_method(method) == Forward()
        assert gradient(sum_of_cubes, [1.0], method=method) == gradient(sum_of_cubes, [1.0], method="forward")


@pytest.mark.parametrize("method", ["centrla", None, 2, ["central"], np.array(["central"])], ids=repr)
def test_a_method_must_be_a_name_or_a_method(method):
    with pytest.raises(ValueError, match="method must be one of central, forward, .*, adaptive or a method") as e:
        gradient(sum_of_cubes, np.ones(2), method=method)
    assert str(e.value).endswith(f"; got {method!r}")


@pytest.mark.parametrize("accuracy", [0, -2, 1, 3, 2.0, "2", None, True])
def test_the_accuracy_of_central_is_even_and_positive(accuracy):
    with pytest.raises(ValueError, match=f"accuracy must be a positive even integer; got {accuracy!r}"):
        Central(accuracy)


@pytest.mark.parametrize("accuracy", [0, -1, 1.5, True])
@pytest.mark.parametrize("method", [Forward, Backward])
def test_the_accuracy_of_a_one_sided_method_is_positive(method, accuracy):
    with pytest.raises(ValueError, match=f"accuracy must be a positive integer; got {accuracy!r}"):
        method(accuracy)


def test_integers_of_numpy_are_integers():
    assert Central(np.int64(4)) == Central(4)
    assert repr(Forward(np.uint8(3))) == "Forward(accuracy=3, step=None, rel_step=None, noise=None, scale=None)"
    assert derivative(np.square, 3.0, n=np.int32(2)) == pytest.approx(2.0)


@pytest.mark.parametrize("method", [Central, Forward, Backward])
def test_step_and_rel_step_exclude_each_other(method):
    with pytest.raises(ValueError, match=r"step and rel_step must not both be given; got 0.1 and 0.2"):
        method(step=0.1, rel_step=0.2)


@pytest.mark.parametrize("name", ["step", "rel_step"])
@pytest.mark.parametrize("value", [0, 0.0, -1e-3, np.nan, np.inf, [1e-3, -1e-4]])
def test_steps_must_be_finite_and_positive(name, value):
    found = np.ravel(value)[-1]
    hint = "; Forward and Backward choose the side" if found < 0 else ""
    with pytest.raises(ValueError, match=rf"^{name} must be finite and positive; got {found}{hint}$"):
        Central(**{name: value})


@pytest.mark.parametrize("name", ["step", "rel_step"])
@pytest.mark.parametrize("value", ["small", True, 1j, [None]])
def test_steps_must_be_numbers(name, value):
    with pytest.raises(
        TypeError, match=rf"{name} must be a number or an array of them; got {value!r}".replace("[", r"\[")
    ):
        Central(**{name: value})


@pytest.mark.parametrize("name", ["step", "rel_step"])
def test_steps_must_broadcast_to_x(name):
    method = Central(**{name: [1e-3, 1e-4]})
    with pytest.raises(ValueError, match=rf"^{name} must broadcast to the shape of x, \(3,\); got shape \(2,\)"):
        gradient(sum_of_cubes, np.ones(3), method=method)


@pytest.mark.parametrize(
    ("dtype", "rel_step"), [("f4", 1e-9), ("f8", 1e-17), ("f8", 2.0**52), ("f8", 1e300), ("g", 1e-30)]
)
def test_a_rel_step_that_rounding_would_swallow_is_an_error(dtype, rel_step):
    with pytest.raises(
        ValueError, match=rf"rel_step must be from .* for x of dtype float\d+; got {re.escape(str(rel_step))}"
    ):
        gradient(sum_of_cubes, np.ones(2, dtype), method=Central(rel_step=rel_step))


def test_the_complex_step_has_derivatives_up_to_the_fourth():
    with pytest.raises(ValueError, match=r"vectorized or has_aux, unless gradient is given; got Complex\(check=True\)"):
        hessian(sum_of_cubes, np.ones(2), method="complex", vectorized=True)
    with pytest.raises(ValueError, match="n must be from 1 to 4 for method 'complex'; got 5"):
        derivative(np.sin, 1.0, n=5, method="complex")


def exponentials(x):
    return np.sum(np.exp(x))


@pytest.mark.parametrize("nodes", [(-1, 1, 2), (1, 3), (-2, -1, 5), [1, -1], np.array([2, -2, 1, -1])])
def test_nodes_of_ones_own_give_derivatives(nodes):
    x = np.array([0.5, 1.0])
    assert gradient(exponentials, x, method=Nodes(nodes)) == pytest.approx(np.exp(x), rel=1e-6)
    assert hessian(exponentials, x, method=Nodes(nodes)) == pytest.approx(np.diag(np.exp(x)), abs=1e-3)


def test_nodes_may_be_had_with_other_steps():
    assert dataclasses.replace(Nodes((-1, 1)), step=1e-3) == Nodes((-1, 1), step=1e-3)
    assert dataclasses.replace(Nodes((-1, 1)), nodes=(-1, 1, 2)).accuracy == 3


def test_the_nodes_of_a_central_difference_are_a_central_difference():
    assert Nodes((1, -1)).stencil().weights == Central().stencil().weights == (1, -1)
    x = np.linspace(-2.0, 3.0, 7)
    assert np.array_equal(gradient(exponentials, x, method=Nodes((1, -1))), gradient(exponentials, x))


def test_nodes_are_exact_for_polynomials_through_them():
    f = np.polynomial.Polynomial([1.0, -3.0, 2.0, 5.0])
    assert derivative(f, 0.5, method=Nodes((-1, 1, 2), step=0.25)) == pytest.approx(f.deriv()(0.5), rel=1e-15)


def test_nodes_know_their_accuracy():
    assert [Nodes(nodes).accuracy for nodes in ((1,), (1, -1), (-1, 1, 2), (1, 2, 3, 4))] == [1, 2, 3, 4]


@pytest.mark.parametrize("nodes", [(-1, 1, 2), (1, 3), (-3, -1, 2, 5)])
def test_nodes_give_jacobians(nodes):
    x = np.array([0.5, 1.0])
    value = jacobian(lambda x: np.array([x[0] * x[1], np.exp(x[0]), np.sin(x[1])]), x, method=Nodes(nodes))
    assert value == pytest.approx(np.array([[1.0, 0.5], [np.exp(0.5), 0.0], [0.0, np.cos(1.0)]]), abs=1e-6)


@pytest.mark.parametrize("nodes", [(-1, 1, 2), (1, 3), (-3, -1, 2, 5)])
def test_nodes_serve_a_vectorized_f_with_the_same_bits(nodes):
    x, method = np.linspace(-1.0, 2.0, 7), Nodes(nodes)
    value = gradient(lambda points: np.sum(points**3, axis=-1), x, method=method, vectorized=True)
    assert np.array_equal(value, gradient(lambda x: np.sum(x**3), x, method=method))


@pytest.mark.parametrize("nodes", [(-1, 1, 2), (1, 3), (-3, -1, 2, 5)])
def test_nodes_serve_a_compiled_f_with_the_same_bits(nodes):
    def f(n, x):
        return x[0] ** 3 + x[1] * x[0]

    x, method = np.array([0.5, 1.0]), Nodes(nodes)
    compiled = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))(f)
    value = gradient(compiled, x, method=method)
    assert np.array_equal(value, gradient(lambda x: f(2, x), x, method=method))
    assert hessian(compiled, x, method=method) == pytest.approx(np.array([[3.0, 1.0], [1.0, 0.0]]), abs=1e-3)


def test_nodes_serve_an_f_compiled_by_numba():
    numba = pytest.importorskip("numba")
    signature = numba.types.double(numba.types.intc, numba.types.CPointer(numba.types.double))

    def f(n, x):
        return x[0] * x[0] * x[0] + x[1] * x[0]

    x, method = np.array([0.5, 1.0]), Nodes((-1, 1, 2))
    value = gradient(numba.cfunc(signature)(f), x, method=method)
    assert value == pytest.approx(gradient(lambda x: f(2, x), x, method=method), rel=1e-12)


@pytest.mark.parametrize(("bounds", "scheme"), [((0.5, 9.0), "forward"), ((-9.0, 0.5), "backward")])
def test_nodes_stay_within_bounds(bounds, scheme):
    seen = []

    def f(x):
        seen.append(x[0])
        return np.exp(x[0])

    slope, info = gradient(f, [0.5], method=Nodes((-1, 1, 2)), bounds=bounds, full_output=True)
    assert slope == pytest.approx(np.exp(0.5), rel=1e-6)
    assert (list(info.scheme), min(seen) >= bounds[0], max(seen) <= bounds[1]) == ([scheme], True, True)


@pytest.mark.parametrize("nodes", [(), (0, 1), (1, 1), (0.5, 1), "ab", 2.5, (True, 2)])
def test_nodes_are_distinct_integers(nodes):
    with pytest.raises(ValueError, match="nodes must be distinct integers other than 0; got"):
        Nodes(nodes)


def test_nodes_are_as_many_as_the_derivative_needs():
    with pytest.raises(ValueError, match=r"nodes must be at least 3 for a derivative of order 3; got \(1, -1\)"):
        derivative(np.exp, 1.0, n=3, method=Nodes((1, -1)))


def test_nodes_whose_weights_no_double_holds_are_named():
    with pytest.raises(
        ValueError, match="^nodes must be few and near enough that weights fit in 53 bits; got 200 bits"
    ):
        Nodes((1, 10**30)).stencil()


@pytest.mark.parametrize("n", [0, -1, 7, 2.5, "a", None, True])
@pytest.mark.parametrize("method", [Central(), Forward(), Backward(), Nodes((-1, 1, 2))], ids=repr)
def test_a_stencil_is_of_a_derivative_of_order_1_to_6(method, n):
    with pytest.raises(ValueError, match=f"^n must be an integer from 1 to 6; got {n!r}$"):
        method.stencil(n)


def test_nodes_print_compare_and_travel_as_a_value():
    method = Nodes([-1, 1, 2], rel_step=1e-3)
    assert eval(repr(method), {"Nodes": Nodes}) == method == pickle.loads(pickle.dumps(method))
    assert len({method, Nodes((-1, 1, 2), rel_step=1e-3)}) == 1
    assert method != Nodes((1, 2), rel_step=1e-3)
