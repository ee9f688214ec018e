"""`make bench`: our installed command against the peers, in one run on one machine; writes `docs/benchmarks.md`.

    SIZE=full|quarter|small   how large the workloads are (quarter); the page is written from quarter up
    ROUNDS=N                  how many interleaved rounds the medians are of (5, and 15 for what only starts)
    ONLY=A,G                  some of the workloads, printed and not written
    BENCH_DIR=FOLDER          where the workloads are made, and removed again (the system's folder for such)

    CHECK=1                   end with 1 where what must be reached is not

Needs openssl; a peer that is not installed is named on the page. Where a goal is not reached, the page says by how
much.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from measuring import Sample, medians
from page import page, ratio
from races import GOALS, Command, commands
from workloads import MODELS, SIZES, Place

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
GIB = 1 << 30


def main() -> int:
    """Make the workloads, run the races, write the page."""
    size = os.environ.get("SIZE", "quarter")
    rounds = int(os.environ.get("ROUNDS", "5"))
    only = set(filter(None, os.environ.get("ONLY", "").split(",")))
    if size not in SIZES or rounds < 1 or shutil.which("openssl") is None:
        raise SystemExit(f"SIZE is one of {', '.join(SIZES)}, ROUNDS is 1 or more, and openssl must be installed")
    load = f"{os.getloadavg()[0]:.1f}"
    measured, missing = measure(SIZES[size], rounds, only)
    text = page(measured, machine=_machine(), size=size, rounds=rounds, load=load, missing=missing)
    print(text)
    if not only and size != "small":
        PAGE.write_text(text, encoding="utf-8")
        print(f"wrote {PAGE.relative_to(PAGE.parents[1])}")
    if not os.environ.get("CHECK"):
        return 0
    bare = measured[("G", "python -c pass")].peak if ("G", "python -c pass") in measured else 0.0
    values = [(ratio(goal, measured, bare), goal.must) for goal in GOALS]
    return int(any(value is not None and must is not None and value > must for value, must in values))


def measure(divisor: int, rounds: int, only: set[str]) -> tuple[dict[tuple[str, str], Sample], list[str]]:
    """The medians of every command that is installed, and the names of those that are not."""
    room = shutil.disk_usage(os.environ.get("BENCH_DIR") or tempfile.gettempdir()).free
    if room < 30 * GIB // divisor:
        raise SystemExit(f"the workloads take {25 * GIB // divisor} bytes; set BENCH_DIR to where there is room")
    measured: dict[tuple[str, str], Sample] = {}
    with tempfile.TemporaryDirectory(prefix="open-provenance-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        place = Place(Path(folder), Path(sys.executable).parent, divisor)
        chosen = only or {*MODELS, "E"}
        place.make(chosen)
        every = [command for command in commands(place) if command.workload in chosen]
        there = [command for command in every if is_installed(command)]
        for workload in sorted({command.workload for command in there}):
            print(f"{workload} ...", file=sys.stderr, flush=True)
            mine = [command for command in there if command.workload == workload]
            measured |= medians(mine, max(rounds, 15) if workload == "G" else rounds)
    missing = sorted({Path(command.line[0]).name for command in every} - {Path(one.line[0]).name for one in there})
    return measured, missing


def is_installed(command: Command) -> bool:
    """Whether its program is there; for the peer of workload E, its package."""
    if command.name == "entries, theirs":
        return Path(sys.executable).with_name("model_signing").exists()
    return shutil.which(command.line[0]) is not None


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
