from collections.abc import Iterable

class Stencil:
    nodes: tuple[float, ...]
    weights: tuple[float, ...]
    denominator: float
    n: int
    def __init__(self, nodes: Iterable[float], weights: Iterable[float], denominator: float, n: int = 1) -> None: ...
