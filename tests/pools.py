"""Functions that reach other processes by name, and what tests of workers share."""

import signal
import time

import numpy as np
import pytest

POINT = np.random.default_rng(3).normal(size=7)
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # which ends a process at once on Windows, too


def smooth(x):
    """A number for a point of any shape; its derivatives all differ."""
    weights = np.arange(1, x.size + 1).reshape(x.shape)
    return np.sum(np.sin(x) * weights) + np.sum(x) ** 2 / 8


def uneven(x):
    return np.stack([np.sin(x), x**3]) * np.sum(x)


def scaled(x, factor):
    return factor * smooth(x)


def failing(x):
    if x.flat[3] != 0.25:
        raise ValueError("no number here")
    return 0.0


def sleeping(x):
    time.sleep(0.005)
    return float(x @ x)


def by_joblib(function, iterable):
    joblib = pytest.importorskip("joblib", reason="joblib is not installed")
    return joblib.Parallel(n_jobs=2, backend="threading")(joblib.delayed(function)(item) for item in iterable)
