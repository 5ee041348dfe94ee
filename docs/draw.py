"""Draw the pictures of the pages anew: ``python docs/draw.py``.

It runs the examples of each page that saves a picture, in the folder of the page. Then it runs the programs of the
gallery, and writes their pictures and the page that shows them where Sphinx does not: gallery/README.md.
"""

import ast
import doctest
import hashlib
import os
import runpy
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted((HERE / "gallery").glob("*.py"))
DOTS_PER_INCH = 80
HEAD = """# Gallery

Complete small programs, each with the figure that it draws. The built documentation also shows what they print."""


def gallery_page() -> str:
    """Return the text of gallery/README.md: for each program, its own first words and its picture."""
    parts = [HEAD]
    for program in PROGRAMS:
        title, _, words = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))).split("\n", 2)
        words = words.strip().replace("``", "`")
        parts.append(f"## [{title}]({program.name})\n\n{words}\n\n![{title}]({program.stem}.png)")
    return "\n\n".join(parts) + "\n"


def digest(program: Path) -> str:
    """Return what a picture holds of the program that drew it, so that a test sees whether it is that of today."""
    return hashlib.sha256(program.read_text(encoding="utf-8").encode()).hexdigest()


def draw_pages() -> None:
    for page in sorted(HERE.rglob("*.md")):
        code = doctest.script_from_examples(page.read_text(encoding="utf-8"))
        if "savefig" in code:
            os.chdir(page.parent)
            exec(code, {"__name__": "__main__"})


def draw_gallery() -> None:
    for program in PROGRAMS:
        plt.close("all")
        runpy.run_path(str(program), run_name="__main__")
        plt.savefig(program.with_suffix(".png"), dpi=DOTS_PER_INCH, metadata={"Program": digest(program)})
    (HERE / "gallery" / "README.md").write_text(gallery_page(), encoding="utf-8")


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # which, with the salt, makes the same bytes of the same figure
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "gradfast"
    import matplotlib.pyplot as plt

    draw_pages()
    draw_gallery()
