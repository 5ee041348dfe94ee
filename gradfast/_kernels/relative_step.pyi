from typing import Any, Self, final

@final
class RelativeStep:
    relative: float
    least_scale: float
    def __new__(cls, relative: float, least_scale: float) -> Self: ...

AT: dict[str, Any]
