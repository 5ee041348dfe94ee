"""Parameters by name: dictionaries, lists and tuples of arrays, and pandas objects, as one flat vector and back.

Operators move the coordinates of one vector. f gets the parameters as they were given: containers of the same kinds, in
which each array is the caller's own if it can be moved in place, else a part of the vector.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gradfast._kernels.memory import f_changed, name_at
from gradfast.values.arguments import IN_PLACE, Array, DType, Function, as_dtype, as_point, real_numbers, share_memory

NUMBERS = (float, int)

# Lists in lists that are looked into: as many as an array can have axes. A list may hold itself.
MOST_DEPTH = 64


def are_parameters(x: object, depth: int = MOST_DEPTH) -> bool:
    """Return whether x is parameters by name, or a list of arrays. A list of numbers is an array, as ever."""
    if isinstance(x, np.ndarray) or not depth:
        return False
    if isinstance(x, (list, tuple)):
        return hasattr(x, "_fields") or any(
            (isinstance(part, np.ndarray) and part.ndim > 0) or are_parameters(part, depth - 1)
            for part in x
            if type(part) not in NUMBERS
        )
    return isinstance(x, Mapping) or is_labeled(x)


def is_labeled(x: object) -> bool:
    """Return whether x is a pandas Series or DataFrame. pandas need not be imported for that."""
    return type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "index") and hasattr(x, "to_numpy")


class Labels(NamedTuple):
    """What a pandas object has beside its values."""

    kind: Function
    axes: tuple[Any, ...]
    name: object

    @staticmethod
    def of(x: Any) -> "Labels":
        return Labels(type(x), tuple(x.axes), getattr(x, "name", None))

    def on(self, values: Array) -> object:
        """Return values with the labels: a Series of many values is a DataFrame, of which each row is one."""
        if values.ndim == len(self.axes):
            more = {"columns": self.axes[1]} if values.ndim == 2 else {"name": self.name}
            return self.kind(values, index=self.axes[0], copy=False, **more)
        if values.ndim == 2 and hasattr(self.kind, "_constructor_expanddim"):
            return self.kind([], dtype=float)._constructor_expanddim(values, columns=self.axes[0], copy=False)
        return values

    def aligned(self, name: str, given: Any) -> object:
        """Return a pandas object in the order of these labels; ValueError if it has others, but for pandas' default."""
        for k, (own, theirs) in enumerate(zip(self.axes, given.axes, strict=False)):
            if theirs.equals(own) or type(theirs).__name__ == "RangeIndex":
                continue
            if set(theirs) != set(own):
                raise ValueError(f"{name} must have the labels of x, {list(own)}; got {list(theirs)}")
            given = given.reindex(own, axis=k)
        return given

    def key(self, indices: Sequence[int]) -> str:
        return "".join(f"[{axis[i]!r}]" for axis, i in zip(self.axes, indices, strict=True))


class Leaf(NamedTuple):
    """One parameter: an array, a number or a pandas object, and where it stands in the flat vector."""

    name: str  # as its owner writes it: x['W']
    start: int
    shape: tuple[int, ...]
    dtype: DType  # of its derivatives
    number: object = None  # of a number, its type: float, or np.generic for a NumPy scalar
    labels: Labels | None = None

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)

    def of(self, flat: Array) -> object:
        """Return what stands for it in a flat vector: a view, or a number."""
        if self.number is not None:
            return flat[self.start].item() if self.number is float else flat[self.start]
        part = flat[self.start : self.stop].reshape(self.shape)
        return part if self.labels is None else self.labels.on(part)

    def derivatives(self, flat: Array) -> object:
        """Return its part of derivatives whose last axis is the flat vector, in its shape and with its labels."""
        part = flat[..., self.start : self.stop].reshape(flat.shape[:-1] + self.shape)
        part = as_dtype(self.dtype, part) if part.dtype.kind in "fc" else part
        if self.labels is not None:
            return self.labels.on(part)
        return part if part.ndim else part[()]


