"""f of many points a call: blocks of copies of one point, the columns of a batch.

The functions are those of :mod:`gradfast.calling.one_point`; f takes points along a first axis and returns
their values along its own.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels.colored_loop import MOVE_BLOCK, require_rows
from gradfast._kernels.keep import f_changed, first_difference
from gradfast._kernels.stencil import Stencil
from gradfast._kernels.vectorized_loop import COLUMNS, MOVE, PUT_BACK, QUOTIENTS
from gradfast.arguments import Array
from gradfast.points import VALUE_DTYPE, as_values
from gradfast.stencils import value_weights
from gradfast.steps import Plan, steps_at

Function = Callable[[Array], Any]
Steps = float | Array
Some = npt.NDArray[np.intp]
Pairs = tuple[Some, Some]
Colors = tuple[npt.NDArray[np.intc], npt.NDArray[np.intc]]

# A block, with the temporaries that f makes of it, stays inside one core's L2 cache.
BLOCK_BYTES = 1 << 18


def value(f: Function, argument: Array, memory: Array) -> Any:
    """Return f's value at one point."""
    return values_at(f, argument[np.newaxis], (1,))[0]


def array(f: Function, argument: Array, memory: Array) -> Array:
    """Return f's value at one point: an array of any shape."""
    return np.array(arrays_at(f, argument[np.newaxis])[0])


def partials(f: Function, argument: Array, memory: Array, plan: Plan, out: Array, center: Any) -> int:
    """Write the derivative of f along each coordinate of the memory to out, of its shape.

    Returns the first coordinate whose step rounding swallowed, or -1.
    """
    flat, steps, swallowed = out.reshape(-1), steps_at(plan.steps, memory), -1
    if plan.stencil is None:
        flat[...] = 0  # what it stays where bounds leave no room
    write = QUOTIENTS[memory.dtype.char]
    for stencil, some in _groups(plan, memory):
        known = np.array([center], out.dtype) if stencil.center else None  # not a float: it may be a long double
        for part, points, lost in _blocks(argument, memory, steps, stencil, some):
            write(values_at(f, points, points.shape[:1]), steps, stencil, part, flat, known)
            swallowed = lost if swallowed < 0 else swallowed
    return swallowed


def components(f: Function, argument: Array, memory: Array, plan: Plan, center: Any) -> Array:
    """Return the derivatives of an f of many values: along the first axis, those along each coordinate."""
    steps, out = steps_at(plan.steps, memory), None if center is None else _zeros(memory, center.shape)
    for stencil, some in _groups(plan, memory):
        for part, points, _ in _blocks(argument, memory, steps, stencil, some):
            values = arrays_at(f, points)
            shape = values.shape[1:]
            out = _zeros(memory, shape) if out is None else out
            if shape != out.shape[1:]:
                raise ValueError(f"f must return arrays of one shape; got {out.shape[1:]}, then {shape}")
            values = values.reshape(len(stencil.nodes), part.size, *shape)
            out[part] = quotient(values, stencil, steps[part].reshape(-1, *(1,) * len(shape)), center)
    return _zeros(memory, arrays_at(f, argument[np.newaxis]).shape[1:]) if out is None else out


def _zeros(memory: Array, shape: tuple[int, ...]) -> Array:
    return np.zeros((memory.size, *shape), VALUE_DTYPE[memory.dtype.char])


def batch_partials(
    f: Function, batch: Array, rows: Array, steps: Steps, stencil: Stencil, out: Array, centers: Array | None = None
) -> int:
    """Write the derivatives at each row to out; f sees the batch, one column of its rows perturbed in place.

    Rows are the batch or a view of it. Returns the first coordinate whose step rounding
    swallowed, or -1.
    """
    saved = np.empty(len(rows), rows.dtype)
    evaluate = partial(values_at, f, wanted=(len(rows),))
    return COLUMNS[rows.dtype.char](evaluate, batch, rows, steps, stencil, saved, out, centers)


