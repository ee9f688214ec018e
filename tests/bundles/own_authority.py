"""A certificate authority of one's own, small enough to have one thing wrong with each certificate.

    pki = Pki()                                   # root, an authority below it, and a signer below that
    pki = Pki(leaf={"usages": ()})                # the same with one flaw
    pki.sign(STATEMENT)                           # a bundle by its signer; pki.authority is what a trust file holds
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.oid import NameOID

from provenance.bundles.chains import Certified
from tests.sigstore_instance.authority import key_usage
from tests.sigstore_instance.encoding import DER, PEM, b64, ec_key
from tests.sigstore_instance.rekor import pae

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = (b'{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"urn:example:test:v1",'
             b'"subject":[{"digest":{"sha256":"' + b"ab" * 32 + b'"},"name":"model"}]}')
SUBJECT = "CN=signer,O=Example Lab"


def certificate(name: str, key: Any, issuer: str, issuer_key: Any, **how: Any) -> x509.Certificate:
    """One certificate; `how` says what is otherwise than it should be."""
    builder = (
        x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer)).public_key(key.public_key())
        .serial_number(how.get("serial", x509.random_serial_number()))
        .not_valid_before(how.get("start", START)).not_valid_after(how.get("end", END))
    )
    ca, length = how.get("ca", False), how.get("path_length")
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=length if ca else None), critical=True)
    if (usage := how.get("key_usage", {"digital_signature": True})) is not None:
        builder = builder.add_extension(key_usage(**usage), critical=True)
    if usages := how.get("usages", ()):
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usages)), critical=False)
    if names := how.get("names", ()):
        builder = builder.add_extension(x509.SubjectAlternativeName(list(names)), critical=False)
    if extra := how.get("critical"):
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(extra), b"\x05\x00"),
                                        critical=True)
    return builder.sign(issuer_key, how.get("hash", hashes.SHA256()))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Lab"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common)])


_CA = {"ca": True, "key_usage": {"key_cert_sign": True, "crl_sign": True}}


@dataclass
class Pki:
    """Root, intermediate, leaf; each dictionary goes to `certificate`, and keys can be of another kind."""

    root: dict[str, Any] = field(default_factory=dict)
    between: dict[str, Any] = field(default_factory=dict)
    leaf: dict[str, Any] = field(default_factory=dict)
    root_key: Any = field(default_factory=lambda: ec_key(ec.SECP384R1()))
    between_key: Any = field(default_factory=ec_key)
    key: Any = field(default_factory=ec_key)
    name: str = "signer"

    def __post_init__(self) -> None:
        self.root_certificate = certificate("root", self.root_key, "root", self.root_key, **{**_CA, **self.root})
        self.between_certificate = certificate("authority", self.between_key, "root", self.root_key,
                                               **{**_CA, **self.between})
        named = [x509.UniformResourceIdentifier("https://example.org/signer")]
        self.leaf_certificate = certificate(
            self.name, self.key, "authority", self.between_key,
            **{"usages": [Usage.CODE_SIGNING], "names": named, **self.leaf})

    @property
    def authority(self) -> Certified:
        """What a trust file holds: the root, and no name."""
        return Certified.from_pem(self.root_certificate.public_bytes(PEM), "trust")

    @property
    def chain(self) -> list[x509.Certificate]:
        """What belongs into a bundle."""
        return [self.leaf_certificate, self.between_certificate]

    def signature(self, data: bytes) -> bytes:
        if isinstance(self.key, rsa.RSAPrivateKey):
            from cryptography.hazmat.primitives.asymmetric import padding

            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(self.key, ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def bundle(self, payload: bytes = STATEMENT) -> dict[str, Any]:
        """A bundle v0.3 by its signer."""
        signature = self.signature(pae(PAYLOAD_TYPE, payload))
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"x509CertificateChain": {"certificates": [
                {"rawBytes": b64(item.public_bytes(DER))} for item in self.chain]}},
            "dsseEnvelope": {"payload": b64(payload), "payloadType": PAYLOAD_TYPE,
                             "signatures": [{"sig": b64(signature)}]},
        }

    def sign(self, payload: bytes = STATEMENT) -> bytes:
        """The same as bytes."""
        return json.dumps(self.bundle(payload)).encode()
