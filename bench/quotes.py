"""The measured figures that README.md and the documentation quote, and where each comes from.

``python -m bench`` fills the texts below with the figures of RESULTS.md and writes them into the pages, each between
the marks ``measured: NAME`` and ``end of measured``. ``python -m bench.quotes`` does this alone, after a change of a
text. A test compares the pages with the results.
"""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("RESULTS.md")
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

# What the texts call a workload of the first table. Its fields are the times, by contestant.
WORKS = {
    "sum": "np.sum(x**2), n = 1000",
    "rows": "np.sum(X**2, axis=1), 324 x 2 rows",
    "two": "compiled sum of squares, n = 2, by numerical_gradient",
    "two_by_gradient": "compiled sum of squares, n = 2, by gradient",
    "points": "gradients of rosen(3) at 2000 points",
    "million": "compiled sum of squares, 1 000 000 x 2",
    "million_by_gradient": "the same on two threads, by gradient",
    "fit": "BFGS on rosen, n = 10",
    "python_fit": "BFGS on rosen in plain Python, n = 10",
    "sparse": "tridiagonal, n = 100000, 3 colors",
    "slow": "f of 5 ms, n = 200",
    "few": "gradient of rosen, n = 10",
    "hundred": "gradient of rosen, n = 100",
}

# The name of a group in a table of errors, the number of its cases, and its lines.
GROUP = re.compile(r"^(\w[\w ,]*): (\d+) cases\n((?:  .*\n)+)", re.MULTILINE)

# By the name in the mark. ``smooth`` are the errors over the smooth functions, by method and column.
TEXTS = {
    "readme_figure": """
        In words: a BFGS fit of an `f` in plain Python takes {python_fit[gradfast forward]} with gradfast, and
        {python_fit[scipy default jac]} with SciPy's own differences. Gradients at 2000 points take
        {points[gradfast vectorized]} if f takes many points in one call; a plain Python loop takes
        {points[reference]}.""",
    "readme_table": """
        | | gradfast | next best |
        |---|---|---|
        | BFGS fit of an f in plain Python, n = 10 | {python_fit[gradfast forward]} \
        | {python_fit[scipy default jac]}, SciPy's own differences |
        | gradients at 2000 points, many in one call of f | {points[gradfast vectorized]} \
        | {points[reference]}, a Python loop |
        | gradients at a million points, f is compiled | {million[gradfast]} | {million[reference]}, a Python loop |
        | sparse Jacobian, tridiagonal, n = 100 000 | {sparse[gradfast]} | {sparse[scipy 3-point]}, SciPy |
        | adaptive error bar holds, over {unseen_cases} smooth functions that were kept back \
        | {unseen[gradfast adaptive][bar covers]}; median error {unseen[gradfast adaptive][median]} \
        after {unseen[gradfast adaptive][evaluations]} evaluations \
        | {unseen[numdifftools][bar covers]}; {unseen[numdifftools][median]} after \
        {unseen[numdifftools][evaluations]}, numdifftools |""",
    "readme_little": """
        **Where it gains little**: a slow f in NumPy. A gradient of `np.sum(x**2)` at n = 1000 takes {sum[gradfast]}, of
        which the calls of f alone take {sum[bare]}. The plain loop takes {sum[reference]}, and SciPy's 3-point
        differences {sum[scipy 3-point]}.""",
    "adaptive_accuracy": """
        Over {cases} smooth functions, the relative error of the adaptive method is
        {smooth[gradfast adaptive][median]} in the median and {smooth[gradfast adaptive][worst]} at worst. Its error
        estimate is at least the true error in {smooth[gradfast adaptive][claim covers]} of the cases. The method was
        tuned with these functions in sight.""",
    "unseen_accuracy": """
        Over {unseen_cases} more smooth functions, which were kept back while the method was made, the error is
        {unseen[gradfast adaptive][median]} in the median. The bar covers it in {unseen[gradfast adaptive][bar covers]}
        of the cases. Over {rough_cases} rough ones, which are rounded, noisy or in single precision, or have kinks or
        ripples, the bar covers the error in {rough[gradfast adaptive][bar covers]}. These are the smooth ones, then the
        rough ones:""",
    "check_families": """
        Over {checks[smooth][0]} problems in double precision, the check called {checks[smooth][5]} of
        {checks[smooth][1]} right entries wrong, {checks[smooth][8]} wrong ones right, and left {checks[smooth][4]}
        open, with {checks[smooth][7]} evaluations a coordinate. Over {checks[single][0]} problems in single precision
        it called {checks[single][5]} of {checks[single][1]} right entries wrong, {checks[single][8]} wrong ones right,
        and left {checks[single][4]} open, with {checks[single][7]} evaluations. Over {checks[rough][0]} rough problems
        it called {checks[rough][5]} of {checks[rough][1]} right entries wrong, {checks[rough][8]} wrong ones right, and
        left {checks[rough][4]} open, nearly all of them in half precision.""",
    "fits": """
        Both fits take the same forward differences. The first takes {fit[scipy default jac]} and the second
        {fit[gradfast forward]}; SciPy's own work and the calls of `rosen` are {fit[bare]} of each. If `rosen` is
        written in plain Python, they take {python_fit[scipy default jac]} and {python_fit[gradfast forward]}.""",
    "million_rows": """
        A million rows take {million[gradfast]} on one thread by `numerical_gradient(squares, rows)`. The plain loop
        takes {million[reference]}, with the same `f` in Python.""",
    "compiled_cost": """
        At n = 2, a gradient of a compiled sum of squares takes {two[gradfast]} by `numerical_gradient` and
        {two_by_gradient[gradfast]} by `gradient`. At a million points of two coordinates, `numerical_gradient` takes
        {million[gradfast]}, and the calls of `f` alone take {million[bare]}. There `gradient` takes
        {million_by_gradient[1 thread]} on one thread and {million_by_gradient[2 threads]} on two. The plain loop
        takes {million[reference]}, with the same `f` in Python.""",
    "sparse_cost": """
        The six evaluations take {sparse[bare]}, and the whole call takes {sparse[gradfast]}. SciPy's
        `approx_derivative` with `sparsity=` takes {sparse[scipy 3-point]}.""",
    "workers_cost": """
        For an `f` that takes 5 ms, a gradient at n = 200 takes {slow[serial]} in one process, and {slow[2 processes]}
        with `workers=2` on two cores.""",
    "mygrad_speed": """
        Its gradient of `rosen` takes {hundred[mygrad]} at n = 100, where `gradient` takes {hundred[gradfast]}. At n =
        10 they take {few[mygrad]} and {few[gradfast]}.""",
}


