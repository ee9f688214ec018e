"""The cases that the public OMS suite makes itself, in words and with data of our own, with its very arguments.

It gives absolute paths and repeats options; it signs, changes model or bundle, and looks at the exit code alone.
What signing must refuse counts as refused there when no bundle is written. Its bundles of past releases are in
`test_model_conformance.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from provenance.bundles.keys import public_pem
from tests.bundles.own_authority import Pki, certificate
from tests.conformance.model_client import main as run
from tests.sigstore_instance.encoding import PEM, ec_key

NOW = datetime.now(UTC)
PAST = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2020, 1, 2, tzinfo=UTC)}
FUTURE = {"start": NOW + timedelta(days=365), "end": NOW + timedelta(days=3650)}
PLAIN = {"weights.bin": b"weights", "config.json": b"{}", "notes": b""}


class Keys:
    """The material of one kind, as files: what signs, and what verifies that by each method."""

    def __init__(self, folder: Path, pki: Pki | None = None, key: Any = None) -> None:
        folder.mkdir()
        self.key = key or (pki.key if pki else ec_key(ec.SECP384R1()))
        self._write(folder / "key.pem", self.key.private_bytes(PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        self._write(folder / "key.pub", public_pem(self.key.public_key()))
        self.folder = folder
        if pki:
            self.certificates(pki.leaf_certificate, pki.between_certificate, pki.root_certificate)

    def certificates(self, leaf: Any, between: Any, root: Any) -> Keys:
        for name, item in (("leaf", leaf), ("between", between), ("root", root)):
            self._write(self.folder / f"{name}.pem", item.public_bytes(PEM))
        return self

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def signing(self, method: str) -> list[str]:
        named = ["--private-key", str(self.folder / "key.pem")]
        if method == "certificate":
            named += ["--signing-cert", str(self.folder / "leaf.pem"), "--cert-chain", str(self.folder / "between.pem")]
        return named

    def verifying(self, method: str) -> list[str]:
        return {"key": ["--public-key", str(self.folder / "key.pub")],
                "certificate": ["--cert-chain", str(self.folder / "root.pem")],
                "sigstore": ["--identity", "test@example.com", "--identity-provider", "https://accounts.example.com"],
                }[method]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys") / "lab", Pki())


def model_of(files: dict[str, bytes], folder: Path) -> Path:
    for name, data in files.items():
        place = folder / "model" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder / "model"


def sign(keys: Keys, method: str, model: Path, bundle: Path, ignored: tuple[str, ...] = ()) -> int:
    paths = [word for path in ignored for word in ("--ignore-paths", str(model / path))]
    return run(["sign-model", "--method", method, "--model-path", str(model), "--output-bundle", str(bundle),
                *keys.signing(method), *paths])


def verify(keys: Keys, method: str, model: Path, bundle: Path, ignored: tuple[str, ...] = (), *more: str) -> int:
    base = model if model.is_dir() else model.parent
    paths = [word for path in ignored for word in ("--ignore-paths", str(base / path))]
    return run(["verify-model", "--method", method, "--model-path", str(model), "--bundle", str(bundle),
                *keys.verifying(method), *paths, *more])


def statement_in(bundle: Path) -> Any:
    return json.loads(base64.b64decode(json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"]))


# There and back

MODELS: dict[str, tuple[dict[str, bytes], tuple[str, ...]]] = {  # and what is ignored
    "plain": (PLAIN, ("notes",)),
    "one file": ({"model.bin": b"\xef" * 256}, ()),
    "folders": ({"config.json": b"{}", "weights.bin": b"\xab" * 1024, "sub/adapter.bin": b"\xcd" * 512}, ()),
    "binary": ({"header.bin": bytes.fromhex("0001fffe000089504e47"), "weights.bin": bytes(range(256)) * 4}, ()),
    "deep": ({"a/very/deep/folder/tree/weights.bin": b"w", ".git/HEAD": b"g"}, (".git/HEAD",)),
    "what git leaves": ({".gitattributes": b"", ".gitignore": b"", "model.bin": b"m", ".git/HEAD": b"g",
                         ".github/ci.yml": b"c"}, (".git/HEAD",)),
    "hidden files": ({".config": b"c", ".env.example": b"e", ".cache/weights.bin": b"w", "model.bin": b"m"}, ()),
    "an empty file": ({"empty.bin": b"", "weights": b"w"}, ()),
    "ignored by its whole path": ({"skip": b"s", "weights": b"w", "sub/skip": b"s"}, ("skip",)),
    "git below": ({"model.bin": b"m", "sub/.gitignore": b"s", "sub/.git/HEAD": b"h"}, ()),
    "git below, ignored": ({"model.bin": b"m", ".git/HEAD": b"g", "sub/model.bin": b"s", "sub/.git/HEAD": b"h",
                            "sub/.gitignore": b"i"}, (".git/HEAD", "sub/.git/HEAD", "sub/.gitignore")),
    "spaces and brackets": ({"file (copy).bin": b"1", "a path/with spaces.bin": b"2"}, ()),
    "other alphabets": ({"weights.bin": b"w", "模型.bin": b"m"}, ()),
}
LEFT_OUT = (".git/", ".github/", ".gitattributes", ".gitignore")  # at the top alone


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["key", "certificate"])
def test_a_model_goes_there_and_back(method: str, name: str, keys: Keys, tmp_path: Path) -> None:
    files, ignored = MODELS[name]
    model, bundle = model_of(files, tmp_path), tmp_path / "bundle.sig"
    assert sign(keys, method, model, bundle, ignored) == 0
    statement = statement_in(bundle)
    (subject,), predicate = statement["subject"], statement["predicate"]
    rows = predicate["resources"]
    assert [row["name"] for row in rows] == sorted(
        path for path in files if path not in ignored and not path.startswith(LEFT_OUT))
    root = hashlib.sha256(b"".join(bytes.fromhex(row["digest"]) for row in rows)).hexdigest()
    assert subject == {"name": "model", "digest": {"sha256": root}}
    assert {row["algorithm"] for row in rows} == {predicate["serialization"]["hash_type"]} == {"sha256"}
    assert "shard_size" not in predicate["serialization"]
    assert statement["predicateType"] == "https://model_signing/signature/v1.0"
    assert verify(keys, method, model, bundle, ignored) == 0
    assert sign(keys, method, model, tmp_path / "again.sig", ignored) == 0
    assert statement_in(tmp_path / "again.sig") == statement


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_every_curve_goes_there_and_back(curve: Any, tmp_path: Path) -> None:
    keys, model = Keys(tmp_path / "keys", key=ec_key(curve)), model_of(PLAIN, tmp_path)
    assert sign(keys, "key", model, tmp_path / "bundle.sig") == 0
    assert verify(keys, "key", model, tmp_path / "bundle.sig") == 0


def test_a_bundle_inside_the_model_is_not_part_of_it(keys: Keys, tmp_path: Path) -> None:
    model = model_of(PLAIN, tmp_path)
    assert sign(keys, "key", model, model / "bundle.sig") == 0
    assert "bundle.sig" not in {row["name"] for row in statement_in(model / "bundle.sig")["predicate"]["resources"]}
    assert verify(keys, "key", model, model / "bundle.sig") == 0


def test_a_certificate_that_only_itself_vouches_for_is_its_own_authority(tmp_path: Path) -> None:
    """It stands in the bundle, in the chain and in the verifier's hand; it may sign code, and may not certify."""
    key = ec_key()
    own = certificate("signer", key, "signer", key, ca=True, usages=[Usage.CODE_SIGNING])
    keys, model = Keys(tmp_path / "keys", key=key).certificates(own, own, own), model_of(PLAIN, tmp_path)
    assert sign(keys, "certificate", model, tmp_path / "bundle.sig") == 0
    assert verify(keys, "certificate", model, tmp_path / "bundle.sig") == 0
    (model / "weights.bin").write_bytes(b"other")
    assert verify(keys, "certificate", model, tmp_path / "bundle.sig") == 1


