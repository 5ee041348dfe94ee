"""How f is called at an x, what an evaluator knows of x, and whether f sees what is moved.

A new way of calling f is a class with the methods of :class:`gradfast._kernels.evaluator.Evaluator`. A wrapper is a
subclass that overrides ``values(moves)``; workers.py has others. An f whose class has a method
``evaluator_at(call, x, places)`` is called through the evaluator that this returns.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import NamedTuple

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import Named, OnePoint, WholeBatch
from gradfast._kernels.evaluator_of_copies import Copies, Elements, ManyPoints
from gradfast._kernels.memory import add_note
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.native_evaluator import Native
from gradfast._kernels.native_function import NativeFunction
from gradfast.parameters import Layout, is_labeled
from gradfast.stencils import ONE_NODE
from gradfast.steps.methods import complex_copy, imaginary_part_of
from gradfast.values.arguments import RAVELED, VALUE_DTYPE, Arguments, Array, Function, as_dtype, share_memory, warn

Parts = tuple[Moves, ...]  # what an operator asks for: moves for each stencil in use


class Call(NamedTuple):
    """f, its arguments, and how it is called: what an evaluator is opened from, here or in another process."""

    f: Function
    args: Arguments = ()
    single: bool = False  # f's value is to be one number a point
    axis: int | None = None  # along which the components of a batch lie
    vectorized: bool = False
    is_complex: bool = False
    is_elementwise: bool = False
    threads: int = 1  # of compiled f
    outputs: int = -1  # how many values compiled f writes, if it does not say so
    takes_both: bool = False  # whether compiled f may return a number or write an array
    layout: Layout | None = None  # of parameters by name, of which x is a flat copy
    forgives: bool = False  # whether an exception of f at a moved point is a value of NaN

    def at(self, x: Array, places: Sequence[object] | None = None) -> Evaluator:
        """Return the evaluator at x, an array that can be moved; of parameters, some may be in places of their own."""
        own = getattr(type(self.f), "evaluator_at", None)
        evaluator: Evaluator = self._opened(x, places) if own is None else own(self.f, self, x, places)
        innermost(evaluator).opened_from = self
        return NanOnError(evaluator) if self.forgives else evaluator

    def _opened(self, x: Array, places: Sequence[object] | None) -> Evaluator:
        if type(self.f) is NativeFunction and not self.is_elementwise:
            return Native(self.f, x, self.single, self.axis, self.threads, self.outputs, self.takes_both)
        f, z = (imaginary_part_of(self.f), complex_copy(x)) if self.is_complex else (self.f, None)
        kind: type[OnePoint | Copies] = OnePoint
        if self.is_elementwise:
            kind = Elements
        elif self.vectorized:
            kind = ManyPoints if self.axis is None else WholeBatch
        if self.layout is not None:
            evaluator: Evaluator = Named(f, x, self.args, self.single, self.layout, places, z)
        else:
            evaluator = kind(f, x, self.args, self.single, self.axis, z)
        if self.is_complex:
            evaluator.at_x = self._replace(is_complex=False).at(x)
        return evaluator


# Kinds of x of which nobody expects that f gets more than an array.
PLAIN = (np.ndarray, np.generic, float, int, list, tuple, type(None))


@contextmanager
def opened(evaluator: Evaluator) -> Iterator[Evaluator]:
    """Let an evaluator be worked with: afterwards x is what it was; ValueError if f changed it."""
    try:
        yield evaluator
    except BaseException as error:
        evaluator.put_back()
        explain(evaluator, error)
        raise
    evaluator.close()


def explain(e: Evaluator, error: BaseException) -> None:
    """Add a note to an exception of an f that may have looked for labels, or whatever else x has, in an array."""
    given = e.copied_from
    if isinstance(error, (LookupError, AttributeError)) and e.layout is None and not isinstance(given, PLAIN):
        advice = f"; {RAVELED}" if is_labeled(given) else ", in an array"
        add_note(error, f"f was called with the values of x, a {type(given).__name__}{advice}")


class NanOnError(Evaluator):
    """Values of another evaluator, and NaN for those at which f raises an exception; not so at x itself.

    f is called point by point, but for a vectorized one, until it raises an exception.
    """

    def values(self, moves: Moves) -> Array:
        if isinstance(self.inner, ManyPoints):
            together = self._values_or_none(moves)
            if together is not None:
                return together
        rows = [self._values_or_none(moves.part(row, row + 1)) for row in range(len(moves))]
        if not self.inner.is_known:  # all failed, and NaN is to have the shape of f's value
            self.inner.value()
        missing = np.full((1, *self.inner.value_shape()), np.nan, VALUE_DTYPE[self.base.dtype.char])
        return np.concatenate([missing[:0], *(missing if found is None else found for found in rows)])

    def _values_or_none(self, moves: Moves) -> Array | None:
        """Return values, or None if f raised an exception; others are raised."""
        self.inner.failed = -1
        try:
            return self.inner.values(moves)
        except Exception as error:
            if not self.inner._is_of_f(error):
                raise
        return None

    def rows_at_once(self) -> int:
        return self.inner.rows_at_once()


# --- x and its coordinates --------------------------------------------------------------------------------------------


def innermost(e: Evaluator) -> Evaluator:
    """Return the evaluator that calls f, without its wrappers."""
    while e.inner is not None:
        e = e.inner
    return e


def call_of(e: Evaluator) -> Call:
    """Return how f is called at e's x."""
    one = innermost(e)
    if one.opened_from is not None:
        return one.opened_from
    assert isinstance(one, OnePoint)  # of a plain call
    return Call(one.f, one.args, one.single)


def x_of(e: Evaluator) -> Array:
    """Return x as it was when the evaluator was opened: a read-only array of x's shape."""
    return as_x(e, e.steps_from)


def as_x(e: Evaluator, flat: Array) -> Array:
    """Return what is known of each coordinate in the shape of x."""
    shaped = flat.reshape(e.base.shape)
    return shaped if e.axis is None else np.ascontiguousarray(np.moveaxis(shaped, -1, e.axis))


def in_dtype_of_x(e: Evaluator, derivatives: Array) -> Array:
    """Return derivatives in the dtype of x, or in the one that they are to have; what has no axes as a number."""
    found = as_dtype(e.dtype or e.base.dtype, derivatives)
    return found if found.ndim else found[()]


def shape_of(e: Evaluator) -> tuple[int, ...]:
    """Return the shape of x, which may be of a subclass that tells another."""
    shape: tuple[int, ...] = (e.base if e.axis is None else np.moveaxis(e.base, -1, e.axis)).shape
    return shape


def as_counted(e: Evaluator, array: Array) -> Array:
    """Return what is known of each coordinate of x, flat, in the order in which the evaluator counts them."""
    return array.reshape(-1) if e.axis is None else np.moveaxis(array.reshape(shape_of(e)), e.axis, -1).reshape(-1)


# --- whether f sees what is moved -------------------------------------------------------------------------------------

READS_ANOTHER = (
    "an f that ignores its argument and reads x through a closure sees nothing of what is moved, which is a copy of x. "
    "Let f use its argument; or, without workers and vectorized, give x as a writable array of float64"
)
KEEPS_X = (
    "f has another value at a copy of x. It seems to keep x, as a cache does, and to take it for unchanged at the next "
    "call: x is moved in place, and is the same array. Let f keep a copy, x.copy()"
)

# Objects of which it is looked at whether f holds x through them.
MOST_HELD = 10_000


