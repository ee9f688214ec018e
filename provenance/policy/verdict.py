"""What was decided and why: outcomes, items, requirements, and the verdict document (`schemas/verdict.schema.json`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from provenance.bundles.verifier import VOICES, VerifiedStatement, Voice
from provenance.policy.acts import Way

Outcome = Literal["pass", "fail", "undetermined", "not_applicable", "waived"]
Basis = Literal["stated", "recomputed"]
# Whoever writes the evidence must not write the report: what it lists is bounded, and what is left out is counted.
MAX_ITEMS, MAX_REASONS = 500, 20
BASES: tuple[Basis, ...] = ("stated", "recomputed")


@dataclass(frozen=True)
class Item:
    """The outcome for one subject of a requirement (a dataset, a step), and the evidence that it rests on.

    `ways` are what would settle it, any one of them, where neither its subject nor the requirement's row says.
    `thing` tells the datasets of a lineage apart (`ResourceDescriptor.key`): their names are whatever a signer calls
    them, and a rule for each of them must not join what is said of one to what is said of another.
    """

    subject: str
    outcome: Outcome
    reason: str
    basis: Basis | None = None
    voice: Voice = "none"
    evidence: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    thing: str = ""

    @classmethod
    def on(cls, statements: Iterable[VerifiedStatement], subject: str, outcome: Outcome, reason: str,
           basis: Basis = "stated", ways: tuple[Way, ...] = (), thing: str = "") -> Item:
        """An item that rests on statements; its voice is that of the weakest."""
        used = tuple(statements)
        heard = [s.voice for s in used]
        weakest: Voice = min(heard, key=VOICES.index) if heard else "none"
        return cls(subject, outcome, reason, basis, weakest, tuple(sorted({s.sha256 for s in used})),
                   tuple(sorted({s.principal.name for s in used if s.principal})), ways, thing)

    def to_dict(self) -> dict[str, Any]:
        """As the verdict document spells it."""
        return {"subject": self.subject, "outcome": self.outcome, "reason": self.reason, "basis": self.basis,
                "voice": self.voice, "evidence": list(self.evidence), "signers": list(self.signers)}


def combine(outcomes: Sequence[Outcome]) -> Outcome:
    """Kleene's `all`: a fail fails, then an undetermined undetermines; of nothing, undetermined (never a pass)."""
    decisive: tuple[Outcome, ...] = ("fail", "undetermined", "pass", "waived", "not_applicable")
    return next((outcome for outcome in decisive if outcome in outcomes), "undetermined")


def worse(one: Outcome, other: Outcome) -> Outcome:
    """The lesser of two answers to one question; what does not apply by one of them is no pass."""
    order: tuple[Outcome, ...] = ("fail", "undetermined", "not_applicable", "pass")
    return min(one, other, key=order.index)


