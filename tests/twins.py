"""Each operator in plain Python, by differences: the compiled loops must give what these give, to the bit.

How far a coordinate is moved follows here from the documented rule. Near bounds and along a direction, that and to
which side is asked of the operator itself, of an f that is 0. To move, call, weigh, divide and put back is done here.
"""

import importlib
import itertools
import math
from dataclasses import replace

import numpy as np

import gradfast
from gradfast import Backward, Central, Coloring, Forward, Info

BY_NAME = {"central": Central(), "forward": Forward(), "backward": Backward()}


class Evaluation:
    """f at a point that is moved in place, its values in the precision of the result; it counts its calls."""

    def __init__(self, f, x):
        x = np.asarray(x)
        self.x = x if x.dtype.char in "fdg" and x.dtype.isnative and x.flags.writeable else np.array(x, float)
        self.f, self.wide, self.calls = f, np.longdouble if x.dtype.char == "g" else np.float64, 0

    def __call__(self):
        self.calls += 1
        return np.asarray(self.f(self.x)).astype(self.wide)[()]

    def difference(self, steps, stencil, center):
        """Return the weighted sum of f's values where coordinates, the keys of steps, are moved together."""
        saved = {place: self.x[place] for place in steps}
        total = stencil.center * center if stencil.center else -0.0
        try:
            for node, weight in zip(stencil.nodes, stencil.weights, strict=True):
                for place, step in steps.items():
                    self.x[place] = self.wide(saved[place]) + node * step
                total = total + weight * self()
        finally:
            for place in steps:
                self.x[place] = saved[place]
        return total


def best_relative_step(stencil, noise):
    """Return where truncation, if f varies 3 times as fast as exp, and noise of that size have the least sum."""
    n, accuracy, moment = stencil.n, 0, 0
    while not moment:
        accuracy += 1
        moment = sum(w * node ** (n + accuracy) for w, node in zip(stencil.weights, stencil.nodes, strict=True))
    truncation = abs(moment) / stencil.denominator / math.factorial(n + accuracy) * 3**accuracy
    rounding = (abs(stencil.center) + sum(map(abs, stencil.weights))) / stencil.denominator * noise
    return (n * rounding / (accuracy * truncation)) ** (1 / (n + accuracy))


def nearest_power_of_two(x):
    fraction, exponent = math.frexp(x)
    return math.ldexp(1.0, exponent if fraction >= math.sqrt(0.5) else exponent - 1)


def step_at(size, wanted):
    """Return by how much a coordinate of that size moves away from 0 if it is moved as wanted, and rounded."""
    away = size.dtype.type(np.result_type(size, np.float64).type(size) + wanted)
    return away - size if np.isfinite(away) else size.dtype.type(wanted)


def step_by_rule(size, relative, n):
    least = 0.1 ** (1 / n)
    return step_at(size, nearest_power_of_two(relative * max(float(size) if np.isfinite(size) else 0.0, least)))


def unbounded(method, x, n=1):
    """Return what is to be done to each coordinate of x where no bounds are near, by the documented rule."""
    method, sizes = BY_NAME.get(method, method), np.abs(x)
    steps = np.zeros(x.shape, np.longdouble if x.dtype.char == "g" else np.float64)
    if method.step is not None:
        for place in np.ndindex(x.shape):
            steps[place] = step_at(sizes[place], np.broadcast_to(method.step, x.shape)[place])
    else:
        noise = max(float(np.finfo(x.dtype).eps), min(1.0, method.noise or 0))
        relative = best_relative_step(method.stencil(n), noise) if method.rel_step is None else method.rel_step
        for place in np.ndindex(x.shape):
            steps[place] = step_by_rule(sizes[place], relative, n)
    return Info(0, steps, np.full(x.shape, type(method).__name__.lower()))


