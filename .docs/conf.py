"""The documentation: ``python -m sphinx -nW --keep-going .docs build/docs``."""

import gradfast

project = "gradfast"
author = copyright = "The gradfast developers"
version = release = gradfast.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
]
templates_path = ["templates"]
exclude_patterns = ["templates"]
default_role = "autolink"  # a link where there is something to link to, else italics: as docstrings have it
# Gradient and gradient need pages whose names differ on file systems that do not tell capitals apart.
TWICE = [name for name in gradfast.__all__ if name[0].isupper() and name.lower() in gradfast.__all__]
autosummary_filename_map = {f"gradfast.{name}": f"gradfast.{name}-prepared" for name in TWICE}
autodoc_typehints = "none"  # each docstring says more than its annotations
numpydoc_show_class_members = False
nitpick_ignore_regex = [("py:.*", r"(matplotlib|mpl_toolkits)\..*")]  # documented elsewhere
plot_formats = ["svg"]
plot_html_show_formats = plot_html_show_source_link = False

html_theme = "pydata_sphinx_theme"
html_title = "gradfast"
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_sidebars = {"index": [], "first-steps": [], "when-not": [], "coming-from": []}
