"""Progress: told to a callable after each chunk, drawn by tqdm when it takes long, and silent otherwise."""

import itertools
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import gradfast
from gradfast import gradient, hessian, jacobian, value_and_gradient
from gradfast.coloring import banded

X = np.linspace(0.5, 1.5, 12)


def f(x):
    return np.sum(x**2)


def rows(points):
    return np.sum(points**2, axis=-1)


def slow(x):
    time.sleep(0.05)
    return float(x @ x)


@pytest.mark.parametrize(
    ("operator", "options", "total"),
    [
        (gradient, {}, 24),
        (value_and_gradient, {"method": "forward"}, 12),
        (jacobian, {}, 24),
        (hessian, {}, 156),
        (gradient, {"method": "complex"}, 12),
        (gradient, {"bounds": (0.5, 2.0)}, 24),
        (gradient, {"workers": map}, 24),
    ],
)
@pytest.mark.parametrize("vectorized", [False, True])
def test_a_callable_is_told_how_much_is_done(operator, options, total, vectorized):
    told = []
    options = {**options, "vectorized": vectorized}
    found = operator(rows if vectorized else f, X, progress=lambda *now: told.append(now), **options)
    wanted = operator(rows if vectorized else f, X, **options)
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other)
    done, totals = zip(*told, strict=True)
    assert set(totals) == {total}
    assert list(done) == sorted(set(done))
    assert done[-1] == total
    assert len(done) > 1


@pytest.mark.parametrize("vectorized", [False, True])
def test_batches_and_colors_tell_too(vectorized):
    told, batch = [], np.tile(X, (5, 1))
    found = gradient(
        rows if vectorized else f, batch, axis=1, vectorized=vectorized, progress=lambda *now: told.append(now)
    )
    assert np.array_equal(found, np.tile(gradient(f, X), (5, 1)))
    assert told[-1] == (120, 120)
    pytest.importorskip("scipy", reason="SciPy is not installed")
    jacobian(lambda x: x**2, X, sparsity=banded(12, 1, 1), progress=lambda *now: told.append(now))
    assert told[-1] == (6, 6)
    found = jacobian(lambda x: np.cumsum(x**2), X, sparsity=np.tri(12), progress=lambda *now: None)  # 12 colors
    assert found.toarray() == pytest.approx(np.tri(12) * 2 * X)


@pytest.mark.parametrize("operator", [gradient, jacobian, hessian])
def test_an_adaptive_method_counts_on_from_round_to_round(operator):
    told = []
    found, info = operator(f, X[:3], method="adaptive", full_output=True, progress=lambda *now: told.append(now))
    assert np.array_equal(found, operator(f, X[:3], method="adaptive"))
    assert all(done <= total for done, total in told)
    assert sum(done == total for done, total in told) > 1
    assert told == sorted(set(told))
    assert told[-1] == (info.evaluations - 1,) * 2  # but for that at x


def test_colors_of_several_stencils_share_one_progress():
    pytest.importorskip("scipy", reason="SciPy is not installed")
    told = []
    bounds = np.where(np.arange(12) == 3, X, 0.0), np.where(np.arange(12) == 5, X, 9.0)
    found = jacobian(
        lambda x: x**2, X, sparsity=banded(12, 1, 1), bounds=bounds, progress=lambda *now: told.append(now)
    )
    assert found.diagonal() == pytest.approx(2 * X)
    assert told[-1] == (10, 10)  # two calls each for three colors and, on their own, for the two at a bound
    assert {total for _, total in told} == {10}


def test_a_compiled_f_tells_too():
    pytest.importorskip("numba", reason="numba is not installed")
    code, told = gradfast.compiled(lambda x: (x**2).sum()), []
    found = gradient(code, X, progress=lambda *now: told.append(now))
    assert np.array_equal(found, gradient(code, X))
    assert told[-1] == (24, 24)


def test_f_still_sees_the_perturbation_through_a_closure():
    x = X.copy()
    found = gradient(lambda ignored: f(x), x, progress=lambda done, total: None)
    assert np.array_equal(found, gradient(f, x))
    assert np.array_equal(x, X)


def test_a_callable_that_raises_ends_the_work():
    class EnoughError(Exception):
        pass

    def enough(done, total):
        raise EnoughError("of it")

    for workers in (None, 2):
        with pytest.raises(EnoughError, match="of it"):
            gradient(f, X, workers=workers, progress=enough)
    assert np.array_equal(X, np.linspace(0.5, 1.5, 12))


def test_nothing_is_printed_of_a_fast_f(capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    gradient(f, X, progress=True)
    assert capsys.readouterr() == ("", "")


def test_a_bar_shows_a_slow_f(capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    gradient(slow, X, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "24/24" in err
    assert "evaluations/s" in err


def test_a_bar_of_an_adaptive_method_grows(capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    _, info = gradient(slow, X, method="adaptive", progress=True, full_output=True)
    done = info.evaluations - 1
    assert f"{done}/{done}" in capsys.readouterr().err


def test_without_tqdm_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"a progress bar needs tqdm: install gradfast\[progress\]"):
        gradient(f, X, progress=True)


def test_what_is_no_progress_is_refused():
    with pytest.raises(ValueError, match="progress must be True, False or a callable; got 'yes'"):
        gradient(f, X, progress="yes")


def test_the_pieces_of_a_fast_f_grow():
    told = []
    gradient(f, np.ones(500), progress=lambda *now: told.append(now))
    assert len(told) < 50


def test_an_f_that_gets_slower_is_told_of_in_smaller_pieces():
    calls, told = itertools.count(), []

    def f(x):
        if next(calls) in (10, 20):  # in pieces of four and, after that, of two coordinates
            time.sleep(0.15)
        return x.sum()

    gradient(f, X, progress=lambda done, total: told.append(done))
    assert told[-1] == 24
    assert len(told) > 4


def test_a_bar_of_steps_that_were_too_short_is_left(monkeypatch):
    """f tells by its first value that it works in single precision, and a bar of longer steps begins."""
    bars = []

    class Bar:
        def __init__(self, **options):
            self.is_open = True
            bars.append(self)

        def update(self, count):
            assert self.is_open
            assert [bar for bar in bars if bar.is_open] == [self]

        def close(self):
            self.is_open = False

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    gradient(lambda x: np.sum(x**2, dtype=np.float32), np.ones(3), progress=True)
    assert len(bars) == 2
    assert not any(bar.is_open for bar in bars)
