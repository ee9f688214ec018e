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
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from provenance.artifacts.blocks import Block, ChunkDigests, Range, blocks, disjoint
from provenance.artifacts.containers.kinds import Container, container_of, planner
from provenance.artifacts.containers.plan import Plan, WeightFile
from provenance.artifacts.crew import SMALL, Crew
from provenance.artifacts.shards import ShardDigests, Sharding, are_worth_computing
from provenance.artifacts.tensors import CHUNK, SHA256_TREE, TREES, Tensor, Tree
from provenance.errors import ArtifactError, Finding, RegistryError

if TYPE_CHECKING:
    from concurrent.futures import Future

# Of a file, by their names in in-toto's DigestSet (which has none for BLAKE3).
FILE_DIGESTS = ("sha256", "sha512", "blake2b", "blake3", "gitBlob")
DIGESTS = (*FILE_DIGESTS, *TREES)
# A zip archive is found from its end: this mark, 18 bytes, and a comment of up to 65,535 bytes.
_ZIP_END = b"PK\x05\x06"
_TAIL = 22 + 0xFFFF
_RING = 4  # buffers that are in the hands of others while the next is read
_BATCH = 16  # blocks that are taken at a time where several threads share a file
Fill = Callable[[memoryview], int]  # reads into a buffer and tells how much; less than asked for is the end


@dataclass(frozen=True)
class Wanted:
    """Which digests are asked for: of each file, of the tensors in it (`DIGESTS` has their names), of its shards."""

    files: tuple[str, ...] = ("sha256",)
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
    if wanted is FILES:
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


class TensorsInFile:
    """The tensors of a plan while their file is read: which ranges are cut into blocks, and what comes out."""

    def __init__(self, file: WeightFile, plan: Plan | None, trees: tuple[Tree, ...]) -> None:
        self._file, self._plan, self._trees = file, plan or Plan(()), trees
        self.ranges, self._apart = disjoint((info.start, info.end) for info in self._plan.infos)
        self.digests = ChunkDigests(self.ranges, trees)

    def found(self) -> tuple[Tensor, ...]:
        """Every tensor; to be asked for when all blocks were taken. What lies apart is read now."""
        nothing = ChunkDigests([(0, 0)], self._trees).heads()[(0, 0)]
        heads: dict[Range, dict[Tree, str]] = self.digests.heads()
        for place in self._apart:
            heads[place] = self._read(place)
        tensors = [(info, heads.get((info.start, info.end), nothing)) for info in self._plan.infos]
        if self._plan.gathered:
            from provenance.artifacts.containers.gathering import gathered_heads

            tensors += [(view, gathered_heads(self._file, view, self._trees))  # type: ignore[misc]
                        for view in self._plan.gathered]
        return tuple(Tensor(one.name, one.dtype, one.shape, *(head.get(tree, "") for tree in TREES))
                     for one, head in tensors)

    def _read(self, place: Range) -> dict[Tree, str]:
        digests, buffer = ChunkDigests([place], self._trees), _buffer()
        for block in blocks([place]):
            view = buffer[: block.end - block.start]
            self._file.read_into(view, block.start)
            digests.take(block, view)
        return digests.heads()[place]


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
        tensors, ring = TensorsInFile(self.file, plan, self.wanted.trees), _Ring(self.crew)
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
        if self.fill(_buffer()[:1]):  # it grows
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


class _Ring:
    """Buffers for blocks whose chunks somebody else hashes, where somebody has nothing to do; otherwise one buffer."""

    def __init__(self, crew: Crew) -> None:
        self._crew, self._next = crew, 0
        self._buffers: list[memoryview] = [_buffer()]
        self._given: list[tuple[Future[Any], Callable[[], None]] | None] = [None] * _RING

    def buffer(self) -> memoryview:
        """A buffer that nobody uses."""
        self._settle(self._next)
        if self._next == len(self._buffers):
            self._buffers.append(memoryview(bytearray(CHUNK)))
        return self._buffers[self._next]

    def hand_on(self, take: Callable[[Block, memoryview], None], block: Block, view: memoryview) -> None:
        """Have the block taken by somebody who has nothing to do, or take it now."""
        future = self._crew.spare(take, block, view)
        if future is None:
            take(block, view)
            return
        self._given[self._next] = future, lambda: take(block, view)
        self._next = (self._next + 1) % _RING

    def finish(self) -> None:
        """Wait for those who were given something."""
        for place in range(_RING):
            self._settle(place)

    def _settle(self, place: int) -> None:
        given, self._given[place] = self._given[place], None
        if given is None:
            return
        future, now = given
        if future.cancel():  # nobody began it
            now()
        else:
            future.result()


def _tensors_alone(file: WeightFile, wanted: Wanted, planned: _Planned, crew: Crew) -> FileRead:
    """The tensors of a file, by whoever has nothing else to do; the rest of it is not read."""
    if planned.plan is None:
        return FileRead(file.size, problem=planned.problem)
    from concurrent.futures import wait

    tensors = TensorsInFile(file, planned.plan, wanted.trees)
    shared = _Shared(blocks(tensors.ranges))

    def take(batch: list[Block]) -> None:
        for block in batch:
            view = _buffer()[: block.end - block.start]
            file.read_into(view, block.start)
            tensors.digests.take(block, view)
            crew.advance(len(view))

    def help_out() -> None:
        while batch := shared.batch():
            take(batch)

    helpers: list[Future[None]] = []
    try:
        while batch := shared.batch():
            if (helper := crew.spare(help_out)) is not None:
                helpers.append(helper)
            take(batch)
    finally:  # whatever happened: the file is open only until this function ends
        shared.close()
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()
    tail = file.read(max(0, file.size - _TAIL), min(file.size, _TAIL))
    is_archive = container_of(file.location) == "safetensors" and _ZIP_END in tail
    try:
        return FileRead(file.size, tensors=tensors.found(), findings=planned.plan.findings, is_archive=is_archive)
    except ArtifactError as err:
        return FileRead(file.size, problem=err)


class _Shared:
    """The blocks of a file, for several threads."""

    def __init__(self, source: Iterator[Block]) -> None:
        self._source, self._lock = source, threading.Lock()

    def batch(self) -> list[Block]:
        """The next blocks; none at the end."""
        with self._lock:
            return list(islice(self._source, _BATCH))

    def close(self) -> None:
        """Give out no more."""
        with self._lock:
            self._source = iter(())


_own = threading.local()


def _buffer() -> memoryview:
    """One buffer a thread: making and clearing a new one for each file costs more than hashing a small one."""
    if not hasattr(_own, "buffer"):
        _own.buffer = memoryview(bytearray(CHUNK))
    buffer: memoryview = _own.buffer
    return buffer


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
