from typing import Any

from typing_extensions import disjoint_base

from gradfast._kernels.operator import Operator

class GradientOperator(Operator):
    def __call__(self, x: Any, *args: Any, f0: Any = None, **keywords: Any) -> Any: ...

class ValueAndGradientOperator(GradientOperator): ...

class JacobianOperator(Operator):
    def __call__(self, x: Any, *args: Any, f0: Any = None, **keywords: Any) -> Any: ...

@disjoint_base
class HessianOperator(Operator):
    of_gradient: Any
    diagonal: bool
    def __call__(self, x: Any, *args: Any, f0: Any = None, **keywords: Any) -> Any: ...

@disjoint_base
class DerivativeOperator(Operator):
    of_slope: Any
    def __call__(self, x: Any, *args: Any, **keywords: Any) -> Any: ...

class DirectionalOperator(Operator):
    def __call__(self, x: Any, v: Any, *args: Any, f0: Any = None, **keywords: Any) -> Any: ...
