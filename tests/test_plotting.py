"""Plots draw f, its gradient and errors of derivatives, and leave the rest of a figure alone."""

import math

import numpy as np
import pytest
from plots import PLOTS, X0, X1, X, parabola, saddle, saddles

from gradfast import Complex, Nodes, numerical_gradient
from gradfast.plotting import (
    plot_contour,
    plot_function,
    plot_gradient_field,
    plot_step_error,
    plot_surface,
    plot_tangent,
)

matplotlib = pytest.importorskip("matplotlib")
pyplot = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.usefixtures("no_figure_stays_open")
matplotlib.use("Agg")


@pytest.fixture
def drawn_surfaces(monkeypatch):
    """The (X, Y, Z) that reach Matplotlib's plot_surface; Matplotlib itself keeps polygons only."""
    from mpl_toolkits.mplot3d import Axes3D

    drawn, draw = [], Axes3D.plot_surface

    def recorded(self, x, y, z, **kwargs):
        drawn.append((x, y, z))
        return draw(self, x, y, z, **kwargs)

    monkeypatch.setattr(Axes3D, "plot_surface", recorded)
    return drawn


def new_axes(plot):
    return pyplot.figure().add_subplot(projection="3d" if plot is PLOTS["surface"] else None)


def test_plots_draw_on_the_given_axes(plot):
    ax = new_axes(plot)
    assert plot(ax=ax) is ax
    assert ax.has_data()
    assert pyplot.get_fignums() == [ax.figure.number]


def test_plots_make_a_pyplot_figure_without_axes(plot):
    ax = plot()
    assert pyplot.fignum_exists(ax.figure.number)
    assert ax.has_data()


def test_plots_do_not_show_themselves(plot, monkeypatch):
    def show(*_args, **_kwargs):
        raise AssertionError("show() was called")

    monkeypatch.setattr(pyplot, "show", show)
    monkeypatch.setattr(matplotlib.figure.Figure, "show", show)
    plot()


def test_plots_can_be_drawn(plot):
    plot(label="one").figure.canvas.draw()


def test_only_labels_draw_a_legend(plot):
    assert plot().get_legend() is None
    assert plot(label=None).get_legend() is None
    assert plot(label="_private").get_legend() is None
    (text,) = plot(label="one").get_legend().get_texts()
    assert text.get_text() == "one"


def test_axis_labels_are_set_but_not_replaced(plot):
    ax = new_axes(plot)
    ax.set_xlabel("mine")
    plot(ax=ax)
    assert ax.get_xlabel() == "mine"
    assert ax.get_ylabel() in ("f(x)", "x1")
    assert plot().get_xlabel() in ("x", "x0")


def test_surfaces_label_their_height():
    assert PLOTS["surface"]().get_zlabel() == "f(x)"


def test_keywords_reach_the_line():
    for plot in (PLOTS["function"], PLOTS["tangent"]):
        line = plot(color="red", linewidth=3.5).lines[0]
        assert (line.get_color(), line.get_linewidth()) == ("red", 3.5)


def test_keywords_reach_the_surface():
    (mapped,) = PLOTS["surface"](cmap="plasma", alpha=0.5).collections
    assert (mapped.get_cmap().name, mapped.get_alpha()) == ("plasma", 0.5)
    (plain,) = PLOTS["surface"](color="red").collections
    assert plain.get_array() is None


def test_keywords_reach_the_arrows():
    (quiver,) = PLOTS["gradient field"](facecolor="red", scale=8.0, scale_units="width").collections
    assert (quiver.scale, quiver.scale_units) == (8.0, "width")
    assert matplotlib.colors.same_color(quiver.get_facecolor()[0], "red")


def test_line_is_f():
    (line,) = PLOTS["function"]().lines
    np.testing.assert_array_equal(line.get_xdata(), X)
    np.testing.assert_array_equal(line.get_ydata(), parabola(X))


def test_f_may_take_one_number_only():
    assert plot_function(math.exp, [0, 1]).lines[0].get_ydata()[1] == math.e
    assert plot_function(lambda x: np.array([2 * x if x > 0 else 0]), [-1, 2]).lines[0].get_ydata()[1] == 4
    plot_tangent(math.exp, [0, 1], at=1)


