"""A key whose bundle says more than the key's name: who certifies it, and a clock's word on when it signed.

The bundle holds the certificates from the signer's own up to the one below the root. The root stays out: it is what a
verifier has to have from elsewhere (OMS v1.0, section 4.1, and the Sigstore bundle format).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from provenance.bundles.chains import check_leaf
from provenance.bundles.envelope import pae_of, write_bundle
from provenance.bundles.keys import pem_of, public_pem
from provenance.bundles.signers import KeySigner
from provenance.bundles.signers.timestamp import request_timestamp
from provenance.errors import BundleError, TrustError
from provenance.files import read_small

_HINT = "give the signer's certificate first, then the one that issued it, and so on"


@dataclass(frozen=True)
class VouchedSigner:
    """A key, the certificates for its bundle (DER, its own first; none: the key is named), and the URL of a clock."""

    key: KeySigner
    chain: tuple[bytes, ...] = ()
    timestamp_url: str = ""

    def sign_statement(self, payload: bytes) -> bytes:
        """Sign, then have the signature stamped."""
        signature = self.key.sign(pae_of(payload))
        material: dict[str, Any] = {}
        if self.chain:
            certificates = [{"rawBytes": _b64(der)} for der in self.chain]
            material["x509CertificateChain"] = {"certificates": certificates}
        if self.timestamp_url:
            token = request_timestamp(self.timestamp_url, bytes.fromhex(signature.signature))
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": _b64(token)}]}
        return write_bundle(payload, signature, material)


def certified(key: KeySigner, path: Path, *, now: datetime, timestamp_url: str = "") -> VouchedSigner:
    """The key under the certificates of a PEM file, which must be the key's own and usable now.

    A bundle that nobody would believe is not worth making. TrustError `input-unreadable`, `key-is-private`,
    `key-invalid`, `certificate-invalid` or `certificate-outside-validity`.
    """
    leaf, *issuers = certificates = read_certificates(path)
    if public_pem(leaf.public_key()) != pem_of(key.public_key):
        raise TrustError("key-invalid", "the first certificate is not the signing key's", location=str(path),
                         hint=_HINT)
    try:
        check_leaf(leaf)
    except BundleError as err:
        raise TrustError("certificate-invalid", err.message, location=str(path),
                         hint="ask your authority for a certificate for code signing") from err
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise TrustError("certificate-outside-validity", "the certificate is not valid now", location=str(path),
                         hint="ask your authority for a new one")
    for below, above in zip(certificates, issuers, strict=False):
        if not _issued(below, above):
            raise TrustError("certificate-invalid", "a certificate was not issued by the one after it",
                             location=str(path), hint=_HINT)
    if _issued(certificates[-1], certificates[-1]):
        certificates = certificates[:-1]
    if not certificates:
        raise TrustError("certificate-invalid", "nobody but the key itself issued its certificate", location=str(path),
                         hint="sign with the key alone")
    return VouchedSigner(key, tuple(_der(certificate) for certificate in certificates), timestamp_url)


def read_certificates(path: Path) -> list[Any]:
    """The certificates of a PEM file, in its order; TrustError as `certified`."""
    from cryptography import x509

    pem = read_small(path, "certificates", error=TrustError)
    if b"PRIVATE KEY-----" in pem:
        raise TrustError("key-is-private", "a private key lies among the certificates", location=str(path),
                         hint="keep it in a file of its own")
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as err:
        raise TrustError("certificate-invalid", "not certificates in PEM", location=str(path), hint=_HINT) from err


def _issued(certificate: Any, issuer: Any) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _der(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.DER))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
