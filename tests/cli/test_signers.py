"""One way to choose who signs, for every command that writes a bundle; as a user types it."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

from provenance.bundles.keys import public_pem
from provenance.bundles.trust import read_trust
from provenance.bundles.verifier import Verifier
from tests.bundles.own_authority import SUBJECT, Pki
from tests.cli.conftest import Run
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances

NAME = "https://ci.example/train.yml@refs/heads/main"
SIGNATURE = Path("model.provenance/model.sig")


def trust(**principal: Any) -> None:
    root = principal.pop("trustedRoot", None)
    row = {"name": "lab", "party": "Lab", "roles": ["producer"], "predicateTypes": ["*"], "subjects": {"names": ["*"]}}
    Path("trust.yaml").write_text(json.dumps({
        "apiVersion": "open-provenance/v0.1", "kind": "Trust", "version": 1, "expires": "2035-01-01T00:00:00Z",
        "principals": [{**row, **principal}], **({"trustedRoot": root} if root else {})}))


def verified(run: Run) -> Any:
    ran = run("bundle", "verify", str(SIGNATURE), "--trust", "trust.yaml", "--model", "model", "--format", "json")
    assert ran.code == (0 if ran.json["verified"] else 1), ran.err
    return ran.json


@pytest.fixture
def pki() -> Pki:
    """An authority; its signer's key and certificates lie in the working folder."""
    pki = Pki()
    Path("lab.key").write_bytes(pki.key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_chain(*pki.chain, pki.root_certificate)
    return pki


def write_chain(*certificates: Any) -> None:
    Path("chain.pem").write_bytes(b"".join(certificate.public_bytes(PEM) for certificate in certificates))


BY_CERTIFICATE = ("sign", "model", "--key", "lab.key", "--certificate", "chain.pem")


def test_a_certificate_signs_and_its_root_stays_out_of_the_bundle(run: Run, model: Path, pki: Pki) -> None:
    assert run(*BY_CERTIFICATE).code == 0
    material = json.loads(SIGNATURE.read_bytes())
    assert len(material["verificationMaterial"]["x509CertificateChain"]["certificates"]) == 2
    assert material["dsseEnvelope"]["signatures"][0].keys() == {"sig"}
    trust(certificateAuthority={"pem": pki.root_certificate.public_bytes(PEM).decode(), "subject": SUBJECT})
    assert (verified(run)["status"], verified(run)["signer"]) == ("VALID", "lab")
    digest = hashlib.sha256(Path("trust.yaml").read_bytes()).hexdigest()
    assert verified(run)["trust"] == {"digest": {"sha256": digest}, "version": 1, "expires": "2035-01-01T00:00:00Z"}
    (model / "config.json").write_text("{}")
    assert verified(run)["verified"] is False


BAD_CHAINS = {
    "of another key": (lambda pki: [Pki().leaf_certificate, pki.between_certificate], "key-invalid"),
    "in the wrong order": (lambda pki: [pki.between_certificate, pki.leaf_certificate], "key-invalid"),
    "with a gap": (lambda pki: [pki.leaf_certificate, pki.root_certificate], "certificate-invalid"),
    "of nobody": (lambda pki: [], "certificate-invalid"),
}


@pytest.mark.parametrize("flaw", BAD_CHAINS)
def test_a_chain_that_nobody_would_believe_signs_nothing(run: Run, model: Path, pki: Pki, flaw: str) -> None:
    make, code = BAD_CHAINS[flaw]
    write_chain(*make(pki))
    ran = run(*BY_CERTIFICATE)
    assert (ran.code, SIGNATURE.exists()) == (2, False)
    assert f"[{code}]" in ran.err


@pytest.mark.parametrize(("leaf", "code"), [
    ({"usages": ()}, "certificate-invalid"),
    ({"end": datetime(2025, 2, 1, tzinfo=UTC)}, "certificate-outside-validity"),
])
def test_a_certificate_that_may_not_sign_signs_nothing(run: Run, model: Path, leaf: dict[str, Any], code: str) -> None:
    flawed = Pki(leaf=leaf)
    Path("lab.key").write_bytes(flawed.key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_chain(*flawed.chain)
    ran = run(*BY_CERTIFICATE)
    assert ran.code == 2
    assert f"[{code}]" in ran.err


def test_a_private_key_among_the_certificates_is_pointed_out(run: Run, model: Path, pki: Pki) -> None:
    Path("chain.pem").write_bytes(Path("chain.pem").read_bytes() + Path("lab.key").read_bytes())
    ran = run(*BY_CERTIFICATE)
    assert "[key-is-private]" in ran.err
    assert "MIGH" not in ran.err


@pytest.mark.parametrize("by", [("--key", "lab.key"), ("--key", "lab.key", "--certificate", "chain.pem")],
                         ids=["key", "certificate"])
def test_a_timestamp_is_asked_for_and_proves_the_time(run: Run, model: Path, pki: Pki, served: Instance,
                                                      by: tuple[str, ...]) -> None:
    ran = run("sign", "model", *by, "--timestamp-url", f"{served.url}/api/v1/timestamp", "--online")
    assert ran.code == 0, ran.err
    Path("root.json").write_text(json.dumps(served.trusted_root()))
    if "--certificate" in by:
        trust(certificateAuthority={"pem": pki.root_certificate.public_bytes(PEM).decode(), "subject": SUBJECT},
              trustedRoot="root.json")
    else:
        trust(keys=[public_pem(pki.key.public_key()).decode()], trustedRoot="root.json")
    assert verified(run)["status"] == "VALID"
    now = datetime.now(UTC)
    seen = Verifier(read_trust(Path("trust.yaml"), now), now).examine(SIGNATURE.read_bytes(), "model.sig")
    assert seen.proven is not None
    assert seen.proven[1] == "timestamp"


def test_a_timestamp_authority_that_does_not_answer_means_that_nothing_is_written(run: Run, model: Path, pki: Pki,
                                                                                 served: Instance) -> None:
    for url in (f"{served.url}/nothing", f"{served.url}/keys"):
        ran = run("sign", "model", "--key", "lab.key", "--timestamp-url", url, "--online")
        assert (ran.code, SIGNATURE.exists()) == (2, False)
        assert "[signer-unavailable]" in ran.err
    ran = run("sign", "model", "--key", "lab.key", "--timestamp-url", "file:///etc/hostname", "--online")
    assert "[usage]" in ran.err


def test_a_key_that_a_service_keeps_signs(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.bundles.test_kms import Vault, stand_in

    stand_in(monkeypatch)
    Path("lab.pub").write_bytes(public_pem(Vault.key.public_key()))
    by = ("sign", "model", "--kms", "hashivault:lab")
    assert "[network-not-allowed]" in run(*by).err
    assert run(*by, "--online").code == 0
    assert run("bundle", "verify", str(SIGNATURE), "--model", "model", "--public-key", "lab.pub").code == 0


@pytest.fixture
def token(served: Instance) -> str:
    """A token of the served instance, whose trust config and root lie in the working folder."""
    Path("config.json").write_bytes(served.trust_config())
    Path("root.json").write_text(json.dumps(served.trusted_root()))
    return served.oidc.token()


@pytest.mark.parametrize("rekor", [(), ("--rekor", "1"), ("--rekor", "2")], ids=["newest", "v1", "v2"])
def test_an_identity_signs_by_a_token_in_a_file(run: Run, model: Path, token: str, served: Instance,
                                                rekor: tuple[str, ...]) -> None:
    Path("token").write_text(token + "\n")
    ran = run("sign", "model", "--identity-token", "token", "--trust-config", "config.json", "--online", *rekor)
    assert ran.code == 0, ran.err
    assert token not in ran.out + ran.err
    trust(identities=[{"identity": NAME, "issuer": served.url}], trustedRoot="root.json")
    assert (verified(run)["status"], verified(run)["signer"]) == ("VALID", "lab")
    kinds = [entry["kindVersion"]["kind"] for entry in
             json.loads(SIGNATURE.read_bytes())["verificationMaterial"]["tlogEntries"]]
    assert kinds == (["dsse"] if rekor == ("--rekor", "1") else ["hashedrekord"])


def test_an_identity_signs_by_a_token_on_standard_input(run: Run, model: Path, token: str,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(token))
    assert run("sign", "model", "--identity-token", "-", "--trust-config", "config.json", "--online").code == 0


def test_the_identity_of_a_ci_job_signs(run: Run, model: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab's way: the token lies in a variable that is named after the audience."""
    ambient = ("sign", "model", "--identity", "ambient", "--trust-config", "config.json", "--online")
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pathlib.Path.open", refuse_dmi(Path.open))
    ran = run(*ambient)
    assert ran.code == 2
    assert "[identity-token-invalid]" in ran.err
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    assert run(*ambient).code == 0


def refuse_dmi(really: Any) -> Any:
    """Whether this machine is a cloud's is read from its firmware's name, which a test must not depend on."""
    def opened(path: Path, *arguments: Any, **named: Any) -> Any:
        if str(path).startswith("/sys/class/dmi"):
            raise FileNotFoundError(str(path))
        return really(path, *arguments, **named)

    return opened


def test_a_token_that_is_none_is_refused_and_not_shown(run: Run, model: Path, token: str) -> None:
    Path("token").write_text("eyJ-not-a-token")
    ran = run("sign", "model", "--identity-token", "token", "--trust-config", "config.json", "--online")
    assert ran.code == 2
    assert "[identity-token-invalid]" in ran.err
    assert "eyJ-not" not in ran.err
    Path("token").write_bytes(b"\xff\xfe")
    assert "[input-unreadable]" in run("sign", "model", "--identity-token", "token", "--trust-config", "config.json",
                                       "--online").err


WRONG = {
    "nobody": (("sign", "model"), "usage"),
    "two": (("sign", "model", "--key", "lab.key", "--kms", "awskms:x", "--online"), "usage"),
    "a certificate without a key": (
        ("sign", "model", "--identity", "ambient", "--certificate", "chain.pem", "--online"), "usage"),
    "a Sigstore instance without an identity": (
        ("sign", "model", "--key", "lab.key", "--trust-config", "chain.pem"), "usage"),
    "a timestamp for an identity": (
        ("sign", "model", "--identity", "ambient", "--timestamp-url", "http://x", "--online"), "usage"),
    "a service offline": (("sign", "model", "--kms", "awskms:x"), "network-not-allowed"),
    "an identity offline": (("sign", "model", "--identity", "ambient"), "network-not-allowed"),
    "a timestamp offline": (
        ("sign", "model", "--key", "lab.key", "--timestamp-url", "http://x"), "network-not-allowed"),
    "a token that is not there": (("sign", "model", "--identity-token", "none", "--online"), "input-unreadable"),
    "certificates that are not there": (
        ("sign", "model", "--key", "lab.key", "--certificate", "none"), "input-unreadable"),
    "a service that nobody knows": (("sign", "model", "--kms", "x:y", "--online"), "usage"),
    "a service without a key": (("sign", "model", "--kms", "awskms:", "--online"), "usage"),
    "a service whose library is not there": (
        ("sign", "model", "--kms", "gcpkms:projects/p", "--online"), "extra-missing"),
    "a recorder whose standard input is the command's": (
        ("record", "--step", "x", "--kind", "train", "--output", "out", "--identity-token", "-", "--online", "--",
         "touch", "out"), "usage"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_go_together_is_said_before_anything_runs(run: Run, model: Path, pki: Pki, wrong: str,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("securesystemslib.signer._gcp_signer.GCP_IMPORT_ERROR", "not installed")
    arguments, code = WRONG[wrong]
    ran = run(*arguments)
    assert (ran.code, SIGNATURE.exists(), Path("out").exists()) == (2, False, False)
    assert f"[{code}]" in ran.err


def test_a_recorded_command_gets_no_way_to_an_identity(run: Run, model: Path, token: str,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """It could sign as whoever records it."""
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret")
    monkeypatch.setenv("PROVENANCE_PKCS11_PIN", "1234")
    ran = run("record", "--step", "look", "--kind", "prepare", "--output", "seen.txt", "--identity", "ambient",
              "--trust-config", "config.json", "--online", "--", "sh", "-c", "env > seen.txt")
    assert ran.code == 0, ran.err
    seen = Path("seen.txt").read_text()
    assert not any(name in seen for name in ("SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN", "PROVENANCE_PKCS11"))


def test_every_command_that_signs_takes_the_same_signers(run: Run) -> None:
    for command in (("sign",), ("attest", "dataset"), ("attest", "release"), ("record",), ("reproduce",), ("admit",)):
        shown = run(*command, "--help").out
        for option in ("--key", "--pkcs11", "--kms", "--certificate", "--identity-token", "--identity",
                       "--trust-config", "--rekor", "--timestamp-url", "--online"):
            assert option in shown


CHECK = ("bundle", "verify", str(SIGNATURE), "--model", "model", "--format", "json")


def test_a_bundle_is_held_against_an_authority_without_a_trust_file(run: Run, model: Path, pki: Pki) -> None:
    assert run(*BY_CERTIFICATE).code == 0
    Path("root.pem").write_bytes(pki.root_certificate.public_bytes(PEM))
    Path("other.pem").write_bytes(Pki().root_certificate.public_bytes(PEM))
    ran = run(*CHECK, "--certificate-authority", "root.pem")
    assert (ran.code, ran.json["status"], ran.json["signingTime"], ran.json["trustRoot"]) == (0, "VALID", None, None)
    assert ran.json["trust"] is None
    assert run(*CHECK, "--certificate-authority", "other.pem").json["code"] == "certificate-invalid"
    assert "[key-is-private]" in run(*CHECK[:-2], "--certificate-authority", "lab.key").err
    assert "time     not proven" in run(*CHECK[:-2], "--certificate-authority", "root.pem").out


def test_a_bundle_is_held_against_an_identity_without_a_trust_file(run: Run, model: Path, token: str,
                                                                   served: Instance) -> None:
    Path("token").write_text(token)
    run("sign", "model", "--identity-token", "token", "--trust-config", "config.json", "--online", "--rekor", "1")
    by = (*CHECK, "--issuer", served.url, "--trusted-root", "root.json", "--identity")
    ran = run(*by, NAME)
    assert (ran.code, ran.json["signer"], ran.json["signingTime"]["source"]) == (0, NAME, "log")
    assert ran.json["trustRoot"]["name"] == "root.json"
    assert (run(*by, NAME + "x").code, run(*by, NAME.upper()).code) == (1, 1)
    shown = run("bundle", "verify", str(SIGNATURE), "--issuer", served.url, "--trusted-root", "root.json",
                "--identity", NAME).out
    assert "at the latest, says a log" in shown
    assert "root     root.json, its newest key is of 2020-01-01T00:00:00Z" in shown


@pytest.mark.parametrize("wrong", [
    ("--public-key", "chain.pem", "--certificate-authority", "chain.pem"), ("--identity", "x"), ("--issuer", "y"),
    ("--public-key", "chain.pem", "--trusted-root", "chain.pem"), (),
    ("--identity", "x", "--issuer", "y", "--certificate-authority", "chain.pem"),
])
def test_one_thing_says_whom_a_bundle_must_be_by(run: Run, model: Path, pki: Pki, wrong: tuple[str, ...]) -> None:
    run(*BY_CERTIFICATE)
    assert run(*CHECK, *wrong).code == 2
