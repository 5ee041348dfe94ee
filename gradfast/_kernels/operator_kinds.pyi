from typing import Any

from typing_extensions import disjoint_base

from gradfast._kernels.operator_run import Operator

class GradientOperator(Operator):
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> Any: ...

class ValueAndGradientOperator(GradientOperator):
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> tuple[Any, Any]: ...

class JacobianOperator(Operator):
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> Any: ...

@disjoint_base
class HessianOperator(Operator):
    of_gradient: Any
    diagonal: bool
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> Any: ...

@disjoint_base
class DerivativeOperator(Operator):
    of_slope: Any
    def __call__(self, x: object, *args: object, **keywords: object) -> Any: ...

class DirectionalOperator(Operator):
    def __call__(self, x: object, v: object, *args: object, f0: object = None, **keywords: object) -> Any: ...
