"""``python -m gradfast``: its numbers, its figures, its table, and what it does without Matplotlib."""

import re
import subprocess
import sys

import pytest

from gradfast import __main__ as tour

FIGURES = {"function.png", "tangent-lines.png", "surface.png", "negative-gradient.png"}


@pytest.fixture(autouse=True)
def one_short_round(monkeypatch):
    monkeypatch.setattr(tour, "ROUNDS", 1)
    monkeypatch.setattr(tour, "SECONDS_A_ROUND", 0.0)


def numbers_after(label, text):
    """The numbers that the tour prints for a label: `` (6, 8)`` or `` 0.2``."""
    (found,) = re.findall(rf"{re.escape(label)} +\(?([^()\n]+?)\)?  ", text)
    return [float(number) for number in found.split(",")]


def test_numbers_of_the_textbook_are_printed(capsys):
    assert tour.main(["--no-plots"]) == 0
    printed = capsys.readouterr().out
    assert numbers_after("slope at 5", printed) == pytest.approx([0.2], abs=1e-9)
    assert numbers_after("slope at 10", printed) == pytest.approx([0.3], abs=1e-9)
    assert numbers_after("gradient at (3, 4)", printed) == pytest.approx([6, 8], abs=1e-9)
    assert numbers_after("gradient at (0, 2)", printed) == pytest.approx([0, 4], abs=1e-9)
    assert numbers_after("gradient at (3, 0)", printed) == pytest.approx([6, 0], abs=1e-9)
    errors = [float(error) for error in re.findall(r"error (\S+)", printed)]
    assert len(errors) == 5
    assert max(errors) < 1e-9


def test_four_figures_are_written(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    directory = tmp_path / "new" / "figures"
    assert tour.main(["--out", str(directory)]) == 0
    written = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert written.keys() == FIGURES
    assert all(content.startswith(b"\x89PNG") and len(content) > 5000 for content in written.values())
    printed = capsys.readouterr().out
    assert all(str(directory / name) in printed for name in FIGURES)


def test_figures_show_what_their_titles_say():
    pytest.importorskip("matplotlib")
    axes = {name: figure.axes[0] for name, figure in tour._figures() if len(figure.axes) == 1}
    assert axes.keys() == FIGURES
    labels = [line.get_label() for line in axes["tangent-lines.png"].lines]
    assert labels == ["f", "tangent at 5", "tangent at 10"]
    (arrows,) = axes["negative-gradient.png"].collections
    x0, x1 = arrows.get_offsets().T
    assert (arrows.U * x0 + arrows.V * x1 <= 0).all()  # downhill is toward the origin


def test_times_and_speed_ups_are_printed_for_each_size(capsys):
    tour.main(["--no-plots"])
    table = capsys.readouterr().out.partition("vectorized\n")[2]
    rows = re.findall(r"(n = \d+) +" + r"([\d.]+) +" * 3 + r"([\d.]+) x +([\d.]+) +([\d.]+) x\n", table)
    assert [row[0] for row in rows] == ["n = 2", "n = 100", "n = 1000", "n = 2"]
    for _, _, plain, ours, gain, vectorized, gain_vectorized in (map(float, [0, *row[1:]]) for row in rows):
        assert gain == pytest.approx(plain / ours, rel=0.05, abs=0.01)
        assert gain_vectorized == pytest.approx(plain / vectorized, rel=0.05, abs=0.06)


def test_wrong_gradients_are_not_timed(monkeypatch):
    monkeypatch.setattr(tour, "numerical_gradient", lambda f, x, **_: 2 * x + 1)
    with pytest.raises(AssertionError):
        tour._print_speed()


def test_no_plots_draws_no_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tour.main(["--no-plots"]) == 0
    assert not list(tmp_path.iterdir())
    assert "Figures" not in capsys.readouterr().out


def test_figures_go_to_gradfast_tour_by_default():
    assert str(tour._parser().parse_args([]).out) == "gradfast-tour"


def test_missing_matplotlib_skips_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.chdir(tmp_path)
    assert tour.main([]) == 0
    printed = capsys.readouterr().out
    assert "No figures: plotting needs Matplotlib: install gradfast[plot].\n" in printed
    assert "324 points" in printed
    assert not list(tmp_path.iterdir())


def test_unwritable_folders_exit_with_status_2(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    assert tour.main(["--out", str(tmp_path / "file")]) == 2
    message = capsys.readouterr().err  # with what the system says of it in parentheses
    assert message.startswith(f"--out must be a folder that can be written; got {tmp_path / 'file'} (")


def test_tour_needs_no_display_and_no_pyplot(tmp_path):
    pytest.importorskip("matplotlib")
    look = (
        "import sys; from gradfast import __main__ as tour; tour.ROUNDS, tour.SECONDS_A_ROUND = 1, 0.0; "
        "assert 'matplotlib' not in sys.modules; assert tour.main(['--out', sys.argv[1]]) == 0; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", look, str(tmp_path)], check=True)


def test_tour_runs_as_a_program():
    printed = subprocess.check_output([sys.executable, "-m", "gradfast", "--help"], text=True)
    assert "python -m gradfast" in printed
    assert "folder for the figures (gradfast-tour)" in printed
