"""CSV: RFC 4180 in UTF-8, read strictly under a schema.

The header names every column once, in any order. An empty field is null and a quoted empty field the empty text; in a
file of several columns an empty line is no record. A number is spelt as in JSON, a float also NaN, inf or -inf, and
a nested value is its JSON. A mark before UTF-8 and carriage returns before line feeds are taken.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from provenance.artifacts.dataset.batches import Batch, ValueBatch
from provenance.artifacts.dataset.schema import FLOATS, INTEGERS, Schema, Type
from provenance.artifacts.dataset.shards import ShardFile, lines_in, lines_of
from provenance.artifacts.dataset.text_json import LONGEST, columns_of
from provenance.artifacts.dataset.values import WrongTypeError, from_json, nearest, shortened
from provenance.errors import ArtifactError, quoted

_MARK = b"\xef\xbb\xbf"  # what some programs write before UTF-8
# Possessive: to go back, Python would keep more than a hundred bytes for each quote in a field.
_FIELD = r'("[^"]*+(?:""[^"]*+)*+"|[^",\r\n]*)'
_INTEGERS = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,19}),)*")
_FLOATS = re.compile(r"(?:(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|NaN|nan|-?(?:inf|Infinity)),)*")
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
Row = Sequence[str]  # fields as they are written, quotes and all


def csv_batches(file: ShardFile, schema: Schema, *, partial: bool) -> Iterator[Batch]:
    """The records of a CSV file; ArtifactError `csv-invalid`, `dataset-schema-mismatch`, `dataset-value-invalid`."""
    header: list[str] | None = None
    for first, lines in lines_of(file, longest=LONGEST, quote=b'"'):
        if header is None:
            header = _header(lines[0], schema, file.location, partial=partial)
            first, lines = first + lines_in(lines[:1]), lines[1:]
        yield ValueBatch(schema, _Lines(file.location, first, lines, schema, header), sum(map(len, lines)))
    if header is None:
        raise _invalid("the file is empty", file.location)


def _header(line: bytes, schema: Schema, location: str, *, partial: bool) -> list[str]:
    try:
        row = _fields(_text(line.removeprefix(_MARK)))
    except UnicodeDecodeError:
        row = None
    if row is None:
        raise _invalid("its header is not UTF-8, or a quote stands in the wrong place", location)
    names = [name or "" for name in _unquoted(row)]
    if len(set(names)) != len(names):
        raise _mismatch("two columns have one name", location)
    if missing := sorted(set(schema.names) - set(names)):
        raise _mismatch(f"it lacks {missing[0]}", location)
    if (unknown := sorted(set(names) - set(schema.names))) and not partial:
        raise _mismatch(f"the schema has no {unknown[0]}", location)
    return names


@dataclass(frozen=True)
class _Lines:
    location: str
    first: int
    lines: list[bytes]
    schema: Schema
    header: list[str]

    def __call__(self) -> list[list[Any]]:
        rows: list[Row] = []
        places: list[int] = []
        match = _record(len(self.header)).fullmatch
        for at, text in enumerate(self._texts()):
            if not text and len(self.header) > 1:
                continue
            if '"' not in text and "\r" not in text:
                row: Row = text.split(",")
            else:
                found = match(text)
                row = found.groups() if found is not None else _fields(text) or ()
            if len(row) != len(self.header):
                raise _invalid(f"a record has {len(row)} fields and the header {len(self.header)}" if row else
                               "a quote stands in the wrong place, or is not closed", self._place(at))
            rows.append(row)
            places.append(at)
        return columns_of(rows, self._read, lambda at: self._place(places[at]), len(self.schema.names))

    def _texts(self) -> list[str]:
        texts: list[str] = []
        try:
            for line in self.lines:
                texts.append(_text(line))  # noqa: PERF401  an error is that of line len(texts)
        except UnicodeDecodeError as err:
            raise _invalid("not UTF-8", self._place(len(texts))) from err
        return texts

    def _place(self, at: int) -> str:
        return f"{self.location}:{self.first + lines_in(self.lines[:at])}"

    def _read(self, rows: Sequence[Row]) -> list[list[Any]]:
        columns = dict(zip(self.header, zip(*rows, strict=True), strict=True))
        found = []
        for name, kind in self.schema:
            try:
                found.append(from_text(kind, _unquoted(columns[name])))
            except WrongTypeError as err:
                raise WrongTypeError(f"{name}: {err}") from err
        return found


def _text(line: bytes) -> str:
    return line.decode("utf-8") if line[-1:] != b"\r" else line[:-1].decode("utf-8")


@cache
def _record(width: int) -> re.Pattern[str]:
    """A record of so many fields: one match for each, which is several times faster than one for each field."""
    return re.compile(",".join([_FIELD] * min(width, 200)))


def _fields(text: str) -> Row | None:
    """The fields of one record, however many; None where a quote stands in the wrong place."""
    row: list[str] = []
    field, at = re.compile(_FIELD + r"(,|\Z)"), 0
    while found := field.match(text, at):
        row.append(found[1])
        if not found[2]:
            return row
        at = found.end()
    return None


def _unquoted(fields: Sequence[str]) -> list[str | None]:
    return [None if not field else field[1:-1].replace('""', '"') if field[0] == '"' else field for field in fields]


def from_text(kind: Type, texts: Sequence[str | None]) -> list[Any]:
    """The plain values of the texts of a column; WrongTypeError."""
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
            raise WrongTypeError(f"a value is not of type {kind}")
        read = [_BOOLS[text] for text in present]
    elif name in ("list", "map", "struct"):  # a struct may be without fields
        read = from_json(kind, [_nested(text, kind) for text in present])
    else:
        read = from_json(kind, present)
    if len(present) == len(texts):
        return read
    rest = iter(read)
    return [None if text is None else next(rest) for text in texts]


def _refuse_unless(pattern: re.Pattern[str], texts: Sequence[str], kind: Type) -> None:
    joined = ",".join(texts) + "," if texts else ""
    if joined.count(",") != len(texts) or not pattern.fullmatch(joined):
        shown = shortened(quoted(texts[0])) if len(texts) == 1 else "a value"
        raise WrongTypeError(f"{shown} is not of type {kind}")


def _floats(kind: Type, texts: Sequence[str]) -> list[float]:
    _refuse_unless(_FLOATS, texts, kind)
    read = list(map(float, texts))
    if not all(map(math.isfinite, read)):
        for value, text in zip(read, texts, strict=True):
            if math.isinf(value) and text[-1] in "0123456789":
                raise WrongTypeError(f"a number is beyond the range of {kind}")
    return nearest(kind.kind, read)


def _nested(text: str, kind: Type) -> Any:
    import jiter

    try:
        return jiter.from_json(text.encode("utf-8"), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as err:
        raise WrongTypeError(f"not the JSON of a {kind}: {err}") from err


def _invalid(why: str, location: str) -> ArtifactError:
    return ArtifactError("csv-invalid", f"not a CSV file as RFC 4180 has it: {why}", location=location,
                         hint="write the file again; quote every field that holds a comma, a quote or a line end")


def _mismatch(why: str, location: str) -> ArtifactError:
    return ArtifactError("dataset-schema-mismatch", f"the file is not of the schema: {why}", location=location,
                         hint="give the schema that the file was written with, or choose columns")
