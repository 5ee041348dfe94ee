"""Times of compiled f."""

from typing import Any

from bench.compiled import COMPILED
from bench.contest import Contestant, Workload
from bench.questions import asking, time


@asking(COMPILED)
def test_compiled_f(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
