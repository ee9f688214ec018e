"""What was finished before: a file of JSON lines that lets an inventory go on where it was interrupted.

The first line holds the question (policies, profile, trust file, licence data, time, version of this tool); each other
line one finished model with a fingerprint of its inputs. A line is written whole, in one call, and synced. A row is
taken over only while mode, size, inode and times of change of every file behind it are as they were; what cannot be
read, is cut short or is no such row is made again. Of what could not be read nothing is kept: a disk may come back.

This is a memory of work and no evidence: whoever can write the file can write the table. So each row that comes from it
says so, and what admits a model looks at its bytes (`verify`, `admit`), never at this.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance.bundles.store import default_folder
from provenance.errors import ProvenanceError, UsageError
from provenance.policy.policy import LADDER
from provenance.statements.reader import fits, parse_json, to_json
from provenance.workflows.stocktaking.entry import Entry, label_of

VERSION, KIND = "0.1", "InventoryState"
MAX_LINE = 16 << 20
# Findings of what may be otherwise the next time, with no change that a file system tells.
_PASSING = frozenset(("input-unreadable", "file-changed-while-read"))


@dataclass(frozen=True)
class State:
    """Rows by what their entries are called, each with the fingerprint under which it was made."""

    path: Path
    rows: Mapping[str, tuple[str, dict[str, Any]]]

    def row(self, entry: Entry, fingerprint: str, policies: Iterable[str]) -> dict[str, Any] | None:
        """The finished row of an entry whose inputs are as they were; None where there is none, or it does not fit."""
        known, row = self.rows.get(entry.label, ("", {}))
        return row if known == fingerprint and _fits(row, entry, policies) else None

    def add(self, entry: Entry, fingerprint: str, row: Mapping[str, Any]) -> None:
        """Write one finished row, unless something of it could not be read."""
        codes = {finding["code"] for finding in row["findings"]}
        if row["error"] is None and not codes & _PASSING:
            _append(self.path, {"path": entry.label, "inputs": fingerprint, "row": row})


def _fits(row: Mapping[str, Any], entry: Entry, policies: Iterable[str]) -> bool:
    """Whether this can be the row of an entry: anything may stand in the file."""
    return (fits({**row, "taken_over": True}, "inventory", "row")
            and (row["path"], row["kind"], row["revision"]) == (entry.label, entry.kind, entry.revision)
            and {row["rung_shown"], row["rung_declared"]} <= {None, *(name for name, _ in LADDER)}
            and set(row["verdicts"]) == set(policies))


def open_state(path: Path, question: Mapping[str, Any]) -> State:
    """The state in a file, begun for this question if the file is not there.

    UsageError where the file belongs to another question.
    """
    lines = _lines(path)
    begun = _question(next(lines, None), path)
    if begun is None:
        _append(path, {"schemaVersion": VERSION, "kind": KIND, "question": question})
        return State(path, {})
    changed = sorted(key for key in {*begun, *question} if begun.get(key) != question.get(key))
    if changed:
        raise UsageError("usage", f"the state belongs to another question: {', '.join(changed)} differ",
                         location=str(path), hint="ask the same question, or name another file")
    return State(path, dict(row for line in lines if (row := _row(line, path)) is not None))


def begun_as_of(path: Path) -> datetime | None:
    """The time as of which the inventory in a state file judges; None where there is no such file yet.

    UsageError where the file is no state, or holds no time.
    """
    begun = _question(next(_lines(path), None), path)
    if begun is None:
        return None
    try:
        return datetime.fromisoformat(begun["asOf"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as err:
        raise UsageError("usage", "the state of the inventory has no time", location=str(path),
                         hint="name another file") from err


def _question(line: bytes | None, path: Path) -> Mapping[str, Any] | None:
    """What the file was begun for; None where there is no line in it yet."""
    if line is None:
        return None
    value = _value(line, path)
    if not isinstance(value, dict) or value.get("kind") != KIND or not isinstance(value.get("question"), dict):
        raise _no_state(path)
    question: Mapping[str, Any] = value["question"]
    return question


def _row(line: bytes, path: Path) -> tuple[str, tuple[str, dict[str, Any]]] | None:
    value = _value(line, path)
    match value:
        case {"path": str(label), "inputs": str(inputs), "row": dict(row)}:
            return label, (inputs, row)
    return None


def _value(line: bytes, path: Path) -> Any:
    try:
        return parse_json(line, str(path))
    except ProvenanceError:
        return None


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a state file, one after the other; what a crash left of the last one is none."""
    if not os.path.lexists(path):
        return
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise UsageError("usage", "the state is not a file", location=str(path), hint="name a file")
        with path.open("rb") as file:
            line = file.readline(MAX_LINE)
            if line and not line.endswith(b"\n"):
                raise _no_state(path)
            while line.endswith(b"\n"):
                yield line
                line = file.readline(MAX_LINE)
    except OSError as err:
        raise UsageError("input-unreadable", f"cannot read the state: {err.strerror}", location=str(path),
                         hint="check the path") from err
    if len(line) == MAX_LINE:
        raise _no_state(path)


def _no_state(path: Path) -> UsageError:
    return UsageError("usage", "this is not the state of an inventory", location=str(path), hint="name another file")


def _append(path: Path, line: Mapping[str, Any]) -> None:
    data = to_json(line) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # what a crash cut short must not spoil this line
                data = b"\n" + data
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as err:
        raise UsageError("output-unwritable", f"cannot write the state: {err.strerror}", location=str(path),
                         hint="check the path, its permissions and the space that is left") from err


def fingerprint(entry: Entry) -> str:
    """sha256 over mode, size and times of change of every file that a row rests on: the entry and its evidence."""
    whole = hashlib.sha256(to_json([entry.kind, entry.named, os.fspath(entry.revision)]))
    for place in (entry.path, default_folder(entry.path)):
        for path, facts in sorted(_files(place)):
            whole.update(to_json([path, *facts]) + b"\n")
    return whole.hexdigest()


def _files(place: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every file of a place, and the folders too: what cannot be listed now may be listed the next time."""
    yield label_of(place), _facts(place)
    for folder, folders, names in os.walk(place):
        for name in (*folders, *names):
            path = Path(folder, name)
            yield label_of(path), _facts(path)


def _facts(path: Path) -> tuple[int, ...]:
    """A file and where its link leads: mode, inode, size, times of change; of what is gone, nothing.

    The inode and the time at which it changed are not for a program to set, as the time of its content is.
    """
    try:
        here, there = path.lstat(), path.stat()
    except OSError:
        return ()
    return tuple(int(fact) for status in (here, there) for fact in (
        status.st_mode, status.st_ino, status.st_mtime_ns, status.st_ctime_ns,
        0 if stat.S_ISDIR(status.st_mode) else status.st_size))
