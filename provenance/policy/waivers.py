"""Waivers held against a policy: which of them count, for what, and why the others do not.

A waiver counts if a trusted approver, who is not of a producer's party, gave it for this state of this policy, for a
requirement that may be waived, for exactly these bytes, and if its time has come and has not passed. It excuses a
requirement that fails or is undetermined, and shows nothing: the ladder is asked without it. Every waiver that was
handed in is listed, with its effect and the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from provenance.bundles.trust import Trust, parse_time
from provenance.bundles.verifier import Examined, VerifiedStatement
from provenance.errors import TrustError
from provenance.lineage import LineageGraph
from provenance.policy.policy import Policy
from provenance.policy.verdict import Decision, Grant
from provenance.statements.waiver import WAIVER, Waiver

Effect = Literal["waives", "not-needed", "none"]


@dataclass(frozen=True)
class Considered:
    """One waiver, and why it does not count ("": it does)."""

    statement: VerifiedStatement
    waiver: Waiver
    objection: str

    @property
    def grant(self) -> Grant:
        """What a decision needs to know of it."""
        approver = self.statement.principal.name if self.statement.principal else ""
        return Grant(self.statement.sha256, approver, self.waiver.expires, self.waiver.reason)


def consider(
    statements: Iterable[VerifiedStatement], policy: Policy, graph: LineageGraph, trust: Trust | None, as_of: datetime
) -> tuple[Considered, ...]:
    """Every waiver among the statements, in the order of their digests."""
    found = sorted(((s, s.claim) for s in statements if isinstance(s.claim, Waiver)), key=lambda pair: pair[0].sha256)
    return tuple(
        Considered(statement, waiver, _who(statement, trust) or _what(waiver, policy) or _when(waiver, as_of)
                   or ("" if graph.is_about_model(statement) else "it is for other bytes than these"))
        for statement, waiver in found
    )


def _who(statement: VerifiedStatement, trust: Trust | None) -> str:
    signer = statement.principal
    if signer is None or trust is None:
        return "its signer is nobody whom the trust file lists"
    if "approver" not in signer.roles:
        return f"{signer.name} is no approver in the trust file"
    # By the trust file, not by the evidence: a producer whose statements are taken away would become an approver.
    producers = {principal.party for principal in trust.principals if "producer" in principal.roles}
    return f"{signer.name} speaks for a producer, {signer.party}" if signer.party in producers else ""


def _what(waiver: Waiver, policy: Policy) -> str:
    if waiver.policy_digest != policy.digest:
        same = waiver.policy_id == policy.id
        return f"it is for another state of {policy.id}" if same else "it is for another policy"
    row = next((row for row in policy.requirements if row.id == waiver.requirement), None)
    if row is None:
        return f"the policy has no requirement {waiver.requirement}"
    return "" if row.waivable else f"the policy does not let {row.id} be waived"


def _when(waiver: Waiver, as_of: datetime) -> str:
    try:
        approved, expires = parse_time(waiver.approved_on, ""), parse_time(waiver.expires, "")
    except TrustError:
        return "it bears a time that is none"
    if approved > as_of:
        return f"it is dated {waiver.approved_on}, which is in the future"
    return f"it expired at {waiver.expires}" if expires <= as_of else ""


def excused(decisions: Sequence[Decision], considered: Sequence[Considered]) -> list[Decision]:
    """The decisions, each with the waivers that count for it; the one that lasts longest first."""
    counting = [each for each in considered if not each.objection]
    lasting = sorted(counting, key=lambda each: (parse_time(each.waiver.expires, ""), each.statement.sha256),
                     reverse=True)
    return [
        replace(decision, grants=tuple(each.grant for each in lasting if each.waiver.requirement == decision.id))
        for decision in decisions
    ]


def listed(
    considered: Sequence[Considered], examined: Sequence[Examined], decisions: Sequence[Decision]
) -> list[dict[str, Any]]:
    """Every waiver that was handed in, as the verdict document lists it; those that are no evidence at all too."""
    waived = {decision.id for decision in decisions if decision.outcome == "waived"}
    known = {each.statement.sha256: each for each in considered}
    return [
        _row(result, known.get(result.sha256), waived)
        for result in examined if result.sha256 in known or result.predicate_type == WAIVER
    ]


def _row(result: Examined, found: Considered | None, waived: set[str]) -> dict[str, Any]:
    waiver = found.waiver if found else None
    effect, why = _effect(result, found, waived)
    return {
        "file": result.file, "sha256": result.sha256, "effect": effect, "why": why,
        "requirement": waiver.requirement if waiver else "", "policy": waiver.policy_id if waiver else "",
        "approver": result.principal.name if result.principal else "",
        "party": result.principal.party if result.principal else "",
        "reason": waiver.reason if waiver else "", "compensatingMeasure": waiver.measure if waiver else "",
        "approvedOn": waiver.approved_on if waiver else "", "expires": waiver.expires if waiver else "",
    }


def _effect(result: Examined, found: Considered | None, waived: set[str]) -> tuple[Effect, str]:
    if found is None:
        return "none", result.reason
    if found.objection:
        return "none", found.objection
    if found.waiver.requirement in waived:
        return "waives", f"counts until {found.waiver.expires}"
    return "not-needed", "the requirement is met, or does not apply, without it"
