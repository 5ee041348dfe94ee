"""Ctrl-C stops every compiled loop soon. Each program would take hours; it runs in a process of its own."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")

PROGRAM = """
import os, signal, threading, time
import numpy as np
from gradfast import *

signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs in the background ignores Ctrl-C

def pressed(call, seconds=0.3):
    \"\"\"Press Ctrl-C after some time; the call must end by KeyboardInterrupt.\"\"\"
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        call()
    except KeyboardInterrupt:
        print("interrupted")
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
X = np.zeros((5_000_000, 2))
X[100_000:, 0] = 1
"""

OF_A_NUMBER = """
import numba
from numba import types
@numba.cfunc(types.double(types.double))
def f(x):
    s = 0.0
    for i in range(1_000_000): s += i % 7 * x
    return s
"""

PROGRAMS = {
    "rows, gradient": COSTLIER_ROWS + "pressed(lambda: gradient(f, X, axis=1))",
    "rows, value": COSTLIER_ROWS + "pressed(lambda: value_and_gradient(f, X, axis=1))",
    "rows, numerical_gradient": COSTLIER_ROWS + "pressed(lambda: numerical_gradient(f, X))",
    "rows, threads": COSTLIER_ROWS + "pressed(lambda: gradient(f, X, axis=1, workers=2))",
    "coordinates": COSTLIER_ROWS + "pressed(lambda: numerical_gradient(f, np.ones(5_000_000)))",
    "derivative": OF_A_NUMBER + "pressed(lambda: derivative(f, np.ones(5_000_000)))",
    "numerical_diff": OF_A_NUMBER + "pressed(lambda: numerical_diff(f, np.ones(5_000_000)))",
    "twice": OF_A_NUMBER + "for _ in range(2): pressed(lambda: derivative(f, np.ones(5_000_000)))",
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
    program.write_text(textwrap.dedent(PROGRAM + PROGRAMS[name]))
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
    assert set(run.stdout.split()) == {"interrupted"}, run.stderr
    assert run.returncode == 0, run.stderr


def test_a_ticker_ends_with_its_loop(tmp_path):
    """Afterwards no thread is left: os.fork warns of threads, and a daemon may outlive what it reads."""
    pytest.importorskip("numba", reason="numba is not installed")
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM + OF_A_NUMBER + "derivative(f, np.ones(100)), print(*[t.name for t in threading.enumerate()], sep='|')"
    )
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.strip() == "MainThread", run.stderr
