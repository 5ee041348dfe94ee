"""The textbook's gradient: its workloads, and the functions that all files differentiate."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any

import numpy as np

from bench.contest import REFERENCE, Contestant, Workload
from bench.goals import Goal, times_as_fast, times_as_long
from bench.peers import PEERS, Gradient
from gradfast import numerical_gradient, reference
from gradfast.points import Array


def constant(x: Array) -> float:
    """Return 1.0: nearly all of a call's time is the call."""
    return 1.0


def sum_of_squares(x: Array) -> Any:
    """Return the sum of the squares of a point's coordinates."""
    return np.sum(x**2)


def sums_of_squares(points: Array) -> Any:
    """Return the same for each row of points."""
    return np.sum(points**2, axis=1)


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
    yield Contestant("bare", partial(_bare, f, list(np.atleast_2d(x)), 2 * x.shape[-1]), tolerance=None)
    yield Contestant(REFERENCE, partial(reference.numerical_gradient, f, x))
    yield Contestant("gradfast", partial(numerical_gradient, f, x))
    if vectorized:
        yield Contestant("gradfast vectorized", partial(numerical_gradient, vectorized, x, vectorized=True))
    for peer in PEERS if peers else ():
        run = partial(_at_each_row if x.ndim == 2 else _at_point, peer.gradient, f, x) if peer.gradient else None
        yield Contestant(peer.name, run, tolerance=1e-4, package=peer.package)


def _bare(f: Callable[[Array], Any], points: Sequence[Array], calls: int) -> None:
    one = len(points) == 1  # whose time is not to hold the making of a chain
    arguments = repeat(points[0], calls) if one else chain.from_iterable(map(repeat, points, repeat(calls)))
    deque(map(f, arguments), maxlen=0)  # a loop in C that keeps nothing


def _at_point(gradient: Gradient, f: Callable[[Array], Any], x: Array) -> Any:
    return gradient(f, x)


def _at_each_row(gradient: Gradient, f: Callable[[Array], Any], x: Array) -> Any:
    return [gradient(f, row) for row in x]


def _coordinates(*shape: int) -> Array:
    return np.random.default_rng(0).uniform(-2, 2, shape)


def _same_accuracy(goal: Goal) -> dict[str, Goal]:
    return {peer.name: goal for peer in PEERS if peer.accuracy == 2}


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
    ),
    Workload(
        target="P3",
        question=CHEAP,
        work="f = 1.0, n = 2",
        contestants=gradients(constant, _coordinates(2)),
        judged="gradfast",
        goals={REFERENCE: times_as_fast(1.4)},
        in_chart=True,
    ),
    *(
        Workload(
            target="P2",
            question=NUMPY,
            work=f"np.sum(x**2), n = {n}",
            contestants=gradients(sum_of_squares, _coordinates(n), sums_of_squares),
            judged="gradfast",
            goals={"bare": times_as_long(1.03), **_same_accuracy(times_as_fast(1))},
            in_chart=True,
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
            in_chart=shape == (324, 2),
        )
        for shape, text, limit in (
            ((100,), "n = 100", 20),
            ((324, 2), "324 x 2 rows", 100),
            ((100_000, 2), "100 000 x 2 rows", 150),
        )
    ),
)
