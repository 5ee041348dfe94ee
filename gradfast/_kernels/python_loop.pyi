from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from gradfast._kernels.relative_step import RelativeStep
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Some = NDArray[np.intp]
_Function = Callable[[Any], Any]
_Steps = float | _Array | RelativeStep

@final
class Components:
    rows: int
    kind: str
    shape: Any
    out: _Array
    def __new__(cls, rows: int, kind: str) -> Components: ...
    def accept(self, result: Any) -> _Array: ...

class _Line(Protocol):
    def __call__(
        self,
        f: _Function,
        argument: Any,
        line: _Array,
        steps: _Steps,
        stencil: Stencil,
        out: _Array,
        at_center: Any = None,
        coordinates: _Some | None = None,
    ) -> int: ...

class _Rows(Protocol):
    def __call__(
        self,
        f: _Function,
        batch: _Array,
        rows: _Array,
        steps: _Steps,
        stencil: Stencil,
        out: _Array,
        at_center: _Array | None = None,
    ) -> int: ...

class _Components(Protocol):
    def __call__(
        self,
        f: _Function,
        argument: Any,
        line: _Array,
        steps: _Array,
        stencil: Stencil,
        components: Components,
        first_row: int = 0,
        at_center: Any = None,
        coordinates: _Some | None = None,
    ) -> None: ...

class _Pairs(Protocol):
    def __call__(
        self,
        f: _Function,
        argument: Any,
        line: _Array,
        steps: _Array,
        stencil: Stencil,
        out: _Array,
        at_center: Any,
        first: _Some,
        second: _Some,
    ) -> None: ...

LINE: dict[str, _Line]
ROWS: dict[str, _Rows]
COMPONENTS: dict[str, _Components]
PAIRS: dict[str, _Pairs]
