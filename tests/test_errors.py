"""Exceptions of f: with a note of what was moved, or as values of NaN with on_error="nan"."""

import functools
import math
import pickle

import numpy as np
import pytest
from objectives import ObjectiveError

import gradfast
from gradfast import (
    Backward,
    Central,
    Complex,
    Derivative,
    Forward,
    Gradient,
    Hessian,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    numerical_gradient,
    value_and_gradient,
)
from gradfast.coloring import banded

X = np.array([1.0, 2.0, 3.0])
METHODS = [Central(), Forward(), Backward(), Central(4), "adaptive"]


def simulation(x):
    if x[1] > 2:
        raise ObjectiveError("solver failed")
    return float(np.sum(np.real(x) ** 2))


def simulations(x):
    return simulation(x) * np.array([1.0, 2.0])


def always_beside(x):
    """Return a value only at X's second coordinate."""
    if x[1] != 2:
        raise ObjectiveError("solver failed")
    return float(np.sum(x**2))


def notes_of(operator, *args, **options):
    with pytest.raises(ObjectiveError, match="solver failed") as caught:
        operator(*args, **options)
    return "; ".join(caught.value.__notes__)


# --- raised -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 2, map], ids=["serial", "processes", "map"])
@pytest.mark.parametrize("method", [Central(step=0.125), Forward(step=0.125), Central(4, step=0.125)], ids=repr)
def test_an_exception_names_the_coordinate_and_how_far_it_was_moved(method, workers):
    x = X.copy()
    for operator, f in ((gradient, simulation), (jacobian, simulations)):
        note = notes_of(operator, f, x, method=method, workers=workers)
        assert note.startswith("f raised this with x[1] moved by ")
        # of two processes, any may be the first to fail
        assert float(note.rpartition(" ")[2]) in ((0.125, 0.25) if workers == 2 else (0.125,))
    assert np.array_equal(x, X)


class OddNotesError(Exception):
    """Its notes are no list, so that it takes none."""

    __notes__ = 3


@pytest.mark.parametrize("operator", [gradient, numerical_gradient])
def test_an_exception_that_is_raised_again_has_one_note_and_one_that_takes_none_comes_as_it_is(operator):
    error, odd = ValueError("deliberate"), OddNotesError("deliberate")

    def raising(found):
        def f(x):
            if x[1] != X[1]:
                raise found
            return float(np.sum(x))

        return f

    for _ in range(2):
        with pytest.raises(ValueError, match="deliberate"):
            operator(raising(error), X.copy())
    assert len(error.__notes__) == 1
    with pytest.raises(OddNotesError) as caught:
        operator(raising(odd), X.copy())
    assert caught.value is odd


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_method_names_the_coordinate(method):
    for operator in (gradient, value_and_gradient, jacobian):
        assert notes_of(operator, always_beside, X, method=method).startswith("f raised this with x[1] moved by ")


def test_the_complex_step_names_the_coordinate():
    def f(x):
        if np.imag(x[1]):
            raise ObjectiveError("solver failed")
        return np.sum(x**2)

    assert notes_of(gradient, f, X, method="complex").startswith("f raised this with x[1] moved by ")


def test_a_move_of_several_coordinates_is_described():
    method = Central(step=0.125)

    def both(x):
        return simulation([0.0, 3.0 if x[0] != 1 and x[1] != 2 else 0.0])

    assert notes_of(hessian, both, X, method=method) == (
        "f raised this with x[0] moved by 0.125 and x[1] moved by 0.125"
    )
    batch = np.array([X, X])
    assert notes_of(gradient, simulation, batch, axis=1, method=method) == "f raised this with x[0, 1] moved by 0.125"
    step = notes_of(directional_derivative, simulation, X, np.ones(3))
    assert step.startswith("f raised this with x moved by ")
    assert step.endswith(" v")
    matrix = notes_of(gradient, lambda x: simulation(x.ravel()), X.reshape(1, 3), method=method)
    assert matrix == "f raised this with x[0, 1] moved by 0.125"


def failing_block(points):
    if np.any(points[:, 1] > 2):
        raise ObjectiveError("solver failed")
    return np.sum(points**2, axis=1)


def test_a_block_of_points_is_described():
    assert notes_of(gradient, failing_block, X, vectorized=True) == (
        "f raised this with coordinates from x[0] to x[2] moved"
    )
    assert notes_of(gradient, failing_block, X[:2], vectorized=True) == (
        "f raised this with coordinates from x[0] to x[1] moved"
    )


