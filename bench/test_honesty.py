"""The tables of unseen functions and of checks cannot rot: references, figures and what is promised hold."""

import numpy as np
import pytest

from bench import checks, honesty
from bench.families import FAMILIES
from bench.kept_back import KEPT_BACK
from bench.unseen import TUNED_ON


@pytest.fixture(scope="module")
def ours():
    """Return what the adaptive method finds, by half and group."""
    run, _ = honesty.METHODS["gradfast adaptive"][1:]
    found = {}
    for half, cases in honesty.HALVES.items():
        for case in cases:
            group = honesty.HIDDEN if case.kind == honesty.HIDDEN else case.group
            found.setdefault((half, group), []).append(honesty.judged(case, run))
    return found


@pytest.mark.parametrize(("group", "share"), [("smooth", 0.96), ("rough", 0.9), ("higher", 0.95), ("bounds", 0.95)])
@pytest.mark.parametrize("half", list(honesty.HALVES))
def test_bars_cover_the_error(ours, half, group, share):
    found = ours[half, group]
    assert np.mean([one.is_covered for one in found]) >= share
    assert sum(one.error > honesty.FAILED for one in found) <= 0.04 * len(found)
    assert not any(one.is_converged and one.error > honesty.WRONG and not one.is_covered for one in found)


@pytest.mark.parametrize("half", list(honesty.HALVES))
def test_smooth_functions_take_13_evaluations(ours, half):
    assert np.median([one.evaluations for one in ours[half, "smooth"]]) <= 13


def test_references_are_those_of_a_known_function():
    case = next(case for case in TUNED_ON if case.kind == "two scales")
    assert case.derivatives[0] == pytest.approx(case.x - 3e-17 / case.x**2, rel=1e-14)
    kinks = [case for case in TUNED_ON + KEPT_BACK if case.kind == "at kink"]
    assert kinks
    assert all(low < high for low, high in (case.derivatives for case in kinks))


def test_tables_have_a_line_for_every_method():
    few = {"kept back": [case for case in KEPT_BACK if case.kind == "rational"]}
    methods = honesty.methods()
    assert len(list(honesty.lines(honesty.measured(few)))) == 2 + len(methods)
    if lines := list(honesty.outside()):
        assert len(lines) == 2 + len(methods) + 4


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_checks_call_no_wrong_derivative_right(family):
    found = checks.tallies(family, 1)
    right = found.pop("right")
    assert right.wrong == 0
    assert sum(tally.right for tally in found.values()) <= (2 if "16" in family.name else 1)
    if family.kind == "smooth":
        assert right.right == right.entries
        assert np.mean(right.evaluations) <= 4
