from collections.abc import Iterator
from typing import Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradfast._kernels.steps_and_bounds import Stencil
from gradfast.values.arguments import Array

@final
class Groups:
    coordinates: int
    count: int
    chosen: Array | None
    starts: Array | None
    @property
    def members(self) -> NDArray[np.intp]: ...
    @staticmethod
    def each(coordinates: int, chosen: ArrayLike | None = None) -> Groups: ...
    @staticmethod
    def together(coordinates: int, chosen: ArrayLike | None = None) -> Groups: ...
    @staticmethod
    def strided(coordinates: int, groups: int) -> Groups: ...
    @staticmethod
    def pairs(coordinates: int, chosen: ArrayLike | None = None) -> Groups: ...
    @staticmethod
    def listed(coordinates: int, starts: ArrayLike, chosen: ArrayLike) -> Groups: ...
    def __len__(self) -> int: ...
    def __getitem__(self, group: int, /) -> list[int]: ...

@final
class Moves:
    groups: Groups
    stencil: Stencil
    first: int
    last: int
    along: float | np.floating | None
    @property
    def step_of_each(self) -> Array: ...
    def __init__(
        self, groups: Groups, steps: ArrayLike, stencil: Stencil, along: object = None, first: int = 0,
        last: int | None = None,
    ) -> None: ...  # fmt: skip
    def in_precision(self, is_wide: bool) -> Moves: ...
    def part(self, first: int, last: int) -> Self: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[list[tuple[int, object]]]: ...

def make(kind: int, coordinates: int, chosen: object, starts: object, count: int) -> Groups: ...
