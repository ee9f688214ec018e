"""Explain a policy in plain words: of each requirement what shows it, whose voice counts, and how to get there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provenance.errors import PolicyError, said
from provenance.policy.checks import CATALOGUE
from provenance.policy.policy import NONE_SET, Policy, load_policy
from provenance.policy.reading import nearest
from provenance.policy.requirement import Requirement
from provenance.policy.rules import Cel, Group, Part, Says

BASIS = {
    "stated": "a statement that says so",
    "recomputed": "what this tool works out from the bytes themselves",
}
VOICE = {
    "unsigned": "anybody, signed or not",
    "trusted": "a signer that the trust file lists as {roles}",
    "independent": "a signer that the trust file lists as {roles}, of an organisation that neither made the model nor "
                   "supplied its data",
}


def explain_policy(policy: str, requirement: str = "", settings: Mapping[str, str] = NONE_SET) -> dict[str, Any]:
    """The explanation of a policy, or of one of its requirements (PolicyError `requirement-unknown`)."""
    chosen = load_policy(policy, settings)
    rows = [row for row in chosen.requirements if requirement in ("", row.id)]
    if not rows:
        known = [row.id for row in chosen.requirements]
        raise PolicyError("requirement-unknown", f"{chosen.id} has no requirement {requirement}", location=chosen.id,
                          hint=nearest(requirement, known, f"it has {', '.join(known)}"))
    return {
        "id": chosen.id, "version": chosen.version,
        "title": chosen.title, "source": chosen.source, "digest": {"sha256": chosen.digest},
        "extends": list(chosen.extends), "inForce": in_force(chosen),
        **({"score": [each.to_dict() for each in chosen.score]} if chosen.score else {}),
        "requirements": [_row(row) for row in rows],
    }


def in_force(policy: Policy) -> str:
    """The days of a policy, as a phrase."""
    since = f"from {policy.effective_on}" if policy.effective_on else ""
    until = f"until {policy.expires}, that day not included" if policy.expires else ""
    return " ".join(filter(None, [since, until])) or "always"


def _row(row: Requirement) -> dict[str, Any]:
    return {
        "id": row.id, "title": row.title, "asks": list(asks(row)), "shownBy": BASIS[row.min_basis],
        "saidBy": VOICE[row.min_voice].format(roles=_joined(row.roles)), "decides": _decides(row),
        "waivable": row.waivable, "source": row.source, "next": row.remedy,
        "askedBy": [name for name, _, _ in row.asked_by],
    }


def _decides(row: Requirement) -> str:
    if row.severity == "advisory":
        return "no: it is advice"
    return f"from {row.effective_on}; before that it is advice" if row.effective_on else "yes"


def asks(part: Part, depth: int = 0) -> Iterator[str]:
    """What is asked, a line a part; parts of a rule are indented below it."""
    indent = "  " * depth
    if isinstance(part, Group):
        yield f"{indent}{part.label}:"
        for inner in part.parts:
            yield from asks(inner, depth + 1)
    elif isinstance(part.rule, Group):
        yield from asks(part.rule, depth)
    elif isinstance(part.rule, Says | Cel):
        yield f"{indent}in each statement of type {part.rule.predicate}, {part.rule.label}"
    else:
        yield f"{indent}{f'{part.id}: ' if depth else ''}{_of_catalogue(part)}"
    if part.unless is not None:
        yield f"{indent}unless it is shown that:"
        yield from asks(part.unless, depth + 1)


def _of_catalogue(row: Requirement) -> str:
    check = CATALOGUE[row.id]
    told = (check.run.__doc__ or check.title).strip().splitlines()[0].removeprefix(f"{row.id}: ").rstrip(".")
    given = ", ".join(f"{name}: {said(value)}" for name, value in row.parameters.items())
    return f"{told} ({given})" if given else told


def _joined(names: Sequence[str]) -> str:
    return " or ".join(names)
