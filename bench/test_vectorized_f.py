"""Times of a gradient of an f that takes many points."""

from typing import Any

from bench.questions import asking, time
from bench.workloads import VECTORIZED, Contestant, Workload


@asking(VECTORIZED)
def test_gradient_of_an_f_that_takes_many_points(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
