"""`make bench`: our installed command against the peers, in one run on one machine; writes `docs/benchmarks.md`.

    SIZE=full|quarter|small   how large the workloads are (quarter); the page is written from quarter up
    ROUNDS=N                  how many interleaved rounds the medians are of (5, and 15 for what only starts)
    ONLY=A,G                  some of the workloads, printed and not written
    BENCH_DIR=FOLDER          where the workloads are made, and removed again (the system's folder for such)

    CHECK=1                   end with 1 where what must be reached is not

Needs openssl; a peer that is not installed is named on the page. Where a goal is not reached, the page says by how
much, and what the profile shows.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import peers
from admission import make_evidence
from goals import Goal
from measuring import Sample, medians, started
from page import Run, page
from profiles import row, sampled
from races import Command, commands
from workloads import GIB, SIZES, Place

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def main() -> int:
    """Make the workloads, run the races, write the page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended by whoever, it takes its folder and its Hub along
    size = os.environ.get("SIZE", "quarter")
    rounds = int(os.environ.get("ROUNDS", "5"))
    only = set(filter(None, os.environ.get("ONLY", "").split(",")))
    if size not in SIZES or rounds < 1 or shutil.which("openssl") is None:
        raise SystemExit(f"SIZE is one of {', '.join(SIZES)}, ROUNDS is 1 or more, and openssl must be installed")
    room = shutil.disk_usage(os.environ.get("BENCH_DIR") or tempfile.gettempdir()).free
    if room < 40 * GIB // SIZES[size]:
        raise SystemExit(f"the workloads take {40 * GIB // SIZES[size]} bytes; set BENCH_DIR to where there is room")
    with tempfile.TemporaryDirectory(prefix="open-provenance-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        run, text = race(Place(Path(folder), Path(sys.executable).parent, SIZES[size]), size, rounds, only)
    print(text)
    if not only and size != "small":
        PAGE.write_text(text, encoding="utf-8")
        print(f"wrote {PAGE.relative_to(PAGE.parents[1])}")
    return int(bool(os.environ.get("CHECK")) and any(goal.must is not None for goal in run.not_met()))


def race(place: Place, size: str, rounds: int, only: set[str]) -> tuple[Run, str]:
    """Make what the chosen workloads need, run every command that is installed, and write the page of it."""
    before, starts, bare = load(), max(rounds, 15), started([sys.executable, "-c", "pass"], os.environ)[-1]
    models = prepare(place, only)
    every = [command for command in commands(place) if not only or command.workload in only]
    lacks = {command.key: lacking(command, place) for command in every}
    there = [command for command in every if not lacks[command.key]]
    measured: dict[tuple[str, str], Sample] = {}
    with peers.hub_beside(place, models) as hub:
        environment = {**os.environ, **peers.environment(place, hub)}
        # A checkout would be compiled again by every process, as no installation is.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for workload in dict.fromkeys(command.workload for command in there):
            _say(workload)
            mine = [command for command in there if command.workload == workload]
            measured |= medians(mine, starts if workload == "G" else rounds, environment)
        run = Run(measured, bare, ours={command.key for command in there if command.is_ours},
                  missing=sorted({name for names in lacks.values() for name in names}), machine=machine(), size=size,
                  rounds=rounds, starts=starts, before=before, after=load())
        return run, page(run, Profiler(place, there, environment))


def prepare(place: Place, only: set[str]) -> set[str]:
    """Make the models that the chosen workloads need, and what lies beside them."""
    _say("making the workloads")
    chosen = only or {command.workload for command in commands(place)}
    beside = {"D10": {"D"}, "H": {"A"}}  # what is timed beside, and what is admitted
    models = chosen.union(*(beside.get(workload, ()) for workload in chosen))
    place.make(models)
    make_evidence(place, models)
    if shutil.which(place.program("dvc")) and shutil.which("git"):
        peers.make_dvc(place, models)
    return models


class Profiler:
    """Samples our command of a goal when its row is asked for; each command once."""

    def __init__(self, place: Place, there: list[Command], environment: Mapping[str, str]) -> None:
        self._place, self._environment = place, environment
        self._commands = {command.key: command for command in there}
        self._seen: dict[tuple[str, str], dict[str, object] | None] = {}

    def __call__(self, goal: Goal) -> str:
        key = goal.workload, goal.ours
        if key not in self._seen:
            _say(f"profile of {goal.title}")
            self._seen[key] = sampled(self._commands[key], self._place.root / "profile.json", self._environment)
        return row(goal, self._seen[key])


def lacking(command: Command, place: Place) -> list[str]:
    """The programs, here and on the path, and the packages that a command needs and that are not there."""
    programs = [name for name in command.needs if not (shutil.which(place.program(name)) or shutil.which(name))]
    return programs + [name for name in command.packages if find_spec(name) is None]


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def machine() -> str:
    """Its processor, cores and Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _say(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
