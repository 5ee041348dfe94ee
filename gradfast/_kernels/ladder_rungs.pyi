from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradfast._kernels.stencil import Stencil

_Array = NDArray[Any]
_Some = NDArray[np.intp]

class _AddRung(Protocol):
    def __call__(
        self,
        stencil: Stencil,
        chosen: _Some,
        count: int,
        steps: _Array,
        side: int,
        x: _Array,
        is_single: bool,
        values: _Array,
        center: _Array,
        eps: float,
        ladder: _Array,
        quotients: _Array,
        roundings: _Array,
        bends: _Array,
    ) -> bool: ...

class _LookFar(Protocol):
    def __call__(
        self,
        chosen: _Some,
        n: int,
        rtol: float,
        evaluations: int,
        ladder: _Array,
        quotients: _Array,
        roundings: _Array,
        bends: _Array,
        center: _Array,
        courses: _Array,
        far: _Array,
    ) -> bool: ...

class _Stay(Protocol):
    def __call__(
        self,
        chosen: _Some,
        evaluations: int,
        ladder: _Array,
        quotients: _Array,
        roundings: _Array,
        bends: _Array,
        courses: _Array,
        stays: NDArray[np.uint8],
    ) -> None: ...

class _Judge(Protocol):
    def __call__(
        self,
        chosen: _Some,
        count: int,
        power: int,
        n: int,
        rtol: float,
        eps: float,
        evaluations: int,
        ladder: _Array,
        quotients: _Array,
        roundings: _Array,
        bends: _Array,
        room: _Array,
        courses: _Array,
        found: _Array,
        steps: _Array,
    ) -> None: ...

ADD_RUNG: dict[str, _AddRung]
LOOK_FAR: dict[str, _LookFar]
STAY: dict[str, _Stay]
JUDGE: dict[str, _Judge]
COURSE: Any
