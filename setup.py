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

DIRECTIVES = dict.fromkeys(("boundscheck", "initializedcheck", "nonecheck"), CHECKED)
DIRECTIVES |= {"wraparound": False, "language_level": 3, "cdivision": True, "autotestdict": False, "linetrace": TRACED}
DIRECTIVES["annotation_typing"] = False  # annotations are for type checkers and readers
DIRECTIVES["freethreading_compatible"] = True  # by a reading of every module: see tests/test_threads.py
SHARED = "gradfast._kernels._shared"  # Cython's own code for memoryviews, once instead of in every module
NO_COMPILER = """error: building gradfast from source needs a C compiler, but the program {} was not found.
Install gcc or clang, set CC to a compiler, or use a wheel: pip install --only-binary gradfast gradfast"""

MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")] + [("CYTHON_TRACE_NOGIL", "1")] * TRACED
# No debug information in wheels; no fused multiply-add, so that every machine computes the same bits.
COMPILE = [] if sys.platform == "win32" else ["-g0", "-ffp-contract=off"]
LINK = ["-Wl,--strip-all"] if sys.platform == "linux" else []

sources = {f"gradfast._kernels.{path.stem}": [path.as_posix()] for path in Path("gradfast/_kernels").glob("*.pyx")}
# The functions of cheap operators: Python takes as long to bind their keywords as the operators to run.
FRONT = [Path(f"gradfast/{name}.py") for name in ("derivatives", "gradients", "jacobians", "textbook")]
sources |= {f"gradfast.{path.stem}": [path.as_posix()] for path in FRONT if path.exists()}
sources[SHARED] = []  # Cython writes it
# Modules without loops of their own, on which a compiler spends as long again to make them no faster.
COLD = {
    SHARED,
    *(f"gradfast._kernels.{name}" for name in ("interrupts", "native_function", "parameters_in_place", "stencil")),
}
COLD |= {f"gradfast.{path.stem}" for path in FRONT if path.stem != "textbook"}


def module(name):
    """Return a compiled module as setuptools knows it."""
    less = ["-O1"] if name in COLD and sys.platform != "win32" else []
    return Extension(
        name,
        sources[name],
        include_dirs=[np.get_include()],
        define_macros=MACROS,
        extra_compile_args=COMPILE + less,
        extra_link_args=LINK,
    )


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


class Build(build):
    """Compile before any file is copied, so that an error does not stand below a hundred lines about copies."""

    sub_commands = sorted(build.sub_commands, key=lambda command: command[0] != "build_ext")


if __name__ == "__main__":  # not in Cython's processes, which import this file where they cannot fork
    setup(cmdclass={"build": Build, "build_ext": BuildExt}, ext_modules=[module(name) for name in sorted(sources)])
