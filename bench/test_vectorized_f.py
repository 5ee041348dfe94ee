"""Times of a gradient of an f that takes many points."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.questions import asking, time
from bench.textbook import VECTORIZED


@asking(VECTORIZED)
def test_gradient_of_an_f_that_takes_many_points(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
