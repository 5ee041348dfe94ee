"""What arguments must be: numbers, integers, arrays of one shape; errors that name them as the caller wrote them."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def is_integer(value: Any) -> bool:
    """Return whether a value counts something: Python's integers and NumPy's, but no booleans."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_real(value: Any) -> bool:
    """Return whether a value is one real number, and no boolean."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def as_array(name: str, value: Any) -> Array:
    """Return an argument as an array; ValueError if it is lists of several lengths."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of one shape; got {value!r}") from error


def real_numbers(name: str, value: Any) -> Array:
    """Return an argument as an array; TypeError unless it holds real numbers."""
    array = as_array(name, value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got {value!r}")
    return array


def worker_count(workers: Any, wanted: str = "a positive integer, or -1 for all cores") -> int:
    """Return how many threads, or processes, are meant; ValueError that says what is wanted."""
    if workers is None:
        return 1
    if not is_integer(workers) or (workers < 1 and workers != -1):
        raise ValueError(f"workers must be {wanted}; got {workers!r}")
    return (os.cpu_count() or 1) if workers == -1 else int(workers)
