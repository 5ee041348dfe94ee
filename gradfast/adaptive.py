"""Adaptive derivatives: each coordinate's steps found by what f does there, and how wrong the result may be.

bench/RESULTS.md compares its errors, its error estimates and its evaluations with those of other packages. A linear or
quadratic f takes 4 to 6 evaluations a coordinate, and one more at x.

Each coordinate has a ladder of steps; all ladders climb together (:mod:`gradfast.ladder`). Here they meet the
operators, whose evaluator they ask for f's values. f's noise is seen in the differences themselves, so that a noisy f
needs no other method. The Hessian of f comes from second derivatives along each coordinate and each pair,
n (n + 1) / 2 ladders.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast._kernels.combine import second_derivatives_of
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import EPS, VALUE_DTYPE, Array, as_dtype
from gradfast.ladder import LEAST_SCALE, Ascent, Field, Some, climb
from gradfast.operators import ONE_NODE, Info, PreparedOperator, as_x, in_order, x_of

# Of an f of many values, this many are held at once for each rung.
MOST_VALUES = 1 << 20

SIDES = np.array(["central", "forward", "fixed", "backward"])  # by side: 0, 1, 2, -1

Values = Callable[[Array, Some], Array]


def gradient(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info]:
    """Return the derivative of an f of one number, or of one a point, along each coordinate."""
    each_point = center.reshape(-1).astype(value_dtype(e))
    centers = np.repeat(each_point, e.n // max(1, each_point.size))[:, np.newaxis]
    ascent = _ascent(e, operator, _values_of(e, operator), centers)
    info = _info(e, ascent, int(ascent.evaluations.sum()), lambda part: as_x(e, part[:, 0]))
    return as_dtype(result_dtype(e), as_x(e, ascent.value[:, 0])), info


def jacobian(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info]:
    """Return the derivatives of an f of many values along each coordinate."""
    flat = center.astype(value_dtype(e)).reshape(1, -1)
    every = _values_of(e, operator)

    def values(steps: Array, chosen: Some) -> Array:
        found = every(steps, chosen)
        operator._require_shape_of(e, center)
        return found

    ascent = _ascent(e, operator, values, np.broadcast_to(flat, (e.n, flat.size)))

    def shaped(part: Array) -> Array:
        return np.moveaxis(part, 0, -1).reshape((*center.shape, *e.x.shape))

    info = _info(e, ascent, int(ascent.evaluations.sum()), shaped)
    return as_dtype(result_dtype(e), shaped(ascent.value)), info


def derivative(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info]:
    """Return the n-th derivative at each element of x, of the shape of f's values."""
    before = e.evaluations
    centers = center.astype(value_dtype(e)).reshape(e.n, -1) if e.n else np.empty((0, 1), value_dtype(e))
    ascent = _ascent(e, operator, _values_of(e, operator), centers)
    info = _info(e, ascent, e.evaluations - before, lambda part: part.reshape(center.shape)[()])
    return as_dtype(result_dtype(e), ascent.value.reshape(center.shape))[()], info


def along(e: Evaluator, operator: PreparedOperator, center: Array, line: Any) -> tuple[Array, Info]:
    """Return the derivative at t = 0 of f at x + t v."""
    t = np.zeros(1, value_dtype(e))
    bounds = None if line.sides is None or not line.length else tuple(map(np.abs, line.ends()))

    def values(steps: Array, chosen: Some) -> Array:
        moves = Moves(Groups.together(e.n), steps[0] * line.v.reshape(-1), ONE_NODE, along=steps[0])
        return e.values(moves).reshape(1, -1)

    flat = center.astype(t.dtype).reshape(1, -1)
    ascent = _ascent(e, operator, values, flat, t, scale=np.array([line.scale]), bounds=bounds)
    info = _info(
        e,
        ascent,
        int(ascent.evaluations.sum()),
        lambda part: part.reshape(center.shape)[()],
        lambda part: part.reshape(()),
    )
    return as_dtype(result_dtype(e), ascent.value.reshape(center.shape))[()], info