def failing_logarithm(x):
    if np.any(x > 1):
        raise ObjectiveError("solver failed")
    return np.log(x)


def test_a_derivative_names_what_was_moved():
    method = Central(step=0.125)
    assert notes_of(derivative, failing_logarithm, 1.0, method=method) == "f raised this with x moved by 0.125"
    assert notes_of(derivative, failing_logarithm, [1.0], method=method) == "f raised this with x[0] moved by 0.125"
    many = notes_of(derivative, failing_logarithm, np.linspace(0.5, 1.0, 5), method=method)
    assert many == "f raised this with coordinates from x[0] to x[4] moved"


def test_an_exception_at_x_itself_has_no_note():
    with pytest.raises(ObjectiveError) as caught:
        gradient(simulation, X + 1, method="forward")
    assert not hasattr(caught.value, "__notes__")


def test_an_error_of_ours_has_no_note():
    with pytest.raises(TypeError) as caught:
        gradient(lambda x: "a", X)
    assert not hasattr(caught.value, "__notes__")


def test_an_f_that_is_not_complex_is_no_exception_of_f():
    for on_error in ("raise", "nan"):
        with pytest.raises(TypeError, match="^f must compute with complex numbers") as caught:
            gradient(lambda x: 1.5, X, method="complex", on_error=on_error)
        assert not hasattr(caught.value, "__notes__")


