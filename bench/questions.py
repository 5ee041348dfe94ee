"""A question put to every contestant through pytest-benchmark."""

from typing import Any

import pytest

from bench.contest import Contestant, Workload
from bench.workloads import WORKLOADS


def asking(question: str) -> pytest.MarkDecorator:
    """Return the decorator that runs a test with each contestant of each workload of the question."""
    cases = [
        pytest.param(workload, contestant, id=f"{workload.target}: {workload.work}: {contestant.name}")
        for workload in WORKLOADS
        if workload.question == question
        for contestant in workload.contestants
    ]
    return pytest.mark.parametrize(("workload", "contestant"), cases)


def time(benchmark: Any, workload: Workload, contestant: Contestant) -> None:
    """Time a contestant, after its answer has been found right."""
    if contestant.run is None:
        pytest.skip(f"{contestant.package} is not installed")
    workload.check(contestant)
    benchmark.group = f"{workload.target}: {workload.question} {workload.work}"
    benchmark(contestant.run)
