"""How wrong derivatives are, how wrong they are said to be, and what that costs.

``python -m bench.accuracy`` prints a table of every package's errors, claims, evaluations and times over
:mod:`bench.cases`; ``--each`` every case as well. ``python -m bench`` prints the table too, and draws it.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import gradfast
from bench.cases import GRADIENTS, NOISY, SMOOTH, Case, PointCase

Run = Callable[[Callable[[Any], Any], Any], tuple[Any, Any]]

GROUPS = {"smooth": SMOOTH, "gradients": GRADIENTS, "noisy": NOISY}

# Errors below the first are all of rounding; above the second, nothing is right.
LEAST, MOST = 1e-17, 10.0

# Okabe and Ito's colors, one a package; the methods of one differ by marker.
COLORS = {
    "gradfast": "#0072B2",
    "scipy": "#009E73",
    "scipy.differentiate": "#8B6F00",
    "numdifftools": "#E69F00",
    "jacobi": "#D55E00",
    "statsmodels": "#CC79A7",
}


@dataclass(frozen=True)
class Contestant:
    """A package's method: ``run(f, x)`` gives the gradient at a point and its claimed error, or None."""

    package: str
    method: str
    run: Run

    @property
    def name(self) -> str:
        return f"{self.package} {self.method}".strip()


@dataclass(frozen=True)
class Result:
    """What came of one case: error and claim relative to the gradient's largest coordinate, evaluations and seconds."""

    error: float
    claim: float
    covers: bool
    evaluations: float
    seconds: float


def _gradfast(method: Any) -> Run:
    def run(f: Any, x: Any) -> tuple[Any, Any]:
        value, info = gradfast.gradient(f, x, method=method, full_output=True)
        return value, info.error

    return run


def _plain(module: str, call: Callable[[Any, Any, Any], Any]) -> Run:
    loaded = import_module(module)
    return lambda f, x: (call(loaded, f, x), None)


def _numdifftools(f: Any, x: Any) -> tuple[Any, Any]:
    value, error, *_ = import_module("numdifftools").Gradient(f, full_output=True)(x)
    return np.atleast_1d(value), np.atleast_1d(error)


def _jacobi(f: Any, x: Any) -> tuple[Any, Any]:
    value, error = import_module("jacobi").jacobi(f, x)
    return np.atleast_1d(value), np.atleast_1d(error)


def _scipy_differentiate(f: Any, x: Any) -> tuple[Any, Any]:
    """Differentiate along each coordinate alone."""
    found = []
    for i in range(x.size):

        def along(t: Any, i: int = i) -> Any:
            return np.array([f(np.concatenate((x[:i], [number], x[i + 1 :]))) for number in np.ravel(t)]).reshape(
                t.shape
            )

        result = import_module("scipy.differentiate").derivative(along, x[i])
        found.append((float(result.df), float(result.error)))
    values, errors = np.array(found).T
    return values, errors


def contestants() -> list[Contestant]:
    """Return the methods of gradfast and of every package that is installed."""
    ours = {"central": "central", "central 4": gradfast.Central(4), "adaptive": "adaptive"}
    found = [Contestant("gradfast", name, _gradfast(method)) for name, method in ours.items()]
    peers: list[tuple[str, str, str, Callable[[], Run]]] = [
        ("scipy", "3-point", "scipy.optimize", lambda: _plain(
            "scipy.optimize._numdiff", lambda m, f, x: m.approx_derivative(f, x, method="3-point"))),
        ("statsmodels", "centered", "statsmodels", lambda: _plain(
            "statsmodels.tools.numdiff", lambda m, f, x: m.approx_fprime(x, f, centered=True))),
        ("scipy.differentiate", "", "scipy.differentiate", lambda: _scipy_differentiate),
        ("numdifftools", "", "numdifftools", lambda: _numdifftools),
        ("jacobi", "", "jacobi", lambda: _jacobi),
    ]  # fmt: skip
    for package, method, module, load in peers:
        try:
            import_module(module)
        except ImportError:
            continue
        found.append(Contestant(package, method, load()))
    return found


def measure(contestant: Contestant, case: Case | PointCase, turns: int = 1) -> Result:
    """Run a contestant on a case, and compare with the reference."""
    point = np.atleast_1d(np.array(case.x, float))
    f = case.f if isinstance(case, PointCase) else lambda x: case.f(np.asarray(x).reshape(-1)[0])
    calls = 0

    def counted(x: Any, *_: Any) -> Any:
        nonlocal calls
        calls += 1
        return f(x)

    exact = np.atleast_1d(case.derivative)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            value, claim = contestant.run(counted, point.copy())
        except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):  # a package's own, at a NaN of f
            return Result(np.inf, np.nan, False, calls / point.size, np.nan)
        seconds = []
        for _ in range(turns):
            start = time.perf_counter()
            contestant.run(f, point.copy())
            seconds.append(time.perf_counter() - start)
    value = np.ravel(value).astype(float)
    error = np.nan_to_num(np.abs(value - exact), nan=np.inf)
    size = np.abs(exact).max()
    claim = np.full(error.shape, np.nan) if claim is None else np.nan_to_num(np.ravel(claim).astype(float), nan=np.inf)
    return Result(
        float((error / size).max()),
        float((claim / size).max()),
        bool((claim >= error).all()),
        calls / point.size,
        min(seconds, default=np.nan),
    )


