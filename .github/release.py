"""Refuse a release that lacks something, and give README's links the addresses they need away from the repository.

``python .github/release.py v1.2.3`` runs in the workflow, in its own checkout. Authors and addresses stand in
pyproject.toml alone: ``[project] authors`` and ``[project.urls]``. From there they go into CITATION.cff and README.md.
"""

import re
import sys
import tomllib
from pathlib import Path

ADDRESSES = ("Source", "Documentation", "Changelog", "Issues")


def faults(root: Path, tag: str) -> list[str]:
    """Return what is wrong with releasing a checkout under a tag, a sentence for each fault."""
    project = _project(root)
    version, urls = project["version"], project.get("urls", {})
    changes, citation = _text(root / "CHANGELOG.md"), _text(root / "CITATION.cff")
    newest = re.search(r"^## (.*)$", changes, re.MULTILINE)
    day = re.search(r'^date-released: "(.*)"$', citation, re.MULTILINE)
    wanted = f"{version} ({day[1] if day else 'no date in CITATION.cff'})"
    found = []
    if tag != f"v{version}":
        found.append(f"the tag must be v{version}, for the version in pyproject.toml; got {tag}")
    authors = project.get("authors", [])
    if not authors or not all(author.get("name", "").strip() for author in authors):
        found.append("pyproject.toml: [project] authors must name somebody")
    for name in ADDRESSES:
        if not urls.get(name, "").startswith("https://"):
            found.append(f"pyproject.toml: [project.urls] {name} must be an https address; got {urls.get(name, '')!r}")
    if newest is None or newest[1] != wanted:
        found.append(f"CHANGELOG.md must begin with the entry {wanted}; got {newest and newest[1]}")
    if f"\nversion: {version}\n" not in citation:
        found.append(f"CITATION.cff must have the version {version}")
    return found


def fill(root: Path, tag: str) -> None:
    """Write authors and addresses into CITATION.cff, and absolute links into README.md."""
    project = _project(root)
    source = project["urls"]["Source"].rstrip("/")
    authors = "".join(f"  - name: {author['name']}\n" for author in project["authors"])
    citation = re.sub(r"^authors:\n(  .*\n)+", f"authors:\n{authors}", _text(root / "CITATION.cff"), flags=re.MULTILINE)
    (root / "CITATION.cff").write_text(f"{citation.rstrip()}\nrepository-code: {source}\n", encoding="utf-8")
    address = rf"\g<1>{source}/%s/{tag}/"
    parts = re.split(r"(^```.*?^```$)", _text(root / "README.md"), flags=re.MULTILINE | re.DOTALL)
    for i in range(0, len(parts), 2):  # between the blocks of code
        pictures = re.sub(r"(!\[[^]]*\]\()(?!\w+:)", address % "raw", parts[i])
        parts[i] = re.sub(r"(\]\()(?!\w+:|#)", address % "blob", pictures)
    (root / "README.md").write_text("".join(parts), encoding="utf-8")


def _project(root: Path) -> dict:
    return tomllib.loads(_text(root / "pyproject.toml"))["project"]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    root, tag = Path(__file__).parents[1], sys.argv[1]
    if found := faults(root, tag):
        sys.exit("\n".join(found))
    fill(root, tag)
