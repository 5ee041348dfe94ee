"""The two implementations that must agree, and an objective that fails when told to."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings

import gradfast
from gradfast import reference

pytest_plugins = ["pytester"]

settings.register_profile("gradfast", deadline=None, derandomize=True)
settings.load_profile("gradfast")


@pytest.fixture(params=[gradfast, reference], ids=["compiled", "reference"])
def implementation(request) -> ModuleType:
    return request.param


class ObjectiveError(Exception):
    """What an objective of these tests raises."""


@pytest.fixture
def objective_that_fails_on_call():
    """Return a maker of objectives: make(k) sums squares, raises ObjectiveError on call k, and counts its calls."""

    def make(k):
        def f(x):
            f.calls += 1
            if f.calls == k:
                raise ObjectiveError(f"call {k}")
            return np.sum(x**2)

        f.calls = 0
        return f

    make.failure = ObjectiveError
    return make


@pytest.fixture
def counted():
    """Return a wrapper of an objective that counts: calls, and the points of them if they come along a first axis."""

    def wrap(f):
        def g(x, *args):
            g.calls += 1
            g.points += len(x) if np.ndim(x) else 1
            return f(x, *args)

        g.calls = g.points = 0
        return g

    return wrap
