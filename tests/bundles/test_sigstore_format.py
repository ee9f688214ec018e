"""One flaw a bundle, in its format or its signature: each refused with its own code, none with a traceback."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import re
from typing import Any

import pytest

from provenance.bundles.sigstore import read_unverified
from provenance.bundles.sigstore.reading import decode_base64
from provenance.errors import BundleError
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.encoding import b64, canonical, unb64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instance
from tests.sigstore_instance.fixtures import (
    STATEMENT,
    Flaw,
    check,
    entry_of,
    flaws,
    flip,
    root_of,
    signed,
    stamps_of,
)

FLAWS: list[Flaw] = []
flaw = flaws(FLAWS)
Bundle = dict[str, Any]


# The format


@flaw("bundle-invalid")
def two_contents(instance: Instance) -> Bundle:
    return signed(instance) | {"messageSignature": Keyless(instance).sign_file(b"x")["messageSignature"]}


@flaw("bundle-invalid")
def no_content(instance: Instance) -> Bundle:
    return {name: member for name, member in signed(instance).items() if name != "dsseEnvelope"}


@flaw("bundle-invalid")
def a_certificate_and_a_public_key(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["verificationMaterial"]["publicKey"] = {"hint": "mine"}
    return bundle


@flaw("bundle-invalid")
def a_certificate_and_a_chain(instance: Instance) -> Bundle:
    bundle = signed(instance)
    chain = {"certificates": [bundle["verificationMaterial"]["certificate"]]}
    bundle["verificationMaterial"]["x509CertificateChain"] = chain
    return bundle


@flaw("bundle-invalid")
def no_signer(instance: Instance) -> Bundle:
    bundle = signed(instance)
    del bundle["verificationMaterial"]["certificate"]
    return bundle


@flaw("bundle-invalid")
def an_empty_chain(instance: Instance) -> Bundle:
    bundle = signed(instance, version="0.1")
    bundle["verificationMaterial"]["x509CertificateChain"]["certificates"] = []
    return bundle


@flaw("bundle-invalid")
def a_bundle_v0_1_with_the_certificate_of_v0_3(instance: Instance) -> Bundle:
    return signed(instance) | {"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"}


@flaw("bundle-kind-unsupported", "UNSUPPORTED")
def a_chain_in_v0_3_which_is_another_method(instance: Instance) -> Bundle:
    return signed(instance, version="0.1") | {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}


@flaw("bundle-media-type", "UNSUPPORTED")
def a_newer_media_type(instance: Instance) -> Bundle:
    return signed(instance) | {"mediaType": "application/vnd.dev.sigstore.bundle.v0.4+json"}


@flaw("bundle-invalid")
def another_media_type(instance: Instance) -> Bundle:
    return signed(instance) | {"mediaType": "application/json"}


@flaw("bundle-kind-unsupported", "UNSUPPORTED")
def a_member_that_is_not_known(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["verificationMaterial"]["quantumCertificate"] = {}
    return bundle


@flaw("bundle-kind-unsupported", "UNSUPPORTED")
def a_second_content_in_protobufs_other_spelling(instance: Instance) -> Bundle:
    return signed(instance) | {"dsse_envelope": signed(instance)["dsseEnvelope"]}


@flaw("member-case-variant")
def a_second_content_in_another_case(instance: Instance) -> Bundle:
    return signed(instance) | {"DsseEnvelope": signed(instance)["dsseEnvelope"]}


@flaw("bundle-signature-count")
def two_signatures(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["dsseEnvelope"]["signatures"] *= 2
    return bundle


@flaw("bundle-signature-count")
def no_signature(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["dsseEnvelope"]["signatures"] = []
    return bundle


@flaw("bundle-invalid")
def one_log_entry_twice(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["verificationMaterial"]["tlogEntries"] *= 2
    return bundle


@flaw("bundle-invalid")
def one_timestamp_twice(instance: Instance) -> Bundle:
    bundle = signed(instance, rekor=2)
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] *= 2
    return bundle


@flaw("bundle-invalid")
def more_timestamps_than_anyone_needs(instance: Instance) -> Bundle:
    return signed(instance, rekor=2, stamped_at=(None,) * 33)


@flaw("bundle-invalid")
def a_log_index_that_is_no_number(instance: Instance) -> Bundle:
    bundle = signed(instance)
    entry_of(bundle)["logIndex"] = "0x3"
    return bundle


@flaw("base64-invalid")
def junk_in_the_base64_of_the_payload(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["dsseEnvelope"]["payload"] = "!" + bundle["dsseEnvelope"]["payload"]
    return bundle


@flaw("json-invalid")
def a_member_twice(instance: Instance) -> bytes:
    return json.dumps(signed(instance)).encode().replace(b'"payloadType"', b'"payloadType":"","payloadType"')


@flaw("json-invalid")
def cut_short(instance: Instance) -> bytes:
    return json.dumps(signed(instance)).encode()[:-1]


@flaw("json-invalid")
def a_lone_surrogate(instance: Instance) -> bytes:
    return json.dumps(signed(instance)).encode().replace(b'"payloadType": "a', b'"payloadType": "\\ud800')


@flaw("document-too-deep")
def nested_ten_thousand_deep(instance: Instance) -> bytes:
    return b'{"mediaType":' + b"[" * 10_000 + b"]" * 10_000 + b"}"


@flaw("json-invalid")
def a_number_of_ten_thousand_digits(instance: Instance) -> bytes:
    number = b'"x":' + b"9" * 10_000 + b","
    return json.dumps(signed(instance)).encode().replace(b'"tlogEntries": [', number + b'"tlogEntries": [')


@flaw("document-too-large")
def fifty_megabytes(instance: Instance) -> bytes:
    return b" " * (50 << 20)


# The signature


@flaw("signature-invalid")
def the_payload_replaced(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["dsseEnvelope"]["payload"] = b64(STATEMENT.replace(b"model", b"other"))
    return bundle


@flaw("signature-invalid")
def the_payload_type_in_another_case(instance: Instance) -> Bundle:
    bundle = signed(instance)
    bundle["dsseEnvelope"]["payloadType"] = "application/vnd.in-toto+JSON"
    return bundle


@flaw("signature-invalid")
def a_bit_of_the_signature(instance: Instance) -> Bundle:
    bundle = signed(instance)
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    signature["sig"] = flip(signature["sig"])
    return bundle


@flaw("signature-invalid")
def the_signature_of_somebody_else(instance: Instance) -> Bundle:
    return signed(instance) | {"dsseEnvelope": signed(instance)["dsseEnvelope"]}


@pytest.mark.parametrize("case", FLAWS, ids=str)
def test_a_flaw_is_refused_with_its_code(case: Flaw, instance: Instance) -> None:
    result = check(case.make(instance), root_of(instance))
    assert (result.status, result.code) == (case.status, case.code), result.reason
    assert result.reason
    assert result.payload is None


def test_every_single_change_is_noticed(instance: Instance) -> None:
    """Whatever character is changed: no exception, and never VALID for other bytes."""
    root, random_ = root_of(instance), random.Random(4)
    for how in ({}, {"rekor": 2, "kind": "hashedrekord"}, {"version": "0.1", "kind": "intoto 0.0.2"}):
        bundle = signed(instance, **how)
        data = canonical(bundle)
        assert check(data, root).verified
        for _ in range(120):
            at = random_.randrange(len(data))
            changed = data[:at] + bytes([random_.randrange(256)]) + data[at + 1:]
            result = check(changed, root)
            assert result.payload in (None, STATEMENT)
            assert not result.verified or what_counts(changed) == what_counts(data)


def what_counts(data: bytes) -> Any:
    """A bundle without what nobody signs: its version, and the name that stands before a checkpoint's signature."""
    bundle = read_unverified(data, "x")
    proofs = [entry.proof and re.sub("\u2014 \\S+ ", "", entry.proof.checkpoint) for entry in bundle.entries]
    entries = [dataclasses.replace(entry, proof=None) for entry in bundle.entries]
    return bundle.leaf, bundle.content, bundle.timestamps, entries, proofs


def test_a_certificate_or_timestamp_of_random_bytes_never_makes_a_traceback(instance: Instance) -> None:
    root, random_ = root_of(instance), random.Random(5)
    good = signed(instance, rekor=2)
    for _ in range(60):
        bundle = copy.deepcopy(good)
        holder, name = random_.choice([(bundle["verificationMaterial"]["certificate"], "rawBytes"),
                                       (stamps_of(bundle)[0], "signedTimestamp")])
        data = bytearray(unb64(holder[name]))
        for _ in range(random_.randrange(1, 4)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        holder[name] = b64(bytes(data))
        result = check(bundle, root)
        assert result.status in ("INVALID", "UNSUPPORTED") or bundle == good


@pytest.mark.parametrize("text", ["QUI==", "QUI===", "QUI=====", "QQ=", "QUJD="])
def test_base64_is_padded_as_it_should_be_or_not_at_all(text: str) -> None:
    with pytest.raises(BundleError) as raised:
        decode_base64(text, "value", "here")
    assert raised.value.code == "base64-invalid"
    assert decode_base64("QUI", "value", "here") == decode_base64("QUI=", "value", "here") == b"AB"
