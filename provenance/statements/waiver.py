"""A waiver: somebody who may decides to go without one requirement of one policy for one model, until a day.

Predicate `urn:open-provenance:waiver:v0.1` (`schemas/waiver.schema.json`, `attestations/waiver.md`); the subject is the
model folder. It binds the digest of the resolved policy: a policy that changes in any way is waived anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement

WAIVER = URN + "waiver:v0.1"


@dataclass(frozen=True)
class Waiver:
    """One requirement of one policy (`policy_digest`: sha256), waived for the subjects; times are RFC 3339, UTC."""

    subjects: tuple[ResourceDescriptor, ...]
    policy_id: str
    policy_digest: str
    requirement: str
    reason: str
    approved_on: str
    expires: str
    measure: str = ""

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        predicate = {
            "policy": {"id": self.policy_id, "digest": {"sha256": self.policy_digest}},
            "requirement": self.requirement, "reason": self.reason,
            **({"compensatingMeasure": self.measure} if self.measure else {}),
            "approvedOn": self.approved_on, "expires": self.expires,
        }
        validate(predicate, "waiver", f"waiver of {self.requirement}")
        return Statement(self.subjects, WAIVER, predicate)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Waiver:
        """Parse; StatementError `schema-mismatch`."""
        data = statement.predicate
        validate(data, "waiver", location)
        return cls(
            statement.subjects, data["policy"]["id"], data["policy"]["digest"]["sha256"], data["requirement"],
            data["reason"], data["approvedOn"], data["expires"], data.get("compensatingMeasure", ""),
        )
