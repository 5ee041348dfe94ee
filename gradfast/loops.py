"""f of one point a call: the compiled loops over whole arrays.

Each function takes f, the argument to call it with and the memory to perturb: x itself for
both, except that for a complex step they are a complex copy of x and its imaginary part.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.python_loop import COMPONENTS, LINE, PAIRS, ROWS, Components, number
from gradfast._kernels.stencil import Stencil
from gradfast.points import VALUE_DTYPE, Array, lines
from gradfast.steps import Plan, indices_within, steps_at

Function = Callable[[Any], Any]
Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def value(f: Function, argument: Any, memory: Array) -> Any:
    """Return f's value as one number."""
    return number(f(argument), memory.dtype.char)


def partials(f: Function, argument: Any, memory: Array, plan: Plan, out: Array, center: Any) -> None:
    """Write the derivative of f along each coordinate of the memory to out, of its shape."""
    kernel = LINE[memory.dtype.char]
    if plan.stencil is not None and memory.ndim == 1:
        kernel(f, argument, memory, plan.steps, plan.stencil, out, center)
        return
    out[...] = 0  # what it stays where bounds leave no room
    for line, part in _lines(memory):
        for stencil, some in plan.groups:
            here = indices_within(some, part)
            kernel(f, argument, line, _part(plan.steps, part), stencil, out.reshape(-1)[part], center, here)


def components(f: Function, argument: Any, memory: Array, plan: Plan, center: Any) -> Array:
    """Return the derivatives of an f of many values: along the first axis, those along each coordinate."""
    char = memory.dtype.char
    result = Components(memory.size, VALUE_DTYPE[char].char)
    steps = steps_at(plan.steps, memory)
    for line, part in _lines(memory):
        for stencil, some in plan.groups:
            here = indices_within(some, part)
            COMPONENTS[char](f, argument, line, steps[part], stencil, result, part.start, center, here)
    if result.shape is None:  # nothing was moved
        result.accept(f(argument) if center is None else center)
    return result.out.reshape(memory.size, *(result.shape or ()))


def array(f: Function, argument: Any, memory: Array) -> Array:
    """Return f's value as an array of any shape."""
    result = Components(0, VALUE_DTYPE[memory.dtype.char].char)
    values = np.array(result.accept(f(argument)))
    return values.reshape(result.shape)


def batch_values(f: Function, batch: Array) -> Array:
    """Return f's values at the points of a batch, whose last axis holds the components."""
    values = np.empty(batch.shape[:-1], VALUE_DTYPE[batch.dtype.char])
    for index in np.ndindex(values.shape):
        values[index] = number(f(batch[index]), batch.dtype.char)
    return values


def batch_partials(f: Function, batch: Array, memory: Array, plan: Plan, out: Array, centers: Array | None) -> None:
    """Write the derivatives at each point of a batch to out, of its shape."""
    char, n = memory.dtype.char, memory.shape[-1]
    if plan.stencil is not None and memory.ndim == 2:
        steps = plan.steps.reshape(memory.shape) if isinstance(plan.steps, np.ndarray) else plan.steps
        ROWS[char](f, batch, memory, steps, plan.stencil, out, centers)
        return
    out[...] = 0
    for i, index in enumerate(np.ndindex(memory.shape[:-1])):
        part = slice(i * n, i * n + n)
        center = None if centers is None else centers[index]
        for stencil, some in plan.groups:
            here, steps = indices_within(some, part), _part(plan.steps, part)
            LINE[char](f, batch[index], memory[index], steps, stencil, out[index], center, here)


def pair_differences(f: Function, x: Array, stencil: Stencil, steps: Array, pairs: Pairs, center: Any) -> Array:
    """Return the difference, not yet divided, of each pair of coordinates, both moved at once."""
    out = np.empty(pairs[0].size, VALUE_DTYPE[x.dtype.char])
    kernel = PAIRS[x.dtype.char]
    if x.flags.c_contiguous:
        kernel(f, x, x.reshape(-1), steps, stencil, out, center, *pairs)
        return out
    # Two coordinates of an array that is no single line: perturb one that is, and copy.
    before, flat = x.copy(), x.flatten()

    def from_copy(argument: Any) -> Any:
        x[...] = flat.reshape(x.shape)
        return f(argument)

    try:
        kernel(from_copy, x, flat, steps, stencil, out, center, *pairs)
    finally:
        x[...] = before
    return out


def _lines(memory: Array) -> list[tuple[Array, slice]]:
    """Return the lines of an array, each with its place among all coordinates."""
    start, found = 0, []
    for line in lines(memory):
        found.append((line, slice(start, start + line.size)))
        start += line.size
    return found


def _part(steps: Any, part: slice) -> Any:
    return steps[part] if isinstance(steps, np.ndarray) else steps
