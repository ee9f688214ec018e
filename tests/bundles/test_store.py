"""Where evidence lies: every bundle of a folder, read without following anything out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.bundles import store
from provenance.bundles.store import EvidenceFile, default_folder, read_evidence
from provenance.errors import ArtifactError


def names(path: Path) -> list[str]:
    return [file.name for file in read_evidence(path)]


def write(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def test_bundles_are_known_by_their_names_at_any_depth_and_sorted(tmp_path: Path) -> None:
    write(tmp_path, "b.sigstore.json", "a/x.sigstore.json", "model.sig", "y.sigstore", "z.intoto.jsonl", "notes.txt",
          "card.json", "sigstore.json")
    assert names(tmp_path) == ["a/x.sigstore.json", "b.sigstore.json", "model.sig", "y.sigstore", "z.intoto.jsonl"]


def test_one_file_is_evidence_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "signature.json")
    assert read_evidence(tmp_path / "signature.json") == [EvidenceFile("signature.json", b"signature.json")]


def test_the_same_bytes_are_read_once_under_their_first_name(tmp_path: Path) -> None:
    for name in ("b.sig", "a.sig", "c.sig"):
        (tmp_path / name).write_bytes(b"same")
    assert names(tmp_path) == ["a.sig"]


def test_links_and_special_files_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "outside/x.sig")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.sig").symlink_to(tmp_path / "outside" / "x.sig")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "in" / "pipe.sig")
    assert names(tmp_path / "in") == []


def test_folders_without_end_are_no_error(tmp_path: Path) -> None:
    write(tmp_path, "a.sig")
    deep = tmp_path
    for _ in range(100):
        deep /= "d"
    deep.mkdir(parents=True)
    write(deep, "deep.sig")
    assert names(tmp_path) == ["a.sig"]


def test_a_bundle_that_is_too_large_is_listed_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_BUNDLE", 4)
    write(tmp_path, "a.sig")
    (tmp_path / "b.sig").write_bytes(b"1234")
    assert [(file.name, file.data) for file in read_evidence(tmp_path)] == [("a.sig", None), ("b.sig", b"1234")]


def test_a_sparse_terabyte_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_BUNDLE", 1 << 20)
    with (tmp_path / "big.sig").open("wb") as file:
        file.truncate(1 << 40)
    assert read_evidence(tmp_path) == [EvidenceFile("big.sig", None)]


@pytest.mark.parametrize("name", ["none", "none/x.sig"])
def test_a_path_with_nothing_there_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_evidence(tmp_path / name)
    assert caught.value.code == "path-not-found"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.sig")
    with pytest.raises(ArtifactError) as caught:
        read_evidence(tmp_path / "x.sig")
    assert caught.value.code == "file-special"


def test_a_folder_that_cannot_be_read_is_an_error_and_not_less_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.sig")
    scandir = os.scandir

    def fail(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(ArtifactError) as caught:
        read_evidence(tmp_path)
    monkeypatch.setattr(os, "scandir", scandir)
    assert caught.value.code == "input-unreadable"


def test_evidence_lies_beside_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tiny"
    place.mkdir()
    beside = tmp_path / "tiny.provenance"
    assert default_folder(place) == beside
    assert default_folder(Path(f"{place}/")) == beside
    assert default_folder(Path("some/tiny")) == Path("some/tiny.provenance")
    monkeypatch.chdir(place)
    assert default_folder(Path()) == default_folder(Path("..") / "tiny" / ".") .resolve() == beside
    (place / "sub").mkdir()
    monkeypatch.chdir(place / "sub")
    assert default_folder(Path("..")) == beside
    assert default_folder(Path("/")) == Path("/.provenance")
