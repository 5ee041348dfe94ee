"""Adaptive derivatives: f is looked at where that tells most, and the result has an error bar.

The page ``guide/how-adaptive-works`` of the documentation tells how. Of the kernels, ``adaptive_search`` holds what was
seen of f, ``adaptive_next_look`` decides where f is looked at next, and ``adaptive_fit`` makes a derivative and its bar
of f's values. Here they meet the operators, whose evaluator they ask for f's values.
"""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradfast._kernels.adaptive_search import Search
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.algorithms.adaptive_complex import ComplexSearch, ComplexValues, DifferentError
from gradfast.calls.evaluators import as_counted, as_x
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.stencils import ONE_NODE
from gradfast.values.arguments import EPS, VALUE_DTYPE, Array, Flags, Function, Some, as_dtype
from gradfast.values.info import Info, Look

# Of an f of many values, the looks at this many are held at once.
MOST_VALUES = 1 << 18

# A result whose error bar is at most this part of its value has converged.
CONVERGED = 1e-6

# The first step of pairs, in units of what suited each coordinate alone, as a Search counts it.
FIRST_OF_PAIRS = 8.0

# Bits of x's precision.
DIGITS = {char: np.finfo(char).nmant + 1 for char in "fd"} | {"g": 1 - round(np.log2(EPS["g"]))}

PAIR = Stencil((1, -1), (1, 1), 1)
FIXED = 2
SIDES = np.array(["central", "forward", "fixed", "complex", "backward"])  # by side: 0, 1, 2, 3, -1

# Rows of f's values where some lines are moved by each node of a stencil.
Values = Callable[[Array, Some, Stencil], Array]


@dataclass
class Found:
    """Derivatives along lines, coordinates or others: a row for each, a column for each of f's values."""

    value: Array
    error: Array
    converged: Flags
    step: Array  # the longest of each line's best fit
    side: Some  # 0 both sides of x, 1 above, -1 below, 2 none: bounds hold x fixed; 3 by complex points
    evaluations: int
    searches: list[Search]  # what was seen of f, some lines each
    trace: list[Look]  # what was tried, in order, if that is wanted


