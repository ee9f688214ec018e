"""One row of a policy: what is asked, how strong the evidence must be, and whether it decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from provenance.bundles.verifier import VOICES, Voice
from provenance.policy.checks import CATALOGUE
from provenance.policy.rules import Cel, Group, Part, Rule, Says
from provenance.policy.verdict import BASES, Basis

Severity = Literal["mandatory", "advisory"]
Direction = Literal["tighter", "looser", "different"]


@dataclass(frozen=True)
class Requirement:
    """One row of a policy: a check of the catalogue or a rule, and how strong the evidence must be.

    `tightens` is the row of the policy that is extended, which is asked beside this one; `asked_by` are the policies
    of the chain that have the row, the first of the chain first, each with the severity and day that it has there.
    """

    id: str
    title: str
    source: str
    remedy: str
    min_basis: Basis
    min_voice: Voice
    roles: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "mandatory"
    effective_on: str = ""
    waivable: bool = False
    rule: Rule | None = None
    unless: Part | None = None
    tightens: Requirement | None = None
    asked_by: tuple[tuple[str, Severity, str], ...] = ()

    def binds(self, as_of: datetime) -> tuple[str, ...]:
        """The policies of the chain in which it decides: an advisory row does not, nor one whose day has not come."""
        return tuple(policy for policy, severity, day in self.asked_by
                     if severity == "mandatory" and (not day or parse_day(day) <= as_of))

    @property
    def demand(self) -> tuple[Any, ...]:
        """What is asked, without how it is told; rows with one demand have one answer."""
        return (self.id, self.min_basis, self.min_voice, self.roles, dict(self.parameters), self.rule, self.unless)


def leaves(part: Part | Rule | None) -> Iterable[Requirement]:
    """The single requirements of a part or rule, without excuses."""
    if isinstance(part, Requirement):
        if isinstance(part.rule, Group):
            yield from leaves(part.rule)
        else:
            yield part
    elif isinstance(part, Group):
        for inner in part.parts:
            yield from leaves(inner)


def is_weaker(row: Requirement, than: Requirement) -> bool:
    """Whether evidence for one row may be weaker than for another."""
    return (BASES.index(row.min_basis) < BASES.index(than.min_basis)
            or VOICES.index(row.min_voice) < VOICES.index(than.min_voice) or not set(row.roles) <= set(than.roles))


def differences(row: Requirement, before: Requirement) -> dict[str, Direction]:
    """In what two rows of one id differ, field by field, and which way: only what is asked, not how it is told."""
    pairs: dict[str, tuple[int, int]] = {
        "minBasis": (BASES.index(row.min_basis), BASES.index(before.min_basis)),
        "minVoice": (VOICES.index(row.min_voice), VOICES.index(before.min_voice)),
        "severity": (row.severity == "mandatory", before.severity == "mandatory"),
        "waivable": (before.waivable, row.waivable),
    }
    found: dict[str, Direction] = {
        name: "tighter" if one > other else "looser" for name, (one, other) in pairs.items() if one != other
    }
    if row.effective_on != before.effective_on:
        found["effectiveOn"] = "looser" if row.effective_on > before.effective_on else "tighter"
    if set(row.roles) != set(before.roles):
        subset, superset = set(row.roles) < set(before.roles), set(row.roles) > set(before.roles)
        found["roles"] = "tighter" if subset else "looser" if superset else "different"
    known = CATALOGUE[row.id].parameters if row.id in CATALOGUE else {}
    for name, parameter in known.items():
        one, other = row.parameters[name], before.parameters[name]
        if one != other:
            less, more = parameter.is_looser(one, other), parameter.is_looser(other, one)
            found[name] = "different" if less and more else "looser" if less else "tighter"
    if _shape(row.rule) != _shape(before.rule):
        found["rule"] = "different"
    if _shape(row.unless) != _shape(before.unless):
        found["unless"] = "tighter" if row.unless is None else "looser" if before.unless is None else "different"
    return found


def looser(row: Requirement, before: Requirement) -> str:
    """In what one row may ask for less than another of the same id, or ""."""
    return next((name for name, way in differences(row, before).items() if way != "tighter"), "")


def _shape(part: Part | Rule | None) -> Any:
    """What a part asks, without how strong the evidence must be, which a part has from the row around it."""
    if isinstance(part, Group):
        return part.operator, part.count, part.thing, tuple(map(_shape, part.parts)), _shape(part.unless)
    if isinstance(part, Requirement):
        return part.id, dict(part.parameters), _shape(part.rule), _shape(part.unless)
    return part


def parse_day(text: str) -> datetime:
    """The first moment of a day in UTC; ValueError where there is no such day."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def row_dict(row: Requirement) -> dict[str, Any]:
    """A resolved row; what it leaves at its default is left out, so that a new member changes no digest."""
    more = {
        "severity": row.severity if row.severity != "mandatory" else None, "effectiveOn": row.effective_on or None,
        "waivable": row.waivable or None, "rule": rule_dict(row.rule) if row.rule else None,
        "unless": part_dict(row.unless) if row.unless else None,
        "tightens": row_dict(row.tightens) if row.tightens else None,
    }
    return {"id": row.id, "title": row.title, "source": row.source, "remedy": row.remedy, "minBasis": row.min_basis,
            "minVoice": row.min_voice, "roles": list(row.roles), "parameters": dict(row.parameters),
            **{name: value for name, value in more.items() if value is not None}}


def part_dict(part: Part) -> dict[str, Any]:
    """A resolved part."""
    if isinstance(part, Group):
        unless = {"unless": part_dict(part.unless)} if part.unless else {}
        return {**rule_dict(part), **unless}
    return row_dict(part)


def rule_dict(rule: Rule) -> dict[str, Any]:
    """A resolved rule, spelled as a policy spells it."""
    if isinstance(rule, Says):
        wanted = list(rule.wanted) if isinstance(rule.wanted, tuple) else rule.wanted
        return {"statement": {"predicate": rule.predicate, "field": rule.field, rule.comparison: wanted}}
    if isinstance(rule, Cel):
        return {"cel": {"predicate": rule.predicate, "expression": rule.expression}}
    parts = [part_dict(part) for part in rule.parts]
    if rule.operator == "forEach":
        return {"forEach": {"thing": rule.thing, "require": parts[0]}}
    if rule.operator == "atLeast":
        return {"atLeast": {"count": rule.count, "of": parts}}
    return {rule.operator: parts, **({"passes": rule.thing} if rule.thing else {})}
