"""The point x: perturbed in place where it can be, copied where it cannot, unchanged afterwards."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from gradfast._kernels.memory import holds

Array = npt.NDArray[Any]
T = TypeVar("T")

IN_PLACE = frozenset(np.dtype(char) for char in "fdg")

# What f's values are read as and derivatives computed in, by x.dtype.char.
VALUE_DTYPE: dict[str, np.dtype[Any]] = {"f": np.dtype("d"), "d": np.dtype("d"), "g": np.dtype("g")}


def as_point(x: Any) -> Array:
    """Return x itself where it can be perturbed in place, else a copy in floating point.

    In place: a writable, aligned array of float32, float64 or longdouble, of any strides.
    Anything else is copied; to float64, unless it has one of these three types already.
    """
    if isinstance(x, np.ndarray) and x.dtype in IN_PLACE and x.flags.behaved:
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"x must hold real numbers; got dtype {array.dtype}")
    native = array.dtype.newbyteorder("=")
    return np.array(array, dtype=native if native in IN_PLACE else np.float64)


def keeping(x: Array, kernel: Callable[..., T], *arguments: Any) -> T:
    """Return ``kernel(*arguments)`` with x as it was; ValueError if f itself changed x.

    Kernels give each coordinate that they perturb its old bits back, so what is different
    afterwards is f's doing. An exception goes out as it is, with x put back.
    """
    before = x.tobytes()
    try:
        result = kernel(*arguments)
    except BaseException:
        _put_back(x, before)
        raise
    if not holds(x, before):
        changed = _put_back(x, before)
        if changed.size:
            raise f_changed(x, changed[0])
    return result


def _put_back(x: Array, before: bytes) -> npt.NDArray[np.intp]:
    """Write the old values into x; return the flat indices of those that had changed."""
    old = np.frombuffer(before, dtype=x.dtype).reshape(x.shape)
    same = (x == old) & (np.signbit(x) == np.signbit(old)) | np.isnan(x) & np.isnan(old)
    x[...] = old
    return np.flatnonzero(~same)


def f_changed(x: Array, flat: int) -> ValueError:
    """Return the error for an f that changed x's flat-th coordinate."""
    return ValueError(f"f must leave x as it is; it changed {name_of_coordinate(x, flat)}")


def lines(x: Array) -> Iterator[Array]:
    """Yield 1-D views that cover x in C order: as few as its strides allow."""
    x = np.asarray(x)
    if x.flags.c_contiguous:
        yield x.reshape(-1)
    else:
        for index in np.ndindex(x.shape[:-1]):
            yield x[index]


def name_of_coordinate(x: Array, flat: int) -> str:
    """Return the name of x's flat-th coordinate as its owner would write it: ``x[1, 0]``."""
    return f"x[{', '.join(str(i) for i in np.unravel_index(flat, x.shape))}]" if x.ndim else "x"