def gradient(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info | None]:
    """Return the derivative of an f of one number, or of one a point, along each coordinate."""
    found = _along_coordinates(e, operator, np.repeat(center.reshape(-1), e.n // max(1, center.size)).reshape(-1, 1))
    return _answer(e, operator, found, lambda part: as_x(e, part[:, 0]))


def jacobian(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info | None]:
    """Return the derivatives of an f of many values along each coordinate."""
    own = _values_of(e, operator._groups(e), operator.is_elementwise)

    def values(steps: Array, chosen: Some, stencil: Stencil) -> Array:
        rows = own(steps, chosen, stencil)
        operator._require_shape_of(e, center)  # which the caller may have given
        return rows

    centers = np.broadcast_to(center.reshape(-1), (e.n, center.size))
    found = _found(e, operator, values, centers, _places(e, operator))
    return _answer(e, operator, found, lambda part: np.moveaxis(part, 0, -1).reshape((*center.shape, *e.base.shape)))


def derivative(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info | None]:
    """Return the n-th derivative at each element of x, of the shape of f's values."""
    before, centers, found = e.evaluations, center.reshape(e.n, -1) if e.n else center.reshape(0, 1), None
    if operator.method.complex and operator.n > 1 and operator.method.tolerance(e.precision) <= CONVERGED:
        with np.errstate(all="ignore"), suppress(DifferentError):
            values = ComplexValues(e, centers, _values_of(e, operator._groups(e), operator.is_elementwise))
            found = _found(e, operator, values, values.center, _places(e, operator))
    found = found or _along_coordinates(e, operator, centers)
    found.evaluations = e.evaluations - before  # one moves all elements
    return _answer(e, operator, found, lambda part: part.reshape(center.shape)[()])


def along(e: Evaluator, operator: PreparedOperator, center: Array, line: Any) -> tuple[Array, Info | None]:
    """Return the derivative at t = 0 of f at x + t v."""

    def values(steps: Array, chosen: Some, stencil: Stencil) -> Array:
        return e.values(Moves(Groups.together(e.n), steps[0] * line.v.reshape(-1), stencil, along=steps[0]))

    reach, bounds = 0.0, (np.inf, np.inf)
    if line.length:
        with np.errstate(all="ignore"):
            reach = np.nanmin(_places(e, operator)[2] / np.abs(line.v).reshape(-1), initial=np.inf)
        bounds = bounds if line.sides is None else np.abs(line.ends()).reshape(-1)
    places = np.array([[0.0 if line.is_finite else np.nan, line.scale, reach, *bounds]], float).T
    found = _found(e, operator, values, center.reshape(1, -1), places)
    if line.length and found.side[0] == FIXED:
        raise line.no_room()
    return _answer(e, operator, found, lambda part: part.reshape(center.shape)[()], lambda part: part.reshape(()))


def _answer(
    e: Evaluator, operator: PreparedOperator, found: Found, shaped: Function, as_steps: Function | None = None
) -> tuple[Any, Info | None]:
    """Return the result and, if that is wanted, what was done.

    `shaped` shapes what is known of results, `as_steps` what is known of coordinates.
    """
    dtype = e.dtype or e.base.dtype
    result = as_dtype(dtype, np.asarray(shaped(found.value)))[()]
    if not operator.full_output:
        return result, None
    # The result is rounded to x's own precision, which compiled f, moved in double, does not know of.
    error = shaped(np.fmax(found.error, EPS[dtype.char] * np.abs(found.value)))
    as_steps = as_steps or (lambda part: as_x(e, part))
    steps, schemes = as_steps(found.step), as_steps(SIDES[found.side])
    error = as_dtype(dtype, np.asarray(error))[()]
    return result, Info(found.evaluations, steps, schemes, error, shaped(found.converged), trace=found.trace)


def at_coordinates(e: Evaluator, operator: PreparedOperator, center: Array, chosen: Some, eps: float) -> Found:
    """Return what is found along some coordinates of an f that is `center` at x, and that is known to eps."""
    values = _values_of(e, operator._groups(e))
    centers, places = np.broadcast_to(center.reshape(-1), (chosen.size, center.size)), _places(e, operator)[:, chosen]
    return _found(e, operator, lambda steps, some, nodes: values(steps, chosen[some], nodes), centers, places, eps)


def hessian(e: Evaluator, operator: PreparedOperator, center: Array) -> tuple[Array, Info | None]:
    """Return the Hessian of f, from its second derivatives along each coordinate and then along pairs of them.

    A pair moves each coordinate by the step that suited its own second derivative. Half of what is found along the pair
    and the two coordinates do not explain is the mixed derivative; errors add up.
    """
    n = e.n
    centers = np.broadcast_to(center.reshape(-1), (n, 1))
    own = _found(e, operator, _values_of(e, Groups.each(n)), centers, _places(e, operator))
    is_fixed = own.side == FIXED
    first, second = np.tril_indices(n, -1)
    free = ~(is_fixed[first] | is_fixed[second])
    first, second = first[free], second[free]
    pairs, scales = _along_pairs(e, operator, center, own, first, second)
    # Where bounds hold a coordinate, all is 0: that is known if they are equal, else the bar is infinite.
    held = np.where(is_fixed, own.error[:, 0], 0)
    value, error = np.diag(own.value[:, 0]), np.add.outer(held, held) + np.diag(own.error[:, 0])
    converged = np.where(np.eye(n, dtype=bool), own.converged, error == 0)
    with np.errstate(all="ignore"):
        a, b = scales[first], scales[second]  # their squares may overflow
        pair = np.array([pairs.value[:, 0], pairs.error[:, 0]]) / a / b
        one = np.array([own.value[first, 0], own.error[first, 0]]) * (a / b)
        other = np.array([own.value[second, 0], own.error[second, 0]]) * (b / a)
        value[first, second] = (pair[0] - one[0] - other[0]) / 2
        error[first, second] = (np.abs(pair[1]) + np.abs(one[1]) + np.abs(other[1])) / 2
        is_known = pairs.converged[:, 0] & own.converged[first, 0] & own.converged[second, 0]
        converged[first, second] = is_known | (error[first, second] <= CONVERGED * np.abs(value[first, second]))
    for part in (value, error, converged):
        part[second, first] = part[first, second]
    evaluations = own.evaluations + pairs.evaluations
    found = dataclasses.replace(own, value=value, error=error, converged=converged, evaluations=evaluations)
    return _answer(e, operator, found, lambda part: part.reshape(e.base.shape * 2))


def _along_pairs(
    e: Evaluator, operator: PreparedOperator, center: Array, own: Found, first: Some, second: Some
) -> tuple[Found, Array]:
    """Return second derivatives along pairs of coordinates, and how far a step of 1 moves each coordinate."""
    _, _, reach, below, above = _places(e, operator)
    steps = np.where(own.step > 0, own.step, 1)  # those that bounds hold fixed are in no pair
    # A step of 1 goes to the side that has more room, so that each pair has some.
    scales = np.where(above < below, -steps, steps)

    def values(steps: Array, chosen: Some, stencil: Stencil) -> Array:
        rows = np.empty((chosen.size, len(stencil.nodes)), steps.dtype)
        for step in np.unique(steps):
            some = np.flatnonzero(steps == step)
            members = np.stack([second[chosen[some]], first[chosen[some]]], axis=1).reshape(-1)
            groups = Groups.listed(e.n, np.arange(0, 2 * some.size + 1, 2), members)
            rows[some] = e.values(Moves(groups, step * scales.astype(steps.dtype), stencil)).reshape(-1, rows.shape[1])
        return rows

    limits = [np.minimum(*(part / steps)[[first, second]]) for part in (reach, *np.sort([below, above], axis=0))]
    places = np.array([np.zeros(first.size), np.full(first.size, FIRST_OF_PAIRS), *limits])
    return _found(e, operator, values, np.broadcast_to(center.reshape(-1), (first.size, 1)), places), scales


def _places(e: Evaluator, operator: PreparedOperator) -> Array:
    """Return where lines along the coordinates begin and end, as a `Search` has it, in the order of the evaluator."""
    x, reach = e.steps_from, operator.method.reach
    places = np.full((5, e.n), np.inf)
    places[0], places[1] = x, np.nan
    places[2] = np.maximum(np.abs(x), 1) if reach is None else reach
    if operator._sides is not None:
        lower, upper = (as_counted(e, side) for side in operator._bounds_at(e) or ())
        places[3:] = x - lower, upper - x
    return places


def _values_of(e: Evaluator, groups: Groups, is_elementwise: bool = False) -> Values:
    """Return f's values where each of some coordinates is moved, alone or with others that do not change its values."""
    is_each = groups.count == e.n and not is_elementwise

    def values(steps: Array, chosen: Some, stencil: Stencil) -> Array:
        nodes, everywhere = len(stencil.nodes), steps
        if chosen.size < e.n:
            everywhere = np.zeros(e.n, steps.dtype)
            everywhere[chosen] = steps
        if is_each:
            each = groups if chosen.size == e.n else Groups.each(e.n, chosen)
            rows = e.values(Moves(each, everywhere, stencil))
            e._learn(rows.shape[1:])  # a wrapper does not know the shape that the evaluator within has seen
            return rows
        found = e.values(Moves(groups, everywhere, stencil))
        if e.n == 1:
            return found
        # By coordinate, in the order of the evaluator: elements, or the columns of a batch.
        return found.reshape(groups.count, nodes, -1).transpose(2, 0, 1).reshape(-1, nodes)[chosen]

    return values


def _along_coordinates(e: Evaluator, operator: PreparedOperator, centers: Array) -> Found:
    """Return the derivatives along all coordinates of an f whose values at x are `centers`, one row each."""
    values = _values_of(e, operator._groups(e), operator.is_elementwise)
    return _found(e, operator, values, centers, _places(e, operator))


def _found(
    e: Evaluator, operator: PreparedOperator, values: Values, centers: Array, places: Array, eps: float = 0
) -> Found:
    """Return the derivatives along lines, as many at a time as there is room for; f may be known to eps only."""
    method, dtype = operator.method, VALUE_DTYPE[e.base.dtype.char]
    tolerance, enough = method.tolerance(e.precision), max(CONVERGED, method.rtol or 0)
    eps = max(EPS[e.precision] / 2, eps)
    most, digits = max(1, MOST_VALUES // max(1, centers.shape[1])), DIGITS[e.base.dtype.char]
    evaluations, searches, trace = 0, [], []
    kind = ComplexSearch if centers.dtype.kind == "c" else Search
    with np.errstate(all="ignore"):  # a look may leave f's domain
        for first in range(0, max(1, len(centers)), most):
            search = kind(
                centers[first : first + most], places[:, first : first + most], eps, tolerance, enough, digits,
                method.max_evaluations, operator.n,
            )  # fmt: skip
            searches.append(search)
            while (asked := search.ask()) is not None:
                side, chosen, steps = asked
                lines = chosen + first if first else chosen
                moves = (steps * side if side else steps).astype(dtype, copy=False)
                evaluations += chosen.size * (1 if side else 2)
                search.tell(side, chosen, values(moves, lines, ONE_NODE if side else PAIR), steps)
                if operator.full_output:
                    value, error, *_ = search.results()
                    known = zip(lines.tolist(), steps, value[chosen].astype(dtype), error[chosen], strict=True)
                    trace += [Look(*look) for look in known]
        results = [search.results() for search in searches]
        parts = map(np.concatenate, zip(*results, strict=True)) if len(results) > 1 else results[0]
        value, error, converged, radius, sides = parts
        return Found(value.astype(dtype), error, converged, radius, sides, evaluations, searches, trace)
