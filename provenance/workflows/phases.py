"""How work of several phases tells its progress: one context for each phase, silent unless somebody listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from provenance.artifacts.crew import Progress

Total = Callable[[int], None]
# Called with what is being done; gives two functions that take bytes: done so far, and to be done. Either may be None.
Phases = Callable[[str], AbstractContextManager[tuple[Progress | None, Total | None]]]


@contextmanager
def silent(_: str) -> Iterator[tuple[Progress | None, Total | None]]:
    """Nobody listens."""
    yield None, None
