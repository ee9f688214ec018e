"""A timestamp authority (RFC 3161) whose answers are made again byte for byte."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from certificates import DER, chain_of, ecdsa
from cryptography import x509
from reference import b64

_SOURCE = Path(__file__).resolve().parents[1] / "sigstore_instance" / "der.py"
_SPEC = importlib.util.spec_from_file_location("der_of_the_instance", _SOURCE)
assert _SPEC is not None
assert _SPEC.loader is not None
der: Any = importlib.util.module_from_spec(_SPEC)  # it imports nothing but the standard library
_SPEC.loader.exec_module(der)

_SIGNED_DATA, _TST_INFO = der.oid("1.2.840.113549.1.7.2"), der.oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _DIGEST = der.oid("1.2.840.113549.1.9.3"), der.oid("1.2.840.113549.1.9.4")
_TIME, _CERTIFICATE = der.oid("1.2.840.113549.1.9.5"), der.oid("1.2.840.113549.1.9.16.2.47")
_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_POLICY = der.oid("1.3.6.1.4.1.57264.2")


@dataclass(frozen=True)
class Clock:
    """An authority: the key that stamps, and its certificate with the one above it, as a trust root lists them."""

    key: Any
    certificates: tuple[x509.Certificate, ...]
    start: str = "2025-01-01T00:00:00Z"
    end: str | None = None

    @classmethod
    def made(cls, key: Any, above: Any, name: str, window: tuple[str, str | None] = ("2025-01-01T00:00:00Z", None),
             **flaw: Any) -> Clock:
        """With a certificate of its own; `flaw` is what is otherwise than it should be in it."""
        return cls(key, chain_of(key, above, name, **flaw), *window)

    def listed(self) -> dict[str, Any]:
        """The entry of a trust root."""
        window = {"start": self.start} | ({"end": self.end} if self.end else {})
        return {"uri": "https://clock.example.org", "validFor": window, "certChain": {
            "certificates": [{"rawBytes": b64(item.public_bytes(DER))} for item in self.certificates]}}

    def stamp(self, message: bytes, moment: datetime, *, granted: bool = True) -> bytes:
        """The answer that these bytes were there at this time; the serial number is made from them."""
        serial = int.from_bytes(hashlib.sha256(message + moment.isoformat().encode()).digest()[:7])
        imprint = der.sequence(_SHA256, der.octets(hashlib.sha256(message).digest()))
        info = der.sequence(der.integer(1), _POLICY, imprint, der.integer(serial), der.generalized_time(moment),
                            der.sequence(der.integer(1)))
        leaf = self.certificates[0]
        named = hashlib.sha256(leaf.public_bytes(DER)).digest()
        attributes = der.set_of(
            der.sequence(_CONTENT_TYPE, der.set_of(_TST_INFO)),
            der.sequence(_TIME, der.set_of(der.utc_time(moment))),
            der.sequence(_DIGEST, der.set_of(der.octets(hashlib.sha256(info).digest()))),
            der.sequence(_CERTIFICATE, der.set_of(der.sequence(der.sequence(der.sequence(der.octets(named)))))),
        )
        issuer = der.sequence(leaf.issuer.public_bytes(), der.integer(leaf.serial_number))
        signer = der.sequence(der.integer(1), issuer, _SHA256, bytes([der.CONTEXT_0]) + attributes[1:], _ECDSA,
                              der.octets(ecdsa(self.key, attributes)))
        content = der.sequence(_TST_INFO, der.tlv(der.CONTEXT_0, der.octets(info)))
        signed = der.sequence(der.integer(3), der.set_of(_SHA256), content, der.set_of(signer))
        status = der.sequence(der.integer(0 if granted else 2))
        whole: bytes = der.sequence(status, der.sequence(_SIGNED_DATA, der.tlv(der.CONTEXT_0, signed)))
        return whole
