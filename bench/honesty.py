"""How right the adaptive method and its bars are on functions that it was not made with.

``python -m bench.honesty`` prints two tables: one over :mod:`bench.unseen`, by groups, and one over the benchmark of
the package numericalderivative. ``python -m bench`` prints them, too.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

import gradfast
from bench.kept_back import KEPT_BACK
from bench.unseen import TUNED_ON, Unseen

# f(x), with what it is called with counted; x; the order; bounds. Gives value, bar and whether it is said to be right.
Run = Callable[[Any, float, int, Any], tuple[Any, Any, bool]]

# A method that asks for more values is stopped.
MOST_EVALUATIONS = 20_000

HALVES = {"tuned on": TUNED_ON, "kept back": KEPT_BACK}

# At a smaller x the squares of its steps are 0, and LAPACK does not end on the NaN that come of that.
JACOBI_LEAST = 1e-25

# No sampling can know of these: they have rows of their own.
HIDDEN = "hidden ripple"

# An error of this part of the derivative is a failure; one above the second is wrong.
FAILED, WRONG = 0.1, 1e-6


@dataclass(frozen=True)
class Found:
    """What came of a case: error and bar in units of the case's size, and f's evaluations."""

    error: float
    bar: float
    is_converged: bool
    evaluations: int

    @property
    def is_covered(self) -> bool:
        return self.error <= self.bar

    def is_false_by(self, factor: float) -> bool:
        return np.isfinite(self.error) and self.error > factor * self.bar


class Counted:
    """f, counting its values."""

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self.f, self.evaluations = f, 0

    def __call__(self, x: Any) -> Any:
        self.evaluations += np.size(x)
        if self.evaluations > MOST_EVALUATIONS:
            raise RuntimeError("too many evaluations")
        return self.f(x)


def _gradfast(f: Any, x: float, n: int, bounds: Any) -> tuple[Any, Any, bool]:
    value, info = gradfast.derivative(f, x, n=n, method="adaptive", bounds=bounds, full_output=True)
    return value, info.error, bool(info.converged)


def _jacobi(f: Any, x: float, n: int, bounds: Any) -> tuple[Any, Any, bool]:
    if abs(x) < JACOBI_LEAST:
        raise ValueError("jacobi does not end")
    method = 0 if bounds is None else 1 if bounds[0] == x else -1
    return *import_module("jacobi").jacobi(f, x, method=method), False


def _numdifftools(f: Any, x: float, n: int, bounds: Any) -> tuple[Any, Any, bool]:
    method = "central" if bounds is None else "forward" if bounds[0] == x else "backward"
    value, info = import_module("numdifftools").Derivative(f, n=n, method=method, full_output=True)(x)[:2]
    return value, getattr(info, "error_estimate", info), False


def _scipy(f: Any, x: float, n: int, bounds: Any) -> tuple[Any, Any, bool]:
    side = 0 if bounds is None else 1 if bounds[0] == x else -1
    result = import_module("scipy.differentiate").derivative(f, x, step_direction=side)
    return result.df, result.error, bool(result.success)


# With the derivatives' orders that they can do.
METHODS: dict[str, tuple[str, Run, int]] = {
    "gradfast adaptive": ("gradfast", _gradfast, 6),
    "jacobi": ("jacobi", _jacobi, 1),
    "numdifftools": ("numdifftools", _numdifftools, 6),
    "scipy.differentiate": ("scipy.differentiate", _scipy, 1),
}


def methods() -> dict[str, tuple[Run, int]]:
    """Return the methods of gradfast and of the packages that are installed."""
    found = {}
    for name, (module, run, orders) in METHODS.items():
        try:
            import_module(module)
        except ImportError:
            continue
        found[name] = run, orders
    return found


def judged(case: Unseen, run: Run) -> Found:
    """Run a method on a case, and compare with the reference. An exception counts as NaN."""
    f = Counted(case.f)
    low, high = case.derivatives
    scale = case.scale or max(abs(low), abs(high)) or 1.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            value, bar, is_converged = run(f, case.x, case.n, case.bounds)
            value, bar = float(value), float(bar)
        except (ValueError, IndexError, TypeError, ArithmeticError, RuntimeError, np.linalg.LinAlgError):
            value, bar, is_converged = np.nan, np.nan, False
    error = max(low - value, value - high, 0.0) if np.isfinite(value) else np.inf
    allowed = bar + 4 * np.finfo(float).eps * abs(value)  # bars need not hold what the reference is rounded by
    return Found(error / scale, allowed / scale, is_converged, f.evaluations)


def measured(halves: Any = HALVES) -> dict[tuple[str, str], dict[str, list[Found]]]:
    """Return what came of each half's groups by each method that can do them."""
    results: dict[tuple[str, str], dict[str, list[Found]]] = {}
    for half, cases in halves.items():
        for case in cases:
            group = HIDDEN if case.kind == HIDDEN else case.group
            for name, (run, orders) in methods().items():
                if orders >= case.n and (orders > 1 or group != "higher"):
                    results.setdefault((half, group), {}).setdefault(name, []).append(judged(case, run))
    return results


