"""The operators: prepare the problem, run the loops, shape the result."""

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np
from numpy import empty

from gradfast import adaptive, loops, sparse
from gradfast._kernels import native_loop
from gradfast._kernels.memory import keeping
from gradfast._kernels.native_loop import NativeFunction
from gradfast._kernels.python_loop import LINE
from gradfast.elements import differentiate_elements
from gradfast.line import Line
from gradfast.methods import Adaptive, Difference, Forward, as_method, is_integer
from gradfast.points import VALUE_DTYPE, Array, as_dtype_of, as_point
from gradfast.problem import NO_ARGUMENTS, Problem, real_numbers, require_difference
from gradfast.steps import steps_at

Function = Callable[..., Any]

HIGHEST_DERIVATIVE = 6


def derivative(
    f: Function,
    x: Any,
    *,
    n: int = 1,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    workers: int | None = None,
    full_output: bool = False,
) -> Any:
    """Return the n-th derivative of f at each element of x.

    Parameters
    ----------
    f : callable
        Function of one number; elementwise, if x is an array: it gets arrays of x's shape and
        returns such. Of a scalar x it may return an array of any shape, a point of a curve.
    x : float or array_like
        Where to differentiate. It is not modified.
    n : int
        The order of the derivative, 1 to 6.
    method, bounds, args, workers, full_output
        As for :func:`gradient`.

    Returns
    -------
    float or ndarray
        The derivatives, of x's shape.
    Info
        With ``full_output=True``.

    Raises
    ------
    TypeError
        If x or f's result is complex or not a number.
    ValueError
        If f's result is not of x's shape; if n is not an integer from 1 to 6, or with method
        "complex" not 1; as for :func:`gradient`.

    Notes
    -----
    Weights by Fornberg's recurrence (1988), exact. Central with accuracy p costs
    ``2 * ((n - 1) // 2 + p // 2)`` calls of f, and one more at x if n is even. The error of the
    default grows with n, from 1e-11 to 1e-3 of f's own size: a higher derivative wants a higher
    accuracy, ``Central(accuracy=6)``. Thread-safe.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import derivative
    >>> x = np.linspace(0.0, 3.0, 7)
    >>> bool(np.abs(derivative(np.sin, x) - np.cos(x)).max() < 1e-10)
    True
    >>> bool(np.abs(derivative(np.sin, x, n=2) + np.sin(x)).max() < 1e-6)
    True
    """
    if not is_integer(n) or not 1 <= n <= HIGHEST_DERIVATIVE:
        raise ValueError(f"n must be an integer from 1 to {HIGHEST_DERIVATIVE}; got {n!r}")
    problem = Problem(f, x, method, bounds, args, False, workers, n=n)
    center, result = problem.keeping(_run_derivative, problem)
    result = result if np.ndim(result) else result[()]
    if full_output:
        points = problem.x.size
        return result, problem.info(problem.evaluations(0 if center is None else points, points))
    return result


def _run_derivative(problem: Problem) -> tuple[Any, Array]:
    p, x = problem, problem.x

    def evaluate(moved: Array) -> Array:
        point = moved if p.argument is x else x + 1j * moved
        values: Array = p.family.array(p.lifted, point if x.ndim else point[()], x)
        if x.ndim and values.shape != x.shape:
            raise ValueError(f"f must return an array of x's shape {x.shape}; it returned one of shape {values.shape}")
        return values

    if p.is_adaptive:
        at_x = evaluate(x.copy())
        return at_x, as_dtype_of(x, adaptive.elements(p, evaluate, at_x, p.n))
    center = evaluate(x.copy()) if p.plan.needs_center else None
    out = differentiate_elements(evaluate, p.memory, p.plan, center)
    if p.is_complex:
        p.check(lambda v: out * v)
    return center, as_dtype_of(x, out)


