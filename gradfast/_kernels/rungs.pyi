from typing import Any

ADD_RUNG: dict[str, Any]
LOOK_FAR: dict[str, Any]
STAY: dict[str, Any]
JUDGE: dict[str, Any]
COURSE: Any
