"""A snapshot of a Hugging Face Hub cache as a manifest: its links lead to `blobs/` of its own repository, and are read.

A plain folder with links out of it is refused (`artifacts/sources/folder.py`). A snapshot consists of such links, so
each is followed one step, into the folder of blobs beside it and nowhere else; a link to any other place is an error
of the model. The names of blobs are digests that a download claimed: they are never believed, every byte is hashed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.hashing import FileRead, Progress, in_threads, read_file
from provenance.artifacts.manifest import INDEX_SUFFIX, MAX_KEPT, WEIGHT_SUFFIXES, FileEntry, Manifest
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.folder import open_folder, opened, shown
from provenance.artifacts.tensors import Weights
from provenance.errors import ArtifactError, Finding, ProvenanceError
from provenance.statements.reader import parse_json

_SAFETENSORS = ".safetensors"


@dataclass(frozen=True)
class _File:
    path: str
    folder: Path
    name: str


def scan_snapshot(snapshot: Path, *, keep: Callable[[str], bool], progress: Progress | None = None) -> Manifest:
    """Read every file of a snapshot once; the bytes of those for which `keep` is true are kept.

    ArtifactError `folder-empty` where it holds no file. What `scan` tells of a folder, this tells of a snapshot.
    """
    root = Path(os.path.realpath(snapshot))
    findings: list[Finding] = []
    files = sorted(_walk(root, root, findings), key=lambda file: file.path.encode("utf-8"))
    if not files and not findings:
        raise ArtifactError("folder-empty", "the snapshot holds no file", location=shown(os.fspath(snapshot)),
                            hint="fetch the model again")
    findings += [
        Finding("file-name-collides", "error", f"these names are one name on other systems: {' and '.join(group)}",
                group[0], "rename one of them")
        for group in collisions(file.path for file in files)
    ]
    reads = dict(zip((file.path for file in files), in_threads(_reader(keep), files, progress), strict=True))
    findings += [
        Finding(read.problem.code, "error", read.problem.message, read.problem.location, read.problem.hint)
        for read in reads.values() if read.problem is not None
    ]
    weights, more = _weights(reads)
    contents = {path: read.content for path, read in reads.items() if read.content is not None}
    entries = tuple(FileEntry(path, read.size, read.sha256) for path, read in reads.items())
    return Manifest(root.name, entries, weights=weights, findings=tuple(sorted([*findings, *more])), contents=contents)


def _walk(root: Path, folder: Path, findings: list[Finding]) -> Iterator[_File]:
    with os.scandir(folder) as listing:
        children = sorted(listing, key=lambda child: child.name)
    for child in children:
        path = os.fspath(Path(child.path).relative_to(root))
        if problem := problem_with_name(path):
            findings.append(Finding("file-name-invalid", "error", f"a name {problem}", shown(path), "rename it"))
        elif child.is_dir(follow_symlinks=False):
            yield from _walk(root, Path(child.path), findings)
        elif child.is_symlink():
            target = _blob(root, Path(child.path))
            if target is None:
                findings.append(Finding("file-is-symlink", "error", "a link out of the cache, or to nothing", path,
                                        "fetch the model again"))
            else:
                yield _File(path, target.parent, target.name)
        else:
            yield _File(path, folder, child.name)


def _blob(root: Path, link: Path) -> Path | None:
    """The blob that a link of a snapshot means; None where it leads elsewhere."""
    target = Path(os.path.realpath(link))
    blobs = Path(os.path.realpath(root.parent.parent / "blobs"))
    return target if target.parent == blobs and target.is_file() else None


def _reader(keep: Callable[[str], bool]) -> Callable[[_File, Progress], FileRead]:
    def read(file: _File, progress: Progress) -> FileRead:
        tensors = file.path.endswith(_SAFETENSORS)
        size = 0
        try:
            root = open_folder(file.folder)
            try:
                with opened(root, file.name) as descriptor:
                    size = os.fstat(descriptor).st_size
                    kept = size <= MAX_KEPT and (file.path.endswith(INDEX_SUFFIX) or keep(file.path))
                    return read_file(descriptor, file.path, tensors=tensors, keep=kept, progress=progress)
            finally:
                os.close(root)
        except ArtifactError as err:
            return FileRead(size, "", problem=err)
        except OSError as err:
            problem = ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path)
            return FileRead(size, "", problem=problem)

    return read


def _weights(reads: Mapping[str, FileRead]) -> tuple[Weights | None, list[Finding]]:
    """The weights of all shards; None where one is missing or cannot be read."""
    shards = {path: read for path, read in reads.items() if path.endswith(_SAFETENSORS)}
    findings = list(_missing_shards(reads))
    unread = [
        Finding("weights-unsupported", "warning", "weights in a container whose tensors are not read", path,
                "publish them as safetensors too")
        for path in reads if path.lower().endswith(WEIGHT_SUFFIXES) and path not in shards
    ]
    if findings or any(read.tensors is None for read in shards.values()):
        return None, [*findings, *unread]
    try:
        weights = Weights.of(tensor for read in shards.values() for tensor in read.tensors or ())
    except ArtifactError as err:
        return None, [Finding(err.code, "error", err.message, err.location, err.hint), *unread]
    if not weights.tensors:
        return None, unread or [Finding("folder-has-no-weights", "info", "no file here holds weights")]
    return weights, unread


def _missing_shards(reads: Mapping[str, FileRead]) -> Iterator[Finding]:
    for index, read in sorted(reads.items()):
        if not index.endswith(INDEX_SUFFIX):
            continue
        try:
            document = parse_json(read.content or b"", index)
        except ProvenanceError as err:
            yield Finding("json-invalid", "error", f"not an index of shards: {err.message}", index, "write it again")
            continue
        places = document.get("weight_map") if isinstance(document, dict) else None
        folder = index.rpartition("/")[0]
        named = set(map(str, places.values())) if isinstance(places, dict) else {""}
        for place in sorted(named - {""}):
            if (f"{folder}/{place}" if folder else place) not in reads:
                yield Finding("shard-missing", "error", f"the index names {brief(place)}, which is not there", index,
                              "fetch the missing file")
        if "" in named:
            yield Finding("json-invalid", "error", "not an index of safetensors shards", index, "write it again")
