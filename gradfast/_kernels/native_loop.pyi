from typing import Any

from numpy.typing import NDArray

from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]

__pyx_capi__: dict[str, object]

def gradient(
    f: NativeFunction,
    x: _Array,
    steps: Any,
    stencil: Stencil,
    out: _Array,
    center: float = 0.0,
    some: _Array | None = None,
    first: int = 0,
    last: int = -1,
    stop: Any = None,
) -> int: ...
def gradients(
    f: NativeFunction,
    x: _Array,
    steps: Any,
    stencil: Stencil,
    out: _Array,
    centers: _Array | None = None,
    first: int = 0,
    last: int = -1,
    stop: Any = None,
) -> int: ...
def jacobian(
    f: NativeFunction,
    x: _Array,
    steps: _Array,
    stencil: Stencil,
    out: _Array,
    center: _Array | None,
    some: _Array,
    first: int,
    last: int,
    stop: Any = None,
) -> None: ...
def pairs(
    f: NativeFunction,
    x: _Array,
    steps: _Array,
    stencil: Stencil,
    out: _Array,
    center: float,
    first_of: _Array,
    second_of: _Array,
    first: int,
    last: int,
    stop: Any = None,
) -> None: ...
