"""Dataset: which records a dataset holds, and proofs that one of them is among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import ArtifactError, Finding, UsageError

if TYPE_CHECKING:
    from provenance.artifacts.crew import Progress
    from provenance.artifacts.dataset.content import Content, Split
    from provenance.artifacts.dataset.proof import Proof
    from provenance.artifacts.dataset.schema import Schema
    from provenance.artifacts.dataset.splits import Layout

Files = Path | Mapping[str, Sequence[Path]]
Total = Callable[[int], None]
_ROOT = re.compile(r"(?:datasetTree:)?([0-9a-f]{64})")


def digest_dataset(files: Files, schema: Schema | Path | None = None, *, columns: Collection[str] | None = None,
                   progress: Progress | None = None, total: Total | None = None) -> Content:
    """The content of a dataset: its root, splits, shards and columns.

    `files` is a file, a folder, or for each split its files in order. `schema` (or a file that holds one) is needed
    for JSON Lines and CSV; Parquet and Arrow files are read under their own where there is none. With `columns`, only
    these are digested. ArtifactError for anything that cannot be read exactly.
    """
    from provenance.artifacts.dataset.content import read_content

    layout = _layout(files, total)
    return read_content(layout, _schema(schema), columns=columns, progress=progress)[0]


def prove_row(files: Files, row: int, *, split: str | None = None, schema: Schema | Path | None = None,
              columns: Collection[str] | None = None, progress: Progress | None = None,
              total: Total | None = None) -> Proof:
    """The proof that a record is in the dataset: number `row`, counted from 0, of a split.

    UsageError where there are several splits and none is named; ArtifactError `dataset-row-missing`.
    """
    from provenance.artifacts.dataset.proof import prove

    layout = _layout(files, total)
    names = [name for name, _ in layout.splits]
    if split is None and len(names) > 1:
        raise UsageError("usage", "the dataset has several splits", hint=f"name one of {', '.join(names)}")
    split = names[0] if split is None else split
    if split not in names:
        raise ArtifactError("dataset-row-missing", f"the dataset has no split {split}",
                            hint=f"its splits are {', '.join(names)}")
    if row < 0:
        raise UsageError("usage", "records are counted from 0", hint="give the number of a record")
    return prove(layout, split, row, _schema(schema), columns=columns, progress=progress)


@dataclass(frozen=True)
class CheckedProof:
    """What a proof shows. `root` is where it leads to, None if nowhere; `expected` is the root that was asked for."""

    proof: Proof
    root: str | None
    expected: str | None
    findings: tuple[Finding, ...]

    @property
    def verified(self) -> bool:
        """Whether the record is in the dataset with this root, and that is the one that was asked for."""
        return self.root is not None and not self.findings

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON (`schemas/dataset-check.schema.json`)."""
        return {
            "schemaVersion": "0.1",
            "kind": "DatasetCheck",
            "verified": self.verified,
            "digest": {"datasetTree": self.root} if self.root else None,
            "expected": {"datasetTree": self.expected} if self.expected else None,
            "split": self.proof.split,
            "row": self.proof.row,
            "values": self.proof.values,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_proof(data: bytes, *, location: str = "proof", root: str | None = None,
                record: Mapping[str, Any] | None = None) -> CheckedProof:
    """Whether a proof leads from its record to the root of the dataset. Needs no file of the dataset.

    `root` is the one of the dataset that is meant: without it, the answer holds for the dataset that the proof itself
    names, whoever wrote it. `record` is compared with the one in the proof. StatementError for a document that is no
    proof; UsageError for a root that is no digest.
    """
    from provenance.artifacts.dataset.proof import Proof
    from provenance.statements.reader import parse_json, validate

    document = parse_json(data, location)
    validate(document, "dataset-proof", location)
    proof = Proof.from_dict(document, location)
    expected = _expected(root)
    return CheckedProof(proof, proof.root, expected, tuple(_faults(proof, expected, record, location)))


def _faults(proof: Proof, expected: str | None, record: Mapping[str, Any] | None, location: str) -> list[Finding]:
    from provenance.artifacts.dataset.encoding import encode_record
    from provenance.artifacts.dataset.proof import read_record

    faults = []
    if proof.root is None:
        faults.append("a path in it does not fit the place that it speaks of")
    elif proof.root != proof.claimed:
        faults.append("it does not lead to the root that it names")
    elif expected is not None and proof.root != expected:
        faults.append("it leads to the root of another dataset")
    if record is not None:
        wanted = encode_record(proof.schema, read_record(proof.schema, record, "the record"))
        if wanted != encode_record(proof.schema, proof.record):
            faults.append("it speaks of another record")
    return [Finding("dataset-proof-invalid", "error", f"the proof does not hold: {fault}", location,
                    "ask for a proof from the dataset that the attestation names") for fault in faults]


def _expected(root: str | None) -> str | None:
    found = None if root is None else _ROOT.fullmatch(root)
    if root is not None and found is None:
        raise UsageError("usage", "not the root of a dataset", location=root[:100],
                         hint="give 64 lower-case hexadecimal characters, as `dataset digest` prints them")
    return found[1] if found else None


def _layout(files: Files, total: Total | None) -> Layout:
    from provenance.artifacts.dataset.splits import layout_from, layout_of

    layout = layout_of(files) if isinstance(files, Path) else layout_from(files)
    if not layout.splits:
        raise UsageError("usage", "no file is named", hint="give a file, a folder, or the files of each split")
    if total is not None:
        total(sum(place.size for _, places in layout.splits for place in places))
    return layout


def _schema(schema: Schema | Path | None) -> Schema | None:
    from provenance.artifacts.dataset.schema import parse_schema

    if not isinstance(schema, Path):
        return schema
    try:
        data = schema.read_bytes()
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the schema: {err.strerror}", location=str(schema),
                            hint="check the path") from err
    return parse_schema(data, str(schema))


def content_document(content: Content) -> dict[str, Any]:
    """The answer as JSON (`schemas/dataset-content.schema.json`)."""
    return {
        "schemaVersion": "0.1",
        "kind": "DatasetContent",
        "digest": content.digest,
        "records": content.records,
        "bytes": content.size,
        "schema": content.schema.to_dict(),
        "splits": [_split_document(split) for split in content.splits],
        "leftOut": list(content.left_out),
    }


def _split_document(split: Split) -> dict[str, Any]:
    return {
        "name": split.name,
        "digest": {"datasetSplit": split.digest},
        "records": split.records,
        "shards": [{"path": shard.path, "size": shard.size, "sha256": shard.sha256, "records": shard.records}
                   for shard in split.shards],
        "columns": [{"name": column.name, "digest": column.digest, "bytes": column.size} for column in split.columns],
    }
