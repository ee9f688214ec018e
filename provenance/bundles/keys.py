"""Public keys: ECDSA P-256, P-384 and P-521, and Ed25519, through securesystemslib and cryptography.

A key is named by the SHA-256 of its PEM SubjectPublicKeyInfo text, which is the hint that OMS v1.0 signers write.
RSA keys are verified with, because in-toto pipelines have them, and never made.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from provenance.errors import TrustError

if TYPE_CHECKING:
    from securesystemslib.signer import Key, SSlibKey

MIN_RSA = 2048
_SCHEMES = {"secp256r1": "ecdsa-sha2-nistp256", "secp384r1": "ecdsa-sha2-nistp384", "secp521r1": "ecdsa-sha2-nistp521"}


def public_pem(key: Any) -> bytes:
    """A key of cryptography's as canonical PEM."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def pem_of(key: SSlibKey) -> bytes:
    """The PEM of a key of securesystemslib's, which keeps Ed25519 as bare hexadecimal."""
    return public_pem(verifying_key(key))


def keyid(pem: bytes) -> str:
    """The name of a public key: hex SHA-256 of its canonical PEM text."""
    return hashlib.sha256(public_pem(_load_public(pem, "the key"))).hexdigest()


def public_key(pem: bytes, location: str) -> SSlibKey:
    """A key to verify with; TrustError `key-invalid`, or `key-is-private` for what must not lie in a trust file."""
    from securesystemslib.signer import SSlibKey

    key = _load_public(pem, location)
    return SSlibKey.from_crypto(key, hashlib.sha256(public_pem(key)).hexdigest(), _scheme(key, location))


def _load_public(pem: bytes, location: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise TrustError("key-is-private", "this is a private key", location=location,
                         hint="keep it secret, and give the public key that was written beside it")
    if pem.count(b"-----BEGIN") > 1:
        raise TrustError("key-invalid", "more than one key in one text", location=location,
                         hint="list each key by itself")
    try:
        return load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as err:
        raise TrustError("key-invalid", "not a public key in PEM", location=location,
                         hint="give a PEM SubjectPublicKeyInfo") from err


def _scheme(key: Any, location: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA:
        return "rsassa-pss-sha256"  # what in-toto signs with; PKCS#1 v1.5 is tried too
    scheme = _SCHEMES.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
    if scheme is None:
        raise TrustError("key-invalid", "a key of an unsupported kind", location=location,
                         hint="use Ed25519, ECDSA on P-256, P-384 or P-521, or RSA from 2048 bits")
    return scheme


def verifying_key(key: SSlibKey) -> Any:
    """The key as cryptography has it."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    public: str = key.keyval["public"]
    if key.keytype == "ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return _load_public(public.encode("ascii"), key.keyid)


def in_toto_name(key: Key) -> str:
    """The name that in-toto gives a key today: hex SHA-256 of its canonical JSON."""
    from securesystemslib.formats import encode_canonical

    value = {"keytype": key.keytype, "scheme": key.scheme, "keyval": key.keyval}
    return hashlib.sha256((encode_canonical(value) or "").encode("utf-8")).hexdigest()


def names_of(key: SSlibKey) -> frozenset[str]:
    """Every name by which a signature may mean this key: ours, and those that in-toto gave it over the years."""
    from securesystemslib.formats import encode_canonical

    older = {"keytype": key.keytype, "scheme": key.scheme, "keyid_hash_algorithms": ["sha256", "sha512"],
             "keyval": {"public": key.keyval["public"].strip()}}
    name = hashlib.sha256((encode_canonical(older) or "").encode("utf-8")).hexdigest()
    return frozenset({key.keyid, in_toto_name(key), name})
