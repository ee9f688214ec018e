"""Small encodings that every service needs."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def canonical(value: Any) -> bytes:
    """RFC 8785 for what the logs write: ASCII names, strings and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def ec_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def spki(key: Any) -> bytes:
    """The SubjectPublicKeyInfo of a private key's public half, or of a public key."""
    public = key.public_key() if hasattr(key, "public_key") else key
    encoded: bytes = public.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def sign(key: Key, data: bytes) -> bytes:
    """ECDSA with SHA-256, or Ed25519."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(hashes.SHA256()))
