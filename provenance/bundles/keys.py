"""Public keys: ECDSA P-256, P-384 and P-521, and Ed25519, through cryptography.

A key is named by the SHA-256 of its PEM SubjectPublicKeyInfo text, which is the hint that OMS v1.0 signers write.
Nothing here imports securesystemslib's signers, which load a library for each place where a key can lie: who verifies
has no use for them. RSA keys are verified with, because in-toto pipelines have them, and never made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.bundles.signatures import key_fingerprint
from provenance.errors import TrustError

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

MIN_RSA = 2048
_SCHEMES = {"secp256r1": "ecdsa-sha2-nistp256", "secp384r1": "ecdsa-sha2-nistp384", "secp521r1": "ecdsa-sha2-nistp521"}


@dataclass(frozen=True)
class NamedKey:
    """A key to verify with, by the members that in-toto gives keys; `public` is PEM, or hexadecimal for Ed25519."""

    keyid: str
    keytype: str
    scheme: str
    public: str

    @property
    def keyval(self) -> Mapping[str, str]:
        """What in-toto's names for keys are over."""
        return {"public": self.public}


AnyKey: TypeAlias = "NamedKey | SSlibKey"


def public_pem(key: Any) -> bytes:
    """A key of cryptography's as canonical PEM."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def pem_of(key: AnyKey) -> bytes:
    """The PEM of a key, in whatever form it is kept."""
    return public_pem(verifying_key(key))


def keyid(pem: bytes) -> str:
    """The name of a public key: hex SHA-256 of its canonical PEM text."""
    return hashlib.sha256(public_pem(_load_public(pem, "the key"))).hexdigest()


def public_key(pem: bytes, location: str) -> NamedKey:
    """A key to verify with; TrustError `key-invalid`, or `key-is-private` for what must not lie in a trust file."""
    key = _load_public(pem, location)
    canonical, (keytype, scheme) = public_pem(key), _kind(key, location)
    public = key.public_bytes_raw().hex() if keytype == "ed25519" else canonical.decode("ascii")
    return NamedKey(hashlib.sha256(canonical).hexdigest(), keytype, scheme, public)


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


def _kind(key: Any, location: str) -> tuple[str, str]:
    """The type and scheme of a key, as in-toto calls them."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519", "ed25519"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA:
        return "rsa", "rsassa-pss-sha256"  # what in-toto signs with; PKCS#1 v1.5 is tried too
    scheme = _SCHEMES.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None
    if scheme is None:
        raise TrustError("key-invalid", "a key of an unsupported kind", location=location,
                         hint="use Ed25519, ECDSA on P-256, P-384 or P-521, or RSA from 2048 bits")
    return "ecdsa", scheme


def verifying_key(key: AnyKey) -> Any:
    """The key as cryptography has it."""
    return _verifying_key(key.keytype, key.keyval["public"], key.keyid)


@lru_cache(maxsize=64)  # the keys of a trust file are tried on thousands of bundles
def _verifying_key(keytype: str, public: str, location: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if keytype == "ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    return _load_public(public.encode("ascii"), location)


def in_toto_name(key: AnyKey) -> str:
    """The name that in-toto gives a key today: hex SHA-256 of its canonical JSON."""
    from securesystemslib.formats import encode_canonical

    value = {"keytype": key.keytype, "scheme": key.scheme, "keyval": key.keyval}
    return hashlib.sha256((encode_canonical(value) or "").encode("utf-8")).hexdigest()


def names_of(key: AnyKey) -> frozenset[str]:
    """Every name by which a signature may mean this key: ours, and those that in-toto gave it over the years."""
    from securesystemslib.formats import encode_canonical

    older = {"keytype": key.keytype, "scheme": key.scheme, "keyid_hash_algorithms": ["sha256", "sha512"],
             "keyval": {"public": key.keyval["public"].strip()}}
    name = hashlib.sha256((encode_canonical(older) or "").encode("utf-8")).hexdigest()
    return frozenset({key.keyid, in_toto_name(key), name})


def every_name(key: AnyKey) -> frozenset[str]:
    """Those, and the sha256 of its DER, by which other tools name keys: whoever revokes one of them means the key."""
    return names_of(key) | {key_fingerprint(verifying_key(key))}
