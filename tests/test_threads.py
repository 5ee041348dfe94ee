"""Two threads may differentiate at two arrays, also by one prepared operator: no call can tell that there are others.

``freethreading_compatible`` in setup.py says so to the interpreter, after a reading of every module:

- what a call perturbs, saves and collects is made by the call: an evaluator at x, its moves, a block of
  values; kernels have no static buffers, and compiled f is called with copies of x;
- tables, constant arrays, groups of few coordinates and the methods behind names are made at import, and only read;
- the caches lock themselves; a method keeps its plans in a list, each set with one store: threads that miss at
  the same time make equal plans, complete before they are stored, and nobody writes to them later;
- a Stencil, Rule, Groups, Moves, NativeFunction, Coloring or prepared operator never changes, so threads may share it
  (a Coloring computes `entries` at the first use: twice, if two threads come at once);
- threads that share the work of one compiled f write to parts of a block of their own; what tells them to
  stop is an array (to acquire an array's memory in many threads at once is safe since NumPy 2.4.2);
- np.errstate is the thread's own, and random numbers come from a generator of the call's own.

Not ours to promise: an f, an x or a figure that threads share.
"""

import ast
import ctypes
import functools
import os
import pkgutil
import re
import subprocess
import sys
import sysconfig
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from objectives import cubes as cubes_at_once

import gradfast
from gradfast import Adaptive, Central, Coloring, Forward, _kernels, stencils
from gradfast._kernels.operator_run import NAMED
from gradfast.coloring import banded
from gradfast.values import callables

PACKAGE = Path(gradfast.__file__).parent
DOUBLES = ctypes.POINTER(ctypes.c_double)


# --- no state ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_function_rebinds_a_name_of_its_module(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.names for node in ast.walk(tree) if isinstance(node, ast.Global)] == []


# The ticker of native_function.pyx serves all loops of the process; only the main thread starts it, with the GIL.
CLOCK = {"native_function.pyx": {"tick", "ticks_left", "is_ticking", "ticker", "guard"}}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.p[yx][xd]")), ids=lambda path: path.name)
def test_no_kernel_has_static_memory(path):
    """What a module holds has a name in capitals and is written to by no function, but for the one clock."""
    clock = CLOCK.get(path.name, set())
    lines = [line.partition("#")[0].rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    variables = [line for line in lines if re.match(r"cdef (?!class|enum|struct|union|extern)[^(]*(=|$)", line)]
    names = {re.match(r"cdef [\w. ]+?(?:\[\d+\])? (\w+) = ", f"{variable} = ")[1] for variable in variables}
    assert {name for name in names if not name.isupper()} == clock
    written = [m[1] for line in lines if (m := re.match(r"\s+.*?\b([A-Z_]+)(?:\[.*\])? [-+*/|&]?= ", line))]
    changed = [
        m[1] for line in lines if (m := re.match(r"\s+.*?\b([A-Z_]+)\.(append|update|pop|clear|set\w*)\(", line))
    ]
    assert names.isdisjoint([*written, *changed])
    assert not [line for line in lines if re.match(r"\s*static (?!CYTHON_INLINE)", line)]
    rebound = [name for line in lines if (m := re.match(r"\s+global (.*)", line)) for name in m[1].split(", ")]
    assert clock.issuperset(rebound)


def test_the_sources_of_the_kernels_are_there_to_be_read():
    modules = {module.name for module in pkgutil.iter_modules(_kernels.__path__)} - {"_shared"}  # which Cython writes
    assert {path.stem for path in PACKAGE.rglob("*.pyx")} == modules


# --- threads ----------------------------------------------------------------------------------------------------------

THREADS, TURNS = 4, 3


def yielding(f):
    """Let the other threads go on when f is called, before it reads what was perturbed for it."""

    @functools.wraps(f)
    def g(x):
        time.sleep(1e-6)
        return f(x)

    return g


cubes = yielding(cubes_at_once)
sine = yielding(np.sin)


class Shared:
    """What threads may share, its caches empty: methods, prepared operators, colorings, compiled f."""

    def __init__(self):
        self.central, self.forward, self.adaptive = Central(accuracy=4), Forward(rel_step=1e-6), Adaptive(rtol=1e-6)
        self.slope = gradfast.Gradient(cubes, method=self.central)
        self.bounded = gradfast.ValueAndGradient(cubes, method="forward", bounds=(-9.0, np.full(6, 9.0)))
        self.matrix = gradfast.Jacobian(neighbors, method=Forward())
        self.pairs = gradfast.Hessian(cubes)
        self.line = gradfast.DirectionalDerivative(neighbors, method=self.adaptive)
        self.coloring = Coloring(banded(6, 1, 1))
        self.symmetric = Coloring(banded(6, 1, 1), symmetric=True)
        point = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, DOUBLES)
        self.compiled = point(lambda n, x: float(cubes([x[i] for i in range(n)])))


@yielding
def neighbors(x):
    """Values of which each depends on a coordinate and its neighbors."""
    y = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)])
    return y[..., 1:-1] ** 3 + y[..., :-2] * y[..., 2:]


