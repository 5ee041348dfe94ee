"""The compiled modules and their directives; everything else stands in pyproject.toml."""

import os
import sys

from Cython.Distutils import Extension, build_ext
from setuptools import setup

CHECKED = os.environ.get("GRADFAST_CHECKED") == "1"  # every index and attribute checked

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "wraparound": CHECKED,
    "initializedcheck": CHECKED,
    "nonecheck": CHECKED,
    "cdivision": True,
    "autotestdict": False,
    "freethreading_compatible": True,
}
# No debug information in wheels; no fused multiply-add, so that every machine computes the same bits.
COMPILE_ARGS = [] if sys.platform == "win32" else ["-g0", "-ffp-contract=off"]
LINK_ARGS = ["-Wl,--strip-all"] if sys.platform == "linux" else []

setup(
    cmdclass={"build_ext": build_ext},
    ext_modules=[
        Extension(
            f"gradfast._kernels.{name}",
            [f"gradfast/_kernels/{name}.pyx"],
            cython_directives=DIRECTIVES,
            extra_compile_args=COMPILE_ARGS,
            extra_link_args=LINK_ARGS,
        )
        for name in (
            "block_loop",
            "colored_loop",
            "coloring",
            "extrapolation",
            "ladder",
            "memory",
            "native_loop",
            "python_loop",
            "stencil",
            "steps",
        )
    ],
)
