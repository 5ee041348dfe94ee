"""How f is called at an x, and what an evaluator knows of x.

A new way of calling f is a class with the methods of :class:`gradfast._kernels.evaluator.Evaluator`. A wrapper is a
subclass that overrides ``values(moves)``; workers.py has others. An f whose class has a method
``evaluator_at(call, x, places)`` is called through the evaluator that this returns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint, WholeBatch
from gradfast._kernels.evaluator_of_copies import Copies, Elements, ManyPoints
from gradfast._kernels.evaluator_of_parameters import Named
from gradfast._kernels.memory import add_note
from gradfast._kernels.moves import Moves
from gradfast._kernels.native_evaluator import Native
from gradfast._kernels.native_function import NativeFunction
from gradfast.arguments import RAVELED, VALUE_DTYPE, Arguments, Array, Function
from gradfast.methods import complex_copy, imaginary_part_of
from gradfast.parameters import Layout, is_labeled


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
    """Add a note to an exception of an f that may have looked for labels in an array."""
    if isinstance(error, (LookupError, AttributeError)) and e.layout is None and is_labeled(e.copied_from):
        add_note(error, f"f was called with the values of x, a {type(e.copied_from).__name__}; {RAVELED}")


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
    call = innermost(e).opened_from
    assert call is not None
    return call


def x_of(e: Evaluator) -> Array:
    """Return x as it was when the evaluator was opened: a read-only array of x's shape."""
    return as_x(e, e.steps_from)


def as_x(e: Evaluator, flat: Array) -> Array:
    """Return what is known of each coordinate in the shape of x."""
    shaped = flat.reshape(e.base.shape)
    return shaped if e.axis is None else np.ascontiguousarray(np.moveaxis(shaped, -1, e.axis))


def shape_of(e: Evaluator) -> tuple[int, ...]:
    """Return the shape of x, which may be of a subclass that tells another."""
    shape: tuple[int, ...] = (e.base if e.axis is None else np.moveaxis(e.base, -1, e.axis)).shape
    return shape


def in_order(e: Evaluator, array: Array) -> Array:
    """Return what is known of each coordinate of x, flat, in the order in which the evaluator counts them."""
    return array.reshape(-1) if e.axis is None else np.moveaxis(array.reshape(shape_of(e)), e.axis, -1).reshape(-1)
