"""The page `docs/benchmarks.md`: each goal with its ratio, each command with its figures, and what was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from measuring import Sample
from races import GOALS, MEMORY_AIM, MEMORY_MUST, UNMEASURED, Goal

Measured = Mapping[tuple[str, str], Sample]
HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. {machine}; size `{size}`; medians of {rounds} interleaved rounds (15 of G) of
whole processes, page cache warm. Only the ratios carry over to another machine. `tests/bench/workloads.py` says what
the workloads are; "no goal" is for what is only shown.

## Goals

Ours / theirs; lower is better. The goal is for the ratio of the clock, unless it names another; the ratio of CPU time
beside it is what a busy machine, which gives two threads less than two cores, hides least. The load of the machine when
the run began was {load}.

| what | theirs is | ratio | CPU | must | aim | |
|---|---|---:|---:|---:|---:|---|
"""
COMMANDS = """
## Figures

Peak memory is above a bare interpreter ({bare:.0f} MiB), in MiB.

| workload | command | wall, s | CPU, s | peak, MiB |
|---|---|---:|---:|---:|
"""


def ratio(goal: Goal, measured: Measured, bare: float) -> float | None:
    """Ours by theirs; None where one of them was not measured."""
    ours, theirs = measured.get((goal.workload, goal.ours)), measured.get((goal.workload, goal.theirs))
    if ours is None or theirs is None:
        return None
    if goal.measure == "peak":
        return (ours.peak - bare) / (theirs.peak - bare)
    return float(getattr(ours, goal.measure) / getattr(theirs, goal.measure))


def word(value: float, must: float | None, aim: float | None) -> str:
    """Whether a figure is as good as it should be, as it must be, or not."""
    if aim is not None and value <= aim:
        return "better than the aim"
    if must is not None:
        return "met" if value <= must else f"**not met**: {value / must:.2f} times what it must be"
    return f"**not met**: {value / aim:.2f} times the aim" if aim is not None else "no goal"


def page(measured: Measured, *, machine: str, size: str, rounds: int, load: str,
         missing: list[str]) -> str:
    """The whole page."""
    bare = measured[("G", "python -c pass")].peak if ("G", "python -c pass") in measured else 0.0
    lines = [HEAD.format(machine=machine, size=size, rounds=rounds, load=load).rstrip("\n")]
    for goal in GOALS:
        value = ratio(goal, measured, bare)
        if value is not None:
            cpu = ratio(replace(goal, measure="cpu"), measured, bare)
            lines.append(f"| {goal.title} | {goal.theirs} | {value:.2f} | {_number(cpu)} | {_number(goal.must)} "
                         f"| {_number(goal.aim)} | {word(value, goal.must, goal.aim)} |")
    ours = {key: sample.peak - bare for key, sample in measured.items() if _is_ours(key)}
    if ours:
        where = max(ours, key=lambda key: ours[key])
        lines.append(f"| peak memory of our worst, MiB | ({where[0]}: {where[1]}) | {ours[where]:.0f} | "
                     f"| {MEMORY_MUST} | {MEMORY_AIM} | {word(ours[where], MEMORY_MUST, MEMORY_AIM)} |")
    lines += ["", "Not measured:", ""]
    lines += [f"- {what}: {why}" for what, why in UNMEASURED.items()]
    lines += [f"- {what}: not installed" for what in missing]
    lines.append(COMMANDS.format(bare=bare).rstrip("\n"))
    lines += [f"| {workload} | {name} | {one.wall:.3f} | {one.cpu:.3f} | {max(0.0, one.peak - bare):.0f} |"
              for (workload, name), one in measured.items()]
    return "\n".join(lines) + "\n"


def _is_ours(key: tuple[str, str]) -> bool:
    return key[1].startswith(("provenance", "bundle", "verify", "digest", "entries, ours"))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
