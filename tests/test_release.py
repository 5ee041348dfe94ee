"""A release: one version in every file, and a build from source that says what it lacks."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gradfast

ROOT = Path(__file__).parents[1]


def test_the_version_is_one():
    files = [ROOT / name for name in ("pyproject.toml", "CHANGELOG.md", "CITATION.cff")]
    if not all(file.exists() for file in files):
        pytest.skip("the checkout's own files are not beside the tests")
    project, changes, citation = (file.read_text(encoding="utf-8") for file in files)
    version = tomllib.loads(project)["project"]["version"]
    release = re.search(r"^## (?!Unreleased)(.*)$", changes, re.MULTILINE)
    cited = dict(re.findall(r'^([\w-]+): "?([\w.-]+)"?$', citation, re.MULTILINE))
    assert release is not None
    assert release[1] == f"{version} ({cited['date-released']})"
    assert cited["version"] == version
    assert gradfast.__version__ == version


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gradfast' has no attribute '__versions__'"):
        gradfast.__versions__  # noqa: B018


# --- building from source ---------------------------------------------------------------------------------------------


@pytest.fixture
def build_with(tmp_path):
    """Return a function that builds a package of one empty module with a given C compiler."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("the checkout's own files are not beside the tests")
    if sys.platform == "win32":
        pytest.skip("Visual Studio's compiler is not chosen by CC")
    shutil.copy(ROOT / "setup.py", tmp_path)
    kernels = tmp_path / "gradfast" / "_kernels"
    kernels.mkdir(parents=True)
    for name in ("__init__.py", "_kernels/__init__.py", "_kernels/empty.pyx"):
        (tmp_path / "gradfast" / name).touch()

    def build(compiler):
        command = [sys.executable, "setup.py", "-q", "build"]
        environment = os.environ | {"CC": str(compiler)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return build


def test_a_missing_compiler_is_told_in_two_lines(build_with):
    run = build_with("/nowhere/cc")
    missing, remedy = run.stderr.splitlines()
    assert run.returncode == 1
    assert missing.endswith("needs a C compiler, but the program /nowhere/cc was not found.")
    assert remedy.startswith("Install gcc or clang")


def test_an_error_of_the_compiler_is_shown(build_with, tmp_path):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho 'Python.h: No such file or directory' >&2\nexit 1\n")
    compiler.chmod(0o755)
    run = build_with(compiler)
    assert run.returncode == 1
    assert "Python.h: No such file or directory" in run.stderr
    assert "needs a C compiler" not in run.stderr
    assert "Traceback" not in run.stderr


# --- what a release must have -----------------------------------------------------------------------------------------

PROJECT = """[project]
name = "gradfast"
version = "1.2.3"
authors = [{ name = "Ada" }, { name = "Emmy" }]
[project.urls]
Source = "https://host/gradfast"
Documentation = "https://docs"
Changelog = "https://host/changes"
Issues = "https://host/issues"
"""
CITATION = 'authors:\n  - name: Nobody\nversion: 1.2.3\ndate-released: "2027-01-31"\n'
README = "![times](bench/speed.svg) [docs](docs/index.md) [here](#why) [there](https://there)\n"
CODE = "```python\nfs[0](x)\n```\n"


@pytest.fixture
def release():
    """Return the script that the workflow runs before it builds a release."""
    path = ROOT / ".github" / "release.py"
    if not path.exists():
        pytest.skip("the checkout's own files are not beside the tests")
    found = importlib.util.module_from_spec(spec := importlib.util.spec_from_file_location("release", path))
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def checkout(tmp_path):
    """Return a checkout that can be released as v1.2.3."""
    files = {"pyproject.toml": PROJECT, "CITATION.cff": CITATION, "README.md": README + CODE}
    for name, text in (files | {"CHANGELOG.md": "# Changelog\n\n## 1.2.3 (2027-01-31)\n"}).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_whole_checkout_can_be_released(release, checkout):
    assert release.faults(checkout, "v1.2.3") == []


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("pyproject.toml", 'Source = "https://host/gradfast"\n', "", "[project.urls] Source must be an https address"),
        ("pyproject.toml", '"https://docs"', '""', "[project.urls] Documentation must be an https address; got ''"),
        ("pyproject.toml", '{ name = "Ada" }, { name = "Emmy" }', "", "[project] authors must name somebody"),
        ("pyproject.toml", '"Ada"', '" "', "[project] authors must name somebody"),
        ("pyproject.toml", 'authors = [{ name = "Ada" }, { name = "Emmy" }]\n', "", "authors must name somebody"),
        ("pyproject.toml", "1.2.3", "1.2.4", "the tag must be v1.2.4, for the version in pyproject.toml; got v1.2.3"),
        ("CHANGELOG.md", "1.2.3 (2027-01-31)", "Unreleased", "1.2.3 (2027-01-31); got Unreleased"),
        ("CITATION.cff", "version: 1.2.3", "version: 1.2.2", "CITATION.cff must have the version 1.2.3"),
    ],
)
def test_a_release_that_lacks_something_is_refused(release, checkout, name, old, new, fault):
    text = (checkout / name).read_text(encoding="utf-8")
    (checkout / name).write_text(text.replace(old, new), encoding="utf-8")
    assert fault in "\n".join(release.faults(checkout, "v1.2.3"))


def test_a_release_gets_authors_and_absolute_links(release, checkout):
    release.fill(checkout, "v1.2.3")
    citation, readme = (checkout.joinpath(name).read_text(encoding="utf-8") for name in ("CITATION.cff", "README.md"))
    assert citation.startswith("authors:\n  - name: Ada\n  - name: Emmy\nversion: 1.2.3\n")
    assert citation.endswith("\nrepository-code: https://host/gradfast\n")
    address = "https://host/gradfast/{}/v1.2.3/{}"
    filled = README.replace("bench/speed.svg", address.format("raw", "bench/speed.svg"))
    assert readme == filled.replace("docs/index.md", address.format("blob", "docs/index.md")) + CODE
