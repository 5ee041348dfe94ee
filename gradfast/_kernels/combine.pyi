from typing import Protocol

from numpy.typing import ArrayLike

from gradfast._kernels.memory import _Array
from gradfast._kernels.moves import Moves
from gradfast._kernels.stencil import Stencil

def combined(
    values: ArrayLike, moves: Moves, center: ArrayLike | None = None, divided: bool = True, point: int | None = None
) -> _Array: ...
def second_derivatives_of(sums: ArrayLike, moves: Moves) -> _Array: ...

class _Scatter(Protocol):
    def __call__(
        self, sums: _Array, steps: _Array, stencil: Stencil, columns: _Array, starts: _Array, entries: _Array,
        rows: _Array, places: _Array, mirrors: _Array, data: _Array,
    ) -> None: ...  # fmt: skip

SCATTER: dict[str, _Scatter]
