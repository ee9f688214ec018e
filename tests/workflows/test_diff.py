"""Diff: files and folders side by side, whatever holds the tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from provenance import resources
from provenance.errors import ArtifactError, ProvenanceError
from provenance.statements.reader import validate
from provenance.workflows import diff as workflow
from provenance.workflows.diff import Diff, FileChange, MetadataChange, diff

BASE = {f"model.layers.{number}.w": [float(number), 1.0] for number in range(4)} | {"model.embed.weight": [7.0] * 5}


def safetensors(tensors: Mapping[str, Sequence[float]], metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of float32 vectors."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata is not None else {}
    data = b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    body = json.dumps(header).encode()
    return struct.pack("<Q", len(body)) + body + data


def folder(place: Path, files: Mapping[str, bytes | str]) -> Path:
    """A folder of these files."""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model in one file, with a configuration."""
    return folder(tmp_path / "base", {"model.safetensors": safetensors(BASE, {"format": "pt"}), "config.json": "{}"})


def shards(tensors: Mapping[str, Sequence[float]], metadata: Mapping[str, str] | None = None) -> dict[str, bytes | str]:
    """The same tensors, in reverse order, in two shards with an index."""
    names = list(reversed(tensors))
    places = {name: f"model-{1 + (number > 1)}.safetensors" for number, name in enumerate(names)}
    files: dict[str, bytes | str] = {
        place: safetensors({name: tensors[name] for name in names if places[name] == place}, metadata)
        for place in sorted(set(places.values()))
    }
    return {**files, "model.safetensors.index.json": json.dumps({"weight_map": places})}


def checked(first: Path | str, second: Path | str) -> Diff:
    """A diff whose document follows the schema."""
    found = diff(first, second)
    validate(found.to_dict(), "diff", "diff")
    return found


def test_a_model_and_itself_are_the_same_bit_for_bit(base: Path) -> None:
    found = checked(base, base)
    assert (found.same, found.identical, found.sentence) == (True, True, "The same, bit for bit.")
    assert found.files == ()
    assert found.files_compared == 1


def test_other_shards_are_the_same_weights(base: Path, tmp_path: Path) -> None:
    found = checked(base, folder(tmp_path / "cut", {**shards(BASE, {"format": "pt"}), "config.json": "{}"}))
    assert (found.same, found.identical) == (True, False)
    assert found.relation is not None
    assert found.relation.kind == "same-weights"
    assert "stored differently" in found.sentence
    assert found.metadata == ()


def test_header_metadata_are_told_and_do_not_count(base: Path, tmp_path: Path) -> None:
    more = {"format": "np", "note": "\x1b[2J"}
    found = checked(base, folder(tmp_path / "cut", {**shards(BASE, more), "config.json": "{}"}))
    assert found.same
    assert found.metadata == (MetadataChange("format", ("pt",), ("np",)), MetadataChange("note", (), ("\x1b[2J",)))
    back = checked(tmp_path / "cut", base).metadata
    assert back is not None
    assert back[1] == MetadataChange("note", ("\x1b[2J",), ())


def test_metadata_do_not_hide_behind_another_spelling_of_their_key(base: Path, tmp_path: Path) -> None:
    data = (base / "model.safetensors").read_bytes().replace(b'"__metadata__"', rb'"\u005f_metadata__"')
    length = int.from_bytes(data[:8], "little") + 5
    content = length.to_bytes(8, "little") + data[8:]
    other = folder(tmp_path / "other", {"model.safetensors": content, "config.json": "{}"})
    found = checked(base, other)
    assert (found.same, found.metadata) == (True, ())
    plain = folder(tmp_path / "plain", {"model.safetensors": safetensors(BASE), "config.json": "{}"})
    assert checked(plain, other).metadata == (MetadataChange("format", (), ("pt",)),)


def test_shards_may_disagree_about_metadata(base: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", {"1.safetensors": safetensors({"a": [1.0]}, {"v": "1"}),
                                        "2.safetensors": safetensors({"b": [1.0]}, {"v": "2"})})
    assert MetadataChange("v", (), ("1", "2")) in (checked(base, other).metadata or ())


