"""How statements speak of artefacts: a manifest as resource descriptors, and a manifest held against them.

A folder is described by itself (`dirHash` and OMS root), by each of its files (`NAME/path`, sha256) and, where it
holds weights, by its tensor tree (`NAME#tensors`), with the data head of each tensor in the annotations, so that a
change can be named by file and by tensor and not only be noticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.digest import compare, kind_of
from provenance.artifacts.manifest import Manifest
from provenance.artifacts.names import MAX_DEPTH, brief
from provenance.artifacts.tensors import BLAKE3_TREE, SHA256_TREE, Tree
from provenance.errors import Finding
from provenance.statements.statement import ResourceDescriptor

TENSORS = "#tensors"
# How the data head of a tensor in each tree is named where a statement lists tensors.
HEADS: dict[Tree, str] = {SHA256_TREE: "head", BLAKE3_TREE: "headBlake3"}
# A part's name is its folder's and a path within it; more than these parts is no path of a folder that is read.
MAX_PARTS = 2 * MAX_DEPTH


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
    trees = manifest.weights.trees
    rows = [
        {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape),
         **{HEADS[tree]: tensor.head_in(tree) for tree in trees}}
        for tensor in manifest.weights.tensors
    ]
    yield ResourceDescriptor(name + TENSORS, manifest.weights.digest, annotations={"tensors": rows})


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
    """The things that a list of descriptors speaks of: each folder with its parts, each file that is no part.

    A tensor tree belongs to the thing of its name (`NAME#tensors` or `NAME`), and is a thing by itself where there is
    none. Takes time in proportion to the list, however it was made up.
    """
    subjects = list(subjects)
    folders = [subject for subject in subjects if kind_of(subject.digest) == "folder"]
    trees = [subject for subject in subjects if kind_of(subject.digest) == "weights"]
    files = [subject for subject in subjects if kind_of(subject.digest) not in ("folder", "weights")]
    order = {folder.name: place for place, folder in reversed(list(enumerate(folders)))}
    parts: dict[int, dict[str, ResourceDescriptor]] = defaultdict(dict)
    wholes = [(folder, parts[place]) for place, folder in enumerate(folders)]
    for file in files:
        home = min((order[above] for above in _folders_above(file.name) if above in order), default=None)
        if home is None:
            wholes.append((file, {}))
        else:
            parts[home].setdefault(file.name[len(folders[home].name) + 1 :], file)
    weights: dict[str, ResourceDescriptor] = {}
    for tree in trees:
        weights.setdefault(tree.name.removesuffix(TENSORS), tree)
    taken = {whole.name for whole, _ in wholes}
    alone = [tree for name, tree in weights.items() if name not in taken]
    return [_thing(whole, files, weights.get(whole.name)) for whole, files in wholes] + [
        _thing(tree, {}, tree) for tree in alone
    ]


def _folders_above(name: str) -> list[str]:
    """`a/b/c` -> `a`, `a/b`; nothing for a name that is nested deeper than any folder that is read."""
    parts = name.split("/", MAX_PARTS)
    return ["/".join(parts[:count]) for count in range(1, len(parts))] if len(parts) <= MAX_PARTS else []


def _thing(
    whole: ResourceDescriptor, files: Mapping[str, ResourceDescriptor], tree: ResourceDescriptor | None
) -> Described:
    rows: Any = tree.annotations.get("tensors") if tree else None
    pairs = [(row.get("name"), row.get("head")) for row in _dicts(rows)]
    heads = {name: head for name, head in pairs if isinstance(name, str) and isinstance(head, str)}
    return Described(whole, files, heads, tree)


def _dicts(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


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
            yield Finding("file-missing", "error", "a signed file is not there", brief(path),
                          "get the file from the producer")
        elif compare(signed.digest, {"sha256": entry.sha256}) != "equal":
            yield Finding("file-mismatch", "error", "the file differs from what was signed", path,
                          "get the file again from the producer")


def _tensor_differences(thing: Described, manifest: Manifest) -> Iterator[Finding]:
    if not thing.tensors or manifest.weights is None:
        return
    actual = {tensor.name: tensor.head for tensor in manifest.weights.tensors}
    for name, head in sorted(thing.tensors.items()):
        if name not in actual:
            yield Finding("tensor-missing", "error", "a signed tensor is not there", brief(name))
        elif actual[name] != head:
            yield Finding("tensor-mismatch", "error", "the tensor's values differ from what was signed", brief(name))
