"""The digest cache: what a file's digests were when it last had this size, these times and this place on the disk.

It spares `provenance digest` the second read of a file that nobody touched. It is a memory, not evidence: a user who
can write to it, or set a file's times and the clock, can make it say anything. So no verdict may rest on it; `verify`,
`admit` and `reproduce` do not import this module, and a test holds that.

    key      device, inode, size, mtime and ctime in nanoseconds, what was asked, version of this tool
    value    the digests and the tensors, and a sum over key and value, so that a damaged row is no row
    racy     a file that changed in the last two seconds is not stored: a clock tick later it could change again
             without its times telling
    open     a file that somebody has open for writing is read: who has mapped it changes it without its times
             telling, until the system writes its pages back. Where that cannot be asked (a file of another user,
             most network file systems, systems other than Linux) the file is read each time
    trouble  damaged, locked, unwritable or another user's: one finding `cache-unusable`, and every file is read
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from provenance import __version__
from provenance.artifacts.hashing import FileRead
from provenance.artifacts.tensors import Tensor
from provenance.errors import Finding

RACY = 2_000_000_000  # nanoseconds; the coarsest times that file systems in use keep
MAX_ROWS = 500_000
_LAYOUT = 2
_TABLE = """
CREATE TABLE IF NOT EXISTS digests (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, sum TEXT NOT NULL, stored INTEGER NOT NULL
) WITHOUT ROWID
"""


def default_path() -> Path:
    """The cache file of this user: under XDG_CACHE_HOME (where that is absolute, as its specification asks)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    return base / "open-provenance" / f"digests-{_LAYOUT}.sqlite3"


class DigestCache:
    """Digests of files by their status; to be used as a context manager, from any number of threads.

    `findings` says, once, why the cache could not be used.
    """

    def __init__(self, path: Path | None = None, *, now: Callable[[], int] = time.time_ns) -> None:
        self.findings = list[Finding]()
        self._path, self._now = path or default_path(), now
        self._lock, self._rows = threading.Lock(), dict[str, tuple[str, str]]()
        self._database: sqlite3.Connection | None = None

    def __enter__(self) -> DigestCache:
        try:
            self._database = self._opened()
        except (OSError, RuntimeError, sqlite3.Error) as err:  # RuntimeError: a user without a home
            self._give_up(err)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        if self._database is not None:
            self._database.close()
            self._database = None

    def is_of_use(self, descriptor: int) -> bool:
        """Whether the status of this open file tells of every change; to be asked before `get`, and before the read."""
        return self._database is not None and _has_no_writer(descriptor)

    def get(self, status: os.stat_result, asked: str) -> FileRead | None:
        """What reading this file gave the last time; None where that is not known for certain."""
        key = _key(status, asked)
        with self._lock:
            if self._database is None:
                return None
            try:
                row = self._database.execute("SELECT value, sum FROM digests WHERE key = ?", (key,)).fetchone()
            except sqlite3.Error as err:
                self._give_up(err)
                return None
        if row is None or not isinstance(row[0], str) or row[1] != _sum(key, row[0]):
            return None
        return _read(row[0], status.st_size)

    def put(self, status: os.stat_result, asked: str, read: FileRead) -> None:
        """Remember a read that went well, unless the file changed a moment ago. Written by `flush`."""
        if self._now() - max(status.st_mtime_ns, status.st_ctime_ns) < RACY:  # less than 0: a time in the future
            return
        key, value = _key(status, asked), _value(read)
        # What a row cannot hold, such as findings and digests of other kinds, would be missing the next time.
        if not read.taken or _read(value, status.st_size) != read:
            return
        with self._lock:
            self._rows[key] = (value, _sum(key, value))

    def flush(self) -> None:
        """Write what is to be remembered; trouble in doing so is a finding."""
        with self._lock:
            rows, self._rows = self._rows, {}
            if self._database is None or not rows:
                return
            stored = self._now()
            try:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?)",
                                               [(key, *row, stored) for key, row in rows.items()])
                    self._database.execute(
                        "DELETE FROM digests WHERE key IN "
                        "(SELECT key FROM digests ORDER BY stored DESC LIMIT -1 OFFSET ?)", (MAX_ROWS,))
            except sqlite3.Error as err:
                self._give_up(err)

    def _opened(self) -> sqlite3.Connection:
        folder = self._path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_strangers(folder)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        os.close(descriptor)
        _refuse_strangers(self._path)
        database = sqlite3.connect(self._path, timeout=1, check_same_thread=False)
        try:
            database.execute(_TABLE)
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _give_up(self, err: Exception) -> None:
        """From here on as if there were no cache; the file stays as it is, for its owner to look at."""
        if self._database is not None:
            self._database.close()
            self._database = None
        self.findings.append(
            Finding("cache-unusable", "warning", f"the digest cache cannot be used, so every file was read ({err})",
                    str(self._path), "delete it if it is damaged, or use --no-cache"))


def _has_no_writer(descriptor: int) -> bool:
    """Whether nobody has the file open or mapped for writing: only then may it be leased. The lease is given back."""
    try:
        import fcntl

        # Who opens the file in between would have a signal sent; its usual one ends the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (ImportError, AttributeError, OSError):
        return False
    return True


def _refuse_strangers(path: Path) -> None:
    """OSError where somebody else could have written what stands in the cache."""
    status = path.stat()
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"{path} belongs to another user or can be written by others")


def _key(status: os.stat_result, asked: str) -> str:
    facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return " ".join([*map(str, facts), asked, __version__])


def _sum(key: str, value: str) -> str:
    return hashlib.sha256(f"{key}\n{value}".encode()).hexdigest()


def _value(read: FileRead) -> str:
    tensors = None if read.tensors is None else [
        [t.name, t.dtype, list(t.shape), t.head, t.head_blake3] for t in read.tensors
    ]
    return json.dumps([read.sha256, list(read.others), read.is_archive, tensors])


def _read(value: str, size: int) -> FileRead:
    import jiter

    digest, others, is_archive, rows = jiter.from_json(value.encode())  # its sum was right: `_value` wrote this
    tensors: list[Any] | None = rows
    found = None if tensors is None else tuple(
        Tensor(name, dtype, tuple(shape), head, twin) for name, dtype, shape, head, twin in tensors)
    return FileRead(size, digest, found, is_archive=is_archive, others=tuple(map(tuple, others)))
