"""A signed trust file: with `--trust-key`, nothing is believed that its keeper did not issue as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from provenance.bundles.envelope import sign
from provenance.bundles.trust import TrustSource, read_trust
from provenance.bundles.trust_signature import TRUST_SIGNATURE, beside, trust_statement
from provenance.errors import ProvenanceError
from provenance.statements.statement import ResourceDescriptor, Statement

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEXT = "{apiVersion: open-provenance/v0.1, kind: Trust, version: 2, expires: 2027-01-01T00:00:00Z, principals: []}\n"
Make = Callable[..., Any]


@pytest.fixture
def signed(tmp_path: Path, holder: Make) -> tuple[Path, Any, Path]:
    """A trust file, its keeper, and the keeper's public key."""
    keeper = holder("keeper")
    path = tmp_path / "trust.yaml"
    path.write_text(TEXT)
    (tmp_path / "keeper.pub").write_bytes(keeper.public)
    beside(path).write_bytes(sign(trust_statement(path, TEXT.encode()).to_bytes(), keeper.signer))
    return path, keeper, tmp_path / "keeper.pub"


def refused(path: Path, key: Path) -> str:
    with pytest.raises(ProvenanceError) as caught:
        read_trust(TrustSource(path, key=key), NOW)
    return f"{caught.value.code}: {caught.value.message}"


def test_what_its_keeper_signed_is_believed(signed: Any) -> None:
    path, _, key = signed
    assert read_trust(TrustSource(path, key=key), NOW).version == 2


def test_a_changed_file_is_not(signed: Any) -> None:
    path, _, key = signed
    path.write_text(TEXT + "# one more line\n")
    assert refused(path, key).startswith("trust-unsigned: ")
    assert "another trust file" in refused(path, key)


def test_a_file_without_its_bundle_is_not(signed: Any) -> None:
    path, _, key = signed
    beside(path).unlink()
    assert "its signature cannot be read" in refused(path, key)


def test_a_signature_by_somebody_else_is_not(signed: Any, holder: Make) -> None:
    path, _, key = signed
    beside(path).write_bytes(sign(trust_statement(path, TEXT.encode()).to_bytes(), holder("other").signer))
    assert "the key did not make this signature" in refused(path, key)


def test_a_signature_over_something_else_is_not(signed: Any) -> None:
    """A keeper who also signs models has not vouched for a trust file by that."""
    path, keeper, key = signed
    statement = trust_statement(path, TEXT.encode())
    other = Statement(statement.subjects, "https://example.org/x", {})
    beside(path).write_bytes(sign(other.to_bytes(), keeper.signer))
    assert "the key signed something else" in refused(path, key)
    more = (*statement.subjects, ResourceDescriptor("more", {"sha256": "a" * 64}))
    beside(path).write_bytes(sign(Statement(more, TRUST_SIGNATURE, statement.predicate).to_bytes(), keeper.signer))
    assert "another trust file" in refused(path, key)
    beside(path).write_bytes(sign(Statement(statement.subjects, TRUST_SIGNATURE, {}).to_bytes(), keeper.signer))
    assert refused(path, key).startswith("trust-unsigned: ")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b"[" * 10_000, b'{"mediaType": 1}'])
def test_a_damaged_bundle_is_not(signed: Any, damage: bytes) -> None:
    path, _, key = signed
    beside(path).write_bytes(damage)
    assert refused(path, key).startswith("trust-unsigned: ")


def test_a_private_key_is_refused_as_the_key_to_verify_with(signed: Any) -> None:
    path, keeper, _ = signed
    assert refused(path, keeper.path).startswith("key-is-private: ")


def test_the_signature_is_no_evidence(signed: Any, trusting: Make, entry: Make) -> None:
    from provenance.bundles.verifier import Verifier

    path, keeper, _ = signed
    found = Verifier(trusting(entry(keeper)), NOW).examine(beside(path).read_bytes(), "x")
    assert (found.status, found.code, found.verified) == ("UNSUPPORTED", "predicate-unknown", None)


def test_it_says_which_file_by_id_version_and_digest(signed: Any) -> None:
    path, _, _ = signed
    statement = json.loads(trust_statement(path, TEXT.encode()).to_bytes())
    assert statement["predicate"] == {"id": "", "version": 2, "expires": "2027-01-01T00:00:00Z"}
    assert statement["subject"][0]["name"] == "trust.yaml"
