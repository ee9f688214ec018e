"""What was finished before: a file of JSON lines that lets an inventory go on where it was interrupted.

The first line holds the question (policies, profile, trust file, licence data, time); each other line one finished
model with a fingerprint of its inputs. A line is written whole, in one call, and synced. A line that a crash cut short
is left out; a row is taken over only while path, size and time of change of every file behind it are as they were.

This is a memory of work and no evidence: whoever can write the file can write the table. What admits a model looks at
its bytes (`verify`, `admit`), never at this.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provenance.bundles.store import default_folder
from provenance.errors import ProvenanceError, UsageError
from provenance.statements.reader import parse_json, to_json
from provenance.workflows.stocktaking.entries import Entry, label_of

VERSION = "0.1"
MAX_STATE = 1 << 30


@dataclass
class State:
    """Rows by path, each with the fingerprint under which it was made; `question` is what the file was begun for."""

    path: Path
    question: Mapping[str, Any]
    rows: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def row(self, entry: Entry, fingerprint: str) -> dict[str, Any] | None:
        """The finished row of an entry whose inputs are as they were; None where there is none."""
        known, row = self.rows.get(entry.label, ("", None))
        return row if row is not None and known == fingerprint else None

    def add(self, entry: Entry, fingerprint: str, row: Mapping[str, Any]) -> None:
        """Write one finished row."""
        _append(self.path, {"path": entry.label, "inputs": fingerprint, "row": row})


def open_state(path: Path, question: Mapping[str, Any]) -> State:
    """The state in a file, begun for this question if the file is not there.

    UsageError where the file belongs to another question; a `None` time in the question takes that of the file.
    """
    lines = _lines(path)
    if not lines:
        state = State(path, question)
        _append(path, {"schemaVersion": VERSION, "kind": "InventoryState", "question": question})
        return state
    begun = lines[0].get("question")
    if lines[0].get("kind") != "InventoryState" or not isinstance(begun, dict):
        raise UsageError("usage", "this is not the state of an inventory", location=str(path), hint="name another file")
    changed = sorted(key for key in {*begun, *question} if begun.get(key) != question.get(key))
    if changed:
        raise UsageError("usage", f"the state belongs to another question: {', '.join(changed)} differ",
                         location=str(path), hint="ask the same question, or name another file")
    rows = {str(line["path"]): (str(line["inputs"]), line["row"]) for line in lines[1:] if _is_row(line)}
    return State(path, begun, rows)


def begun_as_of(path: Path) -> str:
    """The time as of which the inventory in a state file judges, or "" where there is no such file yet."""
    lines = _lines(path)
    question = lines[0].get("question") if lines else None
    return str(question.get("asOf", "")) if isinstance(question, dict) else ""


def _is_row(line: Mapping[str, Any]) -> bool:
    return isinstance(line.get("row"), dict) and "path" in line and "inputs" in line


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a state file; what a crash left of one is none."""
    try:
        if not path.exists():
            return []
        with path.open("rb") as file:
            data = file.read(MAX_STATE + 1)
    except OSError as err:
        raise UsageError("input-unreadable", f"cannot read the state: {err.strerror}", location=str(path),
                         hint="check the path") from err
    if len(data) > MAX_STATE:
        raise UsageError("document-too-large", f"a state of more than {MAX_STATE} bytes", location=str(path),
                         hint="begin a new one")
    return list(_parsed(data.split(b"\n")[:-1], path))


def _parsed(lines: list[bytes], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines):
        try:
            value = parse_json(line, str(path))
        except ProvenanceError as err:
            if number == 0:
                raise UsageError("usage", "this is not the state of an inventory", location=str(path),
                                 hint="name another file") from err
            continue
        if isinstance(value, dict):
            yield value


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
    """sha256 over path, size and time of change of every file that a row rests on: the entry and its evidence."""
    whole = hashlib.sha256(entry.kind.encode() + bytes([entry.named]))
    for place in (entry.path, default_folder(entry.path)):
        for path, status in sorted(_files(place)):
            whole.update(to_json([path, *status]) + b"\n")
    return whole.hexdigest()


def _files(place: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    if not place.is_dir():
        if os.path.lexists(place):
            yield _facts(place)
        return
    for folder, _, names in os.walk(place):
        for name in names:
            yield _facts(Path(folder, name))


def _facts(path: Path) -> tuple[str, tuple[int, ...]]:
    """A file and where its link leads: mode, size, time of change; of what is gone, nothing."""
    try:
        here, there = path.lstat(), path.stat()
    except OSError:
        return label_of(path), ()
    return label_of(path), (here.st_mode, here.st_mtime_ns, there.st_mode, there.st_size, there.st_mtime_ns)
