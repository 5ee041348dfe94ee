from collections.abc import Iterable
from typing import Protocol, Self, final

from numpy.typing import ArrayLike

from gradfast.values.arguments import Array

LEAST_SCALE: float

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

@final
class Rule:
    relative: float
    def __new__(cls, relative: float = 0, least_scale: float = 0, absolute: float = 0) -> Self: ...
    def at(self, x: ArrayLike) -> Array: ...

@final
class Plan:
    rule: Rule | None
    candidates: tuple[tuple[Stencil, int], ...]
    stencil: Stencil
    def __init__(
        self, rule: Rule | None, candidates: Iterable[tuple[Stencil, int]], by_precision: bool = False
    ) -> None: ...

def plan_index(n: int, char: str) -> int: ...

@final
class Box:
    def __init__(self, lower: float | Array, upper: float | Array) -> None: ...

class _Within(Protocol):
    def __call__(
        self, x: Array, steps: Array, candidates: tuple[tuple[Stencil, int], ...], low: Array, high: Array,
        is_single: bool,
    ) -> dict[Stencil, list[int]]: ...  # fmt: skip

WITHIN: dict[str, _Within]
