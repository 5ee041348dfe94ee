from typing import Any

from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Groups
from gradfast._kernels.steps_and_bounds import Box
from gradfast.values.arguments import Arguments, Function

NAMED: dict[str, object]

@disjoint_base
class Operator:
    f: Function
    method: Any
    bounds: object
    box: Box | None
    axis: object
    workers: object
    progress: object
    vectorized: bool
    full_output: bool
    argnum: int
    kwargs: dict[str, object] | None
    has_aux: bool
    objective: Function
    n: int
    single: bool
    is_native: bool
    wants_value: bool
    is_sparse: bool
    is_plain: bool
    def __call__(self, x: object, *args: object, f0: object = None, **keywords: object) -> Any: ...
    def _prepare(
        self, f: object, method: object, *, bounds: object, kwargs: object, argnum: object, has_aux: object,
        on_error: object, full_output: object, axis: object = None, vectorized: object = False,
        workers: object = None, progress: object = False,
    ) -> None: ...  # fmt: skip
    def _set_up(self, objective: object, is_native: bool, method: object, plans: object, vectorized: bool) -> None: ...
    def _take_order(self, n: int) -> None: ...
    def _adapt(self, argnum: int, kwargs: object, has_aux: bool) -> None: ...
    def _show(self, f: object, bounds: object) -> None: ...
    def _open_plain(self, x: object, args: Arguments) -> Evaluator | None: ...
    def _run(self, x: object, args: Arguments, v: object, f0: object, wants_value: bool) -> Any: ...
    def _groups(self, e: Evaluator) -> Groups: ...
    def _results_of(self, e: Evaluator, parts: object, center: object) -> Any: ...
