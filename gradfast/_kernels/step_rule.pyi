from typing import Any, Protocol, Self, final

from numpy.typing import NDArray

_Array = NDArray[Any]

@final
class RelativeStep:
    relative: float
    least_scale: float
    def __new__(cls, relative: float, least_scale: float) -> Self: ...

class _At(Protocol):
    def __call__(self, rule: RelativeStep, line: _Array, out: _Array) -> None: ...

AT: dict[str, _At]
