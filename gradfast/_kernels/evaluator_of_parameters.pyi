from collections.abc import Sequence

from typing_extensions import disjoint_base

from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast.arguments import Arguments, Array, Function

@disjoint_base
class Named(OnePoint):
    def __init__(
        self, f: object, x: Array, args: Arguments, single: bool, layout: object,
        places: Sequence[object] | None = None, complex_x: object = None,
    ) -> None: ...  # fmt: skip

def renewing(f: Function, layout: object, places: Sequence[object]) -> Function: ...