@yielding
def chain(x):
    return sum(x[k] ** 2 * x[k + 1] for k in range(5))


def chain_gradient(x):
    return gradfast.gradient(chain, x.copy(), method="complex")


def many(x):
    return np.tile(x, (3, 1)) + np.arange(3.0)[:, np.newaxis]


FAMILIES = {
    "textbook": lambda x, s: gradfast.numerical_gradient(cubes, x),
    "textbook, of an x that f reads": lambda x, s: gradfast.numerical_gradient(lambda _: cubes(x), x),
    "textbook, rows": lambda x, s: gradfast.numerical_gradient(cubes, many(x)),
    "textbook, vectorised": lambda x, s: gradfast.numerical_gradient(cubes, x, vectorized=True),
    "textbook, vectorised rows": lambda x, s: gradfast.numerical_gradient(cubes, many(x), vectorized=True),
    "elementwise": lambda x, s: gradfast.derivative(sine, x, n=3, method=s.central),
    "prepared": lambda x, s: s.slope(x),
    "prepared, within bounds": lambda x, s: s.bounded(x)[1],
    "prepared Jacobian": lambda x, s: s.matrix(x),
    "prepared Hessian": lambda x, s: s.pairs(x),
    "prepared, along a line": lambda x, s: s.line(x, x[::-1]),
    "by name": lambda x, s: gradfast.gradient(cubes, x),
    "near bounds": lambda x, s: gradfast.gradient(cubes, x, bounds=(x.min(), None)),
    "one-sided": lambda x, s: gradfast.value_and_gradient(cubes, x, method=s.forward)[1],
    "within bounds": lambda x, s: gradfast.gradient(cubes, x, method=s.central, bounds=(x - 1e-5, x + 1)),
    "complex": lambda x, s: gradfast.gradient(cubes, x, method="complex"),
    "adaptive": lambda x, s: gradfast.gradient(cubes, x, method=s.adaptive),
    "adaptive, vectorised": lambda x, s: gradfast.jacobian(neighbors, x, method=s.adaptive, vectorized=True),
    "vectorised": lambda x, s: gradfast.gradient(cubes, x, method=s.central, vectorized=True),
    "batch": lambda x, s: gradfast.gradient(cubes, many(x), method=s.central, axis=1, vectorized=True),
    "in chunks": lambda x, s: gradfast.gradient(cubes, x, progress=lambda done, total: None),
    "along a line": lambda x, s: gradfast.directional_derivative(neighbors, x, x[::-1], method=s.central),
    "Jacobian": lambda x, s: gradfast.jacobian(neighbors, x, method=s.central),
    "Hessian": lambda x, s: gradfast.hessian(cubes, x, method=s.central),
    "adaptive Hessian": lambda x, s: gradfast.hessian(cubes, x[:3], method=s.adaptive),
    "compiled": lambda x, s: gradfast.gradient(s.compiled, x, method=s.central),
    "compiled, on threads of its own": lambda x, s: gradfast.hessian(s.compiled, x, workers=2),
    "noise": lambda x, s: gradfast.noise(cubes, x),
    "check": lambda x, s: gradfast.check_gradient(cubes, lambda y: gradfast.gradient(cubes, y), x).numeric,
}
SPARSE = {
    "sparse Jacobian": lambda x, s: gradfast.jacobian(neighbors, x, sparsity=s.coloring, verify=True).toarray(),
    "sparse, vectorised": lambda x, s: gradfast.jacobian(
        neighbors, x, method="complex", sparsity=s.coloring, vectorized=True
    ).toarray(),
    "sparse Hessian": lambda x, s: gradfast.hessian(chain, x, sparsity=s.symmetric).toarray(),
    "sparse Hessian of a gradient": lambda x, s: gradfast.hessian(
        chain, x, gradient=chain_gradient, sparsity=s.symmetric
    ).toarray(),
    "pattern": lambda x, s: gradfast.detect_sparsity(neighbors, x).toarray(),
}


@pytest.fixture
def impatience():
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("family", [*FAMILIES, *SPARSE])
def test_threads_with_their_own_arrays_get_their_own_derivatives_to_the_bit(family):
    if family in SPARSE:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    differentiate = {**FAMILIES, **SPARSE}[family]
    points = [np.random.default_rng(seed).normal(size=6) for seed in range(THREADS)]
    expected = [differentiate(x.copy(), Shared()) for x in points]
    shared, start = Shared(), threading.Barrier(THREADS)
    for cache in (stencils._stencil, callables.reader_of):
        cache.cache_clear()
    for method in NAMED.values():
        plans = method.plans or []
        plans[:] = [None] * len(plans)

    def work(i):
        x = points[i].copy()
        start.wait()
        results = [differentiate(x, shared) for _ in range(TURNS)]
        return np.array_equal(x, points[i]) and all(np.array_equal(result, expected[i]) for result in results)

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has a GIL")
def test_an_import_leaves_the_gil_off():
    code = "import gradfast, sys; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("False", "")
