"""What inputs and outputs are called: by their place in the working folder, and never by their place on the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.artifacts.names import problem_with_name
from provenance.errors import RunError, UsageError

_LONGEST_PATH = 4096  # what is longer names nothing on this system, and would take long to look up


@dataclass(frozen=True)
class Place:
    """An input (with its role) or an output (role ""): where it lies, and its name in the statement."""

    role: str
    path: Path
    name: str
    inside: bool

    def overlaps(self, other: Path) -> bool:
        """Whether one of the two lies in the other, or both are one; links are followed."""
        mine, theirs = Path(os.path.realpath(self.path)), Path(os.path.realpath(other))
        return mine.is_relative_to(theirs) or theirs.is_relative_to(mine)


def place(path: Path, folder: Path, role: str = "") -> Place:
    """Name one path, which is relative to the working folder unless absolute; UsageError for what has no name there."""
    name, inside = short_name(path, folder)
    if name == ".":
        raise UsageError("usage", "the working folder itself can be neither input nor output", location=str(path),
                         hint="name the files and folders in it")
    if problem := problem_with_name(name):
        raise UsageError("file-name-invalid", f"a name {problem}", location=str(path), hint="rename it")
    return Place(role, folder / path, name, inside)


def short_name(path: Path | str, folder: Path) -> tuple[str, bool]:
    """The name relative to the working folder and True, or the last part alone and False for what lies elsewhere.

    The last part of a home folder is its owner's name: it becomes `~`.
    """
    plain = absolute(folder / path)
    for spelled in (plain, plain.resolve() if len(str(plain)) <= _LONGEST_PATH else plain):
        for base in (absolute(folder), folder.resolve()):
            if spelled.is_relative_to(base):
                return spelled.relative_to(base).as_posix(), True
    if plain == Path("~").expanduser() or plain.parent.name in ("home", "Users"):
        return "~", False
    return plain.name or "/", False


def absolute(path: Path) -> Path:
    """The absolute path without `.` and `..`, with its links as they are."""
    return Path(os.path.normpath(path.absolute()))


def require_apart(inputs: Sequence[Place], outputs: Sequence[Place], bundle: Path) -> None:
    """UsageError where outputs lie in inputs or in each other, names meet, or the bundle lies in what it describes."""
    for index, output in enumerate(outputs):
        for other in (*inputs, *outputs[:index]):
            if output.overlaps(other.path):
                raise UsageError("usage", f"{output.name} and {other.name} overlap", location=output.name,
                                 hint="let the command write its outputs to places of their own")
    for thing in (*inputs, *outputs):
        if thing.overlaps(bundle):
            raise UsageError("usage", f"the bundle would lie in {thing.name}", location=str(bundle),
                             hint="write it beside, for example to NAME.provenance/")
    _refuse_shared_names((*inputs, *outputs))


def _refuse_shared_names(things: Iterable[Place]) -> None:
    seen: dict[str, str] = {}
    for thing in things:
        real = os.path.realpath(thing.path)
        if seen.setdefault(thing.name, real) != real:
            raise UsageError("usage", f"two different things would be called {thing.name}", location=str(thing.path),
                             hint="put them into the working folder, under different names")


def require_writable(bundle: Path) -> None:
    """RunError `output-unwritable` before a long command runs rather than after it."""
    folder = next(parent for parent in bundle.parents if parent.exists())
    if bundle.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise RunError("output-unwritable", "the bundle cannot be written there", location=str(bundle),
                       hint="choose another place")


State = frozenset[tuple[str, int, int, int, int]]


def state_of(path: Path) -> State:
    """What the file system says of every file at or beneath a path; nothing where there is nothing.

    Two equal states mean that no file was written in between: writing changes at least one time.
    """
    found = [path] if path.is_file() else [Path(root, name) for root, _, names in os.walk(path) for name in names]
    try:
        return frozenset(_facts(file, path) for file in found)
    except OSError as err:
        raise RunError("file-changed-while-read", "a file went away while the folder was read", location=str(path),
                       hint="stop what writes to it and run the command again") from err


def _facts(file: Path, top: Path) -> tuple[str, int, int, int, int]:
    status = file.lstat()
    name = file.relative_to(top).as_posix()
    return name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
