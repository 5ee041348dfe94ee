from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast.arguments import Array

@disjoint_base
class Copies(Evaluator):
    origin: Array
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

class ManyPoints(Copies):
    def raise_change(self, points: Array) -> None: ...

class Elements(Copies): ...

@disjoint_base
class AtNumber(Elements): ...
