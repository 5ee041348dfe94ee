"""Cases at the edges of memory, dtypes and options, each of which once crashed or gave a wrong result."""

import ctypes
import math
import pickle
from functools import partial

import numpy as np
import pytest

import gradfast
from gradfast import (
    Central,
    Coloring,
    Gradient,
    Jacobian,
    Nodes,
    check_gradient,
    check_jacobian,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    noise,
)
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.native_evaluator import Native
from gradfast.stencils import ONE_NODE
from gradfast.values.callables import as_objective

DOUBLES = ctypes.POINTER(ctypes.c_double)
ONE = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)(lambda n, x: 1.0)
OF_A_NUMBER = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x)


def write_squares(n, x, m, out):
    for j in range(m):
        out[j] = x[j] ** 2


SQUARES = ctypes.CFUNCTYPE(None, ctypes.c_int, DOUBLES, ctypes.c_int, DOUBLES)(write_squares)


def total(x):
    return np.sum(x)


def test_many_values_of_doubles_may_be_given_at_long_doubles():
    x = np.array([2.0, 3.0], "g")
    found = jacobian(lambda x: np.repeat(x[0] * x[1], 200), x, f0=np.full(200, 6.0), method="forward")
    assert np.abs(found - [3.0, 2.0]).max() < 1e-8


def test_items_without_a_size_are_no_numbers():
    with pytest.raises(TypeError, match=r"x must hold real numbers; got dtype \[\]"):
        gradient(total, np.empty(3, np.dtype([])))


@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_f_may_have_nothing_to_move(threads):
    assert noise(ONE, np.empty(0)) == 0.0
    none = Moves(Groups.each(3, []), np.ones(3), ONE_NODE)
    assert Native(as_objective(ONE), np.ones(3), True, threads=threads).values(none).shape == (0,)
    assert hessian(ONE, np.ones(3), sparsity=([], []), workers=threads).nnz == 0


def test_python_f_may_have_nothing_to_move():
    none = Moves(Groups.listed(3, [0], []), np.ones(3), ONE_NODE)
    assert OnePoint(total, np.ones(3), single=True).values(none).shape == (0,)
    assert hessian(total, np.ones(3), sparsity=([], [])).nnz == 0


def test_a_wrapper_that_changes_nothing_gives_the_same_values():
    moves = Moves(Groups.each(2), np.ones(2), ONE_NODE)
    inner = OnePoint(np.square, np.array([1.0, 2.0]))
    assert np.array_equal(Evaluator(inner).values(moves), [[4.0, 4.0], [1.0, 9.0]])


def test_columns_beyond_a_sparse_matrix_are_refused():
    matrix = pytest.importorskip("scipy.sparse").csr_array(([1.0], [1], [0, 1]), shape=(1, 2))
    matrix.indices[0] = 10**8
    matrix.has_canonical_format = True
    with pytest.raises(ValueError, match="pattern must have columns from 0 to 1; got 100000000"):
        Coloring(matrix)


@pytest.mark.parametrize("operator", [jacobian, lambda f, x: directional_derivative(f, x, x)])
def test_compiled_f_of_a_number_writes_no_array(operator):
    with pytest.raises(TypeError, match="f must write an array at a point"):
        operator(gradfast.compiled(OF_A_NUMBER, outputs=2), np.array([1.0, 2.0]))


def test_a_given_value_says_how_many_compiled_f_writes():
    found = jacobian(SQUARES, np.array([1.0, 2.0]), f0=[1.0, 4.0])
    assert np.abs(found - np.diag([2.0, 4.0])).max() < 1e-8


def test_a_given_value_must_have_f_s_shape_with_adaptive_steps_too():
    with pytest.raises(ValueError, match=r"f0 must have the shape of f\(x\), \(1,\); got \(3,\)"):
        jacobian(lambda x: np.array([x.sum()]), [1.0, 2.0], f0=[3.0, 3.0, 3.0], method="adaptive")


def test_a_swallowed_step_of_a_batch_is_named_as_its_owner_would():
    x = np.ones((2, 3))
    x[1, 0] = 1e20
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[1, 0\] = 1e\+20"):
        gradient(total, x, axis=0, method=Central(step=1e-3))


def test_nodes_take_one_step_along_a_direction_also_from_a_list():
    found = directional_derivative(
        lambda x: np.sum(x**2), np.ones(2), np.ones(2), method=Nodes((-1, 1, 2), step=[1e-3])
    )
    assert found == pytest.approx(4.0, rel=1e-9)


