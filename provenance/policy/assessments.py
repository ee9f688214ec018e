"""Assessments as evidence: what a person found, for a requirement that asks a person.

A requirement asks a person where its roles name one. The finding is stated, in the voice of its signer. It settles what
is otherwise undetermined, and never what fails; a bad finding fails whatever else is shown.

Whoever judges must have looked at the release, which lists everything else: else evidence that speaks against the model
could be taken away, and the judgement would stand. With evidence missing that the release lists, nothing is settled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from provenance.artifacts.digest import Identity
from provenance.bundles.trust import parse_time
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import TrustError
from provenance.lineage import LineageGraph
from provenance.policy.verdict import Item, Outcome
from provenance.statements.assessment import SCALES, Assessment
from provenance.statements.statement import all_identities

if TYPE_CHECKING:
    from provenance.policy.checks.base import Context

PERSONS = frozenset({"assessor", "buyer"})
_MEANING: tuple[Outcome, ...] = ("pass", "undetermined", "fail")  # as SCALES orders the findings
_OF_DATASETS = "D-"  # the family of requirements in which a dataset can be assessed by itself


def asks_a_person(roles: Iterable[str]) -> bool:
    """Whether a requirement with these roles takes the judgement of a person."""
    return not PERSONS.isdisjoint(roles)


def assessed(requirement: str, context: Context) -> list[tuple[VerifiedStatement, Item]]:
    """The findings that count for a requirement, each as an item."""
    return [
        (statement, _item(statement, statement.claim, context.graph)) for statement in _by_persons(context)
        if isinstance(statement.claim, Assessment) and statement.claim.requirement == requirement
        and not objection(statement, statement.claim, context.graph, context.as_of)
    ]


def agreed(requirement: str, open_item: Item, context: Context) -> list[Item]:
    """One question within a requirement that else asks no person, with what persons found: it is open until they do."""
    of_persons = replace(context, roles=tuple(sorted(PERSONS)))
    return settled(requirement, [open_item], assessed(requirement, of_persons), of_persons)


def _by_persons(context: Context) -> list[VerifiedStatement]:
    asked = PERSONS & set(context.roles)
    return [statement for statement in context.accepted(context.graph.statements)
            if statement.principal is None or asked & set(statement.principal.roles)]


def objection(statement: VerifiedStatement, claim: Assessment, graph: LineageGraph, as_of: datetime) -> str:
    """Why an assessment counts for nothing here; "" where it counts."""
    if statement.principal is not None and not asks_a_person(statement.principal.roles):
        return f"{statement.principal.name} is neither assessor nor buyer in the trust file"
    try:
        assessed_on, until = parse_time(claim.assessed_on, ""), parse_time(claim.valid_until, "")
    except TrustError:
        return "it bears a time that is none"
    if assessed_on > as_of:
        return f"it is dated {claim.assessed_on}, which is in the future"
    if until <= as_of:
        return f"it was valid until {claim.valid_until}"
    if not graph.is_about_model(statement) and graph.data_identities.isdisjoint(all_identities(claim.subjects)):
        return "it is about neither this model nor data behind it"
    releases = {release.sha256: release.principal for release in graph.releases}
    signed = {digest for digest, principal in releases.items() if principal}
    if claim.looked_at.isdisjoint(releases) or not signed <= claim.looked_at:
        return "whoever made it did not look at the release"
    return ""


def _item(statement: VerifiedStatement, claim: Assessment, graph: LineageGraph) -> Item:
    outcome = _MEANING[SCALES[claim.scale].index(claim.finding)]
    subject = "" if graph.is_about_model(statement) else f"dataset {claim.subjects[0].name}"
    return Item.on([statement], subject, outcome, f"found {claim.finding} by a person: {claim.rationale}")


def settled(
    requirement: str, items: Sequence[Item], found: Sequence[tuple[VerifiedStatement, Item]], context: Context
) -> list[Item]:
    """The items of a requirement, with what persons found: the open ones settled where that is enough."""
    told = [item for _, item in found]
    good = [(statement, item) for statement, item in found if item.outcome == "pass"]
    judges = [item for statement, item in good if context.graph.is_about_model(statement)]
    if not judges and requirement.startswith(_OF_DATASETS):
        judges = list(_for_each_dataset(good, context.graph))
    if not judges or context.graph.missing_evidence:
        return [*items, *told]
    return [*(_settled(item, judges) if item.outcome == "undetermined" else item for item in items), *told]


def _for_each_dataset(
    good: Sequence[tuple[VerifiedStatement, Item]], graph: LineageGraph
) -> Iterator[Item]:
    """The findings about datasets, where there is one for every dataset at the beginning of a chain; else nothing."""
    found: dict[Identity, list[Item]] = defaultdict(list)
    for statement, item in good:
        for identity in all_identities(statement.statement.subjects):
            found[identity].append(item)
    uses = [use for use in graph.data_uses if not graph.is_made_from_data(use)]
    by_use = [[item for identity in sorted(graph.known_as(use)) for item in found.get(identity, ())] for use in uses]
    if all(by_use):
        yield from dict.fromkeys(item for items in by_use for item in items)


def _settled(item: Item, judges: Sequence[Item]) -> Item:
    first = judges[0]
    evidence = {digest for each in (item, *judges) for digest in each.evidence}
    signers = {name for each in (item, *judges) for name in each.signers}
    return replace(item, outcome="pass", reason=f"{item.reason}; {first.reason}", basis="stated", voice=first.voice,
                   evidence=tuple(sorted(evidence)), signers=tuple(sorted(signers)))
