"""The one-pass engine: every byte once, whatever is asked for; changes and interruptions noticed."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from reference import Tensor, safetensors

from provenance.artifacts import hashing
from provenance.artifacts.hashing import BLOCK, FileRead, in_threads, read_file
from provenance.errors import ArtifactError, RegistryError

MODEL = safetensors([Tensor("t", "U8", (3 * BLOCK + 5,), bytes(3 * BLOCK + 5))])


@contextmanager
def descriptor(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    opened = os.open(path, flags)
    try:
        yield opened
    finally:
        os.close(opened)


def read(path: Path, **wanted: Any) -> FileRead:
    with descriptor(path) as opened:
        return read_file(opened, path.name, **wanted)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A safetensors file of a little more than three blocks."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(MODEL)
    return path


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_size_and_sha256_are_those_of_the_bytes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(os.urandom(size))
    found = read(path)
    assert (found.size, found.sha256) == (size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert (found.tensors, found.problem, found.content, found.is_archive) == (None, None, None, False)


def test_each_byte_is_read_once_whatever_is_asked_for(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    class Counting(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer) or 0
            counted.append(count)
            return count

    read_some = os.read
    monkeypatch.setattr(hashing.io, "FileIO", Counting)
    monkeypatch.setattr(hashing.os, "read", lambda *args: counted.append(len(data := read_some(*args))) or data)
    with descriptor(tmp_path / "copy", os.O_WRONLY | os.O_CREAT) as target:
        found = read(model, tensors=True, keep=True, copy_to=target)
    assert sum(counted) == len(MODEL)
    assert (tmp_path / "copy").read_bytes() == found.content == MODEL
    assert found.tensors is not None


def test_progress_adds_up_to_the_size(model: Path) -> None:
    counted: list[int] = []
    read(model, tensors=True, progress=counted.append)
    assert sum(counted) == len(MODEL)
    assert max(counted) <= BLOCK


def test_memory_does_not_grow_with_the_file(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One buffer is filled again and again: the tail of a file is the only thing kept of it."""
    buffers = set[int]()
    blocks = hashing._blocks

    def watched(opened: int) -> Iterator[memoryview]:
        for block in blocks(opened):
            buffers.add(id(block.obj))
            yield block

    monkeypatch.setattr(hashing, "_blocks", watched)
    read(model, tensors=True)
    assert len(buffers) == 1


@pytest.mark.parametrize("change", ["append", "truncate", "rewrite", "touch"])
def test_a_file_that_changes_while_it_is_read_is_an_error(model: Path, change: str) -> None:
    """A writer at work, told by the progress of the reading."""
    def write(_: int) -> None:
        if change == "append":
            with model.open("ab") as file:
                file.write(b"x")
        elif change == "truncate":
            os.truncate(model, 8)
        elif change == "rewrite":
            with model.open("r+b") as file:
                file.write(b"x")
            os.utime(model, ns=(1, 1))
        else:
            os.utime(model, ns=(1, 1))

    with pytest.raises(ArtifactError) as caught:
        read(model, tensors=True, progress=write)
    assert (caught.value.code, caught.value.location) == ("file-changed-while-read", "model.safetensors")


def test_a_rewrite_that_puts_the_times_back_is_noticed(model: Path) -> None:
    """Modification times can be set by anybody; the time of the change of the inode cannot."""
    before = model.stat()

    def write(_: int) -> None:
        time.sleep(0.01)
        with model.open("r+b") as file:
            file.seek(100)
            file.write(b"y")
        os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ArtifactError, match="changed while it was read"):
        read(model, progress=write)


def test_a_size_that_the_system_misstates_is_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = list(model.stat())
    status[6] += 1
    monkeypatch.setattr(hashing.os, "fstat", lambda _: os.stat_result(status))
    with pytest.raises(ArtifactError, match="changed while it was read"):
        read(model)


def test_a_broken_header_is_a_problem_and_the_digest_is_right_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(MODEL[:-1])
    found = read(path, tensors=True)
    assert found.problem is not None
    assert found.problem.code == "safetensors-truncated"
    assert found.tensors is None
    assert found.sha256 == hashlib.sha256(MODEL[:-1]).hexdigest()


def test_a_copy_that_cannot_be_written_is_an_error(model: Path) -> None:
    with descriptor(model) as opened, descriptor(model) as read_only, pytest.raises(RegistryError) as caught:
        read_file(opened, "x", copy_to=read_only)
    assert caught.value.code == "output-unwritable"


def test_a_copy_is_written_whole_however_little_is_taken_at_a_time(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(hashing.os, "write", lambda target, data: write(target, data[:99_999]))
    with descriptor(tmp_path / "copy", os.O_WRONLY | os.O_CREAT) as target:
        read(model, copy_to=target)
    assert (tmp_path / "copy").read_bytes() == MODEL


@pytest.mark.parametrize(("tail", "archive"), [
    (b"PK\x05\x06" + bytes(18), True), (b"PK\x05\x06" + bytes(18) + b"comment" * 9000, True),
    (b"PK\x05\x06" + bytes(70_000), False), (b"PK\x03\x04" + bytes(18), False),
])
def test_weights_that_open_as_a_zip_archive_are_told(tmp_path: Path, tail: bytes, archive: bool) -> None:
    path = tmp_path / "x"
    path.write_bytes(safetensors([Tensor("t", "U8", (BLOCK + len(tail),), bytes(BLOCK) + tail)]))
    assert read(path, tensors=True).is_archive is archive
    assert read(path).is_archive is False  # only asked of weights


def test_results_come_in_the_order_of_the_items() -> None:
    def work(item: int, _: Callable[[int], None]) -> int:
        time.sleep(0.001 * (5 - item))
        return item * item

    assert in_threads(work, range(5), None) == [0, 1, 4, 9, 16]


def test_progress_of_all_threads_adds_up() -> None:
    lock, total = threading.Lock(), [0]

    def advance(count: int) -> None:
        with lock:
            total[0] += count

    in_threads(lambda item, progress: progress(item), range(100), advance)
    assert total[0] == sum(range(100))


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RegistryError("output-unwritable", "no space")])
def test_an_interruption_or_a_failure_stops_the_other_threads(
    failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread ends at its next report of progress, not at the end of its terabyte; what waits is never begun."""
    monkeypatch.setattr(hashing.os, "cpu_count", lambda: 3)
    begun, others = set[int](), threading.Event()

    def work(item: int, progress: Callable[[int], None]) -> None:
        begun.add(item)
        if item == 2:  # not the one that is asked for first
            others.wait(5)
            raise failure
        others.set()
        while True:
            progress(1)
            time.sleep(0.001)

    with pytest.raises(type(failure)):
        in_threads(work, range(500), None)
    assert len(begun) < 50
