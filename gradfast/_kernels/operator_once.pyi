from typing import final

from gradfast._kernels.operator_run import Operator

@final
class Spare:
    kind: type[Operator]
    def __init__(self, kind: type[Operator]) -> None: ...

def once(
    spare: Spare, f: object, x: object, args: object, f0: object, method: object, axis: object, bounds: object,
    kwargs: object, argnum: object, has_aux: object, vectorized: object, workers: object, progress: object,
    on_error: object, full_output: object, n: int = 0,
) -> object: ...  # fmt: skip
