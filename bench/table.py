"""The table: every time, as a ratio and next to its target."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.contest import Contestant, Workload

Times = Mapping[str, float]  # seconds by the contestant's name

HEADER = ("id", "work", "contestant", "time", "judged is", "target", "verdict")


def number_text(number: float) -> str:
    """Return a number with three figures, and no exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def seconds_text(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{number_text(seconds / size)} {unit}"
    return f"{number_text(seconds / 1e-6)} us"


def lines(measured: Iterable[tuple[Workload, Times]]) -> Iterator[str]:
    """Yield the table's lines; a dash where a package is not installed, and a line that says so."""
    measured = list(measured)
    rows = [_row(workload, c, times) for workload, times in measured for c in workload.contestants]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    yield _joined(HEADER, widths)
    yield _joined(["-" * width for width in widths], widths)
    for i, row in enumerate(rows):
        same = i > 0 and row[:2] == rows[i - 1][:2]
        yield _joined(("", "", *row[2:]) if same else row, widths)
    for workload, times in measured:
        for name, goal in workload.missed(times).items():
            found = f"{number_text(goal.figure(times[workload.judged], times[name]))}, not {goal}, next to {name}"
            yield f"- {workload.target}, {workload.work}: {found}. {workload.limit}".rstrip()
    for package in sorted({c.package for workload, _ in measured for c in workload.contestants if c.run is None}):
        yield f"- {package} is not installed"


def _row(workload: Workload, contestant: Contestant, times: Times) -> tuple[str, ...]:
    start = (workload.target, workload.work, contestant.name)
    if contestant.name not in times:
        return (*start, "-", "-", "", "")
    judged, seconds = times[workload.judged], times[contestant.name]
    if contestant.name == workload.judged:
        return (*start, seconds_text(seconds), "(judged)", "", "")
    if goal := workload.goals.get(contestant.name):
        found = f"{number_text(goal.figure(judged, seconds))} {goal.unit}"
        verdict = goal.verdict(judged, seconds)
        if contestant.name not in workload.missed(times):  # also where another goal is enough
            verdict = verdict.replace("MISSED", "short")
        return (*start, seconds_text(seconds), found, f"{'or ' * workload.is_either}{goal}", verdict)
    return (*start, seconds_text(seconds), f"{number_text(seconds / judged)} x as fast", "", "")


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