def test_tangents_touch_f_at_the_marked_point():
    ax = plot_tangent(parabola, X, 5, color="purple")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 0.2 * (X - 5) + parabola(5), atol=1e-9)
    (point,) = ax.collections
    np.testing.assert_allclose(point.get_offsets(), [(5, parabola(5))])
    assert matplotlib.colors.same_color(point.get_facecolor()[0], ax.lines[0].get_color())


def test_tangents_use_the_given_step():
    (line,) = plot_tangent(lambda x: x**3, X, 0, h=0.5).lines
    np.testing.assert_array_equal(line.get_ydata(), 0.25 * X)
    (line,) = plot_tangent(lambda x: x**3, X, 0).lines
    np.testing.assert_allclose(line.get_ydata(), 1e-8 * X)


@pytest.mark.parametrize("vectorized", [False, True])
def test_surface_height_is_f(drawn_surfaces, vectorized):
    plot_surface(saddles if vectorized else saddle, X0, X1, vectorized=vectorized)
    ((x, y, z),) = drawn_surfaces
    np.testing.assert_array_equal(x, np.broadcast_to(X0, (5, 7)))
    np.testing.assert_array_equal(y, np.broadcast_to(X1[:, None], (5, 7)))
    np.testing.assert_array_equal(z, x**2 - 3 * x * y)


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("sign", [-1, 1])
def test_arrows_are_signed_gradients_at_mesh_points(sign, vectorized):
    (quiver,) = plot_gradient_field(
        saddles if vectorized else saddle, X0, X1, sign, h=1e-3, vectorized=vectorized
    ).collections
    points = quiver.get_offsets()
    assert {tuple(point) for point in points} == {(a, b) for a in X0 for b in X1}
    gradient = numerical_gradient(saddle, np.array(points), 1e-3)
    np.testing.assert_array_equal(quiver.U, sign * gradient[:, 0])
    np.testing.assert_array_equal(quiver.V, sign * gradient[:, 1])
    np.testing.assert_allclose(sign * quiver.U, 2 * points[:, 0] - 3 * points[:, 1], atol=1e-9)


def test_arrows_point_down_by_default():
    (quiver,) = plot_gradient_field(lambda x: x[0] + 2 * x[1], [0, 1], [0, 1]).collections
    np.testing.assert_allclose([quiver.U, quiver.V], [[-1] * 4, [-2] * 4])


@pytest.mark.parametrize("size", [7, 1e-3])
def test_longest_arrow_fills_a_cell_inside_the_axes(size):
    ax = plot_gradient_field(lambda x: size * x[0] ** 2, X0, X1, sign=1)
    (quiver,) = ax.collections
    assert np.hypot(quiver.U, quiver.V).max() / quiver.scale == pytest.approx(X0[1] - X0[0])
    tips = quiver.get_offsets()[:, 0] + quiver.U / quiver.scale
    left, right = ax.get_xlim()
    assert left < tips.min()
    assert tips.max() < right
    assert right - left < 2 * (X0[-1] - X0[0])
    assert ax.get_aspect() == "auto"  # whatever the units, the field fills its Axes


def test_arrows_fit_their_cells_whatever_the_units():
    x0, x1 = np.linspace(-1e-6, 1e-6, 5), np.linspace(-3e4, 3e4, 5)
    ax = plot_gradient_field(lambda x: 1e12 * x[0] ** 2 + 1e-8 * x[1] ** 2, x0, x1, h=1e-8)
    (quiver,) = ax.collections
    cells = np.hypot(quiver.U / (x0[1] - x0[0]), quiver.V / (x1[1] - x1[0])) / quiver.scale
    assert cells.max() == pytest.approx(1)
    assert np.ptp(ax.get_xlim()) < 2 * np.ptp(x0)
    assert np.ptp(ax.get_ylim()) < 2 * np.ptp(x1)


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def test_arrows_may_be_equally_long_and_colored_by_the_gradient():
    ticks = np.linspace(-2, 2, 9)
    ax = plot_gradient_field(rosenbrock, ticks, ticks, length="equal")
    (quiver,) = ax.collections
    points = quiver.get_offsets()
    gradient = numerical_gradient(rosenbrock, np.array(points))
    sizes = np.hypot(*gradient.T)
    some = sizes > 0
    np.testing.assert_allclose(np.hypot(quiver.U, quiver.V)[some], 0.5)
    np.testing.assert_allclose(quiver.U[some], -0.5 * (gradient[:, 0] / sizes)[some], atol=1e-12)
    np.testing.assert_array_equal(quiver.get_array(), sizes)
    assert [other.get_ylabel() for other in ax.figure.axes] == ["x1", "length of the gradient"]
    ax.figure.canvas.draw()


