"""directional_derivative: of f on the line x + t v, as a function of t alone."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradfast import adaptive, complex_step, ladder
from gradfast._kernels.keep import keeping
from gradfast.arguments import Array, as_array
from gradfast.bounds import checked_bounds, plan_within
from gradfast.calling import many_points, one_point
from gradfast.difference_methods import Difference
from gradfast.methods import Adaptive, Complex
from gradfast.points import VALUE_DTYPE, leaving_alone
from gradfast.problem import NO_ARGUMENTS, NO_PLAN, Info, Problem
from gradfast.steps import EPS, LEAST_SCALE, Plan, steps_at

Function = Callable[..., Any]


def directional_derivative(
    f: Function,
    x: Any,
    v: Any,
    *,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    full_output: bool = False,
) -> Any:
    """Return the derivative of f at x along v.

    Parameters
    ----------
    f : callable
        Function of a point that returns a number or an array: of a gradient function the result
        is the Hessian times v. With ``vectorized=True``, of points of shape ``(m, *x.shape)``.
    x, method, bounds, args, vectorized, full_output
        As for :func:`gradient`. A method's `step` is the distance that x moves.
    v : array_like
        The direction, of x's shape, of any length: the result is linear in v.

    Returns
    -------
    float or ndarray
        The derivative ``sum(J * v)``, of the shape of ``f(x)``, in units of f if v has those of x.
    Info
        With ``full_output=True``; its step and scheme are those of t in ``f(x + t v)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if v is not of x's shape or not finite, or if bounds leave
        no room along it on either side.

    Notes
    -----
    2 evaluations, whatever the number of coordinates, also for a Hessian times v [1]_; forward 2, complex 1 and
    2 for its check. The default step moves each coordinate by the same part of its scale, ``max(abs(x), 0.1)``, in the
    root mean square over those that v moves. The whole of x is moved in place and put back.
    Thread-safety: as for :func:`gradient`.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import directional_derivative
    >>> float(round(directional_derivative(lambda x: np.sum(x**2), [3.0, 4.0], [1.0, 1.0]), 6))
    14.0
    """
    problem = Problem(f, x, method, None, args, vectorized, moves_coordinates=False)
    dtype = problem.x.dtype
    if problem.is_native:  # which is moved in double precision, whatever x is
        problem.x = problem.memory
    line = Line(problem, v, bounds)
    center, result = keeping(problem.x, line.derivative)
    result = result.astype(dtype, copy=False)
    return (result, line.info(center is not None)) if full_output else result


def norm(vector: Array) -> Any:
    """Return the Euclidean norm, whatever the magnitude: a sum of squares may overflow, or vanish."""
    largest = np.abs(vector).max(initial=0)
    if not 0 < largest < np.inf:
        return largest
    with np.errstate(over="ignore"):
        return largest * np.linalg.norm((vector / largest).reshape(-1))


def size_along(x: Array, v: Array) -> Any:
    """Return the length of which a part, along v, moves coordinates by that part of their scales, whatever their units.

    That is in the root mean square over those that v moves; if all have one scale, it is x's norm.
    """
    moved = v != 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        parts = v[moved] / np.maximum(np.abs(x[moved]), LEAST_SCALE)
        return norm(v) * np.sqrt(parts.size) / norm(parts)


def with_one_step(method: Difference) -> Difference:
    """Return the method with its step, if it has one, as a number; ValueError if there are several."""
    for name in ("step", "rel_step"):
        steps = getattr(method, name)
        if np.size(steps) != 1:
            raise ValueError(f"{name} must be one number for a direction; got shape {np.shape(steps)}")
        if np.ndim(steps):
            method = replace(method, **{name: np.ravel(steps)[0]})
    return method


class Line:
    """A problem and a direction. x is moved in place, as a whole; copies of it if f is vectorised."""

    def __init__(self, problem: Problem, v: Any, bounds: Any) -> None:
        self.problem, x = problem, problem.x
        self.f = leaving_alone(problem.lifted, x)
        self.v = np.array(as_array("v", v))  # a copy, as of the bounds: they may be x, which moves
        if self.v.shape != x.shape:
            raise ValueError(f"v must have the shape of x, {x.shape}; got {self.v.shape}")
        if self.v.dtype.kind not in "fiub" or not np.isfinite(self.v).all():
            raise ValueError(f"v must hold finite real numbers; got {v!r}")
        self.bounds = (
            None if bounds is None else [np.array(side.reshape(x.shape)) for side in checked_bounds(x, bounds)]
        )
        self.t = np.zeros(1, VALUE_DTYPE[x.dtype.char])
        self.length = float(norm(self.v))
        self.size = np.array([size_along(x, self.v) if self.length else 0], x.dtype)
        self.plan = self._plan()

    def _plan(self) -> Plan:
        method, size, length = self.problem.method, self.size, self.length
        if length == 0:
            return Plan(np.zeros(1), ())
        if isinstance(method, Complex):
            steps = complex_step.imaginary_steps((size / length).astype(self.t.dtype))
            return Plan(steps, ((complex_step.IMAGINARY, None),))
        if isinstance(method, Adaptive):
            return NO_PLAN
        if method.step is not None:  # a distance: it is lost where x as a whole does not see it
            size = np.array([norm(self.problem.x)], size.dtype)
        plan = with_one_step(method).plan(size.reshape(()))
        steps = steps_at(plan.steps, size) / length
        if self.bounds is None:
            return Plan(steps, plan.groups)
        within = plan_within(self.t, np.abs(steps), method.options(1), self._bounds_of_t())
        if not within.groups:
            raise self._no_room()
        return within

    def _no_room(self) -> ValueError:
        """Return the error for bounds that fix x along v: a coordinate may be taken out by 0, but not a direction."""
        below, above = (float(end[0]) + 0.0 for end in self._bounds_of_t())
        return ValueError(
            f"bounds must leave room along v, above or below; got {below:g} to {above:g} for t in x + t v"
        )

    def _check_step(self) -> float:
        """Return the step of t for the check: negative if bounds leave more room below, 0 if hardly any."""
        x = self.problem.x
        step = complex_step.check_step(x.dtype.char) * float(self.size[0]) / self.length
        if self.bounds is None:
            return step
        above, below = (min(step, abs(float(t[0])) / complex_step.LONGEST_CHECK) for t in self._bounds_of_t()[::-1])
        if max(above, below) < EPS[x.dtype.char] * step:
            return 0.0
        return above if above >= below else -below

    def _bounds_of_t(self) -> tuple[Array, Array]:
        x, v = self.problem.x, self.v
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ends = np.array([(side - x) / v for side in self.bounds or ()], self.t.dtype)
        ends = np.where(v == 0, np.array([-np.inf, np.inf]).reshape(2, *(1,) * v.ndim), np.sort(ends, axis=0))
        return ends[0].max(keepdims=True).reshape(1), ends[1].min(keepdims=True).reshape(1)

    def derivative(self) -> tuple[Any, Array]:
        """Return f's value at x if it was needed, and the derivative, of the shape of f's value."""
        p = self.problem
        center = p.family.array(p.f, p.x, p.x) if self.plan.needs_center or not self.plan.groups else None
        if p.is_adaptive and center is not None:
            return center, self._adaptive(center)
        argument, memory = self.t, self.t
        if isinstance(p.method, Complex):
            argument = np.zeros(1, np.result_type(self.t.dtype, np.complex64))
            memory = argument.imag
        before = p.x.copy()
        family = many_points if p.family is many_points else one_point
        on_line = self._many_on_line(before) if family is many_points else self._on_line(before)
        try:
            result = family.components(on_line, argument, memory, self.plan, center)[0]
        finally:
            p.x[...] = before
        if isinstance(p.method, Complex) and p.method.check and self.plan.groups:
            p.calls_to_check = complex_step.check_along(p.along(self.v), self._check_step(), p.x.dtype.char, result)
        result = result.astype(p.x.dtype)
        return center, result if result.ndim else result[()]

    def _adaptive(self, center: Array) -> Any:
        p, length, before = self.problem, self.length, self.problem.x.copy()
        vectorized = p.family is many_points
        on_line = self._many_on_line(before) if vectorized else self._on_line(before)
        scale = max(float(self.size[0]), ladder.LEAST_SCALE) / length if length else 0.0
        bounds = None if self.bounds is None or not length else tuple(map(np.abs, self._bounds_of_t()))
        try:
            result = adaptive.along(p, many_points if vectorized else one_point, on_line, self.t, scale, center, bounds)
        finally:
            p.x[...] = before
        if length and p.done is not None and p.done().scheme == "fixed":
            raise self._no_room()
        return result.astype(p.x.dtype)[()]

    def _on_line(self, x: Array) -> Callable[[Array], Any]:
        p = self.problem

        def f(t: Array) -> Any:
            if t.dtype.kind == "c":
                return self.f(x + t[0] * self.v)
            p.x[...] = self._inside(x + t[0] * self.v)
            return self.f(p.x)

        return f

    def _many_on_line(self, x: Array) -> Callable[[Array], Any]:
        def f(t: Array) -> Any:
            points = x + t.reshape(-1, *(1,) * x.ndim) * self.v
            return self.f(points if t.dtype.kind == "c" else self._inside(points).astype(x.dtype))

        return f

    def _inside(self, points: Array) -> Array:
        return points if self.bounds is None else np.clip(points, *self.bounds)

    def info(self, center_evaluations: int) -> Info:
        """Return what was done; step and scheme are those of t."""
        p = self.problem
        if p.is_adaptive:
            return p.info(center_evaluations)
        checks = p.calls_to_check if isinstance(p.method, Complex) else 0
        scheme = np.array("complex") if isinstance(p.method, Complex) else self.plan.schemes(self.t).reshape(())
        steps = np.abs(steps_at(self.plan.steps, self.t)).reshape(())
        return Info(self.plan.evaluations(1) + center_evaluations + checks, steps, scheme)
