"""Moves out of the ordinary: near bounds, where f or x is inf or NaN, and along a direction."""

from collections.abc import Callable

import numpy as np

from gradfast._kernels.combine import combined
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.steps_and_bounds import LEAST_SCALE, Stencil
from gradfast.calls.evaluators import Parts, as_counted, x_of
from gradfast.calls.operator_value import OperatorValue
from gradfast.parameters import are_parameters
from gradfast.stencils import ONE_NODE
from gradfast.steps.difference_methods import Difference
from gradfast.steps.methods import LONGEST_CHECK, check_step, imaginary_steps_at
from gradfast.steps.steps_and_bounds import Candidates, Sides, checked_bounds, scale_of, steps_within
from gradfast.values.arguments import EPS, VALUE_DTYPE, Array, Some, as_array


class OperatorMoves(OperatorValue):
    """How the moves of an operator are made where one rule of steps and one stencil do not serve all coordinates."""

    def _moves(self, e: Evaluator, v: object) -> Parts:
        """Return moves for each stencil in use, near bounds or with steps of the caller's."""
        method, x = self.method, x_of(e)
        e.has_gaps = not np.isfinite(x).all()
        sides = self._bounds_at(e)
        if method.is_complex:
            return self._imaginary_moves(e, sides)
        return self._moves_of(e, method.steps_at(x, self.n, e.precision), method.candidates(self.n), sides)

    def _bounds_at(self, e: Evaluator) -> Sides | None:
        """Return the bounds of each coordinate of x, in C order; an error shows them as the caller wrote them."""
        if self._sides is None:
            return None
        sides = self._sides
        if e.layout is not None and isinstance(sides, tuple) and len(sides) == 2:
            sides = tuple(
                e.layout.flattened("bounds", side, infinite) if are_parameters(side) else side
                for side, infinite in zip(sides, (-np.inf, np.inf), strict=True)
            )
        return checked_bounds(x_of(e), sides, self.bounds, e.name)

    def _moves_of(self, e: Evaluator, steps: Array, candidates: Candidates, sides: Sides | None) -> Parts:
        if sides is None:
            stencil, sign = candidates[0]
            return (Moves(self._groups(e), sign * as_counted(e, steps), stencil),)
        signed, groups = steps_within(x_of(e), steps, candidates, sides)
        return tuple(self._moves_of_some(e, as_counted(e, signed), stencil, some) for stencil, some in groups)

    def _moves_of_some(self, e: Evaluator, steps: Array, stencil: Stencil, some: Some) -> Moves:
        """Return moves of some coordinates of x; those that bounds fix, or that take another stencil, are left out."""
        if some.size == e.n:
            return Moves(self._groups(e), steps, stencil)
        chosen = np.zeros(e.n, bool)
        chosen[some] = True
        return Moves(self._groups_of(e, np.flatnonzero(as_counted(e, chosen))), steps, stencil)

    def _groups_of(self, e: Evaluator, some: Some) -> Groups:
        return Groups.each(e.n, some)

    def _imaginary_moves(self, e: Evaluator, sides: Sides | None) -> Parts:
        """Return the moves of the complex step. Nothing real moves: only equal bounds fix a coordinate."""
        steps, stencil = imaginary_steps_at(x_of(e).reshape(-1)), ONE_NODE
        free = np.arange(e.n) if sides is None else np.flatnonzero(sides[0] != sides[1])
        return (self._moves_of_some(e, as_counted(e, steps), stencil, free),) if free.size or not e.n else ()

    def _by_members(self, e: Evaluator, parts: Parts, center: Array | None) -> Array:
        """Return the derivatives where coordinates that are moved together take stencils of their own.

        f is called as often as the longest stencil has nodes. Coordinates of a shorter stencil, or of none, stay where
        they are in the last of these calls.
        """
        out = np.zeros(e.n, VALUE_DTYPE[e.base.dtype.char])
        most, rows, every = max((m.stencil.size for m in parts), default=0), [], self._groups(e)
        chosen = [m.groups.members for m in parts]
        before = e.evaluations
        for k in range(most):
            by = np.zeros_like(out)
            for moves, some in zip(parts, chosen, strict=True):
                if k < moves.stencil.size:
                    by[some] = moves.stencil.nodes[k] * moves.step_of_each[some]
            found = e.values(Moves(every, by, ONE_NODE)).reshape(len(every), -1)
            rows.append(found.T.reshape(-1))  # in the order of coordinates
        centers = None if center is None else np.repeat(center, e.n // max(1, center.size))
        for moves, some in zip(parts, chosen, strict=True):
            values = np.array(rows)[: moves.stencil.size, some].T.reshape(-1)
            each = Moves(Groups.each(e.n, some), moves.step_of_each, moves.stencil)
            out[some] = combined(values, each, centers, point_size=1)
        e.has_gaps = e.has_gaps or not np.isfinite(out).all()
        # Coordinates that stay cost nothing.
        e._count(
            sum(len(m.stencil.nodes) * some.size for m, some in zip(parts, chosen, strict=True))
            - (e.evaluations - before)
        )
        return out

    # --- where f or x is not finite -----------------------------------------------------------------------------------

    def _fill_gaps(self, e: Evaluator, v: object, parts: Parts, center: Array | None, result: Array) -> Parts:
        """Take derivatives that are inf or NaN from one side of x; return all moves that were used.

        Where x itself is inf or NaN, the derivative is NaN. The result is changed in place. Hessians and directional
        derivatives have their own.
        """
        every = np.arange(e.n) if result.shape[-1] == e.n else 0  # at a number, of a point of a curve
        columns = np.broadcast_to(every, result.shape)

        def again(part: Moves, center: Array) -> Array:
            found: Array = self._results_of(e, (part,), center)
            return found

        rows = np.arange(e.width)[:, np.newaxis] if result.ndim > 1 else columns // e.point_size
        if self.is_elementwise:
            rows = np.arange(result.size)
        parts = self._from_one_side(e, parts, center, result, (rows, columns), again)
        result[~np.isfinite(e.steps_from)[columns]] = np.nan
        return parts

    def _from_one_side(
        self, e: Evaluator, parts: Parts, center: Array | None, result: Array, places: tuple[Array, Array],
        again: Callable[[Moves, Array], Array],
    ) -> Parts:  # fmt: skip
        """Try stencils on each side where a result is not finite, but f is at x.

        Places are the row of each result, that of f's value, and its column, that of the coordinate. `again` returns
        the results of other moves.
        """
        rows, columns = places
        gaps = ~np.isfinite(result) & np.isfinite(e.steps_from)[columns]
        others = self.method.candidates(self.n)[1:]
        if not others or not gaps.any():
            return parts
        center = e.value() if center is None else center
        gaps &= np.isfinite(center.reshape(-1))[rows]
        steps, sides = self.method.steps_at(x_of(e), self.n, e.precision), self._bounds_at(e)
        for candidate in others:
            signed = self._signed(e, steps, candidate, sides)
            some = np.intersect1d(columns[gaps], np.flatnonzero(signed))
            if not some.size:
                continue
            part = Moves(self._groups_of(e, some), signed, candidate[0]).in_precision(e.steps_from.dtype.char == "g")
            found = again(part, center)
            better = gaps & np.isfinite(found)
            result[better], gaps = found[better], gaps & ~better
            if better.any():
                parts += (Moves(self._groups_of(e, np.unique(columns[better])), part.step_of_each, part.stencil),)
        return parts

    def _signed(self, e: Evaluator, steps: Array, candidate: tuple[Stencil, int], sides: Sides | None) -> Array:
        """Return the steps by which a stencil looks to one side, in order; 0 where bounds leave it no room."""
        signed = candidate[1] * steps if sides is None else steps_within(x_of(e), steps, (candidate,), sides)[0]
        return as_counted(e, signed)


# --- along a direction ------------------------------------------------------------------------------------------------


class Line:
    """x + t v as a function of t: how far t may go and is to go."""

    def __init__(self, e: Evaluator, v: object, sides: Sides | None, n: int = 1) -> None:
        self.n = n  # order of the derivative
        self.x, self.v = x_of(e), np.array(as_array("v", v))  # a copy: v may be x, which moves
        if self.v.shape != self.x.shape:
            raise ValueError(f"v must have the shape of x, {self.x.shape}; got {self.v.shape}")
        if self.v.dtype.kind not in "fiub" or not np.isfinite(self.v).all():
            raise ValueError(f"v must hold finite real numbers; got {v!r}")
        self.sides = None if sides is None else [side.reshape(self.x.shape) for side in sides]
        self.length = float(norm(self.v))
        self.size = np.array([size_along(self.x, self.v) if self.length else 0], self.x.dtype)
        self.size_as_value = self.size.astype(VALUE_DTYPE[self.x.dtype.char])

    def step(
        self, method: Difference, precision: str, candidates: Candidates | None = None
    ) -> tuple[Stencil, np.floating] | None:
        """Return the stencil and the step of t, of the method's candidates or of some; None if bounds leave no room."""
        size = self.size
        if method.step is not None:  # a distance: it is lost where x as a whole does not see it
            size = np.array([norm(self.x)], size.dtype)
        elif method.scale is not None:
            size = np.array([size_along(self.x, self.v, method.scale)], size.dtype)
        steps = with_one_step(method).steps_at(size.reshape(()), self.n, precision) / self.length
        candidates = candidates or method.candidates(self.n)
        if self.sides is None:
            stencil, sign = candidates[0]
            return stencil, sign * steps[0]
        t = np.zeros(1, self.size_as_value.dtype)
        signed, groups = steps_within(t, np.abs(steps), candidates, self.ends())
        return (groups[0][0], self.inside(groups[0][0], signed[0])) if groups else None

    @property
    def is_finite(self) -> bool:
        """Whether x is finite where v moves it."""
        return bool(np.isfinite(self.x[self.v != 0]).all())

    def ends(self) -> tuple[Array, Array]:
        """Return the least and the largest t that bounds allow."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.array([(side - self.x) / self.v for side in self.sides or ()], self.size_as_value.dtype)
        found = np.where(
            self.v == 0, np.array([-np.inf, np.inf]).reshape(2, *(1,) * self.v.ndim), np.sort(found, axis=0)
        )
        return found[0].max(keepdims=True).reshape(1), found[1].min(keepdims=True).reshape(1)

    def inside(self, stencil: Stencil, t: np.floating) -> np.floating:
        """Return t, shortened by a few units in the last place if rounding would move a point beyond the bounds."""
        nodes = np.array(stencil.nodes).reshape(-1, *(1,) * self.x.ndim)
        assert self.sides is not None
        lower, upper = self.sides
        less = EPS["d"]
        while t != 0:
            points = (self.x + nodes * (t * self.v)).astype(self.x.dtype)
            if not ((points < lower) | (points > upper)).any():
                break
            t, less = t * (1 - less), 2 * less
        return t

    def no_room(self) -> ValueError:
        """Return the error for bounds that fix x along v: a coordinate may be taken out by 0, but not a direction."""
        below, above = (float(end[0]) + 0.0 for end in self.ends())
        return ValueError(
            f"bounds must leave room along v, above or below; got {below:g} to {above:g} for t in x + t v"
        )

    def step_of_check(self, char: str) -> float:
        """Return the step of t for the check: negative if bounds leave more room below, 0 if hardly any."""
        step = check_step(char) * float(self.size[0]) / self.length
        if self.sides is None:
            return step
        above, below = (min(step, abs(float(t[0])) / LONGEST_CHECK) for t in self.ends()[::-1])
        if max(above, below) < EPS[char] * step:
            return 0.0
        return above if above >= below else -below

    @property
    def scale(self) -> float:
        """What adaptive steps begin relative to, in units of t."""
        return float(size_along(self.x, self.v, 0.0)) / self.length if self.length else 0.0


def norm(vector: Array) -> np.floating:
    """Return the Euclidean norm, whatever the magnitude: a sum of squares may overflow, or vanish."""
    largest: np.floating = np.abs(vector).max(initial=0)
    if 0 < largest < np.inf:
        with np.errstate(all="ignore"):
            largest = largest * np.linalg.norm((vector / largest).reshape(-1))
    return largest


def size_along(x: Array, v: Array, scale: object = None) -> np.floating:
    """Return the length L such that a step of r L along v moves coordinates by r times their scales, max(abs(x), 0.1).

    With a scale these are ``max(abs(x), scale)``. That holds in the root mean square over the coordinates that v moves.
    If all have one scale, L is x's norm. `size_along` of operator_kinds.pyx is the twin for doubles.
    """
    moved = v != 0
    with np.errstate(all="ignore"):
        parts = v[moved] / scale_of(x, scale, LEAST_SCALE)[moved]
        length: np.floating = norm(v) * np.sqrt(parts.size) / norm(parts)
    return length


def with_one_step(method: Difference) -> Difference:
    """Return the method with its step as a number, relative to a size alone; ValueError if there are several."""
    given: dict[str, object] = {} if method.scale is None else {"scale": 0.0}
    for name in ("step", "rel_step"):
        steps = getattr(method, name)
        if np.size(steps) != 1:
            raise ValueError(f"{name} must be one number for a direction; got shape {np.shape(steps)}")
        if np.ndim(steps):
            given[name] = float(np.ravel(steps)[0])
    return method.with_steps(**given) if given else method
