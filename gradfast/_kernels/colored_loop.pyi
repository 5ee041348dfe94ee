from typing import Any

from numpy.typing import NDArray

from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]

COLORS: dict[str, Any]
MOVE_BLOCK: dict[str, Any]
SCATTER: dict[str, Any]

def require_rows(found: int, wanted: int) -> None: ...
def native_colors(
    f: NativeFunction,
    x: _Array,
    steps: _Array,
    stencil: Stencil,
    columns: _Array,
    starts: _Array,
    out: _Array,
    center: _Array | None,
    middle: _Array | None,
    interpolation: _Array | None,
    first: int,
    last: int,
    stop: Any = None,
) -> None: ...
