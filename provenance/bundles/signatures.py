"""Whether a key made a signature, for every algorithm that Sigstore bundles, logs and authorities use.

ECDSA on P-256, P-384 and P-521 (DER, or raw r||s as some signers write it), Ed25519, RSA with PSS or PKCS#1 v1.5.
Neither certificates nor bundles name the hash: a key signs with the hash of its curve, older clients with SHA-256,
and RSA with any of SHA-2. A signature by SHA-1 or MD5 is none.
"""

from __future__ import annotations

import hashlib
from typing import Any

from provenance.bundles.envelope import UnsupportedBundle

_CURVE_HASHES = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
_MIN_RSA = 2048


def made_by(key: Any, signature: bytes, message: bytes) -> bool:
    """Whether the key signed these bytes; UnsupportedBundle for a key of another kind."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if isinstance(key, ed25519.Ed25519PublicKey):
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
    return any(made_over(key, signature, algorithm, hashlib.new(algorithm, message).digest())
               for algorithm in hashes_of(key))


def made_over(key: Any, signature: bytes, algorithm: str, digest: bytes) -> bool:
    """Whether the key signed bytes with this digest; UnsupportedBundle for a key that needs the bytes themselves."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePublicKey):
        return _ecdsa(key, signature, algorithm, digest)
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa(key, signature, algorithm, digest)
    raise UnsupportedBundle("bundle-kind-unsupported", "this kind of key signs a file, not its digest",
                            hint="give the file itself")


def hashes_of(key: Any) -> tuple[str, ...]:
    """The hashes that signatures by this key are made with, the likeliest first."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_RSA:
        return ("sha256", "sha384", "sha512")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_HASHES:
        return tuple(dict.fromkeys((_CURVE_HASHES[key.curve.name], "sha256")))
    raise UnsupportedBundle("bundle-kind-unsupported", "signed by a key of a kind that is not checked here",
                            hint="Ed25519, ECDSA on P-256, P-384 and P-521, and RSA from 2048 bits are checked")


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, Any] = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
    return kinds[algorithm]()


def _ecdsa(key: Any, signature: bytes, algorithm: str, digest: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

    half = (key.curve.key_size + 7) // 8
    forms = [signature]
    if len(signature) == 2 * half:  # a DER signature of this very length is possible too, so both are tried
        forms.append(encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:])))
    for form in forms:
        try:
            key.verify(form, digest, ec.ECDSA(Prehashed(_hash(algorithm))))
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _rsa(key: Any, signature: bytes, algorithm: str, digest: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    kind = _hash(algorithm)
    for scheme in (padding.PKCS1v15(), padding.PSS(padding.MGF1(kind), padding.PSS.AUTO)):
        try:
            key.verify(signature, digest, scheme, Prehashed(kind))
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def key_name(key: Any) -> str:
    """The name of a public key as `bundles/keys.py` gives it: hex SHA-256 of its PEM text."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def key_fingerprint(key: Any) -> str:
    """The name of a public key under certificates, as logs and other tools print it: hex SHA-256 of its DER."""
    from cryptography.hazmat.primitives import serialization

    der: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
