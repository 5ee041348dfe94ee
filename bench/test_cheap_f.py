"""Times of a gradient of an f that costs nothing."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.questions import asking, time
from bench.textbook import CHEAP


@asking(CHEAP)
def test_gradient_of_an_f_that_costs_nothing(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
