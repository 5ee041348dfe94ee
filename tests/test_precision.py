"""Steps for the coarser precision of x and of f's values, in each operator and method."""

import math

import numpy as np
import pytest

from gradfast import (
    Backward,
    Central,
    Forward,
    Nodes,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    jacobian,
    value_and_gradient,
)
from gradfast.coloring import banded

X = np.array([1.0, 2.0, 0.5])
V = np.array([1.0, -1.0, 2.0])
METHODS = [Central(), Forward(), Backward(), Central(4), Forward(2), Nodes((-1, 1, 2))]
SHORT = [Forward(), Backward()]  # whose errors are larger
PAIRED = [Central(), Central(4)]  # which do without f's value at x


def total_in(dtype):
    return lambda x: dtype(np.sum(np.sin(np.asarray(x, dtype))))


def waves_in(dtype):
    return lambda x: np.cos(np.asarray(x, dtype))


def error(found, right):
    return np.abs(np.asarray(found, float) - right).max()


def evaluations(operator, f, *args, **options):
    """Return the result, and how many evaluations it took more than with an f of doubles."""
    (found, info), (_, of_doubles) = (operator(f(d), *args, full_output=True, **options) for d in (np.float32, float))
    return found, info.evaluations - of_doubles.evaluations


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_values_in_single_precision_get_steps_of_single_precision(method):
    within = 2e-3 if method in SHORT else 3e-4
    found, more = evaluations(gradient, total_in, X, method=method)
    assert error(found, np.cos(X)) < within
    assert more == (method in PAIRED)
    found, more = evaluations(jacobian, waves_in, X, method=method)
    assert error(found, np.diag(-np.sin(X))) < within
    assert more == (method in PAIRED)
    found, more = evaluations(directional_derivative, total_in, X, V, method=method)
    assert error(found, np.cos(X) @ V) < 3 * within
    assert more == (method in PAIRED)
    found, more = evaluations(derivative, waves_in, np.array([0.7]), method=method)
    assert error(found, -np.sin(0.7)) < within
    assert more == (method in PAIRED)


@pytest.mark.parametrize("method", [Central(), Forward(), Central(4)], ids=repr)
def test_a_hessian_of_values_in_single_precision(method):
    found, more = evaluations(hessian, total_in, X, method=method)
    assert error(found, np.diag(-np.sin(X))) < 2e-2
    assert more == 0


def test_the_value_tells_the_precision():
    (value, slopes), info = value_and_gradient(total_in(np.float32), X, full_output=True)
    assert value == total_in(np.float32)(X)
    assert error(slopes, np.cos(X)) < 1e-4
    assert info.evaluations == 7


def test_a_given_value_does_not_tell_the_precision():
    f = total_in(np.float32)
    slopes, info = gradient(f, X, method="forward", f0=f(X), full_output=True)
    assert error(slopes, np.cos(X)) < 2e-3
    assert info.evaluations == 4


@pytest.mark.parametrize(("dtype", "within"), [(np.float16, 2e-2), (np.float32, 1e-4), (">f4", 1e-4)], ids=str)
def test_the_coarser_the_values_the_longer_the_steps(dtype, within):
    slopes, info = gradient(lambda x: np.array(np.sum(np.sin(x)), dtype), X, full_output=True)
    assert error(slopes, np.cos(X)) < within
    assert np.all(info.step > 30 * gradient(total_in(float), X, full_output=True)[1].step)
    assert slopes.dtype == np.float64


def test_values_may_come_in_a_list():
    def f(x):
        return [np.float32(np.cos(np.float32(number))) for number in x]

    assert error(jacobian(f, X), np.diag(-np.sin(X))) < 1e-4


def test_values_may_come_in_another_packages_dtype():
    class Scalar:
        def __init__(self, value):
            self.value, self.dtype = np.float32(value), "other.float32"

        def __float__(self):
            return float(self.value)

    slopes, info = gradient(lambda x: Scalar(np.sum(np.sin(x))), X, full_output=True)
    assert error(slopes, np.cos(X)) < 1e-4
    assert info.evaluations == 7


@pytest.mark.parametrize("method", [Central(), Forward()], ids=repr)
def test_a_sparse_derivative_of_values_in_single_precision(method):
    found, more = evaluations(jacobian, waves_in, X, method=method, sparsity=banded(3, 0, 0))
    assert error(found.toarray(), np.diag(-np.sin(X))) < 2e-3
    assert more == 1
    found, more = evaluations(hessian, total_in, X, method=method, sparsity=banded(3, 0, 0))
    assert error(found.toarray(), np.diag(-np.sin(X))) < 2e-2
    assert more == 1


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("method", [Central(), Forward()], ids=repr)
def test_a_batch_of_values_in_single_precision(method, axis):
    batch = np.random.default_rng(0).uniform(0.1, 2, (5, 3))
    found, more = evaluations(gradient, total_in, batch, method=method, axis=axis)
    assert error(found, np.cos(batch)) < 1e-2
    assert more == (method == Central())


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("method", [Central(), Forward()], ids=repr)
def test_a_vectorized_f_is_called_once_more(method, axis, counted):
    x = X if axis is None else np.random.default_rng(0).uniform(0.1, 2, (5, 3))

    def of(dtype):
        return counted(lambda x: np.sum(np.sin(x.astype(dtype)), axis=-1 if axis is None else axis))

    single, double = of("f"), of("d")
    assert error(gradient(single, x, axis=axis, vectorized=True, method=method), np.cos(x)) < 1e-2
    gradient(double, x, axis=axis, vectorized=True, method=method)
    assert single.calls == double.calls + (method == Central())


