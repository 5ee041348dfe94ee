from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Array = NDArray[Any]
_Some = NDArray[np.intp]

@disjoint_base
class Search:
    count: int
    width: int
    n: int
    eps: float
    trace: list[tuple[int, float, _Array, _Array]]
    def __init__(
        self,
        center: _Array,
        x: _Array,
        scale: _Array | None,
        reach: _Array | None,
        below: _Array | None,
        above: _Array | None,
        eps: float,
        tolerance: float,
        digits: int,
        most: int,
        n: int,
        keeps_trace: bool,
    ) -> None: ...
    def ask(self) -> tuple[int, _Some, _Array] | None: ...
    def tell(self, side: int, chosen: _Some, values: _Array) -> None: ...
    def results(self, rtol: float) -> tuple[_Array, _Array, NDArray[np.bool_], _Array, _Some, int]: ...
    def looks(self, i: int) -> tuple[_Array, _Array, _Array]: ...
    def one_sided(self, i: int, side: int) -> tuple[_Array, _Array]: ...
