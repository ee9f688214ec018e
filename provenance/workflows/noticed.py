"""What is worth telling beside a verdict, and decides nothing: claims that do not agree, and names that do not fit."""

from __future__ import annotations

from collections.abc import Iterator

from provenance import cards
from provenance.artifacts.names import brief
from provenance.bundles.oms import ModelSignature, compare_with
from provenance.errors import Finding
from provenance.lineage import LineageGraph
from provenance.policy import licence_claims, licences
from provenance.statements.release import Release
from provenance.statements.statement import ResourceDescriptor


def licences_told(graph: LineageGraph) -> Iterator[Finding]:
    """Where the card and the texts beside the model do not say what its releases do."""
    licence, name, link = cards.declared_licence(cards.front_matter_of(graph.model))
    card = licences.normalise(licence, name=name, link=link)
    yield from licence_claims.disagreements(graph.model, graph.releases, card.expression)


def names_told(graph: LineageGraph) -> Iterator[Finding]:
    """Producers who may speak of some names only, and vouch for this model by calling it one of those.

    A name is the signer's claim. Only whoever asks knows whether the trust file means this model too.
    """
    here = ResourceDescriptor(graph.model.name, graph.model.digest)
    for statement in graph.statements:
        principal, said = statement.principal, statement.statement
        if principal is None or "producer" not in principal.roles:
            continue
        if principal.may_speak_of(said.predicate_type, [here]):
            continue
        claim = statement.claim
        signed = isinstance(claim, ModelSignature) and not compare_with(claim, graph.model)
        if signed or (isinstance(claim, Release) and graph.is_about_model(statement)):
            told = f"{principal.name} calls this model {brief(said.subjects[0].name)}, and may not speak of this name"
            yield Finding("subject-named-otherwise", "warning", told, statement.file,
                          "ask whoever keeps the trust file whether this signer is believed about this model")
