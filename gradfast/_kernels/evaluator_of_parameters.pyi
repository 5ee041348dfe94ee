from collections.abc import Callable, Sequence

from typing_extensions import disjoint_base

from gradfast._kernels.evaluator_in_place import OnePoint
from gradfast.arguments import Array

@disjoint_base
class Named(OnePoint):
    def __init__(
        self,
        f: object,
        x: Array,
        args: tuple[object, ...],
        single: bool,
        layout: object,
        places: Sequence[object] | None = None,
        complex_x: object = None,
    ) -> None: ...

def renewing(f: Callable[..., object], layout: object, places: Sequence[object]) -> Callable[..., object]: ...
