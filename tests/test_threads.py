"""Two threads may differentiate at two arrays: nothing is shared between calls."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gradfast import numerical_gradient


@pytest.fixture
def short_switch_interval():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("short_switch_interval")
def test_threads_with_their_own_arrays_get_their_own_gradients():
    def work(seed):
        x = np.random.default_rng(seed).normal(size=(10, 6))
        expected = numerical_gradient(lambda row: float(np.sum(row**3)), x.copy())
        for _ in range(5):
            for method in (False, True):
                f = (lambda p: np.sum(p**3, axis=-1)) if method else (lambda row: float(np.sum(row**3)))
                got = numerical_gradient(f, x, vectorized=method)
                assert np.allclose(got, expected, rtol=0, atol=1e-9)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))
