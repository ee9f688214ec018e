"""A folder on this machine: which regular files it holds, without ever leaving it.

Folders and files are opened one path component at a time, relative to the descriptor of the folder above and
never through a symbolic link: a folder that is swapped for a link during the walk leads nowhere (CWE-363).
What is not a regular file is reported and never opened: opening a pipe would wait for ever.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provenance.artifacts.names import MAX_DEPTH, collisions, is_deceptive, problem_with_name
from provenance.errors import ArtifactError, Finding

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
# O_NONBLOCK: should a pipe take the place of a file between listing and opening, the open returns at once.
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, order=True)
class FoundFile:
    """A regular file: path relative to the folder, with `/`, and its size in bytes when it was listed."""

    path: str
    size: int


@dataclass
class Listing:
    """What a folder holds: regular files sorted by the bytes of their names, and what was seen beside them."""

    files: list[FoundFile] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def open_folder(path: Path) -> int:
    """A descriptor of an existing folder; ArtifactError `path-not-found` or `input-unreadable`."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError as err:
        raise ArtifactError("path-not-found", "there is no such folder", location=str(path),
                            hint="check the path") from err  # fmt: skip
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot open the folder: {err.strerror}", location=str(path),
                            hint="check its permissions, and that it is a folder") from err  # fmt: skip


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
            above = os.open(folder, _FOLDER, dir_fd=above)
            held.append(above)
        held.append(os.open(name, _FILE, dir_fd=above))
    except OSError as err:
        raise ArtifactError("input-unreadable", f"cannot read the file: {err.strerror}", location=path,
                            hint="check its permissions, and that nothing changes the folder") from err  # fmt: skip
    if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
        raise ArtifactError("file-special", "not a regular file", location=path, hint="remove it")


def listing(root: int) -> Listing:
    """Every regular file beneath the folder, and a finding for everything else and for every unusable name."""
    found = Listing()
    _walk(root, "", 0, found)
    found.files.sort(key=lambda file: file.path.encode("utf-8", "surrogateescape"))
    for group in collisions(file.path for file in found.files):
        found.findings.append(
            Finding("file-name-collides", "error", f"these names are one name on other systems: {' and '.join(group)}",
                    group[0], "rename one of them")  # fmt: skip
        )
    return found


def _walk(folder: int, prefix: str, depth: int, found: Listing) -> None:
    with os.scandir(folder) as entries:
        children = sorted(entries, key=lambda entry: entry.name)
    for entry in children:
        path = prefix + entry.name
        if problem := problem_with_name(path):
            code = "path-too-deep" if depth >= MAX_DEPTH else "file-name-invalid"
            found.findings.append(Finding(code, "error", f"a name {problem}", path, "rename it"))
            continue
        if is_deceptive(path):
            found.findings.append(
                Finding("file-name-invalid", "warning", "a name holds invisible characters", path, "rename it")
            )
        _take(entry, folder, path, depth, found)


def _take(entry: os.DirEntry[str], folder: int, path: str, depth: int, found: Listing) -> None:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        found.files.append(FoundFile(path, status.st_size))
    elif stat.S_ISLNK(status.st_mode):
        found.findings.append(
            Finding("file-is-symlink", "error", "a symbolic link; what it points at is not part of the folder", path,
                    "put a copy of the file in its place")  # fmt: skip
        )
    elif stat.S_ISDIR(status.st_mode):
        try:
            child = os.open(entry.name, _FOLDER, dir_fd=folder)
        except OSError as err:
            found.findings.append(Finding("input-unreadable", "error", f"cannot open the folder: {err.strerror}", path))
            return
        try:
            _walk(child, path + "/", depth + 1, found)
        finally:
            os.close(child)
    else:
        found.findings.append(
            Finding("file-special", "error", "a device, pipe or socket", path, "remove it from the folder")
        )
