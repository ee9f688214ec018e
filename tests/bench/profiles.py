"""What the profile shows: our command of each goal that is not met, sampled once more, as rows of the page."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goals import Goal
from measuring import started
from races import Command
from sampler import IMPORTING
from workloads import HERE

LIMIT = 120.0  # seconds; an interpreter that is looked at while it starts others sometimes stands still
LEAST = 0.05  # of the whole; what takes less is not named


def sampled(command: Command, output: Path, environment: Mapping[str, str]) -> dict[str, Any] | None:
    """What `sampler.py` sees of a command of ours, if it comes to an end; all of them are Python scripts."""
    line = command.line[1:] if command.line[0] == sys.executable else command.line
    part = "timed" if command.measures else "all"
    try:
        started([sys.executable, str(HERE / "sampler.py"), str(output), part, *line], environment, limit=LIMIT)
    except subprocess.TimeoutExpired:
        return None
    seen: dict[str, Any] = json.loads(output.read_text())
    return seen


def row(goal: Goal, seen: Mapping[str, Any] | None) -> str:
    """One row of the table: counters of the kernel, and where the time, or for a goal of memory the growth, is."""
    if seen is None:
        return f"| {goal.title} | {goal.ours} | | | | | nothing was seen: it stood still while it was looked at |"
    cpu = seen["user"] + seen["system"]
    places = seen["grown" if goal.measure == "peak" else "spent"]
    return (f"| {goal.title} | {goal.ours} | {cpu / seen['wall']:.1f} | {seen['system'] / cpu:.0%} "
            f"| {seen['switches']} | {seen['faults']} | {_most(places)} |")


def _most(places: Mapping[str, float]) -> str:
    whole, imports = sum(places.values()), sum(part for name, part in places.items() if name.startswith(IMPORTING))
    if imports < whole / 2:  # else it matters what is imported
        places = {name: part for name, part in places.items() if not name.startswith(IMPORTING)}
        places[f"{IMPORTING}modules"] = imports
    named = sorted(((part / whole, name) for name, part in places.items() if part / whole >= LEAST), reverse=True)
    return ", ".join(f"`{name}` {share:.0%}" for share, name in named[:5]) or "nothing stands out"
