"""URLs of fsspec: listed, and streamed by ranged reads, in `memory://` and on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.ranged import open_headed
from provenance.artifacts.sources.remote import scan_remote, without_secrets
from provenance.errors import ArtifactError, UsageError
from tests.artifacts.conftest import Write
from tests.world import safetensors

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory(files: dict[str, bytes]) -> Iterator[Any]:
    """fsspec's file system in memory, with the model in `/model`; the ranges that are read are in `ranges`."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    for path, data in files.items():
        system.pipe_file(f"/model/{path}", data)
    yield system
    system.store.clear()


@pytest.fixture
def ranges(memory: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    read, seen = memory.cat_file, []

    def cat_file(path: str, start: int, end: int) -> bytes:
        seen.append((path, start, end))
        return bytes(read(path, start=start, end=end))

    monkeypatch.setattr(memory, "cat_file", cat_file)
    return seen


def test_a_remote_folder_has_the_digests_of_the_folder(memory: Any, folder: Write, files: dict[str, bytes]) -> None:
    remote, plain = scan_remote("memory://model"), scan(folder(files))
    assert remote.manifest.files == plain.files
    assert remote.manifest.weights == plain.weights
    assert plain.weights is not None
    assert remote.manifest.name == "model"
    assert (remote.read, remote.manifest.findings) == (plain.size, ())


def test_every_byte_is_read_once_and_no_read_is_larger_than_a_block(
    memory: Any, ranges: list[tuple[str, int, int]], files: dict[str, bytes]
) -> None:
    scan_remote("memory://model", block=1000)
    assert max(end - start for _, start, end in ranges) == 1000
    assert sum(end - start for _, start, end in ranges) == sum(map(len, files.values()))
    assert len(ranges) == len(set(ranges))


@pytest.mark.parametrize("block", [1, 7, 8, 64, 1 << 20])
def test_the_tensors_do_not_depend_on_the_size_of_the_blocks(memory: Any, folder: Write, block: int) -> None:
    data = safetensors({"a": [1.0], "b": [2.0, 3.0], "none": []})
    memory.pipe_file("/one/model.safetensors", data)
    plain = scan(folder({"model.safetensors": data}))
    assert scan_remote("memory://one", block=block).manifest.weights == plain.weights


def test_one_remote_file_is_known_by_its_sha256(memory: Any, tmp_path: Path, files: dict[str, bytes]) -> None:
    (tmp_path / "config.json").write_bytes(files["config.json"])
    plain = scan(tmp_path / "config.json").digest
    assert scan_remote("memory://model/config.json").manifest.digest == plain
    assert scan_remote(f"file://{tmp_path}/config.json").manifest.digest == plain


@pytest.mark.parametrize("url", ["s3://bucket/model", "https://host/model", "sftp://host/model", "gs://bucket/model"])
def test_nothing_touches_a_network_unless_it_may(url: str) -> None:
    for read in (scan_remote, open_headed):
        with pytest.raises(ArtifactError) as caught:
            read(url)
        assert (caught.value.code, "--online" in caught.value.hint) == ("network-not-allowed", True)


@pytest.mark.parametrize("url", ["simplecache::s3://b/m", "memory://a::s3://b/m", "model", "://x"])
def test_chained_and_missing_schemes_are_usage_errors(url: str) -> None:
    with pytest.raises(UsageError):
        scan_remote(url, online=True)


def test_a_scheme_that_nobody_knows_is_an_error_with_a_code() -> None:
    with pytest.raises(ArtifactError) as caught:
        scan_remote("nonsense://host/model", online=True)
    assert caught.value.code == "source-unreachable"


def test_nothing_at_the_address_is_an_error(memory: Any) -> None:
    for url, code in (("memory://nowhere", "path-not-found"), ("memory://hollow", "folder-empty")):
        memory.makedirs("/hollow", exist_ok=True)
        with pytest.raises(ArtifactError) as caught:
            scan_remote(url)
        assert caught.value.code == code


@pytest.mark.parametrize("change", ["grows", "shrinks", "other"])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    memory: Any, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    memory.pipe_file("/one/data", b"x" * 100)
    read = memory.cat_file

    def cat_file(path: str, start: int, end: int) -> bytes:
        data = bytes(read(path, start=start, end=end))
        if start == 0:
            memory.pipe_file("/one/data", b"y" * {"grows": 120, "shrinks": 80, "other": 100}[change])
        return data

    monkeypatch.setattr(memory, "cat_file", cat_file)
    manifest = scan_remote("memory://one", block=50).manifest
    assert [finding.code for finding in manifest.findings if finding.severity == "error"] == ["file-changed-while-read"]
    assert manifest.digest == {}


def test_links_on_this_machine_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "a").write_text("a")
    (tmp_path / "m" / "link").symlink_to("/etc/hostname")
    (tmp_path / "m" / "folder").symlink_to("/etc")
    manifest = scan_remote(f"file://{tmp_path}/m").manifest
    assert [entry.path for entry in manifest.files] == ["a"]
    assert [(f.code, f.location) for f in manifest.findings if f.severity == "error"] == [
        ("file-is-symlink", "folder"), ("file-is-symlink", "link")]


