"""Measure every workload and print one table of ratios next to their targets."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench import chart, clock, table
from bench.workloads import WORKLOADS, Workload

# Seconds and turns, at least, of each contestant of each workload.
THOROUGH = (1.2, 3)
QUICK = (0.01, 1)


def measured(quick: bool) -> Iterator[tuple[Workload, table.Times]]:
    """Yield each workload with the times of its contestants, whose answers were looked at first."""
    budget = QUICK if quick else THOROUGH
    for workload in WORKLOADS:
        for contestant in workload.contestants:
            workload.check(contestant)
        runs = {c.name: c.run for c in workload.contestants if c.run is not None}
        yield workload, clock.best_times(runs, *budget)


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
