"""What a reproduction reports: the outcome, each statement that was compared, and every difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from provenance.bundles.trust import timestamp
from provenance.bundles.verifier import Examined, VerifiedStatement
from provenance.errors import Finding, RunError
from provenance.statements.reproduction import MEANING, Outcome, Reproduction
from provenance.statements.statement import ResourceDescriptor
from provenance.workflows.reproducer.comparing import Comparison, Difference

UNDETERMINED = "nothing could be compared, so nothing is known"


@dataclass(frozen=True)
class Compared:
    """One thing that one trusted statement attests, held against bytes; `label` says what kind of statement it is."""

    statement: VerifiedStatement
    label: str
    subjects: tuple[ResourceDescriptor, ...]
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """As `schemas/reproduction-report.schema.json` spells it."""
        principal = self.statement.principal
        return {
            "file": self.statement.file, "sha256": self.statement.sha256, "statement": self.label,
            "subject": self.subjects[0].name, "principal": principal.name if principal else "",
            "outcome": self.comparison.outcome,
            "compared": {"files": self.comparison.files, "tensors": self.comparison.tensors},
            "differences": [difference.to_dict() for difference in self.comparison.differences],
        }


@dataclass(frozen=True)
class ReproductionReport:
    """How one attempt came out.

    Checksums: the outcome is that of the statement that fits best. Rerun: that of the output that fits worst.
    `undetermined` where nothing was compared; only `equal` is passed.
    """

    mode: Literal["checksums", "rerun"]
    model: str
    outcome: Outcome | Literal["undetermined"]
    compared: tuple[Compared, ...]
    differences: tuple[Difference, ...]
    started: datetime
    finished: datetime
    rejected: tuple[Examined, ...] = ()
    findings: tuple[Finding, ...] = ()
    step: VerifiedStatement | None = None
    step_name: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether everything came out bit for bit, and nothing of it is recalled."""
        return self.outcome == "equal" and not any(found.code == "artifact-recalled" for found in self.findings)

    @property
    def meaning(self) -> str:
        """The outcome in words."""
        return UNDETERMINED if self.outcome == "undetermined" else MEANING[self.outcome]

    @property
    def files(self) -> int:
        """How many attested files were compared."""
        return self._count("files")

    @property
    def tensors(self) -> int:
        """How many attested tensors were compared."""
        return self._count("tensors")

    def _count(self, what: Literal["files", "tensors"]) -> int:
        return sum(getattr(item.comparison, what) for item in self._decisive)

    @property
    def _decisive(self) -> tuple[Compared, ...]:
        """What the outcome is about: every output that was made again, or the statement that fits best."""
        return self.compared if self.mode == "rerun" else self.compared[:1]

    def to_statement(self) -> Reproduction:
        """What can be signed; RunError `reproduction-undetermined` where nothing was compared."""
        if self.outcome == "undetermined":
            raise RunError("reproduction-undetermined", UNDETERMINED, location=self.model,
                           hint="an outcome is needed before it can be stated")
        facts: dict[str, Any] = {
            **self._facts(),
            "evidence": [ResourceDescriptor(item.statement.file, {"sha256": item.statement.sha256}).to_dict()
                         for item in _once(self.compared)],
        }
        if self.step is not None:
            facts["step"] = {"name": self.step_name, "digest": {"sha256": self.step.sha256}}
        if self.environment:
            facts["environment"] = dict(self.environment)
        return Reproduction(tuple(subject for item in self._decisive for subject in item.subjects), facts)

    def to_dict(self) -> dict[str, Any]:
        """The document that is printed (`schemas/reproduction-report.schema.json`)."""
        return {
            "schemaVersion": "0.1", "kind": "ReproductionReport", "model": self.model, "passed": self.passed,
            **self._facts(),
            "step": {"name": self.step_name, "sha256": self.step.sha256} if self.step else None,
            "environment": dict(self.environment),
            "statements": [item.to_dict() for item in self.compared],
            "rejected": [{"file": item.file, "sha256": item.sha256, "status": item.status, "code": item.code,
                          "reason": item.reason} for item in self.rejected],
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "mode": self.mode, "outcome": self.outcome, "meaning": self.meaning,
            "compared": {"files": self.files, "tensors": self.tensors},
            "differences": [difference.to_dict() for difference in self.differences],
            "startedOn": timestamp(self.started), "finishedOn": timestamp(self.finished),
        }


def _once(compared: tuple[Compared, ...]) -> list[Compared]:
    return list({item.statement.sha256: item for item in compared}.values())
