"""What f may be: a Python callable, or an object that owns compiled code; and what stands between f and an operator.

Objects that own compiled code are recognized by the name of their type. So SciPy, numba and cffi need not be imported
here; a caller who has such an object has imported them.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from importlib import import_module
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from gradfast._kernels.native_function import SIGNATURES, NativeFunction
from gradfast._kernels.returned_value import shown, values_of
from gradfast.parameters import Layout, are_parameters
from gradfast.values.arguments import Arguments, Array, Function, imported, is_integer, warn

MOST_OUTPUTS = 2**31 - 1  # C's int counts them

PYTHON_TYPES: tuple[type, ...] = (FunctionType, MethodType, BuiltinFunctionType)

# Other names of Py_ssize_t in signatures by C compilers, cffi and SciPy. ctypes adds `long`, where long is as wide.
SPELLINGS = {"npy_intp": "Py_ssize_t", "ssize_t": "Py_ssize_t", "intptr_t": "Py_ssize_t", "int64_t": "Py_ssize_t"}


def as_objective(f: object, name: str = "f") -> Any:
    """Return a Python callable as it is, compiled code as a :class:`NativeFunction`; raise TypeError otherwise."""
    kind: object = type(f)
    if kind is NativeFunction or kind in PYTHON_TYPES:
        return f
    reader = reader_of(kind)
    if reader is from_numba:
        return _read_numba(f)
    if reader is not None:
        return reader(f, -1)
    if not callable(f):
        advice = "; f stands before x" if isinstance(f, (np.ndarray, list, tuple, float, int)) else ""
        raise TypeError(f"{name} must be callable, or compiled code that says its signature; got {f!r}{advice}")
    if type(f).__name__ == "CPUDispatcher":
        advise_compiled()
    return f


@lru_cache
def advise_compiled() -> None:
    """Say, once, that a function of numba's need not be called through Python."""
    warn("f is numba's; the loops call gradfast.compiled(f), if f takes x alone, without Python, which is faster")


@lru_cache
def reader_of(kind: type) -> Callable[[object, int], NativeFunction] | None:
    """Return the function that reads compiled code from objects of this type, or None if they own none."""
    for ancestor in kind.__mro__:
        name = f"{ancestor.__module__}.{ancestor.__qualname__}"
        if name in READERS:
            return READERS[name]
    return None


def from_low_level_callable(f: Any, outputs: int = -1) -> NativeFunction:
    """Read a scipy.LowLevelCallable: its first item is a capsule that holds the code and its data."""
    return NativeFunction(tuple.__getitem__(f, 0), accepted(f.signature), f, outputs)


def from_numba(f: Any, outputs: int = -1) -> NativeFunction:
    """Read a numba.cfunc."""
    return from_ctypes(f.ctypes, outputs)


def from_ctypes(f: Any, outputs: int = -1) -> NativeFunction:
    """Read a ctypes function pointer; raise TypeError unless its argument types are set."""
    import ctypes

    if f.argtypes is None:
        raise TypeError(f"f must have its argtypes and restype set; got the untyped {f!r}")
    words = {
        ctypes.c_double: "double",
        ctypes.c_int: "int",
        ctypes.c_ssize_t: "Py_ssize_t",
        ctypes.c_void_p: "void *",
        ctypes.POINTER(ctypes.c_double): "double *",
        None: "void",
    }
    arguments = ", ".join(words.get(kind, getattr(kind, "__name__", str(kind))) for kind in f.argtypes)
    result = words.get(f.restype, getattr(f.restype, "__name__", str(f.restype)))
    address = ctypes.cast(f, ctypes.c_void_p).value or 0
    return NativeFunction(address, accepted(f"{result} ({arguments})"), f, outputs)


READERS: dict[str, Callable[[object, int], NativeFunction]] = {
    "scipy._lib._ccallback.LowLevelCallable": from_low_level_callable,
    "numba.core.ccallback.CFunc": from_numba,
    "_ctypes.CFuncPtr": from_ctypes,
}

# Reading a numba.cfunc takes longer than a small gradient. The cache keeps the last 16 alive.
_read_numba = lru_cache(maxsize=16)(from_numba)


