from typing import Any

MOVE: dict[str, Any]
PUT_BACK: dict[str, Any]
QUOTIENTS: dict[str, Any]
COLUMNS: dict[str, Any]
