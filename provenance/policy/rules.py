"""The rules that a policy combines: `all`, `any`, `atLeast`, `forEach`, `unless`, and what statements must say.

There is no `not`. A rule asks that something be shown, and whatever shows it may be taken away; were absence a reason
to pass, taking evidence away would help. `unless` is an excuse that must itself be shown (docs/adr).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from provenance.artifacts.names import brief
from provenance.bundles.oms import MODEL_SIGNATURE
from provenance.bundles.verifier import VerifiedStatement
from provenance.errors import said
from provenance.policy.acts import Act, Way, about
from provenance.policy.checks.base import Context, nothing
from provenance.policy.verdict import Decision, Item, Outcome, combine, worse
from provenance.statements.dataset import DATASET
from provenance.statements.release import RELEASE
from provenance.statements.reproduction import REPRODUCTION
from provenance.statements.step import SLSA_PROVENANCE_V1

if TYPE_CHECKING:
    from provenance.policy.requirement import Requirement

Operator = Literal["all", "any", "atLeast", "forEach"]
Part: TypeAlias = "Requirement | Group"

PREDICATES = (DATASET, RELEASE, SLSA_PROVENANCE_V1, REPRODUCTION, MODEL_SIGNATURE)
_ACTS: Mapping[str, Way] = {
    DATASET: (Act("train"), Act("dataset")), RELEASE: (Act("release"),), SLSA_PROVENANCE_V1: (Act("train"),),
    REPRODUCTION: (Act("reproduction"),), MODEL_SIGNATURE: (Act("signature"),),
}
# How the checks of the catalogue name a thing of each kind.
THINGS = {"dataset": "dataset ", "step": "step ", "base-model": "base model "}
COMPARISONS = ("equals", "oneOf", "atLeast", "atMost", "stated")


@dataclass(frozen=True)
class Group:
    """Parts joined by an operator; `count` is for `atLeast`, `thing` for `forEach`, or the policy of `all`."""

    operator: Operator
    parts: tuple[Part, ...]
    count: int = 0
    thing: str = ""
    unless: Part | None = None

    @property
    def label(self) -> str:
        """The operator as a sentence begins with it."""
        if self.operator == "forEach":
            return f"for each {self.thing}"
        if self.thing:
            return f"{self.thing} passes, all of"
        return {"all": "all of", "any": "any of", "atLeast": f"at least {self.count} of"}[self.operator]


@dataclass(frozen=True)
class Says:
    """What a field of each accepted statement of a type must say."""

    predicate: str
    field: str
    comparison: str
    wanted: Any

    @property
    def label(self) -> str:
        """The rule in words."""
        told = {"equals": "is", "oneOf": "is one of", "atLeast": "is at least", "atMost": "is at most"}
        if self.comparison == "stated":
            return f"{self.field} is stated"
        wanted = said(self.wanted)
        return f"{self.field} {told[self.comparison]} {wanted}"

    def ask(self, statement: VerifiedStatement) -> tuple[Outcome, str]:
        """The answer of one statement: a field that is missing, or of another type, leaves it open."""
        found: Any = statement.statement.predicate
        for name in self.field.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is None or found in ("", [], {}):
            return "undetermined", f"does not say {self.field}"
        if self.comparison == "stated":
            return "pass", f"says {self.field}"
        if not self._comparable(found):
            return "undetermined", f"says {self.field} in a form that cannot be compared"
        return ("pass" if self._holds(found) else "fail"), f"says that {self.field} is {brief(said(found))}"

    def _comparable(self, found: Any) -> bool:
        wanted = self.wanted[0] if self.comparison == "oneOf" else self.wanted
        number = (int, float)
        if isinstance(found, bool) or isinstance(wanted, bool):
            return isinstance(found, bool) and isinstance(wanted, bool)
        return (isinstance(found, number) and isinstance(wanted, number)) or type(found) is type(wanted)

    def _holds(self, found: Any) -> bool:
        compared: dict[str, Callable[[], bool]] = {
            "equals": lambda: found == self.wanted, "oneOf": lambda: found in self.wanted,
            "atLeast": lambda: found >= self.wanted, "atMost": lambda: found <= self.wanted,
        }
        return bool(compared[self.comparison]())


@dataclass(frozen=True)
class Cel:
    """An expression of the Common Expression Language that must be true of each accepted statement of a type."""

    predicate: str
    expression: str

    @property
    def label(self) -> str:
        """The rule in words."""
        return f"{self.expression} is true"

    def ask(self, statement: VerifiedStatement) -> tuple[Outcome, str]:
        """The answer of one statement."""
        from provenance.policy.cel import ask

        principal = statement.principal
        signer = {"name": principal.name, "party": principal.party, "roles": list(principal.roles)} if principal else {}
        return ask(self.expression, {"predicate": statement.statement.predicate, "signer": signer})


Rule: TypeAlias = "Group | Says | Cel"


# --- what statements say ----------------------------------------------------------------------------------------------


def of_statements(context: Context, rule: Says | Cel) -> Sequence[Item]:
    """One item for each accepted statement of the type about the model or what lies behind it."""
    items = list(dict.fromkeys(_asked(context, rule)))
    return items or nothing("no accepted statement of this type is shown", _ACTS[rule.predicate])


def _asked(context: Context, rule: Says | Cel) -> Iterator[Item]:
    graph = context.graph
    if rule.predicate == DATASET:
        for use in graph.data_uses:
            told = context.accepted(graph.attested_by(use.identities))
            thing = use.thing.whole.key
            yield from (_answer(s, f"dataset {getattr(s.claim, 'name', use.thing.name)}", rule, thing) for s in told)
            if not told and not graph.is_made_from_data(use):
                subject = f"dataset {use.thing.name}"
                yield Item.on([use.step], subject, "undetermined", "nobody accepted here describes it", thing=thing)
        return
    for statement in _about(context, rule.predicate):
        subject = _subject(statement)
        if context.accepts(statement):
            yield _answer(statement, subject, rule)
        elif rule.predicate == SLSA_PROVENANCE_V1:
            yield Item.on([statement], subject, "undetermined", "its signer is not accepted here")


def _about(context: Context, predicate: str) -> Iterable[VerifiedStatement]:
    if predicate == SLSA_PROVENANCE_V1:
        return context.graph.steps
    if predicate == RELEASE:
        return context.releases
    return [s for s in context.graph.statements
            if s.statement.predicate_type == predicate and context.graph.is_about_model(s)]


def _subject(statement: VerifiedStatement) -> str:
    kinds = {SLSA_PROVENANCE_V1: "step ", RELEASE: "release "}
    return f"{kinds.get(statement.statement.predicate_type, '')}{getattr(statement.claim, 'name', '')}".strip()


def _answer(statement: VerifiedStatement, subject: str, rule: Says | Cel, thing: str = "") -> Item:
    return Item.on([statement], subject, *rule.ask(statement), ways=((about(subject) or _ACTS[rule.predicate]),),
                   thing=thing)


# --- how outcomes combine (Kleene) ------------------------------------------------------------------------------------


def any_of(outcomes: Sequence[Outcome]) -> Outcome:
    """A pass passes; else what is open leaves it open; what does not apply is no pass."""
    return at_least(1, outcomes)


def at_least(count: int, outcomes: Sequence[Outcome]) -> Outcome:
    """So many passes pass; where those that are open could not bring them about, it fails."""
    if outcomes.count("pass") >= count:
        return "pass"
    if outcomes.count("pass") + outcomes.count("undetermined") >= count or not outcomes:
        return "undetermined"
    return "not_applicable" if set(outcomes) == {"not_applicable"} else "fail"


def excused(required: Outcome, excuse: Outcome) -> Outcome:
    """`required` unless `excuse`: what passes passes, and what is shown to be excused does not apply."""
    if required in ("pass", "not_applicable"):
        return required
    if excuse == "pass":
        return "not_applicable"
    return "fail" if required == "fail" and excuse in ("fail", "not_applicable") else "undetermined"


# --- evaluation -------------------------------------------------------------------------------------------------------

Ask = Callable[["Requirement"], Decision]


def decide_part(part: Part, ask: Ask) -> Decision:
    """The decision on a part; `ask` answers for a requirement that is no group of others."""
    if isinstance(part, Group):
        decision = _group(part, ask)
    elif isinstance(part.rule, Group):
        decision = _told_as(part, _group(part.rule, ask))
    else:
        decision = ask(part)
    if part.unless is None:
        return decision
    excuse = decide_part(part.unless, ask)
    outcome = excused(decision.outcome, excuse.outcome)
    if outcome == decision.outcome:
        return decision
    items = excuse.items if outcome == "not_applicable" else (*decision.items, *excuse.items)
    parts = (excuse,) if outcome == "not_applicable" else (decision, excuse)
    return replace(decision, items=items, parts=parts, settled=outcome, rule="unless", needed=1)


def decide_row(row: Requirement, ask: Ask) -> Decision:
    """The decision on a row of a policy, and beside it on the row that it tightens: the worse of the two."""
    own = decide_part(row, ask)
    if row.tightens is None:
        return own
    before = decide_row(row.tightens, ask)
    beside = {one.outcome for one in (own, before)} <= {"fail", "undetermined"}
    if worse(own.outcome, before.outcome) == own.outcome:
        return replace(own, beside=before if beside else None)
    return replace(own, items=before.items, parts=before.parts, rule=before.rule, settled=before.outcome,
                   needed=before.needed, beside=own if beside else None)


def _told_as(row: Requirement, found: Decision) -> Decision:
    """What a rule came to, told as the row that has it."""
    return replace(found, id=row.id, title=row.title, source=row.source, remedy=row.remedy, min_basis=row.min_basis,
                   roles=row.roles)


def _group(group: Group, ask: Ask) -> Decision:
    parts = _for_each(group, ask) if group.operator == "forEach" else [decide_part(part, ask) for part in group.parts]
    outcomes = [part.outcome for part in parts]
    needed = _needed(group)
    outcome = at_least(needed, outcomes) if needed else combine(outcomes)
    decisive = [part for part in parts if part.outcome == outcome] or parts
    items = tuple(dict.fromkeys(item for part in decisive for item in part.items))
    return replace(parts[0], id="", title=group.label, items=items, parts=tuple(parts), settled=outcome,
                   rule=group.label, needed=needed)


def _needed(group: Group) -> int:
    """How many parts must pass; 0 is all of them."""
    return {"any": 1, "atLeast": group.count}.get(group.operator, 0)


def _for_each(group: Group, ask: Ask) -> list[Decision]:
    """The group's part for each thing that its requirements speak of, or once, undetermined, of nothing."""
    prefix = THINGS[group.thing]
    whole: dict[int, Decision] = {}

    def once(row: Requirement) -> Decision:
        if id(row) not in whole:
            whole[id(row)] = ask(row)
        return whole[id(row)]

    first = decide_part(group.parts[0], once)
    shared: dict[int, list[Item]] = {}
    of_thing: dict[int, dict[str, list[Item]]] = {}
    names: dict[str, str] = {}
    for key, decision in whole.items():
        shared[key], of_thing[key] = [], {}
        for item in decision.items:
            if item.subject.startswith(prefix):
                thing = item.thing or item.subject
                names[thing] = min(names.get(thing, item.subject), item.subject)
                of_thing[key].setdefault(thing, []).append(item)
            else:
                shared[key].append(item)
    things = sorted(names, key=lambda thing: (names[thing], thing))
    if not things:
        told = (*first.items, *nothing(f"no {group.thing} is spoken of"))
        return [replace(first, items=told, parts=(), settled="fail" if first.outcome == "fail" else "undetermined")]

    def of(thing: str) -> Ask:
        def answer(row: Requirement) -> Decision:
            own = of_thing[id(row)].get(thing) or [Item(names[thing], "undetermined", "nothing is said of it")]
            return replace(whole[id(row)], items=(*own, *shared[id(row)]))

        return answer

    return [replace(decide_part(group.parts[0], of(thing)), title=names[thing]) for thing in things]
