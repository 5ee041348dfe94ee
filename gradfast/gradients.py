"""gradient and value_and_gradient: of f of a point, to a number."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import empty

from gradfast import adaptive
from gradfast._kernels.plain_gradient import plain_gradient
from gradfast.arguments import Array
from gradfast.methods import NAMES
from gradfast.points import VALUE_DTYPE, as_dtype_of
from gradfast.problem import NO_ARGUMENTS, Problem

Function = Callable[..., Any]


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
        ``vectorized=True``, of points along a first axis, shape ``(m, *x.shape)``, that returns m
        numbers. Or compiled code: see :mod:`gradfast.callables`.
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
        Lower and upper bounds, broadcast against x, None for no bound; or a ``scipy.optimize.Bounds``.
        (Not a pair for each coordinate, as ``scipy.optimize.minimize`` takes them: ``list(zip(*pairs))``
        makes two sides of those.) f is never called outside them: near one, a coordinate gets a
        one-sided stencil of the same accuracy, or a smaller step; where they are equal, the
        derivative is 0.
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
        The partial derivatives, of x's shape, in units of f over those of x; of its dtype if that is floating.
    Info
        With ``full_output=True``: evaluations, steps and schemes, and with method "adaptive" the
        error, as :class:`gradfast.problem.Info`.

    Raises
    ------
    TypeError
        If x or f's result is complex or not a number; with method "complex", if f's result is real; if
        f is to reach another process and cannot be pickled.
    ValueError
        If f does not return one number a point; if f itself changes x (which is put back); if
        x lies outside the bounds; if the method is unknown; with method "complex", if f is not
        analytic; if workers or progress is neither.
    RuntimeError
        If a process of ``workers=`` dies. What f raises in one comes out of this call, with a note of
        the coordinates that were moved.
    ImportError
        With ``progress=True``, if tqdm is not installed (``gradfast[progress]``).

    Warns
    -----
    RuntimeWarning
        If rounding swallows a step that was asked for; if with ``workers=`` all derivatives are exactly 0
        and f, called twice more here, does not see what is moved in a copy of x.

    Notes
    -----
    Evaluations for n coordinates: central 2 n at accuracy 2 and in general accuracy times n;
    forward and backward accuracy times n + 1, one less with f0; complex n, and 2 for its check;
    adaptive about 8 n + 1, and 4 n + 1 to 6 n + 1 for a linear or quadratic f.

    The default step balances truncation against rounding [1]_, [2]_ for an f whose length scale is
    ``max(abs(x), 0.1)``, coordinate by coordinate (0.2 from accuracy 6 up). A fixed rule cannot know
    better: where f varies on a much smaller or larger scale, give `step`, or let "adaptive" find it.

    Thread-safety: x is perturbed in place, so two threads may differentiate at two arrays, never
    at one.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.
    .. [2] Press et al., "Numerical Recipes", 3rd ed., Cambridge University Press (2007), section 5.7.

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
        plain = plain_gradient(f, x, method, NAMES, False)
        if plain is not None:
            return plain[1]
    problem = Problem(f, x, method, bounds, args, vectorized, workers, axis, progress=progress)
    center, result = _gradient(problem, f0, False)
    if full_output:
        return result, problem.info(problem.evaluations_of_gradient(f0 is None and center is not None))
    return result


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

    References
    ----------
    As for :func:`gradient`.

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
        plain = plain_gradient(f, x, method, NAMES, True)
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
