"""The part of a process that a script measures itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of all cores; `sampler.py` looks for this function to know what counts."""
    wall, cpu = time.perf_counter(), time.process_time()
    kept = work()  # what it made is given back after the time is taken
    taken = time.perf_counter() - wall, time.process_time() - cpu
    del kept
    return taken
