"""Diff: two files or folders side by side, by their tensors first, then by header metadata and other files.

The order: read both once, compare the weights, name the relation, compare what is beside the weights. `same` means
that whoever loads the one has what whoever loads the other has: equal weights, and, where both are folders, equal
other files. The container, the cut into shards and safetensors' header metadata are told and do not count; a GGUF
file, which holds tokenizer and template too, is the same only bit for bit.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.artifacts.comparison import Change, Comparison, compare, size_of
from provenance.artifacts.containers import gguf
from provenance.artifacts.containers.kinds import CONTAINERS, container_of
from provenance.artifacts.containers.safetensors import header_length
from provenance.artifacts.layers import STATES, Layer, layers, ranges
from provenance.artifacts.manifest import FileEntry, Manifest
from provenance.artifacts.relation import Relation, relation
from provenance.artifacts.sources.folder import open_folder, opened
from provenance.artifacts.tensors import Tensor
from provenance.errors import ArtifactError
from provenance.statements.reader import parse_json
from provenance.workflows.digest import digest
from provenance.workflows.phases import Phases, silent

# Containers that hold more than tensors: two of them are the same only bit for bit.
_RICH_SUFFIXES = (".gguf",)
_STORED_DIFFERENTLY = (
    "They are stored differently: in another container, other shards or another order, or with other metadata."
)
_WITHOUT_WEIGHTS = {True: "Equal files; neither holds tensors that are read.",
                    False: "Files that differ; neither holds tensors that are read."}


@dataclass(frozen=True)
class FileChange:
    """A file beside the weights whose bytes differ; "" as a digest: it is not there."""

    path: str
    first: str
    second: str


@dataclass(frozen=True)
class MetadataChange:
    """A key of the weight headers' metadata whose values differ; a sharded model may give several values."""

    key: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """Two artefacts side by side. `weights` is None where neither holds tensors that are read.

    `files` is None where one of the two is a file: then there is nothing beside the weights to compare. `metadata` is
    None where one of them is not on this machine.
    """

    first: Manifest
    second: Manifest
    weights: Comparison | None
    relation: Relation | None
    metadata: tuple[MetadataChange, ...] | None
    files: tuple[FileChange, ...] | None
    files_compared: int
    layers: tuple[Layer, ...]
    rich_differ: bool = False

    @property
    def identical(self) -> bool:
        """Whether both are the same bit for bit."""
        return bool(self.first.digest) and self.first.digest == self.second.digest

    @property
    def same(self) -> bool:
        """Whether both are the same to whoever loads them; see the module's docstring."""
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
            holding = [side for side, manifest in (("first", self.first), ("second", self.second)) if manifest.weights]
            return f"Only the {holding[0]} holds weights." if holding else _WITHOUT_WEIGHTS[self.same]
        if self.relation.kind != "same-weights":
            return self.relation.sentence
        if self.rich_differ:
            beside = "The files hold more than tensors, and that differs."
        elif _digests(_containers(self.first)) == _digests(_containers(self.second)):
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
        rows = [{"path": row.path, "first": row.first or None, "second": row.second or None} for row in self.files]
        return {"compared": self.files_compared, "different": rows}


def diff(first: Path | str, second: Path | str, *, online: bool = False, progress: Phases | None = None) -> Diff:
    """Read both and compare them; ArtifactError where one cannot be read, or its tensors cannot and the other's can.

    Each is a path, or an address as `workflows.digest.digest` takes it.
    """
    listen = progress or silent
    left, right = (_read(source, which, online, listen) for which, source in (("first", first), ("second", second)))
    if left.digest != right.digest:
        _refuse_incomparable(left, right)
    weights = compare(left.weights, right.weights) if left.weights and right.weights else None
    before, after = (_others(side) if weights else side.files for side in (left, right))
    has_files = not left.is_file and not right.is_file
    return Diff(
        left, right, weights, relation(weights) if weights else None,
        _metadata_changes(_metadata(first, left), _metadata(second, right)),
        tuple(_file_changes(before, after)) if has_files else None,
        len({entry.path for entry in (*before, *after)}) if has_files else 0,
        tuple(layers(weights)) if weights else (), _rich(left) != _rich(right),
    )


def _read(source: Path | str, which: str, online: bool, listen: Phases) -> Manifest:
    with listen(f"Reading the {which}") as (count, total):
        return digest(source, online=online, progress=count, total=total).manifest


def _refuse_incomparable(left: Manifest, right: Manifest) -> None:
    """Of weights that are not read, nobody can say whether they are those of the other side."""
    for side, other in ((left, right), (right, left)):
        if side.weights is None and other.weights is not None and side.weight_files:
            file = side.weight_files[0].path
            why = next((f for f in side.findings if f.location == file), None)
            told = f": {why.message}" if why else ""
            raise ArtifactError(why.code if why else "weights-unsupported", "its tensors are not read, so they cannot "
                                f"be compared{told}", location=file, hint="convert them to safetensors")


