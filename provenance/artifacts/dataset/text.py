"""JSON Lines and CSV: containers without types, read strictly under a schema.

JSON Lines: one object a line, no member twice, no NaN token; an absent member is null, an unknown one an error, an
empty line no record. CSV: RFC 4180 in UTF-8 with a header that names every column once, in any order; an empty field
is null and a quoted empty field the empty text; a nested value is its JSON; a number is spelt as in JSON, a float
also NaN, inf or -inf.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.artifacts.dataset.batches import Batch, ValueBatch
from provenance.artifacts.dataset.schema import FLOATS, INTEGERS, Schema, Type
from provenance.artifacts.dataset.shards import Lines, ShardFile, lines_of
from provenance.artifacts.dataset.values import NotThisType, fields, from_json, nearest
from provenance.errors import ArtifactError

LONGEST = 64 << 20
_MARK = b"\xef\xbb\xbf"  # what some programs write before UTF-8
Row = list[str | None]

_INTEGERS = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,19}),)*")
_FLOATS = re.compile(r"(?:(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|nan|-?(?:inf|Infinity)),)*")
_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\Z)')
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def json_batches(file: ShardFile, schema: Schema, *, partial: bool) -> Iterator[Batch]:
    """The records of a JSON Lines file; ArtifactError `json-invalid`, `dataset-value-invalid`."""
    for first, lines in lines_of(file, longest=LONGEST):
        yield ValueBatch(schema, _JsonLines(file.location, first, lines, schema, partial))


@dataclass(frozen=True)
class _JsonLines:
    location: str
    first: int
    lines: list[bytes]
    schema: Schema
    partial: bool

    def __call__(self) -> list[list[Any]]:
        rows = [(self.first + at, _object(line, self.location, self.first + at))
                for at, line in enumerate(self.lines) if line.strip(b" \t\r")]
        return _columns(rows, self._fields, self.location, len(self.schema.names))

    def _fields(self, rows: list[dict[str, Any]]) -> list[list[Any]]:
        if self.partial:
            rows = [{name: row.get(name) for name in self.schema.names} for row in rows]
        return fields(self.schema.names, self.schema.types, rows)


def _object(line: bytes, location: str, number: int) -> dict[str, Any]:
    import jiter

    try:
        value = jiter.from_json(line, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as err:
        raise ArtifactError("json-invalid", f"not strict JSON: {err}", location=f"{location}:{number}",
                            hint="write one JSON object a line, in UTF-8, without NaN and without a member twice") from err
    if type(value) is not dict:
        raise ArtifactError("json-invalid", "a line holds no JSON object", location=f"{location}:{number}",
                            hint="write one JSON object a line")
    return value


def _columns(rows: Sequence[tuple[int, Any]], read: Callable[[list[Any]], list[list[Any]]], location: str,
             width: int) -> list[list[Any]]:
    """The columns of numbered rows; where a value is wrong, the number of its line is found by reading one by one."""
    if not rows:
        return [[] for _ in range(width)]
    try:
        return read([row for _, row in rows])
    except NotThisType as err:
        for number, row in rows:
            try:
                read([row])
            except NotThisType as found:
                raise _bad_value(found, f"{location}:{number}") from err
        raise _bad_value(err, location) from err


def _bad_value(err: NotThisType, location: str) -> ArtifactError:
    return ArtifactError("dataset-value-invalid", str(err), location=location,
                         hint="correct the value, or give the schema of the data")


def csv_batches(file: ShardFile, schema: Schema, *, partial: bool) -> Iterator[Batch]:
    """The records of a CSV file; ArtifactError `csv-invalid`, `dataset-schema-mismatch`, `dataset-value-invalid`."""
    header: list[str] | None = None
    for first, lines in lines_of(file, longest=LONGEST, whole=lambda line: not line.count(b'"') & 1):
        if header is None:
            _, names = next(_rows((first, [lines[0].removeprefix(_MARK)]), file.location))
            header = _header(names, schema, file.location, partial=partial)
            first, lines = first + lines[0].count(b"\n") + 1, lines[1:]
        yield ValueBatch(schema, _CsvLines(file.location, first, lines, schema, header))
    if header is None:
        raise _invalid("the file is empty", file.location)


def _header(found: Row, schema: Schema, location: str, *, partial: bool) -> list[str]:
    names = [name or "" for name in found]
    if len(set(names)) != len(names):
        raise _mismatch("two columns have one name", location)
    if missing := sorted(set(schema.names) - set(names)):
        raise _mismatch(f"it lacks {missing[0]}", location)
    if (unknown := sorted(set(names) - set(schema.names))) and not partial:
        raise _mismatch(f"the schema has no {unknown[0]}", location)
    return names


@dataclass(frozen=True)
class _CsvLines:
    location: str
    first: int
    lines: list[bytes]
    schema: Schema
    header: list[str]

    def __call__(self) -> list[list[Any]]:
        width, numbered = len(self.header), list(_rows((self.first, self.lines), self.location))
        rows = [(number, row) for number, row in numbered if width == 1 or row != [None]]
        for number, row in rows:
            if len(row) != width:
                raise _invalid(f"a record has {len(row)} fields and the header {width}", f"{self.location}:{number}")
        return _columns(rows, self._fields, self.location, len(self.schema.names))

    def _fields(self, rows: list[Row]) -> list[list[Any]]:
        columns = dict(zip(self.header, zip(*rows, strict=True), strict=True))
        found = []
        for name, kind in self.schema:
            try:
                found.append(from_text(kind, columns[name]))
            except NotThisType as err:
                raise NotThisType(f"{name}: {err}") from err
        return found


def _rows(lines: Lines, location: str) -> Iterator[tuple[int, Row]]:
    """The fields of each line, with its number: None for an empty field, text for a quoted one."""
    number = lines[0]
    for line in lines[1]:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as err:
            raise _invalid("not UTF-8", f"{location}:{number}") from err
        text = text.removesuffix("\r")
        if '"' not in text and "\r" not in text:
            yield number, [field or None for field in text.split(",")]
        else:
            yield number, _quoted(text, f"{location}:{number}")
        number += line.count(b"\n") + 1


def _quoted(text: str, location: str) -> Row:
    row: Row = []
    at = 0
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise _invalid("a quote stands in the wrong place, or is not closed", location)
        row.append((found[2] or None) if found[1] is None else found[1].replace('""', '"'))
        if not found[3]:
            return row
        at = found.end()


def from_text(kind: Type, texts: Sequence[str | None]) -> list[Any]:
    """The plain values of the texts of a CSV column; NotThisType."""
    name = kind.kind
    if name == "utf8":
        return list(texts)
    present = [text for text in texts if text is not None]
    read: list[Any]
    if name in INTEGERS or name == "duration":
        # Looked at in one go. Python's int() would also take spaces, underscores and other scripts' digits.
        _refuse_unless(_INTEGERS, present, kind)
        read = from_json(kind, list(map(int, present)))
    elif name in FLOATS:
        read = _floats(kind, present)
    elif name == "bool":
        if not _BOOLS.keys() >= set(present):
            raise NotThisType(f"a value is not of type {kind}")
        read = [_BOOLS[text] for text in present]
    elif kind.children:
        read = from_json(kind, [_nested(text, kind) for text in present])
    else:
        read = from_json(kind, present)
    rest = iter(read)
    return [None if text is None else next(rest) for text in texts]


def _refuse_unless(pattern: re.Pattern[str], texts: Sequence[str], kind: Type) -> None:
    if any("," in text for text in texts) or not pattern.fullmatch("".join(f"{text}," for text in texts)):
        shown = repr(texts[0])[:60] if len(texts) == 1 else "a value"
        raise NotThisType(f"{shown} is not of type {kind}")


def _floats(kind: Type, texts: Sequence[str]) -> list[float]:
    _refuse_unless(_FLOATS, texts, kind)
    read = [float(text) for text in texts]
    if any(math.isinf(value) and text[-1] in "0123456789" for value, text in zip(read, texts, strict=True)):
        raise NotThisType(f"a number is beyond the range of {kind}")
    return nearest(kind.kind, read)


def _nested(text: str, kind: Type) -> Any:
    import jiter

    try:
        return jiter.from_json(text.encode("utf-8"), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as err:
        raise NotThisType(f"not the JSON of a {kind}: {err}") from err


def _invalid(why: str, location: str) -> ArtifactError:
    return ArtifactError("csv-invalid", f"not a CSV file as RFC 4180 has it: {why}", location=location,
                         hint="write the file again; quote every field that holds a comma, a quote or a line end")


def _mismatch(why: str, location: str) -> ArtifactError:
    return ArtifactError("dataset-schema-mismatch", f"the file is not of the schema: {why}", location=location,
                         hint="give the schema that the file was written with, or choose columns")
