"""The textbook's numerical_gradient, a drop-in with h = 1e-4, compiled; textbook_functions.py has the others.

Formula and arithmetic are those of :mod:`gradfast.reference`, bit for bit, for float64 points.
What differs is the time they take, and what happens when something is wrong.
"""

from math import inf
from types import FunctionType

import numpy as np
from numpy import empty, ndarray

from gradfast._kernels import native_loop
from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.evaluator_in_place import OnePoint, WholeBatch
from gradfast._kernels.evaluator_of_copies import ManyPoints
from gradfast._kernels.memory import add_note, can_be_moved
from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.textbook_loop import by_differences, by_moves
from gradfast.calls.evaluators import Call, opened, reaches, warn_of_unseen
from gradfast.operators.textbook_functions import checked_step, warn_of_swallowed_h
from gradfast.stencils import central
from gradfast.values.arguments import Array, Function, as_dtype, as_point, is_integer, share_memory
from gradfast.values.callables import as_objective

CENTRAL = central(1, 2)

# What loops return instead of a coordinate if all derivatives are 0.
ALL_ZERO = -2


def numerical_gradient(
    f: Function, x: object, h: float = 1e-4, *, axis: int | None = -1, vectorized: bool = False
) -> Array:
    """Return the gradient of f at x by central differences.

    Parameters
    ----------
    f : callable
        Function of a point that returns one number. With ``vectorized=True``, a function of points of shape (m, n) that
        returns m numbers. Or compiled code, which perturbs copies of x: see :mod:`gradfast.values.callables`.
    x : array_like
        Shape (n,): one point; f is called with x itself. Shape (m, n): m points; f is called with a view of one row.
        Else x is one point, of its shape. A writable array of float32, float64 or longdouble is perturbed in place, so
        that an f that reads it through a closure sees the perturbation, and holds its old bits afterwards. Anything
        else is copied, to float64 if it is not float32 or longdouble.
    h : float
        Step, in x's units.
    axis : int or None
        The axis that holds the components of a 2-D x. None: an x of any shape is one point, as for the courses'
        functions that walk an iterator over all indices of x.
    vectorized : bool
        Whether f takes many points at once. Of shape (n,), x is copied into blocks; of shape
        (m, n), its columns are perturbed in place.

    Returns
    -------
    ndarray
        The partial derivatives, of x's shape, in units of f over those of x; of its dtype if that is floating.

    Raises
    ------
    TypeError
        If f is not callable, or x or f's result is complex or not a number.
    ValueError
        If h is not finite and positive; if axis is neither the last nor None; if f returns more than one
        number, or with ``vectorized=True`` not m; if f itself changes x (which is put back).

    Warns
    -----
    RuntimeWarning
        If rounding swallows the step, ``x + h == x``; if all derivatives are 0 since f does not see what is moved.

    Notes
    -----
    ``(f(x + h e_i) - f(x - h e_i)) / (2 * h)`` for each coordinate i [1]_: 2 n evaluations a point;
    with ``vectorized=True`` a few calls of f for one point, 2 n for any number of rows.
    Thread-safety: x is perturbed in place, so two threads may differentiate at two arrays,
    never at one.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd ed., Springer (2006), section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import numerical_gradient
    >>> print(numerical_gradient(lambda x: np.sum(x**2), np.array([3.0, 4.0])).round(9))
    [6. 8.]
    """
    if not (type(h) is float and 0 < h < inf):
        h = checked_step(h)
    if type(f) is not FunctionType and type(f) is not NativeFunction:
        f = as_objective(f)
    given, x = x, x if type(x) is ndarray and can_be_moved(x) else as_point(x)
    own = x if type(x) is ndarray else np.asarray(x)  # of a subclass, whose sizes may be others
    is_batch = own.ndim == 2
    if axis != -1:
        is_batch = is_batch and _has_rows(axis)
    if type(f) is NativeFunction:
        gradient, swallowed = _by_compiled_loops(f, own, h, vectorized, is_batch)
    elif vectorized or not (is_batch or own.ndim == 1):
        gradient, swallowed = _by_moves(f, x, h, vectorized, is_batch)
    elif is_batch:
        gradient, swallowed = _at_each_row(f, x, own, h)
    else:
        gradient, swallowed = by_differences(f, x, own, h, False)
    if swallowed >= 0:
        warn_of_swallowed_h(own, swallowed, h)
    elif swallowed == ALL_ZERO:
        _warn_if_unseen(f, x, given, h, 1 if is_batch else None, vectorized)
    return gradient


def _warn_if_unseen(f: Function, x: Array, given: object, h: float, axis: int | None, vectorized: bool) -> None:
    """Warn if f sees nothing of what is moved: its derivatives are all exactly 0, and it holds x."""
    if not x.size or not reaches(f, given):
        return
    call = Call(f, single=True, axis=axis, vectorized=vectorized)
    e = call.at(x)
    e.copied_from = None if share_memory(x, given) else given
    with opened(e):
        warn_of_unseen(e, call, np.full(e.n, h), None)


def _has_rows(axis: object) -> bool:
    """Return whether a 2-D x is many points; ValueError unless axis says so, or that it is one."""
    if axis is not None and not (is_integer(axis) and axis in (-1, 1)):
        raise ValueError(f"axis must be -1, the last, or None for one point of any shape; got {axis!r}")
    return axis is not None


def _at_each_row(f: Function, x: Array, own: Array, h: float) -> tuple[Array, int]:
    """Return the gradients of rows. An exception of f, which may want all of x, says what it was called with."""
    try:
        return by_differences(f, x.view(), own, h, True)  # of a view: f may give x itself another shape
    except Exception as error:
        add_note(error, f"f was called with a row of x, of shape {x.shape[1:]}; with axis=None all of x is one point")
        raise


def _by_moves(f: Function, x: Array, h: float, vectorized: bool, is_batch: bool) -> tuple[Array, int]:
    """Return the gradient of an f of many points a call, or at an x of another shape, by the same formula."""
    if vectorized and x.ndim not in (1, 2):
        raise ValueError(f"x must have shape (n,) or (m, n) when vectorized=True; got {x.shape}")
    if not x.size:
        return empty(x.shape, x.dtype), -1
    if not vectorized:
        e: Evaluator = OnePoint(f, x, (), True)
    else:
        e = WholeBatch(f, x, (), True, 1) if is_batch else ManyPoints(f, x, (), True)
    flat, swallowed = by_moves(e, h, CENTRAL)
    return as_dtype(x.dtype, flat.reshape(e.base.shape)), swallowed


def _by_compiled_loops(f: NativeFunction, x: Array, h: float, vectorized: bool, is_batch: bool) -> tuple[Array, int]:
    """Let the compiled loops perturb copies of x, in double precision."""
    if vectorized:
        raise ValueError("vectorized must be False when f is compiled code; got True")
    gradient, point = empty(x.shape), x if x.dtype.char == "d" else x.astype(np.float64)
    if x.ndim == 1:
        swallowed = native_loop.gradient(f, point, h, CENTRAL, gradient)
    elif is_batch:
        swallowed = native_loop.gradients(f, point, h, CENTRAL, gradient)
    else:
        swallowed = native_loop.gradient(f, point.reshape(-1), h, CENTRAL, gradient.reshape(-1))
    return as_dtype(x.dtype, gradient), swallowed
