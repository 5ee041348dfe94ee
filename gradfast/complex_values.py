"""An f that returns complex numbers of a real x: the derivatives of its real and its imaginary part, joined."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradfast._kernels.number import values_of
from gradfast.arguments import number_or_array
from gradfast.parameters import are_parameters, is_labeled, mapped

Function = Callable[..., Any]


class PartOf:
    """The real or the imaginary part of f's values.

    With a tape, the one of the real part keeps the imaginary ones, in the order of the calls. That of the imaginary
    part is asked at the same points in the same order, and takes them from there: f is called once for both.
    """

    def __init__(self, f: Function, is_real: bool, has_aux: bool, tape: "deque[Any] | None" = None) -> None:
        self.f, self.is_real, self.has_aux, self.tape = f, is_real, has_aux, tape

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.tape and not self.is_real:
            return self.tape.popleft()
        found = self.f(*args, **kwargs)
        value, aux = found if self.has_aux else (found, None)
        value = value if isinstance(value, (complex, np.ndarray)) else values_of(value)[()]
        if self.tape is not None and self.is_real:
            imaginary = np.array(value.imag)[()]
            self.tape.append((imaginary, aux) if self.has_aux else imaginary)
        part = value.real if self.is_real else value.imag
        return (part, aux) if self.has_aux else part

    def __reduce__(self) -> tuple[Any, ...]:
        return PartOf, (self.f, self.is_real, self.has_aux)


def joined(real: Any, imaginary: Any) -> Any:
    """Return derivatives whose real and imaginary parts were computed alone: numbers, arrays, parameters by name."""
    if are_parameters(real) and not is_labeled(real):
        return mapped(joined, real, imaginary)
    if isinstance(real, (float, np.ndarray, np.generic)):
        out = np.empty(np.shape(real), np.result_type(np.asarray(real).dtype, np.complex64))
        out.real, out.imag = real, imaginary
        return number_or_array(out)
    return real + 1j * imaginary  # of pandas, of SciPy's sparse arrays


def joined_info(real: Any, imaginary: Any, evaluations: int) -> Any:
    """Return what was done for both parts: steps and schemes are the same, errors add up as the legs of a triangle."""
    if real.error is None:
        return replace(real, evaluations=evaluations)
    join: Any = mapped if are_parameters(real.error) else lambda f, *parts: f(*parts)
    error = join(np.hypot, real.error, imaginary.error)
    converged = join(np.logical_and, real.converged, imaginary.converged)
    return replace(real, evaluations=evaluations, error=error, converged=converged)
