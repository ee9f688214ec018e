"""The client that the public OMS suite drives: every method there and back, real releases, and the golden models.

The suite itself is not here, so that its protocol is followed: a program, two commands, and the exit code alone. The
real signatures are another project's, and are read where they are: beside the checkout, or where OMS_RELEASES says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

from provenance import resources
from provenance.bundles.keys import public_pem
from provenance.bundles.signers.key import generate
from tests.bundles.own_authority import Pki
from tests.bundles.test_oms_vectors import case, model_of
from tests.conformance.model_client import main as run
from tests.sigstore_instance import Instance
from tests.sigstore_instance.encoding import PEM
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances

HERE = Path(__file__).resolve()
RELEASES = Path(os.environ.get("OMS_RELEASES", HERE.parents[2].parent / "shared/vectors/oms-model-transparency"))
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
NAME = "https://ci.example/train.yml@refs/heads/main"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "weights.bin").write_bytes(b"weights")
    (model / "code" / "run.py").write_bytes(b"print()")
    return model


@pytest.fixture(params=["key ed25519", "key P-256", "key P-384", "key P-521", "certificate", "sigstore"])
def method(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], list[str], list[str]]:
    """What signs, what verifies that, and what must not: by somebody else of the same kind."""
    kind, _, curve = request.param.partition(" ")
    if kind == "sigstore":
        return _sigstore(request.getfixturevalue("served"), tmp_path)
    private, public = str(tmp_path / "private.pem"), str(tmp_path / "public.pem")
    if kind == "certificate":
        pki = Pki()
        Path(private).write_bytes(_private(pki.key))
        for name, item in (("leaf", pki.leaf_certificate), ("authority", pki.between_certificate),
                           ("root", pki.root_certificate), ("other", Pki().root_certificate)):
            (tmp_path / f"{name}.pem").write_bytes(item.public_bytes(PEM))
        chain = ["--cert-chain", str(tmp_path / "authority.pem"), str(tmp_path / "root.pem")]
        by = ["--method", "certificate"]
        return ([*by, "--private-key", private, "--signing-cert", str(tmp_path / "leaf.pem"), *chain],
                [*by, "--cert-chain", str(tmp_path / "root.pem")], [*by, "--cert-chain", str(tmp_path / "other.pem")])
    if curve == "ed25519":
        pair = generate("ed25519", None)
    else:
        key = ec.generate_private_key(CURVES[curve])
        pair = _private(key), public_pem(key.public_key())
    Path(private).write_bytes(pair[0])
    Path(public).write_bytes(pair[1])
    (tmp_path / "other.pem").write_bytes(generate("ecdsa-p256", None)[1])
    by = ["--method", "key"]
    return ([*by, "--private-key", private], [*by, "--public-key", public],
            [*by, "--public-key", str(tmp_path / "other.pem")])


def _sigstore(served: Instance, folder: Path) -> tuple[list[str], list[str], list[str]]:
    config, by = folder / "config.json", ["--method", "sigstore"]
    config.write_bytes(served.trust_config())
    known = [*by, "--trust-config", str(config), "--identity-provider", served.url, "--identity"]
    return ([*by, "--trust-config", str(config), "--identity-token", served.oidc.token()], [*known, NAME],
            [*known, NAME + "x"])


def _private(key: Any) -> bytes:
    pem: bytes = key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


Method = tuple[list[str], list[str], list[str]]


def test_what_is_signed_verifies_and_a_changed_model_does_not(method: Method, model: Path, tmp_path: Path) -> None:
    signing, checking, wrong = method
    bundle = str(tmp_path / "model.sig")
    about = ["--model-path", str(model), "--bundle", bundle]
    assert run(["sign-model", *signing, "--model-path", str(model), "--output-bundle", bundle]) == 0
    assert run(["verify-model", *checking, *about]) == 0
    assert run(["verify-model", *wrong, *about]) == 1
    (model / "notes.txt").write_text("new")
    assert run(["verify-model", *checking, *about]) == 1
    assert run(["verify-model", *checking, *about, "--ignore-unsigned-files"]) == 0
    assert run(["verify-model", *checking, *about, "--ignore-paths", "notes.txt"]) == 0
    assert run(["verify-model", *checking, *about, "--ignore-paths", str(model / "notes.txt")]) == 0
    (model / "code" / "run.py").write_bytes(b"evil()")
    assert run(["verify-model", *checking, *about, "--ignore-unsigned-files"]) == 1
    (model / "code" / "run.py").unlink()
    assert run(["verify-model", *checking, *about, "--ignore-unsigned-files"]) == 1


def test_what_is_ignored_when_it_is_signed_may_change(method: Method, model: Path, tmp_path: Path) -> None:
    signing, checking, _ = method
    bundle = str(tmp_path / "model.sig")
    assert run(["sign-model", *signing, "--model-path", str(model), "--output-bundle", bundle,
                "--ignore-paths", "code", "--ignore-paths", "nowhere"]) == 0
    (model / "code" / "run.py").write_bytes(b"other()")
    assert run(["verify-model", *checking, "--model-path", str(model), "--bundle", bundle]) == 0


@pytest.mark.parametrize("method_name", ["key", "certificate", "sigstore"])
def test_without_whom_to_believe_nothing_verifies(method_name: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "model.sig").write_text("{}")
    assert run(["verify-model", "--method", method_name, "--model-path", str(model), "--bundle",
                str(tmp_path / "model.sig")]) == 1


def cases(method: str) -> list[str]:
    return sorted(path.parent.name for path in RELEASES.glob(f"*-{method}/model.sig"))


def released(name: str, folder: Path) -> tuple[list[str], Path]:
    """A model of a release, and what verifies it: two of the releases signed a single file."""
    shutil.copytree(RELEASES / name, folder / name)
    (folder / name / "model.sig").rename(folder / "model.sig")
    alone = not (RELEASES / name / "signme-2").exists()
    place = folder / name / "signme-1" if alone else folder / name
    return ["--model-path", str(place), "--bundle", str(folder / "model.sig"), "--ignore-paths", "ignore-me"], place


KEYS = RELEASES / "keys" / "certificate"
RIGHT = {
    "elliptic-key": (["--method", "key", "--public-key", str(KEYS / "signing-key-pub.pem")],
                     ["--method", "certificate", "--cert-chain", str(KEYS / "ca-cert.pem")]),
    "certificate": (["--method", "certificate", "--cert-chain", str(KEYS / "ca-cert.pem")],
                    ["--method", "key", "--public-key", str(KEYS / "signing-key-pub.pem")]),
    "sigstore": (["--method", "sigstore", "--identity", "stefanb@us.ibm.com", "--identity-provider",
                  "https://sigstore.verify.ibm.com/oauth2"],
                 ["--method", "sigstore", "--identity", "stefanb@us.ibm.com", "--identity-provider",
                  "https://accounts.google.com"]),
}


@pytest.mark.skipif(not RELEASES.is_dir(), reason="the real signatures are not here")
@pytest.mark.parametrize("name", [name for method in RIGHT for name in cases(method)] or ["none"])
def test_what_real_releases_signed_verifies_and_nothing_else(name: str, tmp_path: Path) -> None:
    about, place = released(name, tmp_path)
    right, wrong = RIGHT[name.split("-", 1)[1]]
    assert run(["verify-model", *right, *about]) == 0
    assert run(["verify-model", *wrong, *about]) == 1
    changed = place if place.is_file() else place / "signme-1"
    changed.write_bytes(changed.read_bytes() + b" ")
    assert run(["verify-model", *right, *about]) == 1


GOLDEN = resources._folder("attestations") / "vectors"
VERIFY = sorted(path.stem for path in (GOLDEN / "oms" / "verify").glob("*.json"))


@pytest.mark.parametrize("name", VERIFY)
def test_the_golden_models_get_the_answer_beside_them(name: str, tmp_path: Path) -> None:
    document = case(f"verify/{name}")
    options, model = document["options"], model_of(document["model"], tmp_path)
    bundle = model / options["bundle"] if "bundle" in options else tmp_path / "signature.sig"
    bundle.write_bytes(json.dumps(document["bundle"]).encode())
    more = [word for path in options.get("ignorePaths", ()) for word in ("--ignore-paths", path)]
    more += ["--ignore-unsigned-files"] if options.get("ignoreUnsigned") else []
    code = run(["verify-model", "--method", "key", "--public-key", str(GOLDEN / "keys" / "lab.pub.pem"),
                "--model-path", str(model), "--bundle", str(bundle), *more])
    assert code == (0 if document["expected"]["verified"] else 1)


def test_the_client_is_a_program(model: Path, tmp_path: Path) -> None:
    """As the suite starts it: a file, from wherever, whose exit code is the answer."""
    program = HERE.with_name("model_client.py")
    assert os.access(program, os.X_OK)
    (tmp_path / "lab.pem").write_bytes(generate("ecdsa-p256", None)[0])
    done = subprocess.run(
        [sys.executable, str(program), "sign-model", "--method", "key", "--private-key", "lab.pem", "--model-path",
         "model", "--output-bundle", "model.sig"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "model.sig").read_bytes())["dsseEnvelope"]
