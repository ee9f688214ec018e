"""Evidence that others write: envelopes, JSON lines, in-toto links and layouts, provenance of other builders.

Each file has the answers for its pieces beside it, judged by the trust file of the bundles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bad_evidence
import foreign
import pipelines
import statements
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from foreign import Answered, Piece, refused
from keys import Key
from making import Json, Maker, about, put
from reference import PAYLOAD_TYPE, b64, compact, pae, pretty

LINES = "a line is judged by itself"


def files(keys: dict[str, Key]) -> Iterator[tuple[str, bytes]]:
    """Every file below `evidence/`."""
    wraps = Wrapping(keys)
    for name, data, rule, pieces in _cases(wraps):
        yield name, data
        yield f"{name}.expected.json", pretty({"file": name, "rule": rule, "pieces": [
            {"name": piece.name.replace("FILE", name), "status": piece.status, "code": piece.code,
             "signer": piece.signer} for piece in pieces]})


@dataclass(frozen=True)
class Wrapping(Maker):
    """Makes envelopes and metablocks with the test keys."""

    def dsse(self, value: Json | bytes, *who: str, payload_type: str = PAYLOAD_TYPE) -> Json:
        """A bare envelope, signed by each of those who are named."""
        payload = value if isinstance(value, bytes) else compact(value)
        message = pae(payload_type, payload)
        rows = [{"keyid": self.keys[name].keyid, "sig": b64(self.keys[name].sign(message))} for name in who or ("lab",)]
        return {"payload": b64(payload), "payloadType": payload_type, "signatures": rows}

    def metablock(self, value: Json, *who: str) -> Json:
        """The form from before envelopes: signatures over canonical JSON, in hexadecimal."""
        message = canonical(value)
        signers = [self.keys[name] for name in who or ("lab",)]
        rows = [{"keyid": key.keyid, "sig": key.sign(message).hex()} for key in signers]
        return {"signatures": rows, "signed": value}


def canonical(value: Any) -> bytes:
    """Canonical JSON (OLPC), of values without control characters."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _cases(wraps: Wrapping) -> Iterator[Answered]:
    yield from _envelopes(wraps)
    yield from _containers(wraps)
    for module in (foreign, pipelines, bad_evidence):
        yield from module.cases(wraps)


def _envelopes(wraps: Wrapping) -> Iterator[Answered]:
    data = statements.dataset()
    misled = wraps.dsse(data)
    put("signatures", 0, "keyid", to=wraps.keys["works"].keyid)(misled)
    unnamed = wraps.dsse(data)
    del unnamed["signatures"][0]["keyid"]
    named = "application/vnd.in-toto.dataset+json"
    for name, value, rule, signer in (
        ("bare", wraps.dsse(data), "an envelope needs no bundle around it", "lab"),
        ("bare-two", wraps.dsse(data, "lab", "works"), "of two trusted signatures both hold", "lab"),
        ("bare-stranger-first", wraps.dsse(data, "stranger", "works"), "a stranger's signature takes nothing", "works"),
        ("bare-revoked-first", wraps.dsse(data, "former", "works"), "a revoked one neither", "works"),
        ("bare-keyid-misleading", misled, "a keyid decides nothing", "lab"),
        ("bare-keyid-absent", unnamed, "a keyid may be absent", "lab"),
        ("bare-raw-ecdsa", _raw(wraps.dsse(data, "works")), "an ECDSA signature may be r and s, each of full length",
         "works"),
        ("bare-type-of-predicate", wraps.dsse(data, payload_type=named), "a payload type may name its predicate",
         "lab"),
    ):
        yield f"{name}.dsse.json", compact(value), rule, [Piece("FILE", "VALID", "", signer)]


def _raw(envelope: Json) -> Json:
    import base64

    row = envelope["signatures"][0]
    row["sig"] = b64(b"".join(part.to_bytes(32) for part in decode_dss_signature(base64.b64decode(row["sig"]))))
    return envelope


def _containers(wraps: Wrapping) -> Iterator[Answered]:
    bundle, bare = wraps.bundle(statements.dataset()).strip(), compact(wraps.dsse(statements.step(), "works"))
    stranger = compact(wraps.dsse(about("by a stranger"), "stranger"))
    unknown = refused("UNSUPPORTED", "signature-unknown-signer")
    lines = [bundle, b'{"payload": "not whole', bare, b"", b"{}", stranger]
    yield "lines.intoto.jsonl", b"\n".join(lines) + b"\n", LINES, [
        Piece("FILE:1", "VALID", "", "lab"), Piece("FILE:2", *refused("INVALID", "json-invalid")),
        Piece("FILE:3", "VALID", "", "works"), Piece("FILE:5", *refused("INVALID", "bundle-invalid")),
        Piece("FILE:6", *unknown)]
    yield "one-line.intoto.jsonl", bare + b"\n", "a file of one line is that line", [
        Piece("FILE", "VALID", "", "works")]
    two = [Piece("FILE:1", "VALID", "", "lab"), Piece("FILE:2", "VALID", "", "works")]
    yield "list.sigstore.json", b"[" + bundle + b",\n" + bare + b"]", "a list is its members", two
    npm = compact({"attestations": [{"predicateType": "x", "bundle": json.loads(bundle)},
                                    {"predicateType": "y", "bundle": json.loads(bare)}]})
    yield "npm.attestations.json", npm, "the bundles of a registry's answer", two
    odd = compact({"attestations": [json.loads(bundle), 7]})
    yield "odd.attestations.json", odd, "what is no bundle is a piece too", [
        two[0], Piece("FILE:2", *refused("INVALID", "bundle-invalid"))]
