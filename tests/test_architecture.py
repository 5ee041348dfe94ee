"""The house rules that can be checked: imports go down, a plain import is light, every example runs."""

import ast
import inspect
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gradfast

# From the lowest to the highest. A module imports those of lower floors, and those before it on its own.
FLOORS = {
    "kernels": ("_kernels", "reference"),
    "values": (
        "arguments",
        "parameters",
        "info",
        "stencils",
        "callables",
        "sparse_patterns",
        "coloring",
    ),
    "steps": ("steps_and_bounds", "difference_methods", "methods"),
    "calls": (
        "processes",
        "evaluators",
        "workers",
        "operator_value",
        "operator_moves",
        "prepared_operator",
    ),
    "algorithms": ("adaptive_complex", "adaptive", "noise_estimate", "sparse_verification", "sparse"),
    "operators": (
        "textbook_functions",
        "textbook_gradient",
        "derivatives",
        "directional",
        "gradients",
        "jacobians",
        "hessians",
        "propagation",
    ),
    "reports": (
        "mesh_plots",
        "plotting",
        "check_report",
        "check_evidence",
        "check_verdicts",
        "check_claims",
        "checking",
        "__main__",
    ),
}
# These stand in the package itself, since users import them by name. Each other module is in the folder of its floor.
AT_TOP = ("_kernels", "reference", "parameters", "stencils", "coloring", "plotting", "__main__")
LINE = [name if name in AT_TOP else f"{floor}.{name}" for floor, names in FLOORS.items() for name in names]
PACKAGE = Path(gradfast.__file__).parent
PATHS = [path for path in PACKAGE.rglob("*.py") if path.stem != "__init__"]
MODULES = sorted(".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PATHS)


def imports_of(module):
    """Yield the modules of gradfast that a module imports, by their name inside the package."""
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "gradfast":
            yield from (alias.name for alias in node.names if alias.name not in FLOORS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradfast."):
            name = node.module.removeprefix("gradfast.")
            yield from [f"{name}.{alias.name}" for alias in node.names] if name in FLOORS else [name]
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            yield from (name.removeprefix("gradfast.") for name in names if name.startswith("gradfast."))


def test_every_module_has_a_floor():
    assert sorted(LINE) == sorted([*MODULES, "_kernels"])  # __init__ stands above all


@pytest.mark.parametrize("module", MODULES)
def test_imports_form_a_line(module):
    for imported in imports_of(module):
        name = "_kernels" if imported.startswith("_kernels") else imported
        assert LINE.index(name) < LINE.index(module), f"{module} imports {imported}"


# The compiled modules, from the lowest to the highest.
KERNELS = ["memory", "steps_and_bounds", "returned_value", "moves"]
KERNELS += ["native_function", "native_loop"]
KERNELS += [
    "evaluator",
    "evaluator_in_place",
    "evaluator_of_copies",
    "native_evaluator",
    "combine",
    "operator_run",
    "operator_kinds",
]
KERNELS += ["textbook_loop", "greedy_coloring"]
KERNELS += ["adaptive_fit", "adaptive_next_look", "adaptive_search"]
COMPILED = sorted(path for suffix in ("pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_imports_of_compiled_modules_form_a_line(path):
    source = path.read_text(encoding="utf-8")
    imported = re.findall(r"^from gradfast\.?(\S*) c?import", source, re.MULTILINE)
    assert all(name.startswith("_kernels.") for name in imported)
    above = KERNELS[KERNELS.index(path.stem) :] if path.stem in KERNELS else []
    assert {name.removeprefix("_kernels.") for name in imported}.isdisjoint(set(above) - {path.stem})


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_directives_stand_in_setup_py_alone(path):
    source = path.read_text(encoding="utf-8")
    assert "# cython:" not in source
    assert set(re.findall(r"@cython\.(\w+)", source)) <= {"final", "no_gc"}  # which are facts of one class
    if path.suffix == ".pxd":  # whose inline code would be compiled by the directives of who cimports it
        assert not re.search(r"^ .* [/%] ", re.sub('""".*?"""', "", source, flags=re.DOTALL), re.MULTILINE)


DECLARED = re.compile(r"^ *cp?def (?!class)(?:inline )?((?:[\w.]+[ *]+)*?)(\w+)\(([^()]*)\)([^:\n]*)", re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in COMPILED if path.suffix == ".pxd"], ids=lambda path: path.name)
def test_each_c_function_says_whether_it_raises(path):
    classes = {name for one in COMPILED for name in re.findall(r"cdef class (\w+)", one.read_text(encoding="utf-8"))}
    objects = classes | {"", "object", "tuple", "dict", "list", "str", "bytes"}
    found = DECLARED.findall(path.read_text(encoding="utf-8"))
    assert [name for kind, name, _, ending in found if kind.strip() not in objects and "except" not in ending] == []


def test_the_c_interface_says_what_the_loops_declare():
    def declarations(text):
        found = re.findall(r"((?:void|int) \w+\([^()]*\) (?:noexcept|except -1)(?: nogil)?)", text)
        return {re.sub(r",? ?\)", ")", re.sub(r"\s+", " ", one).replace("( ", "(")) for one in found}

    interface = (PACKAGE / "api.pxd").read_text(encoding="utf-8")
    told = declarations(interface)
    offered = re.search(r"native_loop cimport \(([^)]*)\)", interface)[1]
    assert {re.match(r"\w+ (\w+)", one)[1] for one in told} == set(re.findall(r"\b[a-z]\w+", offered))
    declared = (PACKAGE / "_kernels" / "native_loop.pxd").read_text(encoding="utf-8")
    assert told <= declarations(declared.replace("cdef ", ""))
    of_f = (PACKAGE / "_kernels" / "native_function.pxd").read_text(encoding="utf-8")
    signatures = dict(re.findall(r"^    ([A-Z_]+) +(?:# )?((?:double|void) \(.*\))$", of_f, re.MULTILINE))
    shown = dict(re.findall(r"^    ([A-Z_]+) +((?:double|void) \(.*\))$", interface, re.MULTILINE))
    assert len(signatures) == 10
    assert shown.items() <= signatures.items()
    for name, one in list(shown.items()):
        for kind, arguments in ((name, one), (re.sub("INT$", "SIZE", name), one.replace("int", "Py_ssize_t"))):
            shown |= {kind: arguments, f"{kind}_DATA": arguments.replace(")", ", void *)")}
    assert shown == signatures


def test_every_compiled_module_has_its_place():
    assert sorted(KERNELS) == sorted({path.stem for path in COMPILED} - {"api"})  # which only names what others have


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__main__"])
def test_only_the_tour_imports_the_reference(module):
    assert "reference" not in imports_of(module)


def test_import_gradfast_imports_numpy_and_nothing_heavier():
    heavy = {"matplotlib", "scipy", "numba", "tqdm", "cffi", "pandas", "mypy", "concurrent.futures", "multiprocessing"}
    heavy |= {"numpy.random", "numpy.ma"}  # which newer NumPy does not import by itself
    heavy |= {"gradfast.algorithms.sparse", "gradfast.coloring", "gradfast.reports.checking", "gradfast.plotting"}
    code = "import numpy, sys; before = set(sys.modules); import gradfast; "
    code += f"print(sorted({heavy} & (set(sys.modules) - before)))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_dir_shows_the_public_names_alone():
    assert dir(gradfast) == sorted([*gradfast.__all__, "__version__", "coloring", "parameters"])


def test_every_public_name_exists_and_is_documented():
    for name in gradfast.__all__:
        assert getattr(gradfast, name).__doc__, name
        assert name in gradfast.__doc__, name


SKELETON = ["method", "bounds", "args", "kwargs", "argnum", "has_aux"]
SKELETON += ["vectorized", "workers", "progress", "on_error", "full_output"]
OPERATORS = ["derivative", "gradient", "value_and_gradient", "jacobian", "hessian", "directional_derivative"]


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_have_the_same_keywords_in_the_same_order(name):
    parameters = inspect.signature(getattr(gradfast, name)).parameters.values()
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    few_evaluations = {"workers", "progress"} if "derivative" in name else set()
    elementwise = {"vectorized"} if name == "derivative" else set()
    wanted = [word for word in SKELETON if word not in few_evaluations | elementwise]
    assert [word for word in keywords if word in SKELETON] == wanted
    assert keywords[keywords.index("bounds") :] == wanted[1:]  # an operator's own ones stand before


@pytest.mark.parametrize("name", ["noise", "check_gradient", "check_jacobian", "detect_sparsity"])
def test_what_else_takes_f_names_its_options_alike(name):
    parameters = list(inspect.signature(getattr(gradfast, name)).parameters.values())
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert positional in (["f", "x"], ["f", "gradient", "x"], ["f", "jacobian", "x"])
    shared = [p.name for p in parameters if p.name in SKELETON]
    assert "args" in shared
    assert shared == [word for word in SKELETON if word in shared]


# --- sizes ------------------------------------------------------------------------------------------------------------

SOURCES = sorted(path for suffix in ("py", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))


def lengths_of_functions(path):
    """Yield the names of functions, and how many lines of code each has: no docstring, comment or empty line."""
    name, count, in_text = None, 0, False
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\s*(?:async )?(?:def|cdef|cpdef) (?!class|struct|enum|extern|union)[^=]*?(\w+)\(", line):
            yield name, count
            name, count, in_text = found[1], 0, False
        elif re.match(r"\S", line) and not line.startswith((")", "#")):
            yield name, count
            name, count = None, 0
        quotes = line.count('"""')
        is_code = not in_text and not quotes and re.match(r"\s*[^#\s]", line)
        in_text ^= quotes == 1
        count += bool(is_code)
    yield name, count


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_is_long_or_wide(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_function_fits_on_a_screen(path):
    assert [(name, count) for name, count in lengths_of_functions(path) if name and count > 45] == []


# --- docstrings -------------------------------------------------------------------------------------------------------

SECTIONS = ["Parameters", "Attributes", "Returns", "Raises", "Warns", "Notes", "References", "Examples"]
PLOTS = [f"plotting.{name}" for name in gradfast.plotting.__all__]
PUBLIC = [*(name for name in gradfast.__all__ if name != "plotting"), "coloring.banded", *PLOTS]
MADE_FOR_THE_CALLER = {"GradientCheck", "Info"}  # by operators, of what they did
OF_OUR_OWN = {*MADE_FOR_THE_CALLER, "compiled", *PLOTS}  # these have no source


LIKE_ANOTHER = r"As for :(?:func|class):`(\w+)`; (?:costs, )?errors and sources are the same\."


def docstring_of(name):
    """Return the docstring of a public name, and its sections by their headings."""
    text = inspect.getdoc(operator.attrgetter(name)(gradfast))
    _, *parts = re.split(r"^(\w+)\n-+$", text, flags=re.MULTILINE)
    return text, dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_have_their_sections_in_one_order(name):
    text, found = docstring_of(name)
    assert list(found) == [section for section in SECTIONS if section in found]
    assert max(map(len, text.splitlines())) <= 120
    assert "Parameters" in found or "Attributes" in found
    assert "Examples" in found
    if inspect.isfunction(operator.attrgetter(name)(gradfast)):
        assert {"Returns", "Raises", "Notes"} <= set(found)
    elif name not in MADE_FOR_THE_CALLER:
        assert "Raises" in found or re.search(LIKE_ANOTHER, found["Parameters"])


METHODS = sorted(
    f"{name}.{method}"
    for name in PUBLIC
    if inspect.isclass(operator.attrgetter(name)(gradfast))
    for method, made in inspect.getmembers(operator.attrgetter(name)(gradfast), callable)
    if not method.startswith("_") and (made.__module__ or "").startswith("gradfast")
)


@pytest.mark.parametrize("name", METHODS)
def test_docstrings_of_methods_have_examples(name):
    _, found = docstring_of(name)
    assert "Examples" in found or "Parameters" not in found


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in MADE_FOR_THE_CALLER])
def test_docstrings_list_parameters_in_the_order_of_the_signature(name):
    _, found = docstring_of(name)
    lines = re.findall(r"^(?=[^\s])(.*?)(?: : .*)?$", found["Parameters"], flags=re.MULTILINE)
    listed = [word.lstrip("*") for line in lines for word in line.split(", ")]
    wanted = list(inspect.signature(operator.attrgetter(name)(gradfast)).parameters)
    assert listed == [word for word in wanted if word in listed]


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in OF_OUR_OWN])
def test_docstrings_name_their_sources(name):
    text, found = docstring_of(name)
    while like := re.search(LIKE_ANOTHER, found["Parameters"]):
        text, found = docstring_of(like[1])
    assert "Raises" in found
    if like := re.fullmatch(r"As for :(?:func|class):`(\w+)`\.", found["References"].strip()):
        _, found = docstring_of(like[1])
        assert ".. [1] " in found["References"]
        return
    _, *parts = re.split(r"^\.\. \[(\d+)\] ", found["References"], flags=re.MULTILINE)
    assert parts[::2] == [str(i + 1) for i in range(len(parts) // 2)] != []
    for number, source in zip(parts[::2], parts[1::2], strict=True):
        assert f"[{number}]_" in text, source
        assert not re.match(r"\w\. ", source), source  # which Sphinx takes for an item of a list
        assert re.search(r'", [^"]*\(\d{4}\)', source.replace("\n", " ")), source  # a title, then the year


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_say_the_unit_of_their_result(name):
    _, found = docstring_of(name)
    assert "in units of f" in found["Returns"] or "as from :func:`gradient`" in found["Returns"]
