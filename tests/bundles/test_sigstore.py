"""What a good Sigstore bundle says, in each of its forms, and whom it may be by."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.bundles import sigstore
from provenance.bundles.sigstore import (
    CertificateIdentity,
    IdentityPattern,
    PublicKey,
    SignedFile,
    TrustRoot,
    UnpinnedIdentity,
)
from provenance.bundles.sigstore import peer as peer_module
from provenance.errors import TrustError
from tests.sigstore_instance import Instance, Keyless
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instance
from tests.sigstore_instance.fixtures import STATEMENT, check, flip, root_of

NAME = "https://ci.example/train.yml@refs/heads/main"
FILE = b"the bytes of a file"
FORMS: dict[str, tuple[dict[str, Any], bool]] = {  # how it is signed, and whether sigstore-python has a judgement
    "v0.1": ({"version": "0.1"}, True),
    "v0.2": ({"version": "0.2"}, True),
    "v0.3": ({}, True),
    "v0.3 with a timestamp": ({"stamped_at": (None,)}, True),
    "Rekor v2": ({"rekor": 2, "kind": "hashedrekord"}, True),
    "Rekor v2, logged as dsse": ({"rekor": 2}, False),
    "Rekor v1, logged as hashedrekord": ({"kind": "hashedrekord"}, False),
    "Rekor v1, logged as intoto 0.0.1": ({"kind": "intoto 0.0.1"}, False),
    "Rekor v1, logged as intoto 0.0.2": ({"kind": "intoto 0.0.2"}, False),
    "P-384": ({"rekor": 2, "kind": "hashedrekord", "curve": ec.SECP384R1()}, False),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_keyless_bundle_of_every_form_is_valid(form: str, instance: Instance) -> None:
    how, judged = FORMS[form]
    who = CertificateIdentity(NAME, instance.url)
    result = check(Keyless(instance, **how).sign(STATEMENT), root_of(instance), signer=who)
    assert (result.status, result.code, result.reason) == ("VALID", "", "")
    assert (result.identity, result.issuer) == (NAME, instance.url)
    assert (result.payload, result.payload_type) == (STATEMENT, "application/vnd.in-toto+json")
    assert result.confirmed is judged


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("artifact", [None, SignedFile.of(FILE), SignedFile({"sha256": hashlib.sha256(FILE).digest()})],
                         ids=["alone", "with the file", "with its digest"])
def test_a_file_that_is_signed_directly(rekor: int, artifact: SignedFile | None, instance: Instance) -> None:
    result = check(Keyless(instance, rekor=rekor).sign_file(FILE), root_of(instance), artifact=artifact)
    assert (result.status, result.confirmed, result.payload) == ("VALID", True, None)
    assert result.message_digest == "sha256:" + hashlib.sha256(FILE).hexdigest()


def test_the_answer_says_what_was_checked(instance: Instance) -> None:
    signed = datetime(2025, 6, 1, 12, tzinfo=UTC)
    keyless = Keyless(instance, signed_at=signed, stamped_at=(signed,))
    result = check(keyless.sign(STATEMENT), root_of(instance))
    assert [(time.moment, time.source) for time in result.times] == [(signed, "log"), (signed, "timestamp")]
    assert result.signing_time == result.times[0]
    (entry,) = result.entries
    assert (entry.kind, entry.log, entry.checks) == ("dsse 0.0.1", instance.url, ("inclusion-proof", "promise"))
    assert result.keyid == hashlib.sha256(keyless.public_pem).hexdigest()
    assert result.root is not None
    assert (result.root.name, result.root.newest) == ("test root", datetime(2020, 1, 1, tzinfo=UTC))


def test_every_one_of_several_log_entries_must_hold(instance: Instance) -> None:
    """A threshold that counts only good ones would let a bad one in."""
    keyless = Keyless(instance, stamped_at=(None,))
    bundle = keyless.sign(STATEMENT)
    second = keyless.log_envelope(bundle["dsseEnvelope"], "application/vnd.in-toto+json", STATEMENT)
    bundle["verificationMaterial"]["tlogEntries"].append(second)
    result = check(bundle, root_of(instance))
    assert (result.status, [entry.index for entry in result.entries], result.confirmed) == (
        "VALID", [int(entry["logIndex"]) for entry in bundle["verificationMaterial"]["tlogEntries"]], False)
    second["inclusionProof"]["rootHash"] = flip(second["inclusionProof"]["rootHash"])
    assert check(bundle, root_of(instance)).code == "log-proof-invalid"


def test_a_bundle_v0_1_may_rely_on_the_promise_alone(instance: Instance) -> None:
    bundle = Keyless(instance, version="0.1").sign(STATEMENT)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    result = check(bundle, root_of(instance))
    assert (result.status, result.entries[0].checks, result.confirmed) == ("VALID", ("promise",), False)


def test_defaults_may_be_left_out_as_protobuf_does(instance: Instance) -> None:
    """The first entry of a log has the index 0, which sigstore-js leaves out and sigstore-models wants."""
    young = Instance(instance.url)
    young.rekor1.log.tree.leaves.clear()
    bundle = Keyless(young).sign(STATEMENT)
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    for holder in (entry, entry["inclusionProof"]):
        assert holder.pop("logIndex") == "0"
    assert entry["inclusionProof"].pop("hashes") == []
    result = check(bundle, root_of(young))
    assert (result.status, result.confirmed) == ("VALID", True)


def test_an_instance_without_logs_relies_on_its_clock(instance: Instance) -> None:
    """What the trust root lists is demanded, and what the bundle holds is checked."""
    root = root_of(instance, lambda root: root.update(tlogs=[], ctlogs=[]))
    bundle = Keyless(instance, rekor=0, certificate={"log": None}).sign(STATEMENT)
    assert check(bundle, root).status == "VALID"
    assert check(bundle, root_of(instance)).code == "log-entry-missing"
    assert check(Keyless(instance, rekor=0).sign(STATEMENT), root).code == "trust-root-unknown"


@pytest.mark.parametrize("how", [{"rekor": 1}, {"rekor": 2}, {"kind": "intoto 0.0.2"}, {"rekor": 0, "stamped_at": ()}],
                         ids=["Rekor v1", "Rekor v2", "intoto", "no log"])
def test_a_bundle_by_a_key_that_is_known(how: dict[str, Any], instance: Instance) -> None:
    keyless = Keyless(instance, managed=True, **how)
    result = check(keyless.sign(STATEMENT), root_of(instance), signer=PublicKey(keyless.public_pem))
    assert (result.status, result.identity, result.payload) == ("VALID", "", STATEMENT)
    assert len(result.entries) == (how.get("rekor") != 0)


def test_a_bundle_by_a_key_is_not_by_another_key_and_not_by_an_identity(instance: Instance) -> None:
    keyless, other = (Keyless(instance, managed=True) for _ in range(2))
    bundle, root = keyless.sign(STATEMENT), root_of(instance)
    wrong = check(bundle, root, signer=PublicKey(other.public_pem))
    assert (wrong.status, wrong.code) == ("INVALID", "signature-invalid")
    unknown = check(bundle, root)
    assert (unknown.status, unknown.code) == ("UNSUPPORTED", "signature-unknown-signer")
    logged = check(bundle, None, signer=PublicKey(keyless.public_pem))
    assert (logged.status, logged.code) == ("UNSUPPORTED", "trust-root-unknown")
    alone = Keyless(instance, managed=True, rekor=0, stamped_at=())
    assert check(alone.sign(STATEMENT), None, signer=PublicKey(alone.public_pem)).verified


def test_a_certificate_does_not_stand_for_the_key_that_was_asked_for(instance: Instance) -> None:
    keyless = Keyless(instance)
    result = check(keyless.sign(STATEMENT), root_of(instance), signer=PublicKey(keyless.public_pem))
    assert (result.status, result.code) == ("INVALID", "identity-mismatch")


WORKFLOW = "acme/model/.github/workflows/train.yml"
MAIN = f"https://github.com/{WORKFLOW}@refs/heads/main"
LOOK_ALIKES = {
    "another identity": {"job_workflow_ref": "acme/other/.github/workflows/train.yml@refs/heads/main"},
    "a longer one": {"job_workflow_ref": f"{WORKFLOW}@refs/heads/main-2"},
    "a final newline": {"job_workflow_ref": f"{WORKFLOW}@refs/heads/main\n"},
    "another case": {"job_workflow_ref": f"{WORKFLOW}@refs/heads/Main"},
    "a prefix": {"sub": f"https://evil.example/?{MAIN}"},
    "a pull request": {"job_workflow_ref": f"{WORKFLOW}@refs/pull/7/merge"},
    "another issuer": {"job_workflow_ref": f"{WORKFLOW}@refs/heads/main", "iss": "https://issuer.example"},
}


@pytest.mark.parametrize("who", ["exact", "pattern"])
@pytest.mark.parametrize("claims", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_look_alike_is_not_the_identity(claims: dict[str, str], who: str, instance: Instance) -> None:
    signer = CertificateIdentity(MAIN, instance.url) if who == "exact" else IdentityPattern(
        r"^https://github\.com/acme/model/\.github/workflows/[a-z]+\.yml@refs/heads/main$", instance.url)
    root = root_of(instance)
    real = Keyless(instance, claims={"job_workflow_ref": f"{WORKFLOW}@refs/heads/main"}).sign(STATEMENT)
    assert check(real, root, signer=signer).verified
    result = check(Keyless(instance, claims=claims).sign(STATEMENT), root, signer=signer)
    assert (result.status, result.code, result.payload) == ("INVALID", "identity-mismatch", None)


@pytest.mark.parametrize("claims", [{"email": "a@example.org"}, {"sub": "a-name"}], ids=["e-mail", "other name"])
def test_names_of_every_kind_are_read(claims: dict[str, str], instance: Instance) -> None:
    result = check(Keyless(instance, claims=claims).sign(STATEMENT), root_of(instance))
    assert (result.status, result.identity) == ("VALID", next(iter(claims.values())))


@pytest.mark.parametrize(("kind", "name", "issuer"), [
    (CertificateIdentity, "", "https://x.example"), (CertificateIdentity, NAME, ""), (IdentityPattern, "", "x"),
    (IdentityPattern, "acme", "x"), (IdentityPattern, "^acme", "x"), (IdentityPattern, "^(acme$", "x"),
], ids=["no identity", "no issuer", "no pattern", "not anchored", "anchored once", "not a pattern"])
def test_an_identity_that_would_let_others_in_is_refused(kind: Any, name: str, issuer: str) -> None:
    with pytest.raises(TrustError) as refused:
        kind(name, issuer)
    assert refused.value.code == "trust-invalid"


def test_a_pattern_is_anchored_whatever_it_says() -> None:
    assert not IdentityPattern("^a|b$", "x").accepts("b, and more", "x")
    assert not UnpinnedIdentity().accepts("", "x")


def test_sigstore_python_has_the_last_word_on_what_it_can_judge(instance: Instance,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    from sigstore.errors import VerificationError

    bundle, root = Keyless(instance).sign(STATEMENT), root_of(instance)
    for error, status in ((VerificationError("no"), "INVALID"), (AttributeError("it changed"), "UNSUPPORTED")):
        def refuse(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(peer_module, "_ask", refuse)
        result = check(bundle, root)
        assert (result.status, result.code) == (status, "verifiers-disagree")


def test_the_embedded_roots_and_files_are_read(tmp_path: Path, instance: Instance) -> None:
    production, staging = TrustRoot.embedded(), TrustRoot.embedded("staging")
    assert production.facts.name == "sigstore production (embedded)"
    assert production.facts.digest != staging.facts.digest
    (tmp_path / "config.json").write_bytes(instance.trust_config())
    (tmp_path / "newer.json").write_text(json.dumps(
        {**instance.trusted_root(), "mediaType": "application/vnd.dev.sigstore.trustedroot.v0.2+json"}))
    bundle = Keyless(instance).sign(STATEMENT)
    for name in ("config.json", "newer.json"):
        root = TrustRoot.from_file(tmp_path / name)
        assert root.facts.digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert check(bundle, root).confirmed


@pytest.mark.parametrize("text", [
    b"", b"[]", b"{}", b'{"mediaType":"application/json"}',
    b'{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
], ids=["empty", "list", "nothing", "another type", "without keys"])
def test_a_file_that_is_not_a_trust_root_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes(text)
    with pytest.raises(TrustError) as refused:
        TrustRoot.from_file(tmp_path / "root.json")
    assert refused.value.code == "trust-root-invalid"
    with pytest.raises(TrustError) as missing:
        TrustRoot.from_file(tmp_path / "none.json")
    assert missing.value.code == "input-unreadable"


def test_the_door_is_listed() -> None:
    assert sorted(sigstore.__all__) == sigstore.__all__
    assert all(hasattr(sigstore, name) for name in sigstore.__all__)
