"""Sigstore bundles v0.1, v0.2 and v0.3, read strictly into frozen data. Nothing here is verified.

    {"mediaType", "verificationMaterial": {"certificate" | "x509CertificateChain" | "publicKey", "tlogEntries": [],
     "timestampVerificationData": {"rfc3161Timestamps": []}}, "dsseEnvelope" | "messageSignature"}

The JSON is protobuf's: a default value may be left out, a 64-bit integer may be a string or a number, base64 may be
of either alphabet. Exactly one signer and one content: readers differ in which of two counts, so that two would let
one bundle say two things. A member that is not known here could change the meaning of the others: UNSUPPORTED.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Literal

from provenance.bundles.envelope import MAX_BUNDLE, Envelope, UnsupportedBundle
from provenance.errors import BundleError
from provenance.statements.reader import parse_json, refuse_case_variants

MAX_ENTRIES = 32
MAX_TIMESTAMPS = 32
MAX_CERTIFICATES = 16
MAX_HASHES = 64  # a tree of 2^64 leaves
MAX_SMALL = 1 << 20  # a certificate, a timestamp, a checkpoint, the body of an entry of another kind than intoto
_MEDIA_TYPES: dict[str, Literal["0.1", "0.2", "0.3"]] = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "0.3",
}
_DIGITS = re.compile("0|[1-9][0-9]{0,18}", re.ASCII)
_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


@dataclass(frozen=True)
class InclusionProof:
    """An inclusion proof: position, root and size of the tree, the hashes from leaf to root, the signed checkpoint."""

    index: int
    root: bytes
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True)
class LogEntry:
    """A transparency log entry; `body` is what was logged, `promise` the signed entry timestamp (SET)."""

    index: int
    log_id: bytes
    kind: str
    version: str
    integrated: int | None
    promise: bytes | None
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True)
class MessageSignature:
    """A signature over a file, with the digest that the bundle claims for it (empty when it claims none)."""

    signature: bytes
    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class SigstoreBundle:
    """A bundle: who signed (certificates in DER, or the hint of a key), what, and what logs and clocks say.

    Of the certificates, the signer's own comes first. `is_chain` says that they came as a chain in a bundle v0.3, which
    belongs to an authority of one's own, never to a Sigstore instance.
    """

    version: Literal["0.1", "0.2", "0.3"]
    certificates: tuple[bytes, ...]
    is_chain: bool
    hint: str
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]
    content: Envelope | MessageSignature

    @property
    def leaf(self) -> bytes | None:
        """The signer's own certificate; None for a key."""
        return self.certificates[0] if self.certificates else None

    @property
    def signature(self) -> bytes:
        """The one signature, which is also what a timestamp authority stamps."""
        return self.content.signature


def read_unverified(data: bytes, location: str) -> SigstoreBundle:
    """The parts of a bundle; BundleError for a broken one, UnsupportedBundle for one that is not read here."""
    top = _object(parse_json(data, location, limit=MAX_BUNDLE), "the bundle", location,
                  {"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"})
    version = _version(top.get("mediaType"), location)
    material = _object(top.get("verificationMaterial"), "verificationMaterial", location, {
        "certificate", "x509CertificateChain", "publicKey", "tlogEntries", "timestampVerificationData"})
    certificates, hint = _signer(material, version, location)
    entries = tuple(_entry(item, location) for item in _list(material, "tlogEntries", MAX_ENTRIES, location))
    if len({(entry.log_id, entry.index) for entry in entries}) != len(entries):
        raise broken("one log entry is there twice", location)  # a threshold would count it twice
    is_chain = version == "0.3" and material.get("x509CertificateChain") is not None
    return SigstoreBundle(version, certificates, is_chain, hint, entries, _timestamps(material, location),
                          _content(top, location))


def broken(why: str, location: str) -> BundleError:
    """The error for a bundle that breaks its format."""
    return BundleError("bundle-invalid", f"not a Sigstore bundle: {why}", location=location,
                       hint="get the bundle again from its signer")


