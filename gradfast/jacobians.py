"""jacobian: of f of a point, to an array; dense or sparse."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradfast import adaptive, sparse
from gradfast.arguments import Array
from gradfast.methods import Adaptive, as_method
from gradfast.points import as_dtype_of
from gradfast.problem import NO_ARGUMENTS, Problem, agreeing

Function = Callable[..., Any]


def jacobian(
    f: Function,
    x: Any,
    *,
    method: Any = "central",
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
    """Return the Jacobian of f at x.

    Parameters
    ----------
    f : callable
        Function of a point that returns an array or list of any one shape, also the same array
        every time. With ``vectorized=True``, of points of shape ``(m, *x.shape)``, that returns m such.
    x, method, bounds, args, vectorized, workers, progress, full_output
        As for :func:`gradient`.
    f0 : array_like, optional
        f's value at x, if it is known, of the shape of f's values. Compiled f that does not say how many
        it writes is taken to write so many.
    sparsity : Coloring or pattern, optional
        Where the Jacobian may differ from zero, as for :class:`Coloring`; a coloring of it is best
        made once. Columns of one color are then moved at once, each by its own step. Not with method
        "adaptive".
    verify : bool
        Whether to see that the sparsity holds every entry that f depends on.

    Returns
    -------
    ndarray
        Shape ``f(x).shape + x.shape``: entry [..., i] is the derivative along coordinate i, in units of f
        over those of x.
    scipy.sparse.csr_array
        With `sparsity`: shape (values of f, coordinates of x), both counted in C order, of the pattern.
    Info
        With ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        As for :func:`gradient`; ValueError if the shape of f's result changes, or is not f0's; if sparsity has not
        a row for each value and a column for each coordinate, or as :class:`Coloring`; with
        ``verify=True``, with the residual, if it lacks an entry.
    ImportError
        With `sparsity`, if SciPy is not installed (``gradfast[sparse]``).

    Notes
    -----
    The evaluations are those of :func:`gradient`; with `sparsity`, as if there were as many
    coordinates as colors [1]_, [2]_, but that bounds which make stencils differ part a color. To verify costs
    one more, along a random direction, or up to three where f is curved. An entry that adds less
    than a thousandth to its row's change goes unseen. Thread-safety: as there.

    References
    ----------
    .. [1] Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices", J. Inst. Math. Appl. 13 (1974)
       117-119.
    .. [2] Coleman and Moré, "Estimation of sparse Jacobian matrices and graph coloring problems", SIAM J. Numer.
       Anal. 20 (1983) 187-209.

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
    refuse_adaptive(method, sparsity)
    if f0 is not None:
        f, f0 = agreeing(f, f0, vectorized)
    problem = Problem(f, x, method, bounds, args, vectorized, workers, progress=progress)
    if sparsity is not None:
        result, evaluations = sparse.jacobian(problem, f0, sparsity, verify, bounds)
        return (result, problem.info(evaluations)) if full_output else result
    if verify:
        raise ValueError(f"verify must be False without sparsity; got {verify!r}")
    center, result = problem.keeping(_run_jacobian, problem, f0)
    return (result, problem.info(problem.evaluations(center is not None and f0 is None))) if full_output else result


def _run_jacobian(problem: Problem, f0: Any) -> tuple[Any, Array]:
    p, x = problem, problem.x
    is_moved = x.size and p.plan.groups  # else f's value at x has yet to tell the shape
    wants_center = p.plan.needs_center or p.is_adaptive or not is_moved
    center = p.family.array(p.f, x, x) if f0 is None and wants_center else f0
    if p.is_adaptive:
        rows = adaptive.components(p, center)
    else:
        rows = p.family.components(p.lifted, p.argument, p.memory, p.plan, center)
    shape = rows.shape[1:]
    result = np.moveaxis(rows, 0, -1).reshape((*shape, *x.shape))
    if p.is_complex:
        p.check(lambda v: np.tensordot(result, v, x.ndim))
    return center, as_dtype_of(x, result)


def refuse_adaptive(method: Any, sparsity: Any) -> None:
    """Raise ValueError if the method finds a step for each coordinate, where a color of them is to be moved at once."""
    if sparsity is not None and isinstance(as_method(method), Adaptive):
        raise ValueError(f"method must not be adaptive with sparsity; got {method!r}")