def at_coordinates(
    e: Evaluator, operator: PreparedOperator, center: float, chosen: Some, shorter: float = 1.0
) -> Ascent:
    """Return the climb along some coordinates of an f of one number; its first steps are shortened by a factor."""
    every = _values_of(e, operator)
    x = e.steps_from[chosen]
    centers = np.broadcast_to(np.asarray(center, value_dtype(e)), (chosen.size, 1))
    scale = None if shorter == 1 else shorter * np.maximum(np.abs(x), LEAST_SCALE).astype(float)
    return _ascent(e, operator, lambda steps, some: every(steps, chosen[some]), centers, x, scale=scale)


def hessian(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info]:
    """Return the Hessian of f, from its second derivatives along each coordinate and along pairs of them.

    Of the pair's line, in steps that suit each coordinate's size, it is half of what the two
    coordinates' own do not explain; errors add up.
    """
    dtype, x = value_dtype(e), e.steps_from
    size = np.abs(x).astype(float)
    scales = 2.0 ** np.round(np.log2(np.maximum(np.where(np.isfinite(size), size, 1), 0.5)))
    room = _room(e, operator, scales)
    # A step of 1 goes to the side that has more room, so that each pair has some.
    scales[room[1] < room[0]] *= -1
    room = np.sort(room, axis=0)
    first, second = np.tril_indices(e.n)
    in_scales = scales.astype(dtype)

    def values(steps: Array, chosen: Some) -> Array:
        found = np.empty((chosen.size, 1), dtype)
        for step in np.unique(steps):
            some = np.flatnonzero(steps == step)
            pairs = _pairs(e.n, first[chosen[some]], second[chosen[some]])
            found[some, 0] = e.values(Moves(pairs, in_scales, Stencil((float(step),), (1,), 1)))
        return found

    centers = np.broadcast_to(center.astype(dtype), (first.size, 1))
    below, above = np.minimum(room[:, first], room[:, second])
    ascent = _ascent(
        e, operator, values, centers, np.zeros(first.size, x.dtype), scale=np.ones(first.size), bounds=(below, above)
    )
    shape, own = e.x.shape, first == second
    fixed = ascent.side[own] == 2
    # f along a line in t, of scales a coordinate: what is known of lines are sums of a stencil whose divisor is 1.
    lines = Moves(Groups.pairs(e.n), in_scales, Stencil((1,), (1,), 1, n=2))
    out = _symmetric(second_derivatives_of(ascent.value[:, 0], lines), first, second)
    out[fixed], out[:, fixed] = 0, 0
    info = Info(
        int(ascent.evaluations.sum()),
        np.abs(ascent.step[own] * scales).reshape(shape),
        np.where(fixed, "fixed", SIDES[np.where(scales < 0, -1, 1) * ascent.side[own]]).reshape(shape),
        _error_of_pairs(ascent.error[:, 0], first, second, np.abs(scales)).reshape(shape * 2),
        _symmetric(
            ascent.converged[:, 0] & ascent.converged[own, 0][first] & ascent.converged[own, 0][second], first, second
        ).reshape(shape * 2),
    )
    return as_dtype(result_dtype(e), out.reshape(shape * 2)), info


def _pairs(n: int, first: Some, second: Some) -> Groups:
    """Return pairs of coordinates as groups; one coordinate where both are the same."""
    counts = 1 + (first != second)
    members = np.stack([second, first], axis=1)[np.stack([np.ones(first.size, bool), first != second], axis=1)]
    return Groups.listed(n, np.concatenate([[0], np.cumsum(counts)]), members)


def _symmetric(lines: Array, first: Some, second: Some) -> Array:
    """Return what is known of each pair as a symmetric matrix."""
    n = int(first.max(initial=-1)) + 1
    out = np.zeros((n, n), lines.dtype)
    out[first, second] = out[second, first] = lines
    return out


def _error_of_pairs(errors: Array, first: Some, second: Some, scales: Array) -> Array:
    """Return the errors of second derivatives from those along lines: they add up."""
    own = errors[first == second]
    both = np.where(first == second, errors, (errors + (own[first] + own[second])) / 2)
    return _symmetric(both / (scales[first] * scales[second]), first, second)


