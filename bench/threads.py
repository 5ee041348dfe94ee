"""How time grows with rows, on one thread and on two: ``python -m bench.threads FILE`` draws it."""

import sys
from pathlib import Path

import numpy as np

from bench.clock import best_times
from bench.compiled import native
from gradfast import gradient

COUNTS = (10**3, 10**4, 10**5, 10**6, 10**7)


def nanoseconds_a_row() -> dict[str, list[float]]:
    """Return the time of a gradient at one of so many rows of two, by the number of threads."""
    f, _ = native()
    times: dict[str, list[float]] = {"1 thread": [], "2 threads": []}
    for count in COUNTS:
        x = np.random.default_rng(0).uniform(-2, 2, (count, 2))
        runs = {
            name: lambda x=x, workers=workers: gradient(f, x, axis=1, workers=workers)
            for name, workers in (("1 thread", None), ("2 threads", 2))
        }
        for name, seconds in best_times(runs, 0.5, 3).items():
            times[name].append(seconds / count * 1e9)
    return times


def draw(times: dict[str, list[float]], file: Path) -> None:
    """Draw the times to file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.add_subplot(xlabel="rows", ylabel="nanoseconds a row", xscale="log")
    for (name, values), colour in zip(times.items(), ("#E69F00", "#0072B2"), strict=True):
        ax.plot(COUNTS, values, "o-", color=colour, label=name)
    ax.set_ylim(bottom=0)
    ax.set_title("Gradient of a compiled sum of squares at rows of two", loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend()
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    found = nanoseconds_a_row()
    for name, values in found.items():
        print(name, *(f"{count:.0e}: {value:.1f} ns" for count, value in zip(COUNTS, values, strict=True)), sep="  ")
    if sys.argv[1:]:
        draw(found, Path(sys.argv[1]))
