"""The plan of a recording: what was asked for, checked before a long command runs rather than after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from provenance.bundles.store import SUFFIX, default_folder
from provenance.errors import RunError, UsageError
from provenance.statements.step import KINDS, MODEL_MAKING, ROLES
from provenance.workflows.recorder import environment as variables
from provenance.workflows.recorder.cleaning import Cleaned, clean_command, secrets_of
from provenance.workflows.recorder.interpreter import program_of
from provenance.workflows.recorder.places import Place, absolute, place, require_apart, require_writable

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pixi.lock", "conda-lock.yml",
              "requirements.txt")
Initial = Literal["random", "base-model"]


@dataclass(frozen=True)
class RecordRequest:
    """One step to run and to record. Relative paths are relative to `folder`, in which the command runs.

    `inputs` are pairs of role (`statements.step.ROLES`) and path. `initial` says where a step that makes a model began:
    `random` needs a seed named `initial` or `seed`, or exactly one; `base-model` needs an input of that role.
    `environment` names variables to record beyond the allow-list. `bundle` is `OUTPUT.provenance/NAME.sigstore.json`
    beside the first output unless named. `folder` is the current one unless named.
    """

    name: str
    kind: str
    command: tuple[str, ...]
    inputs: tuple[tuple[str, Path], ...]
    outputs: tuple[Path, ...]
    bundle: Path | None = None
    configuration: tuple[Path, ...] = ()
    initial: Initial | None = None
    seeds: Mapping[str, int | str] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    folder: Path | None = None
    jurisdiction: str | None = None
    region: str | None = None
    energy: str | None = None
    operator: str | None = None
    accelerator_hours: str | None = None

    @property
    def declared(self) -> dict[str, str]:
        """What the user states of the run, and nobody measured."""
        told = {"jurisdiction": self.jurisdiction, "region": self.region, "operator": self.operator,
                "energy": self.energy, "acceleratorHours": self.accelerator_hours}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True)
class Plan:
    """A request that was found to be one that can be attested."""

    request: RecordRequest
    folder: Path
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    bundle: Path
    program: str
    environment: Mapping[str, str]
    recorded_environment: Mapping[str, str]
    command: Cleaned
    initial: Mapping[str, Any] | None


def plan_of(request: RecordRequest) -> Plan:
    """Check a request and settle what it means; UsageError or RunError for one that could not be attested."""
    if sys.platform != "linux":
        raise RunError("platform-unsupported", "commands are recorded on Linux only", location=sys.platform,
                       hint="run it on Linux, for example in a container")
    _check_words(request)
    folder = absolute(request.folder or Path.cwd())
    if not folder.is_dir():
        raise RunError("path-not-found", "there is no such working folder", location=str(folder), hint="check the path")
    inputs = _inputs(request, folder)
    outputs = tuple(place(path, folder) for path in request.outputs)
    bundle = folder / (request.bundle or default_folder(outputs[0].path) / f"{request.name}{SUFFIX}")
    require_apart(inputs, outputs, bundle)
    require_writable(bundle)
    environment, secrets = variables.for_command(os.environ), secrets_of(os.environ)
    return Plan(
        request, folder, inputs, outputs, bundle, program_of(request.command[0], folder, environment), environment,
        variables.recorded(environment, request.environment, folder, secrets),
        clean_command(request.command, folder, secrets), _initial(request),
    )


def _check_words(request: RecordRequest) -> None:
    if request.kind not in KINDS:
        raise _usage(f"there is no kind of step {request.kind}", "kind", f"one of {', '.join(KINDS)}")
    if not request.name or "/" in request.name or request.name.startswith("."):
        raise _usage("the step needs a name without slashes", "--step", "for example train")
    if not request.command:
        raise _usage("there is no command to run", "command", "give it after --")
    if not request.outputs:
        raise _usage("a step needs an output, of which the statement speaks", "outputs", "name what the command writes")
    declared = request.declared.values()
    if not all(_can_be_written(value) for value in (request.name, *declared, *request.seeds, *request.seeds.values())):
        raise _usage("a value is no UTF-8, or has more than 64 bits", "name, seeds", "write it differently")
    for role, path in request.inputs:
        if role not in ROLES:
            raise _usage(f"there is no role {role}", str(path), f"one of {', '.join(sorted(ROLES))}")


def _can_be_written(value: int | str | None) -> bool:
    """Whether every reader of JSON reads it as it is."""
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return value is None or abs(value) < 1 << 63


def _inputs(request: RecordRequest, folder: Path) -> tuple[Place, ...]:
    """What was declared, and the lock files that lie in the working folder."""
    declared = [*request.inputs, *(("configuration", path) for path in request.configuration)]
    places = [place(path, folder, role) for role, path in declared]
    taken = [os.path.realpath(folder / path) for path in (*(path for _, path in declared), *request.outputs)]
    found = [place(Path(name), folder, "lockfile") for name in LOCK_FILES
             if (folder / name).is_file() and os.path.realpath(folder / name) not in taken]
    return tuple(dict.fromkeys([*places, *found]))


def _initial(request: RecordRequest) -> Mapping[str, Any] | None:
    if request.initial is None:
        return None
    if request.kind not in MODEL_MAKING:
        raise _usage(f"a step of kind {request.kind} makes no model, so it has no initial parameters", "initial",
                     "leave it out")
    if request.initial == "base-model":
        if not any(role == "base-model" for role, _ in request.inputs):
            raise _usage("the step begins with a base model, and none is an input", "initial", "add base-model=PATH")
        return {"kind": "base-model"}
    seeds = request.seeds
    only = next(iter(seeds.values())) if len(seeds) == 1 else None
    seed = seeds.get("initial", seeds.get("seed", only))
    if seed is None:
        raise _usage("random initial parameters need their seed", "seeds", "give a seed named initial")
    return {"kind": "random", "seed": seed}


def _usage(message: str, location: str, hint: str) -> UsageError:
    return UsageError("usage", message, location=location, hint=hint)