def gradient(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    axis: int | None = None,
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: Any = None,
    progress: Any = False,
    full_output: bool = False,
) -> Any:
    """Return the gradient of f at x.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns one real number. With
        ``vectorized=True``, of points along a first axis, shape (m, *x.shape), that returns m
        numbers. Or compiled code: see :mod:`gradfast.objectives`.
    x : array_like
        One point, of any shape; with `axis`, many. A writable array of float32, float64 or
        longdouble is perturbed in place, so that an f that reads it through a closure sees the
        perturbation, and holds its old bits afterwards. Anything else is copied.
    method : str or method object
        "central", "forward", "backward", "complex" or "adaptive"; or an object with parameters of its
        own: :class:`Central`, :class:`Forward`, :class:`Backward`, :class:`Complex`, :class:`Adaptive`.
    axis : int, optional
        The axis of x that holds the components, the others being those of a batch: f gets one
        point, a 1-D view of x. A vectorized f gets all of x and returns x's shape without the axis.
    f0 : float, optional
        f's value at x (in a batch, values), if it is known: one evaluation less where it is needed.
    bounds : (array_like, array_like), optional
        Lower and upper bounds, broadcast against x. f is never called outside them: near one, a
        coordinate gets a one-sided stencil of the same accuracy, or a smaller step; where they are
        equal, the derivative is 0.
    args : tuple
        More arguments for f.
    vectorized : bool
        Whether f takes many points in one call. Copies of x are perturbed then, not x, except in
        a batch.
    workers : int or callable, optional
        Who shares the work: so many processes, or threads if f is compiled code, -1 for as many as
        there are cores; or, for a Python f, what maps a function over an iterable, as ``pool.map``
        of an executor, of dask or of MPI does. The result is the same to the bit. f and x travel
        once a chunk of coordinates, so f must be picklable, and what it reads through a closure is
        not perturbed there.
    progress : bool or callable
        True for a bar (tqdm) of evaluations done, if the whole takes over a second; or a callable,
        called with (done, total) after each chunk.
    full_output : bool
        Whether to return also what was done.

    Returns
    -------
    ndarray
        The partial derivatives, of x's shape; of its dtype if that is floating.
    Info
        With ``full_output=True``: evaluations, steps and schemes, and with method "adaptive" the
        error, as :class:`gradfast.problem.Info`.

    Raises
    ------
    TypeError
        If x or f's result is complex or not a number; with method "complex", if f's result is real.
    ValueError
        If f does not return one number a point; if f itself changes x (which is put back); if
        x lies outside the bounds; if the method is unknown; with method "complex", if f is not
        analytic; if workers or progress is neither.
    TypeError
        If f is to reach another process and cannot be pickled.
    RuntimeError
        If a process of `workers` dies. What f raises in one comes out of this call, with a note of
        the coordinates that were moved.
    ImportError
        With ``progress=True``, if tqdm is not installed (``gradfast[progress]``).

    Warns
    -----
    RuntimeWarning
        If rounding swallows a step that was asked for; if with `workers` all derivatives are exactly 0.

    Notes
    -----
    Evaluations for n coordinates: central 2 n at accuracy 2 and in general accuracy times n;
    forward and backward accuracy times n + 1, one less with f0; complex n, and 2 for its check;
    adaptive about 8 n + 1, and 4 n + 1 for a quadratic f.

    The default step balances truncation against rounding for an f whose length scale is
    ``max(abs(x), 0.1)``, coordinate by coordinate. A fixed rule cannot know better: where f varies
    on a much smaller or larger scale, give `step`, or let "adaptive" find it.

    Thread-safety: x is perturbed in place, so two threads may differentiate at two arrays, never
    at one.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import Central, gradient
    >>> x = np.array([1.0, 2.0])
    >>> error = gradient(lambda x: np.sum(np.exp(x)), x) - np.exp(x)
    >>> bool(np.abs(error).max() < 1e-9)
    True
    >>> error = gradient(lambda x: np.sum(np.exp(x)), x, method=Central(accuracy=6)) - np.exp(x)
    >>> bool(np.abs(error).max() < 1e-12)
    True
    """
    if axis is f0 is bounds is workers is None and args is NO_ARGUMENTS and not (vectorized or progress or full_output):
        plain = _plain_gradient(f, x, method, wants_value=False)
        if plain is not None:
            return plain[1]
    problem = Problem(f, x, method, bounds, args, vectorized, workers, axis, progress=progress)
    center, result = _gradient(problem, f0, False)
    if full_output:
        return result, problem.info(problem.evaluations_of_gradient(f0 is None and center is not None))
    return result


def _plain_gradient(f: Any, x: Any, method: Any, wants_value: bool) -> tuple[Any, Array] | None:
    """Return f's value, if it is wanted or needed, and the gradient, if one call of one kernel gives it; else None.

    At n = 2 the general path takes three times as long as the kernel, this one half as long again.
    """
    method = as_method(method)
    x = as_point(x)
    if x.ndim != 1 or not isinstance(method, Difference):
        return None
    char, plan, center = x.dtype.char, method.plan(x), None
    if plan.stencil is None or (type(f) is not FunctionType and type(f) is not NativeFunction):
        return None
    out = empty(x.shape, VALUE_DTYPE[char])
    if type(f) is FunctionType:
        if wants_value or plan.needs_center:
            center = keeping(x, loops.value, f, x, x)
        keeping(x, LINE[char], f, x, x, plan.steps, plan.stencil, out, center)
    elif char == "d" and not wants_value and not plan.needs_center:
        native_loop.gradient(f, x, plan.steps, plan.stencil, out)
    else:
        return None
    return center, out if char == "d" else as_dtype_of(x, out)


