"""Measure every workload and print one table of ratios next to their targets."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import chart, clock, table
from bench.contest import Workload
from bench.workloads import WORKLOADS

# Seconds and turns, at least, of each contestant of each workload.
THOROUGH = (0.8, 3)
QUICK = (0.01, 1)


def measured(quick: bool) -> Iterator[tuple[Workload, table.Times]]:
    """Yield each workload with the times of its contestants, whose answers were looked at first."""
    budget = QUICK if quick else THOROUGH
    # glibc gives a large array's memory back to the system, and pays a fault a page to have it
    # again, until the process has freed a larger one: freeing one here makes that no accident.
    np.empty(1 << 24, np.uint8)
    for workload in WORKLOADS:
        for contestant in workload.contestants:
            workload.check(contestant)
        runs = {c.name: c.run for c in workload.contestants if c.run is not None}
        times = clock.best_times(runs, *budget)
        yield workload, {c.name: times[c.name] / c.share for c in workload.contestants if c.name in times}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short smoke pass: the ratios mean little")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the times, as SVG or PNG")
    arguments = parser.parse_args()
    results = list(measured(arguments.quick))
    print(*table.lines(results), sep="\n")
    if arguments.chart:
        chart.draw(results, arguments.chart)


if __name__ == "__main__":
    main()
