"""Two threads may differentiate at two arrays: what outlives a call is listed here, and no call can tell.

``freethreading_compatible`` in setup.py says so to the interpreter, after a reading of every module:

- what a call perturbs, saves and collects is made by the call: kernels have no static buffers, and
  loops over compiled f copy x at each call;
- tables, constant arrays and the methods behind names are made at import, and only read;
- the caches lock themselves or are one dictionary, set with one call: threads that miss at the same
  time compute equal values, complete before they are stored, and nobody writes to them later;
- a Stencil, RelativeStep, NativeFunction or Coloring never changes, so threads may share it (a
  Coloring computes `entries` at the first use: twice, if two threads come at once);
- threads that share the loop of one compiled f write to parts of `out` of their own; what tells them to
  stop is an array (to acquire an array's memory in many threads at once is safe since NumPy 2.4.2);
- np.errstate is the thread's own, and random numbers come from a generator of the call's own.

Not ours to promise: an f, an x or a figure that threads share.
"""

import __future__

import ast
import ctypes
import functools
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import sysconfig
import threading
import time
import types
import typing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from objectives import cubes as cubes_at_once

import gradfast
from gradfast import Adaptive, Central, Coloring, Forward, _kernels, callables, stencils
from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.relative_step import RelativeStep
from gradfast._kernels.stencil import Stencil
from gradfast.calling import compiled
from gradfast.coloring import banded
from gradfast.methods import NAMES

PACKAGE = Path(gradfast.__file__).parent
DOUBLES = ctypes.POINTER(ctypes.c_double)

READ_ONLY = "filled at import, only read"
CACHE = "an lru_cache of values that nobody writes to"
PLANS = "methods; the plans of each are set with one call of its dictionary"

# What lives as long as its module and could be written to.
STATE = {
    "__main__.SURFACE_TICKS": READ_ONLY,
    "__main__.TICKS": READ_ONLY,
    "__main__.X": READ_ONLY,
    "_kernels.vectorized_loop.COLUMNS": READ_ONLY,
    "_kernels.vectorized_loop.ELEMENTS": READ_ONLY,
    "_kernels.vectorized_loop.MOVE": READ_ONLY,
    "_kernels.vectorized_loop.PUT_BACK": READ_ONLY,
    "_kernels.vectorized_loop.QUOTIENTS": READ_ONLY,
    "_kernels.colored_loop.COLORS": READ_ONLY,
    "_kernels.colored_loop.MOVE_BLOCK": READ_ONLY,
    "_kernels.colored_loop.SCATTER": READ_ONLY,
    "_kernels.ladder_rungs.ADD_RUNG": READ_ONLY,
    "_kernels.ladder_rungs.JUDGE": READ_ONLY,
    "_kernels.ladder_rungs.LOOK_FAR": READ_ONLY,
    "_kernels.ladder_rungs.STAY": READ_ONLY,
    "_kernels.native_function.SIGNATURES": READ_ONLY,
    "_kernels.native_function.WANTED": READ_ONLY,
    "_kernels.python_loop.COMPONENTS": READ_ONLY,
    "_kernels.python_loop.LINE": READ_ONLY,
    "_kernels.python_loop.PAIRS": READ_ONLY,
    "_kernels.python_loop.ROWS": READ_ONLY,
    "_kernels.relative_step.AT": READ_ONLY,
    "adaptive.SIDES": READ_ONLY,
    "ladder.ROUNDING_UNITS": READ_ONLY,
    "methods.NAMES": PLANS,
    "callables.READERS": READ_ONLY,
    "callables.SPELLINGS": READ_ONLY,
    "callables._read_numba": CACHE,
    "callables.reader_of": CACHE,
    "points.VALUE_DTYPE": READ_ONLY,
    "problem.NO_PLAN": READ_ONLY,
    "problem.SERIAL": READ_ONLY,
    "workers.FAMILIES": READ_ONLY,
    "stencils._stencil": CACHE,
    "steps.EPS": READ_ONLY,
}


# --- the state --------------------------------------------------------------------------------------------------------

FIXED = (int, float, str, bytes, type(None), np.dtype, np.generic, Stencil, RelativeStep, NativeFunction)


