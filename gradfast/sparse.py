"""Jacobians and Hessians of known sparsity: a color of columns at once, the result in CSR."""

import importlib
from typing import Any

import numpy as np

from gradfast import complex_step
from gradfast._kernels.colored_loop import SCATTER
from gradfast._kernels.keep import keeping
from gradfast.arguments import Array
from gradfast.bounds import checked_bounds
from gradfast.callables import as_objective
from gradfast.calling import many_points, one_point
from gradfast.coloring import Coloring
from gradfast.parallel import Chunks
from gradfast.patterns import Pattern, as_indices, as_pattern, require_symmetric, shape_of_indices
from gradfast.points import VALUE_DTYPE, as_dtype_of, as_point
from gradfast.problem import NO_ARGUMENTS, Problem, with_arguments
from gradfast.steps import EPS, steps_at

# How much of what was collected for colors may wait to be written to its places.
TOTALS_BYTES = 1 << 26

# How far from x, relative to it, a pattern is looked for by random numbers.
PROBE_SHARE = 2.0**-6

# A value's second derivative, next to the largest first one, that a verification takes for no error.
CURVATURE = 64.0


def scipy_sparse() -> Any:
    """Return SciPy's sparse arrays; ImportError that names the extra."""
    try:
        return importlib.import_module("scipy.sparse")
    except ImportError as error:
        raise ImportError("a sparse result needs SciPy: install gradfast[sparse]") from error


def as_coloring(sparsity: Any, x: Array, symmetric: bool) -> Coloring:
    """Return the coloring of what was given as sparsity; ValueError unless it has a column for each coordinate."""
    if isinstance(sparsity, Coloring):
        coloring = sparsity
        if coloring.symmetric != symmetric:
            wanted = "symmetric, Coloring(pattern, symmetric=True), for a Hessian" if symmetric else "one of columns"
            raise ValueError(f"sparsity must be {wanted}; got {sparsity!r}")
    else:
        coloring = Coloring(_pattern(sparsity, x, symmetric), symmetric=symmetric)
    if coloring.shape[1] != x.size:
        raise ValueError(
            f"sparsity must have a column for each of x's coordinates; got {coloring.shape[1]} columns for {x.size}"
        )
    return coloring


def _pattern(sparsity: Any, x: Array, symmetric: bool) -> Pattern:
    """Return the pattern of what was given as sparsity and is no coloring, by whose name errors call it."""
    shape = None
    if isinstance(sparsity, tuple):
        rows, _ = shape_of_indices(*as_indices(sparsity, "sparsity"))
        shape = (x.size if symmetric else rows, x.size)
    pattern = as_pattern(sparsity, shape, "sparsity")
    if symmetric:
        require_symmetric(pattern, "sparsity")
    return pattern


def jacobian(
    problem: Problem, f0: Any, sparsity: Any, verify: bool, bounds: Any, symmetric: bool = False
) -> tuple[Any, int]:
    """Return the Jacobian, a row for each of f's values and a column for each of x's coordinates; and the evaluations.

    If it is said to be symmetric, f being a gradient, only one of two mirrored entries is read.
    """
    p, x = problem, problem.x
    sparse, coloring = scipy_sparse(), as_coloring(sparsity, x, symmetric)
    if f0 is not None and f0.size != coloring.shape[0]:
        raise ValueError(
            f"f0 must have a value for each of sparsity's {coloring.shape[0]} rows; got an array of shape {f0.shape}"
        )
    result: tuple[Any, int] = p.keeping(_run_jacobian, p, sparse, coloring, f0, verify, bounds)
    return result


def _run_jacobian(p: Problem, sparse: Any, coloring: Coloring, f0: Any, verify: bool, bounds: Any) -> tuple[Any, int]:
    x = p.x
    center = p.family.array(p.f, x, x) if f0 is None and p.plan.needs_center else f0
    evaluations = int(center is not None and f0 is None)
    rows = coloring.shape[0]
    middle = (
        np.zeros(rows, VALUE_DTYPE[p.memory.dtype.char]) if verify and center is None and not p.is_complex else None
    )
    data, calls = _by_colors(p, coloring, center, middle)
    result = as_csr(sparse, coloring, as_dtype_of(x, data))
    if p.is_complex:
        p.f = _with_flat_values(p)
        p.check(lambda v: result @ v.reshape(-1))
        evaluations += p.calls_to_check
    if verify and calls:
        evaluations += _verify(p, result, middle if center is None else np.ravel(center), bounds)
    return result, evaluations + calls


