"""Evaluators that wrap another: f's values in pieces, through workers or with progress told."""

import math
import pickle
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from gradfast._kernels.evaluator import CoarserError, Evaluator
from gradfast._kernels.memory import add_note
from gradfast._kernels.moves import Groups, Moves
from gradfast.calls.evaluators import Call
from gradfast.calls.processes import DIED, Processes, portable
from gradfast.values.arguments import Array, Function, imported

# Chunks for each process of a pool of ours: with more of them the processes end at more nearly the same time.
CHUNKS_A_PROCESS = 8

# Chunks, at least, for a map of which nobody knows how many workers it has.
CHUNKS_OF_A_MAP = 128

# Attribute set on every exception that a chunk raises. One without it comes from the map itself or from pickling.
OF_A_CHUNK = "_gradfast_of_a_chunk"

# What an error says if a function or its arguments cannot be sent: words of pickle, multiprocessing and dask.
SAYS_PICKLING = re.compile("pickl|serializ|local object", re.IGNORECASE)

# What workers may send back at once.
MOST_BYTES = 1 << 26

# A progress bar appears only if the work lasts longer than this many seconds.
SECONDS_OF_SILENCE = 1.0


class InPieces(Evaluator):
    """f's values, put together of the pieces that :meth:`pieces` yields."""

    def values(self, moves: Moves) -> Array:
        out: Array | None = None
        try:
            for first, last, found in self.pieces(moves):
                if out is None:
                    out = np.empty((len(moves), *found.shape[1:]), found.dtype)
                out[first:last] = found
        except RuntimeError as error:
            if isinstance(error.__cause__, StopIteration):  # f's, which no generator lets through
                raise error.__cause__ from None
            raise
        return np.empty((0, *(self.value_shape() if self.is_known else ()))) if out is None else out

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.leave()

    def put_back(self) -> None:
        super().put_back()
        self.leave(at_once=True)

    def leave(self, at_once: bool = False) -> None:
        """Leave what served the values; at once, if f or the caller wants no more of them."""


class Progress(InPieces):
    """Values of another evaluator, with the evaluations told that are done: by a bar, or to ``show(done, total)``."""

    def __init__(self, inner: Evaluator, show: object) -> None:
        super().__init__(inner)
        self.show, self.done, self.total = show, 0, 0
        self.bar: Any = None
        self.tqdm = imported("tqdm", "a progress bar needs tqdm", "progress").tqdm if show is True else None

    def expect(self, total: int) -> None:
        """Begin to count: `total` evaluations are to come."""
        self.done, self.total = 0, total
        if self.tqdm is not None:
            self.bar = self.tqdm(total=total, unit=" evaluations", delay=SECONDS_OF_SILENCE)

    def values(self, moves: Moves) -> Array:
        if self.done == self.total:  # an algorithm that does not know how many are to come
            count = len(moves) * self.points_a_row
            if not self.total:
                self.expect(count)
            else:
                self.total += count
                if self.bar is not None:
                    self.bar.total = self.total
        return super().values(moves)

    def pieces(self, moves: Moves) -> Iterator[tuple[int, int, Array]]:
        for first, last, found in self.inner.pieces(moves):
            count = (last - first) * self.points_a_row
            self.done += count
            if self.bar is not None:
                self.bar.update(count)
            elif callable(self.show):
                self.show(self.done, self.total)
            yield first, last, found

    def rows_at_once(self) -> int:
        return self.inner.rows_at_once()

    def leave(self, at_once: bool = False) -> None:
        if self.bar is not None:
            self.bar.close()


