"""The types: the stubs equal the compiled modules, and a strict check of the package passes."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gradfast

PARENT = Path(gradfast.__file__).parents[1]
STUBS = sorted((PARENT / "gradfast" / "_kernels").glob("*.pyi"))


def run(*arguments, cwd):
    """Run a module where a type checker finds the package once: in the checkout, or away from it if installed."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    folder = cwd if PARENT.name == "site-packages" else PARENT
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_stubs_equal_the_modules(tmp_path):
    allowed = tmp_path / "allowed"  # what Cython adds for other Cython modules, and what a thread runs
    allowed.write_text(".*__pyx_capi__\n.*native_evaluator.Work\n")
    check = run("mypy.stubtest", "gradfast._kernels", "--allowlist", str(allowed), cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.mark.parametrize("path", sorted(PARENT.glob("gradfast/_kernels/*.pyx")), ids=lambda path: path.stem)
def test_each_kernel_module_has_a_stub(path):
    assert path.with_suffix(".pyi").exists()


def tables_of_kernels():
    """Yield each table of a compiled module that holds functions, with its stub and name."""
    for stub in STUBS:
        for name, table in vars(importlib.import_module(f"gradfast._kernels.{stub.stem}")).items():
            if name.isupper() and isinstance(table, dict) and all(map(callable, table.values())):
                yield pytest.param(stub, name, table, id=f"{stub.stem}.{name}")


def signature_of(protocol):
    """Return a protocol's call as `inspect.signature` writes one, without self and types."""
    (call,) = (node for node in protocol.body if isinstance(node, ast.FunctionDef) and node.name == "__call__")
    arguments = call.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    return f"({ast.unparse(arguments).removeprefix('self, ')})"


@pytest.mark.parametrize(("stub", "name", "table"), list(tables_of_kernels()))
def test_stubs_know_what_the_kernels_of_a_table_are_called_with(stub, name, table):
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    (found,) = (node.annotation for node in nodes if isinstance(node, ast.AnnAssign) and node.target.id == name)
    protocols = {f"dict[str, {node.name}]": node for node in nodes if isinstance(node, ast.ClassDef)}
    wanted = signature_of(protocols[ast.unparse(found)])
    assert {str(inspect.signature(kernel)) for kernel in table.values()} == {wanted}


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="Any is what older NumPy's types say")
def test_the_package_passes_a_strict_type_check(tmp_path):
    check = run("mypy", "--strict", "-p", "gradfast", cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr
