"""Workers: the same bits through any map, errors that say where, and a real cluster."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pools import POINT, by_joblib, scaled, smooth, uneven

import gradfast
from gradfast import Central, gradient, hessian, jacobian, value_and_gradient
from gradfast.calls.workers import CHUNKS_OF_A_MAP, ends_of_chunks


def many(points):
    return np.sum(np.sin(points) * np.arange(1, points.shape[-1] + 1), axis=-1)


TABLE = np.random.default_rng(4).normal(size=(6, 5))

# --- the same bits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", [gradient, value_and_gradient, jacobian, hessian])
@pytest.mark.parametrize("method", ["central", "forward", Central(4), "complex"])
@pytest.mark.parametrize(
    "x", [POINT, POINT.astype("f4"), POINT.astype("g"), POINT[::-2], TABLE.T, [1, 2, 3], np.float64(2), np.zeros(0)]
)
def test_the_result_is_the_serial_one_to_the_bit(workers, operator, method, x):
    if operator is hessian and method == "complex":
        return
    before = np.array(x)
    found, wanted = (operator(smooth, x, method=method, workers=w) for w in (workers, None))
    pairs = zip(found, wanted, strict=True) if operator is value_and_gradient else [(found, wanted)]
    for one, other in pairs:
        assert np.asarray(one).dtype == np.asarray(other).dtype
        assert np.array_equal(one, other)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("operator", [gradient, value_and_gradient, jacobian, hessian])
@pytest.mark.parametrize("x", [POINT, TABLE[:2, :2].T, np.zeros(0)])
def test_an_adaptive_result_is_the_serial_one_to_the_bit(workers, operator, x):
    before = np.array(x)
    (found, info), (wanted, serial) = (
        operator(smooth, x, method="adaptive", workers=w, full_output=True) for w in (workers, None)
    )
    for one, other in zip((*found, info.error), (*wanted, serial.error), strict=True):
        assert np.array_equal(one, other)
    assert info.evaluations == serial.evaluations
    assert np.array_equal(x, before)


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@pytest.mark.parametrize("bounds", [None, (0.0, 9.0)])
def test_a_batch_is_cut_along_its_points(workers, method, bounds):
    x = np.abs(TABLE)
    x[1, 2] = 0
    options = {"method": method, "bounds": bounds}
    for axis in (0, 1):
        wanted = gradient(smooth, x, axis=axis, **options)
        assert np.array_equal(gradient(smooth, x, axis=axis, workers=workers, **options), wanted)
    wanted = gradient(many, x, axis=1, vectorized=True, **options)
    assert np.array_equal(gradient(many, x, axis=1, vectorized=True, workers=workers, **options), wanted)
    deep = np.stack([x, x + 1])
    wanted = gradient(smooth, deep, axis=2, **options)
    assert np.array_equal(gradient(smooth, deep, axis=2, workers=workers, **options), wanted)


@pytest.mark.parametrize("options", [{"args": (2.5,)}, {"args": 2.5}, {"args": 2.5, "method": "complex"}])
def test_args_travel_with_f(workers, options):
    assert np.array_equal(gradient(scaled, POINT, workers=workers, **options), gradient(scaled, POINT, **options))


def test_values_of_any_shape_and_many_points_a_call(workers):
    assert np.array_equal(jacobian(uneven, POINT, workers=workers), jacobian(uneven, POINT))
    for operator in (gradient, jacobian, hessian):
        wanted = operator(many, POINT, vectorized=True)
        assert np.array_equal(operator(many, POINT, vectorized=True, workers=workers), wanted)
    fixed = jacobian(uneven, POINT, bounds=(POINT, POINT), workers=workers)
    assert fixed.shape == (2, 7, 7)
    assert not fixed.any()


def test_colors_are_cut_too(workers):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    for options in ({}, {"method": "forward"}, {"method": "complex"}, {"bounds": (0, 9)}):
        x = np.abs(POINT)
        options = {"sparsity": np.tile(np.eye(7), (2, 1)), "verify": True, **options}
        found, wanted = (jacobian(squares, x, workers=w, **options) for w in (workers, None))
        assert np.array_equal(found.toarray(), wanted.toarray())


def squares(x):
    return np.stack([x**2, np.sin(x)])


@pytest.mark.parametrize("count", [1, 2, -1])
def test_workers_are_a_number_of_processes(count):
    others = set(multiprocessing.active_children())
    assert np.array_equal(gradient(smooth, POINT, workers=count), gradient(smooth, POINT))
    assert set(multiprocessing.active_children()) == others


def test_full_output_counts_what_was_done_elsewhere():
    _, info = gradient(smooth, POINT, workers=2, full_output=True)
    assert info.evaluations == 14
    _, info = hessian(smooth, POINT, workers=map, full_output=True)
    assert info.evaluations == 7**2 + 7 + 1


def test_joblib_and_starmaps_are_maps():
    assert np.array_equal(gradient(lambda x: smooth(x), POINT, workers=by_joblib), gradient(smooth, POINT))


# --- chunks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "count", "chunks"),
    [(2, 3, 3), (2, 1000, 16), (map, 5, 5), (map, 1000, CHUNKS_OF_A_MAP), (map, 10**6, 1000), (3, 1, 1)],
)
def test_items_are_cut_into_even_chunks(workers, count, chunks):
    ends = ends_of_chunks(workers, count)
    sizes = np.diff(ends)
    assert (ends[0], ends[-1], len(sizes)) == (0, count, chunks)
    assert np.ptp(sizes) <= 1
    assert sizes.min() > 0


def test_f_and_x_are_pickled_once_for_processes_of_ours():
    f = Counted()
    assert np.array_equal(gradient(f, np.ones(64), workers=2), np.full(64, 2.0))
    assert f.pickled == 1


class Counted:
    """An f that counts how often it is pickled."""

    pickled = 0

    def __call__(self, x):
        return float(x @ x)

    def __reduce__(self):
        self.pickled += 1
        return Counted, ()


UNGUARDED = """
import multiprocessing
import numpy as np
from gradfast import gradient

def f(x):
    return float(x @ x)

multiprocessing.set_start_method("spawn", force=True)
gradient(f, np.ones(4), workers=2)
"""


def test_a_main_program_that_starts_processes_unguarded_is_told_so(tmp_path):
    program = tmp_path / "unguarded.py"
    program.write_text(UNGUARDED)
    environment = {**os.environ, "PYTHONPATH": str(Path(gradfast.__file__).parents[1])}
    ended = subprocess.run([sys.executable, program], stderr=subprocess.PIPE, text=True, env=environment, timeout=120)
    assert ended.returncode == 1
    assert "workers must be processes that can start; one ended before its first chunk" in ended.stderr
