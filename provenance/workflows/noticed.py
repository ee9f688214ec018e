"""What is worth telling beside a verdict: what is recalled, broken or without effect, claims that do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from provenance import cards
from provenance.artifacts.names import brief
from provenance.bundles.oms import ModelSignature, compare_with
from provenance.bundles.trust import parse_time
from provenance.errors import Finding, TrustError
from provenance.lineage import LineageGraph, step_of
from provenance.policy import assessments, licence_claims, licences
from provenance.policy.evaluate import Evaluation
from provenance.statements.assessment import Assessment
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor


def beside(evaluation: Evaluation) -> Iterator[Finding]:
    """Everything of the kind, as the trusted voices tell it."""
    graph = evaluation.graph("trusted")
    yield from recalled(evaluation)
    yield from _of_lineage(graph)
    yield from _licences(graph)
    yield from _names(graph)
    yield from _ineffective(graph, evaluation.subject.as_of)
    yield from graph.changes


def _licences(graph: LineageGraph) -> Iterator[Finding]:
    """Where the card and the texts beside the model do not say what its releases do."""
    licence, name, link = cards.declared_licence(cards.front_matter_of(graph.model))
    card = licences.normalise(licence, name=name, link=link)
    yield from licence_claims.disagreements(graph.model, graph.releases, card.expression)


def _names(graph: LineageGraph) -> Iterator[Finding]:
    """Producers who may speak of some names only, and vouch for this model by calling it one of those.

    A name is the signer's claim. Only whoever asks knows whether the trust file means this model too.
    """
    here = ResourceDescriptor(graph.model.name, graph.model.digest)
    for statement in (*graph.statements, *graph.unlisted):
        principal, said = statement.principal, statement.statement
        if principal is None or "producer" not in principal.roles:
            continue
        if principal.may_speak_of(said.predicate_type, [here]):
            continue
        claim = statement.claim
        signed = isinstance(claim, ModelSignature) and not compare_with(claim, graph.model)
        if signed or (isinstance(claim, Release) and graph.views_called_anything_by(statement)):
            told = f"{principal.name} calls this model {brief(said.subjects[0].name)}, and may not speak of this name"
            told += "" if graph.may_vouch(statement) else ", of which others may: it counts for nothing"
            yield Finding("subject-named-otherwise", "warning", told, statement.file,
                          "ask whoever keeps the trust file whether this signer is believed about this model")


def recalled(evaluation: Evaluation) -> Iterator[Finding]:
    """What of the model, or behind it, the trust file recalls."""
    for identity, name in evaluation.recalled.items():
        yield Finding("artifact-recalled", "error", f"{name} is recalled by the trust file", str(identity),
                      "do not use it; ask who recalled it")


def _of_lineage(graph: LineageGraph) -> Iterator[Finding]:
    """Where the lineage is broken, or evidence stands beside it."""
    for name in graph.cycles:
        yield Finding("lineage-cycle", "error", f"step {name} depends on its own output", name)
    for use in graph.gaps:
        yield Finding("lineage-gap", "warning", f"{use.thing.name} was used as {use.role}, and nobody attests it",
                      step_of(use.step).name, "attest it: `provenance attest dataset`")
    for join in graph.joins:
        if join.strength == "tensor-root":
            told = f"{join.name} is known by its tensors alone: configuration, tokenizer and template may be others"
            yield Finding("lineage-tensors-only", "warning", told, step_of(join.maker).name,
                          "ask its signer to name the folder, by its dirHash")
    for name, steps in graph.claimed_twice:
        told = f"{len(steps)} steps say that they made {name}, and all count"
        yield Finding("lineage-claimed-twice", "warning", told, ", ".join(steps[:3]), "ask which of them did")
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
    """Assessments that count for nothing."""
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