class Layout:
    """How parameters are laid out in a flat vector; made by :meth:`of`."""

    def __init__(self, template: object, leaves: Sequence[Leaf]) -> None:
        self.template, self.leaves = template, tuple(leaves)  # the containers, in which numbers stand for the leaves
        self.n = self.leaves[-1].stop if self.leaves else 0
        self.has_numbers = any(leaf.number is not None for leaf in self.leaves)

    @staticmethod
    def of(x: object) -> "tuple[Layout, Array, list[object]]":
        """Return the layout of parameters, a flat copy, and of each parameter the array if it can be moved in place.

        TypeError if one holds no real numbers.
        """
        values: list[tuple[str, object]] = []
        try:
            template = numbered(x, "x", values)
        except RecursionError:
            raise ValueError(f"x must not hold itself; got a {type(x).__name__} that does") from None
        arrays = [real_numbers(name, value) for name, value in values]
        floats = [array.dtype for array in arrays if array.ndim and array.dtype.kind == "f"]
        dtype = np.result_type(*floats) if floats else np.dtype(float)
        dtype = dtype if dtype in IN_PLACE else np.dtype(float)
        leaves, start = [], 0
        for (name, value), array in zip(values, arrays, strict=True):
            own = array.dtype.newbyteorder("=") if array.ndim else dtype
            own = own if own in IN_PLACE else dtype
            is_number = not array.ndim and not isinstance(value, np.ndarray)
            number = (np.generic if isinstance(value, np.generic) else float) if is_number else None
            labels = Labels.of(value) if is_labeled(value) else None
            leaves.append(Leaf(name, start, array.shape, own, number, labels))
            start = leaves[-1].stop
        flat = np.concatenate([np.empty(0, dtype), *(array.astype(dtype).reshape(-1) for array in arrays)])
        return Layout(template, leaves), flat, movable([value for _, value in values], dtype)

    def over(self, flat: Array, places: Sequence[object] | None = None) -> object:
        """Return the parameters over a flat vector: parts of it, but for arrays that are in places of their own."""
        return filled(self.template, [
            leaf.of(flat) if places is None or places[i] is None else places[i] for i, leaf in enumerate(self.leaves)
        ])  # fmt: skip

    def unravel(self, vector: Any) -> Any:
        """Return the parameters over a vector of the caller's; ValueError if it has another shape."""
        vector = np.asarray(vector) if isinstance(vector, (list, tuple)) else vector
        if np.shape(vector) != (self.n,):
            raise ValueError(f"vector must have shape {(self.n,)}; got shape {np.shape(vector)}")
        return self.over(vector)

    def derivatives(self, flat: Array) -> object:
        """Return derivatives whose last axis is the flat vector as parameters: their shapes, dtypes and labels."""
        return filled(self.template, [leaf.derivatives(flat) for leaf in self.leaves])

    def flattened(self, name: str, given: object, missing: object = None) -> Array:
        """Return something that is laid out like the parameters as a flat vector; None stands for what is missing.

        ValueError if its names or shapes are others. A number stands for all of a parameter's.
        """
        out = np.empty(self.n)
        for i, value in self.parts(given, name):
            leaf = self.leaves[i]
            array = np.asarray(missing if value is None else value)
            if array.dtype.kind == "O":
                array = np.array([missing if part is None else part for part in array.flat], float).reshape(array.shape)
            try:
                out[leaf.start : leaf.stop] = np.broadcast_to(array, leaf.shape).reshape(-1)
            except ValueError:
                place = leaf.name.replace("x", name, 1)
                raise ValueError(f"{place} must broadcast to shape {leaf.shape}; got shape {array.shape}") from None
        return out

    def parts(self, given: object, name: str) -> Iterator[tuple[int, object]]:
        """Yield the number of each parameter with what is given for it; labels are put in the order of x's."""
        for i, value in matched(self.template, given, name):
            labels = self.leaves[i].labels
            yield i, value if labels is None or not is_labeled(value) else labels.aligned(name, value)

    def name(self, i: int) -> str:
        """Return the name of a coordinate of the flat vector, as the owner of the parameters writes it."""
        leaf = next(leaf for leaf in self.leaves if i < leaf.stop)
        if leaf.number is not None:
            return leaf.name
        indices = [int(k) for k in np.unravel_index(i - leaf.start, leaf.shape)]
        return leaf.name + (name_at(indices)[1:] if leaf.labels is None else leaf.labels.key(indices))

    def contents(
        self, given: object, values: Sequence[object], flat: Array
    ) -> Iterator[tuple[str, object, object, object]]:
        """Yield what f could put other things into: the name, the object, and what it has.

        These are the keys of a mapping, or None, and the parts; or a pandas object's axes and where its numbers lie.
        """
        for container in containers(self.template, given):
            yield "x", container, list(container) if isinstance(container, Mapping) else None, parts_of(container)
        for leaf, value in zip(self.leaves, values, strict=True):
            if leaf.labels is not None and leaf.start < leaf.stop:
                yield leaf.name, value, leaf.labels.axes, flat[leaf.start : leaf.stop]

    def require_same(self, given: object, values: Sequence[object]) -> None:
        """ValueError if f put other things into the containers that it was given."""
        try:
            found = dict(matched(self.template, given, "x"))
        except ValueError as error:
            raise f_changed("x") from error
        for i, value in enumerate(values):
            if found[i] is not value:
                raise f_changed(self.leaves[i].name)


def numbered(x: object, name: str, values: list[tuple[str, object]]) -> object:
    """Return the containers of x, in which numbers stand for the parameters; their names and values join the list."""
    if isinstance(x, Mapping):
        found = {key: numbered(value, f"{name}[{key!r}]", values) for key, value in x.items()}
        return found if type(x) is dict else updated(x, found)
    if hasattr(x, "_fields"):
        return type(x)(*(numbered(getattr(x, key), f"{name}.{key}", values) for key in x._fields))
    if isinstance(x, (list, tuple)) and are_parameters(x):
        parts = [numbered(part, f"{name}[{i}]", values) for i, part in enumerate(x)]
        return tuple(parts) if isinstance(x, tuple) else parts
    if x is None:
        return None
    values.append((name, x))
    return len(values) - 1


