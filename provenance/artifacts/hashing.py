"""The one-pass engine: each byte of a file is read once and feeds every digest that is asked for.

Files are spread over threads (hashlib releases the GIL); each thread reads into one reused buffer, so memory
does not grow with file size. Files are read, never mapped: a file that is truncated while it is mapped would
end the process instead of giving an error.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from provenance.artifacts.containers.reading import family_of, read_tensors
from provenance.artifacts.tensors import Tensor, TensorHasher, header_length, parse_header
from provenance.errors import ArtifactError, Finding, RegistryError

BLOCK = 1 << 20
# A zip archive is found from its end: this mark, 18 bytes, and a comment of up to 65,535 bytes.
_ZIP_END = b"PK\x05\x06"
_TAIL = 22 + 0xFFFF
Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int], None]  # called with a number of bytes, from any thread


@dataclass(frozen=True)
class FileRead:
    """What one pass over a file gave: size in bytes, sha256 in hex, its tensors, and why there are none.

    `tensors` is None where the file holds no weights in a container that is read, `problem` says what is wrong
    with a file of weights; its sha256 is right all the same. `content` is the file itself where it was asked for.
    `is_archive` marks a safetensors file that opens as a zip archive too: other loaders would run what is in it.
    """

    size: int
    sha256: str
    tensors: tuple[Tensor, ...] | None = None
    problem: ArtifactError | None = None
    content: bytes | None = None
    is_archive: bool = False
    findings: tuple[Finding, ...] = ()


def read_file(
    descriptor: int,
    location: str,
    *,
    tensors: bool = False,
    keep: bool = False,
    progress: Progress | None = None,
    copy_to: int | None = None,
) -> FileRead:
    """Read an open regular file once, from its start.

    With `copy_to` (a descriptor) the same bytes are written there as they are hashed, so that a copy is exactly
    what was digested; with `keep` they are returned too, so that what is parsed is what was digested.
    ArtifactError `file-changed-while-read` when size or times differ at the end.
    """
    before = os.fstat(descriptor)
    whole, kept, tail = hashlib.sha256(), bytearray(), b""
    hasher: TensorHasher | None = None
    problem: ArtifactError | None = None
    position = 0

    def take(data: memoryview) -> None:
        nonlocal position, tail
        whole.update(data)
        if keep:
            kept.extend(data)
        if copy_to is not None:
            _write_all(copy_to, data, location)
        if hasher is not None:
            hasher.update(position, data)
            if before.st_size - position <= BLOCK + _TAIL:
                tail = (tail + bytes(data[-_TAIL:]))[-_TAIL:]
        position += len(data)
        if progress is not None:
            progress(len(data))

    container = family_of(location) is not None
    if tensors and not container:
        header = _read_header(descriptor, before.st_size, location)
        take(memoryview(header.data))
        hasher, problem = header.hasher, header.problem
    for block in _blocks(descriptor):
        take(block)
        if position > before.st_size:  # it grows: reading on could take for ever
            break
    found = tuple(hasher.tensors()) if hasher is not None else None
    seen: tuple[Finding, ...] = ()
    if tensors and container and position == before.st_size:
        try:
            contained = read_tensors(descriptor, before.st_size, location)
            found, seen = contained.tensors, contained.findings
        except ArtifactError as err:
            problem = err
    _refuse_change(before, os.fstat(descriptor), position, location)
    content = bytes(kept) if keep else None
    return FileRead(position, whole.hexdigest(), found, problem, content, _ZIP_END in tail, seen)


@dataclass(frozen=True)
class _Header:
    """What was read of a safetensors file to learn of its tensors: who hashes them, or why nobody does."""

    data: bytes
    hasher: TensorHasher | None = None
    problem: ArtifactError | None = None


def _read_header(descriptor: int, size: int, location: str) -> _Header:
    data = _read_exactly(descriptor, 8)
    try:
        data += _read_exactly(descriptor, header_length(data, size, location))
        return _Header(data, TensorHasher(parse_header(data, size, location)))
    except ArtifactError as err:
        return _Header(data, problem=err)


def _read_exactly(descriptor: int, length: int) -> bytes:
    parts, left = [], length
    while left and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


_own = threading.local()


def _buffer() -> bytearray:
    """One buffer a thread: making and clearing a new one for each small file costs more than hashing it."""
    if not hasattr(_own, "buffer"):
        _own.buffer = bytearray(BLOCK)
    buffer: bytearray = _own.buffer
    return buffer


def _blocks(descriptor: int) -> Iterator[memoryview]:
    buffer = _buffer()
    view = memoryview(buffer)
    with io.FileIO(descriptor, closefd=False) as file:
        while count := file.readinto(buffer):
            yield view[:count]


def _write_all(descriptor: int, data: memoryview, location: str) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError as err:
        raise RegistryError("output-unwritable", f"cannot write the copy: {err.strerror}", location=location,
                            hint="check the space that is left") from err


def _refuse_change(before: os.stat_result, after: os.stat_result, read: int, location: str) -> None:
    facts = [(status.st_size, status.st_mtime_ns, status.st_ctime_ns) for status in (before, after)]
    if facts[0] != facts[1] or read != before.st_size:
        raise ArtifactError("file-changed-while-read", "the file changed while it was read", location=location,
                            hint="stop what writes to it and run the command again")


class Cancelled(BaseException):
    """Raised inside worker threads once the user has interrupted the main thread."""


def in_threads(
    work: Callable[[Item, Progress], Result], items: Iterable[Item], progress: Progress | None
) -> list[Result]:
    """The results of `work` in the order of the items, computed on as many threads as there are cores.

    `work` gets a progress function to call often: it ends the thread when the main thread was interrupted or another
    item failed, so that neither Ctrl-C nor a full disk waits for the end of a terabyte.
    """
    stop = threading.Event()

    def advance(count: int) -> None:
        if stop.is_set():
            raise Cancelled
        if progress is not None:
            progress(count)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        futures = [pool.submit(work, item, advance) for item in items]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop.set()
            raise
