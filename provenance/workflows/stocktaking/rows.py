"""From what is known of one entry to its row: MOF class, rungs, the verdict of each policy, blockers, the next step.

A row is a part of `schemas/inventory.schema.json`. It says in whose voice it speaks: `trusted` where a producer whom
the trust file believes released these very bytes, else `unsigned`, and then nothing passes by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from provenance.bundles.trust import Trust
from provenance.bundles.verifier import VerifiedStatement, Voice
from provenance.errors import Finding, ProvenanceError
from provenance.policy import mof, waivers
from provenance.policy.evaluate import Evaluation, Rung, ladder_policies
from provenance.policy.policy import Policy
from provenance.policy.remaining import next_rung, remaining
from provenance.policy.score import Points, nothing_known, score_of, score_totals
from provenance.policy.verdict import Decision, Outcome, combine
from provenance.statements.release import Release
from provenance.workflows.stocktaking.entry import Entry
from provenance.workflows.stocktaking.reading import Known

# Rules of this project for whatever is decided on signed evidence, MOF classes too.
_EVIDENCE_RULES = ("X-1", "X-2")


@dataclass(frozen=True)
class Question:
    """What is asked of every entry, whom to believe, and as of when (UTC)."""

    policies: tuple[Policy, ...]
    mof_policies: tuple[str, ...]
    profile: mof.Profile
    trust: Trust | None
    as_of: datetime

    @property
    def rungs(self) -> Mapping[str, Policy]:
        """The policies of the ladder by id, lowest first."""
        return {policy.id: policy for policy, _ in ladder_policies()}

    @property
    def names(self) -> list[str]:
        """The ids of everything that is asked, as the verdicts of a row have them."""
        return sorted([*self.mof_policies, *(policy.id for policy in self.policies)])


def unreadable(entry: Entry, error: ProvenanceError, question: Question) -> dict[str, Any]:
    """The row of an entry that cannot be read: nothing is known of it, and it says why."""
    nothing = {name: _verdict("undetermined", "undetermined") for name in question.names}
    for policy in question.policies:
        points = nothing_known(policy.score, error.message)
        nothing[policy.id] |= _score(policy, points, points)
    return {
        **_head(entry, entry.name), "voice": "none", "informational": True,
        "mof_class": 0, "progress": {"1": 0.0, "2": 0.0, "3": 0.0}, "mof": None,
        "rung_declared": None, "rung_shown": None, "rung_reason": "it cannot be read",
        "verdicts": nothing, "blockers": [], "next": None, "findings": [],
        "error": {"code": error.code, "message": error.message, "location": error.location, "hint": error.hint},
    }


def judged(entry: Entry, known: Known, question: Question) -> dict[str, Any]:
    """The row of an entry that could be read."""
    return _Row(entry, known, question).to_dict()


def _head(entry: Entry, name: str) -> dict[str, Any]:
    return {"path": entry.label, "name": name, "kind": entry.kind, "revision": entry.revision}


class _Row:
    """One row in the making: what the parts of it share is worked out once."""

    def __init__(self, entry: Entry, known: Known, question: Question) -> None:
        self.entry, self.known, self.question = entry, known, question
        self.evaluation: Evaluation = known.evaluation
        self.offers, self.voice = _offers(known)
        self.mof = mof.evaluate(self.offers, question.profile)
        self.rules = self._rules() if self.voice == "trusted" else ()
        self.ladder = self.evaluation.ladder

    def to_dict(self) -> dict[str, Any]:
        blockers = list(self._blockers())
        return {
            **_head(self.entry, self.known.name),
            "voice": self.voice,
            "informational": not any(statement.principal for statement in self.evaluation.subject.statements),
            "mof_class": self._mof_class(),
            "progress": self.mof.progress,
            "mof": self._mof(),
            "rung_declared": _highest(self.ladder, "declared"),
            "rung_shown": _highest(self.ladder, "shown"),
            "rung_reason": self._rung_reason(),
            "verdicts": dict(sorted(self._verdicts())),
            "blockers": [blocker.to_dict() for blocker in blockers],
            "next": self._next(blockers),
            "findings": [finding.to_dict() for finding in dict.fromkeys(self._findings())],
            "error": None,
        }

    # MOF

    def _rules(self) -> tuple[Outcome, ...]:
        lowest = next(iter(self.question.rungs.values()))
        rows = tuple(row for row in lowest.requirements if row.id in _EVIDENCE_RULES)
        return tuple(decision.outcome for decision in self.evaluation.decide(replace(lowest, requirements=rows)))

    def _shown(self, found: mof.ClassResult) -> Outcome:
        if self.voice != "trusted":
            return "undetermined"
        return self.evaluation.settled(combine([found.outcome, *self.rules]))

    def _mof_class(self) -> int:
        if self.voice != "trusted":
            return self.mof.best
        return min((each.mof_class for each in self.mof.classes if self._shown(each) == "pass"), default=0)

    def _mof(self) -> dict[str, Any]:
        classes = [
            {"class": each.mof_class, "included": each.included, "required": each.required, "progress": each.progress,
             "shown": self._shown(each), "declared": each.outcome,
             "blockers": [blocker.component.id for blocker in each.blockers]}
            for each in self.mof.classes
        ]
        return {"profile": self.mof.profile, "voice": self.voice, "classes": classes,
                "components": [component.to_dict() for component in self.mof.components]}

    # Policies

    def _verdicts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for policy in self.question.policies:
            decisions, said = self._decided(policy), self.evaluation.decide(policy, declared=True)
            waived = [decision.id for decision in decisions if decision.outcome == "waived"]
            verdict = _verdict(self.evaluation.outcome(decisions), self.evaluation.outcome(said, declared=True), waived)
            shown = score_of(policy.score, decisions, self.evaluation.doubt)
            yield policy.id, verdict | _score(policy, shown, score_of(policy.score, said))
        for name in self.question.mof_policies:
            asked = next(each for each in self.mof.classes if each.mof_class == mof.POLICIES[name][0])
            yield name, _verdict(self._shown(asked), asked.outcome)

    @property
    def _is_document(self) -> bool:
        """Whether only a document is at hand, so that what it declares is all that can be asked for."""
        return self.entry.kind in ("mof-file", "card")

    def _decided(self, policy: Policy) -> list[Decision]:
        """What the evidence shows; with its waivers where a policy is asked, and without where the ladder is."""
        decisions = self.evaluation.decide(policy)
        asked = policy in self.question.policies
        return waivers.excused(decisions, self.evaluation.waivers(policy)) if asked else decisions

    def _open(self, policy: Policy) -> list[Decision]:
        decisions = self.evaluation.decide(policy, declared=True) if self._is_document else self._decided(policy)
        return [decision for decision in decisions if decision.is_open]

    def _rung_reason(self) -> str:
        """Why it is not one rung higher: declared, where there is only a document, else on evidence."""
        rung = self._next_rung()
        if rung is None:
            return ""
        first = self._open(self.question.rungs[rung.policy])[:1]
        only = "only a document is at hand, and no weights; " if self._is_document else ""
        return "".join(f"{rung.label}: {only}{decision.id} {decision.reason}" for decision in first)

    def _next_rung(self) -> Rung | None:
        return next_rung(self.ladder, declared=self._is_document)

    # What is missing

    def _blockers(self) -> Iterator[_Blocker]:
        """What stands in the way of each policy that was asked; where none was, of the next class or rung."""
        if self.question.mof_policies or self._is_document:
            yield from self._mof_blockers()
        for policy in self._asked():
            for decision in self._open(policy):
                yield _Blocker(policy.id, decision.id, decision.outcome, decision.reason)

    def _asked(self) -> Sequence[Policy]:
        rung = self._next_rung()
        if self.question.policies or self.question.mof_policies or self._is_document or rung is None:
            return self.question.policies
        return [self.question.rungs[rung.policy]]

    def _next(self, blockers: Sequence[_Blocker]) -> dict[str, Any] | None:
        """What to do next: the fewest acts towards the first target that is not reached."""
        if first := [blocker for blocker in blockers if blocker.towards in mof.POLICIES]:
            return _components_next(first)
        for policy in self._asked():
            left = remaining(self.evaluation, policy, declared=self._is_document)
            steps = [*(blocker.told for blocker in left.blockers), *(task.sentence for task in left.tasks)]
            if steps:
                return {"towards": policy.id, "steps": steps}
        return None

    def _mof_blockers(self) -> Iterator[_Blocker]:
        wanted = [number for name in self.question.mof_policies or (mof.MOF_POLICY,) for number in mof.POLICIES[name]]
        target = next((each for each in self.mof.classes if each.mof_class in wanted and each.outcome != "pass"), None)
        if target is None:
            return
        for row in target.blockers:
            name = row.component.name
            yield _Blocker(target.policy, name, row.outcome, row.reason, self._remedy(row), name)

    def _remedy(self, row: mof.ComponentResult) -> str:
        fit = "open licences made for their kind" if self.question.profile == "type-strict" else "open licences"
        return f"Release under {fit}" if row.status == "missing" else f"Put under {fit}"

    def _findings(self) -> Iterator[Finding]:
        yield from self.known.findings
        for name in self.evaluation.recalled.values():
            yield Finding("signer-revoked", "error", "the trust file recalls this artefact", name, "do not use it")


def _offers(known: Known) -> tuple[tuple[mof.Offer, ...], Voice]:
    """What is offered, in the strongest voice that offers something: a trusted producer, a MOF file, anybody."""
    graph = known.evaluation.graph("trusted")
    trusted = [s for s in graph.releases if s.principal is not None and "producer" in s.principal.roles]
    if trusted:
        return _released(trusted), "trusted"
    if known.mof is not None:
        return mof.offers_of_file(known.mof), "unsigned"
    unsigned = known.evaluation.graph("unsigned").releases
    return _released(unsigned), "unsigned" if unsigned else "none"


def _released(statements: Sequence[VerifiedStatement]) -> tuple[mof.Offer, ...]:
    return tuple(offer for statement in statements if isinstance(statement.claim, Release)
                 for offer in mof.offers_of_release(statement.claim))


def _highest(ladder: Sequence[Rung], voice: str) -> str | None:
    return next((rung.policy for rung in reversed(ladder) if getattr(rung, voice) == "pass"), None)


def _verdict(shown: Outcome, declared: Outcome, waived: Sequence[str] = ()) -> dict[str, Any]:
    return {"shown": shown, "declared": declared, "passed": shown == "pass", "waived": list(waived)}


def _score(policy: Policy, shown: Mapping[str, Points], declared: Mapping[str, Points]) -> dict[str, Any]:
    """The score beside a verdict, of a policy that keeps one: never a pass."""
    return {"score": score_totals(shown, declared)} if policy.score else {}


@dataclass(frozen=True)
class _Blocker:
    """What stands in the way of something; a component of MOF with its `remedy`, the same for several, and its name."""

    towards: str
    requirement: str
    outcome: Outcome
    reason: str
    remedy: str = ""
    name: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"towards": self.towards, "requirement": self.requirement, "outcome": self.outcome,
                "reason": self.reason}


def _components_next(blockers: Sequence[_Blocker]) -> dict[str, Any]:
    """Everything that a class of MOF lacks, each thing to do once."""
    grouped: dict[str, list[str]] = {}
    for blocker in blockers:
        grouped.setdefault(blocker.remedy, []).append(blocker.name)
    return {"towards": blockers[0].towards, "steps": [f"{told}: {', '.join(names)}" for told, names in grouped.items()]}
