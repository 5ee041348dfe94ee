"""A workload and the contestants that do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bench.goals import Goal

REFERENCE = "reference"


@dataclass(frozen=True)
class Contestant:
    """Somebody who does the work; run is None where the package it takes is not installed."""

    name: str
    run: Callable[[], Any] | None
    tolerance: float | None = 0.0  # None: there is no answer to look at
    package: str = "gradfast"


@dataclass(frozen=True)
class Workload:
    """One row: a question, who is asked, and what the answer should be."""

    target: str
    question: str
    work: str
    contestants: tuple[Contestant, ...]
    judged: str  # the contestant that the goals are about
    goals: Mapping[str, Goal] = field(default_factory=dict)  # by the name of the rival
    in_chart: bool = False

    @cached_property
    def expected(self) -> Any:
        """The reference's answer."""
        return next(c.run() for c in self.contestants if c.name == REFERENCE and c.run)

    def check(self, contestant: Contestant) -> None:
        """AssertionError unless the contestant's answer is the expected one."""
        if contestant.run is None or contestant.tolerance is None:
            return
        tolerance = contestant.tolerance
        message = f"{contestant.name}: {self.work}"
        np.testing.assert_allclose(contestant.run(), self.expected, rtol=tolerance, atol=tolerance, err_msg=message)
