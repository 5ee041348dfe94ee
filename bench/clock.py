"""Seconds a call takes, measured so that a busy machine spoils no ratio."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from timeit import Timer
from typing import Any

# Short enough to fit between two interruptions, long enough that neither reading the clock nor
# the caches that the contestant before left behind matter.
SLICE_SECONDS = 2e-3


@dataclass
class _Lap:
    """One contestant: its timer, the calls it makes in a turn, what it took so far."""

    timer: Timer  # which keeps the garbage collector off
    calls: int = 1
    best: float = field(default=float("inf"))
    spent: float = 0.0
    turns: int = 0

    def turn(self) -> float:
        seconds = self.timer.timeit(self.calls)
        self.spent += seconds
        self.turns += 1
        self.best = min(self.best, seconds / self.calls)
        return seconds


def best_times(contestants: Mapping[str, Callable[[], Any]], budget: float, least_turns: int) -> dict[str, float]:
    """Return the seconds of one call of each contestant: its best turn of all.

    They take turns, so that a disturbance hits all of them, until each has used budget
    seconds and had least_turns: of a slow one, a single turn would be the best of no choice.
    """
    laps = {name: _Lap(Timer(run)) for name, run in contestants.items()}
    for lap in laps.values():
        while lap.turn() < SLICE_SECONDS and lap.spent < budget:
            lap.calls *= 2
    while running := [lap for lap in laps.values() if lap.spent < budget or lap.turns < least_turns]:
        for lap in running:
            lap.turn()
    return {name: lap.best for name, lap in laps.items()}
