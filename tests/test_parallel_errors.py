"""What goes wrong in workers is told as if it went wrong here, and no process outlives its call."""

import dataclasses
import functools
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pools import KILL, POINT, by_joblib, failing, scaled, sleeping, smooth

import gradfast
from gradfast import Central, Gradient, gradient, hessian, jacobian
from gradfast.calls.processes import Member, Processes, end, portable, reply


class UnpicklableError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def failing_strangely(x):
    raise UnpicklableError(1, 2)


def dying(x):
    if x[1] != 1.0:
        os.kill(os.getpid(), KILL)
    return float(x @ x)


def slow_or_failing(x):
    if x[0] != 1.0:
        raise ValueError("at once")
    time.sleep(30)


@pytest.mark.parametrize("workers", [0, -2, 1.5, True, "2"])
def test_what_is_no_number_and_no_map_is_refused(workers):
    message = f"workers must be a positive integer, -1 for all cores, or a map such as pool.map; got {workers!r}"
    with pytest.raises(ValueError, match=message):
        gradient(smooth, POINT, workers=workers)


def test_numbers_of_numpy_are_numbers():
    with Gradient(smooth, workers=np.int64(3)) as of_three, Gradient(smooth, workers=np.int64(1)) as of_one:
        assert of_three._pool.count == 3
        assert of_one._pool is None


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_an_exception_arrives_with_its_traceback_and_the_coordinate(shape):
    x, start = np.full(shape, 0.25), time.monotonic()
    others = set(multiprocessing.active_children())
    name = "x[3]" if len(shape) == 1 else "x[1, 0]"
    with pytest.raises(ValueError, match="^no number here") as caught:
        gradient(failing, x, workers=2)
    assert re.fullmatch(rf"f raised this with {re.escape(name)} moved by \S+", *caught.value.__notes__)
    assert 'raise ValueError("no number here")' in str(caught.value.__cause__)
    assert time.monotonic() - start < 10
    assert np.all(x == 0.25)
    assert set(multiprocessing.active_children()) == others


def test_an_exception_names_the_point_of_a_batch_and_the_coordinates_of_a_block(workers):
    x = np.full((9, 4), 0.25)
    with pytest.raises(ValueError, match="no number here") as caught:
        gradient(failing, x, axis=1, workers=workers)
    assert caught.value.__notes__[0].startswith("f raised this with x[0, 3] moved")
    with pytest.raises(ValueError, match="no number here") as caught:
        gradient(failing, x, axis=0, workers=lambda f, chunks: map(f, chunks[2 * 9 * 2 :]))  # beyond two points
    assert caught.value.__notes__[0].startswith("f raised this with x[3, 2] moved")
    with pytest.raises(ValueError, match="no number here") as caught:
        gradient(failing_block, np.full(4, 0.25), vectorized=True, workers=lambda f, chunks: map(f, chunks))
    assert caught.value.__notes__[0].startswith("f raised this with x[3] moved")


def failing_block(points):
    if np.any(points[:, 3] != 0.25):
        raise ValueError("no number here")
    return np.zeros(len(points))


def test_an_exception_that_cannot_travel_is_told():
    with pytest.raises(RuntimeError, match="^f raised UnpicklableError: 1 and 2") as caught:
        gradient(failing_strangely, POINT, workers=2)
    assert "with x[" in caught.value.__notes__[0]


def test_the_first_exception_does_not_wait_for_the_others():
    others = set(multiprocessing.active_children())
    start = time.monotonic()
    with pytest.raises(ValueError, match="at once"):
        gradient(slow_or_failing, np.ones(16), workers=2)
    assert time.monotonic() - start < 10
    assert set(multiprocessing.active_children()) == others


def test_a_call_after_an_exception_gets_its_own_results():
    with Gradient(square_or_failing, workers=2) as operator:
        for _ in range(3):
            with pytest.raises(ValueError, match="deliberate"):
                operator(np.ones(6), fails=True)
            assert np.array_equal(operator(POINT), gradient(square_or_failing, POINT))


def square_or_failing(x, fails=False):
    if fails and x[5] != 1.0:
        raise ValueError("deliberate")
    return float(x @ x)


def test_a_process_that_died_between_two_calls_is_replaced():
    others = set(multiprocessing.active_children())
    with Gradient(smooth, workers=2) as operator:
        operator(POINT)
        member = (set(multiprocessing.active_children()) - others).pop()
        os.kill(member.pid, KILL)
        member.join()
        assert np.array_equal(operator(POINT), gradient(smooth, POINT))


