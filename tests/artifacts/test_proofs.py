"""Inclusion proofs: a proof of what is there holds, and a proof of anything else does not."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

from provenance import resources
from provenance.artifacts.proofs import (
    ChunkProof,
    TensorProof,
    audit_path,
    chunk_count,
    head_from,
    prove_chunk,
    prove_tensor,
)
from provenance.artifacts.tensors import CHUNK, Tensor, Weights, chunk_digest, tree_head
from provenance.errors import ArtifactError
from provenance.statements.reader import validate


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count: int) -> int:
    """The largest power of two smaller than a count (RFC 6962, section 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def reference_head(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, as it is written there, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return node(reference_head(leaves[:middle]), reference_head(leaves[middle:]))


def reference_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*reference_path(index, leaves[:middle]), reference_head(leaves[middle:])]
    return [*reference_path(index - middle, leaves[middle:]), reference_head(leaves[:middle])]


def hashes(count: int, seed: int = 0) -> list[bytes]:
    return [hashlib.sha256(struct.pack("<QQ", seed, number)).digest() for number in range(count)]


class TestPaths:
    """Audit paths, against the definitions of RFC 6962."""

    @pytest.mark.parametrize("count", [*range(1, 34), 63, 64, 65, 100, 127, 128, 129])
    def test_paths_are_those_of_the_definition_and_lead_to_the_head(self, count: int) -> None:
        leaves = hashes(count)
        head = reference_head(leaves)
        assert tree_head(leaves) == head
        for index in range(count):
            path = audit_path(leaves, index)
            assert list(path) == reference_path(index, leaves)
            assert head_from(leaves[index], index, count, path) == head

    @given(st.data())
    def test_a_path_leads_from_no_other_leaf_place_or_count(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(1, 300))
        index, other = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, 300))
        leaves = hashes(count)
        head, path = tree_head(leaves), audit_path(leaves, index)
        assert head_from(hashes(1, seed=1)[0], index, count, path) != head
        if other != index:
            assert head_from(leaves[index], other, count, path) != head
            if other < count:
                assert head_from(leaves[other], index, count, path) != head
        if path:
            place = data.draw(st.integers(0, len(path) - 1))
            bent = [*path[:place], bytes(32), *path[place + 1 :]]
            assert head_from(leaves[index], index, count, bent) != head
            assert head_from(leaves[index], index, count, path[:-1]) != head
            assert head_from(leaves[index], index, count, path[1:]) != head
        assert head_from(leaves[index], index, count, [*path, bytes(32)]) != head

    @pytest.mark.parametrize(("index", "count", "path"), [
        (-1, 1, []), (1, 1, []), (0, 0, []), (0, 1, [bytes(32)]), (0, 2, []), (0, 2, [b"short"]), (0, 2, [bytes(64)]),
        (0, 2, [bytes(32)] * 10_000), (1 << 80, 1 << 81, [bytes(32)]),
    ])
    def test_what_is_no_path_leads_nowhere(self, index: int, count: int, path: list[bytes]) -> None:
        assert head_from(bytes(32), index, count, path) is None


def large_model(sizes: Sequence[int] = (3 * CHUNK + 5, 1, 0, CHUNK, 2 * CHUNK)) -> tuple[Weights, dict[str, bytes]]:
    """Weights of byte tensors of these sizes, no chunk like another, and their bytes."""
    contents = {f"t{number}": hashlib.shake_128(bytes([number])).digest(size) for number, size in enumerate(sizes)}
    made = (reference.Tensor(name, "U8", (len(content),), content) for name, content in contents.items())
    return Weights.of(Tensor(t.name, t.dtype, t.shape, t.data_head().hex()) for t in made), contents


WEIGHTS, CONTENTS = large_model()
ROOT = WEIGHTS.root


def chunks_of(name: str) -> list[bytes]:
    content = CONTENTS[name]
    return [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]


def chunk_proof(name: str, index: int) -> TensorProof:
    return prove_chunk(prove_tensor(WEIGHTS, name), [chunk_digest(chunk) for chunk in chunks_of(name)], index)


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


