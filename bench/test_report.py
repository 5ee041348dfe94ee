"""What the results say of themselves."""

from dataclasses import replace

import pytest

import bench.__main__
import gradfast
from bench import chart, report, table
from bench.contest import Contestant, Workload
from bench.goals import times_as_fast
from bench.workloads import WORKLOADS

WORKLOAD = Workload(
    target="P0",
    question="How fast?",
    work="a wait",
    contestants=(Contestant("ours", lambda: 0), Contestant("theirs", lambda: 0)),
    judged="ours",
    goals={"theirs": times_as_fast(2)},
    limit="The wait is f's.",
)


def test_a_missed_goal_is_said_with_its_reason():
    *_, last = table.lines([(WORKLOAD, {"ours": 1.0, "theirs": 1.5})])
    assert last == "- P0, a wait: 1.5, not >= 2 x as fast, next to theirs. The wait is f's."


def test_a_goal_that_is_met_is_not():
    assert "The wait" not in "".join(table.lines([(WORKLOAD, {"ours": 1.0, "theirs": 3.0})]))


def test_one_of_two_goals_may_be_enough():
    workload = replace(WORKLOAD, goals={"theirs": times_as_fast(2), "bare": times_as_fast(0.9)}, is_either=True)
    workload = replace(workload, contestants=(*WORKLOAD.contestants, Contestant("bare", lambda: 0)))
    *rows, bare = table.lines([(workload, {"ours": 1.0, "theirs": 1.5, "bare": 0.95})])
    assert rows[-1].endswith("short by 25.0%")
    assert bare.endswith("or >= 0.9 x as fast  met by 5.6%")
    *_, one, other = table.lines([(workload, {"ours": 1.0, "theirs": 1.5, "bare": 0.8})])
    assert one.startswith("- P0, a wait: 1.5, not >= 2 x as fast")
    assert other.startswith("- P0, a wait: 0.8, not >= 0.9 x as fast")


def test_the_page_names_the_machine_and_the_versions(tmp_path):
    names = ("speed", "accuracy", "unseen", "outside", "checks", "growth")
    report.write(tmp_path / "RESULTS.md", **{name: [name] for name in names})
    page = (tmp_path / "RESULTS.md").read_text()
    assert f"gradfast {gradfast.__version__} wrote" in page
    assert "Python 3" in page
    assert "numpy 2" in page
    places = [page.index(f"```text\n{name}\n") for name in names]
    assert places == sorted(places)


def test_the_chart_shows_workloads_that_there_are(tmp_path):
    assert chart.PANELS.keys() <= {workload.work for workload in WORKLOADS}
    chart.draw([(w, {c.name: 1e-3 for c in w.contestants}) for w in WORKLOADS], tmp_path / "speed.svg")
    drawn = (tmp_path / "speed.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {title} -->" in drawn for title in chart.PANELS.values())


def test_the_pages_are_not_written_without_a_package_that_they_quote(monkeypatch, capsys):
    absent = replace(WORKLOAD, contestants=(Contestant("theirs", None, package="absent"),))
    monkeypatch.setattr(bench.__main__, "WORKLOADS", (absent,))
    monkeypatch.setattr(bench.__main__, "measured", None)  # nothing may be
    monkeypatch.setattr("sys.argv", ["bench"])
    with pytest.raises(SystemExit):
        bench.__main__.main()
    assert "the pages quote absent, not installed" in capsys.readouterr().err
