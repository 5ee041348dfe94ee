"""Worker processes that fail, in random ways: every run ends within seconds, and no process is left.

    python tests/hammer_workers.py --runs 1000

What f does in a process: return much (messages of 0 to 10 MB), raise with a long message, raise what cannot be pickled
or unpickled, raise what cannot be printed, die, exit, ignore SIGTERM, sleep; all or some of them. What the main process
does: call once, or again inside a ``with`` block, be interrupted, or be killed. By fork, spawn and forkserver.

After a run, the outcome must be the one of its kind, and this process may have no more descendants, open files or
threads than before. A run that does not end is ended with the stacks of its threads printed.
"""

import argparse
import collections
import faulthandler
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

import numpy as np

from gradfast import Gradient, Jacobian

MOST_SECONDS = 60.0  # of a run: 720 MB come through pipes in the longest, on a machine that may do other things
HANGS = 120.0  # seconds after which a run is taken to hang
BYTES = [0, 1, 10**3, 10**5, 10**6, 10**7]  # sizes of messages


class UnpicklableError(Exception):
    def __reduce__(self):
        raise RuntimeError("not to be pickled")


class OneWayError(Exception):
    """Pickled, but not unpickled: its arguments are others."""

    def __init__(self, one, two):
        super().__init__(f"{one}{two}")


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("not to be told")

    __repr__ = __str__


