"""Times of a gradient of an f of numpy calls."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.questions import asking, time
from bench.textbook import NUMPY


@asking(NUMPY)
def test_gradient_of_an_f_of_numpy_calls(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
