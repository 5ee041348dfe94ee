"""Links that the pages need not spell out, so that they also read where Sphinx does not build them.

Code that is a public name, as ``gradient`` or ``Gradient.points``, or that calls, imports or passes one, links to the
name's page; names of NumPy, SciPy, Matplotlib and Python link to their documentation. Classes that docstrings give as
types link to theirs.
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

# A name alone, or one that is called, imported or passed to what is called.
NAME = re.compile(r"(?:\A|(?<=import )|(?<=\w\()|(?<![\w.])(?=[\w.]+\())([A-Za-z_][\w.]*\w)(?=[(),]|\Z)")
CLASS = re.compile(rf"\b({'|'.join(name for name in gradfast.__all__ if name[0].isupper())}|coloring\.Pattern)\b")
ABROAD = re.compile(r"(numpy|scipy|matplotlib|concurrent|multiprocessing|asyncio)\.")
SHORT = {"np.": "numpy.", "plt.": "matplotlib.pyplot."}

# Names in these stand alone in the text. Other modules' names, such as ``stencils.central``, come with their module.
OPEN = (
    "gradfast",
    "gradfast.plotting",
    "gradfast.coloring",
    "gradfast.parameters",
    "gradfast._kernels.steps_and_bounds",
)


class LinkNames(SphinxPostTransform):
    """Make links of literals, before Sphinx resolves all links."""

    default_priority = 5

    def run(self, **kwargs):
        objects = self.env.get_domain("py").objects
        for literal in list(self.document.findall(nodes.literal)):
            if target := self.target_of(literal, objects):
                link = self.link_to(target)
                literal.replace_self(link)
                literal["classes"] += ["xref", "py", "py-obj"]
                link += literal
        for text in [text for place in self.document.findall(is_type) for text in place.findall(nodes.Text)]:
            if found := CLASS.search(text):
                link = self.link_to(f"gradfast.{found[0]}")
                link += nodes.inline(text=found[0])
                before, after = nodes.Text(text[: found.start()]), nodes.Text(text[found.end() :])
                text.parent.replace(text, [part for part in (before, link, after) if part.astext()])

    def link_to(self, target):
        return addnodes.pending_xref(
            "", refdomain="py", reftype="obj", reftarget=target, refdoc=self.env.docname, refwarn=False
        )

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


def is_type(node):
    """Return whether a node holds the type of a parameter, or that of what is returned."""
    if isinstance(node, nodes.term):
        return not list(node.findall(nodes.strong)) and stands_in(node, nodes.field)
    return isinstance(node, nodes.classifier)


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


def check_that_pages_have_titles(app, env):
    """Warn of a page without a title, to which a link would have no text."""
    for page, title in env.titles.items():
        if title.astext() == "<no title>":
            getLogger(__name__).warning("the page has no title", location=page)


def signature_to_show(app, kind, name, obj, options, signature, returns):
    """Show the parameters of a class of methods; show no keywords that are only taken to say that they do not exist."""
    if signature and signature.startswith("(*_"):
        true = inspect.signature(obj)
        parameters = [parameter.replace(annotation=parameter.empty) for parameter in true.parameters.values()]
        return str(true.replace(parameters=parameters, return_annotation=true.empty)), returns
    return signature and signature.replace(", **others", ""), returns


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
    """Let links to the gallery and to its programs, which code hosts show, lead to the pages made of them."""
    source[0] = re.sub(
        r"\]\(((?:\.\./)*)gallery/(?:(\w+)\.py)?\)",
        lambda found: f"]({found[1]}examples/{found[2] or 'index'}.rst)",
        source[0],
    )


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.add_post_transform(LinkNames)
    app.connect("source-read", offer_files_beside_the_docs)
    app.connect("source-read", link_pages_of_the_gallery)
    app.connect("autodoc-process-signature", signature_to_show)
    app.connect("viewcode-find-source", source_of)
    app.connect("env-check-consistency", check_that_names_have_pages)
    app.connect("env-check-consistency", check_that_pages_have_titles)
    return {"parallel_read_safe": True}
