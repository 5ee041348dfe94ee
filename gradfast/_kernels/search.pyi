from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

_Array = NDArray[Any]
_Some = NDArray[np.intp]

@disjoint_base
class Search:
    count: int
    def __init__(
        self, center: _Array, places: _Array, eps: float, tolerance: float, enough: float, digits: int, most: int,
        n: int,
    ) -> None: ...  # fmt: skip
    def ask(self) -> tuple[int, _Some, _Array] | None: ...
    def tell(self, side: int, chosen: _Some, values: _Array) -> None: ...
    def results(self) -> tuple[_Array, _Array, NDArray[np.bool_], _Array, _Some]: ...
    def looks(self, i: int) -> tuple[_Array, _Array, _Array]: ...
    def one_sided(self, i: int, side: int) -> _Array: ...
