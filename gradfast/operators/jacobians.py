"""jacobian: of f of a point, to an array; dense or sparse."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never, Unpack, overload

import numpy as np
from cython.cimports.gradfast._kernels.operator_kinds import once  # type: ignore  # called in C; mypy knows Python only

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.operator_kinds import JacobianOperator, Spare
from gradfast.algorithms import adaptive
from gradfast.calls.evaluators import Parts, in_dtype_of_x, shape_of
from gradfast.calls.operator_value import COMMON
from gradfast.calls.prepared_operator import PreparedOperator
from gradfast.operators.directional import DirectionalDerivative
from gradfast.steps.methods import AnyMethod, as_method
from gradfast.steps.steps_and_bounds import Sides
from gradfast.values.arguments import Array, Function, OnError, ProgressLike, WorkersLike, imported, unexpected
from gradfast.values.info import Info

if TYPE_CHECKING:
    from gradfast.calls.operator_value import JacobianOptions, Labeled, Named, No, Point, Yes


def at_sparsity(operator: PreparedOperator, e: Evaluator, parts: Parts, f0: object) -> object:
    from gradfast.algorithms import sparse  # few programs need it, nor what it imports

    return sparse.derivatives(operator, e, parts, f0)


class Jacobian(JacobianOperator, PreparedOperator):
    """The Jacobian of f, prepared: ``Jacobian(f, **options)(x, *args)`` is ``jacobian(f, x, args=args, **options)``.

    Parameters
    ----------
    f, method, axis, flat, sparsity, verify, bounds, kwargs, argnum, has_aux
        As for :func:`jacobian`.
    vectorized, workers, progress, on_error, full_output
        As for :func:`jacobian`; errors and sources are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import Jacobian
    >>> slopes = Jacobian(lambda x: x**2)
    >>> print(slopes([1.0, 2.0]).round(6))
    [[2. 0.]
     [0. 4.]]
    """

    options = ("method", "axis", "flat", "sparsity", "verify", *COMMON)
    _sparse = at_sparsity
    takes_parameters = True
    flat = False

    def __init__(
        self, f: Function, *, method: AnyMethod = "central", axis: int | None = None, flat: bool = False,
        sparsity: object = None, verify: bool = False, bounds: object = None,
        kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, vectorized: bool = False,
        workers: WorkersLike = None, progress: ProgressLike = False, on_error: OnError = "raise",
        full_output: bool = False, **others: Never,
    ) -> None:  # fmt: skip
        if others:
            raise unexpected(type(self), others)
        self._prepare(
            f, method, axis=axis, bounds=bounds, kwargs=kwargs, argnum=argnum, has_aux=has_aux, vectorized=vectorized,
            workers=workers, progress=progress, on_error=on_error, full_output=full_output,
        )  # fmt: skip
        self.flat = bool(flat)
        if sparsity is not None:
            if axis is not None:
                raise ValueError(f"axis must be None with sparsity; got {axis!r}")
            self.sparsity, self.verify, self.is_sparse = as_it_is_now(sparsity, method), verify, True
        elif verify:
            raise ValueError(f"verify must be False without sparsity; got {verify!r}")

    def as_linear_operator(self, x: object, *args: object) -> Any:
        """Return the Jacobian at x as a ``scipy.sparse.linalg.LinearOperator``, for Krylov solvers.

        Parameters
        ----------
        x : array_like
            One point of any shape. It is copied.
        *args
            More arguments for f.

        Returns
        -------
        scipy.sparse.linalg.LinearOperator
            A row for each value of f and a column for each coordinate.

        Raises
        ------
        ValueError
            If the operator has an axis, or f returns also something else, by ``has_aux=True``.
        ImportError
            If SciPy is not installed (``gradfast[sparse]``).

        Notes
        -----
        f is called once here, which tells how many values it has. A product takes as many evaluations as a derivative
        along one direction; one-sided methods know f(x) already. The first product with the transpose, as of
        ``scipy.sparse.linalg.lsmr``, computes the whole Jacobian, which serves all products from then on.

        Examples
        --------
        >>> from gradfast import Jacobian
        >>> product = Jacobian(lambda x: x**2).as_linear_operator([1.0, 2.0, 3.0])
        >>> print(product.shape, (product @ [1.0, 1.0, 1.0]).round(6))
        (3, 3) [2. 4. 6.]
        """
        if self.has_aux:
            raise ValueError(f"has_aux must be False for a linear operator; got {self.has_aux!r}")
        if self.axis is not None:
            raise ValueError(f"axis must be None for a linear operator; got {self.axis!r}")
        linalg = imported("scipy.sparse.linalg", "a linear operator needs SciPy", "sparse")
        if self.argnum:
            x, args = self._sorted(x, args)
        x = np.array(self._point(x))
        shared = {k: v for k, v in self._given_options().items() if k in DirectionalDerivative.options}
        along = DirectionalDerivative(self.f, **shared | {"full_output": False})
        value = along._like(self.f, full_output=True)(x, np.zeros(x.shape), *args)[1].value
        value = np.asarray(self._call(args, None, None).at(x).value() if value is None else value)  # of compiled f
        known = None if value.dtype.kind == "c" else value
        whole = self._like(self.f, flat=True, full_output=False)
        matrix: list[Any] = []  # the whole Jacobian, once a product with its transpose has needed it

        def product(v: Array) -> Any:
            if matrix:
                return matrix[0] @ np.reshape(v, -1)
            if np.iscomplexobj(v):
                return product(v.real) + 1j * product(v.imag)
            return np.reshape(along(x, np.reshape(v, x.shape), *args, f0=known), -1)

        def transposed(u: Array) -> object:
            if not matrix:
                matrix.append(whole._at(x, args))
            return matrix[0].conj().T @ np.reshape(u, -1)

        shape, dtype = (value.size, x.size), value.dtype
        return linalg.LinearOperator(shape, matvec=product, rmatvec=transposed, dtype=dtype)

    def _stand_in(self, x: object) -> float | Array:
        if self.sparsity is None:
            return super()._stand_in(x)
        from gradfast.algorithms import sparse

        return np.zeros(sparse.as_coloring(self.sparsity, self._point(x), symmetric=False).shape[0])

    def _shaped(self, e: Evaluator, result: Array) -> object:
        return in_dtype_of_x(e, result.reshape((e.width, e.n) if self.flat else (*e.value_shape(), *shape_of(e))))

    def _along(self, e: Evaluator, v: Array, sides: Sides | None) -> Callable[[float], Array]:
        f = super()._along(e, v, sides)
        return lambda t: np.ravel(f(t))

    def _product(self, e: Evaluator, result: Array, v: Array) -> Array:
        return (result if self.is_sparse else np.reshape(result, (-1, v.size))) @ v.reshape(-1)

    def _differentiate_adaptively(self, e: Evaluator, v: object, center: Array) -> tuple[Array, Info | None]:
        result, info = adaptive.jacobian(e, self, center)
        if self.flat:
            shape = (center.size, e.n)
            result = result.reshape(shape)
            if info is not None:
                info = replace(info, error=info.error.reshape(shape), converged=info.converged.reshape(shape))
        return result, info

    def _named(self, e: Evaluator, found: object) -> object:
        if not self.flat:
            return super()._named(e, found)
        # What is known of each coordinate has names; what is known of the matrix is one.
        return found if not isinstance(found, Info) else super()._named(e, replace(found, error=None, converged=None))


SPARE = Spare(Jacobian)


if TYPE_CHECKING:

    @overload
    def jacobian(f: Function, x: Labeled, *, full_output: bool = False, **options: Unpack[JacobianOptions]) -> Any: ...
    @overload
    def jacobian(
        f: Function, x: Point, *, full_output: No = False, has_aux: No = False, **options: Unpack[JacobianOptions]
    ) -> Array: ...
    @overload
    def jacobian(
        f: Function, x: Point, *, full_output: Yes, has_aux: No = False, **options: Unpack[JacobianOptions]
    ) -> tuple[Array, Info]: ...
    @overload
    def jacobian(
        f: Function, x: Named, *, full_output: No = False, has_aux: No = False, **options: Unpack[JacobianOptions]
    ) -> Named: ...
    @overload
    def jacobian(
        f: Function, x: Named, *, full_output: Yes, has_aux: No = False, **options: Unpack[JacobianOptions]
    ) -> tuple[Named, Info]: ...
    @overload
    def jacobian(
        f: Function, x: Point, *, full_output: bool, has_aux: No = False, **options: Unpack[JacobianOptions]
    ) -> Array | tuple[Array, Info]: ...
    @overload
    def jacobian(
        f: Function, x: object, *, has_aux: bool, full_output: bool = False, **options: Unpack[JacobianOptions]
    ) -> Any: ...
    @overload
    def jacobian(
        f: Function, x: object, *, sparsity: object, full_output: bool = False, **options: Unpack[JacobianOptions]
    ) -> Any: ...


def jacobian(
    f: Function, x: object, *, method: AnyMethod = "central", axis: int | None = None, f0: object = None,
    flat: bool = False, sparsity: object = None, verify: bool = False, bounds: object = None, args: object = (),
    kwargs: Mapping[str, object] | None = None, argnum: int = 0, has_aux: bool = False, vectorized: bool = False,
    workers: WorkersLike = None, progress: ProgressLike = False, on_error: OnError = "raise", full_output: bool = False,
    **others: Never,
) -> object:  # fmt: skip
    """Return the Jacobian of f at x.

    Parameters
    ----------
    f : callable
        Function of a point that returns an array of any package, or a list. The shape must be the same at each
        call, and f may fill one array again and again. If the values are complex, so are the derivatives. With
        ``vectorized=True``, f takes points of shape ``(m, *x.shape)``, and returns m such arrays.
    x, method
        As for :func:`gradient`.
    axis : int, optional
        The axis of x that holds the components. The other axes are those of many points. f gets one point, a
        1-D view of x. In the result, the axis is replaced by those of one Jacobian, as in
        ``scipy.differentiate``. With ``vectorized=True``, f gets and returns components along the first
        axis if that is the axis of x, else along the last, and points along one other. Not with `sparsity`.
    f0 : array_like, optional
        f's value at x, if it is known, of the shape of f's values. If a compiled f does not
        say how many values it writes, the size of f0 says it.
    flat : bool
        Whether the result is a matrix, with a row for each value and a column for each coordinate, in C
        order, whatever their shapes are.
    sparsity : Coloring or pattern, optional
        Where the Jacobian may differ from zero, as for :class:`Coloring`; a coloring of it is best made once. Columns
        of one color are then moved at once, each by its own step. Not with method "adaptive".
    verify : bool
        Whether to check that the sparsity holds every entry that f depends on: see the notes.
    bounds, args, kwargs, argnum, has_aux, vectorized, workers, progress, on_error, full_output
        As for :func:`gradient`.

    Returns
    -------
    ndarray
        Shape ``f(x).shape + x.shape``: entry [..., i] is the derivative along coordinate i, in units of f over those of
        x. If both f(x) and x are numbers, a NumPy scalar. For parameters by name, such an array for each.
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
    coordinates as colors [1]_, [2]_. Where bounds give columns of one color different stencils,
    that color is split. Thread-safety: as there.

    To verify costs as much as two more colors: f is moved along two random directions. If a row is off by more than
    rounding, more directions and shorter steps are looked at, about as many evaluations again as for the result. A
    row may be off by what they show of f's truncation error, noise and kinks at x. A missing entry is found if it is
    more than that: with the default steps of a smooth f, far less than a hundredth of its row.

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
    if others:
        raise unexpected(jacobian, others)
    if sparsity is None and axis is None and not (flat or verify):
        return once(
            SPARE, f, x, args, f0=f0, method=method, axis=axis, bounds=bounds, kwargs=kwargs, argnum=argnum,
            has_aux=has_aux, vectorized=vectorized, workers=workers, progress=progress, on_error=on_error,
            full_output=full_output,
        )  # fmt: skip
    operator = Jacobian(
        f, method=method, axis=axis, flat=flat, sparsity=sparsity, verify=verify, bounds=bounds, kwargs=kwargs,
        argnum=argnum, has_aux=has_aux, vectorized=vectorized, workers=workers, progress=progress,
        on_error=on_error, full_output=full_output,
    )  # fmt: skip
    return operator._at(x, args, f0)


def as_it_is_now(sparsity: object, method: object) -> object:
    """Return what was given as sparsity, so that nobody can change it.

    ValueError if the method finds a step for each coordinate, where a color of them is to be moved at once.
    """
    if sparsity is None:
        return None
    if as_method(method).is_adaptive:
        raise ValueError(f"method must not be adaptive with sparsity; got {method!r}")
    from gradfast.algorithms import sparse  # few programs need it, nor what it imports

    return sparse.snapshot(sparsity)