def plan(method, info, n=1):
    """Return the step of each coordinate that can be moved, its sign that of the side, and their stencils."""
    accuracy, steps, stencils = BY_NAME.get(method, method).accuracy, {}, {}
    for place in np.ndindex(np.shape(info.scheme)):
        scheme = info.scheme[place]
        if scheme != "fixed":
            steps[place] = -info.step[place] if scheme == "backward" else info.step[place]
            stencils[place] = (Central if scheme == "central" else Forward)(accuracy).stencil(n)
    return steps, stencils


def divisor(stencil, *steps):
    product = stencil.denominator
    for step in steps:
        product = product * step
    return product


def nothing(x):
    return x.dtype.type(0)


def masked(result, sparsity):
    """Return the entries of a pattern, explicit zeros too, out of a dense result."""
    pattern = sparsity.pattern if isinstance(sparsity, Coloring) else Coloring(sparsity).pattern
    dense = result.reshape(pattern.shape)
    return importlib.import_module("scipy.sparse").csr_array(
        (dense[pattern.rows, pattern.columns], (pattern.rows, pattern.columns)), shape=pattern.shape
    )


def jacobian(f, x, *, sparsity=None, **options):
    result = dense_jacobian(f, x, **options)
    return result if sparsity is None else masked(result, sparsity)


@np.errstate(all="ignore")
def dense_jacobian(f, x, *, method="central", f0=None, bounds=None, full_output=False, wants_value=False, shape=None):
    evaluate = Evaluation(f, x)
    info = unbounded(method, evaluate.x)
    if bounds is not None:
        _, info = gradfast.jacobian(nothing, x, method=method, bounds=bounds, full_output=True)
    steps, stencils = plan(method, info)
    needs_value = wants_value or any(stencil.center for stencil in stencils.values())
    center = np.asarray(f0, evaluate.wide) if f0 is not None else evaluate() if needs_value else None
    columns = {}
    for place, step in steps.items():
        total = evaluate.difference({place: step}, stencils[place], center)
        columns[place] = total / divisor(stencils[place], step)
    if not columns and center is None and shape is None:
        center = evaluate()  # for its shape
    shape = np.shape(next(iter(columns.values()), center)) if shape is None else shape
    result = np.zeros(shape + evaluate.x.shape, evaluate.x.dtype)
    for place, column in columns.items():
        result[(..., *place)] = column
    info = replace(info, evaluations=evaluate.calls)
    if wants_value:
        result = center, result
    return (result, info) if full_output else result


def gradient(f, x, *, axis=None, f0=None, bounds=None, full_output=False, **options):
    if axis is None:
        return jacobian(f, x, shape=(), f0=f0, bounds=bounds, full_output=full_output, **options)
    (_, slopes), info = batch(f, x, axis, f0, bounds, **options)
    return (slopes, info) if full_output else slopes


def value_and_gradient(f, x, *, axis=None, bounds=None, full_output=False, **options):
    if axis is None:
        options = {"bounds": bounds, "full_output": full_output, **options}
        return jacobian(f, x, wants_value=True, shape=(), **options)
    result, info = batch(f, x, axis, None, bounds, wants_value=True, **options)
    return (result, info) if full_output else result


def batch(f, x, axis, f0, bounds, *, wants_value=False, **options):
    """Return values, if they are wanted, and gradients of the points along an axis of x, one after another."""
    x = Evaluation(f, x).x
    slopes, steps, schemes = np.empty_like(x), np.empty(x.shape), np.empty(x.shape, "<U8")
    steps = steps.astype(np.longdouble) if x.dtype.char == "g" else steps
    rows, *parts = (np.moveaxis(array, axis, -1) for array in (x, slopes, steps, schemes))
    sides = bounds and [np.moveaxis(np.broadcast_to(side, x.shape), axis, -1) for side in bounds]
    values, evaluations = np.empty(rows.shape[:-1], steps.dtype), 0
    for index in np.ndindex(values.shape):
        options["f0"] = None if f0 is None else np.asarray(f0)[index]
        options["bounds"] = bounds and tuple(side[index] for side in sides)
        result, info = jacobian(f, rows[index].copy(), shape=(), wants_value=wants_value, full_output=True, **options)
        values[index], slope = result if wants_value else (np.nan, result)
        for part, found in zip(parts, (slope, info.step, info.scheme), strict=True):
            part[index] = found
        evaluations += info.evaluations
    has_value = np.isin(parts[-1], ["forward", "backward"]).any(axis=-1)
    if f0 is None and not wants_value and has_value.any():
        evaluations += np.sum(~has_value)  # of all points if of one, for f may get them all
    return (values, slopes), Info(evaluations, steps, schemes)


