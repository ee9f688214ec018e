"""Every source ends here: a listing and a way to open its files become a manifest, and an account of the bytes.

Files that are open descriptors go through the one-pass engine. The digest cache is asked first where one is handed in;
a file whose content is needed, such as an index of shards, is always read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.artifacts.documents import examined, is_configuration
from provenance.artifacts.hashing import FileRead, Progress, in_threads, read_file
from provenance.artifacts.manifest import INDEX_SUFFIX, MAX_KEPT, Manifest, container_of, manifest_of, opened_for
from provenance.artifacts.sources.folder import FoundFile, Listing, opened, refuse_hole
from provenance.errors import ArtifactError, Finding

if TYPE_CHECKING:
    from provenance.artifacts.cache import DigestCache

Opener = Callable[[FoundFile], AbstractContextManager[int]]
Examiner = Callable[[FoundFile, FileRead], "Finding | None"]
Total = Callable[[int], None]


@dataclass(frozen=True)
class Collected:
    """A manifest, how many bytes were read for it, and how many bytes' digests were taken from the cache."""

    manifest: Manifest
    read: int
    cached: int = 0


@dataclass(frozen=True)
class Collection:
    """What is collected: the artefact's name, its files, how one is opened, and who looks at each read.

    `keep` says of which files `examine` wants to see the content; it is dropped afterwards, so that memory does not
    grow with the number of files.
    """

    name: str
    found: Listing
    open: Opener
    is_file: bool = False
    tensors: bool = True
    keep: Callable[[FoundFile], bool] = lambda _: False
    examine: Examiner = lambda _file, _read: None


def collect(
    what: Collection, *, cache: DigestCache | None = None, progress: Progress | None = None, total: Total | None = None
) -> Collected:
    """Read each file once, or take its digests from the cache; ArtifactError `folder-empty` where there is none."""
    if not what.found.files and not any(finding.severity == "error" for finding in what.found.findings):
        raise ArtifactError("folder-empty", "there is no file", location=what.name,
                            hint="give the place that holds the model")
    if total is not None:
        total(sum(file.size for file in what.found.files))

    def work(file: FoundFile, advance: Progress) -> _Taken:
        return _take(what, file, cache, advance)

    taken = in_threads(work, what.found.files, progress)
    found = replace(what.found, findings=[*what.found.findings, *(seen.finding for seen in taken if seen.finding)])
    if cache is not None:
        found.findings += cache.findings
    reads = [seen.read for seen in taken]
    manifest = assembled(what.name, found, reads, is_file=what.is_file, tensors=what.tensors)
    cached = sum(seen.read.size for seen in taken if seen.from_cache)
    return Collected(manifest, sum(seen.read.size for seen in taken if seen.read.sha256) - cached, cached)


def collect_path(
    path: Path, *, tensors: bool = True, cache: DigestCache | None = None, progress: Progress | None = None,
    total: Total | None = None,
) -> Collected:
    """The same for a file or folder of this machine."""
    path = Path(os.path.realpath(path))
    root, found, is_file = opened_for(path)
    try:
        what = Collection(path.name, found, lambda file: opened(root, file.path), is_file, tensors)
        return collect(what, cache=cache, progress=progress, total=total)
    finally:
        os.close(root)


def assembled(
    name: str, found: Listing, reads: list[FileRead], *, tensors: bool, is_file: bool = False
) -> Manifest:
    """The manifest of files that were read, with what is wrong with their weights, as of a folder on this machine."""
    return manifest_of(name, is_file, found, reads, tensors)


def is_kept(path: str, size: int) -> bool:
    """Whether the manifest needs the content of this file."""
    return size <= MAX_KEPT and path.endswith(INDEX_SUFFIX)


@dataclass(frozen=True)
class _Taken:
    read: FileRead
    from_cache: bool = False
    finding: Finding | None = None


def _take(what: Collection, file: FoundFile, cache: DigestCache | None, advance: Progress) -> _Taken:
    kept, looked_at = is_kept(file.path, file.size), what.keep(file) and file.size <= MAX_KEPT
    container = container_of(file.path) if what.tensors else None
    try:
        with what.open(file) as descriptor:
            refuse_hole(descriptor, file.path)
            memory = None if kept or looked_at else cache
            asked = f"sha256 {container or '-'}"
            status = os.fstat(descriptor)
            read = memory.get(status, asked) if memory is not None else None
            if read is not None:
                advance(read.size)
                return _Taken(read, from_cache=True, finding=what.examine(file, read))
            read = read_file(descriptor, file.path, tensors=container is not None, progress=advance,
                             keep=kept or looked_at or is_configuration(file.path, file.size))
            read = examined(read, file.path, keep=kept or looked_at)
            if memory is not None:
                memory.put(status, asked, read)
    except ArtifactError as err:
        return _Taken(FileRead(file.size, "", problem=err))
    except OSError as err:
        unreadable = ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path)
        return _Taken(FileRead(file.size, "", problem=unreadable))
    finding = what.examine(file, read)
    return _Taken(read if kept else replace(read, content=None), finding=finding)


