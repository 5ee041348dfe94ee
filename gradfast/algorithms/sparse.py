"""Jacobians and Hessians of known sparsity: a color of columns at once, the result in CSR."""

from types import ModuleType
from typing import Any

import numpy as np

from gradfast._kernels.combine import SCATTER, combined, second_derivatives_of
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast.algorithms.sparse_verification import Lines, verify
from gradfast.calls.evaluators import Call, Parts, in_dtype_of_x, opened, x_of
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.coloring import Coloring
from gradfast.stencils import ONE_NODE
from gradfast.values.arguments import VALUE_DTYPE, Array, apart, as_arguments, as_point, imported, number_or_array
from gradfast.values.callables import as_objective
from gradfast.values.sparse_patterns import Pattern, as_indices, as_pattern, require_symmetric, shape_of_indices


def scipy_sparse() -> ModuleType:
    return imported("scipy.sparse", "a sparse result needs SciPy", "sparse")


def snapshot(sparsity: object) -> object:
    """Return what was given as sparsity, as a pattern, a coloring or copied indices: changes to it come too late."""
    if isinstance(sparsity, Coloring):
        return sparsity
    if isinstance(sparsity, tuple):  # the shape of it is that of x
        return tuple(np.array(side) for side in as_indices(sparsity, "sparsity"))
    return as_pattern(sparsity, name="sparsity")


def coloring_of(operator: PreparedOperator, x: Array, symmetric: bool) -> Coloring:
    """Return the coloring of an operator's sparsity, which is made at its first call."""
    if operator._coloring is None or operator._coloring.shape[1] != x.size:
        operator._coloring = as_coloring(operator.sparsity, x, symmetric)
    return operator._coloring


def as_coloring(sparsity: object, x: Array, symmetric: bool) -> Coloring:
    """Return the coloring of what was given as sparsity; ValueError unless it has a column for each coordinate."""
    if isinstance(sparsity, Coloring):
        coloring = sparsity
        if coloring.symmetric != symmetric:
            wanted = "symmetric, Coloring(pattern, symmetric=True), for a Hessian" if symmetric else "one of columns"
            raise ValueError(f"sparsity must be {wanted}; got {sparsity!r}")
    else:
        pattern = _pattern(sparsity, x, symmetric)
        _require_columns(pattern.shape[1], x)  # of which a coloring may take long
        coloring = Coloring(pattern, symmetric=symmetric)
    _require_columns(coloring.shape[1], x)
    return coloring


def _require_columns(found: int, x: Array) -> None:
    if found != x.size:
        hint = "; x is f's first argument unless argnum says another" if x.ndim == 0 else ""
        raise ValueError(
            f"sparsity must have a column for each of x's coordinates; got {found} columns for {x.size}{hint}"
        )


def _pattern(sparsity: object, x: Array, symmetric: bool) -> Pattern:
    """Return the pattern of what was given as sparsity and is no coloring, by whose name errors call it."""
    shape = None
    if isinstance(sparsity, tuple):
        rows, _ = shape_of_indices(*as_indices(sparsity, "sparsity"))
        shape = (x.size if symmetric else rows, x.size)
    pattern = as_pattern(sparsity, shape, "sparsity")
    if symmetric:
        require_symmetric(pattern, "sparsity")
    return pattern


def derivatives(operator: PreparedOperator, e: Evaluator, parts: Parts, f0: object) -> object:
    """Return the derivatives at the entries of the sparsity, with what was done if that is asked for."""
    given = None if f0 is None else operator._given(e, f0)
    result, parts, value = (hessian if operator.single else jacobian)(operator, e, parts, given)
    e.close()
    if result.nnz and not result.data.any():
        operator._warn_if_unseen(e, parts, value)
    return (result, operator._info(e, None, parts, value)) if operator.full_output else result


def jacobian(
    operator: PreparedOperator, e: Evaluator, parts: Parts, given: Array | None
) -> tuple[Any, Parts, Array | None]:
    """Return the Jacobian, a row for each value of f and a column for each coordinate; all moves; f(x) if it is known.

    If the operator is of a gradient, only one of two mirrored entries is read.
    """
    sparse, coloring = scipy_sparse(), coloring_of(operator, x_of(e), operator.symmetric)
    if given is not None and given.size != coloring.shape[0]:
        raise ValueError(
            f"f0 must have a value for each of sparsity's {coloring.shape[0]} rows; got an array of shape {given.shape}"
        )
    center = e.value() if given is None and any(moves.stencil.center for moves in parts) else given

    def at_entries(parts: Parts, center: Array | None = center) -> Array:
        return _by_colors(operator, e, parts, coloring, center, given)

    pattern, every, data = coloring.pattern, parts, at_entries(parts)
    if not np.isfinite(data).all():
        places = pattern.rows, pattern.columns
        every = operator._from_one_side(e, parts, center, data, places, lambda part, at_x: at_entries((part,), at_x))
    data[~np.isfinite(e.steps_from)[pattern.columns]] = np.nan
    result = as_csr(sparse, pattern, in_dtype_of_x(e, data))
    is_complex = operator.method.is_complex
    if operator.verify and parts:
        verify(Lines(e, parts, coloring, as_csr(sparse, pattern, data), center, exactly=not is_complex), at_entries)
    if is_complex:
        operator._check(e, None, every, result)
    return result, every, center