def hessian(f, x, *, sparsity=None, **options):
    result = dense_hessian(f, x, **options)
    return result if sparsity is None else masked(result, sparsity)


@np.errstate(all="ignore")
def dense_hessian(f, x, *, method="central", gradient=None, f0=None, bounds=None, full_output=False):
    if gradient is not None:
        result, info = jacobian(gradient, x, method=method, bounds=bounds, full_output=True)
        matrix = result.reshape(info.step.size, info.step.size)
        result = ((matrix + matrix.T) / 2).reshape(result.shape)
        return (result, info) if full_output else result
    evaluate = Evaluation(f, x)
    info = unbounded(method, evaluate.x, 2)
    if bounds is not None:
        _, info = gradfast.hessian(nothing, x, method=method, bounds=bounds, full_output=True)
    steps, stencils = plan(method, info, 2)
    center = None if f0 is None else np.asarray(f0, evaluate.wide).reshape(())[()]
    center = evaluate() if center is None and steps else center
    alone = {i: evaluate.difference({i: steps[i]}, stencils[i], center) for i in steps}
    result = np.zeros(evaluate.x.shape * 2, evaluate.x.dtype)
    for i, step in steps.items():
        result[i + i] = alone[i] / divisor(stencils[i], step, step)
    for j, i in itertools.combinations(steps, 2):
        both = evaluate.difference({i: steps[i], j: steps[j]}, stencils[i], center)
        result[i + j] = result[j + i] = (both - (alone[i] + alone[j])) / 2 / divisor(stencils[i], steps[i], steps[j])
    info = replace(info, evaluations=evaluate.calls)
    return (result, info) if full_output else result


@np.errstate(all="ignore")
def directional_derivative(f, x, v, *, method="central", full_output=False, **options):
    """The step of t is the operator's; a test of its own holds the rule that it follows."""
    evaluate = Evaluation(f, x)
    _, info = gradfast.directional_derivative(nothing, x, v, method=method, full_output=True, **options)
    steps, stencils = plan(method, info)
    center = evaluate() if not steps or stencils[()].center else None
    result = 0 * center if not steps else None
    for place, t in steps.items():
        by = t * np.asarray(v)
        together = {i: by[i] for i in np.ndindex(by.shape)}
        result = evaluate.difference(together, stencils[place], center) / divisor(stencils[place], t)
    result = np.asarray(result).astype(evaluate.x.dtype)[()]
    return (result, replace(info, evaluations=evaluate.calls)) if full_output else result


@np.errstate(all="ignore")
def derivative(f, x, *, n=1, method="central", bounds=None, full_output=False):
    point = Evaluation(f, x).x
    info = unbounded(method, point, n)
    if bounds is not None:
        options = {"n": n, "method": method, "bounds": bounds, "full_output": True}
        _, info = gradfast.derivative(lambda x: 0 * x, x, **options)
    steps, stencils = plan(method, info, n)
    at = {place: Evaluation(f, point[place].copy()) for place in np.ndindex(point.shape)}
    needs_value = any(stencil.center for stencil in stencils.values())  # then of all elements, for f gets them all
    centers = {place: evaluate() if needs_value else None for place, evaluate in at.items()}
    result = np.zeros_like(point)
    for place, step in steps.items():
        total = at[place].difference({(): step}, stencils[place], centers[place])
        result[place] = total / divisor(stencils[place], *[step] * n)
    result, info = result[()], replace(info, evaluations=sum(evaluate.calls for evaluate in at.values()))
    return (result, info) if full_output else result
