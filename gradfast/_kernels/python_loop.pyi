from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Kernel = Callable[[Callable[[Any], Any], Any, _Array, float | _Array, Stencil, _Array], int]

LINE: dict[str, _Kernel]
ROWS: dict[str, _Kernel]
