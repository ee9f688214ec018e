"""Thresholds: how many principals must sign one statement before anybody is believed; never keys, and never bundles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from provenance.bundles.envelope import sign
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Verifier
from provenance.errors import TrustError
from provenance.statements.dataset import DATASET, Dataset
from provenance.statements.reader import to_json
from provenance.statements.statement import ResourceDescriptor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Make = Callable[..., Any]


def statement(name: str = "tales") -> bytes:
    return Dataset((ResourceDescriptor(name, {"sha256": "a" * 64}),), {"name": name}).to_statement().to_bytes()


def two(role: str = "producer", kind: str = "*", principals: int = 2) -> dict[str, Any]:
    return {"thresholds": [{"role": role, "predicateTypes": [kind], "principals": principals}]}


def voices(trust: Trust, *bundles: bytes) -> list[str]:
    found = Verifier(trust, NOW).examine_all([(f"{i}", data) for i, data in enumerate(bundles)])
    return [item.verified.voice if item.verified else item.code for item in found]


def test_one_of_two_signers_is_heard_by_nobody(trusting: Make, holder: Make, entry: Make) -> None:
    one, other = holder("one"), holder("other")
    (found,) = Verifier(trusting(entry(one), entry(other), **two()), NOW).examine_all(
        [("x", sign(statement(), one.signer))])
    assert (found.status, found.code) == ("UNSUPPORTED", "threshold-not-met")
    assert found.reason == "1 of the 2 principals that must sign it as producer did"
    assert found.verified is not None
    assert (found.verified.voice, found.verified.principal) == ("unsigned", None)
    assert found.principal is not None  # who signed is told all the same
    assert found.principal.name == "one"


def test_both_signers_of_one_statement_are_trusted(trusting: Make, holder: Make, entry: Make) -> None:
    one, other = holder("one"), holder("other", "ecdsa-p256")
    trust = trusting(entry(one), entry(other), **two())
    assert voices(trust, sign(statement(), one.signer), sign(statement(), other.signer)) == ["trusted", "trusted"]


def test_a_bundle_by_itself_has_one_signer(trusting: Make, holder: Make, entry: Make) -> None:
    """Whoever verifies a single file does not get around the threshold."""
    one, other = holder("one"), holder("other")
    verifier = Verifier(trusting(entry(one), entry(other), **two()), NOW)
    for who in (one, other):
        assert verifier.examine(sign(statement(), who.signer), "x").code == "threshold-not-met"


def test_two_statements_that_differ_are_not_one(trusting: Make, holder: Make, entry: Make) -> None:
    one, other = holder("one"), holder("other")
    trust = trusting(entry(one), entry(other), **two())
    same_meaning = statement().replace(b'"subject"', b' "subject"')
    assert voices(trust, sign(statement(), one.signer), sign(same_meaning, other.signer)) == ["unsigned", "unsigned"]


def test_two_keys_of_one_principal_are_one_principal(trusting: Make, holder: Make, entry: Make) -> None:
    one, spare, other = holder("one"), holder("spare"), holder("other")
    trust = trusting(entry(one, keys=[one.public.decode(), spare.public.decode()]), entry(other), **two())
    assert voices(trust, sign(statement(), one.signer), sign(statement(), spare.signer)) == ["unsigned", "unsigned"]


def test_one_bundle_written_twice_is_one_principal(trusting: Make, holder: Make, entry: Make) -> None:
    one, other = holder("one"), holder("other")
    data = sign(statement(), one.signer)
    assert voices(trusting(entry(one), entry(other), **two()), data, data + b"\n ") == ["unsigned", "unsigned"]


@pytest.mark.parametrize("changes", [
    {"roles": ["gate"]}, {"predicateTypes": ["https://example.org/other"]}, {"subjects": {"names": ["other"]}},
    {"validUntil": "2026-01-01T00:00:00Z"},
])
def test_only_who_may_speak_of_it_in_that_role_counts(
    trusting: Make, holder: Make, entry: Make, changes: dict[str, Any]
) -> None:
    one, other = holder("one"), holder("other")
    trust = trusting(entry(one), entry(other, **changes), **two())
    assert voices(trust, sign(statement(), one.signer), sign(statement(), other.signer))[0] == "unsigned"


def test_a_revoked_key_does_not_count(trusting: Make, holder: Make, entry: Make) -> None:
    one, other = holder("one"), holder("other")
    trust = trusting(entry(one), entry(other), revoked={"keys": [other.keyid]}, **two())
    assert voices(trust, sign(statement(), one.signer), sign(statement(), other.signer)) == ["unsigned",
                                                                                             "signer-revoked"]


@pytest.mark.parametrize("demand", [two("reproducer"), two(kind="https://example.org/other"), two(principals=1)])
def test_what_a_threshold_does_not_speak_of_needs_one_signer(
    trusting: Make, holder: Make, entry: Make, demand: dict[str, Any]
) -> None:
    one = holder("one")
    assert voices(trusting(entry(one), **demand), sign(statement(), one.signer)) == ["trusted"]


def test_a_signer_with_two_roles_meets_the_threshold_of_each(trusting: Make, holder: Make, entry: Make) -> None:
    """Else a second role would be a way around the first one's threshold."""
    one, other = holder("one"), holder("other")
    trust = trusting(entry(one, roles=["producer", "gate"]), entry(other, roles=["gate"]), **two("producer"))
    assert voices(trust, sign(statement(), one.signer), sign(statement(), other.signer)) == ["unsigned", "trusted"]


