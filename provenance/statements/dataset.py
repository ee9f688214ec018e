"""A dataset: where it comes from, how it was made, under which licence, and whether one can have it.

Predicate `urn:open-provenance:dataset:v0.1` (`schemas/dataset.schema.json`, `attestations/dataset.md`); the subject
is the dataset's folder or file. The fields map to OSAID 1.0's data information and the Data Provenance Standards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement

DATASET = URN + "dataset:v0.1"
# What D-2 asks to be described (OSAID 1.0, data information), with the field that holds it.
DESCRIBED = {"source": "source", "obtaining": "source.obtained", "selection": "selection", "labelling": "labelling",
             "processing": "processing"}

# What D-8 asks to be stated: the 22 fields of the Data Provenance Standards 1.0.0, with what holds each.
STANDARD = {
    "standard version": "dataProvenance.standardVersion", "title": "name", "identifier": "dataProvenance.identifier",
    "metadata location": "dataProvenance.metadataLocation", "issuer": "source.publisher", "description": "description",
    "source metadata": "dataProvenance.sourceMetadata", "source if different": "dataProvenance.sourceIfDifferent",
    "origin geography": "dataProvenance.originGeography", "issue date": "dataProvenance.issueDate",
    "previous date": "dataProvenance.previousDate", "generation range": "period", "method": "dataProvenance.method",
    "format": "dataProvenance.format", "confidentiality": "dataProvenance.confidentiality",
    "consent documentation": "dataProvenance.consentDocumentation", "privacy tools": "dataProvenance.privacyTools",
    "processing geography": "dataProvenance.processingGeography", "storage geography": "residency",
    "licence": "license", "intended use": "dataProvenance.intendedUse",
    "proprietary data": "dataProvenance.proprietaryData",
}


def is_answer(value: object) -> bool:
    """Whether a stated value answers what was asked: `none` does, `unknown` and an empty text do not."""
    return bool(value) and not (isinstance(value, str) and value.strip(" .").lower() in ("", "unknown"))


@dataclass(frozen=True)
class Dataset:
    """One dataset by digest, and the facts that its supplier states."""

    subjects: tuple[ResourceDescriptor, ...]
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.facts["name"])

    @property
    def license(self) -> str | None:
        """The licence as its supplier wrote it, or None."""
        return self.facts.get("license")

    @property
    def availability(self) -> Mapping[str, str]:
        """`class` (open, public, obtainable, unshareable), `locator` and `reason`, as far as stated."""
        return dict(self.facts.get("availability", {}))

    def undescribed(self) -> list[str]:
        """Which parts of the data information are missing or empty."""
        return [part for part, path in DESCRIBED.items() if not self._at(path)]

    def unstated(self) -> list[str]:
        """Which fields of the Data Provenance Standards are missing, or not known."""
        return [part for part, path in STANDARD.items() if not is_answer(self._at(path))]

    def _at(self, path: str) -> Any:
        value: Any = self.facts
        for key in path.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        validate(self.facts, "dataset", f"dataset {self.facts.get('name', '')}")
        return Statement(self.subjects, DATASET, self.facts)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Dataset:
        """Parse; StatementError `schema-mismatch`."""
        validate(statement.predicate, "dataset", location)
        return cls(statement.subjects, statement.predicate)
