"""`s3://` against a real server: ranges, signatures, replaced files, and messages that name no key."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.ranged import Choice, open_headed
from provenance.artifacts.sources.remote import scan_remote
from provenance.errors import ArtifactError
from provenance.workflows.diff import Diff, diff
from provenance.workflows.digest import digest, digest_document
from tests.artifacts.conftest import Write
from tests.artifacts.sources.stores import KEY, SECRET, S3Store, s3_store
from tests.world import safetensors

pytestmark = pytest.mark.parts

BASE = {"embed": [7.0] * 5000, "layers.0.w": [1.0] * 300, "layers.1.w": [2.0] * 300, "norm": [3.0] * 7}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Store]:
    pytest.importorskip("s3fs")
    with s3_store(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture
def store(server: S3Store, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[S3Store]:
    """The server with nothing asked so far, as the client finds it."""
    import s3fs

    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.asked.clear()
    server.before = lambda _method, _path, _range: None
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    s3fs.S3FileSystem.clear_instance_cache()


def compared(first: Path | str, second: Path | str, **options: Any) -> Diff:
    return diff(first, second, online=True, **options)


def test_a_model_has_the_digests_of_the_folder(store: S3Store, folder: Write, files: dict[str, bytes]) -> None:
    url = store.put(files, "bucket/plain")
    far, near = scan_remote(url, online=True), scan(folder(files))
    assert (far.manifest.files, far.manifest.weights, far.manifest.findings) == (near.files, near.weights, ())
    assert near.weights is not None
    assert far.read == near.size
    assert sum(end - begin for begin, end in store.fetched()) == near.size


@pytest.mark.parametrize("tail", ["", "/", "//"])
def test_a_slash_at_the_end_changes_nothing(store: S3Store, files: dict[str, bytes], tail: str) -> None:
    url = store.put(files, "bucket/slashed")
    far = scan_remote(url + tail, online=True).manifest
    assert far.name == "slashed"
    assert {entry.path for entry in far.files} == set(files)


def test_one_object_is_a_file(store: S3Store, files: dict[str, bytes], folder: Write) -> None:
    url = store.put(files, "bucket/one")
    far = scan_remote(f"{url}/config.json", online=True).manifest
    assert far.is_file
    assert far.digest == scan(folder(files) / "config.json").digest


def test_only_headers_and_what_could_be_equal_are_fetched(store: S3Store, tmp_path: Path) -> None:
    """The requests that the server saw are the bytes that the answer names."""
    data = safetensors(BASE)
    url = store.put({"model.safetensors": data, "config.json": b"{}", "pytorch_model.bin": b"x" * 9999},
                    "bucket/tuned")
    # The embedding has another size here, and the configuration too.
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.safetensors").write_bytes(safetensors({**BASE, "embed": [7.0] * 4999}))
    (tmp_path / "m" / "config.json").write_bytes(b"{ }")
    found = compared(tmp_path / "m", url)
    assert found.weights is not None
    assert [change.before.name for change in found.weights.changed] == ["embed"]
    assert len(found.weights.unchanged) == 3
    assert found.second.fetched == len(data) - 5000 * 4
    assert sum(end - begin for begin, end in store.fetched()) == found.second.fetched
    assert store.fetched(".bin") == store.fetched("config.json") == []
    assert [(row.path, row.fate) for row in found.files or ()] == [
        ("config.json", "differs"), ("pytorch_model.bin", "only in the second")]


def test_headers_only_fetches_headers(store: S3Store, tmp_path: Path) -> None:
    data = safetensors(BASE)
    url = store.put({"model.safetensors": data}, "bucket/headers")
    (tmp_path / "model.safetensors").write_bytes(data)
    found = compared(tmp_path / "model.safetensors", url, headers_only=True)
    assert not found.same
    assert found.relation is not None
    assert found.relation.kind == "same-headers"
    assert found.second.fetched == 8 + int.from_bytes(data[:8], "little")
    assert sum(end - begin for begin, end in store.fetched()) == found.second.fetched


def test_two_models_far_away_narrow_each_other(store: S3Store) -> None:
    first = store.put({"model.safetensors": safetensors(BASE)}, "bucket/left")
    second = store.put({"model.safetensors": safetensors({"norm": [3.0] * 7, "other": [0.0] * 4000})}, "bucket/right")
    found = compared(first, second)
    assert found.weights is not None
    assert [tensor.name for tensor in found.weights.unchanged] == ["norm"]
    spans = store.fetched("left/model.safetensors")[2:], store.fetched("right/model.safetensors")[2:]
    assert [[end - begin for begin, end in side] for side in spans] == [[28], [28]]


def test_a_bit_that_is_wrong_is_seen(store: S3Store, tmp_path: Path) -> None:
    data = safetensors(BASE)
    url = store.put({"model.safetensors": data}, "bucket/bit")
    (tmp_path / "model.safetensors").write_bytes(data)
    assert compared(tmp_path / "model.safetensors", f"{url}/model.safetensors").identical
    store.put({"model.safetensors": data[:-1] + bytes([data[-1] ^ 1])}, "bucket/bit")
    found = compared(tmp_path / "model.safetensors", f"{url}/model.safetensors")
    assert found.weights is not None
    assert [change.before.name for change in found.weights.changed] == ["norm"]
    assert not found.same


def replacing(store: S3Store, number: int, name: str, data: bytes, place: str) -> Callable[[str, str, str], None]:
    """Puts other bytes in the place of a file before the given request for a range of it is answered."""
    seen = []

    def before(method: str, path: str, span: str) -> None:
        if method == "GET" and span and path.endswith(name):
            seen.append(span)
            if len(seen) == number:
                store.put({name: data}, place)

    return before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_that_is_replaced_between_two_reads_is_an_error(store: S3Store, tmp_path: Path, number: int) -> None:
    """Before its header, its second range and its third; of the same size, so that no range looks odd."""
    data = safetensors(BASE)
    url = store.put({"model.safetensors": data}, f"bucket/moving{number}")
    (tmp_path / "model.safetensors").write_bytes(safetensors({**BASE, "embed": [7.0] * 4999}))
    store.before = replacing(store, number, "model.safetensors", safetensors({**BASE, "norm": [4.0] * 7}),
                             f"bucket/moving{number}")
    with pytest.raises(ArtifactError) as caught:
        compared(tmp_path / "model.safetensors", url)
    assert caught.value.code == "file-changed-while-read"
    store.before = replacing(store, 2, "model.safetensors", data, f"bucket/moving{number}")
    far = scan_remote(url, online=True, block=10_000).manifest
    assert [finding.code for finding in far.findings if finding.severity == "error"] == ["file-changed-while-read"]
    assert far.digest == {}


@pytest.mark.parametrize("place", ["bucket/nowhere", "no-such-bucket/model", "bucket/plain/config.json/x"])
def test_what_is_not_there_has_a_code(store: S3Store, files: dict[str, bytes], place: str) -> None:
    store.put(files, "bucket/plain")
    for read in (scan_remote, open_headed):
        with pytest.raises(ArtifactError) as caught:
            read(f"s3://{place}", online=True)
        assert caught.value.code == "path-not-found"


@pytest.mark.parametrize(("key", "secret"), [(KEY, "wrong-secret-value"), ("AKIDWRONG", SECRET)])
def test_a_wrong_key_is_an_error_that_names_no_key(
    store: S3Store, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, key: str, secret: str
) -> None:
    url = store.put(files, "bucket/locked")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with pytest.raises(ArtifactError) as caught:
        scan_remote(url, online=True)
    assert caught.value.code == "source-unreachable"
    told = f"{caught.value} {caught.value.message} {caught.value.location} {caught.value.hint}"
    assert not [part for part in (key, secret, KEY, SECRET) if part in told]


@pytest.mark.parametrize("key", [KEY, "AKIDWRONG"])
def test_what_is_said_on_the_way_names_no_key(store: S3Store, files: dict[str, bytes], key: str) -> None:
    """Clients log the headers that they sign; `-v` shows what this tool does, and nothing of theirs."""
    url = store.put(files, "bucket/verbose")
    ran = subprocess.run([sys.executable, "-m", "provenance", "digest", url, "--online", "-v"], text=True,
                         env={**os.environ, "AWS_ACCESS_KEY_ID": key, "PYTHONPATH": str(Path(__file__).parents[3])},
                         capture_output=True, check=False)
    assert ran.returncode == (0 if key == KEY else 2)
    assert ("config.json: bytes 0 to 14" in ran.stderr) == (key == KEY)
    assert not [part for part in (key, SECRET, "Signature") if part in ran.stdout + ran.stderr]


def test_the_answer_names_the_address(store: S3Store, files: dict[str, bytes]) -> None:
    store.put(files, "bucket/keyed")
    document = digest_document(digest("s3://bucket/keyed", online=True))
    assert document["source"] == {"kind": "remote", "address": "s3://bucket/keyed", "revision": None}


def test_wanted_neighbours_come_in_one_range(store: S3Store) -> None:
    url = store.put({"model.safetensors": safetensors(BASE)}, "bucket/near")
    far = open_headed(url, online=True)
    store.asked.clear()
    manifest = far.read(Choice(lambda info: info.name.startswith("layers"), lambda _: False))
    assert [end - begin for begin, end in store.fetched()] == [2400]
    assert manifest.digest == {}