def test_equally_long_arrows_of_any_gradient_are_drawn():
    for f in (lambda x: 0.0, lambda x: x[0], lambda x: np.nan, lambda x: np.nan if x[0] < 0 else x[1] ** 2):
        plot_gradient_field(f, [-1, 1], [0, 1], length="equal").figure.canvas.draw()
    with pytest.raises(ValueError, match='length must be "gradient" or "equal"; got 3'):
        plot_gradient_field(saddle, X0, X1, length=3)


def test_contours_show_equal_parts_of_the_mesh_and_the_path():
    path = [[-1.5, 2.0], [0.0, 0.5], [1.0, 1.0]]
    ax = plot_contour(rosenbrock, np.linspace(-2, 2, 41), np.linspace(-1, 3, 41), path)
    (contours,) = ax.collections
    values = [rosenbrock([a, b]) for a in np.linspace(-2, 2, 41) for b in np.linspace(-1, 3, 41)]
    between = np.histogram(values, contours.levels)[0]
    assert between.min() > 0.8 * between.max()
    colors = np.asarray(contours.norm(contours.levels)) / 256
    assert np.diff(colors).min() > 0.8 * np.diff(colors).max()
    line, first, last = ax.lines
    assert line.get_xydata().tolist() == path
    assert first.get_xydata().tolist() == path[:1]
    assert last.get_xydata().tolist() == path[-1:]
    ax.figure.canvas.draw()


def test_contours_of_any_f_are_drawn():
    for f in (lambda x: 1.0, lambda x: np.nan, lambda x: np.inf if x[0] > 0 else x[1]):
        plot_contour(f, X0, X1).figure.canvas.draw()
    plot_contour(saddle, X0, X1, np.empty((0, 2)), levels=3, colors="k").figure.canvas.draw()
    plot_contour(saddle, X0, X1, vmin=0.0).figure.canvas.draw()
    plot_contour(saddle, X0, X1, norm="linear").figure.canvas.draw()


def test_contours_need_a_mesh_and_a_path_of_points():
    with pytest.raises(ValueError, match="x1 must have 2 ticks or more; got 1"):
        plot_contour(saddle, X0, [1.0])
    with pytest.raises(ValueError, match=r"path must hold points, numbers of shape \(k, 2\); got shape \(3,\)"):
        plot_contour(saddle, X0, X1, [1.0, 2.0, 3.0])


def test_the_error_of_each_method_against_the_step_is_a_v():
    ax = plot_step_error(np.exp, 1.0, math.e)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert [line.get_label() for line in lines] == ["forward, accuracy 1", "central, accuracy 2", "central, accuracy 4"]
    for line, least in zip(lines, (1e-7, 1e-9, 1e-11), strict=True):
        errors = line.get_ydata()
        assert errors.min() < least
        assert errors[0] > 1e-3  # rounding
        assert errors[-1] > 1e-3  # truncation
        assert (errors > 0).all()
    dots = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    assert dots == sorted(dots)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "step")
    ax.figure.canvas.draw()


def test_steps_and_methods_of_the_error_may_be_chosen():
    ax = plot_step_error(np.square, 3.0, 6.0, methods=[Nodes((-1, 1, 2))], steps=[0.1, 0.01])
    assert ax.lines[0].get_xdata().tolist() == [0.1, 0.01]
    assert ax.lines[0].get_ydata() == pytest.approx([0, 0], abs=1e-12)


