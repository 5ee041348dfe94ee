from typing import Any

FILL: dict[str, Any]
