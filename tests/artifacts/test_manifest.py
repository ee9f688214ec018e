"""A manifest tells the whole truth about a file or folder, or says what it could not read."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import Tensor, dir_hash, oms_root, root, safetensors

from provenance import resources
from provenance.artifacts import manifest as module
from provenance.artifacts.digest import Identity, identities
from provenance.artifacts.hashing import FILES as FILES_ONLY
from provenance.artifacts.manifest import Manifest, scan
from provenance.errors import ArtifactError, RegistryError

Write = Callable[..., Path]
A, B = Tensor("a", "U8", (2,), b"12"), Tensor("b", "U8", (3,), b"345")
FILES = {"README.md": b"hello\n", "a b/c.txt": b"c", "model.safetensors": safetensors([A, B]), "é": b"", "Z": b"z"}


def codes(manifest: Manifest, severity: str = "error") -> list[str]:
    return [finding.code for finding in manifest.findings if finding.severity == severity]


# Folders and files


def test_a_folder_is_named_by_dirhash_and_oms_root(folder: Write) -> None:
    manifest = scan(folder(FILES))
    assert manifest.name == "model"
    assert not manifest.is_file
    assert manifest.digest == {"dirHash": dir_hash(FILES), "sha256": oms_root(FILES)}
    assert identities(manifest.digest) == {Identity("folder", "dirHash", dir_hash(FILES))}
    assert manifest.size == sum(map(len, FILES.values()))
    assert [entry.path for entry in manifest.files] == ["README.md", "Z", "a b/c.txt", "model.safetensors", "é"]
    assert {entry.path: entry.sha256 for entry in manifest.files} == {
        path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()
    }


def test_a_file_is_named_by_its_sha256(folder: Write) -> None:
    manifest = scan(folder(FILES) / "model.safetensors")
    assert manifest.is_file
    assert manifest.digest == {"sha256": hashlib.sha256(FILES["model.safetensors"]).hexdigest()}
    assert manifest.weights_digest == {"tensorTree": root([A, B]).hex()}


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs GNU coreutils")
def test_dirhash_is_what_the_command_of_its_specification_prints(folder: Write) -> None:
    """in-toto's digest_set.md gives a shell command; names with spaces need xargs to split at lines."""
    place = folder({**FILES, "a/b": b"1", "a.b": b"2", "a-b": b"3", "sub/deep/x": b"4"})
    command = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r -d '\\n' sha256sum | sha256sum | cut -f1 -d' '"
    ran = subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, text=True, check=True)
    assert scan(place).digest["dirHash"] == ran.stdout.strip()


def test_the_golden_model_is_what_its_vector_says() -> None:
    vectors = resources._folder("attestations") / "vectors" / "artifacts"
    expected = json.loads((vectors / "tiny.json").read_text())
    manifest = scan(vectors / "tiny").require_sound()
    assert manifest.digest == {"dirHash": expected["dirHash"], "sha256": expected["sha256"]}
    assert manifest.weights is not None
    assert manifest.weights.root == expected["tensorTree"]
    assert {entry.path: entry.sha256 for entry in manifest.files} == expected["files"]


def test_renaming_a_file_keeps_the_oms_root_and_changes_the_dirhash(folder: Write) -> None:
    """Why the OMS root is never used alone."""
    one, other = scan(folder({"a": b"1", "b": b"2"})), scan(folder({"c": b"1", "d": b"2"}, "other"))
    assert one.digest["sha256"] == other.digest["sha256"]
    assert one.digest["dirHash"] != other.digest["dirHash"]


def test_the_oms_root_leaves_out_what_oms_leaves_out_and_only_at_the_top(folder: Write) -> None:
    kept = {"a": b"1", "sub/.gitignore": b"2"}
    place = folder({**kept, ".git/config": b"x", ".github/w.yml": b"x", ".gitattributes": b"x", ".gitignore": b"x"})
    manifest = scan(place)
    assert manifest.digest["sha256"] == oms_root(kept)
    bare = manifest.without_repository_files()
    assert bare.digest == {"dirHash": dir_hash(kept), "sha256": oms_root(kept)}
    assert manifest.digest["dirHash"] != bare.digest["dirHash"]


def test_excluded_paths_are_no_part_of_it(folder: Write) -> None:
    place = folder({**FILES, "model.sig": b"signature"})
    assert scan(place, exclude={"model.sig"}).digest == {"dirHash": dir_hash(FILES), "sha256": oms_root(FILES)}


