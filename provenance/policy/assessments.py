"""Assessments as evidence: what a person found, for a requirement that asks a person.

A requirement asks a person where its roles name one. The finding is stated, in the voice of its signer. It settles what
is otherwise undetermined, and never what fails; a bad finding fails whatever else is shown.

A person settles what that person looked at: an open question that rests on statements which are among what was looked
at, or which a release among it lists. What nobody states, nobody settles. So a judgement depends on what it is about
alone: a release that the person has not seen adds its own questions, and neither opens nor closes another. With
evidence missing that a release lists, nothing is settled, because what it might have said is not known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from provenance.artifacts.digest import Identity
from provenance.bundles.trust import parse_time
from provenance.bundles.verifier import VOICES, VerifiedStatement
from provenance.errors import TrustError
from provenance.lineage import LineageGraph
from provenance.policy.verdict import Item, Outcome
from provenance.statements.assessment import SCALES, Assessment
from provenance.statements.statement import all_identities

if TYPE_CHECKING:
    from provenance.policy.checks.base import Context

PERSONS = frozenset({"assessor", "buyer"})
_MEANING: tuple[Outcome, ...] = ("pass", "undetermined", "fail")  # as SCALES orders the findings
_Finding: TypeAlias = tuple[VerifiedStatement, Item]
_OF_DATASETS = "D-"  # the family of requirements in which a dataset can be assessed by itself


def asks_a_person(roles: Iterable[str]) -> bool:
    """Whether a requirement with these roles takes the judgement of a person."""
    return not PERSONS.isdisjoint(roles)


def assessed(requirement: str, context: Context) -> list[_Finding]:
    """The findings that count for a requirement, each as an item."""
    return [
        (statement, _item(statement, statement.claim, thing)) for statement in _by_persons(context)
        if isinstance(statement.claim, Assessment) and statement.claim.requirement == requirement
        and not objection(statement, statement.claim, context.graph, context.as_of)
        for thing in _things(statement, statement.claim, context.graph)
    ]


def questions(items: Sequence[Item], run: Callable[[Context], Sequence[Item]], roles: Iterable[str],
              context: Context) -> list[Item]:
    """The items of a check, and where nobody who is accepted says anything, what others say, for a person to judge.

    A row may ask for an independent voice, or for an assessor alone: what is judged is what the producer says.
    """
    if all(item.evidence for item in items):
        return list(items)
    voice = min("trusted", context.min_voice, key=VOICES.index)
    others = run(replace(context, min_voice=voice, roles=tuple(sorted({*context.roles, *roles}))))
    return [*(item for item in items if item.evidence), *map(_question, others)]


def _question(item: Item) -> Item:
    if item.outcome not in ("pass", "not_applicable"):
        return item
    return replace(item, outcome="undetermined", reason=f"{item.reason}, which is for a person to judge")


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
    if not graph.is_about_model(statement):
        if graph.data_identities.isdisjoint(all_identities(claim.subjects)):
            return "it is about neither this model nor data behind it"
        if claim.requirement and not claim.requirement.startswith(_OF_DATASETS):
            return f"it is about a dataset, and {claim.requirement} asks about the model"
    return "" if _Seen.by(claim, graph) else "whoever made it did not look at a release of this model"


@dataclass(frozen=True)
class _Seen:
    """What a person looked at, and what the releases among it stand on; nothing without a release of the model."""

    looked_at: frozenset[str]
    listed: frozenset[str]

    @classmethod
    def by(cls, claim: Assessment, graph: LineageGraph) -> _Seen | None:
        """Who looked at a release has seen it, whoever else signed the same."""
        releases = graph.releases_seen(claim.looked_at)
        return cls(claim.looked_at, graph.stands_on(releases)) if releases else None

    def holds(self, item: Item) -> bool:
        """Whether all that an item rests on is among it; what rests on nothing, nobody has seen."""
        return bool(item.evidence) and all(each in self.looked_at or each in self.listed for each in item.evidence)


def _things(statement: VerifiedStatement, claim: Assessment, graph: LineageGraph) -> Iterable[str]:
    """Which datasets of the lineage a finding is about, each by its key; of the model, ""."""
    if graph.is_about_model(statement):
        return ("",)
    about = all_identities(claim.subjects)
    return dict.fromkeys(use.thing.whole.key for use in graph.data_uses if not about.isdisjoint(graph.known_as(use)))


def _item(statement: VerifiedStatement, claim: Assessment, thing: str) -> Item:
    outcome = _MEANING[SCALES[claim.scale].index(claim.finding)]
    subject = f"dataset {claim.subjects[0].name}" if thing else ""
    return Item.on([statement], subject, outcome, f"found {claim.finding} by a person: {claim.rationale}", thing=thing)


def settled(
    requirement: str, items: Sequence[Item], found: Sequence[_Finding], context: Context
) -> list[Item]:
    """The items of a requirement, with what persons found: the open ones settled where that is enough."""
    told = [item for _, item in found]
    graph = context.graph
    good = [(statement, item) for statement, item in found if item.outcome == "pass"]
    judges = [each for each in good if graph.is_about_model(each[0])]
    if not judges and requirement.startswith(_OF_DATASETS):
        judges = list(_for_each_dataset(good, graph))
    if not judges or graph.missing_evidence:
        return [*items, *told]
    seen: dict[_Seen, Item] = {}  # one judge for all that was looked at together: evidence must not cost its square
    for statement, item in judges:
        if isinstance(statement.claim, Assessment) and (found_there := _Seen.by(statement.claim, graph)):
            seen.setdefault(found_there, item)
    return [*(_settled(item, seen) if item.outcome == "undetermined" else item for item in items), *told]


def _for_each_dataset(good: Sequence[_Finding], graph: LineageGraph) -> Iterable[_Finding]:
    """The findings about datasets, where there is one for every dataset at the beginning of a chain; else nothing."""
    found: dict[Identity, list[_Finding]] = defaultdict(list)
    for each in good:
        for identity in all_identities(each[0].statement.subjects):
            found[identity].append(each)
    uses = [use for use in graph.data_uses if not graph.is_made_from_data(use)]
    by_use = [[each for identity in sorted(graph.known_as(use)) for each in found.get(identity, ())] for use in uses]
    return dict.fromkeys(each for several in by_use for each in several) if all(by_use) else ()


def _settled(item: Item, judges: Mapping[_Seen, Item]) -> Item:
    judge = next((judge for seen, judge in judges.items() if seen.holds(item)), None)
    if judge is None:
        unseen = "; whoever judged it has not seen all that this rests on" if item.evidence else ""
        return replace(item, reason=f"{item.reason}{unseen}")
    return replace(item, outcome="pass", reason=f"{item.reason}; {judge.reason}", basis="stated", voice=judge.voice,
                   evidence=tuple(sorted({*item.evidence, *judge.evidence})),
                   signers=tuple(sorted({*item.signers, *judge.signers})))