def accepted(signature: str) -> str:
    """Return a signature as SIGNATURES spells it; raise TypeError, which lists them, if it is none of those."""
    result, _, arguments = signature.partition("(")
    words = [" ".join(word.replace("*", " * ").split()) for word in (result, *arguments.rstrip(" )").split(","))]
    words = [SPELLINGS.get(word, word) for word in words]
    spelled = f"{words[0]} ({', '.join(words[1:])})"
    for candidate in (spelled, spelled.replace("(long, ", "(Py_ssize_t, ").replace(" long, ", " Py_ssize_t, ")):
        if candidate in SIGNATURES:
            return candidate
    raise TypeError(f"f must have one of the signatures {'; '.join(SIGNATURES)}; got {signature}")


def compiled(f: object = None, *, outputs: int | None = None) -> Any:
    """Compile f with numba, or say how many values an f that is compiled already writes.

    Parameters
    ----------
    f : callable or object that owns compiled code
        A Python function of one 1-D array, or of one number, in the NumPy that numba can compile, or what
        ``numba.njit`` made of one; or a ``scipy.LowLevelCallable``, a ``numba.cfunc`` or a ctypes function pointer.
    outputs : int, optional
        How many values f returns or writes, for :func:`gradfast.jacobian`. Without it, f returns one number.

    Returns
    -------
    NativeFunction
        A callable, and an f for the operators, whose loops then run without the GIL. If the Python
        function raises (as for a division by 0, or an index out of range) or has not `outputs` values,
        its values are NaN, and so are derivatives. What it reads through a closure is as it was when it was
        compiled. A ``numba.cfunc`` that raises returns 0 instead; numba prints the error.

    Raises
    ------
    ImportError
        If f is a Python function and numba is not installed (``gradfast[numba]``).
    TypeError
        If f is not a function, numba cannot compile it, or its signature is not accepted.
    ValueError
        If outputs is not a positive integer, or is given for what :func:`compiled` returned.

    Notes
    -----
    Accepted signatures, where T is int or Py_ssize_t (npy_intp), and the last argument may be missing::

        double (T n, double *x, void *data)                  of a point, as for nquad
        double (double x, void *data)                        of a number, as for quad
        void (T n, double *x, T m, double *out, void *data)  m numbers of a point

    There is no standard for the last. As in nlopt, MINPACK and CVODE, each size stands before its array.

    Examples
    --------
    >>> import gradfast
    >>> @gradfast.compiled
    ... def f(x):
    ...     return x[0] ** 2 + x[0] * x[1]
    >>> print(gradfast.gradient(f, [3.0, 4.0]).round(6))
    [10.  3.]
    """
    if outputs is not None and not (is_integer(outputs) and 0 < outputs <= MOST_OUTPUTS):
        raise ValueError(f"outputs must be a positive integer, as C's int holds them; got {outputs!r}")
    if f is None:
        return lambda function: compiled(function, outputs=outputs)
    count = -1 if outputs is None else int(outputs)
    kind: object = type(f)
    if kind is NativeFunction:
        if outputs is not None:
            raise ValueError(f"outputs must be None when f is compiled already; got {outputs!r}")
        return f
    reader = reader_of(kind)
    if reader is not None:
        return reader(f, count)
    if kind is not FunctionType and not is_jitted(f):
        raise TypeError(f"f must be a Python function, or compiled code that says its signature; got {f!r}")
    return _by_numba(f, count)


def is_jitted(f: object) -> bool:
    """Return whether f is what ``numba.njit`` returned: compiled for each type of arguments, but called from Python."""
    return hasattr(f, "py_func") and hasattr(f, "nopython_signatures")


def _by_numba(f: Any, outputs: int) -> NativeFunction:
    numba = imported("numba", "compiling needs numba", "numba")
    source = f.py_func if is_jitted(f) else f
    # Without boundscheck an index out of range reads whatever lies there.
    function, carray, asarray, nan = numba.njit(boundscheck=True)(source), numba.carray, np.asarray, math.nan
    double, size = numba.types.float64, numba.types.intp
    pointer = numba.types.CPointer(double)

    # A numba.cfunc that raises returns 0, from which a plausible derivative would follow.
    def at_point(n: object, x: object) -> object:
        try:
            return function(carray(x, (n,)))
        except Exception:
            return nan

    def into_array(n: object, x: object, m: object, out: object) -> None:
        written = carray(out, (m,))
        try:
            values = asarray(function(carray(x, (n,))))
            if values.size == m:  # one value would be written to all places
                written[:] = values
            else:
                written[:] = nan
        except Exception:
            written[:] = nan

    def at_number(x: object) -> object:
        try:
            return function(x)
        except Exception:
            return nan

    # Of a point, to a number; where that cannot be, of a number. A Jacobian's f is of a point.
    kinds = [(double(size, pointer), at_point), (double(double), at_number)]
    if outputs >= 0:
        kinds = [(numba.types.void(size, pointer, size, pointer), into_array)]
    failures = []
    for signature, body in kinds:
        try:
            found = from_numba(numba.cfunc(signature)(body), outputs)
            found.reducer = partial(_how_to_make_again, f, outputs)
            return found
        except Exception as error:  # of many kinds: some of numba's inner ones are no NumbaError
            failures.append(error)
    first, made = failures[0], function.nopython_signatures
    if outputs < 0 and made and hasattr(made[0].return_type, "dtype"):
        found = made[0].return_type
        raise TypeError(f"f must return one number, or outputs= say how many values it returns; got {found}") from first
    raise TypeError(f"f must be a function that numba can compile; numba says:\n{first}") from first


