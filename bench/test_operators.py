"""Times of each operator and of the packages that do its work."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.operators import OPERATORS
from bench.questions import asking, time


@asking(OPERATORS)
def test_operators_and_their_peers(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
