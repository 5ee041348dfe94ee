"""Compiled f: what the loops add to it, and what threads save."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.contest import REFERENCE, Contestant, Workload
from bench.functions import sum_of_squares
from bench.goals import microseconds, times_as_fast, times_as_long
from gradfast import compiled, gradient, numerical_gradient, reference
from gradfast.values.arguments import Array

COMPILED = "How much do the native loops add to a compiled f, and threads save?"

FOUND = find_spec("numba") is not None


@cache
def native() -> tuple[Any, Callable[[Array, int], float]]:
    """Return the compiled sum of squares, and a compiled loop that calls it a number of times at each row."""
    numba = import_module("numba")
    pointer = numba.types.CPointer(numba.types.double)

    @numba.cfunc(numba.types.double(numba.types.intc, pointer))
    def squares(n: int, x: Any) -> float:
        total = 0.0
        for i in range(n):
            total += x[i] * x[i]
        return total

    call = squares.ctypes

    @numba.njit
    def calls_alone(rows: Array, calls: int) -> float:
        total = 0.0
        point = np.empty(rows.shape[1])
        for i in range(rows.shape[0]):
            for j in range(rows.shape[1]):
                point[j] = rows[i, j]
            for _ in range(calls):
                total += call(rows.shape[1], point.ctypes)
        return total

    calls_alone(np.ones((1, 2)), 1)
    return compiled(squares), calls_alone


def _run(work: Callable[..., Any]) -> Callable[[], Any] | None:
    return work if FOUND else None


ROWS = np.random.default_rng(0).uniform(-2, 2, (1_000_000, 2))
SOME = 5_000
POINT = np.array([3.0, 4.0])

WORKLOADS = (
    Workload(
        target="P5",
        question=COMPILED,
        work="compiled sum of squares, 1 000 000 x 2",
        contestants=(
            Contestant("bare", _run(lambda: native()[1](ROWS, 4)), None, "numba"),
            Contestant(
                REFERENCE, partial(reference.numerical_gradient, sum_of_squares, ROWS[:SOME]), share=SOME / len(ROWS)
            ),
            Contestant("gradfast", _run(lambda: numerical_gradient(native()[0], ROWS)), 1e-8, "numba"),
        ),
        judged="gradfast",
        goals={"bare": times_as_long(1.10), REFERENCE: times_as_fast(500)},
        exact=2 * ROWS,
    ),
    Workload(
        target="P5",
        question=COMPILED,
        work="the same on two threads, by gradient",
        contestants=(
            Contestant("1 thread", _run(lambda: gradient(native()[0], ROWS, axis=1)), 1e-8, "numba"),
            Contestant("2 threads", _run(lambda: gradient(native()[0], ROWS, axis=1, workers=2)), 1e-8, "numba"),
        ),
        judged="2 threads",
        goals={"1 thread": times_as_fast(1.7)},
        exact=2 * ROWS,
    ),
    *(
        Workload(
            target="P6",
            question=COMPILED,
            work=f"compiled sum of squares, n = 2, by {operator.__name__}",
            contestants=(
                Contestant("bare", _run(lambda: native()[1](POINT[np.newaxis], 4)), None, "numba"),
                Contestant("gradfast", _run(lambda operator=operator: operator(native()[0], POINT)), 1e-8, "numba"),
            ),
            judged="gradfast",
            goals={"bare": microseconds(1.5)} if operator is numerical_gradient else {},
            exact=2 * POINT,
        )
        for operator in (numerical_gradient, gradient)
    ),
)
