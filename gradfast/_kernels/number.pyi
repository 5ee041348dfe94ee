from typing import Any

from numpy.typing import NDArray

class ComplexValueError(TypeError): ...

class ArrayValueError(ValueError):
    shape: tuple[int, ...]

def number(result: Any, kind: str) -> Any: ...
def values_of(result: Any) -> NDArray[Any]: ...
