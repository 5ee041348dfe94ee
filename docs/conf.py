"""The documentation: ``python -m sphinx -nW --keep-going docs build/docs``."""

import re

import gradfast

project = "gradfast"
author = copyright = "The gradfast developers"
version = release = gradfast.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
templates_path = ["templates"]
exclude_patterns = ["templates", "gallery"]  # whose programs become the pages of examples/
default_role = "autolink"  # a link where there is something to link to, else italics: as docstrings have it
# Gradient and gradient need pages whose names differ on file systems that do not tell capitals apart.
TWICE = [name for name in gradfast.__all__ if name[0].isupper() and name.lower() in gradfast.__all__]
autosummary_filename_map = {f"gradfast.{name}": f"gradfast.{name}-prepared" for name in TWICE}
autodoc_typehints = "none"  # each docstring says more than its annotations
numpydoc_show_class_members = False
nitpick_ignore_regex = [("py:.*", r"(matplotlib|mpl_toolkits)\..*")]  # documented elsewhere

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "copyfile_regex": "",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "gradfast"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_sidebars = {"index": [], "first-steps": [], "when-not": [], "coming-from": []}


def setup(app):
    app.connect("source-read", offer_files_beside_the_docs)
    app.connect("source-read", link_pages_of_the_gallery)


def offer_files_beside_the_docs(app, page, source):
    """Let a link to a Markdown file that is no page, such as the results of the bench, offer the file itself."""
    source[0] = re.sub(r"\]\(((\.\./)+bench/\w+\.md)\)", r"](path:\1)", source[0])


def link_pages_of_the_gallery(app, page, source):
    """Let a link to the programs of the gallery, which code hosts list, lead to the pages made of them."""
    source[0] = re.sub(r"\]\(((?:\.\./)*)gallery/\)", r"](\1examples/index.rst)", source[0])
