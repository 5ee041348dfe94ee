"""What arguments must be: numbers, arrays, the point x.

Errors name an argument as the caller wrote it, warnings point at the caller's line.
"""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, TypeGuard

import numpy as np

from gradfast._kernels.memory import add_note, can_be_moved

# NumPy's own names for these are slow to import.
Array = np.ndarray[tuple[Any, ...], np.dtype[Any]]
Some = np.ndarray[tuple[int, ...], np.dtype[np.intp]]  # indices, as of some coordinates
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Words = np.ndarray[tuple[int, ...], np.dtype[np.str_]]
Function = Callable[..., Any]
Arguments = tuple[object, ...]
DType = np.dtype[Any]

WorkersLike = int | Function | None  # how many, or a map
ProgressLike = bool | Callable[[int, int], object]
OnError = Literal["raise", "nan"]

IN_PLACE = frozenset(np.dtype(char) for char in "fdg")

# What f's values are read as and derivatives computed in, by the dtype.char of x, or of values that are coarser.
VALUE_DTYPE: dict[str, DType] = {char: np.dtype("g" if char == "g" else "d") for char in "efdg"}

EPS = {char: float(np.finfo(char).eps) for char in "efdg"}

# How to make one array of parameters by name.
RAVELED = (
    "vector, unravel = gradfast.parameters.ravel(x) makes one array of parameters, and f(unravel(vector)) takes it"
)

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "")


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value counts something: Python's integers and NumPy's, but no booleans."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Return whether a value is one real number, and no boolean."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def as_array(name: str, value: object) -> Array:
    """Return an argument as an array; ValueError if it is lists of several lengths."""
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of one shape; got {value!r}") from error


def real_numbers(name: str, value: object) -> Array:
    """Return an argument as an array; TypeError unless it holds real numbers."""
    array = as_array(name, value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got {value!r}")
    return array


def worker_count(workers: object, wanted: str = "or -1 for all cores") -> int:
    """Return how many threads, or processes, are meant; ValueError that says what is wanted."""
    if workers is None:
        return 1
    if not is_integer(workers) or (workers < 1 and workers != -1):
        raise ValueError(f"workers must be a positive integer, {wanted}; got {workers!r}")
    return (os.cpu_count() or 1) if workers == -1 else int(workers)


def as_point(x: object) -> Array:
    """Return x itself where it can be moved in place, else a copy in floating point.

    In place: a writable, aligned array of float32, float64 or longdouble, of any strides but those by which elements
    share memory, as in a sliding window.
    Anything else is copied; to float64, unless it has one of these three types already.
    """
    if isinstance(x, np.ndarray):
        seen = x if type(x) is np.ndarray else as_f_sees_it(x)
        if can_be_moved(seen):
            return seen
    array = as_array("x", x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"x must hold real numbers; got {type_of(x, array)}")
    native = array.dtype.newbyteorder("=")
    return np.array(array, dtype=native if native in IN_PLACE else np.float64)


def type_of(x: object, array: Array) -> str:
    """Return what stands where numbers are wanted, and what leads out if it may hold some by name."""
    found = f"dtype {array.dtype}"
    if array.dtype.kind != "O" or x is None:
        return found
    if array.ndim:
        return f"{found}; np.asarray(x, float) makes numbers of what float() takes"
    advice = ""
    if isinstance(x, Mapping):
        advice = f"; {RAVELED}"
    elif hasattr(x, "toarray"):  # a sparse matrix
        advice = "; x.toarray() is an array"
    elif hasattr(type(x), "__float__"):
        advice = "; float(x) is a number"
    elif not callable(x) and getattr(x, "__dict__", None):  # a dataclass, a namespace
        advice = "; vars(x), the dictionary of its fields, may be parameters by name"
    return f"{found}, a {type(x).__name__}{advice}"


def as_f_sees_it(x: Array) -> Array:
    """Return an array as f is to see it: as it is, but a matrix, whose rows stay 2-D, as the array in its memory.

    TypeError for a masked one: what its mask hides can be neither told from data nor put back.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"x must be an array without a mask; got a MaskedArray of shape {x.shape}")
    return x.view(np.ndarray) if isinstance(x, np.matrix) else x


def tell_of_vectorize(error: TypeError | ValueError, x: object) -> None:
    """Add a note where a function of numbers, as those of the module math, met an array."""
    is_array = isinstance(x, (list, tuple)) or bool(getattr(x, "ndim", 0))
    wants_number = any(words in str(error) for words in ("scalar", "truth value"))
    if is_array and wants_number and not str(error).startswith("f must"):
        add_note(error, "f was called with an array of numbers; np.vectorize(f) calls f with each of them")


def as_arguments(args: object) -> Arguments:
    """Return what stands for more arguments of f: one that is no tuple stands for itself."""
    return args if isinstance(args, tuple) else (args,)


def share_memory(one: object, other: object) -> bool:
    """Return whether two objects are arrays that may have memory in common; subclasses are not asked."""
    are_arrays = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
    return are_arrays and np.may_share_memory(np.asarray(one), np.asarray(other))


def is_shared(one: object, others: Iterable[object]) -> bool:
    """Return whether an array may have memory in common with one of several objects."""
    return any(share_memory(one, other) for other in others)


def apart(x: Array, others: Iterable[object]) -> Array:
    """Return x, or a copy of it if other arguments of f share its memory, and would move along."""
    return np.array(x, subok=True) if is_shared(x, others) else x


def as_dtype(dtype: DType, derivatives: Array) -> Array:
    """Return derivatives, which are computed in double precision at float32 points, in the dtype of x."""
    if derivatives.dtype == dtype:
        return derivatives
    with np.errstate(all="ignore"):
        return derivatives.astype(dtype, copy=False)


def number_or_array(result: Array) -> Any:
    """Return what was computed at a number, an array without axes, as a number, and other arrays as they are."""
    return result if result.ndim else result[()]


def imported(module: str, need: str, extra: str) -> ModuleType:
    """Return a module of another package; ImportError that says what needs it, and names the extra that has it."""
    try:
        import_module(module.partition(".")[0])  # of which a part may be imported already
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{need}: install gradfast[{extra}]") from error


def warn(message: str) -> None:
    """Issue a RuntimeWarning that points at the first line outside the package, however deep it is raised.

    A filter for the caller's module then applies, and the line is shown once. (Python 3.12 has
    ``skip_file_prefixes`` for it; this serves 3.11, too. Compiled functions have no frame.)
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, RuntimeWarning, stacklevel=level)