def filled(results: str) -> dict[str, str]:
    """Return the texts, filled with the figures of the results: a page of :mod:`bench.report`."""
    tables = dict(re.findall(r"^## (.*?)\n.*?```text\n(.*?)```", results, re.MULTILINE | re.DOTALL))
    by_group = {
        name: (cases, rows) for name, cases, rows in GROUP.findall(tables["Accuracy"] + tables["Unseen functions"])
    }
    cases, smooth = by_group["smooth"]
    unseen_cases, unseen = by_group["smooth, kept back"]
    rough_cases, rough = by_group["rough, kept back"]
    by_work = _times(tables["Speed"])
    figures = {name: by_work[work] for name, work in WORKS.items()} | {
        "cases": cases,
        "smooth": _errors(smooth),
        "unseen_cases": unseen_cases,
        "unseen": _errors(unseen),
        "rough_cases": rough_cases,
        "rough": _errors(rough),
        "checks": _checks(tables["Checks"]),
    }
    texts = {name: _laid_out(text.format_map(figures)) for name, text in TEXTS.items()}
    return texts | {
        "adaptive_table": _markdown(smooth),
        "unseen_table": _markdown(unseen),
        "rough_table": _markdown(rough),
        "outside_table": _markdown(tables["The benchmark of numericalderivative"].partition("\n")[2]),
    }


def _checks(table: str) -> dict[str, list[str]]:
    """Return the cells of the lines that sum up all families of a kind."""
    return {kind: _cells(rest) for kind, rest in re.findall(r"^all (\w+) +(.*)", table, re.MULTILINE)}


def _laid_out(text: str) -> str:
    """Return a paragraph filled to the width of a page, or a table line by line."""
    lines = [" ".join(line.split()) for line in text.strip().splitlines()]
    return "\n".join(lines) if lines[0].startswith("|") else textwrap.fill(" ".join(lines), 120)


def _cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def _times(table: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    work = ""
    for line in re.findall(r"^[^-\n].*", table, re.MULTILINE)[1:]:  # no header, no ruler, no note below the table
        cells = _cells(line)
        if not line.startswith(" "):  # of a work's first line
            _, work, *cells = cells
        if cells[1] != "-":  # of a package that is not installed
            found.setdefault(work, {})[cells[0]] = cells[1]
    return found


def _errors(table: str) -> dict[str, dict[str, str]]:
    (_, *columns), *rows = map(_cells, table.splitlines())
    return {method: dict(zip(columns, cells, strict=True)) for method, *cells in rows}


def _markdown(table: str) -> str:
    head, *rows = ("| " + " | ".join(_cells(line)) + " |" for line in table.splitlines())
    head = head.replace(" > ", "\N{NO-BREAK SPACE}>\N{NO-BREAK SPACE}")  # which would take three lines
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows])


def with_quotes(page: str, quotes: Mapping[str, str]) -> str:
    """Return the page with each quote between the marks of its name."""
    marked = r"(measured: (\w+).*?\n\n).*?(\n\n[^\n]*end of measured)"
    return re.sub(marked, lambda found: found[1] + quotes[found[2]] + found[3], page, flags=re.DOTALL)


def write() -> None:
    """Write the figures of RESULTS.md into every page that quotes them."""
    quotes = filled(RESULTS.read_text(encoding="utf-8"))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(with_quotes(text, quotes), encoding="utf-8")


if __name__ == "__main__":
    write()
