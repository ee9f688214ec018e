"""Declared: documents that anyone could have written, and what each of them says, in nobody's voice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provenance.bundles.verifier import VerifiedStatement, Verifier
from provenance.declared.document import Declared
from provenance.declared.reading import read_declared
from provenance.declared.validating import validated
from provenance.errors import Finding, ProvenanceError
from provenance.files import read_small
from provenance.policy import licences
from provenance.statements.reader import MAX_JSON
from provenance.statements.statement import all_identities

MOST_LINES = 100  # of one document beside a verdict; `provenance declared` tells all of them
INFORMATIONAL = "Declared, unsigned: anyone could have written this, and it shows nothing."


@dataclass(frozen=True)
class Reading:
    """Documents with what they declare, and those that could not be read, with the reason."""

    read: tuple[Declared, ...]
    refused: tuple[tuple[str, ProvenanceError], ...]

    def statements(self, verifier: Verifier) -> list[VerifiedStatement]:
        """The datasets that can be joined by a digest, in the form of dataset statements that nobody signed."""
        return [
            verifier.declare(dataset.to_statement(), declared.file, declared.sha256)
            for declared in self.read for dataset in declared.datasets if all_identities(dataset.subjects)
        ]

    def findings(self) -> Iterator[Finding]:
        """What was read, and what was not."""
        for declared in self.read:
            told = f"read as {declared.format}; what it declares is unsigned, and shows nothing"
            yield Finding("declared-read", "info", told, declared.file, "see `provenance declared`")
            yield from declared.findings
        for file, err in self.refused:
            yield Finding(err.code, "warning", f"not read: {err.message}", file, err.hint)


NOTHING_READ = Reading((), ())


def read_all(files: Sequence[Path], root: Path | None = None, *, validate: bool = False) -> Reading:
    """Read documents; `root` is the folder of the files that a `dvc.lock` names, to be read again.

    `validate` also holds a bill of materials against its specification, by its library (extra `bom`).
    One that cannot be read is told beside the others. ArtifactError `input-unreadable` for one that is not there.
    """
    read: list[Declared] = []
    refused: list[tuple[str, ProvenanceError]] = []
    for file in files:
        data = read_small(file, most=MAX_JSON)
        try:
            declared = read_declared(data, file.name, root)
            more = tuple(validated(declared, data)) if validate else ()
            read.append(replace(declared, findings=(*declared.findings, *more)))
        except ProvenanceError as err:
            refused.append((file.name, err))
    return Reading(tuple(read), tuple(refused))


def document(reading: Reading) -> dict[str, Any]:
    """The answer of the command (`schemas/declared.schema.json`)."""
    return {
        "schemaVersion": "0.1", "kind": "Declared", "informational": True, "note": INFORMATIONAL,
        "documents": [_told(declared) for declared in reading.read],
        "refused": [{"file": file, "code": err.code, "message": err.message, "hint": err.hint}
                    for file, err in reading.refused],
    }


def beside_a_verdict(reading: Reading) -> list[dict[str, Any]]:
    """What was declared beside the model, as the verdict document tells it: the first lines, and how many more."""
    rows = []
    for declared in reading.read:
        lines = [line.to_dict() for line in declared.lines()]
        rows.append({"file": declared.file, "sha256": declared.sha256, "format": declared.format,
                     "lines": lines[:MOST_LINES], "more": len(lines[MOST_LINES:])})
    return rows


def _told(declared: Declared) -> dict[str, Any]:
    said = [dataset.license for dataset in declared.datasets] + [part.license for part in declared.components]
    return {
        "file": declared.file, "sha256": declared.sha256, "format": declared.format,
        "lines": [line.to_dict() for line in declared.lines()],
        "licences": list(_licences(said)),
        "findings": [finding.to_dict() for finding in declared.findings],
    }


def _licences(said: Iterable[str | None]) -> Iterable[dict[str, Any]]:
    """Each licence as it is written, once, with the expression that it is known by (null: unknown)."""
    for licence in dict.fromkeys(each for each in said if each):
        read = licences.normalise(licence)
        yield {"declared": licence, "expression": read.expression, "reason": read.reason}
