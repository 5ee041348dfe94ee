from collections.abc import Iterable
from typing import Self, final

@final
class Stencil:
    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    denominator: float
    n: int
    center: float
    size: int
    def __new__(
        cls, nodes: Iterable[float], weights: Iterable[float], denominator: float, n: int = 1, center: float = 0
    ) -> Self: ...
