"""Graph and policy to verdict: every requirement asked of the evidence that it accepts.

A policy fails if a requirement fails; else it is undetermined if one is; it passes only if at least one requirement
passes and every other one does too or does not apply. A requirement that is only advice decides nothing. A policy that
extends others passes only where each of them has something that passes. Nothing passes while evidence that the release
lists is missing, by means of what is recalled, or beside files that no signature covers. The same inputs give the same
bytes: the time is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property

from provenance.artifacts.digest import Identity, every_strong
from provenance.artifacts.manifest import Manifest
from provenance.bundles.trust import Trust
from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.lineage import LineageGraph, step_of
from provenance.policy import assessments, waivers
from provenance.policy.acts import Act
from provenance.policy.checks import CATALOGUE
from provenance.policy.checks.base import Context
from provenance.policy.coverage import Coverage, coverage
from provenance.policy.policy import LADDER, Policy, load_policy
from provenance.policy.requirement import Requirement
from provenance.policy.rules import Ask, Cel, Says, decide_row, of_statements
from provenance.policy.verdict import Decision, Item, Outcome, combine, enough


@dataclass(frozen=True)
class Subject:
    """What is judged: the model in hand, its evidence, whom to believe, and the time of the verdict (UTC)."""

    model: Manifest
    statements: tuple[VerifiedStatement, ...]
    trust: Trust | None
    as_of: datetime


@dataclass(frozen=True)
class Rung:
    """One rung of the G7 ladder: its outcome on evidence, and with the voice lowered to `unsigned`."""

    policy: str
    label: str
    shown: Outcome
    declared: Outcome


class Evaluation:
    """Asks policies of one subject; graphs are built once for each voice."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._graphs: dict[Voice, LineageGraph] = {}
        principals = subject.trust.principals if subject.trust else ()
        self._suppliers = frozenset(p.party for p in principals if {"producer", "data-supplier"} & set(p.roles))
        self.coverage: Coverage = coverage(subject.model, self.graph("trusted"))

    def graph(self, voice: Voice) -> LineageGraph:
        """The lineage as voices of at least this strength tell it; independence is a matter of each statement."""
        key: Voice = "trusted" if voice == "independent" else voice
        if key not in self._graphs:
            self._graphs[key] = LineageGraph(self.subject.statements, self.subject.model, key, self._suppliers)
        return self._graphs[key]

    def decide(self, policy: Policy, *, declared: bool = False) -> list[Decision]:
        """Every requirement of a policy; `declared` lowers the minimum voice to `unsigned` and changes nothing else.

        PolicyError `policy-not-in-force` outside the days of the policy.
        """
        policy.refuse_out_of_force(self.subject.as_of)
        highest: Voice = "unsigned" if declared else "independent"
        return decide(policy, self.subject.as_of, lambda row: self._decide(row, highest))

    def _decide(self, row: Requirement, highest: Voice) -> Decision:
        voice = min(highest, row.min_voice, key=VOICES.index)
        graph = self.graph(voice)
        context = Context(self.subject.model, graph, self.coverage, self.subject.as_of, voice, row.roles,
                          row.parameters)
        check = None if isinstance(row.rule, Says | Cel) else CATALOGUE[row.id]
        found = of_statements(context, row.rule) if isinstance(row.rule, Says | Cel) else CATALOGUE[row.id].run(context)
        items = [enough(self._heard(item, graph), row.min_basis, voice) for item in found]
        if check is not None and assessments.asks_a_person(row.roles):
            items = self._judged(row, assessments.questions(items, check.run, check.roles, context), context)
        if check is None or check.uses_lineage:
            items += _missing(graph)
        if check is None or check.asks_how_made:
            items += _unexplained(graph)
        return Decision(row.id, row.title, row.source, row.remedy, row.min_basis, voice, row.roles, tuple(items))

    def _judged(self, row: Requirement, items: list[Item], context: Context) -> list[Item]:
        """The items with what persons found; a finding that is weaker than asked is none, and never in the way."""
        found = [(s, self._heard(item, context.graph)) for s, item in assessments.assessed(row.id, context)]
        strong = [(s, item) for s, item in found if enough(item, row.min_basis, context.min_voice) == item]
        return assessments.settled(row.id, items, strong, context)

    def waivers(self, policy: Policy) -> tuple[waivers.Considered, ...]:
        """Every waiver among the evidence, held against a policy. The ladder is always asked without them."""
        subject = self.subject
        return waivers.consider(subject.statements, policy, self.graph("trusted"), subject.trust, subject.as_of)

    def _heard(self, item: Item, graph: LineageGraph) -> Item:
        """The item, in an independent voice where everything that it rests on is said by independent parties."""
        alone = item.evidence and graph.independent.issuperset(item.evidence)
        return replace(item, voice="independent") if alone else item

    def outcome(self, decisions: Sequence[Decision], *, declared: bool = False) -> Outcome:
        """A policy's outcome here, whoever asks; `declared`: as far as unsigned words go."""
        outcome = outcome_of(decisions)
        heard: Voice = min((decision.min_voice for decision in decisions), key=VOICES.index, default="trusted")
        if outcome == "pass" and self.graph(heard).missing_evidence:
            outcome = "undetermined"
        return self.settled(outcome, declared=declared)

    def settled(self, outcome: Outcome, *, declared: bool = False) -> Outcome:
        """An outcome after what holds of every pass: nothing that is recalled, no file that no signature covers."""
        if outcome == "pass" and self.recalled:
            return "fail"
        return "undetermined" if outcome == "pass" and not declared and not self.coverage.complete else outcome

    @property
    def doubt(self) -> str:
        """Why nothing counts as shown, whatever single requirements come to; "" where it does."""
        if self.recalled:
            return "the trust file recalls what is judged"
        if self.graph("trusted").missing_evidence:
            return "evidence that the release stands on is not shown"
        return "" if self.coverage.complete else "not every file is covered by a signature"

    @cached_property
    def recalled(self) -> Mapping[Identity, str]:
        """What the trust file recalls of the model in hand, its files, and what lies behind it: names by identity."""
        trust, graph, model = self.subject.trust, self.graph("trusted"), self.subject.model
        if trust is None or not trust.recalled:
            return {}
        known = dict.fromkeys(graph.everything_recalled_as, model.name)
        known |= {identity: entry.path for entry in model.files for identity in every_strong(entry.digest)}
        # Code, lock files and configuration too: what a step did with a poisoned one is in what it made.
        known |= {identity: item.name for step in graph.steps for item in step_of(step).inputs
                  for identity in every_strong(item.digest)}
        for use in (*graph.data_uses, *graph.base_uses):
            told = (*graph.attested_by(use.identities), *graph.releases_of(use.identities))
            said = (subject for statement in told for subject in statement.statement.subjects)
            same = (thing for thing in (use.thing.whole, use.thing.weights, *said) if thing is not None)
            known |= {identity: use.thing.name for thing in same for identity in every_strong(thing.digest)}
        return {identity: name for identity, name in sorted(known.items()) if str(identity) in trust.recalled}

    @cached_property
    def ladder(self) -> list[Rung]:
        """The four rungs, lowest first."""
        return [
            Rung(policy.id, label, self.outcome(self.decide(policy)),
                 self.outcome(self.decide(policy, declared=True), declared=True))
            for policy, label in ladder_policies()
        ]