def test_between_folders_other_files_count(base: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", {"model.safetensors": safetensors(BASE, {"format": "pt"}), "config.json": "{ }",
                                        "run.py": "x"})
    found = checked(base, other)
    assert not found.same
    assert found.files is not None
    assert [(change.path, bool(change.first), bool(change.second)) for change in found.files] == [
        ("config.json", True, True), ("run.py", False, True)]
    assert found.files_compared == 2
    assert "Other files differ" in found.sentence
    back = checked(other, base).files
    assert back is not None
    assert FileChange("run.py", back[1].first, None) == back[1]


def test_a_file_and_a_folder_have_nothing_but_weights_to_compare(base: Path, tmp_path: Path) -> None:
    alone = folder(tmp_path / "alone", {"renamed.safetensors": safetensors(BASE)}) / "renamed.safetensors"
    found = checked(alone, base)
    assert found.same
    assert found.files is None


def test_a_fine_tune_tells_which_layers_are_unchanged(base: Path, tmp_path: Path) -> None:
    tuned = folder(tmp_path / "tuned", {"model.safetensors": safetensors({**BASE, "model.layers.3.w": [9.0, 9.0]})})
    found = checked(base, tuned)
    assert not found.same
    assert found.relation is not None
    assert found.relation.kind == "fine-tune"
    assert found.unchanged_layers() == ["model.embed", "model.layers.0 to 2"]
    document = found.to_dict()
    assert document["weights"]["shares"]["unchanged"] == {
        "of": "first", "tensors": 4, "ofTensors": 5, "bytes": 44, "ofBytes": 52}
    assert document["weights"]["changed"][0]["differs"] == ["data"]
    assert document["weights"]["same"] is False


def test_without_weights_files_are_compared(tmp_path: Path) -> None:
    first = folder(tmp_path / "first", {"a.txt": "a", "b.txt": "b"})
    found = checked(first, folder(tmp_path / "second", {"a.txt": "a", "b.txt": "c"}))
    assert (found.same, found.relation) == (False, None)
    assert found.sentence == "Files that differ; neither holds tensors that are read."
    assert checked(first / "a.txt", tmp_path / "second" / "a.txt").same
    assert not checked(first / "a.txt", first / "b.txt").same


def test_weights_on_one_side_alone_are_a_difference(base: Path, tmp_path: Path) -> None:
    found = checked(base, folder(tmp_path / "text", {"config.json": "{}"}))
    assert (found.same, found.sentence) == (False, "Only the first holds weights.")
    assert found.files is not None
    assert [change.path for change in found.files] == ["model.safetensors"]
    assert "second" in checked(tmp_path / "text", base).sentence


def test_weights_that_are_not_read_cannot_be_compared_with_weights_that_are(base: Path, tmp_path: Path) -> None:
    other = folder(tmp_path / "other", {"model.onnx": "onnx"})
    with pytest.raises(ArtifactError) as caught:
        diff(base, other)
    assert (caught.value.code, caught.value.location) == ("weights-unsupported", "model.onnx")
    assert not diff(other, folder(tmp_path / "third", {"model.onnx": "other"})).same
    assert diff(other, other).identical


def test_weights_beside_read_ones_that_are_not_read_are_compared_as_files(base: Path, tmp_path: Path) -> None:
    content = (base / "model.safetensors").read_bytes()
    first = folder(tmp_path / "first", {"model.safetensors": content, "model.onnx": "1"})
    second = folder(tmp_path / "second", {"model.safetensors": content, "model.onnx": "2"})
    found = checked(first, second)
    assert not found.same
    assert found.files is not None
    assert [change.path for change in found.files] == ["model.onnx"]


def test_a_container_that_holds_more_than_tensors_is_the_same_only_bit_for_bit(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "_RICH_SUFFIXES", (".safetensors",))
    other = folder(tmp_path / "other", {"model.safetensors": safetensors(BASE, {"template": "x"}), "config.json": "{}"})
    assert not checked(base, other).same


