"""Compiled f: loops without the GIL, over rows and coordinates, on as many threads as asked for.

The functions are those of :mod:`gradfast.loops`; the loops perturb copies of x, one a thread.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from gradfast._kernels import native_loop
from gradfast._kernels.native_loop import NativeFunction
from gradfast._kernels.stencil import Stencil
from gradfast.blocks import hessian_from_differences
from gradfast.points import Array
from gradfast.steps import Plan, steps_at

# Threads pay when what is left to do takes longer than starting them.
SECONDS_WORTH_A_THREAD = 2e-4


class Native:
    """The loops, on so many threads; one if that is None, and all cores if it is -1."""

    def __init__(self, workers: int | None) -> None:
        self.workers = thread_count(workers)

    def value(self, f: NativeFunction, argument: Array, memory: Array) -> float:
        return float(f(argument))

    def array(self, f: NativeFunction, argument: Array, memory: Array) -> Array:
        return np.asarray(f(argument))

    def partials(self, f: NativeFunction, argument: Array, memory: Array, plan: Plan, out: Array, center: Any) -> None:
        require_kind(f, "point")
        x, flat = np.ravel(memory), out.reshape(-1)
        center = 0.0 if center is None else float(center)
        if plan.stencil is not None and self.workers == 1:
            native_loop.gradient(f, x, plan.steps, plan.stencil, flat, center)
            return
        flat[...] = 0
        for stencil, some in plan.groups:
            chosen = np.arange(x.size) if some is None else some
            self.run(native_loop.gradient, chosen.size, f, x, plan.steps, stencil, flat, center, chosen)

    def components(self, f: NativeFunction, argument: Array, memory: Array, plan: Plan, center: Any) -> Array:
        require_kind(f, "array")
        x, steps = np.ravel(memory), steps_at(plan.steps, memory)
        out = np.zeros((x.size, f.required_outputs()))
        for stencil, some in plan.groups:
            chosen = np.arange(x.size) if some is None else some
            self.run(native_loop.jacobian, chosen.size, f, x, steps, stencil, out, center, chosen)
        return out

    def second_derivatives(
        self,
        f: NativeFunction,
        argument: Array,
        memory: Array,
        stencil: Stencil,
        steps: Array,
        some: npt.NDArray[np.intp],
        center: Any,
    ) -> Array:
        require_kind(f, "point")
        x = np.ravel(memory)
        out = np.zeros((x.size, x.size))
        # A row of the triangle is as long as its number: the pieces are cut finely, so that threads end together.
        self.run(native_loop.pairs, some.size, f, x, steps, stencil, out, float(center), some)
        return hessian_from_differences(out, stencil, steps, some)

    def batch_values(self, f: NativeFunction, batch: Array) -> Array:
        require_kind(f, "point")
        return np.array([f(point) for point in batch.reshape(-1, batch.shape[-1])]).reshape(batch.shape[:-1])

    def batch_partials(
        self, f: NativeFunction, batch: Array, memory: Array, plan: Plan, out: Array, centers: Array | None
    ) -> None:
        require_kind(f, "point")
        rows, n = memory.reshape(-1, memory.shape[-1]), memory.shape[-1]
        if plan.stencil is not None:
            steps = plan.steps.reshape(rows.shape) if isinstance(plan.steps, np.ndarray) else plan.steps
            flat_centers = None if centers is None else np.ravel(centers)
            result = np.empty(rows.shape)
            self.run(native_loop.gradients, len(rows), f, rows, steps, plan.stencil, result, flat_centers)
            out[...] = result.reshape(out.shape)
            return
        for i, index in enumerate(np.ndindex(memory.shape[:-1])):
            part = plan.part(slice(i * n, i * n + n))
            line = np.zeros(n)
            self.partials(f, memory[index], memory[index], part, line, None if centers is None else centers[index])
            out[index] = line

    def run(self, kernel: Callable[..., bool], count: int, *arguments: Any) -> None:
        """Call the kernel for all of count items; on threads, if a first piece shows that they pay."""
        if not count:
            return
        first = count if self.workers == 1 else max(1, count // 64)
        start = time.perf_counter()
        kernel(*arguments, first=0, last=first)
        left = (time.perf_counter() - start) * (count - first) / first
        if first == count:
            return
        if left < SECONDS_WORTH_A_THREAD:
            kernel(*arguments, first=first, last=count)
        else:
            self._on_threads(kernel, first, count, arguments)

    def _on_threads(self, kernel: Callable[..., bool], first: int, count: int, arguments: tuple[Any, ...]) -> None:
        stop = bytearray(1)
        ends = np.linspace(first, count, min(8 * self.workers, count - first) + 1).astype(int).tolist()
        with ThreadPoolExecutor(self.workers) as pool:
            pieces = [
                pool.submit(kernel, *arguments, first=begin, last=end, stop=stop)
                for begin, end in zip(ends[:-1], ends[1:], strict=True)
            ]
            try:
                for piece in pieces:
                    piece.result()
            except BaseException:  # Ctrl-C above all: the loops look at this byte
                stop[0] = 1
                for piece in pieces:
                    piece.cancel()
                raise


def thread_count(workers: int | None) -> int:
    """Return how many threads are meant."""
    if workers is None:
        return 1
    if workers == -1:
        return os.cpu_count() or 1
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers must be a positive integer, or -1 for all cores; got {workers!r}")
    return workers


def require_kind(f: NativeFunction, kind: str) -> None:
    """Raise TypeError unless compiled f is a function of what the operator needs."""
    if f.kind != kind:
        wanted = {"point": "return a number at a point", "array": "write an array at a point"}[kind]
        raise TypeError(f"f must {wanted}, as double (int, double *) or void (int, double *, int, double *); got {f!r}")