@pytest.mark.parametrize("files", [{}, {".gitignore": b".gitkeep\n"}], ids=["nothing", "nothing but what git leaves"])
def test_a_model_without_files_is_not_signed(files: dict[str, bytes], keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert sign(keys, "key", model_of(files, tmp_path), tmp_path / "bundle.sig") == 1
    assert not (tmp_path / "bundle.sig").exists()


@pytest.mark.parametrize("target", [".", "weights.bin", "/tmp/nothing-there"])
def test_a_model_with_a_link_is_not_signed(target: str, keys: Keys, tmp_path: Path) -> None:
    model = model_of(PLAIN, tmp_path)
    (model / "link").symlink_to(target)
    assert sign(keys, "key", model, tmp_path / "bundle.sig") == 1
    assert not (tmp_path / "bundle.sig").exists()


# Certificates outside their time, or for something else

CHAINS: dict[str, Callable[[], Pki]] = {
    "leaf not for code": lambda: Pki(leaf={"usages": ()}),
    "leaf past": lambda: Pki(leaf=PAST),
    "leaf to come": lambda: Pki(leaf=FUTURE),
    "authority past": lambda: Pki(between=PAST),
    "authority to come": lambda: Pki(between=FUTURE),
    "root past": lambda: Pki(root=PAST),
    "authority and leaf past": lambda: Pki(between=PAST, leaf=PAST),
    "all past": lambda: Pki(root=PAST, between=PAST, leaf=PAST),
}


@pytest.mark.parametrize("flaw", CHAINS)
def test_a_chain_that_is_not_valid_now_is_refused(flaw: str, tmp_path: Path) -> None:
    """By our own signer, or, where another one signed, by the verifier."""
    pki, model = CHAINS[flaw](), model_of(PLAIN, tmp_path)
    keys, bundle = Keys(tmp_path / "keys", pki), tmp_path / "bundle.sig"
    signs = sign(keys, "certificate", model, bundle)
    assert (signs, bundle.exists()) == (1, False) if flaw.startswith(("leaf", "all", "authority and")) else (0, True)
    good = Keys(tmp_path / "good", Pki())
    assert sign(good, "certificate", model, bundle) == 0
    bundle.write_text(json.dumps(pki.bundle(base64.b64decode(
        json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"]))))
    assert verify(keys, "certificate", model, bundle) == 1


# Bundles and models that were changed

@pytest.fixture(scope="module")
def signed(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and a bundle of it by each method."""
    folder = tmp_path_factory.mktemp("signed")
    model = model_of(PLAIN, folder)
    for method in ("key", "certificate"):
        assert sign(keys, method, model, folder / f"{method}.sig", ("notes",)) == 0
    return folder


@pytest.fixture
def copy(signed: Path, tmp_path: Path) -> Path:
    shutil.copytree(signed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_as_it_was_signed_it_verifies(copy: Path, keys: Keys) -> None:
    for method in ("key", "certificate"):
        assert verify(keys, method, copy / "model", copy / f"{method}.sig", ("notes",)) == 0


def of_payload(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    def changed(bundle: Any) -> None:
        payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        change(payload)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(payload, indent=2).encode()).decode()
    return changed


CHANGES: dict[str, Callable[[Any], Any]] = {
    "media type": lambda bundle: bundle.update(mediaType="application/json"),
    "payload type": lambda bundle: bundle["dsseEnvelope"].update(payloadType="application/octet-stream"),
    "no signature": lambda bundle: bundle["dsseEnvelope"].update(signatures=[]),
    "no envelope": lambda bundle: bundle.pop("dsseEnvelope"),
    "statement type": of_payload(lambda said: said.update(_type="https://in-toto.io/Statement/v0.1")),
    "predicate type": of_payload(lambda said: said.update(predicateType="https://example.com/wrong/v1.0")),
    "no resources": of_payload(lambda said: said["predicate"].update(resources=[])),
    "no serialization": of_payload(lambda said: said["predicate"].pop("serialization")),
    "garbage": lambda bundle: (bundle.clear(), bundle.update(garbage=True)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_bundle_is_refused(change: str, copy: Path, keys: Keys) -> None:
    bundle = json.loads((copy / "key.sig").read_bytes())
    CHANGES[change](bundle)
    (copy / "key.sig").write_text(json.dumps(bundle))
    assert verify(keys, "key", copy / "model", copy / "key.sig", ("notes",)) == 1


@pytest.mark.parametrize("size", [0, 100])
def test_a_bundle_that_is_cut_off_is_refused(size: int, copy: Path, keys: Keys) -> None:
    (copy / "key.sig").write_bytes((copy / "key.sig").read_bytes()[:size])
    assert verify(keys, "key", copy / "model", copy / "key.sig", ("notes",)) == 1


@pytest.mark.parametrize(("by", "held_as"), [("key", "certificate"), ("key", "sigstore"), ("certificate", "key"),
                                             ("certificate", "sigstore")])
def test_a_bundle_by_one_method_is_none_by_another(by: str, held_as: str, copy: Path, keys: Keys) -> None:
    assert verify(keys, held_as, copy / "model", copy / f"{by}.sig", ("notes",)) == 1


@pytest.mark.parametrize("method", ["key", "certificate"])
def test_somebody_elses_key_or_authority_is_refused(method: str, copy: Path, keys: Keys) -> None:
    other = Keys(copy / "other", Pki())
    assert verify(other, method, copy / "model", copy / f"{method}.sig", ("notes",)) == 1


@pytest.mark.parametrize("more", [(), ("--ignore-unsigned-files",)], ids=["", "unsigned files ignored"])
def test_a_file_that_is_changed_or_gone_is_found(more: tuple[str, ...], copy: Path, keys: Keys) -> None:
    (copy / "model" / "weights.bin").write_bytes(b"other")
    assert verify(keys, "key", copy / "model", copy / "key.sig", ("notes",), *more) == 1
    (copy / "model" / "weights.bin").unlink()
    assert verify(keys, "key", copy / "model", copy / "key.sig", ("notes",), *more) == 1


def test_a_file_that_was_not_signed_is_found_unless_such_files_are_ignored(copy: Path, keys: Keys) -> None:
    (copy / "model" / "extra.bin").write_bytes(b"new")
    about: Any = (keys, "key", copy / "model", copy / "key.sig", ("notes",))
    assert verify(*about) == 1
    assert verify(*about, "--ignore-unsigned-files") == 0


# The program itself


def test_the_suites_own_command_lines_work_from_any_folder(copy: Path, keys: Keys) -> None:
    program = Path(__file__).resolve().with_name("model_client.py")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def called(*arguments: str) -> int:
        return subprocess.run([sys.executable, str(program), *arguments], cwd=copy, env=clean, capture_output=True,
                              check=False, timeout=60).returncode

    who = ["verify-model", "--method", "certificate", "--model-path", str(copy / "model"), "--bundle",
           str(copy / "certificate.sig"), *keys.verifying("certificate")]
    assert called(*who, "--ignore-paths", str(copy / "model" / "notes")) == 0
    assert called("verify-model", "--method", "sigstore", "--model-path", str(copy / "model"), "--bundle",
                  str(copy / "key.sig"), *keys.verifying("sigstore"), "--use-staging") == 1
