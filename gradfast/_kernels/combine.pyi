from typing import Protocol

from numpy.typing import ArrayLike

from gradfast._kernels.moves import Moves
from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.values.arguments import Array

def combined(
    values: ArrayLike, moves: Moves, center: ArrayLike | None = None, divided: bool = True,
    point_size: int | None = None,
) -> Array: ...  # fmt: skip
def second_derivatives_of(sums: ArrayLike, moves: Moves) -> Array: ...

class _Scatter(Protocol):
    def __call__(
        self, sums: Array, steps: Array, stencil: Stencil, columns: Array, starts: Array, entries: Array,
        rows: Array, places: Array, mirrors: Array, data: Array,
    ) -> None: ...  # fmt: skip

SCATTER: dict[str, _Scatter]
