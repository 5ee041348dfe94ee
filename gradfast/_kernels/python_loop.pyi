from typing import Any, final

from numpy.typing import NDArray

_Array = NDArray[Any]

LINE: dict[str, Any]
GRADIENT: dict[str, Any]
ROWS: dict[str, Any]
COMPONENTS: dict[str, Any]
PAIRS: dict[str, Any]

@final
class Components:
    rows: int
    kind: str
    shape: Any
    out: _Array
    def __new__(cls, rows: int, kind: str) -> Components: ...
    def accept(self, result: Any) -> _Array: ...
