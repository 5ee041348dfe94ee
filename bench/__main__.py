"""Measure everything: print the tables, write ``bench/RESULTS.md`` and its figures into the pages, draw the charts.

``--quick`` is a short smoke pass, whose ratios mean little: it writes nothing.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import accuracy, chart, checks, clock, honesty, quotes, report, scaling, table
from bench.contest import Workload
from bench.workloads import WORKLOADS

# Seconds and turns, at least, of each contestant of each workload.
THOROUGH = (0.8, 3)
QUICK = (0.01, 1)

# Problems of each family that the checks are asked about.
PROBLEMS = 20

HERE = Path(__file__).parent


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
    parser.add_argument("--quick", action="store_true", help="a short smoke pass that writes nothing")
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER", help="where results go; default: bench")
    arguments = parser.parse_args()
    missing = sorted({c.package for workload in WORKLOADS for c in workload.contestants if c.run is None})
    if missing and arguments.into == HERE and not arguments.quick:
        parser.error(f"the pages quote {', '.join(missing)}, not installed: pip install 'gradfast[bench]'")
    results = list(measured(arguments.quick))
    speed = list(table.lines(results))
    print(*speed, sep="\n")
    errors = accuracy.measured(turns=1 if arguments.quick else 5)
    found = [line for group, by_method in errors.items() for line in accuracy.lines(group, by_method)]
    unseen, outside = list(honesty.lines(honesty.measured())), list(honesty.outside())
    families = list(checks.lines(1 if arguments.quick else PROBLEMS))
    print(*found, *unseen, *outside, *families, sep="\n")
    if not arguments.quick:
        chart.draw(results, arguments.into / "speed.svg")
        accuracy.draw(errors["smooth"], arguments.into / "accuracy.svg")
        growth = scaling.draw(arguments.into / "scaling.svg")
        print(*growth, sep="\n")
        report.write(
            arguments.into / "RESULTS.md",
            speed=speed,
            accuracy=found,
            unseen=unseen,
            outside=outside,
            checks=families,
            growth=growth,
        )
        if arguments.into == HERE:  # whose results README.md and the documentation quote
            quotes.write()


if __name__ == "__main__":
    main()
