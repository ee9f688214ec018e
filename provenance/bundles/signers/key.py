"""Private keys on disk: ECDSA P-256 (default), P-384 and P-521, and Ed25519; PKCS#8, encrypted under a passphrase.

P-256 is what every verifier of model signatures takes (OMS v1.0, section 4.2); Ed25519 is no algorithm of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from provenance.bundles.keys import public_key, public_pem
from provenance.errors import BundleError, TrustError
from provenance.files import read_small

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

KeyKind = Literal["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"]


def generate(kind: KeyKind, passphrase: bytes | None) -> tuple[bytes, bytes]:
    """A new key pair as PEM: private (PKCS#8, encrypted when a passphrase is given) and public."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    curves = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}
    private: Any = (
        ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(curves[kind])
    )
    protection: Any = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return (
        private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection),
        public_pem(private.public_key()),
    )


def signing_key(pem: bytes, location: str) -> SSlibKey:
    """The public half of a key that may sign; TrustError `key-invalid`.

    RSA is verified with, because others sign with it, and is no algorithm of OMS v1.0 (section 4.2).
    """
    from securesystemslib.signer import SSlibKey

    key = public_key(pem, location)
    if key.keytype == "rsa":
        raise TrustError("key-invalid", "RSA keys sign nothing here", location=location,
                         hint="use Ed25519 or ECDSA on P-256, P-384 or P-521")
    return SSlibKey(key.keyid, key.keytype, key.scheme, dict(key.keyval))


def load_signer(path: Path, passphrase: Callable[[], bytes | None]) -> CryptoSigner:
    """A signer from a private key file; `passphrase` is only called when the key is encrypted.

    TrustError `input-unreadable`, `key-invalid` or `key-passphrase`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    pem = read_small(path, "key", error=TrustError, hint="check the path; `provenance keygen` makes a key pair")
    secret = passphrase() or None if b"ENCRYPTED" in pem else None
    try:
        private: Any = load_pem_private_key(pem, secret)
    except TypeError as err:
        raise TrustError("key-passphrase", "the key is encrypted and no passphrase was given", location=str(path),
                         hint="set PROVENANCE_KEY_PASSPHRASE or use a terminal") from err
    except (ValueError, UnsupportedAlgorithm) as err:
        code, why = "key-invalid", "not a private key in PEM"
        if secret and isinstance(err, ValueError):
            code, why = "key-passphrase", "the passphrase is wrong"
        raise TrustError(code, why, location=str(path), hint="check the key file and its passphrase") from err
    return CryptoSigner(private, signing_key(public_pem(private.public_key()), str(path)))


def confirmed(signature: Signature, key: SSlibKey, payload: bytes, location: str) -> Signature:
    """What a key elsewhere signed, after looking; BundleError `signer-unavailable` for what its public half denies."""
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError

    try:
        key.verify_signature(signature, payload)
    except (UnverifiedSignatureError, VerificationError) as err:
        raise BundleError("signer-unavailable", "what it signed does not verify with the public key that it names",
                          location=location, hint="check that both belong to one key") from err
    return signature
