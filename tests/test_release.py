"""A release: its version stands in pyproject.toml, and whatever repeats it says the same."""

import importlib.metadata
import re
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
    release = re.search(r"^## (.*)$", changes, re.MULTILINE)
    cited = dict(re.findall(r'^([\w-]+): "?([\w.-]+)"?$', citation, re.MULTILINE))
    assert release is not None
    assert release[1] == f"{version} ({cited['date-released']})"
    assert cited["version"] == version


def test_the_package_knows_its_version():
    assert gradfast.__version__ == importlib.metadata.version("gradfast")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'gradfast' has no attribute '__versions__'"):
        gradfast.__versions__  # noqa: B018
