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

from provenance.artifacts.crew import Progress
from provenance.artifacts.dataset.splits import Place
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
    """The lines of a text file, plain or gzip, in groups of about `together` bytes; in bounded memory.

    With `quote`, a line feed between an odd quote and the next one belongs to the line. ArtifactError
    `input-unreadable` for a broken gzip, `document-too-large` for a line that is longer than `longest`.
    """
    source = gzip.GzipFile(fileobj=file) if file.location.endswith(".gz") else file
    number, rest = 1, b""
    # Reading at least as much as is left over keeps the cost of one very long line linear.
    while block := _read(source, max(together, len(rest)), file):
        *lines, rest = (rest + block).split(b"\n")
        if quote:
            lines, open_line = _joined(lines, quote)
            rest = open_line + rest
        if len(rest) > longest or max(map(len, lines), default=0) > longest:
            raise ArtifactError("document-too-large", f"a record is longer than {longest} bytes",
                                location=f"{file.location}:{number}", hint="write it to a Parquet file")
        if lines:
            yield number, lines
            number += lines_in(lines)
    if rest:
        yield number, [rest]


def lines_in(lines: Iterable[bytes]) -> int:
    """How many physical lines these are."""
    return sum(line.count(b"\n") + 1 for line in lines)


def _read(source: gzip.GzipFile | ShardFile, count: int, file: ShardFile) -> bytes:
    try:
        return source.read(count) or b""
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise ArtifactError("input-unreadable", f"broken gzip: {err}", location=file.location,
                            hint="fetch the file again") from err


def _joined(lines: list[bytes], quote: bytes) -> tuple[list[bytes], bytes]:
    """Physical lines as logical ones, and the beginning of one that is not at its end, with its line feed."""
    odd = [line.count(quote) & 1 for line in lines]
    if not any(odd):
        return lines, b""
    found: list[bytes] = []
    parts: list[bytes] = []
    for line, turns in zip(lines, odd, strict=True):
        parts.append(line)
        if turns == (len(parts) > 1):  # a line that stays outside quotes, or one that closes what another opened
            found.append(b"\n".join(parts))
            parts = []
    return found, b"".join(part + b"\n" for part in parts)