def test_names_that_are_not_portable_are_findings(memory: Any) -> None:
    for name in ("a\nb", "c\\d", "E", "e"):
        memory.pipe_file(f"/odd/{name}", b"")
    findings = scan_remote("memory://odd").manifest.findings
    assert sorted(finding.code for finding in findings) == ["file-name-collides", "file-name-invalid",
                                                            "file-name-invalid", "folder-has-no-weights"]


def test_weights_in_a_container_that_is_not_streamed_say_so(memory: Any) -> None:
    memory.pipe_file("/torch/pytorch_model.bin", b"PK\3\4")
    manifest = scan_remote("memory://torch").manifest
    assert manifest.weights is None
    assert "weights-unsupported" in [finding.code for finding in manifest.findings]


def test_a_store_that_gives_other_bytes_than_asked_for_is_not_believed(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores ranges answers each of them with the whole file."""
    memory.pipe_file("/one/data", b"x" * 100)
    monkeypatch.setattr(memory, "cat_file", lambda path, start, end: b"x" * 100)
    manifest = scan_remote("memory://one", block=50).manifest
    assert [finding.code for finding in manifest.findings if finding.severity == "error"] == ["file-changed-while-read"]


def test_a_failing_store_is_one_kind_of_error(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(memory, "cat_file", fail)
    assert "source-unreachable" in {f.code for f in scan_remote("memory://model").manifest.findings}
    monkeypatch.setattr(memory, "find", fail)
    with pytest.raises(ArtifactError, match="no credentials"):
        scan_remote("memory://model")
    monkeypatch.setattr(memory, "info", fail)
    with pytest.raises(ArtifactError, match="no credentials"):
        scan_remote("memory://model")


def test_a_file_that_is_listed_once_more_is_looked_at_anew(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that remember their listings would say that nothing changed."""
    asked = []
    monkeypatch.setattr(memory, "invalidate_cache", lambda: asked.append("forget"))
    info = memory.info
    monkeypatch.setattr(memory, "info", lambda path: [asked.append("info"), info(path)][1])
    scan_remote("memory://model/config.json")
    assert asked == ["forget", "info"] * 2


def test_an_address_with_a_password_in_it_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        scan_remote("s3://key:secret@bucket/model", online=True)
    assert "secret" not in f"{caught.value} {caught.value.location}"


@pytest.mark.parametrize(("text", "shown"), [
    ("https://user:word@host/a", "https://host/a"), ("https://us@er:wo@rd@host/a", "https://host/a"),
    ("https://host/a?X-Amz-Signature=abc&b", "https://host/a"), ("s3://key:secret@bucket/a", "s3://bucket/a"),
    ("404, url='https://h/a?sig=x'", "404, url='https://h/a'"), ("s3://bucket/a@b", "s3://bucket/a@b"),
    ("is it? no", "is it? no"),
])
def test_no_address_is_shown_with_what_opens_it(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