def as_csr(sparse: Any, coloring: Coloring, data: Array) -> Any:
    """Return a CSR array of a coloring's pattern; its indices are its own, for SciPy changes them in place."""
    pattern = coloring.pattern
    result = sparse.csr_array((data, pattern.columns.copy(), pattern.row_starts.copy()), shape=pattern.shape)
    result.has_canonical_format = True
    return result


def _by_colors(p: Problem, coloring: Coloring, center: Any, middle: Array | None) -> tuple[Array, int]:
    """Return the derivatives at the pattern's entries, and how often f was evaluated."""
    char = p.memory.dtype.char
    steps, dtype = steps_at(p.plan.steps, p.memory), VALUE_DTYPE[p.memory.dtype.char]
    data = np.zeros(coloring.pattern.columns.size, dtype)
    count = max(1, TOTALS_BYTES // (coloring.shape[0] * dtype.itemsize + 1))
    groups = [(stencil, *coloring.restricted(some)) for stencil, some in p.plan.groups]
    evaluations = sum(len(stencil.nodes) * (starts.size - 1) for stencil, _, starts in groups)
    if isinstance(p.family, Chunks):
        p.family.expect_colors(evaluations)
    for stencil, columns, starts in groups:
        for first in range(0, starts.size - 1, count):
            part = starts[first : first + count + 1]
            totals = np.empty((part.size - 1, coloring.shape[0]), dtype)
            p.family.color_differences(
                p.lifted, p.argument, p.memory, stencil, steps, (columns, part), center, totals, middle
            )
            SCATTER[char](totals, steps, stencil, columns, part, *coloring.entries, data)
            middle = None  # those of the first color do
    return data, evaluations


def _with_flat_values(p: Problem) -> Any:
    f, lead = p.f, p.family is many_points or getattr(p.family, "serial", None) is many_points
    return lambda x: np.asarray(f(x)).reshape((len(x), -1) if lead else -1)


def _verify(p: Problem, result: Any, center: Array | None, bounds: Any) -> int:
    """Hold the result times a random direction against f moved along it; return how often f was evaluated."""
    x, before, calls = p.x, p.x.copy(), 0
    step = EPS[x.dtype.char] ** (1 / 3)
    # Of either sign: along a direction like the steps, what a missing entry adds to another's derivative may not show.
    v = complex_step.random_direction(x) * np.random.default_rng(x.size).choice([-1.0, 1.0], x.shape)
    if bounds is not None:
        v = complex_step.direction_inside(x, v, checked_bounds(x, bounds), step)
    in_place = p.family is one_point or getattr(p.family, "serial", None) is one_point

    def f(t: float) -> Array:
        point = (before + t * v).astype(x.dtype)
        if in_place:  # f may read x through a closure
            x[...] = point
            point = x
        values: Array = np.ravel(p.family.array(p.f, point, point))
        return values

    if center is None:
        center, calls = f(0.0), 1
    found = result @ v.reshape(-1)
    try:
        more, wrong = complex_step.compare(f, center.astype(float), step, x.dtype.char, found, CURVATURE)
    finally:
        x[...] = before
    if wrong is not None:
        raise ValueError(
            "sparsity must hold every entry that f depends on; along a random direction one of f's values "
            f"changes by {wrong[1]:.6g} where the result times it gives {wrong[0]:.6g}: "
            f"a residual of {wrong[1] - wrong[0]:.3g}"
        )
    return calls + more


def hessian(problem: Problem, f0: Any, sparsity: Any) -> tuple[Any, int]:
    """Return the Hessian of an f of one number, from as many pairs as the pattern has entries; the evaluations."""
    sparse, coloring = scipy_sparse(), as_coloring(sparsity, problem.x, True)
    result: tuple[Any, int] = problem.keeping(_run_hessian, problem, sparse, coloring, f0)
    return result


def _run_hessian(p: Problem, sparse: Any, coloring: Coloring, f0: Any) -> tuple[Any, int]:
    """Do what the dense one does, for the pairs of the pattern alone."""
    pattern, evaluations = coloring.pattern, int(f0 is None)
    center = p.family.value(p.f, p.x, p.x) if f0 is None else p.given_values(f0)
    steps = steps_at(p.plan.steps, p.memory)
    data = np.zeros(pattern.columns.size, VALUE_DTYPE[p.memory.dtype.char])
    rows, columns, mirrors = pattern.rows, pattern.columns, pattern.by_columns[2]
    for stencil, some in p.plan.groups:  # one, or none where bounds leave no room
        free = np.full(p.x.size, some is None)
        free[slice(0) if some is None else some] = True
        places = np.flatnonzero((rows >= columns) & free[rows] & free[columns])
        i, j = rows[places].astype(np.intp), columns[places].astype(np.intp)
        lines = np.unique(np.concatenate([i, j]))
        off = i != j
        pairs = np.concatenate([lines, i[off]]), np.concatenate([lines, j[off]])
        evaluations += len(stencil.nodes) * pairs[0].size
        values = p.family.pair_differences(p.f, p.memory, stencil, steps, pairs, center)
        straight = np.zeros(p.x.size, values.dtype)
        straight[lines] = values[: lines.size]
        second = straight[i]
        with np.errstate(all="ignore"):  # what f returns passes through, inf and NaN too
            second[off] = (values[lines.size :] - straight[i[off]] - straight[j[off]]) / 2
            second /= stencil.denominator * steps[i] * steps[j]
        data[places] = data[mirrors[places]] = second
    return as_csr(sparse, coloring, as_dtype_of(p.x, data)), evaluations


def detect_sparsity(f: Any, x: Any, *, by: str = "nan", args: Any = NO_ARGUMENTS) -> Any:
    """Return where the Jacobian of f may differ from zero, by trying each coordinate.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns an array of any one shape.
    x : array_like
        Where to look. It is perturbed in place, as by :func:`gradfast.jacobian`, and put back.
    by : str
        "nan": a coordinate is set to NaN, and the values that are NaN then depend on it. What f
        drops by a comparison, ``fmax`` or ``nansum`` is missed; a dense ``M @ x`` or an FFT
        looks all dense, for NaN times 0 is NaN. "random": a coordinate is moved at a random point
        near x, and the values that change depend on it. What is flat there, a branch not taken or
        a step function, is missed.
    args : tuple
        More arguments for f.

    Returns
    -------
    scipy.sparse.csr_array of bool
        Shape (values of f, coordinates of x), both counted in C order: a `sparsity`.

    Raises
    ------
    ValueError
        If `by` is neither; with "nan", if f's value at x holds NaN already; if the shape of f's result
        changes, or if f itself changes x (which is put back).
    TypeError
        If x or f's result is not a number.
    ImportError
        If SciPy is not installed (``gradfast[sparse]``).

    Notes
    -----
    n + 1 evaluations: as many as a forward Jacobian, so it pays when the pattern serves many times. Probing
    many coordinates at once may take fewer [1]_, at the risk that what they change cancels.
    ``verify=True`` of :func:`gradfast.jacobian` holds the result against f in a random direction.
    Thread-safety: as for :func:`gradfast.gradient`.

    References
    ----------
    .. [1] Griewank and Mitev, "Detecting Jacobian sparsity patterns by Bayesian probing", Math. Program. 93 (2002)
       1-25.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import detect_sparsity
    >>> print(detect_sparsity(np.diff, np.arange(4.0)).toarray().astype(int))
    [[1 1 0 0]
     [0 1 1 0]
     [0 0 1 1]]
    """
    if by not in ("nan", "random"):
        raise ValueError(f"by must be 'nan' or 'random'; got {by!r}")
    sparse, f, x = scipy_sparse(), as_objective(f), as_point(x)
    if args is not NO_ARGUMENTS:
        f = with_arguments(f, args)
    rows, m = _probe(f, x, by)
    starts = np.concatenate([[0], np.cumsum([some.size for some in rows])])
    indices = np.concatenate([np.empty(0, np.intp), *rows])
    return sparse.csc_array((np.ones(indices.size, bool), indices, starts), shape=(m, x.size)).tocsr()


def _probe(f: Any, x: Array, by: str) -> tuple[list[Array], int]:
    """Return the values that depend on each coordinate, and how many values there are."""
    before, away = x.copy(), complex_step.random_direction(x).astype(x.dtype)
    try:
        if by == "random":
            x[...] = x + away * PROBE_SHARE
        found: tuple[list[Array], int] = keeping(x, _dependents, f, x, by, away)
    finally:
        x[...] = before
    return found


def _dependents(f: Any, x: Array, by: str, away: Array) -> tuple[list[Array], int]:
    center, found = one_point.array(f, x, x), []
    if by == "nan" and np.isnan(center).any():
        raise ValueError(f"f must return no NaN at x to find its sparsity by NaN; got {center}")
    for index in np.ndindex(x.shape):
        saved = x[index]
        x[index] = np.nan if by == "nan" else saved + away[index] * PROBE_SHARE
        values = one_point.array(f, x, x)
        x[index] = saved
        if values.shape != center.shape:
            raise ValueError(f"f must return arrays of one shape; got {center.shape}, then {values.shape}")
        changed = np.isnan(values) if by == "nan" else (values != center) & ~(np.isnan(values) & np.isnan(center))
        found.append(np.flatnonzero(changed))
    return found, center.size