class Workers(InPieces):
    """f's values through a map of workers, or through processes of our own.

    Moves are cut into chunks; f, its arguments and x travel with each, so that f must be picklable and what it reads
    through a closure is not moved there. Of a batch, a chunk has the points that it moves.
    """

    def __init__(self, inner: Evaluator, call: Call, workers: Function | int, pool: Processes | None = None) -> None:
        super().__init__(inner)
        self.call, self.workers = call, workers
        self.is_batch = self.axis is not None and not call.vectorized
        self.pool = Processes(workers) if pool is None and not callable(workers) else pool
        self.keeps_pool = pool is not None
        # x in its memory order, in which f may add up.
        self.job = Job(call, None if self.is_batch else np.array(self.x), None)

    def pieces(self, moves: Moves) -> Iterator[tuple[int, int, Array]]:
        ends = list(pairwise(ends_of_chunks(self.workers, len(moves))))
        chunks = [Chunk(i, self._part(moves, first, last)) for i, (first, last) in enumerate(ends)]
        left = set(range(len(chunks)))
        for result in self._results(chunks):
            if not self._is_result(result, ends):
                raise TypeError(f"workers must return the result of each chunk; got {result!r}")
            i, found = result
            first, last = ends[i]
            if i not in left:
                raise ValueError(f"workers must return the result of each chunk once; got that of chunk {i} twice")
            left.remove(i)
            self._learn(found.shape[1:])
            self._count(len(found) * self.points_a_row)
            yield first, last, found

    def _is_result(self, result: object, ends: list[tuple[int, int]]) -> TypeGuard["Result"]:
        """Return whether a map returned what may be f's values for the moves of a chunk."""
        if not isinstance(result, Result) or not isinstance(result.values, np.ndarray):
            return False
        found, (first, last) = result.values, ends[result.number]
        if found.dtype.kind != "f" or found.shape[:1] != (last - first,):
            return False
        return not self.single or found.size == (last - first) * self.width

    def _results(self, chunks: "list[Chunk]") -> Iterator[object]:
        job = replace(self.job, precision=self.precision if self.minds_precision else None)
        try:
            with closing(
                _by_map(self.workers, job, chunks) if self.pool is None else _by_pool(self.pool, job, chunks)
            ) as results:
                yield from results
        except CoarserError:
            self._count(self.points_a_row)  # by the chunk that stopped at its first value
            raise
        except StoppedError as error:
            raise error.args[0] from None

    def rows_at_once(self) -> int:
        if not self.is_known:
            return CHUNKS_OF_A_MAP if callable(self.workers) else CHUNKS_A_PROCESS * int(self.workers)
        return max(1, MOST_BYTES // max(1, 8 * self.width))

    def leave(self, at_once: bool = False) -> None:
        if self.pool is not None and not self.keeps_pool:
            self.pool.end(at_once)

    def _part(self, moves: Moves, first: int, last: int) -> "Moves | Slab":
        """Return some rows of moves; of a batch, with the slab of x that holds the points that they move."""
        if not self.is_batch or first == last:
            return moves.part(first, last)
        size, slabs = moves.stencil.size, self.base.shape[0]
        groups = range((moves.first + first) // size, (moves.first + last - 1) // size + 1)
        some = np.array([i for group in groups for i in moves.groups[group]])
        width = self.n // slabs  # coordinates of a slab: the points along x's other axes
        begin, end = int(some.min()) // width, int(some.max()) // width + 1
        along = 1 if self.axis == 0 else 0
        x = np.array(self.x[(slice(None),) * along + (slice(begin, end),)])
        steps = moves.step_of_each[begin * width : end * width]
        local = Moves(Groups.each(len(steps), some - begin * width), steps, moves.stencil)
        start = moves.first + first - groups.start * size
        return Slab(x, begin, local.part(start, start + last - first))


@dataclass(frozen=True)
class Slab:
    """Some points of a batch, where they begin along its first axis of points, and moves of them."""

    x: Array
    first: int
    moves: Moves


class Chunk(NamedTuple):
    """Moves for one call of the job."""

    number: int  # among the chunks: a map may return results in any order
    part: Moves | Slab


class Result(NamedTuple):
    """f's values for the moves of a chunk."""

    number: int
    values: Array


@dataclass(frozen=True)
class Job:
    """What the chunks of one differentiation share; called with a chunk, in whatever process, it returns f's values."""

    call: Call
    x: Array | None  # or None of a batch, whose chunks have points of their own
    precision: str | None  # that steps are made for, if f's first value is to be no coarser

    def __call__(self, *given: Chunk) -> Result:
        chunk = given[0] if len(given) == 1 else None
        if not isinstance(chunk, Chunk):  # a map that takes chunks apart, as starmap does
            error = TypeError(f"workers must call a function with one chunk, as map does; it called it with {given!r}")
            vars(error)[OF_A_CHUNK] = True
            raise error
        part = chunk.part
        x, moves = (part.x, part.moves) if isinstance(part, Slab) else (self.x, part)
        evaluator = self.call.at(np.array(x))  # a copy: chunks may run on threads
        evaluator.first_slab = part.first if isinstance(part, Slab) else 0
        if self.precision is not None:
            evaluator.precision, evaluator.minds_precision = self.precision, True
        try:
            values = evaluator.values(moves)
            evaluator.close()
        except StopIteration as error:  # which would end a lazy map, as if there were no more chunks
            raise StoppedError(portable(error)) from error
        except Exception as error:
            arriving = portable(error)
            vars(arriving)[OF_A_CHUNK] = True  # which travels as notes do; a class may forbid to set attributes
            raise arriving from None
        return Result(chunk.number, values)


class StoppedError(Exception):
    """f raised StopIteration, which this holds."""


def ends_of_chunks(workers: Function | int, count: int) -> list[int]:
    """Return where the chunks of `count` rows begin and end."""
    wanted = max(CHUNKS_OF_A_MAP, math.isqrt(count)) if callable(workers) else CHUNKS_A_PROCESS * workers
    chunks = max(1, min(count, wanted))
    return [count * i // chunks for i in range(chunks + 1)]


def _by_map(workers: Any, job: Job, chunks: Sequence[Chunk]) -> Generator[object, None, None]:
    from concurrent.futures import BrokenExecutor  # imported here: it takes longer than all of gradfast

    count, results = 0, None
    try:
        results = workers(job, chunks)
        for result in results if isinstance(results, Iterable) else ():
            count += 1
            if count > len(chunks):  # perhaps without end
                break
            yield result
    except BrokenExecutor as error:
        raise RuntimeError(DIED) from error
    except Exception as error:
        if OF_A_CHUNK not in vars(error):
            if SAYS_PICKLING.search(str(error)):
                require_picklable(job, error)
            add_note(error, "workers was called as a map: workers(function, chunks)")
        raise
    if not isinstance(results, Iterable):
        raise TypeError(f"workers must return the results of its chunks; got {results!r}")
    if count != len(chunks):
        found = f"{count} or more" if count > len(chunks) else count
        raise ValueError(f"workers must return a result for each of {len(chunks)} chunks; got {found}")


def _by_pool(pool: Processes, job: Job, chunks: Sequence[Chunk]) -> Generator[object, None, None]:
    try:
        pickled = pickle.dumps(job)
    except Exception as error:
        require_picklable(job, error)
        raise
    return pool.results(pickled, chunks)


def require_picklable(job: Job, cause: BaseException) -> None:
    """Raise TypeError if f or args cannot be pickled; that names it, and says what can."""
    for name, value in (("f", job.call.f), ("args", job.call.args)):
        try:
            pickle.dumps(value)
        except Exception as error:
            raise TypeError(
                f"{name} must be picklable to reach another process; got {value!r}, {error}. Define it at the top of "
                "a module, or give as workers a map that sends functions by value, such as joblib's or dask's"
            ) from cause
