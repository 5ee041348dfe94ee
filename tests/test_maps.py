"""Maps as workers: results in any order, and errors that name what a map did."""

import itertools
import multiprocessing
import signal
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
import pytest

from gradfast import gradient, hessian, jacobian
from gradfast.calls.processes import interrupts_later

POINT = np.random.default_rng(3).normal(size=7)


def smooth(x):
    return float(np.sum(np.sin(x) * np.arange(1, x.size + 1)) + np.sum(x) ** 2 / 8)


def reversing(f, chunks):
    return reversed([f(chunk) for chunk in chunks])


def as_they_are_done(f, chunks):
    with ThreadPoolExecutor(3) as pool:
        return [done.result() for done in as_completed([pool.submit(f, chunk) for chunk in chunks])]


@pytest.mark.parametrize("workers", [reversing, as_they_are_done])
def test_a_map_may_return_results_in_any_order(workers):
    for operator, f in ((gradient, smooth), (jacobian, np.square), (hessian, smooth)):
        assert np.array_equal(operator(f, POINT, workers=workers), operator(f, POINT))
    points = np.arange(12.0).reshape(4, 3)
    assert np.array_equal(gradient(smooth, points, axis=1, workers=workers), gradient(smooth, points, axis=1))


def test_a_map_must_not_return_the_result_of_a_chunk_twice():
    message = "^workers must return the result of each chunk once; got that of chunk 0 twice$"
    with pytest.raises(ValueError, match=message):
        gradient(smooth, POINT, workers=lambda f, chunks: [f(chunks[0]) for _ in chunks])


@pytest.mark.parametrize("endless", [itertools.repeat, lambda found: itertools.cycle([found])], ids=["same", "cycle"])
def test_a_map_that_never_ends_is_refused(endless):
    def workers(f, chunks):
        yield from map(f, chunks)
        yield from endless(None)

    with pytest.raises(ValueError, match="^workers must return a result for each of 14 chunks; got 15 or more$"):
        gradient(smooth, POINT, workers=workers)


@pytest.mark.parametrize("workers", [itertools.starmap, ThreadPoolExecutor], ids=["starmap", "a pool's class"])
@pytest.mark.parametrize("f", [smooth, lambda x: smooth(x)], ids=["picklable", "lambda"])
def test_what_is_no_map_is_told_so_whatever_f_is(workers, f):
    with pytest.raises(TypeError) as caught:
        gradient(f, POINT, workers=workers)
    text = "".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert "workers must call a function with one chunk" in text or "workers was called as a map" in text
    assert "picklable" not in text


def test_an_error_of_a_map_says_that_workers_was_called():
    def broken(f, chunks):
        raise AttributeError("no such pool")

    with pytest.raises(AttributeError, match="no such pool") as caught:
        gradient(lambda x: smooth(x), POINT, workers=broken)
    assert caught.value.__notes__ == ["workers was called as a map: workers(function, chunks)"]


def test_an_error_of_f_says_nothing_of_the_map():
    def failing(x):
        raise TypeError("of f")

    with pytest.raises(TypeError, match="of f") as caught:
        gradient(failing, POINT, workers=map)
    assert not any("workers" in note for note in caught.value.__notes__)


class StoppedWithMoreError(StopIteration):
    def __init__(self, value, more):
        super().__init__(value)
        self.more = more

    def __reduce__(self):
        return type(self), (self.value, self.more)


def stopping(x):
    raise StoppedWithMoreError(3, "more")


@pytest.mark.parametrize("workers", [None, map, 2], ids=["serially", "map", "processes"])
def test_an_f_that_stops_raises_its_own_exception(workers):
    with pytest.raises(StoppedWithMoreError) as caught:
        gradient(stopping, POINT, workers=workers)
    assert (caught.value.value, caught.value.more) == (3, "more")


def in_a_daemon(_):
    message = "^workers must be None or a map in a process that may not start others, .*; got 2$"
    with pytest.raises(RuntimeError, match=message):
        gradient(smooth, POINT, workers=2)
    return gradient(smooth, POINT, workers=map)


def test_a_process_that_may_start_none_says_so():
    with multiprocessing.Pool(1) as pool:
        assert np.array_equal(pool.map(in_a_daemon, [0])[0], gradient(smooth, POINT))


def test_ctrl_c_waits_until_a_process_that_starts_is_known():
    came = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with interrupts_later():
            signal.raise_signal(signal.SIGINT)
            assert not came
        assert came == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)
