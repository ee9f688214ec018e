"""A folder of bundles and its index: the index says where to look, and whoever edits it can raise nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from provenance.bundles.envelope import sha256
from provenance.bundles.stores import folder as module
from provenance.bundles.stores.folder import FolderStore
from provenance.errors import ArtifactError
from tests.bundles.stores.conftest import bundle

A, B = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def index_of(place: Path) -> Path:
    return place.with_name("store.index.sqlite3")


def find(place: Path, *subjects: str) -> list[str]:
    store = FolderStore(place)
    try:
        return [file.name for file in store.find(subjects)]
    finally:
        store.close()


def write(place: Path, name: str, data: bytes) -> None:
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(data)


def settle(place: Path) -> None:
    """Let some time pass: folders that changed a moment ago are looked at again each time."""
    for path in [place, *(path for path in place.rglob("*") if path.is_dir())]:
        os.utime(path, ns=(10**18, 10**18))


def edit(place: Path, *statements: str) -> None:
    """Edit the index, as somebody could who can write to it."""
    database = sqlite3.connect(index_of(place), isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


@pytest.fixture
def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all bundles that are opened."""
    seen: list[str] = []
    original = module.opened

    def counting(root: int, path: str) -> object:
        seen.append(path)
        return original(root, path)

    monkeypatch.setattr(module, "opened", counting)
    return seen


def test_what_others_put_there_is_found_at_any_depth(place: Path) -> None:
    write(place, "a/b/c.sigstore.json", bundle(A))
    write(place, "model.sig", bundle(A, note="2"))
    write(place, "notes.txt", bundle(A, note="3"))
    assert find(place, A) == ["a/b/c.sigstore.json", "model.sig"]


def test_a_file_of_several_is_found_by_each_of_them(place: Path) -> None:
    write(place, "many.intoto.jsonl", b"\n".join([bundle(A), b"not one", bundle(B, kind="https://example.org/y"), b""]))
    assert find(place, A) == ["many.intoto.jsonl:1"]
    assert find(place, B) == ["many.intoto.jsonl:3"]


