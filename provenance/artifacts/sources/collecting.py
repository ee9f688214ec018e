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

from provenance.artifacts.containers.kinds import container_of
from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.documents import examined, is_configuration
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted, read_file
from provenance.artifacts.manifest import Manifest, also_found, first_look, is_index, manifest_of, opened_for
from provenance.artifacts.sources.beneath import Beneath
from provenance.artifacts.sources.folder import FoundFile, Listing, refuse_hole
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

    `needed` names a digest of a file that `examine` wants to see, whatever else is asked for; "" is none.
    """

    name: str
    found: Listing
    open: Opener
    is_file: bool = False
    wanted: Wanted = FILES_AND_TENSORS
    needed: Callable[[FoundFile], str] = lambda _: ""
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

    def work(file: FoundFile, crew: Crew) -> _Taken:
        return _take(what, file, cache, crew)

    taken = in_threads(work, what.found.files, progress, size=lambda file: file.size)
    found = replace(what.found, findings=[*what.found.findings, *(seen.finding for seen in taken if seen.finding)])
    if cache is not None:
        found.findings += cache.findings
    reads = [seen.read for seen in taken]
    manifest = manifest_of(what.name, found, reads, what.wanted, is_file=what.is_file)
    cached = sum(seen.read.taken for seen in taken if seen.from_cache)
    return Collected(manifest, sum(seen.read.taken for seen in taken) - cached, cached)


def collect_path(
    path: Path, *, wanted: Wanted = FILES_AND_TENSORS, cache: DigestCache | None = None,
    progress: Progress | None = None, total: Total | None = None,
) -> Collected:
    """The same for a file or folder of this machine."""
    path = Path(os.path.realpath(path))
    root, found, is_file = opened_for(path)
    try:
        with Beneath(root) as beneath:
            what = Collection(path.name, found, lambda file: beneath.opened(file.path), is_file, wanted)
            return collect(what, cache=cache, progress=progress, total=total)
    finally:
        os.close(root)


@dataclass(frozen=True)
class _Taken:
    read: FileRead
    from_cache: bool = False
    finding: Finding | None = None


def _take(what: Collection, file: FoundFile, cache: DigestCache | None, crew: Crew) -> _Taken:
    kept, needed, looked_at = is_index(file), what.needed(file), is_configuration(file.path, file.size)
    wanted = what.wanted.and_also(needed) if needed else what.wanted
    try:
        with what.open(file) as descriptor:
            refuse_hole(descriptor, file)
            seen = first_look(descriptor, file)  # also of a file whose digests are remembered
            memory = None if kept or cache is None or not cache.is_of_use(descriptor) else cache
            asked = question(wanted, file.path)
            status = os.fstat(descriptor)
            read = memory.get(status, asked) if memory is not None else None
            if read is not None:
                crew.advance(read.size)
                return _Taken(also_found(asked_for(read, what.wanted), seen), from_cache=True,
                              finding=what.examine(file, read))
            read = read_file(descriptor, file.path, wanted, keep=kept or looked_at, crew=crew)
            read = examined(read, file.path, keep=kept) if looked_at else read
            if memory is not None:
                memory.put(status, asked, read)
    except ArtifactError as err:
        return _Taken(FileRead(file.size, problem=err))
    except OSError as err:
        unreadable = ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=file.path)
        return _Taken(FileRead(file.size, problem=unreadable))
    return _Taken(also_found(asked_for(read, what.wanted), seen), finding=what.examine(file, read))


def question(wanted: Wanted, path: str) -> str:
    """What the digest cache is asked: which digests, of a file that is read as what."""
    return " ".join([*wanted.names, container_of(path) or "-"])


def asked_for(read: FileRead, wanted: Wanted) -> FileRead:
    """The same read without the digests that only `examine` wanted to see."""
    others = tuple((name, value) for name, value in read.others if name in wanted.files)
    return replace(read, sha256=read.sha256 if "sha256" in wanted.files else "", others=others)