def as_csr(sparse: ModuleType, pattern: Pattern, data: Array) -> Any:
    """Return a CSR array of a pattern; its indices are its own, for SciPy changes them in place."""
    result = sparse.csr_array((data, pattern.columns.copy(), pattern.row_starts.copy()), shape=pattern.shape)
    result.has_canonical_format = True
    return result


def _by_colors(
    operator: PreparedOperator, e: Evaluator, parts: Parts, coloring: Coloring, center: Array | None,
    given: Array | None,
) -> Array:  # fmt: skip
    """Return the derivatives at the pattern's entries."""
    data = np.zeros(coloring.pattern.columns.size, VALUE_DTYPE[e.base.dtype.char])
    colors = []
    for moves in parts:
        columns, starts = (part.astype(np.intp) for part in coloring.restricted(moves.groups.chosen))
        groups = Groups.listed(e.n, starts, columns)
        colors.append((Moves(groups, moves.step_of_each, moves.stencil), columns, starts))
    if operator.progress is not False:
        e.expect(sum(len(moves) for moves, _, _ in colors))
    for moves, columns, starts in colors:
        size, first, count = moves.stencil.size, 0, len(moves.groups)
        while first < count:
            last = min(count, first + max(1, e.rows_at_once() // size))
            part = moves.part(first * size, last * size)
            values = e.values(part).reshape(len(part), -1)
            if values.shape[1] != coloring.shape[0]:
                raise ValueError(
                    "sparsity must have a row for each of f's values; "
                    f"got {coloring.shape[0]} rows for {values.shape[1]} values"
                )
            if given is not None:
                operator._require_shape_of(e, given)
            sums = combined(values, part, center, divided=False)
            SCATTER[e.base.dtype.char](
                sums, moves.step_of_each, moves.stencil, columns, starts[first : last + 1], *coloring.entries, data
            )
            first = last
    return data


def hessian(operator: PreparedOperator, e: Evaluator, parts: Parts, given: Array | None) -> tuple[Any, Parts, Any]:
    """Return the Hessian of an f of one number, from the pairs that the pattern holds; all moves; f(x)."""
    center = e.value() if given is None else given
    sparse, coloring = scipy_sparse(), coloring_of(operator, x_of(e), True)
    pattern = coloring.pattern
    data = np.zeros(pattern.columns.size, VALUE_DTYPE[e.base.dtype.char])
    rows, columns, mirrors = pattern.rows, pattern.columns, pattern.by_columns[2]
    for moves in parts:  # one, or none where bounds leave no room
        free = np.zeros(e.n, bool)
        free[moves.groups.members] = True
        places = np.flatnonzero((rows >= columns) & free[rows] & free[columns])
        i, j = rows[places].astype(np.intp), columns[places].astype(np.intp)
        off = i != j
        alone = np.unique(np.concatenate([i, j]))
        members = np.concatenate([alone, np.stack([j[off], i[off]], axis=1).reshape(-1)])
        starts = np.concatenate([np.arange(alone.size), np.arange(alone.size, members.size + 1, 2)])
        lines = Moves(Groups.listed(e.n, starts, members), moves.step_of_each, moves.stencil)
        if operator.progress is not False:
            e.expect(len(lines))
        second = second_derivatives_of(combined(e.values(lines), lines, center, divided=False), lines)
        found = np.empty(places.size, data.dtype)
        found[off] = second[alone.size :]
        found[~off] = second[np.searchsorted(alone, i[~off])]
        data[places] = data[mirrors[places]] = found
    is_number = np.isfinite(e.steps_from)
    data[~(is_number[rows] & is_number[columns])] = np.nan
    return as_csr(sparse, coloring.pattern, in_dtype_of_x(e, data)), parts, number_or_array(center)


def detect_sparsity(f: object, x: object, *, args: object = ()) -> Any:
    """Return where the Jacobian of f may differ from zero, by setting each coordinate to NaN in turn.

    The values of f that are NaN then depend on it. What f drops by a comparison, ``fmax`` or ``nansum``
    is missed; a dense ``M @ x`` or an FFT looks all dense, for NaN times 0 is NaN.

    Parameters
    ----------
    f : callable
        Function of a point, ``f(x, *args)``, that returns an array of any one shape.
    x : array_like
        Where to look. It is perturbed in place, as by :func:`gradfast.jacobian`, and put back.
    args : tuple
        More arguments for f.

    Returns
    -------
    scipy.sparse.csr_array of bool
        Shape (values of f, coordinates of x), both counted in C order: a `sparsity`.

    Raises
    ------
    ValueError
        If f's value at x holds NaN already; if the shape of f's result changes, or if f itself changes x
        (which is put back).
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
    sparse = scipy_sparse()
    coordinates, rows = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    more = as_arguments(args)
    with opened(Call(as_objective(f), more).at(apart(as_point(x), more))) as e:
        center = e.value()
        if np.isnan(center).any():
            raise ValueError(f"f must return no NaN at x to find its sparsity by NaN; got {center}")
        moves = Moves(Groups.each(e.n), np.full(e.n, np.nan), ONE_NODE)
        for first in range(0, e.n, e.rows_at_once()):
            values = e.values(moves.part(first, min(e.n, first + e.rows_at_once())))
            moved, changed = np.nonzero(np.isnan(values).reshape(len(values), -1))
            coordinates.append(first + moved)
            rows.append(changed)
    entries = np.concatenate(rows), np.concatenate(coordinates)
    pattern = as_pattern(entries, (center.size, e.n))
    return as_csr(sparse, pattern, np.ones(pattern.columns.size, bool))