@pytest.mark.parametrize("count", [10, 200])
def test_a_lookup_opens_what_matches_and_nothing_else(
    place: Path, count: int, opened_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: neither is a folder listed that has not changed."""
    for number in range(count):
        write(place, f"{number % 5}/{number}.sigstore.json", bundle(f"sha256:{number:064x}"))
    write(place, "match.sigstore.json", bundle(A))
    monkeypatch.setattr(module, "RACY", 0)
    find(place, A)
    assert len(opened_files) == count + 2  # each once for the index, and the one that matches
    listed: list[str] = []
    original = module._children
    monkeypatch.setattr(module, "_children", lambda root, path: listed.append(path) or original(root, path))
    opened_files.clear()
    assert find(place, A) == ["match.sigstore.json"]
    assert (opened_files, listed) == (["match.sigstore.json"], [])
    write(place, "3/new.sigstore.json", bundle(A, note="new"))
    opened_files.clear()
    assert find(place, A) == ["3/new.sigstore.json", "match.sigstore.json"]
    assert sorted(opened_files) == ["3/new.sigstore.json", "3/new.sigstore.json", "match.sigstore.json"]
    assert listed == ["3"]


def test_a_folder_that_changed_a_moment_ago_is_looked_at_again(place: Path) -> None:
    """A second change within one tick of the clock leaves the folder's times as they were."""
    write(place, "one.sigstore.json", bundle(A))
    find(place, A)
    before = place.stat()
    write(place, "two.sigstore.json", bundle(A, note="2"))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert find(place, A) == ["one.sigstore.json", "two.sigstore.json"]


def test_what_is_gone_or_replaced_is_noticed(place: Path) -> None:
    for name in ("a/one.sigstore.json", "b/two.sigstore.json", "b/c/three.sigstore.json", "b0/four.sigstore.json"):
        write(place, name, bundle(A, note=name))
    assert len(find(place, A)) == 4
    shutil.rmtree(place / "b")
    (place / "a" / "new").write_bytes(bundle(B))
    (place / "a" / "new").rename(place / "a" / "one.sigstore.json")
    assert find(place, A) == ["b0/four.sigstore.json"]
    assert find(place, B) == ["a/one.sigstore.json"]
    database = sqlite3.connect(index_of(place))
    assert database.execute("SELECT subject FROM subjects ORDER BY subject").fetchall() == [(A,), (B,)]
    database.close()


def test_a_file_that_was_rewritten_in_place_is_never_handed_out_for_what_it_was(place: Path) -> None:
    write(place, "one.sigstore.json", bundle(A))
    find(place, A)
    (place / "one.sigstore.json").write_bytes(bundle(B))
    assert find(place, A) == []
    store = FolderStore(place)
    store.reindex()
    assert [file.name for file in store.find([B])] == ["one.sigstore.json"]
    store.close()


def test_links_and_special_files_are_not_followed(place: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/x.sigstore.json", bundle(A))
    (place / "link.sigstore.json").symlink_to(tmp_path / "outside" / "x.sigstore.json")
    (place / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(place / "pipe.sigstore.json")
    assert find(place, A) == []


@pytest.mark.parametrize("what", ["folder", "file", "name"])
def test_what_cannot_be_read_is_an_error_and_not_less_evidence(
    place: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal of the system is played."""
    write(place, "a/one.sigstore.json", bundle(A))
    original = os.open
    refused = {"folder": "a", "file": "one.sigstore.json", "name": "a"}[what]
    if what == "name":
        find(place, A)

    def refusing(path: object, *more: object, **named: object) -> int:
        if path == refused:
            raise PermissionError(13, "Permission denied")
        return original(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(ArtifactError) as caught:
        find(place, A)
    assert caught.value.code == "input-unreadable"


# Whoever can edit the index


@pytest.mark.parametrize("path", [
    "../outside.sigstore.json", "/etc/hostname", "link.sigstore.json", "a/../../outside.sigstore.json", "pipe.sig", "",
    ".", "\x00", "none.sigstore.json",
])
def test_an_index_leads_to_nothing_outside_the_folder(place: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.parent / "outside.sigstore.json").write_bytes(bundle(A))
    (place / "link.sigstore.json").symlink_to(place.parent / "outside.sigstore.json")
    os.mkfifo(place / "pipe.sig")
    write(place, "other.sigstore.json", bundle(B))
    monkeypatch.setattr(module, "RACY", 0)
    find(place)
    database = sqlite3.connect(index_of(place), isolation_level=None)
    database.execute("UPDATE files SET path = ?, sha256 = ?", (path, sha256(bundle(A))))
    database.execute("UPDATE subjects SET subject = ?", (A,))
    database.close()
    store = FolderStore(place)
    assert store.find([A]) == []
    assert store.find() == []
    assert store.get(sha256(bundle(A))) is None
    store.close()


def test_an_index_cannot_give_a_bundle_another_subject_or_digest(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place, "one.sigstore.json", bundle(B))
    monkeypatch.setattr(module, "RACY", 0)
    find(place)
    edit(place, f"UPDATE subjects SET subject = '{A}'", f"UPDATE files SET sha256 = '{sha256(bundle(A))}'")
    store = FolderStore(place)
    assert store.find([A]) == []
    assert store.get(sha256(bundle(A))) is None
    store.close()


def test_what_is_listed_by_digest_is_found_however_the_index_was_edited(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RACY", 0)
    store = FolderStore(place)
    digest = store.add(bundle(A))
    assert store.find([A])
    store.close()
    edit(place, "DELETE FROM subjects", "DELETE FROM files")
    store = FolderStore(place)
    assert store.find([A]) == []  # hidden, as by whoever takes a file away
    found = store.get(digest)
    assert found is not None
    assert found.data == bundle(A)
    store.reindex()
    assert len(store.find([A])) == 1
    store.close()


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"\xff" * 4096, b""])
def test_a_damaged_index_is_built_anew(place: Path, damage: bytes) -> None:
    write(place, "one.sigstore.json", bundle(A))
    find(place)
    index_of(place).write_bytes(damage)
    assert find(place, A) == ["one.sigstore.json"]


@pytest.mark.parametrize("statement", [
    "DROP TABLE files", "DROP TABLE folders", "ALTER TABLE files RENAME COLUMN sha256 TO other",
    "PRAGMA user_version = 99",
])
def test_an_index_of_another_shape_is_built_anew(place: Path, statement: str) -> None:
    write(place, "one.sigstore.json", bundle(A))
    find(place)
    edit(place, "PRAGMA foreign_keys = OFF", statement)
    assert find(place, A) == ["one.sigstore.json"]


def test_damage_in_the_middle_of_an_index_never_hands_out_what_does_not_match(place: Path) -> None:
    for number in range(50):
        write(place, f"{number}.sigstore.json", bundle(A if number == 7 else B, note=str(number)))
    find(place)
    whole = index_of(place).read_bytes()
    for at in range(100, len(whole), 997):
        index_of(place).write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert set(find(place, A)) <= {"7.sigstore.json"}
        except ArtifactError as err:
            assert err.code == "store-unusable"  # noqa: PT017


def test_an_index_that_others_can_write_is_not_used(place: Path) -> None:
    write(place, "one.sigstore.json", bundle(A))
    find(place)
    index_of(place).chmod(0o666)
    with pytest.raises(ArtifactError, match="can be written by others") as caught:
        FolderStore(place)
    assert caught.value.code == "store-unusable"


def test_an_index_that_is_a_link_is_not_used(place: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    index_of(place).symlink_to(tmp_path / "precious")
    with pytest.raises(ArtifactError):
        FolderStore(place)
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_index_lies_where_it_is_named(place: Path, tmp_path: Path) -> None:
    write(place, "one.sigstore.json", bundle(A))
    store = FolderStore(place, tmp_path / "elsewhere.sqlite3")
    assert len(store.find([A])) == 1
    store.close()
    assert (tmp_path / "elsewhere.sqlite3").is_file()
    assert not index_of(place).exists()


def test_a_bundle_under_a_false_address_is_put_right(place: Path) -> None:
    store = FolderStore(place)
    digest = store.add(bundle(A))
    (place / digest[:2] / f"{digest}.sigstore.json").write_bytes(bundle(B))
    assert store.get(digest) is None
    assert store.add(bundle(A)) == digest
    found = store.get(digest)
    assert found is not None
    assert found.data == bundle(A)
    store.close()


def test_a_store_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        FolderStore(tmp_path / "none")
    assert caught.value.code == "path-not-found"
