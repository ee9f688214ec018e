"""Envelopes, metablocks and files of several pieces, from hands that mean no good: a clear answer in bounded work.

What is refused, and by which code, is in the golden vectors (tests/vectors/evidence.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from provenance.bundles.keys import in_toto_name, names_of, public_key
from provenance.bundles.signed import MAX_SIGNATURES, read_signed
from provenance.bundles.store import EvidenceFile, pieces, read_evidence
from provenance.bundles.trust import Trust
from provenance.bundles.unpacking import MAX_PIECES, unpacked
from provenance.bundles.verifier import Examined, Verifier
from provenance.bundles.writing import sign_envelope, sign_metablock
from provenance.errors import BundleError, ProvenanceError
from provenance.statements.intoto import LEGACY_LINK
from tests.bundles.conftest import NOW

Make = Callable[..., Any]
HASH = "a" * 64
LINK = {"_type": "link", "name": "train", "command": [], "materials": {}, "products": {"w": {"sha256": HASH}},
        "byproducts": {}, "environment": {}}
STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://in-toto.io/attestation/link/v0.3",
             "subject": [{"name": "w", "digest": {"sha256": HASH}}], "predicate": {"name": "train"}}
TYPE = "application/vnd.in-toto+json"


def envelope(sign: Callable[[bytes], bytes], payload: bytes = json.dumps(STATEMENT).encode()) -> bytes:
    pae = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE.encode(), len(payload), payload)
    return json.dumps({"payload": base64.b64encode(payload).decode(), "payloadType": TYPE,
                       "signatures": [{"sig": base64.b64encode(sign(pae)).decode()}]}).encode()


def trust_in(private: Any, trusting: Make) -> Trust:
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return trusting({"name": "other", "party": "Other", "roles": ["producer"], "keys": [pem.decode()],
                     "predicateTypes": ["*"], "subjects": {"names": ["*"]}})  # type: ignore[no-any-return]


def ways() -> Iterator[Any]:
    """Every kind of key and signature that formats use, with a name."""
    for curve, digest in ((ec.SECP256R1(), hashes.SHA256()), (ec.SECP384R1(), hashes.SHA384()),
                          (ec.SECP521R1(), hashes.SHA512())):
        key: Any = ec.generate_private_key(curve)
        half = (curve.key_size + 7) // 8

        def der(data: bytes, key: Any = key, digest: Any = digest) -> bytes:
            return key.sign(data, ec.ECDSA(digest))  # type: ignore[no-any-return]

        def raw(data: bytes, der: Any = der, half: int = half) -> bytes:
            return b"".join(part.to_bytes(half) for part in utils.decode_dss_signature(der(data)))

        yield pytest.param(key, der, id=f"{curve.name}-der")
        yield pytest.param(key, raw, id=f"{curve.name}-raw")
    key = rsa.generate_private_key(65537, 2048)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    for name, scheme in (("pss", pss), ("pkcs1v15", padding.PKCS1v15())):
        yield pytest.param(key, lambda data, key=key, scheme=scheme: key.sign(data, scheme, hashes.SHA256()),
                           id=f"rsa-{name}")


@pytest.mark.parametrize(("key", "sign"), list(ways()))
def test_a_signature_of_every_kind_holds_and_with_a_changed_bit_does_not(
    key: Any, sign: Callable[[bytes], bytes], trusting: Make
) -> None:
    verifier = Verifier(trust_in(key, trusting), NOW)
    assert verifier.examine(envelope(sign), "x").status == "VALID"
    flipped = verifier.examine(envelope(lambda data: sign(data)[:-1] + bytes([sign(data)[-1] ^ 1])), "x")
    assert flipped.status == "UNSUPPORTED"
    if len(sign(b"")) == 64:
        for length in (63, 65):  # raw signatures have one length: a zero more or less is another signature
            assert verifier.examine(envelope(lambda data, n=length: sign(data).ljust(n, b"\0")[:n]), "x").status \
                == "UNSUPPORTED"


def test_a_key_is_known_by_the_names_that_in_toto_gave_it(holder: Make) -> None:
    from securesystemslib.signer import SSlibKey

    key = public_key(holder().public, "x")
    default = SSlibKey.from_dict("", {"keytype": key.keytype, "scheme": key.scheme, "keyval": dict(key.keyval)})
    assert in_toto_name(default) in names_of(key)
    assert {key.keyid, in_toto_name(key)} < names_of(key)


def test_a_trusted_key_that_is_named_by_in_totos_name_must_have_signed(
    holder: Make, trusting: Make, entry: Make
) -> None:
    lab = holder()
    changed = json.loads(sign_metablock(LINK, lab.signer))
    changed["signed"]["command"] = ["rm"]
    found = Verifier(trusting(entry(lab)), NOW).examine(json.dumps(changed).encode(), "x")
    assert (found.status, found.code) == ("INVALID", "signature-invalid")


def test_every_trusted_signature_is_told_and_the_first_who_may_speak_speaks(
    holder: Make, trusting: Make, entry: Make
) -> None:
    lab, works = holder("lab"), holder("works", "ecdsa-p256")
    payload = json.dumps(STATEMENT).encode()
    both = json.loads(sign_envelope(payload, lab.signer))
    both["signatures"] += json.loads(sign_envelope(payload, works.signer))["signatures"]
    data = json.dumps(both).encode()
    found = Verifier(trusting(entry(lab), entry(works)), NOW).examine(data, "x")
    assert (found.principal and found.principal.name, [p.name for p, _ in found.cosigners]) == ("lab", ["works"])
    only = Verifier(trusting(entry(lab, predicateTypes=["other"]), entry(works)), NOW).examine(data, "x")
    assert (only.status, only.principal and only.principal.name, only.cosigners) == ("VALID", "works", ())


def test_one_key_that_signs_twice_is_one_voice(holder: Make, trusting: Make, entry: Make) -> None:
    lab = holder()
    twice = json.loads(sign_envelope(json.dumps(STATEMENT).encode(), lab.signer))
    twice["signatures"] *= 2
    assert Verifier(trusting(entry(lab)), NOW).examine(json.dumps(twice).encode(), "x").cosigners == ()


@pytest.mark.parametrize("form", [{"payload": "e30=", "payloadType": TYPE}, {"signed": LINK}], ids=["new", "old"])
def test_ten_thousand_signatures_are_refused_without_looking_at_one(form: Any) -> None:
    data = json.dumps(form | {"signatures": [{"sig": "00", "keyid": "k"}] * 10_000}).encode()
    with pytest.raises(BundleError) as refused:
        read_signed(data, "x")
    assert refused.value.code == "bundle-signature-count"
    many = json.dumps(form | {"signatures": [{"sig": "0000", "keyid": "k"}] * MAX_SIGNATURES}).encode()
    assert len(read_signed(many, "x").signatures) == MAX_SIGNATURES


WRAPPED = {
    "dsse": '{"payload": "e30=", "signatures": [], "x": %s}', "metablock": '{"signed": {}, "x": %s}',
    "lines": '{"payload": 1}\n{"payload": 2, "x": %s}', "list": '[{"payload": 1, "x": %s}]',
    "npm": '{"attestations": [{"payload": 1, "x": %s}]}', "pypi": '{"attestation_bundles": [{"payload": 1, "x": %s}]}',
}
HOSTILE: dict[str, Callable[[], str]] = {
    "deep": lambda: "[" * 10_000 + "]" * 10_000, "digits": lambda: "7" * 10_000, "duplicate": lambda: '1, "x": 2',
    "surrogate": lambda: '"\\ud800"', "large": lambda: " " * (49 << 20) + "1", "infinite": lambda: "1e999",
    "nan": lambda: "NaN",
}


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("what", HOSTILE)
def test_what_no_strict_reader_takes_is_refused_in_every_wrapping(kind: str, what: str) -> None:
    found = [answer(piece) for piece in pieces("input.jsonl", (WRAPPED[kind] % HOSTILE[what]()).encode())]
    assert {item.status for item in found} == {"INVALID"}
    assert found[-1].code in ("document-too-deep", "json-invalid", "document-too-large"), found


def answer(piece: EvidenceFile) -> Examined:
    return Verifier(None, NOW).examine(piece.data or b"", piece.name)


@pytest.mark.parametrize("payload", [
    b"[" * 10_000 + b"]" * 10_000, b'{"_type": "link", "name": ' + b"7" * 10_000 + b"}",
    b'{"_type": "link", "_type": 1}',
    b'{"_type": "link", "name": "\\ud800"}', b'{"_type": ["link"]}', b'{"_type": {"link": 1}}', b"\xff", b"", b"link",
])
def test_what_is_signed_is_read_as_strictly_as_what_is_around_it(
    holder: Make, trusting: Make, entry: Make, payload: bytes
) -> None:
    lab = holder()
    data = sign_envelope(payload or b" ", lab.signer)
    assert Verifier(trusting(entry(lab)), NOW).examine(data, "x").status == "INVALID"


def test_a_file_of_too_many_lines_loses_none_in_silence() -> None:
    data = b'{"payload": 1}\n' * (MAX_PIECES + 5)
    found = unpacked(data, "x.jsonl")
    assert len(found) == MAX_PIECES + 1
    assert found[-1][0] == f"x.jsonl:{MAX_PIECES + 1} and what follows"
    assert answer(EvidenceFile(*found[-1])).status == "INVALID"
    assert unpacked(b"[" + b'{"payload": 1},' * MAX_PIECES + b"1]", "x")[0][0] == "x", "a list is refused whole"


def test_a_data_set_in_a_folder_of_evidence_is_none_unless_it_is_named(tmp_path: Any) -> None:
    (tmp_path / "tales.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    (tmp_path / "more.jsonl").write_text('{"payload": 1}\nno json\n')
    assert [file.name for file in read_evidence(tmp_path)] == ["more.jsonl:1", "more.jsonl:2"]
    assert [file.name for file in read_evidence(tmp_path / "tales.jsonl")] == ["tales.jsonl"]


def test_the_pieces_of_a_file_remember_it(tmp_path: Any) -> None:
    (tmp_path / "two.intoto.jsonl").write_text('{"payload": 1}\n{"payload": 2}\n')
    assert {file.container for file in read_evidence(tmp_path)} == {"two.intoto.jsonl"}


def test_indented_json_is_one_document_and_a_broken_first_line_hides_nothing(holder: Make) -> None:
    bundle = sign_envelope(json.dumps(STATEMENT).encode(), holder().signer)
    indented = json.dumps(json.loads(bundle), indent=0).encode()
    assert [name for name, _ in unpacked(indented, "x.jsonl")] == ["x.jsonl"]
    lines = unpacked(b"[1\n" + bundle + bundle, "x.jsonl")
    assert [name for name, _ in lines] == ["x.jsonl:1", "x.jsonl:2", "x.jsonl:3"]
    windows = bundle.strip() + b"\r\n\r\n" + bundle.strip() + b"\r\n"
    assert [data for _, data in unpacked(windows, "x.jsonl")] == [bundle.strip()] * 2


def test_entries_of_pypis_provenance_are_pieces_each() -> None:
    attestation = {"version": 1, "verification_material": {}, "envelope": {}}
    document = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": [attestation, 7]}, "odd"]}
    found = unpacked(json.dumps(document).encode(), "x.provenance")
    assert [json.loads(data) for _, data in found] == [attestation, 7, "odd"]


def test_any_error_names_where_and_what_next() -> None:
    for data in (b'{"payload": 1, "signed": {}}', b'{"signed": []}', b'{"signed": 1, "signatures": [{}]}'):
        with pytest.raises(ProvenanceError) as refused:
            read_signed(data, "here")
        assert (refused.value.location, bool(refused.value.hint)) == ("here", True)


def test_a_threshold_counts_the_principals_who_signed_one_envelope(holder: Make, trusting: Make, entry: Make) -> None:
    lab, works = holder("lab"), holder("works", "ecdsa-p256")
    payload = json.dumps(STATEMENT).encode()
    alone = json.loads(sign_envelope(payload, lab.signer))
    second = json.loads(sign_envelope(payload, works.signer))["signatures"]
    both = alone | {"signatures": alone["signatures"] + second}
    twice = alone | {"signatures": alone["signatures"] * 2}
    wanted = [{"role": "producer", "predicateTypes": ["*"], "principals": 2}]
    verifier = Verifier(trusting(entry(lab), entry(works), thresholds=wanted), NOW)
    answers = [verifier.examine(json.dumps(value).encode(), "x") for value in (alone, twice, both)]
    assert [item.status for item in answers] == ["UNSUPPORTED", "UNSUPPORTED", "VALID"]
    assert answers[0].code == answers[1].code == "threshold-not-met"


def test_a_link_that_a_layout_vouches_for_is_one_voice_to_a_threshold(
    holder: Make, trusting: Make, entry: Make
) -> None:
    """However many functionaries signed it: they are keys of the layout, and no principals."""
    lab, bob = holder("lab"), holder("bob")
    key = public_key(bob.public, "x")
    known = {"keyid": in_toto_name(key), "keytype": key.keytype, "scheme": key.scheme, "keyval": dict(key.keyval)}
    layout = {"_type": "layout", "expires": "2027-01-01T00:00:00Z", "readme": "", "keys": {known["keyid"]: known},
              "steps": [{"_type": "step", "name": "train", "threshold": 1, "pubkeys": [known["keyid"]],
                         "expected_command": [], "expected_materials": [], "expected_products": []}], "inspect": []}
    files = [EvidenceFile("a.layout", sign_metablock(layout, lab.signer)),
             EvidenceFile("b.link", sign_metablock(LINK, bob.signer))]
    wanted = [{"role": "producer", "predicateTypes": [LEGACY_LINK], "principals": 2}]
    for thresholds, status in (([], "VALID"), (wanted, "UNSUPPORTED")):
        verifier = Verifier(trusting(entry(lab), thresholds=thresholds), NOW)
        answers = verifier.examine_all((file.name, file.data or b"") for file in files)
        held, link = verifier.delegated(answers, files)
        assert (held.status, held.code, link.status) == ("VALID", "", status), (held.reason, link.reason)
    assert link.code == "threshold-not-met"
