"""Bare envelopes with one flaw each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import statements
from foreign import Answered, Piece, refused
from making import Json, changed, drop, put
from reference import compact

if TYPE_CHECKING:
    from evidence import Wrapping

DEEP = b"[" * 10_000 + b"]" * 10_000


def cases(wraps: Wrapping) -> Iterator[Answered]:
    """All of them."""
    yield from _envelopes(wraps)
    yield from _documents(wraps)


def _envelopes(wraps: Wrapping) -> Iterator[Answered]:
    def bare(*who: str, payload_type: str = "application/vnd.in-toto+json") -> Json:
        return wraps.dsse(statements.dataset(), *who, payload_type=payload_type)

    count, broken, base64 = "bundle-signature-count", "bundle-invalid", "base64-invalid"
    rule_of_type = "the payload type is exact"
    other = wraps.dsse(statements.step())
    row = bare("stranger")["signatures"][0]
    good = bare()["signatures"][0]
    for name, value, code, rule in (
        ("signatures-none", bare() | {"signatures": []}, count, "there is a signature"),
        ("signatures-null", bare() | {"signatures": None}, count, "there is a signature"),
        ("signatures-missing", changed(bare(), drop("signatures")), count, "there is a signature"),
        ("signatures-many", bare() | {"signatures": [row] * 64 + [good]}, count,
         "the number of signatures is bounded"),
        ("signature-number", bare() | {"signatures": [7]}, broken, "a signature is an object"),
        ("keyid-number", changed(bare(), put("signatures", 0, "keyid", to=7)), broken, "a keyid is a string"),
        ("signature-missing", changed(bare(), drop("signatures", 0, "sig")), broken, "a signature has bytes"),
        ("payload-missing", bare() | {"payload": ""}, broken, "there is a payload"),
        ("payload-type-missing", changed(bare(), drop("payloadType")), broken, "there is a payload type"),
        ("payload-type-json", bare(payload_type="application/json"), "payload-type", rule_of_type),
        ("payload-type-case", bare(payload_type="application/vnd.In-toto+json"), "payload-type", rule_of_type),
        ("payload-type-dot", bare(payload_type="application/vnd.in-toto.+json"), "payload-type", rule_of_type),
        ("payload-type-space", bare(payload_type="application/vnd.in-toto+json "), "payload-type", rule_of_type),
        ("payload-type-longer", bare(payload_type="application/vnd.in-toto+jsonx"), "payload-type", rule_of_type),
        ("payload-base64", changed(bare(), lambda value: value.update(payload="!" + value["payload"])), base64,
         "base64 is read strictly"),
        ("payload-replaced", bare() | {"payload": other["payload"]}, "signature-invalid",
         "what was signed is as it was signed"),
        ("case-variant", bare() | {"Payload": other["payload"]}, "member-case-variant",
         "readers that ignore case see the same envelope"),
        ("signature-case-variant", changed(bare(), put("signatures", 0, "Sig", to=row["sig"])), "member-case-variant",
         "readers that ignore case see the same signature"),
        ("bundle-too", bare() | json.loads(wraps.bundle(statements.step())), broken, "an envelope or a bundle"),
        ("version", wraps.dsse(statements.dataset() | {"_type": "https://in-toto.io/Statement/v9"}),
         "statement-invalid", "only in-toto Statement v1 and v0.1 are read"),
    ):
        yield f"bad-{name}.dsse.json", compact(value), rule, [Piece("FILE", *refused("INVALID", code))]
    certified = changed(bare("stranger"), put("signatures", 0, "cert", to="-----BEGIN CERTIFICATE-----"))
    for name, value, code, rule in (
        ("stranger", bare("stranger"), "signature-unknown-signer", "a stranger has no voice"),
        ("certificate", certified, "bundle-kind-unsupported", "a certificate without a time is not checked here"),
        ("certificate-of-witness", changed(bare("stranger"), put("signatures", 0, "certificate", to="LS0t")),
         "bundle-kind-unsupported", "a certificate without a time is not checked here"),
    ):
        yield f"bad-{name}.dsse.json", compact(value), rule, [Piece("FILE", *refused("UNSUPPORTED", code))]
    for name, signer, code in (("revoked", "former", "signer-revoked"), ("window", "early", "signer-outside-window"),
                               ("scope", "narrow", "signer-not-in-scope")):
        step = wraps.dsse(statements.step(), signer)
        yield f"bad-{name}.dsse.json", compact(step), "the trust file says who may speak, of what, until when", [
            Piece("FILE", *refused("INVALID", code, signer))]


def _documents(wraps: Wrapping) -> Iterator[Answered]:
    good = compact(wraps.dsse(statements.dataset()))
    member = b'{"payload":'
    twice = good.replace(member, b'{"payload":"e30=","payload":')
    for name, data, code, rule in (
        ("deep", good[:-1] + b',"more":' + DEEP + b"}", "document-too-deep", "nesting is bounded"),
        ("digits", good[:-1] + b',"more":' + b"7" * 10_000 + b"}", "json-invalid", "numbers are bounded"),
        ("duplicate", twice, "json-invalid", "no member stands twice"),
        ("surrogate", good[:-1] + b',"more":"\\ud83d"}', "json-invalid", "texts are Unicode"),
        ("truncated", good[:-9], "json-invalid", "JSON is read whole"),
        ("utf16", good.decode().encode("utf-16"), "json-invalid", "UTF-8 and no other encoding"),
    ):
        yield f"bad-document-{name}.dsse.json", data, rule, [Piece("FILE", *refused("INVALID", code))]
