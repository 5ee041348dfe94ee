"""The point x: perturbed in place where it can be, copied where it cannot."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from gradfast._kernels.keep import f_changed
from gradfast.arguments import Array, as_array

IN_PLACE = frozenset(np.dtype(char) for char in "fdg")

# What f's values are read as and derivatives computed in, by the dtype.char of points, complex ones too.
VALUE_DTYPE: dict[str, np.dtype[Any]] = {char: np.dtype("g" if char in "gG" else "d") for char in "fdgFDG"}


def as_point(x: Any) -> Array:
    """Return x itself where it can be perturbed in place, else a copy in floating point.

    In place: a writable, aligned array of float32, float64 or longdouble, of any strides.
    Anything else is copied; to float64, unless it has one of these three types already.
    """
    if type(x) is ndarray and x.dtype in IN_PLACE and x.flags.behaved:
        return x
    if isinstance(x, ndarray):
        seen = as_f_sees_it(x)
        if seen.dtype in IN_PLACE and seen.flags.behaved:
            return seen
    array = as_array("x", x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"x must hold real numbers; got dtype {array.dtype}")
    native = array.dtype.newbyteorder("=")
    return np.array(array, dtype=native if native in IN_PLACE else np.float64)


def as_values(result: Any) -> Array:
    """Return what f returned as an array; ValueError if it is lists of several lengths."""
    try:
        return np.asarray(result)
    except ValueError as error:
        raise ValueError(f"f must return an array of one shape; it returned {result!r}") from error


def as_f_sees_it(x: Array) -> Array:
    """Return an array as f is to see it: as it is, but a matrix, whose rows stay 2-D, as the array in its memory.

    TypeError for a masked one: what its mask hides can be neither told from data nor put back.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"x must be an array without a mask; got a MaskedArray of shape {x.shape}")
    return x.view(ndarray) if isinstance(x, np.matrix) else x


def as_dtype_of(x: Array, derivatives: Array) -> Array:
    """Return derivatives, which are computed in another precision at float32 points, in the dtype of x."""
    if derivatives.dtype == x.dtype:
        return derivatives
    with np.errstate(over="ignore"):
        return derivatives.astype(x.dtype, copy=False)


def leaving_alone(f: Callable[[Array], Any], x: Array) -> Callable[[Array], Any]:
    """Return f with a ValueError if it changes what it is called with: x moved as a whole, or copies of it.

    Where the next move overwrites all of x, that would hide what f did to it.
    """

    def checked(points: Array) -> Any:
        before = points.tobytes()
        result = f(points)
        after = points.tobytes()
        if after != before:
            different = np.frombuffer(after, np.uint8) != np.frombuffer(before, np.uint8)
            raise f_changed(x, int(np.argmax(different)) // points.itemsize % x.size)
        return result

    return checked


def lines(x: Array) -> Iterator[Array]:
    """Yield 1-D views that cover x in C order: as few as its strides allow."""
    x = np.asarray(x)
    if x.flags.c_contiguous:
        yield x.reshape(-1)
    else:
        for index in np.ndindex(x.shape[:-1]):
            yield x[index]
