from collections.abc import Callable

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.memory import _Array
from gradfast._kernels.stencil import Stencil

_Function = Callable[[object], object]

def by_differences(f: _Function, argument: object, x: _Array, h: float, has_rows: bool) -> tuple[_Array, int]: ...
def by_moves(e: Evaluator, h: float, stencil: Stencil) -> tuple[_Array, int]: ...
