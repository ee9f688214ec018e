"""An assessment: what a person found who looked at the evidence, where a machine cannot tell.

Predicate `urn:open-provenance:assessment:v0.1` (`schemas/assessment.schema.json`, `attestations/assessment.md`); the
subject is the model or a dataset. In which role the person speaks is not in it: the trust file of whoever relies on it
says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement, descriptors

ASSESSMENT = URN + "assessment:v0.1"
# The closed list of scales, each with its findings from best to worst; what a finding means is not the signer's choice.
SCALES: Mapping[str, tuple[str, str, str]] = {
    "adequacy": ("adequate", "partly-adequate", "inadequate"),
    "yes-no": ("yes", "cannot-tell", "no"),
}


@dataclass(frozen=True)
class Assessment:
    """One finding about one requirement of the catalogue, or about a question in words; times are RFC 3339, UTC."""

    subjects: tuple[ResourceDescriptor, ...]
    scale: str
    finding: str
    rationale: str
    method: str
    evidence: tuple[ResourceDescriptor, ...]
    assessed_on: str
    valid_until: str
    requirement: str = ""
    question: str = ""

    @property
    def looked_at(self) -> frozenset[str]:
        """The sha256 of everything that the person looked at."""
        return frozenset(item.digest.get("sha256", "") for item in self.evidence)

    @property
    def about(self) -> str:
        """The requirement, or the question in words."""
        return self.requirement or self.question

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        asked = {"requirement": self.requirement, "question": self.question}
        predicate: dict[str, Any] = {
            **{key: value for key, value in asked.items() if value},
            "scale": self.scale, "finding": self.finding, "rationale": self.rationale, "method": self.method,
            "evidence": [item.to_dict() for item in self.evidence],
            "assessedOn": self.assessed_on, "validUntil": self.valid_until,
        }
        validate(predicate, "assessment", f"assessment of {self.about}")
        return Statement(self.subjects, ASSESSMENT, predicate)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Assessment:
        """Parse; StatementError `schema-mismatch`."""
        data = statement.predicate
        validate(data, "assessment", location)
        return cls(
            statement.subjects, data["scale"], data["finding"], data["rationale"], data["method"],
            descriptors(data["evidence"], location), data["assessedOn"], data["validUntil"],
            data.get("requirement", ""), data.get("question", ""),
        )
