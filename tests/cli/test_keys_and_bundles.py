"""`provenance keygen`, `trust`, `sign` and `bundle`, as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_a_private_key_is_encrypted_and_for_its_owner_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "correct horse")
    assert run("keygen", "lab.key").code == 0
    assert (tmp_path / "lab.key").stat().st_mode & 0o777 == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "lab.key").read_bytes()


def test_no_key_is_written_unencrypted_by_accident(run: Run, tmp_path: Path) -> None:
    ran = run("keygen", "lab.key")
    assert (ran.code, list(tmp_path.glob("lab*"))) == (2, [])
    assert "[key-passphrase]" in ran.err


def test_a_key_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    before = (tmp_path / "lab.key").read_bytes()
    assert run("keygen", "lab.key", "--no-passphrase").code == 2
    assert (tmp_path / "lab.key").read_bytes() == before


def test_a_wrong_passphrase_signs_nothing(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "right")
    run("keygen", "lab.key")
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", "wrong")
    ran = run("sign", "model", "--key", "lab.key")
    assert ran.code == 2
    assert "[key-passphrase]" in ran.err
    assert not model.with_name("model.provenance").exists()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256"])
def test_a_signed_model_verifies_by_its_public_key(run: Run, model: Path, kind: str) -> None:
    run("keygen", "lab.key", "--no-passphrase", "--kind", kind)
    assert run("sign", "model", "--key", "lab.key").code == 0
    check = ("bundle", "verify", "model.provenance/model.sig", "--public-key", "lab.key.pub", "--model", "model")
    ran = run(*check)
    assert ran.code == 0
    assert ran.out.startswith("VALID")
    (model / "config.json").write_text("{}")
    ran = run(*check)
    assert ran.code == 1
    assert "config.json" in ran.out
    assert "[file-mismatch]" in ran.out


LOADED = """
import sys
from provenance.cli import main
try: main(sys.argv[1:])
except SystemExit as end: assert end.code == 0
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_verifying_a_bundle_by_key_waits_for_no_library_that_it_does_not_need(run: Run, model: Path) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    run("sign", "model", "--key", "lab.key")
    check = ["bundle", "verify", "model.provenance/model.sig", "--public-key", "lab.key.pub", "--model", "model"]
    done = subprocess.run([sys.executable, "-c", LOADED, *check], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])})
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[-1].split())
    assert {"click", "cryptography", "jsonschema_rs"} <= loaded
    assert loaded & {"rich", "ruamel", "jinja2", "jsonschema", "sigstore", "securesystemslib", "graphlay", "numpy",
                     "license_expression", "pyarrow", "blake3", "secrets"} == set()


def test_another_key_does_not_verify(run: Run, model: Path) -> None:
    for name in ("lab.key", "other.key"):
        run("keygen", name, "--no-passphrase")
    run("sign", "model", "--key", "lab.key")
    ran = run("bundle", "verify", "model.provenance/model.sig", "--public-key", "other.key.pub", "--format", "json")
    assert ran.code == 1
    assert (ran.json["status"], ran.json["code"]) == ("INVALID", "signature-invalid")


def test_a_private_key_is_refused_where_a_public_one_belongs(run: Run, model: Path) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    run("sign", "model", "--key", "lab.key")
    ran = run("bundle", "verify", "model.provenance/model.sig", "--public-key", "lab.key")
    assert ran.code == 2
    assert "[key-is-private]" in ran.err


@pytest.mark.parametrize(("signatures", "code"), [(0, "bundle-signature-count"), (2, "bundle-signature-count")])
def test_a_bundle_has_one_signature(run: Run, model: Path, signatures: int, code: str) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    run("sign", "model", "--key", "lab.key")
    path = model.with_name("model.provenance") / "model.sig"
    bundle = json.loads(path.read_bytes())
    bundle["dsseEnvelope"]["signatures"] *= signatures
    path.write_text(json.dumps(bundle))
    ran = run("bundle", "verify", str(path), "--public-key", "lab.key.pub")
    assert ran.code == 1
    assert f"[{code}]" in ran.out


def test_inspect_says_that_it_verifies_nothing(run: Run, model: Path) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    run("sign", "model", "--key", "lab.key")
    ran = run("bundle", "inspect", "model.provenance/model.sig")
    assert ran.code == 0
    assert ran.out.startswith("NOT VERIFIED")
    assert "says       https://model_signing/signature/v1.0\n" in ran.out
    assert run("bundle", "inspect", "model.provenance/model.sig", "--format", "json").json["verified"] is False


def test_a_trust_file_is_shown_and_grows_by_versions(run: Run) -> None:
    run("keygen", "lab.key", "--no-passphrase")
    assert run("trust", "init", "trust.yaml", "--format", "json").json["version"] == 1
    add = ("trust", "add", "trust.yaml", "--name", "lab", "--party", "Lab", "--role", "producer", "--public-key",
           "lab.key.pub", "--subject", "tiny*")
    assert run(*add, "--format", "json").json["version"] == 2
    assert "lab (Lab): producer" in run("trust", "show", "trust.yaml").out
    assert "[trust-invalid]" in run(*add).err  # the same name twice
    assert run("trust", "show", "trust.yaml", "--format", "json").json["version"] == 2


def test_a_trust_file_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trust.yaml").write_text("mine")
    assert run("trust", "init", "trust.yaml").code == 2
    assert (tmp_path / "trust.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "code"),
    [("principals: []\nprincipals: []\n", "yaml-invalid"), ("a: &x [1]\nb: *x\n", "yaml-invalid"),
     ("kind: Trust\n", "trust-invalid"), ("a: !!python/object:os.system x\n", "yaml-invalid")],
)
def test_a_broken_trust_file_is_named(run: Run, tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "trust.yaml").write_text(text)
    ran = run("trust", "show", "trust.yaml")
    assert ran.code == 2
    assert f"[{code}]" in ran.err