def value_and_gradient(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    axis: int | None = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: Any = None,
    progress: Any = False,
    full_output: bool = False,
) -> Any:
    """Return f's value at x and its gradient.

    Parameters
    ----------
    f, x, method, axis, bounds, args, vectorized, workers, progress, full_output
        As for :func:`gradient`.

    Returns
    -------
    float or ndarray
        f's value at x; with `axis`, one for each point.
    ndarray
        The gradient, as from :func:`gradient`.
    Info
        With ``full_output=True`` the result is ``((value, gradient), info)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`.

    Notes
    -----
    One-sided stencils use the value too: forward costs n + 1 evaluations in all, central 2 n + 1.
    Thread-safety: as for :func:`gradient`.

    Examples
    --------
    The objective of ``scipy.optimize.minimize(..., jac=True)``:

    >>> from functools import partial
    >>> from gradfast import value_and_gradient
    >>> objective = partial(value_and_gradient, lambda x: (x[0] - 3.0) ** 2, method="forward")
    >>> value, gradient = objective([0.0])
    >>> print(value, gradient.round(6))
    9.0 [-6.]
    """
    if axis is bounds is workers is None and args is NO_ARGUMENTS and not (vectorized or progress or full_output):
        plain = _plain_gradient(f, x, method, wants_value=True)
        if plain is not None:
            return plain
    problem = Problem(f, x, method, bounds, args, vectorized, workers, axis, progress=progress)
    both = _gradient(problem, None, True)
    return (both, problem.info(problem.evaluations_of_gradient(True))) if full_output else both


def _gradient(problem: Problem, f0: Any, wants_value: bool) -> tuple[Any, Array]:
    p, x, center = problem, problem.x, None
    if f0 is not None:
        center = p.given_values(f0)
    elif wants_value or p.plan.needs_center or p.is_adaptive:
        center = p.keeping(p.family.value, p.f, x, x)
    if p.is_adaptive:
        return center, as_dtype_of(x, p.keeping(adaptive.partials, p, center))
    out = empty(x.shape, VALUE_DTYPE[p.memory.dtype.char])
    p.keeping(p.family.partials, p.lifted, p.argument, p.memory, p.plan, out, center)
    if p.is_complex:
        p.check(lambda v: np.sum(out * v, axis=getattr(p.family, "axis", None)))
    return center, as_dtype_of(x, out)


def jacobian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: Any = None,
    progress: Any = False,
    sparsity: Any = None,
    verify: bool = False,
    full_output: bool = False,
) -> Any:
    """Return the Jacobian of f at x.

    Parameters
    ----------
    f : callable
        Function of a point that returns an array or list of any one shape, also the same array
        every time. With ``vectorized=True``, of points of shape (m, *x.shape), that returns m such.
    x, method, bounds, args, vectorized, workers, progress, full_output
        As for :func:`gradient`.
    f0 : array_like, optional
        f's value at x, if it is known.
    sparsity : Coloring or pattern, optional
        Where the Jacobian may differ from zero, as for :class:`Coloring`; a coloring of it is best
        made once. Columns of one color are then moved at once, each by its own step.
    verify : bool
        Whether to see that the sparsity holds every entry that f depends on.

    Returns
    -------
    ndarray
        Shape ``f(x).shape + x.shape``: entry [..., i] is the derivative along coordinate i.
    scipy.sparse.csr_array
        With `sparsity`: shape (values of f, coordinates of x), both counted in C order, of the pattern.
    Info
        With ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if the shape of f's result changes, if sparsity has not
        a row for each value and a column for each coordinate, or as :class:`Coloring`; with
        ``verify=True``, with the residual, if it lacks an entry.
    ImportError
        With `sparsity`, if SciPy is not installed (``gradfast[sparse]``).

    Notes
    -----
    The evaluations are those of :func:`gradient`; with `sparsity`, as if there were as many
    coordinates as colors, but that bounds which make stencils differ part a color. To verify costs
    one more, along a random direction, or up to three where f is curved. An entry that adds less
    than a thousandth to its row's change goes unseen. Thread-safety: as there.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import jacobian
    >>> matrix = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> print(jacobian(lambda x: matrix @ x, [1.0, 1.0]).round(6))
    [[1. 2.]
     [3. 4.]
     [5. 6.]]
    """
    problem = Problem(f, x, method, bounds, args, vectorized, workers, progress=progress)
    f0 = None if f0 is None else real_numbers("f0", f0)
    if sparsity is not None:
        result, evaluations = sparse.jacobian(problem, f0, sparsity, verify, bounds)
        return (result, problem.info(evaluations)) if full_output else result
    if verify:
        raise ValueError(f"verify must be False without sparsity; got {verify!r}")
    center, result = problem.keeping(_run_jacobian, problem, f0)
    return (result, problem.info(problem.evaluations(center is not None and f0 is None))) if full_output else result


