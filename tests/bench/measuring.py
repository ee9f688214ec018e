"""Whole processes, interleaved: one round runs each command of a workload, so that a busy machine slows all alike.

Each command is started by a small interpreter of its own: Linux counts what the parent holds into the peak memory of
its child, and the parent of a benchmark holds more than some of the commands.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from races import Command

STARTER = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)] if sys.argv[1] == "quiet" else []
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(abs(os.waitstatus_to_exitcode(status)))
"""


@dataclass(frozen=True)
class Sample:
    """One run: seconds of the clock and of all cores, and the most memory that it held, in MiB."""

    wall: float
    cpu: float
    peak: float


def sample(command: Command, environment: Mapping[str, str]) -> Sample:
    """Run it once; a command that fails is no measurement."""
    for path in command.fresh:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    *own, wall, cpu, peak = started(command.line, environment, prints=command.measures)
    if command.measures:
        wall, cpu = own
    return Sample(wall, cpu, peak)


def started(line: Sequence[str], environment: Mapping[str, str], *, prints: bool = False,
            limit: float | None = None) -> list[float]:
    """The figures of a process: those that it prints itself, if it does, then its seconds, its CPU time, its memory.

    TimeoutExpired after `limit` seconds, when it and all that it started is ended.
    """
    starter = [sys.executable, "-I", "-S", "-c", STARTER, "figures" if prints else "quiet"]
    with subprocess.Popen([*starter, *line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment, start_new_session=True) as process:
        try:
            told, wrong = process.communicate(timeout=limit)
        except BaseException:  # a session of its own does not hear Ctrl-C
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(line)[:500]} ends with {process.returncode}: {wrong[-2000:]}")
    return [float(figure) for figure in told.split()]


def medians(
    commands: Sequence[Command], rounds: int, environment: Mapping[str, str]
) -> dict[tuple[str, str], Sample]:
    """The median of each figure of each command; a round before the first warms the caches."""
    taken: dict[tuple[str, str], list[Sample]] = {command.key: [] for command in commands}
    for number in range(rounds + 1):
        for command in commands:
            seen = sample(command, environment)
            if number:
                taken[command.key].append(seen)
    return {key: Sample(statistics.median(one.wall for one in seen), statistics.median(one.cpu for one in seen),
                        statistics.median(one.peak for one in seen))
            for key, seen in taken.items()}
