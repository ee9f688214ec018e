"""The one-pass engine: every byte once, whatever is asked for; changes noticed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import CHUNK, Tensor, b3, root, safetensors

from provenance.artifacts import hashing
from provenance.artifacts.crew import SMALL, Crew, in_threads
from provenance.artifacts.hashing import DIGESTS, FILE_DIGESTS, FILES, FileRead, Wanted, digests_of, read_file
from provenance.artifacts.sources.streamed import read_blocks
from provenance.artifacts.tensors import TREES, Weights
from provenance.errors import ArtifactError, RegistryError

BOTH = Wanted(trees=TREES)
TREES_ALONE = Wanted((), TREES)
CONTENT = hashlib.shake_128(b"weights").digest(3 * CHUNK + 5)
MADE = [Tensor("pad", "U8", (3,), b"123"), Tensor("t", "U8", (len(CONTENT),), CONTENT), Tensor("z", "U8", (0,), b"")]
MODEL = safetensors(MADE)
ROOTS = {"tensorTree": root(MADE).hex(), "tensorTreeBlake3": root(MADE, b3).hex()}


@contextmanager
def descriptor(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    opened = os.open(path, flags)
    try:
        yield opened
    finally:
        os.close(opened)


def read(path: Path, wanted: Wanted = FILES, **how: Any) -> FileRead:
    with descriptor(path) as opened:
        return read_file(opened, path.name, wanted, **how)


def apart(digests: dict[str, str]) -> tuple[str, dict[str, str]]:
    """SHA-256 by itself and the others, as a FileRead has them."""
    return digests.pop("sha256", ""), digests


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A safetensors file of a little more than three chunks."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(MODEL)
    return path


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each call to the system read."""
    counted: list[int] = []

    def counting(call: Callable[..., Any], size: Callable[[Any], int]) -> Callable[..., Any]:
        def counted_call(*arguments: Any) -> Any:
            done = call(*arguments)
            counted.append(size(done))
            return done

        return counted_call

    for name, size in (("read", len), ("pread", len), ("readv", int), ("preadv", int)):
        monkeypatch.setattr(os, name, counting(getattr(os, name), size))
    return counted


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_size_and_digests_are_those_of_the_bytes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(data := os.urandom(size))
    assert read(path) == FileRead(size, hashlib.sha256(data).hexdigest())
    found = read(path, Wanted(FILE_DIGESTS))
    assert (found.sha256, dict(found.others)) == apart(digests_of(data, FILE_DIGESTS))


