"""Proofs that a tensor is in some weights, and a chunk in a tensor, without the rest of either.

A proof is an RFC 6962 audit path (section 2.1.1) through the tensor tree (`tensors.py`): from the tensor's leaf to the
root, and, for a chunk of up to 2^20 bytes, before that from the chunk to the tensor's data head. It is checked as
RFC 9162 section 2.1.3.2 says. Inclusion is all that it proves: not that the name occurs once, nor that the root is
anybody's model; the root must come from a statement that the checker trusts.

    {"schemaVersion": "0.1", "kind": "TensorProof", "root": HEX,
     "tensor": {"name", "dtype", "shape", "head"}, "index": 3, "count": 12, "path": [HEX, ...],
     "chunk": {"index": 0, "count": 4, "digest": HEX, "path": [HEX, ...]} or null}
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.comparison import size_of
from provenance.artifacts.names import brief
from provenance.artifacts.tensors import CHUNK, Tensor, Weights, chunk_digest, tree_head
from provenance.errors import ArtifactError

_HASH = 32


def audit_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes that lead from leaf number `index` to the head, nearest first (RFC 6962, section 2.1.1)."""
    level, found = list(leaves), []
    while len(level) > 1:
        if index ^ 1 < len(level):  # an odd last node has no neighbour and goes up as it is
            found.append(level[index ^ 1])
        pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
        index //= 2
    return tuple(found)


def head_from(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes | None:
    """The head that the path leads to; None where it is no path of leaf `index` of `count` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < count or len(path) > count.bit_length() or any(len(step) != _HASH for step in path):
        return None
    last, head = count - 1, leaf
    for step in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            head = _node(step, head)
            while index and index % 2 == 0:
                index, last = index // 2, last // 2
        else:
            head = _node(head, step)
        index, last = index // 2, last // 2
    return head if last == 0 else None


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def chunk_count(tensor: Tensor) -> int:
    """How many chunks a tensor has, by its dtype and shape; the data head itself does not say."""
    return -(-size_of(tensor) // CHUNK)


@dataclass(frozen=True)
class ChunkProof:
    """That a chunk is number `index` of the `count` chunks of its tensor."""

    index: int
    count: int
    digest: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class TensorProof:
    """That a tensor is number `index` of the `count` tensors under `root` (hex), and a chunk in it."""

    root: str
    tensor: Tensor
    index: int
    count: int
    path: tuple[bytes, ...]
    chunk: ChunkProof | None = None

    def holds(self, root: str) -> bool:
        """Whether the tensor, and the chunk if there is one, are in the weights of this root (hex)."""
        if self.count >= 1 << 64:
            return False
        head = head_from(self.tensor.leaf, self.index, self.count, self.path)
        if head is None or hashlib.sha256(b"\x03" + self.count.to_bytes(8, "little") + head).hexdigest() != root:
            return False
        return self.root == root and (self.chunk is None or self._chunk_holds(self.chunk))

    def _chunk_holds(self, chunk: ChunkProof) -> bool:
        # The head of a tree does not bind how many leaves it has; dtype and shape, which the leaf binds, do.
        if chunk.count != chunk_count(self.tensor) or len(chunk.digest) != _HASH:
            return False
        head = head_from(chunk.digest, chunk.index, chunk.count, chunk.path)
        return head is not None and head.hex() == self.tensor.head

    @property
    def data_size(self) -> int:
        """The bytes of what is proven: the chunk, or, in a proof without one, the whole tensor."""
        size = size_of(self.tensor)
        return size if self.chunk is None else min(CHUNK, size - self.chunk.index * CHUNK)

    def holds_for(self, root: str, data: bytes) -> bool:
        """Whether, besides, these bytes are the chunk, or, in a proof without one, the whole tensor."""
        if not self.holds(root) or len(data) != self.data_size:
            return False
        chunks = [chunk_digest(data[start : start + CHUNK]) for start in range(0, len(data), CHUNK)]
        if self.chunk is None:
            return tree_head(chunks).hex() == self.tensor.head
        return chunks == [self.chunk.digest]

    def to_dict(self) -> dict[str, Any]:
        """The proof as JSON (`schemas/tensor-proof.schema.json`)."""
        tensor, chunk = self.tensor, self.chunk
        return {
            "schemaVersion": "0.1", "kind": "TensorProof", "root": self.root,
            "tensor": {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape), "head": tensor.head},
            "index": self.index, "count": self.count, "path": _hexes(self.path),
            "chunk": None if chunk is None else {"index": chunk.index, "count": chunk.count,
                                                 "digest": chunk.digest.hex(), "path": _hexes(chunk.path)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TensorProof:
        """From a document that follows the schema; `workflows.proof.read_proof` sees to that."""
        tensor, chunk = data["tensor"], data["chunk"]
        return cls(
            data["root"], Tensor(tensor["name"], tensor["dtype"], tuple(tensor["shape"]), tensor["head"]),
            data["index"], data["count"], _bytes(data["path"]),
            None if chunk is None else ChunkProof(chunk["index"], chunk["count"], bytes.fromhex(chunk["digest"]),
                                                  _bytes(chunk["path"])),
        )


def _hexes(path: Iterable[bytes]) -> list[str]:
    return [step.hex() for step in path]


def _bytes(path: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, path))


def prove_tensor(weights: Weights, name: str) -> TensorProof:
    """The proof that the tensor of this name is in the weights; ArtifactError `tensor-missing`."""
    key = name.encode("utf-8", "surrogatepass")
    index = bisect_left(weights.tensors, key, key=lambda tensor: tensor.name.encode("utf-8"))
    if index == len(weights.tensors) or weights.tensors[index].name != name:
        raise ArtifactError("tensor-missing", f"the weights hold no tensor named {brief(name)}",
                            hint="`provenance diff` and the model's own index name the tensors")
    leaves = [tensor.leaf for tensor in weights.tensors]
    return TensorProof(weights.root, weights.tensors[index], index, len(leaves), audit_path(leaves, index))


def prove_chunk(proof: TensorProof, chunks: Sequence[bytes], index: int) -> TensorProof:
    """The proof for one chunk of a proven tensor, from the digests of all its chunks.

    ArtifactError `tensor-mismatch` where they are not the tensor's, `usage` where there is no chunk of that number.
    """
    if tree_head(chunks).hex() != proof.tensor.head:
        raise ArtifactError("tensor-mismatch", f"these are not the chunks of tensor {brief(proof.tensor.name)}",
                            hint="read the weights again")
    if not 0 <= index < len(chunks):
        raise ArtifactError("usage", f"tensor {brief(proof.tensor.name)} has {len(chunks)} chunks, numbered from 0",
                            hint="choose one of them")
    chunk = ChunkProof(index, len(chunks), chunks[index], audit_path(chunks, index))
    return TensorProof(proof.root, proof.tensor, proof.index, proof.count, proof.path, chunk)
