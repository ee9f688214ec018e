"""One pass from a file into the memory that the caller gets: read, hash, compare.

Bytes are read into their final place and hashed there, so that what was checked is what was loaded. Nothing is mapped,
and nothing is read a second time but by a lazy reader whose evidence is about whole files: it reads them once to learn
what their tensors are. Tensors are cut into chunks, and chunks are spread over threads.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance.artifacts.containers.plan import WeightFile
from provenance.artifacts.hashing import Progress, in_threads, read_file
from provenance.artifacts.names import brief
from provenance.artifacts.proofs import chunk_digest
from provenance.artifacts.sources.folder import listing, open_folder, opened
from provenance.artifacts.tensors import CHUNK, Tensor, TensorInfo, header_length, parse_header, tree_head
from provenance.errors import ArtifactError
from provenance.integrations.attested import Attested, Row
from provenance.integrations.matching import InHand, Matching, match

A_TASK = 8 << 20
_LEAST = 1 << 16  # what a small tensor costs, in bytes of a large one
_SUFFIX = ".safetensors"
_TURN = threading.Lock()
# The object that the caller gets, and its memory as bytes.
Allocate = Callable[[TensorInfo], tuple[Any, memoryview]]


@dataclass(frozen=True)
class Shard:
    """An open safetensors file whose header was read, once, and is sound."""

    file: WeightFile
    header: bytes = field(repr=False)
    infos: tuple[TensorInfo, ...] = field(repr=False)
    facts: tuple[int, int, int]

    def refuse_change(self) -> None:
        """ArtifactError `file-changed-while-read` where size or times are not what they were when it was opened."""
        if _facts(self.file.descriptor) != self.facts:
            raise ArtifactError("file-changed-while-read", "the file changed after it was opened",
                                location=self.file.location, hint="stop what writes to it and load it again")

    def read_into(self, view: memoryview, position: int) -> None:
        """Fill the memory from a position of the file."""
        if not hasattr(os, "preadv"):  # Windows
            with _TURN:
                view[:] = self.file.read(position, len(view))
            return
        while view:
            count = os.preadv(self.file.descriptor, [view], position)
            if not count:
                raise ArtifactError("file-changed-while-read", "the file became shorter while it was read",
                                    location=self.file.location, hint="stop what writes to it and load it again")
            view, position = view[count:], position + count


def _facts(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass
class _Slot:
    """A tensor that is being read: where from, into what, and the digests of its chunks so far."""

    shard: Shard
    info: TensorInfo
    view: memoryview
    chunks: list[bytes]
    left: int


class Session:
    """Weight files that are open, and whose headers fit something that a trusted producer attests."""

    def __init__(self, path: Path, things: Sequence[Attested], *, part: bool) -> None:
        self._stack = ExitStack()
        try:
            self.shards, is_file = _open(path, self._stack)
            self.infos = _by_name(self.shards)
            tensors = {name: info for name, (_, info) in self.infos.items()}
            sizes = {shard.file.location: shard.file.size for shard in self.shards}
            self._in_hand = InHand(tensors, sizes, is_file, part)
            self._location = path.name
            self.matching = match(things, self._in_hand)
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    def load(self, allocate: Allocate) -> dict[str, Any]:
        """Every tensor by name, checked; ArtifactError with the first that is not as attested."""
        found, slots = dict[str, Any](), list[_Slot]()
        for name, (shard, info) in self.infos.items():
            found[name], slot = _allocated(shard, info, allocate)
            slots.append(slot)
        with _Watch(self.shards):
            if self.matching.way == "files":
                self._read_files(slots)
            elif self.matching.way == "root":
                read = _read_tensors(slots, lambda *_: None)
                self.matching.settle_root(read, self._location)
            else:
                _read_tensors(slots, self.matching.settle_tensor)
        return found

    def load_one(self, name: str, allocate: Allocate) -> Any:
        """One tensor, checked; ArtifactError `tensor-missing`, `tensor-mismatch` or `file-changed-while-read`."""
        if name not in self.infos:
            raise ArtifactError("tensor-missing", f"there is no tensor named {brief(name)}", location=self._location,
                                hint="keys() names them")
        found, slot = _allocated(*self.infos[name], allocate)
        with _Watch([slot.shard]):
            _read_tensors([slot], self.matching.settle_tensor)
        return found

    def learn_tensors(self) -> None:
        """Where the evidence is about whole files, read them once and know their tensors from then on."""
        if self.matching.way == "tensors":
            return
        tensors = list[Tensor]()
        with _Watch(self.shards):
            for shard in self.shards:
                os.lseek(shard.file.descriptor, 0, os.SEEK_SET)
                read = read_file(shard.file.descriptor, shard.file.location, tensors=True)
                if self.matching.way == "files":
                    self.matching.settle_file(shard.file.location, read.sha256, self._in_hand)
                tensors += read.tensors or ()
        rows = {tensor.name: Row(tensor.dtype, tensor.shape, tensor.head) for tensor in tensors}
        if {name: (row.dtype, row.shape) for name, row in rows.items()} != {
            name: (info.dtype, info.shape) for name, (_, info) in self.infos.items()
        }:  # times can be set back; the header that was parsed is not in what was hashed
            raise ArtifactError("file-changed-while-read", "the header changed after it was read",
                                location=self._location, hint="stop what writes to it and load it again")
        if self.matching.way == "root":
            self.matching.settle_root(tensors, self._location)
        things = [Attested(label, rows, "", {}, {}) for label in self.matching.attested_by]
        self.matching = Matching("tensors", things)

    def _read_files(self, slots: Sequence[_Slot]) -> None:
        by_shard: dict[int, list[_Slot]] = defaultdict(list)
        for slot in sorted(slots, key=lambda slot: slot.info.start):
            by_shard[id(slot.shard)].append(slot)

        def work(shard: Shard, progress: Progress) -> None:
            whole = hashlib.sha256(shard.header)
            for slot in by_shard[id(shard)]:  # without holes and overlaps, as the header's reader has seen to
                for at in range(0, len(slot.view), CHUNK):
                    part = slot.view[at : at + CHUNK]
                    shard.read_into(part, slot.info.start + at)
                    whole.update(part)
                    progress(len(part))
            self.matching.settle_file(shard.file.location, whole.hexdigest(), self._in_hand)

        in_threads(work, self.shards, None)


class _Watch:
    """Nothing in these files may change meanwhile; a change explains a mismatch, and is told in its place."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        for shard in self._shards:
            shard.refuse_change()