def _room(e: Evaluator, operator: PreparedOperator, scales: Array) -> Array:
    """Return how many scales bounds are below and above each coordinate."""
    if operator._sides is None:
        return np.full((2, scales.size), np.inf)
    x = x_of(e)
    sides = operator._bounds_at(e) or ()
    return np.array([np.abs(side - x.reshape(-1)).astype(float) / scales for side in sides])


def _values_of(e: Evaluator, operator: PreparedOperator) -> Values:
    """Return f's values where each of some coordinates is moved, alone or with others that do not change its values."""
    groups = operator._groups(e)
    is_each = groups.count == e.n and not operator.is_elementwise

    def values(steps: Array, chosen: Some) -> Array:
        everywhere = np.zeros(e.n, steps.dtype)
        everywhere[chosen] = steps
        if is_each:
            each = groups if chosen.size == e.n else Groups.each(e.n, chosen)
            values_of_each = e.values(Moves(each, everywhere, ONE_NODE))
            e._learn(values_of_each.shape[1:])
            return values_of_each.reshape(chosen.size, -1)
        found = e.values(Moves(groups, everywhere, ONE_NODE))
        if operator.is_elementwise:
            return found.reshape(e.n, -1)[chosen]
        return found.reshape(groups.count, -1).T.reshape(-1, 1)[
            chosen
        ]  # columns of a batch, in the order of coordinates

    return values


def value_dtype(e: Evaluator) -> Any:
    """Return what f's values are computed in."""
    return VALUE_DTYPE[e.x.dtype.char]


def result_dtype(e: Evaluator) -> Any:
    return e.dtype or e.x.dtype


def _ascent(
    e: Evaluator,
    operator: PreparedOperator,
    values: Values,
    centers: Array,
    x: Array | None = None,
    scale: Array | None = None,
    bounds: tuple[Array, Array] | None = None,
) -> Ascent:
    """Return the climb from x, as many coordinates at a time as there is room for."""
    flat = e.steps_from if x is None else x
    if bounds is None and scale is None and operator._sides is not None:
        lower, upper = (in_order(e, side) for side in operator._bounds_at(e) or ())
        bounds = (flat - lower).astype(float), (upper - flat).astype(float)
    room = bounds or (np.full(flat.size, np.inf), np.full(flat.size, np.inf))
    char, method = e.x.dtype.char, operator.method
    count = max(1, MOST_VALUES // max(1, centers.shape[1]))
    parts = []
    for start in range(0, max(1, flat.size), count):
        part = slice(start, start + count)

        def of_part(steps: Array, chosen: Some, start: int = start) -> Array:
            return values(steps.astype(VALUE_DTYPE[char]), chosen + start)

        field = Field(
            of_part,
            centers[part],
            flat[part],
            None if scale is None else scale[part],
            (room[0][part], room[1][part]),
            EPS[char],
            method.tolerance(char),
            method.max_evaluations,
            operator.n,
        )
        parts.append(climb(field))
    names = Ascent.__dataclass_fields__
    return parts[0] if len(parts) == 1 else Ascent(*(np.concatenate([getattr(a, k) for a in parts]) for k in names))


def _info(
    e: Evaluator,
    ascent: Ascent,
    evaluations: int,
    shaped: Callable[[Array], Any],
    as_steps: Callable[[Array], Array] | None = None,
) -> Info:
    """Return what was done: `shaped` gives what is known of each result its shape, `as_steps` of each coordinate."""
    # The result is rounded to x's own precision, which compiled f, moved in double, does not know of.
    dtype = result_dtype(e)
    error = shaped(np.fmax(ascent.error, EPS[dtype.char] * np.abs(ascent.value)))
    as_steps = as_steps or (lambda part: as_x(e, part))
    steps, schemes = as_steps(ascent.step), as_steps(SIDES[ascent.side])
    return Info(evaluations, steps, schemes, as_dtype(dtype, np.asarray(error))[()], shaped(ascent.converged))
