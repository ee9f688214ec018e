"""Diff: two files or folders side by side, by their tensors first, then by header metadata and other files.

The order: read both (`sides.py`), compare the weights, name the relation, compare what is beside the weights. `same`
means that whoever loads the one is shown to have what whoever loads the other has: equal weights, and, where both are
folders, equal other files; headers alone show nothing to be the same. The container, the cut into shards and
safetensors' header metadata are told and do not count; a GGUF file, which holds tokenizer and template too, is the same
only bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.artifacts.comparison import Change, Comparison, compare, size_of
from provenance.artifacts.layers import STATES, Layer, layers, ranges
from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.artifacts.relation import Relation, relation
from provenance.artifacts.tensors import Tensor
from provenance.errors import ArtifactError
from provenance.workflows.phases import Phases, silent
from provenance.workflows.sides import Metadata, Side, containers, read_sides

# Containers that hold more than tensors: two of them are the same only bit for bit.
_RICH_SUFFIXES = (".gguf",)
_STORED_DIFFERENTLY = (
    "They are stored differently: in another container, other shards or another order, or with other metadata."
)
_WITHOUT_WEIGHTS = {True: "Equal files; neither holds tensors that are read.",
                    False: "Files that differ; neither holds tensors that are read."}


@dataclass(frozen=True)
class FileChange:
    """A file beside the weights whose bytes differ; None as a digest: it is not there, "": it was not read."""

    path: str
    first: str | None
    second: str | None

    @property
    def fate(self) -> str:
        """What became of it, in words."""
        if self.first is None or self.second is None:
            return "only in the second" if self.first is None else "only in the first"
        return "differs"


@dataclass(frozen=True)
class MetadataChange:
    """A key of the weight headers' metadata whose values differ; a sharded model may give several values."""

    key: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """Two artefacts side by side. `weights` is None where neither holds tensors that are read.

    `files` is None where one of the two is a file: then there is nothing beside the weights to compare; and where
    `headers_only` was asked for. `metadata` is None where one of the two was not kept by where it came from.
    """

    first: Side
    second: Side
    weights: Comparison | None
    relation: Relation | None
    metadata: tuple[MetadataChange, ...] | None
    files: tuple[FileChange, ...] | None
    files_compared: int
    layers: tuple[Layer, ...]
    rich_differ: bool = False
    headers_only: bool = False

    @property
    def identical(self) -> bool:
        """Whether both are the same bit for bit."""
        digests = self.first.manifest.digest, self.second.manifest.digest
        return not self.headers_only and bool(digests[0]) and digests[0] == digests[1]

    @property
    def same(self) -> bool:
        """Whether both are shown to be the same to whoever loads them; see the module's docstring."""
        if self.identical:
            return True
        if self.weights is None:
            return self.files == ()
        return self.weights.same and not self.files and not self.rich_differ

    @property
    def sentence(self) -> str:
        """What the two are to each other, for people; it quotes nothing from either."""
        if self.identical:
            return "The same, bit for bit."
        if self.relation is None:
            holding = [name for name, side in (("first", self.first), ("second", self.second)) if side.manifest.weights]
            return f"Only the {holding[0]} holds weights." if holding else _WITHOUT_WEIGHTS[self.same]
        if self.relation.kind != "same-weights":
            return self.relation.sentence
        if self.rich_differ:
            beside = "The files hold more than tensors, and that differs."
        elif _digests(containers(self.first.manifest)) == _digests(containers(self.second.manifest)):
            beside = "Other files differ." if self.files else "The weight files are the same too."
        else:
            beside = _STORED_DIFFERENTLY
        return f"{self.relation.sentence} {beside}"

    def unchanged_layers(self) -> list[str]:
        """The layers in which nothing but names differs, in their order, runs of numbers joined."""
        return ranges([layer.name for layer in self.layers if layer.is_unchanged])

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON (`schemas/diff.schema.json`)."""
        found = self.relation
        return {
            "schemaVersion": "0.1",
            "kind": "Diff",
            "same": self.same,
            "identical": self.identical,
            "valuesCompared": not self.headers_only,
            "relation": {"kind": found.kind, "base": found.base} if found else None,
            "sentence": self.sentence,
            "first": _side(self.first),
            "second": _side(self.second),
            "weights": _weights_document(self.weights, self.layers) if self.weights else None,
            "metadata": None if self.metadata is None else [
                {"key": row.key, "first": list(row.first), "second": list(row.second)} for row in self.metadata
            ],
            "files": self._files_document(),
        }

    def _files_document(self) -> dict[str, Any] | None:
        if self.files is None:
            return None
        rows = [{"path": row.path, "fate": row.fate, "first": row.first or None, "second": row.second or None}
                for row in self.files]
        return {"compared": self.files_compared, "different": rows}


def diff(
    first: Path | str, second: Path | str, *, online: bool = False, headers_only: bool = False,
    progress: Phases | None = None,
) -> Diff:
    """Read both and compare them; ArtifactError where one cannot be read, or its tensors cannot and the other's can.

    Each is a path, or an address as `workflows.digest.digest` takes it; of one at an address no more is fetched than
    the answer needs. With `headers_only` names, dtypes and shapes are compared, and no values and no other files.
    """
    sides = read_sides((first, second), online=online, headers_only=headers_only, listen=progress or silent)
    left, right = (side.manifest for side in sides)
    if not left.digest or left.digest != right.digest:
        _refuse_incomparable(left, right)
    if headers_only:
        _refuse_without_headers(left, right)
    weights = None
    if left.weights and right.weights:
        weights = compare(left.weights, right.weights, headers_only=headers_only)
    before, after = (_others(side) if weights else side.files for side in (left, right))
    has_files = not (left.is_file or right.is_file or headers_only)
    return Diff(
        *sides, weights, relation(weights) if weights else None,
        _metadata_changes(sides[0].metadata, sides[1].metadata),
        tuple(_file_changes(before, after)) if has_files else None,
        len({entry.path for entry in (*before, *after)}) if has_files else 0,
        tuple(layers(weights)) if weights else (), _rich(left) != _rich(right), headers_only,
    )


def _refuse_without_headers(*sides: Manifest) -> None:
    for side in sides:
        if side.weights is None:
            raise ArtifactError("folder-has-no-weights", "no file here holds weights, so there are no headers to "
                                "compare", location=side.name, hint="leave out --headers-only")


def _refuse_incomparable(left: Manifest, right: Manifest) -> None:
    """Of weights that are not read, nobody can say whether they are those of the other side."""
    for side, other in ((left, right), (right, left)):
        if side.weights is None and other.weights is not None and side.weight_files:
            file = side.weight_files[0].path
            why = next((f for f in side.findings if f.location == file), None)
            told = f": {why.message}" if why else ""
            raise ArtifactError(why.code if why else "weights-unsupported", "its tensors are not read, so they cannot "
                                f"be compared{told}", location=file, hint="convert them to safetensors")


def _others(side: Manifest) -> tuple[FileEntry, ...]:
    holding = {entry.path for entry in containers(side)}
    return tuple(entry for entry in side.files if entry.path not in holding)


def _digests(entries: Iterable[FileEntry]) -> list[str]:
    return sorted(entry.sha256 for entry in entries)


def _rich(side: Manifest) -> list[str]:
    return _digests(entry for entry in containers(side) if entry.path.lower().endswith(_RICH_SUFFIXES))


def _file_changes(left: Iterable[FileEntry], right: Iterable[FileEntry]) -> Iterator[FileChange]:
    before = {entry.path: entry.sha256 for entry in left}
    after = {entry.path: entry.sha256 for entry in right}
    for path in sorted(before.keys() | after.keys(), key=lambda path: path.encode("utf-8")):
        row = FileChange(path, before.get(path), after.get(path))
        if row.first != row.second or not row.first:  # what was not read has another size on the other side
            yield row


def _metadata_changes(left: Metadata | None, right: Metadata | None) -> tuple[MetadataChange, ...] | None:
    if left is None or right is None:
        return None
    keys = sorted(left.keys() | right.keys())
    return tuple(MetadataChange(key, left.get(key, ()), right.get(key, ())) for key in keys
                 if left.get(key, ()) != right.get(key, ()))


def _side(side: Side) -> dict[str, Any]:
    manifest, weights = side.manifest, None
    if manifest.weights is not None:
        weights = {"digest": manifest.weights.digest or None,
                   "tensors": len(manifest.weights.tensors), "parameters": manifest.weights.parameters,
                   "bytes": sum(map(size_of, manifest.weights.tensors)),
                   "files": sum(not entry.path.endswith(".index.json") for entry in containers(manifest))}
    return {"name": manifest.name, "isFile": manifest.is_file, "digest": manifest.digest or None,
            "files": len(manifest.files), "bytes": manifest.size, "bytesFetched": side.fetched, "weights": weights,
            "findings": [f.to_dict() for f in manifest.findings]}


def _weights_document(comparison: Comparison, by_layer: Iterable[Layer]) -> dict[str, Any]:
    shares = {name: {"of": share.of, "tensors": share.tensors, "ofTensors": share.of_tensors, "bytes": share.size,
                     "ofBytes": share.of_size} for name, share in comparison.shares.items()}
    return {
        "same": comparison.same,
        "shares": shares,
        "renamed": [{**_tensor(change.before), "newName": change.after.name, "ambiguous": change.ambiguous}
                    for change in comparison.renamed],
        "changed": [_change(change) for change in comparison.changed],
        "uncompared": [_tensor(tensor) for tensor in comparison.uncompared],
        "removed": [_tensor(tensor) for tensor in comparison.removed],
        "added": [_tensor(tensor) for tensor in comparison.added],
        "layers": [{"name": layer.name, **{state: getattr(layer, state) for state in STATES}} for layer in by_layer],
    }


def _change(change: Change) -> dict[str, Any]:
    return {"before": _tensor(change.before), "after": _tensor(change.after), "differs": list(change.differs),
            "movedFrom": change.moved_from or None}


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "head": tensor.values or None,
            "bytes": size_of(tensor)}
