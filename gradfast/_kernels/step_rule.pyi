from typing import Any, Self, final

from numpy.typing import ArrayLike, NDArray

LEAST_SCALE: float

@final
class Rule:
    relative: float
    least_scale: float
    absolute: float
    def __new__(cls, relative: float = 0, least_scale: float = 0, absolute: float = 0) -> Self: ...
    def at(self, x: ArrayLike) -> NDArray[Any]: ...
