"""Whole processes, interleaved: one round runs each command of a workload, so that a busy machine slows all alike.

Each command is started by a small interpreter of its own: Linux counts what the parent holds into the peak memory of
its child, and the parent of a benchmark holds more than some of the commands.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from races import Command

STARTER = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print(os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Sample:
    """One run: seconds of the clock and of all cores, and the most memory that it held, in MiB."""

    wall: float
    cpu: float
    peak: float


def sample(command: Command) -> Sample:
    """Run it once; a command that fails is no measurement."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, *command.line], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True)
    code, wall, cpu, peak = done.stdout.split()
    if int(code) not in command.codes:
        raise SystemExit(f"{' '.join(command.line[:6])} ... ends with {code}: {done.stderr[-2000:]}")
    return Sample(float(wall), float(cpu), float(peak))


def medians(commands: Sequence[Command], rounds: int) -> dict[tuple[str, str], Sample]:
    """The median of each figure of each command; a round before the first warms the caches."""
    taken: dict[tuple[str, str], list[Sample]] = {command.key: [] for command in commands}
    for number in range(rounds + 1):
        for command in commands:
            seen = sample(command)
            if number:
                taken[command.key].append(seen)
    return {key: Sample(statistics.median(one.wall for one in seen), statistics.median(one.cpu for one in seen),
                        statistics.median(one.peak for one in seen))
            for key, seen in taken.items()}
