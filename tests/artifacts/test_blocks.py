"""How a file is cut: every byte in one block, every chunk whole in one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts.blocks import Block, ChunkDigests, blocks, disjoint
from provenance.artifacts.tensors import CHUNK, SHA256_TREE, tree_head

SIZES = st.one_of(st.integers(0, 40), st.integers(CHUNK - 2, CHUNK + 2), st.integers(0, 3 * CHUNK))


@st.composite
def laid_out(draw: st.DrawFn) -> tuple[list[tuple[int, int]], int]:
    """Ranges one after the other, some with gaps between them, and the size of their file."""
    ranges, at = [], 0
    for size in draw(st.lists(SIZES.filter(bool), max_size=6)):
        at += draw(st.sampled_from([0, 0, 1, 17, CHUNK + 1]))
        ranges.append((at, at + size))
        at += size
    return ranges, at + draw(st.sampled_from([0, 5, 2 * CHUNK]))


@given(laid_out())
def test_blocks_follow_each_other_and_hold_every_chunk_once(made: tuple[list[tuple[int, int]], int]) -> None:
    ranges, size = made
    found, at = list(blocks(ranges, size)), 0
    for block in found:
        assert block.start == at < block.end <= block.start + CHUNK
        at = block.end
        assert all(block.start <= start < end <= block.end for _, _, start, end in block.chunks)
    assert at == size
    chunks = [chunk for block in found for chunk in block.chunks]
    assert chunks == [
        (number, count, start, min(start + CHUNK, behind)) for number, (first, behind) in enumerate(ranges)
        for count, start in enumerate(range(first, behind, CHUNK))
    ]


@given(laid_out())
def test_without_a_size_only_what_lies_in_ranges_is_read(made: tuple[list[tuple[int, int]], int]) -> None:
    ranges, _ = made
    found = list(blocks(ranges))
    assert sum(block.end - block.start for block in found) == sum(end - start for start, end in ranges)
    assert [chunk for block in found for chunk in block.chunks] == [
        chunk for block in blocks(ranges, 10 * CHUNK) for chunk in block.chunks]


def test_small_tensors_share_a_block() -> None:
    assert list(blocks([(8, 10), (10, 13)], 13)) == [Block(0, 8), Block(8, 13, ((0, 0, 8, 10), (1, 0, 10, 13)))]


@pytest.mark.parametrize(("ranges", "apart", "others"), [
    ([], [], []),
    ([(0, 0), (5, 5)], [], []),
    ([(0, 4), (4, 8), (0, 4)], [(0, 4), (4, 8)], []),
    ([(0, 4), (2, 8), (8, 9)], [(0, 4), (8, 9)], [(2, 8)]),
    ([(0, 9), (0, 4), (4, 9)], [(0, 4), (4, 9)], [(0, 9)]),
])
def test_ranges_that_overlap_are_told_apart(
    ranges: list[tuple[int, int]], apart: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    assert disjoint(ranges) == (apart, others)


@given(laid_out())
def test_digests_do_not_depend_on_the_order_of_the_blocks(made: tuple[list[tuple[int, int]], int]) -> None:
    ranges, size = made
    data = hashlib.shake_128(b"x").digest(size)
    digests = ChunkDigests(ranges, (SHA256_TREE,))
    for block in reversed(list(blocks(ranges, size))):
        digests.take(block, memoryview(data)[block.start : block.end])
    for start, end in ranges:
        chunks = [hashlib.sha256(b"\x00" + data[at : min(at + CHUNK, end)]).digest() for at in range(start, end, CHUNK)]
        assert digests.heads()[(start, end)] == {SHA256_TREE: tree_head(chunks).hex()}
