"""A release: what is published with a model, under which licences, and on which evidence it stands.

Predicate `urn:open-provenance:release:v0.1` (`schemas/release.schema.json`, `attestations/release.md`); the subject
is the model folder. It lists by sha256 every bundle, dataset and base model that it stands on, so that evidence
which is taken away is missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provenance.statements.reader import validate
from provenance.statements.statement import URN, ResourceDescriptor, Statement, descriptors

RELEASE = URN + "release:v0.1"
# Component names of the Model Openness Framework 1.0, in kebab case.
COMPONENTS = (
    "model-architecture", "model-parameters-final", "model-parameters-intermediate", "technical-report",
    "research-paper", "evaluation-results", "model-card", "data-card", "sample-model-outputs", "training-code",
    "inference-code", "evaluation-code", "evaluation-data", "supporting-libraries-and-tools", "datasets",
    "data-preprocessing-code", "model-metadata",
)

# The Commission's template for the summary of training content (24 July 2025).
TEMPLATE_SECTIONS = ("1.1", "1.2", "1.3", "2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3.1", "3.2")


@dataclass(frozen=True)
class Component:
    """One part of a release: a MOF component, the thing itself, and the licence as the producer wrote it."""

    component: str
    thing: ResourceDescriptor
    license: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the schema spells it."""
        license = {"license": self.license} if self.license else {}
        return {"component": self.component, **self.thing.to_dict(), **license}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], location: str) -> Component:
        """Parse one that the schema has already seen."""
        thing = {key: value for key, value in data.items() if key not in ("component", "license")}
        return cls(data["component"], ResourceDescriptor.from_dict(thing, location), data.get("license"))


@dataclass(frozen=True)
class Release:
    """A model release by digest, its components, the evidence that it stands on, and its declarations."""

    subjects: tuple[ResourceDescriptor, ...]
    name: str
    version: str = ""
    producer: str = ""
    created_on: str = ""
    components: tuple[Component, ...] = ()
    evidence: tuple[ResourceDescriptor, ...] = ()
    datasets: tuple[ResourceDescriptor, ...] = ()
    base_models: tuple[ResourceDescriptor, ...] = ()
    declarations: Mapping[str, Any] = field(default_factory=dict)

    def having(self, *components: str) -> tuple[Component, ...]:
        """The components of these kinds."""
        return tuple(item for item in self.components if item.component in components)

    def to_statement(self) -> Statement:
        """The statement to sign; StatementError `schema-mismatch`."""
        named = {"version": self.version, "producer": self.producer, "createdOn": self.created_on}
        predicate = {
            "name": self.name,
            **{key: value for key, value in named.items() if value},
            "components": [item.to_dict() for item in self.components],
            "evidence": [item.to_dict() for item in self.evidence],
            "datasets": [item.to_dict() for item in self.datasets],
            "baseModels": [item.to_dict() for item in self.base_models],
            "declarations": dict(self.declarations),
        }
        validate(predicate, "release", f"release {self.name}")
        return Statement(self.subjects, RELEASE, predicate)

    @classmethod
    def from_statement(cls, statement: Statement, location: str) -> Release:
        """Parse; StatementError `schema-mismatch`."""
        data = statement.predicate
        validate(data, "release", location)
        return cls(
            statement.subjects, data["name"],
            data.get("version", ""), data.get("producer", ""), data.get("createdOn", ""),
            tuple(Component.from_dict(item, location) for item in data["components"]),
            descriptors(data["evidence"], location), descriptors(data["datasets"], location),
            descriptors(data["baseModels"], location), data["declarations"],
        )
