"""Times of the operators on an f that costs nothing."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.operators import LATENCY
from bench.questions import asking, time


@asking(LATENCY)
def test_operators_on_an_f_that_costs_nothing(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
