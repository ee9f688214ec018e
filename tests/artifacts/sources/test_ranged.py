"""Headers first: what is fetched of a model at an address, and what is said of what was not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from provenance.artifacts.manifest import scan
from provenance.artifacts.sources import ranged
from provenance.artifacts.sources.ranged import COMPARED, Choice, open_headed
from provenance.errors import ArtifactError
from tests.artifacts.conftest import Write
from tests.world import safetensors

fsspec = pytest.importorskip("fsspec")
Ranges = list[tuple[str, int, int]]
NOTHING = Choice(lambda _: False, lambda _: False)


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def ranges(memory: Any, monkeypatch: pytest.MonkeyPatch) -> Ranges:
    """The ranges that were read."""
    read, seen = memory.cat_file, Ranges()

    def cat_file(path: str, start: int, end: int) -> bytes:
        seen.append((path, start, end))
        return bytes(read(path, start=start, end=end))

    monkeypatch.setattr(memory, "cat_file", cat_file)
    return seen


def put(memory: Any, files: dict[str, bytes]) -> str:
    for path, data in files.items():
        memory.pipe_file(f"/model/{path}", data)
    return "memory://model"


def test_a_header_is_read_by_its_range_alone(memory: Any, ranges: Ranges) -> None:
    data = safetensors({"a": [1.0] * 1000})
    far = open_headed(put(memory, {"model.safetensors": data}))
    [info] = far.tensors
    assert (info.name, info.dtype, info.shape) == ("a", "F32", (1000,))
    assert far.fetched == sum(end - start for _, start, end in ranges) == len(data) - 4000


def test_where_everything_is_wanted_the_answer_is_that_of_the_folder(
    memory: Any, ranges: Ranges, folder: Write, files: dict[str, bytes]
) -> None:
    """Each byte is fetched once, and the files have their digests."""
    far, near = open_headed(put(memory, files)), scan(folder(files), wanted=COMPARED)
    manifest = far.read(Choice())
    assert (manifest.files, manifest.weights, manifest.findings) == (near.files, near.weights, ())
    assert far.fetched == sum(end - start for _, start, end in ranges) == near.size
    assert len(ranges) == len(set(ranges))


@pytest.mark.parametrize("block", [1 << 20, 2 << 20, 8 << 20])
@pytest.mark.parametrize("wanted", ["a", "c", "ac", "abd", "bcde"])
def test_a_tensor_that_is_wanted_has_the_data_head_of_the_file(
    memory: Any, folder: Write, monkeypatch: pytest.MonkeyPatch, block: int, wanted: str
) -> None:
    """Whatever lies beside it, and however many blocks it fills."""
    monkeypatch.setattr(ranged, "BLOCK", block)
    data = safetensors({"a": [1.0], "b": [2.0] * 300_000, "c": [3.0] * 800_000, "d": [], "e": [5.0, 6.0], "f": [7.0]})
    near = scan(folder({"model.safetensors": data}), wanted=COMPARED).weights
    manifest = open_headed(put(memory, {"model.safetensors": data})).read(
        Choice(lambda info: info.name in wanted, lambda _: False))
    assert near is not None
    assert manifest.weights is not None
    heads = {tensor.name: tensor.values for tensor in manifest.weights.tensors}
    assert heads == {tensor.name: tensor.values if tensor.name in f"{wanted}d" else "" for tensor in near.tensors}
    assert manifest.digest == {}


def test_no_range_is_larger_than_a_block(memory: Any, ranges: Ranges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranged, "BLOCK", 1 << 20)
    data = safetensors({f"t{number}": [float(number)] * 100_000 for number in range(5)} | {"large": [1.0] * 700_000})
    far = open_headed(put(memory, {"model.safetensors": data}))
    far.read(Choice(lambda info: info.name != "t0", lambda _: False))
    assert max(end - start for _, start, end in ranges) <= 1 << 20
    assert far.fetched == len(data) - 400_000


def test_an_index_of_shards_is_always_read(memory: Any, files: dict[str, bytes]) -> None:
    far = open_headed(put(memory, files))
    manifest = far.read(NOTHING)
    assert [entry.path for entry in manifest.files if entry.sha256] == ["model.safetensors.index.json"]
    memory.rm("/model/model-2.safetensors")
    codes = {finding.code for finding in open_headed("memory://model").read(NOTHING).findings}
    assert "shard-missing" in codes


def test_an_index_that_is_too_large_is_not_passed_over(
    memory: Any, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.artifacts.manifest.MAX_KEPT", 10)
    findings = open_headed(put(memory, files)).read(NOTHING).findings
    assert [f.code for f in findings if f.severity == "error"] == ["document-too-large"]


def test_progress_counts_what_is_fetched(memory: Any) -> None:
    data = safetensors({"a": [1.0] * 10, "b": [2.0] * 20, "c": [3.0] * 30})
    told, totals = list[int](), list[int]()
    open_headed(put(memory, {"model.safetensors": data})).read(
        Choice(lambda info: info.name != "b", lambda _: False), progress=told.append, total=totals.append)
    assert (sum(told), totals) == (160, [160])


@pytest.mark.parametrize("data", [
    b"", b"\xff" * 16, (1000).to_bytes(8, "little") + b"{}", b"\2" + b"\0" * 7 + b"[]",
    safetensors({"a": [1.0]})[:-1], safetensors({"a": [1.0]}) + b"x",
])
def test_a_broken_header_is_the_same_error_near_and_far(memory: Any, folder: Write, data: bytes) -> None:
    with pytest.raises(ArtifactError) as caught:
        open_headed(put(memory, {"model.safetensors": data}))
    near = scan(folder({"model.safetensors": data})).findings
    assert [caught.value.code] == [finding.code for finding in near]


def test_names_that_are_refused_are_refused_before_anything_is_fetched(memory: Any, ranges: Ranges) -> None:
    with pytest.raises(ArtifactError) as caught:
        open_headed(put(memory, {"model.safetensors": safetensors({"a": [1.0]}), "E": b"", "e": b""}))
    assert caught.value.code == "file-name-collides"
    assert ranges == []


def test_a_header_that_claims_a_hundred_megabytes_is_not_fetched(memory: Any, ranges: Ranges) -> None:
    with pytest.raises(ArtifactError):
        open_headed(put(memory, {"model.safetensors": (1 << 40).to_bytes(8, "little") + bytes(1000)}))
    assert sum(end - start for _, start, end in ranges) == 8


def test_a_file_that_is_replaced_after_its_header_was_read_is_an_error(memory: Any) -> None:
    data = safetensors({"a": [1.0] * 10, "b": [2.0] * 20})
    far = open_headed(put(memory, {"model.safetensors": data}))
    put(memory, {"model.safetensors": safetensors({"a": [9.0] * 10, "b": [2.0] * 20})})
    for wanted in (NOTHING, Choice(lambda info: info.name == "a", lambda _: False), Choice()):
        manifest = far.read(wanted)
        assert [f.code for f in manifest.findings if f.severity == "error"] == ["file-changed-while-read"]
        assert (manifest.weights, manifest.digest) == (None, {})


def test_a_range_that_fails_is_an_error(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    far = open_headed(put(memory, {"model.safetensors": safetensors({"a": [1.0] * 10, "b": [2.0] * 20})}))
    monkeypatch.setattr(memory, "cat_file", lambda path, start, end: b"too short")
    with pytest.raises(ArtifactError) as caught:
        far.read(Choice(lambda info: info.name == "a", lambda _: False))
    assert caught.value.code == "file-changed-while-read"


def test_weights_in_another_container_say_that_they_are_not_read(memory: Any, ranges: Ranges) -> None:
    manifest = open_headed(put(memory, {"pytorch_model.bin": b"PK\3\4" * 100})).read(NOTHING)
    assert manifest.weights is None
    assert "weights-unsupported" in [finding.code for finding in manifest.findings]
    assert ranges == []
