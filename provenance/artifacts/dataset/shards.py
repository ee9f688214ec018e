"""One file of a dataset while it is read: what its bytes are is found out on the way.

A file that is read from front to back is hashed as it is read. Parquet and Arrow files are read here and there; they
are hashed through the same descriptor when their records are done. A file that changes meanwhile is an error.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from provenance.artifacts.crew import Progress
from provenance.artifacts.dataset.arrow import arrow
from provenance.artifacts.dataset.splits import Place, packing_of
from provenance.artifacts.sources.folder import open_folder, opened
from provenance.errors import ArtifactError

BLOCK = 1 << 20


class ShardFile(io.RawIOBase):
    """A regular file, read-only and seekable; `sha256` and `size` are there after `finish`."""

    def __init__(self, descriptor: int, place: Place, progress: Progress | None = None) -> None:
        super().__init__()
        self.place, self.location, self.sha256 = place, place.path, ""
        self._file, self._progress = io.FileIO(descriptor, closefd=False), progress
        self._before = os.fstat(descriptor)
        self.size = self._before.st_size
        self._hash, self._hashed = hashlib.sha256(), 0
        self.ran_out = False  # whether more was asked for than there is

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read on, and hash what follows the bytes hashed so far.

        Never more than there is: a damaged file asks for exabytes, and memory would be taken before they are missed.
        """
        at = self._file.tell()
        left = max(self.size - at, 0)
        self.ran_out |= size > left
        data = self._file.read(left if size < 0 else min(size, left)) or b""
        if at == self._hashed:
            self._hash.update(data)
            self._hashed += len(data)
        if self._progress is not None:
            self._progress(len(data))
        return data

    def finish(self) -> None:
        """Hash what is not hashed yet; ArtifactError `file-changed-while-read`."""
        self._progress = None
        self._file.seek(self._hashed)
        while self.read(BLOCK):
            pass
        self.sha256 = self._hash.hexdigest()
        after = os.fstat(self._file.fileno())
        facts = ("st_size", "st_mtime_ns", "st_ctime_ns")
        same = all(getattr(self._before, name) == getattr(after, name) for name in facts)
        if not same or self._hashed != self.size:
            raise ArtifactError("file-changed-while-read", "the file changed while it was read", location=self.location,
                                hint="stop what writes to it and run the command again")


@contextmanager
def open_shard(place: Place, progress: Progress | None = None) -> Iterator[ShardFile]:
    """The file at a place, opened beneath its folder without following links; closed at the end."""
    root = open_folder(place.folder)
    try:
        with opened(root, place.path) as descriptor:
            yield ShardFile(descriptor, place, progress)
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror or err}", location=place.path,
                            hint="check the disk, and fetch the file again") from err
    finally:
        os.close(root)


Lines = tuple[int, list[bytes]]  # the number of the first line, from 1, and lines without their line feeds


def lines_of(file: ShardFile, *, longest: int, together: int = BLOCK, quote: bytes = b"") -> Iterator[Lines]:
    """The lines of a text file, plain or compressed, in groups of about `together` bytes; in bounded memory.

    With `quote`, a line feed between an odd quote and the next one belongs to the line. ArtifactError
    `input-unreadable` for broken compression, `document-too-large` for a line that is longer than `longest`.
    """
    source, number, cutter = _unpacked(file), 1, _Cutter(quote)
    while block := _read(source, together, file):
        lines = cutter.take(block)
        if cutter.waiting > longest or max(map(len, lines), default=0) > longest:
            raise ArtifactError("document-too-large", f"a record is longer than {longest} bytes",
                                location=f"{file.location}:{number}", hint="write it to a Parquet file")
        if lines:
            yield number, lines
            number += lines_in(lines)
    if rest := cutter.rest():
        yield number, [rest]


class _Cutter:
    """Cuts blocks into lines. What has not ended yet waits in pieces, so that a very long line is joined once."""

    def __init__(self, quote: bytes) -> None:
        self._quote, self._pieces, self._inside = quote, list[bytes](), False
        self.waiting = 0  # bytes

    def take(self, block: bytes) -> list[bytes]:
        """The lines that end in this block."""
        plain = not self._quote or self._quote not in block
        if plain and self._inside:  # also a field with a line feed at every second byte is taken in one go
            self._wait(block)
            return []
        *ends, rest = block.split(b"\n")
        lines = self._plain(ends) if plain else self._quoted(ends)
        self._wait(rest)
        if not plain:
            self._inside ^= rest.count(self._quote) & 1 == 1
        return lines

    def rest(self) -> bytes:
        """What follows the last line feed."""
        return self._whole(b"")

    def _plain(self, ends: list[bytes]) -> list[bytes]:
        return [self._whole(ends[0]), *ends[1:]] if ends else []

    def _quoted(self, ends: list[bytes]) -> list[bytes]:
        odd = [line.count(self._quote) & 1 == 1 for line in ends]
        if not self._inside and not any(odd):
            return self._plain(ends)
        lines: list[bytes] = []
        parts: list[bytes] = []
        for line, turns in zip(ends, odd, strict=True):
            parts.append(line)
            self._inside ^= turns
            if not self._inside:
                lines.append(self._whole(b"\n".join(parts)))
                parts = []
        self._wait(b"".join(part + b"\n" for part in parts))
        return lines

    def _wait(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.waiting += len(piece)

    def _whole(self, end: bytes) -> bytes:
        line = b"".join([*self._pieces, end])
        self._pieces, self.waiting = [], 0
        return line


def lines_in(lines: Iterable[bytes]) -> int:
    """How many physical lines these are."""
    return sum(line.count(b"\n") + 1 for line in lines)


def _unpacked(file: ShardFile) -> Any:
    """Reads what lies beneath gzip or Zstandard, where the file's name says that there is one."""
    packing = packing_of(file.location)
    if packing and not file.size:  # to readers of gzip, a shard that was never fetched is one without records
        raise _broken(file, "the file is empty")
    if packing == ".gz":
        return gzip.GzipFile(fileobj=file)
    if packing == ".zst":
        pa = arrow().pa
        return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return file


def _read(source: Any, count: int, file: ShardFile) -> bytes:
    try:
        return source.read(count) or b""
    except (EOFError, zlib.error, OSError) as err:
        if isinstance(err, OSError) and err.errno is not None:  # the disk's
            raise
        raise _broken(file, str(err)) from err


def _broken(file: ShardFile, why: str) -> ArtifactError:
    return ArtifactError("input-unreadable", f"its compression is broken: {why}", location=file.location,
                         hint="fetch the file again")