def _run_jacobian(problem: Problem, f0: Any) -> tuple[Any, Array]:
    p, x = problem, problem.x
    center = p.family.array(p.f, x, x) if f0 is None and (p.plan.needs_center or p.is_adaptive) else f0
    if p.is_adaptive:
        rows = adaptive.components(p, center)
    else:
        rows = p.family.components(p.lifted, p.argument, p.memory, p.plan, center)
    shape = rows.shape[1:]
    result = np.moveaxis(rows, 0, -1).reshape((*shape, *x.shape))
    if p.is_complex:
        p.check(lambda v: np.tensordot(result, v, x.ndim))
    return center, as_dtype_of(x, result)


def hessian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    gradient: Function | None = None,
    f0: Any = None,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: Any = None,
    progress: Any = False,
    sparsity: Any = None,
    verify: bool = False,
    full_output: bool = False,
) -> Any:
    """Return the Hessian of f at x.

    Parameters
    ----------
    f, x, bounds, args, vectorized, workers, progress, full_output
        As for :func:`gradient`.
    method : str or method object
        As for :func:`gradient`; "complex" only with `gradient`.
    gradient : callable, optional
        f's gradient, ``gradient(x, *args)`` of x's shape; then f is not called.
    f0 : float, optional
        f's value at x, if it is known.
    sparsity : Coloring or pattern, optional
        Where the Hessian may differ from zero, as for :class:`Coloring`; a coloring must be made
        with ``symmetric=True``.
    verify : bool
        As for :func:`jacobian`; only with `gradient`.

    Returns
    -------
    ndarray
        The second derivatives, of shape ``x.shape + x.shape``, symmetric to the bit.
    scipy.sparse.csr_array
        With `sparsity`: a row and a column for each coordinate, in C order; symmetric to the bit.
    Info
        With ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if the gradient is not of x's shape; as for
        :func:`jacobian` with `sparsity`.

    Notes
    -----
    From f: ``H[i, j] = (D(i + j) - D(i) - D(j)) / 2``, D being second differences along the lines
    of one coordinate and of two. n**2 + n + 1 evaluations, or 2 n (n + 1) + 1 with
    ``Central(accuracy=4)``; "adaptive" about 10 for each of n (n + 1) / 2 lines. From the gradient:
    half of its Jacobian and the transpose, 2 n calls. With `sparsity`, from f: 2 evaluations for each
    coordinate and each entry below the diagonal, and one; from the gradient 2 for each color, an
    entry being read in one of two places.
    Thread-safety: as for :func:`gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import hessian
    >>> print(hessian(lambda x: x[0] ** 2 * x[1], [1.0, 2.0]).round(4))
    [[4. 2.]
     [2. 0.]]
    """
    if verify and (sparsity is None or gradient is None):
        raise ValueError(f"verify must be False without sparsity and gradient; got {verify!r}")
    if gradient is not None and sparsity is not None:
        problem = Problem(gradient, x, method, bounds, args, vectorized, workers, progress=progress)
        result, evaluations = sparse.jacobian(problem, None, sparsity, verify, bounds, symmetric=True)
        return (result, problem.info(evaluations)) if full_output else result
    if gradient is not None:
        options = {"method": method, "bounds": bounds, "args": args, "vectorized": vectorized}
        return _hessian_from_gradient(gradient, x, full_output, workers=workers, progress=progress, **options)
    if isinstance(as_method(method), Adaptive):
        problem = Problem(f, x, method, bounds, args, vectorized, workers, n=2)
        result = as_dtype_of(problem.x, problem.keeping(_run_adaptive_hessian, problem, f0))
        return (result, problem.info(0)) if full_output else result
    difference = require_difference(method, "hessian without gradient=")
    problem = Problem(f, x, difference, bounds, args, vectorized, workers, n=2, progress=progress)
    if len(problem.plan.groups) > 1:  # two coordinates are moved at once, by one stencil: a one-sided one fits all
        one_sided = Forward(difference.accuracy, difference.step, difference.rel_step, difference.noise)
        problem.plan = one_sided.plan(problem.memory, 2, bounds)
    if sparsity is not None:
        result, evaluations = sparse.hessian(problem, f0, sparsity)
    else:
        evaluations, result = problem.keeping(_run_hessian, problem, f0)
    return (result, problem.info(evaluations)) if full_output else result


