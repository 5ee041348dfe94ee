"""The results as a page: the tables, and what they were measured on."""

import datetime
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import gradfast

PACKAGES = ("numpy", "scipy", "statsmodels", "numdifftools", "jacobi", "mygrad", "numericalderivative", "numba")

PAGE = """# Results

`python -m bench` of gradfast {own} wrote this page, and drew [speed.svg](speed.svg), [accuracy.svg](accuracy.svg) and
[scaling.svg](scaling.svg), on {date}: {machine}; {versions}.

## Speed

The contestants of a work take turns in one process, and each time is the best of many. "reference" is the plain
Python loop. "bare" is the time of the calls of f alone, made by `map`: a point of reference, which a faster loop can
beat. The column "judged is" compares the judged contestant with that of the line. "2 x as fast" means that it takes
half the time of the line; below 1 it is slower.

P1 to P9 and L1 to L9 are the project's targets. L1 to L6 are about the time that one call takes around the calls of f,
L7 to L9 about a call of the adaptive method, a filter and a bounded fit. P10 is about sparse derivatives, P11 about
workers, and A about adaptive steps. "peers" compares with packages of the same accuracy order, and with mygrad, which
differentiates f's code instead. P7, the number of evaluations, and P8, no memory per evaluation, are not times, and
tests check them.

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

## Unseen functions

These are the relative errors over the functions of `bench/unseen.py` and `bench/kept_back.py`, two halves written
before the adaptive method. It was tuned with the first in sight; the second was kept back until it was done. Of what it
showed then, one fault was mended: two looks that agree were believed also if f(x) contradicts them. Later, bars of fits
that leave no term out were made narrower, with the number of evaluations of this half in sight. A method fails if it is
off by more than 10 %, returns NaN or raises an exception. "off > 10" and "off > 100" count errors of more than
that many error bars. A result is "converged, wrong" if the method says that it may be trusted, and it is off by more
than 1e-6; a method without such a flag has 0 there. No sampling can know of a hidden ripple: it lies between any two
values that are looked at.

```text
{unseen}
```

## The benchmark of numericalderivative

The problems and the last four methods are that package's own, with the bounds of steps that its problems allow. Outside
its domain f is NaN.

```text
{outside}
```

## Checks

`check_gradient` and `check_jacobian` were asked about right and wrong derivatives of the families in
`bench/families.py`. A wrong one has every entry times 1.1, 2, -1 or 0, or one entry times 1.1, or is transposed. Of
these, the entries that are off by 10 % or more are counted, and by more than what a check need not tell from 0. "open"
are the entries that cannot be told, "pass" the checks that are true; a wrong derivative may pass if what is wrong
cannot be told, and is less than 1 % of the whole. The evaluations are for each coordinate, for right derivatives.

```text
{checks}
```

## Growth

```text
{growth}
```
"""


def write(file: Path, **tables: Sequence[str]) -> None:
    """Write the page to file: the lines of each of its tables."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    texts = {name: "\n".join(lines) for name, lines in tables.items()}
    named = {"own": gradfast.__version__, "machine": _machine(), "versions": ", ".join(_versions())}
    file.write_text(PAGE.format(date=today, **named, **texts))


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
