"""Start-up, measured beside what it cannot beat: `provenance --help` against `python -c "import click"`.

Whole processes, interleaved so that a busy machine slows both alike, medians of the wall time. Only the ratio
carries over to another machine. Ends with 1 where a ratio is above its ceiling.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROUNDS = max(7, int(os.environ.get("ROUNDS", "15")))


@dataclass(frozen=True)
class Race:
    """Two commands, ours and theirs, and the highest ratio of their medians that is still good."""

    name: str
    ours: list[str]
    theirs: list[str]
    ceiling: float


def races() -> list[Race]:
    """What is measured: the installed command, as a user starts it."""
    command = Path(sys.executable).with_name("provenance")
    import_click = [sys.executable, "-c", "import click"]
    return [Race("provenance --help / import click", [str(command), "--help"], import_click, 2.0)]


def wall(command: list[str]) -> float:
    """Seconds that one run of a command takes; a command that fails is no measurement."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(race: Race) -> tuple[float, float]:
    """The medians of both commands, run in turn; one round before that warms the caches."""
    rounds = [(wall(race.ours), wall(race.theirs)) for _ in range(ROUNDS + 1)][1:]
    ours, theirs = zip(*rounds, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def main() -> int:
    """Print one row a race; 1 where one is above its ceiling."""
    print(f"{'':<40} {'ours':>9} {'theirs':>9} {'ratio':>6} {'ceiling':>8}   medians of {ROUNDS}")
    worst = 0.0
    for race in races():
        ours, theirs = measure(race)
        ratio = ours / theirs
        worst = max(worst, ratio / race.ceiling)
        word = "ok" if ratio <= race.ceiling else "ABOVE"
        print(f"{race.name:<40} {ours * 1000:>6.1f} ms {theirs * 1000:>6.1f} ms {ratio:>6.2f} "
              f"{race.ceiling:>8.2f}   {word}")
    return int(worst > 1)


if __name__ == "__main__":
    sys.exit(main())
