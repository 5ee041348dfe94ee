"""What type checkers say of callers: results are arrays, every public name can be used, misuses are errors."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gradfast

PARENT = Path(gradfast.__file__).parents[1]

# Each line as it stands in a caller's file, with the type that `reveal_type` shows, in words of both checkers.
REVEALED = {
    "gf.gradient(f, x)": ("ndarray",),
    "gf.gradient(f, [1.0, 2.0], method='forward')": ("ndarray",),
    "gf.gradient(f, 2.0)": ("float64", "64Bit]"),
    "gf.gradient(f, {'a': x, 'b': x})": ("dict[str, ",),
    "gf.gradient(f, x, full_output=True)[1]": ("Info",),
    "gf.gradient(f, x, full_output=True)[0]": ("ndarray",),
    "gf.value_and_gradient(f, x)[1]": ("ndarray",),
    "gf.jacobian(f, x)": ("ndarray",),
    "gf.jacobian(f, x, full_output=True)[1].error": ("Any",),
    "gf.hessian(f, x)": ("ndarray",),
    "gf.hessian(f, 2.0)": ("float64", "64Bit]"),
    "gf.derivative(math.sin, 1.0)": ("float64", "64Bit]"),
    "gf.derivative(np.sin, x)": ("ndarray",),
    "gf.directional_derivative(f, x, x, full_output=True)[1].evaluations": ("int",),
    "gf.Gradient(f).points(x)": ("ndarray",),
    "gf.numerical_gradient(f, x)": ("ndarray", "Any"),
    "bool(gf.check_gradient(f, x, x))": ("bool",),
}

BEGIN = """
import math
import numpy as np
import gradfast as gf
from gradfast.parameters import ravel

x = np.array([1.0, 2.0])

def f(x: np.ndarray) -> float:
    return float(np.sum(x**2))

def g(x: np.ndarray) -> np.ndarray:
    return x**2

def aux(x: np.ndarray) -> tuple[float, int]:
    return float(np.sum(x**2)), 1
"""

RIGHT = """
gf.numerical_diff(math.sin, 1.0), gf.numerical_gradient(f, x, axis=None), gf.tangent_line(math.sin, 1.0)
gf.derivative(np.sin, x, n=2, method=gf.Central(accuracy=4)), gf.Derivative(math.sin, bounds=(0, None))(1.0)
gf.gradient(f, x, method=gf.Forward(step=1e-6), bounds=[(0, 5), (None, 5)], on_error="nan")
gf.gradient(aux, x, has_aux=True)[1]
gf.Gradient(f, method=gf.Backward(), workers=map)(x), gf.ValueAndGradient(f, method="adaptive")(x)
gf.value_and_gradient(f, x, method=gf.Adaptive(rtol=1e-6), args=())
gf.jacobian(g, x, method=gf.Nodes((-1, 1, 2)), flat=True), gf.Jacobian(g, method="complex")(x)
gf.jacobian(g, x, sparsity=gf.Coloring(gf.detect_sparsity(g, x)))
gf.Jacobian(g).as_linear_operator(x) @ x
gf.hessian(f, x, diagonal=True), gf.hessian(None, x, gradient=g), gf.Hessian(f, axis=None)(x)
gf.directional_derivative(f, x, x, n=2, f0=5.0), gf.DirectionalDerivative(g, method=gf.Complex(check=False))(x, x)
with gf.Gradient(f, workers=1) as slope:
    slope.combine(x, [f(point) for point in slope.points(x)])
check: gf.GradientCheck = gf.check_gradient(f, g, x, bounds=(0, None))
gf.check_jacobian(g, np.diag(2 * x), x)
gf.propagate(f, x, 0.1), gf.noise(f, x), gf.compiled(f), gf.plotting, gf.__version__
info: gf.Info = gf.gradient(f, x, full_output=True)[1]
vector, unravel = ravel({"a": x})
"""

# Each line is an error to a checker.
MISUSES = """
gf.gradient(f, x, method="centrall")
gf.Gradient(f, method="3-point")
gf.jacobian(g, x, method=2)
gf.gradient(f, x, step=1e-5)
gf.gradient(f)
gf.hessian(f, x, full_output="yes", diagonal="no")
gf.Central(accuracy="four")
gf.gradient(f, x, on_error="ignore")
gf.gradient(f, x).upper()
gf.gradient(f, x, full_output=True).round(3)
gf.grad(f, x)
gf.derivative(math.sin, 1.0, n=1.5)
gf.directional_derivative(f, x)
gf.Adaptive(tol=1e-3)
"""

CHECKERS = {"mypy": [sys.executable, "-m", "mypy"], "pyright": [shutil.which("pyright") or "pyright"]}


@pytest.fixture(scope="module", params=CHECKERS)
def said(request, tmp_path_factory):
    """Return what a checker says of a line of a file, by name and number."""
    name = request.param
    command = CHECKERS[name]
    if name == "mypy":
        pytest.importorskip("mypy", reason="mypy is not installed")
    if name == "pyright" and not shutil.which(command[0]):
        pytest.skip("pyright is not installed")
    folder = tmp_path_factory.mktemp(name)
    reveals = "".join(f"reveal_type({expression})\n" for expression in REVEALED)
    for title, lines in (("right", RIGHT), ("revealed", reveals), ("misuses", MISUSES)):
        (folder / f"{title}.py").write_text(BEGIN + lines)
    if name == "mypy":
        command = [*command, "--cache-dir", str(PARENT / ".mypy_cache"), "--no-error-summary"]
    else:
        command = [*command, "--pythonpath", sys.executable]
    command += [str(folder / f"{title}.py") for title in ("right", "revealed", "misuses")]
    where = folder if PARENT.name == "site-packages" else PARENT
    found = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    told = {}
    for line in found.stdout.splitlines():
        place, _, text = line.partition(".py:")
        number, _, message = text.partition(":")
        if number.isdigit():
            told.setdefault((Path(place.strip()).name, int(number)), []).append(message)
    assert told, found.stdout + found.stderr
    return told


def lines_of(text):
    first = BEGIN.count("\n") + 1
    return {line: first + i for i, line in enumerate(text.split("\n")) if line}


def test_a_file_that_uses_every_public_name_has_no_errors(said):
    assert [message for place in said if place[0] == "right" for message in said[place] if "error" in message] == []
    assert [name for name in gradfast.__all__ if f"gf.{name}" not in RIGHT + str(REVEALED)] == []


def test_results_are_arrays_and_numbers(said):
    first = BEGIN.count("\n") + 1
    for i, (expression, words) in enumerate(REVEALED.items()):
        (message,) = said["revealed", first + i]
        assert any(word in message for word in words), (expression, message)


@pytest.mark.parametrize("misuse", lines_of(MISUSES))
def test_misuses_are_errors(said, misuse):
    assert any("error" in message for message in said["misuses", lines_of(MISUSES)[misuse]]), misuse
