"""The textbook's gradient: what it adds to f, and what an f of many points saves."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from bench.contest import REFERENCE, Contestant, Workload, calls_alone, competing, faster_than_equals
from bench.functions import constant, sum_of_squares, sums_of_squares
from bench.goals import times_as_fast, times_as_long
from bench.peers import PEERS
from gradfast import numerical_gradient, reference
from gradfast.values.arguments import Array


def gradients(
    f: Callable[[Array], Any],
    x: Array,
    vectorized: Callable[[Array], Any] | None = None,
    peers: bool = True,
) -> tuple[Contestant, ...]:
    """Return all who can differentiate f at the point x, or at each row of x."""
    return tuple(_gradients(f, x, vectorized, peers))


def _gradients(
    f: Callable[[Array], Any], x: Array, vectorized: Callable[[Array], Any] | None, peers: bool
) -> Iterator[Contestant]:
    yield Contestant("bare", partial(calls_alone, f, list(np.atleast_2d(x)), 2 * x.shape[-1]), tolerance=None)
    yield Contestant(REFERENCE, partial(reference.numerical_gradient, f, x))
    yield Contestant("gradfast", partial(numerical_gradient, f, x))
    if vectorized:
        yield Contestant("gradfast vectorized", partial(numerical_gradient, vectorized, x, vectorized=True))
    for peer in PEERS if peers else ():
        yield competing(peer, f, x)


def _coordinates(*shape: int) -> Array:
    return np.random.default_rng(0).uniform(-2, 2, shape)


CHEAP = "How much does gradfast add to an f that costs nothing?"
NUMPY = "How much does gradfast add to an f of NumPy calls?"
VECTORIZED = "How much does an f that takes many points at once save?"

WORKLOADS = (
    Workload(
        target="P1",
        question=CHEAP,
        work="f = 1.0, n = 1000",
        contestants=gradients(constant, _coordinates(1000)),
        judged="gradfast",
        goals={"bare": times_as_long(1.10), REFERENCE: times_as_fast(6)},
        limit="The calls alone are no faster than this by much; runs differ by some percent.",
    ),
    Workload(
        target="P3",
        question=CHEAP,
        work="f = 1.0, n = 2",
        contestants=gradients(constant, _coordinates(2)),
        judged="gradfast",
        goals={REFERENCE: times_as_fast(1.4)},
    ),
    *(
        Workload(
            target="P2",
            question=NUMPY,
            work=f"np.sum(x**2), n = {n}",
            contestants=gradients(sum_of_squares, _coordinates(n), sums_of_squares),
            judged="gradfast",
            goals={"bare": times_as_long(1.03), **faster_than_equals(PEERS, 2)},
        )
        for n in (100, 1000)
    ),
    *(
        Workload(
            target="P4",
            question=VECTORIZED,
            work=f"np.sum(X**2, axis=1), {text}",
            contestants=gradients(sum_of_squares, _coordinates(*shape), sums_of_squares, peers=shape == (324, 2)),
            judged="gradfast vectorized",
            goals={REFERENCE: times_as_fast(limit)},
        )
        for shape, text, limit in (
            ((100,), "n = 100", 20),
            ((324, 2), "324 x 2 rows", 100),
            ((100_000, 2), "100 000 x 2 rows", 150),
        )
    ),
)
