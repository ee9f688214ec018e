"""Where to cut a file: into blocks that hold whole chunks of its tensors, so that each can be hashed by itself.

A tensor's chunks are counted from its own first byte, wherever that lies in the file. Blocks are at most a chunk long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provenance.artifacts.tensors import CHUNK, Tree, hash_of, tree_head

Range = tuple[int, int]  # of bytes: the first, and the one behind the last
Chunk = tuple[int, int, int, int]  # number of the range, number of the chunk in it, and where in the file it lies


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file, and the chunks that lie in it, each whole."""

    start: int
    end: int
    chunks: tuple[Chunk, ...] = ()


def disjoint(ranges: Iterable[Range]) -> tuple[list[Range], list[Range]]:
    """Ranges in their order, as many as do not overlap, and the others. Each is told once, and empty ones never."""
    apart, others, at = list[Range](), list[Range](), 0
    for start, end in sorted({(start, end) for start, end in ranges if end > start}):
        if start >= at:
            apart.append((start, end))
            at = end
        else:
            others.append((start, end))
    return apart, others


def blocks(ranges: Sequence[Range], size: int | None = None) -> Iterator[Block]:
    """Blocks that hold the chunks of these ranges; with a size, of the whole file, with what lies between them."""
    at, held = 0, list[Chunk]()
    for chunk in _chunks(ranges):
        _, _, start, end = chunk
        if held and (start != at or end - held[0][2] > CHUNK):
            yield Block(held[0][2], at, tuple(held))
            held = []
        if size is not None and not held:
            yield from plain_blocks(at, start)
        held.append(chunk)
        at = end
    if held:
        yield Block(held[0][2], at, tuple(held))
    if size is not None:
        yield from plain_blocks(at, size)


def plain_blocks(start: int, end: int) -> Iterator[Block]:
    """Blocks without chunks."""
    for position in range(start, end, CHUNK):
        yield Block(position, min(position + CHUNK, end))


def _chunks(ranges: Sequence[Range]) -> Iterator[Chunk]:
    for number, (first, behind) in enumerate(ranges):
        for count, start in enumerate(range(first, behind, CHUNK)):
            yield number, count, start, min(start + CHUNK, behind)


class ChunkDigests:
    """The digests of all chunks of some ranges, in one tree or both; filled from any thread, in any order."""

    def __init__(self, ranges: Sequence[Range], trees: Sequence[Tree]) -> None:
        self._ranges = ranges
        self._digests = {tree: [[b""] * -(-(end - start) // CHUNK) for start, end in ranges] for tree in trees}
        self._hashes = [(hash_of(tree), self._digests[tree]) for tree in trees]

    def take(self, block: Block, view: memoryview) -> None:
        """Hash the chunks of a block, whose bytes these are."""
        for number, count, start, end in block.chunks:
            piece = view[start - block.start : end - block.start]
            for new, digests in self._hashes:
                digest = new(b"\x00")
                digest.update(piece)
                digests[number][count] = digest.digest()

    def of(self, block: Block) -> list[list[bytes]]:
        """The digests of the chunks of a block that was taken: a list for each tree."""
        return [[digests[number][count] for number, count, _, _ in block.chunks] for _, digests in self._hashes]

    def put(self, block: Block, found: Sequence[Sequence[bytes]]) -> None:
        """The same from somewhere else, instead of `take`."""
        for (_, digests), row in zip(self._hashes, found, strict=True):
            for (number, count, _, _), digest in zip(block.chunks, row, strict=True):
                digests[number][count] = digest

    def heads(self) -> dict[Range, dict[Tree, str]]:
        """The data head of each range in each tree, in hex; to be asked for when all blocks were taken."""
        return {place: {tree: tree_head(digests[number], tree).hex() for tree, digests in self._digests.items()}
                for number, place in enumerate(self._ranges)}
