"""Another package can cimport the loops of compiled f."""

import importlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import gradfast
from gradfast._kernels.combine import combined
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.stencils import central, forward

BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
directives = {{"language_level": 3, "freethreading_compatible": True}}
sources = [Extension("third_party", ["third_party.pyx"])]
modules = cythonize(sources, compiler_directives=directives, include_path=[{parent!r}])
setup(name="third_party", ext_modules=modules)
"""


@pytest.fixture(scope="module")
def third_party(tmp_path_factory):
    """A Cython module of somebody else's, built against gradfast.api where gradfast is installed."""
    pytest.importorskip("Cython", reason="Cython is not installed")
    folder = tmp_path_factory.mktemp("third_party")
    source = Path(__file__).parent / "native" / "third_party.pyx"
    (folder / "third_party.pyx").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    parent = str(Path(gradfast.__file__).parents[1])  # an editable install is on no path
    (folder / "setup.py").write_text(BUILD.format(parent=parent))
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    flags = os.environ | {"CFLAGS": os.environ.get("CFLAGS", "-O0")}  # the module is run once
    build = subprocess.run(command, cwd=folder, env=flags, capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stdout + build.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("third_party")


def test_another_package_can_cimport_the_loops(third_party):
    x, weights = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    assert third_party.gradient_of_weighted_squares(x, weights, 0.125) == [6.0, 20.0]
    assert third_party.jacobian_of_sum_and_product(x, 0.25) == [[1.0, 1.0], [2.0, 1.0]]
    assert third_party.mixed_second_derivative(x, np.array([0.5, 0.25])) == 1.0
    assert np.isnan(third_party.quotient(1.0, 0.0))
    assert third_party.wrong_signatures() == [
        "loop.f.signature must be of POINT kind; got void (int, double *, int, double *)",
        "loop.f.signature must be of POINT kind; got double (double)",
        "loop.f.signature must be of ARRAY kind; got double (Py_ssize_t, double *, void *)",
        "loop.f.signature must be of POINT kind; got void (int, double *, int, double *)",
    ]
    assert list(x) == [1.0, 2.0]


def test_a_loop_that_sees_its_stop_byte_does_no_more(third_party):
    """It looks after each coordinate."""
    assert third_party.stopped(0) == [(0, 3), (0, 3), (0, 3), (0, 6)]
    assert third_party.stopped(1) == [(1, 1), (1, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize("some", [None, [2, 0]], ids=repr)
@pytest.mark.parametrize("steps", [None, [0.5, -0.25, 2.0]], ids=["one step", "a step each"])
@pytest.mark.parametrize(
    "stencil",
    [
        central(1, 2),
        central(1, 4),
        forward(1, 1),
        central(2, 2),
        central(3, 2),
        Stencil((2, -2), (1, -1), 4),
        Stencil((1, -1), (1, 1), 2),
        Stencil((1, -1), (1, -1), 2, center=3),
    ],
    ids=repr,
)
def test_the_loops_give_the_bits_of_the_evaluators(third_party, stencil, steps, some):
    x, weights = np.array([0.1, 1.3, -2.7]), np.array([3.0, 5.0, 0.7])

    def f(x):
        total = 0.0  # Python's sum rounds better since 3.12
        for weight, value in zip(weights.tolist(), x.tolist(), strict=True):
            total += weight * value * value
        return total

    h = 0.375
    moves = Moves(Groups.each(3, some), np.full(3, h) if steps is None else np.array(steps), stencil)
    expected = np.full(3, np.nan)
    expected[slice(None) if some is None else some] = combined(OnePoint(f, x, single=True).values(moves), moves, f(x))
    found = third_party.gradient_by(
        stencil,
        x,
        weights,
        steps if steps is None else np.array(steps),
        h,
        some if some is None else np.array(some, np.intp),
        f(x),
    )
    assert np.array_equal(found, expected, equal_nan=True)
    assert x.tolist() == [0.1, 1.3, -2.7]


@pytest.mark.parametrize("which", range(4), ids=["textbook", "steps of their own", "arrays", "pairs"])
def test_the_loops_see_what_f_changes_at_each_call(third_party, which):
    for call, i in [(1, 0), (2, 0), (1, 1), (2, 1)] if which == 3 else [(1, 0), (2, 0)]:
        assert third_party.changed(which, call, i) == f"f must leave x as it is; it changed x[{i}]"


@pytest.mark.parametrize("which", range(3), ids=["textbook", "steps of their own", "arrays"])
def test_the_loops_keep_the_sign_of_a_zero(third_party, which):
    assert str(third_party.changed(which, 10, 0)) == "-0.0"  # -0.0 - 0.0
    assert str(third_party.changed(which, 11, 0)) == "0.0"


def test_a_ticker_ends_that_no_loop_ends(third_party):
    """Loops of others end no ticker."""
    third_party.gradient_of_weighted_squares(np.ones(10_000), np.ones(10_000), 0.125)
    tickers = [thread for thread in threading.enumerate() if thread.name == "gradfast's ticker"]
    assert tickers
    for thread in tickers:
        thread.join(30)
        assert not thread.is_alive()