def test_digests_are_those_of_other_tools(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    found = dict(read(tmp_path / "x", Wanted(FILE_DIGESTS)).others)
    git = subprocess.run(["git", "hash-object", "x"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found == {
        "sha512": hashlib.sha512(CONTENT).hexdigest(), "blake2b": hashlib.blake2b(CONTENT).hexdigest(),
        "blake3": b3(CONTENT).hex(), "gitBlob": git.stdout.strip(),
    }


def test_digests_are_named_in_one_order_whatever_is_asked_first() -> None:
    assert Wanted.of(DIGESTS[::-1]).names == DIGESTS
    assert Wanted.of(("tensorTree",)).and_also("sha256") == Wanted(("sha256",), ("tensorTree",))
    assert FILES.and_also("sha256") == FILES


def test_each_byte_is_read_once_whatever_is_asked_for(model: Path, tmp_path: Path, bytes_read: list[int]) -> None:
    """But for the header, which says where the tensors lie: it is looked at before, and held against what is read."""
    with descriptor(tmp_path / "copy", os.O_WRONLY | os.O_CREAT) as target:
        found = read(model, Wanted(FILE_DIGESTS, TREES), keep=True, copy_to=target)
    header = len(MODEL) - len(CONTENT) - 3
    assert sum(bytes_read) == len(MODEL) + header
    assert (tmp_path / "copy").read_bytes() == found.content == MODEL
    assert Weights.of(found.tensors or (), TREES).digest == ROOTS


def test_of_tensors_alone_nothing_else_is_read(model: Path, bytes_read: list[int]) -> None:
    found = read(model, TREES_ALONE)
    assert found.sha256 == ""
    assert found.taken == len(MODEL)
    assert Weights.of(found.tensors or (), TREES).digest == ROOTS
    tail = min(len(MODEL), 22 + 0xFFFF)  # where a zip archive would have its directory
    assert sum(bytes_read) == len(MODEL) + tail


def test_of_a_file_without_tensors_nothing_is_read_where_only_tensors_are_asked_for(
    tmp_path: Path, bytes_read: list[int]
) -> None:
    for size in (5, SMALL + 1):
        (tmp_path / "x").write_bytes(bytes(size))
        assert read(tmp_path / "x", TREES_ALONE) == FileRead(size)
        assert read(tmp_path / "x", TREES_ALONE).taken == 0
    assert sum(bytes_read) == 0


def test_progress_adds_up_to_the_size(model: Path) -> None:
    counted: list[int] = []
    read(model, BOTH, crew=Crew(counted.append))
    assert sum(counted) == len(MODEL)
    assert max(counted) <= CHUNK


def in_a_crew(path: Path, wanted: Wanted, progress: Callable[[int], None] | None = None) -> FileRead:
    """Read as one of few files on a machine of several cores."""
    def work(item: Path, crew: Crew) -> FileRead:
        with descriptor(item) as opened:
            return read_file(opened, item.name, wanted, crew=crew)

    return in_threads(work, [path], progress)[0]


@pytest.mark.parametrize("wanted", [BOTH, TREES_ALONE, Wanted(FILE_DIGESTS, TREES)], ids=["both", "trees", "all"])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_a_file_that_several_threads_share_has_the_same_digests(
    tmp_path: Path, wanted: Wanted, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large enough that every thread gets some of it, and that buffers go round."""
    monkeypatch.setattr(os, "cpu_count", lambda: workers)
    data = CONTENT * 16
    made = [Tensor("a", "U8", (len(data),), data), Tensor("b", "U8", (5,), b"12345")]
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(made))
    counted: list[int] = []
    found = in_a_crew(path, wanted, counted.append)
    assert Weights.of(found.tensors or (), TREES).digest == {
        "tensorTree": root(made).hex(), "tensorTreeBlake3": root(made, b3).hex()}
    assert (found.sha256, dict(found.others)) == apart(digests_of(path.read_bytes(), wanted.files))
    assert sum(counted) == (path.stat().st_size if wanted.files else len(data) + 5)


@pytest.mark.parametrize("wanted", [BOTH, TREES_ALONE], ids=["both", "trees"])
def test_a_failure_of_one_thread_is_the_failure_of_the_file(
    tmp_path: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors([Tensor("a", "U8", (40 * CHUNK,), bytes(40 * CHUNK))]))
    counted: list[int] = []

    def shorten(count: int) -> None:
        counted.append(count)
        if len(counted) == 3:
            os.truncate(path, 100)

    with pytest.raises(ArtifactError) as caught:
        in_a_crew(path, wanted, shorten)
    assert caught.value.code == "file-changed-while-read"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """One buffer for each thread, and digests: two files, one sixteen times the other, and the peak of each."""
    script = (
        "import os, sys\n"
        "from provenance.artifacts.hashing import Wanted, read_file\n"
        "opened = os.open(sys.argv[1], os.O_RDONLY)\n"
        "read_file(opened, 'model.safetensors', Wanted(trees=('tensorTree', 'tensorTreeBlake3')))\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    )
    peaks = []
    for chunks in (4, 64):
        path = tmp_path / f"{chunks}.safetensors"
        path.write_bytes(safetensors([Tensor("t", "U8", (chunks * CHUNK,), bytes(chunks * CHUNK))]))
        done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 8192  # KiB


@pytest.mark.parametrize("wanted", [FILES, BOTH], ids=["files", "both"])
@pytest.mark.parametrize("change", ["append", "truncate", "rewrite", "touch"])
def test_a_file_that_changes_while_it_is_read_is_an_error(model: Path, change: str, wanted: Wanted) -> None:
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
        read(model, wanted, crew=Crew(write))
    assert (caught.value.code, caught.value.location) == ("file-changed-while-read", "model.safetensors")


@pytest.mark.parametrize("change", ["append", "truncate"])
def test_a_small_file_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    read_some = os.read

    def changing(opened: int, count: int) -> bytes:
        path.write_bytes(b"123456" if change == "append" else b"1234")
        return read_some(opened, count)

    monkeypatch.setattr(os, "read", changing)
    with pytest.raises(ArtifactError, match="changed while it was read"):
        read(path)


def test_a_small_file_is_read_whole_however_little_is_given_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    read_some = os.read
    monkeypatch.setattr(os, "read", lambda opened, count: read_some(opened, min(count, 3)))
    assert read(tmp_path / "x", keep=True).content == b"0123456789"


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
        read(model, crew=Crew(write))


def test_a_header_that_is_another_one_when_it_is_read_again_is_noticed(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the system says of times and sizes: tensors are where the bytes that were hashed say that they are."""
    status = model.stat()
    monkeypatch.setattr(os, "fstat", lambda _: status)
    planner = hashing.planner

    def swapped(container: Any) -> Any:
        def plan(opened: int, size: int, location: str) -> Any:
            found = planner(container)(opened, size, location)
            model.write_bytes(MODEL.replace(b'"pad"', b'"bad"'))
            return found

        return plan

    monkeypatch.setattr(hashing, "planner", swapped)
    with pytest.raises(ArtifactError, match="changed while it was read"):
        read(model, BOTH)


def test_a_size_that_the_system_misstates_is_noticed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for more in (1, -1):
        status = list(model.stat())
        status[6] += more
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", lambda _, status=status: os.stat_result(status))
            with pytest.raises(ArtifactError, match="changed while it was read"):
                read(model)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(ArtifactError) as caught, descriptor(tmp_path / "x", os.O_RDONLY | os.O_NONBLOCK) as opened:
        read_file(opened, "x")
    assert caught.value.code == "file-special"


@pytest.mark.parametrize("wanted", [BOTH, TREES_ALONE], ids=["both", "trees"])
def test_a_broken_header_is_a_problem_and_the_digest_is_right_all_the_same(tmp_path: Path, wanted: Wanted) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(MODEL[:-1])
    found = read(path, wanted)
    assert found.problem is not None
    assert found.problem.code == "safetensors-truncated"
    assert found.tensors is None
    assert found.sha256 == (hashlib.sha256(MODEL[:-1]).hexdigest() if wanted.files else "")


def test_weights_are_read_as_what_the_caller_says_that_they_are(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(MODEL)
    assert read(tmp_path / "blob", BOTH).tensors is None
    found = read(tmp_path / "blob", BOTH, container="safetensors")
    assert Weights.of(found.tensors or (), TREES).digest == ROOTS


def test_a_copy_that_cannot_be_written_is_an_error(model: Path) -> None:
    with descriptor(model) as opened, descriptor(model) as read_only, pytest.raises(RegistryError) as caught:
        read_file(opened, "x", copy_to=read_only)
    assert caught.value.code == "output-unwritable"


def test_a_copy_is_written_whole_however_little_is_taken_at_a_time(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda target, data: write(target, data[:99_999]))
    with descriptor(tmp_path / "copy", os.O_WRONLY | os.O_CREAT) as target:
        read(model, copy_to=target)
    assert (tmp_path / "copy").read_bytes() == MODEL


@pytest.mark.parametrize(("tail", "archive"), [
    (b"PK\x05\x06" + bytes(18), True), (b"PK\x05\x06" + bytes(18) + b"comment" * 9000, True),
    (b"PK\x05\x06" + bytes(70_000), False), (b"PK\x03\x04" + bytes(18), False),
])
def test_weights_that_open_as_a_zip_archive_are_told(tmp_path: Path, tail: bytes, archive: bool) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors([Tensor("t", "U8", (CHUNK + len(tail),), bytes(CHUNK) + tail)]))
    assert read(path, BOTH).is_archive is archive
    assert read(path, TREES_ALONE).is_archive is archive
    assert read(path).is_archive is False  # only asked of weights


# Streams


@given(st.lists(st.integers(1, 900), max_size=40), st.sampled_from(["both", "files", "all"]))
def test_a_stream_is_read_as_a_file_is_whatever_it_gives_at_a_time(cuts: list[int], kind: str) -> None:
    wanted = {"both": BOTH, "files": FILES, "all": Wanted(FILE_DIGESTS, TREES)}[kind]
    made = [Tensor("a", "U8", (700,), bytes(700)), Tensor("b", "F32", (), b"1234")]
    data, at, pieces = safetensors(made), 0, []
    for cut in [*cuts, 1 << 20]:
        pieces.append(data[at : at + cut])
        at += cut
    found = read_blocks(pieces, len(data), "m.safetensors", wanted, keep=True)
    assert found.content == data
    assert (found.sha256, dict(found.others)) == apart(digests_of(data, wanted.files))
    expected = {"tensorTree": root(made).hex(), "tensorTreeBlake3": root(made, b3).hex()} if wanted.trees else {}
    assert Weights.of(found.tensors or (), wanted.trees).digest == expected


@pytest.mark.parametrize("pieces", [[MODEL[:-1]], [MODEL, b"x"], [MODEL[:5]], []], ids=["less", "more", "five", "none"])
def test_a_stream_of_another_length_than_was_said_is_an_error(pieces: list[bytes]) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_blocks(pieces, len(MODEL), "m.safetensors", BOTH)
    assert caught.value.code == "file-changed-while-read"
