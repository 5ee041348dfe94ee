from threading import Event
from typing import Self, final

from gradfast.values.arguments import Array

SIGNATURES: dict[str, int]
SECONDS_A_TICK: float

@final
class NativeFunction:
    signature: str
    kind: str
    outputs: int
    reducer: object
    def __new__(cls, address: object, signature: str, owner: object, outputs: int = -1) -> Self: ...
    def __call__(self, x: object) -> float | Array: ...
    def required_outputs(self) -> int: ...

def require_kind(f: NativeFunction, kind: str) -> None: ...
def keep_ticking(end: Event) -> None: ...
def forget_ticker() -> None: ...
