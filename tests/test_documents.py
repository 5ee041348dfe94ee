"""What is written for readers: its examples run, and it names what there is."""

import doctest
import importlib
import pkgutil
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from test_architecture import AT_TOP, FLOORS

import gradfast

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))


def text_of(name):
    """Return a file of the checkout; skip where there are only the tests, as in a part of an sdist."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the tests")
    return path.read_text(encoding="utf-8")


def examples_of(text):
    """Return a page without its fences and the sections that need a module that is not here; before the title: all."""
    text = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)
    page, *sections = re.split(r"^(?=#+ )", text, flags=re.MULTILINE)
    here = [part for part in (page, *sections) if all(map(find_spec, re.findall(r"needs: (\w+)", part)))]
    return "".join(here) if page in here else ""


class ErrorChecker(doctest.OutputChecker):
    """An error printed as 3e-14 may be ten times as large, or smaller by any factor: rounding differs by machine."""

    def check_output(self, want, got, optionflags):
        error = r"\b\d(?:\.\d)?e-\d\d\b"
        wanted, found = (re.findall(error, text) for text in (want, got))
        if len(wanted) == len(found) and all(float(b) <= 10 * float(a) for a, b in zip(wanted, found, strict=True)):
            want, got = (re.sub(error, "an error", text) for text in (want, got))
        return super().check_output(want, got, optionflags)


def assert_runs(test):
    results = doctest.DocTestRunner(ErrorChecker(), optionflags=doctest.ELLIPSIS).run(test)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    skipped = sum(doctest.SKIP in example.options for example in test.examples)
    attempted = results.attempted - getattr(results, "skipped", 0)  # since Python 3.13, the sum of both
    assert (results.failed, attempted) == (0, len(test.examples) - skipped)


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_the_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert_runs(
        doctest.DocTestParser().get_doctest(examples_of(text_of(name)), {"__name__": "__main__"}, name, name, 0)
    )


NEEDED = {"compiled": "numba", "plot": "matplotlib", "as_linear_operator": "scipy"}


@pytest.mark.parametrize("name", ["gradfast", *(m.name for m in pkgutil.walk_packages(gradfast.__path__, "gradfast."))])
def test_the_examples_of_each_docstring_run(name):
    if name == "gradfast.plotting":
        pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    if name != "gradfast.__main__":
        for test in doctest.DocTestFinder().find(importlib.import_module(name)):
            if find_spec(NEEDED.get(test.name.rpartition(".")[2], "gradfast")):
                assert_runs(test)
            lines = [line for example in test.examples for line in example.source.splitlines()]
            assert [line for line in lines if len(line) > 84] == []  # beside the prompt, as narrow as the pages


def calls_that_replace_others():
    """Yield each call in the right column of the tables of other packages' calls."""
    for name in ("README.md", "docs/coming-from.md"):
        path = ROOT / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for cell in re.findall(r"^\| .*? \| (.*) \|$", text, re.MULTILINE):
            for code in re.findall(r"`((?:df = )?[A-Za-z_]+\(f?[^`]*\)|method=[^`]*)`", cell):
                if not code.startswith("max("):  # a unit
                    yield (
                        code
                        if "(f" in code or "(g" in code
                        else f"gradient(f, x, method={code.removeprefix('method=')})"
                    )


@pytest.mark.parametrize("code", dict.fromkeys(calls_that_replace_others()))
def test_the_calls_that_replace_those_of_other_packages_run(code):
    pytest.importorskip("scipy", reason="SciPy is not installed")  # which makes a sparse result
    code = code.removeprefix("df = ")
    name = code.partition("(")[0].lower()
    x, unit = np.array([1.0, 2.0]), np.eye(2)
    exact = {"derivative": x, "gradient": x, "jacobian": np.diag(x), "hessian": unit}
    exact["directional_derivative"] = x @ x / np.linalg.norm(x)
    given = {name: getattr(gradfast, name) for name in gradfast.__all__}
    given |= {"x": x, "v": x, "r": 1e-5, "h": 1e-5, "a": (), "b": (0, 5), "norm": np.linalg.norm, "pattern": unit}
    given |= {"g": lambda x: x, "J": np.diag, "H": lambda x: unit, "f": lambda x: x @ x / 2}
    if name in ("derivative", "jacobian") or "J" in code:
        given["f"] = lambda x: x**2 / 2
    result = eval(code, given)
    if name.startswith("check_"):
        assert result
        return
    result = result(x) if callable(result) else result
    result = result[0] if isinstance(result, tuple) else result  # without its Info
    result = result.toarray() if hasattr(result, "toarray") else result
    np.testing.assert_allclose(result, np.ones(2) if "n=2" in code else exact[name], rtol=1e-6, atol=1e-6)


