from collections.abc import Iterable
from typing import Any, Protocol, final

from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil
from gradfast._kernels.step_rule import Rule

@final
class Plan:
    rule: Rule | None
    options: tuple[tuple[Stencil, int], ...]
    stencil: Stencil
    by_precision: bool
    def __init__(
        self, rule: Rule | None, options: Iterable[tuple[Stencil, int]], by_precision: bool = False
    ) -> None: ...

@final
class Box:
    lower: float | NDArray[Any]
    upper: float | NDArray[Any]
    def __init__(self, lower: float | NDArray[Any], upper: float | NDArray[Any]) -> None: ...

class _Within(Protocol):
    def __call__(
        self,
        x: NDArray[Any],
        steps: NDArray[Any],
        options: tuple[tuple[Stencil, int], ...],
        low: NDArray[Any],
        high: NDArray[Any],
        is_single: bool,
    ) -> dict[Stencil, list[int]]: ...

WITHIN: dict[str, _Within]