@cache
def ladder_policies() -> tuple[tuple[Policy, str], ...]:
    """The policies of the ladder with their labels, lowest first; read once, because every model is asked them."""
    return tuple((load_policy(name), label) for name, label in LADDER)


def _missing(graph: LineageGraph) -> Iterable[Item]:
    if not graph.releases:
        # Nobody says which steps and datasets belong to the model: whatever is taken away would not be missed.
        yield Item("", "undetermined", "no release of this model says which evidence there is",
                   ways=((Act("release"),),))
    # Evidence that was taken away could have shown a failure: what it might have said leaves the answer open.
    for listed in graph.missing_evidence:
        yield Item(listed.name, "undetermined", "the release stands on this evidence, and it is not shown",
                   ways=((Act("bundle", listed.name),),))


def _unexplained(graph: LineageGraph) -> Iterable[Item]:
    for use in graph.unexplained_bases:
        subject = f"base model {use.thing.name}"
        yield Item.on([use.step], subject, "undetermined", "no attested step says how it was made")


def decide(policy: Policy, as_of: datetime, ask: Ask) -> list[Decision]:
    """Every row of a policy, as `ask` answers for the single requirements in it."""
    return [replace(decide_row(row, ask), asked_by=tuple(name for name, _, _ in row.asked_by), binds=row.binds(as_of))
            for row in policy.requirements]


def outcome_of(decisions: Sequence[Decision]) -> Outcome:
    """A policy's outcome from those of its requirements; a policy in which nothing passes is not passed.

    Nor does one pass in which nothing passes that a policy asks which it extends: else a child could.
    """
    binding = [decision for decision in decisions if decision.is_binding]
    outcome = combine([decision.outcome for decision in binding])
    policies = {policy for decision in decisions for policy in decision.asked_by}
    shown = {policy for decision in binding if decision.outcome == "pass" for policy in decision.binds}
    return outcome if outcome in ("fail", "undetermined") or policies == shown else "undetermined"