# How alike a misspelt keyword must be, from 0 to 1. It tells "bnds" and "sparse" from words that only look like ours.
LIKENESS = 0.7

# What other packages call the step of the method, its accuracy and so on, and how it is written here.
OURS = {
    **dict.fromkeys(("step", "h", "dx", "eps", "epsilon", "abs_step", "step_size"), "method=Central(step={value})"),
    **dict.fromkeys(
        ("rel_step", "relative_step", "diff_step", "finite_diff_rel_step"), "method=Central(rel_step={value})"
    ),
    **dict.fromkeys(("accuracy", "acc"), "method=Central(accuracy={value})"),
    "order": "method=Central(accuracy={value}) for the order of the error, n={value} for that of the derivative",
    "scale": "method=Central(scale={value})",
    "noise": "method=Central(noise={value})",
    **dict.fromkeys(("rtol", "tol"), "method=Adaptive(rtol={value})"),
    "tolerances": "method=Adaptive(rtol=...)",
    **dict.fromkeys(("max_evaluations", "maxiter"), "method=Adaptive(max_evaluations={value})"),
    **dict.fromkeys(
        ("initial_step", "step_factor", "base_step", "step_ratio", "num_steps", "richardson_terms"),
        "method='adaptive', which chooses its steps by f's values",
    ),
    "step_direction": "method='forward' or method='backward'",
    "centered": "method='central' or method='forward'",
    "nodes": "method=Nodes({value})",
    "wrt": "argnum={value}",
    "extra_args": "args={value}",
    **dict.fromkeys(("lower", "upper", "lb", "ub", "limits"), "bounds=(lower, upper)"),
    **dict.fromkeys(("n_jobs", "parallel", "processes", "n_cores", "num_workers"), "workers={value}"),
    **dict.fromkeys(("verbose", "disp"), "progress={value}"),
    **dict.fromkeys(("error_handling", "errors"), "on_error='nan'"),
    **dict.fromkeys(("return_info", "full", "return_all"), "full_output={value}"),
    **dict.fromkeys(("jac", "grad"), "gradient={value}"),
    "pattern": "sparsity={value}",
}


def alike(name: str, options: Iterable[str]) -> list[str]:
    """Return a list of the option that a misspelt one is most like; it is empty if none is."""
    from difflib import get_close_matches

    return get_close_matches(name, list(options), 1, LIKENESS)


def unexpected(operator: Function, others: Mapping[str, object]) -> TypeError:
    """Return the error for keywords that an operator does not have; it names ours for a misspelt or another's word."""
    from inspect import signature  # imported here: it is slow to import

    name, value = next(iter(others.items()))
    kind, taken = operator.__name__, signature(operator).parameters.values()
    options = [one.name for one in taken if one.kind is one.KEYWORD_ONLY]
    ours = OURS.get(name, "")
    if name == "order" and "n" not in options:
        ours = OURS["accuracy"]
    if name == "args":  # of a prepared operator, whose call takes them
        ours = f"{kind}(f)(x, *args)"
    elif ours.partition("=")[0] not in options:
        ours = "".join(f"{option}={{value}}" for option in alike(name, options))
    advice = f"; write {ours.format(value=repr(value))}" if ours else ""
    return TypeError(f"{kind}() got an unexpected keyword argument {name!r}{advice}")