def is_tight(result: Result) -> bool:
    """Return whether a claim is within 1000 times the error, or both are of rounding."""
    return result.claim <= 1000 * result.error or (result.claim < 1e-13 and result.error < 1e-13)


def lines(group: str, results: dict[Contestant, list[Result]]) -> Iterator[str]:
    """Yield the table of one group of cases."""
    yield f"{group}: {len(next(iter(results.values())))} cases"
    header = ("method", "median", "worst", "claim covers", "claim tight", "evaluations", "time")
    yield "  {:24s}{:>9s}{:>9s}{:>14s}{:>13s}{:>13s}{:>10s}".format(*header)
    for contestant, found in results.items():
        errors = np.array([result.error for result in found])
        covers = tight = "-"
        if np.isfinite([result.claim for result in found]).any():
            covers = f"{np.mean([result.covers for result in found]):.0%}"
            tight = f"{np.mean([is_tight(result) for result in found]):.0%}"
        evaluations = np.median([result.evaluations for result in found])
        microseconds = np.nanmedian([result.seconds for result in found]) * 1e6
        yield (
            f"  {contestant.name:24s}{np.median(errors):9.1e}{errors.max():9.1e}{covers:>14s}{tight:>13s}"
            f"{evaluations:13.3g}{microseconds:7.0f} us"
        )


def each(cases: Sequence[Case | PointCase], results: dict[Contestant, list[Result]]) -> Iterator[str]:
    """Yield a line for every case: each contestant's error and evaluations."""
    yield "  " + " " * 36 + "".join(f"{contestant.name[:20]:>22s}" for contestant in results)
    for i, case in enumerate(cases):
        cells = (f"{found[i].error:9.1e} ({found[i].evaluations:.4g})" for found in results.values())
        yield f"  {case.name:36s}" + "".join(f"{cell:>22s}" for cell in cells)


def draw(results: dict[Contestant, list[Result]], file: Path) -> None:
    """Draw a line for each method, from its median error to its worst, with its evaluations; the least median first."""
    from matplotlib.figure import Figure

    ranked = sorted(results, key=lambda contestant: np.median([result.error for result in results[contestant]]))
    figure = Figure(figsize=(8, 1.4 + 0.36 * len(ranked)), layout="constrained")
    ax = figure.subplots()
    for place, contestant in enumerate(ranked):
        found = results[contestant]
        errors = np.clip([result.error for result in found], LEAST, MOST)
        median, worst = float(np.median(errors)), float(errors.max())
        color, is_ours = COLORS[contestant.package], contestant.package == "gradfast"
        ax.plot([median, worst], [place, place], color=color, linewidth=3.5 if is_ours else 1.5, solid_capstyle="butt")
        ax.plot(median, place, "o", color=color, markersize=9 if is_ours else 6)
        ax.plot(worst, place, "|", color=color, markersize=12, markeredgewidth=2)
        evaluations = f"{np.median([result.evaluations for result in found]):g}"
        ax.text(1.02, place, evaluations, transform=ax.get_yaxis_transform(), va="center")
    ax.text(1.02, -1, "evaluations", transform=ax.get_yaxis_transform(), va="center")
    ax.set_yticks(range(len(ranked)), [contestant.name for contestant in ranked])
    for label, contestant in zip(ax.get_yticklabels(), ranked, strict=True):
        label.set(color=COLORS[contestant.package], weight="bold" if contestant.package == "gradfast" else "normal")
    ax.set(xscale="log", xlim=(LEAST / 3, 3 * MOST), ylim=(len(ranked) - 0.5, -1.5))
    ax.grid(axis="x", color="0.92")
    ax.set_xlabel("relative error (log scale; further left is better)")
    ax.set_title(f"{len(found)} smooth functions: dot the median, bar the worst (NaN at {MOST:g})", loc="left")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    figure.savefig(file, dpi=150)


def measured(turns: int) -> dict[str, dict[Contestant, list[Result]]]:
    """Return every contestant's results on each group of cases."""
    return {
        group: {contestant: [measure(contestant, case, turns) for case in cases] for contestant in contestants()}
        for group, cases in GROUPS.items()
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description=__doc__)
    parser.add_argument("--each", action="store_true", help="also print every case")
    options = parser.parse_args()
    for group, results in measured(turns=5).items():
        print(*lines(group, results), sep="\n")
        if options.each:
            print(*each(GROUPS[group], results), sep="\n")


if __name__ == "__main__":
    main()
