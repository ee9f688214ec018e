"""The formats once more, written from their pages alone: slow, short, and without a line of `provenance`.

The golden vectors are made with this, and the tests hold `provenance` against it. Who writes another implementation
may start here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

CHUNK = 1 << 20
PAYLOAD_TYPE = "application/vnd.in-toto+json"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


# attestations/weights.md


def h(*parts: bytes) -> bytes:
    """SHA-256 over the concatenation."""
    return hashlib.sha256(b"".join(parts)).digest()


def u64(number: int) -> bytes:
    """Eight bytes, least significant first."""
    return number.to_bytes(8, "little")


def b3(*parts: bytes) -> bytes:
    """BLAKE3 over the concatenation, for the twin."""
    return blake3(b"".join(parts)).digest()


Hash = Callable[..., bytes]


def head(leaves: Sequence[bytes], h: Hash = h) -> bytes:
    """RFC 6962 section 2.1 as it is written there: split at the largest power of two below the length."""
    if not leaves:
        return h()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return h(b"\x01", head(leaves[:split], h), head(leaves[split:], h))


@dataclass(frozen=True)
class Tensor:
    """One tensor: dtype as safetensors spells it, shape, and its bytes, little-endian and in C order."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def data_head(self, h: Hash = h) -> bytes:
        """The head over its chunks."""
        return head([h(b"\x00", self.data[at : at + CHUNK]) for at in range(0, len(self.data), CHUNK)], h)

    def leaf(self, h: Hash = h) -> bytes:
        """Its leaf in the tree."""
        name, dtype = self.name.encode(), self.dtype.encode()
        dimensions = b"".join(map(u64, self.shape))
        rank = u64(len(self.shape))
        return h(b"\x02", u64(len(name)), name, u64(len(dtype)), dtype, rank, dimensions, self.data_head(h))


def in_order(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Sorted by the bytes of their names."""
    return sorted(tensors, key=lambda tensor: tensor.name.encode())


def root(tensors: Sequence[Tensor], h: Hash = h) -> bytes:
    """The root of the tensor tree, or, by `b3`, of its twin."""
    return h(b"\x03", u64(len(tensors)), head([tensor.leaf(h) for tensor in in_order(tensors)], h))


def safetensors(
    tensors: Sequence[Tensor],
    *,
    header_order: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    padding: int = 0,
) -> bytes:
    """A safetensors file with its data in the order given; empty tensors may lie anywhere."""
    entries: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    at = 0
    for tensor in tensors:
        offsets = [at, at + len(tensor.data)]
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        at += len(tensor.data)
    ordered = {name: entries[name] for name in header_order or entries}
    header = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode() + b" " * padding
    return struct.pack("<Q", len(header)) + header + b"".join(tensor.data for tensor in tensors)


# Folders: in-toto's dirHash, and the OMS v1.0 root


def dir_hash(files: Mapping[str, bytes]) -> str:
    """in-toto `dirHash`: sha256 over the lines of `sha256sum`, in the order of the names' bytes."""
    names = sorted(files, key=lambda name: name.encode())
    return h(*(f"{h(files[name]).hex()}  {name}\n".encode() for name in names)).hex()


def oms_root(files: Mapping[str, bytes]) -> str:
    """OMS v1.0 section 6.5.1: sha256 over the digests, in the order of the names' code points."""
    return h(*(h(files[name]) for name in sorted(files))).hex()


# DSSE v1 and Sigstore bundles v0.3


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def compact(value: Any) -> bytes:
    """JSON as the vectors spell it: sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pretty(value: Any) -> bytes:
    """JSON for people: the order as given, one newline at the end."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
