"""Compiled f on several threads, and what stops its loops."""

import ctypes
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from compiled import SIGNATURES, c_array_function, c_function, uneven

import gradfast
from gradfast import (
    numerical_gradient,
)
from gradfast._kernels import native_loop
from gradfast.stencils import central
from gradfast.values.arguments import worker_count
from gradfast.values.callables import as_objective


@pytest.mark.parametrize(("workers", "count"), [(None, 1), (1, 1), (3, 3), (np.int64(2), 2), (np.uint8(4), 4)])
def test_workers_are_a_number_of_threads(workers, count):
    assert worker_count(workers) == count
    assert worker_count(-1) == worker_count(np.int32(-1)) >= 1
    assert np.array_equal(gradfast.gradient(c_function(), [1.0], workers=workers), gradfast.gradient(uneven, [1.0]))


def test_slow_f_runs_on_as_many_threads_as_asked_for():
    seen = set()

    def slow(x):
        seen.add(threading.get_ident())
        time.sleep(1e-4)
        return x[0]

    x = np.zeros((200, 2))
    gradfast.gradient(c_function(f=slow), x, axis=1, workers=3)
    assert len(seen - {threading.get_ident()}) == 3


@pytest.mark.parametrize("workers", [None, 2])
def test_ctrl_c_stops_a_native_loop_soon(interrupted_after, sine, workers):
    """A loop over the C library's usleep, which runs no Python that could look for signals."""
    numba = pytest.importorskip("numba", reason="numba is not installed")
    types = numba.types

    @numba.cfunc(types.double(types.intc, types.CPointer(types.double)))
    def busy(n, x):
        total = 0.0
        for i in range(2000):
            total += np.sin(x[0] + i)
        return total

    as_objective(busy)([1.0])
    x = np.ones(4_000_000)
    start = time.perf_counter()
    with interrupted_after(0.1):
        gradfast.gradient(busy, x, workers=workers)
    assert time.perf_counter() - start < 5.0  # the loop would take a minute; a busy machine may take its time
    assert (x == 1.0).all()


@pytest.mark.parametrize("n", [3, 20])
@pytest.mark.parametrize("rows", [None, 2])
def test_coordinates_get_their_bits_back_before_the_next_is_moved(n, rows):
    x, moved = np.random.default_rng(n).normal(size=n if rows is None else (rows, n)), []

    def f(point):
        moved.append(min(np.count_nonzero(row != point) for row in np.atleast_2d(x)))
        return 0.0

    numerical_gradient(c_function(f=f), x, 0.1)
    assert set(moved) == {1}


@pytest.mark.parametrize("x", [[-1e13, 1.0], [[1.0, 1.0], [-1e13, 1.0]], [[[1.0], [1e13]]]])
def test_a_swallowed_step_of_compiled_code_is_a_warning(x):
    with pytest.warns(RuntimeWarning, match=r"lost to rounding at x\[.*\] = -?1e\+13"):
        numerical_gradient(c_function(f=lambda x: 0.0), np.array(x))
    with pytest.warns(RuntimeWarning, match="h = 1 is lost to rounding"):
        numerical_gradient(c_function(f=lambda x: 0.0), np.array([2.0**53]), 1.0)
    with pytest.warns(RuntimeWarning, match="h = 1 is lost to rounding"):
        numerical_gradient(c_function(f=lambda x: 0.0), np.array([[1.0], [2.0**53]]), 1.0)
    for infinite in ([np.inf, 1.0], [[np.inf, 1.0]]):
        numerical_gradient(c_function(f=lambda x: 0.0), np.array(infinite))


def test_the_sign_of_a_zero_survives_the_native_loops():
    def f(x):
        return -0.0 if max(x) > 1.0 else 0.0

    x, of_array = np.ones(2), gradfast.compiled(c_array_function(f=lambda x: [f(x)]), outputs=1)
    zeros = (
        numerical_gradient(c_function(f=f), x),
        gradfast.gradient(c_function(f=f), x),
        gradfast.jacobian(of_array, x),
        gradfast.jacobian(of_array, x, sparsity=np.ones((1, 2))).data,
    )
    for found in zeros:
        assert (found == 0).all()
        assert np.signbit(found).all()


def test_a_number_at_a_point_has_no_sparse_jacobian():
    with pytest.raises(TypeError, match="f must write an array at a point"):
        gradfast.jacobian(gradfast.compiled(c_function(), outputs=2), np.ones(2), sparsity=np.eye(2))


def test_threads_share_the_work_and_do_none_of_it_twice():
    calls = itertools.count()

    def slow(x):
        next(calls)
        time.sleep(1e-4)
        return x[0]

    gradfast.gradient(c_function(f=slow), np.zeros((100, 2)), axis=1, workers=3)
    assert next(calls) == 2 * 200


def test_compiled_code_counts_components_by_a_c_int():
    x = np.broadcast_to(0.0, 2**31)
    with pytest.raises(ValueError, match="x must have at most 2147483647 components for compiled code; got 2147483648"):
        native_loop.gradient(as_objective(c_function()), x, 1.0, central(1, 2), np.empty(1))


def test_threads_calling_at_once_get_their_own_results(sine):
    f = c_function(f=lambda x: sum(v * v for v in x))

    def work(seed):
        x = np.random.default_rng(seed).normal(size=(20, 3))
        expected = numerical_gradient(lambda p: sum(float(v) * float(v) for v in p), x)
        return all(np.array_equal(numerical_gradient(f, x), expected) for _ in range(10))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))


@pytest.mark.parametrize(("operator", "n", "moved"), [(gradfast.gradient, 2000, 40), (gradfast.hessian, 30, 4)])
def test_an_error_on_one_thread_ends_the_others(operator, n, moved):
    calls, after = itertools.count(), []

    def f(point):
        time.sleep(1e-4)
        if after:
            next(calls)
        if point[moved]:  # in the first piece of work after those by which f is timed
            point[moved] = 1.0
            after.append(1)
        return 0.0

    changing = ctypes.CFUNCTYPE(*SIGNATURES["int"])(lambda n, point: f(point))
    with pytest.raises(ValueError, match=rf"it changed x\[{moved}\]"):
        operator(changing, np.zeros(n), workers=2)
    assert next(calls) < 100  # of the some hundred or thousand that the other thread would make
