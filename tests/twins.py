"""Each operator in plain Python, by differences: the compiled loops must give what these give, to the bit.

How far a coordinate is moved, and to which side, the operator itself is asked, of an f that is 0; to move, to call,
to weigh, to divide and to put back is done here.
"""

import itertools
from dataclasses import replace

import numpy as np

import gradfast
from gradfast import Backward, Central, Forward

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
    return 0.0


@np.errstate(all="ignore")
def jacobian(f, x, *, method="central", f0=None, bounds=None, full_output=False, wants_value=False, shape=None):
    _, info = gradfast.jacobian(nothing, x, method=method, bounds=bounds, full_output=True)
    evaluate = Evaluation(f, x)
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


def gradient(f, x, **options):
    return jacobian(f, x, shape=(), **options)


def value_and_gradient(f, x, **options):
    return jacobian(f, x, wants_value=True, shape=(), **options)


@np.errstate(all="ignore")
def hessian(f, x, *, method="central", gradient=None, f0=None, bounds=None, full_output=False):
    if gradient is not None:
        result, info = jacobian(gradient, x, method=method, bounds=bounds, full_output=True)
        matrix = result.reshape(info.step.size, info.step.size)
        result = ((matrix + matrix.T) / 2).reshape(result.shape)
        return (result, info) if full_output else result
    _, info = gradfast.hessian(nothing, x, method=method, bounds=bounds, full_output=True)
    evaluate = Evaluation(f, x)
    steps, stencils = plan(method, info, 2)
    center = evaluate() if f0 is None else np.asarray(f0, evaluate.wide).reshape(())[()]
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
def directional_derivative(f, x, v, *, method="central", bounds=None, full_output=False):
    _, info = gradfast.directional_derivative(nothing, x, v, method=method, bounds=bounds, full_output=True)
    evaluate = Evaluation(f, x)
    start, lower, upper = evaluate.x.copy(), *((-np.inf, np.inf) if bounds is None else np.array(bounds, object))
    lower, upper = (np.array(side, start.dtype) for side in (lower, upper))

    def on_line(t):
        evaluate.x[...] = np.clip(start + t[()] * np.asarray(v), lower, upper)
        return evaluate()

    line = Evaluation(on_line, np.zeros((), evaluate.wide))
    steps, stencils = plan(method, info)
    center = evaluate() if not steps or stencils[()].center else None
    try:
        result = 0 * center if not steps else line.difference(steps, stencils[()], center)
    finally:
        evaluate.x[...] = start
    for place, step in steps.items():
        result = result / divisor(stencils[place], step)
    result = np.asarray(result).astype(start.dtype)[()]
    return (result, replace(info, evaluations=evaluate.calls)) if full_output else result


@np.errstate(all="ignore")
def derivative(f, x, *, n=1, method="central", bounds=None, full_output=False):
    options = {"n": n, "method": method, "bounds": bounds, "full_output": True}
    _, info = gradfast.derivative(lambda x: 0 * x, x, **options)
    point = Evaluation(f, x).x
    steps, stencils = plan(method, info, n)
    at = {place: Evaluation(f, point[place].copy()) for place in np.ndindex(point.shape)}
    needs_value = any(stencil.center for stencil in stencils.values())  # then of all elements, for f gets them all
    centers = {place: evaluate() if needs_value else None for place, evaluate in at.items()}
    result = np.zeros_like(point)
    for place, step in steps.items():
        total = at[place].difference({(): step}, stencils[place], centers[place])
        result[place] = total / (stencils[place].denominator * step**n)
    result, info = result[()], replace(info, evaluations=sum(evaluate.calls for evaluate in at.values()))
    return (result, info) if full_output else result
