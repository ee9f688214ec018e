"""A reproduction: what was recomputed or made again, and whether it came out the same.

Predicate `urn:open-provenance:reproduction:v0.1` (`schemas/reproduction.schema.json`,
`attestations/reproduction.md`); the subject is the artefact that was reproduced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement

REPRODUCTION = URN + "reproduction:v0.1"
Outcome = Literal["equal", "equal-in-tensors", "different"]
MEANING: dict[Outcome, str] = {
    "equal": "every file is bit for bit what was attested",
    "equal-in-tensors": "every tensor has the attested values, but the files around them differ",
    "different": "values differ from what was attested",
}


@dataclass(frozen=True)
class Reproduction:
    """One attempt: `mode` is `checksums` (recomputed from bytes) or `rerun` (the recorded step ran again)."""

    subjects: tuple[ResourceDescriptor, ...]
    facts: Mapping[str, Any]

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        validate(self.facts, "reproduction", "reproduction")
        return Statement(self.subjects, REPRODUCTION, self.facts)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Reproduction:
        """Parse; StatementError `schema-mismatch`."""
        validate(statement.predicate, "reproduction", location)
        return cls(statement.subjects, statement.predicate)
