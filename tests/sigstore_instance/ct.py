"""A certificate log: it takes in precertificates and answers with a signed certificate timestamp (RFC 6962)."""

from __future__ import annotations

import struct
from datetime import datetime

from tests.sigstore_instance.encoding import ec_key, sha256, sign, spki
from tests.sigstore_instance.tree import Tree

_SHA256_ECDSA = b"\x04\x03"
_PRECERTIFICATE = 1


class CertificateLog:
    """One log with its tree; `named_as` is a log whose id it takes, as a forger would."""

    def __init__(self, url: str, *, named_as: CertificateLog | None = None) -> None:
        self.url = f"{url}/ct"
        self.key = ec_key()
        self.tree = Tree(self.key, self.url.split("//")[1], self.url.split("//")[1])
        self.log_id: bytes = named_as.log_id if named_as else sha256(spki(self.key))

    def add(self, issuer_key: object, precertificate: bytes, at: datetime) -> bytes:
        """The SCT over a precertificate's body, as the list of one that a certificate embeds."""
        entry = sha256(spki(issuer_key)) + len(precertificate).to_bytes(3) + precertificate
        millis = int(at.timestamp()) * 1000
        signed = struct.pack(">BBQH", 0, 0, millis, _PRECERTIFICATE) + entry + b"\x00\x00"
        self.tree.append(signed)
        signature = sign(self.key, signed)
        sct = b"\x00" + self.log_id + struct.pack(">QH", millis, 0) + _SHA256_ECDSA + _opaque(signature)
        return _opaque(_opaque(sct))


def _opaque(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data
