"""Elementwise differences: many points on one axis each, moved all at once."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.vectorized_loop import ELEMENTS
from gradfast.arguments import Array
from gradfast.calling.many_points import quotient
from gradfast.steps import Plan, steps_at


def differentiate_elements(evaluate: Callable[[Array], Array], x: Array, plan: Plan, center: Any) -> Array:
    """Return the derivative at each element of x; evaluate(moved) gives values of x's shape.

    They may be in memory that the next evaluation overwrites. There are as many evaluations as the
    largest stencil has nodes; an element whose own stencil has fewer, or whose bounds leave no room,
    stays where it is meanwhile.
    """
    steps = steps_at(plan.steps, x).reshape(x.shape)
    if plan.stencil is None:
        return _by_groups(evaluate, x, steps, plan, center)
    if not x.ndim or type(x) is not np.ndarray:  # of a number, f may return an array; f gets points of x's own class
        values = [np.array(evaluate(moved(x, node * steps))) for node in plan.stencil.nodes]
        return quotient(values, plan.stencil, steps, center)
    out = np.empty(x.shape, steps.dtype)
    known = center.reshape(-1) if plan.stencil.center else None
    line, by, flat = x.reshape(-1), steps.reshape(-1), out.reshape(-1)
    write = ELEMENTS[x.dtype.char]
    write(lambda at: evaluate(at).reshape(-1), x.shape, x.dtype, line, by, plan.stencil, flat, known)
    return out


def _by_groups(evaluate: Callable[[Array], Array], x: Array, steps: Array, plan: Plan, center: Any) -> Array:
    out = np.zeros(x.size, steps.dtype)
    nodes = np.zeros((max((len(stencil.nodes) for stencil, _ in plan.groups), default=0), x.size))
    for stencil, some in plan.groups:
        nodes[: len(stencil.nodes), some] = np.array(stencil.nodes)[:, np.newaxis]
    values = [np.array(evaluate(moved(x, row.reshape(x.shape) * steps))).reshape(-1) for row in nodes]
    for stencil, some in plan.groups:
        some_values = np.array(values)[: len(stencil.nodes), some]
        some_center = np.reshape(center, -1)[some] if stencil.center else None
        out[some] = quotient(some_values, stencil, steps.reshape(-1)[some], some_center)
    return out.reshape(x.shape)


def moved(x: Array, by: Array) -> Array:
    with np.errstate(over="ignore"):  # beyond the largest float32 there is inf, as in the loops
        return (x + by).astype(x.dtype, copy=False)
