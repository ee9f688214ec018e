"""Verify: a model, its evidence, a trust file and a policy to a verdict, without a network and without a clock.

The order: read evidence and trust, read the model once, examine every bundle, build the graphs, ask the policy, ask
the ladder, and say what was seen. What is returned is the verdict document (`schemas/verdict.schema.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import provenance
from provenance import cards
from provenance.artifacts.crew import Progress
from provenance.artifacts.manifest import Manifest, scan
from provenance.artifacts.names import brief_tree
from provenance.bundles.store import EvidenceFile
from provenance.bundles.trust import Principal, Trust, TrustSource, parse_time, read_trust, timestamp
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.errors import Finding, PolicyError, TrustError
from provenance.lineage import LineageGraph, step_of
from provenance.policy import assessments, licence_claims, licences, waivers
from provenance.policy import policy as policies
from provenance.policy.coverage import findings as coverage_findings
from provenance.policy.evaluate import Evaluation, Rung, Subject
from provenance.policy.lineage_document import lineage_document
from provenance.policy.verdict import Decision
from provenance.statements.assessment import Assessment
from provenance.statements.release import Release
from provenance.statements.step import Step
from provenance.statements.waiver import Waiver
from provenance.workflows import noticed
from provenance.workflows.declared import NOTHING_READ, Reading, read_all
from provenance.workflows.gathering import gather, trees_named, wanted_by, worth_reading

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


def verify(
    model: Path,
    policy: str,
    *,
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
    judged are also written there. `documents` are declared ones (`declared/`), read beside the model's card.
    ProvenanceError when the question cannot be asked; a model that falls short is an
    answer, not an error.
    """
    if policies.is_file(policy) and Path(policy).resolve().is_relative_to(model.resolve()):
        raise PolicyError("policy-invalid", "the policy lies in the model that it is to judge", location=policy,
                          hint="give a policy that you keep, not one that came with the model")
    chosen = policies.load_policy(policy)
    place = TrustSource.of(trust).path if trust is not None else None
    if place is not None and place.resolve().is_relative_to(model.resolve()):
        # Whoever made the model would say whom to believe about it.
        raise TrustError("trust-invalid", "the trust file lies in the model that it is to judge", location=str(place),
                         hint="give a trust file that you keep, not one that came with the model")
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
    declared, seen = declarations(manifest, verifier, reading)
    subject = Subject(manifest, (*gathered.statements, *declared), trusted, as_of)
    document = _document(subject, chosen, gathered.examined, seen, now)
    return Verification(document, manifest, gathered.files, chosen)


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


def _document(
    subject: Subject, policy: policies.Policy, examined: Sequence[Examined], findings: Sequence[Finding], now: datetime
) -> dict[str, Any]:
    evaluation = Evaluation(subject)
    considered = evaluation.waivers(policy)
    decisions = waivers.excused(evaluation.decide(policy), considered)
    recalled = list(_recalled(evaluation))
    outcome = evaluation.outcome(decisions)
    passed = outcome == "pass" and evaluation.coverage.complete
    if outcome == "pass" and not passed:
        outcome = "undetermined"
    ladder = evaluation.ladder()
    past = subject.as_of < now
    seen = [*subject.model.findings, *findings, *recalled, *_lineage_findings(evaluation.graph("trusted")),
            *noticed.licences_told(evaluation.graph("trusted")), *noticed.names_told(evaluation.graph("trusted")),
            *_ineffective(evaluation.graph("trusted"), subject.as_of),
            *evaluation.graph("trusted").changes, *coverage_findings(evaluation.coverage),
            *_other_than_now(subject.as_of, now)]
    graph = evaluation.graph("unsigned")
    used = {digest for decision in decisions for digest in decision.to_dict()["evidence"]}
    told = {
        "schemaVersion": "0.1", "kind": "Verdict",
        "tool": {"name": "open-provenance", "version": provenance.__version__},
        "asOf": timestamp(subject.as_of), "asOfInThePast": past,
        "model": _model(subject.model),
        "policy": {"id": policy.id, "version": policy.version, "title": policy.title, "source": policy.source,
                   "digest": {"sha256": policy.digest}},
        "trust": _trust(subject.trust),
        "result": outcome, "passed": passed,
        # A waiver shows nothing: beside it, all that was there to judge may be unsigned.
        "informational": not any(s.principal and not isinstance(s.claim, Waiver) for s in subject.statements),
        "ladder": _ladder(ladder),
        "counts": _counts(decisions),
        "requirements": _requirements(decisions, evaluation.decide(policy, declared=True)),
        "waivers": waivers.listed(considered, examined, decisions),
        "findings": [finding.to_dict() for finding in dict.fromkeys(seen)],
        "openPoints": _open_points(decisions),
        "next": _next(evaluation, decisions, ladder, policy),
        "lineage": lineage_document(graph, subject.statements),
        "evidence": [_evidence(result, used) for result in examined],
        "limits": list(LIMITS),
    }
    # Of coverage nothing is cut: it says by their names which files an admitted copy does without.
    return {**brief_tree(told, LONGEST_TEXT), "coverage": evaluation.coverage.to_dict()}


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


