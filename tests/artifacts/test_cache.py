"""The digest cache: it spares a second read, never lies, and no verdict knows it."""

from __future__ import annotations

import fcntl
import mmap
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.artifacts import cache as cache_module
from provenance.artifacts.cache import DigestCache, default_path
from provenance.artifacts.hashing import FILES, FileRead
from provenance.artifacts.manifest import scan
from provenance.artifacts.sources.collecting import Collected, collect_path
from provenance.errors import ArtifactError, Finding
from tests.artifacts.conftest import Write
from tests.artifacts.sources.conftest import files
from tests.test_architecture import KNOWN, imports_of, module_name, modules

__all__ = ["files"]


def later() -> int:
    """A clock in which every file of this test is old."""
    return time.time_ns() + 10_000_000_000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "digests.sqlite3"


def read(path: Path, place: Path, **options: bool) -> Collected:
    with DigestCache(place, now=later) as cache:
        return collect_path(path, cache=cache, **options)


def codes(collected: Collected) -> list[str]:
    return [finding.code for finding in collected.manifest.findings if finding.severity != "info"]


def test_the_second_time_only_what_is_needed_is_read(folder: Write, place: Path, files: dict[str, bytes]) -> None:
    """An index of shards is looked into each time; all else comes from the cache, tensors too."""
    model = folder(files)
    first, second = read(model, place), read(model, place)
    index = len(files["model.safetensors.index.json"])
    assert (first.read, first.cached) == (sum(map(len, files.values())), 0)
    assert (second.read, second.cached) == (index, first.read - index)
    assert second.manifest == first.manifest == scan(model)
    assert second.manifest.weights is not None


def test_what_a_file_is_by_its_first_bytes_is_told_of_remembered_files_too(folder: Write, place: Path) -> None:
    model = folder({"vocab.txt": b"\x80\x04\x95", "words.txt": b"cos\nsystem\n(S'ls'\ntR.", "notes": b"#!/bin/sh\n"})
    first, second = read(model, place), read(model, place)
    assert second.read == 0
    assert second.manifest == first.manifest == scan(model)
    assert sorted(codes(second)) == ["file-holds-code", "pickle-unsafe", "pickle-unsafe"]


