"""The two sides of a diff: what is here is read once, what is far away gets its headers read, and then what matters.

Of a side at an address only that is fetched on which the answer depends. A tensor can be equal to one of the other side
only if there is one of its dtype and size, and another file only if it has its size there; where both sides are far
away, each is narrowed by the headers of the other. What was not read is known to differ.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.comparison import size_of
from provenance.artifacts.containers.kinds import CONTAINERS, Container, container_of, planner
from provenance.artifacts.containers.plan import Plan, Strided
from provenance.artifacts.containers.safetensors import plan_from
from provenance.artifacts.hashing import FileRead, read_file
from provenance.artifacts.manifest import INDEX_SUFFIX, FileEntry, Manifest, is_index, manifest_of, opened_for
from provenance.artifacts.sources.folder import FoundFile, open_folder, opened
from provenance.artifacts.sources.hub import hub_headed, snapshot_opener
from provenance.artifacts.sources.ranged import COMPARED, Choice, Headed, open_headed
from provenance.artifacts.tensors import Tensor, TensorInfo
from provenance.errors import ArtifactError, UsageError
from provenance.workflows.digest import Digested, digest
from provenance.workflows.phases import Phases

Metadata = Mapping[str, tuple[str, ...]]
_TELLING = ("safetensors", "gguf")  # containers whose metadata say something of the weights
NOTHING = Choice(lambda _: False, lambda _: False)


@dataclass(frozen=True)
class Side:
    """One side, read as far as the answer needs: `metadata` of the weight headers, None where they were not kept.

    `fetched`: how many bytes of its files came from an address; None for what lies on this machine.
    """

    manifest: Manifest
    metadata: Metadata | None
    fetched: int | None = None

    @property
    def is_read(self) -> bool:
        """Whether all its tensors were read, so that the weights have a root."""
        return self.manifest.weights is not None and all(tensor.values for tensor in self.manifest.weights.tensors)


def read_sides(
    sources: tuple[Path | str, Path | str], *, online: bool, headers_only: bool, listen: Phases
) -> tuple[Side, Side]:
    """Both sides; ArtifactError where one cannot be read."""
    first, second = (_begun(source, which, online, headers_only, listen)
                     for which, source in zip(("first", "second"), sources, strict=True))
    chosen = (NOTHING, NOTHING) if headers_only else (_chosen(first, second), _chosen(second, first))
    return _finished(first, chosen[0], "first", listen), _finished(second, chosen[1], "second", listen)


def _begun(source: Path | str, which: str, online: bool, headers_only: bool, listen: Phases) -> Side | Headed:
    address = source if isinstance(source, str) and "://" in source else None
    if address is None and headers_only:
        return _headers_here(Path(source))
    if address is not None and not address.startswith(("hf://", "oci://")):
        return open_headed(address, online=online)
    if address is not None and address.startswith("hf://") and online:
        return hub_headed(address)
    if address is not None and address.startswith("oci://") and headers_only:
        raise UsageError("usage", "a registry gives layers in whole, never their headers alone",
                         location="--headers-only", hint="leave it out, or pull the model and give the folder")
    with listen(f"Reading the {which}") as (count, total):
        found = digest(source, wanted=COMPARED, online=online, progress=count, total=total)
    return Side(found.manifest, _metadata_of(source, found), found.bytes_read if found.kind == "oci" else None)


def _finished(side: Side | Headed, choice: Choice, which: str, listen: Phases) -> Side:
    if isinstance(side, Side):
        return side
    with listen(f"Reading the {which}") as (count, total):
        manifest = side.read(choice, progress=count, total=total).require_sound()
    sizes = _sizes(side)
    plans = (plan_from(header.data, sizes[path], path) for path, header in side.headers.items())
    return Side(manifest, _merged(plan.metadata for plan in plans), side.fetched)


def _chosen(side: Side | Headed, other: Side | Headed) -> Choice:
    """What of one side could be equal to something of the other."""
    forms, sizes = _forms(other), _sizes(other)
    lone = _is_file(side) and _is_file(other)
    by_tensors = _has_weights(side) and _has_weights(other)

    def is_there(file: FoundFile) -> bool:
        if by_tensors and file.path.endswith(".safetensors"):
            return False
        return file.size in sizes.values() if lone else sizes.get(file.path) == file.size

    return Choice(lambda info: (info.dtype, info.end - info.start) in forms, is_there)


def _forms(side: Side | Headed) -> set[tuple[str, int]]:
    if isinstance(side, Headed):
        return {(info.dtype, info.end - info.start) for info in side.tensors}
    weights = side.manifest.weights
    return {(tensor.dtype, size_of(tensor)) for tensor in weights.tensors} if weights else set()


def _has_weights(side: Side | Headed) -> bool:
    """Whether its tensors will be compared: there are some, and no name is there twice."""
    if isinstance(side, Side):
        return side.manifest.weights is not None
    names = [info.name for info in side.tensors]
    return 0 < len(names) == len(set(names))


def _sizes(side: Side | Headed) -> dict[str, int]:
    files: Iterable[FoundFile | FileEntry] = side.found.files if isinstance(side, Headed) else side.manifest.files
    return {file.path: file.size for file in files}


def _is_file(side: Side | Headed) -> bool:
    return side.is_file if isinstance(side, Headed) else side.manifest.is_file


def containers(side: Manifest) -> list[FileEntry]:
    """The files of the tensors that are compared, those that hold the same once more, and their indexes."""
    kinds = {entry.path: container_of(entry.path) for entry in side.files}
    first = _first_kind(kinds.values())
    if side.weights is None or first is None:
        return []
    again = {kinds.get(finding.location) for finding in side.findings if finding.code == "weights-elsewhere"}
    return [entry for entry in side.files if kinds[entry.path] in {first, *again} - {None}
            or entry.path.endswith(".index.json")]


def _first_kind(kinds: Iterable[Container | None]) -> Container | None:
    present = set(kinds)
    return next((kind for kind in CONTAINERS if kind in present), None)


def _headers_here(path: Path) -> Side:
    """A file or folder of this machine by the headers of its weights, whatever container they have."""
    path = Path(os.path.realpath(path))
    root, found, is_file = opened_for(path)
    kind = _first_kind(container_of(file.path) for file in found.files)
    try:
        rows = [_row_here(root, file, kind) for file in found.files]
    finally:
        os.close(root)
    manifest = manifest_of(path.name, found, [read for read, _ in rows], COMPARED, is_file=is_file)
    return Side(manifest.require_sound(), _merged(metadata for _, metadata in rows))


def _row_here(root: int, file: FoundFile, kind: Container | None) -> tuple[FileRead, Mapping[str, str]]:
    """A file by the header of its weights; an index of shards is read, and of any other file nothing."""
    holds = container_of(file.path) == kind is not None
    if not holds and not file.path.endswith(INDEX_SUFFIX):
        return FileRead(file.size), {}
    try:
        with opened(root, file.path) as descriptor:
            if not holds:
                return read_file(descriptor, file.path, keep=is_index(file)), {}
            tensors, metadata = _header_here(descriptor, file.path)
            return FileRead(file.size, tensors=tensors), metadata
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path,
                            hint="check its permissions") from err


def _header_here(descriptor: int, path: str) -> tuple[tuple[Tensor, ...], Mapping[str, str]]:
    plan = _plan_here(descriptor, path)
    every: tuple[TensorInfo | Strided, ...] = (*plan.infos, *plan.gathered)
    tensors = tuple(Tensor(one.name, one.dtype, one.shape, "") for one in every)
    return tensors, plan.metadata if container_of(path) in _TELLING else {}


def _plan_here(descriptor: int, path: str) -> Plan:
    kind = container_of(path)
    assert kind is not None  # noqa: S101  the callers looked
    return planner(kind)(descriptor, os.fstat(descriptor).st_size, path)


def _metadata_of(source: Path | str, found: Digested) -> Metadata | None:
    """Every key of the metadata of safetensors headers and GGUF files, with its distinct values.

    None for what is not on this machine: it would be fetched once more.
    """
    paths = [entry.path for entry in containers(found.manifest)]
    if found.kind == "hub":
        with snapshot_opener(str(source), str(found.revision)) as open_path:
            return _merged(_header_metadata(open_path, path) for path in paths)
    if found.kind not in ("file", "folder"):
        return None
    place = Path(os.path.realpath(source))
    root = open_folder(place.parent if found.manifest.is_file else place)
    try:
        return _merged(_header_metadata(lambda path: opened(root, path), path) for path in paths)
    finally:
        os.close(root)


def _merged(found: Iterable[Mapping[str, str]]) -> Metadata:
    merged: dict[str, set[str]] = defaultdict(set)
    for metadata in found:
        for key, value in metadata.items():
            merged[key].add(value)
    return {key: tuple(sorted(values)) for key, values in merged.items()}


def _header_metadata(open_path: Callable[[str], AbstractContextManager[int]], path: str) -> Mapping[str, str]:
    if container_of(path) not in _TELLING:
        return {}
    with open_path(path) as descriptor:
        return _plan_here(descriptor, path).metadata
