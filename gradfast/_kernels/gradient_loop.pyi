from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Function = Callable[[Any], Any]

class _Point(Protocol):
    def __call__(self, f: _Function, argument: object, line: _Array, h: float, out: _Array) -> int: ...

class _Rows(Protocol):
    def __call__(self, f: _Function, batch: object, rows: _Array, h: float, out: _Array) -> int: ...

def by_moves(e: Evaluator, h: float, stencil: Stencil) -> tuple[_Array, int]: ...

POINT: dict[str, _Point]
ROWS: dict[str, _Rows]