def _how_to_make_again(f: object, outputs: int, made: NativeFunction) -> Arguments:
    """Return how pickle makes a compiled f again: by the name that a decorator gave it, or by compiling its source."""
    module, name = getattr(f, "__module__", ""), getattr(f, "__qualname__", "")
    try:
        stands_there = _found_in(module, name) is made
    except (ImportError, AttributeError, TypeError, ValueError):
        stands_there = False
    return (_found_in, (module, name)) if stands_there else (_by_numba, (f, outputs))


def _found_in(module: str, name: str) -> object:
    return attrgetter(name)(import_module(module))


# --- between f and an operator ----------------------------------------------------------------------------------------


class AlongOtherAxis:
    """A vectorized f that takes components along the first or the last axis, as one of points along the first."""

    def __init__(self, f: Function, is_first: bool) -> None:
        self.f, self.is_first = f, is_first

    def __call__(self, points: Array, *args: object) -> object:
        if not self.is_first:
            return self.f(points, *args)
        return np.moveaxis(np.asarray(self.f(np.moveaxis(points, 0, -1), *args)), -1, 0)


class KeepingAux:
    """An f that returns ``(value, aux)``, as one that returns the value; it keeps the aux of its last call."""

    def __init__(self, f: Function) -> None:
        self.f, self.aux = f, None

    def __call__(self, *args: object) -> object:
        found = self.f(*args)
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(f"f must return (value, aux) with has_aux=True; it returned {shown(found)}")
        value, self.aux = found
        return value

    def __reduce__(self) -> Arguments:
        return KeepingAux, (self.f,)


class Remembered:
    """f, called once at each point: parts of its values are differentiated one after another, at the same points."""

    def __init__(self, f: Function, argnum: int, size: int) -> None:
        """Remember an f of points of a size; a vectorized one may take many at once."""
        self.f, self.argnum, self.size, self.points = f, argnum, size, 0
        self.known: dict[bytes, object] = {}

    def __call__(self, *args: object, **kwargs: object) -> object:
        from hashlib import blake2b  # to import it takes a tenth of the time of this package

        x = args[self.argnum]
        flat = Layout.of(x)[1] if are_parameters(x) else np.asarray(x)
        key = blake2b(flat.tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = copied(self.f(*args, **kwargs))
            self.points += flat.size // max(self.size, 1)
        return self.known[key]

    def __reduce__(self) -> Arguments:
        return Remembered, (self.f, self.argnum, self.size)


def copied(found: object) -> object:
    """Return f's value, or value and aux, as it will stay: f may write the next one to the same array."""
    if isinstance(found, tuple) and found and isinstance(found[0], np.ndarray):
        return (found[0].copy(), *found[1:])
    return found.copy() if isinstance(found, np.ndarray) else found


class PartOf:
    """A part of f's values: the real or the imaginary one, or the item with a number."""

    def __init__(self, f: Function, part: str | int, has_aux: bool) -> None:
        self.f, self.part, self.has_aux = f, part, has_aux

    def __call__(self, *args: object, **kwargs: object) -> object:
        found = self.f(*args, **kwargs)
        value, aux = found if self.has_aux else (found, None)
        value = value if isinstance(value, (complex, np.ndarray)) else values_of(value)[()]
        value = getattr(value, self.part) if isinstance(self.part, str) else item(np.asarray(value), self.part)
        return (value, aux) if self.has_aux else value


def item(values: Array, i: int) -> object:
    if i >= values.size:
        raise ValueError(f"f must return arrays of one shape; it returned one of shape {values.shape} among longer")
    return values.flat[i]
