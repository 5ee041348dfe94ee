"""Figures that cannot be drawn say why, and leave nothing open."""

import re
import subprocess
import sys

import numpy as np
import pytest
from plots import MESH_PLOTS, PLOTS, X0, X1, X, parabola, saddle

from gradfast.plotting import (
    plot_function,
    plot_gradient_field,
    plot_surface,
    plot_tangent,
)

matplotlib = pytest.importorskip("matplotlib")
pyplot = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.usefixtures("no_figure_stays_open")


@pytest.fixture(params=MESH_PLOTS)
def plot_over_mesh(request):
    return MESH_PLOTS[request.param]


def test_ticks_may_be_lists_and_are_not_modified(plot_over_mesh):
    plot_over_mesh(saddle, [0, 1, 2], (0, 1))
    x0 = X0.copy()
    plot_over_mesh(saddle, x0, X1)
    np.testing.assert_array_equal(x0, X0)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_f_sees_float64(plot_over_mesh, dtype):
    seen = set()
    plot_over_mesh(lambda x: seen.add(x.dtype) or 0.0, np.arange(3, dtype=dtype), np.arange(3, dtype=dtype))
    assert seen == {np.dtype(np.float64)}


def test_surfaces_on_2d_axes_raise():
    message = "ax must be a 3-D Axes, of projection=\"3d\"; got one of projection='rectilinear'"
    with pytest.raises(ValueError, match=message):
        plot_surface(saddle, X0, X1, ax=pyplot.figure().add_subplot())


@pytest.mark.parametrize("name", ["function", "tangent", "gradient field"])
def test_flat_plots_on_3d_axes_raise(name):
    with pytest.raises(ValueError, match="ax must be a 2-D Axes; got one of projection='3d'"):
        PLOTS[name](ax=pyplot.figure().add_subplot(projection="3d"))


def test_meshgrids_as_ticks_raise(plot_over_mesh):
    x0, x1 = np.meshgrid(X0, X1)
    with pytest.raises(ValueError, match=r"x0 must have shape \(m,\), with m > 0; got \(5, 7\)"):
        plot_over_mesh(saddle, x0, x1)
    with pytest.raises(ValueError, match="x1 must hold each tick once; got -1 7 times"):
        plot_over_mesh(saddle, X0, x1.ravel())


def test_invalid_ticks_raise(plot_over_mesh):
    with pytest.raises(ValueError, match=r"x1 must have shape \(m,\), with m > 0; got \(0,\)"):
        plot_over_mesh(saddle, X0, [])
    with pytest.raises(ValueError, match="x1 must hold finite ticks; got nan"):
        plot_over_mesh(saddle, X0, [0.0, np.nan])
    with pytest.raises(TypeError, match="x0 must hold real numbers; got dtype complex128"):
        plot_over_mesh(saddle, X0 + 1j, X1)
    with pytest.raises(ValueError, match=r"x must have shape \(m,\), with m > 0; got \(\)"):
        plot_function(parabola, 3.0)


def test_tangents_at_several_numbers_raise():
    with pytest.raises(ValueError, match=r"at must be one number; got an array of shape \(2,\)"):
        plot_tangent(parabola, X, [5, 10])


def test_invalid_signs_raise():
    for sign in (0, None, np.ones(2), "1"):
        with pytest.raises(ValueError, match=f"^sign must be -1 or 1; got {re.escape(repr(sign))}$"):
            plot_gradient_field(saddle, X0, X1, sign=sign)


def test_invalid_values_of_f_raise():
    with pytest.raises(ValueError, match=r"f must return a scalar; it returned an array of shape \(3,\)"):
        plot_function(lambda x: np.ones(3), X)
    with pytest.raises(TypeError, match="f must return a real scalar; it returned None, a NoneType"):
        plot_tangent(lambda x: None, X, 5)
    with pytest.raises(TypeError, match=r"f must return a real scalar; it returned 1j, a complex"):
        plot_surface(lambda x: 1j, X0, X1)
    with pytest.raises(ValueError, match=r"f must return an array of shape \(35,\)"):
        plot_surface(saddle, X0, X1, vectorized=True)


@pytest.mark.parametrize("result", ["abc", "1", b"1", ["1"], [1, [2, 3]]], ids=repr)
def test_text_values_of_f_raise(result):
    advice = "; for arrays use jacobian" if isinstance(result, list) else ""
    message = f"^f must return a real scalar; it returned {re.escape(repr(result))}, a {type(result).__name__}{advice}$"
    for draw in (lambda f: plot_function(f, X), lambda f: plot_tangent(f, X, 5), lambda f: plot_surface(f, X0, X1)):
        with pytest.raises(TypeError, match=message):
            draw(lambda x: result)


def test_invalid_axes_raise(plot):
    for wrong in (pyplot.figure(), pyplot, [1], np.array(pyplot.subplots(2)[1]), 5, "ax"):
        with pytest.raises(TypeError, match=f"^ax must be an Axes of Matplotlib; got {re.escape(repr(wrong))}$"):
            plot(ax=wrong)


@pytest.mark.parametrize("wrong", ["abc", 1j, None])
def test_tangents_at_no_real_number_raise(wrong):
    with pytest.raises(TypeError, match=f"^at must be one real number; got {wrong!r}$"):
        plot_tangent(parabola, X, wrong)


def test_ragged_ticks_raise(plot_over_mesh):
    text = re.escape("must be an array of one shape; got [1, [2, 3]]")
    with pytest.raises(ValueError, match=f"^x0 {text}$"):
        plot_over_mesh(saddle, [1, [2, 3]], X1)
    with pytest.raises(ValueError, match=f"^x {text}$"):
        plot_function(parabola, [1, [2, 3]])
    with pytest.raises(ValueError, match=f"^at {text}$"):
        plot_tangent(parabola, X, [1, [2, 3]])


def test_functions_that_change_their_point_raise(plot_over_mesh):
    def f(x):
        x += 1.0
        return 0.0

    with pytest.raises(ValueError, match=r"f must leave x as it is; it changed x\[0, 0\]"):
        plot_over_mesh(f, X0, X1)


def test_failing_functions_leave_no_empty_figure(plot_over_mesh):
    with pytest.raises(ZeroDivisionError):
        plot_over_mesh(lambda x: 1 / 0, X0, X1)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("missing", ["matplotlib", "matplotlib.pyplot"])
def test_missing_matplotlib_names_the_extra(plot, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"^plotting needs Matplotlib: install gradfast\[plot\]$"):
        plot()


def test_import_of_plotting_leaves_matplotlib_out():
    look = "import sys, gradfast.plotting; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", look], check=True)


@pytest.mark.parametrize(
    ("f", "vectorized", "told"),
    [
        (lambda x: np.sum(x**2, axis=1), False, "f was called with one point, an array of shape (2,); vectorized=True"),
        (lambda x0, x1: x0 * x1, False, "f was called with one point, an array of shape (2,); vectorized=True"),
        (lambda x0, x1: x0 * x1, True, "f was called with many points, one a row"),
    ],
    ids=["of many points", "of two numbers", "of two numbers, vectorized"],
)
def test_an_f_of_other_arguments_is_told_what_it_gets(plot_over_mesh, f, vectorized, told):
    with pytest.raises((TypeError, IndexError)) as caught:
        plot_over_mesh(f, [0.0, 1.0], [0.0, 1.0], vectorized=vectorized)
    assert any(note.startswith(told) for note in caught.value.__notes__)
