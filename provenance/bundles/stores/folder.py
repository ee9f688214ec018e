"""A folder of bundles with a SQLite index: a lookup opens what matches, and nothing else.

    FOLDER/ab/abcdef....sigstore.json    what `add` writes: by sha256, whole or not there
    FOLDER/any/name.sigstore.json        what others put there counts as well
    FOLDER/any/name.intoto.jsonl         a file of several pieces is found piece by piece
    FOLDER.index.sqlite3                 which file speaks of what; can be thrown away at any time

Before a lookup, folders that changed since they were indexed are looked at again: each new file in them is read once.
Folders are known by their times, so this costs one `stat` a folder, however many bundles there are. A folder that
changed within the last two seconds is looked at again the next time too, because its times would not tell of another
change. Who rewrites a file in place, without a new name, has `reindex` called.

The index is never believed. A path in it is opened beneath the folder and through no link; the digest is that of the
bytes; and a file is handed out only if the bytes themselves match. A damaged index is built anew; one that somebody
else could have written is not used at all.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance.artifacts.names import problem_with_name
from provenance.artifacts.sources.folder import FOLDER_FLAGS, open_folder, opened, shown
from provenance.bundles.envelope import MAX_BUNDLE, sha256
from provenance.bundles.store import BUNDLE_SUFFIXES, SUFFIX, EvidenceFile, in_order, pieces
from provenance.bundles.stores.facts import facts_unverified
from provenance.errors import ArtifactError, BundleError
from provenance.files import sync_folder, write_whole

INDEX_SUFFIX = ".index.sqlite3"
RACY = 2_000_000_000  # nanoseconds; the coarsest times that file systems in use keep
_WAIT = 60  # seconds that one writer waits for another
_LAYOUT = 2
_TABLES = f"""
PRAGMA user_version = {_LAYOUT};
CREATE TABLE folders (path TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY, folder TEXT NOT NULL, path TEXT NOT NULL, status TEXT NOT NULL,
    sha256 TEXT NOT NULL, predicate_type TEXT NOT NULL
);
CREATE INDEX files_by_path ON files (path);
CREATE INDEX files_by_folder ON files (folder);
CREATE INDEX files_by_sha256 ON files (sha256);
CREATE INDEX files_by_type ON files (predicate_type);
CREATE TABLE subjects (
    subject TEXT NOT NULL, file INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE, PRIMARY KEY (subject, file)
) WITHOUT ROWID;
CREATE INDEX subjects_by_file ON subjects (file);
"""


class FolderStore:
    """Bundles in a folder; the index lies beside it unless it is named. A `BundleStore`."""

    def __init__(self, folder: Path, index: Path | None = None) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._root = open_folder(self.folder)
        self._index = index or self.folder.with_name(self.folder.name + INDEX_SUFFIX)
        try:
            self._database = self._opened()
        except BaseException:
            os.close(self._root)
            raise

    def close(self) -> None:
        """Close the index and the folder."""
        self._database.close()
        os.close(self._root)

    def add(self, data: bytes) -> str:
        """Write a bundle under its sha256; the index learns of it at the next lookup, whoever makes that."""
        if len(data) > MAX_BUNDLE:
            raise BundleError("document-too-large", f"{len(data)} bytes; the limit is {MAX_BUNDLE}",
                              location=str(self.folder), hint="split the evidence")
        digest = sha256(data)
        path = _address(digest)
        if self._read(path) == data:
            return digest
        target = self.folder / path
        target.parent.mkdir(exist_ok=True)
        write_whole(target, data)
        sync_folder(self.folder)  # for the sake of a folder that is new
        return digest

    def get(self, digest: str) -> EvidenceFile | None:
        """By its address first, then wherever the index says; only the bytes decide."""
        if not _is_hex(digest):
            return None
        if (found := self._evidence(_address(digest))) and found.sha256 == digest:
            return found
        with self._fresh() as database:
            rows = database.execute("SELECT path FROM files WHERE sha256 = ? ORDER BY path", (digest,)).fetchall()
        candidates = (found for (path,) in rows for found in (self._evidence(path), *self._pieces(path)))
        return next((found for found in candidates if found and found.sha256 == digest), None)

    def find(self, subjects: Collection[str] = (), predicate_type: str = "") -> list[EvidenceFile]:
        """What the index says, read again, and held against what was asked."""
        with self._fresh() as database:
            paths = sorted(set(_matching(database, subjects, predicate_type)))
        found = (piece for path in paths for piece in self._pieces(path))
        return in_order(piece for piece in found if _is_asked_for(piece, subjects, predicate_type))

    def reindex(self) -> None:
        """Throw the index away and read everything again."""
        self._rebuild()
        with self._fresh():
            pass

    # The index

    @contextmanager
    def _fresh(self) -> Iterator[sqlite3.Connection]:
        """The index after it has caught up with the folder; a damaged one is built anew, once."""
        try:
            try:
                self._catch_up()
            except sqlite3.Error as err:
                if not _is_damage(err):
                    raise
                self._rebuild()
                self._catch_up()
            yield self._database
        except sqlite3.Error as err:
            raise self._unusable(str(err)) from err

    def _catch_up(self) -> None:
        known: dict[str, str] = dict(self._database.execute("SELECT path, status FROM folders"))
        known.setdefault("", "")
        changed = [path for path, status in known.items() if _status_of_folder(self._root, path) != status]
        if not changed:
            return
        # One writer at a time; another one has done the work by the time that it is our turn.
        self._database.execute("BEGIN IMMEDIATE")
        try:
            waiting = changed
            while waiting:
                waiting += self._look_at(waiting.pop())
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _look_at(self, path: str) -> list[str]:
        """Bring one folder up to date; the folders in it that are new."""
        status = _status_of_folder(self._root, path)
        if status is None:
            inside = (path, f"{path}/", f"{path}0")  # 0 is what follows / among characters
            self._database.execute("DELETE FROM folders WHERE path = ? OR (path > ? AND path < ?)", inside)
            self._database.execute("DELETE FROM files WHERE folder = ? OR (folder > ? AND folder < ?)", inside)
            return []
        files, folders = _children(self._root, path)
        known: dict[str, str] = dict(
            self._database.execute("SELECT path, status FROM files WHERE folder = ?", (path,)))
        for gone in known.keys() - files.keys():
            self._database.execute("DELETE FROM files WHERE path = ?", (gone,))
        for file, file_status in files.items():
            if known.get(file) != file_status:
                self._put(path, file, file_status)
        self._database.execute("INSERT OR REPLACE INTO folders VALUES (?, ?)", (path, _settled(status)))
        return [folder for folder in folders if not self._database.execute(
            "SELECT 1 FROM folders WHERE path = ?", (folder,)).fetchone()]

    def _put(self, folder: str, path: str, status: str) -> None:
        self._database.execute("DELETE FROM files WHERE path = ?", (path,))
        found = self._pieces(path)
        whole = [self._evidence(path)] if len(found) > 1 else []
        for piece in filter(None, (*whole, *found)):  # a row for each, with the path and the status of their file
            facts = facts_unverified(piece.data or b"")
            row = self._database.execute(
                "INSERT INTO files (folder, path, status, sha256, predicate_type) VALUES (?, ?, ?, ?, ?)",
                (folder, path, status, piece.sha256, facts.predicate_type)).lastrowid
            self._database.executemany("INSERT INTO subjects VALUES (?, ?)", [(s, row) for s in sorted(facts.subjects)])

    def _opened(self) -> sqlite3.Connection:
        try:
            descriptor = os.open(self._index, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as err:
            raise self._unusable(str(err.strerror)) from err
        try:
            _refuse_strangers(os.fstat(descriptor))
        except PermissionError as err:
            raise self._unusable(str(err)) from err
        finally:
            os.close(descriptor)
        try:
            return _connected(self._index)
        except sqlite3.Error as err:
            if not _is_damage(err):
                raise self._unusable(str(err)) from err
            self._remove()
            return _connected(self._index)

    def _rebuild(self) -> None:
        self._database.close()
        self._remove()
        self._database = self._opened()

    def _remove(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._index.with_name(self._index.name + suffix).unlink(missing_ok=True)

    def _unusable(self, why: str) -> ArtifactError:
        return ArtifactError("store-unusable", f"the index cannot be used: {why}", location=str(self._index),
                             hint="remove it, or name another place for it; it can be built again")

    # The bundles

    def _evidence(self, path: str) -> EvidenceFile | None:
        data = self._read(path)
        return None if data is None else EvidenceFile(shown(path), data)

    def _pieces(self, path: str) -> list[EvidenceFile]:
        data = self._read(path)
        return [] if data is None else pieces(shown(path), data)

    def _read(self, path: str) -> bytes | None:
        """The bytes of a bundle beneath the folder; None where there is none, or it is too large to be one."""
        if problem_with_name(path) or ".." in path.split("/"):
            return None
        try:
            with opened(self._root, path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as reader:
                data = reader.read(MAX_BUNDLE + 1)
        except ArtifactError as err:
            if isinstance(err.__cause__, PermissionError):  # an error, and not less evidence
                raise
            return None
        return data if len(data) <= MAX_BUNDLE else None


def _is_asked_for(file: EvidenceFile, subjects: Collection[str], predicate_type: str) -> bool:
    return facts_unverified(file.data or b"").match(subjects, predicate_type)


def _matching(database: sqlite3.Connection, subjects: Collection[str], predicate_type: str) -> Iterator[str]:
    if not subjects:
        asked = ("SELECT path FROM files WHERE predicate_type = ?", (predicate_type,)) if predicate_type else (
            "SELECT path FROM files", ())
        yield from (row[0] for row in database.execute(*asked))
        return
    for subject in sorted(set(subjects)):
        yield from (row[0] for row in database.execute(
            "SELECT path FROM subjects JOIN files ON files.id = subjects.file "
            "WHERE subject = ? AND ? IN ('', predicate_type)", (subject, predicate_type)))


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
    try:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("BEGIN IMMEDIATE")
        (layout,) = database.execute("PRAGMA user_version").fetchone()
        if layout == 0:
            for statement in filter(str.strip, _TABLES.split(";\n")):
                database.execute(statement)
        database.execute("COMMIT")
        if layout not in (0, _LAYOUT):
            raise sqlite3.DatabaseError("an index of another version")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _is_damage(err: sqlite3.Error) -> bool:
    """Whether a new index would help: not where another writer, the disk or its rights are in the way."""
    in_the_way = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
                  sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
    return (getattr(err, "sqlite_errorcode", 0) & 0xFF) not in in_the_way


def _children(root: int, path: str) -> tuple[dict[str, str], list[str]]:
    """The bundles in one folder with their status, and the folders in it; links and special files are neither."""
    files, folders = dict[str, str](), list[str]()
    prefix = f"{path}/" if path else ""
    try:
        with _folder(root, path) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                name = prefix + entry.name
                if problem_with_name(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif name.endswith(BUNDLE_SUFFIXES) and entry.is_file(follow_symlinks=False):
                    files[name] = _status(entry.stat(follow_symlinks=False))
    except OSError as err:
        raise _unreadable(path, err) from err
    return files, folders


@contextmanager
def _folder(root: int, path: str) -> Iterator[int]:
    """A descriptor of a folder beneath the root, opened part by part and through no link."""
    descriptor = os.dup(root)
    try:
        for part in path.split("/") if path else ():
            above, descriptor = descriptor, os.open(part, FOLDER_FLAGS, dir_fd=descriptor)
            os.close(above)
        yield descriptor
    finally:
        os.close(descriptor)


def _status_of_folder(root: int, path: str) -> str | None:
    """Its status; None where there is no such folder any more, but a link perhaps."""
    try:
        with _folder(root, path) as descriptor:
            return _status(os.fstat(descriptor))
    except PermissionError as err:
        raise _unreadable(path, err) from err
    except OSError:
        return None


def _unreadable(path: str, err: OSError) -> ArtifactError:
    # Leaving out what cannot be read would be less evidence, and nobody would know.
    return ArtifactError("input-unreadable", f"cannot read the evidence: {err.strerror}", location=shown(path),
                         hint="check its permissions")


def _status(status: os.stat_result) -> str:
    size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    return " ".join(map(str, (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, size)))


def _settled(status: str) -> str:
    """The status to remember of a folder: none of one that changed a moment ago, which could again within one tick."""
    changed = max(map(int, status.split()[1:3]))
    return status if time.time_ns() - changed >= RACY else ""


def _refuse_strangers(status: os.stat_result) -> None:
    # Whoever can write the index can hide what speaks against a model from whoever asks it.
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError("it belongs to another user or can be written by others")


def _address(digest: str) -> str:
    return f"{digest[:2]}/{digest}{SUFFIX}"


def _is_hex(digest: str) -> bool:
    return len(digest) == 64 and not set(digest) - set("0123456789abcdef")
