from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

def transpose(
    row_starts: _Array, columns: _Array, column_starts: _Array, rows: _Array, places: _Array
) -> None: ...
def greedy(
    row_starts: _Array, columns: _Array, column_starts: _Array, rows: _Array, order: _Array, colors: _Array
) -> int: ...
def round_robin(
    row_starts: _Array, columns: _Array, column_starts: _Array, rows: _Array, limit: int, colors: _Array
) -> bool: ...
def star(row_starts: _Array, columns: _Array, order: _Array, colors: _Array) -> int: ...
def degrees(row_starts: _Array, column_starts: _Array, rows: _Array, out: _Array) -> None: ...
def smallest_last(
    row_starts: _Array, columns: _Array, column_starts: _Array, rows: _Array, meetings: _Array, order: _Array
) -> None: ...