class TestTensors:
    """That a tensor is in the weights, with its name, dtype, shape and bytes."""

    @pytest.mark.parametrize("name", CONTENTS)
    def test_a_proof_holds_for_its_root_and_its_bytes_alone(self, name: str) -> None:
        proof = prove_tensor(WEIGHTS, name)
        assert proof.holds(ROOT)
        assert not proof.holds("0" * 64)
        assert proof.holds_for(ROOT, CONTENTS[name])
        assert not proof.holds_for(ROOT, CONTENTS[name] + b"x")
        assert not proof.holds_for("0" * 64, CONTENTS[name])
        if CONTENTS[name]:
            assert not proof.holds_for(ROOT, flipped(CONTENTS[name]))

    @given(st.integers(1, 40), st.data())
    def test_of_any_number_of_tensors_each_is_proven(self, count: int, data: st.DataObject) -> None:
        weights = Weights.of(Tensor(f"t{number}", "U8", (number,), f"{number:064x}") for number in range(count))
        name = data.draw(st.sampled_from([tensor.name for tensor in weights.tensors]))
        proof = prove_tensor(weights, name)
        assert TensorProof.from_dict(json.loads(json.dumps(proof.to_dict()))) == proof
        assert proof.holds(weights.root)

    @pytest.mark.parametrize("name", ["t", "t9", "", "zz", "t0\0", "\udcff"])
    def test_what_is_not_there_is_not_proven(self, name: str) -> None:
        with pytest.raises(ArtifactError) as caught:
            prove_tensor(WEIGHTS, name)
        assert caught.value.code == "tensor-missing"

    @pytest.mark.parametrize("change", [
        {"name": "t1"}, {"name": "T0"}, {"dtype": "I8"}, {"shape": (3 * CHUNK + 5, 1)}, {"shape": ()},
        {"head": "0" * 64},
    ])
    def test_another_name_dtype_shape_or_head_does_not_hold(self, change: dict[str, Any]) -> None:
        proof = prove_tensor(WEIGHTS, "t0")
        assert not replace(proof, tensor=replace(proof.tensor, **change)).holds(ROOT)

    @pytest.mark.parametrize("change", [
        {"index": 1}, {"index": 5}, {"index": -1}, {"count": 4}, {"count": 6}, {"count": 0}, {"count": 1 << 64},
        {"count": 1 << 90, "index": 1 << 89}, {"path": ()}, {"root": "0" * 64},
    ])
    def test_another_place_count_path_or_root_does_not_hold(self, change: dict[str, Any]) -> None:
        assert not replace(prove_tensor(WEIGHTS, "t0"), **change).holds(ROOT)

    def test_a_chunk_or_a_node_is_no_tensor(self) -> None:
        """Leaves, nodes and chunks begin with different bytes, so that none of them can pass as another."""
        leaves = [tensor.leaf for tensor in WEIGHTS.tensors]
        inner = node(leaves[0], leaves[1])
        assert head_from(inner, 0, 3, (node(leaves[2], leaves[3]), leaves[4])) == tree_head(leaves)
        # The count that the root binds refutes it: five leaves never make a path of three.
        proof = prove_tensor(WEIGHTS, "t0")
        assert not replace(proof, count=3, path=(node(leaves[2], leaves[3]), leaves[4])).holds(ROOT)


class TestChunks:
    """That a mebibyte is in a tensor, at its place."""

    @pytest.mark.parametrize(("name", "index"), [("t0", 0), ("t0", 2), ("t0", 3), ("t1", 0), ("t3", 0), ("t4", 1)])
    def test_a_proof_holds_for_its_chunk_alone(self, name: str, index: int) -> None:
        proof, chunk = chunk_proof(name, index), chunks_of(name)[index]
        assert proof.holds(ROOT)
        assert proof.holds_for(ROOT, chunk)
        assert not proof.holds_for(ROOT, chunk[:-1])
        assert not proof.holds_for(ROOT, chunk + b"\1")
        assert not proof.holds_for(ROOT, flipped(chunk))
        assert proof.data_size == len(chunk)

    @given(st.integers(0, 3), st.sampled_from(["index", "count", "digest", "path"]), st.integers(0, 9))
    def test_another_place_count_digest_or_path_does_not_hold(self, index: int, field: str, value: int) -> None:
        proof = chunk_proof("t0", index)
        assert proof.chunk is not None
        others: dict[str, Any] = {"index": value, "count": value, "digest": hashes(1, value)[0], "path": (bytes(32),)}
        changed = others[field]
        if changed == getattr(proof.chunk, field):
            return
        assert not replace(proof, chunk=replace(proof.chunk, **{field: changed})).holds(ROOT)

    def test_a_node_of_the_chunks_is_no_chunk(self) -> None:
        """The head does not bind how many chunks there are; the shape does."""
        digests = [chunk_digest(chunk) for chunk in chunks_of("t0")]
        inner = ChunkProof(0, 2, node(digests[0], digests[1]), (node(digests[2], digests[3]),))
        assert head_from(inner.digest, 0, 2, inner.path) == tree_head(digests)
        assert not replace(prove_tensor(WEIGHTS, "t0"), chunk=inner).holds(ROOT)
        assert not replace(prove_tensor(WEIGHTS, "t0"), chunk=replace(inner, digest=b"")).holds(ROOT)

    def test_chunks_of_another_tensor_prove_nothing(self) -> None:
        with pytest.raises(ArtifactError) as caught:
            prove_chunk(prove_tensor(WEIGHTS, "t0"), [chunk_digest(chunk) for chunk in chunks_of("t4")], 0)
        assert caught.value.code == "tensor-mismatch"

    @pytest.mark.parametrize(("name", "index"), [("t0", 4), ("t0", -1), ("t2", 0)])
    def test_there_is_no_chunk_beyond_the_last(self, name: str, index: int) -> None:
        with pytest.raises(ArtifactError) as caught:
            chunk_proof(name, index)
        assert caught.value.code == "usage"

    @pytest.mark.parametrize(("size", "count"), [(0, 0), (1, 1), (CHUNK, 1), (CHUNK + 1, 2)])
    def test_the_shape_tells_how_many_there_are(self, size: int, count: int) -> None:
        assert chunk_count(Tensor("x", "U8", (size,), "")) == count


@pytest.mark.parametrize("proof", [prove_tensor(WEIGHTS, "t0"), chunk_proof("t0", 3)], ids=["tensor", "chunk"])
def test_the_document_follows_its_schema_and_comes_back(proof: TensorProof) -> None:
    document = json.loads(json.dumps(proof.to_dict()))
    validate(document, "tensor-proof", "proof")
    assert TensorProof.from_dict(document) == proof


def test_the_examples_of_the_schema_hold() -> None:
    examples = json.loads(resources.read_text("schemas", "tensor-proof.schema.json"))["examples"]
    assert len(examples) == 2
    for example in examples:
        validate(example, "tensor-proof", "example")
        assert TensorProof.from_dict(example).holds(example["root"])