ASLEEP = """
import time
import numpy as np
from gradfast import gradient

def f(x):
    print("asleep", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    gradient(f, np.ones(4), workers=2)
"""


def test_processes_end_with_the_one_that_started_them_however_it_ends(tmp_path):
    program = tmp_path / "asleep.py"
    program.write_text(ASLEEP)
    environment = {**os.environ, "PYTHONPATH": str(Path(gradfast.__file__).parents[1])}
    started = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment)
    with started:
        assert started.stdout.read(6) == "asleep"
        started.kill()
        started.communicate(timeout=60)  # until no process is left that could print


def test_no_more_processes_start_than_have_something_to_do():
    others = set(multiprocessing.active_children())
    with Gradient(smooth, workers=8) as operator:
        operator(np.ones(1))
        assert len(set(multiprocessing.active_children()) - others) == 2


def test_a_process_that_starts_first_is_not_waited_for():
    processes, ends, done = Processes(2), [], []
    for _ in range(2):
        (ours, theirs), alive = multiprocessing.Pipe(), multiprocessing.Pipe()
        ways = dict.fromkeys(("terminate", "kill", "join"), lambda *_: None)
        process = SimpleNamespace(sentinel=alive[0], other_end=alive[1], is_alive=lambda: True, **ways)
        processes.members.append(Member(process, ours))
        ends.append(theirs)
    failing, slow = ends
    reply(slow, "started", None)
    error, result = ("raised", (pickle.dumps(ValueError("at once")), "", "")), ("done", 1.0)
    timers = [threading.Timer(0.2, reply, (failing, *error)), threading.Timer(5.0, reply, (slow, *result))]
    for timer in timers:
        timer.start()
    with pytest.raises(ValueError, match="at once"):
        done.extend(processes.results(b"", [0, 1]))
    timers[1].cancel()
    assert done == []


def test_a_process_that_dies_is_an_error(maps):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="workers must stay alive; a process died before it returned its chunk"):
        gradient(dying, np.ones(6), workers=2)
    with (
        ProcessPoolExecutor(2) as pool,
        pytest.raises(RuntimeError, match="workers must stay alive; a process died before it returned its chunk"),
    ):
        gradient(dying, np.ones(6), workers=pool.map)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("kind", ["number", "map"])
def test_an_f_that_cannot_be_pickled_is_named(maps, kind):
    lock = threading.Lock()
    workers = 2 if kind == "number" else maps["processes"]
    for f in (lambda x: float(x @ x), functools.partial(scaled, factor=lock)):
        with pytest.raises(
            TypeError, match=r"f must be picklable to reach another process; got .*Define it at the top"
        ):
            gradient(f, POINT, workers=workers)
    with pytest.raises(TypeError, match="args must be picklable to reach another process; got"):
        gradient(scaled, POINT, args=(lock,), workers=workers)


def sending_functions_by_value(function, iterable):
    """Stand for a map that pickles what is raised, but not the function as pickle does."""
    try:
        return [function(item) for item in iterable]
    except Exception as error:
        raise pickle.loads(pickle.dumps(error)) from None


@pytest.mark.parametrize("by", ["threads", "map", "joblib", "by value"])
@pytest.mark.parametrize(
    ("f", "options", "error", "message"),
    [
        (lambda x: None, {}, TypeError, "^f must return a real scalar; it returned None, a NoneType$"),
        (
            lambda x: x,
            {},
            ValueError,
            r"^f must return a scalar; it returned an array of shape \(7,\); for arrays use jacobian$",
        ),
        (lambda x: 1.0, {"method": "complex"}, TypeError, "^f must compute with complex numbers for method"),
        (lambda p: 1.0, {"vectorized": True}, ValueError, r"^f must return an array of shape \(1,\) for points"),
        (lambda x: 1 / 0, {}, ZeroDivisionError, "^division by zero"),
    ],
    ids=["none", "array", "real", "one number", "raising"],
)
def test_what_goes_wrong_in_a_chunk_is_not_blamed_on_pickling(maps, by, f, options, error, message):
    workers = {**maps, "joblib": by_joblib, "by value": sending_functions_by_value}[by]
    with pytest.raises(error, match=message):
        gradient(f, POINT, workers=workers, **options)


@pytest.mark.parametrize("found", [None, 5])
def test_a_map_must_return_results(found):
    with pytest.raises(TypeError, match=f"^workers must return the results of its chunks; got {found}$"):
        gradient(lambda x: smooth(x), POINT, workers=lambda f, chunks: found)