def figures(found: Sequence[Found]) -> list[str]:
    """Return the cells of a line of the table."""
    errors = np.array([one.error for one in found])
    counts = [one.evaluations for one in found]
    return [
        f"{np.median(errors):.1e}",
        f"{np.sum(errors > FAILED)}",
        f"{np.mean([one.is_covered for one in found]):.0%}",
        f"{sum(one.is_false_by(10) for one in found)}",
        f"{sum(one.is_false_by(100) for one in found)}",
        f"{sum(one.is_converged and one.error > WRONG for one in found)}",
        f"{np.median(counts):g}",
        f"{max(counts)}",
    ]


COLUMNS = ("median", "fails", "bar covers", "off > 10", "off > 100", "converged, wrong", "evaluations", "most")
WIDTHS = (10, 7, 12, 10, 11, 18, 13, 6)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"  {name:24s}" + "".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def lines(results: dict[tuple[str, str], dict[str, list[Found]]]) -> Iterator[str]:
    """Yield the table of unseen functions."""
    for (half, group), by_method in results.items():
        yield f"{group}, {half}: {len(next(iter(by_method.values())))} cases"
        yield _line("method", COLUMNS)
        for name, found in by_method.items():
            yield _line(name, figures(found))


# --- the benchmark of another package ---------------------------------------------------------------------------------


def outside_methods() -> dict[str, Callable[[Any, Any], Any]]:
    """Return the methods for a problem of numericalderivative: its own algorithms, too, as its pages call them.

    Each is called with f and the problem. Those that search steps between two bounds get the widest that f has.
    """
    package = import_module("numericalderivative")

    def room(problem: Any) -> float:
        low, high = problem.get_interval()
        return 0.99 * min(problem.get_x() - low, high - problem.get_x())

    def stepleman_winarsky(f: Any, problem: Any) -> Any:
        search = package.SteplemanWinarsky(f, problem.get_x())
        return search.compute_first_derivative(search.find_step(room(problem))[0])

    def between(name: str) -> Callable[[Any, Any], Any]:
        def run(f: Any, problem: Any) -> Any:
            search = getattr(package, name)(f, problem.get_x())
            return search.compute_first_derivative(search.find_step(kmin=1e-14, kmax=room(problem))[0])

        return run

    def shi(f: Any, problem: Any) -> Any:
        search = package.ShiXieXuanNocedalGeneral(package.GeneralFiniteDifference(f, problem.get_x(), 1, 2))
        return search.compute_derivative(search.find_step()[0])

    found = {
        name: (lambda f, problem, run=run: run(f, float(problem.get_x()), 1, None)[0])
        for name, (run, _) in methods().items()
    }
    return found | {
        "Stepleman, Winarsky": stepleman_winarsky,
        "Dumontet, Vignes": between("DumontetVignes"),
        "Gill and others": between("GillMurraySaundersWright"),
        "Shi and others": shi,
    }


def outside() -> Iterator[str]:
    """Yield the table over the problems of numericalderivative; nothing if it is not installed."""
    try:
        problems = import_module("numericalderivative").build_benchmark()
    except ImportError:
        return
    yield f"first derivatives of numericalderivative's benchmark: {len(problems)} problems"
    yield f"  {'method':24s}{'median':>10s}{'worst':>10s}{'fails':>7s}{'evaluations, mean':>19s}{'most':>6s}"
    for name, run in outside_methods().items():
        errors, counts = [], []
        for problem in problems:
            f = Counted(lambda x, problem=problem: _each(problem.get_function(), x))
            right = float(problem.get_first_derivative()(problem.get_x()))
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    error = abs(float(run(f, problem)) - right) / abs(right)
                except (ValueError, TypeError, ArithmeticError, RuntimeError):
                    error = np.inf
            errors.append(error if np.isfinite(error) else np.inf)
            counts.append(f.evaluations)
        fails = int(np.sum(np.array(errors) > FAILED))
        yield (
            f"  {name:24s}{np.median(errors):10.1e}{max(errors):10.1e}{fails:7d}{np.mean(counts):19.1f}{max(counts):6d}"
        )


def _each(f: Callable[[float], float], x: Any) -> Any:
    """Return f of every element; NaN outside its domain, where plain Python raises or answers with a complex number."""

    def safe(number: float) -> float:
        try:
            return float(f(number))
        except (TypeError, ValueError, ArithmeticError):
            return np.nan

    return np.reshape([safe(float(number)) for number in np.ravel(x)], np.shape(x))[()]


def main() -> None:
    """Run the command line."""
    print(*lines(measured()), sep="\n")
    print(*outside(), sep="\n")


if __name__ == "__main__":
    main()
