"""A proof that a record is in a dataset, to be checked without the rest of it and without any library of Arrow.

The record leads, by its audit path, to the head of its split; the split, by its own path, to the root. A proof
carries the root that it claims, and proves nothing by that: what counts is whether the root that it leads to is the
one in an attestation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.dataset.content import ALGORITHM, Split, read_content, root_of
from provenance.artifacts.dataset.encoding import decode_record, encode_record, leaf_hash
from provenance.artifacts.dataset.schema import Schema
from provenance.artifacts.dataset.splits import Layout
from provenance.artifacts.dataset.tree import Tree, head_from_path
from provenance.artifacts.dataset.values import WrongTypeError, fields, to_json
from provenance.errors import ArtifactError

VERSION = "0.1"


@dataclass(frozen=True)
class Proof:
    """One record (plain values), its place, and the two paths that lead from it to the root.

    `claimed` is the root that the proof names; `root` is the one that it leads to.
    """

    schema: Schema
    record: tuple[Any, ...]
    row: int
    path: tuple[bytes, ...]
    split: str
    records: int
    split_index: int
    splits: int
    split_path: tuple[bytes, ...]
    claimed: str

    @property
    def root(self) -> str | None:
        """The root that the record leads to, in hex; None where a path does not fit its place."""
        leaf = leaf_hash(encode_record(self.schema, self.record))
        head = head_from_path(leaf, self.row, self.records, self.path)
        if head is None:
            return None
        split = Split(self.split, self.records, self.schema, head.hex())
        top = head_from_path(split.leaf, self.split_index, self.splits, self.split_path)
        return None if top is None else root_of(self.splits, top)

    @property
    def values(self) -> dict[str, Any]:
        """The record as JSON."""
        return {name: to_json(kind, value) for (name, kind), value in zip(self.schema, self.record, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """The proof as JSON (`schemas/dataset-proof.schema.json`)."""
        return {
            "schemaVersion": VERSION,
            "kind": "DatasetProof",
            "dataset": {"digest": {ALGORITHM: self.claimed}, "splits": self.splits},
            "schema": self.schema.to_dict(),
            "split": {"name": self.split, "index": self.split_index, "records": self.records,
                      "path": [step.hex() for step in self.split_path]},
            "record": {"row": self.row, "values": self.values, "path": [step.hex() for step in self.path]},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], location: str) -> Proof:
        """Parse what the schema has let through; ArtifactError `dataset-schema-invalid`, `dataset-value-invalid`."""
        schema = Schema.from_dict(document["schema"], location)
        split, record = document["split"], document["record"]
        # int(): to JSON Schema, 1.0 is an integer too.
        return cls(schema, read_record(schema, record["values"], location), int(record["row"]), _path(record["path"]),
                   split["name"], int(split["records"]), int(split["index"]), int(document["dataset"]["splits"]),
                   _path(split["path"]), document["dataset"]["digest"][ALGORITHM])


def _path(steps: Collection[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(step) for step in steps)


def read_record(schema: Schema, values: Mapping[str, Any], location: str) -> tuple[Any, ...]:
    """The plain values of a record in JSON; ArtifactError `dataset-value-invalid`."""
    try:
        return tuple(column[0] for column in fields(schema.names, schema.types, [dict(values)]))
    except WrongTypeError as err:
        raise ArtifactError("dataset-value-invalid", f"not a record of the schema: {err}", location=location,
                            hint="attestations/dataset-tree.md says how each type is written in JSON") from err


def prove(layout: Layout, split: str, row: int, schema: Schema | None = None, *,
          columns: Collection[str] | None = None, progress: Progress | None = None) -> Proof:
    """The proof for record number `row` (from 0) of a split; ArtifactError `dataset-row-missing`. Reads everything."""
    content, found = read_content(layout, schema, columns=columns, progress=progress, find=(split, row))
    index = [part.name for part in content.splits].index(split)
    tree = Tree(index)
    tree.extend([part.leaf for part in content.splits])
    record = decode_record(content.schema, found.record if found else b"")
    proof = Proof(content.schema, record, row, found.path if found else (), split, content.splits[index].records,
                  index, len(content.splits), tree.path(), content.root)
    # What is handed out must hold when it is read again from its JSON.
    again = replace(proof, record=read_record(content.schema, proof.values, ""))
    if again.root != content.root:
        raise ArtifactError("dataset-proof-invalid", "the proof that was made does not lead to the root of the dataset",
                            hint="please report it, with the schema of the dataset")
    return proof
