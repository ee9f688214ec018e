"""Graph and policy to verdict: every requirement asked of the evidence that it accepts.

A policy fails if a requirement fails; else it is undetermined if one is; it passes only if at least one requirement
passes and every other one does too or does not apply. The same inputs give the same bytes: the time is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from provenance.artifacts.manifest import Manifest
from provenance.bundles.trust import Trust
from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.lineage import LineageGraph
from provenance.policy.checks import CATALOGUE
from provenance.policy.checks.base import Context
from provenance.policy.coverage import Coverage, coverage
from provenance.policy.policy import LADDER, Policy, Requirement, load_policy
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
        self.coverage: Coverage = coverage(subject.model, self.graph("trusted"))

    def graph(self, voice: Voice) -> LineageGraph:
        """The lineage as voices of at least this strength tell it; independence is a matter of each statement."""
        key: Voice = "trusted" if voice == "independent" else voice
        if key not in self._graphs:
            self._graphs[key] = LineageGraph(self.subject.statements, self.subject.model, key)
        return self._graphs[key]

    def decide(self, policy: Policy, *, declared: bool = False) -> list[Decision]:
        """Every requirement of a policy; `declared` lowers the minimum voice to `unsigned` and changes nothing else."""
        return [self._decide(row, "unsigned" if declared else row.min_voice) for row in policy.requirements]

    def _decide(self, row: Requirement, voice: Voice) -> Decision:
        voice = min(voice, row.min_voice, key=VOICES.index)
        check = CATALOGUE[row.id]
        graph = self.graph(voice)
        parameters = {name: p.default for name, p in check.parameters.items()} | dict(row.parameters)
        context = Context(self.subject.model, graph, self.coverage, self.subject.trust, self.subject.as_of, voice,
                          row.roles, parameters)  # fmt: skip
        items = [enough(item, row.min_basis, voice) for item in check.run(context)]
        if check.uses_lineage:
            items += _missing(graph)
        return Decision(row.id, row.title, row.source, row.remedy, row.min_basis, voice, row.roles, tuple(items))

    def ladder(self) -> list[Rung]:
        """The four rungs, lowest first."""
        return [
            Rung(name, label, outcome_of(self.decide(load_policy(name))),
                 outcome_of(self.decide(load_policy(name), declared=True)))
            for name, label in LADDER
        ]  # fmt: skip


def _missing(graph: LineageGraph) -> Iterable[Item]:
    # Evidence that was taken away could have shown a failure: what it might have said leaves the answer open.
    for listed in graph.missing_evidence:
        yield Item(listed.name, "undetermined", "the release stands on this evidence, and it is not shown")


def outcome_of(decisions: Sequence[Decision]) -> Outcome:
    """A policy's outcome from those of its requirements; a policy in which nothing passes is not passed."""
    outcome = combine([decision.outcome for decision in decisions])
    return "undetermined" if outcome == "not_applicable" else outcome
