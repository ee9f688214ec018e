"""The public test keys: made once, stored in `attestations/vectors/keys`, and read from there ever after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

# Who holds which key. `stranger` is in no trust file.
NAMES = ("lab", "works", "former", "early", "late", "narrow", "first", "spare", "second", "stranger", "curve-384",
         "curve-521")
CURVES: dict[str, tuple[type[ec.EllipticCurve], type[hashes.HashAlgorithm]]] = {
    "works": (ec.SECP256R1, hashes.SHA256),
    "curve-384": (ec.SECP384R1, hashes.SHA384),
    "curve-521": (ec.SECP521R1, hashes.SHA512),
}


@dataclass(frozen=True)
class Key:
    """A key pair that everybody has."""

    name: str
    private: Any

    @property
    def public_pem(self) -> bytes:
        """PEM SubjectPublicKeyInfo."""
        pem: bytes = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    @property
    def keyid(self) -> str:
        """Hex sha256 of the PEM text, as OMS v1.0 signers name keys."""
        return hashlib.sha256(self.public_pem).hexdigest()

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, or a deterministic ECDSA one (RFC 6979), so that the vectors can be made again."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(data)
        signature: bytes = self.private.sign(data, ec.ECDSA(CURVES[self.name][1](), deterministic_signing=True))
        return signature


def load(folder: Path) -> dict[str, Key]:
    """The keys in a folder; those that are missing are made and written first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        if not (folder / f"{name}.pem").exists():
            _make(folder / f"{name}.pem", name)
    loaded = {name: (folder / f"{name}.pem").read_bytes() for name in NAMES}
    return {name: Key(name, serialization.load_pem_private_key(pem, None)) for name, pem in loaded.items()}


def _make(path: Path, name: str) -> None:
    is_ecdsa = name in CURVES
    private: Any = ec.generate_private_key(CURVES[name][0]()) if is_ecdsa else ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
