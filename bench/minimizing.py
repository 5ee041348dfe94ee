"""What a minimizer saves when value_and_gradient gives it the gradient."""

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.contest import Contestant, Workload
from bench.functions import rosen, rosen_of_numbers, rosen_of_powers
from bench.goals import Goal, times_as_fast
from gradfast import ValueAndGradient, value_and_gradient

MINIMIZING = "How much sooner does scipy.optimize.minimize find its minimum?"

START = np.array([1.3, 0.7, 0.8, 1.9, 1.2] * 2)  # that of SciPy's tutorial, twice

# SciPy's default is 1e-5, about the error of a forward difference at the minimum: there it is a
# matter of luck how long a line search tries to get below. At 1e-4 all evaluate as often.
TOLERANCE = 1e-4

DEFAULT = "scipy default jac"
BARE = "bare"


def _minimum(f: Callable[..., Any], **options: Any) -> Any:
    return import_module("scipy.optimize").minimize(f, START, tol=TOLERANCE, **options).x


@cache
def _steps_of(f: Callable[..., Any]) -> list[Any]:
    """Return what a minimization asks for: points at which f is called, and the value and gradient made of them."""
    steps = []

    def objective(x: Any) -> Any:
        points: list[Any] = []

        def seen(x: Any) -> Any:
            points.append(x.copy())
            return f(x)

        steps.append((points, value_and_gradient(seen, x, method="forward")))
        return steps[-1][1]

    _minimum(objective, jac=True)
    return steps


def _free(f: Callable[..., Any]) -> Any:
    """Minimize with gradients that are known: what is left are SciPy's own work and f's calls, in a loop in C.

    f is called at the points of a forward difference: calls at one point again and again take less time.
    """
    steps = iter(_steps_of(f))

    def objective(_: Any) -> Any:
        points, found = next(steps)
        deque(map(f, points), maxlen=0)
        return found

    return _minimum(objective, jac=True)


def _minimizing(name: str, f: Callable[..., Any], goals: Mapping[str, Goal], is_either: bool = False) -> Workload:
    found = find_spec("scipy") is not None

    def contestant(by: str, f: Callable[..., Any], jac: Any = None) -> Contestant:
        return Contestant(by, partial(_minimum, f, jac=jac) if found else None, 1e-3, "scipy")

    objective = partial(value_and_gradient, f)

    return Workload(
        target="P9",
        question=MINIMIZING,
        work=f"BFGS on {name}, n = {START.size}",
        contestants=(
            Contestant(BARE, partial(_free, f) if found else None, 1e-3, "scipy"),
            contestant("gradfast forward", partial(objective, method="forward"), jac=True),
            contestant("gradfast central", objective, jac=True),
            contestant(DEFAULT, f),
            contestant("scipy jac='3-point'", f, jac="3-point"),
        ),
        judged="gradfast forward",
        goals=goals,
        exact=np.ones(START.size),
        is_either=is_either,
        limit="Bare is SciPy's own work and f's calls: no derivative can save more.",
    )


INSIDE = [(-2.0, 3.0)] * 5


def _bounded(f: Callable[..., Any]) -> Workload:
    """Return the workload of a minimization within bounds, whose forward differences stay inside them."""
    options = {"bounds": INSIDE, "method": "L-BFGS-B"}
    found = find_spec("scipy") is not None

    def minimum(objective: Callable[..., Any], **more: Any) -> Any:
        return import_module("scipy.optimize").minimize(objective, START[:5], tol=1e-10, **options, **more).x

    ours = ValueAndGradient(f, bounds=INSIDE, method="forward")
    return Workload(
        target="L9",
        question=MINIMIZING,
        work="L-BFGS-B within bounds on rosen in plain Python, n = 5",
        contestants=(
            Contestant("gradfast forward", partial(minimum, ours, jac=True) if found else None, 1e-2, "scipy"),
            Contestant("scipy jac='2-point'", partial(minimum, f, jac="2-point") if found else None, 1e-2, "scipy"),
        ),
        judged="gradfast forward",
        goals={"scipy jac='2-point'": times_as_fast(2.8)},
        exact=np.ones(5),
    )


# Where f's own calls leave less than this to save, nearly nothing may be lost beside them.
PLAIN = {DEFAULT: times_as_fast(2.5), BARE: times_as_fast(0.98)}

WORKLOADS = (
    _bounded(rosen_of_numbers),
    _minimizing("rosen", rosen, {DEFAULT: times_as_fast(1.5)}),
    _minimizing("rosen in plain Python", rosen_of_numbers, PLAIN, is_either=True),
    # The slower f is, the less there is to save.
    _minimizing("rosen in plain Python with **", rosen_of_powers, PLAIN, is_either=True),
)
