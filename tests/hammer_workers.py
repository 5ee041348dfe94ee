"""Worker processes that fail, in random ways: every run ends within seconds, and no process is left.

    python tests/hammer_workers.py --runs 1000

What f does in a process: return much (messages of 0 to 10 MB), raise with a long message, raise what cannot be pickled
or unpickled, raise what cannot be printed, die, exit, ignore SIGTERM, sleep; all or some of them. What the main process
does: call once, or again inside a ``with`` block, be interrupted, or be killed. By fork, spawn and forkserver.
"""

import argparse
import collections
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from gradfast import Gradient, Jacobian

MOST_SECONDS = 15.0  # of a run; a process that ignores SIGTERM is killed after two


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
    """An f that fails where its coordinate is moved, and returns an array of some size elsewhere."""

    def __init__(self, kind, size, place):
        self.kind, self.size, self.place = kind, size, place

    def __call__(self, x):
        if self.place is None or x[self.place] != 1.0:
            getattr(self, self.kind)()
        return np.full(self.size, x.sum())

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
        error.much = np.zeros(self.size)
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


def run(draw):
    """Do one run in this process; return what it was."""
    kind, size = draw.choice(KINDS), draw.choice([0, 1, 10**3, 10**5, 10**6, draw.randint(0, 1_250_000)])
    place = draw.choice([None, 0, 5, 11])
    x = np.ones(12)
    f = Failing(kind, size, place)
    operator = Jacobian(f, workers=draw.choice([2, 3]))
    is_interrupted = kind in NEEDS_INTERRUPT or draw.random() < 0.1
    times, within = draw.choice([(1, False), (1, True), (3, True)])

    def call():
        timer = threading.Timer(draw.uniform(0.05, 0.5), os.kill, (os.getpid(), signal.SIGINT))
        if is_interrupted:
            timer.start()
        try:
            operator(x)
        except (KeyboardInterrupt, SystemExit, StopIteration, Exception):
            pass
        finally:
            try:
                timer.cancel()
                if is_interrupted:
                    timer.join()
            except KeyboardInterrupt:
                pass

    if within:
        with operator:
            for _ in range(times):
                call()
            if draw.random() < 0.5:  # another f with what is left of the pool
                good = Gradient(total, workers=2)
                assert np.array_equal(good(x), Gradient(total)(x))
    else:
        call()
    assert np.array_equal(x, np.ones(12)), "x changed"
    return kind


def total(x):
    return float(x @ x)


def children_of(pid):
    """Return the processes that a process has started, itself not."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if " Z" not in line and "ps" not in line]


def in_a_group_of_its_own(draw, seed):
    """Do a run in another process that is killed in the midst of it; return whether processes of its group are left."""
    program = [sys.executable, __file__, "--runs", "1", "--seed", seed]
    other = subprocess.Popen(program, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(draw.uniform(0.3, 1.5))
    other.kill()
    other.wait()
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        try:
            os.killpg(other.pid, 0)
        except ProcessLookupError:
            return
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
    for i in range(options.runs):
        draw = random.Random(f"{options.seed} {i}")
        method, start = draw.choices(["fork", "spawn", "forkserver"], [8, 1, 1])[0], time.monotonic()
        try:
            if options.runs > 1 and draw.random() < 0.05:
                in_a_group_of_its_own(draw, f"{options.seed} {i}")
                kind = "its parent was killed"
            else:
                multiprocessing.set_start_method(method, force=True)
                kind = run(draw)
            seconds = time.monotonic() - start
            assert not multiprocessing.active_children(), f"{kind}: {multiprocessing.active_children()}"
            assert seconds < MOST_SECONDS, f"{kind} took {seconds:.1f} s"
            counts[kind, method] += 1
            worst = max(worst, seconds)
        except BaseException as error:
            found += 1
            print(f"run {i}, {method}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    for kind, method in sorted(counts):
        print(f"{counts[kind, method]:6} {kind} by {method}")
    print(f"{counts.total():6} runs, the longest {worst:.1f} s; {found} found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
