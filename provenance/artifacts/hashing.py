"""The one-pass engine: each byte of a file is read once and feeds every digest that is asked for.

    1. where the file promises weights, their reader plans where the tensors lie, by headers alone
    2. the file is cut into blocks that hold whole chunks of tensors (`blocks`)
    3. each block is read into one reused buffer, and fed to the digests of the file, in order, and of its chunks
    4. the bytes that the plan was made of must be those that were read, and the file must not have changed

Where only tensor trees are asked for, nothing needs an order: blocks go to whoever has nothing else to do, and what
lies outside of the tensors is not read. Tensors that lie scattered or overlap others are read by themselves
(`gathering`).
Files are read, never mapped: a file that is truncated while it is mapped would end the process.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from provenance.artifacts.blocks import Block, blocks
from provenance.artifacts.buffers import Ring, own_buffer
from provenance.artifacts.containers.kinds import Container, container_of, planner
from provenance.artifacts.containers.plan import Plan, WeightFile
from provenance.artifacts.crew import SMALL, Crew
from provenance.artifacts.shards import ShardDigests, Sharding, are_worth_computing
from provenance.artifacts.tensors import CHUNK, SHA256_TREE, TREES, Tensor, Tree
from provenance.artifacts.tensors_in_file import TensorsInFile, read_together
from provenance.errors import ArtifactError, Finding, RegistryError

# Of a file, by their names in in-toto's DigestSet (which has none for BLAKE3).
FILE_DIGESTS = ("sha256", "sha512", "blake2b", "blake3", "gitBlob")
DIGESTS = (*FILE_DIGESTS, *TREES)
# A zip archive is found from its end: this mark, 18 bytes, and a comment of up to 65,535 bytes.
_ZIP_END = b"PK\x05\x06"
_TAIL = 22 + 0xFFFF
_SHA256_ALONE = ("sha256",)  # of each file: what nearly everybody asks for
Fill = Callable[[memoryview], int]  # reads into a buffer and tells how much; less than asked for is the end


@dataclass(frozen=True)
class Wanted:
    """Which digests are asked for: of each file, of the tensors in it (`DIGESTS` has their names), of its shards."""

    files: tuple[str, ...] = _SHA256_ALONE
    trees: tuple[Tree, ...] = ()
    shards: tuple[Sharding, ...] = ()

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Wanted:
        """The digests of these names, in the order of `DIGESTS`."""
        return cls(tuple(name for name in FILE_DIGESTS if name in names), tuple(t for t in TREES if t in names))

    @property
    def names(self) -> tuple[str, ...]:
        """All of them by name."""
        return (*self.files, *self.trees)

    def and_also(self, name: str) -> Wanted:
        """These, and one more of them."""
        return replace(Wanted.of((*self.names, name)), shards=self.shards)


FILES = Wanted()  # what names a file or folder
FILES_AND_TENSORS = Wanted(trees=(SHA256_TREE,))  # and its weights
EVERYTHING_SIGNED = Wanted(trees=TREES)  # what a statement says of an artefact


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one pass over a file gave: size in bytes, sha256 in hex, its tensors, and why there are none.

    `sha256` is "" where it was not asked for or the file was not read; `others` has its other digests with their names.
    `tensors` is None where the file holds no weights in a container that is read, `problem` says what is wrong with a
    file of weights; its digests are right all the same. `content` is the file itself where it was asked for. `shards`
    has, for each way of cutting that was asked for, the digests of its ranges one after the other.
    `is_archive` marks a safetensors file that opens as a zip archive too: other loaders would run what is in it.
    """

    size: int
    sha256: str = ""
    tensors: tuple[Tensor, ...] | None = None
    problem: ArtifactError | None = None
    content: bytes | None = None
    is_archive: bool = False
    findings: tuple[Finding, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    shards: tuple[tuple[Sharding, str], ...] = ()

    @property
    def taken(self) -> int:
        """How many bytes were read for it."""
        read = self.sha256 or self.others or self.shards or self.tensors is not None or self.content is not None
        return self.size if read else 0


def read_file(
    descriptor: int,
    location: str,
    wanted: Wanted = FILES,
    *,
    keep: bool = False,
    copy_to: int | None = None,
    crew: Crew | None = None,
    container: Container | None = None,
) -> FileRead:
    """Read an open regular file once, from its start.

    `container` says how its tensors are read, where the name does not.
    With `copy_to` (a descriptor) the same bytes are written there as they are hashed, so that a copy is exactly
    what was digested; with `keep` they are returned too, so that what is parsed is what was digested.
    ArtifactError `file-special`, or `file-changed-while-read` when size or times differ at the end.
    """
    before, crew = os.fstat(descriptor), crew or Crew()
    if not stat.S_ISREG(before.st_mode):
        raise ArtifactError("file-special", "not a regular file", location=location, hint="remove it")
    size = before.st_size
    container = (container or container_of(location)) if wanted.trees else None
    if size <= SMALL and container is None and copy_to is None:
        read = _small(descriptor, size, location, wanted, keep)
        crew.advance(size)
    else:
        file = WeightFile(descriptor, size, location)
        planned = _planned(file, container)
        if wanted.files or wanted.shards or keep or copy_to is not None:
            os.lseek(descriptor, 0, os.SEEK_SET)
            read = _Pass(file, wanted, planned, _from(descriptor), crew, keep, copy_to).run()
        else:
            read = _tensors_alone(file, wanted, planned, crew)
    after = os.fstat(descriptor)
    if (size, before.st_mtime_ns, before.st_ctime_ns) != (after.st_size, after.st_mtime_ns, after.st_ctime_ns):
        raise _changed(location)
    return read


def read_stream(
    fill: Fill, size: int, location: str, wanted: Wanted = FILES, *, keep: bool = False, crew: Crew | None = None,
    plan: Plan | None = None, problem: ArtifactError | None = None,
) -> FileRead:
    """What `read_file` gives, for bytes that come in order from somewhere that has no file descriptors."""
    file = WeightFile(-1, size, location)
    return _Pass(file, wanted, _Planned(plan, problem), fill, crew or Crew(), keep).run()


def digests_of(data: bytes | memoryview, names: tuple[str, ...]) -> dict[str, str]:
    """The named digests of these bytes, in hex."""
    return {name: _digest_of(name, data) for name in names}


def _digest_of(name: str, data: bytes | memoryview) -> str:
    digest = _new(name, len(data))
    digest.update(data)
    found: str = digest.hexdigest()
    return found


def _new(name: str, size: int) -> Any:
    """A hash object for one of FILE_DIGESTS."""
    if name == "blake3":
        from blake3 import blake3

        return blake3()
    if name == "gitBlob":  # what git names a file by; not a digest that identifies anything by itself
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.new(name)


def _small(descriptor: int, size: int, location: str, wanted: Wanted, keep: bool) -> FileRead:
    """A file that is read in one go; most files of most folders."""
    if not wanted.files and not wanted.shards and not keep:
        return FileRead(size)
    data = os.read(descriptor, size + 1)  # one more than there should be: a file that grew gives it
    while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    if len(data) != size:
        raise _changed(location)
    content = data if keep else None
    if wanted.files == _SHA256_ALONE and not wanted.shards:
        return FileRead(size, hashlib.sha256(data).hexdigest(), content=content)
    shards = _shard_digests(wanted, size)
    for digest in shards.values():
        digest.update(data)
    return _file_read(size, digests_of(data, wanted.files), content=content, shards=_joined(shards))


def _shard_digests(wanted: Wanted, size: int) -> dict[Sharding, ShardDigests]:
    return {sharding: ShardDigests(sharding, lambda name=sharding.algorithm: _new(name, size))  # type: ignore[misc]
            for sharding in wanted.shards if are_worth_computing(sharding, size)}


def _joined(shards: Mapping[Sharding, ShardDigests]) -> tuple[tuple[Sharding, str], ...]:
    return tuple((sharding, digest.joined()) for sharding, digest in shards.items())


def _file_read(size: int, digests: Mapping[str, str], **more: Any) -> FileRead:
    others = tuple((name, value) for name, value in digests.items() if name != "sha256")
    return FileRead(size, digests.get("sha256", ""), others=others, **more)


@dataclass(frozen=True)
class _Planned:
    """Where the tensors of a file lie, or why nobody knows; neither where none were asked for."""

    plan: Plan | None = None
    problem: ArtifactError | None = None


def _planned(file: WeightFile, container: Container | None) -> _Planned:
    if container is None:
        return _Planned()
    try:
        return _Planned(planner(container)(file.descriptor, file.size, file.location))
    except ArtifactError as err:
        return _Planned(problem=err)


@dataclass
class _Pass:
    """One reading of a whole file, in order, and what it feeds."""

    file: WeightFile
    wanted: Wanted
    planned: _Planned
    fill: Fill
    crew: Crew
    keep: bool = False
    copy_to: int | None = None
    _kept: list[bytes] = field(default_factory=list)
    _tail: bytes = b""

    def run(self) -> FileRead:
        """Read all of it; ArtifactError `file-changed-while-read` where it is longer or shorter than was said."""
        location, size, plan = self.file.location, self.file.size, self.planned.plan
        hashes = {name: _new(name, size) for name in self.wanted.files}
        shards = _shard_digests(self.wanted, size)
        tensors, ring = TensorsInFile(self.file, plan, self.wanted.trees), Ring(self.crew)
        for block in blocks(tensors.ranges, size):
            view = ring.buffer()[: block.end - block.start]
            if self.fill(view) != len(view):
                raise _changed(location)
            for digest in (*hashes.values(), *shards.values()):
                digest.update(view)
            self._look_at(block, view)
            if block.chunks:
                ring.hand_on(tensors.digests.take, block, view)
            self.crew.advance(len(view))
        ring.finish()
        if self.fill(own_buffer()[:1]):  # it grows
            raise _changed(location)
        found, problem = None, self.planned.problem
        if plan is not None:
            try:
                found = tensors.found()
            except ArtifactError as err:
                problem = err
        return _file_read(size, {name: digest.hexdigest() for name, digest in hashes.items()}, tensors=found,
                          problem=problem, content=b"".join(self._kept) if self.keep else None, shards=_joined(shards),
                          findings=plan.findings if found is not None and plan else (),
                          is_archive=_ZIP_END in self._tail)

    def _look_at(self, block: Block, view: memoryview) -> None:
        if self.keep:
            self._kept.append(bytes(view))
        if self.copy_to is not None:
            _write_all(self.copy_to, view, self.file.location)
        if self.planned.plan is None:
            return
        if self.file.size - block.start <= CHUNK + _TAIL and container_of(self.file.location) == "safetensors":
            self._tail = (self._tail + bytes(view[-_TAIL:]))[-_TAIL:]
        for position, seen in self.planned.plan.seen:
            start, end = max(position, block.start), min(position + len(seen), block.end)
            here = bytes(view[start - block.start : end - block.start]) if start < end else b""
            if start < end and here != seen[start - position : end - position]:
                raise _changed(self.file.location)


def _tensors_alone(file: WeightFile, wanted: Wanted, planned: _Planned, crew: Crew) -> FileRead:
    """The tensors of a file, by whoever has nothing else to do; the rest of it is not read."""
    if planned.plan is None:
        return FileRead(file.size, problem=planned.problem)
    tensors = TensorsInFile(file, planned.plan, wanted.trees)
    read_together(tensors, crew)
    tail = file.read(max(0, file.size - _TAIL), min(file.size, _TAIL))
    is_archive = container_of(file.location) == "safetensors" and _ZIP_END in tail
    try:
        return FileRead(file.size, tensors=tensors.found(), findings=planned.plan.findings, is_archive=is_archive)
    except ArtifactError as err:
        return FileRead(file.size, problem=err)


def _from(descriptor: int) -> Fill:
    """How to fill a buffer from a descriptor, from where it stands."""

    def fill(view: memoryview) -> int:
        done = 0
        while done < len(view) and (count := os.readv(descriptor, [view[done:]])):
            done += count
        return done

    return fill


def _write_all(descriptor: int, data: memoryview, location: str) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError as err:
        raise RegistryError("output-unwritable", f"cannot write the copy: {err.strerror}", location=location,
                            hint="check the space that is left") from err


def _changed(location: str) -> ArtifactError:
    return ArtifactError("file-changed-while-read", "the file changed while it was read", location=location,
                         hint="stop what writes to it and run the command again")
