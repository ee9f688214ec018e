"""The Verifier believes a Sigstore identity of the trust file, exactly, and as of the time that a log proves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.bundles.trust import parse_trust
from provenance.bundles.verifier import Verifier

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "oms-model-transparency" / "v1.1.0-sigstore"
IDENTITY, ISSUER = "stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def trust(identity: str = IDENTITY, issuer: str = ISSUER, more: str = "") -> bytes:
    return f"""apiVersion: open-provenance/v0.1
kind: Trust
version: 1
expires: 2030-01-01T00:00:00Z
principals:
  - name: stefan
    party: IBM
    roles: [producer]
    identities: [{{identity: {identity}, issuer: "{issuer}"}}]
    predicateTypes: ["*"]
    subjects: {{names: ["*"]}}
{more}""".encode()


pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="the real bundles are not here")


def examine(document: bytes) -> tuple[str, str, str]:
    data = (VECTORS / "model.sig").read_bytes()
    result = Verifier(parse_trust(document, "trust.yaml"), NOW).examine(data, "model.sig")
    return result.status, result.code, result.principal.name if result.principal else ""


def test_a_real_keyless_signature_is_valid_under_its_identity() -> None:
    assert examine(trust()) == ("VALID", "", "stefan")


def test_its_time_is_proven_by_the_log() -> None:
    result = Verifier(parse_trust(trust(), "t"), NOW).examine((VECTORS / "model.sig").read_bytes(), "model.sig")
    assert result.proven is not None
    assert result.proven[1] == "log"


@pytest.mark.parametrize(("identity", "issuer"), [("stefanb@us.ibm.co", ISSUER), (IDENTITY, "https://accounts.google.com")])
def test_another_identity_or_issuer_is_nobody(identity: str, issuer: str) -> None:
    assert examine(trust(identity, issuer)) == ("UNSUPPORTED", "signature-unknown-signer", "")


def test_a_revoked_identity_is_invalid() -> None:
    assert examine(trust(more=f"revoked: {{identities: [{IDENTITY}]}}\n"))[:2] == ("INVALID", "signer-revoked")


def test_under_another_instance_the_signature_shows_nothing() -> None:
    assert examine(trust(more="trustedRoot: staging\n"))[0] != "VALID"


def test_a_window_is_held_against_the_proven_time() -> None:
    document = trust().replace(b"    predicateTypes", b"    validUntil: 2020-01-01T00:00:00Z\n    predicateTypes")
    assert examine(document)[:2] == ("INVALID", "signer-outside-window")