def _open(path: Path, stack: ExitStack) -> tuple[list[Shard], bool]:
    """Every safetensors file at a path, and whether the path is one file itself."""
    real = Path(os.path.realpath(path))
    try:
        is_file = stat.S_ISREG(real.stat().st_mode)
    except OSError as err:
        raise ArtifactError("path-not-found", f"cannot read it: {err.strerror}", location=str(path),
                            hint="check the path") from err
    root = open_folder(real.parent if is_file else real)
    stack.callback(os.close, root)
    # A link's own name is the one that the caller knows, and that was signed: caches link to files named by digest.
    names = [(real.name, path.name or real.name)] if is_file else [(name, name) for name in _listed(root)]
    shards = [_shard(stack.enter_context(opened(root, there)), shown) for there, shown in names]
    if not any(shard.infos for shard in shards):
        raise ArtifactError("folder-has-no-weights", "no safetensors file here holds a tensor", location=str(path),
                            hint="give a safetensors file, or a folder with some")
    return shards, is_file


def _listed(root: int) -> Iterator[str]:
    """The safetensors files beneath a folder; a link or a bad name in the place of one is an error."""
    found = listing(root)
    for finding in found.findings:
        if finding.severity == "error" and (finding.location.endswith(_SUFFIX) or finding.code == "input-unreadable"):
            raise ArtifactError(finding.code, finding.message, location=finding.location, hint=finding.hint)
    yield from (file.path for file in found.files if file.path.endswith(_SUFFIX))


def _shard(descriptor: int, location: str) -> Shard:
    facts = _facts(descriptor)
    file = WeightFile(descriptor, facts[0], location)
    length = header_length(file.read(0, min(8, file.size)), file.size, location)
    header = file.read(0, 8 + length)
    return Shard(file, header, tuple(parse_header(header, file.size, location)), facts)


def _by_name(shards: Iterable[Shard]) -> dict[str, tuple[Shard, TensorInfo]]:
    found: dict[str, tuple[Shard, TensorInfo]] = {}
    for shard in shards:
        for info in shard.infos:
            if info.name in found:
                raise ArtifactError("tensor-duplicate", f"two files hold a tensor named {brief(info.name)}",
                                    location=shard.file.location, hint="give the folder of one model")
            found[info.name] = (shard, info)
    return found


def _allocated(shard: Shard, info: TensorInfo, allocate: Allocate) -> tuple[Any, _Slot]:
    size = info.end - info.start
    try:
        found, view = allocate(info)
    except (MemoryError, ValueError, RuntimeError) as err:
        raise ArtifactError("weights-unsupported", f"no array can be made for tensor {brief(info.name)}, {size} bytes",
                            location=shard.file.location, hint="load it on a larger machine, or lazily") from err
    count = -(-size // CHUNK)
    return found, _Slot(shard, info, view, [b""] * count, count)


_Task = list[tuple[_Slot, int, int]]


def _tasks(slots: Iterable[_Slot]) -> Iterator[_Task]:
    """Work in pieces of some megabytes: parts of large tensors, and small tensors together."""
    task, room = list[tuple[_Slot, int, int]](), A_TASK
    for slot in slots:
        step, count = A_TASK // CHUNK, len(slot.chunks)
        for start in range(0, max(count, 1), step):  # an empty tensor is settled too
            stop = min(count, start + step)
            task.append((slot, start, stop))
            room -= max((stop - start) * CHUNK if len(slot.view) > CHUNK else len(slot.view), _LEAST)
            if room <= 0:
                yield task
                task, room = [], A_TASK
    if task:
        yield task


def _read_tensors(slots: Sequence[_Slot], settle: Callable[[Tensor, str], None]) -> list[Tensor]:
    """Read tensors and settle each as soon as it is whole; the first bad one, in the order of the slots, is raised."""
    lock, tensors = threading.Lock(), list[Tensor]()

    def work(task: _Task, progress: Progress) -> None:
        for slot, start, stop in task:
            for number in range(start, stop):
                part = slot.view[number * CHUNK : (number + 1) * CHUNK]
                slot.shard.read_into(part, slot.info.start + number * CHUNK)
                slot.chunks[number] = chunk_digest(part)
                progress(len(part))
            with lock:
                slot.left -= stop - start
                is_whole = slot.left == 0
            if is_whole:
                info = slot.info
                tensor = Tensor(info.name, info.dtype, info.shape, tree_head(slot.chunks).hex())
                settle(tensor, slot.shard.file.location)
                tensors.append(tensor)

    tasks = list(_tasks(slots))
    if len(tasks) == 1:
        work(tasks[0], lambda _: None)
    else:
        in_threads(work, tasks, None)
    return tensors
