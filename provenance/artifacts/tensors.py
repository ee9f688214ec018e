"""The tensor tree: weights known by their values, whatever file or shard holds them.

`attestations/weights.md` is the definition. In short, with H = SHA-256 and integers as little-endian u64:

    chunk       = H(0x00 || up to 2^20 bytes of the tensor)
    data head   = RFC 6962 tree over the chunks, nodes H(0x01 || left || right); no chunks: H("")
    tensor leaf = H(0x02 || len(name) || name || len(dtype) || dtype || rank || dims... || data head)
    root        = H(0x03 || count || head), head = the same tree over the leaves, sorted by name bytes

Its twin is the same with H = BLAKE3: several times as fast, and good for nothing that asks for SHA-2.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

from provenance.artifacts.names import brief
from provenance.errors import ArtifactError

CHUNK = 1 << 20
MAX_SIZE = 1 << 62
MAX_RANK = 64  # products of more dimensions would cost time that the file's size does not bound
Tree = Literal["tensorTree", "tensorTreeBlake3"]  # as they are named in a DigestSet
SHA256_TREE: Tree = "tensorTree"
BLAKE3_TREE: Tree = "tensorTreeBlake3"
TREES: tuple[Tree, ...] = (SHA256_TREE, BLAKE3_TREE)


def hash_of(tree: Tree) -> Callable[[bytes], Any]:
    """The hash function H of a tree: from its first bytes to an object with `update` and `digest`."""
    if tree == SHA256_TREE:
        return hashlib.sha256
    from blake3 import blake3

    return blake3


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where one tensor lies in a file: name, dtype as safetensors spells it, shape, byte range in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor by its bytes: its data head in the tree and in the twin, in hex; "" where that was not asked for."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    head: str
    head_blake3: str = ""

    @property
    def leaf(self) -> bytes:
        """The tensor's leaf in the tree, 32 bytes."""
        return self.leaf_in(SHA256_TREE)

    def leaf_in(self, tree: Tree) -> bytes:
        """The tensor's leaf in one of the trees, 32 bytes."""
        name, dtype = self.name.encode("utf-8"), self.dtype.encode("ascii")
        leaf: bytes = hash_of(tree)(
            b"\x02" + _u64(len(name)) + name + _u64(len(dtype)) + dtype
            + _u64(len(self.shape)) + b"".join(map(_u64, self.shape)) + bytes.fromhex(self.head_in(tree))
        ).digest()
        return leaf

    def head_in(self, tree: Tree) -> str:
        """Its data head in one of the trees, in hex."""
        return self.head if tree == SHA256_TREE else self.head_blake3

    @property
    def values(self) -> str:
        """What its values are known by: a data head in the twin where there is one; "" where they were not read."""
        return self.head_blake3 or self.head

    @property
    def elements(self) -> int:
        """How many values it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Weights:
    """All tensors of a model, sorted by the bytes of their names; `trees` says in which trees their heads are known."""

    tensors: tuple[Tensor, ...]
    trees: tuple[Tree, ...] = (SHA256_TREE,)

    @classmethod
    def of(cls, tensors: Iterable[Tensor], trees: tuple[Tree, ...] = (SHA256_TREE,)) -> Weights:
        """Sort the tensors; ArtifactError `tensor-duplicate` when a name occurs twice."""
        ordered = tuple(sorted(tensors, key=lambda tensor: tensor.name.encode("utf-8")))
        for left, right in pairwise(ordered):
            if left.name == right.name:
                raise ArtifactError(
                    "tensor-duplicate",
                    f"two files hold a tensor named {brief(left.name)}",
                    hint="give the folder of one model, with each of its tensors once",
                )
        return cls(ordered, trees)

    @cached_property
    def digest(self) -> dict[str, str]:
        """The DigestSet of the weights: the root of each tree in which every data head is known, in hex."""
        return {tree: self._root(tree) for tree in self.trees if all(one.head_in(tree) for one in self.tensors)}

    @property
    def root(self) -> str:
        """The root of the tensor tree, in hex; "" where only its twin was asked for."""
        return self.digest.get(SHA256_TREE, "")

    def _root(self, tree: Tree) -> str:
        head = tree_head([tensor.leaf_in(tree) for tensor in self.tensors], tree)
        root: str = hash_of(tree)(b"\x03" + _u64(len(self.tensors)) + head).hexdigest()
        return root

    @property
    def parameters(self) -> int:
        """How many values all tensors hold together."""
        return sum(tensor.elements for tensor in self.tensors)


def _u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def chunk_digest(data: bytes | memoryview, tree: Tree = SHA256_TREE) -> bytes:
    """The hash of one chunk."""
    digest = hash_of(tree)(b"\x00")
    digest.update(data)
    chunk: bytes = digest.digest()
    return chunk


def tree_head(leaves: Sequence[bytes], tree: Tree = SHA256_TREE) -> bytes:
    """The RFC 6962 (section 2.1) head over leaf hashes; of none, the hash of nothing.

    Works level by level: pairing neighbours and carrying an odd last one up unchanged gives RFC 6962's split.
    """
    new = hash_of(tree)
    if not leaves:
        nothing: bytes = new(b"").digest()
        return nothing
    level = list(leaves)
    while len(level) > 1:
        pairs = [new(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]