def filled(template: object, values: Sequence[object]) -> object:
    """Return containers with values in the place of their numbers."""
    if type(template) is int:
        return values[template]
    if isinstance(template, Mapping):
        found = {key: filled(part, values) for key, part in template.items()}
        return found if type(template) is dict else updated(template, found)
    if isinstance(template, (list, tuple)):
        parts = [filled(part, values) for part in template]
        kind: Function = type(template)
        return kind(*parts) if hasattr(template, "_fields") else kind(parts)
    return None


def mapped(f: Function, x: object, *others: object) -> object:
    """Return parameters that f makes of each of x's and of what stands in its place in others."""
    values: list[tuple[str, object]] = []
    template = numbered(x, "x", values)
    columns = [dict(matched(template, other, "x")) for other in others]
    return filled(template, [f(value, *(column[i] for column in columns)) for i, (_, value) in enumerate(values)])


def containers(template: object, given: Any) -> Iterator[Any]:
    """Yield the containers that parts can be put into, with those inside them."""
    if isinstance(template, (Mapping, list, tuple)):
        if not isinstance(template, tuple):
            yield given
        for part, inside in zip(parts_of(template), parts_of(given), strict=True):
            yield from containers(part, inside)


def parts_of(container: Any) -> list[Any]:
    return list(container.values() if isinstance(container, Mapping) else container)


def matched(template: object, given: object, name: str) -> Iterator[tuple[int, object]]:
    """Yield the number of each parameter with what is given for it; ValueError unless the containers are alike."""
    if type(template) is int:
        yield template, given
    elif isinstance(template, Mapping):
        if not isinstance(given, Mapping) or given.keys() != template.keys():
            found = list(given) if isinstance(given, Mapping) else f"a {type(given).__name__}"
            raise ValueError(f"{name} must have the names of x, {list(template)}; got {found}")
        for key, part in template.items():
            yield from matched(part, given[key], f"{name}[{key!r}]")
    elif isinstance(template, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(template):
            raise ValueError(f"{name} must be {len(template)} parts, as x; got {given!r}")
        for i, part in enumerate(template):
            yield from matched(part, given[i], f"{name}[{i}]")


def updated(mapping: Any, values: Mapping[object, object]) -> object:
    """Return a copy of a mapping with other values; a dictionary of them if its kind cannot hold them as they are."""
    try:
        found = copy(mapping)
        for key, value in values.items():
            found[key] = value
        if all(found[key] is value for key, value in values.items()):  # not so of xarray, which makes its own of them
            return found
    except Exception:
        pass
    return dict(values)


def movable(values: Sequence[object], dtype: DType) -> list[object]:
    """Return the arrays that can be moved in place; None for what f is to see a copy of.

    Tied parameters, which share memory, are copied: each is moved by itself.
    """
    found = [value if is_movable(value, dtype) else None for value in values]
    ends = sorted(
        (*np.lib.array_utils.byte_bounds(np.asarray(value)), i) for i, value in enumerate(found) if value is not None
    )
    tied: set[int] = set()
    open_ones: list[tuple[int, int]] = []
    for start, stop, i in ends:
        open_ones = [(other, k) for other, k in open_ones if other > start]
        one = np.asarray(values[i])
        tied |= {index for _, k in open_ones if np.shares_memory(one, np.asarray(values[k])) for index in (i, k)}
        open_ones.append((stop, i))
    return [None if i in tied else value for i, value in enumerate(found)]


def is_movable(value: object, dtype: DType) -> bool:
    if not isinstance(value, np.ndarray):
        return False
    array = np.asarray(value)  # of a subclass, which is not asked
    return array.dtype == dtype and array.size > 0 and share_memory(as_point(value), value)


def ravel(x: object) -> tuple[Array, Callable[[Array], Any]]:
    """Return parameters by name as one flat vector, and the function that makes parameters of such a vector.

    Parameters
    ----------
    x : dict, list or tuple of arrays, or pandas object
        Parameters, also nested. They are copied.

    Returns
    -------
    ndarray
        All of them, one after another: shape (n,).
    callable
        ``unravel(vector)`` returns the parameters, whose arrays are parts of the vector.

    Raises
    ------
    TypeError
        If a parameter holds no real numbers.
    ValueError
        From ``unravel``, if the vector has another shape.

    Notes
    -----
    For operators that take one array, such as :func:`gradfast.hessian`.

    Examples
    --------
    >>> import numpy as np
    >>> from gradfast import hessian
    >>> from gradfast.parameters import ravel
    >>> vector, unravel = ravel({"a": np.array([1.0, 2.0]), "b": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> f = lambda p: np.sum(p["a"] ** 2) * p["b"]
    >>> print(hessian(lambda v: f(unravel(v)), vector).round(3))
    [[6. 0. 2.]
     [0. 6. 4.]
     [2. 4. 0.]]
    """
    layout, flat, _ = Layout.of(x)
    return flat, layout.unravel
