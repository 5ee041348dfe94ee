from collections.abc import Callable

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.stencil import Stencil
from gradfast.arguments import Array

_Function = Callable[[object], object]

def by_differences(f: _Function, argument: object, x: Array, h: float, has_rows: bool) -> tuple[Array, int]: ...
def by_moves(e: Evaluator, h: float, stencil: Stencil) -> tuple[Array, int]: ...
