"""A release: one version in every file, and a build from source that says what it lacks."""

import importlib.metadata
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


def test_the_package_knows_its_version():
    assert gradfast.__version__ == importlib.metadata.version("gradfast")


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
