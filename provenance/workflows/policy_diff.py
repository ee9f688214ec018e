"""Compare two policies: which requirements are added, removed, tighter, looser or only told otherwise."""

from __future__ import annotations

from typing import Any

from provenance.policy.policy import Policy, load_policy
from provenance.policy.requirement import Requirement, differences, row_dict

_TOLD = ("title", "source", "remedy")


def diff_policies(first: str, second: str) -> dict[str, Any]:
    """The second policy as compared with the first; `same` when both ask, and say, the same."""
    one, other = load_policy(first), load_policy(second)
    before = {row.id: row for row in one.requirements}
    after = {row.id: row for row in other.requirements}
    both = [(before[name], row) for name, row in after.items() if name in before]
    changed = [found for found in (_changed(*pair) for pair in both) if found["fields"]]
    days, score = _days(one, other), _score(one, other)
    added = [_named(row) for name, row in after.items() if name not in before]
    removed = [_named(row) for name, row in before.items() if name not in after]
    return {
        "first": _policy(one), "second": _policy(other),
        "same": not (added or removed or changed or days or score),
        "added": added, "removed": removed, "changed": changed,
        "days": days, "score": score, "answer": _answer(bool(added), bool(removed), changed, [*days, *score]),
    }


def _answer(added: bool, removed: bool, changed: list[dict[str, Any]], days: list[dict[str, Any]]) -> str:
    """What the second is beside the first: tighter where it can only ask for more."""
    ways = {field["direction"] for row in (*changed, {"fields": days}) for field in row["fields"]}
    more = added or "tighter" in ways
    less = removed or "looser" in ways
    if "different" in ways or (more and less):
        return "different"
    return "tighter" if more else "looser" if less else "reworded" if "told" in ways else "same"


def _changed(before: Requirement, after: Requirement) -> dict[str, Any]:
    one, other = row_dict(before), row_dict(after)
    fields = [{"field": name, "direction": way, "first": _value(one, name), "second": _value(other, name)}
              for name, way in differences(after, before).items()]
    fields += [{"field": name, "direction": "told", "first": one[name], "second": other[name]}
               for name in _TOLD if one[name] != other[name]]
    return {"id": after.id, "title": after.title, "fields": fields}


def _value(row: dict[str, Any], name: str) -> Any:
    """The value of a field or parameter; null where a row leaves it at its default."""
    return row["parameters"].get(name, row.get(name))


def _days(one: Policy, other: Policy) -> list[dict[str, Any]]:
    """A policy that begins later or ends earlier can be used on fewer days, and so passes less."""
    fields = []
    if one.effective_on != other.effective_on:
        way = "tighter" if other.effective_on > one.effective_on else "looser"
        fields.append({"field": "effectiveOn", "direction": way, "first": one.effective_on or None,
                       "second": other.effective_on or None})
    if one.expires != other.expires:
        way = "tighter" if (other.expires or "9999") < (one.expires or "9999") else "looser"
        fields.append({"field": "expires", "direction": way, "first": one.expires or None,
                       "second": other.expires or None})
    return fields


def _score(one: Policy, other: Policy) -> list[dict[str, Any]]:
    """The dimensions that are counted otherwise; a score is neither tight nor loose, because it never passes."""
    before, after = ({each.id: each.to_dict() for each in policy.score} for policy in (one, other))
    names = dict.fromkeys([*before, *after])
    return [{"field": name, "direction": "different", "first": before.get(name), "second": after.get(name)}
            for name in names if before.get(name) != after.get(name)]


def _policy(policy: Policy) -> dict[str, Any]:
    return {"id": policy.id, "version": policy.version, "title": policy.title, "digest": {"sha256": policy.digest}}


def _named(row: Requirement) -> dict[str, str]:
    return {"id": row.id, "title": row.title}