def _containers(side: Manifest) -> list[FileEntry]:
    """The files of the tensors that are compared, those that hold the same once more, and their indexes."""
    kinds = {entry.path: container_of(entry.path) for entry in side.files}
    first = next((kind for kind in CONTAINERS if kind in kinds.values()), None)
    if side.weights is None or first is None:
        return []
    again = {kinds.get(finding.location) for finding in side.findings if finding.code == "weights-elsewhere"}
    return [entry for entry in side.files if kinds[entry.path] in {first, *again} - {None}
            or entry.path.endswith(".index.json")]


def _others(side: Manifest) -> tuple[FileEntry, ...]:
    containers = {entry.path for entry in _containers(side)}
    return tuple(entry for entry in side.files if entry.path not in containers)


def _digests(entries: Iterable[FileEntry]) -> list[str]:
    return sorted(entry.sha256 for entry in entries)


def _rich(side: Manifest) -> list[str]:
    return _digests(entry for entry in _containers(side) if entry.path.lower().endswith(_RICH_SUFFIXES))


def _file_changes(left: Iterable[FileEntry], right: Iterable[FileEntry]) -> Iterator[FileChange]:
    before = {entry.path: entry.sha256 for entry in left}
    after = {entry.path: entry.sha256 for entry in right}
    for path in sorted(before.keys() | after.keys(), key=lambda path: path.encode("utf-8")):
        if before.get(path, "") != after.get(path, ""):
            yield FileChange(path, before.get(path, ""), after.get(path, ""))


def _metadata(source: Path | str, side: Manifest) -> dict[str, tuple[str, ...]] | None:
    """Every key of the metadata of safetensors headers and GGUF files, with its distinct values.

    None for what is not on this machine: it would be fetched once more.
    """
    if isinstance(source, str) and "://" in source:
        return None
    place = Path(os.path.realpath(source))
    root = open_folder(place.parent if side.is_file else place)
    found: dict[str, set[str]] = defaultdict(set)
    try:
        for entry in _containers(side):
            for key, value in _header_metadata(root, entry.path).items():
                found[key].add(value)
    finally:
        os.close(root)
    return {key: tuple(sorted(values)) for key, values in found.items()}


def _header_metadata(root: int, path: str) -> Mapping[str, str]:
    kind = container_of(path)
    if kind == "gguf":
        with opened(root, path) as descriptor:
            return gguf.plan(descriptor, os.fstat(descriptor).st_size, path).metadata
    return _safetensors_metadata(root, path) if kind == "safetensors" else {}


def _safetensors_metadata(root: int, path: str) -> Mapping[str, str]:
    with opened(root, path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        size = os.fstat(descriptor).st_size
        length = header_length(file.read(8), size, path)
        body = file.read(length).rstrip(b" ")
    if b'"__metadata__"' not in body and b"\\" not in body:  # most have none, and some have 100,000 tensors
        return {}
    header: Any = parse_json(body, path, limit=size)
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    return {key: value for key, value in metadata.items() if isinstance(value, str)}


_Metadata = Mapping[str, tuple[str, ...]]


def _metadata_changes(left: _Metadata | None, right: _Metadata | None) -> tuple[MetadataChange, ...] | None:
    if left is None or right is None:
        return None
    keys = sorted(left.keys() | right.keys())
    return tuple(MetadataChange(key, left.get(key, ()), right.get(key, ())) for key in keys
                 if left.get(key, ()) != right.get(key, ()))


def _side(side: Manifest) -> dict[str, Any]:
    weights = None
    if side.weights is not None:
        weights = {"digest": {"tensorTree": side.weights.root}, "tensors": len(side.weights.tensors),
                   "parameters": side.weights.parameters, "bytes": sum(map(size_of, side.weights.tensors)),
                   "files": sum(not entry.path.endswith(".index.json") for entry in _containers(side))}
    return {"name": side.name, "isFile": side.is_file, "digest": side.digest, "files": len(side.files),
            "bytes": side.size, "weights": weights, "findings": [f.to_dict() for f in side.findings]}


def _weights_document(comparison: Comparison, by_layer: Iterable[Layer]) -> dict[str, Any]:
    shares = {name: {"of": share.of, "tensors": share.tensors, "ofTensors": share.of_tensors, "bytes": share.size,
                     "ofBytes": share.of_size} for name, share in comparison.shares.items()}
    return {
        "same": comparison.same,
        "shares": shares,
        "renamed": [{**_tensor(change.before), "newName": change.after.name, "ambiguous": change.ambiguous}
                    for change in comparison.renamed],
        "changed": [_change(change) for change in comparison.changed],
        "removed": [_tensor(tensor) for tensor in comparison.removed],
        "added": [_tensor(tensor) for tensor in comparison.added],
        "layers": [{"name": layer.name, **{state: getattr(layer, state) for state in STATES}} for layer in by_layer],
    }


def _change(change: Change) -> dict[str, Any]:
    return {"before": _tensor(change.before), "after": _tensor(change.after), "differs": list(change.differs),
            "movedFrom": change.moved_from or None}


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "head": tensor.head,
            "bytes": size_of(tensor)}