def warn_of_unseen(e: Evaluator, call: Call, by: Array, everywhere: Array | None) -> None:
    """Warn if f, whose derivatives are all exactly 0, does not see what is moved.

    One more evaluation tells, or three. They are not counted. In them all coordinates are moved, each by less than
    `by`, which is in the order in which the evaluator counts coordinates. `everywhere` is f's value at the moved points
    if it was the same at all, or f's value at x; None if neither is known.
    """
    given = e.copied_from
    gets_copies = given is None and call.vectorized and call.axis is None
    if gets_copies:
        given = e.x
    if given is not None and not reaches(call.f, given):
        return
    before = e.evaluations
    x = e.steps_from
    try:
        with np.errstate(all="ignore"):
            by = (np.random.default_rng(e.n).uniform(0.5, 1.0, e.n) * by).astype(VALUE_DTYPE[x.dtype.char])
            moved = (x + by).astype(x.dtype)
        there = _value_at_copy(e, call, moved)
        is_same = _same_values(there, e.value() if everywhere is None else everywhere)
        if given is None:
            is_blind = not is_same and _keeps_x(e, there, by)
        else:  # f holds the array that x was copied from, and has the same value at another copy
            is_blind = is_same and (not gets_copies or _reads(e, call, moved))
    except Exception:  # where all are moved, f may have no value: it sees that
        return
    finally:
        e._count(before - e.evaluations)
        innermost(e).close()
    if is_blind:
        warn(f"all derivatives are exactly 0; {KEEPS_X if given is None else READS_ANOTHER}")


def _keeps_x(e: Evaluator, there: Array, by: Array) -> bool:
    """Return whether f keeps x, which is moved in place, and takes the moved x for unchanged, as a cache does.

    `there` is f's value at a copy of the moved x: such an f has another value at the moved x itself, that at x.
    """
    rest, in_place = (innermost(e).values(Moves(Groups.together(e.n), far, ONE_NODE)) for far in (0 * by, by))
    return _same_values(rest, in_place) and not _same_values(there, in_place)


def _value_at_copy(e: Evaluator, call: Call, flat: Array) -> Array:
    """Return f's value at a copy of x that holds other numbers; of a batch of which f gets one point, at the first."""
    point = np.array(e.x)  # in its memory order, in which f may add up
    point[...] = as_x(e, flat)
    if call.axis is not None and not call.vectorized:
        point = np.array(np.moveaxis(point, call.axis, -1)[(0,) * (point.ndim - 1)])
        call = call._replace(axis=None)
    return call.at(point).value()


def _reads(e: Evaluator, call: Call, flat: Array) -> bool:
    """Return whether f's value at a copy of x is another while x itself holds other numbers."""
    if not e.x.flags.writeable:
        return True
    old = np.array(e.x)
    rest = call.at(np.array(old)).value()
    try:
        e.x[...] = as_x(e, flat)
        return not _same_values(call.at(np.array(old)).value(), rest)
    finally:
        e.x[...] = old


def _same_values(one: Array, other: Array) -> bool:
    """Return whether two values of f are the same; of a batch, those at the first points."""
    size = min(np.size(one), np.size(other))
    return np.array_equal(np.ravel(one)[:size], np.ravel(other)[:size], equal_nan=True)


def reaches(f: object, x: object) -> bool:
    """Return whether a function can reach an object, or an array its memory, through what it names or is made of."""
    seen: set[int] = set()
    todo: list[object] = [f]
    while todo and len(seen) < MOST_HELD:
        one = todo.pop()
        kind = type(one)  # isinstance would ask the __class__ of lazy objects, which may compute or raise
        if one is x or (issubclass(kind, np.ndarray) and share_memory(one, x)):
            return True
        if id(one) in seen or issubclass(kind, (ModuleType, type)):
            continue
        seen.add(id(one))
        if type(one) is not FunctionType:
            todo += gc.get_referents(one)
            continue
        names = _names_in(one.__code__) & one.__globals__.keys()
        todo += [*(one.__closure__ or ()), one.__defaults__, one.__kwdefaults__, vars(one)]
        todo += [one.__globals__[name] for name in names]
    return False


def _names_in(code: CodeType) -> set[str]:
    """Return the names that a function's code uses, and that of the functions in it."""
    inner = (_names_in(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)
