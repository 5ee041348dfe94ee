"""What the checks say of right and wrong derivatives, by families of functions.

``python -m bench.checks`` prints a table of them, and of wrong derivatives that are called right, by what is wrong.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import gradfast
from bench.families import FAMILIES, Family, Problem

# What is done to a right derivative. "one" changes a single entry by 10 %.
FACTORS = {"x 1.1": 1.1, "x 2": 2.0, "x -1": -1.0, "x 0": 0.0}

# An entry is wrong if it is off by this part of the right one, and by more than what the check says it need not tell.
OFF = 0.0999
FLOOR_POWER = 0.6


@dataclass
class Tally:
    """How many entries were called what, how many checks were true, and the evaluations a coordinate."""

    entries: int = 0
    right: int = 0
    wrong: int = 0
    kink: int = 0
    checks: int = 0
    passed: int = 0
    evaluations: list[float] = field(default_factory=list)

    def add(self, check: Any, counted: Any, coordinates: int) -> None:
        """Count the verdicts of those entries that are counted."""
        verdict = check.verdict[counted]
        self.entries += verdict.size
        self.right += int((verdict == "right").sum())
        self.wrong += int((verdict == "wrong").sum())
        self.kink += int((verdict == "kink").sum())
        self.checks += verdict.size > 0
        self.passed += verdict.size > 0 and bool(check)
        self.evaluations.append(check.evaluations / coordinates)


def _dense(derivative: Any) -> Any:
    return derivative.toarray() if hasattr(derivative, "toarray") else np.asarray(derivative)


def variants(problem: Problem, random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Yield the right derivative and wrong ones, each with what was done to it."""
    right = problem.right
    yield "right", right
    for name, factor in FACTORS.items():
        yield name, right * right.dtype.type(factor)
    changed = right.copy()
    places = np.argwhere(_dense(right) != 0)
    place = tuple(places[random.integers(len(places))])
    changed[place] = right.dtype.type(1.1) * right[place]
    yield "one x 1.1", changed
    if right.ndim == 2 and right.shape[0] == right.shape[1] and np.any(_dense(right) != _dense(right).T):
        yield "transposed", right.T


def is_wrong(claimed: Any, problem: Problem, is_jacobian: bool) -> Any:
    """Return which entries are so wrong that a check is to say so."""
    right, claimed = _dense(problem.right).astype(float), _dense(claimed).astype(float)
    x = np.abs(np.asarray(problem.x, float))
    size = np.where(x > 0, x, 1)
    axis = 1 if is_jacobian else None
    larger = np.maximum(np.abs(right), np.abs(claimed))
    steepest = larger.max(axis=axis, keepdims=True)
    strongest = (larger * size).max(axis=axis, keepdims=True) / size
    eps = max(np.finfo(problem.right.dtype).eps, np.finfo(problem.x.dtype).eps)
    floor = float(eps) ** FLOOR_POWER * np.minimum(steepest, strongest)
    off = np.abs(claimed - right)
    return (off > OFF * np.abs(right)) & (off > floor)


def tallies(family: Family, problems: int, **options: Any) -> dict[str, Tally]:
    """Return what the check says of a family's right derivatives and of each kind of wrong ones."""
    found: dict[str, Tally] = {}
    check = gradfast.check_jacobian if family.is_jacobian else gradfast.check_gradient
    for seed in range(problems):
        random = np.random.default_rng((seed, *family.name.encode()))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            problem = family.draw(random)
            for name, claimed in variants(problem, random):
                result = check(problem.f, claimed, problem.x.copy(), **options)
                counted = is_wrong(claimed, problem, family.is_jacobian)
                if family.is_jacobian and "directions" not in options:
                    counted = np.array([counted[_place(entry)] for entry in result.name], dtype=bool)
                counted = counted.reshape(-1)
                if name == "right":
                    counted = np.ones(result.verdict.shape, bool)
                elif options.get("directions"):
                    counted = np.full(result.verdict.shape, counted.all())
                found.setdefault(name, Tally()).add(result, counted, problem.x.size)
    return found


def _place(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name[2:-1].split(","))


def lines(problems: int, **options: Any) -> Iterator[str]:
    """Yield the table: a line for each family, then one for all of a kind."""
    yield f"{'':36s}{'right derivatives':>52s}{'':4s}{'wrong derivatives':>29s}"
    header = ("family", "problems", "entries", "right", "kink", "open", "wrong", "pass", "evaluations")
    yield "{:36s}{:>9s}{:>9s}{:>7s}{:>6s}{:>6s}{:>6s}{:>6s}{:>13s}{:>16s}{:>13s}".format(
        *header, "called right", "pass"
    )
    totals: dict[str, list[Tally]] = {}
    for family in FAMILIES:
        found = tallies(family, problems, **options)
        right, others = found.pop("right"), list(found.values())
        totals.setdefault(family.kind, []).append(right)
        totals.setdefault(family.kind + " wrong", []).extend(others)
        by_kind = ", ".join(f"{name} {tally.right}" for name, tally in found.items() if tally.right)
        yield _line(family.name, problems, [right], others) + (f"  ({by_kind})" if by_kind else "")
    for kind in [kind for kind in totals if not kind.endswith(" wrong")]:
        yield _line(f"all {kind}", problems * len(totals[kind]), totals[kind], totals[kind + " wrong"])


def _line(name: str, problems: int, rights: list[Tally], wrongs: list[Tally]) -> str:
    def total(tallies: list[Tally], what: str) -> int:
        return sum(getattr(tally, what) for tally in tallies)

    entries, right, kink, wrong = (total(rights, what) for what in ("entries", "right", "kink", "wrong"))
    evaluations = np.mean([count for tally in rights for count in tally.evaluations])
    open_ = entries - right - kink - wrong
    called, passed = (
        f"{total(wrongs, done)} of {total(wrongs, among)}"
        for done, among in (("right", "entries"), ("passed", "checks"))
    )
    return (
        f"{name:36s}{problems:9d}{entries:9d}{right:7d}{kink:6d}{open_:6d}{wrong:6d}{total(rights, 'passed'):6d}"
        f"{evaluations:13.3g}{called:>16s}{passed:>13s}"
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.checks", description=__doc__)
    parser.add_argument("--problems", type=int, default=30, help="problems a family; default: 30")
    parser.add_argument("--directions", type=int, help="check along random directions instead")
    options = parser.parse_args()
    more = {} if options.directions is None else {"directions": options.directions, "seed": 0}
    for line in lines(options.problems, **more):
        print(line, flush=True)


if __name__ == "__main__":
    main()
