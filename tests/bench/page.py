"""The page `docs/benchmarks.md`: goals with their ratios, what has no race, what the profile shows, all figures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from goals import GOALS, MEMORY_AIM, MEMORY_MUST, Goal
from measuring import Sample

Key = tuple[str, str]
HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. {machine}; size `{size}`; medians of {rounds} interleaved rounds ({starts} of G)
of whole processes, page cache warm. The load of the machine was {before} when the run began, and {after} when it
ended, its own included. Only the ratios carry over to another machine.

`tests/bench/workloads.py` says what the workloads are, `tests/bench/races.py` what is called. F and P are timed inside
their processes: F when the process loads for the second time, into memory that it has touched, on at most two cores; P
is the evaluation alone. In H the peers run one after the other, and in-toto-run reads the inputs of the step as well.
`dvc add` hashes without the copy into its cache; `hf cache verify` asks a Hub on this machine.

The tree of tensors that `verify` computes is the one that the evidence speaks of. In A, and in H but for the row that
says so, it speaks of files, and a verdict then computes the BLAKE3 twin beside their sha256, which is never left out:
what is held to the goal of sha256 alone does more than that. Evidence that names the SHA-256 tree has every byte hashed
by SHA-256 twice. The memory for a bundle of 100,000 resources is how much its process grows in resident memory, the
bytes of the bundle included.

## Goals

Ours / theirs; lower is better. The goal is for the ratio of the clock, unless it names another; the ratio of CPU time
beside it is what a busy machine, which gives two threads less than two cores, distorts least. A row without a goal is
only shown.

| what | ours | theirs | ratio | CPU | must | aim | |
|---|---|---|---:|---:|---:|---:|---|
"""
PROFILE = """
## What the profile shows

Our command of each goal that is not met, run once more and looked at in every millisecond of CPU time: how many cores
were busy, the kernel's share of the time, switches between threads, faults of pages, and the functions of ours (and
whose code they called) in which the CPU time of all threads was spent; for a goal of memory, in which it grew. Of F and
P the counters are of the whole process, the functions of what is timed. Code that keeps the interpreter's lock counts
for where it next gives it up.

| goal | command | cores | kernel | switches | faults | where |
|---|---|---:|---:|---:|---:|---|
"""
COMMANDS = """
## Figures

Peak memory is above a bare interpreter ({bare:.0f} MiB), in MiB.

| workload | command | wall, s | CPU, s | peak, MiB |
|---|---|---:|---:|---:|
"""


@dataclass(frozen=True)
class Run:
    """What a run measured, of what, and on which machine.

    `bare`: the memory of an interpreter that does nothing, in MiB. `ours`: the commands whose memory has a goal.
    """

    measured: Mapping[Key, Sample]
    bare: float
    ours: Collection[Key]
    missing: Sequence[str]
    machine: str
    size: str
    rounds: int
    starts: int
    before: str
    after: str

    def ratio(self, goal: Goal) -> float | None:
        """Ours by theirs; None where one of them was not measured."""
        ours, theirs = self.measured.get((goal.workload, goal.ours)), self.measured.get((goal.workload, goal.theirs))
        if ours is None or theirs is None:
            return None
        if goal.measure == "peak":
            return (ours.peak - self.bare) / (theirs.peak - self.bare)
        return float(getattr(ours, goal.measure) / getattr(theirs, goal.measure))

    def not_met(self) -> list[Goal]:
        """The goals whose ratio is more than it must be, or, where nothing must be, than it should be."""
        ratios = [(goal, self.ratio(goal)) for goal in GOALS]
        return [goal for goal, value in ratios if value is not None and is_missed(value, goal.must, goal.aim)]

    def worst_memory(self) -> tuple[Key, float] | None:
        """The command of ours that holds most, and how much above a bare interpreter."""
        peaks = {key: sample.peak - self.bare for key, sample in self.measured.items() if key in self.ours}
        return max(peaks.items(), key=lambda item: item[1]) if peaks else None


def is_missed(value: float, must: float | None, aim: float | None) -> bool:
    """Whether a figure is worse than it must be; where only an aim is set, than that."""
    limit = aim if must is None else must
    return limit is not None and value > limit


def word(value: float, must: float | None, aim: float | None) -> str:
    """Whether a figure is as good as it should be, as it must be, or by how much it is not."""
    if must is None and aim is None:
        return ""
    if is_missed(value, must, aim):
        limit, name = (aim, "the aim") if must is None else (must, "what it must be")
        return f"**not met**: {value / (limit or 1):.2f} times {name}"
    return "aim met" if aim is not None and value <= aim else "met"


def page(run: Run, profile: Callable[[Goal], str]) -> str:
    """The whole page; `profile` gives the row of a goal that is not met."""
    lines = [HEAD.format(**vars(run)).rstrip("\n")]
    lines += [line for goal in GOALS for line in _goal(run, goal)]
    lines += [_memory(*worst) for worst in (run.worst_memory(),) if worst]
    if run.missing:
        lines += ["", "Not measured:", "", *(f"- {what}: not installed" for what in run.missing)]
    missed = run.not_met()
    if missed:
        lines.append(PROFILE.rstrip("\n"))
        lines += [profile(goal) for goal in missed]
    lines.append(COMMANDS.format(bare=run.bare).rstrip("\n"))
    lines += [f"| {workload} | {name} | {one.wall:.4g} | {one.cpu:.4g} | {max(0.0, one.peak - run.bare):.0f} |"
              for (workload, name), one in run.measured.items()]
    return "\n".join(lines) + "\n"


def _goal(run: Run, goal: Goal) -> list[str]:
    value, cpu = run.ratio(goal), run.ratio(replace(goal, measure="cpu"))
    if value is None:
        return []
    cells = (goal.title, goal.ours, goal.theirs, _number(value), _number(cpu), _number(goal.must), _number(goal.aim),
             word(value, goal.must, goal.aim))
    return [f"| {' | '.join(cells)} |"]


def _memory(key: Key, peak: float) -> str:
    return (f"| peak memory of our worst, MiB above a bare interpreter | {key[0]}: {key[1]} | | {peak:.0f} | "
            f"| {MEMORY_MUST} | {MEMORY_AIM} | {word(peak, MEMORY_MUST, MEMORY_AIM)} |")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
