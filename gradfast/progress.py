"""How far a long differentiation is, told to a terminal or to the caller."""

import importlib
from typing import Any

# What is done sooner than this is done before anyone would read of it.
SECONDS_OF_SILENCE = 1.0


class Progress:
    """Evaluations done, of so many in all: a bar by tqdm, or calls of ``show(done, total)``.

    Parameters
    ----------
    show : bool or callable
        True for a bar on stderr, which appears if the whole takes longer than a second.
    total : int
        The evaluations in all.

    Raises
    ------
    ImportError
        If a bar is wanted and tqdm is not installed (``gradfast[progress]``).
    ValueError
        If show is neither.
    """

    def __init__(self, show: Any, total: int) -> None:
        self.show, self.total, self.done = show, total, 0
        self.bar: Any = None
        if show is True:
            try:
                tqdm: Any = importlib.import_module("tqdm")
            except ImportError as error:
                raise ImportError("a progress bar needs tqdm: install gradfast[progress]") from error
            self.bar = tqdm.tqdm(total=total, unit=" evaluations", delay=SECONDS_OF_SILENCE)
        elif show and not callable(show):
            raise ValueError(f"progress must be True, False or a callable; got {show!r}")

    def add(self, count: int) -> None:
        """Tell that so many evaluations more are done."""
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif self.show:
            self.show(self.done, self.total)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            self.bar.close()
