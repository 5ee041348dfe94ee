from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil

type Array = NDArray[Any]
type Kernel = Callable[[Callable[[Any], Any], Any, Array, float | Array, Stencil, Array], int]

LINE: dict[str, Kernel]
ROWS: dict[str, Kernel]
