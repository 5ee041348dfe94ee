"""The compiled modules and their directives; everything else stands in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Distutils import Extension, build_ext
from setuptools import setup

CHECKED = os.environ.get("GRADFAST_CHECKED") == "1"  # every index and attribute checked
TRACED = os.environ.get("GRADFAST_TRACED") == "1"  # every line seen by coverage

DIRECTIVES = dict.fromkeys(("boundscheck", "initializedcheck", "nonecheck"), CHECKED)
DIRECTIVES |= {"wraparound": False, "language_level": 3, "cdivision": True, "autotestdict": False, "linetrace": TRACED}
DIRECTIVES["freethreading_compatible"] = True  # by a reading of every module: see tests/test_threads.py
# No debug information in wheels; no fused multiply-add, so that every machine computes the same bits.
COMPILE_ARGS = [] if sys.platform == "win32" else ["-g0", "-ffp-contract=off"]

modules = [
    Extension(
        f"gradfast._kernels.{path.stem}",
        [path.as_posix()],  # relative to this file, in which directory setuptools runs it
        cython_directives=DIRECTIVES,
        define_macros=[("CYTHON_TRACE_NOGIL", "1")] if TRACED else [],
        extra_compile_args=COMPILE_ARGS,
        extra_link_args=["-Wl,--strip-all"] if sys.platform == "linux" else [],
    )
    for path in sorted(Path("gradfast/_kernels").glob("*.pyx"))
]
setup(cmdclass={"build_ext": build_ext}, ext_modules=modules)
