"""Sigstore bundles v0.3 around DSSE envelopes: parsed strictly, written with exactly one signature.

    {"mediaType", "verificationMaterial": {"publicKey": {"hint"}}, "dsseEnvelope": {"payload", "payloadType",
     "signatures": [{"sig", "keyid"}]}}

Signing is securesystemslib's. A bundle that breaks its format is INVALID; one
whose kind this version does not check is UNSUPPORTED, which is never taken for either of the other two.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provenance.artifacts.names import brief
from provenance.bundles.signers import AnySigner, BundleSigner
from provenance.errors import BundleError
from provenance.statements.reader import parse_json, refuse_case_variants, to_json
from provenance.statements.statement import PAYLOAD_TYPE

if TYPE_CHECKING:
    from securesystemslib.signer import Signature

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# The same document as far as a key's bundle goes: the versions differ in certificates and in what logs must say.
_OLDER_SPELLINGS = {f"application/vnd.dev.sigstore.bundle+json;version={version}" for version in ("0.1", "0.2", "0.3")}
MAX_BUNDLE = 48 << 20
_NAMED_TYPE = re.compile(r"application/vnd\.in-toto\.[a-z0-9]+([._-][a-z0-9]+)*\+json")
_BUNDLE = frozenset({"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"})
_MATERIAL = frozenset({"publicKey", "certificate", "x509CertificateChain", "tlogEntries", "timestampVerificationData"})
_ENVELOPE = frozenset({"payload", "payloadType", "signatures"})
_SIGNATURE = frozenset({"sig", "keyid"})


class UnsupportedBundle(BundleError):  # noqa: N818  nothing is wrong with the bundle
    """A bundle of a kind that this version does not check; not a word about whether it is valid."""


class SigstoreOnly(UnsupportedBundle):
    """A bundle that needs an authority, an instance or a file to be checked with: `bundles/sigstore` reads it."""


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope (protocol v1) with its one signature; `hint` names a key and proves nothing.

    `is_stamped` says that the bundle around it holds log entries or timestamps.
    """

    payload: bytes
    payload_type: str
    signature: bytes
    hint: str
    is_stamped: bool = False

    @property
    def pae(self) -> bytes:
        """What is signed: the pre-authentication encoding (DSSE protocol v1)."""
        kind = self.payload_type.encode("utf-8")
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


def sign(payload: bytes, signer: AnySigner) -> bytes:
    """A Sigstore bundle v0.3 over an in-toto statement, as JSON, by whoever signs; a key is named by its `hint`."""
    if isinstance(signer, BundleSigner):
        return signer.sign_statement(payload)
    return write_bundle(payload, signer.sign(pae_of(payload)), {})


def pae_of(payload: bytes) -> bytes:
    """What is signed of a statement: the pre-authentication encoding of it and its type."""
    return Envelope(payload, PAYLOAD_TYPE, b"", "").pae


def write_bundle(payload: bytes, signature: Signature, material: Mapping[str, Any]) -> bytes:
    """The bundle of one signature over a statement. `material` names the signer, and may hold timestamps.

    Where it holds no certificate, the signer is a key: `keyid` equals `hint`, as the format demands.
    """
    named = "x509CertificateChain" in material
    signer = {} if named else {"publicKey": {"hint": signature.keyid}}
    keyid = {} if named else {"keyid": signature.keyid}
    bundle = to_json({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {**signer, "tlogEntries": [], **material},
        "dsseEnvelope": {
            "payload": "",
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(bytes.fromhex(signature.signature)).decode("ascii"), **keyid}],
        },
    })
    # Set in afterwards: base64 needs no escaping, and a writer of JSON would hold four copies of a large one. No string
    # within the bundle can look like the place, because in a string the quotes are escaped.
    before, after = bundle.split(b'"payload":""')
    return b"".join((before, b'"payload":"', base64.b64encode(payload), b'"', after, b"\n"))


def parse_bundle(data: bytes, location: str) -> Envelope:
    """The envelope of a bundle; BundleError for a broken one, UnsupportedBundle for one of another kind."""
    return bundle_envelope(parse_json(data, location, limit=MAX_BUNDLE), location)


def bundle_envelope(bundle: Any, location: str) -> Envelope:
    """The same for a bundle that was read as JSON already."""
    if not isinstance(bundle, dict):
        raise _broken("not an object", location)
    _refuse_others(bundle, _BUNDLE, "the bundle", location)
    _check_media_type(bundle.get("mediaType"), location)
    hint = _key_hint(bundle.get("verificationMaterial"), location)
    if "dsseEnvelope" not in bundle and "messageSignature" in bundle:
        raise SigstoreOnly("bundle-kind-unsupported", "a signature over a file rather than a statement",
                           location=location, hint="ask the signer for a DSSE bundle")
    envelope = bundle.get("dsseEnvelope")
    if not isinstance(envelope, dict) or "messageSignature" in bundle:
        raise _broken("it has no dsseEnvelope, or more than one content", location)
    material = bundle["verificationMaterial"]
    stamped = bool(material.get("tlogEntries") or material.get("timestampVerificationData"))
    return replace(_envelope(envelope, hint, location), is_stamped=stamped)


