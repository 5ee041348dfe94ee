"""f of one point a call: the compiled loops over whole arrays.

Each function takes f, the argument to call it with and the memory to perturb: x itself for
both, except that for a complex step they are a complex copy of x and its imaginary part.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.colored_loop import COLORS
from gradfast._kernels.number import number
from gradfast._kernels.python_loop import COMPONENTS, LINE, PAIRS, ROWS, Components
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array
from gradfast.points import VALUE_DTYPE, lines
from gradfast.stencils import value_weights
from gradfast.steps import Plan, indices_within, steps_at

Function = Callable[[Any], Any]
Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
Colors = tuple[npt.NDArray[np.intc], npt.NDArray[np.intc]]  # columns color after color, and where each starts


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
    if memory.ndim == 1:
        for stencil, some in plan.groups:
            kernel(f, argument, memory, plan.steps, stencil, out, center, some)
        return
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
    flat = x.flatten()
    _from_copy(f, x, lambda moved: kernel(moved, x, flat, steps, stencil, out, center, *pairs), flat)
    return out


def color_differences(
    f: Function,
    argument: Any,
    memory: Array,
    stencil: Stencil,
    steps: Array,
    colors: Colors,
    center: Any,
    out: Array,
    middle: Array | None,
) -> None:
    """Write the difference, not yet divided, of all values along each color, whose columns are moved at once.

    Middle, if given, holds zeros and gets f's value at x, interpolated along the first color.
    """
    kernel, accept = COLORS[memory.dtype.char], Components(0, out.dtype.char).accept
    more = () if middle is None else (middle, np.array(value_weights(stencil)))
    if memory.ndim == 1 or memory.flags.c_contiguous:
        kernel(f, argument, memory.reshape(-1), steps, stencil, *colors, out, accept, center, *more)
        return
    flat = memory.flatten()
    _from_copy(
        f,
        memory,
        lambda moved: kernel(moved, argument, flat, steps, stencil, *colors, out, accept, center, *more),
        flat,
    )


def _from_copy(f: Function, memory: Array, run: Callable[[Function], Any], flat: Array) -> None:
    """Run a loop that perturbs a copy, of an array that is no single line: f finds the copy's values in the array."""
    before = memory.copy()

    def from_copy(argument: Any) -> Any:
        memory[...] = flat.reshape(memory.shape)
        return f(argument)

    try:
        run(from_copy)
    finally:
        memory[...] = before


def _lines(memory: Array) -> list[tuple[Array, slice]]:
    """Return the lines of an array, each with its place among all coordinates."""
    start, found = 0, []
    for line in lines(memory):
        found.append((line, slice(start, start + line.size)))
        start += line.size
    return found


def _part(steps: Any, part: slice) -> Any:
    return steps[part] if isinstance(steps, np.ndarray) else steps
