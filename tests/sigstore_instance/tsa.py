"""The timestamp authority (RFC 3161): it signs that a digest was there at a time."""

from __future__ import annotations

import secrets
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from tests.sigstore_instance.authority import Authority
from tests.sigstore_instance.der import (
    BOOLEAN,
    CONTEXT_0,
    INTEGER,
    OCTETS,
    generalized_time,
    integer,
    octets,
    oid,
    read,
    sequence,
    set_of,
    tlv,
    utc_time,
)
from tests.sigstore_instance.encoding import DER, now, sha256, sign
from tests.sigstore_instance.oidc import RefusedError

_SIGNED_DATA, _TST_INFO = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE, _MESSAGE_DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
_SIGNING_TIME, _SIGNING_CERTIFICATE = oid("1.2.840.113549.1.9.5"), oid("1.2.840.113549.1.9.16.2.47")
_SHA256_OID = oid("2.16.840.1.101.3.4.2.1")
_SHA256 = sequence(_SHA256_OID)
_ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
_POLICY = oid("1.3.6.1.4.1.57264.2")


class TimestampAuthority:
    """A leaf under a root, both of which a trust root lists."""

    def __init__(self, organization: str) -> None:
        self.root = Authority("timestamp root", organization)
        self.key: ec.EllipticCurvePrivateKey
        self.key, self.certificate = self.root.timestamping_leaf("timestamp authority")

    def answer(self, request: bytes) -> bytes:
        """The response to a query, with the nonce and the certificate that it asks for."""
        try:
            (_, body), = read(request)
            (_, version), (_, imprint), *options = read(body)
            (_, algorithm), (_, digest) = read(imprint)
        except ValueError as err:
            raise RefusedError("not an RFC 3161 query") from err
        if version != b"\x01" or not algorithm.startswith(_SHA256_OID) or len(digest) != 32:
            raise RefusedError("only SHA-256 is stamped")
        nonce = next((int.from_bytes(content, signed=True) for tag, content in options if tag == INTEGER), None)
        embed = any(tag == BOOLEAN and content != b"\x00" for tag, content in options)
        return self.stamp_digest(digest, nonce=nonce, embed=embed)

    def stamp(self, message: bytes, *, at: datetime | None = None, embed: bool = False) -> bytes:
        """A response that stamps these bytes."""
        return self.stamp_digest(sha256(message), at=at, embed=embed)

    def stamp_digest(self, digest: bytes, *, at: datetime | None = None, nonce: int | None = None,
                     embed: bool = False) -> bytes:
        moment = at or now()
        info = sequence(integer(1), _POLICY, sequence(_SHA256, octets(digest)), integer(secrets.randbits(63)),
                        generalized_time(moment), sequence(integer(1)), *([] if nonce is None else [integer(nonce)]))
        leaf = self.certificate.public_bytes(DER)
        attributes = set_of(
            sequence(_CONTENT_TYPE, set_of(_TST_INFO)),
            sequence(_SIGNING_TIME, set_of(utc_time(moment))),
            sequence(_MESSAGE_DIGEST, set_of(octets(sha256(info)))),
            sequence(_SIGNING_CERTIFICATE, set_of(sequence(sequence(sequence(octets(sha256(leaf))))))),
        )
        issuer = sequence(self.certificate.issuer.public_bytes(), integer(self.certificate.serial_number))
        signer = sequence(integer(1), issuer, _SHA256, bytes([CONTEXT_0]) + attributes[1:], _ECDSA_SHA256,
                          octets(sign(self.key, attributes)))
        signed = sequence(integer(3), set_of(_SHA256), sequence(_TST_INFO, tlv(CONTEXT_0, tlv(OCTETS, info))),
                          tlv(CONTEXT_0, leaf) if embed else b"", set_of(signer))
        return sequence(sequence(integer(0)), sequence(_SIGNED_DATA, tlv(CONTEXT_0, signed)))
