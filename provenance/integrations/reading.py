"""One pass from a file into the memory that the caller gets: read, hash, compare.

Bytes are read into their final place and hashed there, so that what was checked is what was loaded. Nothing is mapped,
and nothing is read a second time but by a lazy reader whose evidence is about whole files: it reads them once to learn
what their tensors are. Tensors are cut into chunks, and chunks are spread over threads.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.artifacts.crew import Crew, in_threads
from provenance.artifacts.hashing import FileRead, Wanted, read_file
from provenance.artifacts.names import brief
from provenance.artifacts.tensors import (
    BLAKE3_TREE,
    CHUNK,
    TREES,
    Tensor,
    TensorInfo,
    Tree,
    Weights,
    chunk_digest,
    tree_head,
)
from provenance.errors import ArtifactError
from provenance.integrations.attested import Attested, Row
from provenance.integrations.matching import InHand, Matching, match
from provenance.integrations.shards import Shard, by_name, open_shards

A_TASK = 8 << 20
A_PART = 4 << 20
_LEAST = 1 << 16  # what a small tensor costs, in bytes of a large one
# The object that the caller gets, and its memory as bytes.
Allocate = Callable[[TensorInfo], tuple[Any, memoryview]]


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
            self.shards, is_file = open_shards(path, self._stack)
            self.infos = by_name(self.shards)
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
                read = _read_tensors(slots, self.matching.tree, lambda *_: None)
                self.matching.settle_root(read, self._location)
            else:
                _read_tensors(slots, self.matching.tree, self.matching.settle_tensor)
        return found

    def load_one(self, name: str, allocate: Allocate) -> Any:
        """One tensor, checked; ArtifactError `tensor-missing`, `tensor-mismatch` or `file-changed-while-read`."""
        if name not in self.infos:
            raise ArtifactError("tensor-missing", f"there is no tensor named {brief(name)}", location=self._location,
                                hint="keys() names them")
        found, slot = _allocated(*self.infos[name], allocate)
        with _Watch([slot.shard]):
            _read_tensors([slot], self.matching.tree, self.matching.settle_tensor)
        return found

    def learn_tensors(self) -> None:
        """Where the evidence is about whole files, read them once and know their tensors from then on."""
        if self.matching.way == "tensors":
            return
        tensors = list[Tensor]()
        with _Watch(self.shards):
            for read in in_threads(self._learn, self.shards, None):
                tensors += read.tensors or ()
        tree = self._learnt_in
        rows = {one.name: Row(one.dtype, one.shape, {tree: one.head_in(tree)}) for one in tensors}
        if {name: (row.dtype, row.shape) for name, row in rows.items()} != {
            name: (info.dtype, info.shape) for name, (_, info) in self.infos.items()
        }:  # times can be set back; the header that was parsed is not in what was hashed
            raise ArtifactError("file-changed-while-read", "the header changed after it was read",
                                location=self._location, hint="stop what writes to it and load it again")
        if self.matching.way == "root":
            self.matching.settle_root(tensors, self._location)
        roots = Weights.of(tensors, (tree,)).digest
        things = [Attested(label, rows, roots, {}, {}) for label in self.matching.attested_by]
        self.matching = Matching("tensors", things)

    @property
    def _learnt_in(self) -> Tree:
        """The tree by which tensors are known once they were read: of whole files, the faster one will do."""
        return BLAKE3_TREE if self.matching.way == "files" else self.matching.tree

    def _learn(self, shard: Shard, crew: Crew) -> FileRead:
        by_file = self.matching.way == "files"
        wanted = Wanted(("sha256",) if by_file else (), (self._learnt_in,))
        read = read_file(shard.file.descriptor, shard.file.location, wanted, crew=crew, container="safetensors")
        if by_file:
            self.matching.settle_file(shard.file.location, read.sha256, self._in_hand)
        return read

    def _read_files(self, slots: Sequence[_Slot]) -> None:
        by_shard: dict[int, list[_Slot]] = defaultdict(list)
        for slot in sorted(slots, key=lambda slot: slot.info.start):
            by_shard[id(slot.shard)].append(slot)

        def work(shard: Shard, crew: Crew) -> None:
            whole = hashlib.sha256(shard.header)
            # Without holes and overlaps, as the header's reader has seen to.
            with closing(_read_ahead(shard, by_shard[id(shard)], crew)) as parts:
                for part in parts:
                    whole.update(part)
                    crew.advance(len(part))
            self.matching.settle_file(shard.file.location, whole.hexdigest(), self._in_hand)

        in_threads(work, self.shards, None)


def _read_ahead(shard: Shard, slots: Iterable[_Slot], crew: Crew) -> Generator[memoryview, None, None]:
    """The bytes of tensors in order, each part in its final place; who is idle reads the next one meanwhile."""
    parts = ((slot.view[at : at + A_PART], slot.info.start + at)
             for slot in slots for at in range(0, len(slot.view), A_PART))
    ready: Future[None] | None = None
    following = next(parts, None)
    while following is not None:
        view, position = following
        following = next(parts, None)
        if ready is None or ready.cancel():  # nobody began it
            shard.file.read_into(view, position)
        else:
            ready.result()
        ready = crew.spare(shard.file.read_into, *following) if following is not None else None
        try:
            yield view
        except GeneratorExit:
            if ready is not None and not ready.cancel():
                wait([ready])  # the file is closed after this
            raise


class _Watch:
    """Nothing in these files may change meanwhile; a change explains a mismatch, and is told in its place."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._shards = shards

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        for shard in self._shards:
            shard.refuse_change()


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


def _read_tensors(slots: Sequence[_Slot], tree: Tree, settle: Callable[[Tensor, str], None]) -> list[Tensor]:
    """Read tensors and settle each as soon as it is whole; the first bad one, in the order of the slots, is raised."""
    lock, tensors = threading.Lock(), list[Tensor]()
    order = {slot.info.name: place for place, slot in enumerate(slots)}
    bad: dict[int, ArtifactError] = {}

    def work(task: _Task, crew: Crew) -> None:
        for slot, start, stop in task:
            if bad and min(bad) < order[slot.info.name]:
                return  # only what comes before a bad tensor is still worth reading
            for number in range(start, stop):
                part = slot.view[number * CHUNK : (number + 1) * CHUNK]
                slot.shard.file.read_into(part, slot.info.start + number * CHUNK)
                slot.chunks[number] = chunk_digest(part, tree)
                crew.advance(len(part))
            with lock:
                slot.left -= stop - start
                is_whole = slot.left == 0
            if is_whole:
                info = slot.info
                head = tree_head(slot.chunks, tree).hex()
                heads = [head if tree == one else "" for one in TREES]
                tensor = Tensor(info.name, info.dtype, info.shape, *heads)
                try:
                    settle(tensor, slot.shard.file.location)
                except ArtifactError as err:
                    with lock:
                        bad[order[info.name]] = err
                    return
                tensors.append(tensor)

    tasks = list(_tasks(slots))
    if len(tasks) == 1:
        work(tasks[0], Crew())
    else:
        in_threads(work, tasks, None)
    if bad:
        raise bad[min(bad)]
    return tensors
