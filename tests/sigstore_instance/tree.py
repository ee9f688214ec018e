"""An RFC 6962 Merkle tree that grows, proves inclusion and signs checkpoints (C2SP tlog-checkpoint)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.sigstore_instance.encoding import Key, b64, sha256, sign, spki


class Tree:
    """The leaves of a log; `origin` is the first line of its checkpoints, `name` whose signature stands under them."""

    def __init__(self, key: Key, origin: str, name: str) -> None:
        self.key, self.origin, self.name = key, origin, name
        self.leaves: list[bytes] = []

    @property
    def log_id(self) -> bytes:
        """RFC 6962's digest of the key; for Ed25519 the C2SP key id, which binds the name too (as Rekor v2 does)."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return sha256(self.name.encode() + b"\n\x01" + self.key.public_key().public_bytes_raw())
        return sha256(spki(self.key))

    def append(self, data: bytes) -> int:
        """Add a leaf; its index."""
        self.leaves.append(sha256(b"\x00" + data))
        return len(self.leaves) - 1

    def root(self) -> bytes:
        return _root(self.leaves)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The hashes from the leaf to the root."""
        return _path(index, self.leaves)

    def checkpoint(self) -> str:
        """The signed note over size and root."""
        return signed_note(f"{self.origin}\n{len(self.leaves)}\n{b64(self.root())}\n", self.name, self.log_id, self.key)


def signed_note(text: str, name: str, key_id: bytes, key: Key) -> str:
    return f"{text}\n\u2014 {name} {b64(key_id[:4] + sign(key, text.encode()))}\n"


def _split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def _root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return sha256(b"\x01" + _root(leaves[:at]) + _root(leaves[at:]))


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    at = _split(len(leaves))
    if index < at:
        return [*_path(index, leaves[:at]), _root(leaves[at:])]
    return [*_path(index - at, leaves[at:]), _root(leaves[:at])]
