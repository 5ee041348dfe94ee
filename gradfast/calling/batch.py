"""The gradient at many points at once: the components of each lie along one axis of x."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast.arguments import Array
from gradfast.calling import many_points
from gradfast.calling.elementwise import differentiate_elements
from gradfast.steps import Plan, steps_at

Function = Callable[[Any], Any]


class Batch:
    """The functions of :mod:`~gradfast.calling.one_point` and :mod:`~gradfast.calling.many_points`, one value a point.

    f takes one point of the batch, a 1-D view of x; if it is vectorised, it takes all of x and
    returns an array of x's shape without the axis.
    """

    def __init__(self, axis: int, family: Any) -> None:
        self.axis = axis
        self.family = family

    def shape_of_values(self, x: Array) -> tuple[int, ...]:
        return x.shape[: self.axis] + x.shape[self.axis + 1 :]

    def value(self, f: Function, argument: Array, memory: Array) -> Array:
        batch = np.moveaxis(argument, self.axis, -1)
        if self.family is many_points:
            return np.array(many_points.values_at(f, argument, batch.shape[:-1]))
        values: Array = self.family.batch_values(f, batch)
        return values

    array = value

    def partials(
        self, f: Function, argument: Array, memory: Array, plan: Plan, out: Array, centers: Array | None
    ) -> None:
        plan = self._moved(plan, memory)
        batch, memory, out = (np.moveaxis(array, self.axis, -1) for array in (argument, memory, out))
        if self.family is not many_points:
            self.family.batch_partials(f, batch, memory, plan, out, centers)
        elif plan.stencil is not None and memory.ndim == 2:
            steps = steps_at(plan.steps, memory).reshape(memory.shape)
            many_points.batch_partials(f, argument, memory, steps, plan.stencil, out, centers)
        else:
            _partials_by_slabs(f, argument, memory, plan, out, centers)

    def _moved(self, plan: Plan, x: Array) -> Plan:
        """Return the plan of x for x with the axis of components moved last."""
        places = np.moveaxis(np.arange(x.size).reshape(x.shape), self.axis, -1).reshape(-1)
        steps = plan.steps[places] if isinstance(plan.steps, np.ndarray) else plan.steps
        groups = ((stencil, some) for stencil, some in plan.groups)
        return Plan(steps, tuple((s, None if c is None else np.flatnonzero(np.isin(places, c))) for s, c in groups))


def _partials_by_slabs(f: Function, x: Array, memory: Array, plan: Plan, out: Array, centers: Array | None) -> None:
    """Write the derivatives along one component of all points after the other, each point by its own stencil."""
    steps = steps_at(plan.steps, memory).reshape(memory.shape)
    masks = [(stencil, plan.mask(some, memory.shape)) for stencil, some in plan.groups]
    for j in range(memory.shape[-1]):
        slab = memory[..., j]
        before = slab.copy()

        def evaluate(moved: Array, slab: Array = slab) -> Array:
            slab[...] = moved
            return np.array(many_points.values_at(f, x, slab.shape))

        groups = tuple((stencil, np.flatnonzero(mask[..., j])) for stencil, mask in masks)
        try:
            out[..., j] = differentiate_elements(evaluate, before, Plan(steps[..., j].reshape(-1), groups), centers)
        finally:
            slab[...] = before
