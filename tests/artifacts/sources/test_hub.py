"""`hf://`: the local cache of Hugging Face, read without leaving it and without a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.artifacts.manifest import Manifest, scan
from provenance.artifacts.sources.hub import HubAddress, cache_folder, scan_hub
from provenance.errors import ArtifactError, UsageError
from provenance.workflows.diff import MetadataChange, diff
from tests.artifacts.conftest import Write
from tests.world import safetensors

COMMIT = "1" * 40
Cached = Callable[..., Path]


def oid(data: bytes, *, lfs: bool) -> str:
    return hashlib.sha256(data).hexdigest() if lfs else hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cached:
    """Put files into a cache as huggingface_hub lays it out; gives the folder of the repository."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))

    def put(files: dict[str, bytes], repository: str = "models--org--name") -> Path:
        place = tmp_path / "hf" / "hub" / repository
        for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
            (place / folder).mkdir(parents=True, exist_ok=True)
        (place / "refs" / "main").write_text(COMMIT)
        for path, data in files.items():
            name = oid(data, lfs=path.endswith(".safetensors"))
            (place / "blobs" / name).write_bytes(data)
            link = place / "snapshots" / COMMIT / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(place / "blobs" / name, link.parent))
        return place

    return put


def objections(manifest: Manifest) -> list[tuple[str, str]]:
    """Codes and places of the findings that are more than information."""
    return [(finding.code, finding.location) for finding in manifest.findings if finding.severity != "info"]


def test_a_snapshot_is_the_folder_that_it_stands_for(cached: Cached, folder: Write, files: dict[str, bytes]) -> None:
    """Names as in the repository, the same digests as a plain copy, and the commit that `main` meant."""
    cached(files)
    snapshot, plain = scan_hub("hf://org/name"), scan(folder(files))
    assert snapshot.manifest.files == plain.files
    assert snapshot.manifest.weights == plain.weights
    assert plain.weights is not None
    assert snapshot.manifest.findings == ()
    assert (snapshot.commit, snapshot.manifest.name) == (COMMIT, "name")
    assert snapshot.collected.read == plain.size


@pytest.mark.parametrize("revision", ["main", COMMIT, "refs/pr/1"])
def test_a_revision_is_a_branch_a_tag_or_a_commit(cached: Cached, revision: str) -> None:
    place = cached({"config.json": b"{}"})
    (place / "refs" / "refs" / "pr").mkdir(parents=True)
    (place / "refs" / "refs" / "pr" / "1").write_text(COMMIT)
    assert scan_hub(f"hf://org/name@{revision}").commit == COMMIT


@pytest.mark.parametrize("path", ["config.json", "model-1.safetensors"])
def test_bytes_that_are_not_those_that_the_hub_recorded_are_a_finding(
    cached: Cached, files: dict[str, bytes], path: str
) -> None:
    """In git and in LFS; the finding names both digests."""
    place = cached(files)
    blob = (place / "snapshots" / COMMIT / path).resolve()
    blob.write_bytes(files[path][:-1] + b" ")
    [finding] = scan_hub("hf://org/name").manifest.findings
    assert (finding.code, finding.severity, finding.location) == ("hub-digest-mismatch", "error", path)
    assert blob.name in finding.message


def test_a_diff_with_a_snapshot_tells_the_metadata_of_its_headers(cached: Cached, tmp_path: Path) -> None:
    body = b'{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    cached({"model.safetensors": len(body).to_bytes(8, "little") + body + bytes(4)})
    (tmp_path / "model.safetensors").write_bytes(safetensors({"a": [0.0]}))
    for headers_only in (False, True):
        found = diff("hf://org/name", tmp_path / "model.safetensors", headers_only=headers_only)
        assert found.metadata == (MetadataChange("format", ("pt",), ()),)
        assert found.same is not headers_only
        assert found.first.fetched is None


def test_a_link_out_of_the_cache_is_refused(cached: Cached, tmp_path: Path) -> None:
    """The file that it leads to is never opened: its digest must not be told."""
    place = cached({"config.json": b"{}"})
    secret = tmp_path / ("a" * 64)
    secret.write_text("secret")
    for name, target in (("out", str(secret)), ("up", "../../../../../" + secret.name), ("ref", "../../refs/main")):
        (place / "snapshots" / COMMIT / name).symlink_to(target)
    manifest = scan_hub("hf://org/name").manifest
    assert objections(manifest) == [
        ("hub-link-outside", "out"), ("hub-link-outside", "ref"), ("hub-link-outside", "up")]
    assert [entry.path for entry in manifest.files] == ["config.json"]


def test_a_blob_that_is_a_link_itself_is_not_followed(cached: Cached, tmp_path: Path) -> None:
    place = cached({"config.json": b"{}"})
    blob = (place / "snapshots" / COMMIT / "config.json").resolve()
    blob.unlink()
    (tmp_path / "secret").write_bytes(b"{}")
    blob.symlink_to(tmp_path / "secret")
    manifest = scan_hub("hf://org/name").manifest
    assert [code for code, _ in objections(manifest)] == ["input-unreadable"]
    assert manifest.digest == {}