@pytest.mark.parametrize(("n", "within"), [(1, 1e-4), (2, 2e-3), (3, 2e-2)])
def test_a_derivative_at_a_number_in_single_precision(n, within, counted):
    f = counted(lambda x: np.sin(np.float32(x)))
    right = np.sin(1 + n * math.pi / 2)
    assert abs(derivative(f, 1.0, n=n) - right) < within
    once_more = f.calls
    double = counted(np.sin)
    derivative(double, 1.0, n=n)
    assert once_more == double.calls + 1
    assert abs(derivative(f, np.array([1.0]), n=n)[0] - right) < within


def test_bounds_hold_for_the_longer_steps():
    seen = []

    def f(x):
        seen.append(np.array(x))
        return np.float32(np.sum(np.sin(x)))

    slopes, info = gradient(f, X, bounds=(0.5, 2.0), full_output=True)
    assert error(slopes, np.cos(X)) < 1e-3
    assert list(info.scheme) == ["central", "backward", "forward"]
    assert np.min(seen) >= 0.5
    assert np.max(seen) <= 2.0


def total_of_singles(x):
    return np.float32(np.sum(np.sin(np.asarray(x, np.float32))))


@pytest.mark.parametrize("workers", [2, map, lambda f, x: list(map(f, x))], ids=["processes", "map", "list"])
@pytest.mark.parametrize("method", [Central(), Forward()], ids=repr)
def test_workers_tell_the_precision(workers, method):
    slopes, info = gradient(total_of_singles, X, workers=workers, method=method, full_output=True)
    assert np.array_equal(slopes, gradient(total_of_singles, X, method=method))
    assert info.evaluations == (7 if method == Central() else 4)


def test_progress_ends_at_all_evaluations():
    told = []
    gradient(total_in(np.float32), X, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)


def test_doubles_at_a_longdouble_x_get_steps_of_doubles():
    x = X.astype(np.longdouble)
    slopes, info = gradient(lambda x: math.fsum(map(math.sin, x)), x, full_output=True)
    assert error(slopes, np.cos(X)) < 1e-9
    assert np.array_equal(info.step, gradient(total_in(float), X, full_output=True)[1].step)


@pytest.mark.parametrize("method", [Central(rel_step=1e-3), Central(step=1e-3), Central(rel_step=[1e-3] * 3)], ids=repr)
def test_steps_that_were_asked_for_stay(method):
    _found, more = evaluations(gradient, total_in, X, method=method)
    assert more == 0
    steps = [gradient(total_in(dtype), X, method=method, full_output=True)[1].step for dtype in (np.float32, float)]
    assert np.array_equal(*steps)


def test_noise_is_no_less_than_the_rounding_of_values():
    steps = [
        gradient(total_in(np.float32), X, method=Central(noise=noise), full_output=True)[1].step
        for noise in (0, 1e-12, 1e-7, 1e-4)
    ]
    assert np.array_equal(steps[0], steps[1])
    assert np.array_equal(steps[0], steps[2])
    assert np.all(steps[3] > steps[0])


def test_the_complex_step_is_checked_by_the_precision_of_values():
    def f(x):
        return np.sum(np.sin(x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)))

    slopes, info = gradient(f, X, method="complex", full_output=True)
    assert error(slopes, np.cos(X)) < 1e-6
    assert info.evaluations == 5
    assert error(directional_derivative(f, X, V, method="complex"), np.cos(X) @ V) < 1e-6


def test_x_is_put_back_where_f_is_called_anew():
    x = X.copy()
    f = total_in(np.float32)
    gradient(lambda _: f(x), x)
    assert np.array_equal(x, X)
    assert error(gradient(lambda _: f(x), x), np.cos(X)) < 1e-4


def test_a_float_before_values_in_single_precision_hides_nothing():
    def f(x):
        return math.sin(x[0]) if x[0] > 1 else np.float32(math.sin(x[0]))

    assert abs(gradient(f, np.array([1.0]))[0] - math.cos(1)) < 1e-4


def test_wrappers_of_wrappers_hear_of_the_precision():
    f = total_in(np.float32)
    told = gradient(f, X, on_error="nan", progress=lambda done, total: None)
    assert np.array_equal(told, gradient(f, X))


def test_values_in_half_precision_at_an_x_in_single_precision_get_longer_steps():
    x = X.astype("f")
    half, single = (gradient(total_in(dtype), x, full_output=True)[1].step for dtype in (np.float16, np.float32))
    assert np.all(half > 3 * single)


@pytest.mark.parametrize("operator", [value_and_gradient, gradient])
def test_a_float_at_x_hides_no_values_in_single_precision_beside_it(operator):
    """As of a kink at x: max(0.0, number) is the float there."""
    seen = []

    def f(x):
        seen.append(abs(float(x[0]) - 1))
        return np.float32(x[0]) if x[0] != 1 else 0.0

    operator(f, np.array([1.0]))
    assert max(seen) > 1e-3


def test_whole_numbers_tell_no_precision():
    for dtype in (np.int8, np.int32, np.int64, bool):
        for operator, f in ((gradient, lambda x: dtype(1)), (jacobian, lambda x: np.ones(2, dtype))):  # noqa: B023
            found, info = operator(f, X, full_output=True)
            assert not found.any()
            assert np.array_equal(info.step, operator(lambda x: 0.0, X, full_output=True)[1].step)
