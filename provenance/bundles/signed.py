"""What is signed, in whatever wrapping: a Sigstore bundle, a bare DSSE envelope, an in-toto metablock.

    {"mediaType", "verificationMaterial", "dsseEnvelope"}              Sigstore: exactly one signature
    {"payload", "payloadType", "signatures": [{"sig", "keyid"}]}       DSSE v1.0.2: one or more
    {"signed": {"_type": "link" | "layout"}, "signatures": [...]}      in-toto before attestations: one or more
    {"version", "verification_material", "envelope"}                   PEP 740: a Sigstore bundle under other names

Each signature counts for itself: one by a trusted key is that signer's voice, and one that nobody here knows takes
nothing from it. A `keyid` only says which key to try first. Nothing is verified here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provenance.bundles.envelope import (
    MAX_BUNDLE,
    Envelope,
    SigstoreOnly,
    UnsupportedBundle,
    bundle_envelope,
    decode,
    is_statement_type,
)
from provenance.errors import BundleError
from provenance.statements.reader import parse_json, refuse_case_variants, to_json
from provenance.statements.statement import PAYLOAD_TYPE

MAX_SIGNATURES = 64  # each is held against every trusted key: an envelope must not buy hours of work
_ENVELOPE = frozenset({"payload", "payloadType", "signatures"})
_METABLOCK = frozenset({"signed", "signatures"})
_SIGNATURE = frozenset({"sig", "keyid", "cert", "certificate", "signature", "other_headers"})
_CERTIFIED = frozenset({"cert", "certificate"})  # how SLSA's older builders and Witness say who signed
# Which member tells which kind; a document of two kinds would say one thing to one reader and another to the next.
_KINDS = {"dsseEnvelope": "bundle", "messageSignature": "bundle", "payload": "dsse", "signed": "metablock",
          "verification_material": "pep740"}
_HEX = re.compile(r"([0-9a-f]{2})+", re.IGNORECASE)


@dataclass(frozen=True)
class Signature:
    """One signature, and the name of the key that is said to have made it."""

    value: bytes
    hint: str


@dataclass(frozen=True)
class Signed:
    """The bytes of a statement, link or layout, and the signatures over `message`, which stands for them."""

    payload: bytes
    signatures: tuple[Signature, ...]
    encode: Callable[[], bytes]
    payload_type: str = ""  # a metablock has none
    is_stamped: bool = False  # whether a bundle's log entries or timestamps could prove a time

    @property
    def message(self) -> bytes:
        """What the signatures are over, made anew each time: as long as the payload, it is not kept beside it."""
        return self.encode()

    @property
    def hint(self) -> str:
        """The first key that is named."""
        return next((signature.hint for signature in self.signatures if signature.hint), "")


def read_signed(data: bytes, location: str) -> Signed:
    """What a file of evidence holds; BundleError or StatementError for what is broken, UnsupportedBundle otherwise."""
    document = parse_json(data, location, limit=MAX_BUNDLE)
    kinds = {_KINDS[name] for name in document if name in _KINDS} if isinstance(document, dict) else set()
    if len(kinds) > 1:
        raise _broken(f"it is a {' and a '.join(sorted(kinds))} at once", location)
    if kinds == {"dsse"}:
        return _dsse(document, location)
    if kinds == {"metablock"}:
        return _metablock(document, location)
    if kinds == {"pep740"}:
        raise SigstoreOnly("bundle-kind-unsupported", "signed under a Sigstore identity, which needs a trust file that "
                           "lists identities", location=location, hint="list the identity in the trust file")
    envelope = bundle_envelope(document, location)
    return _signed(envelope, (Signature(envelope.signature, envelope.hint),))


def as_bundle(data: bytes, location: str) -> bytes:
    """The bytes of a Sigstore bundle; a PEP 740 attestation, which has its parts under other names, is rewritten."""
    from provenance.bundles.sigstore.pep740 import bundle_of

    return bundle_of(data, location) if b'"verification_material"' in data else data


def canonical(value: Any, location: str) -> bytes:
    """in-toto's canonical JSON (OLPC), over which metablocks are signed; BundleError for what has no such form."""
    from securesystemslib.exceptions import FormatError
    from securesystemslib.formats import encode_canonical

    try:
        text: str = encode_canonical(value)  # type: ignore[assignment]  # None only where a writer is handed in
    except FormatError as err:
        raise _broken("it holds a number that canonical JSON does not have", location) from err
    return text.encode("utf-8")


def _dsse(document: dict[str, Any], location: str) -> Signed:
    refuse_case_variants(document, _ENVELOPE, location)
    payload_type = document.get("payloadType")
    if not isinstance(payload_type, str):
        raise _broken("its payloadType is not a string", location)
    rows = _rows(document, location)
    if not is_statement_type(payload_type):
        raise BundleError("payload-type", f"its payload type is not {PAYLOAD_TYPE}", location=location,
                          hint="only in-toto statements are evidence")
    if all(row.keys() & _CERTIFIED for row in rows):
        raise UnsupportedBundle("bundle-kind-unsupported", "signed by certificate outside a Sigstore bundle, without "
                                "a proof of when", location=location, hint="ask the signer for a Sigstore bundle")
    signatures = tuple(Signature(decode(row.get("sig"), "signature", location), row.get("keyid") or "")
                       for row in rows)
    envelope = Envelope(decode(document.get("payload"), "payload", location), payload_type, b"", "")
    return _signed(envelope, signatures)


def _signed(envelope: Envelope, signatures: tuple[Signature, ...]) -> Signed:
    return Signed(envelope.payload, signatures, lambda: envelope.pae, envelope.payload_type, envelope.is_stamped)


def _metablock(document: dict[str, Any], location: str) -> Signed:
    refuse_case_variants(document, _METABLOCK, location)
    signed, rows = document["signed"], _rows(document, location)
    if not isinstance(signed, dict):
        raise _broken("what it signs is not an object", location)
    if all("other_headers" in row for row in rows):
        raise UnsupportedBundle("bundle-kind-unsupported", "signed with GnuPG, which is not checked here",
                                location=location, hint="ask the signer to sign with an Ed25519, ECDSA or RSA key")
    # A signature with GnuPG beside others is none that can be checked, and takes nothing from them.
    signatures = tuple(Signature(_hex(row.get("sig"), location), row.get("keyid") or "")
                       for row in rows if "other_headers" not in row)
    return Signed(to_json(signed), signatures, lambda: canonical(signed, location))


def _rows(document: dict[str, Any], location: str) -> list[dict[str, Any]]:
    rows = document.get("signatures")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_SIGNATURES:
        raise BundleError("bundle-signature-count", f"it must hold between one and {MAX_SIGNATURES} signatures",
                          location=location, hint="write several envelopes")
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("keyid"), str | None):
            raise _broken("a signature is not an object of sig and keyid", location)
        refuse_case_variants(row, _SIGNATURE, location)
    return rows


def _hex(text: Any, location: str) -> bytes:
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise _broken("a signature is not hexadecimal", location)
    return bytes.fromhex(text)


def _broken(why: str, location: str) -> BundleError:
    return BundleError("bundle-invalid", f"not an envelope: {why}", location=location,
                       hint="get the evidence again from its signer")
