"""Draw the pictures of the pages anew: ``python docs/draw.py``.

It runs the examples of each page that saves a picture, in the folder of the page.
"""

import doctest
import os
from pathlib import Path

os.environ["SOURCE_DATE_EPOCH"] = "0"  # which, with the salt, makes the same bytes of the same figure

import matplotlib as mpl

if __name__ == "__main__":
    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "gradfast"
    for page in sorted(Path(__file__).resolve().parent.rglob("*.md")):
        code = doctest.script_from_examples(page.read_text(encoding="utf-8"))
        if "savefig" in code:
            os.chdir(page.parent)
            exec(code, {"__name__": "__main__"})