def test_ctrl_c_has_no_note():
    def f(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        gradient(f, X)
    assert not hasattr(caught.value, "__notes__")


# --- NaN --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 2, map], ids=["serial", "processes", "map"])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_failing_simulation_is_looked_at_from_the_other_side(method, workers):
    x = X.copy()
    slopes, info = gradient(simulation, x, method=method, workers=workers, on_error="nan", full_output=True)
    assert slopes == pytest.approx([2.0, 4.0, 6.0], rel=1e-4)
    assert info.scheme[1] == "backward"
    assert np.array_equal(x, X)


@pytest.mark.parametrize("options", [{}, {"on_error": "nan"}])
def test_an_f_that_never_fails_is_evaluated_as_often(options, counted):
    f = counted(lambda x: float(np.sum(x**2)))
    slopes, info = gradient(f, list(X), full_output=True, **options)
    assert slopes == pytest.approx([2.0, 4.0, 6.0])
    assert (f.calls, info.evaluations) == (6, 6)


def test_every_operator_takes_exceptions_as_nan():
    options = {"on_error": "nan"}
    assert value_and_gradient(simulation, X, **options)[0] == 14.0
    assert value_and_gradient(simulation, X, **options)[1] == pytest.approx([2.0, 4.0, 6.0])
    assert jacobian(simulations, X, **options) == pytest.approx(np.outer([1.0, 2.0], [2.0, 4.0, 6.0]))
    assert hessian(simulation, X, **options) == pytest.approx(2 * np.eye(3), abs=1e-5)
    assert directional_derivative(simulation, X, np.ones(3), **options) == pytest.approx(12.0)
    assert derivative(failing_logarithm, 1.0, **options) == pytest.approx(1.0)
    assert derivative(failing_logarithm, [1.0], **options) == pytest.approx([1.0])
    assert derivative(failing_logarithm, [1.0], n=2, **options) == pytest.approx([-1.0], rel=1e-3)
    of_gradient = hessian(None, X, gradient=lambda x: simulation(x) * np.ones(3), **options)
    assert np.diag(of_gradient) == pytest.approx([2.0, 4.0, 6.0])
    batch = gradient(simulation, np.array([X, X / 2]), axis=1, **options)
    assert batch == pytest.approx(np.array([2 * X, X]))
    assert gradient(failing_block, X, vectorized=True, **options) == pytest.approx(2 * X)
    assert gradient(lambda x: simulation(x["a"]), {"a": X}, **options)["a"] == pytest.approx(2 * X)

    def elements(x):
        return np.array([simulation(x), x[1], x[2]])

    sparse = jacobian(elements, X, sparsity=banded(3, 0, 2), **options)
    assert sparse.toarray()[0] == pytest.approx([2.0, 4.0, 6.0])


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
def test_no_value_on_any_side_is_no_derivative(dtype):
    found = gradient(always_beside, X.astype(dtype), on_error="nan")
    assert np.isnan(found).tolist() == [False, True, False]
    found = jacobian(lambda x: always_beside(x) * np.ones(2), X.astype(dtype), on_error="nan")
    assert np.isnan(found).tolist() == [[False, True, False]] * 2


def test_the_complex_step_takes_exceptions_as_nan():
    def f(x):
        if np.imag(x[1]):
            raise ObjectiveError("solver failed")
        return np.sum(x**2)

    found = gradient(f, X, method=Complex(check=False), on_error="nan")
    assert np.isnan(found).tolist() == [False, True, False]


def test_an_exception_at_x_itself_is_raised():
    for method in ("central", "forward", "adaptive"):
        with pytest.raises(ObjectiveError):
            gradient(simulation, X + 1, method=method, on_error="nan")


def test_errors_that_are_no_exceptions_of_f_are_raised():
    def changing(x):
        x[0] = 5.0
        return 1.0

    with pytest.raises(ValueError, match=r"x\[0\]"):
        gradient(changing, X.copy(), on_error="nan")
    with pytest.raises(TypeError, match="f must return a real scalar"):
        gradient(lambda x: "a", X, on_error="nan")

    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gradient(interrupted, X, on_error="nan")


def test_exceptions_of_an_f_of_complex_values_count_for_both_parts():
    found = gradient(lambda x: simulation(x) * (1 + 2j), X, on_error="nan")
    assert found == pytest.approx((1 + 2j) * 2 * X)
    found = gradient(lambda x: always_beside(x) * (1 + 2j) if x[1] != 2 else simulation(x) * 1j, X, on_error="nan")
    assert np.isnan(found).tolist() == [False, True, False]


def test_exceptions_and_steps_for_single_precision_go_together():
    def f(x):
        return np.float32(simulation(x))

    assert gradient(f, X, on_error="nan") == pytest.approx([2.0, 4.0, 6.0], rel=2e-3)


def test_the_option_is_kept_shown_and_compared():
    operator = Gradient(simulation, on_error="nan")
    assert "on_error='nan'" in repr(operator)
    assert operator != Gradient(simulation)
    assert operator == pickle.loads(pickle.dumps(operator))
    assert operator(X) == pytest.approx([2.0, 4.0, 6.0])
    assert "on_error='nan'" in repr(Hessian(simulation, on_error="nan"))
    assert "on_error='nan'" in repr(Hessian(gradient=simulations, on_error="nan"))
    assert math.isclose(Derivative(failing_logarithm, on_error="nan")(1.0), 1.0, rel_tol=1e-6)


@pytest.mark.parametrize(
    "operator",
    [gradient, value_and_gradient, jacobian, hessian, derivative, functools.partial(directional_derivative, v=X)],
    ids=str,
)
def test_other_ways_to_treat_errors_are_refused(operator):
    with pytest.raises(ValueError, match=r"^on_error must be 'raise' or 'nan'; got 'ignore'$"):
        operator(simulation, X, on_error="ignore")


class Untold:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize("operator", [gradfast.gradient, gradfast.jacobian, gradfast.numerical_diff, gradfast.hessian])
def test_what_f_returns_need_not_print(operator):
    with pytest.raises(TypeError, match="^f must return .*<Untold whose repr raised RuntimeError>"):
        operator(lambda x: Untold(), np.ones(2))


@pytest.mark.parametrize("x", [[[1.0, 2.0]], [np.ones(2)], {"a": 1.0}], ids=["numbers", "arrays", "names"])
def test_an_x_that_holds_itself_is_refused(x):
    if isinstance(x, dict):
        x["x"] = x
    else:
        x.append(x)
    with pytest.raises(ValueError, match="^x must (not hold itself|be an array of one shape); got "):
        gradfast.gradient(lambda x: 1.0, x)


def test_an_f_of_many_values_that_returns_fewer_is_refused():
    values = iter([np.ones(3), np.ones(3), *[1.0] * 99])
    with pytest.raises(ValueError, match=r"^f must return arrays of one shape; (it returned|got)"):
        gradfast.hessian(lambda x: next(values), np.ones(2))


def test_compiled_f_writes_no_more_than_an_int_can_count():
    with pytest.raises(
        ValueError, match="outputs must be a positive integer, as C's int holds them; got 4611686018427"
    ):
        gradfast.compiled(lambda x: x, outputs=2**62)


def test_only_a_pair_may_be_a_value_and_more():
    with pytest.raises(TypeError, match="for arrays use jacobian, for \\(value, aux\\) has_aux=True$"):
        gradfast.gradient(lambda x: (1.0, 2.0), np.ones(2))
    with pytest.raises(TypeError, match="for arrays use jacobian$"):
        gradfast.gradient(lambda x: (1.0, 2.0, 3.0), np.ones(2))
