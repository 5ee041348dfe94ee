"""``python -m gradfast``: its table, its numbers, its figures, and what it does without Matplotlib."""

import re
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO

import pytest

from gradfast import __main__ as tour

FIGURES = {"function.png", "tangent-lines.png", "surface.png", "negative-gradient.png"}


@pytest.fixture(scope="module", autouse=True)
def one_short_round():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tour, "ROUNDS", 1)
        patch.setattr(tour, "SECONDS_A_ROUND", 0.0)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tour") / "new" / "figures"


@pytest.fixture(scope="module")
def printed(folder):
    """Return what one whole tour prints, which draws its figures into the folder, if Matplotlib is installed."""
    with redirect_stdout(StringIO()) as out:
        assert tour.main(["--out", str(folder)]) == 0
    return out.getvalue()


@pytest.fixture
def without_gains(monkeypatch):
    """Leave out the table, for what has to do with figures alone."""
    monkeypatch.setattr(tour, "_print_gains", lambda: None)


def numbers_after(label, text):
    """The numbers that the tour prints for a label: `` (6, 8)`` or `` 0.2``."""
    (found,) = re.findall(rf"{re.escape(label)} +\(?([^()\n]+?)\)?  ", text)
    return [float(number) for number in found.split(",")]


def test_numbers_of_the_textbook_are_printed(printed):
    assert numbers_after("slope at 5", printed) == pytest.approx([0.2], abs=1e-9)
    assert numbers_after("slope at 10", printed) == pytest.approx([0.3], abs=1e-9)
    assert numbers_after("gradient at (3, 4)", printed) == pytest.approx([6, 8], abs=1e-9)
    assert numbers_after("gradient at (0, 2)", printed) == pytest.approx([0, 4], abs=1e-9)
    assert numbers_after("gradient at (3, 0)", printed) == pytest.approx([6, 0], abs=1e-9)
    errors = [float(error) for error in re.findall(r"error (\S+)\n", printed.partition("f(x) =")[2])]
    assert len(errors) == 5
    assert max(errors) < 1e-9


def test_four_figures_are_written(printed, folder):
    pytest.importorskip("matplotlib")
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written.keys() == FIGURES
    assert all(content.startswith(b"\x89PNG") and len(content) > 5000 for content in written.values())
    assert all(str(folder / name) in printed for name in FIGURES)


def test_figures_show_what_their_titles_say():
    pytest.importorskip("matplotlib")
    axes = {name: figure.axes[0] for name, figure in tour._figures() if len(figure.axes) == 1}
    assert axes.keys() == FIGURES
    labels = [line.get_label() for line in axes["tangent-lines.png"].lines]
    assert labels == ["f", "tangent at 5", "tangent at 10"]
    (arrows,) = axes["negative-gradient.png"].collections
    x0, x1 = arrows.get_offsets().T
    assert (arrows.U * x0 + arrows.V * x1 <= 0).all()  # downhill is toward the origin


ROW = re.compile(r"^  (.+?)  +(a Python loop|SciPy's differences) +([\d.]+) +([\d.]+) +([\d.]+) x$", re.MULTILINE)
FITS = ["BFGS fit, n = 10"]
BATCH, COMPILED, SLOW = (
    "gradients at 324 points, vectorized=True",
    "gradients at 20,000 points, compiled f",
    "gradient of np.sum(x**2), n = 1000",
)


def test_the_tour_begins_with_the_gains_of_users(printed):
    pytest.importorskip("scipy")
    pytest.importorskip("numba")
    rows = ROW.findall(printed)
    assert [row[0] for row in rows] == [*FITS, BATCH, COMPILED, SLOW]
    assert printed.index(FITS[0]) < printed.index(SLOW) < printed.index("slope at 5")
    for _, _, theirs, ours, factor in rows:
        assert float(factor) == pytest.approx(float(theirs) / float(ours), rel=0.1, abs=0.06)


@pytest.mark.parametrize(
    ("missing", "works"), [("scipy", [BATCH, COMPILED, SLOW]), ("numba", [*FITS, BATCH, SLOW]), ("both", [BATCH, SLOW])]
)
def test_rows_that_need_a_missing_package_are_left_out(missing, works, monkeypatch, capsys):
    names = ["scipy", "numba"] if missing == "both" else [missing]
    monkeypatch.setattr(tour, "find_spec", lambda name: None if name in names else find_spec(name))
    monkeypatch.setattr(tour, "_milliseconds", lambda gain: [1.0, 1.0, 1.0])
    for name in {"scipy", "numba"} - set(names):
        pytest.importorskip(name)
    tour._print_gains()
    printed = capsys.readouterr().out
    assert [row[0] for row in ROW.findall(printed)] == works
    assert f"More lines with {' and '.join(names)} installed." in printed


def test_the_tour_says_why_a_slow_f_gains_little(printed):
    (alone,) = re.findall(r"The last line gains little, since f's own 2000 calls take ([\d.]+) ms", printed)
    assert float(alone) > 0


def test_the_error_bar_of_the_tour_covers_the_error(printed):
    (default,) = re.findall(r"by default +error (\S+)", printed)
    error, bar = re.findall(r'by method="adaptive" +error (\S+), and its own bar says at most (\S+)', printed)[0]
    assert float(error) <= float(bar) < float(default) < 1e-8


def test_wrong_gradients_are_not_timed(monkeypatch):
    monkeypatch.setattr(tour, "numerical_gradient", lambda f, x, **_: 2 * x + 1)
    with pytest.raises(AssertionError):
        tour._print_gains()


@pytest.mark.usefixtures("without_gains")
def test_no_plots_draws_no_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tour.main(["--no-plots"]) == 0
    assert not list(tmp_path.iterdir())
    assert "Figures" not in capsys.readouterr().out


def test_figures_go_to_gradfast_tour_by_default():
    assert str(tour._parser().parse_args([]).out) == "gradfast-tour"


@pytest.mark.usefixtures("without_gains")
def test_missing_matplotlib_skips_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    assert tour.main([]) == 0
    printed = capsys.readouterr().out
    assert "No figures: plotting needs Matplotlib: install gradfast[plot].\n" in printed
    assert "slope at 5" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("without_gains")
def test_unwritable_folders_exit_with_status_2(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    assert tour.main(["--out", str(tmp_path / "file")]) == 2
    message = capsys.readouterr().err  # with what the system says of it in parentheses
    assert message.startswith(f"--out must be a folder that can be written; got {tmp_path / 'file'} (")


def test_tour_needs_no_display_and_no_pyplot(tmp_path):
    pytest.importorskip("matplotlib")
    look = (
        "import sys; from gradfast import __main__ as tour; tour._print_gains = lambda: None; "
        "assert 'matplotlib' not in sys.modules; assert tour.main(['--out', sys.argv[1]]) == 0; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", look, str(tmp_path)], check=True)


def test_tour_runs_as_a_program():
    printed = subprocess.check_output([sys.executable, "-m", "gradfast", "--help"], text=True)
    assert "python -m gradfast" in printed
    assert "folder for the figures (gradfast-tour)" in printed
