"""Times of one call around the calls of f."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.front import FRONT
from bench.questions import asking, time


@asking(FRONT)
def test_one_call_around_the_calls_of_f(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
