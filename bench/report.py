"""The results as a page: the tables, and what they were measured on."""

import datetime
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "statsmodels", "numdifftools", "jacobi", "numba")

PAGE = """# Results

`python -m bench` wrote this page, and drew [speed.svg](speed.svg), [accuracy.svg](accuracy.svg) and
[scaling.svg](scaling.svg), on {date}: {machine}; {versions}.

## Speed

The contestants of a work take turns in one process, and each time is the best of many. "reference" is the plain
Python loop. "bare" is the time of the calls of f alone, made by `map`: a point of reference, which a faster loop can
beat. The column "judged is" compares the judged contestant with that of the line. "2 x as fast" means that it takes
half the time of the line; below 1 it is slower.

P1 to P9 and L1 to L6 are the project's targets. L1 to L6 are about the time that one call takes around the calls of f.
P10 is about sparse derivatives, P11 about workers, and A about adaptive steps. "peers" compares with packages of the
same accuracy order. P7, the number of evaluations, and P8, no memory per evaluation, are not times, and tests check
them.

```text
{speed}
```

## Accuracy

These are the relative errors over the functions of `bench/cases.py`, what each method claims its error to be, and the
evaluations. The error of a gradient is relative to its largest coordinate. It is inf if the method returned NaN or
raised an exception. A claim covers the error if it is at least as large. It is tight if it is at most 1000 times the
error, or if both are below 1e-13.

```text
{accuracy}
```

## Growth

```text
{growth}
```
"""


def write(file: Path, speed: Sequence[str], accuracy: Sequence[str], growth: Sequence[str]) -> None:
    """Write the page to file."""
    tables = {"speed": "\n".join(speed), "accuracy": "\n".join(accuracy), "growth": "\n".join(growth)}
    today = datetime.datetime.now(tz=datetime.UTC).date()
    file.write_text(PAGE.format(date=today, machine=_machine(), versions=", ".join(_versions()), **tables))


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = named[0] if named else processor
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}"


def _versions() -> list[str]:
    found = [f"Python {platform.python_version()} ({platform.python_compiler()})"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return found
