"""How the compiled modules are built; everything else stands in pyproject.toml."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from Cython.Distutils import build_ext
from setuptools import Extension, setup
from setuptools.command.build import build

CHECKED = os.environ.get("GRADFAST_CHECKED") == "1"  # what Cython can check: indices of memoryviews, attributes of None
TRACED = os.environ.get("GRADFAST_TRACED") == "1"  # every line seen by coverage
NO_COMPILER = """error: building gradfast from source needs a C compiler, but the program {} was not found.
Install gcc or clang, set CC to a compiler, or use a wheel: pip install --only-binary gradfast gradfast"""

DIRECTIVES = dict.fromkeys(("boundscheck", "initializedcheck", "nonecheck"), CHECKED)
DIRECTIVES |= {"wraparound": False, "language_level": 3, "cdivision": True, "autotestdict": False, "linetrace": TRACED}
DIRECTIVES |= {"auto_pickle": False}  # what can be pickled says so itself: most holds pointers
DIRECTIVES |= {"annotation_typing": False}  # annotations are for type checkers and readers
DIRECTIVES |= {"freethreading_compatible": True}  # by a reading of every module: see tests/test_threads.py

SHARED = "gradfast._kernels._shared"  # Cython's own code for memoryviews, once instead of in every module; it writes it
# Beside the kernels, the functions of cheap operators: Python takes as long to bind their keywords as these to run.
FRONT = [f"gradfast/operators/{name}.py" for name in ("derivatives", "gradients", "jacobians", "textbook_gradient")]
SOURCES = [*sorted(Path("gradfast/_kernels").glob("*.pyx")), *filter(Path.exists, map(Path, FRONT))]

# A compiler spends most of its time on code that gets no faster by it. Loops that become vector instructions, what runs
# once for each call of f, and the rest: by callgrind this is within 1 % of -O3 everywhere.
FAST = "combine", "evaluator_of_copies", "moves", "native_loop", "operator_run", "textbook_loop"
OFTEN = "evaluator", "evaluator_in_place", "greedy_coloring", "memory", "native_evaluator", "returned_value"
ADAPTIVE = "adaptive_fit", "adaptive_next_look", "adaptive_search"
LEVELS = dict.fromkeys(FAST, "-O3") | dict.fromkeys(OFTEN + ADAPTIVE, "-O2")
HAS_GCC_FLAGS = sys.platform != "win32"


def module(name, sources):
    """Return a compiled module as setuptools knows it."""
    macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")] + [("CYTHON_TRACE_NOGIL", "1")] * TRACED
    # No debug information in wheels; no fused multiply-add, so that every machine computes the same bits.
    flags = ["-g0", "-ffp-contract=off"] * HAS_GCC_FLAGS
    if HAS_GCC_FLAGS and "CFLAGS" not in os.environ:  # who sets flags sets these, too
        flags.append(LEVELS.get(name.rpartition(".")[2], "-O1"))
    link = ["-Wl,--strip-all"] * (sys.platform == "linux")
    return Extension(name, sources, [np.get_include()], macros, extra_compile_args=flags, extra_link_args=link)


class BuildExt(build_ext):
    """Run Cython and the compiler on all cores. Cython runs here and not below, so that sdists hold no generated C."""

    def build_extensions(self):
        program = getattr(self.compiler, "compiler_so", [""])[0]
        if program and not shutil.which(program):
            raise SystemExit(NO_COMPILER.format(program))
        if not program and not self.compiler.initialized:
            self.compiler.initialize()  # Visual Studio's: where it is missing, this says what to install
        self.parallel = self.parallel or min(os.cpu_count() or 1, len(self.extensions))
        # Coverage looks for the C beside its source. Elsewhere a checked and a plain build keep their C apart.
        folder = None if TRACED else os.path.join(self.build_temp, "checked" if CHECKED else "plain")
        options = {"compiler_directives": DIRECTIVES, "shared_utility_qualified_name": SHARED, "build_dir": folder}
        options |= {"nthreads": self.parallel, "force": self.force, "quiet": not self.verbose}
        self.extensions = cythonize(self.extensions, **options)
        super().build_extensions()


if __name__ == "__main__":  # not in Cython's processes, which import this file where they cannot fork
    build.sub_commands.sort(key=lambda command: command[0] != "build_ext")  # an error is not to follow a list of copies
    modules = [module(".".join(path.with_suffix("").parts), [path.as_posix()]) for path in SOURCES]
    setup(cmdclass={"build_ext": BuildExt}, ext_modules=[*modules, module(SHARED, [])])
