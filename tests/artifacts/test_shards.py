"""Shards of a file: the engine digests its ranges in the same pass, however it reads it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from provenance.artifacts import shards
from provenance.artifacts.crew import SMALL
from provenance.artifacts.hashing import FILES, FileRead, Wanted, digests_of, read_file
from provenance.artifacts.manifest import scan
from provenance.artifacts.shards import ShardDigests, Sharding
from provenance.artifacts.tensors import CHUNK, TREES

NEW: dict[str, Any] = {"sha256": hashlib.sha256, "blake2b": hashlib.blake2b, "blake3": blake3}


def by_hand(data: bytes, sharding: Sharding) -> str:
    pieces = (data[at : at + sharding.size] for at in range(0, len(data), sharding.size))
    return "".join(NEW[sharding.algorithm](piece).hexdigest() for piece in pieces)


def read(path: Path, wanted: Wanted) -> FileRead:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_file(descriptor, path.name, wanted)
    finally:
        os.close(descriptor)


@given(st.binary(max_size=60), st.integers(1, 70), st.lists(st.integers(0, 60), max_size=5),
       st.sampled_from(sorted(NEW)))
def test_ranges_are_digested_whatever_comes_at_a_time(data: bytes, size: int, cuts: list[int], algorithm: str) -> None:
    sharding = Sharding(algorithm, size)
    digests = ShardDigests(sharding, NEW[algorithm])
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        digests.update(data[start:end])
    assert digests.joined() == by_hand(data, sharding)


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, CHUNK, 2 * CHUNK + 5])
@pytest.mark.parametrize("shard", [1 << 12, SMALL, CHUNK + 7, 1 << 40])
def test_a_file_is_read_once_for_its_shards_and_for_everything_else(tmp_path: Path, size: int, shard: int) -> None:
    data = os.urandom(size)
    (tmp_path / "w.bin").write_bytes(data)
    asked = tuple(Sharding(algorithm, shard) for algorithm in NEW)
    found = read(tmp_path / "w.bin", Wanted(("sha256", "blake3"), shards=asked))
    assert dict(found.shards) == {sharding: by_hand(data, sharding) for sharding in asked}
    assert {"sha256": found.sha256, **dict(found.others)} == digests_of(data, ("sha256", "blake3"))
    alone = read(tmp_path / "w.bin", Wanted((), shards=asked))
    assert (alone.shards, alone.sha256, alone.taken) == (found.shards, "", size)


def test_tensors_are_read_in_the_same_pass(tmp_path: Path) -> None:
    from reference import Tensor, safetensors

    data = safetensors([Tensor("a", "U8", (CHUNK + 9,), bytes(CHUNK + 9))])
    (tmp_path / "m.safetensors").write_bytes(data)
    sharding = Sharding("sha256", 1000)
    found = read(tmp_path / "m.safetensors", Wanted(("sha256",), TREES, (sharding,)))
    assert dict(found.shards) == {sharding: by_hand(data, sharding)}
    assert found.tensors == read(tmp_path / "m.safetensors", Wanted(("sha256",), TREES)).tensors


def test_more_shards_than_any_signature_lists_are_not_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature for shards of one byte must not make its verifier hash a terabyte byte by byte."""
    monkeypatch.setattr(shards, "MAX_SHARDS", 10)
    (tmp_path / "w").write_bytes(bytes(11))
    assert read(tmp_path / "w", Wanted((), shards=(Sharding("sha256", 1),))).shards == ()
    assert dict(read(tmp_path / "w", Wanted((), shards=(Sharding("sha256", 2),))).shards) != {}


def test_a_manifest_has_them_beside_the_digests_that_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"0123456789")
    sharding = Sharding("sha256", 4)
    entry = scan(tmp_path, wanted=Wanted(shards=(sharding,))).files[0]
    assert dict(entry.shards) == {sharding: by_hand(b"0123456789", sharding)}
    assert entry.digest == {"sha256": entry.sha256}
    assert scan(tmp_path, wanted=FILES).files[0].shards == ()


def test_one_more_digest_leaves_the_shards_asked_for() -> None:
    wanted = Wanted(shards=(Sharding("sha256", 4),))
    assert wanted.and_also("blake3") == Wanted(("sha256", "blake3"), shards=wanted.shards)
