from typing import Any

from numpy.typing import NDArray

from gradfast._kernels.native_function import NativeFunction
from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]

def gradient(f: NativeFunction, x: _Array, h: float, stencil: Stencil, out: _Array) -> int: ...
def gradients(f: NativeFunction, x: _Array, h: float, stencil: Stencil, out: _Array) -> int: ...
