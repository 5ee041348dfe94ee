from typing import Any, final

from typing_extensions import disjoint_base

from gradfast._kernels.operator_run import Operator

class GradientOperator(Operator): ...

class ValueAndGradientOperator(GradientOperator):
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> tuple[Any, Any]: ...

class JacobianOperator(Operator): ...

@disjoint_base
class HessianOperator(Operator):
    of_gradient: Any
    diagonal: bool

@disjoint_base
class DerivativeOperator(Operator):
    of_slope: Any
    def __call__(self, x: object, *args: object, **keywords: object) -> Any: ...

class DirectionalOperator(Operator):
    # Unlike the others it needs a direction, which type checkers take for a mistake.
    def __call__(  # type: ignore[override]
        self, x: object, v: object, *args: object, f0: object = None, **keywords: object
    ) -> Any: ...

@final
class Spare:
    def __init__(self, kind: type[Operator]) -> None: ...

def once(
    spare: Spare, f: object, x: object, args: object, f0: object, method: object, axis: object, bounds: object,
    kwargs: object, argnum: object, has_aux: object, vectorized: object, workers: object, progress: object,
    on_error: object, full_output: object, n: int = 0,
) -> object: ...  # fmt: skip
