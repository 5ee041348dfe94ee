"""The operators: prepare the problem, run the loops, shape the result."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import empty

from gradfast import loops
from gradfast._kernels.memory import keeping
from gradfast._kernels.python_loop import LINE
from gradfast.elements import differentiate_elements
from gradfast.line import Line
from gradfast.methods import Forward, is_integer
from gradfast.points import VALUE_DTYPE, Array, as_float32
from gradfast.problem import NO_ARGUMENTS, Problem, real_numbers, require_difference
from gradfast.steps import steps_at

Function = Callable[..., Any]

HIGHEST_DERIVATIVE = 6


def derivative(
    f: Function,
    x: Any,
    *,
    n: int = 1,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    full_output: bool = False,
) -> Any:
    """DERIVATIVE"""
    if not is_integer(n) or not 1 <= n <= HIGHEST_DERIVATIVE:
        raise ValueError(f"n must be an integer from 1 to {HIGHEST_DERIVATIVE}; got {n!r}")
    problem = Problem(f, x, method, bounds, args, False, n=n)
    center, result = keeping(problem.x, _run_derivative, problem)
    result = result if np.ndim(result) else result[()]
    if full_output:
        points = problem.x.size
        return result, problem.info(problem.evaluations(0 if center is None else points, points))
    return result


def _run_derivative(problem: Problem) -> tuple[Any, Array]:
    p, x = problem, problem.x

    def evaluate(moved: Array) -> Array:
        point = moved if p.argument is x else x + 1j * moved
        values: Array = p.family.array(p.lifted, point if x.ndim else point[()], x)
        if x.ndim and values.shape != x.shape:
            raise ValueError(f"f must return an array of x's shape {x.shape}; it returned one of shape {values.shape}")
        return values

    center = evaluate(x.copy()) if p.plan.needs_center else None
    out = differentiate_elements(evaluate, p.memory, p.plan, center)
    if p.argument is not x:
        p.check(lambda v: out * v)
    return center, as_float32(out) if x.dtype.char == "f" else out


def gradient(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    axis: int | None = None,
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """GRADIENT"""
    problem = Problem(f, x, method, bounds, args, vectorized, axis)
    center, result = _gradient(problem, f0, False)
    if full_output:
        return result, problem.info(problem.evaluations_of_gradient(f0 is None and center is not None))
    return result


def value_and_gradient(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    axis: int | None = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """VALUE"""
    problem = Problem(f, x, method, bounds, args, vectorized, axis)
    both = _gradient(problem, None, True)
    return (both, problem.info(problem.evaluations_of_gradient(True))) if full_output else both


def _gradient(problem: Problem, f0: Any, wants_value: bool) -> tuple[Any, Array]:
    p, x, plan, center = problem, problem.x, problem.plan, None
    char = x.dtype.char
    if f0 is not None:
        center = p.given_values(f0)
    elif wants_value or plan.needs_center:
        center = keeping(x, p.family.value, p.f, x, x)
    out = empty(x.shape, VALUE_DTYPE[char])
    if plan.stencil is not None and x.ndim == 1 and p.family is loops:
        # The common case goes to its kernel from here: at n = 2 another layer takes as long as f.
        keeping(x, LINE[char], p.lifted, p.argument, p.memory, plan.steps, plan.stencil, out, center)
    else:
        keeping(x, p.family.partials, p.lifted, p.argument, p.memory, plan, out, center)
    if p.argument is not x:
        p.check(lambda v: np.sum(out * v, axis=getattr(p.family, "axis", None)))
    return center, as_float32(out) if char == "f" else out


def jacobian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """JACOBIAN"""
    problem = Problem(f, x, method, bounds, args, vectorized)
    center, result = keeping(problem.x, _run_jacobian, problem, None if f0 is None else real_numbers("f0", f0))
    return (result, problem.info(problem.evaluations(center is not None and f0 is None))) if full_output else result


def _run_jacobian(problem: Problem, f0: Any) -> tuple[Any, Array]:
    p, x = problem, problem.x
    center = p.family.array(p.f, x, x) if f0 is None and p.plan.needs_center else f0
    rows = p.family.components(p.lifted, p.argument, p.memory, p.plan, center)
    shape = rows.shape[1:]
    result = np.moveaxis(rows, 0, -1).reshape((*shape, *x.shape))
    if p.argument is not x:
        p.check(lambda v: np.tensordot(result, v, x.ndim))
    return center, as_float32(result) if x.dtype.char == "f" else result


def hessian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    gradient: Function | None = None,
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """HESSIAN"""
    if gradient is not None:
        return _hessian_from_gradient(gradient, x, method, bounds, args, vectorized, full_output)
    difference = require_difference(method, "hessian without gradient=")
    problem = Problem(f, x, difference, bounds, args, vectorized, n=2)
    if len(problem.plan.groups) > 1:  # two coordinates are moved at once, by one stencil: a one-sided one fits all
        one_sided = Forward(difference.accuracy, difference.step, difference.rel_step)
        problem.plan = one_sided.plan(problem.x, 2, bounds)
    evaluations, result = keeping(problem.x, _run_hessian, problem, f0)
    return (result, problem.info(evaluations)) if full_output else result


def _run_hessian(problem: Problem, f0: Any) -> tuple[int, Array]:
    """Return the number of evaluations and the second derivatives.

    That along e_i + e_j, less those along e_i and along e_j, is twice the mixed one: n (n + 1) / 2
    lines through the center.
    """
    p, x, evaluations = problem, problem.x, int(f0 is None)
    center = p.family.value(p.f, x, x) if f0 is None else p.given_values(f0)
    steps = steps_at(p.plan.steps, x)
    out = np.zeros((x.size, x.size), VALUE_DTYPE[x.dtype.char])
    for stencil, some in p.plan.groups:  # one, or none where bounds leave no room
        first, second = np.tril_indices(x.size) if some is None else (some[i] for i in np.tril_indices(some.size))
        out[first, second] = p.family.pair_differences(p.f, x, stencil, steps, (first, second), center)
        evaluations += len(stencil.nodes) * first.size
        straight = out.diagonal().copy()
        with np.errstate(all="ignore"):  # what f returns passes through, inf and NaN too
            mixed = (out[first, second] - straight[first] - straight[second]) / 2
            mixed = np.where(first == second, straight[first], mixed)
            mixed /= stencil.denominator * steps[first] * steps[second]
        out[first, second] = out[second, first] = mixed
    out = out.reshape(x.shape * 2)
    return evaluations, as_float32(out) if x.dtype.char == "f" else out


def _hessian_from_gradient(
    gradient: Function, x: Any, method: Any, bounds: Any, args: Any, vectorized: bool, full_output: bool
) -> Any:
    result, info = jacobian(
        gradient, x, method=method, bounds=bounds, args=args, vectorized=vectorized, full_output=True
    )
    shape = info.step.shape
    if result.shape != shape * 2:
        found = result.shape[: result.ndim - len(shape)]
        raise ValueError(f"gradient must return an array of x's shape {shape}; it returned one of shape {found}")
    matrix = result.reshape(info.step.size, info.step.size)
    symmetric = ((matrix + matrix.T) / 2).reshape(result.shape)
    return (symmetric, info) if full_output else symmetric


def directional_derivative(
    f: Function,
    x: Any,
    v: Any,
    *,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """DIRECTIONAL"""
    line = Line(Problem(f, x, method, None, args, vectorized), v, bounds)
    center, result = keeping(line.problem.x, line.derivative)
    return (result, line.info(center is not None)) if full_output else result
