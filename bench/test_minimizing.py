"""Times of a minimization with and without value_and_gradient."""

from typing import Any

from bench.contest import Contestant, Workload
from bench.minimizing import MINIMIZING
from bench.questions import asking, time


@asking(MINIMIZING)
def test_minimum_of_rosenbrock(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    time(benchmark, workload, contestant)
