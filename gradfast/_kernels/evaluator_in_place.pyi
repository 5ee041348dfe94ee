from collections.abc import Callable

from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast.arguments import Function

@disjoint_base
class OnePoint(Evaluator):
    f: Function
    args: tuple[object, ...]
    def __init__(
        self,
        f: object,
        x: object,
        args: tuple[object, ...] = (),
        single: bool = False,
        axis: int | None = None,
        complex_x: object = None,
    ) -> None: ...
    def raise_change(self) -> None: ...

class WholeBatch(OnePoint): ...

def with_arguments(f: Callable[..., object], args: tuple[object, ...]) -> Callable[[object], object]: ...
