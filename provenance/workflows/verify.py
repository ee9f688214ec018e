"""Verify: a model, its evidence, a trust file and a policy to a verdict, without a network and without a clock.

The order: read evidence and trust, read the model once, examine every bundle, build the graphs, ask the policy, ask
the ladder, and say what was seen. What is returned is the verdict document (`schemas/verdict.schema.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import provenance
from provenance import cards
from provenance.artifacts.crew import Progress
from provenance.artifacts.manifest import Manifest, scan
from provenance.artifacts.names import brief_tree
from provenance.bundles.store import EvidenceFile
from provenance.bundles.trust import Principal, Trust, TrustSource, read_trust, timestamp
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.errors import Finding
from provenance.policy import licence_claims, licences, waivers
from provenance.policy import policy as policies
from provenance.policy.coverage import findings as coverage_findings
from provenance.policy.evaluate import Evaluation, Rung, Subject
from provenance.policy.lineage_document import lineage_document
from provenance.policy.remaining import Remaining, next_rung, remaining
from provenance.policy.score import score_document, score_of
from provenance.policy.verdict import Decision
from provenance.statements.assessment import Assessment
from provenance.statements.release import Release
from provenance.statements.step import Step
from provenance.statements.waiver import Waiver
from provenance.workflows import noticed
from provenance.workflows.declared import NOTHING_READ, Reading, beside_a_verdict, read_all
from provenance.workflows.gathering import Gathered, gather, trees_named, wanted_by, worth_reading
from provenance.workflows.handed_in import refuse_from_model

LONGEST_TEXT = 1200  # of evidence, in a verdict: a name of a megabyte would stand in it a dozen times
LIMITS = (
    "Integrity is not truth: a signature shows who says something, not that it is so.",
    "A signed list shows what its signer lists; it does not prove that nothing was left off.",
    "A key-signed statement has only the time that its signer claims.",
    "Licences are compared with published facts about them; this is not legal advice.",
    "What a requirement's title does not name was not examined.",
)


@dataclass(frozen=True)
class Verification:
    """A verdict: the document, and the parts that a registry or another workflow needs."""

    document: Mapping[str, Any]
    model: Manifest
    evidence: tuple[EvidenceFile, ...]
    policy: policies.Policy

    @property
    def passed(self) -> bool:
        """Whether the policy is passed by evidence."""
        return bool(self.document["passed"])


@dataclass(frozen=True)
class Examination:
    """A model with its evidence, examined, and what was seen in its card and the documents beside it."""

    subject: Subject
    gathered: Gathered
    reading: Reading
    findings: tuple[Finding, ...]


def verify(
    model: Path,
    policy: str,
    *,
    settings: Mapping[str, str] = policies.NONE_SET,
    evidence: Sequence[Path] = (),
    trust: Path | TrustSource | None = None,
    as_of: datetime,
    now: datetime,
    progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
    copy_into: Path | None = None,
    documents: Sequence[Path] = (),
) -> Verification:
    """Judge a model folder or file by a policy (id or file) as of a time in UTC.

    `evidence` defaults to `MODEL.provenance/` beside the model, if it is there. With `copy_into` the bytes that are
    judged are also written there. `settings` are values of the policy's parameters. `documents` are declared ones
    (`declared/`), read beside the model's card. ProvenanceError when the question cannot be
    asked; a model that falls short is an answer, not an error.
    """
    refuse_from_model(model, [policy])
    chosen = policies.load_policy(policy, settings)
    seen = examine(model, evidence=evidence, trust=trust, as_of=as_of, progress=progress, total=total,
                   copy_into=copy_into, documents=documents)
    return Verification(_document(seen, chosen, now), seen.subject.model, seen.gathered.files, chosen)


def examine(
    model: Path,
    *,
    evidence: Sequence[Path] = (),
    trust: Path | TrustSource | None = None,
    as_of: datetime,
    progress: Progress | None = None,
    total: Callable[[int], None] | None = None,
    copy_into: Path | None = None,
    documents: Sequence[Path] = (),
) -> Examination:
    """Everything that is known of a model, before any policy is asked; the arguments are those of `verify`."""
    refuse_from_model(model, trust=trust)
    trusted = read_trust(trust, as_of) if trust is not None else None
    verifier = Verifier(trusted, as_of)
    gathered = gather(model, evidence, verifier)
    recalled = trusted.recalled if trusted else frozenset[str]()
    wanted = wanted_by(gathered.statements, trees_named(gathered.statements, recalled), recalled)
    manifest = scan(
        model, exclude=gathered.inside, wanted=wanted, progress=progress, total=total,
        may_be_read=worth_reading(gathered.statements), keep=_is_worth_keeping, copy_into=copy_into,
    )
    reading = read_all(documents)
    declared, findings = declarations(manifest, verifier, reading)
    subject = Subject(manifest, (*gathered.statements, *declared), trusted, as_of)
    return Examination(subject, gathered, reading, tuple(findings))


def _is_worth_keeping(path: str) -> bool:
    return cards.is_card(path) or licence_claims.is_licence_text(path)


def declarations(
    model: Manifest, verifier: Verifier, reading: Reading = NOTHING_READ
) -> tuple[list[VerifiedStatement], list[Finding]]:
    """What the model card and the documents beside it declare, in an unsigned voice, and what was seen in them."""
    licence, name, link = cards.declared_licence(cards.front_matter_of(model))
    read = licences.normalise(licence, name=name, link=link)
    free = licences.category(read.expression, "weights").status == "open"
    beside = reading.statements(verifier)
    said, findings = cards.declarations(model, verifier, read.expression or read.declared or None, free=free,
                                        beside=beside)
    return [*said, *beside], [*findings, *reading.findings()]


def _document(examination: Examination, policy: policies.Policy, now: datetime) -> dict[str, Any]:
    subject, examined, reading = examination.subject, examination.gathered.examined, examination.reading
    evaluation = Evaluation(subject)
    considered = evaluation.waivers(policy)
    decisions = waivers.excused(evaluation.decide(policy), considered)
    said = evaluation.decide(policy, declared=True)
    outcome = evaluation.outcome(decisions)
    ladder = evaluation.ladder
    past = subject.as_of < now
    seen = [*subject.model.findings, *examination.findings, *noticed.beside(evaluation),
            *coverage_findings(evaluation.coverage), *_other_than_now(subject.as_of, now)]
    graph = evaluation.graph("unsigned")
    used = {digest for decision in decisions for digest in decision.to_dict()["evidence"]}
    told = {
        "schemaVersion": "0.1", "kind": "Verdict",
        "tool": {"name": "open-provenance", "version": provenance.__version__},
        "asOf": timestamp(subject.as_of), "asOfInThePast": past,
        "model": _model(subject.model),
        "policy": {"id": policy.id, "version": policy.version, "title": policy.title, "source": policy.source,
                   "digest": {"sha256": policy.digest},
                   **({"parameters": policy.was_set} if policy.was_set else {})},
        "trust": _trust(subject.trust),
        "result": outcome, "passed": outcome == "pass",
        # A waiver shows nothing: beside it, all that was there to judge may be unsigned.
        "informational": not any(s.principal and not isinstance(s.claim, Waiver) for s in subject.statements),
        "ladder": _ladder(ladder),
        **_score(policy, evaluation, decisions, said),
        "counts": _counts(decisions),
        "requirements": _requirements(decisions, said),
        "waivers": waivers.listed(considered, examined, decisions),
        "findings": [finding.to_dict() for finding in dict.fromkeys(seen)],
        "openPoints": _open_points(decisions),
        "next": _next(evaluation, remaining(evaluation, policy, decisions, said), ladder),
        "lineage": lineage_document(graph, subject.statements, reading.read),
        **({"declared": beside_a_verdict(reading)} if reading.read else {}),
        "evidence": [_evidence(result, used) for result in examined],
        "limits": list(LIMITS),
    }
    # Of coverage nothing is cut: it says by their names which files an admitted copy does without.
    return {**brief_tree(told, LONGEST_TEXT), "coverage": evaluation.coverage.to_dict()}


def _score(policy: policies.Policy, evaluation: Evaluation, decisions: Sequence[Decision],
           declared: Sequence[Decision]) -> dict[str, Any]:
    if not policy.score:
        return {}
    shown = score_of(policy.score, decisions, evaluation.doubt)
    return {"score": score_document(policy.score, shown, score_of(policy.score, declared))}


def _requirements(decisions: Sequence[Decision], declared: Sequence[Decision]) -> list[dict[str, Any]]:
    """The decisions, each with what an unsigned voice declares where the evidence leaves it open."""
    return [
        {**shown.to_dict(), "declares": said.reason if _says_more(shown, said) else ""}
        for shown, said in zip(decisions, declared, strict=True)
    ]


def _says_more(shown: Decision, said: Decision) -> bool:
    return shown.outcome == "undetermined" and said.outcome in ("pass", "fail")


def _model(model: Manifest) -> dict[str, Any]:
    weights = None
    if model.weights is not None:
        weights = {"digest": model.weights.digest, "tensors": len(model.weights.tensors),
                   "parameters": model.weights.parameters}
    return {"name": model.name, "digest": model.digest, "files": len(model.files), "bytes": model.size,
            "weights": weights}


def _trust(trust: Trust | None) -> dict[str, Any] | None:
    if trust is None:
        return None
    return {"digest": {"sha256": trust.digest}, "version": trust.version, "expires": timestamp(trust.expires),
            "principals": len(trust.principals), "root": _root(trust)}


def _root(trust: Trust) -> dict[str, Any] | None:
    """The Sigstore trust root behind the identities of a trust file, and how old it is at most."""
    if trust.trust_root is None:
        return None
    facts = trust.trust_root.facts
    return {"name": facts.name, "digest": {"sha256": facts.digest}, "newest": timestamp(facts.newest)}


def _ladder(ladder: Sequence[Rung]) -> dict[str, Any]:
    def highest(outcomes: Iterable[tuple[str, str]]) -> str | None:
        passed = [name for name, outcome in outcomes if outcome == "pass"]
        return passed[-1] if passed else None

    return {
        "shown": highest((rung.policy, rung.shown) for rung in ladder),
        "declared": highest((rung.policy, rung.declared) for rung in ladder),
        "rungs": [{"policy": r.policy, "label": r.label, "shown": r.shown, "declared": r.declared} for r in ladder],
    }


def _counts(decisions: Sequence[Decision]) -> dict[str, int]:
    names = {"pass": "pass", "fail": "fail", "undetermined": "undetermined", "not_applicable": "notApplicable",
             "waived": "waived"}
    return {name: sum(decision.outcome == outcome for decision in decisions) for outcome, name in names.items()}


def _open_points(decisions: Sequence[Decision]) -> list[str]:
    """At most three: failures first, then what is undetermined, in the policy's order."""
    ranked = sorted((d for d in decisions if d.is_open), key=lambda decision: decision.outcome != "fail")
    return [f"{decision.id} {decision.title}: {decision.reason}" for decision in ranked[:3]]


