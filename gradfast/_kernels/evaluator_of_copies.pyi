from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast.values.arguments import Arguments, Array

@disjoint_base
class Copies(Evaluator):
    def __init__(
        self, f: object, x: object, args: Arguments = (), single: bool = False, axis: int | None = None,
        complex_x: object = None,
    ) -> None: ...  # fmt: skip

class ManyPoints(Copies):
    def raise_change(self, points: Array) -> None: ...

class Elements(Copies): ...

@disjoint_base
class AtNumber(Elements): ...
