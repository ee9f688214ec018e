"""What would settle a requirement that is open: sets of acts, any one of which is enough; none where nothing can.

An item says itself what settles it, or its subject does (a dataset is described, a step recorded again), or else its
row of the catalogue. A part that fails is no gap: what speaks against the model stays, whatever is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, islice, product
from typing import TypeAlias

from provenance.bundles.verifier import VerifiedStatement, Voice
from provenance.lineage import LineageGraph, step_of
from provenance.policy.acts import ANEW, LISTED, UNSIGNED, Act, Kind, about
from provenance.policy.assessments import PERSONS, asks_a_person
from provenance.policy.checks import CATALOGUE
from provenance.policy.evaluate import Evaluation
from provenance.policy.verdict import Decision, Item
from provenance.statements.dataset import Dataset
from provenance.statements.release import Release
from provenance.statements.step import Step

SUPPLIED = frozenset({"data-supplier", "producer"})
_MOST_WAYS = 64  # of one requirement; those nearest to what is there come first
_ABSENT: frozenset[Kind] = frozenset({"bundle", "signer"})  # evidence that the release lists and nobody hears


@dataclass(frozen=True)
class Want:
    """An act that a requirement takes, and who must sign it for that; two are the same by act and voice."""

    act: Act
    voice: Voice
    roles: frozenset[str] = field(compare=False)
    requirement: str = field(compare=False)
    reason: str = field(compare=False)


Wants: TypeAlias = tuple[Want, ...]


@dataclass(frozen=True)
class Settling:
    """What would settle the requirements of one model: on its evidence, or on declarations where there is no more.

    `said` are the decisions with the voice lowered to `unsigned`, by requirement.
    """

    evaluation: Evaluation
    said: Mapping[str, Decision]
    heard: Voice
    _usually: dict[str, tuple[Act, ...]] = field(default_factory=dict)

    @property
    def graph(self) -> LineageGraph:
        """The lineage as it is heard."""
        return self.evaluation.graph(self.heard)

    def ways(self, decision: Decision) -> list[Wants]:
        """The sets of acts each of which settles a requirement of the policy."""
        both = [self._settling(one, decision.id) for one in (decision, decision.beside) if one is not None]
        signed = self._signed_anew(decision)
        return [*([signed] if signed else []), *_joined(both)]

    def undescribed(self) -> list[Act]:
        """The datasets that a release lists and nobody describes; where it lists none, whichever were used."""
        graph = self.graph
        listed = [thing for s in graph.releases if isinstance(s.claim, Release) for thing in s.claim.datasets]
        unknown = [thing for thing in listed
                   if not graph.attested_by(thing.identities) and not graph.made_by(thing.identities)]
        return [Act("dataset", thing.name) for thing in unknown] if listed else [Act("dataset")]

    def _settling(self, decision: Decision, row: str) -> list[Wants]:
        if not decision.parts:
            return self._of_items(decision, row)
        open_parts = [self._settling(part, row) for part in decision.parts
                      if part.outcome not in ("pass", "not_applicable")]
        if not decision.needed:
            return _joined(open_parts)
        lacking = decision.needed - sum(part.outcome == "pass" for part in decision.parts)
        branches = combinations([ways for ways in open_parts if ways], max(lacking, 0))
        return list(islice((way for branch in branches for way in _joined(branch)), _MOST_WAYS))

    def _of_items(self, decision: Decision, row: str) -> list[Wants]:
        if any(item.outcome == "fail" for item in decision.items):
            return []
        open_items = [item for item in decision.items if item.outcome == "undetermined"]
        by_item = [[self._wants(decision, item, way, row) for way in item.ways or (self._usual(decision, item),)]
                   for item in open_items]
        if absent := [ways for ways in by_item if any(want.act.kind in _ABSENT for way in ways for want in way)]:
            return _joined(absent)  # it may say what else is open; nobody knows before it is here, and believed
        found = _joined(by_item)
        if not asks_a_person(decision.roles):
            return found
        # No judgement stands in for how a base model was made.
        left = _joined([ways for ways in by_item if any(want.act.kind == "base-step" for way in ways for want in way)])
        judged = self._wants(decision, open_items[0], (Act("assessment", decision.id),), row)
        by_person = [(*way, *judged) for way in left]
        return by_person if set(decision.roles) <= PERSONS else [*found, *by_person]

    def _wants(self, decision: Decision, item: Item, way: Iterable[Act], row: str) -> Wants:
        reason = f"{item.subject}: {item.reason}" if item.subject else item.reason
        wants = tuple(self._want(act, decision, row, reason) for act in way)
        if self.graph.releases and not LISTED.isdisjoint(want.act.kind for want in wants):
            told = "what is new counts once the release lists it"
            wants += (Want(ANEW, self.heard, frozenset({"producer"}), row, told),)
        return wants

    def _want(self, act: Act, decision: Decision, row: str, reason: str) -> Want:
        here = self._listed_unsigned.get(act.subject) if act.kind == "bundle" else None
        if here is not None:  # it is not missing: nobody who is believed signed it
            return _by_another(here, _natural(here), row)
        return Want(act, decision.min_voice, _roles(act, decision.roles), row, reason)

    @cached_property
    def _listed_unsigned(self) -> Mapping[str, VerifiedStatement]:
        """What a release lists and is there, but in no voice that is heard, by the name under which it is listed."""
        by_digest = {statement.sha256: statement for statement in self.evaluation.subject.statements}
        named = ((item.name, by_digest.get(item.digest.get("sha256", ""))) for item in self.graph.missing_evidence)
        return {name: statement for name, statement in named if statement is not None}

    def _usual(self, decision: Decision, item: Item) -> tuple[Act, ...]:
        """The acts of an item that does not say what settles it: about its subject, else all that its row takes."""
        named = about(item.subject)
        if not named and decision.id not in self._usually:  # one answer for all items: there may be very many
            self._usually[decision.id] = self._lacking(decision.id)
        return named or self._usually[decision.id]

    def _lacking(self, requirement: str) -> tuple[Act, ...]:
        """What a row of the catalogue takes, less what is there."""
        graph = self.graph
        kinds = CATALOGUE[requirement].shown_by if requirement in CATALOGUE else ("release",)
        trained, silent = graph.steps_of("train", "fine-tune"), graph.silent_about_data
        prepared = any(isinstance(s.claim, Step) and s.claim.kind == "prepare" for s in graph.statements)
        acts: list[Act] = []
        for kind in kinds:
            if kind == "dataset":
                acts += self.undescribed() if silent or not trained else []
            elif kind == "train" and trained:
                acts += [Act("step", step_of(statement).name) for statement in silent if "dataset" in kinds]
            elif kind == "prepare" and (graph.steps_of("prepare") or (prepared and not trained)):
                continue  # it is there, and the training that is lacking leads to it
            elif kind != "evaluate" or not graph.evaluations:
                acts.append(Act(kind))
        return tuple(acts) or tuple(Act(kind) for kind in kinds)

    def _signed_anew(self, decision: Decision) -> Wants:
        """What somebody else must sign, where all that a requirement takes is said, and lacks nothing but the voice."""
        said = self.said.get(decision.id)
        if said is None or said.outcome not in ("pass", "not_applicable") or decision.min_voice != "trusted":
            return ()
        used = {digest for item in said.items for digest in item.evidence}
        behind = [statement for statement in self.evaluation.subject.statements if statement.sha256 in used]
        heard = [s for s in behind if s.principal is not None]
        if not all(_may_speak(s, decision) & set(s.principal.roles) for s in heard if s.principal):
            return ()
        signed = [s for s in behind if s.principal is None and s.hint is not None]
        if any(isinstance(s.claim, Release) for s in (*heard, *signed)):
            declared = []  # what a card says beside a release needs nobody's voice
        else:
            declared = [s for s in behind if s.principal is None and s.hint is None]
        if not all(isinstance(s.claim, Release) for s in declared):
            return ()
        return tuple(_by_another(s, _may_speak(s, decision), decision.id) for s in (*signed, *declared))


def _by_another(statement: VerifiedStatement, roles: frozenset[str], row: str) -> Want:
    """What is signed by nobody who is believed, signed by somebody who is; the words of a card, as a release."""
    act = ANEW if statement.hint is None else Act("signer", statement.hint or statement.sha256)
    return Want(act, "trusted", roles, row, f"{statement.file} says so, in no trusted voice")


def _natural(statement: VerifiedStatement) -> frozenset[str]:
    """Who usually signs such a statement: of data, whoever supplied it too."""
    claim = statement.claim
    of_data = isinstance(claim, Dataset) or (isinstance(claim, Step) and claim.kind == "prepare")
    return SUPPLIED if of_data else frozenset({"producer"})


def _may_speak(statement: VerifiedStatement, decision: Decision) -> frozenset[str]:
    """As whom a statement must be signed to count for a requirement.

    A row that its family never asks of data suppliers joins their statements and judges none by its signer's role.
    """
    natural = _natural(statement)
    usual = CATALOGUE[decision.id].roles if decision.id in CATALOGUE else decision.roles
    if natural == SUPPLIED and "data-supplier" not in usual:
        return natural
    return natural & frozenset(decision.roles) or natural


def _roles(act: Act, roles: Sequence[str]) -> frozenset[str]:
    """Who of those whom a requirement hears may do an act; nobody signs an artefact."""
    named = frozenset(roles)
    if act.kind in UNSIGNED:
        return frozenset()
    if act.kind == "assessment":
        return named & PERSONS or PERSONS
    makers = named - PERSONS or named
    return makers & {"producer"} or makers if act.kind in ("release", "base-release", "base-step") else makers


def _joined(parts: Iterable[Sequence[Wants]]) -> list[Wants]:
    """The ways to settle all of several; none where one of them has none."""
    distinct = dict.fromkeys(tuple(dict.fromkeys(ways)) for ways in parts)
    together = (tuple(dict.fromkeys(want for way in chosen for want in way)) for chosen in product(*distinct))
    return list(islice(together, _MOST_WAYS))
