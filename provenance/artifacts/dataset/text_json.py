"""JSON Lines, read strictly under a schema.

One object a line, in UTF-8, without a member twice and without NaN; an absent member is null, an unknown one an error,
an empty line no record. `values` says how each type is spelt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from provenance.artifacts.dataset.batches import Batch, ValueBatch
from provenance.artifacts.dataset.schema import Schema
from provenance.artifacts.dataset.shards import ShardFile, lines_of
from provenance.artifacts.dataset.values import WrongTypeError, fields
from provenance.errors import ArtifactError

LONGEST = 64 << 20
Row = TypeVar("Row")


def json_batches(file: ShardFile, schema: Schema, *, partial: bool) -> Iterator[Batch]:
    """The records of a JSON Lines file; ArtifactError `json-invalid`, `dataset-value-invalid`."""
    for first, lines in lines_of(file, longest=LONGEST):
        yield ValueBatch(schema, _Lines(file.location, first, lines, schema, partial), sum(map(len, lines)))


@dataclass(frozen=True)
class _Lines:
    location: str
    first: int
    lines: list[bytes]
    schema: Schema
    partial: bool

    def __call__(self) -> list[list[Any]]:
        places = [at for at, line in enumerate(self.lines) if line.strip(b" \t\r")]
        rows = self._objects(places)
        return columns_of(rows, self._read, lambda at: self._place(places[at]), len(self.schema.names))

    def _objects(self, places: list[int]) -> list[dict[str, Any]]:
        import jiter

        rows: list[Any] = []
        try:
            for at in places:
                row = jiter.from_json(self.lines[at], catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
                rows.append(row)  # one by one: an error is that of line places[len(rows)]
        except ValueError as err:
            raise _invalid(f"not strict JSON: {err}", self._place(places[len(rows)])) from err
        if not {dict} >= set(map(type, rows)):
            at = next(at for at, row in zip(places, rows, strict=True) if type(row) is not dict)
            raise _invalid("a line holds no JSON object", self._place(at))
        return rows

    def _place(self, at: int) -> str:
        return f"{self.location}:{self.first + at}"

    def _read(self, rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
        if self.partial:
            rows = [{name: row.get(name) for name in self.schema.names} for row in rows]
        return fields(self.schema.names, self.schema.types, rows)


def _invalid(why: str, place: str) -> ArtifactError:
    return ArtifactError("json-invalid", why, location=place,
                         hint="one JSON object a line, in UTF-8, without NaN and without a member twice")


def columns_of(rows: Sequence[Row], read: Callable[[Sequence[Row]], list[list[Any]]], place: Callable[[int], str],
               width: int) -> list[list[Any]]:
    """The columns of rows; where a value is wrong, its place is found by reading the rows one by one."""
    if not rows:
        return [[] for _ in range(width)]
    try:
        return read(rows)
    except WrongTypeError as err:
        for at, row in enumerate(rows):
            try:
                read([row])
            except WrongTypeError as found:
                raise _bad_value(found, place(at)) from err
        raise _bad_value(err, place(0)) from err


def _bad_value(err: WrongTypeError, place: str) -> ArtifactError:
    return ArtifactError("dataset-value-invalid", str(err), location=place,
                         hint="correct the value, or give the schema of the data")
