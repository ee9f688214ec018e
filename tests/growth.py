"""How work grows with what it is given, told without a clock: a count does not depend on how busy the machine is."""

from __future__ import annotations

import cProfile
import pstats
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def calls(work: Callable[[], object]) -> int:
    """How many calls some work needs."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


@contextmanager
def ending(seconds: int = 60) -> Iterator[None]:
    """Work inside one call, such as a search, that would not end in a day if it grew too fast; fails instead."""
    def stop(*_: Any) -> None:
        raise AssertionError(f"has not ended after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