class Failing:
    """An f that fails where its coordinate is moved, and returns an array of some bytes elsewhere."""

    def __init__(self, kind, size, place):
        self.kind, self.size, self.place = kind, size, place

    def __call__(self, x):
        if self.place is None or x[self.place] != 1.0:
            getattr(self, self.kind)()
        return np.full(self.size // 8, x.sum())

    def nothing(self):
        pass

    def raises(self):
        raise ValueError("z" * self.size)

    def raises_unpicklable(self):
        raise UnpicklableError

    def raises_one_way(self):
        raise OneWayError(1, 2)

    def raises_unprintable(self):
        raise UnprintableError

    def raises_with_much(self):
        error = ValueError("much")
        error.much = np.zeros(self.size // 8)
        raise error

    def stops(self):
        raise StopIteration("f")

    def exits(self):
        sys.exit(3)

    def exits_at_once(self):
        os._exit(3)

    def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def ends(self):
        os.kill(os.getpid(), signal.SIGTERM)

    def ignores_sigterm(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise ValueError("who ignores SIGTERM")

    def sleeps(self):
        time.sleep(3600)

    def sleeps_and_ignores(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)

    def starts_a_thread(self):
        threading.Thread(target=time.sleep, args=(3600,)).start()
        raise ValueError("from beside a thread")


KINDS = [name for name in vars(Failing) if not name.startswith("_")]
NEEDS_INTERRUPT = ("sleeps", "sleeps_and_ignores")

# The exception of each kind, and what it says.
OUTCOMES = {
    "raises_unpicklable": (RuntimeError, "f raised UnpicklableError: "),
    "raises_one_way": (RuntimeError, "f raised OneWayError: 12"),
    "raises_unprintable": (UnprintableError, None),
    "raises_with_much": (ValueError, "much"),
    "stops": (StopIteration, "f"),
    "exits": (SystemExit, "3"),
    "exits_at_once": (RuntimeError, "a process died before it returned its chunk"),
    "is_killed": (RuntimeError, "a process died before it returned its chunk"),
    "ends": (RuntimeError, "a process died before it returned its chunk"),
    "ignores_sigterm": (ValueError, "who ignores SIGTERM"),
    "starts_a_thread": (ValueError, "from beside a thread"),
}


def check_outcome(f, found):
    """Assert that what a call returned or raised, if nothing interrupted it, is what f brings about."""
    if f.kind == "nothing":
        assert np.shape(found) == (f.size // 8, 12), f"{found!r}"[:300]
        assert np.allclose(found, 1.0, rtol=0, atol=1e-8), found
    elif f.kind == "raises":
        assert type(found) is ValueError, f"{found!r}"[:300]
        assert found.args == ("z" * f.size,), f"{len(found.args[0])} of {f.size} letters"
    elif f.kind in OUTCOMES:
        kind, words = OUTCOMES[f.kind]
        assert type(found) is kind, f"{f.kind}: {type(found)}"
        assert words is None or words in str(found), f"{f.kind}: {found!r}"[:300]
        if f.kind == "raises_with_much":
            assert found.much.shape == (f.size // 8,)


def run(draw):
    """Do one run in this process; return what it was."""
    kind, size = draw.choice(KINDS), draw.choice([*BYTES, draw.randint(0, 10**7)])
    place = draw.choice([None, 0, 5, 11])
    x = np.ones(12)
    f = Failing(kind, size, place)
    operator = Jacobian(f, workers=draw.choice([2, 3]))
    is_interrupted = kind in NEEDS_INTERRUPT or draw.random() < 0.1
    times, within = draw.choice([(1, False), (1, True), (3, True)])
    with operator if within else nullcontext():
        for _ in range(times):
            found = interrupted(draw, lambda: operator(x)) if is_interrupted else outcome(lambda: operator(x))
            if type(found) is not KeyboardInterrupt or not is_interrupted:
                check_outcome(f, found)
        if within and draw.random() < 0.5:  # another f with what is left of the pool
            good = Gradient(total, workers=2)
            assert np.array_equal(good(x), Gradient(total)(x))
    assert np.array_equal(x, np.ones(12)), "x changed"
    return kind


def outcome(call):
    """Return what a call returns or raises."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, StopIteration, Exception) as error:
        return error


def interrupted(draw, call):
    """Return the outcome of a call that Ctrl-C comes to, or KeyboardInterrupt if that came late."""
    timer = threading.Timer(draw.uniform(0.05, 0.5), os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        found = outcome(call)
        timer.join()
        return found
    except KeyboardInterrupt as error:
        timer.join()
        return error


def total(x):
    return float(x @ x)


def descendants(pid):
    """Return the processes that a process and its children have started, by their command; not those for all runs."""
    rows = list(processes())
    family = {pid}
    for _ in range(4):  # generations
        family |= {process for process, parent, _ in rows if parent in family}
    for_all = {pid, forkserver._forkserver._forkserver_pid, resource_tracker._resource_tracker._pid}
    return {process: state for process, _, state in rows if process in family - for_all}


def processes():
    """Yield all processes: each one's number, its parent's, and its state with its command, which a zombie has not."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, fields = (entry / "stat").read_text().rpartition(")")
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            state, parent, *_ = fields.split()
            yield int(entry.name), int(parent), f"{state} {command or name}"


def check_nothing_left(files):
    """Assert that after a run no process, thread or open file is left; a forkserver takes a moment to see its own."""
    gc.collect()  # a traceback holds the frames of the run, and with them its processes
    end = time.monotonic() + 2.0
    while (left := descendants(os.getpid())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, f"processes are left: {left}"
    assert not multiprocessing.active_children(), multiprocessing.active_children()
    assert threading.active_count() == 1, threading.enumerate()
    assert len(os.listdir("/proc/self/fd")) <= files, "files are left open"


def in_a_group_of_its_own(draw, seed):
    """Do a run in another process that is killed once it has started some; assert that none of its group are left."""
    program = [sys.executable, __file__, "--runs", "1", "--seed", seed]
    other = subprocess.Popen(program, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while other.poll() is None and not descendants(other.pid):
        time.sleep(0.02)
    time.sleep(draw.uniform(0.0, 0.5))
    was_alive = other.poll() is None
    other.kill()
    other.wait()
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        try:
            os.killpg(other.pid, 0)
        except ProcessLookupError:
            return "its parent was killed" if was_alive else "ended before it could be killed"
        time.sleep(0.05)
    os.killpg(other.pid, signal.SIGKILL)
    raise AssertionError("processes outlived the one that had started them")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", default="0")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in the background
    counts, worst, found = collections.Counter(), 0.0, 0
    files = len(os.listdir("/proc/self/fd")) + 6  # some for the processes that all runs share
    for i in range(options.runs):
        draw = random.Random(f"{options.seed} {i}")
        method, start = draw.choices(["fork", "spawn", "forkserver"], [8, 1, 1])[0], time.monotonic()
        faulthandler.dump_traceback_later(HANGS, exit=True)
        try:
            if options.runs > 1 and draw.random() < 0.05:
                kind = in_a_group_of_its_own(draw, f"{options.seed} {i}")
            else:
                multiprocessing.set_start_method(method, force=True)
                kind = run(draw)
            seconds = time.monotonic() - start
            check_nothing_left(files)
            assert seconds < MOST_SECONDS, f"{kind} took {seconds:.1f} s"
            counts[kind, method] += 1
            worst = max(worst, seconds)
        except BaseException as error:
            found += 1
            print(f"run {i}, {method}: {type(error).__name__}: {str(error)[:300]}", flush=True)
            for pid in descendants(os.getpid()):  # so that the next run is judged by what it leaves
                os.kill(pid, signal.SIGKILL)
    for kind, method in sorted(counts):
        print(f"{counts[kind, method]:6} {kind} by {method}")
    print(f"{counts.total():6} runs, the longest {worst:.1f} s; {found} found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