def test_errors_need_numbers_and_methods_with_a_step():
    with pytest.raises(ValueError, match=r"methods must be difference methods, which have a step; got Complex"):
        plot_step_error(np.exp, 1.0, math.e, methods=[Complex()])
    with pytest.raises(ValueError, match="exact must be one finite number; got nan"):
        plot_step_error(np.exp, 1.0, math.nan)
    with pytest.raises(ValueError, match=r"x must be one finite number; got \[1.0\]"):
        plot_step_error(np.exp, [1.0], math.e)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e-5])
@pytest.mark.parametrize("columns", [1, 3])
def test_the_name_of_the_height_lies_inside_its_axes_beside_the_numbers(size, columns):
    figure = pyplot.figure(figsize=(4.5 * columns, 4), layout="constrained")
    ax = figure.add_subplot(1, columns, 1, projection="3d")
    plot_surface(lambda x: size * x[0] ** 2, X0, X1, ax=ax)
    figure.canvas.draw()
    label = ax.zaxis.label.get_window_extent()
    numbers = [tick.label1.get_window_extent() for tick in ax.zaxis.get_major_ticks()]
    assert label.x1 < figure.bbox.x1 / columns
    assert label.count_overlaps(numbers) == 0


def test_fields_of_zero_or_infinite_arrows_are_drawn():
    plot_gradient_field(lambda x: 0.0, [0, 1], [0]).figure.canvas.draw()
    plot_gradient_field(lambda x: x[0], [1], [1]).figure.canvas.draw()
    plot_gradient_field(lambda x: np.nan, [0, 1], [0]).figure.canvas.draw()
    plot_gradient_field(lambda x: np.nan if x[0] < 0 else x[1], [-1, 1], [0, 1]).figure.canvas.draw()
    plot_gradient_field(lambda x: np.inf if x[0] > 1 else -x[1], [-1, 1], [0, 1]).figure.canvas.draw()


# --- compiled code ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled_objectives():
    """Return compiled functions, one of a number and one of a point, by the kind of object that owns them."""
    numba = pytest.importorskip("numba", reason="numba is not installed")
    scipy = pytest.importorskip("scipy", reason="SciPy is not installed")
    double, pointer = numba.types.double, numba.types.CPointer(numba.types.double)

    @numba.cfunc(double(double))
    def square(x):
        return x * x

    @numba.cfunc(double(numba.types.intc, pointer))
    def bowl(n, x):
        return x[0] * x[0] + 2 * x[n - 1]

    return {
        "cfunc": (square, bowl),
        "LowLevelCallable": tuple(scipy.LowLevelCallable(f.ctypes) for f in (square, bowl)),
        "ctypes": (square.ctypes, bowl.ctypes),
    }


@pytest.mark.parametrize("owner", ["cfunc", "LowLevelCallable", "ctypes"])
def test_compiled_code_is_drawn_like_python_code(owner, compiled_objectives, drawn_surfaces):
    of_number, of_point = compiled_objectives[owner]
    assert plot_function(of_number, X).lines[0].get_ydata().tolist() == (X * X).tolist()
    assert plot_tangent(of_number, X, 5.0).lines[0].get_ydata() == pytest.approx(10 * X - 25, abs=1e-6)
    plot_surface(of_point, X0, X1)
    plot_surface(lambda x: x[0] * x[0] + 2 * x[1], X0, X1)
    assert np.array_equal(drawn_surfaces[0][2], drawn_surfaces[1][2])
    arrows = plot_gradient_field(of_point, X0, X1).collections[0]
    assert np.allclose(arrows.V, -2)
    for plot in (plot_surface, plot_gradient_field):
        with pytest.raises(ValueError, match="^vectorized must be False when f is compiled code; got True$"):
            plot(of_point, X0, X1, vectorized=True)


@pytest.mark.parametrize("wrong", [5, None, "sin"])
def test_uncallable_f_raises(wrong):
    for draw in (
        lambda f: plot_function(f, X),
        lambda f: plot_tangent(f, X, 5.0),
        lambda f: plot_surface(f, X0, X1),
        lambda f: plot_gradient_field(f, X0, X1),
    ):
        with pytest.raises(TypeError, match=f"^f must be callable, or .* got {wrong!r}(; f stands before x)?$"):
            draw(wrong)
