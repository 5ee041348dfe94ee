"""An evaluator that wraps another: f's values piece by piece, with progress told."""

import importlib
from collections.abc import Iterator
from typing import Any

from gradfast._kernels.evaluator import Evaluator
from gradfast._kernels.moves import Moves
from gradfast.arguments import Array, Function
from gradfast.evaluators import assembled

# The bar appears only if the work lasts longer than this many seconds.
SECONDS_OF_SILENCE = 1.0


class Progress(Evaluator):
    """Values of another evaluator, piece by piece, with the evaluations told that are done.

    Parameters
    ----------
    inner : Evaluator
    show : bool or callable
        True for a bar by tqdm on stderr, which appears if the whole takes longer than a second; or what is called as
        ``show(done, total)``.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed (``gradfast[progress]``).
    """

    def __init__(self, inner: Evaluator, show: object) -> None:
        super().__init__(inner)
        self.show, self.done, self.total = show, 0, 0
        self.bar: Any = None
        self.tqdm = import_tqdm() if show is True else None

    def expect(self, total: int) -> None:
        """Begin to count: `total` evaluations are to come."""
        self.done, self.total = 0, total
        if self.tqdm is not None:
            self.bar = self.tqdm(total=total, unit=" evaluations", delay=SECONDS_OF_SILENCE)

    def values(self, moves: Moves) -> Array:
        if self.done == self.total:  # an algorithm that does not know how many are to come
            self._expect_more(len(moves) * self.points)
        return assembled(self, moves)

    def _expect_more(self, count: int) -> None:
        if not self.total:
            self.expect(count)
            return
        self.total += count
        if self.bar is not None:
            self.bar.total = self.total

    def pieces(self, moves: Moves) -> Iterator[tuple[int, int, Array]]:
        for first, last, found in self.inner.pieces(moves):
            self._add((last - first) * self.points)
            yield first, last, found

    def rows_at_once(self) -> int:
        return self.inner.rows_at_once()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._leave_bar()

    def put_back(self) -> None:
        super().put_back()
        self._leave_bar()

    def _leave_bar(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()

    def _add(self, count: int) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif callable(self.show):
            self.show(self.done, self.total)


def import_tqdm() -> Function:
    try:
        tqdm: Function = importlib.import_module("tqdm").tqdm
    except ImportError as error:
        raise ImportError("a progress bar needs tqdm: install gradfast[progress]") from error
    return tqdm
