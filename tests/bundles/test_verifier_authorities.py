"""The Verifier believes whom an authority of the trust file certifies, under one exact name, and at a proven time."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provenance.bundles.envelope import sign
from provenance.bundles.keys import keyid, public_pem
from provenance.bundles.signers.key import load_signer
from provenance.bundles.trust import Trust, parse_trust
from provenance.bundles.verifier import Examined, Verifier
from provenance.statements.reader import to_json
from tests.bundles.own_authority import SUBJECT, Pki
from tests.bundles.test_chains import stamped
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM, b64
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EARLY, LATE = datetime(2025, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
FILE = "ab" * 32


def model() -> bytes:
    """A model signature over one file."""
    return to_json({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://model_signing/signature/v1.0",
        "subject": [{"name": "model", "digest": {"sha256": hashlib.sha256(bytes.fromhex(FILE)).hexdigest()}}],
        "predicate": {"serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
                      "resources": [{"name": "a", "algorithm": "sha256", "digest": FILE}]},
    })


def trust(pki: Pki, *, root: Path | None = None, revoked: dict[str, list[str]] | None = None, subject: str = SUBJECT,
          **changes: Any) -> Trust:
    principal = {"name": "lab", "party": "Lab", "roles": ["producer"], "predicateTypes": ["*"],
                 "subjects": {"names": ["*"]}, **changes,
                 "certificateAuthority": {"pem": pki.root_certificate.public_bytes(PEM).decode(), "subject": subject}}
    document: dict[str, Any] = {"apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1,
                                "expires": "2030-01-01T00:00:00Z", "principals": [principal]}
    if root:
        document["trustedRoot"] = str(root)
    return parse_trust(to_json({**document, **({"revoked": revoked} if revoked else {})}), "trust.yaml")


def examine(bundle: bytes | dict[str, Any], known: Trust) -> Examined:
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    return Verifier(known, NOW).examine(data, "model.sig")


def said(result: Examined) -> tuple[str, str, str]:
    return result.status, result.code, result.principal.name if result.principal else ""


def test_whom_the_authority_certifies_under_the_name_is_the_principal() -> None:
    pki = Pki()
    result = examine(pki.sign(model()), trust(pki))
    assert said(result) == ("VALID", "", "lab")
    assert result.proven is None
    assert result.keyid.startswith(SUBJECT)


def test_whom_it_certifies_under_another_name_is_nobody() -> None:
    pki = Pki()
    result = examine(pki.sign(model()), trust(pki, subject="CN=other"))
    assert said(result) == ("UNSUPPORTED", "signature-unknown-signer", "")
    assert result.verified is not None
    assert result.verified.voice == "unsigned"


def test_another_authority_certifies_nobody() -> None:
    assert examine(Pki(root_key=Pki().root_key).sign(model()), trust(Pki())).status == "INVALID"


def test_a_revoked_subject_and_a_revoked_key_are_invalid() -> None:
    pki = Pki()
    name = keyid(public_pem(pki.key.public_key()))
    der = pki.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for revoked in ({"identities": [SUBJECT]}, {"keys": [name]}, {"keys": [hashlib.sha256(der).hexdigest()]}):
        assert said(examine(pki.sign(model()), trust(pki, revoked=revoked)))[:2] == ("INVALID", "signer-revoked")


@pytest.fixture
def root(instance: Instance, tmp_path: Path) -> Path:
    path = tmp_path / "root.json"
    path.write_text(json.dumps(instance.trusted_root()))
    return path


@pytest.mark.parametrize(("at", "answer"), [(EARLY, ("VALID", "", "lab")),
                                            (LATE, ("INVALID", "signer-outside-window", "lab"))])
def test_the_window_is_held_against_the_time_that_a_clock_proves(at: datetime, answer: tuple[str, str, str],
                                                                root: Path, instance: Instance) -> None:
    pki = Pki()
    bundle = stamped(pki, instance, at, model())
    result = examine(bundle, trust(pki, root=root, validUntil="2026-01-01T00:00:00Z"))
    assert said(result) == answer
    assert result.proven == (at.strftime("%Y-%m-%dT%H:%M:%SZ"), "timestamp")


def by_key(holder: Any, instance: Instance, at: datetime) -> dict[str, Any]:
    bundle = json.loads(sign(model(), load_signer(holder.path, lambda: None)))
    signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    bundle["verificationMaterial"]["timestampVerificationData"] = {
        "rfc3161Timestamps": [{"signedTimestamp": b64(instance.tsa.stamp(signature, at=at))}]}
    return bundle


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_a_keys_time_can_be_proven_too(kind: str, holder: Callable[..., Any], entry: Callable[..., Any], root: Path,
                                       trusting: Callable[..., Trust], instance: Instance) -> None:
    lab = holder(kind=kind)
    row = entry(lab, validUntil="2026-01-01T00:00:00Z")
    known = trusting(row, trustedRoot=str(root))
    result = examine(by_key(lab, instance, EARLY), known)
    assert (said(result), result.proven) == (("VALID", "", "lab"), ("2025-06-01T00:00:00Z", "timestamp"))
    assert said(examine(by_key(lab, instance, LATE), known))[:2] == ("INVALID", "signer-outside-window")
    # Without a trust root nobody says that the clock is right: the time of the verdict counts.
    assert said(examine(by_key(lab, instance, EARLY), trusting(row)))[:2] == ("INVALID", "signer-outside-window")


def test_a_timestamp_over_another_signature_spoils_a_keys_bundle(holder: Callable[..., Any], root: Path,
                                                                 entry: Callable[..., Any], instance: Instance,
                                                                 trusting: Callable[..., Trust]) -> None:
    lab, other = holder("lab", "ecdsa-p256"), holder("other")
    bundle, foreign = by_key(lab, instance, EARLY), by_key(other, instance, EARLY)
    times = "timestampVerificationData"
    bundle["verificationMaterial"][times] = foreign["verificationMaterial"][times]
    assert said(examine(bundle, trusting(entry(lab), trustedRoot=str(root))))[:2] == ("INVALID", "timestamp-invalid")
