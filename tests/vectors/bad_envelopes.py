"""Bundles whose flaw is outside the statement: the JSON around it, the envelope, the signature."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import statements
from making import Case, Change, Json, Maker, about, changed, drop, invalid, naming, put, unsupported
from reference import PAYLOAD_TYPE, b64, compact, h, pae

DSSE, MATERIAL = "dsseEnvelope", "verificationMaterial"
SIGNATURE = (DSSE, "signatures", 0)
DEEP = b"[" * 1000 + b"]" * 1000


def cases(maker: Maker) -> Iterator[Case]:
    """All of them."""
    yield from _documents(maker)
    yield from _kinds(maker)
    yield from _base64(maker)
    yield from _signature_lists(maker)
    yield from _signatures(maker)


def _documents(maker: Maker) -> Iterator[Case]:
    good = maker.bundle(statements.dataset())
    member = b'"payload":'
    other = member + b'"%b",' % b64(compact(about("the other one"))).encode()
    escaped = other.replace(b"payload", b"paylo\\u0061d")
    log = b'"tlogEntries":[]'
    again = "no member stands twice"
    for name, data, code, rule in (
        ("list", b"[" + good.strip() + b"]\n", "bundle-invalid", "a bundle is an object"),
        ("truncated", good[:-20], "json-invalid", "JSON is read whole"),
        ("trailing-data", good + b"{}", "json-invalid", "nothing follows the bundle"),
        ("byte-order-mark", b"\xef\xbb\xbf" + good, "json-invalid", "UTF-8 without a byte order mark"),
        ("utf16", good.decode().encode("utf-16"), "json-invalid", "UTF-8 and no other encoding"),
        ("not-a-number", good.replace(log, log[:-1] + b"NaN]"), "json-invalid", "NaN is not JSON"),
        ("deep", good.replace(log, log[:-2] + DEEP), "document-too-deep", "nesting is bounded"),
        ("duplicate-member", good.replace(member, other + member), "json-invalid", again),
        ("duplicate-escaped", good.replace(member, escaped + member), "json-invalid", f"{again}, however spelled"),
    ):
        yield f"bundle-{name}", data, invalid(code, rule)
    twice = maker.changed(lambda bundle: bundle.update(DsseEnvelope=bundle[DSSE]))
    rule = "readers that ignore case see the same bundle"
    yield "bundle-case-variant", twice, invalid("member-case-variant", rule)
    other_key = put(MATERIAL, "PublicKey", to={"hint": maker.keys["works"].keyid})
    yield "material-case-variant", maker.changed(other_key), invalid("member-case-variant", rule)


def _kinds(maker: Maker) -> Iterator[Case]:
    older = "application/vnd.dev.sigstore.bundle+json;version="
    kind, media = "bundle-kind-unsupported", "bundle-media-type"
    certificate = {"rawBytes": b64(b"DER")}
    chain = {"x509CertificateChain": {"certificates": [certificate]}}
    message = {"messageDigest": {"algorithm": "SHA2_256", "digest": b64(h(b"a file"))}, "signature": b64(b"signature")}

    def of_a_file(bundle: Json) -> None:
        del bundle[DSSE]
        bundle["messageSignature"] = message

    for name, change, code, rule in (
        ("media-type-v0.4", put("mediaType", to=older + "0.4"), media, "a bundle of a version that is not there yet"),
        ("material-certificate", put(MATERIAL, to={"certificate": certificate}), kind, "certificates are not read yet"),
        ("material-certificate-chain", put(MATERIAL, to=chain), kind, "certificate chains are not read yet"),
        ("message-signature", of_a_file, kind, "a signature over a file is no statement"),
    ):
        yield name, maker.changed(change), unsupported(code, rule)
    for name, change, rule in (
        ("media-type-missing", drop("mediaType"), "a bundle says that it is one"),
        ("media-type-json", put("mediaType", to="application/json"), "the media type is a Sigstore bundle's"),
        ("material-missing", drop(MATERIAL), "there is verification material"),
        ("material-key-and-certificate", put(MATERIAL, "certificate", to=certificate), "a key or a certificate"),
        ("material-hint-number", put(MATERIAL, "publicKey", "hint", to=7), "a hint is a string"),
        ("two-contents", put("messageSignature", to=message), "an envelope or a message signature, not both"),
        ("envelope-missing", drop(DSSE), "there is an envelope"),
        ("payload-missing", drop(DSSE, "payload"), "there is a payload"),
        ("payload-empty", put(DSSE, "payload", to=""), "the payload has bytes"),
        ("payload-type-missing", drop(DSSE, "payloadType"), "there is a payload type"),
    ):
        yield name, maker.changed(change), invalid("bundle-invalid", rule)
    rule = "the payload type is application/vnd.in-toto+json, in that case"
    for name, type_ in (("json", "application/json"), ("case", "application/vnd.in-toto+JSON")):
        value = maker.envelope(compact(statements.dataset()), payload_type=type_)
        yield f"payload-type-{name}", compact(value), invalid("payload-type", rule)


def _base64(maker: Maker) -> Iterator[Case]:
    padded = compact(statements.dataset())
    padded += b" " * ((1 - len(padded)) % 3)  # so that its base64 ends in ==
    good = b64(padded)
    for name, text in (("junk", good[:8] + "!" + good[8:]), ("newline", good[:8] + "\n" + good[8:]),
                       ("unpadded", good.removesuffix("=="))):
        value = changed(maker.envelope(padded), put(DSSE, "payload", to=text))
        yield f"payload-base64-{name}", compact(value), invalid("base64-invalid", "base64 is read strictly")
    value = maker.envelope(padded)
    value[DSSE]["signatures"][0]["sig"] = "*" + value[DSSE]["signatures"][0]["sig"]
    yield "signature-base64-junk", compact(value), invalid("base64-invalid", "base64 is read strictly")


def _signature_lists(maker: Maker) -> Iterator[Case]:
    second = maker.envelope(compact(statements.dataset()), "works")[DSSE]["signatures"][0]

    def both(bundle: Json) -> None:
        bundle[DSSE]["signatures"].append(second)

    for name, change, rule in (
        ("none", put(DSSE, "signatures", to=[]), "exactly one signature"),
        ("null", put(DSSE, "signatures", to=None), "exactly one signature"),
        ("missing", drop(DSSE, "signatures"), "exactly one signature"),
        ("two", both, "exactly one signature, also where both are right"),
    ):
        yield f"signatures-{name}", maker.changed(change), invalid("bundle-signature-count", rule)
    for name, change, rule in (
        ("not-object", put(*SIGNATURE, to="sig"), "a signature is an object"),
        ("keyid-number", put(*SIGNATURE, "keyid", to=7), "a keyid is a string, or null"),
    ):
        yield f"signature-{name}", maker.changed(change), invalid("bundle-invalid", rule)


def _signatures(maker: Maker) -> Iterator[Case]:
    stranger = maker.keys["stranger"].public_pem
    enclosed = put(MATERIAL, "publicKey", to={"rawBytes": b64(stranger), "keyDetails": "PKIX_ED25519"})
    nobody, wrong = "signature-unknown-signer", "signature-invalid"
    yield "unknown-key", maker.bundle(statements.dataset(), "stranger"), \
        unsupported(nobody, "a key that nobody trusts has no voice")
    yield "unknown-key-enclosed", maker.changed(enclosed, "stranger"), \
        unsupported(nobody, "a key that comes with the bundle is not thereby trusted")
    yield "unknown-key-claims-trusted-id", maker.changed(naming(maker.keys["lab"].keyid), "stranger"), \
        invalid(wrong, "whoever names a trusted key must have used it")
    swap = put(DSSE, "payload", to=b64(compact(about("changed after it was signed"))))
    yield "payload-changed", maker.changed(swap), invalid(wrong, "the signature is over the payload")
    yield "payload-changed-ecdsa", maker.changed(swap, "works"), invalid(wrong, "the signature is over the payload")
    yield "signature-cut", maker.changed(_cut), invalid(wrong, "the whole signature counts")
    data = compact(statements.dataset())
    for name, signed in (("without-encoding", data), ("old-encoding", b"DSSEV1" + pae(PAYLOAD_TYPE, data)[6:])):
        yield f"signature-{name}", maker.changed(_signed_over(maker, signed)), \
            invalid(wrong, "the signature is over DSSE's encoding, v1")


def _cut(bundle: Json) -> None:
    signature = bundle[DSSE]["signatures"][0]
    signature["sig"] = b64(base64.b64decode(signature["sig"])[:-1])


def _signed_over(maker: Maker, data: bytes) -> Change:
    return put(*SIGNATURE, "sig", to=b64(maker.keys["lab"].sign(data)))