@dataclass(frozen=True)
class Grant:
    """A waiver that counts: the sha256 of its bundle, who gave it, until when, and why."""

    sha256: str
    approver: str
    expires: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """One requirement of a policy with its outcome, item by item.

    `asked_by` are the policies of the chain that ask it, and `binds` those in which it decides: none where it is only
    advice. A rule has `parts`, and its outcome is `settled` by how they combine: `needed` of them must pass, or all of
    them where that is 0. `beside` is the other row where one tightens another and both are open.
    """

    id: str
    title: str
    source: str
    remedy: str
    min_basis: Basis
    min_voice: Voice
    roles: tuple[str, ...]
    items: tuple[Item, ...]
    grants: tuple[Grant, ...] = ()
    asked_by: tuple[str, ...] = ("",)
    binds: tuple[str, ...] = ("",)
    rule: str = ""
    parts: tuple[Decision, ...] = ()
    settled: Outcome | None = None
    needed: int = 0
    beside: Decision | None = None

    @property
    def outcome(self) -> Outcome:
        """All items together, or `waived` where they leave something open and somebody goes without it."""
        found = self.without_grants
        return "waived" if self.grants and found in ("fail", "undetermined") else found

    @property
    def without_grants(self) -> Outcome:
        """All items together, or how the parts combine."""
        return self.settled or combine([item.outcome for item in self.items])

    @property
    def is_binding(self) -> bool:
        """Whether it decides on the policy that was asked, the last of the chain."""
        return bool(self.binds)

    @property
    def is_open(self) -> bool:
        """Whether it stands between the model and the policy."""
        return self.is_binding and self.outcome in ("fail", "undetermined")

    @property
    def reason(self) -> str:
        """The reasons that led to the outcome, in one line."""
        found = self._reason_of(self.without_grants)
        if self.outcome != "waived":
            return found
        first = self.grants[0]
        waived = f"waived by {first.approver} until {first.expires}: {first.reason}"
        return f"{waived}; {self.without_grants} without the waiver: {found}"

    def _reason_of(self, outcome: Outcome) -> str:
        if self.parts:
            decisive = [part for part in self.parts if part.outcome == outcome] or list(self.parts)
            reasons = dict.fromkeys(f"{part.id} {part.reason}".strip() for part in decisive)
            return f"{self.rule}: {'; '.join(reasons)}"
        told: dict[str, list[str]] = {}
        for item in self.items:
            if item.outcome == outcome:
                told.setdefault(item.reason, []).append(item.subject)
        found = [f"{_names(subjects)}{reason}" for reason, subjects in islice(told.items(), MAX_REASONS)]
        more = [f"and {len(told) - MAX_REASONS} more reasons"] if len(told) > MAX_REASONS else []
        return "; ".join(found + more)

    def to_dict(self) -> dict[str, Any]:
        """As the verdict document spells it."""
        bases = [item.basis for item in self.items if item.basis]
        voices = [item.voice for item in self.items]
        grants = self.grants if self.outcome == "waived" else ()
        return {
            "id": self.id, "title": self.title, "source": self.source, "outcome": self.outcome,
            "minBasis": self.min_basis, "minVoice": self.min_voice, "roles": list(self.roles),
            "basis": min(bases, key=BASES.index) if bases else None,
            "voice": min(voices, key=VOICES.index) if voices else "none",
            "reason": self.reason if self.is_binding else f"advice, decides nothing: {self.reason}",
            "remedy": "" if self.outcome in ("pass", "not_applicable") else self.remedy,
            "items": [item.to_dict() for item in self._told],
            "evidence": sorted({d for item in self.items for d in item.evidence} | {g.sha256 for g in grants}),
            "signers": sorted({name for item in self.items for name in item.signers} | {g.approver for g in grants}),
            **({} if self.is_binding else {"advisory": True}),
            **({"rule": self.rule, "parts": [part.brief() for part in self.parts]} if self.parts else {}),
        }

    @property
    def _told(self) -> tuple[Item, ...]:
        """The items that a document lists: of very many, the first of those that led to the outcome."""
        if len(self.items) <= MAX_ITEMS:
            return self.items
        outcome = self.without_grants
        first = sorted(self.items, key=lambda item: item.outcome != outcome)[:MAX_ITEMS]
        return (*first, Item("", outcome, f"and {len(self.items) - MAX_ITEMS} more"))

    def brief(self) -> dict[str, Any]:
        """As a part of a rule is told in the verdict document."""
        parts = {"parts": [part.brief() for part in self.parts]} if self.parts else {}
        return {"id": self.id, "title": self.title, "outcome": self.outcome, "reason": self.reason, **parts}


def _names(subjects: Sequence[str]) -> str:
    """The subjects that share a reason, before it; at most three by name."""
    named = list(dict.fromkeys(subject for subject in subjects if subject))
    if not named:
        return ""
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return f"{', '.join(named[:3])}{more}: "


def enough(item: Item, min_basis: Basis, min_voice: Voice) -> Item:
    """The item, undetermined where its evidence is weaker than asked: a claim must meet every minimum at once."""
    if item.outcome not in ("pass", "not_applicable"):
        return item
    if item.basis is None or BASES.index(item.basis) < BASES.index(min_basis):
        return replace(item, outcome="undetermined", reason=f"{item.reason}, but it is not {min_basis}")
    if VOICES.index(item.voice) < VOICES.index(min_voice):
        return replace(item, outcome="undetermined", reason=f"{item.reason}, but no {min_voice} voice says so")
    return item
