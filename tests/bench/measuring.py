"""Whole processes, interleaved: one round runs every command of a workload once, so that a busy machine slows all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

from races import Command


@dataclass(frozen=True)
class Sample:
    """One run: seconds of the clock and of all cores, and the most memory that it held, in MiB."""

    wall: float
    cpu: float
    peak: float


def sample(command: Command) -> Sample:
    """Run it once; a command that fails is no measurement."""
    start = time.perf_counter()
    with subprocess.Popen(command.line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode not in command.codes:
        raise SystemExit(f"{' '.join(command.line[:6])} ... ends with {process.returncode}: {told.decode()[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


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
