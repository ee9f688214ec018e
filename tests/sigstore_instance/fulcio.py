"""The certificate authority: a valid identity token and a proof of possession buy a certificate of ten minutes."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from tests.sigstore_instance.authority import Authority, certificate, key_usage
from tests.sigstore_instance.ct import CertificateLog
from tests.sigstore_instance.der import octets, tlv
from tests.sigstore_instance.encoding import PEM, now
from tests.sigstore_instance.oidc import Issuer, RefusedError

LIFETIME = timedelta(minutes=10)
_ARC = "1.3.6.1.4.1.57264.1"
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_OTHER_NAME = ObjectIdentifier(f"{_ARC}.7")
# The claims of a GitHub Actions token that Fulcio copies, by the last arc of their extension.
_COPIED = {"job_workflow_ref": (9, "https://github.com/"), "repository": (12, "https://github.com/"),
           "sha": (13, ""), "ref": (14, "")}


class Fulcio:
    """An intermediate authority under a root, with the issuer whose tokens it takes and the log that it tells."""

    def __init__(self, issuer: Issuer, log: CertificateLog, organization: str) -> None:
        self.issuer, self.log = issuer, log
        self.root = Authority("fulcio root", organization)
        self.authority = Authority("fulcio intermediate", organization, self.root, path_length=0)

    def request(self, token: str, csr_base64: str) -> dict[str, Any]:
        """The answer of POST /api/v2/signingCert; RefusedError for a wrong token or signing request."""
        claims = self.issuer.claims(token)
        try:
            csr = x509.load_pem_x509_csr(base64.b64decode(csr_base64))
        except ValueError as err:
            raise RefusedError("the certificate signing request could not be parsed") from err
        if not csr.is_signature_valid:
            raise RefusedError("the signature supplied in the request could not be verified")
        chain = [self.issue(claims, csr.public_key()), *self.authority.chain]
        pems = [item.public_bytes(PEM).decode() for item in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": pems}}}

    def issue(self, claims: dict[str, Any], public_key: Any, *, at: datetime | None = None,
              log: CertificateLog | str | None = "own", names: list[x509.GeneralName] | None = None,
              usage: list[ObjectIdentifier] | None = None, issuer_v2: str | None = None) -> x509.Certificate:
        """A certificate for what the claims say; the other arguments are what a test gets wrong on purpose.

        `log` is whose timestamp is embedded (None: nobody's), `issuer_v2` an issuer for the newer extension alone.
        """
        start = at or now()
        builder = self._body(claims, public_key, start, names, usage, issuer_v2)
        chosen = self.log if log == "own" else log
        if not isinstance(chosen, CertificateLog):
            return builder.sign(self.authority.key, hashes.SHA256())
        # What the log signs is the certificate without its own answer, so the certificate is made twice.
        precertificate = builder.sign(self.authority.key, hashes.SHA256()).tbs_certificate_bytes
        scts = chosen.add(self.authority.key, precertificate, start)
        extension = x509.UnrecognizedExtension(_SCT_LIST, octets(scts))
        return builder.add_extension(extension, critical=False).sign(self.authority.key, hashes.SHA256())

    def _body(self, claims: dict[str, Any], public_key: Any, start: datetime, names: list[x509.GeneralName] | None,
              usage: list[ObjectIdentifier] | None, issuer_v2: str | None) -> x509.CertificateBuilder:
        builder = certificate(x509.Name([]), self.authority.subject, public_key, self.authority.key, start,
                              start + LIFETIME)
        builder = builder.add_extension(key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage or [ExtendedKeyUsageOID.CODE_SIGNING]),
                                        critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names or [_name(claims)]), critical=True)
        extensions = {1: claims["iss"].encode(), 8: _utf8(issuer_v2 or claims["iss"])}
        for claim, (arc, prefix) in _COPIED.items():
            if claim in claims:
                extensions[arc] = _utf8(prefix + claims[claim])
        for arc, value in extensions.items():
            extension = x509.UnrecognizedExtension(ObjectIdentifier(f"{_ARC}.{arc}"), value)
            builder = builder.add_extension(extension, critical=False)
        return builder


def _name(claims: dict[str, Any]) -> x509.GeneralName:
    if "email" in claims:
        return x509.RFC822Name(claims["email"])
    if "job_workflow_ref" in claims:
        return x509.UniformResourceIdentifier("https://github.com/" + claims["job_workflow_ref"])
    if "://" in claims["sub"]:
        return x509.UniformResourceIdentifier(claims["sub"])
    return x509.OtherName(_OTHER_NAME, _utf8(claims["sub"]))


def _utf8(text: str) -> bytes:
    return tlv(0x0C, text.encode())
