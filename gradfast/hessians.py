"""hessian: of f of a point, to a number, twice; from f or from its gradient, dense or sparse."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradfast import adaptive, sparse
from gradfast.arguments import Array
from gradfast.callables import as_objective
from gradfast.jacobians import jacobian, refuse_adaptive
from gradfast.methods import Adaptive, as_method
from gradfast.points import VALUE_DTYPE, as_dtype_of
from gradfast.problem import NO_ARGUMENTS, Problem, require_difference
from gradfast.steps import steps_at

Function = Callable[..., Any]


def hessian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
    gradient: Function | None = None,
    f0: Any = None,
    sparsity: Any = None,
    verify: bool = False,
    bounds: Any = None,
    args: Any = NO_ARGUMENTS,
    vectorized: bool = False,
    workers: Any = None,
    progress: Any = False,
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
        f's value at x, if it is known; not with `gradient`, which does not need it.
    sparsity : Coloring or pattern, optional
        Where the Hessian may differ from zero, as for :class:`Coloring`; a coloring must be made
        with ``symmetric=True``. Not with method "adaptive".
    verify : bool
        As for :func:`jacobian`; only with `gradient`.

    Returns
    -------
    ndarray
        The second derivatives, of shape ``x.shape + x.shape``, in units of f over those of x squared;
        symmetric to the bit.
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
    of one coordinate and of two [1]_. n**2 + n + 1 evaluations, or 2 n (n + 1) + 1 with
    ``Central(accuracy=4)``; "adaptive" about 10 for each of n (n + 1) / 2 lines, 6 where f is quadratic.
    From the gradient: half of its Jacobian and the transpose, 2 n calls. With `sparsity`, from f: 2
    evaluations for each coordinate and each entry below the diagonal, and one; from the gradient 2 for
    each color, an entry being read in one of two places [2]_.
    Thread-safety: as for :func:`gradient`.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.
    .. [2] Powell and Toint, "On the estimation of sparse Hessian matrices", SIAM J. Numer. Anal. 16 (1979)
       1060-1074.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import hessian
    >>> print(hessian(lambda x: x[0] ** 2 * x[1], [1.0, 2.0]).round(4))
    [[4. 2.]
     [2. 0.]]
    """
    refuse_adaptive(method, sparsity)
    if verify and (sparsity is None or gradient is None):
        raise ValueError(f"verify must be False without sparsity and gradient; got {verify!r}")
    if gradient is not None:
        if f0 is not None:
            raise ValueError(f"f0 must not be given with gradient; got {f0!r}")
        gradient = as_objective(gradient, "gradient")
        if sparsity is None:
            options = {"method": method, "bounds": bounds, "args": args, "vectorized": vectorized}
            return _hessian_from_gradient(gradient, x, full_output, workers=workers, progress=progress, **options)
        problem = Problem(gradient, x, method, bounds, args, vectorized, workers, progress=progress)
        result, evaluations = sparse.jacobian(problem, None, sparsity, verify, bounds, symmetric=True)
        return (result, problem.info(evaluations)) if full_output else result
    if isinstance(as_method(method), Adaptive):
        problem = Problem(f, x, method, bounds, args, vectorized, workers, n=2, progress=progress)
        result = as_dtype_of(problem.x, problem.keeping(_run_adaptive_hessian, problem, f0))
        return (result, problem.info(int(f0 is None))) if full_output else result
    difference = require_difference(method, "hessian without gradient=")
    problem = Problem(f, x, difference, bounds, args, vectorized, workers, n=2, progress=progress)
    if len(problem.plan.groups) > 1:  # two coordinates are moved at once, by one stencil: a one-sided one fits all
        problem.plan = difference.one_sided().plan(problem.memory, 2, bounds)
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
