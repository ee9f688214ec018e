"""Runs a Python script and tells as JSON where its CPU time went and where its memory grew.

    python sampler.py OUTPUT all|timed SCRIPT [ARGUMENT...]     timed: only what `timing.timed` runs

At every millisecond of CPU time of the process a thread looks at all others, and counts for the function in which it
finds each what that one has used of its core since the last look. Nothing is traced: fast code stays as fast as it is.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.001
TICK = {signal.SIGPROF}
NOTHING = {"sampler", "runpy", "threading", "__main__"}
IMPORTING = "importing "


class Sampler(threading.Thread):
    """Looks at the other threads until the process ends; `spent` is seconds of CPU, `grown` MiB, by place."""

    def __init__(self, *, only_timed: bool) -> None:
        super().__init__(daemon=True)
        self._only_timed = only_timed
        self.spent: Counter[str] = Counter()
        self.grown: Counter[str] = Counter()
        self._used = {os.getpid(): cpu_of(os.getpid())}
        self._peak = most_memory()

    def run(self) -> None:
        while True:
            signal.sigwait(TICK)
            self.look()

    def look(self) -> None:
        """One look at every thread."""
        frames, busiest = sys._current_frames(), (0.0, "")
        counts = not self._only_timed or is_timed(frames.get(threading.main_thread().ident or 0))
        for thread in threading.enumerate():
            number, place = thread.native_id, place_of(frames.get(thread.ident or 0))
            if thread is self or number is None:
                continue
            used = cpu_of(number)
            part = used - self._used.get(number, 0.0)
            self._used[number] = used
            if counts and place and part > 0:
                self.spent[place] += part
                busiest = max(busiest, (part, place))
        peak = most_memory()
        if busiest[1] and peak > self._peak:
            self.grown[busiest[1]] += peak - self._peak
        self._peak = peak


def place_of(frame: FrameType | None) -> str:
    """What a thread is doing: the innermost function of ours, and whose code is below it; "" for this script."""
    here, leaf, imported = frame, module_of(frame).partition(".")[0], ""
    while frame is not None:
        module, function = module_of(frame), frame.f_code.co_name
        if function == "_find_and_load":  # of importlib; the outermost that is not ours is what ours waits for
            name = str(frame.f_locals.get("name", "")).partition(".")[0]
            imported = name if name != "provenance" or not imported else imported
        elif module.startswith("provenance") and function != "<module>" and not imported:
            ours = f"{module.removeprefix('provenance.')}.{function}"
            return ours if frame is here else f"{ours} in {leaf}"
        frame = frame.f_back
    return IMPORTING + imported if imported else "" if leaf in NOTHING else leaf


def is_timed(frame: FrameType | None) -> bool:
    """Whether the part that a script measures itself is running."""
    while frame is not None and (module_of(frame), frame.f_code.co_name) != ("timing", "timed"):
        frame = frame.f_back
    return frame is not None


def module_of(frame: FrameType | None) -> str:
    """The name of the module whose code runs in a frame."""
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""


def cpu_of(thread: int) -> float:
    """The seconds that a thread has run on a core; 0 where it has ended."""
    try:
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


def most_memory() -> float:
    """The most that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Sample the script to its end, whatever that is, and write what was seen."""
    output, part, script, *arguments = sys.argv[1:]
    sys.argv, sys.path[0] = [script, *arguments], str(Path(script).parent)
    signal.pthread_sigmask(signal.SIG_BLOCK, TICK)  # every thread from here on; the sampler waits for it
    sys.setswitchinterval(INTERVAL / 10)  # else it waits for the lock of the interpreter longer than it looks apart
    sampler, start = Sampler(only_timed=part == "timed"), time.perf_counter()
    sampler.start()
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        pass  # the code was looked at when it was measured
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        Path(output).write_text(json.dumps({
            "spent": dict(sampler.spent), "grown": dict(sampler.grown), "wall": wall, "user": used.ru_utime,
            "system": used.ru_stime, "switches": used.ru_nvcsw + used.ru_nivcsw, "faults": used.ru_minflt,
        }))


if __name__ == "__main__":
    main()
