"""The documentation: ``python -m sphinx -nW --keep-going docs build/docs``."""

import sys
from pathlib import Path
from urllib.request import Request, urlopen

import gradfast

sys.path.append(str(Path(__file__).parent))

project = "gradfast"
author = copyright = "The gradfast developers"
version = release = gradfast.__version__

extensions = [
    "links",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["templates"]
exclude_patterns = ["gallery", "static", "templates"]  # whose programs become the pages of examples/
default_role = "literal"  # which ``links`` makes a link of
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 2  # as code hosts name them
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# Gradient and gradient need pages whose names differ on file systems that do not tell capitals apart.
TWICE = [name for name in gradfast.__all__ if name[0].isupper() and name.lower() in gradfast.__all__]
autosummary_filename_map = {f"gradfast.{name}": f"gradfast.{name}-prepared" for name in TWICE}
autodoc_typehints = "none"  # each docstring says more than its annotations
numpydoc_show_class_members = False


def is_reached(url):
    try:
        with urlopen(Request(url + "objects.inv", method="HEAD"), timeout=5):
            return True
    except OSError:
        return False


# Links to these are made where there is a network.
ELSEWHERE = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "matplotlib": "https://matplotlib.org/stable/",
}
intersphinx_mapping = {name: (url, None) for name, url in ELSEWHERE.items() if is_reached(url)}
nitpick_ignore_regex = [("py:.*", r"(numpy|scipy|matplotlib|mpl_toolkits|concurrent|multiprocessing|asyncio)\..*")]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "copyfile_regex": "",
    "download_all_examples": False,
    "min_reported_time": 60,  # nobody compares these with other times
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "gradfast"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_sidebars = {page: [] for page in ("index", "first-steps", "when-not", "coming-from", "c-api", "developing")}
