"""Chunks of a differentiation computed elsewhere: what travels, through which map, and what may go wrong."""

import math
import pickle
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradfast import complex_step
from gradfast.arguments import Array, worker_count
from gradfast.calling import many_points, one_point
from gradfast.calling.batch import Batch

FAMILIES: dict[str, Any] = {"many_points": many_points, "one_point": one_point}

# How the note begins that tells an exception of f from those of pickling and of maps, which may have notes too.
FROM_F = "f raised this in a worker, with "

# Chunks for each process of a pool of ours: the last ones to end differ by so much less.
CHUNKS_A_PROCESS = 8

# Chunks, at least, for a map of which nobody knows how many workers it has.
CHUNKS_OF_A_MAP = 128

# In the namespace of each exception that a chunk raises: what else a map raises is the map's own, or its pickling's.
OF_A_CHUNK = "_gradfast_of_a_chunk"


@dataclass(frozen=True)
class Job:
    """What the chunks of one differentiation share; called with a chunk, in whatever process, it computes it.

    It perturbs a copy of x. An exception from f gets a note of the coordinates that were moved.
    """

    compute: Callable[..., Any]
    family: str
    axis: int | None
    f: Any
    args: tuple[Any, ...]
    is_complex: bool
    x: Array | None  # a chunk of a batch brings its own
    steps: Any
    center: Any

    def __call__(self, chunk: tuple[Any, ...]) -> Any:
        x = np.array(chunk[0] if self.x is None else self.x)  # in its memory order, in which f may add up
        argument = complex_step.complex_copy(x) if self.is_complex else x
        memory = argument.imag if self.is_complex else x
        family = FAMILIES[self.family]
        located = Located(self.f, self.args, argument, (0, 0) if self.x is not None else chunk[-1])
        f = complex_step.imaginary_part_of(located) if self.is_complex else located
        try:
            family = family if self.axis is None else Batch(self.axis, family)
            steps, center, *parts = (aligned(part) for part in (self.steps, self.center, *chunk))
            return self.compute(family, f, argument, memory, steps, center, tuple(parts))
        except Exception as error:
            told = portable(error)
            vars(told)[OF_A_CHUNK] = True  # which travels as notes do; a class may forbid to set attributes
            raise told from None


def aligned(part: Any) -> Any:
    """Return what travelled; an array copied if a transport left it where the loops may not read it."""
    if isinstance(part, tuple):
        return tuple(map(aligned, part))
    return np.require(part, requirements="A") if isinstance(part, np.ndarray) else part


class Located:
    """An f that notes on its exceptions where x was; it looks only then."""

    def __init__(self, f: Any, args: tuple[Any, ...], x: Array, start: tuple[int, int]) -> None:
        self.f, self.args, self.x, self.before = f, args, x, x.copy()
        self.start = np.zeros(x.ndim, int)  # of a chunk of a batch, where it begins along which axis
        if x.ndim > start[0]:
            self.start[start[0]] = start[1]

    def __call__(self, point: Any) -> Any:
        try:
            return self.f(point, *self.args)
        except Exception as error:
            error.add_note(f"{FROM_F}{self.moved(np.asarray(point))} moved")
            raise

    def moved(self, point: Array) -> str:
        """Name the coordinates of x at which a point, or one of many, is not what it was."""
        # x itself or a part of it, as a row of a batch; or copies of it along a first axis
        now = self.x if np.may_share_memory(point, self.x) else point
        before = np.broadcast_to(self.before, now.shape)
        different = (now != before) & ~(np.isnan(now) & np.isnan(before))
        there = [tuple(index[now.ndim - self.x.ndim :]) for index in np.argwhere(different).tolist()]
        if not there:
            return "no coordinate"
        names = [self._name(index) for index in (min(there), max(there))]
        return names[0] if names[0] == names[1] else f"coordinates from {names[0]} to {names[1]}"

    def _name(self, index: tuple[int, ...]) -> str:
        return f"x[{', '.join(map(str, (self.start + index).tolist()))}]" if index else "x"


def portable(error: Exception) -> Exception:
    """Return the exception, or one that tells of it if it would not survive the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        told = RuntimeError(f"f raised {type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            told.add_note(note)
        return told.with_traceback(error.__traceback__)
    return error


def checked_workers(workers: Any) -> Any:
    """Return None for one process, a number of them, or a map."""
    if workers is None or callable(workers):
        return workers
    count = worker_count(workers, "a positive integer, -1 for all cores, or a map such as pool.map")
    return None if count == 1 else count


def ends_of_chunks(workers: Any, count: int) -> list[int]:
    """Return where chunks of so many items begin and end."""
    wanted = max(CHUNKS_OF_A_MAP, math.isqrt(count)) if callable(workers) else CHUNKS_A_PROCESS * workers
    chunks = max(1, min(count, wanted))
    return [count * i // chunks for i in range(chunks + 1)]


def results_of(workers: Any, job: Job, chunks: Sequence[tuple[Any, ...]]) -> Generator[tuple[int, Any], None, None]:
    """Yield the index of each chunk and what the job makes of it."""
    run = _by_map if callable(workers) else _by_processes
    try:
        yield from run(workers, job, chunks)
    except BrokenExecutor as error:
        raise RuntimeError(
            "workers must stay alive; a process died before it returned its chunk: "
            "f crashed it, or the system killed it, as for want of memory"
        ) from error


def _by_map(workers: Any, job: Job, chunks: Sequence[tuple[Any, ...]]) -> Generator[tuple[int, Any], None, None]:
    count = 0
    try:
        results = workers(job, chunks)
        for result in results if isinstance(results, Iterable) else ():
            yield count, result
            count += 1
    except Exception as error:
        if OF_A_CHUNK not in vars(error):
            require_picklable(job, error)
        raise
    if not isinstance(results, Iterable):
        raise TypeError(f"workers must return the results of its chunks; got {results!r}")
    if count != len(chunks):
        raise ValueError(f"workers must return a result for each of {len(chunks)} chunks; got {count}")


def _by_processes(workers: int, job: Job, chunks: Sequence[tuple[Any, ...]]) -> Generator[tuple[int, Any], None, None]:
    try:
        pickled = pickle.dumps(job)
    except Exception as error:
        require_picklable(job, error)
        raise
    pool = ProcessPoolExecutor(min(workers, len(chunks)))
    try:
        futures = {pool.submit(_run, pickled, chunk): i for i, chunk in enumerate(chunks)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException:  # an f of hours is not waited for
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _run(pickled: bytes, chunk: tuple[Any, ...]) -> Any:
    return pickle.loads(pickled)(chunk)


def require_picklable(job: Job, cause: BaseException) -> None:
    """Raise TypeError if f or args cannot be pickled; that names it, and says what can."""
    for name, value in (("f", job.f), ("args", job.args)):
        try:
            pickle.dumps(value)
        except Exception as error:
            raise TypeError(
                f"{name} must be picklable to reach another process; got {value!r}, {error}. Define it at the top of "
                "a module, or give as workers a map that sends functions by value, such as joblib's or dask's"
            ) from cause