def _next(evaluation: Evaluation, left: Remaining, ladder: Sequence[Rung]) -> list[dict[str, Any]]:
    """What remains towards the policy, or, where it is passed, towards the next rung."""
    if not left.tasks and not left.blockers:
        rung = next_rung(ladder)
        if rung is None:
            return []
        left = remaining(evaluation, policies.load_policy(rung.policy))
    return [
        *({"requirement": ", ".join(blocker.requirements), "remedy": blocker.told, "towards": left.towards,
           "blocks": True} for blocker in left.blockers),
        *({"requirement": ", ".join(task.requirements), "remedy": task.sentence, "towards": left.towards}
          for task in left.tasks),
    ]


def _other_than_now(as_of: datetime, now: datetime) -> list[Finding]:
    """A time that was asked for: in the past nobody has expired yet, and in the future everybody has begun."""
    if as_of == now:
        return []
    when = "past" if as_of < now else "future"
    return [Finding(f"as-of-in-the-{when}", "warning", f"this verdict is as of a time in the {when}", "--as-of",
                    "leave --as-of out to judge as of now")]


def _evidence(result: Examined, used: set[str]) -> dict[str, Any]:
    signers = [_signer(result.principal, result.keyid)] if result.principal is not None or result.keyid else []
    signers += [_signer(principal, keyid) for principal, keyid in result.cosigners]
    claimed = _claimed_time(result.verified)
    time = {"value": claimed, "source": "claimed"} if claimed else None
    if result.proven is not None:
        time = {"value": result.proven[0], "source": result.proven[1]}
    return {
        "file": result.file, "sha256": result.sha256, "status": result.status, "code": result.code,
        "reason": result.reason, "predicateType": result.predicate_type, "subjects": list(result.subjects[:20]),
        "signers": signers, "voice": result.verified.voice if result.verified else "none",
        "used": result.sha256 in used, "time": time,
    }


def _signer(principal: Principal | None, keyid: str) -> dict[str, Any]:
    return {"principal": principal.name if principal else "", "party": principal.party if principal else "",
            "roles": list(principal.roles) if principal else [], "keyid": keyid}


def _claimed_time(verified: VerifiedStatement | None) -> str:
    if verified is None:
        return ""
    claim = verified.claim
    if isinstance(claim, Step):
        return claim.finished_on
    if isinstance(claim, Assessment):
        return claim.assessed_on
    if isinstance(claim, Waiver):
        return claim.approved_on
    return claim.created_on if isinstance(claim, Release) else ""
