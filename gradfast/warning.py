"""The line that called gradfast, at which its warnings point."""

import os
import sys
import warnings

PACKAGE = os.path.join(os.path.dirname(__file__), "")


def warn(message: str) -> None:
    """Issue a RuntimeWarning that points at the first line outside the package, however deep it is raised.

    So a filter for the caller's module applies, and the line is shown once. (Python 3.12 has
    ``skip_file_prefixes`` for it; this serves 3.11, too. Compiled functions have no frame.)
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RuntimeWarning, stacklevel=level)
