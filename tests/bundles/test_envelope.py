"""Sigstore bundles around DSSE envelopes: written as their formats ask, and by the words of both specifications.

What is refused, and by which code, is in the golden vectors (tests/vectors).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import Signature

from provenance.bundles.envelope import Envelope, UnsupportedBundle, parse_bundle, sha256, sign
from provenance.errors import BundleError, ProvenanceError
from provenance.statements.reader import to_json

PAYLOAD = b'{"a": 1}'


def test_the_encoding_is_that_of_the_protocols_test_vector() -> None:
    """The one example in the DSSE protocol's text."""
    envelope = Envelope(b"hello world", "http://example.com/HelloWorld", b"", "")
    assert envelope.pae == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_lengths_count_bytes() -> None:
    assert Envelope("é".encode(), "ü", b"", "").pae == b"DSSEv1 2 \xc3\xbc 2 \xc3\xa9"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_a_bundle_is_written_as_the_format_asks(holder: Callable[..., Any], kind: str) -> None:
    lab = holder("lab", kind)
    data = sign(PAYLOAD, lab.signer)
    assert data.endswith(b"}\n")
    bundle = json.loads(data)
    (signature,) = bundle["dsseEnvelope"].pop("signatures")
    assert bundle == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": lab.keyid}, "tlogEntries": []},
        "dsseEnvelope": {"payload": base64.b64encode(PAYLOAD).decode(), "payloadType": "application/vnd.in-toto+json"},
    }
    assert signature["keyid"] == lab.keyid == hashlib.sha256(lab.public).hexdigest()
    envelope = parse_bundle(data, "input")
    assert (envelope.payload, envelope.hint) == (PAYLOAD, lab.keyid)
    assert envelope.signature == base64.b64decode(signature["sig"])


def test_an_ed25519_signature_is_over_the_encoding_and_checks_without_this_tool(holder: Callable[..., Any]) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    lab = holder()
    envelope = parse_bundle(sign(PAYLOAD, lab.signer), "input")
    key: Any = load_pem_public_key(lab.public)
    key.verify(envelope.signature, b"DSSEv1 28 application/vnd.in-toto+json 8 " + PAYLOAD)


def test_a_signature_is_read_by_securesystemslib(holder: Callable[..., Any]) -> None:
    from securesystemslib.dsse import Envelope as Dsse

    from provenance.bundles.signers.key import signing_key

    lab = holder("lab", "ecdsa-p256")
    body = json.loads(sign(PAYLOAD, lab.signer))["dsseEnvelope"]
    assert Dsse.from_dict(body).verify([signing_key(lab.public, "input")], 1)


@pytest.mark.parametrize("keyid", [
    '"payload":""', '{"dsseEnvelope":{"payload":""}}', '\\"payload\\":\\"\\"', "ü\n", "",
])
@pytest.mark.parametrize("payload", [b"{}", b"\0" * 5, bytes(range(256)) * 9])
def test_the_payload_stands_in_its_place_whatever_the_key_is_called(keyid: str, payload: bytes) -> None:
    class Named:
        def sign(self, data: bytes) -> Signature:
            return Signature(keyid, hashlib.sha256(data).hexdigest())

    written: Any = json.loads(sign(payload, Named()))  # type: ignore[arg-type]
    assert base64.b64decode(written["dsseEnvelope"]["payload"], validate=True) == payload
    assert written["verificationMaterial"]["publicKey"]["hint"] == keyid
    assert sign(payload, Named()) == to_json(written) + b"\n"  # type: ignore[arg-type]
    assert parse_bundle(sign(payload, Named()), "input").payload == payload  # type: ignore[arg-type]


def bundle(**changes: Any) -> bytes:
    signature = {"sig": "AAAA", "keyid": "k"}
    body = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [signature]}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                       "verificationMaterial": {"publicKey": {"hint": "k"}}, "dsseEnvelope": body, **changes}).encode()


def test_the_hint_comes_from_the_material_or_else_from_the_signature() -> None:
    assert parse_bundle(bundle(), "input").hint == "k"
    assert parse_bundle(bundle(verificationMaterial={"publicKey": {}}), "input").hint == "k"


@pytest.mark.parametrize("where", [(), ("verificationMaterial",), ("dsseEnvelope",), ("dsseEnvelope", "signatures", 0)])
def test_a_member_that_nobody_knows_could_change_the_meaning_of_the_others(where: tuple[Any, ...]) -> None:
    value = json.loads(bundle())
    reduce(lambda part, name: part[name], where, value)["extra"] = [1]
    with pytest.raises(UnsupportedBundle, match="extra, which is not known"):
        parse_bundle(json.dumps(value).encode(), "input")


@pytest.mark.parametrize("value", [0, 7, "", "x", True, 1.5])
@pytest.mark.parametrize("member", ["tlogEntries", "timestampVerificationData"])
def test_what_should_hold_proofs_of_time_is_not_passed_over_for_its_type(member: str, value: Any) -> None:
    with pytest.raises(BundleError, match=member):
        parse_bundle(bundle(verificationMaterial={"publicKey": {"hint": "k"}, member: value}), "input")


@pytest.mark.parametrize("keyid", [[], {}, 0, False, 7])
def test_a_keyid_is_a_text_or_absent(keyid: Any) -> None:
    value = json.loads(bundle())
    value["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
    with pytest.raises(BundleError, match="sig and keyid"):
        parse_bundle(json.dumps(value).encode(), "input")


def test_a_long_media_type_is_cut_in_the_message() -> None:
    with pytest.raises(UnsupportedBundle) as caught:
        parse_bundle(bundle(mediaType="application/vnd.dev.sigstore.bundle" + "x" * 1_000_000), "input")
    assert len(caught.value.message) < 300


def test_ten_thousand_signatures_are_refused_at_once() -> None:
    body = {"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "AAAA"}] * 10_000}
    with pytest.raises(BundleError) as caught:
        parse_bundle(bundle(dsseEnvelope=body), "input")
    assert caught.value.code == "bundle-signature-count"


def test_a_large_bundle_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ProvenanceError) as caught:
        parse_bundle(b" " * (49 << 20), "input")
    assert caught.value.code == "document-too-large"


@given(st.binary(max_size=60) | st.sampled_from([bundle(), bundle(dsseEnvelope={}), bundle(mediaType=1)]))
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(data: bytes) -> None:
    with contextlib.suppress(ProvenanceError):
        parse_bundle(data, "input")


MEMBERS = ["mediaType", "verificationMaterial", "dsseEnvelope", "payload", "payloadType", "signatures", "sig", "keyid",
           "publicKey", "hint"]


@given(st.sampled_from(MEMBERS), st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.none())
       | st.dictionaries(st.sampled_from(MEMBERS), st.none() | st.integers(), max_size=2))
def test_a_member_of_any_other_type_is_refused_with_an_error_of_ours(member: str, value: Any) -> None:
    changed = json.loads(bundle())
    _replace(changed, member, value)
    try:
        envelope = parse_bundle(json.dumps(changed).encode(), "input")
    except ProvenanceError:
        return
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert (type(envelope.payload), type(envelope.hint)) == (bytes, str)


def _replace(place: Any, member: str, value: Any) -> None:
    if isinstance(place, dict):
        for key in list(place):
            if key == member:
                place[key] = value
            else:
                _replace(place[key], member, value)
    elif isinstance(place, list):
        for item in place:
            _replace(item, member, value)


def test_a_bundle_is_named_by_the_sha256_of_its_bytes() -> None:
    assert sha256(b"x") == hashlib.sha256(b"x").hexdigest()
