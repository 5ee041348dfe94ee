"""A warning where all derivatives are exactly 0, since f does not see what is moved."""

import gc
from types import CodeType, FunctionType, ModuleType

import numpy as np

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast._kernels.moves import Groups, Moves
from gradfast.arguments import VALUE_DTYPE, Array, share_memory, warn
from gradfast.callables import PartOf
from gradfast.evaluators import Call, as_x, in_order, innermost, x_of
from gradfast.methods import direction_inside, random_direction
from gradfast.operator_moves import MixedStencils
from gradfast.stencils import ONE_NODE

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

# How far from x f is called to tell, in units of each coordinate.
STEP_OF_DOUBT = 2.0**-7


def doubt(operator: MixedStencils, e: Evaluator, parts: tuple[Moves, ...] | None, unmoved: Array | None) -> None:
    """Warn if f may see nothing of what is moved, since all derivatives are exactly 0.

    `unmoved` is f's value at the moved points, or at x if they are not all the same; None if it is not known.
    """
    if isinstance(operator.f, PartOf):  # a part of f's values may well be the same everywhere
        return
    if not e.n or operator.is_elementwise or operator.is_native or operator.method.is_complex:
        return
    one = innermost(e)
    call = one.opened_from
    if call is None:  # of a plain call
        assert isinstance(one, OnePoint)
        call = Call(one.f, one.args, operator.single)
    if parts is None:
        x = x_of(e)
        v, sides = random_direction(x), operator._bounds_at(e)
        v = v if sides is None else direction_inside(x, v, sides, STEP_OF_DOUBT)
        by = in_order(e, STEP_OF_DOUBT * v)
    else:
        by = np.zeros(e.n)
        for moves in parts:
            some = moves.groups.members
            by[some] = moves.stencil.nodes[0] * moves.step_of_each[some]
    warn_of_unseen(e, call, by, unmoved)


def warn_of_unseen(e: Evaluator, call: Call, by: Array, unmoved: Array | None) -> None:
    """Warn if f, whose derivatives are all exactly 0, does not see what is moved.

    One more evaluation tells, or three. They are not counted. In them all coordinates are moved, each by less than
    `by`, which is in the order in which the evaluator counts coordinates.
    """
    given = e.copied_from
    gets_copies = given is None and call.vectorized and call.axis is None
    if gets_copies:
        given = e.x
    if given is not None and not holds(call.f, given):
        return
    before = e.evaluations
    x = e.steps_from
    try:
        with np.errstate(all="ignore"):
            by = (np.random.default_rng(e.n).uniform(0.5, 1.0, e.n) * by).astype(VALUE_DTYPE[x.dtype.char])
            moved = (x + by).astype(x.dtype)
        there = _value_at_copy(e, call, moved)
        is_same = _are_same(there, e.value() if unmoved is None else unmoved)
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
    return _are_same(rest, in_place) and not _are_same(there, in_place)


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
        return not _are_same(call.at(np.array(old)).value(), rest)
    finally:
        e.x[...] = old


def _are_same(one: Array, other: Array) -> bool:
    """Return whether two values of f are the same; of a batch, those at the first points."""
    size = min(np.size(one), np.size(other))
    return np.array_equal(np.ravel(one)[:size], np.ravel(other)[:size], equal_nan=True)


def holds(f: object, x: object) -> bool:
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
