from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Indices = NDArray[np.intc]

class _Colors(Protocol):
    def __call__(
        self,
        f: Callable[[Any], Any],
        argument: Any,
        line: _Array,
        steps: _Array,
        stencil: Stencil,
        columns: _Indices,
        starts: _Indices,
        out: _Array,
        accept: Callable[[Any], _Array],
        at_center: Any = None,
        middle: _Array | None = None,
        interpolation: _Array | None = None,
    ) -> None: ...

class _MoveBlock(Protocol):
    def __call__(self, block: _Array, steps: _Array, stencil: Stencil, columns: _Indices, starts: _Indices) -> None: ...

class _Scatter(Protocol):
    def __call__(
        self,
        totals: _Array,
        steps: _Array,
        stencil: Stencil,
        columns: _Indices,
        starts: _Indices,
        entries: _Indices,
        rows: _Indices,
        places: _Indices,
        mirrors: _Indices,
        data: _Array,
    ) -> None: ...

COLORS: dict[str, _Colors]
MOVE_BLOCK: dict[str, _MoveBlock]
SCATTER: dict[str, _Scatter]

def require_rows(found: int, wanted: int) -> None: ...
def native_colors(
    f: NativeFunction,
    x: _Array,
    steps: _Array,
    stencil: Stencil,
    columns: _Indices,
    starts: _Indices,
    out: _Array,
    center: _Array | None,
    middle: _Array | None,
    interpolation: _Array | None,
    first: int,
    last: int,
    stop: Any = None,
) -> None: ...
