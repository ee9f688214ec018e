"""A key that stays in a token: how its URI is read, and signing with SoftHSM2."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import Signature

from provenance.bundles.envelope import parse_bundle, sign
from provenance.bundles.keys import keyid, pem_of
from provenance.bundles.signers.key import signing_key
from provenance.bundles.signers.pkcs11 import Pkcs11Signer, Pkcs11Uri
from provenance.errors import ProvenanceError
from tests.bundles.own_authority import STATEMENT
from tests.cli.conftest import *  # noqa: F403  a terminal
from tests.cli.conftest import Run

MODULE = "?module-path=/m.so"


def test_a_uri_is_read_as_its_standard_says() -> None:
    uri = Pkcs11Uri.parse("pkcs11:token=My%20token;object=lab;id=%01%ff;type=private?module-path=/m.so"
                          "&pin-source=file:/p")
    assert uri == Pkcs11Uri("/m.so", {"token": "My token"}, "lab", b"\x01\xff", Path("/p"))


@pytest.mark.parametrize("uri", [
    "", "x:object=a" + MODULE, "pkcs11:token=a" + MODULE, "pkcs11:object=a", "pkcs11:object=a;object=b" + MODULE,
    "pkcs11:object=a;type=cert" + MODULE, "pkcs11:object=a;x-vendor=1" + MODULE, "pkcs11:object=a?module-name=softhsm",
    "pkcs11:object=a" + MODULE + "&module-path=/n.so", "pkcs11:object=a" + MODULE + "&pin-value=1234",
])
def test_a_uri_that_could_mean_another_key_is_a_mistake(uri: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        Pkcs11Uri.parse(uri)
    assert caught.value.code == "usage"
    assert "1234" not in f"{caught.value.message} {caught.value.location} {caught.value.hint}"


PIN, CURVES = "1234", ("secp256r1", "secp384r1", "secp521r1")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The module of a SoftHSM2 with one token: a key for each curve, and an Ed25519 one. Skips where there is none."""
    program, module = shutil.which("softhsm2-util"), Path("/usr/lib/softhsm/libsofthsm2.so")
    if program is None or not module.exists():
        pytest.skip("softhsm2 is not installed")
    pkcs11 = pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    # The module reads it when it is loaded, once in the life of a process.
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    subprocess.run([program, "--init-token", "--free", "--label", "signing", "--so-pin", "0000", "--pin", PIN],
                   check=True, capture_output=True)
    from pkcs11.util.ec import encode_named_curve_parameters

    with pkcs11.lib(str(module)).get_token(token_label="signing").open(user_pin=PIN, rw=True) as session:
        for number, curve in enumerate(CURVES):
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}, local=True)
            parameters.generate_keypair(store=True, label=curve, id=bytes([number]))
        edwards = session.create_domain_parameters(
            pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: bytes.fromhex("130c656477617264733235353139")},
            local=True)
        edwards.generate_keypair(mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="edwards",
                                 id=b"\x09")
    return str(module)


def signer(module: str, what: str, pin: Callable[[], str | None] = lambda: PIN) -> Pkcs11Signer:
    return Pkcs11Signer(f"pkcs11:token=signing;{what}?module-path={module}", pin)


@pytest.mark.parts
@pytest.mark.parametrize("what", [*(f"object={curve}" for curve in CURVES), "object=edwards", "id=%01"])
def test_a_key_in_a_token_signs_and_verifies_as_any_other(token: str, what: str) -> None:
    key = signer(token, what)
    envelope = parse_bundle(sign(STATEMENT, key), "bundle")
    pem = pem_of(key.public_key)
    assert envelope.hint == keyid(pem)
    signing_key(pem, "token").verify_signature(Signature(envelope.hint, envelope.signature.hex()), envelope.pae)


@pytest.mark.parts
@pytest.mark.parametrize(("what", "pin", "code"), [
    ("object=secp256r1", "9999", "key-passphrase"), ("object=none", PIN, "signer-unavailable"),
    ("serial=0;object=secp256r1", PIN, "signer-unavailable"),
])
def test_a_wrong_pin_token_or_key_signs_nothing(token: str, what: str, pin: str, code: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        signer(token, what, lambda: pin)
    assert caught.value.code == code
    assert pin not in caught.value.message


@pytest.mark.parts
def test_a_module_that_is_none_is_said_to_be_unavailable(token: str) -> None:
    with pytest.raises(ProvenanceError) as caught:
        signer("/no/such/module.so", "object=a")
    assert caught.value.code == "signer-unavailable"


@pytest.mark.parts
def test_the_command_reads_the_pin_from_the_environment_or_a_file(token: str, run: Run, model: Path, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"pkcs11:token=signing;object=secp256r1?module-path={token}"
    (tmp_path / "lab.pub").write_bytes(_pem(token))
    check = ("bundle", "verify", "model.provenance/model.sig", "--public-key", "lab.pub", "--model", "model")
    monkeypatch.setenv("PROVENANCE_PKCS11_PIN", PIN)
    assert run("sign", "model", "--pkcs11", uri).code == 0
    assert run(*check).code == 0
    monkeypatch.delenv("PROVENANCE_PKCS11_PIN")
    (tmp_path / "pin").write_text(PIN + "\n")
    assert run("sign", "model", "--pkcs11", f"{uri}&pin-source={tmp_path / 'pin'}").code == 0
    assert run(*check).code == 0


def _pem(module: str) -> bytes:
    return pem_of(signer(module, "object=secp256r1").public_key)


@pytest.mark.parts
def test_a_key_in_a_token_signs_under_a_certificate(token: str, run: Run, model: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    from tests.bundles.own_authority import Pki
    from tests.sigstore_instance.encoding import PEM

    class Public:
        """Enough of a private key to be certified."""

        def public_key(self) -> Any:
            return load_pem_public_key(_pem(token))

    pki = Pki(key=Public())
    Path("chain.pem").write_bytes(b"".join(certificate.public_bytes(PEM) for certificate in pki.chain))
    monkeypatch.setenv("PROVENANCE_PKCS11_PIN", PIN)
    ran = run("sign", "model", "--pkcs11", f"pkcs11:object=secp256r1?module-path={token}",
              "--certificate", "chain.pem")
    assert ran.code == 0, ran.err
    from provenance.bundles.sigstore import verify
    from tests.bundles.test_chains import NOW

    assert verify(Path("model.provenance/model.sig").read_bytes(), None, signer=pki.authority, as_of=NOW).verified


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pkcs11", None)
    with pytest.raises(ProvenanceError) as caught:
        signer("/m.so", "object=a")
    assert caught.value.code == "extra-missing"


@pytest.mark.parts
@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_conformance_client_signs_with_a_token_and_model_signing_verifies(
    token: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key's bundle looks the same wherever the key is."""
    from tests.conformance.model_client import main

    verifying = pytest.importorskip("model_signing.verifying", exc_type=ImportError)
    monkeypatch.setenv("PROVENANCE_PKCS11_PIN", PIN)
    bundle, public = tmp_path / "model.sig", tmp_path / "lab.pub"
    public.write_bytes(_pem(token))
    uri = f"pkcs11:token=signing;object=secp256r1?module-path={token}"
    about = ["--model-path", str(model)]
    assert main(["sign-model", "--method", "pkcs11", "--pkcs11-uri", uri, *about, "--output-bundle", str(bundle)]) == 0
    assert main(["verify-model", "--method", "pkcs11", "--public-key", str(public), *about, "--bundle",
                 str(bundle)]) == 0
    verifying.Config().use_elliptic_key_verifier(public_key=public).verify(model, bundle)
