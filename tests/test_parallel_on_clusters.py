"""Clusters are maps as well: dask and MPI give the same bits. (What dask imports lets every exception travel.)"""

import functools
import os
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest
from pools import KILL, POINT, failing, sleeping, smooth, uneven

from gradfast import gradient, hessian, jacobian, numerical_gradient


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with (
        distributed.LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("default")  # of dask's own making
def test_dask_gives_the_same_bits(cluster):
    workers = cluster.get_executor().map
    assert np.array_equal(gradient(smooth, POINT, workers=workers), gradient(smooth, POINT))
    assert np.array_equal(jacobian(uneven, POINT, workers=workers), jacobian(uneven, POINT))
    assert np.array_equal(hessian(lambda x: smooth(x), POINT, workers=workers), hessian(smooth, POINT))
    with pytest.raises(ValueError, match="no number here") as caught:
        gradient(failing, np.full(6, 0.25), workers=workers)
    assert caught.value.__notes__[0].startswith("f raised this with x[3] moved")


@pytest.mark.filterwarnings("default")
def test_a_dask_worker_that_is_killed_loses_nothing(cluster):
    x = np.linspace(1, 2, 150)
    wanted = 2 * x
    victim = next(iter(cluster.run(os.getpid).values()))
    killer = threading.Timer(0.3, os.kill, (victim, KILL))
    killer.start()
    start = time.monotonic()
    found = gradient(sleeping, x, workers=cluster.get_executor().map)
    assert time.monotonic() - start > 0.3  # it was killed mid-run
    killer.join()
    assert np.abs(found - wanted).max() < 1e-8
    assert np.array_equal(found, gradient(fast_sleeping, x))


def fast_sleeping(x):
    return float(x @ x)


def row_sums(points):
    return np.sum(points**2, axis=1)


@pytest.mark.filterwarnings("default")
def test_batches_larger_than_memory_go_through_dask_arrays():
    array = pytest.importorskip("dask.array", reason="dask is not installed")
    rows = 1_000_000
    x = array.arange(2 * rows, chunks=2 * rows // 50, dtype=float).reshape(rows, 2) % 7
    slopes = x.map_blocks(functools.partial(numerical_gradient, row_sums, vectorized=True), dtype=float)
    slopes[:1].compute(scheduler="synchronous")  # by now all is imported
    tracemalloc.start()
    try:
        error = float(abs(slopes - 2 * x).max().compute(scheduler="synchronous"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error < 1e-8
    assert peak < rows * 2 * 8 / 2  # a block of 50, and what is made of it


def test_mpi_ranks_give_the_same_bits(tmp_path):
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    launcher = shutil.which("mpiexec") or shutil.which("mpirun")
    if launcher is None:
        pytest.skip("no MPI launcher, mpiexec or mpirun, is installed")
    program = tmp_path / "ranks.py"
    program.write_text(MPI_PROGRAM)
    command = [launcher, "-n", "2", sys.executable, "-m", "mpi4py.futures", str(program)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.strip() == "same", run.stderr


MPI_PROGRAM = """
import numpy as np
from mpi4py.futures import MPIPoolExecutor
from gradfast import gradient

def f(x):
    return float(np.sum(np.sin(x)))

if __name__ == "__main__":
    x = np.linspace(0, 1, 20)
    with MPIPoolExecutor() as pool:
        print("same" if np.array_equal(gradient(f, x, workers=pool.map), gradient(f, x)) else "different")
"""
