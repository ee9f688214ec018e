"""`provenance digest`, as a user types it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.world import safetensors


def test_prints_each_file_the_folder_and_the_weights(run: Run, model: Path) -> None:
    ran = run("digest", "model")
    assert ran.code == 0
    digest = hashlib.sha256((model / "config.json").read_bytes()).hexdigest()
    assert f"{digest}" in ran.out
    assert "dirHash" in ran.out
    assert "2 tensors, 3 values" in ran.out
    assert ran.err == ""  # no progress bar in a pipe


def test_json_names_the_same_digests(run: Run, model: Path) -> None:
    document = run("digest", "model", "--format", "json").json
    assert [file["path"] for file in document["files"]] == ["README.md", "config.json", "model.safetensors"]
    assert document["weights"]["tensors"] == 2
    assert set(document["digest"]) == {"dirHash", "sha256"}


def test_the_digests_that_are_asked_for_are_told_and_no_others(run: Run, model: Path) -> None:
    names = ["gitBlob", "blake3", "tensorTreeBlake3"]
    asked = [word for name in names for word in ("--digest", name)]
    document = run("digest", "model", "--format", "json", *asked).json
    assert document["digest"] == {}  # dirHash and the OMS root are over SHA-256
    assert {tuple(file["digest"]) for file in document["files"]} == {("blake3", "gitBlob")}
    assert list(document["weights"]["digest"]) == ["tensorTreeBlake3"]
    ran = run("digest", "model", *asked)
    assert f"gitBlob:{document['files'][0]['digest']['gitBlob']}" in ran.out
    assert f"BLAKE3 twin  {document['weights']['digest']['tensorTreeBlake3']}" in ran.out
    assert "dirHash" not in ran.out


def test_of_tensors_alone_nothing_else_is_read(run: Run, model: Path) -> None:
    document = run("digest", "model", "--format", "json", "--no-cache", "--digest", "tensorTree").json
    assert document["bytesRead"] == (model / "model.safetensors").stat().st_size
    assert [file["digest"] for file in document["files"]] == [{}, {}, {}]
    assert document["weights"]["digest"] == run("digest", "model", "--format", "json").json["weights"]["digest"]
    assert run("digest", "model", "--digest", "tensorTree").out.startswith("-  ")


def test_a_digest_of_no_such_name_is_named(run: Run, model: Path) -> None:
    ran = run("digest", "model", "--digest", "md5")
    assert ran.code == 2
    assert "tensorTreeBlake3" in ran.err


def test_a_scheduler_on_a_network_is_not_asked_unless_that_is_allowed(run: Run, model: Path) -> None:
    ran = run("digest", "model", "--scheduler", "tcp://10.0.0.1:8786")
    assert ran.code == 2
    assert "--online allows it" in ran.err
    ran = run("digest", "hf://org/name", "--scheduler", "tcp://127.0.0.1:8786")
    assert ran.code == 2
    assert "every worker sees the model" in ran.err


def test_output_goes_into_a_file_that_is_whole(run: Run, model: Path, tmp_path: Path) -> None:
    assert run("digest", "model", "--format", "json", "--output", "out/digest.json").out == ""
    assert (tmp_path / "out" / "digest.json").read_text().endswith("}\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["digest.json"]


def test_a_single_file_is_known_by_its_sha256(run: Run, model: Path) -> None:
    document = run("digest", "model/config.json", "--format", "json").json
    assert document["digest"] == {"sha256": hashlib.sha256((model / "config.json").read_bytes()).hexdigest()}


def _fifo(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def _link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")


def _truncated(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-1])


def _long_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((1000).to_bytes(8, "little") + b"{}")


def _overlap(folder: Path) -> None:
    data = safetensors({"a": [1.0], "b": [2.0]}).replace(b"[4, 8]", b"[0, 4]")
    (folder / "model.safetensors").write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [(_fifo, "file-special"), (_link, "file-is-symlink"), (_truncated, "safetensors-truncated"),
     (_long_header, "safetensors-truncated"), (_overlap, "safetensors-invalid")],
)
def test_refuses_to_digest_what_it_cannot_wholly_read(run: Run, model: Path, spoil: object, code: str) -> None:
    assert callable(spoil)
    spoil(model)
    ran = run("digest", "model")
    assert (ran.code, ran.out) == (2, "")
    assert f"[{code}]" in ran.err
    assert "next:" in ran.err


def test_says_what_is_missing_and_what_to_do(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "[path-not-found]" in run("digest", "nowhere").err
    assert "[folder-empty]" in run("digest", "empty").err


def test_an_unwritable_output_leaves_nothing_behind(run: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    ran = run("digest", "model", "--output", "taken/digest.txt")
    assert ran.code == 2
    assert "[output-unwritable]" in ran.err
    assert (tmp_path / "taken").read_text() == "a file, not a folder"


def test_errors_are_json_when_json_was_asked_for(run: Run) -> None:
    ran = run("digest", "nowhere", "--format", "json")
    assert ran.code == 2
    assert ran.json["code"] == "path-not-found"
    assert ran.json["hint"]
