"""What people sign: an assessment of a model or a dataset, and a waiver of one requirement of one policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.artifacts.crew import Progress
from provenance.artifacts.hashing import FILES
from provenance.artifacts.manifest import scan
from provenance.bundles.store import default_folder
from provenance.bundles.trust import timestamp
from provenance.errors import ArtifactError, PolicyError, UsageError
from provenance.policy.checks import CATALOGUE
from provenance.policy.policy import NONE_SET, Requirement, load_policy
from provenance.statements.artifact import describe
from provenance.statements.assessment import SCALES, Assessment
from provenance.statements.statement import Statement
from provenance.statements.waiver import Waiver
from provenance.workflows.attest import Attested, listed, written

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@dataclass(frozen=True)
class Opinion:
    """What somebody found: for a requirement or a question, on which grounds, by which method, valid until when."""

    finding: str
    rationale: str
    method: str
    valid_until: datetime
    requirement: str = ""
    question: str = ""


def assess(
    path: Path,
    opinion: Opinion,
    *,
    signer: Callable[[], AnySigner],
    now: datetime,
    evidence: Sequence[Path] = (),
    bundle: Path | None = None,
    progress: Progress | None = None,
) -> Attested:
    """Sign what was found of the model or dataset PATH, after looking at the evidence (by default `PATH.provenance/`).

    Every bundle of the evidence is named by its digest, but for what other people found. The bundle is
    `PATH.provenance/assessment-*.sigstore.json` unless it is named. PolicyError `requirement-unknown`.
    """
    if opinion.requirement and opinion.requirement not in CATALOGUE:
        raise PolicyError("requirement-unknown", f"the catalogue has no requirement {opinion.requirement}",
                          location="--requirement", hint=f"it has {', '.join(CATALOGUE)}")
    scale = _scale_of(opinion.finding)
    _refuse_past(opinion.valid_until, now, "--valid-until")
    looked_at = tuple(item.descriptor for item in listed(evidence, path))
    if not looked_at:
        raise ArtifactError("evidence-none", "there is no evidence that was looked at", location=str(path),
                            hint="name the folder of bundles that you looked at: --evidence DIR")
    manifest = scan(path, wanted=FILES, progress=progress).require_sound()
    claim = Assessment(
        describe(manifest)[:1], scale, opinion.finding, opinion.rationale, opinion.method, looked_at, timestamp(now),
        timestamp(opinion.valid_until), opinion.requirement, opinion.question,
    )
    return _write(claim.to_statement(), signer, bundle, default_folder(path), f"assessment-{opinion.requirement}")


def waive(
    model: Path,
    policy: str,
    requirement: str,
    *,
    settings: Mapping[str, str] = NONE_SET,
    reason: str,
    expires: datetime,
    signer: Callable[[], AnySigner],
    now: datetime,
    measure: str = "",
    bundle: Path | None = None,
    progress: Progress | None = None,
) -> Attested:
    """Sign that one requirement of a policy is gone without for exactly this model, until a time.

    The bundle is `MODEL.provenance/waiver-*.sigstore.json` unless it is named. PolicyError `requirement-unknown` or
    `requirement-not-waivable`. Whether the signer may waive is for the trust file of whoever relies on it.
    """
    chosen = load_policy(policy, settings)
    row = _row(chosen.requirements, requirement, policy)
    if not row.waivable:
        raise PolicyError("requirement-not-waivable", f"{chosen.id} does not let {row.id} be waived", location=policy,
                          hint="only a requirement that says `waivable: true` can be")
    _refuse_past(expires, now, "--expires")
    manifest = scan(model, wanted=FILES, progress=progress).require_sound()
    claim = Waiver(describe(manifest)[:1], chosen.id, chosen.digest, row.id, reason, timestamp(now), timestamp(expires),
                   measure)
    return _write(claim.to_statement(), signer, bundle, default_folder(model), f"waiver-{chosen.id}-{row.id}")


def _row(rows: Sequence[Requirement], requirement: str, policy: str) -> Requirement:
    for row in rows:
        if row.id == requirement:
            return row
    raise PolicyError("requirement-unknown", f"the policy has no requirement {requirement}", location=policy,
                      hint=f"it has {', '.join(row.id for row in rows)}")


def _refuse_past(moment: datetime, now: datetime, option: str) -> None:
    if moment <= now:
        raise UsageError("usage", f"{timestamp(moment)} is past", location=option, hint="name a time to come")


def _scale_of(finding: str) -> str:
    for scale, findings in SCALES.items():
        if finding in findings:
            return scale
    known = ", ".join(each for findings in SCALES.values() for each in findings)
    raise UsageError("usage", f"there is no finding {finding}", location="--finding", hint=f"it is one of {known}")


def _write(
    statement: Statement, signer: Callable[[], AnySigner], bundle: Path | None, folder: Path, name: str
) -> Attested:
    # Two people may speak of one thing: the name holds a part of the digest, so that neither overwrites the other.
    own = f"{name.strip('-').lower()}-{{}}.sigstore.json"
    return written(statement, signer, bundle or (lambda digest: folder / own.format(digest[:8])))
