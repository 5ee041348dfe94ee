"""The table of accuracy cannot rot: its references are right, and what is promised of Adaptive holds."""

import numpy as np
import pytest

from bench.accuracy import contestants, is_tight, lines, measure
from bench.cases import GRADIENTS, SMOOTH

BY_NAME = {contestant.name: contestant for contestant in contestants()}


@pytest.fixture(scope="module")
def smooth():
    """Return the results of Adaptive and of all peers over the smooth functions."""
    return {name: [measure(contestant, case, 0) for case in SMOOTH] for name, contestant in BY_NAME.items()}


def test_adaptive_is_as_exact_as_promised(smooth):
    errors = np.array([result.error for result in smooth["gradfast adaptive"]])
    assert errors.max() <= 1e-9
    assert np.median(errors) <= 1e-12
    assert np.median([result.evaluations for result in smooth["gradfast adaptive"]]) <= 13


def test_no_peer_has_a_better_worst_case(smooth):
    worst = {name: max(result.error for result in results) for name, results in smooth.items()}
    assert min(worst, key=worst.__getitem__) == "gradfast adaptive"


def test_adaptive_claims_what_is_true(smooth):
    results = smooth["gradfast adaptive"]
    assert np.mean([result.covers for result in results]) >= 0.95
    assert np.mean([is_tight(result) for result in results]) >= 0.8


def test_adaptive_needs_fewer_evaluations_than_its_rivals(smooth):
    evaluations = {name: np.median([result.evaluations for result in results]) for name, results in smooth.items()}
    for rival in {"jacobi", "numdifftools"} & evaluations.keys():
        assert evaluations["gradfast adaptive"] < evaluations[rival]


@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case.name)
def test_gradients_are_right(case):
    assert measure(BY_NAME["gradfast adaptive"], case, 0).error < 1e-5


def test_the_table_has_a_line_for_every_contestant():
    results = {contestant: [measure(contestant, SMOOTH[1])] for contestant in contestants()}
    assert len(list(lines("smooth", results))) == 2 + len(results)
