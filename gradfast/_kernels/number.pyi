from typing import Any

__pyx_capi__: dict[str, object]

def number(result: Any, kind: str) -> Any: ...
