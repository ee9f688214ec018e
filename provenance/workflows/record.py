"""Record: run a command as one step of a pipeline, and sign what went in, what came out, and how it ran.

1. Refuse what could not be attested afterwards, before a long command runs.
2. Digest every input, and look at code, packages, machine and environment.
3. Run the command. Not 0: its code is the answer, and nothing is signed.
4. Digest every input again, and refuse where one changed; digest the outputs.
5. Only now open the signing key; sign, and write the bundle whole.

The recorder runs as the same user as the command, which could deceive it: SLSA Build L1, and no more.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import provenance
from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.store import SUFFIX, default_folder
from provenance.bundles.trust import timestamp
from provenance.errors import RunError, UsageError
from provenance.files import write_whole
from provenance.statements.artifact import describe
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import KINDS, MODEL_MAKING, ROLES, Step
from provenance.workflows.phases import Phases, silent
from provenance.workflows.recorder import environment as variables
from provenance.workflows.recorder import machine
from provenance.workflows.recorder.cleaning import Cleaned, clean_command, secrets_of
from provenance.workflows.recorder.completeness import Circumstances, sentences
from provenance.workflows.recorder.git import Checkout, checkout_of
from provenance.workflows.recorder.interpreter import Interpreter, interpreter_of, program_of
from provenance.workflows.recorder.places import Place, State, place, require_apart, require_writable, state_of
from provenance.workflows.recorder.running import Ended, run

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "pixi.lock", "conda-lock.yml",
              "requirements.txt")  # fmt: skip
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


@dataclass(frozen=True)
class Recorded:
    """How the command ended (128 + n for signal n) and, where that was 0, the bundle that was written."""

    exit_code: int
    bundle: Path | None = None
    sha256: str = ""
    statement: Statement | None = None

    @property
    def attested(self) -> bool:
        """Whether there is a signed statement."""
        return self.bundle is not None


def record(request: RecordRequest, *, signer: Callable[[], Signer], progress: Phases | None = None) -> Recorded:
    """Run the command and attest it; `signer` is called only after the command has ended with 0.

    UsageError before the command runs; RunError (`command-not-found`, `input-changed`, `output-missing`,
    `output-unchanged`) or ArtifactError where it cannot be attested: then nothing is written.
    """
    listen = progress or silent
    plan = _plan(request)  # 1
    before = _scan_all(plan.inputs, "Reading inputs", listen)  # 2
    seen = _look_around(plan)
    states = {output.name: state_of(output.path) for output in plan.outputs}
    started = _now()
    ended = run([plan.program, *request.command[1:]], folder=plan.folder, environment=plan.environment)  # 3
    finished = _now()
    if ended.code != 0:
        return Recorded(ended.code)
    _refuse_changes(plan.inputs, before, _scan_all(plan.inputs, "Reading inputs again", listen))  # 4
    stale = _refuse_unwritten(plan.outputs, states)
    made = _scan_all(plan.outputs, "Reading outputs", listen)
    circumstances = _circumstances(plan, seen, ended, stale)
    step = Step(
        request.name, request.kind, plan.command.words, _descriptors(plan.outputs, made),
        (*_descriptors(plan.inputs, before), *seen.dependencies()), timestamp(started), timestamp(finished),
        f"urn:uuid:{uuid.uuid4()}", plan.initial, _internal(plan, seen, sentences(circumstances)),
    )  # fmt: skip
    return _write(step, signer, plan.bundle)  # 5


@dataclass(frozen=True)
class _Plan:
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


@dataclass(frozen=True)
class _Seen:
    """What was looked at beside inputs and outputs."""

    checkout: Checkout | None
    interpreter: Interpreter | None

    def dependencies(self) -> tuple[ResourceDescriptor, ...]:
        found = (self.checkout, self.interpreter)
        return tuple(thing.descriptor() for thing in found if thing is not None)


def _plan(request: RecordRequest) -> _Plan:
    if sys.platform != "linux":
        raise RunError("platform-unsupported", "commands are recorded on Linux only", location=sys.platform,
                       hint="run it on Linux, for example in a container")  # fmt: skip
    _check_words(request)
    folder = Path(os.path.abspath(request.folder or Path.cwd()))
    if not folder.is_dir():
        raise RunError("path-not-found", "there is no such working folder", location=str(folder), hint="check the path")
    inputs = _inputs(request, folder)
    outputs = tuple(place(path, folder) for path in request.outputs)
    bundle = folder / (request.bundle or default_folder(outputs[0].path) / f"{request.name}{SUFFIX}")
    require_apart(inputs, outputs, bundle)
    require_writable(bundle)
    environment, secrets = variables.for_command(os.environ), secrets_of(os.environ)
    return _Plan(
        request, folder, inputs, outputs, bundle, program_of(request.command[0], folder, environment), environment,
        variables.recorded(environment, request.environment, folder, secrets),
        clean_command(request.command, folder, secrets), _initial(request),
    )  # fmt: skip


def _check_words(request: RecordRequest) -> None:
    if request.kind not in KINDS:
        raise _usage(f"there is no kind of step {request.kind}", "kind", f"one of {', '.join(KINDS)}")
    if not request.name or "/" in request.name or request.name.startswith("."):
        raise _usage("the step needs a name without slashes", "name", "for example train")
    if not request.command:
        raise _usage("there is no command to run", "command", "give it after --")
    if not request.outputs:
        raise _usage("a step needs an output, of which the statement speaks", "outputs", "name what the command writes")
    for role, path in request.inputs:
        if role not in ROLES:
            raise _usage(f"there is no role {role}", str(path), f"one of {', '.join(sorted(ROLES))}")


def _inputs(request: RecordRequest, folder: Path) -> tuple[Place, ...]:
    """What was declared, and the lock files that lie in the working folder."""
    declared = [*request.inputs, *(("configuration", path) for path in request.configuration)]
    places = [place(path, folder, role) for role, path in declared]
    taken = [os.path.realpath(folder / path) for path in (*(path for _, path in declared), *request.outputs)]
    for name in LOCK_FILES:
        if (folder / name).is_file() and os.path.realpath(folder / name) not in taken:
            places.append(place(Path(name), folder, "lockfile"))
    return tuple(dict.fromkeys(places))


def _initial(request: RecordRequest) -> Mapping[str, Any] | None:
    if request.initial is None:
        return None
    if request.kind not in MODEL_MAKING:
        raise _usage(f"a step of kind {request.kind} makes no model, so it has no initial parameters", "initial",
                     "leave it out")  # fmt: skip
    if request.initial == "base-model":
        if not any(role == "base-model" for role, _ in request.inputs):
            raise _usage("the step begins with a base model, and none is an input", "initial", "add it as base-model=PATH")
        return {"kind": "base-model"}
    seeds = request.seeds
    only = next(iter(seeds.values())) if len(seeds) == 1 else None
    seed = seeds.get("initial", seeds.get("seed", only))
    if seed is None:
        raise _usage("random initial parameters need their seed", "seeds", "give a seed named initial")
    return {"kind": "random", "seed": seed}


def _usage(message: str, location: str, hint: str) -> UsageError:
    return UsageError("usage", message, location=location, hint=hint)


def _scan_all(places: Sequence[Place], doing: str, listen: Phases) -> list[Manifest]:
    manifests = []
    for item in places:
        with listen(f"{doing}: {item.name}") as (progress, total):
            manifests.append(scan(item.path, progress=progress, total=total).require_sound())
    return manifests


def _look_around(plan: _Plan) -> _Seen:
    return _Seen(checkout_of(plan.folder), interpreter_of(plan.program, plan.environment))


def _refuse_changes(inputs: Sequence[Place], before: Sequence[Manifest], after: Sequence[Manifest]) -> None:
    for item, first, second in zip(inputs, before, after, strict=True):
        if first.digest != second.digest:
            old, new = ({entry.path: entry.sha256 for entry in manifest.files} for manifest in (first, second))
            changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
            raise RunError("input-changed", f"the input {item.name} changed while the command ran: {changed[0]}",
                           location=item.name, hint="let nothing write to inputs, and run the command again")  # fmt: skip


def _refuse_unwritten(outputs: Sequence[Place], before: Mapping[str, State]) -> int:
    """How many files of the outputs were there before and were not written; RunError where an output is not new."""
    stale = 0
    for output in outputs:
        after = state_of(output.path)
        if not after:
            raise RunError("output-missing", "the command ended well and did not make this output",
                           location=output.name, hint="check the name against what the command writes")  # fmt: skip
        if after == before[output.name]:
            raise RunError("output-unchanged", "this output was there before, and the command did not write it",
                           location=output.name, hint="remove it and run the command again")  # fmt: skip
        stale += len(after & before[output.name])
    return stale


def _descriptors(places: Sequence[Place], manifests: Sequence[Manifest]) -> tuple[ResourceDescriptor, ...]:
    return tuple(
        replace(part, annotations={**part.annotations, "role": item.role}) if item.role else part
        for item, manifest in zip(places, manifests, strict=True)
        for part in describe(manifest, item.name)
    )


def _internal(plan: _Plan, seen: _Seen, completeness: Sequence[str]) -> dict[str, Any]:
    request, processors = plan.request, machine.hardware()
    python = {"python": seen.interpreter.version} if seen.interpreter else {}
    threads = {name: value for name, value in plan.recorded_environment.items() if name.endswith("_THREADS")}
    facts: dict[str, Any] = {
        "recorder": {"name": "open-provenance", "version": provenance.__version__},
        "environment": dict(plan.recorded_environment),
        "platform": {**machine.system(), **python},
        "hardware": processors,
        "threads": {"usableCores": processors["usableCores"], **threads},
        "seeds": dict(request.seeds),
        "scheduler": variables.scheduler(plan.environment),
        "declared": {"jurisdiction": request.jurisdiction, "region": request.region, "energy": request.energy},
        "completeness": list(completeness),
    }
    facts["declared"] = {name: value for name, value in facts["declared"].items() if value}
    return {name: value for name, value in facts.items() if value}


def _circumstances(plan: _Plan, seen: _Seen, ended: Ended, stale: int) -> Circumstances:
    return Circumstances(
        has_checkout=seen.checkout is not None,
        has_lock_file=any(item.role == "lockfile" for item in plan.inputs),
        has_packages=seen.interpreter is not None,
        is_silent_about_start=plan.request.kind in MODEL_MAKING and plan.initial is None,
        hidden_secrets=plan.command.hidden,
        shortened_paths=plan.command.shortened,
        outside=tuple(item.name for item in (*plan.inputs, *plan.outputs) if not item.inside),
        stale_files=stale,
        signals=ended.signals,
    )


def _write(step: Step, signer: Callable[[], Signer], bundle: Path) -> Recorded:
    statement = step.to_statement()
    Step.from_statement(statement, str(bundle))  # what we write is what we read
    data = sign(statement.to_bytes(), signer())
    write_whole(bundle, data)
    return Recorded(0, bundle, sha256(data), statement)


def _now() -> datetime:
    return datetime.now(UTC)