def test_all_thresholds_hold(trusting: Make, holder: Make, entry: Make) -> None:
    people = [holder(name) for name in ("a", "b", "c")]
    demands = [{"role": "producer", "predicateTypes": [kind], "principals": count}
               for kind, count in ((DATASET, 2), ("*", 3))]
    trust = trusting(*map(entry, people), thresholds=demands)
    bundles = [sign(statement(), who.signer) for who in people]
    assert set(voices(trust, *bundles[:2])) == {"unsigned"}
    assert set(voices(trust, *bundles)) == {"trusted"}


@pytest.mark.parametrize("demand", [
    {"principals": 0}, {"principals": -1}, {"principals": 1.5}, {"principals": "2"}, {"principals": True},
    {"role": "owner"},
    {"predicateTypes": []}, {"predicateTypes": [""]}, {"keys": 2}, {"role": None},
])
def test_a_threshold_with_a_slip_is_an_error(trusting: Make, demand: dict[str, Any]) -> None:
    """A threshold of nought would let everything through (go-tuf GHSA-fphv-w9fq-2525)."""
    row = {"role": "producer", "predicateTypes": ["*"], "principals": 2, **demand}
    with pytest.raises(TrustError) as caught:
        trusting(thresholds=[row])
    assert caught.value.code == "trust-invalid"


def test_one_key_under_two_names_and_two_encodings_is_one_key(trusting: Make, holder: Make, entry: Make) -> None:
    """The same point of P-256, compressed: other bytes, other PEM, the same key (ENV-13)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

    lab = holder("lab", "ecdsa-p256")
    key: Any = load_pem_public_key(lab.public)
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = _p256(point)
    assert compressed != lab.public.decode()
    with pytest.raises(TrustError, match="lab and other share a key"):
        trusting(entry(lab), entry(lab, name="other", party="Other", keys=[compressed]), **two())


def _p256(point: bytes) -> str:
    import base64

    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    bits = b"\x03" + bytes([len(point) + 1]) + b"\x00" + point
    der = b"\x30" + bytes([len(algorithm) + len(bits)]) + algorithm + bits
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(der).decode()}-----END PUBLIC KEY-----\n"


# Less evidence never shows more

NAMES, ROLES = "abcd", ("producer", "data-supplier", "gate")


@dataclass(frozen=True)
class Cast:
    """Four people, two statements, and the bundle of each about each."""

    keys: dict[str, str]
    bundles: dict[tuple[str, str], bytes]


def _cast() -> Cast:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from provenance.bundles.keys import _public_pem

    private = {name: Ed25519PrivateKey.generate() for name in NAMES}
    keys = {name: _public_pem(key.public_key()).decode() for name, key in private.items()}
    bundles = {(name, about): sign(statement(about), CryptoSigner(key)) for name, key in private.items()
               for about in ("x", "y")}
    return Cast(keys, bundles)


CAST = _cast()
ROWS = st.lists(st.fixed_dictionaries({
    "role": st.sampled_from(ROLES), "predicateTypes": st.sampled_from([["*"], [DATASET], ["https://example.org/z"]]),
    "principals": st.integers(1, 4)}), max_size=3)
PEOPLE = st.fixed_dictionaries({name: st.sets(st.sampled_from(ROLES), min_size=1) for name in NAMES})


@settings(max_examples=120, deadline=None)
@given(PEOPLE, ROWS, st.sets(st.sampled_from(sorted(CAST.bundles))), st.data())
def test_taking_a_signature_away_never_makes_another_trusted(
    people: dict[str, set[str]], rows: list[dict[str, Any]], shown: set[tuple[str, str]], data: st.DataObject
) -> None:
    principals = [{"name": name, "party": name, "roles": sorted(roles), "keys": [CAST.keys[name]],
                   "predicateTypes": ["*"], "subjects": {"names": ["*"]}} for name, roles in people.items()]
    trust = parse_trust(to_json({"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                                 "expires": "2027-01-01T00:00:00Z", "principals": principals, "thresholds": rows}), "t")
    kept = data.draw(st.sets(st.sampled_from(sorted(shown)))) if shown else set()

    def trusted(which: set[tuple[str, str]]) -> set[str]:
        order = data.draw(st.permutations(sorted(which)))
        found = Verifier(trust, NOW).examine_all([("/".join(one), CAST.bundles[one]) for one in order])
        return {item.file for item in found if item.verified and item.verified.voice == "trusted"}

    assert trusted(kept) <= trusted(shown)


@settings(max_examples=60, deadline=None)
@given(PEOPLE, ROWS, st.sets(st.sampled_from(sorted(CAST.bundles))))
def test_asking_for_more_principals_never_makes_a_statement_trusted(
    people: dict[str, set[str]], rows: list[dict[str, Any]], shown: set[tuple[str, str]]
) -> None:
    principals = [{"name": name, "party": name, "roles": sorted(roles), "keys": [CAST.keys[name]],
                   "predicateTypes": ["*"], "subjects": {"names": ["*"]}} for name, roles in people.items()]

    def trusted(demanded: list[dict[str, Any]]) -> set[str]:
        trust = parse_trust(to_json({"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                                     "expires": "2027-01-01T00:00:00Z", "principals": principals,
                                     "thresholds": demanded}), "t")
        found = Verifier(trust, NOW).examine_all([("/".join(one), CAST.bundles[one]) for one in sorted(shown)])
        return {item.file for item in found if item.verified and item.verified.voice == "trusted"}

    assert trusted([{**row, "principals": row["principals"] + 1} for row in rows]) <= trusted(rows) <= trusted([])
