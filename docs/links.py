"""Links that the pages need not spell out, so that they also read where Sphinx does not build them.

Code that is a public name, as ``gradient`` or ``Gradient.points``, or that calls or imports one, links to the name's
page; names of NumPy, SciPy, Matplotlib and Python link to their documentation.
"""

import importlib
import inspect
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.pycode import Parser
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.logging import getLogger

import gradfast

# A name alone, or one that is called or imported.
NAME = re.compile(r"(?:\A|(?<=import )|(?<![\w.])(?=[\w.]+\())([A-Za-z_][\w.]*\w)(?=\(|\Z)")
ABROAD = re.compile(r"(numpy|scipy|matplotlib|concurrent|multiprocessing|asyncio)\.")
SHORT = {"np.": "numpy.", "plt.": "matplotlib.pyplot."}

# Names in these stand alone in the text. Other modules' names, such as ``stencils.central``, come with their module.
OPEN = ("gradfast", "gradfast.plotting", "gradfast.coloring", "gradfast._kernels.stencil")


class LinkNames(SphinxPostTransform):
    """Make links of literals, before Sphinx resolves all links."""

    default_priority = 5

    def run(self, **kwargs):
        objects = self.env.get_domain("py").objects
        for literal in list(self.document.findall(nodes.literal)):
            if target := self.target_of(literal, objects):
                link = addnodes.pending_xref(
                    "", refdomain="py", reftype="obj", reftarget=target, refdoc=self.env.docname, refwarn=False
                )
                literal.replace_self(link)
                literal["classes"] += ["xref", "py", "py-obj"]
                link += literal

    def target_of(self, literal, objects):
        """Return the full name that a literal is about, or None."""
        if stands_in(literal, nodes.title, nodes.reference, addnodes.pending_xref, addnodes.desc_signature):
            return None
        parameters = parameters_around(literal)
        for name in NAME.findall(literal.astext()):
            for short, full in SHORT.items():
                if name.startswith(short):
                    name = full + name.removeprefix(short)
            if ABROAD.match(name):
                return name
            for prefix in ("", *(f"{module}." for module in OPEN)):
                if prefix + name in objects and name not in parameters:
                    return prefix + name
        return None


def stands_in(node, *kinds):
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def parameters_around(node):
    """Return the names of the parameters of the function or class whose docstring a node is in."""
    while node := node.parent:
        if isinstance(node, addnodes.desc):
            return {name.astext() for part in node.findall(addnodes.desc_parameter) for name in part.children[:1]}
    return set()


def check_that_names_have_pages(app, env):
    """Warn of public names that no page documents, so that nothing can link to them."""
    known = env.get_domain("py").objects
    for name in gradfast.__all__:
        if f"gradfast.{name}" not in known:
            getLogger(__name__).warning("gradfast.%s has no page to link to", name)


def signature_of_init(app, kind, name, obj, options, signature, returns):
    """Let a class of methods, whose ``__new__`` only looks at misspelled keywords, show its parameters."""
    if signature and signature.startswith("(*_"):
        true = inspect.signature(obj)
        parameters = [parameter.replace(annotation=parameter.empty) for parameter in true.parameters.values()]
        return str(true.replace(parameters=parameters, return_annotation=true.empty)), returns
    return None


def source_of(app, name):
    """Return the text of a module and where its names are defined, also of one that Cython compiled from Python."""
    path = importlib.util.find_spec(name).origin
    source = re.sub(r"\.[^/\\]*\.(so|pyd)$", ".py", path)
    try:
        with open(source, encoding="utf-8") as file:
            code = file.read()
    except OSError:
        return None
    parser = Parser(code)
    parser.parse()
    return code, parser.definitions


def offer_files_beside_the_docs(app, page, source):
    """Let a link to a Markdown file that is no page, such as the results of the bench, offer the file itself."""
    source[0] = re.sub(r"\]\(((\.\./)+bench/\w+\.md)\)", r"](path:\1)", source[0])


def link_pages_of_the_gallery(app, page, source):
    """Let a link to the programs of the gallery, which code hosts list, lead to the pages made of them."""
    source[0] = re.sub(r"\]\(((?:\.\./)*)gallery/\)", r"](\1examples/index.rst)", source[0])


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.add_post_transform(LinkNames)
    app.connect("source-read", offer_files_beside_the_docs)
    app.connect("source-read", link_pages_of_the_gallery)
    app.connect("autodoc-process-signature", signature_of_init)
    app.connect("viewcode-find-source", source_of)
    app.connect("env-check-consistency", check_that_names_have_pages)
    return {"parallel_read_safe": True}
