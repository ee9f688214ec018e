"""What remains to be done until a policy is passed: the fewest acts that settle all that is open, and what none can.

In this order: what would settle each open requirement (`settling`), the smallest set of acts that settles all of them
(`cover`), and what those acts bring with them. Acts of one kind, about one thing, in one voice, are one act if one
signer may sign for all that need it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from provenance.bundles.verifier import Voice
from provenance.policy.acts import ANEW, BINDING, Act, words
from provenance.policy.cover import cover
from provenance.policy.evaluate import Evaluation, Rung
from provenance.policy.policy import Policy
from provenance.policy.settling import SUPPLIED, Settling, Want, Wants
from provenance.policy.verdict import Decision


@dataclass(frozen=True)
class _Answer:
    """What answers requirements: each with why it is open."""

    answers: tuple[tuple[str, str], ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that it answers."""
        return tuple(dict.fromkeys(name for name, _ in self.answers))


@dataclass(frozen=True)
class Task(_Answer):
    """One act: who may sign it, in what voice, and which requirements it answers, each with why it is open.

    `files` are those that it is about, where its subject is no name for people.
    """

    act: Act
    roles: tuple[str, ...]
    voice: Voice
    files: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The act as a sentence."""
        return words(self._named)[0]

    @property
    def command(self) -> str:
        """The command that does it; "" where none does."""
        return words(self._named)[1]

    @property
    def sentence(self) -> str:
        """Both in one."""
        return f"{self.told}: {self.command}" if self.command else self.told

    @property
    def _named(self) -> Act:
        more = f" and {len(self.files) - 3} more" if len(self.files) > 3 else ""
        return replace(self.act, subject=", ".join(self.files[:3]) + more) if self.files else self.act


@dataclass(frozen=True)
class Blocker(_Answer):
    """What nothing that is added can lift, with why, and what would have to be another."""

    change: str

    @property
    def told(self) -> str:
        """That, in two sentences; at most two reasons."""
        reasons = list(dict.fromkeys(reason for _, reason in self.answers))
        more = f", and {len(reasons) - 2} more" if len(reasons) > 2 else ""
        return f"Blocked, nothing that is added lifts it ({'; '.join(reasons[:2])}{more}). {self.change}"


@dataclass(frozen=True)
class Remaining:
    """What remains towards a policy; `ties` are other sets of acts that are as small, each without what they share."""

    towards: str
    tasks: tuple[Task, ...]
    blockers: tuple[Blocker, ...]
    ties: tuple[tuple[Task, ...], ...] = ()


def remaining(
    evaluation: Evaluation, policy: Policy, shown: Sequence[Decision] | None = None,
    said: Sequence[Decision] | None = None, *, declared: bool = False,
) -> Remaining:
    """What remains towards a policy, nothing where it is passed.

    `shown` and `said` are its decisions on evidence and as declared, where they are known (waivers count in the first);
    `declared`: there is only a document, and no evidence.
    """
    shown = evaluation.decide(policy, declared=declared) if shown is None else shown
    said = shown if declared else evaluation.decide(policy, declared=True) if said is None else said
    settling = Settling(evaluation, {decision.id: decision for decision in said}, "unsigned" if declared else "trusted")
    return _Question(evaluation, policy.id, shown, settling).answer()


def next_rung(ladder: Sequence[Rung], *, declared: bool = False) -> Rung | None:
    """The lowest rung that is not reached; None at the top."""
    return next((rung for rung in ladder if (rung.declared if declared else rung.shown) != "pass"), None)


@dataclass(frozen=True)
class _Question:
    evaluation: Evaluation
    policy: str
    shown: Sequence[Decision]
    settling: Settling

    def answer(self) -> Remaining:
        """The whole answer."""
        if changed := self._changed():  # all is open because of it, and nobody needs to publish anything
            return Remaining(self.policy, (), (changed,))
        found = [(decision, self.settling.ways(decision)) for decision in self.shown if decision.is_open]
        sets = cover(ways for _, ways in found if ways)
        chosen, *others = [self._tasks([want for _, ways in found for want in _within(ways, acts)]) for acts in sets]
        acts = {task.act for task in chosen}
        ties = (tuple(task for task in other if task.act not in acts) for other in others)
        blockers = [*self._failing(decision for decision, ways in found if not ways), *self._recalled()]
        blockers += self._empty(chosen, blockers)
        return Remaining(self.policy, chosen, tuple(blockers), tuple(tie for tie in ties if tie))

    def _tasks(self, wants: Sequence[Want]) -> tuple[Task, ...]:
        """The acts, each once for all that need it; the release last, because it lists the others."""
        alike: dict[Want, list[Want]] = defaultdict(list)
        for want in (*wants, *self._brought(wants)):
            alike[want].append(want)
        tasks = [task for group in alike.values() for task in self._merged(group)]
        return tuple(sorted(tasks, key=lambda task: task.act.kind == "release"))

    def _merged(self, wants: Sequence[Want]) -> Iterator[Task]:
        """One task for the wants of one act; several where no signer may sign for all of them."""
        groups: list[tuple[frozenset[str], list[Want]]] = []
        for want in wants:
            place = next((n for n, (roles, _) in enumerate(groups) if roles & want.roles or roles == want.roles), None)
            if place is None:
                groups.append((want.roles, [want]))
            else:
                roles, others = groups[place]
                groups[place] = (roles & want.roles, [*others, want])
        act, voice = wants[0].act, wants[0].voice
        for roles, group in groups:
            answers = sorted(dict.fromkeys((want.requirement, want.reason) for want in group), key=self._place)
            yield Task(tuple(answers), act, tuple(sorted(roles)), voice, tuple(self._files(act)))

    def _place(self, answer: tuple[str, str]) -> int:
        return self._places.get(answer[0], len(self._places))

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {decision.id: place for place, decision in enumerate(self.shown)}

    def _files(self, act: Act) -> Sequence[str]:
        if act == ANEW:
            return sorted(s.file for s in self.settling.graph.releases if s.hint is not None)
        if act.kind == "files":
            return [row.path for row in self.evaluation.coverage.uncovered]
        return self._by_hint[act.subject] if act.kind == "signer" else ()

    @cached_property
    def _by_hint(self) -> Mapping[str, list[str]]:
        files: dict[str, list[str]] = defaultdict(list)
        for statement in self.evaluation.subject.statements:
            if statement.principal is None:
                files[statement.hint or statement.sha256].append(statement.file)
        return {hint: sorted(found) for hint, found in files.items()}

    # What acts bring with them, and what none lifts

    def _brought(self, wants: Sequence[Want]) -> Iterator[Want]:
        graph, voice = self.settling.graph, self.settling.heard
        for listed in () if wants else graph.missing_evidence:
            told = "nothing passes while evidence that the release lists is missing"
            yield Want(Act("bundle", listed.name), voice, frozenset(), "evidence", told)
        asks_whole = any(decision.id == "X-2" and decision.is_binding for decision in self.shown)
        kinds = {want.act.kind for want in wants}
        for act in self.settling.undescribed() if asks_whole and "train" in kinds and "dataset" not in kinds else ():
            yield Want(act, voice, SUPPLIED, "X-2", "the data of the training must be attested")
        coverage = self.evaluation.coverage
        left = coverage.unsound if kinds & BINDING else coverage.uncovered
        if left and "files" not in kinds and voice != "unsigned":
            yield Want(Act("files"), voice, frozenset(), "coverage", "no trusted signature covers them")

    def _changed(self) -> Blocker | None:
        """The one thing to say where the files in hand are not those that were signed."""
        first = next((row.path for row in self.evaluation.coverage.uncovered), "")
        if changes := self.settling.graph.changes:
            change = f"Do not use it; get {changes[0].location} again from the producer"
            return Blocker((("W-1", changes[0].message),), change)
        failed = [decision for decision in self.shown if decision.id == "W-1" and decision.outcome == "fail"]
        change = f"Remove {first}, which was not signed, or get the model again from the producer"
        return Blocker(((failed[0].id, failed[0].reason),), change) if failed and first else None

    @staticmethod
    def _failing(decisions: Iterable[Decision]) -> Iterator[Blocker]:
        """One blocker for all that one change would lift."""
        alike: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for decision in decisions:
            alike[decision.remedy].append((decision.id, decision.reason))
        for remedy, answers in alike.items():
            yield Blocker(tuple(answers), f"That would have to be otherwise first; then: {remedy}")

    def _recalled(self) -> Iterator[Blocker]:
        names = dict.fromkeys(self.evaluation.recalled.values())
        if names:
            told = tuple(("recall", f"{name} is recalled by the trust file") for name in names)
            yield Blocker(told, "Do not use it; ask who recalled it")

    def _empty(self, tasks: Sequence[Task], blockers: Sequence[Blocker]) -> Iterator[Blocker]:
        if not tasks and not blockers and self.evaluation.outcome(self.shown) == "undetermined":
            told = ("policy", "nothing that the policy asks applies to this model")
            yield Blocker((told,), "Judge it by a policy that asks something of it")


def _within(ways: Sequence[Wants], acts: frozenset[Want]) -> Wants:
    return next((way for way in ways if acts.issuperset(way)), ())
