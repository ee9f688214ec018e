"""Certificate authorities: a root, what it issues, and how a trust root lists them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.sigstore_instance.encoding import DER, b64, ec_key, rfc3339

START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2049, 12, 31, tzinfo=UTC)


class Authority:
    """A key and its certificate, with the certificates above it."""

    def __init__(self, name: str, organization: str, above: Authority | None = None, *,
                 path_length: int | None = None) -> None:
        self.key = ec_key(ec.SECP384R1())
        self.above, self.organization = above, organization
        signer = above or self
        self.subject = _name(name, organization)
        builder = certificate(self.subject, signer.subject, self.key, signer.key, START, END)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        builder = builder.add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        self.certificate = builder.sign(signer.key, hashes.SHA256())

    @property
    def chain(self) -> list[x509.Certificate]:
        """This certificate first, the root last."""
        return [self.certificate, *(self.above.chain if self.above else [])]

    def timestamping_leaf(self, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A key that may sign RFC 3161 timestamps and nothing else."""
        key = ec_key()
        builder = certificate(_name(name, self.organization), self.subject, key, self.key, START, END)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return key, builder.sign(self.key, hashes.SHA256())


def certificate(subject: x509.Name, issuer: x509.Name, key: Any, issuer_key: Any, start: datetime,
                end: datetime) -> x509.CertificateBuilder:
    """What every certificate of the instance has; `key` is the subject's, private or public."""
    public = key.public_key() if hasattr(key, "public_key") else key
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def key_usage(**wanted: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


def listed(chain: list[x509.Certificate], uri: str) -> dict[str, Any]:
    """The authority as a trust root lists it."""
    return {"subject": {"organization": "sigstore.test", "commonName": "sigstore"}, "uri": uri,
            "certChain": {"certificates": [{"rawBytes": b64(item.public_bytes(DER))} for item in chain]},
            "validFor": {"start": rfc3339(START)}}


def _name(common: str, organization: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])
