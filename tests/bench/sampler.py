"""Runs a Python script and tells as JSON where its CPU time went and where its memory grew.

    python sampler.py OUTPUT SCRIPT [ARGUMENT...]

The kernel interrupts at every millisecond of CPU time of all threads; then each thread that does not wait counts for
the function that it is in. Nothing is traced, so what is measured stays as fast as it is.
"""

from __future__ import annotations

import json
import resource
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

INTERVAL = 0.001
WAITING = {"threading", "queue", "concurrent.futures.thread", "concurrent.futures._base", "selectors", "subprocess"}
SCRIPTS = {"sampler", "runpy", __name__}
IMPORTING = "importing modules"

spent: Counter[str] = Counter()
grown: Counter[str] = Counter()
peak = 0.0


def place_of(frame: FrameType | None) -> str | None:
    """What a thread is doing: the innermost function of ours, and the package below it; None where it waits."""
    if frame is None or frame.f_globals.get("__name__") in WAITING:
        return None
    leaf = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    here = frame
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("importlib."):
            return IMPORTING
        if module.startswith("provenance"):
            ours = f"{module.removeprefix('provenance.')}.{frame.f_code.co_name}"
            return ours if frame is here else f"{ours} in {leaf}"
        frame = frame.f_back
    return None if leaf in SCRIPTS else leaf


def take(_number: int, frame: FrameType | None) -> None:
    """One sample of every thread; this one's frame is where the signal met it."""
    global peak
    frames: dict[int, Any] = dict(sys._current_frames())
    mine = next((thread for thread, at in frames.items() if at.f_code is take.__code__), None)
    places = [place_of(frame if thread == mine else at) for thread, at in frames.items()]
    busy = [place for place in places if place]
    for place in busy:
        spent[place] += 1
    now = most_memory()
    if busy and now > peak:
        grown[busy[0]] += now - peak
    peak = now


def most_memory() -> float:
    """The most that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Sample the script to its end, whatever that is, and write what was seen."""
    global peak
    output, script, *arguments = sys.argv[1:]
    sys.argv, sys.path[0] = [script, *arguments], str(Path(script).parent)
    peak, start = most_memory(), time.perf_counter()
    signal.signal(signal.SIGPROF, take)
    signal.siginterrupt(signal.SIGPROF, 0)  # a call that it meets goes on
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        pass  # the code was looked at when it was measured
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        Path(output).write_text(json.dumps({
            "spent": spent, "grown": grown,
            "wall": wall, "user": used.ru_utime, "system": used.ru_stime,
            "switches": used.ru_nvcsw + used.ru_nivcsw, "faults": used.ru_minflt,
        }))


if __name__ == "__main__":
    main()