def test_an_f_that_cannot_be_pickled_is_named_although_pickle_leaves_notes():
    def noting(function, iterable):  # as CPython 3.14's pickle does
        try:
            pickle.dumps(function)
        except Exception as error:
            error.add_note("when serializing dict item 'f'")
            raise

    with pytest.raises(TypeError, match="f must be picklable to reach another process; got"):
        gradient(lambda x: float(x @ x), POINT, workers=noting)


def test_a_map_that_fails_on_its_own_fails_as_it_does():
    def broken(function, iterable):
        raise OSError("no route to host")

    for f in (smooth, lambda x: smooth(x)):  # the map may send functions by value
        with pytest.raises(OSError, match="no route to host"):
            gradient(f, POINT, workers=broken)
    with pytest.raises(ValueError, match="workers must return a result for each of 14 chunks; got 2"):
        gradient(smooth, POINT, workers=lambda f, chunks: map(f, chunks[:2]))


@pytest.mark.parametrize("operator", [gradient, jacobian, hessian])
def test_an_f_that_ignores_its_argument_is_noticed(workers, operator):
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        result = operator(at_the_point, POINT, workers=workers)
    assert not result.any()
    assert not operator(constant, POINT, workers=workers).any()


def test_an_f_of_a_batch_that_ignores_its_argument_is_noticed():
    x = np.ones((3, 2))
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        assert not gradient(lambda _: x.sum(), x, axis=1, workers=map).any()
    pytest.importorskip("scipy", reason="SciPy is not installed")
    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0; an f that ignores its argument"):
        assert not jacobian(at_the_point, POINT, sparsity=np.ones((1, POINT.size)), workers=map).data.any()


def at_the_point(_):
    return float(np.sum(POINT))


def constant(x):
    return 1.0


def bowl(x):
    return float(np.sum(x**2))


def bowls(points):
    return np.sum(points**2, axis=-1)


def flat_where_all_move(x):
    if np.count_nonzero(x) > 1:
        raise ValueError("one at a time")
    return float(np.sum(x**2))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("operator", "f", "x", "options"),
    [
        (gradient, bowl, np.zeros(3), {}),
        (gradient, bowl, np.zeros((2, 3)).T, {"method": Central(4)}),
        (gradient, bowl, np.zeros((2, 3)), {"axis": 1}),
        (gradient, bowls, np.zeros(3), {"vectorized": True}),
        (gradient, bowls, np.zeros((2, 3)), {"vectorized": True, "axis": 1}),
        (jacobian, np.square, np.zeros(3), {"method": "complex"}),
        (gradient, flat_where_all_move, np.zeros(3), {}),
        (jacobian, np.square, np.zeros(3), {}),
        (hessian, sum, np.zeros(3), {}),
        (jacobian, np.square, np.zeros(3), {"sparsity": np.eye(3)}),
    ],
)
def test_where_f_is_stationary_nothing_is_doubted(operator, f, x, options):
    if "sparsity" in options:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    before = x.copy()
    result = operator(f, x, workers=map, **options)
    assert np.count_nonzero(result.toarray() if "sparsity" in options else result) == 0
    assert np.array_equal(x, before)


@pytest.mark.parametrize("options", [{}, {"bounds": (1.0, 2.0)}, {"method": "forward"}])
def test_what_is_doubted_is_an_f_that_sees_no_copy(options):
    x = np.ones(3)

    def through_a_closure(_):
        return float(np.sum(x**2))

    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0"):
        gradient(through_a_closure, x, workers=map, **options)


def test_to_doubt_stays_within_the_bounds():
    x, seen = np.zeros(3), []

    def f(point):
        seen.append(point.copy())
        return float(np.sum(x))

    with pytest.warns(RuntimeWarning, match="all derivatives are exactly 0"):
        gradient(f, x, bounds=([0, -1, -1], [1, 0, 1]), workers=map)
    assert np.all(np.array(seen) >= [0, -1, -1])
    assert np.all(np.array(seen) <= [1, 0, 1])


def test_values_whose_shape_changes_between_chunks_are_refused():
    with pytest.raises(ValueError, match=r"f must return arrays of one shape; got \(2,\), then \(3,\)"):
        jacobian(growing, np.ones(4), workers=map)


def growing(x):
    return np.ones(3 if x[2] != 1 else 2)


