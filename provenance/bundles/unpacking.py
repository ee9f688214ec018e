"""Files that hold several pieces of evidence, taken apart: each piece is judged by itself.

| file | its pieces |
|---|---|
| JSON lines (`.intoto.jsonl`, as `gh attestation download` too) | every line that is not empty: `FILE:LINE` |
| a JSON list of bundles or envelopes | every member: `FILE:NUMBER` |
| npm's and GitHub's `{"attestations": [{"bundle"}]}` | every bundle |
| PyPI's provenance `{"version", "attestation_bundles": [{"attestations"}]}` | every attestation |

A piece is named and digested by itself: a line by its bytes, a member by its JSON written out again. One that is broken
is a piece all the same, and is refused with its reason without hiding the others. Nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provenance.bundles.envelope import MAX_BUNDLE
from provenance.errors import ProvenanceError
from provenance.statements.reader import parse_json, to_json

MAX_PIECES = 10_000
# A list or line that has none of these is no evidence, a data set that lies about for instance, and is one piece.
_MARKS = (b'"payload"', b'"signed"', b'"dsseEnvelope"', b'"messageSignature"', b'"verification_material"')
_CONTAINERS = (b'"attestations"', b'"attestation_bundles"')


def unpacked(data: bytes, name: str) -> list[tuple[str, bytes]]:
    """The pieces of a file by name; the file itself where it is one piece, or none that is known."""
    if not has_envelopes(data):
        return [(name, data)]
    pieces: list[tuple[str, bytes]] = []
    if data.lstrip()[:1] == b"[" or any(mark in data for mark in _CONTAINERS):
        pieces = [(f"{name}:{number}", piece) for number, piece in enumerate(_members(data, name), 1)]
    if not pieces and _is_lines(data, name):
        pieces = list(_lines(data, name))
    return pieces or [(name, data)]


def has_envelopes(data: bytes) -> bool:
    """Whether any member of an envelope is in these bytes: what has none holds no evidence."""
    return any(mark in data for mark in _MARKS)


def _is_lines(data: bytes, name: str) -> bool:
    """Whether it is several lines, by its name or because a line begins an object, and not one document."""
    if b"\n" not in data.strip() or not (name.endswith(".jsonl") or b"\n{" in data):
        return False
    try:
        parse_json(data, name, limit=MAX_BUNDLE)
    except ProvenanceError:
        return True
    return False


def _lines(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    taken = 0
    for number, line in enumerate(data.split(b"\n", 2 * MAX_PIECES), 1):
        if not line.strip():
            continue
        taken += 1
        if taken > MAX_PIECES:  # what follows is one piece, which is refused: nothing is passed over in silence
            yield f"{name}:{number} and what follows", b"\n" + line
            return
        yield f"{name}:{number}", line.strip()


def _members(data: bytes, name: str) -> list[bytes]:
    """The members of a list or container; nothing for what is none, or has too many."""
    try:
        found = _rows(parse_json(data, name, limit=MAX_BUNDLE))
    except ProvenanceError:
        return []
    return [to_json(row) for row in found] if len(found) <= MAX_PIECES else []


def _rows(document: Any) -> list[Any]:
    if isinstance(document, list):
        return [_bare(row) for row in document]
    if not isinstance(document, dict) or document.keys() & {"mediaType", "payload", "signed"}:
        return []
    if "attestation_bundles" in document:
        groups = _list(document["attestation_bundles"])
        return [row for group in groups
                for row in (_list(group.get("attestations")) if isinstance(group, dict) else [group])]
    return [_bare(row) for row in _list(document["attestations"])] if "attestations" in document else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _bare(row: Any) -> Any:
    """The bundle of an entry that names its predicate type or its repository beside it."""
    for member in ("bundle", "attestation"):
        if isinstance(row, dict) and isinstance(row.get(member), dict):
            return _bare(row[member])
    return row