def test_a_linked_folder_of_a_snapshot_is_not_entered(cached: Cached, tmp_path: Path) -> None:
    place = cached({"config.json": b"{}"})
    (tmp_path / "elsewhere").mkdir()
    (place / "snapshots" / COMMIT / "sub").symlink_to(tmp_path / "elsewhere")
    assert objections(scan_hub("hf://org/name").manifest) == [("hub-link-outside", "sub")]


def test_a_dangling_link_is_a_finding(cached: Cached) -> None:
    place = cached({"config.json": b"{}", "b.json": b"[]"})
    (place / "snapshots" / COMMIT / "b.json").resolve().unlink()
    assert objections(scan_hub("hf://org/name").manifest) == [("input-unreadable", "b.json")]


def test_a_snapshot_without_links_cannot_be_held_against_the_hub_and_says_so(cached: Cached) -> None:
    place = cached({"config.json": b"{}"})
    (place / "snapshots" / COMMIT / "plain.txt").write_text("plain")
    manifest = scan_hub("hf://org/name").manifest
    assert objections(manifest) == [("hub-digest-unchecked", "plain.txt")]
    assert set(manifest.digest) == {"dirHash", "sha256"}


@pytest.mark.parametrize("uri", ["hf://org/name@v2", "hf://org/other", f"hf://org/name@{'2' * 40}"])
def test_what_is_not_in_the_cache_says_how_to_fetch_it(cached: Cached, uri: str) -> None:
    cached({"config.json": b"{}"})
    with pytest.raises(ArtifactError) as caught:
        scan_hub(uri)
    assert (caught.value.code, "--online" in caught.value.hint) == ("hub-not-cached", True)


def test_a_revision_that_is_not_a_commit_is_not_followed(cached: Cached) -> None:
    place = cached({"config.json": b"{}"})
    (place / "refs" / "main").write_text("../../other/snapshots/x")
    with pytest.raises(ArtifactError, match="not a commit"):
        scan_hub("hf://org/name")


@pytest.mark.parametrize("uri", ["hf://", "hf://a/b/c", "hf://../name", "hf://org/..", "hf://org/name@../../x",
                                 "hf://org/name@", "hf://org/na me", "https://org/name"])
def test_an_address_that_is_none_is_a_usage_error(uri: str) -> None:
    with pytest.raises(UsageError):
        HubAddress.parse(uri)


def test_datasets_and_repositories_without_an_organisation_have_their_folders() -> None:
    assert HubAddress.parse("hf://datasets/org/name@v1").folder == "datasets--org--name"
    assert str(HubAddress.parse("hf://datasets/org/name@v1")) == "hf://datasets/org/name@v1"
    assert HubAddress.parse("hf://gpt2").folder == "models--gpt2"


@pytest.mark.peers
@pytest.mark.parametrize("settings", [
    {}, {"HF_HOME": "/a/b"}, {"HF_HUB_CACHE": "/a/c"}, {"HUGGINGFACE_HUB_CACHE": "/a/d", "HF_HOME": "/a"},
    {"XDG_CACHE_HOME": "/a/e"}, {"HF_HOME": "$HOME/x"}, {"HF_HOME": "~/y"},
], ids=str)
def test_the_cache_is_where_huggingface_hub_puts_it(settings: dict[str, str]) -> None:
    pytest.importorskip("huggingface_hub")
    environment = {"HOME": "/home/someone", "PATH": os.environ["PATH"], **settings}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    told = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for code in ("from huggingface_hub import constants; print(constants.HF_HUB_CACHE)",
                     "from provenance.artifacts.sources import hub; print(hub.cache_folder())")
    ]
    assert told[0] == told[1]
    assert cache_folder({"HF_HUB_CACHE": "/q"}) == Path("/q")


def test_fetching_happens_only_online(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    """And then through huggingface_hub, into the same cache."""
    hub = pytest.importorskip("huggingface_hub")
    asked = []
    place = cached({"config.json": b"{}"})
    monkeypatch.setattr(hub, "snapshot_download", lambda *names, **options: asked.append((names, options)))
    monkeypatch.setattr("provenance.artifacts.sources.hub._oids_of", lambda *_: {"config.json": oid(b"{}", lfs=False)})
    scan_hub("hf://org/name")
    assert asked == []
    scan_hub("hf://org/name@main", online=True)
    assert asked == [(("org/name",), {"repo_type": "model", "revision": "main", "cache_dir": place.parent})]


def test_a_hub_that_cannot_be_reached_is_one_error(cached: Cached, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such host")

    monkeypatch.setattr(hub, "snapshot_download", fail)
    with pytest.raises(ArtifactError, match="no such host") as caught:
        scan_hub("hf://org/name", online=True)
    assert caught.value.code == "source-unreachable"