def test_a_job_is_small_beside_its_point():
    sent = []

    def recording(function, chunks):
        sent.extend(len(pickle.dumps((function, chunk))) for chunk in chunks)
        return map(function, chunks)

    x = np.random.default_rng(0).normal(size=20_000)
    jacobian(first_two, x, bounds=(x, np.where(np.arange(x.size) < 300, np.inf, x)), workers=recording)
    assert max(sent) < 3 * x.nbytes + 4000


def first_two(x):
    return x[:2] ** 2


def misaligned(array):
    """Return a copy of an array that starts where no number may."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    copy = memory[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("operator", [gradient, jacobian, hessian])
def test_a_point_may_arrive_misaligned_or_read_only(operator):
    def travelled(job, chunks):
        there = misaligned(job.x)
        there.flags.writeable = False
        assert not there.flags.aligned
        return map(dataclasses.replace(job, x=there), chunks)

    assert np.array_equal(operator(smooth, POINT, workers=travelled), operator(smooth, POINT))


# --- pools and maps ---------------------------------------------------------------------------------------------------


def test_what_shows_progress_may_leave_the_pool():
    others = set(multiprocessing.active_children())

    def leave(done, total):
        operator.__exit__(None, None, None)

    operator = Gradient(smooth, workers=2, progress=leave)
    with operator:
        assert np.array_equal(operator(POINT), gradient(smooth, POINT))
    assert set(multiprocessing.active_children()) == others


def test_another_thread_may_leave_the_pool_during_a_call():
    others = set(multiprocessing.active_children())
    operator = Gradient(sleeping, workers=2)
    operator.__enter__()
    found = []
    thread = threading.Thread(target=lambda: found.append(operator(POINT)))
    thread.start()
    time.sleep(0.02)
    operator.__exit__(None, None, None)
    thread.join()
    assert np.array_equal(found[0], gradient(sleeping, POINT))
    assert set(multiprocessing.active_children()) == others


@pytest.mark.parametrize(
    "found", [1.0, np.ones((1, 9)), np.ones(2), np.array(["a"]), np.array([None]), "ab"], ids=lambda found: repr(found)
)
def test_a_map_must_return_values_for_each_chunk(found):
    with pytest.raises(TypeError, match="^workers must return the result of each chunk; got "):
        gradient(smooth, POINT, workers=lambda f, chunks: [found for _ in chunks])
    with pytest.raises(ValueError, match="^workers must return a result for each of 14 chunks; got 15 or more$"):
        gradient(smooth, POINT, workers=lambda f, chunks: [*map(f, chunks), found])


class Stubborn:
    """A process, and a pipe to it: it ends only by force. Ctrl-C comes to who first waits for such processes."""

    def __init__(self, waits):
        self.process = self.connection = self
        self.waits, self.done = waits, []

    def is_alive(self):
        return "kill" not in self.done

    def send(self, message):
        self.done.append("send")

    def join(self, timeout=None):
        self.waits.append(self)
        if len(self.waits) == 1:
            raise KeyboardInterrupt

    def __getattr__(self, name):  # terminate, kill, close
        return lambda: self.done.append(name)


@pytest.mark.parametrize("at_once", [False, True])
def test_ctrl_c_while_processes_end_ends_them_by_force(at_once):
    waits = []
    members = [Stubborn(waits), Stubborn(waits)]
    found = list(members)
    with pytest.raises(KeyboardInterrupt):
        end(members, at_once)
    assert not members
    assert [one.done for one in found] == [["terminate" if at_once else "send", "kill", "close"]] * 2


def test_calls_with_keywords_share_the_pool():
    with Gradient(scaled, workers=2) as operator:
        assert np.array_equal(operator(POINT, factor=2.0), gradient(scaled, POINT, args=2.0))
        members = set(multiprocessing.active_children())
        assert np.array_equal(operator(POINT, factor=3.0), gradient(scaled, POINT, args=3.0))
        assert set(multiprocessing.active_children()) == members != set()


def test_a_map_must_not_take_chunks_apart():
    def starmap(f, chunks):
        return [f(*chunk) for chunk in chunks]

    with pytest.raises(
        TypeError, match=r"^workers must call a function with one chunk, as map does; it called it with \("
    ):
        gradient(smooth, POINT, workers=starmap)


def test_what_tells_of_an_exception_that_cannot_travel_keeps_its_notes():
    class LocalError(Exception):  # which no pickle finds
        pass

    error = LocalError("deliberate")
    error.add_note("x[0] moved")
    found = portable(error)
    assert (type(found), str(found)) == (RuntimeError, "f raised LocalError: deliberate")
    assert found.__notes__ == ["x[0] moved"]
