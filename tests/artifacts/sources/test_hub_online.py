"""`hf://` with `--online`: fetched from a small Hub on this machine, which can be told to lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.hub import cache_folder, hub_headed, scan_hub
from provenance.artifacts.sources.ranged import Choice
from provenance.errors import ArtifactError
from provenance.workflows.diff import diff
from tests.artifacts.conftest import Write
from tests.artifacts.sources.hub_server import COMMIT, Hub, git_oid, serving
from tests.world import safetensors

constants = pytest.importorskip("huggingface_hub.constants")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub with nothing in it, an empty cache, and a library that knows of no other Hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with serving() as found:
        monkeypatch.setattr(constants, "ENDPOINT", found.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE",
                            found.endpoint + "/{repo_id}/resolve/{revision}/{filename}")
        yield found


def other(data: bytes) -> bytes:
    """The same length with the last byte changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_what_is_fetched_is_the_folder_and_lies_in_the_cache(hub: Hub, folder: Write, files: dict[str, bytes]) -> None:
    hub.files = files
    snapshot, near = scan_hub("hf://org/name", online=True), scan(folder(files))
    assert (snapshot.manifest.files, snapshot.manifest.weights) == (near.files, near.weights)
    assert (snapshot.commit, snapshot.manifest.findings) == (COMMIT, ())
    asked = len(hub.asked)
    assert scan_hub("hf://org/name").manifest.files == near.files
    assert len(hub.asked) == asked


@pytest.mark.parametrize("path", ["config.json", "model-1.safetensors"])
def test_bytes_other_than_the_hub_recorded_are_a_finding(hub: Hub, files: dict[str, bytes], path: str) -> None:
    """In git and in LFS: the finding names the digest that was recorded, and the one of what came."""
    hub.files, hub.served = files, {path: other(files[path])}
    findings = [f for f in scan_hub("hf://org/name", online=True).manifest.findings if f.severity == "error"]
    assert [(f.code, f.location) for f in findings] == [("hub-digest-mismatch", path)]
    name = git_oid if path == "config.json" else lambda data: hashlib.sha256(data).hexdigest()
    assert name(files[path]) in findings[0].message
    assert name(other(files[path])) in findings[0].message


@pytest.mark.parametrize(("path", "other_path"), [
    ("config.json", "sub/notes.md"), ("model-1.safetensors", "model-2.safetensors"),
])
def test_a_cache_whose_links_lead_to_other_blobs_is_found_out(
    hub: Hub, files: dict[str, bytes], path: str, other_path: str
) -> None:
    """Every blob is what its name says; only the Hub knows which one the file is."""
    hub.files = files
    snapshot = cache_folder() / "models--org--name" / "snapshots" / COMMIT
    scan_hub("hf://org/name", online=True)
    target = (snapshot / other_path).resolve()
    (snapshot / path).unlink()
    (snapshot / path).symlink_to(Path("../../blobs") / target.name)
    findings = [f for f in scan_hub("hf://org/name", online=True).manifest.findings if f.severity == "error"]
    assert ("hub-digest-mismatch", path) in [(f.code, f.location) for f in findings]


def test_a_snapshot_with_other_files_than_its_commit_is_found_out(hub: Hub, files: dict[str, bytes]) -> None:
    hub.files = dict(files)
    scan_hub("hf://org/name", online=True)
    (cache_folder() / "models--org--name" / "snapshots" / COMMIT / "added.py").write_text("x")
    findings = [f for f in scan_hub("hf://org/name", online=True).manifest.findings if f.severity == "error"]
    assert [(f.code, f.location) for f in findings] == [("hub-digest-mismatch", "added.py")]
    assert scan_hub("hf://org/name").manifest.digest


@pytest.mark.parametrize("path", ["config.json", "model-1.safetensors"])
def test_what_is_read_by_ranges_is_held_against_the_hub_too(hub: Hub, files: dict[str, bytes], path: str) -> None:
    hub.files = files
    assert hub_headed("hf://org/name").read(Choice()).findings == ()
    hub.served = {path: other(files[path])}
    findings = hub_headed("hf://org/name").read(Choice()).findings
    assert [(f.code, f.location) for f in findings if f.severity == "error"] == [("hub-digest-mismatch", path)]
    assert not cache_folder().exists()


def test_a_diff_fetches_what_it_needs_and_keeps_nothing(hub: Hub, tmp_path: Path) -> None:
    data = safetensors({"embed": [7.0] * 5000, "norm": [3.0] * 7})
    hub.files = {"model.safetensors": data, "config.json": b"{}", "pytorch_model.bin": b"x" * 5000}
    (tmp_path / "model.safetensors").write_bytes(safetensors({"embed": [7.0] * 4999, "norm": [3.0] * 7}))
    found = diff("hf://org/name@main", tmp_path / "model.safetensors", online=True)
    assert found.weights is not None
    assert [tensor.name for tensor in found.weights.unchanged] == ["norm"]
    assert found.first.manifest.name == "name"
    assert found.first.fetched == len(data) - 20_000 == hub.fetched("model.safetensors")
    assert hub.fetched("pytorch_model.bin") == hub.fetched("config.json") == 0
    assert not cache_folder().exists()


def test_headers_alone_are_a_few_bytes(hub: Hub, tmp_path: Path) -> None:
    data = safetensors({"embed": [7.0] * 5000})
    hub.files = {"model.safetensors": data}
    (tmp_path / "model.safetensors").write_bytes(data)
    found = diff("hf://org/name", tmp_path / "model.safetensors", online=True, headers_only=True)
    assert not found.same
    assert found.first.fetched == len(data) - 20_000 == hub.fetched("model.safetensors")


@pytest.mark.parametrize(("sha", "revision"), [("d" * 40, COMMIT), ("../../other", "main"), ("", "main")])
def test_a_commit_other_than_the_one_that_was_asked_for_is_refused(hub: Hub, sha: str, revision: str) -> None:
    hub.files, hub.commit = {"config.json": b"{}"}, sha
    with pytest.raises(ArtifactError) as caught:
        hub_headed(f"hf://org/name@{revision}")
    assert caught.value.code == "hub-digest-mismatch"
    hub.commit = COMMIT
    assert hub_headed(f"hf://org/name@{revision}").store.path == f"org/name@{COMMIT}"


@pytest.mark.parametrize("read", [hub_headed, lambda uri: scan_hub(uri, online=True)], ids=["ranges", "snapshot"])
def test_a_repository_that_is_not_there_is_unreachable(hub: Hub, read: object) -> None:
    assert callable(read)
    with pytest.raises(ArtifactError) as caught:
        read("hf://org/other")
    assert caught.value.code == "source-unreachable"
