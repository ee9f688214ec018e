"""A certificate authority of the trust file, and the one name for which its certificates are believed.

An authority alone would be everyone whom it serves, so the name is exact: the subject as RFC 4514 writes it, or one
subject alternative name. Whether a chain leads from a signature to the authority is checked where certificates are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from provenance.errors import TrustError


@dataclass(frozen=True)
class CertificateAuthority:
    """An authority by its certificate (DER), and a `subject` or a `subject_alt_name`; the other of the two is ""."""

    der: bytes
    subject: str = ""
    subject_alt_name: str = ""

    def names(self, subject: str, subject_alt_names: Collection[str]) -> bool:
        """Whether a certificate with this subject and these alternative names is the one that is meant."""
        return subject == self.subject if self.subject else self.subject_alt_name in subject_alt_names

    @property
    def issuer(self) -> str:
        """The authority's own name (RFC 4514)."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.der).subject.rfc4514_string()

    @property
    def expires(self) -> datetime:
        """When the authority's certificate ends (UTC)."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.der).not_valid_after_utc.astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.subject or self.subject_alt_name} (certified by {self.issuer})"


def certificate_authority(item: Mapping[str, str], location: str) -> CertificateAuthority:
    """The authority of an entry of a trust file; TrustError `trust-invalid` for what certifies nobody."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        (certificate,) = x509.load_pem_x509_certificates(item["pem"].encode("utf-8"))
        der, is_authority = certificate.public_bytes(Encoding.DER), _is_authority(certificate)
    except ValueError as err:
        raise TrustError("trust-invalid", "the certificate authority is not one certificate in PEM", location=location,
                         hint="give the authority's own certificate, without its chain") from err
    if not is_authority:
        # A leaf pinned as an authority would look like a pinned key, and certify nothing.
        raise TrustError("trust-invalid", "the certificate is not a certificate authority's", location=location,
                         hint="give the authority's certificate, or list the public key under keys")
    return CertificateAuthority(der, item.get("subject", ""), item.get("subjectAltName", ""))


def _is_authority(certificate: object) -> bool:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)  # noqa: S101  the type, without importing it at the top
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