def test_operators_with_sparsity_compare_print_and_travel():
    pattern = pytest.importorskip("scipy.sparse").csr_array(np.eye(2))
    operator = Jacobian(np.square, sparsity=pattern)
    assert operator == operator
    assert operator != Jacobian(np.square)
    assert "sparsity=" in repr(operator)
    colored = Jacobian(np.square, sparsity=Coloring(np.eye(2)))
    assert pickle.loads(pickle.dumps(colored)) == colored


def test_a_prepared_jacobian_colors_its_pattern_once(monkeypatch):
    made = []
    as_coloring = gradfast.algorithms.sparse.as_coloring
    monkeypatch.setattr(gradfast.algorithms.sparse, "as_coloring", lambda *given: made.append(1) or as_coloring(*given))
    operator = Jacobian(np.square, sparsity=np.eye(2))
    for _ in range(3):
        operator(np.ones(2))
    assert len(made) == 1


def test_long_bounds_that_differ_in_the_middle_tell_operators_apart():
    lower, other = np.zeros(2000), np.zeros(2000)
    other[1000] = -1.0
    assert Gradient(total, bounds=(lower, 9.0)) == Gradient(total, bounds=(lower.copy(), 9.0))
    assert Gradient(total, bounds=(lower, 9.0)) != Gradient(total, bounds=(other, 9.0))


def test_x_is_put_back_after_a_gradient_changed_it():
    x = np.array([1.0, 2.0])

    def changing(x):
        x += 4.0
        return x

    with pytest.raises(ValueError, match="gradient must leave x as it is"):
        check_gradient(total, changing, x)
    assert list(x) == [1.0, 2.0]


@pytest.mark.parametrize("nothing", [None, 1.0, np.zeros(7)], ids=["None", "number", "too many"])
def test_a_map_that_returns_something_else_is_named(nothing):
    with pytest.raises(TypeError, match="workers must return the result of each chunk; got"):
        gradient(total, np.ones(3), workers=lambda job, chunks: [nothing for _ in chunks])


@pytest.mark.parametrize("options", [{}, {"progress": lambda done, total: None}], ids=["plain", "progress"])
def test_a_stop_iteration_of_f_comes_out_as_it_is(options):
    def f(x):
        raise StopIteration("f")

    with pytest.raises(StopIteration, match="f"):
        gradient(f, np.ones(3), **options)


@pytest.mark.parametrize("method", ["central", "forward", "adaptive"])
def test_f0_is_not_taken_for_f_s_own_parameter_of_that_name(method):
    def f(x, f0=1.0):
        return f0 * x.sum()

    x = np.array([1.0, 2.0])
    for call in (lambda **given: Gradient(f, method=method)(x, **given), partial(gradient, f, x, method=method)):
        with pytest.raises(ValueError, match=r"f0 must be f\(x\), not f's own parameter.* kwargs=\{'f0': 2.0\}"):
            call(f0=2.0)
    for given in ({"kwargs": {"f0": 2.0}}, {"args": (2.0,)}):
        assert gradient(f, x, method=method, f0=6.0, **given) == pytest.approx([2, 2])


OF_ANY_SIZE = {
    "one coordinate": lambda x: float(x[0]),
    "huge": lambda x: 1e308 * math.sin(x[0]),
    "tiny": lambda x: 1e-308 * math.sin(x[0]),
    "a jump longer than any number": lambda x: math.copysign(1e308, x[0] - 0.5),
}


@pytest.mark.parametrize("name", OF_ANY_SIZE)
@pytest.mark.parametrize("x", [[0.5, 1.0], [0.0, 1e300], [5e-324, 1e-300], [1e300, -1e300]], ids=str)
def test_nothing_overflows_or_underflows_outside_f(name, x):
    """Whoever calls ``np.seterr(all="raise")`` means their own arithmetic."""
    f, x = OF_ANY_SIZE[name], np.array(x)
    with np.errstate(all="raise"):
        for method in ("central", "forward", "adaptive"):
            gradient(f, x, method=method)
            jacobian(lambda x: np.array([f(x), 1.0]), x, method=method)
            hessian(f, x, method=method)
            directional_derivative(f, x, np.ones(2), method=method)
        noise(f, x)
        for claimed in ([1.0, 0.0], [1e300, 1e-300]):
            check_gradient(f, claimed, x)
            check_gradient(f, claimed, x, directions=2, seed=0)
            check_jacobian(lambda x: np.array([f(x), 1.0]), [claimed, [0.0, 0.0]], x)
