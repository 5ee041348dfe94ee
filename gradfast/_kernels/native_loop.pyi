from typing import Any, Self, final

from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]

__pyx_capi__: dict[str, object]

SIGNATURES: dict[str, int]
WANTED: dict[str, str]

@final
class NativeFunction:
    signature: str
    kind: str
    outputs: int
    def __new__(cls, address: Any, signature: str, owner: Any, outputs: int = -1) -> Self: ...
    def __call__(self, x: Any) -> Any: ...
    def required_outputs(self) -> int: ...

def require_kind(f: NativeFunction, kind: str) -> None: ...
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