@pytest.mark.parametrize(("spoil", "code"), [
    (lambda data: data[:-1], "safetensors-truncated"), (lambda data: data + b"x", "safetensors-invalid"),
    (lambda _: b"", "safetensors-truncated"),
])
def test_what_is_damaged_cannot_be_compared(base: Path, tmp_path: Path, spoil: Any, code: str) -> None:
    bad = folder(tmp_path / "bad", {"model.safetensors": spoil((base / "model.safetensors").read_bytes())})
    for first, second in ((base, bad), (bad, base)):
        with pytest.raises(ArtifactError) as caught:
            diff(first, second)
        assert caught.value.code == code


def test_progress_is_told_for_both(base: Path) -> None:
    told: list[tuple[str, int]] = []

    @contextmanager
    def listen(what: str) -> Any:
        yield (lambda count: told.append((what, count))), (lambda count: told.append((f"{what}: total", count)))

    diff(base, base, progress=listen)
    size = sum(path.stat().st_size for path in base.iterdir())
    for what in ("Reading the first", "Reading the second"):
        assert sum(count for told_of, count in told if told_of == what) == size
        assert (f"{what}: total", size) in told


def test_the_examples_of_the_schema_follow_it() -> None:
    examples = json.loads(resources.read_text("schemas", "diff.schema.json"))["examples"]
    assert examples
    for example in examples:
        validate(example, "diff", "example")


class TestContainers:
    """Tensors are compared whatever holds them."""

    def arrays(self) -> dict[str, Any]:
        return {name: np.array(values, dtype="f4") for name, values in BASE.items()}

    def test_a_numpy_archive_holds_the_same_weights(self, base: Path, tmp_path: Path) -> None:
        np.savez(tmp_path / "weights.npz", **self.arrays())
        found = checked(base / "model.safetensors", tmp_path / "weights.npz")
        assert found.same
        assert "stored differently" in found.sentence

    def test_the_same_weights_in_a_second_container_are_no_other_files(self, base: Path, tmp_path: Path) -> None:
        both = folder(tmp_path / "both", {"model.safetensors": safetensors(BASE), "config.json": "{}"})
        np.savez(both / "weights.npz", **self.arrays())
        assert checked(base, both).same
        np.savez(both / "weights.npz", **{**self.arrays(), "model.layers.0.w": np.zeros(2, "f4")})
        found = checked(base, both)
        assert not found.same
        assert found.files is not None
        assert [change.path for change in found.files] == ["weights.npz"]

    def test_gguf_metadata_are_told_and_count(self, base: Path, tmp_path: Path) -> None:
        first, second = tmp_path / "1.gguf", tmp_path / "2.gguf"
        first.write_bytes(gguf(BASE, {"tokenizer.chat_template": "plain"}))
        second.write_bytes(gguf(BASE, {"tokenizer.chat_template": "evil"}))
        found = checked(first, second)
        assert (found.same, found.weights is not None and found.weights.same) == (False, True)
        assert "hold more than tensors" in found.sentence
        assert found.metadata == (MetadataChange("tokenizer.chat_template", ("plain",), ("evil",)),)

    def test_unquantised_tensors_of_a_gguf_are_found_under_their_other_names(self, base: Path, tmp_path: Path) -> None:
        names = {name: name.replace("model.layers", "blk").replace("model.embed", "token_embd") for name in BASE}
        (tmp_path / "m.gguf").write_bytes(gguf({names[name]: values for name, values in BASE.items()}, {}))
        found = checked(base / "model.safetensors", tmp_path / "m.gguf")
        assert found.relation is not None
        assert found.relation.kind == "renamed"

    def test_a_checkpoint_that_cannot_be_read_cannot_be_compared(self, base: Path, tmp_path: Path) -> None:
        bad = folder(tmp_path / "bad", {"pytorch_model.bin": b"\x80\x02cos\nsystem\n."})
        with pytest.raises(ArtifactError) as caught:
            diff(base, bad)
        assert caught.value.location == "pytorch_model.bin"
        assert "cannot be compared" in caught.value.message