def decode_base64(text: Any, what: str, location: str, *, limit: int = MAX_SMALL) -> bytes:
    """Strict base64 of either alphabet, padded or not, as protobuf's JSON allows; never skips foreign characters."""
    if not isinstance(text, str):
        raise broken(f"its {what} is missing", location)
    if len(text) > limit * 4 // 3 + 4:
        raise BundleError("document-too-large", f"its {what} is larger than {limit} bytes", location=location,
                          hint="get the bundle again from its signer")
    standard = text.replace("-", "+").replace("_", "/")
    bare = standard.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    try:
        if standard not in (bare, padded):
            raise ValueError("padded too much, or too little")
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError) as err:
        raise BundleError("base64-invalid", f"its {what} is not base64", location=location,
                          hint="get the bundle again from its signer") from err


def _version(media_type: Any, location: str) -> Literal["0.1", "0.2", "0.3"]:
    if isinstance(media_type, str) and media_type in _MEDIA_TYPES:
        return _MEDIA_TYPES[media_type]
    if isinstance(media_type, str) and media_type.startswith("application/vnd.dev.sigstore.bundle"):
        raise UnsupportedBundle("bundle-media-type", f"a bundle of type {media_type[:100]}", location=location,
                                hint="bundles v0.1, v0.2 and v0.3 are read")
    raise broken("its mediaType is not a Sigstore bundle's", location)


def _signer(material: dict[str, Any], version: str, location: str) -> tuple[tuple[bytes, ...], str]:
    kinds = [kind for kind in ("certificate", "x509CertificateChain", "publicKey") if kind in material]
    if len(kinds) != 1:
        raise broken("its verificationMaterial must hold exactly one of a certificate, a chain and a key", location)
    if kinds == ["publicKey"]:
        key = _object(material["publicKey"], "publicKey", location, {"hint"})
        return (), _text(key, "hint", location, default="")
    if kinds == ["x509CertificateChain"]:
        chain = _object(material["x509CertificateChain"], "x509CertificateChain", location, {"certificates"})
        certificates = _list(chain, "certificates", MAX_CERTIFICATES, location)
        if not certificates:
            raise broken("its certificate chain is empty", location)
        # The leaf comes first. The others prove nothing: a chain is built from what was handed in to trust.
        return tuple(_raw(certificate, location) for certificate in certificates), ""
    if version != "0.3":
        raise broken(f"a bundle v{version} holds a chain rather than a certificate", location)
    return (_raw(material["certificate"], location),), ""


def _raw(value: Any, location: str) -> bytes:
    certificate = _object(value, "certificate", location, {"rawBytes"})
    return decode_base64(certificate.get("rawBytes"), "certificate", location)


def _entry(value: Any, location: str) -> LogEntry:
    item = _object(value, "a log entry", location, {
        "logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise", "inclusionProof",
        "canonicalizedBody"})
    log_id = _object(item.get("logId"), "logId", location, {"keyId"})
    kind = _object(item.get("kindVersion"), "kindVersion", location, {"kind", "version"})
    promise = _object(item.get("inclusionPromise", {}), "inclusionPromise", location, {"signedEntryTimestamp"})
    if "canonicalizedBody" not in item:  # the format lets readers put it together again from the rest of the bundle
        raise UnsupportedBundle("log-entry-unsupported", "a log entry without its body", location=location,
                                hint="ask the signer for a bundle with the entry's body")
    return LogEntry(
        _integer(item, "logIndex", location),
        decode_base64(log_id.get("keyId"), "log id", location),
        _text(kind, "kind", location),
        _text(kind, "version", location),
        _integer(item, "integratedTime", location) or None,
        decode_base64(promise["signedEntryTimestamp"], "promise", location) if promise else None,
        _proof(item["inclusionProof"], location) if "inclusionProof" in item else None,
        decode_base64(item["canonicalizedBody"], "log entry's body", location, limit=MAX_BUNDLE),
    )