def pair_differences(f: Function, x: Array, stencil: Stencil, steps: Array, pairs: Pairs, center: Any) -> Array:
    """Return the difference, not yet divided, of each pair of coordinates, both moved at once."""
    out = np.empty(pairs[0].size, VALUE_DTYPE[x.dtype.char])
    flat, nodes = x.reshape(-1), np.array(stencil.nodes)[:, np.newaxis]
    count = max(1, BLOCK_BYTES // max(1, len(nodes) * x.nbytes))
    for start in range(0, out.size, count):
        i, j = (coordinates[start : start + count] for coordinates in pairs)
        points = np.tile(flat, (len(nodes), i.size, 1))
        with np.errstate(over="ignore"):  # beyond the largest float32 there is inf, as in the loops
            for along in (i, j):
                points[:, np.arange(i.size), along] = flat[along] + nodes * steps[along]
        values = values_at(f, points.reshape(-1, *x.shape), (len(nodes) * i.size,)).reshape(len(nodes), -1)
        out[start : start + count] = difference(values, stencil, center)
    return out


def color_differences(
    f: Function,
    argument: Array,
    memory: Array,
    stencil: Stencil,
    steps: Array,
    colors: Colors,
    center: Any,
    out: Array,
    middle: Array | None,
) -> None:
    """Write the difference of all values along each color: a block holds a point for each, and for each node."""
    (columns, starts), nodes = colors, len(stencil.nodes)
    center = None if center is None else center.reshape(-1)
    count = max(1, BLOCK_BYTES // max(1, nodes * argument.nbytes))
    for first in range(0, len(out), count):
        some = starts[first : first + count + 1]
        block = np.tile(argument.reshape(-1), (nodes * (some.size - 1), 1))
        moving = np.ascontiguousarray(block.imag) if block.dtype.kind == "c" else block
        MOVE_BLOCK[memory.dtype.char](moving, steps, stencil, columns, some)
        if moving is not block:
            block.imag = moving
        values = arrays_at(f, block.reshape(-1, *argument.shape))
        values = values.reshape(nodes, some.size - 1, -1)
        require_rows(values.shape[2], out.shape[1])
        out[first : first + count] = difference(values, stencil, center)
        if middle is not None and not first:
            middle[...] = value_weights(stencil) @ values[:, 0]


def _groups(plan: Plan, memory: Array) -> Iterator[tuple[Stencil, Some]]:
    for stencil, some in plan.groups:
        yield stencil, np.arange(memory.size) if some is None else some


def _blocks(
    argument: Array, memory: Array, steps: Array, stencil: Stencil, some: Some
) -> Iterator[tuple[Some, Array, int]]:
    """Yield some of the coordinates, points that are moved along them, and a swallowed step.

    The points are copies of the argument, node after node and for each node coordinate after
    coordinate. f has been called with them when the next ones are asked for.
    """
    char, nodes = memory.dtype.char, len(stencil.nodes)
    rows = max(1, min(some.size, BLOCK_BYTES // max(1, nodes * argument.nbytes)))
    origin = np.ascontiguousarray(argument).reshape(-1)
    block = np.empty((nodes * rows, origin.size), origin.dtype)
    block[...] = origin
    moving, point = (block.imag if block.dtype.kind == "c" else block), memory.reshape(-1)
    for start in range(0, some.size, rows):
        part = some[start : start + rows]
        points = block[: nodes * part.size]
        swallowed = MOVE[char](moving, point, steps, stencil, part)
        yield part, points if argument.ndim == 1 else points.reshape(-1, *argument.shape), swallowed
        PUT_BACK[char](moving, point, stencil, part)
        changed = first_difference(points, origin)
        if changed >= 0:
            raise f_changed(argument, changed)


def values_at(f: Function, points: Array, wanted: tuple[int, ...]) -> Array:
    """Return f's values at points, of the shape wanted, in the precision that they are computed with."""
    kind, found = VALUE_DTYPE[points.dtype.char], f(points)
    if type(found) is np.ndarray and found.dtype is kind and found.shape == wanted:
        return found  # to look closer takes as long as a small f
    array = _real(found)
    if array.shape != wanted:
        raise ValueError(
            f"f must return an array of shape {wanted} for points of shape {points.shape}; "
            f"it returned one of shape {array.shape}"
        )
    return array.astype(kind, copy=False)


def arrays_at(f: Function, points: Array) -> Array:
    """Return f's values at points: an array of any shape for each."""
    array = _real(f(points))
    if array.shape[:1] != points.shape[:1]:
        raise ValueError(
            f"f must return an array of shape ({len(points)}, ...) for points of shape {points.shape}; "
            f"it returned one of shape {array.shape}"
        )
    return array.astype(VALUE_DTYPE[points.dtype.char], copy=False)


def _real(result: Any) -> Array:
    array = as_values(result)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"f must return real numbers; it returned an array of dtype {array.dtype}")
    return array


def quotient(values: Array | list[Array], stencil: Stencil, steps: Array, center: Any) -> Array:
    """Return the difference quotients of values, whose first axis is that of the stencil's nodes."""
    with np.errstate(invalid="ignore", over="ignore"):  # what f returns passes through, inf and NaN too
        divisor = stencil.denominator * steps
        for _ in range(stencil.n - 1):  # as the kernels do: a power rounds otherwise
            divisor = divisor * steps
        result: Array = _weighted_sum(values, stencil, center) / divisor
    return result


def difference(values: Array | list[Array], stencil: Stencil, center: Any) -> Array:
    """Return the weighted sums of values, whose first axis is that of the stencil's nodes, and of the center."""
    with np.errstate(invalid="ignore", over="ignore"):
        return _weighted_sum(values, stencil, center)


def _weighted_sum(values: Array | list[Array], stencil: Stencil, center: Any) -> Array:
    terms = [weight * value for weight, value in zip(stencil.weights, values, strict=True)]
    total: Array = stencil.center * center + terms[0] if stencil.center else terms[0]
    for term in terms[1:]:
        total += term
    return total