def test_a_link_to_a_model_is_the_model(folder: Write, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(folder(FILES))
    assert scan(tmp_path / "latest").digest == scan(tmp_path / "model").digest


@pytest.mark.parametrize(("make", "code"), [
    (lambda path: None, "path-not-found"),
    (lambda path: path.mkdir(), "folder-empty"),
    (lambda path: (path / "sub").mkdir(parents=True), "folder-empty"),
    (lambda path: os.mkfifo(path), "file-special"),
    (lambda path: path.symlink_to(path), "input-unreadable"),
    (lambda path: path.symlink_to("nowhere"), "path-not-found"),
])
def test_what_cannot_be_scanned_says_why(tmp_path: Path, make: Any, code: str) -> None:
    make(tmp_path / "x")
    with pytest.raises(ArtifactError) as caught:
        scan(tmp_path / "x")
    assert caught.value.code == code
    assert caught.value.hint


def test_a_folder_of_nothing_but_excluded_files_is_empty(folder: Write) -> None:
    with pytest.raises(ArtifactError, match="holds no file"):
        scan(folder({"model.sig": b"x", "a\u200bb": b"x"}), exclude={"model.sig", "a\u200bb"})


def test_a_lone_file_is_held_to_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "a\nb").write_text("x")
    manifest = scan(tmp_path / "a\nb")
    assert codes(manifest) == ["file-name-invalid"]
    with pytest.raises(ArtifactError, match="control characters"):
        manifest.require_sound()


@pytest.mark.parametrize("make", [
    lambda place: (place / "x").symlink_to("/etc/hostname"), lambda place: os.mkfifo(place / "x"),
    lambda place: (place / "a\x1bb").write_text("x"),
])
def test_an_unsound_folder_has_no_digest_to_give(folder: Write, make: Any) -> None:
    place = folder(FILES)
    make(place)
    manifest = scan(place)
    assert len(codes(manifest)) == 1
    with pytest.raises(ArtifactError):
        manifest.require_sound()


