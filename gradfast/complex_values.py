"""An f that returns complex numbers of a real x: the derivatives of its real and its imaginary part, joined."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradfast._kernels.returned_number import values_of
from gradfast.arguments import Arguments, Array, Function, number_or_array
from gradfast.info import Info
from gradfast.parameters import Layout, are_parameters, is_labeled, mapped


class Remembered:
    """f, called once at each point: parts of its values are differentiated one after another, at the same points."""

    def __init__(self, f: Function, argnum: int = 0) -> None:
        self.f, self.argnum = f, argnum
        self.known: dict[bytes, object] = {}

    def __call__(self, *args: object, **kwargs: object) -> object:
        from hashlib import blake2b  # to import it takes a tenth of the time of this package

        x = args[self.argnum]
        flat = Layout.of(x)[1] if are_parameters(x) else np.asarray(x)
        key = blake2b(flat.tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = copied(self.f(*args, **kwargs))
        return self.known[key]

    def __reduce__(self) -> Arguments:
        return Remembered, (self.f, self.argnum)


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

    def __reduce__(self) -> Arguments:
        return PartOf, (self.f, self.part, self.has_aux)


def item(values: Array, i: int) -> object:
    if i >= values.size:
        raise ValueError(f"f must return arrays of one shape; it returned one of shape {values.shape} among longer")
    return values.flat[i]


def joined(real: Any, imaginary: Any) -> object:
    """Return derivatives whose real and imaginary parts were computed alone: numbers, arrays, parameters by name."""
    if are_parameters(real) and not is_labeled(real):
        return mapped(joined, real, imaginary)
    if isinstance(real, (float, np.ndarray, np.generic)):
        out = np.empty(np.shape(real), np.result_type(np.asarray(real).dtype, np.complex64))
        out.real, out.imag = real, imaginary
        return number_or_array(out)
    return real + 1j * imaginary  # of pandas, of SciPy's sparse arrays


def joined_info(real: Info, imaginary: Info, evaluations: int) -> Info:
    """Return what was done for both parts: steps and schemes are the same, errors add up as the legs of a triangle."""
    if real.value is not None:
        real = replace(real, value=joined(real.value, imaginary.value))
    if real.error is None:
        return replace(real, evaluations=evaluations)
    join: Function = mapped if are_parameters(real.error) else lambda f, *parts: f(*parts)
    error = join(np.hypot, real.error, imaginary.error)
    converged = join(np.logical_and, real.converged, imaginary.converged)
    return replace(real, evaluations=evaluations, error=error, converged=converged)
