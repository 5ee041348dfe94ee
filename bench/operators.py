"""The general operators: what they add to f, and who else does their work."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench import functions, peers, plain
from bench.contest import REFERENCE, Contestant, Workload, calls_alone, competing, faster_than_equals
from bench.goals import Goal, microseconds_more, times_as_fast
from bench.peers import Peer
from gradfast import Complex, derivative, gradient, hessian, jacobian, reference, value_and_gradient
from gradfast.values.arguments import Array

Function = Callable[..., Any]

LATENCY = "How long does an operator take beside the calls of f?"
OPERATORS = "How fast is each operator next to the packages of equal accuracy?"


def against_peers(
    work: str,
    ours: Mapping[str, Function],
    f: Function,
    x: Array,
    exact: Any,
    *,
    calls: int,
    plainly: Function,
    rivals: Sequence[Peer],
    accuracy: int = 2,
    seen: Array | None = None,
    tolerance: float = 1e-4,
) -> Workload:
    """Return the workload of one operator. The bare calls are made at x, at `seen`, or at each row of a 2-D x."""
    points = list(x) if x.ndim == 2 else [x if seen is None else seen]
    return Workload(
        target="peers",
        question=OPERATORS,
        work=work,
        contestants=(
            Contestant("bare", partial(calls_alone, f, points, calls), tolerance=None),
            Contestant(REFERENCE, partial(plainly, f, x), tolerance),
            *(Contestant(name, partial(run, x), tolerance) for name, run in ours.items()),
            *(competing(peer, f, x, tolerance) for peer in rivals),
        ),
        judged="gradfast",
        goals=faster_than_equals(rivals, accuracy),
        exact=exact,
    )


def latency(work: str, operator: Function, calls: Function, goal: Goal, exact: Any) -> Workload:
    """Return the workload of an operator at n = 2, of an f that costs nothing."""
    x = np.array([0.3, -1.7])
    return Workload(
        target="P3",
        question=LATENCY,
        work=work,
        contestants=(
            Contestant("bare", partial(calls, functions.constant, x), tolerance=None),
            Contestant("gradfast", partial(operator, functions.constant, x)),
        ),
        judged="gradfast",
        goals={"bare": goal},
        exact=exact,
    )


# Written out: an iterator that makes the calls takes as long as they do.
def _three_calls(f: Function, x: Array) -> None:
    f(x), f(x), f(x)


def _four_calls(f: Function, x: Array) -> None:
    f(x), f(x), f(x), f(x)


def _elementwise(f: Function, x: Array, h: float = 1e-5) -> Any:
    return reference.numerical_diff(f, x, h)


def _coordinates(*shape: int) -> Array:
    return np.random.default_rng(1).uniform(-1, 1.5, shape)


def _gradients(name: str, f: Function, many: Function, x: Array, exact: Array) -> Workload:
    ours = {"gradfast": partial(gradient, f), "gradfast vectorized": partial(gradient, many, vectorized=True)}
    return against_peers(
        f"gradient of {name}, n = {x.size}",
        ours,
        f,
        x,
        exact,
        calls=2 * x.size,
        plainly=reference.numerical_gradient,
        rivals=peers.GRADIENT,
    )


def _rosen_of_rows(points: Array) -> Any:
    return functions.rosen_of_columns(points.T)


X10, X20, X50, X100, X1000 = (_coordinates(n) for n in (10, 20, 50, 100, 1000))
ROWS = _coordinates(2000, 3)
ELEMENTS = np.linspace(-2, 2, 1000)

WORKLOADS = (
    latency("gradient of f = 1.0, n = 2", gradient, _four_calls, microseconds_more(2), np.zeros(2)),
    latency(
        "value_and_gradient of f = 1.0, n = 2, forward",
        partial(value_and_gradient, method="forward"),
        _three_calls,
        microseconds_more(2.5),
        (1.0, np.zeros(2)),
    ),
    *(_gradients("np.sum(x**2)", functions.sum_of_squares, functions.sums_of_squares, x, 2 * x) for x in (X100, X1000)),
    *(_gradients("rosen", functions.rosen, _rosen_of_rows, x, functions.rosen_gradient(x)) for x in (X10, X100)),
    against_peers(
        "forward gradient of rosen, n = 100",
        {"gradfast": partial(gradient, functions.rosen, method="forward")},
        functions.rosen,
        X100,
        functions.rosen_gradient(X100),
        calls=X100.size + 1,
        plainly=plain.forward_gradient,
        rivals=peers.FORWARD,
        accuracy=1,
    ),
    against_peers(
        "complex step of rosen, n = 100",
        {
            "gradfast": partial(gradient, functions.rosen, method=Complex(check=False)),
            "gradfast with its check": partial(gradient, functions.rosen, method="complex"),
        },
        functions.rosen,
        X100,
        functions.rosen_gradient(X100),
        calls=X100.size,
        seen=X100.astype(complex),
        plainly=plain.complex_gradient,
        rivals=peers.COMPLEX,
    ),
    against_peers(
        "Jacobian of tanh(M x), 50 to 50",
        {
            "gradfast": partial(jacobian, functions.tanh_layer),
            "gradfast vectorized": partial(jacobian, functions.tanh_layers, vectorized=True),
        },
        functions.tanh_layer,
        X50,
        functions.tanh_jacobian(X50),
        calls=2 * X50.size,
        plainly=plain.jacobian,
        rivals=peers.JACOBIAN,
    ),
    against_peers(
        "Hessian of rosen, n = 20",
        {
            "gradfast": partial(hessian, functions.rosen),
            "gradfast vectorized": partial(hessian, _rosen_of_rows, vectorized=True),
        },
        functions.rosen,
        X20,
        functions.rosen_hessian(X20),
        calls=X20.size**2 + X20.size + 1,
        plainly=plain.hessian,
        rivals=peers.HESSIAN,
        tolerance=1e-2,  # of an entry that is 0 beside others of 1000
    ),
    against_peers(
        "gradients of rosen(3) at 2000 points",
        {
            "gradfast": partial(gradient, functions.rosen, axis=1),
            "gradfast vectorized": partial(gradient, _rosen_of_rows, axis=1, vectorized=True),
        },
        functions.rosen,
        ROWS,
        functions.rosen_gradient(ROWS.T).T,
        calls=2 * ROWS.shape[1],
        plainly=reference.numerical_gradient,
        rivals=peers.GRADIENT[:2],  # the others take seconds
    ),
    against_peers(
        "derivative of np.sin at 1000 points",
        {"gradfast": partial(derivative, np.sin)},
        np.sin,
        ELEMENTS,
        np.cos(ELEMENTS),
        calls=2,
        plainly=_elementwise,
        rivals=peers.DERIVATIVE,
    ),
    Workload(
        target="A",
        question=OPERATORS,
        work="adaptive gradient of rosen, n = 10",
        contestants=(
            Contestant("bare", partial(calls_alone, functions.rosen, [X10], 59), tolerance=None),
            Contestant("gradfast", partial(gradient, functions.rosen, X10, method="adaptive"), 1e-9),
            *(competing(peer, functions.rosen, X10, 1e-7) for peer in peers.ADAPTIVE),
        ),
        judged="gradfast",
        goals={peer.name: times_as_fast(3) for peer in peers.ADAPTIVE},
        exact=functions.rosen_gradient(X10),
    ),
)
