"""The tensors of one file while it is read, in order by one thread or block by block by whoever has time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from provenance.artifacts.blocks import Block, ChunkDigests, Range, blocks, disjoint
from provenance.artifacts.buffers import own_buffer
from provenance.artifacts.containers.plan import Plan, WeightFile
from provenance.artifacts.crew import Crew
from provenance.artifacts.tensors import TREES, Tensor, Tree

if TYPE_CHECKING:
    from concurrent.futures import Future

_BATCH = 16  # blocks that are taken at a time where several threads share a file


class TensorsInFile:
    """The tensors of a plan while their file is read: which ranges are cut into blocks, and what comes out."""

    def __init__(self, file: WeightFile, plan: Plan | None, trees: tuple[Tree, ...]) -> None:
        self._file, self._plan, self._trees = file, plan or Plan(()), trees
        self.ranges, self._apart = disjoint((info.start, info.end) for info in self._plan.infos)
        self.digests = ChunkDigests(self.ranges, trees)

    def read(self, block: Block, crew: Crew) -> None:
        """Read one block by itself, and take its chunks."""
        self._read(block, self.digests)
        crew.advance(block.end - block.start)

    def found(self) -> tuple[Tensor, ...]:
        """Every tensor; to be asked for when all blocks were taken. What lies apart is read now."""
        nothing = ChunkDigests([(0, 0)], self._trees).heads()[(0, 0)]
        heads: dict[Range, dict[Tree, str]] = self.digests.heads()
        for place in self._apart:
            heads[place] = self._heads_of(place)
        tensors = [(info, heads.get((info.start, info.end), nothing)) for info in self._plan.infos]
        if self._plan.gathered:
            from provenance.artifacts.containers.gathering import gathered_heads

            tensors += [(view, gathered_heads(self._file, view, self._trees))  # type: ignore[misc]
                        for view in self._plan.gathered]
        return tuple(Tensor(one.name, one.dtype, one.shape, *(head.get(tree, "") for tree in TREES))
                     for one, head in tensors)

    def _heads_of(self, place: Range) -> dict[Tree, str]:
        digests = ChunkDigests([place], self._trees)
        for block in blocks([place]):
            self._read(block, digests)
        return digests.heads()[place]

    def _read(self, block: Block, digests: ChunkDigests) -> None:
        view = own_buffer()[: block.end - block.start]
        self._file.read_into(view, block.start)
        digests.take(block, view)


def read_together(tensors: TensorsInFile, crew: Crew) -> None:
    """Read all ranges of a file, in whatever order, by everybody who has nothing else to do."""
    from concurrent.futures import wait

    shared = _Shared(blocks(tensors.ranges))

    def help_out() -> None:
        while batch := shared.batch():
            for block in batch:
                tensors.read(block, crew)

    helpers: list[Future[None]] = []
    try:
        while batch := shared.batch():
            if (helper := crew.spare(help_out)) is not None:
                helpers.append(helper)
            for block in batch:
                tensors.read(block, crew)
    finally:  # whatever happened: the file is open only until this function ends
        shared.close()
        begun = [helper for helper in helpers if not helper.cancel()]
        wait(begun)
    for helper in begun:
        helper.result()


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