def test_every_public_name_is_in_the_api_reference_with_some_words():
    listed = set(re.findall(r"^   (?:~\w+\.)?(\w+) +\w.*$", text_of("docs/api.md"), re.MULTILINE))
    assert set(gradfast.__all__) - listed == {"plotting"}  # which has a page of its own, made from its __all__


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_links_and_pictures_are_files(name):
    text_of("bench/RESULTS.md")  # or skip: the pages link to files of a whole checkout
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", text_of(name))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "gradfast/README.md", *PAGES])
def test_code_is_narrow_enough_to_be_seen_whole(name):
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL)
    assert [line for block in blocks for line in block.splitlines() if len(line) > 88] == []


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_pictures_that_examples_save_are_shown(name):
    saved = re.findall(r"savefig\(\"([^\"]+)", text_of(name))
    assert [picture for picture in saved if f"]({picture})" not in text_of(name)] == []


def tree():
    """Return the package by floors, as its README draws it, which the page for developers includes."""
    return re.search(r"```text\n(gradfast/\n.*?)```", text_of("gradfast/README.md"), re.DOTALL)[1]


def test_the_tree_has_every_module_on_its_floor():
    floors = {"": []}
    names = floors[""]
    for line in tree().splitlines()[1:]:
        if found := re.match(r"    (\w+)/", line):
            floors[found[1]] = names = []
        elif found := re.match(r"    +(\w+)\.py  ", line):
            names.append(found[1])
    wanted = {floor: sorted(set(names) - set(AT_TOP)) for floor, names in list(FLOORS.items())[:0:-1]}
    assert sorted(floors.pop("")) == sorted({"__init__", *AT_TOP} - {"_kernels"})
    assert (list(floors), floors.pop("_kernels")) == ([*wanted, "_kernels"], [])
    assert {floor: sorted(names) for floor, names in floors.items()} == wanted


def test_the_readme_of_the_package_names_the_python_modules_that_are_compiled():
    told = re.search(r"compiled although they are `.py` files: (.*)\.\n", text_of("gradfast/README.md"))[1]
    compiled = re.search(r"^FRONT = .* for name in \((.*)\)\]", text_of("setup.py"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", told) == re.findall(r'"(\w+)"', compiled[1])


def test_the_tree_has_every_kernel():
    kernels = {path.stem for path in (Path(gradfast.__file__).parent / "_kernels").glob("*.pyx")}
    assert set(re.findall(r"^ {8}(\w+)\.pyx  ?", tree(), re.MULTILINE)) == kernels


def test_the_readme_of_the_package_names_what_compiled_operators_ask_for():
    sources = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "gradfast/_kernels").glob("operator_*.pyx"))]
    asked = {name for source in sources for name in re.findall(r"(?:self|made)\.(_[a-z]\w*)\(", source)}
    own = {name for source in sources for name in re.findall(r"def (_[a-z]\w*)\(", source)}
    told = set(re.findall(r"`(_[a-z]\w*)`", text_of("gradfast/README.md")))
    assert not asked or told == asked - own  # no sources beside an installed package


# --- measured figures -------------------------------------------------------------------------------------------------

MARKED = re.compile(r"measured: (\w+)(.*?)end of measured", re.DOTALL)


@pytest.fixture
def quotes():
    """Return the module that fills in what the pages quote; skip where the benchmarks are not beside the tests."""
    return pytest.importorskip("bench.quotes")


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_pages_quote_the_results(name, quotes):
    results = quotes.filled(text_of("bench/RESULTS.md"))
    assert text_of(name) == quotes.with_quotes(text_of(name), results), "python -m bench.quotes writes them anew"


def test_the_results_are_those_of_this_version():
    assert f"`python -m bench` of gradfast {gradfast.__version__} wrote" in text_of("bench/RESULTS.md")


def test_every_quote_has_its_place(quotes):
    places = [found for name in ("README.md", *PAGES) for found, _ in MARKED.findall(text_of(name))]
    assert sorted(places) == sorted(quotes.filled(text_of("bench/RESULTS.md")))


def test_new_results_change_the_quotes(quotes):
    results = text_of("bench/RESULTS.md")
    time = re.search(r"np\.sum\(x\*\*2\), n = 1000 +bare +(\S+ \S+)", results)
    results = results[: time.start(1)] + "4.321 s" + results[time.end(1) :]
    page = quotes.with_quotes(text_of("README.md"), quotes.filled(results))
    assert "calls of f alone take 4.321 s" in " ".join(page.split())


@pytest.mark.parametrize("name", ["README.md", *PAGES])
def test_no_time_is_typed_by_hand(name):
    assert re.findall(r".*\d [mnuµ]s\b.*", MARKED.sub("", text_of(name))) == []
