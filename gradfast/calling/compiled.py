"""Compiled f: loops without the GIL, over rows and coordinates, on as many threads as asked for.

The functions are those of :mod:`gradfast.calling.one_point`; the loops perturb copies of x, one a thread.
"""

import itertools
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gradfast._kernels import colored_loop, native_loop
from gradfast._kernels.native_function import NativeFunction, require_kind
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array, worker_count
from gradfast.calling.many_points import Colors, Pairs
from gradfast.stencils import value_weights
from gradfast.steps import Plan, steps_at

# Threads pay when what is left to do takes longer than starting them.
SECONDS_WORTH_A_THREAD = 1e-3


class Native:
    """The loops, on so many threads; one if that is None, and all cores if it is -1."""

    def __init__(self, workers: int | None) -> None:
        self.workers = worker_count(workers)

    def value(self, f: NativeFunction, argument: Array, memory: Array) -> float:
        require_kind(f, "point")
        return float(f(argument))

    def array(self, f: NativeFunction, argument: Array, memory: Array) -> Array:
        return np.asarray(f(argument))

    def partials(self, f: NativeFunction, argument: Array, memory: Array, plan: Plan, out: Array, center: Any) -> None:
        center = 0.0 if center is None else float(center)
        if plan.stencil is not None and self.workers == 1 and memory.ndim == 1:
            native_loop.gradient(f, memory, plan.steps, plan.stencil, out, center)
            return
        x, flat = np.ravel(memory), out.reshape(-1)
        flat[...] = 0
        for stencil, some in plan.groups:
            chosen = np.arange(x.size) if some is None else some
            self.run(native_loop.gradient, chosen.size, f, x, plan.steps, stencil, flat, center, chosen)

    def components(self, f: NativeFunction, argument: Array, memory: Array, plan: Plan, center: Any) -> Array:
        require_kind(f, "array")
        x, steps = np.ravel(memory), steps_at(plan.steps, memory)
        center = None if center is None else np.ravel(center).astype(np.float64)
        values = center.size if center is not None and f.outputs < 0 else f.required_outputs()
        out = np.zeros((x.size, values))
        for stencil, some in plan.groups:
            chosen = np.arange(x.size) if some is None else some
            self.run(native_loop.jacobian, chosen.size, f, x, steps, stencil, out, center, chosen)
        return out

    def pair_differences(
        self, f: NativeFunction, x: Array, stencil: Stencil, steps: Array, pairs: Pairs, center: Any
    ) -> Array:
        out = np.zeros(pairs[0].size)
        first, second = (np.ascontiguousarray(coordinates) for coordinates in pairs)
        self.run(native_loop.pairs, out.size, f, np.ravel(x), steps, stencil, out, float(center), first, second)
        return out

    def color_differences(
        self,
        f: NativeFunction,
        argument: Array,
        memory: Array,
        stencil: Stencil,
        steps: Array,
        colors: Colors,
        center: Any,
        out: Array,
        middle: Array | None,
    ) -> None:
        require_kind(f, "array")
        colored_loop.require_rows(f.required_outputs(), out.shape[1])
        center = None if center is None else np.ravel(center).astype(np.float64)
        x = np.ascontiguousarray(memory).reshape(-1)
        weights = None if middle is None else np.array(value_weights(stencil))
        self.run(colored_loop.native_colors, len(out), f, x, steps, stencil, *colors, out, center, middle, weights)

    def batch_values(self, f: NativeFunction, batch: Array) -> Array:
        require_kind(f, "point")
        values = np.empty(batch.shape[:-1])
        for index in np.ndindex(values.shape):
            values[index] = f(batch[index])
        return values

    def batch_partials(
        self, f: NativeFunction, batch: Array, memory: Array, plan: Plan, out: Array, centers: Array | None
    ) -> None:
        n = memory.shape[-1]
        rows = memory.reshape(math.prod(memory.shape[:-1]), n)
        if plan.stencil is not None:
            steps = plan.steps.reshape(rows.shape) if isinstance(plan.steps, np.ndarray) else plan.steps
            flat_centers = None if centers is None else np.ravel(centers)
            result = out.reshape(rows.shape) if out.flags.c_contiguous else np.empty(rows.shape)
            self.run(native_loop.gradients, len(rows), f, rows, steps, plan.stencil, result, flat_centers)
            if not out.flags.c_contiguous:
                out[...] = result.reshape(out.shape)
            return
        for i, index in enumerate(np.ndindex(memory.shape[:-1])):
            line, center = np.empty(n), None if centers is None else centers[index]
            self.partials(f, batch[index], memory[index], plan.within(slice(i * n, i * n + n)), line, center)
            out[index] = line

    def run(self, kernel: Callable[..., Any], count: int, *arguments: Any) -> None:
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

    def _on_threads(self, kernel: Callable[..., Any], first: int, count: int, arguments: tuple[Any, ...]) -> None:
        # No bytearray: without the GIL, CPython 3.13 loses count of the threads that read one.
        stop = np.zeros(1, np.uint8)
        ends = np.linspace(first, count, min(8 * self.workers, count - first) + 1).astype(int).tolist()
        with ThreadPoolExecutor(self.workers) as pool:
            pieces = [
                pool.submit(kernel, *arguments, first=begin, last=end, stop=stop)
                for begin, end in itertools.pairwise(ends)
            ]
            try:
                for piece in pieces:
                    piece.result()
            except BaseException:  # Ctrl-C above all: the loops look at this byte
                stop[0] = 1
                for piece in pieces:
                    piece.cancel()
                raise
