"""The implementations that must agree, the ways to call f that must, and objectives that fail or count."""

import ctypes
import functools
import gc
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings
from objectives import ObjectiveError
from plots import PLOTS
from ways import ALONG_A_LINE, AT_A_NUMBER, AT_A_POINT, Way

import gradfast
from gradfast import reference

settings.register_profile("gradfast", deadline=None, derandomize=True)
settings.load_profile("gradfast")


@pytest.fixture(params=[gradfast, reference], ids=["compiled", "reference"])
def implementation(request) -> ModuleType:
    return request.param


def ways(cases):
    return pytest.fixture(params=cases, ids=[way.name for way in cases], scope="module")  # hypothesis needs that scope


@ways(AT_A_POINT)
def way(request) -> Way:
    """One of the ways to call f of a point, with the operators as its methods; the last is their plain twin."""
    return request.param


@ways(ALONG_A_LINE)
def way_along_a_line(request) -> Way:
    return request.param


@ways(AT_A_NUMBER)
def way_at_a_number(request) -> Way:
    return request.param


def pytest_collection(session):
    """Look for no garbage while tests are collected: they stay."""
    gc.disable()


def pytest_collection_finish(session):
    """Keep them out of the full collections of garbage that some tests ask for, again and again."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config, items):
    """Leave out the cases that a way does not take: compiled f by the complex step, and the like."""
    taken, left_out = [], []
    for item in items:
        (taken if is_taken(getattr(item, "callspec", None)) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = taken


def is_taken(case):
    parameters = case.params if case else {}
    options = {name: parameters[name] for name in ("method", "dtype") if name in parameters}
    return all(way.takes(**options) for way in parameters.values() if isinstance(way, Way))


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
        @functools.wraps(f)
        def g(x, *args, **keywords):
            g.calls += 1
            g.points += len(x) if np.ndim(x) else 1
            return f(x, *args, **keywords)

        g.calls = g.points = 0
        return g

    return wrap


@pytest.fixture
def interrupted_after():
    """Return a context that is left by a KeyboardInterrupt, as of Ctrl-C, after some seconds."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("the system has no interval timer")

    def interrupt(number, frame):
        if frame.f_code.co_name in ("interrupted", "__enter__"):  # on a busy machine: the context is not entered yet
            signal.setitimer(signal.ITIMER_REAL, 0.001)
        else:
            raise KeyboardInterrupt

    @contextmanager
    def interrupted(seconds):
        previous = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            yield
            pytest.fail("nothing was interrupted")
        except KeyboardInterrupt:
            pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    return interrupted


@pytest.fixture(params=PLOTS)
def plot(request):
    return PLOTS[request.param]


@pytest.fixture
def no_figure_stays_open():
    yield
    pytest.importorskip("matplotlib.pyplot").close("all")


@pytest.fixture
def sine():
    """The C library's own sin, which runs no Python."""
    function = ctypes.CDLL(None).sin if sys.platform != "win32" else ctypes.cdll.msvcrt.sin
    function.argtypes, function.restype = [ctypes.c_double], ctypes.c_double
    return function


@pytest.fixture(scope="module")
def maps():
    """Return the maps of a pool of processes, one of threads and Python's own."""
    with ProcessPoolExecutor(2) as processes, ThreadPoolExecutor(2) as threads:
        yield {"processes": processes.map, "threads": threads.map, "map": map}


@pytest.fixture(params=["processes", "threads", "map"])
def workers(maps, request):
    return maps[request.param]
