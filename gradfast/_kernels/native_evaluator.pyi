from typing_extensions import disjoint_base

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.native_function import NativeFunction

@disjoint_base
class Native(Evaluator):
    def __init__(
        self, f: NativeFunction, x: object, single: bool = False, axis: int | None = None, threads: int = 1,
        outputs: int = -1, takes_both: bool = False,
    ) -> None: ...  # fmt: skip
