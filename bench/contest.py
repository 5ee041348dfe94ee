"""A workload, the contestants that do it, and how some of them are made."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, repeat
from typing import Any

import numpy as np

from bench.goals import Goal, times_as_fast
from bench.peers import Peer, Run
from gradfast.values.arguments import Array

REFERENCE = "reference"


@dataclass(frozen=True)
class Contestant:
    """Somebody who does the work; run is None where the package it takes is not installed."""

    name: str
    run: Callable[[], Any] | None
    tolerance: float | None = 0.0  # None: there is no answer to look at
    package: str = "gradfast"
    share: float = 1.0  # of the whole work: what would take seconds is timed on a part


@dataclass(frozen=True)
class Workload:
    """One row: a question, who is asked, and what the answer should be."""

    target: str
    question: str
    work: str
    contestants: tuple[Contestant, ...]
    judged: str  # the contestant that the goals are about
    goals: Mapping[str, Goal] = field(default_factory=dict)  # by the name of the rival
    exact: Any = None  # the right answer, where it is known
    read: Callable[[Any], Any] | None = None  # what to compare of an answer that is no array
    is_either: bool = False  # whether one goal is enough
    limit: str = ""  # what keeps it from more, said where a goal is missed

    @cached_property
    def expected(self) -> Any:
        """The right answer: the exact one, or the reference's."""
        if self.exact is not None:
            return self.exact
        return next(c.run() for c in self.contestants if c.name == REFERENCE and c.run)

    def missed(self, times: Mapping[str, float]) -> dict[str, Goal]:
        """Return the goals that are missed, by the name of the rival; none where one is met and is enough."""
        goals = {name: goal for name, goal in self.goals.items() if name in times}
        missed = {k: goal for k, goal in goals.items() if not goal.is_met(times[self.judged], times[k])}
        return {} if self.is_either and len(missed) < len(goals) else missed

    def check(self, contestant: Contestant) -> None:
        """AssertionError unless the contestant's answer is the expected one."""
        if contestant.run is None or contestant.tolerance is None or contestant.share != 1:
            return
        tolerance, message = contestant.tolerance, f"{contestant.name}: {self.work}"
        found, expected = contestant.run(), self.expected
        found = found if self.read is None else self.read(found)
        pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
        for one, wanted in pairs:
            np.testing.assert_allclose(one, wanted, rtol=tolerance, atol=tolerance, err_msg=message)


def calls_alone(f: Callable[[Array], Any], points: Sequence[Array], calls: int) -> None:
    """Call f a number of times at each point, and drop the values."""
    one = len(points) == 1  # whose time is not to hold the making of a chain
    arguments = repeat(points[0], calls) if one else chain.from_iterable(map(repeat, points, repeat(calls)))
    deque(map(f, arguments), maxlen=0)  # a loop in C that keeps nothing


def competing(peer: Peer, f: Callable[[Array], Any], x: Array, tolerance: float = 1e-4) -> Contestant:
    """Return a peer as a contestant: of a 2-D x, at each row."""
    run = partial(_at_each_row if x.ndim == 2 else _at_point, peer.run, f, x) if peer.run else None
    return Contestant(peer.name, run, tolerance, peer.package)


def faster_than_equals(peers: Iterable[Peer], accuracy: int) -> dict[str, Goal]:
    """Return the goal of being faster than each peer of the same accuracy order."""
    return {peer.name: times_as_fast(1) for peer in peers if peer.accuracy == accuracy}


def _at_point(run: Run, f: Callable[[Array], Any], x: Array) -> Any:
    return run(f, x)


def _at_each_row(run: Run, f: Callable[[Array], Any], x: Array) -> Any:
    return [run(f, row) for row in x]
