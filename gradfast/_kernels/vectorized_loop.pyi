from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Some = NDArray[np.intp]

class _Move(Protocol):
    def __call__(self, block: _Array, point: _Array, steps: _Array, stencil: Stencil, some: _Some) -> int: ...

class _PutBack(Protocol):
    def __call__(self, block: _Array, point: _Array, stencil: Stencil, some: _Some) -> None: ...

class _Quotients(Protocol):
    def __call__(
        self, values: _Array, steps: _Array, stencil: Stencil, some: _Some, out: _Array, center: _Array | None = None
    ) -> None: ...

class _Columns(Protocol):
    def __call__(
        self,
        values_at: Callable[[_Array], _Array],
        batch: _Array,
        rows: _Array,
        steps: float | _Array,
        stencil: Stencil,
        saved: _Array,
        out: _Array,
        centers: _Array | None = None,
    ) -> int: ...

class _Elements(Protocol):
    def __call__(
        self,
        evaluate: Callable[[_Array], _Array],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        line: _Array,
        steps: _Array,
        stencil: Stencil,
        out: _Array,
        center: _Array | None = None,
    ) -> None: ...

MOVE: dict[str, _Move]
PUT_BACK: dict[str, _PutBack]
QUOTIENTS: dict[str, _Quotients]
COLUMNS: dict[str, _Columns]
ELEMENTS: dict[str, _Elements]
