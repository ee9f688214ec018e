"""The one place that verifies: no signer, no voice; and nothing but the Verifier makes a VerifiedStatement.

What is refused, and by which code, is in the golden vectors (tests/vectors).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance import resources
from provenance.bundles import verifier as module
from provenance.bundles.envelope import sha256, sign
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Examined, VerifiedStatement, Verifier
from provenance.statements.dataset import Dataset
from provenance.statements.statement import ResourceDescriptor, Statement

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
THING = ResourceDescriptor("tales", {"sha256": "a" * 64})
STATEMENT = Dataset((THING,), {"name": "tales"}).to_statement()
Make = Callable[..., Any]


def vector(name: str) -> bytes:
    return resources.read_bytes("attestations", f"vectors/bundles/{name}")


@pytest.fixture(scope="module")
def vectors_trust() -> Trust:
    return parse_trust(vector("trust.yaml"), "trust.yaml")


def test_what_a_trusted_key_signed_has_its_voice(trusting: Make, holder: Make, entry: Make) -> None:
    lab = holder()
    data = sign(STATEMENT.to_bytes(), lab.signer)
    found = Verifier(trusting(entry(lab)), NOW).examine(data, "a.sigstore.json")
    assert (found.status, found.code, found.reason) == ("VALID", "", "")
    assert (found.file, found.sha256, found.keyid) == ("a.sigstore.json", sha256(data), lab.keyid)
    assert (found.predicate_type, found.subjects) == (STATEMENT.predicate_type, ("tales",))
    assert found.verified is not None
    assert (found.verified.voice, found.verified.statement) == ("trusted", STATEMENT)
    assert isinstance(found.verified.claim, Dataset)
    assert found.principal is found.verified.principal
    assert found.principal is not None
    assert found.principal.name == "lab"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_every_key_of_a_principal_and_every_principal_is_tried(
    trusting: Make, holder: Make, entry: Make, kind: str
) -> None:
    first, second, third = holder("a"), holder("b", kind), holder("c", kind)
    trust = trusting(entry(first, keys=[first.public.decode(), second.public.decode()]), entry(third, name="c"))
    for who, name in ((second, "a"), (third, "c")):
        found = Verifier(trust, NOW).examine(sign(STATEMENT.to_bytes(), who.signer), "x")
        assert (found.status, found.principal and found.principal.name) == ("VALID", name)


def test_without_a_trust_file_everything_is_an_unsigned_declaration(holder: Make) -> None:
    lab = holder()
    found = Verifier(None, NOW).examine(sign(STATEMENT.to_bytes(), lab.signer), "x")
    assert (found.status, found.code) == ("UNSUPPORTED", "signature-unknown-signer")
    assert "no trust file was given" in found.reason
    assert (found.principal, found.keyid) == (None, lab.keyid)
    assert found.verified is not None
    assert found.verified.voice == "unsigned"


def test_an_empty_trust_file_trusts_nobody(trusting: Make, holder: Make) -> None:
    found = Verifier(trusting(), NOW).examine(sign(STATEMENT.to_bytes(), holder().signer), "x")
    assert (found.status, found.code) == ("UNSUPPORTED", "signature-unknown-signer")
    assert "does not list" in found.reason


def test_what_is_refused_has_no_voice_at_all(trusting: Make, holder: Make, entry: Make) -> None:
    lab = holder()
    data = sign(STATEMENT.to_bytes(), lab.signer)
    for row in (entry(lab, predicateTypes=["x"]), entry(lab, subjects={"names": ["other"]}),
                entry(lab, validUntil="2026-01-01T00:00:00Z")):
        found = Verifier(trusting(row), NOW).examine(data, "x")
        assert (found.status, found.verified) == ("INVALID", None)
        assert found.principal is not None  # named, so that the report can say who


def test_a_revocation_of_the_statement_outlives_every_rewriting_of_the_file(
    trusting: Make, holder: Make, entry: Make
) -> None:
    lab = holder()
    data = sign(STATEMENT.to_bytes(), lab.signer)
    spaced = json.dumps(json.loads(data), indent=8).encode()
    by_file = Verifier(trusting(entry(lab), revoked={"bundles": [sha256(data)]}), NOW)
    by_statement = Verifier(trusting(entry(lab), revoked={"bundles": [sha256(STATEMENT.to_bytes())]}), NOW)
    assert by_file.examine(data, "x").code == "signer-revoked"
    assert by_file.examine(spaced, "x").status == "VALID"  # why the other way exists
    assert {by_statement.examine(item, "x").code for item in (data, spaced)} == {"signer-revoked"}


def test_a_verifier_remembers_nothing(vectors_trust: Trust) -> None:
    verifier = Verifier(vectors_trust, NOW)
    good, bad = vector("valid/dataset.ed25519.sigstore.json"), vector("invalid/payload-changed.sigstore.json")
    assert [verifier.examine(data, "x").status for data in (good, bad, good, bad)] == ["VALID", "INVALID"] * 2


def test_the_time_is_the_callers_and_never_the_signers(vectors_trust: Trust) -> None:
    data = vector("invalid/trust-window-over.sigstore.json")
    early = datetime(2026, 1, 1, tzinfo=UTC)
    assert Verifier(vectors_trust, NOW).examine(data, "x").code == "signer-outside-window"
    assert Verifier(vectors_trust, early).examine(data, "x").status == "VALID"


GOOD = [name.removeprefix("vectors/bundles/") for name in resources.names("attestations")
        if name.startswith("vectors/bundles/valid/") and name.endswith(".sigstore.json")]


@pytest.mark.parametrize("name", GOOD)
def test_less_trust_never_makes_more_evidence(vectors_trust: Trust, name: str) -> None:
    """Each good bundle, with its signer taken out of the trust file, is no longer valid."""
    found = Verifier(vectors_trust, NOW).examine(vector(name), name)
    rest = tuple(principal for principal in vectors_trust.principals if principal is not found.principal)
    assert Verifier(replace(vectors_trust, principals=rest), NOW).examine(vector(name), name).status != "VALID"
    assert Verifier(None, NOW).examine(vector(name), name).status != "VALID"


SAMPLE = vector("valid/dataset.ecdsa-p256.sigstore.json")
TRUST = parse_trust(vector("trust.yaml"), "trust.yaml")
ORIGINAL = Verifier(TRUST, NOW).examine(SAMPLE, "x")


@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_any_byte_changed_never_changes_what_is_believed(place: int, difference: int) -> None:
    """Refused, or (a space, a member that nobody reads) still the same statement by the same signer."""
    changed = SAMPLE[:place] + bytes([SAMPLE[place] ^ difference]) + SAMPLE[place + 1 :]
    found = Verifier(TRUST, NOW).examine(changed, "x")
    if found.status == "VALID":
        assert found.verified is not None
        assert ORIGINAL.verified is not None
        assert found.verified.statement == ORIGINAL.verified.statement
        assert found.principal == ORIGINAL.principal


@given(st.binary(max_size=80))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    found = Verifier(TRUST, NOW).examine(data, "x")
    assert isinstance(found, Examined)
    assert found.status == "INVALID"
    assert found.code
    assert found.reason


def test_only_the_verifier_makes_a_verified_statement() -> None:
    with pytest.raises(TypeError, match="only the Verifier"):
        VerifiedStatement(object(), STATEMENT, Dataset((THING,), {}), "x", "", None)


def test_nothing_else_in_the_package_uses_the_seal() -> None:
    from pathlib import Path

    package = Path(module.__file__).parents[1]
    users = [path.relative_to(package).as_posix() for path in package.rglob("*.py")
             if "_SEAL" in path.read_text(encoding="utf-8")]
    assert users == ["bundles/verifier.py"]


def test_a_declaration_has_the_voice_of_nobody() -> None:
    declared = Verifier(None, NOW).declare(STATEMENT, "README.md", "b" * 64)
    assert (declared.voice, declared.principal, declared.sha256) == ("unsigned", None, "b" * 64)


def test_a_long_predicate_type_is_cut_in_the_reason(trusting: Make, holder: Make, entry: Make) -> None:
    lab = holder()
    statement = Statement((THING,), "https://example.org/" + "x" * 100_000, {})
    found = Verifier(trusting(entry(lab)), NOW).examine(sign(statement.to_bytes(), lab.signer), "x")
    assert (found.status, found.code) == ("UNSUPPORTED", "predicate-unknown")
    assert len(found.reason) < 300


def test_a_verdict_is_output_and_never_evidence(vectors_trust: Trust) -> None:
    found = Verifier(vectors_trust, NOW).examine(vector("valid/verification-summary.ed25519.sigstore.json"), "x")
    assert (found.status, found.verified) == ("VALID", None)
    assert found.reason == "a verdict is output, never evidence here"
