"""The compiled modules and their directives; everything else stands in pyproject.toml."""

import os
import sys
from pathlib import Path

from Cython.Distutils import Extension, build_ext
from setuptools import setup

CHECKED = os.environ.get("GRADFAST_CHECKED") == "1"  # every index and attribute checked

CHECKS = dict.fromkeys(("boundscheck", "wraparound", "initializedcheck", "nonecheck"), CHECKED)
# Free of the GIL by a reading of every module: see tests/test_threads.py.
RULES = {"language_level": 3, "cdivision": True, "autotestdict": False, "freethreading_compatible": True}
# No debug information in wheels; no fused multiply-add, so that every machine computes the same bits.
COMPILE_ARGS = [] if sys.platform == "win32" else ["-g0", "-ffp-contract=off"]
LINK_ARGS = ["-Wl,--strip-all"] if sys.platform == "linux" else []

modules = [
    Extension(
        f"gradfast._kernels.{path.stem}",
        [path.as_posix()],  # relative to this file, in which directory setuptools runs it
        cython_directives=CHECKS | RULES,
        extra_compile_args=COMPILE_ARGS,
        extra_link_args=LINK_ARGS,
    )
    for path in sorted(Path("gradfast/_kernels").glob("*.pyx"))
]
setup(cmdclass={"build_ext": build_ext}, ext_modules=modules)
