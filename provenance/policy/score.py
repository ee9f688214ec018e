"""A score: dimensions in groups, each open, partial or closed by rows of the policy. A score is never a pass.

    open       its row `open` passes: 1
    partial    `open` fails, and its row `partial` passes: 0.5
    closed     both fail, or `open` fails and there is no `partial`: 0

Everything else is undetermined, and lies between the points that are shown and those that are still possible: what
nobody shows is not known to be closed. So a score is a range with its denominator, and taking evidence away never
raises the lower end of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provenance.policy.reading import Problems, Where, nearest
from provenance.policy.requirement import Requirement
from provenance.policy.verdict import Decision

Answer = Literal["open", "partial", "closed", "undetermined"]


@dataclass(frozen=True)
class Dimension:
    """One dimension of a score: the rows of the policy that make it open, or partial ("": nothing does)."""

    id: str
    title: str
    group: str
    open: str
    partial: str = ""

    def to_dict(self) -> dict[str, str]:
        """As a resolved policy spells it."""
        partial = {"partial": self.partial} if self.partial else {}
        return {"id": self.id, "title": self.title, "group": self.group, "open": self.open, **partial}


@dataclass(frozen=True)
class Points:
    """What one dimension comes to: at least, at most, and in a word."""

    least: float
    most: float
    answer: Answer
    reason: str


def dimensions_of(raw: Mapping[str, Any], rows: Mapping[str, Requirement], problems: Problems) -> tuple[Dimension, ...]:
    """The dimensions of a policy document; none where it keeps no score."""
    found: dict[str, Dimension] = {}
    for number, group in enumerate(raw.get("score", ())):
        for index, told in enumerate(group["dimensions"]):
            place: Where = ("score", number, "dimensions", index)
            if told["id"] in found:
                problems.add((*place, "id"), f"a dimension stands twice: {told['id']}", "give one of them another id")
            for name in ("open", "partial"):
                if name in told and told[name] not in rows:
                    why = f"the policy has no requirement {told[name]}"
                    problems.add((*place, name), why, nearest(told[name], rows, f"it has {', '.join(rows)}"))
            found[told["id"]] = Dimension(told["id"], told["title"], group["title"], told["open"],
                                          told.get("partial", ""))
    if found:
        places = {row["id"]: index for index, row in enumerate(raw["requirements"])}
        for row in rows.values():
            if row.severity != "advisory":
                path: Where = ("requirements", places[row.id]) if row.id in places else ("extends",)
                problems.add(path, f"{row.id} decides, and a policy with a score never passes",
                             "write `severity: advisory`, or leave the score out")
    return tuple(found.values())


def score_of(dimensions: Sequence[Dimension], decisions: Sequence[Decision], doubt: str = "") -> dict[str, Points]:
    """The points of each dimension by its id; with a `doubt` about all evidence, no point counts as shown."""
    by_id = {decision.id: decision for decision in decisions}
    return {each.id: _doubted(_points(each, by_id), doubt) for each in dimensions}


def _points(dimension: Dimension, decisions: Mapping[str, Decision]) -> Points:
    full, half = decisions[dimension.open], decisions.get(dimension.partial)
    if full.outcome == "pass":
        return Points(1, 1, "open", full.reason)
    least = 0.5 if half is not None and half.outcome == "pass" else 0
    if full.outcome != "fail":
        return Points(least, 1, "undetermined", full.reason)
    if least and half is not None:
        return Points(0.5, 0.5, "partial", f"{half.reason}; not open: {full.reason}")
    if half is None or half.outcome == "fail":
        return Points(0, 0, "closed", full.reason)
    return Points(0, 0.5, "undetermined", half.reason)


def _doubted(points: Points, doubt: str) -> Points:
    return Points(0, points.most, "undetermined", doubt) if doubt and points.least else points


def totals(points: Mapping[str, Points]) -> dict[str, float]:
    """The least and the most of several dimensions together."""
    return {"least": _number(sum(each.least for each in points.values())),
            "most": _number(sum(each.most for each in points.values()))}


def score_totals(shown: Mapping[str, Points], declared: Mapping[str, Points]) -> dict[str, Any]:
    """A score in five numbers: of how many points, what is shown and what is declared, each at least and at most."""
    return {"of": len(shown), **totals(shown), "declared": totals(declared)}


def nothing_known(dimensions: Sequence[Dimension], why: str) -> dict[str, Points]:
    """The points where nothing could be asked."""
    return {each.id: Points(0, 1, "undetermined", why) for each in dimensions}


def score_document(
    dimensions: Sequence[Dimension], shown: Mapping[str, Points], declared: Mapping[str, Points]
) -> dict[str, Any]:
    """The score as the verdict document spells it."""
    groups: dict[str, list[Dimension]] = {}
    for each in dimensions:
        groups.setdefault(each.group, []).append(each)
    return {
        **score_totals(shown, declared),
        "groups": [
            {"title": title, "of": len(members), **totals({each.id: shown[each.id] for each in members}),
             "dimensions": [_dimension(each, shown[each.id], declared[each.id]) for each in members]}
            for title, members in groups.items()
        ],
    }


def _dimension(dimension: Dimension, shown: Points, declared: Points) -> dict[str, Any]:
    return {"id": dimension.id, "title": dimension.title, "answer": shown.answer, "least": _number(shown.least),
            "most": _number(shown.most), "declared": declared.answer, "reason": shown.reason,
            "requirements": [name for name in (dimension.open, dimension.partial) if name]}


def _number(value: float) -> float:
    """A whole number without its fraction, so that every writer of JSON prints it the same."""
    return int(value) if value == int(value) else value
