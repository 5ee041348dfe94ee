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

All times of a row are of one process, taken in turns, the best of many. P1 to P9 are the project's
targets, P10 is of sparse derivatives, P11 of workers, A of adaptive steps; "peers" compares with packages of the
same accuracy order. "bare" are the calls of f alone, "reference" is the plain Python loop. The judged contestant is so
many times as fast as that of a line: below 1 it is slower than what the line has.
P7, the number of evaluations, and P8, no memory per evaluation, are no times: tests count them.

```text
{speed}
```

## Accuracy

Relative errors, what is claimed of them, and what they cost, over the functions of `bench/cases.py`; a gradient's
error is relative to its largest coordinate; inf is a NaN or an exception where there is a derivative. A claim is
tight within 1000 times the error, or if both are below 1e-13.

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
