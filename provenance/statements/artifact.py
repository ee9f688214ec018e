"""How statements speak of artefacts: a manifest as resource descriptors, and a manifest held against them.

A folder is described by itself (`dirHash` and OMS root), by each of its files (`NAME/path`, sha256) and, where it
holds weights, by its tensor tree (`NAME#tensors`), with the data head of each tensor in the annotations, so that a
change can be named by file and by tensor and not only be noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.digest import compare, kind_of
from provenance.artifacts.manifest import Manifest
from provenance.errors import Finding
from provenance.statements.statement import ResourceDescriptor

TENSORS = "#tensors"


def describe(manifest: Manifest, name: str = "", **annotations: Any) -> tuple[ResourceDescriptor, ...]:
    """The descriptors of a file or folder: the thing itself first, then its files, then its weights."""
    name = name or manifest.name
    whole = ResourceDescriptor(name, manifest.digest, annotations={**annotations, "size": manifest.size})
    if manifest.is_file:
        files: tuple[ResourceDescriptor, ...] = ()
    else:
        files = tuple(
            ResourceDescriptor(f"{name}/{entry.path}", {"sha256": entry.sha256}, annotations={"size": entry.size})
            for entry in manifest.files
        )
    return (whole, *files, *_weights(manifest, name))


def _weights(manifest: Manifest, name: str) -> Iterator[ResourceDescriptor]:
    if manifest.weights is None:
        return
    rows = [{"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "head": tensor.head}
            for tensor in manifest.weights.tensors]
    yield ResourceDescriptor(name + TENSORS, {"tensorTree": manifest.weights.root}, annotations={"tensors": rows})


@dataclass(frozen=True)
class Described:
    """What a statement says of one folder or file: itself, its files by relative path, its tensors' heads by name."""

    whole: ResourceDescriptor
    files: Mapping[str, ResourceDescriptor]
    tensors: Mapping[str, str]
    weights: ResourceDescriptor | None

    @property
    def name(self) -> str:
        """The name under which the statement speaks of it."""
        return self.whole.name

    def overlaps(self, manifest: Manifest) -> bool:
        """Whether it could be this artefact in another state: a file, or a tensor's name, stands in both."""
        if manifest.weights and self.tensors.keys() & {tensor.name for tensor in manifest.weights.tensors}:
            return True
        return any(path in self.files for path in manifest.by_path)


def described(subjects: Iterable[ResourceDescriptor]) -> list[Described]:
    """The things that a list of descriptors speaks of: each folder with its parts, each file that is no part."""
    subjects = list(subjects)
    folders = [subject for subject in subjects if kind_of(subject.digest) == "folder"]
    weights = {s.name.removesuffix(TENSORS): s for s in subjects if kind_of(s.digest) == "weights"}
    taken = set(weights[name].name for name in weights) | {folder.name for folder in folders}
    things = []
    for folder in folders:
        prefix = folder.name + "/"
        parts = {s.name[len(prefix) :]: s for s in subjects if s.name.startswith(prefix) and s.name not in taken}
        taken |= {part.name for part in parts.values()}
        things.append(_thing(folder, parts, weights))
    return things + [_thing(s, {}, weights) for s in subjects if s.name not in taken]


def _thing(
    whole: ResourceDescriptor, files: Mapping[str, ResourceDescriptor], weights: Mapping[str, ResourceDescriptor]
) -> Described:
    tree = weights.get(whole.name)
    rows = tree.annotations.get("tensors", ()) if tree else ()
    heads = {row["name"]: row["head"] for row in rows if isinstance(row, dict) and {"name", "head"} <= row.keys()}
    return Described(whole, files, heads, tree)


def is_same(thing: Described, manifest: Manifest) -> bool:
    """Whether the descriptor names this artefact by a digest that binds names."""
    return compare(thing.whole.digest, manifest.digest) == "equal"


def differences(thing: Described, manifest: Manifest) -> list[Finding]:
    """Where the artefact in hand differs from what was described: by file, then by tensor."""
    return [*_file_differences(thing, manifest), *_tensor_differences(thing, manifest)]


def _file_differences(thing: Described, manifest: Manifest) -> Iterator[Finding]:
    if manifest.is_file or not thing.files:
        if compare(thing.whole.digest, manifest.digest) == "different":
            yield Finding("file-mismatch", "error", f"{manifest.name} is not {thing.name} as it was signed",
                          manifest.name, "get the artefact again from its producer")
        return
    for path, signed in sorted(thing.files.items()):
        entry = manifest.by_path.get(path)
        if entry is None:
            yield Finding("file-missing", "error", "a signed file is not there", path, "get the file from the producer")
        elif compare(signed.digest, {"sha256": entry.sha256}) != "equal":
            yield Finding("file-mismatch", "error", "the file differs from what was signed", path,
                          "get the file again from the producer")


def _tensor_differences(thing: Described, manifest: Manifest) -> Iterator[Finding]:
    if not thing.tensors or manifest.weights is None:
        return
    actual = {tensor.name: tensor.head for tensor in manifest.weights.tensors}
    for name, head in sorted(thing.tensors.items()):
        if name not in actual:
            yield Finding("tensor-missing", "error", "a signed tensor is not there", name)
        elif actual[name] != head:
            yield Finding("tensor-mismatch", "error", "the tensor's values differ from what was signed", name)
