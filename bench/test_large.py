"""Times of sparse Jacobians, of colorings and of processes."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.large import COLORING, SPARSE, WORKERS
from bench.questions import asking, time


@asking(SPARSE)
def test_sparse_jacobians(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)


@asking(COLORING)
def test_colorings(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)


@asking(WORKERS)
def test_processes(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
