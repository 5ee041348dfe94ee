"""The front: what one call takes around the calls of f, prepared and in one go.

A filter, a fit or a root finder asks for the same derivative again and again, at a point of few coordinates. There the
time goes into what comes before and after the loop: reading the arguments, choosing the steps, making the result.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from bench import functions, plain
from bench.contest import REFERENCE, Contestant, Workload, calls_alone
from bench.goals import Goal, microseconds, microseconds_more, times_as_fast, times_as_long
from gradfast import (
    Central,
    DirectionalDerivative,
    Gradient,
    Hessian,
    Jacobian,
    derivative,
    gradient,
    jacobian,
    reference,
)

Function = Callable[..., Any]

FRONT = "How long does one call take around the calls of f?"

BARE = "bare"
LOOP = "NumPy loop"

product, plane = functions.product, functions.plane


# Written out: an iterator that makes the calls takes as long as they do.
def _two_calls(f: Function, x: Any) -> None:
    f(x), f(x)


def _four_calls(f: Function, x: Any) -> None:
    f(x), f(x), f(x), f(x)


def _seven_calls(f: Function, x: Any) -> None:
    f(x), f(x), f(x), f(x), f(x), f(x), f(x)


CALLS = {2: _two_calls, 4: _four_calls, 7: _seven_calls}


def _bare(f: Function, x: Any, calls: int) -> Contestant:
    run = partial(CALLS[calls], f, x) if calls in CALLS else partial(calls_alone, f, [x], calls)
    return Contestant(BARE, run, tolerance=None)


def around(
    target: str,
    work: str,
    ours: Function,
    f: Function,
    x: Any,
    *,
    calls: int,
    goals: Mapping[str, Goal],
    exact: Any,
    rivals: Mapping[str, Function] | None = None,
) -> Workload:
    """Return the workload of one call, next to the calls of f alone; ours and the rivals take no arguments."""
    return Workload(
        target=target,
        question=FRONT,
        work=work,
        contestants=(
            _bare(f, x, calls),
            *(Contestant(name, run, tolerance=1e-8) for name, run in (rivals or {}).items()),
            Contestant("gradfast", ours, tolerance=1e-6),
        ),
        judged="gradfast",
        goals=goals,
        exact=exact,
    )


def _gradient(target: str, work: str, ours: Function, limit: float, n: int = 2) -> Workload:
    x = _point(n)
    goals = {BARE: microseconds_more(limit)}
    exact = functions.product_gradient(x)
    return around(target, work, partial(ours, x), product, x, calls=2 * n, goals=goals, exact=exact)


def _point(n: int) -> Any:
    return np.linspace(0.3, 1.7, n)


def _bounds(n: int) -> tuple[Any, Any]:
    """Return bounds that no step comes near."""
    return np.full(n, -5.0), np.full(n, 5.0)


X, V = _point(2), np.array([0.6, 0.8])
ELEMENTS = np.linspace(-2, 2, 1000)

once = partial(gradient, product)
ONE = np.array([0.7])


def _bowl(x: Any) -> Any:
    return math.exp(x[0]) + x[0] ** 2


# A state of a target: its place and its velocity. A radar sees range and bearing.


def _moved(state: Any, dt: float = 0.1) -> Any:
    x, y, u, v = state
    drag = 1 - 0.01 * dt * math.hypot(u, v)
    return [x + dt * u, y + dt * v, u * drag, v * drag]


def _seen(state: Any) -> Any:
    x, y, _, _ = state
    return [math.hypot(x, y), math.atan2(y, x)]


def _filtered(slopes_of_moved: Function, slopes_of_seen: Function) -> Any:
    """Return the state after ten steps of an extended Kalman filter, that takes its Jacobians from a function."""
    state, cov = np.array([90.0, 40.0, 3.0, -1.0]), np.eye(4)
    for k in range(10):
        F = slopes_of_moved(state)
        state, cov = np.array(_moved(state)), F @ cov @ F.T + 0.01 * np.eye(4)
        H = slopes_of_seen(state)
        gain = cov @ H.T @ np.linalg.inv(H @ cov @ H.T + np.diag([1.0, 1e-4]))
        state = state + gain @ (np.array([98.0 + 0.2 * k, 0.42]) - _seen(state))
        cov = cov - gain @ H @ cov
    return state


def _loop(f: Function, count: int) -> Function:
    """Return a function of x alone that computes f's Jacobian as one writes it by hand, row by row of its transpose."""

    def slopes(x: Any, h: float = 1e-6) -> Any:
        out = np.empty((count, x.size))
        for i in range(x.size):
            saved = x[i]
            x[i] = saved + h
            above = np.array(f(x))
            x[i] = saved - h
            out[:, i] = (above - np.array(f(x))) / (2 * h)
            x[i] = saved
        return out

    return slopes


