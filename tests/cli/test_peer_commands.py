"""Our commands and those of model-signing and sigstore-python, both ways, as their users type them.

What their libraries say of each algorithm and method is looked at in `tests/bundles/test_oms_peers.py` and
`test_signer_peers.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

from provenance.bundles.keys import public_pem
from tests.bundles.own_authority import Pki
from tests.cli.conftest import Run
from tests.conformance import sigstore_client
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
theirs = pytest.importorskip("model_signing._cli", exc_type=ImportError)
NAME = "https://ci.example/train.yml@refs/heads/main"
OURS, THEIRS = "ours.sig", "theirs.sig"


def model_signing(*arguments: str) -> int:
    return int(CliRunner().invoke(theirs.main, list(arguments)).exit_code)


@pytest.fixture(params=["key", "certificate", "sigstore"])
def method(request: pytest.FixtureRequest, run: Run, model: Path) -> dict[str, tuple[str, ...]]:
    """What signs and what verifies, with us and with them; the files lie in the working folder, like the model."""
    if request.param == "sigstore":
        served: Instance = request.getfixturevalue("served")
        Path("config.json").write_bytes(served.trust_config())
        Path("root.json").write_text(json.dumps(served.trusted_root()))
        Path("token").write_text(served.oidc.token())
        return {
            "we sign": ("--identity-token", "token", "--trust-config", "config.json", "--online"),
            "we verify": ("--identity", NAME, "--issuer", served.url, "--trusted-root", "root.json"),
            "they sign": ("sigstore", "--identity_token", Path("token").read_text(), "--trust_config", "config.json"),
            "they verify": ("sigstore", "--identity", NAME, "--identity_provider", served.url, "--trust_config",
                            "config.json"),
        }
    pki = Pki(key=ec.generate_private_key(ec.SECP256R1()))
    Path("key.pem").write_bytes(pki.key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption()))
    if request.param == "key":
        Path("key.pub").write_bytes(public_pem(pki.key.public_key()))
        return {"we sign": ("--key", "key.pem"), "we verify": ("--public-key", "key.pub"),
                "they sign": ("key", "--private_key", "key.pem"), "they verify": ("key", "--public_key", "key.pub")}
    for name, items in (("leaf", pki.chain[:1]), ("between", pki.chain[1:]), ("chain", pki.chain),
                        ("root", [pki.root_certificate])):
        Path(f"{name}.pem").write_bytes(b"".join(item.public_bytes(PEM) for item in items))
    return {
        "we sign": ("--key", "key.pem", "--certificate", "chain.pem"),
        "we verify": ("--certificate-authority", "root.pem"),
        "they sign": ("certificate", "--private_key", "key.pem", "--signing_certificate", "leaf.pem",
                      "--certificate_chain", "between.pem"),
        "they verify": ("certificate", "--certificate_chain", "root.pem"),
    }


Method = dict[str, tuple[str, ...]]


def test_what_we_sign_their_command_verifies(method: Method, run: Run, model: Path) -> None:
    assert run("sign", "model", "--bundle", OURS, *method["we sign"]).code == 0
    check = ("verify", *method["they verify"], "--signature", OURS, "model")
    assert model_signing(*check) == 0
    (model / "config.json").write_text("{}")
    assert model_signing(*check) != 0


def test_what_they_sign_our_command_verifies(method: Method, run: Run, model: Path) -> None:
    assert model_signing("sign", *method["they sign"], "--signature", THEIRS, "model") == 0
    check = ("bundle", "verify", THEIRS, "--model", "model", *method["we verify"])
    assert run(*check).code == 0
    (model / "config.json").write_text("{}")
    assert run(*check).code == 1


@pytest.mark.parametrize("kind", ["", "ecdsa-p384", "ecdsa-p521"])
def test_the_keys_that_we_make_are_those_that_others_take(kind: str, run: Run, model: Path) -> None:
    assert run("keygen", "lab.key", "--no-passphrase", *(("--kind", kind) if kind else ())).code == 0
    assert "warning" not in run("sign", "model", "--key", "lab.key", "--bundle", OURS).out
    assert model_signing("verify", "key", "--public_key", "lab.key.pub", "--signature", OURS, "model") == 0


def test_that_others_do_not_take_a_key_is_said_when_it_signs(run: Run, model: Path) -> None:
    """Should model-signing learn to verify with Ed25519, the warning goes."""
    run("keygen", "lab.key", "--no-passphrase", "--kind", "ed25519")
    ran = run("sign", "model", "--key", "lab.key", "--bundle", OURS, "--format", "json")
    assert [found["code"] for found in ran.json["findings"]] == ["key-less-known"]
    assert run("bundle", "verify", OURS, "--model", "model", "--public-key", "lab.key.pub").code == 0
    assert model_signing("verify", "key", "--public_key", "lab.key.pub", "--signature", OURS, "model") != 0


# sigstore-python, over a file


def sigstore(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    from sigstore._cli import main

    monkeypatch.setattr(sys, "argv", ["sigstore", *arguments])
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


@pytest.fixture
def file(served: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in (("root", served.trusted_root()), ("services", served.signing_config())):
        Path(f"{name}.json").write_text(json.dumps(value))
    Path("config.json").write_bytes(served.trust_config())
    Path("a.txt").write_bytes(b"an artifact")
    return Path("a.txt")


def verified_by_us(served: Instance) -> bool:
    return sigstore_client.main([
        "verify-bundle", "--bundle", "bundle.json", "--certificate-identity", NAME, "--certificate-oidc-issuer",
        served.url, "--trusted-root", "root.json", "a.txt"]) == 0


def test_a_file_that_we_sign_sigstores_command_verifies(file: Path, served: Instance,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    assert sigstore_client.main([
        "sign-bundle", "--identity-token", served.oidc.token(), "--bundle", "bundle.json", "--trusted-root",
        "root.json", "--signing-config", "services.json", "a.txt"]) == 0
    check: Any = ("--trust-config", "config.json", "verify", "identity", "--bundle", "bundle.json", "--cert-identity",
                  NAME, "--cert-oidc-issuer", served.url, "a.txt")
    assert sigstore(monkeypatch, *check) == 0
    file.write_bytes(b"another")
    assert sigstore(monkeypatch, *check) != 0


def test_a_file_that_sigstores_command_signs_we_verify(file: Path, served: Instance,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    assert sigstore(monkeypatch, "--trust-config", "config.json", "sign", "--identity-token", served.oidc.token(),
                    "--bundle", "bundle.json", "a.txt") == 0
    assert verified_by_us(served)
    file.write_bytes(b"another")
    assert not verified_by_us(served)
