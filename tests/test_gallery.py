"""The programs of the gallery run, draw, and print what their texts promise."""

import importlib.util
import re
import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("scipy")

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
ERROR = r"\de-(1\d|0[6-9])"  # below 1e-5
PROMISED = {
    "bounded_fit": r"(.*2\.99 1\.49 0\.99 0\.2 .*\n){2}.*differ by \de-0[6-9]",
    "greeks": rf"(.*error: {ERROR}\n){{5}}errors above their bar: [0-8] of 81\nlargest .*: [0-4]\.\d\n",
    "kalman_filter": r"measured 0\.16, filtered 0\.04",
    "network_check": r"check passed: 0 wrong.*\n.*check failed: .*\nW1: 4\d of 48 wrong\nb1: . of 8 wrong\ncoord",
    "physical_units": r"typical: chi-square 199, lifetime 2\.98 ns\n(?s:.*)= \(2\.98 \+- 0\.0\d\) ns",
    "reaction_diffusion": r"400 x 400 entries, 1994 .*\nevaluations: 10\n",
    "sensitivities": r"\(121, 4\) evaluations: 8\n.*\n.*: \+1\.07 %\n.*: -0\.36 %\n.*: \+1\.54 %\n.*: -0\.01 %\n",
    "standard_errors": rf"slope = 1\.\d+ \+- 0\.\d+\nerror of the Hessian: {ERROR}\n",
    "step_error": rf"quick:\n.*4, relative error: \de-03\n.*adaptive,   relative error: {ERROR}; bar: {ERROR}\n",
    "textbook": r"0\.200000; (?s:.*)-> \[6\. 8\.\]\n",
}


@pytest.fixture
def draw():
    """Return the script that draws the pictures of the pages."""
    path = GALLERY.parent / "draw.py"
    if not path.exists():
        pytest.skip("docs is not beside the tests")
    found = importlib.util.module_from_spec(spec := importlib.util.spec_from_file_location("draw", path))
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("name", PROMISED)
def test_a_program_runs_and_keeps_its_promise(name, tmp_path, monkeypatch, capsys):
    if not GALLERY.exists():
        pytest.skip("docs is not beside the tests")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    with plt.rc_context({"backend": "agg"}):
        runpy.run_path(str(GALLERY / f"{name}.py"), run_name="__main__")
        drawn = [ax for number in plt.get_fignums() for ax in plt.figure(number).axes if ax.has_data()]
    plt.close("all")
    assert drawn
    assert re.search(PROMISED[name], capsys.readouterr().out)


def test_every_program_has_its_promise():
    if not GALLERY.exists():
        pytest.skip("docs is not beside the tests")
    assert {path.stem for path in GALLERY.glob("*.py")} == set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_the_picture_is_that_of_the_program(name, draw):
    drawn = (GALLERY / f"{name}.png").read_bytes()
    assert draw.digest(GALLERY / f"{name}.py").encode() in drawn, "python docs/draw.py draws it anew"


def test_the_page_for_code_hosts_has_every_program_and_picture(draw):
    page = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert page == draw.gallery_page(), "python docs/draw.py writes it anew"
    assert re.findall(r"!\[.+\]\((\w+)\.png\)", page) == sorted(PROMISED)
