"""The functions of a family, chunk after chunk: through a map of workers, or here, so as to show how far they are."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array
from gradfast.calling import many_points
from gradfast.calling.batch import Batch
from gradfast.calling.one_point import Colors, Pairs
from gradfast.points import VALUE_DTYPE
from gradfast.progress import Progress
from gradfast.steps import Plan, steps_at
from gradfast.warning import warn
from gradfast.workers import Job, ends_of_chunks, results_of

# A piece that is computed here is to take about so long: a bar that moves ten times a second.
SECONDS_A_PIECE = 0.1

Chunk = tuple[Any, ...]
Ends = Generator[tuple[int, int, Any], None, None]


def _partials(family: Any, f: Any, argument: Any, memory: Array, steps: Any, center: Any, chunk: Chunk) -> Array:
    stencil, some = chunk
    out = np.zeros(memory.shape, VALUE_DTYPE[memory.dtype.char])
    family.partials(f, argument, memory, Plan(steps, ((stencil, some),)), out, center)
    return out.reshape(-1)[some]


def _components(family: Any, f: Any, argument: Any, memory: Array, steps: Any, center: Any, chunk: Chunk) -> Array:
    stencil, some = chunk
    rows: Array = family.components(f, argument, memory, Plan(steps, ((stencil, some),)), center)
    return rows[some]


def _pairs(family: Any, f: Any, argument: Any, memory: Array, steps: Any, center: Any, chunk: Chunk) -> Array:
    stencil, first, second = chunk
    differences: Array = family.pair_differences(f, memory, stencil, steps, (first, second), center)
    return differences


def _colors(family: Any, f: Any, argument: Any, memory: Array, steps: Any, center: Any, chunk: Chunk) -> Any:
    stencil, columns, starts, rows, wants_middle = chunk
    dtype = VALUE_DTYPE[memory.dtype.char]
    out, middle = np.empty((starts.size - 1, rows), dtype), np.zeros(rows, dtype) if wants_middle else None
    family.color_differences(f, argument, memory, stencil, steps, (columns, starts), center, out, middle)
    return out, middle


def _rows(family: Any, f: Any, argument: Any, memory: Array, steps: Any, center: Any, chunk: Chunk) -> Array:
    _, plan_steps, groups, centers, _ = chunk
    out = np.zeros(memory.shape, VALUE_DTYPE[memory.dtype.char])
    family.partials(f, argument, memory, Plan(plan_steps, groups), out, centers)
    return out


def _coordinates(stencil: Stencil, some: Array, a: int, b: int) -> Chunk:
    return stencil, some[a:b]


def _pairs_of(stencil: Stencil, first: Array, second: Array, a: int, b: int) -> Chunk:
    return stencil, first[a:b], second[a:b]


def _colors_of(stencil: Stencil, columns: Array, starts: Array, rows: int, wants_middle: bool, a: int, b: int) -> Chunk:
    here = starts[a : b + 1]
    return stencil, columns[here[0] : here[-1]], here - here[0], rows, wants_middle and a == 0


class Chunks:
    """The functions of a family, which is `serial`; those that take long are cut into chunks.

    workers is None to compute them here, or what :mod:`gradfast.workers` runs them by; then f and its
    args travel as the caller gave them, and are made what the loops call there.
    """

    def __init__(self, serial: Any, workers: Any, show: Any, f: Any, args: Any, is_complex: bool) -> None:
        self.serial, self.workers, self.show = serial, workers, show
        self.f, self.args, self.is_complex = f, args if isinstance(args, tuple) else (args,), is_complex
        self.axis = serial.axis if isinstance(serial, Batch) else None
        self.progress_of_colors = Progress(False, 0)

    def value(self, f: Any, argument: Any, memory: Array) -> Any:
        return self.serial.value(f, argument, memory)

    def array(self, f: Any, argument: Any, memory: Array) -> Array:
        values: Array = self.serial.array(f, argument, memory)
        return values

    def partials(self, f: Any, argument: Any, memory: Array, plan: Plan, out: Array, center: Any) -> None:
        if isinstance(self.serial, Batch):
            self._batch(self.serial, f, argument, memory, plan, out, center)
            return
        values = np.zeros(out.size, out.dtype)
        for some, found in self._coordinates(_partials, f, argument, memory, plan, center):
            values[some] = found
        out[...] = values.reshape(out.shape)
        self._doubt(values, f, argument, memory, plan)

    def components(self, f: Any, argument: Any, memory: Array, plan: Plan, center: Any) -> Array:
        out = None
        for some, found in self._coordinates(_components, f, argument, memory, plan, center):
            if out is None:
                out = np.zeros((memory.size, *found.shape[1:]), found.dtype)
            if found.shape[1:] != out.shape[1:]:
                raise ValueError(f"f must return arrays of one shape; got {out.shape[1:]}, then {found.shape[1:]}")
            out[some] = found
        if out is None:
            unmoved: Array = self.serial.components(f, argument, memory, plan, center)
            return unmoved
        self._doubt(out, f, argument, memory, plan)
        return out

    def _coordinates(
        self, compute: Callable[..., Any], f: Any, argument: Any, memory: Array, plan: Plan, center: Any
    ) -> Generator[tuple[Array, Array], None, None]:
        groups = [(s, np.arange(memory.size) if some is None else some) for s, some in plan.groups]
        progress = Progress(self.show, plan.evaluations(memory.size))
        given = f, argument, memory, plan.steps, center
        for stencil, some in groups:
            take = partial(_coordinates, stencil, some)
            with closing(self._each(compute, given, some.size, take, len(stencil.nodes), progress)) as parts:
                for a, b, found in parts:
                    yield some[a:b], found
        progress.close()

    def pair_differences(self, f: Any, x: Array, stencil: Stencil, steps: Array, pairs: Pairs, center: Any) -> Array:
        out = np.empty(pairs[0].size, VALUE_DTYPE[x.dtype.char])
        progress = Progress(self.show, len(stencil.nodes) * out.size)
        given, take = (f, x, x, steps, center), partial(_pairs_of, stencil, *pairs)
        with closing(self._each(_pairs, given, out.size, take, len(stencil.nodes), progress)) as parts:
            for a, b, found in parts:
                out[a:b] = found
        progress.close()
        self._doubt(out, f, x, x, Plan(steps, ((stencil, np.unique(pairs[0])),)))
        return out

    def expect_colors(self, evaluations: int) -> None:
        """Tell of the differences along colors that follow as one: a sparse derivative may take several calls."""
        self.progress_of_colors = Progress(self.show, evaluations)

    def color_differences(
        self,
        f: Any,
        argument: Any,
        memory: Array,
        stencil: Stencil,
        steps: Array,
        colors: Colors,
        center: Any,
        out: Array,
        middle: Array | None,
    ) -> None:
        progress = self.progress_of_colors
        given = f, argument, memory, steps, center
        take = partial(_colors_of, stencil, *colors, out.shape[1], middle is not None)
        with closing(self._each(_colors, given, len(out), take, len(stencil.nodes), progress)) as parts:
            for a, b, (found, found_middle) in parts:
                out[a:b] = found
                if middle is not None and found_middle is not None:
                    middle[...] = found_middle
        if progress.done == progress.total:
            progress.close()
        self._doubt(out, f, argument, memory, Plan(steps, ((stencil, colors[0].astype(np.intp)),)))

    def _batch(
        self, batch: Batch, f: Any, argument: Array, memory: Array, plan: Plan, out: Array, centers: Array | None
    ) -> None:
        count = memory.shape[0 if batch.axis else 1]
        evaluations = plan.evaluations(memory.size)
        progress = Progress(self.show, evaluations)
        if self.workers is None and batch.family is many_points:  # f takes all of x, and no part of it
            batch.partials(f, argument, memory, plan, out, centers)
            progress.add(evaluations)
        else:
            take = partial(self._rows_of, argument, memory, plan, centers)
            given = f, argument, memory, None, None
            with closing(self._each(_rows, given, count, take, evaluations // max(1, count), progress)) as parts:
                for a, b, found in parts:
                    out[self._index(a, b)] = found
        progress.close()
        self._doubt(out, f, argument, memory, plan)

    def _index(self, a: int, b: int) -> tuple[slice, ...]:
        """Return the index of some points of a batch, counted along its first axis that holds no components."""
        return (slice(a, b),) if self.axis else (slice(None), slice(a, b))

    def _rows_of(self, argument: Array, memory: Array, plan: Plan, centers: Array | None, a: int, b: int) -> Chunk:
        index = self._index(a, b)
        places = np.arange(memory.size).reshape(memory.shape)[index].reshape(-1)
        groups = tuple((s, None if some is None else np.flatnonzero(np.isin(places, some))) for s, some in plan.groups)
        steps = plan.steps[places] if isinstance(plan.steps, np.ndarray) else plan.steps
        # x itself, of which a complex step moves but the imaginary part
        part = np.array(argument.real[index])
        return part, steps, groups, None if centers is None else centers[a:b], (0 if self.axis else 1, a)

    def _each(
        self,
        compute: Callable[..., Any],
        given: tuple[Any, ...],
        count: int,
        take: Callable[[int, int], Chunk],
        evaluations: int,
        progress: Progress,
    ) -> Ends:
        """Yield the ends of each chunk of count items and what compute makes of it; take(a, b) is a chunk."""
        if self.workers is None:
            results = self._here(compute, given, count, take)
        else:
            results = self._elsewhere(compute, given, count, take)
        try:
            for a, b, found in results:
                progress.add((b - a) * evaluations)
                yield a, b, found
        finally:
            results.close()

    def _here(
        self, compute: Callable[..., Any], given: tuple[Any, ...], count: int, take: Callable[[int, int], Chunk]
    ) -> Ends:
        f, argument, memory, steps, center = given
        a, size = 0, 1
        while a < count:
            b, start = min(count, a + size), time.perf_counter()
            index = self._index(a, b)
            seen = (argument[index], memory[index]) if compute is _rows else (argument, memory)
            yield a, b, compute(self.serial, f, *seen, steps, center, take(a, b))
            seconds, a = time.perf_counter() - start, b
            size = size * 2 if seconds < SECONDS_A_PIECE else max(1, size // 2)

    def _elsewhere(
        self, compute: Callable[..., Any], given: tuple[Any, ...], count: int, take: Callable[[int, int], Chunk]
    ) -> Ends:
        if not count:
            return
        argument, steps, center = given[1], *given[3:]
        family = self.serial.family if isinstance(self.serial, Batch) else self.serial
        name, x = (
            "many_points" if family is many_points else "one_point",
            None if compute is _rows else np.array(argument.real),
        )
        job = Job(compute, name, self.axis, self.f, self.args, self.is_complex, x, steps, center)
        ends = list(pairwise(ends_of_chunks(self.workers, count)))
        with closing(results_of(self.workers, job, [take(a, b) for a, b in ends])) as results:
            for i, found in results:
                yield *ends[i], found

    def _doubt(self, derivatives: Array, f: Any, argument: Array, memory: Array, plan: Plan) -> None:
        """Warn if all derivatives of workers are 0 and f, here too, sees nothing of what moves in a copy of x.

        At a stationary point it does. For a complex step, an f of what it has not been given is an error.
        """
        if self.workers is None or not derivatives.size or derivatives.any() or argument is not memory:
            return
        if not self._sees_a_copy(f, memory, plan):
            warn(
                "all derivatives are exactly 0; an f that ignores its argument and reads x through a closure sees "
                "nothing of what workers perturb, which are copies"
            )

    def _sees_a_copy(self, f: Any, x: Array, plan: Plan) -> bool:
        """Return whether f is another at a copy of x of which all coordinates are moved, inside their bounds."""
        by, steps = np.zeros(x.size, VALUE_DTYPE[x.dtype.char]), steps_at(plan.steps, x)
        shares = np.random.default_rng(x.size).uniform(0.5, 1.0, x.size)  # of a saddle, equal ones may see nothing
        for stencil, some in plan.groups:
            index = slice(None) if some is None else some
            by[index] = stencil.nodes[0] * steps[index] * shares[index]
        with np.errstate(over="ignore"):
            moved = (x + by.reshape(x.shape)).astype(x.dtype)
        try:
            before, after = (self.serial.array(f, point, point) for point in (x.copy(), moved))
        except Exception:  # where all are moved, f may have no value: it sees that
            return True
        return not np.array_equal(before, after, equal_nan=True)