def is_fixed(value):
    """Return whether nobody can write to a value: code, unless a default of it can be, types and constants."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(is_fixed, value))
    if isinstance(value, (type, types.ModuleType, __future__._Feature, *FIXED)) or typing.get_origin(value):
        return True
    held = (*(getattr(value, "__defaults__", None) or ()), *(getattr(value, "__kwdefaults__", None) or {}).values())
    is_code = callable(value) or hasattr(value, "__get__")
    is_known = re.fullmatch(r"builtins|types|typing|functools|_cython_\w+", type(value).__module__)
    return bool(is_code and is_known) and not hasattr(value, "cache_clear") and all(map(is_fixed, held))


def attributes(module):
    """Yield what a module and its classes hold by any name but Python's own."""
    for name, value in vars(module).items():
        if not re.fullmatch("__.*__|__pyx.*", name):
            yield name, value
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield from ((f"{name}.{k}", v) for k, v in vars(value).items() if not re.fullmatch("__.*__|_abc_impl", k))


def modules():
    for found in pkgutil.walk_packages(gradfast.__path__, "gradfast."):
        yield importlib.import_module(found.name)


def state():
    """Return all that could be written to: for each object the names that it has."""
    names = {}
    for module in modules():
        for name, value in attributes(module):
            if not is_fixed(value):
                names.setdefault(id(value), []).append(f"{module.__name__.removeprefix('gradfast.')}.{name}")
    return list(names.values())


def test_no_module_has_state_but_what_is_listed_with_its_reason():
    found = state()
    assert [names for names in found if not STATE.keys() & set(names)] == []
    assert STATE.keys() - {name for names in found for name in names} == set()  # no reason outlives its object


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_function_rebinds_a_name_of_its_module(path):
    assert [node.names for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Global)] == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.p[yx][xd]")), ids=lambda path: path.name)
def test_no_kernel_has_static_memory(path):
    lines = [line.partition("#")[0].rstrip() for line in path.read_text().splitlines()]
    variables = [line for line in lines if re.match(r"cdef (?!class|enum|struct|union|extern)[^(]*(=|$)", line)]
    constants = [
        re.match(r"cdef [\w ]+(?:\[\d\])? ([A-Z_]+) = [^a-z]*(?:np\.finfo\(float\)\.tiny)?$", v) for v in variables
    ]
    assert [variable for variable, constant in zip(variables, constants, strict=True) if not constant] == []
    names = {constant[1] for constant in constants if constant}
    written = [m[1] for line in lines if (m := re.match(r"\s+.*?\b([A-Z_]+)(?:\[.*\])? [-+*/|&]?= ", line))]
    assert names.isdisjoint(written)
    assert not [line for line in lines if re.match(r"\s+global |\s*static ", line)]


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
    """What threads may share, its caches empty: methods, colorings, compiled f."""

    def __init__(self):
        self.central, self.forward, self.adaptive = Central(accuracy=4), Forward(rel_step=1e-6), Adaptive(rtol=1e-6)
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
    "by name": lambda x, s: gradfast.gradient(cubes, x),
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
def impatience(monkeypatch):
    """Let threads take turns as often as they can, and loops over compiled f take threads for the shortest work."""
    monkeypatch.setattr(compiled, "SECONDS_WORTH_A_THREAD", 0.0)
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
    for method in NAMES.values():
        vars(method).get("plans", {}).clear()

    def work(i):
        x = points[i].copy()
        start.wait()
        results = [differentiate(x, shared) for _ in range(TURNS)]
        return np.array_equal(x, points[i]) and all(np.array_equal(result, expected[i]) for result in results)

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


@pytest.mark.usefixtures("impatience")
def test_what_tells_threads_to_stop_does_not_count_them():
    stops = []
    compiled.Native(2).run(lambda first, last, stop=None: stops.append(stop), 100)
    assert isinstance(stops[-1], np.ndarray)  # the count of a bytearray goes wrong without the GIL, one time in ten
    assert stops[-1].tolist() == [0]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has a GIL")
def test_an_import_leaves_the_gil_off():
    code = "import gradfast, sys; print(sys._is_gil_enabled())"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("False", "")
