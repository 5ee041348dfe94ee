"""hessian: of f of a point, to a number, twice; from f or from its gradient, dense or sparse.

The formula of second differences is `second_derivatives` of `gradfast._kernels.combine`.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

import numpy as np

from gradfast._kernels.combine import combined
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups, Moves
from gradfast._kernels.operator_kinds import HessianOperator
from gradfast._kernels.returned_value import ArrayValueError
from gradfast.algorithms import adaptive
from gradfast.calls.evaluators import Parts, in_dtype_of_x, shape_of, x_of
from gradfast.calls.operator_value import COMMON
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.operators.gradients import Gradient
from gradfast.operators.jacobians import Jacobian, as_it_is_now, at_sparsity
from gradfast.steps.methods import AnyMethod, as_method
from gradfast.steps.steps_and_bounds import Candidates, Sides
from gradfast.values.arguments import Arguments, Array, Function, OnError, ProgressLike, Some, WorkersLike, unexpected
from gradfast.values.callables import Remembered, as_objective
from gradfast.values.info import Info

if TYPE_CHECKING:
    from gradfast.calls.operator_value import HessianOptions, No, Numbers, Yes

    Maybe = Function | None


class Hessian(HessianOperator, PreparedOperator):
    """The Hessian of f, prepared: ``Hessian(f, **options)(x, *args)`` is ``hessian(f, x, args=args, **options)``.

    Parameters
    ----------
    f, method, axis, gradient, diagonal, sparsity, verify, bounds, kwargs, argnum, has_aux
        As for :func:`hessian`.
    vectorized, workers, progress, on_error, full_output
        As for :func:`hessian`; errors and sources are the same.

    Examples
    --------
    >>> from gradfast import Hessian
    >>> curvature = Hessian(lambda x, scale: scale * x[0] * x[1])
    >>> print(curvature([1.0, 2.0], 3.0).round(4))
    [[0. 3.]
     [3. 0.]]
    """

    options = ("method", "axis", "gradient", "diagonal", "sparsity", "verify", *COMMON)
    _sparse = at_sparsity

    def __init__(
        self, f: Function | None = None, *, method: AnyMethod = "central", axis: int | None = None,
        gradient: Function | None = None, diagonal: bool = False, sparsity: object = None, verify: bool = False,
        bounds: object = None, kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False,
        vectorized: bool = False, workers: WorkersLike = None, progress: ProgressLike = False,
        on_error: OnError = "raise", full_output: bool = False, **others: Never,
    ) -> None:  # fmt: skip
        if others:
            raise unexpected(type(self), others)
        sparsity = as_it_is_now(sparsity, method)
        self.gradient, self.sparsity, self.verify, self.diagonal = gradient, sparsity, verify, bool(diagonal)
        self._refuse(axis, vectorized, has_aux)
        slopes, of_slopes = gradient, method
        if gradient is None and as_method(method).is_complex:
            if sparsity is not None or vectorized or has_aux:
                beside = "with sparsity, vectorized or has_aux, unless gradient is given"
                raise ValueError(f"method must not be complex {beside}; got {as_method(method)!r}")
            slopes = Gradient(as_objective(f), method=method, kwargs=kwargs, argnum=argnum)
            of_slopes = "central"
        if slopes is not None:
            self.of_gradient = JacobianOfGradient(
                as_objective(slopes, "gradient"), method=of_slopes, sparsity=sparsity, verify=verify, bounds=bounds,
                kwargs=None if gradient is None else kwargs, argnum=argnum, vectorized=vectorized, workers=workers,
                progress=progress, on_error=on_error, full_output=full_output,
            )  # fmt: skip
            self.of_gradient.diagonal = self.diagonal
            self._take_order(1)
        self._prepare(
            f if slopes is None else self.of_gradient.f, method, axis=axis, bounds=bounds, kwargs=kwargs,
            argnum=argnum, has_aux=has_aux, vectorized=vectorized, workers=workers, progress=progress,
            on_error=on_error, full_output=full_output,
        )  # fmt: skip
        if slopes is not None:
            self._show(f, self.bounds)
        else:
            self.is_sparse = sparsity is not None

    def _refuse(self, axis: object, vectorized: object, has_aux: object) -> None:
        """ValueError if options are given beside others that they do not go with."""
        if self.verify and (self.sparsity is None or self.gradient is None):
            raise ValueError(f"verify must be False without sparsity and gradient; got {self.verify!r}")
        if has_aux and self.gradient is not None:
            raise ValueError(f"has_aux must be False with gradient; got {has_aux!r}")
        for name, value, usual in (("diagonal", self.diagonal, False), ("axis", axis, None)):
            if self.sparsity is not None and value is not usual:
                raise ValueError(f"{name} must not be given with sparsity; got {value!r}")
        if self.gradient is not None and axis is not None and vectorized:
            raise ValueError(f"vectorized must be False with axis and gradient; got {vectorized!r}")

    def _moves_of(self, e: Evaluator, steps: Array, candidates: Candidates, sides: Sides | None) -> Parts:
        found = super()._moves_of(e, steps, candidates, sides)
        if len(found) < 2 or self.diagonal:
            return found
        # Two coordinates are moved at once, by one stencil: a one-sided one fits all.
        one_sided = self.method.one_sided()
        steps = one_sided.steps_at(x_of(e), self.n, e.precision)
        return super()._moves_of(e, steps, one_sided.candidates(self.n), sides)

    def _groups_of(self, e: Evaluator, some: Some) -> Groups:
        return Groups.each(e.n, some) if self.diagonal else Groups.pairs(e.n, some)

    def _fill_gaps(self, e: Evaluator, v: object, parts: Parts, center: Array | None, result: Array) -> Parts:
        if self.diagonal:
            return super()._fill_gaps(e, v, parts, center, result)
        for moves in parts:  # at most one. The result holds a sum for each pair, also for a coordinate with itself
            some = moves.groups.members
            center = e.value() if center is None else center
            if np.isfinite(center) and not np.isfinite(result).all():
                parts = self._from_sides_of_each(e, moves, some, center, result)
            nowhere = np.flatnonzero(~np.isfinite(e.steps_from[some]))
            result[nowhere * (nowhere + 1) // 2 + nowhere] = np.nan  # the place of the pair of a coordinate with itself
        return parts

    def _from_sides_of_each(self, e: Evaluator, moves: Moves, some: Some, center: Array, result: Array) -> Parts:
        """Take sums along pairs anew, by a stencil that looks to that side of each coordinate where f is finite."""
        one_sided = self.method.one_sided()
        steps, sides = one_sided.steps_at(x_of(e), self.n, e.precision), self._bounds_at(e)
        stencil = one_sided.stencil(self.n)
        ups, downs = (self._signed(e, steps, (stencil, sign), sides) for sign in (1, -1))
        above = Moves(Groups.each(e.n, some), ups, stencil).in_precision(result.dtype.char == "g")
        is_up = np.zeros(e.n, bool)
        is_up[some] = np.isfinite(combined(e.values(above), above, center))
        signed = np.where((is_up | (downs == 0)) & (ups != 0), ups, downs)
        anew = Moves(self._groups_of(e, some), signed, stencil).in_precision(result.dtype.char == "g")
        if not signed[some].all():
            return (moves,)
        found = self._results_of(e, (anew,), center)
        if np.isfinite(found).sum() <= np.isfinite(result).sum():
            return (moves,)
        result[...] = found
        return (anew,)

    def _stand_in(self, x: object) -> float | Array:
        return super()._stand_in(x) if self.gradient is None else np.zeros(np.asarray(x).shape)

    def _for_each_value(self, error: ArrayValueError, x: object, args: Arguments, f0: object) -> object:
        """Return the second derivatives of each value of an f that returns an array, at the evaluations of one."""
        if self.vectorized or self.is_sparse or f0 is not None or not prod(error.shape):
            raise error
        f = Remembered(self.f, self.argnum, np.size(np.asarray(x)))
        found = [self._with_part_of_f(f, j)._at(x, args) for j in range(prod(error.shape))]
        results, infos = [result for result, _ in found], [info for _, info in found]
        aux = results[0][1] if self.has_aux else None
        parts = [part for part, _ in results] if self.has_aux else results

        def stacked(parts: list[Array]) -> Array:
            return np.array(parts).reshape(error.shape + np.shape(parts[0]))

        result: object = (stacked(parts), aux) if self.has_aux else stacked(parts)
        if not self.full_output:
            return result
        count = f.points if self._workers is None else sum(info.evaluations for info in infos)
        info = replace(infos[0], evaluations=count + 1)
        if info.value is not None:
            info = replace(info, value=np.array([one.value for one in infos]).reshape(error.shape))
        if info.error is not None:
            info = replace(info, **{k: stacked([getattr(one, k) for one in infos]) for k in ("error", "converged")})
        return result, info

    def _shaped(self, e: Evaluator, result: Array) -> object:
        if self.diagonal:
            return super()._shaped(e, result)
        return in_dtype_of_x(e, result.reshape(shape_of(e) * 2))

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        return (adaptive.gradient if self.diagonal else adaptive.hessian)(e, self, center)


class JacobianOfGradient(Jacobian):
    """The Jacobian of a gradient, made symmetric: the mean of it and its transpose."""

    symmetric = True
    takes_parameters = diagonal = False

    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> object:
        result = super().__call__(x, *args, **keywords)
        shape_of_x = np.asarray((x, *args)[self.argnum]).shape
        if self.sparsity is not None:  # of which one of two mirrored entries was read
            return result
        found, info = result if self.full_output else (result, None)
        if self.is_native and found.size == prod(shape_of_x) ** 2:  # compiled code writes a vector, whatever x's shape
            found = found.reshape(shape_of_x * 2)
        shape = found.shape[found.ndim // 2 :]
        if found.ndim % 2 or found.shape != shape * 2 or shape != shape_of_x:
            raise ValueError(
                f"gradient must return an array of x's shape {shape_of_x}; "
                f"it returned one of shape {found.shape[: found.ndim - len(shape_of_x)]}"
            )
        symmetric = self._wanted(_mean_with_transpose(found))
        if info is None:
            return symmetric
        if info.error is not None:
            both = info.converged.reshape(info.step.size, -1)
            both = self._wanted((both & both.T).reshape(found.shape))
            error = self._wanted(_mean_with_transpose(info.error.reshape(found.shape)))
            info = replace(info, error=error, converged=both)
        return symmetric, info

    def _wanted(self, matrix: Array) -> object:
        """Return the matrix, or its diagonal in the shape of x."""
        if self.diagonal:
            shape = matrix.shape[: matrix.ndim // 2]
            matrix = np.diagonal(matrix.reshape((prod(shape),) * 2)).reshape(shape)
        return matrix if matrix.ndim else matrix[()]


def _mean_with_transpose(array: Array) -> Array:
    n = int(np.sqrt(array.size))
    matrix = array.reshape(n, n)
    return ((matrix + matrix.T) / 2).reshape(array.shape)


if TYPE_CHECKING:

    @overload
    def hessian(
        f: Maybe, x: float, *, full_output: No = False, has_aux: No = False, **options: Unpack[HessianOptions]
    ) -> np.float64: ...
    @overload
    def hessian(
        f: Maybe, x: float, *, full_output: bool, has_aux: No = False, **options: Unpack[HessianOptions]
    ) -> Any: ...
    @overload
    def hessian(
        f: Maybe, x: Numbers, *, full_output: No = False, has_aux: No = False, **options: Unpack[HessianOptions]
    ) -> Array: ...
    @overload
    def hessian(
        f: Maybe, x: Numbers, *, full_output: Yes, has_aux: No = False, **options: Unpack[HessianOptions]
    ) -> tuple[Array, Info]: ...
    @overload
    def hessian(
        f: Maybe, x: Numbers, *, full_output: bool, has_aux: No = False, **options: Unpack[HessianOptions]
    ) -> Array | tuple[Array, Info]: ...
    @overload
    def hessian(
        f: Maybe, x: object, *, has_aux: bool, full_output: bool = False, **options: Unpack[HessianOptions]
    ) -> Any: ...
    @overload
    def hessian(
        f: Maybe, x: object, *, sparsity: object, full_output: bool = False, **options: Unpack[HessianOptions]
    ) -> Any: ...


def hessian(
    f: Function | None, x: object, *, method: AnyMethod = "central", axis: int | None = None,
    gradient: Function | None = None, f0: object = None, diagonal: bool = False, sparsity: object = None,
    verify: bool = False, bounds: object = None, args: object = (), kwargs: Mapping[str, object] | None = None,
    argnum: int = 0, has_aux: bool = False, vectorized: bool = False, workers: WorkersLike = None,
    progress: ProgressLike = False, on_error: OnError = "raise", full_output: bool = False, **others: Never,
) -> object:  # fmt: skip
    """Return the Hessian of f at x.

    Parameters
    ----------
    f : callable
        As for :func:`gradient`. f may also return an array.
    x : array_like
        As for :func:`gradient`, but one array; :func:`gradfast.parameters.ravel` makes one of parameters by name.
    method : str or method object
        As for :func:`gradient`. Without `gradient`, "complex" takes differences of the gradient by the complex step.
    axis : int, optional
        As for :func:`jacobian`; not with `sparsity`.
    gradient : callable, optional
        f's gradient, ``gradient(x, *args)`` of x's shape. f is then not called, and may be None.
    f0 : float, optional
        f's value at x, if it is known; not with `gradient`, which does not need it.
    diagonal : bool
        Whether to return only the diagonal, the second derivative along each coordinate. This takes 2 n + 1
        evaluations, or 2 n of `gradient`. Not with `sparsity`.
    sparsity : Coloring or pattern, optional
        Where the Hessian may differ from zero, as for :class:`Coloring`; a coloring must be made
        with ``symmetric=True``. Not with method "adaptive".
    verify : bool
        As for :func:`jacobian`; only with `gradient`.
    bounds, args, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        As for :func:`gradient`; `has_aux` not with `gradient`.

    Returns
    -------
    ndarray
        The second derivatives, of shape ``x.shape + x.shape``, in units of f over those of x squared;
        symmetric to the bit. With ``diagonal=True``, of x's shape. If f returns an array, of shape
        ``f(x).shape + x.shape + x.shape``, at one evaluation more.
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
    From f: ``H[i, j] = (D(i + j) - D(i) - D(j)) / 2``, D being second differences along the lines of one coordinate
    and of two [1]_. n**2 + n + 1 evaluations, or 2 n (n + 1) + 1 with ``Central(accuracy=4)``; "adaptive" for each of
    n (n + 1) / 2 lines at most 40 by default, 4 to 8 if f is quadratic, and 10 to 12 if it is linear; 2 n gradients
    by the complex step with "complex", each of n + 2 evaluations, of which `info.evaluations` counts the gradients.
    From the gradient: half of its Jacobian and the transpose, 2 n calls. With `sparsity`, from f: 2 evaluations for
    each coordinate and each entry below the diagonal, and one; from the gradient 2 for each color, an entry being
    read in one of two places [2]_.
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
    if others:
        raise unexpected(hessian, others)
    operator = Hessian(
        f, method=method, axis=axis, gradient=gradient, diagonal=diagonal, sparsity=sparsity, verify=verify,
        bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, vectorized=vectorized, workers=workers,
        progress=progress, on_error=on_error, full_output=full_output,
    )  # fmt: skip
    return operator._at(x, args, f0)
