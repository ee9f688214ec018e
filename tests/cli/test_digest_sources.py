"""`provenance digest` of what is not a folder, and with the digest cache."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path

import pytest

from provenance.artifacts import cache
from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, in a world where files of two seconds ago are old already."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "RACY", 0)
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "open-provenance"


def test_says_how_many_bytes_were_read_and_how_many_were_known(run: Run, model: Path, place: Path) -> None:
    size = sum(path.stat().st_size for path in model.iterdir())
    time.sleep(0.02)
    first, second = (run("digest", "model", "--format", "json").json for _ in range(2))
    assert (first["bytesRead"], first["bytesFromCache"]) == (size, 0)
    assert (second["bytesRead"], second["bytesFromCache"]) == (0, size)
    assert first["digest"] == second["digest"]
    assert first["weights"] == second["weights"]
    assert f"0 read, {size:,} known from the digest cache" in run("digest", "model").out
    assert place.is_dir()


def test_no_cache_reads_everything_and_leaves_nothing(run: Run, model: Path, place: Path) -> None:
    for _ in range(2):
        assert run("digest", "model", "--no-cache", "--format", "json").json["bytesFromCache"] == 0
    assert not place.exists()


def test_a_cache_that_cannot_be_used_is_a_warning(run: Run, model: Path, place: Path) -> None:
    place.parent.write_text("a file, not a folder")
    ran = run("digest", "model")
    assert ran.code == 0
    assert "warning: the digest cache cannot be used" in ran.out


def test_a_snapshot_of_the_hub_names_its_commit(run: Run, tmp_path: Path) -> None:
    commit, blob = "a" * 40, hashlib.sha1(b"blob 2\0{}").hexdigest()
    repository = tmp_path / "cache/huggingface/hub/models--org--m"
    for name, data in ((f"blobs/{blob}", "{}"), ("refs/main", commit)):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(data)
    (repository / "snapshots" / commit).mkdir(parents=True)
    (repository / "snapshots" / commit / "config.json").symlink_to(f"../../blobs/{blob}")
    document = run("digest", "hf://org/m", "--format", "json").json
    assert document["source"] == {"kind": "hub", "address": "hf://org/m@main", "revision": commit}
    assert [file["path"] for file in document["files"]] == ["config.json"]
    assert f"revision     {commit}" in run("digest", "hf://org/m").out
    (repository / "blobs" / blob).write_text("[]")
    ran = run("digest", "hf://org/m", "--no-cache")
    assert (ran.code, "[hub-digest-mismatch]" in ran.err) == (2, True)


@pytest.mark.parametrize(("source", "code"), [
    ("hf://org/none", "hub-not-cached"), ("s3://bucket/model", "network-not-allowed"), ("hf://a/b/c", "usage"),
    ("oci://host/name:tag", "network-not-allowed"), ("a::b://c", "usage"),
])
def test_says_what_is_missing(run: Run, source: str, code: str) -> None:
    ran = run("digest", source)
    assert (ran.code, f"[{code}]" in ran.err) == (2, True)


def test_a_url_of_this_machine_needs_no_permission(run: Run, model: Path) -> None:
    pytest.importorskip("fsspec")
    remote = run("digest", f"file://{model}", "--format", "json").json
    assert remote["digest"] == run("digest", "model", "--format", "json").json["digest"]
    assert remote["source"]["kind"] == "remote"


def test_an_archive_is_looked_into_only_when_asked(run: Run, model: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        for path in sorted(model.iterdir()):
            archive.write(path, path.name)
    refused = run("digest", "model.zip")
    assert (refused.code, "[archive-not-asked]" in refused.err) == (2, True)
    inside = run("digest", "model.zip", "--extract", "--format", "json").json
    assert inside["digest"] == run("digest", "model", "--format", "json").json["digest"]
    assert (inside["name"], inside["source"]["kind"]) == ("model", "archive")
    assert set(run("digest", "model.zip", "--no-extract", "--format", "json").json["digest"]) == {"sha256"}
