"""The types: the stubs equal the compiled modules, and a strict check of the package passes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradfast

PARENT = Path(gradfast.__file__).parents[1]


def run(*arguments, cwd):
    """Run a module where a type checker finds the package once: in the checkout, or away from it if installed."""
    folder = cwd if PARENT.name == "site-packages" else PARENT
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_stubs_equal_the_modules(tmp_path):
    check = run("mypy.stubtest", "gradfast._kernels", cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="Any is what older NumPy's types say")
def test_the_package_passes_a_strict_type_check(tmp_path):
    check = run("mypy", "--strict", "-p", "gradfast", cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr
