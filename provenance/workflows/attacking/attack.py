"""Attack a policy: mutate real evidence and a copy of the model, and say what the policy still passes.

A mutation is harmful where the policy passes a model that was changed, or where the Verifier believes a bundle that
nobody believed has signed. A removal is harmful where it improves the answer. Everything else that still passes is told
too: that nothing the policy asks rests on a bundle is worth knowing. The number of attempts and the time are bounded.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import provenance
from provenance import cards
from provenance.artifacts.hashing import Wanted
from provenance.artifacts.manifest import Manifest, scan
from provenance.bundles.store import FOLDER_SUFFIX, EvidenceFile
from provenance.bundles.trust import Trust, read_trust, timestamp
from provenance.bundles.verifier import Verifier
from provenance.errors import ProvenanceError, UsageError
from provenance.policy import waivers
from provenance.policy.evaluate import Evaluation, Subject
from provenance.policy.policy import LADDER, NONE_SET, Policy, load_policy
from provenance.workflows.attacking.mutations import Files, Mutation, on_evidence, on_model
from provenance.workflows.gathering import examine, gather, trees_named
from provenance.workflows.handed_in import refuse_from_model
from provenance.workflows.verify import declarations

MAX_MODEL = 256 << 20  # larger models are not copied


@dataclass(frozen=True)
class _Answer:
    """What the policy says: its result, the requirements that pass, the height of the rung, and who is believed."""

    result: str
    passed: bool
    requirements: frozenset[str]
    rung: int
    believed: frozenset[str]

    def is_better_than(self, other: _Answer) -> bool:
        """Whether more is shown: the policy passes and did not, or the rung is higher."""
        return (self.passed and not other.passed) or self.rung > other.rung


REFUSED = _Answer("refused", passed=False, requirements=frozenset(), rung=0, believed=frozenset())


@dataclass(frozen=True)
class _Judge:
    policy: Policy
    rungs: Sequence[Policy]
    trust: Path | None

    def ask(self, model: Manifest, files: Files, as_of: datetime) -> _Answer:
        """The answer; REFUSED where the question cannot be asked, as with a trust file that has expired."""
        try:
            trusted: Trust | None = read_trust(self.trust, as_of) if self.trust else None
            verifier = Verifier(trusted, as_of)
            shown_together = [EvidenceFile(name, data) for name, data in sorted(files.items())]
            examined = {result.file: result for result in examine(verifier, shown_together)}
            declared, _ = declarations(model, verifier)
            told = {result.sha256: result.verified for result in examined.values() if result.verified}
            evaluation = Evaluation(Subject(model, (*told.values(), *declared), trusted, as_of))
            considered = evaluation.waivers(self.policy)
            decisions = waivers.excused(evaluation.decide(self.policy), considered)
            outcome = evaluation.outcome(decisions)
            shown = [evaluation.outcome(evaluation.decide(rung)) == "pass" for rung in self.rungs]
        except ProvenanceError:
            return REFUSED
        height = max((height for height, passes in enumerate(shown, 1) if passes), default=0)
        believed = frozenset(name for name, result in examined.items() if result.status == "VALID" and result.principal)
        passing = frozenset(decision.id for decision in decisions if decision.outcome == "pass")
        return _Answer(outcome, outcome == "pass", passing, height, believed)


def attack(
    policy: str,
    evidence: Sequence[Path],
    *,
    settings: Mapping[str, str] = NONE_SET,
    model: Path,
    trust: Path | None,
    as_of: datetime,
    limit: int = 200,
    out_of_time: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The report (`schemas/policy-attack.schema.json`); UsageError where there is no evidence to attack with."""
    refuse_from_model(model, [policy], trust)
    judge = _Judge(load_policy(policy, settings), [load_policy(name) for name, _ in LADDER], trust)
    verifier = Verifier(read_trust(trust, as_of) if trust else None, as_of)
    gathered = gather(model, evidence, verifier)
    files = {file.name: file.data for file in gathered.files if file.data is not None}
    if not files:
        raise UsageError("usage", "there is no evidence to mutate", location="--evidence", hint="name its folder")
    wanted = Wanted(trees=trees_named(gathered.statements, ()))

    def read(path: Path) -> Manifest:
        return scan(path, exclude=gathered.inside, wanted=wanted, keep=cards.is_card)

    manifest = read(model)
    before = judge.ask(manifest, files, as_of)
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        scratch = Path(folder)
        small = manifest.size <= MAX_MODEL
        mutations = chain(on_model(files, model) if small else (), on_evidence(files, scratch))
        complete = small
        tried: list[dict[str, Any]] = []
        for mutation in mutations:
            if len(tried) == limit or out_of_time():
                complete = False
                break
            at_hand = manifest if mutation.spoil is None else _spoilt(model, mutation, scratch, read)
            moment = _moved(as_of, mutation.years)
            after = judge.ask(at_hand, mutation.files, moment) if at_hand and moment else REFUSED
            tried.append(_row(mutation, before, after))
    return _document(judge.policy, manifest, before, tried, complete=complete, as_of=as_of)


def model_beside(evidence: Path) -> Path:
    """The model whose evidence this is by its name: `MODEL.provenance`; UsageError where it is named otherwise."""
    if not evidence.name.endswith(FOLDER_SUFFIX):
        raise UsageError("usage", "which model the evidence is about cannot be told from its name",
                         location=str(evidence), hint="name it with --model")
    return evidence.with_name(evidence.name.removesuffix(FOLDER_SUFFIX))


def _spoilt(model: Path, mutation: Mutation, scratch: Path, read: Callable[[Path], Manifest]) -> Manifest | None:
    """The manifest of a copy of the model that was changed; None where it can no longer be read."""
    place = scratch / "model"
    place.mkdir()
    copied = place / model.name
    try:
        if model.is_dir():
            shutil.copytree(model, copied, symlinks=True)
        else:
            shutil.copyfile(model, copied)
        assert mutation.spoil is not None  # noqa: S101  the caller looked
        mutation.spoil(copied)
        return replace(read(copied), name=model.name)
    except (ProvenanceError, OSError):
        return None
    finally:
        shutil.rmtree(place)


def _moved(as_of: datetime, years: int) -> datetime | None:
    try:
        return as_of + timedelta(days=366 * years)
    except OverflowError:
        return None


def _row(mutation: Mutation, before: _Answer, after: _Answer) -> dict[str, Any]:
    forged = sorted(after.believed & set(mutation.forged))
    harmful = bool(forged) or (mutation.spoil is not None and after.passed)
    improved = mutation.is_removal and after.is_better_than(before)
    return {
        "kind": mutation.kind, "target": mutation.target, "what": mutation.what, "result": after.result,
        "letThrough": after.passed, "harmful": harmful or improved, "improved": improved,
        "lost": sorted(before.requirements - after.requirements),
    }


def _document(policy: Policy, model: Manifest, before: _Answer, tried: list[dict[str, Any]], *,
              complete: bool, as_of: datetime) -> dict[str, Any]:
    return {
        "schemaVersion": "0.1", "kind": "PolicyAttack",
        "tool": {"name": "open-provenance", "version": provenance.__version__}, "asOf": timestamp(as_of),
        "policy": {"id": policy.id, "version": policy.version, "digest": {"sha256": policy.digest}},
        "model": {"name": model.name, "digest": model.digest, "attacked": model.size <= MAX_MODEL},
        "before": {"result": before.result, "passed": before.passed, "rung": before.rung},
        "complete": complete, "holds": not any(row["harmful"] for row in tried),
        "counts": {"tried": len(tried), "letThrough": sum(row["letThrough"] for row in tried),
                   "harmful": sum(row["harmful"] for row in tried),
                   "removals": sum(row["kind"] == "drop" for row in tried),
                   "improved": sum(row["improved"] for row in tried)},
        "mutations": tried,
    }


def kinds(document: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Each kind of mutation with how often it was tried and how often it was let through."""
    for kind in dict.fromkeys(row["kind"] for row in document["mutations"]):
        rows = [row for row in document["mutations"] if row["kind"] == kind]
        yield kind, len(rows), sum(row["letThrough"] for row in rows)
