"""Record: run a command as one step of a pipeline, and sign what went in, what came out, and how it ran.

1. Refuse what could not be attested afterwards, before a long command runs.
2. Digest every input, and look at code, packages, machine and environment.
3. Run the command. Not 0: its code is the answer, and nothing is signed.
4. Digest every input again, and refuse where one changed; digest the outputs.
5. Only now open the signing key; sign, and write the bundle whole.

The recorder runs as the same user as the command, which could deceive it: SLSA Build L1, and no more.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import provenance
from provenance.artifacts.hashing import EVERYTHING_SIGNED
from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.trust import timestamp
from provenance.errors import RunError
from provenance.files import write_whole
from provenance.statements.artifact import describe
from provenance.statements.statement import ResourceDescriptor, Statement
from provenance.statements.step import MODEL_MAKING, Step
from provenance.workflows.phases import Phases, silent
from provenance.workflows.recorder import environment as variables
from provenance.workflows.recorder import machine
from provenance.workflows.recorder.completeness import Circumstances, sentences
from provenance.workflows.recorder.git import Checkout, checkout_of
from provenance.workflows.recorder.interpreter import Interpreter, interpreter_of
from provenance.workflows.recorder.places import Place, State, state_of
from provenance.workflows.recorder.plan import Plan, RecordRequest, plan_of
from provenance.workflows.recorder.running import Ended, run

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner

__all__ = ["RecordRequest", "Recorded", "record"]
# Two files of one folder may hold tensors of one name (checkpoints of one training): the folder has a digest all the
# same, and only its weights have none.
_NO_TENSORS = "tensor-duplicate"
_MOST_PARTS = 50_000  # files of one folder that are listed; more would make a bundle that nobody reads


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


def record(request: RecordRequest, *, signer: Callable[[], AnySigner], progress: Phases | None = None) -> Recorded:
    """Run the command and attest it; `signer` is called only after the command has ended with 0.

    UsageError before the command runs; RunError (`command-not-found`, `input-changed`, `output-missing`,
    `output-unchanged`) or ArtifactError where it cannot be attested: then nothing is written.
    """
    listen = progress or silent
    plan = plan_of(request)  # 1
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
    circumstances = _circumstances(plan, seen, ended, stale, [*before, *made])
    step = Step(
        request.name, request.kind, plan.command.words, _descriptors(plan.outputs, made),
        (*_descriptors(plan.inputs, before), *seen.dependencies()), timestamp(started), timestamp(finished),
        f"urn:uuid:{uuid.uuid4()}", plan.initial, _internal(plan, seen, sentences(circumstances)),
    )
    return _write(step, signer, plan.bundle)  # 5


@dataclass(frozen=True)
class _Seen:
    """What was looked at beside inputs and outputs."""

    checkout: Checkout | None
    interpreter: Interpreter | None

    def dependencies(self) -> tuple[ResourceDescriptor, ...]:
        found = (self.checkout, self.interpreter)
        return tuple(thing.descriptor() for thing in found if thing is not None)


def _scan_all(places: Sequence[Place], doing: str, listen: Phases) -> list[Manifest]:
    manifests = []
    for item in places:
        with listen(f"{doing}: {item.name}") as (progress, total):
            manifest = scan(item.path, wanted=EVERYTHING_SIGNED, progress=progress, total=total)
        replace(manifest, findings=tuple(f for f in manifest.findings if f.code != _NO_TENSORS)).require_sound()
        manifests.append(manifest)
    return manifests


def _look_around(plan: Plan) -> _Seen:
    return _Seen(checkout_of(plan.folder), interpreter_of(plan.program, plan.environment))


def _refuse_changes(inputs: Sequence[Place], before: Sequence[Manifest], after: Sequence[Manifest]) -> None:
    for item, first, second in zip(inputs, before, after, strict=True):
        if first.digest != second.digest:
            old, new = ({entry.path: entry.sha256 for entry in manifest.files} for manifest in (first, second))
            changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
            raise RunError("input-changed", f"the input {item.name} changed while the command ran: {changed[0]}",
                           location=item.name, hint="let nothing write to inputs, and run it again")


def _refuse_unwritten(outputs: Sequence[Place], before: Mapping[str, State]) -> int:
    """How many files of the outputs were there before and were not written; RunError where an output is not new."""
    stale = 0
    for output in outputs:
        after = state_of(output.path)
        if not after:
            raise RunError("output-missing", "the command ended well and did not make this output",
                           location=output.name, hint="check the name against what the command writes")
        if after == before[output.name]:
            raise RunError("output-unchanged", "this output was there before, and the command did not write it",
                           location=output.name, hint="remove it and run the command again")
        stale += len(after & before[output.name])
    return stale


def _descriptors(places: Sequence[Place], manifests: Sequence[Manifest]) -> tuple[ResourceDescriptor, ...]:
    return tuple(
        replace(part, annotations={**part.annotations, "role": item.role}) if item.role else part
        for item, manifest in zip(places, manifests, strict=True)
        for part in describe(manifest, item.name)
        if len(manifest.files) <= _MOST_PARTS or part.digest.keys() & {"dirHash", "tensorTree"}
    )


def _internal(plan: Plan, seen: _Seen, completeness: Sequence[str]) -> dict[str, Any]:
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
        "declared": request.declared,
        "completeness": list(completeness),
    }
    return {name: value for name, value in facts.items() if value}


def _circumstances(
    plan: Plan, seen: _Seen, ended: Ended, stale: int, manifests: Sequence[Manifest]
) -> Circumstances:
    return Circumstances(
        has_checkout=seen.checkout is not None,
        has_lock_file=any(item.role == "lockfile" for item in plan.inputs),
        has_packages=seen.interpreter is not None,
        is_silent_about_start=plan.request.kind in MODEL_MAKING and plan.initial is None,
        hidden_secrets=plan.command.hidden,
        shortened_paths=plan.command.shortened,
        outside=tuple(item.name for item in (*plan.inputs, *plan.outputs) if not item.inside),
        without_tensors=tuple(m.name for m in manifests if any(f.code == _NO_TENSORS for f in m.findings)),
        unlisted=tuple(m.name for m in manifests if len(m.files) > _MOST_PARTS),
        stale_files=stale,
        signals=ended.signals,
    )


def _write(step: Step, signer: Callable[[], AnySigner], bundle: Path) -> Recorded:
    payload = step.to_statement().to_bytes()
    statement = Statement.from_bytes(payload, str(bundle))
    Step.from_statement(statement, str(bundle))  # nothing is signed that would not be read again
    data = sign(payload, signer())
    write_whole(bundle, data)
    return Recorded(0, bundle, sha256(data), statement)


def _now() -> datetime:
    return datetime.now(UTC)
