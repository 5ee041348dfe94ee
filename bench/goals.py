"""What a target asks: a figure made of two times, and its limit."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A limit on a figure of two times: those of the contestant that is judged, and of a rival."""

    limit: float
    unit: str
    at_most: bool
    figure: Callable[[float, float], float]

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g} {self.unit}"

    def is_met(self, judged: float, rival: float) -> bool:
        """Return whether the figure is within the limit."""
        figure = self.figure(judged, rival)
        return figure <= self.limit if self.at_most else figure >= self.limit

    def verdict(self, judged: float, rival: float) -> str:
        """Return whether the goal is met, and by how much of the limit."""
        margin = self.figure(judged, rival) / self.limit - 1
        return f"{'met' if self.is_met(judged, rival) else 'MISSED'} by {abs(margin):.1%}"


def times_as_long(limit: float) -> Goal:
    """Return the goal of at most limit times the rival's time."""
    return Goal(limit, "x as long", True, lambda judged, rival: judged / rival)


def times_as_fast(limit: float) -> Goal:
    """Return the goal of at least limit times the rival's speed."""
    return Goal(limit, "x as fast", False, lambda judged, rival: rival / judged)


def microseconds_more(limit: float) -> Goal:
    """Return the goal of at most limit microseconds beyond the rival's time."""
    return Goal(limit, "us more", True, lambda judged, rival: (judged - rival) * 1e6)


def microseconds(limit: float) -> Goal:
    """Return the goal of at most limit microseconds, whatever the rival's time."""
    return Goal(limit, "us", True, lambda judged, rival: judged * 1e6)
