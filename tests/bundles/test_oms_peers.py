"""OMS v1.0 against the reference implementation, both ways, by every method and hash that it can do itself."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.artifacts.manifest import oms_root, scan
from provenance.bundles.envelope import parse_bundle
from provenance.bundles.keys import load_signer
from provenance.bundles.oms import Serialization, model_statement, serialization_for
from provenance.workflows.sign import BundleCheck, sign_model, verify_bundle

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZE = 64
THEIRS = {"sha256": "sha256", "blake2b": "blake2", "blake3": "blake3"}  # their arguments; what they sign has our names
EVERY = [(method, name) for method in ("files", "shards") for name in THEIRS]

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
hashing = pytest.importorskip("model_signing.hashing", exc_type=ImportError)
signing = pytest.importorskip("model_signing.signing", exc_type=ImportError)
verifying = pytest.importorskip("model_signing.verifying", exc_type=ImportError)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Files at several depths, longer and shorter than a shard, an empty one, and what is left out."""
    place = tmp_path / "model"
    files = {"b.txt": b"b", "a/w.bin": bytes(range(200)), "a-c": b"c" * SIZE, "a.txt": b"a", "empty": b"",
             ".hidden": b"h", ".git/config": b"g", ".gitattributes": b"g", "sub/.gitignore": b"kept", "é": b"e"}
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


@pytest.fixture(params=["secp256r1", "secp384r1", "secp521r1"])
def curve(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pair(folder: Path, curve: str = "secp256r1") -> tuple[Path, Path]:
    """A private and a public key as files."""
    kinds: dict[str, Any] = {"secp256r1": ec.SECP256R1, "secp384r1": ec.SECP384R1, "secp521r1": ec.SECP521R1}
    key = ec.generate_private_key(kinds[curve]())
    private, public = folder / "ec.pem", folder / "ec.pub"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


def theirs(method: str, name: str, ignored: tuple[Path, ...] = ()) -> Any:
    """Their configuration of a method and a hash."""
    config = hashing.Config()
    if method == "files":
        config.use_file_serialization(hashing_algorithm=THEIRS[name])
    else:
        config.use_shard_serialization(hashing_algorithm=THEIRS[name], shard_size=SIZE)
    return config.set_ignored_paths(paths=ignored, ignore_git_paths=True)


def ours(method: Any, name: Any) -> Serialization:
    return serialization_for(method, name, shard_size=SIZE if method == "shards" else None)


def signed_by_them(model: Path, folder: Path, method: str, name: str, curve: str = "secp256r1",
                   ignored: tuple[Path, ...] = ()) -> tuple[Path, Path]:
    private, public = pair(folder, curve)
    bundle = folder / "theirs.sig"
    config = signing.Config().use_elliptic_key_signer(private_key=private)
    config.set_hashing_config(theirs(method, name, ignored)).sign(model, bundle)
    return bundle, public


def check(bundle: Path, public: Path, model: Path) -> BundleCheck:
    return verify_bundle(bundle, as_of=NOW, key=public, model=model)


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_we_verify_what_they_sign(model: Path, tmp_path: Path, method: str, name: str) -> None:
    bundle, public = signed_by_them(model, tmp_path, method, name)
    found = check(bundle, public, model)
    assert found.verified, (found.examined.reason, found.findings)
    (model / "a" / "w.bin").write_bytes(bytes(range(199)) + b"x")
    found = check(bundle, public, model)
    assert [(finding.code, finding.location) for finding in found.findings] == [("file-mismatch", "a/w.bin")]


def test_we_verify_what_they_sign_by_every_curve(model: Path, tmp_path: Path, curve: str) -> None:
    bundle, public = signed_by_them(model, tmp_path, "files", "sha256", curve, ignored=(model / "b.txt",))
    found = check(bundle, public, model)
    assert found.verified
    assert found.coverage is not None
    assert [row.path for row in found.coverage.uncovered] == ["b.txt"]


@pytest.mark.parametrize(("method", "name"), EVERY)
def test_they_verify_what_we_sign(model: Path, tmp_path: Path, method: str, name: str) -> None:
    if method == "shards":
        pytest.skip("it holds the algorithm of each shard against a name of its own, which its signer writes against "
                    "section 6.3.2, and without settings it cannot verify shards of its own")
    private, public = pair(tmp_path)
    bundle = sign_model(model, signer=lambda: load_signer(private, lambda: None), bundle=tmp_path / "model.sig",
                        serialization=ours(method, name)).bundle

    def verify() -> None:
        config = verifying.Config().use_elliptic_key_verifier(public_key=public)
        if name == "blake2b":  # without settings it asks itself for `blake2b`, which it calls `blake2`
            config.set_hashing_config(theirs(method, name))
        config.verify(model, bundle)

    verify()
    (model / "a.txt").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"mismatch|Hash"):
        verify()


def test_they_cannot_verify_shards_of_their_own(model: Path, tmp_path: Path) -> None:
    """Should they learn to, what we sign by shards is to be held against them again."""
    bundle, public = signed_by_them(model, tmp_path, "shards", "sha256")
    with pytest.raises(TypeError, match="float"):
        verifying.Config().use_elliptic_key_verifier(public_key=public).verify(model, bundle)
    rows = json.loads(parse_bundle(bundle.read_bytes(), "theirs").payload)["predicate"]["resources"]
    assert {row["algorithm"] for row in rows} == {f"sha256-sharded-{SIZE}"}


@pytest.mark.parametrize(("method", "name"), [case for case in EVERY if case != ("shards", "blake3")])
def test_both_compute_the_same_list(model: Path, method: str, name: str) -> None:
    """By shards too, of which blake3 has none with them."""
    listed = {str(item.identifier): item.digest.digest_hex
              for item in theirs(method, name).hash(model).resource_descriptors()}
    chosen = ours(method, name)
    statement = model_statement(scan(model, wanted=chosen.wanted), chosen)
    assert {row["name"]: row["digest"] for row in statement.predicate["resources"]} == listed


def test_both_compute_the_same_root(model: Path) -> None:
    items = theirs("files", "sha256").hash(model).resource_descriptors()
    manifest = scan(model)
    # Theirs is over the paths part by part, ours over code points: where a `-` sorts before a `/` they differ.
    in_order = sorted(items, key=lambda item: str(item.identifier))
    root = hashlib.sha256(b"".join(item.digest.digest_value for item in in_order)).hexdigest()
    assert model_statement(manifest).subjects[0].digest["sha256"] == oms_root(manifest.files) == root


@pytest.mark.parametrize("links", [True, False])
def test_a_link_that_they_followed_is_what_it_leads_to(model: Path, tmp_path: Path, links: bool) -> None:
    (model / "latest.bin").symlink_to("a/w.bin")
    private, public = pair(tmp_path)
    bundle = tmp_path / "theirs.sig"
    config = theirs("files", "sha256")
    config.set_allow_symlinks(links)
    signer = signing.Config().use_elliptic_key_signer(private_key=private).set_hashing_config(config)
    if not links:
        with pytest.raises(ValueError, match="symlink"):
            signer.sign(model, bundle)
        return
    signer.sign(model, bundle)
    found = check(bundle, public, model)
    assert found.verified, found.findings
    assert found.coverage is not None
    assert [(row.code, row.path) for row in found.coverage.uncovered] == [("file-is-symlink", "latest.bin")]