def _proof(value: Any, location: str) -> InclusionProof:
    item = _object(value, "inclusionProof", location, {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"})
    checkpoint = _object(item.get("checkpoint", {}), "checkpoint", location, {"envelope"})
    return InclusionProof(
        _integer(item, "logIndex", location),
        decode_base64(item.get("rootHash", ""), "root hash", location),
        _integer(item, "treeSize", location),
        tuple(decode_base64(hash_, "proof", location) for hash_ in _list(item, "hashes", MAX_HASHES, location)),
        _text(checkpoint, "envelope", location, default=""),
    )


def _timestamps(material: dict[str, Any], location: str) -> tuple[bytes, ...]:
    holder = _object(material.get("timestampVerificationData", {}), "timestampVerificationData", location,
                     {"rfc3161Timestamps"})
    stamps = tuple(_timestamp(item, location) for item in _list(holder, "rfc3161Timestamps", MAX_TIMESTAMPS, location))
    if len(set(stamps)) != len(stamps):
        raise broken("one timestamp is there twice", location)
    return stamps


def _timestamp(value: Any, location: str) -> bytes:
    text = _text(_object(value, "a timestamp", location, {"signedTimestamp"}), "signedTimestamp", location)
    # Timestamps are asked for with tools that break lines, which readers in Go and Python skip.
    return decode_base64(text.replace("\r", "").replace("\n", ""), "timestamp", location)


def _content(top: dict[str, Any], location: str) -> Envelope | MessageSignature:
    if ("dsseEnvelope" in top) == ("messageSignature" in top):
        raise broken("it must hold exactly one of dsseEnvelope and messageSignature", location)
    if "messageSignature" in top:
        return _message(top["messageSignature"], location)
    item = _object(top["dsseEnvelope"], "dsseEnvelope", location, {"payload", "payloadType", "signatures"})
    signatures = item.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise BundleError("bundle-signature-count", "a bundle must hold exactly one signature", location=location,
                          hint="write one bundle a signer")
    signature = _object(signatures[0], "a signature", location, {"sig", "keyid"})
    return Envelope(
        payload=decode_base64(item.get("payload"), "payload", location, limit=MAX_BUNDLE),
        payload_type=_text(item, "payloadType", location),
        signature=decode_base64(signature.get("sig"), "signature", location),
        hint=_text(signature, "keyid", location, default=""),
    )


def _message(value: Any, location: str) -> MessageSignature:
    item = _object(value, "messageSignature", location, {"messageDigest", "signature"})
    signature = decode_base64(item.get("signature"), "signature", location)
    if "messageDigest" not in item:
        return MessageSignature(signature, "", b"")
    digest = _object(item["messageDigest"], "messageDigest", location, {"algorithm", "digest"})
    algorithm = _text(digest, "algorithm", location)
    if algorithm not in _DIGESTS:
        raise UnsupportedBundle("bundle-kind-unsupported", f"a message digest of kind {algorithm[:50]}",
                                location=location, hint="SHA-2 of 256, 384 and 512 bits is read")
    value = decode_base64(digest.get("digest"), "message digest", location)
    return MessageSignature(signature, _DIGESTS[algorithm], value)


def _object(value: Any, what: str, location: str, known: set[str]) -> dict[str, Any]:
    """A message of protobuf's JSON without its nulls, which stand for members that are left out."""
    if not isinstance(value, dict):
        raise broken(f"{what} is missing or not an object", location)
    refuse_case_variants(value, frozenset(known), location)
    if unknown := sorted(value.keys() - known):
        raise UnsupportedBundle("bundle-kind-unsupported", f"{what} has a member {unknown[0][:50]}, which is not known",
                                location=location, hint="a newer version may read it")
    return {name: member for name, member in value.items() if member is not None}


def _list(holder: dict[str, Any], name: str, limit: int, location: str) -> list[Any]:
    value = holder.get(name, [])
    if not isinstance(value, list):
        raise broken(f"its {name} is not a list", location)
    if len(value) > limit:
        raise broken(f"it has {len(value)} {name}; the limit is {limit}", location)
    return value


def _text(holder: dict[str, Any], name: str, location: str, default: str | None = None) -> str:
    value = holder.get(name, default)
    if not isinstance(value, str) or len(value) > MAX_SMALL:
        raise broken(f"its {name} is not a string", location)
    return value


def _integer(holder: dict[str, Any], name: str, location: str) -> int:
    value = holder.get(name, 0)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise broken(f"its {name} is not a whole number", location)
    return value
