from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

POINT: dict[str, Callable[[Callable[[Any], Any], Any, _Array, float, _Array], int]]
ROWS: dict[str, Callable[[Callable[[Any], Any], Any, _Array, float, _Array], int]]
