"""Where a step ran again, and how that differs from where it was recorded: the first place to look for a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from provenance.statements.step import Step
from provenance.workflows.recorder.interpreter import Interpreter, interpreter_of, program_of
from provenance.workflows.recorder.machine import hardware, system
from provenance.workflows.sandbox import Sandbox, small_environment

# Other members say little of a result: memory, and how many of the cores were free.
_COMPARED = ("processor", "cores", "instructionSets", "accelerators")


def surroundings(step: Step, sandbox: Sandbox | None) -> dict[str, Any]:
    """Platform, hardware, sandbox, and one sentence for each difference from the record."""
    environment = small_environment({})
    interpreter = interpreter_of(program_of(step.command[0], Path("/"), environment), environment)
    platform = {**system(), **({"python": interpreter.version} if interpreter else {})}
    processors = hardware()
    return {
        "platform": platform,
        "hardware": processors,
        "sandbox": sandbox.tool if sandbox else "none",
        "differs": [
            *_members(step.internal.get("platform"), platform, tuple(platform)),
            *_members(step.internal.get("hardware"), processors, _COMPARED),
            *_packages(step, interpreter),
        ],
    }


def _members(recorded: object, here: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(recorded, dict):
        for name in names:
            if name in recorded and recorded[name] != here.get(name):
                yield f"{name}: recorded {recorded[name]}, here {here.get(name, 'unknown')}"


def _packages(step: Step, interpreter: Interpreter | None) -> Iterator[str]:
    rows = [row for item in step.with_role("environment") for row in item.annotations.get("packages", ())]
    then = {row["name"]: row["version"] for row in rows if isinstance(row, dict) and {"name", "version"} <= row.keys()}
    now = dict(interpreter.packages) if interpreter else {}
    for name in sorted(then.keys() & now.keys()):
        if then[name] != now[name]:
            yield f"{name}: recorded {then[name]}, here {now[name]}"
    for name in sorted(then.keys() - now.keys() if interpreter else ()):
        yield f"{name}: recorded {then[name]}, not installed here"
