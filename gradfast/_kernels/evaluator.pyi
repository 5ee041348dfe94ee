from collections.abc import Iterator

from typing_extensions import disjoint_base

from gradfast._kernels.moves import Moves
from gradfast.calls.evaluators import Call
from gradfast.parameters import Layout
from gradfast.values.arguments import Array, DType

OF_VALUES: str

class CoarserError(Exception): ...

@disjoint_base
class Evaluator:
    inner: Evaluator  # or None, of what wraps nothing
    x: Array
    base: Array
    axis: int | None
    kept: bytes | None
    n: int
    point_size: int
    points_a_row: int
    single: bool
    shape: tuple[int, ...] | None
    width: int
    is_known: bool
    failed: int
    failed_last: int
    at_x: object
    layout: Layout | None
    opened_from: Call | None
    dtype: DType | None
    first_slab: int
    copied_from: object
    precision: str
    minds_precision: bool
    has_gaps: bool
    def __init__(self, inner: Evaluator) -> None: ...
    def values(self, moves: Moves) -> Array: ...
    def value(self) -> Array: ...
    def pieces(self, moves: Moves) -> Iterator[tuple[int, int, Array]]: ...
    def expect(self, total: int) -> None: ...
    @property
    def evaluations(self) -> int: ...
    @property
    def steps_from(self) -> Array: ...
    def value_shape(self) -> tuple[int, ...]: ...
    def rows_at_once(self) -> int: ...
    def close(self) -> None: ...
    def put_back(self) -> None: ...
    def name(self, i: int) -> str: ...
    def _count(self, evaluations: int) -> None: ...
    def _is_of_f(self, error: BaseException) -> bool: ...
    def _learn(self, shape: tuple[int, ...]) -> None: ...
