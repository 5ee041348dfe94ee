from typing import Any

from numpy.typing import NDArray

def plain_gradient(
    f: Any, x: Any, method: Any, names: dict[str, Any], wants_value: bool
) -> tuple[Any, NDArray[Any]] | None: ...