by_hand = partial(_filtered, _loop(_moved, 4), _loop(_seen, 2))

WORKLOADS = (
    _gradient("L1", "Gradient(f)(x), n = 2", Gradient(product), 0.7),
    _gradient("L1", "gradient(f, x), n = 2", once, 0.7),
    *(
        _gradient("L2", f"Gradient(f, bounds=b)(x), n = {n}", Gradient(product, bounds=_bounds(n)), limit, n)
        for n, limit in ((2, 1.2), (50, 2.5))
    ),
    around(
        "L3",
        "Jacobian(f)(x), 2 to 2",
        partial(Jacobian(plane), X),
        plane,
        X,
        calls=4,
        goals={BARE: microseconds_more(2), LOOP: times_as_fast(1.4)},
        exact=functions.plane_jacobian(X),
        rivals={LOOP: partial(plain.jacobian_of_two, plane, X)},
    ),
    around(
        "L4",
        "jacobian(f, x), 2 to 2",
        partial(jacobian, plane, X),
        plane,
        X,
        calls=4,
        goals={BARE: microseconds_more(2.5)},
        exact=functions.plane_jacobian(X),
    ),
    _gradient("L4", "gradient(f, x, bounds=b) of numbers, n = 2", partial(once, bounds=(-5.0, 5.0)), 3),
    _gradient("L4", "gradient(f, x, bounds=b) of arrays, n = 2", partial(once, bounds=_bounds(2)), 8),
    _gradient("L4", "gradient(f, x, method=Central(step=h)), n = 2", partial(once, method=Central(step=1e-5)), 2.5),
    around(
        "L5",
        "derivative(math.sin, 1.0)",
        partial(derivative, math.sin, 1.0),
        math.sin,
        1.0,
        calls=2,
        goals={BARE: microseconds_more(0.8)},
        exact=math.cos(1.0),
    ),
    around(
        "L5",
        "derivative(np.sin, x) at 1000 points",
        partial(derivative, np.sin, ELEMENTS),
        np.sin,
        ELEMENTS,
        calls=2,
        goals={REFERENCE: times_as_long(1.12)},
        exact=np.cos(ELEMENTS),
        rivals={REFERENCE: partial(reference.numerical_diff, np.sin, ELEMENTS, 1e-5)},
    ),
    around(
        "L6",
        "DirectionalDerivative(f)(x, v), n = 2",
        partial(DirectionalDerivative(product), X, V),
        product,
        X,
        calls=2,
        goals={BARE: microseconds_more(3)},
        exact=functions.product_gradient(X) @ V,
    ),
    around(
        "L6",
        "Hessian(f)(x), n = 2",
        partial(Hessian(product), X),
        product,
        X,
        calls=7,
        goals={BARE: microseconds_more(2)},
        exact=np.array([[0.0, 1.0], [1.0, 0.0]]),
    ),
    around(
        "L7",
        "Gradient(f, method='adaptive')(x), n = 1",
        partial(Gradient(_bowl, method="adaptive"), ONE),
        _bowl,
        ONE,
        calls=13,
        goals={BARE: microseconds(60)},
        exact=np.exp(ONE) + 2 * ONE,
    ),
    Workload(
        target="L8",
        question=FRONT,
        work="ten steps of an extended Kalman filter, 4 states",
        contestants=(
            Contestant(LOOP, by_hand, tolerance=1e-6),
            Contestant("gradfast", partial(_filtered, Jacobian(_moved), Jacobian(_seen)), tolerance=1e-6),
        ),
        judged="gradfast",
        goals={LOOP: times_as_fast(1.3)},
        exact=by_hand(),
    ),
)