def _next(
    evaluation: Evaluation, decisions: Sequence[Decision], ladder: Sequence[Rung], policy: policies.Policy
) -> list[dict[str, str]]:
    """The fewest things to do to pass the policy, or, where it is passed, to reach the next rung.

    Requirements with one remedy are one thing to do: a recorded training step answers several.
    """
    changes = evaluation.graph("trusted").changes
    if changes:  # everything else is undetermined because of it, and nobody needs to publish anything
        return [{"requirement": "W-1", "towards": policy.id,
                 "remedy": f"Do not use it; get {changes[0].location} again from the producer"}]
    towards, open_decisions = policy.id, [d for d in decisions if d.is_open]
    if not open_decisions:
        rung = next((rung for rung in ladder if rung.shown != "pass"), None)
        if rung is None:
            return []
        towards = rung.policy
        asked = evaluation.decide(policies.load_policy(rung.policy))
        open_decisions = [d for d in asked if d.is_open]
    grouped: dict[str, list[str]] = {}
    for decision in open_decisions:
        grouped.setdefault(decision.remedy, []).append(decision.id)
    return [{"requirement": ", ".join(ids), "remedy": remedy, "towards": towards} for remedy, ids in grouped.items()]


def _recalled(evaluation: Evaluation) -> Iterator[Finding]:
    for identity, name in evaluation.recalled.items():
        yield Finding("artifact-recalled", "error", f"{name} is recalled by the trust file", str(identity),
                      "do not use it; ask who recalled it")


def _lineage_findings(graph: LineageGraph) -> Iterator[Finding]:
    for name in graph.cycles:
        yield Finding("lineage-cycle", "error", f"step {name} depends on its own output", name)
    for use in graph.gaps:
        yield Finding("lineage-gap", "warning", f"{use.thing.name} was used as {use.role}, and nobody attests it",
                      step_of(use.step).name, "attest it: `provenance attest dataset`")
    for statement in graph.unlisted:
        yield Finding("evidence-unlisted", "warning", "the release does not stand on this; it counts for nothing",
                      statement.file, "ask the producer why, or to release again with it")
    for listed in graph.missing_evidence:
        yield Finding("evidence-missing", "error", "the release stands on this evidence, and it is not shown",
                      listed.name, "get the file from the producer")
    for statement in graph.steps:
        step = step_of(statement)
        before = [step_of(maker) for use in graph.uses_of(statement) for maker in graph.made_by(use.identities)]
        started, finished = _moment(step.started_on), _moment(step.finished_on)
        if (step.finished_on and finished < started) or (
            step.started_on and any(started < _moment(maker.finished_on) for maker in before)
        ):
            yield Finding("lineage-time", "warning", f"the times of step {step.name} run backwards", step.name,
                          "ask its signer")


def _ineffective(graph: LineageGraph, as_of: datetime) -> Iterator[Finding]:
    for statement in graph.statements:
        claim = statement.claim
        why = assessments.objection(statement, claim, graph, as_of) if isinstance(claim, Assessment) else ""
        if why:
            told = f"the assessment counts for nothing: {why}"
            yield Finding("assessment-without-effect", "warning", told, statement.file, "ask its signer for a new one")


def _moment(claimed: str) -> datetime:
    """A time of a step; its schema holds it to RFC 3339, and one that is no time all the same is the earliest."""
    try:
        return parse_time(claimed, "")
    except TrustError:
        return datetime.min.replace(tzinfo=UTC)


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