def gguf(tensors: Mapping[str, Sequence[float]], metadata: Mapping[str, str]) -> bytes:
    """A GGUF file, version 3, of float32 vectors and texts."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    header += b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in metadata.items())
    data = b""
    for name, values in tensors.items():
        header += text(name) + struct.pack("<IQIQ", 1, len(values), 0, len(data))
        packed = struct.pack(f"<{len(values)}f", *values)
        data += packed + bytes(-len(packed) % 32)
    return header + bytes(-len(header) % 32) + data


def test_an_address_is_compared_with_what_lies_here(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    found = checked(base, f"file://{base}")
    assert (found.identical, found.metadata, found.files) == (True, (), ())
    other = folder(tmp_path / "other", {"model.safetensors": safetensors(BASE, {"format": "np"}), "config.json": "{}"})
    again = checked(f"file://{base}", other)
    assert (again.same, again.identical) == (True, False)
    assert again.metadata == (MetadataChange("format", ("pt",), ("np",)),)


def without_reading(document: Any) -> Any:
    """A document without what it says of how much was read."""
    if isinstance(document, dict):
        return {key: without_reading(value) for key, value in document.items()
                if key not in ("bytesFetched", "digest", "head", "first", "second")
                or (key in ("first", "second") and isinstance(value, dict | list))}
    return [without_reading(item) for item in document] if isinstance(document, list) else document


SECONDS: dict[str, dict[str, list[float]]] = {
    "same": BASE, "tuned": {**BASE, "model.layers.3.w": [9.0, 9.0]},
    "grown": {**BASE, "model.embed.weight": [7.0] * 6}, "part": {name: BASE[name] for name in list(BASE)[:2]},
    "renamed": {f"x.{name}": values for name, values in BASE.items()}, "moved": {"model.layers.0.w": [1.0, 1.0]},
    "other": {"a": [1.0] * 9}, "empty tensor": {**BASE, "none": []},
}


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("far", ["first", "second", "both"])
def test_the_answer_does_not_depend_on_how_little_was_fetched(
    base: Path, tmp_path: Path, second: str, far: str
) -> None:
    """All that is said of tensors and files is what reading every byte gives."""
    pytest.importorskip("fsspec")
    other = folder(tmp_path / "other", {**shards(SECONDS[second], {"v": "2"}), "config.json": "{ }", "run.py": "x"})
    near = checked(base, other)
    found = checked(f"file://{base}" if far != "second" else base, f"file://{other}" if far != "first" else other)
    assert without_reading(found.to_dict()) == without_reading(near.to_dict())
    assert found.sentence == near.sentence
    for side in (found.first, found.second):
        assert side.fetched is None or side.fetched <= side.manifest.size


def test_tensors_that_can_be_equal_to_nothing_are_not_fetched(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    grown = safetensors({**BASE, "model.embed.weight": [7.0] * 500, "more": [1.0] * 300})
    other = folder(tmp_path / "other", {"model.safetensors": grown, "config.json": "{ }", "run.py": "x" * 999})
    found = checked(base, f"file://{other}")
    assert found.second.fetched == len(grown) - 4 * 800
    assert found.weights is not None
    assert len(found.weights.unchanged) == 4
    assert [(row.path, row.fate, row.second) for row in found.files or ()] == [
        ("config.json", "differs", ""), ("run.py", "only in the second", "")]


def test_another_dtype_is_another_tensor_whatever_its_bytes_and_the_answer_says_so(tmp_path: Path) -> None:
    """They are not fetched, and are neither called equal nor different."""
    pytest.importorskip("fsspec")
    data = safetensors(BASE)
    near = folder(tmp_path / "near", {"model.safetensors": data})
    far = folder(tmp_path / "far", {"model.safetensors": data.replace(b'"F32"', b'"I32"')})
    found = checked(near, f"file://{far}")
    assert found.second.fetched == len(data) - 52
    assert found.weights is not None
    assert {(change.differs, change.is_open) for change in found.weights.changed} == {(("dtype",), True)}
    assert {change.differs for change in (checked(near, far).weights or found.weights).changed} == {("dtype",)}
    assert (found.same, found.relation and found.relation.kind) == (False, "quantised")


def test_a_tensor_that_is_there_twice_leaves_files_to_compare(base: Path, tmp_path: Path) -> None:
    """Then no tensors are compared, and a file of equal size is read: it is not called different for that."""
    pytest.importorskip("fsspec")
    files = {"1.safetensors": safetensors(BASE), "2.safetensors": safetensors(BASE)}
    twice = folder(tmp_path / "twice", files)
    again = folder(tmp_path / "again", files)
    found = checked(f"file://{twice}", f"file://{again}")
    assert (found.weights, found.same, found.files) == (None, True, ())


class TestHeadersOnly:
    """Names, dtypes and shapes, and nothing of values: so nothing is ever the same."""

    def headers(self, first: Path | str, second: Path | str) -> Diff:
        found = diff(first, second, headers_only=True)
        validate(found.to_dict(), "diff", "diff")
        assert (found.same, found.identical, found.files) == (False, False, None)
        document = found.to_dict()
        assert (document["first"]["digest"], document["valuesCompared"]) == (None, False)
        if found.weights is not None:
            assert (found.weights.unchanged, found.weights.renamed) == ((), ())
        return found

    def kind(self, first: Path | str, second: Path | str) -> str:
        found = self.headers(first, second).relation
        assert found is not None
        return found.kind

    @pytest.mark.parametrize("address", ["", "file://"])
    def test_a_model_and_itself_have_the_same_headers(self, base: Path, address: str) -> None:
        pytest.importorskip("fsspec")
        assert self.kind(base, f"{address}{base}") == "same-headers"

    def test_other_values_are_not_seen(self, base: Path, tmp_path: Path) -> None:
        other = folder(tmp_path / "other", shards({name: [0.0] * len(values) for name, values in BASE.items()}))
        assert self.kind(base, other) == "same-headers"

    def test_what_headers_tell_is_told(self, base: Path, tmp_path: Path) -> None:
        grown = folder(tmp_path / "grown", {"model.safetensors": safetensors({**BASE, "more": [1.0]})})
        found = self.headers(base, grown)
        assert found.relation is not None
        assert found.relation.kind == "other-headers"
        assert "5 of the first's 5 tensors have their name, dtype and shape" in found.sentence
        assert [layer.uncompared for layer in found.layers] == [1, 1, 1, 1, 1, 0]
        assert found.metadata == (MetadataChange("format", ("pt",), ()),)

    def test_a_model_with_an_adapter_in_it_is_no_adapter(self, base: Path, tmp_path: Path) -> None:
        lora = {"model.embed.lora_A.weight": [1.0], "model.embed.lora_B.weight": [1.0]}
        other = folder(tmp_path / "other", {"model.safetensors": safetensors({**BASE, **lora})})
        assert self.kind(base, other) == "other-headers"

    def test_other_containers_have_headers_too(self, base: Path, tmp_path: Path) -> None:
        np.savez(tmp_path / "weights.npz", **{name: np.array(values, "f4") for name, values in BASE.items()})
        (tmp_path / "m.gguf").write_bytes(gguf(BASE, {"k": "v"}))
        assert self.kind(base, tmp_path / "weights.npz") == "same-headers"
        found = self.headers(base, tmp_path / "m.gguf")
        assert MetadataChange("k", (), ("v",)) in (found.metadata or ())

    def test_the_same_names_in_another_dtype_are_a_conversion(self, tmp_path: Path) -> None:
        for name, form in (("a", "f4"), ("b", "f2")):
            np.savez(tmp_path / f"{name}.npz", w=np.zeros((2, 2), form))
        assert self.kind(tmp_path / "a.npz", tmp_path / "b.npz") == "quantised"

    def test_a_missing_shard_is_an_error(self, base: Path, tmp_path: Path) -> None:
        cut = folder(tmp_path / "cut", shards(BASE))
        (cut / "model-2.safetensors").unlink()
        for place in (cut, f"file://{cut}"):
            with pytest.raises(ArtifactError) as caught:
                diff(base, place, headers_only=True)
            assert caught.value.code == "shard-missing"


@pytest.mark.parametrize("address", ["hf://example/model", "oci://example.org/model:1", "s3://bucket/model"])
def test_nothing_is_fetched_without_being_asked(base: Path, address: str) -> None:
    with pytest.raises(ProvenanceError):
        diff(base, address)
