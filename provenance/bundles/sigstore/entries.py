"""Whether a log entry is about this very signature: what CVE-2022-36056 was about.

Every kind of entry comes down to the same facts, which are compared once: a digest, of the signed bytes or of the
DSSE payload; the signature; and who can verify it. Kinds: `hashedrekord`, `dsse` and `intoto` of Rekor v1, and
`hashedrekord` and `dsse` of Rekor v2, whose hashedrekord holds the digest of the DSSE pre-authentication encoding.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from provenance.bundles.envelope import MAX_BUNDLE, Envelope, UnsupportedBundle
from provenance.bundles.sigstore.reading import LogEntry, SigstoreBundle, decode_base64
from provenance.errors import BundleError, ProvenanceError
from provenance.statements.reader import parse_json

_V2_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_HASHES = frozenset(_V2_HASHES.values())
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----\s*")


@dataclass(frozen=True)
class Logged:
    """What an entry says: a digest of the signed bytes or of the payload, the signature, who verifies it."""

    over: Literal["signed", "payload"]
    algorithm: str
    digest: bytes
    signature: bytes | None
    verifier: bytes


@dataclass(frozen=True)
class EntrySubject:
    """What an entry must be about: the digests of the file (by algorithm), and the certificate or key in DER."""

    digests: Mapping[str, bytes]
    verifier: bytes


def check_subject(entry: LogEntry, bundle: SigstoreBundle, claim: EntrySubject) -> None:
    """BundleError `log-entry-mismatch`, or UnsupportedBundle for a kind that is not read here."""
    reader = _READERS.get((entry.kind, entry.version))
    if reader is None:
        raise UnsupportedBundle("log-entry-unsupported", f"a log entry of kind {entry.kind[:50]} {entry.version[:20]}",
                                hint="hashedrekord, dsse and intoto are read")
    try:
        body = parse_json(entry.body, "the log entry", limit=MAX_BUNDLE)
        if (body["kind"], body["apiVersion"]) != (entry.kind, entry.version):
            raise _mismatch("it is of another kind than the bundle says")
        logged = [replace(fact, verifier=_der(fact.verifier)) for fact in reader(body["spec"])]
        if not all(isinstance(fact.algorithm, str) for fact in logged):
            raise TypeError("its digest is of no kind")
    except ProvenanceError as err:
        raise err if isinstance(err, UnsupportedBundle) else _mismatch(err.message) from err
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise _mismatch(f"its body is not a {entry.kind} {entry.version}") from err
    for fact in logged:  # never empty: each reader yields for the one signature that it asks for
        _compare(fact, bundle, claim)


def _compare(logged: Logged, bundle: SigstoreBundle, claim: EntrySubject) -> None:
    if logged.algorithm not in _HASHES:
        raise UnsupportedBundle("log-entry-unsupported", f"a log entry with a digest of kind {logged.algorithm[:20]}",
                                hint="SHA-2 of 256, 384 and 512 bits is read")
    expected = _digest(logged, bundle, claim)
    if expected is None:
        raise UnsupportedBundle("log-entry-unsupported", f"the log entry holds a {logged.algorithm} of the file",
                                hint="give the file itself rather than another digest of it")
    if logged.digest != expected:
        raise _mismatch("it is about something else")
    if logged.signature is not None and logged.signature != bundle.signature:
        raise _mismatch("it holds another signature")
    if logged.verifier != claim.verifier:
        raise _mismatch("it names another key or certificate")


def _digest(logged: Logged, bundle: SigstoreBundle, claim: EntrySubject) -> bytes | None:
    if logged.over == "signed" and not isinstance(bundle.content, Envelope):
        return claim.digests.get(logged.algorithm)
    if not isinstance(bundle.content, Envelope):
        raise _mismatch("it is about an envelope, and the bundle holds none")
    data = bundle.content.pae if logged.over == "signed" else bundle.content.payload
    return hashlib.new(logged.algorithm, data).digest()


def _hashedrekord_v1(spec: Any) -> Iterator[Logged]:
    digest = spec["data"]["hash"]
    signature = spec["signature"]
    yield Logged("signed", digest["algorithm"], bytes.fromhex(digest["value"]), _b64(signature["content"]),
                 _b64(signature["publicKey"]["content"]))


def _dsse_v1(spec: Any) -> Iterator[Logged]:
    digest = spec["payloadHash"]
    for signature in _only(spec["signatures"]):
        yield Logged("payload", digest["algorithm"], bytes.fromhex(digest["value"]), _b64(signature["signature"]),
                     _b64(signature["verifier"]))


def _intoto_v1(spec: Any) -> Iterator[Logged]:
    """0.0.1 holds no signature of its own; the payload and the key are what it binds."""
    digest = spec["content"].get("payloadHash")
    if digest is None:
        raise UnsupportedBundle("log-entry-unsupported", "an intoto entry that does not hold the payload's digest",
                                hint="ask the signer for a bundle that Rekor logs as dsse")
    yield Logged("payload", digest["algorithm"], bytes.fromhex(digest["value"]), None, _b64(spec["publicKey"]))


def _intoto_v2(spec: Any) -> Iterator[Logged]:
    """0.0.2 mostly holds the base64 of the base64 of signature and payload, as clients came to upload it."""
    content = spec["content"]
    envelope, digest = content["envelope"], content.get("payloadHash")
    payload = envelope.get("payload")
    if digest is None and payload is None:
        raise ValueError("neither payload nor digest")
    for signature in _only(envelope["signatures"]):
        sig, verifier = _twice(signature["sig"]), _b64(signature["publicKey"])
        if digest is not None:
            yield Logged("payload", digest["algorithm"], bytes.fromhex(digest["value"]), sig, verifier)
        if payload is not None:
            yield Logged("payload", "sha256", hashlib.sha256(_twice(payload)).digest(), sig, verifier)


def _hashedrekord_v2(spec: Any) -> Iterator[Logged]:
    inner = spec["hashedRekordV002"]
    yield Logged("signed", *_v2_digest(inner["data"]), _b64(inner["signature"]["content"]),
                 _v2_verifier(inner["signature"]["verifier"]))


def _dsse_v2(spec: Any) -> Iterator[Logged]:
    inner = spec["dsseV002"]
    for signature in _only(inner["signatures"]):
        yield Logged("payload", *_v2_digest(inner["payloadHash"]), _b64(signature["content"]),
                     _v2_verifier(signature["verifier"]))


def _v2_digest(data: Any) -> tuple[str, bytes]:
    algorithm = data["algorithm"]
    return _V2_HASHES.get(algorithm, algorithm), _b64(data["digest"])


def _v2_verifier(verifier: Any) -> bytes:
    kinds = [verifier[kind] for kind in ("x509Certificate", "publicKey") if kind in verifier]
    return _b64(_only(kinds)[0]["rawBytes"])


def _only(values: list[Any]) -> list[Any]:
    if len(values) != 1:  # more would let one entry stand for several signers
        raise ValueError("not exactly one")
    return values


def _b64(text: Any) -> bytes:
    return decode_base64(text, "value", "the log entry", limit=MAX_BUNDLE)


def _twice(text: Any) -> bytes:
    once = _b64(text)
    try:
        return _b64(once.decode("ascii"))
    except (ProvenanceError, UnicodeDecodeError):
        return once


def _der(verifier: bytes) -> bytes:
    """A certificate or key in DER: Rekor v1 keeps PEM, whose line breaks differ from client to client."""
    pem = _PEM.fullmatch(verifier)
    return _b64(b"".join(pem[2].split()).decode("ascii")) if pem else verifier


_READERS: dict[tuple[str, str], Callable[[Any], Iterator[Logged]]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_v1,
    ("dsse", "0.0.1"): _dsse_v1,
    ("intoto", "0.0.1"): _intoto_v1,
    ("intoto", "0.0.2"): _intoto_v2,
    ("hashedrekord", "0.0.2"): _hashedrekord_v2,
    ("dsse", "0.0.2"): _dsse_v2,
}


def _mismatch(why: str) -> BundleError:
    return BundleError("log-entry-mismatch", f"the log entry is not this signature's: {why}",
                       hint="get the bundle again from its signer")