def _run_adaptive_hessian(problem: Problem, f0: Any) -> Array:
    p = problem
    center = p.family.value(p.f, p.x, p.x) if f0 is None else p.given_values(f0)
    return adaptive.second_derivatives(p, center)


def _run_hessian(problem: Problem, f0: Any) -> tuple[int, Array]:
    """Return the number of evaluations and the second derivatives.

    That along e_i + e_j, less those along e_i and along e_j, is twice the mixed one: n (n + 1) / 2
    lines through the center.
    """
    p, x, evaluations = problem, problem.x, int(f0 is None)
    center = p.family.value(p.f, x, x) if f0 is None else p.given_values(f0)
    steps = steps_at(p.plan.steps, p.memory)
    out = np.zeros((x.size, x.size), VALUE_DTYPE[p.memory.dtype.char])
    for stencil, some in p.plan.groups:  # one, or none where bounds leave no room
        first, second = np.tril_indices(x.size) if some is None else (some[i] for i in np.tril_indices(some.size))
        out[first, second] = p.family.pair_differences(p.f, p.memory, stencil, steps, (first, second), center)
        evaluations += len(stencil.nodes) * first.size
        straight = out.diagonal().copy()
        with np.errstate(all="ignore"):  # what f returns passes through, inf and NaN too
            mixed = (out[first, second] - (straight[first] + straight[second])) / 2
            mixed = np.where(first == second, straight[first], mixed)
            mixed /= stencil.denominator * steps[first] * steps[second]
        out[first, second] = out[second, first] = mixed
    out = out.reshape(x.shape * 2)
    return evaluations, as_dtype_of(x, out)


def _hessian_from_gradient(gradient: Function, x: Any, full_output: bool, **options: Any) -> Any:
    result, info = jacobian(gradient, x, full_output=True, **options)
    shape = info.step.shape
    if result.shape != shape * 2:
        found = result.shape[: result.ndim - len(shape)]
        raise ValueError(f"gradient must return an array of x's shape {shape}; it returned one of shape {found}")
    matrix = result.reshape(info.step.size, info.step.size)
    symmetric = ((matrix + matrix.T) / 2).reshape(result.shape)
    if info.error is not None:
        error, converged = (part.reshape(matrix.shape) for part in (info.error, info.converged))
        both = ((error + error.T) / 2).reshape(result.shape), (converged & converged.T).reshape(result.shape)
        info = replace(info, error=both[0], converged=both[1])
    return (symmetric, info) if full_output else symmetric


def directional_derivative(
    f: Function,
    x: Any,
    v: Any,
    *,
    method: Any = "central",
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: int | None = None,
    full_output: bool = False,
) -> Any:
    """Return the derivative of f at x along v.

    Parameters
    ----------
    f : callable
        Function of a point that returns a number or an array: of a gradient function the result
        is the Hessian times v. With ``vectorized=True``, of points of shape (m, *x.shape).
    x, method, bounds, args, vectorized, workers, full_output
        As for :func:`gradient`. A method's `step` is the distance that x moves.
    v : array_like
        The direction, of x's shape, of any length: the result is linear in v.

    Returns
    -------
    float or ndarray
        The derivative ``sum(J * v)``, of the shape of ``f(x)``.
    Info
        With ``full_output=True``; its step and scheme are those of t in ``f(x + t v)``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if v is not of x's shape or not finite.

    Notes
    -----
    2 evaluations, whatever the number of coordinates; forward 2, complex 1 and 2 for its check.
    The whole of x is moved in place and put back. Thread-safety: as for :func:`gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import directional_derivative
    >>> float(round(directional_derivative(lambda x: np.sum(x**2), [3.0, 4.0], [1.0, 1.0]), 6))
    14.0
    """
    line = Line(Problem(f, x, method, None, args, vectorized, workers), v, bounds)
    center, result = keeping(line.problem.x, line.derivative)
    return (result, line.info(center is not None)) if full_output else result
