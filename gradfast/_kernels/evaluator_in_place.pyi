from collections.abc import Sequence

from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast.values.arguments import Arguments, Array, Function

@disjoint_base
class OnePoint(Evaluator):
    f: Function
    args: Arguments
    def __init__(
        self, f: object, x: object, args: Arguments = (), single: bool = False, axis: int | None = None,
        complex_x: object = None,
    ) -> None: ...  # fmt: skip
    def raise_change(self) -> None: ...

class WholeBatch(OnePoint): ...

@disjoint_base
class Named(OnePoint):
    def __init__(
        self, f: object, x: Array, args: Arguments, single: bool, layout: object,
        places: Sequence[object] | None = None, complex_x: object = None,
    ) -> None: ...  # fmt: skip

def renewing(f: Function, layout: object, places: Sequence[object]) -> Function: ...
def with_arguments(f: Function, args: Arguments) -> Function: ...
