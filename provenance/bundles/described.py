"""Who signed a bundle and when, as the bundle itself says, whoever wrote it. Nothing in it is verified.

Bundles, bare envelopes and metablocks of every kind, also those that the Verifier answers UNSUPPORTED: whoever wonders
why a bundle is refused wants to see it. What is broken is refused as the Verifier refuses it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from provenance.bundles.chains import extension_of
from provenance.bundles.envelope import MAX_BUNDLE, UnsupportedBundle
from provenance.bundles.signed import as_bundle, read_signed
from provenance.bundles.sigstore import certificates
from provenance.bundles.sigstore.reading import read_unverified
from provenance.bundles.stores.facts import payload_unverified
from provenance.bundles.trust import timestamp
from provenance.errors import ProvenanceError
from provenance.statements.reader import parse_json


def describe_unverified(data: bytes, location: str) -> dict[str, Any]:
    """The members `payloadType`, `keyHint`, `signers`, `logEntries`, `timestamps`, `statement` and `signedDigest`.

    ProvenanceError for what is broken.
    """
    data = as_bundle(data, location)
    _refuse_broken(data, location)
    document = parse_json(data, location, limit=MAX_BUNDLE)
    material = _object(document.get("verificationMaterial"))
    envelope = _object(document.get("dsseEnvelope", document))
    rows, payload = _objects(envelope.get("signatures")), payload_unverified(data)
    hints = [_text(_object(material.get("publicKey")).get("hint")), *(_text(row.get("keyid")) for row in rows)]
    stamps = _objects(_object(material.get("timestampVerificationData")).get("rfc3161Timestamps"))
    return {
        "payloadType": _text(envelope.get("payloadType")),
        "keyHint": next(filter(None, hints), ""),
        "signers": [_certificate(der) for der in _certificates(material, rows)],
        "logEntries": [_entry(item) for item in _objects(material.get("tlogEntries"))],
        "timestamps": [_stamp(_bytes(item.get("signedTimestamp"))) for item in stamps],
        "statement": parse_json(payload, location) if payload is not None else None,
        "signedDigest": _digest(_object(_object(document.get("messageSignature")).get("messageDigest"))),
    }


def _refuse_broken(data: bytes, location: str) -> None:
    for read in (read_signed, read_unverified):
        try:
            read(data, location)
        except UnsupportedBundle:
            continue
        return


def _certificates(material: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[bytes]:
    """The certificate of each signer, in DER: of a bundle the first one, of an envelope what stands at a signature."""
    chain = _objects(_object(material.get("x509CertificateChain")).get("certificates"))
    for held in [*([material["certificate"]] if "certificate" in material else []), *chain[:1]]:
        yield _bytes(_object(held).get("rawBytes"))
    for text in (_text(row.get(member)) for row in rows for member in ("cert", "certificate")):
        if text:
            yield _pem(text if text.startswith("-----BEGIN") else _bytes(text).decode("ascii", "replace"))


def _certificate(der: bytes) -> dict[str, Any]:
    from cryptography import x509

    try:
        certificate = certificates.load(der)
    except ProvenanceError as err:
        return {"subject": "", "names": [], "issuer": "", "identityIssuer": "", "from": None, "until": None,
                "problem": err.message}
    names = extension_of(certificate, x509.SubjectAlternativeName) or ()
    try:
        issuer = certificates.issuer_of(certificate)
        alternatives = [certificates.name_of(name) or _text(name.value) for name in names]
    except ProvenanceError:  # of one's own authority, most likely: only Fulcio says who vouched for an identity
        issuer, alternatives = "", [_text(name.value) for name in names]
    return {
        "subject": certificate.subject.rfc4514_string(), "issuer": certificate.issuer.rfc4514_string(),
        "names": list(filter(None, alternatives)), "identityIssuer": issuer,
        "from": timestamp(certificate.not_valid_before_utc), "until": timestamp(certificate.not_valid_after_utc),
        "problem": "",
    }


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    kind = _object(item.get("kindVersion"))
    return {"kind": f"{_text(kind.get('kind'))} {_text(kind.get('version'))}".strip(),
            "log": _bytes(_object(item.get("logId")).get("keyId")).hex(), "index": _number(item.get("logIndex")),
            "time": _time(_number(item.get("integratedTime")))}


def _stamp(token: bytes) -> dict[str, Any]:
    """By whom and of when a timestamp says it is; of one that cannot be read, also for want of a library, nothing."""
    try:
        from rfc3161_client import decode_timestamp_response

        response = decode_timestamp_response(token)
        authority = next((signer.issuer.rfc4514_string() for signer in response.signed_data.signer_infos), "")
        return {"authority": authority, "time": timestamp(response.tst_info.gen_time)}
    except (ImportError, KeyError, ValueError):
        return {"authority": "", "time": None}


def _digest(claimed: dict[str, Any]) -> str | None:
    algorithm = _text(claimed.get("algorithm"))
    return f"{algorithm}:{_bytes(claimed.get('digest')).hex()}" if algorithm else None


def _time(seconds: int) -> str | None:
    try:
        return timestamp(datetime.fromtimestamp(seconds, UTC)) if seconds else None
    except (OSError, OverflowError, ValueError):
        return None


def _pem(text: str) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        return x509.load_pem_x509_certificate(text.encode("utf-8", "replace")).public_bytes(Encoding.DER)
    except ValueError:
        return b""


# What an unsupported bundle holds may be of any type: what is not as expected is as if it were not there.


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value).replace("-", "+").replace("_", "/"))
    except (binascii.Error, ValueError):
        return b""
