"""A folder on this machine: which regular files it holds, without ever leaving it.

Folders and files are opened one path component at a time, relative to the descriptor of the folder above and
never through a symbolic link: a folder that is swapped for a link during the walk leads nowhere (CWE-363).
What is not a regular file is reported and never opened: opening a pipe would wait for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from provenance.artifacts.names import MAX_DEPTH, collisions, is_deceptive, problem_with_name
from provenance.errors import ArtifactError, Finding

FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# O_NONBLOCK: should a pipe take the place of a file between listing and opening, the open returns at once.
FILE_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
# A terabyte of zeros that takes a kilobyte of the disk is made in an instant and read in an hour.
FREE_HOLE = 64 << 20
MAX_HOLE_RATIO = 16


@dataclass(frozen=True, order=True, slots=True)
class FoundFile:
    """A regular file: path relative to the folder, with `/`, and its size in bytes when it was listed."""

    path: str
    size: int


@dataclass
class Listing:
    """What a folder holds: regular files sorted by the bytes of their names, and what was seen beside them."""

    files: list[FoundFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)


def open_folder(path: Path) -> int:
    """A descriptor of an existing folder; ArtifactError `path-not-found` or `input-unreadable`."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError as err:
        raise ArtifactError("path-not-found", "there is no such folder", location=str(path),
                            hint="check the path") from err
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot open the folder: {err.strerror}", location=str(path),
                            hint="check its permissions, and that it is a folder") from err


@contextmanager
def opened(root: int, path: str) -> Iterator[int]:
    """A descriptor of the regular file `path` beneath the folder `root`, closed at the end.

    ArtifactError `file-special` or `input-unreadable`; a link on the way is unreadable.
    """
    held = list[int]()
    try:
        _open_beneath(root, path, held)
        yield held[-1]
    finally:
        for descriptor in reversed(held):
            os.close(descriptor)


def _open_beneath(root: int, path: str, held: list[int]) -> None:
    *folders, name = path.split("/")
    above = root
    try:
        for folder in folders:
            above = os.open(folder, FOLDER_FLAGS, dir_fd=above)
            held.append(above)
        held.append(os.open(name, FILE_FLAGS, dir_fd=above))
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=path,
                            hint="check its permissions, and that nothing changes the folder") from err
    if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
        raise ArtifactError("file-special", "not a regular file", location=path, hint="remove it")


def refuse_hole(descriptor: int, file: FoundFile) -> None:
    """ArtifactError `file-sparse` where reading an open file would take far longer than making it did."""
    if file.size > FREE_HOLE and _is_mostly_hole(descriptor):
        raise ArtifactError("file-sparse", "nearly all of it is a hole: it was made faster than it can be read",
                            location=file.path, hint="remove it, or fetch it again")


def _is_mostly_hole(descriptor: int) -> bool:
    """Whether a file claims much more, and many times more, than was ever written to it."""
    status = os.fstat(descriptor)
    blocks: int | None = getattr(status, "st_blocks", None)
    if blocks is None or status.st_size - blocks * 512 <= FREE_HOLE or not hasattr(os, "SEEK_DATA"):
        return False
    # Blocks are an estimate, and nothing on some network file systems; the ranges of the data are not.
    data, at = 0, 0
    try:
        while at < status.st_size and data * MAX_HOLE_RATIO < status.st_size:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
            at = os.lseek(descriptor, start, os.SEEK_HOLE)
            data += at - start
    except OSError as err:
        if err.errno != errno.ENXIO:  # no data behind this place
            return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return data * MAX_HOLE_RATIO < status.st_size


def listing(root: int) -> Listing:
    """Every regular file beneath the folder, and a finding for everything else and for every unusable name."""
    found = Listing()
    _walk(root, "", found)
    found.files.sort(key=attrgetter("path"))  # code points are in the order of their UTF-8
    for group in collisions(file.path for file in found.files):
        found.findings.append(
            Finding("file-name-collides", "error", f"these names are one name on other systems: {' and '.join(group)}",
                    group[0], "rename one of them")
        )
    if found.linked:
        found.findings.append(
            Finding("file-hard-linked", "warning",
                    f"{len(found.linked)} files have other names too, through which they can be changed (hard links)",
                    min(found.linked), "an admitted copy has no such links")
        )
    return found


def lone_file(path: Path, status: os.stat_result) -> Listing:
    """The listing of an artefact that is one file."""
    found = Listing([FoundFile(path.name, status.st_size)])
    found.findings += _objections(path.name)
    return found


def _objections(path: str) -> list[Finding]:
    """What is wrong with a name; only an error makes it unusable."""
    if problem := problem_with_name(path):
        code = "path-too-deep" if path.count("/") >= MAX_DEPTH else "file-name-invalid"
        return [Finding(code, "error", f"a name {problem}", shown(path), "rename it")]
    if is_deceptive(path):
        return [Finding("file-name-invalid", "warning", "a name holds invisible characters", path, "rename it")]
    return []


def shown(path: str) -> str:
    """A path as text that can be written anywhere: of a name that is not UTF-8, the odd bytes are spelled out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _walk(folder: int, prefix: str, found: Listing) -> None:
    try:
        with os.scandir(folder) as entries:
            children = sorted(entries, key=attrgetter("name"))
    except OSError as err:
        found.findings.append(_unreadable(prefix, err))
        return
    for entry in children:
        path = prefix + entry.name
        if objections := _objections(path):
            found.findings += objections
            if any(objection.severity == "error" for objection in objections):
                continue
        try:
            _take(entry, folder, path, found)
        except OSError as err:
            found.findings.append(_unreadable(path, err))


def _take(entry: os.DirEntry[str], folder: int, path: str, found: Listing) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        found.files.append(FoundFile(path, status.st_size))
        if status.st_nlink > 1:
            found.linked.append(path)
    elif stat.S_ISLNK(status.st_mode):
        found.findings.append(
            Finding("file-is-symlink", "error", "a symbolic link; what it points at is not part of the folder", path,
                    "put a copy of the file in its place")
        )
    elif stat.S_ISDIR(status.st_mode):
        child = os.open(entry.name, FOLDER_FLAGS, dir_fd=folder)
        try:
            _walk(child, path + "/", found)
        finally:
            os.close(child)
    else:
        found.findings.append(
            Finding("file-special", "error", "a device, pipe or socket", path, "remove it from the folder")
        )


def _unreadable(path: str, err: OSError) -> Finding:
    return Finding("input-unreadable", "error", f"cannot be read: {err.strerror}", path.rstrip("/"),
                   "check its permissions, and that nothing changes the folder")