def test_a_file_that_changed_is_read_again(folder: Write, place: Path) -> None:
    """By another size, by another time, and by ctime where size and mtime were put back."""
    model = folder({"a": b"1", "b": b"2"})
    read(model, place)
    before = (model / "a").stat()
    time.sleep(0.02)
    (model / "a").write_bytes(b"3")
    os.utime(model / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    again = read(model, place)
    assert (again.read, again.cached) == (1, 1)
    assert again.manifest.files == scan(model).files


def test_another_file_in_its_place_is_read(folder: Write, place: Path) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    (model / "new").write_bytes(b"2")
    (model / "new").replace(model / "a")
    assert read(model, place).cached == 0


def test_a_file_that_was_written_just_now_is_not_remembered(folder: Write, place: Path) -> None:
    """It could change again within one tick of the clock; so could one whose times lie in the future."""
    model = folder({"a": b"1"})
    for now in (time.time_ns, lambda: 0):
        for _ in range(2):
            with DigestCache(place, now=now) as cache:
                assert collect_path(model, cache=cache).cached == 0


def test_a_file_that_is_mapped_for_writing_is_read(folder: Write, place: Path) -> None:
    """A page that is dirty already changes without the file's times telling."""
    model = folder({"a": bytes(8192)})
    with (model / "a").open("r+b") as file, mmap.mmap(file.fileno(), 8192) as mapped:
        mapped[0] = 1
        read(model, place)
        before = (model / "a").stat()
        mapped[1] = 2
        after = (model / "a").stat()
        assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
        again = read(model, place)
    assert again.cached == 0
    assert again.manifest.files == scan(model).files


def test_a_file_that_is_opened_for_writing_while_it_is_leased_ends_nothing(
    folder: Write, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells the holder of a lease by a signal, whose usual one would end the process."""
    path, ask, refused = folder({"a": b"1"}) / "a", fcntl.fcntl, list[int]()

    def interrupted(descriptor: int, command: int, argument: int) -> int:
        answer = ask(descriptor, command, argument)
        if (command, argument) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):
            with pytest.raises(BlockingIOError):
                os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            refused.append(descriptor)
        return answer

    monkeypatch.setattr(fcntl, "fcntl", interrupted)
    with path.open("rb") as file, DigestCache(place) as cache:
        assert cache.is_of_use(file.fileno())
        assert refused == [file.fileno()]
    path.write_bytes(b"2")  # at once: the lease was given back


def test_where_leases_are_not_known_every_file_is_read(folder: Write, place: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    monkeypatch.delattr("fcntl.F_SETLEASE")
    assert read(model, place).cached == 0


@pytest.mark.parametrize("more", [
    {"content": b"1"}, {"findings": (Finding("cache-unusable", "info", "x"),)}, {"sha256": ""}, {"size": 2},
    {"problem": ArtifactError("input-unreadable", "x")},
])
def test_what_a_row_does_not_hold_is_not_remembered(folder: Write, place: Path, more: dict[str, Any]) -> None:
    status = (folder({"a": b"1"}) / "a").stat()
    with DigestCache(place, now=later) as cache:
        cache.put(status, "whole", FileRead(1, "0" * 64))
        cache.put(status, "more", replace(FileRead(1, "0" * 64), **more))
        cache.flush()
        assert cache.get(status, "whole") == FileRead(1, "0" * 64)
        assert cache.get(status, "more") is None


def test_another_version_of_the_tool_knows_nothing_of_it(folder: Write, place: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    monkeypatch.setattr(cache_module, "__version__", "9.9")
    assert read(model, place).cached == 0


def test_an_answer_to_another_question_is_none(folder: Write, place: Path, files: dict[str, bytes]) -> None:
    """Digests without tensors do not stand for those with them."""
    model = folder({"model.safetensors": files["model-1.safetensors"]})
    read(model, place, wanted=FILES)
    assert read(model, place).cached == 0
    linked = model / "model.txt"
    os.link(model / "model.safetensors", linked)
    assert read(linked, place).manifest.weights is None


def test_what_was_wrong_is_not_remembered(folder: Write, place: Path) -> None:
    model = folder({"model.safetensors": b"broken"})
    for _ in range(2):
        assert codes(read(model, place)) == ["safetensors-truncated"]


@pytest.mark.parametrize("column", ["value", "sum", "key"])
def test_a_row_that_was_tampered_with_is_no_row(folder: Write, place: Path, column: str) -> None:
    model = folder({"a": b"1" * 10})
    read(model, place)
    with sqlite3.connect(place) as database:
        database.execute(f"UPDATE digests SET {column} = replace({column}, '1', '2')")
    database.close()
    again = read(model, place)
    assert again.cached == 0
    assert again.manifest.files == scan(model).files


def test_a_value_of_another_type_is_no_row(folder: Write, place: Path) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    with sqlite3.connect(place) as database:
        database.execute("UPDATE digests SET value = x'00'")
    database.close()
    assert read(model, place).cached == 0


def test_no_damage_to_the_file_gives_another_digest(folder: Write, place: Path) -> None:
    """Each part of the database overwritten in turn: the same digests, from the cache or not."""
    model = folder({f"f{number}": bytes([number]) * 50 for number in range(20)})
    expected = read(model, place).manifest.files
    data = place.read_bytes()
    for position in range(0, len(data), 509):
        place.write_bytes(data[:position] + b"\xff\x00\x41" + data[position + 3 :])
        damaged = read(model, place)
        assert damaged.manifest.files == expected
        assert set(codes(damaged)) <= {"cache-unusable"}


@pytest.mark.parametrize("data", [b"not a database, of some length" * 100, b"\0" * 5000])
def test_a_damaged_cache_is_a_warning_and_every_file_is_read(folder: Write, place: Path, data: bytes) -> None:
    model = folder({"a": b"1"})
    place.parent.mkdir()
    place.write_bytes(data)
    place.chmod(0o600)
    found = read(model, place)
    assert (codes(found), found.cached) == (["cache-unusable"], 0)
    assert found.manifest.files == scan(model).files
    assert place.read_bytes() == data  # for its owner to look at


def test_a_locked_cache_is_a_warning(folder: Write, place: Path) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    database = sqlite3.connect(place, isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    try:
        found = read(model, place)
    finally:
        database.close()
    assert (codes(found), found.cached) == (["cache-unusable"], 0)


@pytest.mark.parametrize("which", ["folder", "file"])
def test_a_cache_that_others_can_write_is_not_believed(folder: Write, place: Path, which: str) -> None:
    model = folder({"a": b"1"})
    read(model, place)
    (place.parent if which == "folder" else place).chmod(0o777)
    found = read(model, place)
    assert (codes(found), found.cached) == (["cache-unusable"], 0)


def test_a_cache_behind_a_link_is_not_followed(folder: Write, place: Path, tmp_path: Path) -> None:
    place.parent.mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    assert codes(read(folder({"a": b"1"}), place)) == ["cache-unusable"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_cannot_be_written_is_a_warning(folder: Write, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    assert codes(read(folder({"a": b"1"}), tmp_path / "taken" / "x" / "digests")) == ["cache-unusable"]


def test_it_lies_in_the_users_cache_folder_and_is_the_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Write
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_path().parent == tmp_path / "xdg" / "open-provenance"
    for value in ("", "relative"):  # as the XDG specification asks
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_path().parent == tmp_path / ".cache" / "open-provenance"
    read(folder({"a": b"1"}), default_path())
    assert default_path().stat().st_mode & 0o077 == 0
    assert default_path().parent.stat().st_mode & 0o077 == 0


def test_it_does_not_grow_for_ever(folder: Write, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_ROWS", 3)
    read(folder({str(number): b"1" for number in range(5)}), place)
    database = sqlite3.connect(place)
    assert database.execute("SELECT count(*) FROM digests").fetchone() == (3,)
    database.close()


def reached_from(*names: str) -> set[str]:
    """Every module that these import, directly or not, inside functions too."""
    by_name = {module_name(path): path for path in modules()}
    seen, left = set[str](), list(names)
    while left:
        name = left.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        found = [one for one in imports_of(by_name[name]) if not one.for_types]
        left += [module for one in found for module in (one.target, one.target.rpartition(".")[0])]
    return seen


@pytest.mark.parametrize("verb", ["verify", "admit", "reproduce"])
def test_no_verdict_can_rest_on_it(verb: str) -> None:
    """Nothing that these import, at any depth, knows the cache or what uses it."""
    start = [name for name in (f"provenance.workflows.{verb}", f"provenance.cli.{verb}") if name in KNOWN]
    assert len(start) == 2
    reached = reached_from(*start)
    assert "provenance.artifacts.manifest" in reached
    assert reached & {"provenance.artifacts.cache", "provenance.artifacts.sources.collecting",
                      "provenance.workflows.digest"} == set()
    assert "provenance.artifacts.cache" in reached_from("provenance.cli.digest")  # the test itself can see it
