"""Reproduce: recompute what was attested of a model, or make the model again from its record, and compare.

`reproduce` reads the checkpoint and runs nothing. `rerun` runs a recorded command, which is consent to run somebody
else's code: only a producer's trusted step, only when it was allowed, and in a sandbox unless that is spelled out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from provenance.artifacts.hashing import FILES_AND_TENSORS
from provenance.artifacts.manifest import Manifest, scan
from provenance.artifacts.names import problem_with_name
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.trust import TrustSource, read_trust
from provenance.bundles.verifier import VerifiedStatement, Verifier
from provenance.errors import ArtifactError, Finding, RunError
from provenance.files import write_whole
from provenance.lineage import step_of
from provenance.policy.evaluate import Evaluation, Subject
from provenance.statements.artifact import Described, described
from provenance.statements.reproduction import Outcome
from provenance.statements.step import Step
from provenance.workflows import noticed
from provenance.workflows.gathering import Gathered, gather, wanted_by, worth_reading
from provenance.workflows.handed_in import refuse_from_model
from provenance.workflows.phases import Phases, silent
from provenance.workflows.recorder.cleaning import HIDDEN
from provenance.workflows.recorder.running import run
from provenance.workflows.reproducer.attested import about, from_producers, step_that_made, subjects_of
from provenance.workflows.reproducer.comparing import OUTCOMES, Comparison, Difference, absent, compare
from provenance.workflows.reproducer.report import Compared, ReproductionReport
from provenance.workflows.reproducer.restoring import restore
from provenance.workflows.reproducer.surroundings import surroundings
from provenance.workflows.reproducer.values import largest_differences
from provenance.workflows.sandbox import Sandbox, require_sandbox, run_sandboxed, small_environment

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner

__all__ = ["ReproductionReport", "Signed", "reproduce", "rerun", "sign_reproduction"]


@dataclass(frozen=True)
class Signed:
    """A reproduction statement that was written: where, and the sha256 of the bundle."""

    bundle: Path
    sha256: str


def reproduce(
    model: Path, evidence: Sequence[Path], trust: Path | TrustSource, *, as_of: datetime, progress: Phases | None = None
) -> ReproductionReport:
    """Recompute every attested checksum of a model folder or file, as of a time in UTC.

    Evidence defaults to `MODEL.provenance/`. Where no trusted producer speaks of the model the outcome is
    `undetermined`, which is an answer; ProvenanceError only when the question cannot be asked.
    """
    started = _now()
    gathered, manifest, recalled = _read(model, evidence, trust, as_of, progress or silent)
    found = about(from_producers(gathered.trusted), manifest)
    if not found:
        nothing = Finding("evidence-none", "error", "no trusted statement of a producer speaks of this model",
                          manifest.name, "ask the producer for signed evidence, and check the trust file")
        return ReproductionReport("checksums", manifest.name, "undetermined", (), (), started, _now(),
                                  gathered.rejected, (nothing, *recalled))
    best = found[0].comparison
    return ReproductionReport("checksums", manifest.name, best.outcome, found, best.differences, started, _now(),
                              gathered.rejected, recalled)


def rerun(
    model: Path,
    evidence: Sequence[Path],
    trust: Path | TrustSource,
    *,
    as_of: datetime,
    inputs: Sequence[Path],
    allow_execute: bool = False,
    step: str | None = None,
    no_sandbox: bool = False,
    progress: Phases | None = None,
) -> ReproductionReport:
    """Run the recorded step that made the model again, from restored inputs, and compare what it makes.

    `inputs` are folders or files in which the recorded inputs are looked for; `step` is a name, or an evidence file,
    where several steps made the model. The model itself is only read, to tell how far values lie apart. RunError
    `execution-not-allowed`, `step-not-found`, `step-ambiguous`, `command-redacted`, `sandbox-unavailable`,
    `input-missing`. A command that fails makes the outcome `undetermined`.
    """
    if not allow_execute:
        raise RunError("execution-not-allowed", "running a recorded step executes somebody else's code",
                       location=str(model), hint="say --allow-execute if you want that")
    listen = progress or silent
    gathered, manifest, recalled = _read(model, evidence, trust, as_of, listen)
    chosen = step_that_made(from_producers(gathered.trusted), manifest, step)
    recorded = step_of(chosen)
    _refuse_redacted(recorded)
    sandbox = None if no_sandbox else require_sandbox()
    with tempfile.TemporaryDirectory(prefix="provenance-rerun-", ignore_cleanup_errors=True) as folder:
        work = Path(os.path.realpath(folder), "work")
        work.mkdir()
        with listen("Restoring inputs") as (count, total):
            restore(recorded, inputs, work, count, total)
        started = _now()
        code = _execute(recorded, work, sandbox)
        compared = tuple(_hold(thing, chosen, work, model, manifest, listen)
                         for thing in described(recorded.outputs)) if code == 0 else ()
    failed = Finding("command-failed", "error", f"the recorded command ended with {code}", recorded.name,
                     "compare this environment with the recorded one")
    return ReproductionReport(
        "rerun", manifest.name, _worst(compared), compared,
        tuple(difference for item in compared for difference in item.comparison.differences), started, _now(),
        gathered.rejected, (failed, *recalled) if code else recalled, chosen, recorded.name,
        surroundings(recorded, sandbox),
    )


def _worst(compared: Sequence[Compared]) -> Outcome | Literal["undetermined"]:
    return min((item.comparison.outcome for item in compared), key=OUTCOMES.index, default="undetermined")


def sign_reproduction(report: ReproductionReport, signer: Callable[[], AnySigner], output: Path) -> Signed:
    """Sign what was found, whatever it is, about the attested artefact; RunError where nothing was compared."""
    statement = report.to_statement().to_statement()
    data = sign(statement.to_bytes(), signer())
    write_whole(output, data)
    return Signed(output, sha256(data))


def _read(
    model: Path, evidence: Sequence[Path], trust: Path | TrustSource, as_of: datetime, listen: Phases
) -> tuple[Gathered, Manifest, tuple[Finding, ...]]:
    """The evidence, the model as it lies there, and what of it the trust file recalls."""
    refuse_from_model(model, trust=trust)
    believed = read_trust(trust, as_of)
    gathered = gather(model, evidence, Verifier(believed, as_of))
    with listen("Reading the model") as (count, total):
        worth = worth_reading(gathered.statements)
        wanted = wanted_by(gathered.statements, FILES_AND_TENSORS.trees, believed.recalled)
        manifest = scan(model, exclude=gathered.inside, wanted=wanted, progress=count, total=total, may_be_read=worth)
    subject = Subject(manifest, gathered.statements, believed, as_of)
    return gathered, manifest, tuple(noticed.recalled(Evaluation(subject)))


def _refuse_redacted(step: Step) -> None:
    if any(HIDDEN in word for word in step.command):
        raise RunError("command-redacted", "a secret was taken out of the recorded command", location=step.name,
                       hint="a step that can be run again takes secrets from its environment")


def _execute(step: Step, work: Path, sandbox: Sandbox | None) -> int:
    recorded: Mapping[str, Any] = step.internal.get("environment", {})
    environment = {name: value for name, value in recorded.items() if isinstance(value, str)}
    if sandbox is not None:
        return run_sandboxed(step.command, work=work, environment=environment, sandbox=sandbox)
    scratch = work.with_name("scratch")
    scratch.mkdir()
    places = {"HOME": str(scratch), "TMPDIR": str(scratch)}
    ended = run(step.command, folder=work, environment={**small_environment(environment), **places}, stdout=2)
    if "SIGINT" in ended.signals:
        raise KeyboardInterrupt
    return ended.code


def _hold(
    thing: Described, step: VerifiedStatement, work: Path, model: Path, original: Manifest, listen: Phases
) -> Compared:
    """One output held against what was attested of it, with distances where the attested values are at hand."""
    produced = work / thing.name
    comparison = _compare_produced(thing, produced, listen)
    changed = {row.name for row in comparison.differences if row.kind == "tensor"}
    tensors = original.weights.tensors if original.weights else ()
    at_hand = {tensor.name for tensor in tensors if thing.tensors.get(tensor.name) == tensor.head}
    apart = largest_differences(model, produced, sorted(changed & at_hand)) if changed & at_hand else {}
    rows = tuple(_with_distance(row, apart) for row in comparison.differences)
    return Compared(step, f"{step_of(step).kind} step {step_of(step).name}", subjects_of(thing),
                    replace(comparison, differences=rows))


def _compare_produced(thing: Described, produced: Path, listen: Phases) -> Comparison:
    if problem := problem_with_name(thing.name):
        return absent(thing.name, thing, f"the recorded name {problem}")
    # A command could put a link to the attested bytes where it was to make them.
    if os.path.realpath(produced) != str(produced):
        return absent(thing.name, thing, "a symbolic link was made instead of the output")
    try:
        with listen(f"Reading {thing.name}") as (count, total):
            return compare(thing, scan(produced, progress=count, total=total))
    except ArtifactError as err:
        return absent(thing.name, thing, f"the output was not made: {err.message}")


def _with_distance(row: Difference, apart: Mapping[str, float]) -> Difference:
    return replace(row, largest=apart[row.name]) if row.kind == "tensor" and row.name in apart else row


def _now() -> datetime:
    return datetime.now(UTC)
