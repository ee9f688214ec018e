"""Records in the small groups in which they are encoded and hashed, on any thread."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any, Protocol

from provenance.artifacts.dataset.encoding import RECORD_DOMAIN, encode_column
from provenance.artifacts.dataset.schema import Schema
from provenance.errors import ArtifactError


@dataclass(frozen=True)
class Encoded:
    """What became of a batch: the leaf of each record, the cells of each column in one piece, and a record by index."""

    leaves: list[bytes]
    columns: list[Any]
    record: Callable[[int], bytes]


class Batch(Protocol):
    """Some records that follow each other."""

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        ...

    def encoded(self) -> Encoded:
        """Encode and hash; ArtifactError `dataset-value-invalid` and its kin."""
        ...


@dataclass(frozen=True)
class ColumnBatch:
    """Records as Arrow arrays, one a column; `row` is the number of the first one in its file."""

    location: str
    row: int
    schema: Schema
    arrays: Sequence[Any]
    rows: int

    @property
    def size(self) -> int:
        """Bytes of the records, and not of what else the buffers hold."""
        return sum(array.nbytes for array in self.arrays)

    def encoded(self) -> Encoded:
        """Encode column by column, and hash row by row; ArtifactError with the column and the rows."""
        from provenance.artifacts.dataset.columns import encode_array, join

        cells = []
        for name, kind, array in zip(self.schema.names, self.schema.types, self.arrays, strict=True):
            try:
                cells.append(encode_array(array, kind))
            except ArtifactError as err:
                last = self.row + self.rows - 1
                raise ArtifactError(err.code, f"column {name}: {err.message}",
                                    location=f"{self.location}, rows {self.row} to {last}", hint=err.hint) from err
        records = join(cells, RECORD_DOMAIN)
        data, ends, sha256 = memoryview(records.data), records.offsets.tolist(), hashlib.sha256
        leaves = [sha256(data[start:end]).digest() for start, end in pairwise(ends)]
        return Encoded(leaves, [column.data for column in cells],
                       lambda at: bytes(data[ends[at] + len(RECORD_DOMAIN) : ends[at + 1]]))


@dataclass(frozen=True)
class ValueBatch:
    """Records as plain values, one list a column, made when they are asked for."""

    schema: Schema
    values: Callable[[], list[list[Any]]]
    size: int

    def encoded(self) -> Encoded:
        """Encode and hash; ArtifactError with the line."""
        cells = [encode_column(kind, column) for kind, column in zip(self.schema.types, self.values(), strict=True)]
        records = [b"".join(row) for row in zip(repeat(RECORD_DOMAIN), *cells)]
        sha256 = hashlib.sha256
        return Encoded([sha256(record).digest() for record in records], [b"".join(column) for column in cells],
                       lambda at: records[at][len(RECORD_DOMAIN) :])
