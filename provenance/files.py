"""Small inputs, read or refused; outputs that are whole or not there: a temporary name, synced, and renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from provenance.errors import ArtifactError, ProvenanceError

MAX_SMALL = 48 << 20


def read_small(path: Path, what: str = "file", *, most: int = MAX_SMALL, error: type[ProvenanceError] = ArtifactError,
               hint: str = "check the path") -> bytes:
    """The bytes of a file that somebody named, one more than `most` at most; `error` `input-unreadable`.

    A longer file is refused by whoever reads its bytes, who knows how many there may be; it is not read to its end,
    because some files have none.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as err:
        raise error("input-unreadable", f"cannot read the {what}: {err.strerror}", location=str(path),
                    hint=hint) from err


def write_whole(path: Path, data: bytes, *, mode: int = 0o644, replace: bool = True) -> None:
    """Write a file so that it is either whole or as it was; ProvenanceError `output-unwritable`.

    With `replace=False` an existing file is an error and stays untouched.
    """
    import secrets  # not where nothing is written

    if not path.name:
        raise ProvenanceError("output-unwritable", "this is a folder", location=str(path), hint="name a file in it")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        if path.exists() and not path.is_file():  # renaming over /dev/null or a pipe would put a file in its place
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                temporary.replace(path)
            else:
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as err:
        raise ProvenanceError("output-unwritable", "the file is there already", location=str(path),
                              hint="choose another name") from err
    except OSError as err:
        raise ProvenanceError("output-unwritable", f"cannot write: {err.strerror}", location=str(path),
                              hint="check the path, its permissions and the space that is left") from err


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold other writers of a folder back, who ask for it too, where the system can; nothing is left behind."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows opens no folders
        yield
        return
    try:
        with suppress(OSError):  # a network file system that has no such locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a crash, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
