"""Ctrl-C stops every compiled loop soon. Each loop would take hours; programs in processes of their own run them."""

import ctypes
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import gradfast
from gradfast import derivative

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")

PROGRAM = """
import os, signal, sys, threading, time
import numpy as np
from gradfast import *

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs in the background ignores Ctrl-C

def pressed(call, name="interrupted", seconds=0.3):
    \"\"\"Press Ctrl-C after some time; the call must end by KeyboardInterrupt.\"\"\"
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        call()
    except KeyboardInterrupt:
        print(name)
"""

COSTLIER_ROWS = """
import numba
from numba import types
@numba.cfunc(types.double(types.intc, types.CPointer(types.double)))
def f(n, p):
    s = 0.0
    if p[0] > 0.5:
        for i in range(1_000_000): s += i % 7 * p[1]
    return s + p[0]
X = np.zeros((300_000, 2))  # few enough to be allocated long before Ctrl-C is pressed
X[100_000:, 0] = 1
gradient(f, X[:1], axis=1), numerical_gradient(f, X[:1])  # what they import is then there
"""

OF_A_NUMBER = """
import numba
from numba import types
@numba.cfunc(types.double(types.double))
def f(x):
    s = 0.0
    for i in range(1_000_000): s += i % 7 * x
    return s
derivative(f, 1.0)
"""

COSTLY = """
import numba
from numba import types
@numba.cfunc(types.double(types.intc, types.CPointer(types.double)))
def f(n, p):
    s = 0.0
    for i in range(100_000_000): s += i % 7 * p[0]
    return s
numerical_gradient(f, np.ones(1))
"""

# One process presses Ctrl-C in each loop of an f, one after the other: what the f needs, and the loops by name.
LOOPS = {
    "rows": (
        COSTLIER_ROWS,
        {
            "gradient": "gradient(f, X, axis=1)",
            "value": "value_and_gradient(f, X, axis=1)",
            "numerical_gradient": "numerical_gradient(f, X)",
            "threads": "gradient(f, X, axis=1, workers=2)",
            "coordinates": "numerical_gradient(f, np.ones(200_000))",
            "long rows": "numerical_gradient(f, np.ones((2, 200_000)))",
        },
    ),
    "of a number": (
        OF_A_NUMBER,
        {
            "derivative": "derivative(f, np.ones(200_000))",
            "derivative again": "derivative(f, np.ones(200_000))",
            "numerical_diff": "numerical_diff(f, np.ones(200_000))",
        },
    ),
}
PROGRAMS = {
    name: needed + "".join(f"pressed(lambda: {call}, {loop!r})\n" for loop, call in loops.items())
    for name, (needed, loops) in LOOPS.items()
} | {
    "costly rows": COSTLY + "pressed(lambda: numerical_gradient(f, np.ones((100_000, 2))))",
    "in a process forked from a loop": OF_A_NUMBER
    + """
import ctypes
@ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
def forks(x):
    time.sleep(0.02)
    if x > 9 and not children:
        children.append(os.fork())
        if not children[0]:
            signal.alarm(30)
            pressed(lambda: derivative(f, np.ones(200_000)))
            sys.stdout.flush()
            os._exit(0)
    return x
children = []
derivative(forks, np.arange(10.0))
os.waitpid(children[0], 0)
""",
    "by another thread": COSTLIER_ROWS
    + """
def both():
    threading.Thread(target=lambda: gradient(f, X, axis=1), daemon=True).start()
    gradient(f, X, axis=1)
pressed(both)
os._exit(0) if not print(end="", flush=True) else None
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_ctrl_c_stops_a_compiled_loop(name, tmp_path):
    pytest.importorskip("numba", reason="numba is not installed")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + PROGRAMS[name])
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=120)
    _, loops = LOOPS.get(name, ("", ["interrupted"]))
    assert run.stdout.splitlines() == list(loops), run.stderr
    assert run.returncode == 0, run.stderr


CALLS_COUNTED = """
import ctypes, numba
from numba import types
from scipy import LowLevelCallable
@numba.cfunc(types.double(types.intc, types.CPointer(types.double), types.voidptr))
def spins(n, p, counted):
    numba.carray(counted, (1,), np.int64)[0] += 1
    s = 0.0
    for i in range(100_000_000): s += i % 7 * p[0]
    return s
calls = np.zeros(1, np.int64)
f = LowLevelCallable(spins.ctypes, ctypes.c_void_p(calls.ctypes.data), "double (int, double *, void *)")
def press():
    while calls[0] < 9: time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
try: gradient(f, np.ones(1000))
except KeyboardInterrupt: print("interrupted" if calls[0] <= 12 else calls)
"""


def test_ctrl_c_is_seen_within_a_few_calls_of_an_f_that_outlasts_the_ticker(tmp_path):
    pytest.importorskip("numba", reason="numba is not installed")
    pytest.importorskip("scipy", reason="SciPy is not installed")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + CALLS_COUNTED)
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=120)
    assert run.stdout.strip() == "interrupted", run.stderr


TICKERS = (
    OF_A_NUMBER
    + """
sys.setswitchinterval(10)  # so that a ticker does not end while it is looked for
def seen_after(result):
    print(*[t.name for t in threading.enumerate()], sep="|")
seen_after(derivative(f, np.ones(100)))
"""
    + COSTLIER_ROWS
    + """
seen_after(gradient(f, X[-30:], axis=1))
seen_after(numerical_gradient(f, X[-30:]))
"""
)


def test_a_ticker_ends_with_its_loop(tmp_path):
    """Afterwards no thread is left: os.fork warns of threads, and a daemon may outlive what it reads."""
    pytest.importorskip("numba", reason="numba is not installed")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + TICKERS)
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.split() == ["MainThread"] * 3, run.stderr


def test_a_loop_on_another_thread_starts_no_ticker():
    """Only the main thread sees signals."""
    seen = set()

    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    def f(x):
        time.sleep(0.02)
        seen.update(thread.name for thread in threading.enumerate())
        return x

    thread = threading.Thread(target=lambda: derivative(f, np.ones(5)), name="another")
    thread.start()
    thread.join()
    assert "another" in seen
    assert "gradfast's ticker" not in seen


# --- other threads ----------------------------------------------------------------------------------------------------


def ticks_a_second(call):
    """Return how often another thread gets to run while something is called."""
    ticks, done = [0], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before, begin = ticks[0], time.perf_counter()
        call()
        return (ticks[0] - before) / (time.perf_counter() - begin)
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("operator", [gradfast.gradient, gradfast.jacobian, gradfast.numerical_gradient])
def test_other_threads_run_between_the_calls_of_a_c_function(operator):
    x = np.ones(1500)  # on a busy machine, the other thread may get no processor during one call, but not during all
    assert any(ticks_a_second(lambda: operator(sum, x)) > 20 for _ in range(20))


def test_other_threads_run_during_a_coloring():
    sparse = pytest.importorskip("scipy.sparse")
    entries = sparse.random_array((5000, 5000), density=1e-2, rng=0).tocoo()
    # While it sorts, NumPy lets other threads run 40 times a second.
    assert any(ticks_a_second(lambda: gradfast.Coloring((entries.row, entries.col))) > 80 for _ in range(20))