def test_a_file_that_changes_while_it_is_read_is_a_finding(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(FILES)
    status, calls = os.fstat, [0]

    def restless(descriptor: int) -> os.stat_result:
        found = list(status(descriptor))
        calls[0] += 1
        found[6] += calls[0] % 2
        return os.stat_result(found)

    monkeypatch.setattr("provenance.artifacts.hashing.os.fstat", restless)
    manifest = scan(place, wanted=FILES_ONLY)
    assert set(codes(manifest)) == {"file-changed-while-read"}
    assert all(entry.sha256 == "" for entry in manifest.files if entry.path in {f.location for f in manifest.findings})


def test_a_file_that_cannot_be_read_is_a_finding(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(5, "Input/output error")

    place = folder({"a": b"1"})
    monkeypatch.setattr(module, "read_file", fail)
    manifest = scan(place)
    assert [(f.code, f.location) for f in manifest.findings if f.severity == "error"] == [("input-unreadable", "a")]
    assert manifest.files[0].sha256 == ""


def test_a_file_that_need_not_be_read_is_listed_without_a_digest(folder: Write) -> None:
    total: list[int] = []
    manifest = scan(folder(FILES), may_be_read=lambda file: file.path == "Z", total=total.append)
    assert total == [1]
    assert {entry.path for entry in manifest.files if entry.sha256} == {"Z"}
    assert manifest.size == sum(map(len, FILES.values()))


def test_a_sparse_terabyte_that_need_not_be_read_costs_nothing(folder: Write) -> None:
    place = folder({"a": b"1"})
    with (place / "big.safetensors").open("wb") as file:
        file.truncate(1 << 40)
    manifest = scan(place, may_be_read=lambda file: file.size < 100)
    assert manifest.by_path["big.safetensors"].sha256 == ""
    assert manifest.weights is None


def test_an_interruption_of_the_listing_leaves_nothing_open(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    place, close = folder(FILES), os.close
    monkeypatch.setattr(module, "listing", interrupted)
    monkeypatch.setattr(os, "close", lambda descriptor: (closed.append(descriptor), close(descriptor)))
    with pytest.raises(KeyboardInterrupt):
        scan(place)
    assert len(closed) == 1


def test_progress_and_total_agree(folder: Write) -> None:
    total, done = list[int](), list[int]()
    scan(folder(FILES), progress=done.append, total=total.append)
    assert sum(done) == sum(total) == sum(map(len, FILES.values()))


def test_a_copy_holds_exactly_what_was_digested(folder: Write, tmp_path: Path) -> None:
    manifest = scan(folder(FILES), copy_into=tmp_path / "copy")
    assert scan(tmp_path / "copy").digest == manifest.digest


def test_a_copy_never_overwrites(folder: Write, tmp_path: Path) -> None:
    place = folder(FILES, "copy")
    with pytest.raises(RegistryError, match="cannot write the copy"):
        scan(folder(FILES), copy_into=place)


def test_kept_contents_are_the_bytes_that_were_digested(folder: Write) -> None:
    manifest = scan(folder(FILES), keep=lambda path: path == "README.md")
    assert dict(manifest.contents) == {"README.md": b"hello\n"}


def test_a_large_document_is_not_kept(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    assert scan(folder(FILES), keep=lambda _: True).contents.keys() == {"Z", "a b/c.txt", "é"}


@given(st.dictionaries(st.from_regex(r"[a-bé]{1,3}(/[a-z]{1,2})?", fullmatch=True), st.binary(max_size=20), min_size=1,
                       max_size=6))
def test_a_folder_is_what_the_reference_says(files: dict[str, bytes]) -> None:
    files = {name: data for name, data in files.items() if not any(other.startswith(name + "/") for other in files)}
    with tempfile.TemporaryDirectory() as name:
        for path, data in files.items():
            Path(name, path).parent.mkdir(parents=True, exist_ok=True)
            Path(name, path).write_bytes(data)
        assert scan(Path(name)).digest == {"dirHash": dir_hash(files), "sha256": oms_root(files)}


# Weights


def index(weight_map: Any) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


SHARDED = {
    "model-1.safetensors": safetensors([A]), "model-2.safetensors": safetensors([B]),
    "model.safetensors.index.json": index({"a": "model-1.safetensors", "b": "model-2.safetensors"}),
}


def test_shards_make_one_tree(folder: Write) -> None:
    manifest = scan(folder(SHARDED))
    assert manifest.findings == ()
    assert manifest.weights is not None
    assert manifest.weights.root == root([A, B]).hex()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.integers(0, 1 << 30))
def test_the_same_weights_have_one_root_however_they_are_cut_into_files(places: list[int], seed: int) -> None:
    """One file or several, files renamed and in folders, tensors in another order."""
    made = [Tensor(f"layer.{number}", "U8", (number,), bytes(number)) for number in range(len(places))]
    shards: dict[int, list[Tensor]] = {}
    for place, tensor in zip(places, made, strict=True):
        shards.setdefault(place, []).append(tensor)
    names = ["model", "weights-of-another-name", "sub/folder/x", "zz"]
    with tempfile.TemporaryDirectory() as name:
        for place, tensors in shards.items():
            random.Random(seed).shuffle(tensors)
            path = Path(name, names[(place + seed) % 4] + ".safetensors")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(safetensors(tensors, padding=seed % 9))
        weights = scan(Path(name)).weights
    assert weights is not None
    assert weights.root == root(made).hex()


def test_a_missing_shard_is_an_error_and_never_a_smaller_tree(folder: Write) -> None:
    place = folder(SHARDED)
    (place / "model-2.safetensors").unlink()
    manifest = scan(place)
    assert manifest.weights is None
    assert [(f.code, f.location) for f in manifest.findings] == [("shard-missing", "model.safetensors.index.json")]


def test_an_index_without_any_shard_is_an_error(folder: Write) -> None:
    place = folder(SHARDED)
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (place / name).unlink()
    assert codes(scan(place)) == ["shard-missing", "shard-missing"]


def test_shards_lie_beside_their_index(folder: Write) -> None:
    assert scan(folder({f"unet/{name}": data for name, data in SHARDED.items()})).findings == ()
    apart = {"model.safetensors.index.json": SHARDED["model.safetensors.index.json"],
             **{f"sub/{name}": SHARDED[name] for name in ("model-1.safetensors", "model-2.safetensors")}}
    assert codes(scan(folder(apart, "apart"))) == ["shard-missing", "shard-missing"]


@pytest.mark.parametrize("place", ["../model-1.safetensors", "/etc/hostname", "", "./model-1.safetensors"])
def test_an_index_cannot_point_out_of_the_folder(folder: Write, place: str) -> None:
    manifest = scan(folder({**SHARDED, "model.safetensors.index.json": index({"a": place})}))
    assert codes(manifest) == ["shard-missing"]


@pytest.mark.parametrize("content", [
    b"", b"{}", b"[]", b"null", b"{", b'{"weight_map": []}', b'{"weight_map": null}', b'{"weight_map": {"a": 1}}',
    b'{"weight_map": {"a": ["x"]}}', b'{"weight_map": {"a": "x", "a": "y"}}', b"\xff", b"[" * 10_000,
    b'{"weight_map": "model-1.safetensors"}', b'{"weight_map": [["a", "model-1.safetensors"]]}',
])
def test_an_index_that_is_none_is_an_error(folder: Write, content: bytes) -> None:
    manifest = scan(folder({**SHARDED, "model.safetensors.index.json": content}))
    assert codes(manifest) == ["json-invalid"]
    assert manifest.weights is None


def test_an_index_that_is_too_large_is_an_error_and_not_passed_over(
    folder: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 10)
    assert codes(scan(folder(SHARDED))) == ["document-too-large"]


def test_an_index_that_puts_a_tensor_elsewhere_is_a_warning(folder: Write) -> None:
    wrong = index({"a": "model-2.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"})
    manifest = scan(folder({**SHARDED, "model.safetensors.index.json": wrong}))
    assert codes(manifest) == []
    assert codes(manifest, "warning") == ["index-mismatch"]
    assert "2 tensors" in manifest.findings[0].message
    assert manifest.weights is not None


def test_one_tensor_in_two_files_leaves_the_weights_without_a_root(folder: Write) -> None:
    """The folder keeps its digests: the parts of a pipeline may each have a tensor of one name."""
    manifest = scan(folder({**SHARDED, "copy.safetensors": safetensors([A])}))
    assert codes(manifest) == []
    assert "tensor-duplicate" in codes(manifest, "warning")
    assert manifest.weights is None


def test_a_broken_shard_leaves_no_weights_and_its_digest_stands(folder: Write) -> None:
    manifest = scan(folder({**SHARDED, "model-2.safetensors": SHARDED["model-2.safetensors"][:-1]}))
    assert codes(manifest) == ["safetensors-truncated"]
    assert manifest.weights is None
    assert all(entry.sha256 for entry in manifest.files)


def test_a_folder_without_weights_says_so(folder: Write) -> None:
    manifest = scan(folder({"README.md": b"x"}))
    assert [(f.code, f.severity) for f in manifest.findings] == [("folder-has-no-weights", "info")]
    assert manifest.weights is None
    assert manifest.weights_digest is None


def test_files_without_tensors_are_no_weights(folder: Write) -> None:
    """Or all of them would be the same model."""
    manifest = scan(folder({"model.safetensors": safetensors([])}))
    assert manifest.weights is None
    assert codes(manifest, "info") == ["folder-has-no-weights"]


def test_what_only_has_the_name_of_a_container_is_named_and_keeps_its_digest(tmp_path: Path) -> None:
    names = ("model.GGUF", "pytorch_model.bin", "model.onnx")
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    manifest = scan(tmp_path)
    assert manifest.weights is None
    assert {finding.location for finding in manifest.findings} == set(names)
    assert {finding.severity for finding in manifest.findings} == {"warning"}
    assert all(entry.sha256 for entry in manifest.files)


def test_one_model_in_several_containers_has_one_root(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    values = {"w": numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "b": numpy.zeros(3, numpy.float16)}
    save_file = pytest.importorskip("safetensors.numpy").save_file
    save_file(values, tmp_path / "model.safetensors")
    alone = scan(tmp_path)
    numpy.savez(tmp_path / "weights.npz", w=numpy.asfortranarray(values["w"]), b=values["b"])
    both = scan(tmp_path)
    assert alone.weights is not None
    assert both.weights == alone.weights
    assert [finding.code for finding in both.findings] == ["weights-elsewhere"]
    (tmp_path / "model.safetensors").unlink()
    assert scan(tmp_path).weights == alone.weights
    numpy.savez(tmp_path / "weights.npz", w=values["w"] + 1, b=values["b"])
    save_file(values, tmp_path / "model.safetensors")
    assert [finding.code for finding in scan(tmp_path).findings] == ["weights-differ"]


def test_tensors_are_not_read_unless_asked_for(folder: Write) -> None:
    manifest = scan(folder({"model.safetensors": b"broken"}), wanted=FILES_ONLY)
    assert manifest.weights is None
    assert manifest.findings == ()


def test_odd_tensor_names_and_archives_are_one_warning_a_file(folder: Write) -> None:
    odd = [Tensor(name, "U8", (1,), b"x") for name in ("../a", "b\x1b[31m", "c" * 5000, "fine")]
    archive = Tensor("zip", "U8", (22,), b"PK\x05\x06" + bytes(18))
    manifest = scan(folder({"odd.safetensors": safetensors(odd), "zip.safetensors": safetensors([archive])}))
    assert [(f.code, f.severity, f.location) for f in manifest.findings] == [
        ("file-polyglot", "warning", "zip.safetensors"), ("tensor-name-odd", "warning", "odd.safetensors")
    ]
    assert "3 tensors" in manifest.findings[1].message
    assert manifest.weights is not None
    assert len(manifest.weights.tensors) == 5
