"""Files beneath a folder, opened one after the other: the folders of the last one stay open for the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from provenance.artifacts.sources.folder import FILE_FLAGS, FOLDER_FLAGS
from provenance.errors import ArtifactError


class Beneath:
    """Opens files beneath a folder and never through a link; to be used as a context manager, from any thread.

    As `folder.opened` does it, for many files: the next one is mostly in the folder of the last one, and opening every
    folder on the way again costs more than hashing a small file.
    """

    def __init__(self, root: int) -> None:
        self._root, self._own = root, threading.local()
        self._lock, self._all = threading.Lock(), list[list[tuple[str, int]]]()

    def __enter__(self) -> Beneath:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for way in self._all:
            _leave(way, 0)

    def open(self, path: str) -> int:
        """A descriptor, to be closed by the caller; ArtifactError `input-unreadable`. It may be no regular file."""
        folder, _, name = path.rpartition("/")
        try:
            return os.open(name, FILE_FLAGS, dir_fd=self._folder(folder) if folder else self._root)
        except OSError as err:
            raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=path,
                                hint="check its permissions, and that nothing changes the folder") from err

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """The same, closed at the end."""
        descriptor = self.open(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _folder(self, path: str) -> int:
        if not hasattr(self._own, "way"):
            self._own.way, self._own.path = list[tuple[str, int]](), ""
            with self._lock:
                self._all.append(self._own.way)
        way: list[tuple[str, int]] = self._own.way
        if self._own.path != path:
            self._own.path = ""  # should what follows fail half-way
            parts = path.split("/")
            common = 0
            while common < min(len(way), len(parts)) and way[common][0] == parts[common]:
                common += 1
            _leave(way, common)
            for part in parts[common:]:
                way.append((part, os.open(part, FOLDER_FLAGS, dir_fd=way[-1][1] if way else self._root)))
            self._own.path = path
        return way[-1][1]


def _leave(way: list[tuple[str, int]], depth: int) -> None:
    while len(way) > depth:
        os.close(way.pop()[1])