def _envelope(envelope: dict[str, Any], hint: str, location: str) -> Envelope:
    _refuse_others(envelope, _ENVELOPE, "the envelope", location)
    payload_type, signatures = envelope.get("payloadType"), envelope.get("signatures")
    if not isinstance(payload_type, str):
        raise _broken("its payloadType is not a string", location)
    if not isinstance(signatures, list) or len(signatures) != 1:
        # Bundle format: exactly one. With more, readers differ in which of them counts.
        raise BundleError("bundle-signature-count", "a bundle must hold exactly one signature", location=location,
                          hint="write one bundle a signer")
    signature = signatures[0]
    if not isinstance(signature, dict) or not isinstance(signature.get("keyid"), str | None):
        raise _broken("its signature is not an object of sig and keyid", location)
    _refuse_others(signature, _SIGNATURE, "the signature", location)
    if not is_statement_type(payload_type):
        raise BundleError("payload-type", f"its payload type is not {PAYLOAD_TYPE}", location=location,
                          hint="only in-toto statements are evidence")
    return Envelope(
        decode(envelope.get("payload"), "payload", location), payload_type,
        decode(signature.get("sig"), "signature", location), hint or signature.get("keyid") or "",
    )


def _refuse_others(value: dict[str, Any], known: frozenset[str], what: str, location: str) -> None:
    """Refuse members that differ from those that are known in case alone, and, as UNSUPPORTED, all others.

    They could change the meaning of the others. A bare envelope is another matter: DSSE lets anybody add to it.
    """
    refuse_case_variants(value, known, location)
    if unknown := sorted(value.keys() - known):
        raise UnsupportedBundle("bundle-kind-unsupported",
                                f"{what} has a member {brief(unknown[0])}, which is not known", location=location,
                                hint="a newer version may read it")


def _check_media_type(media_type: Any, location: str) -> None:
    if media_type == MEDIA_TYPE or (isinstance(media_type, str) and media_type in _OLDER_SPELLINGS):
        return
    if isinstance(media_type, str) and media_type.startswith("application/vnd.dev.sigstore.bundle"):
        raise UnsupportedBundle("bundle-media-type", f"a bundle of type {brief(media_type)}", location=location,
                                hint="bundles v0.1, v0.2 and v0.3 are read")
    raise _broken("its mediaType is not a Sigstore bundle's", location)


def _key_hint(material: Any, location: str) -> str:
    if not isinstance(material, dict):
        raise _broken("it has no verificationMaterial", location)
    _refuse_others(material, _MATERIAL, "verificationMaterial", location)
    for member, kind in (("tlogEntries", list), ("timestampVerificationData", dict)):
        if not isinstance(material.get(member), kind | None):  # whether it holds any decides who looks at it
            raise _broken(f"its {member} is not what the format says", location)
    kinds = [kind for kind in ("publicKey", "certificate", "x509CertificateChain") if kind in material]
    if len(kinds) != 1:
        raise _broken("its verificationMaterial must name one key or certificate", location)
    if kinds != ["publicKey"]:
        raise SigstoreOnly("bundle-kind-unsupported", "signed under a certificate, which neither an authority nor a "
                           "Sigstore instance was given to check with", location=location,
                           hint="list the signer's identity or authority in the trust file")
    key = material["publicKey"]
    hint = key.get("hint", "") if isinstance(key, dict) else None
    if not isinstance(hint, str):
        raise _broken("its public key has no hint that is a string", location)
    return hint


def is_statement_type(payload_type: str) -> bool:
    """Whether a payload is an in-toto statement, by the type that covers all or by that of one predicate, exactly."""
    return payload_type == PAYLOAD_TYPE or _NAMED_TYPE.fullmatch(payload_type) is not None


def decode(text: Any, what: str, location: str) -> bytes:
    """Strict base64 of the standard or the URL alphabet; BundleError `bundle-invalid` or `base64-invalid`."""
    if not isinstance(text, str) or not text:
        raise _broken(f"its {what} is missing", location)
    try:
        return binascii.a2b_base64(text.replace("-", "+").replace("_", "/"), strict_mode=True)
    except (binascii.Error, ValueError) as err:
        raise BundleError("base64-invalid", f"its {what} is not base64", location=location,
                          hint="get the bundle again from its signer") from err


def _broken(why: str, location: str) -> BundleError:
    return BundleError("bundle-invalid", f"not a Sigstore bundle: {why}", location=location,
                       hint="get the bundle again from its signer")


def sha256(data: bytes) -> str:
    """The digest by which a bundle file is named in releases, trust files and verdicts."""
    return hashlib.sha256(data).hexdigest()
