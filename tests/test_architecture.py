"""The house rules that can be checked: imports go down, a plain import is light, every example runs."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradfast

FLOORS = [
    {"_kernels", "caller", "reference"},
    {"points", "progress", "stencils", "objectives"},
    {"coloring"},
    {"steps", "climbing"},
    {"blocks", "loops", "methods", "complex_step"},
    {"elements", "native"},
    {"batches"},
    {"remote"},
    {"parallel"},
    {"problem"},
    {"adaptive", "noise"},
    {"line", "sparse"},
    {"classic", "differentiate", "jacobians"},
    {"plotting"},
    {"checking"},
    {"__main__"},
]
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
PACKAGE = Path(gradfast.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def imports_of(path):
    """Yield the modules of gradfast that a source file imports, by their name inside the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "gradfast":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradfast."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gradfast."))


def test_every_module_has_a_floor():
    assert sorted(FLOOR) == sorted([*MODULES, "_kernels"])  # __init__ stands above all


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_strictly_down(module):
    for imported in imports_of(PACKAGE / f"{module}.py"):
        assert FLOOR[imported] < FLOOR[module], f"{module} imports {imported}"


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__main__"])
def test_only_the_tour_imports_the_reference(module):
    assert "reference" not in imports_of(PACKAGE / f"{module}.py")


def test_import_gradfast_imports_numpy_and_nothing_heavier():
    heavy = {"matplotlib", "scipy", "numba", "tqdm", "cffi", "pandas", "mypy"}
    code = f"import gradfast, sys; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_every_public_name_exists_and_is_documented():
    for name in gradfast.__all__:
        assert getattr(gradfast, name).__doc__, name
        assert name in gradfast.__doc__, name


SKELETON = ["method", "bounds", "args", "vectorized", "workers", "progress", "full_output"]
OPERATORS = ["derivative", "gradient", "value_and_gradient", "jacobian", "hessian", "directional_derivative"]


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_have_the_same_keywords_in_the_same_order(name):
    parameters = inspect.signature(getattr(gradfast, name)).parameters.values()
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    few_evaluations = {"workers", "progress"} if "derivative" in name else set()
    elementwise = {"vectorized"} if name == "derivative" else set()
    wanted = [word for word in SKELETON if word not in few_evaluations | elementwise]
    assert [word for word in keywords if word in SKELETON] == wanted
    assert keywords[keywords.index("bounds") :] == wanted[1:]  # an operator's own ones stand before


@pytest.mark.parametrize("name", ["gradfast", *(m.name for m in pkgutil.walk_packages(gradfast.__path__, "gradfast."))])
def test_the_examples_of_each_docstring_run(name):
    if name != "gradfast.__main__":
        assert doctest.testmod(importlib.import_module(name)).failed == 0
